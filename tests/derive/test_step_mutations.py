"""Every SymPy field of every step of every registry entry is bound to the verdict: a change makes the derivation fail.

``python -m tests.mutate_steps`` does the same and keeps the counts, which docs/evidence.md shows.
"""

import pytest

from flrdt.derive.core.formulas import Step as UncheckedStep
from flrdt.derive.registry import SECTIONS, registry
from tests.mutate_steps import EXPLAINED, RESULTS, outcomes, recorded

LEGACY = 23
FAST = ("envelopes", "finite_sizes", "instability")
"""Sections that take less than five seconds; the others belong to the slow set."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in SECTIONS]
)
def test_a_changed_field_makes_the_derivation_fail(name):
    found = outcomes(name)
    assert not found["unexplained"] and found["killed"] > 0, found["unexplained"][:10]
    assert found["steps"] == recorded()[name]["steps"], f"tests.mutate_steps {name} has not been run since"


def test_every_section_has_been_tried():
    assert {*recorded()} == {*SECTIONS}, RESULTS
    assert not [row for found in recorded().values() for row in found["unexplained"]]
    explained = {row["formula"] for found in recorded().values() for row in found["explained"]}
    assert {*EXPLAINED} <= explained, "an explanation that no mutant needs"


def test_no_more_steps_take_a_check_from_outside():
    """The steps that are still to be rebuilt; the number has to fall to 0."""
    unchecked = {s for e in registry().values() for s in e.formula.derivation.steps if isinstance(s, UncheckedStep)}
    assert len(unchecked) <= LEGACY
