"""Every SymPy field of every step is bound to the verdict: a change makes the derivation fail.

``python -m tests.mutate_steps`` does the same and keeps the counts, which docs/evidence.md shows; the sections tried here are
those that it has tried.
"""

from dataclasses import fields

import pytest
from sympy import Basic, Eq, Function, Integer, Integral, Max, Symbol, cos, exp, sin

from flrdt.derive.core.steps import Definition, Identity, Step
from flrdt.derive.registry import SECTIONS, registry
from tests import step_mutants
from tests.mutate_steps import EXPLAINED, NOT_TRIED, outcomes, recorded, size
from tests.step_mutants import PROVED, _same, _telling, decided, refuted

FAST = ("comparison",)
"""Sections that take less than five seconds and whose formulas other tests derive anyway; the others belong to the slow set."""

LONG = (
    "deep_objectives",
    "deep_reductions",
    "deep_slopes",
    "hidden_averages",
    "hidden_towers",
    "lifted_units",
    "proof_lemmas",
    "recursions",
)
"""Sections whose mutants take minutes: what is recorded of them is only compared with how many there are."""


def sections(names, fast):
    return pytest.mark.parametrize(
        "name", [pytest.param(name, marks=() if name in fast else pytest.mark.slow) for name in names]
    )


@sections([name for name in recorded() if name not in LONG], FAST)
def test_a_changed_field_makes_the_derivation_fail(name):
    found = outcomes(name)
    assert not found["unexplained"] and found["killed"] > 0, found["unexplained"][:10]


@sections(recorded(), ("comparison", "finite_sizes"))
def test_what_is_recorded_is_of_the_registry_as_it_is(name):
    row = recorded()[name]
    assert size(name) == {"steps": row["steps"], "mutants": row["mutants"]}


def test_what_is_recorded_has_no_survivor_without_a_reason():
    found = recorded()
    assert {*found} | {*NOT_TRIED} == {*SECTIONS} and not {*found} & {*NOT_TRIED}
    for row in found.values():
        assert not row["unexplained"]
        counted = sum(row.get(outcome, 0) for outcome in ("killed", "unproved", "timed out"))
        assert row["mutants"] == counted + len(row["equivalent"]) + len(row["explained"])
    assert {*EXPLAINED} == {row["formula"] for r in found.values() for row in r["explained"]}


def test_what_takes_too_long_decides_nothing(monkeypatch):
    def endless(*_):
        while True:
            pass

    monkeypatch.setattr(step_mutants, "SECONDS", 0.1)
    monkeypatch.setattr(Identity, "holds", endless)
    step = Identity("It never ends.", Integer(1), Integer(2))
    assert decided(step, ()) is None and refuted(step, ()) is False


def test_a_change_is_refuted_without_a_proof():
    x = Symbol("x", positive=True)
    assert refuted(Identity("", sin(x) ** 2, 2 - cos(x) ** 2), ())
    assert not refuted(Identity("", sin(x) ** 2, 1 - cos(x) ** 2), ())
    assert not refuted(Definition("", Eq(x, x + 1)), ())


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
