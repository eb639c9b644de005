"""Levels beyond three: gradient, Hessian, Newton, prediction, digits."""

import itertools

import numpy
import pytest
from mpmath import mp

from flrdt.derive import Level, Network
from flrdt.evaluate import capacity
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.solve.continuation import (
    coordinates,
    hessian,
    minimise,
    parameters,
    polish,
    predict,
    value_and_slope,
)
from flrdt.evaluate.solve.starts import capacity_goal
from flrdt.evaluate.systems.one_layer import EnergyForm

NETWORK = Network()
GOAL = capacity_goal(1.0)
THREE = [0.0356731, 0.9766342, 0.741098, 5.353319, 2.667325]  # theory page, level 3


def form(r, name="float64"):
    return EnergyForm(NETWORK, Level(r), name)


@pytest.fixture(scope="module")
def minima():
    """Float64 minima of levels 3 to 12."""
    found = {3: minimise(form(3), coordinates(THREE), GOAL)}
    for r in range(4, 13):
        found[r] = minimise(form(r), predict(found[r - 1].u, r), GOAL)
    return found


def test_capacities_decrease_towards_the_limit(minima):
    values = [m.value for _, m in sorted(minima.items())]
    assert abs(values[0] - 6.700391949) < 1e-9  # theory page
    assert all(a > b for a, b in itertools.pairwise(values))
    assert values[-1] > 6.698


def test_gradient_at_level_twelve_against_arb_differences(minima):
    """The exact gradient in float64 against differences of values at 60 digits."""
    u = minima[12].u + 0.01 * numpy.cos(numpy.arange(23))
    z = [float(v) for v in parameters(u, backend("float64"))]
    slope = value_and_slope(form(12), u, GOAL, form(12).grid(z, 15))[1]
    arb = form(12, "arb")
    grid = arb.grid(z, 24)
    b = arb.backend
    for j in (0, 1, 6, 11, 12, 17, 22):
        with b.precision(grid.bits):
            step = b.number("1e-8")
            ends = []
            for sign in (1, -1):
                at = [b.number(float(v)) for v in u]
                at[j] += sign * step
                terms = arb.terms(parameters(at, b), grid)
                ends.append((terms.A + 1) / -terms.B)
            difference = float((ends[0] - ends[1]) / (2 * step))
        assert abs(difference - slope[j]) < 1e-11 + 1e-9 * abs(slope[j])


def test_hessian_is_the_difference_of_gradients(minima):
    u = minima[5].u + 0.02
    grid = form(5).grid([float(v) for v in parameters(u, backend("float64"))], 15)
    matrix = hessian(form(5), u, GOAL, grid)
    for j in range(9):
        step = numpy.zeros(9)
        step[j] = 1e-5
        up, down = (numpy.array(value_and_slope(form(5), u + s * step, GOAL, grid)[1]) for s in (1, -1))
        assert numpy.abs((up - down) / 2e-5 - matrix[j]).max() < 1e-7


def test_prediction_is_close(minima):
    for r in (6, 9, 12):
        assert abs(predict(minima[r - 1].u, r) - minima[r].u).max() < 0.1


def test_polished_level_agrees_with_the_solver(minima):
    found = polish(form(4, "arb"), minima[4], lambda b: capacity_goal(b.number(1)), 30)
    other = capacity(4, 28)
    with mp.workdps(40):
        b = backend("arb")
        assert abs(b.to_mpf(found.value) - other.alpha) < found.error + 1e-27
        assert found.error < 1e-29


def test_minimise_stays_away_from_the_merged_point(minima):
    """From a start with two nearly merged levels the minimum of the level itself is found."""
    chi, p2, p3, y2, y3 = THREE
    u = coordinates([chi, p2, p2 - 0.02, p3, y2, y2 - 0.5, y3])
    assert abs(minimise(form(4), u, GOAL).value - minima[4].value) < 1e-13


def test_level_twelve_to_25_digits():
    found = capacity(12, 25)
    assert found.decimal.startswith("6.69805665985785")
    assert float(found.alpha_error) < 1e-25
    assert found.parameters["p_2"] < 1 and len(found.parameters) == 23 + 25


@pytest.mark.slow
def test_level_24_to_16_digits():
    found = capacity(24, 16)
    assert float(found.alpha_error) < 1e-16 and 6.69805 < found.alpha < 6.698052
