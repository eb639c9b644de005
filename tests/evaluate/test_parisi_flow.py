"""The Parisi flow: against the tower where y is constant, and its gradient against differences."""

import math

import numpy
import pytest

from flrdt.derive import Gate, Level, Network
from flrdt.evaluate.limits.flow_equations import FIRST, SECOND, Profile, Resolution, evaluate_flow
from flrdt.evaluate.limits.parisi_flow import _first_guess, _opening, solve_flow

from ..energy_form import EnergyForm

NETWORK = Network()
COARSE = Resolution(first=1e-4, points=5.0)
# float64 minimum of level 8 rounded: chi, p_2..p_8, y_2..y_8
EIGHT = [
    0.02553,
    0.99939,
    0.99698,
    0.99045,
    0.97586,
    0.94508,
    0.88038,
    0.7236,
    16.83,
    8.05,
    5.484,
    4.171,
    3.313,
    2.713,
    2.297,
]


def test_difference_formulas_are_exact_on_polynomials():
    x = numpy.arange(-4.0, 5.0)
    for power in range(9):
        first = numpy.convolve(x**power, FIRST, "valid")[0]
        second = numpy.convolve(x**power, SECOND, "valid")[0]
        assert abs(first - (power == 1)) < 1e-10 and abs(second - 2 * (power == 2)) < 1e-9


def test_constant_overlap_function_is_level_two():
    """With y(s) = c the flow is one Gaussian convolution, so P must be that of level 2 at the same parameters."""
    chi, p, c = 0.06, 0.75, 3.0
    theta = numpy.array([math.log(chi), math.log(p / (1 - p)), c / 2, c / 2])  # Y(xi) = c xi
    found = evaluate_flow(theta, _opening(NETWORK), 1.0, Resolution(first=1e-4, points=8.0))
    form = EnergyForm(NETWORK, Level(2), "float64")
    z = [chi, p, c]
    terms = form.terms(z, form.grid(z, 15), gradient=True)
    assert abs(found.alpha - (terms.A + 1) / -terms.B) < 1e-8
    # d/dlog chi of log alpha agrees as well
    slope = chi * (terms.dA[0] / (terms.A + 1) - terms.dB[0] / terms.B)
    assert abs(found.gradient[0] - slope) < 1e-7


def test_gradient_against_differences():
    opening = _opening(NETWORK)
    theta = _first_guess(EIGHT, 5)
    point = evaluate_flow(theta, opening, 1.0, COARSE)
    for j in range(len(theta)):
        step = numpy.zeros(len(theta))
        step[j] = 1e-4
        up, down = (evaluate_flow(theta + s * step, opening, 1.0, COARSE, gradient=False).alpha for s in (1, -1))
        assert abs((up - down) / 2e-4 / point.alpha - point.gradient[j]) < 3e-8


def test_profile_integrals():
    """Lambda and the dual overlap q against plain quadrature of y."""
    profile = Profile(0.02, 0.72, numpy.array([1.3, 0.9, 0.05]))
    s = numpy.linspace(math.sqrt(1e-12), math.sqrt(0.28), 200001) ** 2
    y = profile.y(s)
    Lambda = 0.02 + numpy.concatenate([[0], numpy.cumsum((y[1:] + y[:-1]) / 2 * numpy.diff(s))])
    assert abs(profile.Lambda(0.28) - Lambda[-1]) < 1e-5
    inverse = 1 / profile.Lambda(s) ** 2
    q = 0.72 / profile.Lambda(0.28) ** 2 + numpy.sum((inverse[1:] + inverse[:-1]) / 2 * numpy.diff(s))
    assert abs(profile.dual_overlap(s[0]) / q - 1) < 1e-6


def test_unsuitable_inputs():
    from sympy import Interval

    with pytest.raises(ValueError, match="right half-line"):
        solve_flow(Network(Gate(Interval.open(-1, 1))), EIGHT)
    theta = _first_guess(EIGHT, 5)
    theta[2] = -5.0
    with pytest.raises(ArithmeticError, match="positive"):
        evaluate_flow(theta, _opening(NETWORK), 1.0, COARSE)


@pytest.mark.slow
def test_minimum_is_stationary_and_marginally_stable():
    found = solve_flow(NETWORK, EIGHT)
    assert abs(found.alpha - 6.698) < 1e-3 and found.error < 1e-6  # arXiv 2302.14112: about 6.698
    assert found.stationarity < 1e-4 and found.replicon < 1e-2
