"""Change every SymPy field of every step of the registry, and keep how many changes make the derivation fail.

    python -m tests.mutate_steps [SECTION ...]

Results are kept in ``tests/step_mutants.json``, section by section, with the equivalent ones and the reason for those that are
left alive; ``docs/evidence.md`` shows them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from flrdt.derive.core.formulas import Formula
from flrdt.derive.core.steps import Step
from flrdt.derive.registry import SECTIONS
from flrdt.derive.registry import _section as section
from tests.step_mutants import Mutant, mutants, tried

RESULTS = Path(__file__).parent / "step_mutants.json"
EXPLAINED = {
    "comparison.plain": "Gordon's inequality is cited; it says which side the derived value bounds, and no equation is made from it",
    "finite.line": "that flipping a row changes no line is cited from Wendel, not proved",
    "flow.mass": "that the sum of independent normals is normal is cited, not proved",
    "hidden.slope.mu": "a cut is where the proof looks, which the step does not say; without the right one it is not found",
    "kernel.square": "Price's theorem is cited, not proved",
    "stationarity.3.p_3": "a slope at p_2 = p_3 is the same slope where it is written in Lambda_3, which stands for all of p_2",
}
"""Why the mutants of a formula that neither fail nor say something equivalent are no defect."""

LEFT_OUT = {
    "average.strip:1": "its mutants take minutes; average.perceptron and average.sk come from the same function",
    "average.outside:1": "its mutants take minutes; average.perceptron and average.sk come from the same function",
    "average.hinge:kappa=1": "its mutants take minutes; average.perceptron and average.sk come from the same function",
}
"""Formulas of the sections that are tried of which no mutant is tried."""

NOT_TRIED = (
    "deep_objectives",
    "deep_reductions",
    "deep_slopes",
    "hidden_averages",
    "hidden_towers",
    "lifting",
    "proof_lemmas",
    "recursions",
)
"""Sections of which no mutant has been tried yet."""


def outcomes(name: str) -> dict:
    """Counts of a section, its equivalent mutants, and those alive, which are explained or not."""
    found = tried(_formulas(name)).values()
    count = Counter(outcome for outcome, _ in found)
    alive = [mutant for outcome, mutant in found if outcome == "survived"]
    return {
        **size(name),
        "killed": count["killed"],
        "unproved": count["unproved"],
        "timed out": count["timed out"],
        "equivalent": [_row(m, m.why_true) for outcome, m in found if outcome == "equivalent"],
        "explained": [_row(m, _explained(m)) for m in alive if m.formula.id in EXPLAINED],
        "left out": {i: LEFT_OUT[i] for i in section(name) if i in LEFT_OUT},
        "unexplained": [str(m) for m in alive if m.formula.id not in EXPLAINED],
    }


def _formulas(name: str) -> list[Formula]:
    return [e.formula for e in section(name).values() if e.formula.id not in LEFT_OUT]


def size(name: str) -> dict[str, int]:
    """How many steps and mutants a section has."""
    formulas = _formulas(name)
    steps = {step for f in formulas for step in f.derivation.steps if isinstance(step, Step)}
    return {"steps": len(steps), "mutants": len({m.key for f in formulas for m in mutants(f)})}


def _explained(mutant: Mutant) -> str:
    return f"{EXPLAINED[mutant.formula.id]}; the derivation is {mutant.changed.verdict().value}"


def _row(mutant: Mutant, reason: str) -> dict[str, str]:
    return {"formula": mutant.formula.id, "change": str(mutant).partition(": ")[2], "reason": reason}


def recorded() -> dict[str, dict]:
    """The results that are kept."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def main() -> None:
    """Try the sections that are named, or all, and keep what is found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), metavar="SECTION")
    for name in parser.parse_args().sections:
        found = recorded() | {name: outcomes(name)}
        ordered = {n: found[n] for n in SECTIONS if n in found}
        RESULTS.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
        row = found[name]
        print(f"{name}: {row['killed']} of {row['mutants']} killed, {len(row['unexplained'])} alive", flush=True)


if __name__ == "__main__":
    main()
