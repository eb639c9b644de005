"""The formula registry: every formula of the toolkit, each with a check that does not reuse its derivation.

A section is a module of this package with a function ``entries()``; adding a formula is adding a ``make_entry`` to one, and
adding a section is naming its module in :data:`SECTIONS`.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

from ..formulas import InputError
from .entries import Check, Comparison, Entry, make_entry, stated

__all__ = ["SECTIONS", "Check", "Comparison", "Entry", "entry", "make_entry", "registry", "select", "stated"]

SECTIONS = (
    "gaussian_rules",
    "envelopes",
    "expectations",
    "plain_values",
    "quadratic",
    "lifting",
    "energies",
    "slopes",
    "instability",
    "flows",
    "proof_lemmas",
    "finite_sizes",
    "hidden_units",
    "angles",
    "hidden_averages",
    "lifted_units",
    "recursions",
    "deep_objectives",
    "deep_reductions",
    "deep_slopes",
)


@lru_cache(maxsize=1)
def registry() -> dict[str, Entry]:
    """Every entry by its id, in the order of the sections.

    >>> len(registry()) >= 40
    True
    """
    found: dict[str, Entry] = {}
    for section in SECTIONS:
        for item in import_module(f"{__name__}.{section}").entries():
            if item.id in found:
                raise ValueError(f"two registry entries have the id {item.id}")
            found[item.id] = item
    return found


def entry(id: str) -> Entry:
    """The entry of an id; raises ``InputError`` for an unknown one."""
    return select([id])[0]


def select(ids: list[str]) -> list[Entry]:
    """The entries of the given ids; an id may be a prefix up to a dot (``relations.3``).  No ids: all entries."""
    if not ids:
        return list(registry().values())
    found: dict[str, Entry] = {}
    for id in ids:
        matching = {k: e for k, e in registry().items() if k == id or k.startswith(f"{id}.")}
        if not matching:
            import difflib

            near = difflib.get_close_matches(id, registry(), n=3, cutoff=0.5)
            hint = f"did you mean {', '.join(near)}?" if near else "see flrdt formulas"
            raise InputError(f"no formula {id!r}: {hint}")
        found |= matching
    return list(found.values())
