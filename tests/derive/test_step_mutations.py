"""Every SymPy field of every step of every registry entry is bound to the verdict: a change makes the derivation fail.

``python -m tests.mutate_steps`` does the same and keeps the counts, which docs/evidence.md shows; the sections tried here are
those that it has tried.
"""

import pytest

from flrdt.derive.core.formulas import Step as UncheckedStep
from flrdt.derive.registry import SECTIONS, registry
from tests.mutate_steps import EXPLAINED, outcomes, recorded

LEGACY = 0
FAST = ("envelopes",)
"""Sections that take less than five seconds and whose formulas other tests derive anyway; the others belong to the slow set."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in recorded()]
)
def test_a_changed_field_makes_the_derivation_fail(name):
    found = outcomes(name)
    assert not found["unexplained"] and found["killed"] > 0, found["unexplained"][:10]


def test_what_is_recorded_has_no_survivor_without_a_reason():
    found = recorded()
    assert {*found} <= {*SECTIONS} and len(found) >= 10
    for row in found.values():
        assert not row["unexplained"]
        assert row["mutants"] == row["killed"] + len(row["equivalent"]) + len(row["explained"])
    explained = {row["formula"] for found in recorded().values() for row in found["explained"]}
    assert {*EXPLAINED} == explained


def test_no_more_steps_take_a_check_from_outside():
    """The steps that are still to be rebuilt; the number has to fall to 0."""
    unchecked = {s for e in registry().values() for s in e.formula.derivation.steps if isinstance(s, UncheckedStep)}
    assert len(unchecked) <= LEGACY
