"""Many levels: tower, gradient and whole solves as ratios within one run; memory of a deep level.

The capacities of levels 12 and 24 are solved from scratch, without the store of starts.
"""

import itertools
import math
import time
import tracemalloc
from functools import lru_cache

import numpy
import pytest

from flrdt.derive import Level, relu_network
from flrdt.evaluate import capacity
from flrdt.evaluate.limits.flow_equations import evaluate_flow
from flrdt.evaluate.limits.levels import solve_levels
from flrdt.evaluate.limits.parisi_flow import COUNTS, solve_flow
from flrdt.evaluate.solve.descent import descend
from flrdt.evaluate.solve.one_layer import polished
from flrdt.evaluate.solve.starts import lowest, system_of
from flrdt.evaluate.systems.system import CapacityGoal
from tests.energy_form import EnergyForm

NETWORK = relu_network()


@lru_cache
def point(r):
    """Float64 parameters of a level's minimum."""
    return system_of(NETWORK, Level(r)).values(lowest(NETWORK, Level(r), CapacityGoal(1)).x)


def evaluation(r, digits, gradient):
    """A call that evaluates A and B at a level's minimum in Arb."""
    form = EnergyForm(NETWORK, Level(r), "arb")
    form.system.prepare()
    grid = form.grid(list(point(r)), digits)
    b = form.backend

    def call():
        with b.precision(grid.bits):
            return form.terms([b.number(float(v)) for v in point(r)], grid, gradient)

    return call


@pytest.mark.parametrize("r", [3, 6, 12, 24])
@pytest.mark.parametrize("digits", [15, 30, 60, 120])
def test_value(benchmark, r, digits):
    benchmark.pedantic(evaluation(r, digits, False), rounds=3)


@pytest.mark.parametrize("r", [12, 24])
def test_gradient_against_value(r, ratio, seconds):
    both, value = seconds(evaluation(r, 25, True), 3), seconds(evaluation(r, 25, False), 3)
    ratio(f"value and gradient / value, level {r}, 25 digits", both / value, "at most 3")


def test_tower_at_24_against_12(ratio, seconds):
    deep, shallow = seconds(evaluation(24, 25, True), 3), seconds(evaluation(12, 25, True), 3)
    ratio("value and gradient at level 24 / at level 12, 25 digits", deep / shallow, "at most 2.5")


def test_solve_at_24_against_12(ratio, seconds):
    point(3)  # derivation and compilation are shared
    shallow, deep = seconds(lambda: capacity(12, 25), 1), seconds(lambda: capacity(24, 25), 1)
    ratio("capacity at level 24 / at level 12, 25 digits, from scratch", deep / shallow, "at most 2.5")


def gauss_hermite_level_three(z, nodes):
    """Level 3's count part as a user would write it: nested Gauss-Hermite in float64."""
    chi, p2, p3, y2, y3 = z
    u, w = numpy.polynomial.hermite_e.hermegauss(nodes)
    w = w / w.sum()
    x = (
        numpy.sqrt(p3) * u[:, None, None]
        + numpy.sqrt(p2 - p3) * u[None, :, None]
        + numpy.sqrt(1 - p2) * u[None, None, :]
    )
    envelope = numpy.where(x > 0, numpy.minimum(x * x / (2 * chi), 1), 0)
    inner = numpy.log(numpy.exp(-y2 * envelope) @ w) / y2
    return float((numpy.log(numpy.exp(y3 * inner) @ w) / y3) @ w)


def test_against_gauss_hermite(ratio, seconds):
    """At the accuracy that 300 nodes reach, which is printed; the grid of the tower is chosen for the same."""
    form = EnergyForm(NETWORK, Level(3), "float64")
    z = list(point(3))
    exact = form.terms(z, form.grid(z, 15)).B
    error = abs(gauss_hermite_level_three(z, 300) - exact)
    digits = max(2, int(-numpy.log10(error)))
    grid = form.grid(z, digits)
    assert abs(form.terms(z, grid).B - exact) <= error
    slow, fast = seconds(lambda: gauss_hermite_level_three(z, 300), 2), seconds(lambda: form.terms(z, grid))
    ratio(f"nested Gauss-Hermite (300 nodes, error {error:.0e}) / float64 tower", slow / fast, "at least 20")


def test_hessian_of_many_variables(ratio, seconds):
    system, goal = system_of(NETWORK, Level(12)), CapacityGoal(1)
    x = numpy.array(system.coordinates(point(12)))
    grid = system.quadrature(x, 15)
    whole, one = seconds(lambda: system.parts(x, grid, 2), 3), seconds(lambda: system.parts(x, grid, 1))
    ratio("exact Hessian / gradient, level 12 (23 variables)", whole / one, "at most 20")
    assert descend(system, goal, x).value > 6.698


def test_a_solve_against_one_gradient(ratio, seconds):
    """All Newton steps and error figures of level 3 at 120 digits, in gradients of the final precision."""
    start = lowest(NETWORK, Level(3), CapacityGoal(1))
    polished(NETWORK, Level(3), CapacityGoal(1), start, 20)  # derive and compile
    whole = seconds(lambda: polished(NETWORK, Level(3), CapacityGoal(1), start, 120), 1)
    one = seconds(evaluation(3, 126, True), 1)
    ratio("solve at 120 digits from a float64 start / one value and gradient, level 3", whole / one, "at most 2.5")


def test_memory_of_a_deep_level(ratio):
    call = evaluation(24, 60, True)
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    ratio("peak memory of Python objects, level 24, 60 digits, in MiB", peak / 2**20, "below 4096")


def test_flow_against_one_gradient(ratio):
    """The second route to the limit, from a level, in values with gradient of the flow at its finest grid; processor time."""
    levels = itertools.islice(solve_levels(NETWORK, 12), 8)
    start = [list(map(float, found.parameters())) for found in levels][-1]
    begin = time.process_time()
    found = solve_flow(NETWORK, start, 8)
    whole = time.process_time() - begin
    theta = numpy.array(
        [math.log(found.profile.chi), math.log(found.profile.p_min / found.profile.s_max), *found.profile.coefficients]
    )
    begin = time.process_time()
    evaluate_flow(NETWORK.gate, theta, 1.0, COUNTS[-1])
    ratio("Parisi flow, all steps / one value and gradient", whole / (time.process_time() - begin), "no aim")
