"""The formulas that the documentation shows: the registry with the verdicts of its checks, and those not registered."""

import shlex
from functools import lru_cache

from build_cache import cached

from flrdt.derive import Formula, objective, render
from flrdt.derive.blocks.definitions import lifted_tower
from flrdt.derive.registry import Entry, registry
from flrdt.evaluate.commands.derive import command_of
from flrdt.evaluate.verification.runner import verify

# what a build affords: the whole registry in about a minute on two cores
DIGITS, SAMPLES = 15, 3


def formulas() -> list[Formula]:
    """The formulas of the pages that the registry does not hold."""
    return [
        *(lifted_tower(level) for level in ("2p", "2", "3")),
        *(objective(level=3).formula(form) for form in ("psi", "energy")),
    ]


def shown(formula: Formula) -> dict:
    """What a page needs of a formula; the checks of the derivation run here."""
    writer = render.Writer(escape=False)
    return {
        "id": formula.id,
        "title": formula.title,
        "statement": writer.display(formula.shown),
        "status": formula.status.value,
        "source": formula.source,
        "assumptions": [writer.sentence(a) for a in formula.assumptions],
        # without a step nothing was derived, and the check is all there is
        "verdict": formula.derivation.verdict().value if formula.derivation.steps else "without steps",
        "uses": [writer.sentence(u) for u in formula.derivation.uses],
        "steps": [
            (writer.sentence(s.text), writer.display(s.expression), s.verdict().value) for s in formula.derivation
        ],
        "code": command_of(formula) or "",
        "checks": [],
    }


def shown_entry(entry: Entry) -> dict:
    """What a page needs of a registry entry, but the outcome of its checks."""
    checks = [{"how": check.how, "domain": check.domain.describe()} for check in entry.checks]
    again = [shlex.join(["flrdt", *words, entry.id]) for words in (["formulas"], ["verify", "--digits", "50"])]
    content = shown(entry.formula)
    return content | {"checks": checks, "code": "\n".join([*filter(None, [content["code"]]), *again])}


def everything() -> list[dict]:
    """The registry in its order, then the formulas of the pages that it does not hold."""
    entries = registry()
    return [*map(shown_entry, entries.values()), *map(shown, formulas())]


def outcomes() -> dict[str, dict]:
    """Id and outcome of the independent checks of every registry entry."""
    return {r.id: r.to_json() for r in verify(digits=DIGITS, samples=SAMPLES).results}


@lru_cache(maxsize=1)
def by_id() -> dict[str, dict]:
    """Id and content of every formula."""
    found = cached("formulas", everything, "derive")
    checked = cached("outcomes", outcomes, "derive", "evaluate")
    return {f["id"]: f | {"outcome": checked.get(f["id"])} for f in found}
