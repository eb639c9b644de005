"""Problems of the family against values of two other routes, digit by digit."""

from decimal import Decimal

import pytest

from flrdt.evaluate.results.family import family_value

from ..references import FAMILY, FREE_ORDER, SLOW


def agree(computed, printed: str) -> bool:
    """Within one unit of the last digit printed."""
    unit = Decimal(1).scaleb(Decimal(printed).as_tuple().exponent)
    return abs(Decimal(str(computed)) - Decimal(printed)) <= unit


def check(reference, **options) -> None:
    value = family_value(reference.problem, reference.level, 14, **options)
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
    assert "conjectural" in value.status and "not a bound" in value.warning
