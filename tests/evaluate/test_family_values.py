"""Problems of the family against values of two other routes, digit by digit."""

from decimal import Decimal

import pytest

from flrdt.evaluate.results.family import family_value

from ..field_route import committee_relu, hopfield_plus
from ..references import FAMILY, FREE_ORDER, SLOW


def agree(computed, printed: str) -> bool:
    """Within one unit of the last digit printed."""
    unit = Decimal(1).scaleb(Decimal(printed).as_tuple().exponent)
    return abs(Decimal(str(computed)) - Decimal(printed)) <= unit


def check(reference, **options) -> None:
    value = family_value(reference.problem, reference.level, 14, branch=reference.branch, **options)
    assert agree(value.decimal, reference.value), (reference, value.decimal)
    last = list(value.parameters.values())[-len(reference.parameters) :] if reference.parameters else []
    for found, printed in zip(last, reference.parameters, strict=True):
        # parameters of a flat minimum were printed with fewer certain digits than the value
        unit = Decimal(1).scaleb(Decimal(printed).as_tuple().exponent)
        assert abs(Decimal(str(found)) - Decimal(printed)) <= max(3 * unit, abs(Decimal(printed)) * Decimal("1e-6"))


QUICK = {
    ("perceptron:kappa=-3/2", "2"), ("strip:1", "2p"), ("sk", "2"), ("hopfield:+,alpha=1", "2p"), ("hopfield:-,alpha=1", "2p"),
    ("ising:kappa=0", "2"), ("committee:relu", "2p"), ("hinge:kappa=1,alpha=2", "1"),
}  # fmt: skip
"""Beside closed forms, one value a problem in the default run."""


def marked(reference):
    quick = (reference.problem, reference.level) in QUICK or (
        reference.level == "1" and ":kappa=0,alpha" not in reference.problem
    )
    return pytest.param(
        reference, marks=() if quick else pytest.mark.slow, id=f"{reference.problem} level {reference.level}"
    )


@pytest.mark.parametrize("reference", [marked(r) for r in FAMILY])
def test_levels(reference):
    check(reference)


@pytest.mark.slow
@pytest.mark.parametrize("reference", SLOW, ids=lambda r: f"{r.problem} level {r.level}")
def test_higher_levels(reference):
    check(reference)


@pytest.mark.slow
@pytest.mark.parametrize("reference", FREE_ORDER, ids=lambda r: f"{r.problem} level {r.level}")
def test_free_order(reference):
    value = family_value(reference.problem, reference.level, 14, free_order=True)
    assert agree(value.decimal, reference.value)
    last = [str(v) for v in value.parameters.values()][-len(reference.parameters) :] if reference.parameters else []
    for found, printed in zip(last, reference.parameters, strict=True):
        assert abs(Decimal(found) - Decimal(printed)) <= 3 * Decimal(1).scaleb(Decimal(printed).as_tuple().exponent)
    assert "conjectural" in value.status and "not a bound" in value.warning


@pytest.mark.slow
def test_the_two_branches_of_a_set_with_a_gap():
    """A positive outermost overlap is lower, and both lie between level 2 and 2p (values of the second route)."""
    full, symmetric = (family_value("outside:1", 3, 12, branch=b) for b in (None, "symmetric"))
    values = [Decimal("2.01885152"), Decimal(full.decimal), Decimal(symmetric.decimal), Decimal("2.020574420794")]
    assert values == sorted(set(values))
    assert "p_3" in full.parameters and "p_3" not in symmetric.parameters and "symmetric" in symmetric.reason
    assert agree(symmetric.decimal, "2.02055917")


@pytest.mark.slow
@pytest.mark.parametrize(
    "word, level, route", [("committee:relu", "4", committee_relu), ("hopfield:+,alpha=1", "3", hopfield_plus)]
)
def test_minima_by_nested_rules(word, level, route):
    """At the parameters found the nested rule has the same value, and its slope in every parameter vanishes."""
    value = family_value(word, level, 14)
    at = [float(v) for v in value.parameters.values()]
    assert route(at) == pytest.approx(float(value.value), rel=3e-11)
    for i in range(len(at)):
        width = 1e-3 * min(at[i], 1 - at[i] if at[i] < 1 else at[i])
        ends = [route([v + s * width * (i == j) for j, v in enumerate(at)]) for s in (1, -1)]
        curvature = ends[0] + ends[1] - 2 * route(at)
        assert curvature > 0  # and the slope is that of a minimum less than a hundredth of the width away
        assert abs(ends[0] - ends[1]) / 2 < 0.02 * curvature + 1e-12
