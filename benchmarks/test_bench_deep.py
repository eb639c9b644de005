"""Deep networks: run together, so that ratios within one run mean something."""

import pytest

from flrdt.evaluate.quadrature.two_fields import Fields, hidden_tower, plan_fields
from flrdt.evaluate.results.chain import deep_capacity
from flrdt.evaluate.solve.layer_recursion import plain_recursion

POINTS = {
    2: Fields(0.3, (1.2, 0.5), 0.7, (0.9, 0.3), (0.8,)),
    3: Fields(0.3, (1.2, 0.8, 0.5), 0.7, (0.9, 0.5, 0.3), (0.9, 0.6)),
    4: Fields(0.3, (1.2, 1.0, 0.8, 0.5), 0.7, (0.9, 0.7, 0.5, 0.3), (1.0, 0.9, 0.6)),
    5: Fields(0.3, (1.2, 1.1, 1.0, 0.8, 0.5), 0.7, (0.9, 0.8, 0.7, 0.5, 0.3), (1.1, 1.0, 0.9, 0.6)),
}


@pytest.mark.parametrize("depth", [1, 2, 4, 6])
def test_plain_chain(benchmark, depth):
    benchmark(deep_capacity, 1, 50, depth=depth)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_partial_chain(benchmark, depth):
    benchmark(deep_capacity, "2p", 50, depth=depth)


def test_recursion_chain(benchmark):
    """The scalar recursion over six layers: how much the functional costs above it."""
    from mpmath import workdps

    def chain():
        with workdps(50):
            found = []
            for _ in range(6):
                found.append(plain_recursion(found, 1).alpha)

    benchmark(chain)


@pytest.mark.parametrize("slopes", [False, True], ids=["value", "gradient"])
@pytest.mark.parametrize("level", POINTS)
def test_lifted_term(benchmark, level, slopes):
    """A hidden term in double precision: how the level and the gradient add to it."""
    grid = plan_fields(POINTS[level], 12)
    benchmark(hidden_tower, POINTS[level], grid, "float64", slopes)


def test_lifted_term_in_balls(benchmark):
    """The same at level 3 in ball arithmetic."""
    from flrdt.evaluate.arithmetic.backends import backend

    arithmetic, at = backend("arb"), POINTS[3]
    n, grid = arithmetic.number, plan_fields(at, 12)
    with arithmetic.precision(80):
        balls = Fields(n(at.chi), tuple(map(n, at.p)), n(at.mu), tuple(map(n, at.q)), tuple(map(n, at.y)))
        benchmark.pedantic(hidden_tower, args=(balls, grid, "arb"), rounds=1)


@pytest.mark.parametrize("level", [2, 3])
def test_lifted_depth_two(benchmark, level):
    benchmark.pedantic(deep_capacity, args=(level, 12), kwargs={"depth": 2}, rounds=1)
