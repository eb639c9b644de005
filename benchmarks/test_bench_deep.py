"""Deep networks: run together, so that ratios within one run mean something."""

import pytest

from flrdt.evaluate.quadrature.two_fields import FieldGrid, LiftedTerms
from flrdt.evaluate.results.chain import deep_capacity
from flrdt.evaluate.solve.layer_recursion import plain_recursion

POINT = (0.3, 1.2, 0.5, 0.7, 0.9, 0.3, 0.8)


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
@pytest.mark.parametrize("name", ["float64", "arb"])
def test_lifted_term(benchmark, name, slopes):
    """A hidden term of level 2, and how much its seven derivatives cost above it."""
    from flrdt.evaluate.arithmetic.backends import backend

    arithmetic = backend(name)
    with arithmetic.precision(80):
        point = [arithmetic.number(v) for v in POINT]
        grid = FieldGrid(digits=14, step=0.25, nodes=120, name=name)
        benchmark(lambda: LiftedTerms(grid).hidden(point, slopes))


def test_lifted_depth_two(benchmark):
    benchmark.pedantic(deep_capacity, args=(2, 15), kwargs={"depth": 2}, rounds=1)
