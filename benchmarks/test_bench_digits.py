"""Many digits: a whole solve in evaluations of its final precision, and one evaluation in its innermost calls.

Run with ``python -m pytest benchmarks/test_bench_digits.py``; each ratio is of processor times within one run.
"""

import time

import pytest

from flrdt.derive import Level, relu_network
from flrdt.evaluate import capacity
from flrdt.evaluate.solve.newton import GUARD
from flrdt.evaluate.solve.one_layer import polished
from flrdt.evaluate.solve.starts import lowest
from flrdt.evaluate.systems.system import CapacityGoal

from .test_tower import erfc_floor, evaluation

NETWORK, GOAL = relu_network(), CapacityGoal(1)


def processor(call, runs=2):
    """Least processor time of some runs of a call."""
    found = []
    for _ in range(runs):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return min(found)


@pytest.mark.parametrize("prove", [False, True], ids=["estimate", "enclosure"])
@pytest.mark.parametrize(("r", "digits"), [(3, 200), (2, 500)])
def test_a_solve_against_one_gradient(r, digits, prove, ratio):
    start = lowest(NETWORK, Level(r), GOAL)
    polished(NETWORK, Level(r), GOAL, start, 20, prove=prove)  # derive and compile
    whole = processor(lambda: polished(NETWORK, Level(r), GOAL, start, digits, prove=prove), 1)
    one = processor(evaluation(r, digits + GUARD, gradient=True)[0], 1)
    kind = "enclosure" if prove else "estimate"
    ratio(f"{kind} at level {r}, {digits} digits / one value with gradient", whole / one, "at most 2.5")


@pytest.mark.parametrize(("r", "digits"), [(2, 100), (2, 200), (3, 100), (3, 200)])
def test_a_value_against_its_innermost_calls(r, digits, ratio):
    value, floor = processor(evaluation(r, digits)[0]), processor(erfc_floor(r, digits))
    ratio(f"value / its innermost erfc and exp, level {r}, {digits} digits", value / floor, "at most 1.3")


def test_proof_against_estimate(ratio):
    capacity(3, 20)
    proof = processor(lambda: capacity(3, 100))
    ratio(
        "enclosure / estimate, level 3, 100 digits",
        proof / processor(lambda: capacity(3, 100, certified=False)),
        "at most 1",
    )
