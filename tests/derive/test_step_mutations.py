"""Every SymPy field of every step is bound to the verdict: a change makes the derivation fail."""

from collections import Counter

import pytest

from flrdt.derive import Formula, objective
from flrdt.derive.blocks.definitions import lifted_tower
from flrdt.derive.core.formulas import Derivation
from flrdt.derive.core.formulas import Step as UncheckedStep
from flrdt.derive.registry import SECTIONS, registry
from flrdt.derive.registry import _section as section
from tests.step_mutants import mutants

DRAWN = 1
"""Mutants per field of the default tests; the slow test takes them all."""
LEGACY = 1000


def derivations(items: list[Formula]) -> dict[str, Derivation]:
    """Different derivations by the id of a formula that has them."""
    found: dict[Derivation, str] = {}
    for item in items:
        found.setdefault(item.derivation, item.id)
    return {id: chain for chain, id in found.items()}


def outcomes(name: str, most: int) -> tuple[Counter, list[str]]:
    """How many mutants of a section were killed, are equivalent, or survived, and which survived."""
    count, survivors = Counter(), []
    for id, chain in derivations([e.formula for e in section(name).values()]).items():
        for mutant in mutants(chain, most, id):
            count[mutant.outcome] += 1
            if mutant.outcome == "survived":
                survivors.append(f"{id}: {mutant}")
    return count, survivors


@pytest.mark.parametrize("name", SECTIONS)
def test_a_changed_field_makes_the_derivation_fail(name):
    count, survivors = outcomes(name, DRAWN)
    assert not survivors, (count, survivors[:10])


@pytest.mark.slow
@pytest.mark.parametrize("name", SECTIONS)
def test_every_changed_field_makes_the_derivation_fail(name):
    count, survivors = outcomes(name, 10**6)
    assert not survivors, (count, survivors[:10])


def test_formulas_that_are_not_registered():
    for item in (lifted_tower(2), objective(level=3).formula("psi"), objective(level=3).formula("energy")):
        survivors = [str(m) for m in mutants(item.derivation, DRAWN, item.id) if m.outcome == "survived"]
        assert not survivors, survivors[:10]


def test_no_more_steps_take_a_check_from_outside():
    """The steps that are still to be rebuilt; the number has to fall to 0."""
    unchecked = {s for e in registry().values() for s in e.formula.derivation.steps if isinstance(s, UncheckedStep)}
    assert len(unchecked) <= LEGACY
