"""Acceleration methods on sequences with known limits, and the honesty of the error estimate."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from flrdt.evaluate.limits.acceleration import accelerate, fit_exponent, levin_u, richardson, wynn_rho
from flrdt.evaluate.limits.limits import _accelerated
from flrdt.evaluate.solve.point import ConvergenceError


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(40):
        yield


def zeta_tails(last):
    """Partial sums of zeta(5): their error falls like r^-4, with all further powers."""
    return {r: mp.zeta(5) - mp.zeta(5, r + 1) for r in range(2, last + 1)}


@pytest.mark.parametrize("order", [3, 5])
def test_methods_on_zeta(order):
    values, limit = zeta_tails(20), mp.zeta(5)
    plain = abs(values[20] - limit)
    for found in (
        richardson(values, 20, order, 4),
        levin_u(values, 20, order),
        wynn_rho(values, 20, order // 2 + 1, 4),
    ):
        assert abs(found - limit) < plain * mpf(10) ** -(order - 1)


def test_richardson_is_exact_on_its_own_terms():
    values = {r: 3 + 2 * mpf(r) ** -4 - mpf(r) ** -5 + 7 * mpf(r) ** -6 for r in range(4, 8)}
    assert abs(richardson(values, 7, 3, 4) - 3) < mpf(10) ** -35


def test_rho_is_exact_on_a_rational_function():
    """Thiele's continued fraction (exponent 1) reproduces a rational function of r."""
    values = {r: (2 * mpf(r) + 1) / (r + 3) for r in range(1, 4)}
    assert abs(wynn_rho(values, 3, 1, 1) - 2) < mpf(10) ** -35


@given(st.fractions(Fraction(3, 2), 6, max_denominator=8), st.fractions(0, 1, max_denominator=8))
def test_fitted_exponent(exponent, shift):
    values = {
        r: 1 + (r + mpf(shift.numerator) / shift.denominator) ** (-mpf(exponent.numerator) / exponent.denominator)
        for r in range(6, 10)
    }
    assert abs(fit_exponent(values, 9) - mpf(exponent.numerator) / exponent.denominator) < mpf(10) ** -20


@given(st.integers(10, 30), st.fractions(-2, 2, max_denominator=5), st.fractions(-2, 2, max_denominator=5))
def test_error_estimate_covers_the_error(last, a, b):
    """Powers, a logarithm and a half-integer power: none of them is in every method's model."""
    values = {
        r: 5
        + mpf(r) ** -4 * (1 + mpf(a.numerator) / a.denominator / r)
        + mpf(b.numerator) / b.denominator * mp.log(r) * mpf(r) ** -6
        + mpf(r) ** mpf("-6.5")
        for r in range(3, last + 1)
    }
    found = accelerate(values)
    assert abs(found.value - 5) <= found.error


def test_too_few_values():
    with pytest.raises(ValueError, match="six or more consecutive"):
        accelerate({r: mpf(1) / r for r in (1, 2, 3, 5, 6, 7)})


@pytest.mark.parametrize("power", [1, 1.25, 1.5, 2])
@pytest.mark.parametrize("last", [7, 10, 15, 20, 25])
def test_error_of_a_parameter_covers_what_acceleration_leaves(power, last):
    """A logarithm that no method has in its model, at slow rates, as those of the order parameter are."""
    values = {r: 2 + mpf(r) ** -power * (1 + mp.log(r) / r) for r in range(3, last + 1)}
    found = _accelerated(values)
    assert abs(found.value - 2) <= found.error


def test_erratic_values_are_refused():
    """They fall like no power: an error of one kind, and no traceback from the inside of a linear solve."""
    values = {r: 2 + 1 / mpf(r) + (-mpf(1) / 2) ** r / 9 for r in range(3, 16)}
    with pytest.raises(ConvergenceError, match="like a power"):
        accelerate(values)
