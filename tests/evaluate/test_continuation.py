"""Levels beyond three: gradient, Hessian, Newton, prediction, digits."""

import itertools

import numpy
import pytest
from mpmath import mp, mpf

from flrdt.derive import Level, Network
from flrdt.evaluate import capacity
from flrdt.evaluate.solve.descent import descend
from flrdt.evaluate.solve.newton import refine
from flrdt.evaluate.solve.starts import predict, system_of
from flrdt.evaluate.systems.system import CapacityGoal, EnergyGoal, evaluate

NETWORK = Network()
GOAL = CapacityGoal(1)
THREE = [0.0356731, 0.9766342, 0.741098, 5.353319, 2.667325]  # theory page, level 3


def system(r, name="float64"):
    return system_of(NETWORK, Level(r), name)


def start(values):
    found = system(len(values) // 2 + 1)
    return [float(v) for v in found.coordinates(values)]


@pytest.fixture(scope="module")
def minima():
    """Float64 minima of levels 3 to 12."""
    found = {3: descend(system(3), GOAL, start(THREE))}
    for r in range(4, 13):
        found[r] = descend(system(r), GOAL, predict(found[r - 1].x, r))
    return found


def test_capacities_decrease_towards_the_limit(minima):
    values = [m.value for _, m in sorted(minima.items())]
    assert abs(values[0] - 6.700391949) < 1e-9  # theory page
    assert all(a > b for a, b in itertools.pairwise(values))
    assert values[-1] > 6.698
    assert all(m.converged for m in minima.values())


def test_coordinates_and_values_are_inverse():
    found = system(3)
    assert numpy.allclose(found.values(found.coordinates(THREE)), THREE, rtol=1e-14)


@pytest.mark.parametrize("goal", [GOAL, EnergyGoal(8)], ids=["capacity", "energy"])
@pytest.mark.parametrize("level", [2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_slopes_and_curvatures_of_the_system_against_differences(level, goal, minima):
    """In Arb at 40 digits, off the minimum: differences of values and of slopes."""
    arb = system(level, "arb")
    b, x = arb.backend, {2: [-2.8, -1.2, 1.1]}.get(level) or minima[level].x
    with b.precision(300):
        at = [b.number(float(v) + 0.03 * (-1) ** i) for i, v in enumerate(x)]
        grid, step = arb.quadrature(at, 40), b.number(10) ** -14
        parts = arb.parts(at, grid, 2)
        slope, rows = goal.slope(parts, b), goal.curvature(parts, b)
        for i in range(len(at)):
            up, down = ([v + s * step if j == i else v for j, v in enumerate(at)] for s in (1, -1))
            (high, above), (low, below) = (evaluate(arb, goal, there, grid) for there in (up, down))
            assert abs(float((high - low) / (2 * step) - slope[i])) < 1e-24
            assert all(
                abs(float((a - c) / (2 * step) - h)) < 1e-23 for a, c, h in zip(above, below, rows[i], strict=True)
            )


def test_float_curvatures_of_many_variables(minima):
    """Level 12 in float64: exact curvatures against differences of exact slopes."""
    found, x = system(12), numpy.array(minima[12].x) + 0.02
    grid = found.quadrature(x, 15)
    rows = numpy.array(GOAL.curvature(found.parts(x, grid, 2), found.backend))
    assert abs(rows - rows.T).max() < 1e-10
    for j in range(0, 23, 3):
        step = numpy.zeros(23)
        step[j] = 1e-5
        up, down = (numpy.array(evaluate(found, GOAL, x + s * step, grid)[1]) for s in (1, -1))
        assert numpy.abs((up - down) / 2e-5 - rows[j]).max() < 1e-7


def test_prediction_is_close(minima):
    for r in (6, 9, 12):
        assert abs(numpy.array(predict(minima[r - 1].x, r)) - minima[r].x).max() < 0.1


def test_prediction_from_two_levels_is_closer(minima):
    for r in range(8, 13):
        one, two = (predict(minima[r - 1].x, r, before) for before in (None, minima[r - 2].x))
        assert abs(numpy.array(two) - minima[r].x).max() < abs(numpy.array(one) - minima[r].x).max()


@pytest.mark.parametrize(("digits", "point_digits"), [(30, 15), (22, 11)])
def test_refined_level_agrees_with_the_solver(digits, point_digits, minima):
    """Half the digits in the point are enough for the value; with few of them the Hessian of the start is."""
    found = refine(system(4, "arb"), GOAL, minima[4].x, digits, minima[4].hessian, point_digits=point_digits)
    other = capacity(4, 36)
    with mp.workdps(45):
        assert abs(found.value - other.alpha) < found.value_error < mpf(10) ** -digits
        assert all(
            abs(v - other.parameters[n]) < e for n, v, e in zip(found.names, found.values, found.errors, strict=True)
        )


def test_descent_stays_away_from_the_merged_point(minima):
    """From a start with two nearly merged levels the minimum of the level itself is found."""
    chi, p2, p3, y2, y3 = THREE
    x = start([chi, p2, p2 - 0.02, p3, y2, y2 - 0.5, y3])
    assert abs(descend(system(4), GOAL, x).value - minima[4].value) < 1e-13


@pytest.mark.slow
def test_level_twelve_to_25_digits(minima):
    """The float64 descent gives its first digits; it lies above the limit, about 6.698 (arXiv 2302.14112), and below level 11."""
    found = capacity(12, 25)
    assert abs(found.alpha - minima[12].value) < 1e-11
    assert 6.698 < found.alpha < minima[11].value
    assert float(found.alpha_error) < 1e-25
    assert found.parameters["p_2"] < 1 and len(found.parameters) == 23 + 25


@pytest.mark.slow
def test_level_24_to_16_digits():
    found = capacity(24, 16)
    assert float(found.alpha_error) < 1e-16 and 6.69805 < found.alpha < 6.698052
