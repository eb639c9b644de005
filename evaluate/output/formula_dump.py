"""Formulas as one JSON object, for other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from flrdt.derive.core.formulas import Formula
from flrdt.derive.registry import Entry
from flrdt.derive.render.exchange import READING, formula_object

from ..verification.runner import Result

__all__ = ["dump"]


def dump(
    items: Sequence[Formula | Entry], convention: str = "toolkit", outcomes: Mapping[str, Result] | None = None
) -> dict[str, Any]:
    """``{"version", "reading", "formulas"}``: every formula as :func:`~flrdt.derive.render.exchange.formula_object` gives it.

    A registry entry carries its independent checks with the domains that they sample as well.  ``verdict`` is null for a
    formula whose derivation and checks nobody has run; with ``outcomes`` it is that of :func:`~flrdt.evaluate.verification.runner.verify`.

    >>> from flrdt.derive.registry import select
    >>> (found,) = dump(select(["gaussian.density"]))["formulas"]
    >>> found["verdict"], found["checks"][0]["domain"], "<apply><eq /><apply><diff />" in found["content_mathml"]
    (None, '-8 <= x <= 8', True)
    """
    shown = []
    for item in items:
        formula = item.formula if isinstance(item, Entry) else item
        found = formula_object(formula, convention) | {"verdict": None}
        if isinstance(item, Entry):
            found["checks"] = [{"how": c.how, "domain": c.domain.describe(), "most": c.most} for c in item.checks]
        if outcomes is not None:
            outcome = outcomes[formula.id].to_json()
            found |= {key: outcome[key] for key in ("verdict", "digits", "samples", "detail")}
        shown.append(found)
    return {"version": version("flrdt"), "reading": READING, "formulas": shown}
