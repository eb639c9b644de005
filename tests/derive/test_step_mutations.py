"""Every SymPy field of every step is bound to the verdict: a change makes the derivation fail.

``python -m tests.mutate_steps`` does the same and keeps the counts, which docs/evidence.md shows; the sections tried here are
those that it has tried.
"""

from dataclasses import fields

import pytest
from sympy import Basic, Eq, Function, Integer, Integral, Max, Symbol, cos, exp, sin

from flrdt.derive.core.steps import Step
from flrdt.derive.registry import SECTIONS, registry
from tests.mutate_steps import EXPLAINED, outcomes, recorded
from tests.step_mutants import PROVED, _same, _telling

FAST = ("comparison",)
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
    assert {*EXPLAINED} == {row["formula"] for r in found.values() for row in r["explained"]}


@pytest.mark.slow
def test_values_show_an_equivalence_only_where_they_tell_apart():
    x = Symbol("x", positive=True)
    far = Symbol("far", real=True) - 100
    hidden = Function("hidden", real=True)
    relations = {
        (Eq(x, Max(0, far)), Eq(x, -Max(0, far))): "",  # both are zero at every point that is tried
        (Eq(x, Integral(exp(-(x**x)), (x, 0, 1))), Eq(x, Integral(exp(-(x**x)), (x, 0, 1)) + 1)): "",
        (Eq(hidden(x), x), Eq(hidden(x), 2 * x)): "",
        (Eq(x - 1, 0), Eq(2 * x - 2, 0)): "a multiple of the same equation",
        (Eq(x, sin(x) ** 2), Eq(x, 1 - cos(x) ** 2)): PROVED,
    }
    for (before, after), shown in relations.items():
        assert _same(before, after) == shown, after
    zero, one = Integer(0), Integer(1)
    assert not _telling([]) and not _telling([(x, x)]) and not _telling([(zero, zero)] * 3)
    assert not _telling([(one, one)] * 3) and _telling([(zero, zero), (one, one)])


@pytest.mark.slow
def test_every_step_is_of_a_kind_that_checks_what_it_says():
    for entry in registry().values():
        for step in entry.formula.derivation.steps:
            assert isinstance(step, Step) and type(step) is not Step, entry.formula.id
            kept = (getattr(step, f.name) for f in fields(step))
            assert all(value is None or isinstance(value, (Basic, bool, str, tuple)) for value in kept), (
                entry.formula.id
            )
