"""The formulas that the documentation shows: the registry with the verdicts of its checks, and those not registered."""

import multiprocessing
import os
import re
import shlex
from functools import lru_cache
from pathlib import Path

from build_cache import cached
from sympy import Basic, Symbol, latex

from flrdt.derive import Formula, objective, render
from flrdt.derive.blocks.definitions import lifted_tower
from flrdt.derive.core.meanings import symbol_table
from flrdt.derive.registry import Entry, registry
from flrdt.evaluate.commands.derive import command_of
from flrdt.evaluate.machine.processes import end_with_parent
from flrdt.evaluate.verification.runner import available_cores, verify_entry

# what a build affords: the whole registry in about a minute on two cores
DIGITS, SAMPLES = 15, 3
BRIEF = 240  # characters of LaTeX that a row of the index shows


def formulas() -> list[Formula]:
    """The formulas of the pages that the registry does not hold."""
    return [
        *(lifted_tower(level) for level in ("2p", "2", "3")),
        *(objective(level=3).formula(form) for form in ("psi", "energy")),
    ]


def brief(statement: Basic, writer: render.Writer) -> str:
    """LaTeX of a statement for a row of an index: of a long side only that there is one."""
    if len(writer.latex(statement)) <= BRIEF:
        return writer.latex(statement)
    dots = Symbol(r"\ldots")
    sides = [side if len(writer.latex(side)) <= BRIEF / 2 else dots for side in (statement.lhs, statement.rhs)]
    return latex(type(statement)(*sides, evaluate=False))


def bibtex(formula: Formula) -> str:
    """The papers that a formula names as its source, and the toolkit with the id of the formula."""
    papers = (Path(__file__).parent / "references.bib").read_text().split("\n\n")
    cited = [p.strip() for p in papers if (m := re.search(r"eprint = \{(.*?)\}", p)) and m[1] in formula.source]
    own = {"author": "{The flrdt developers}", "title": "flrdt", "note": f"Formula \\texttt{{{tex(formula.id)}}}"}
    fields = "\n".join(f"  {name} = {{{value}}}," for name, value in own.items())
    return "\n\n".join([*cited, f"@misc{{flrdt,\n{fields}\n}}"])


def tex(name: str) -> str:
    """An id in TeX."""
    return re.sub(r"[_#&]", r"\\\g<0>", name).replace("^", r"\^{}")


def shown(formula: Formula) -> dict:
    """What a page needs of a formula; the checks of the derivation run here."""
    writer = render.Writer(escape=False)
    return {
        "id": formula.id,
        "title": formula.title,
        "statement": writer.display(formula.shown),
        "brief": brief(formula.shown, writer),
        "symbols": [
            (writer.latex(row.symbol), row.meaning, row.numbers)
            for row in symbol_table(formula.statement, formula.id.partition(".")[0])
        ],
        "latex": render.Writer().equation(formula.shown, f"flrdt:{formula.id}"),
        "bibtex": bibtex(formula),
        "sympy": render.formulas([formula], "sympy"),
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


def groups() -> list[list[Entry | Formula]]:
    """The registry in its order, then the formulas of the pages that it does not hold; what shares a derivation together."""
    found: dict[int, list[Entry | Formula]] = {}
    for entry in registry().values():
        found.setdefault(id(entry.formula.derivation), []).append(entry)
    return [*found.values(), *([formula] for formula in formulas())]


def looked_at(number: int) -> list[dict]:
    """The content of a group, and of registry entries the outcome of their independent checks."""
    return [
        shown_entry(item) | {"outcome": verify_entry(item, DIGITS, SAMPLES).to_json()}
        if isinstance(item, Entry)
        else shown(item) | {"outcome": None}
        for item in GROUPS[number]
    ]


GROUPS: list[list[Entry | Formula]] = []
"""What the processes inherit: formulas hold functions, which cannot be sent."""


def everything() -> list[dict]:
    """Content and outcome of every formula, on all cores."""
    GROUPS[:] = groups()
    place = {name: number for number, name in enumerate(registry())}
    with multiprocessing.get_context("fork").Pool(available_cores(), end_with_parent, (os.getpid(),)) as pool:
        found = [f for group in pool.imap(looked_at, range(len(GROUPS))) for f in group]
    return sorted(found, key=lambda f: place.get(f["id"], len(place)))


@lru_cache(maxsize=1)
def by_id() -> dict[str, dict]:
    """Id and content of every formula."""
    return {f["id"]: f for f in cached("formulas", everything, "derive", "evaluate")}
