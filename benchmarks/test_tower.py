"""The tower: against its erfc floor, across levels, across backends, against nested quadrature.

Run with ``python -m pytest benchmarks -m "not slow" --benchmark-columns=min,median``; timings as ratios within one run.
"""

from fractions import Fraction

import pytest
from mpmath import mp, quad

from flrdt.derive import Level, objective, relu_network
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.quadrature.one_field import compiled_innermost
from tests.energy_form import EnergyForm

# near the stationary points of the levels (rounded): chi, p_k, y_k
POINTS = {
    2: "0.0533 0.777 3.29",
    3: "0.0357 0.9766 0.741 5.35 2.67",
    4: "0.031 0.993 0.953 0.735 7.5 4.2 2.5",
    6: "0.0275 0.9983 0.9903 0.968 0.907 0.729 12 6.2 4.2 3.1 2.4",
}


def evaluation(r, digits, name="arb", gradient=False):
    """A call that evaluates A and B once at a point of level r."""
    form = EnergyForm(relu_network(), Level(r), name)
    form.system.prepare()
    numbers = [Fraction(v) for v in POINTS[r].split()]
    grid = form.grid([float(v) for v in numbers], digits)
    b = form.backend

    def call():
        with b.precision(grid.bits):
            return form.terms([b.number(v) for v in numbers], grid, gradient)

    return call, grid, numbers


def erfc_floor(r, digits):
    """Only the innermost erfc and exp evaluations of the same grid."""
    _, grid, (chi, *rest) = evaluation(r, digits)
    b = backend("arb")
    p, y = rest[0], rest[r - 1]

    def call():
        with b.precision(grid.bits):
            at = compiled_innermost(objective(relu_network(), r).towers[0], "arb", 0)(
                b.number(chi), b.number(1 - p), b.number(y)
            )
            step = b.number(1) / grid.steps_per_unit
            first = grid.levels[0]
            return [at(step * j) for j in range(first.low, first.high + 1)]

    return call


@pytest.mark.parametrize("r", [2, 3, 4, 6])
@pytest.mark.parametrize("digits", [15, 30, 50])
def test_value(benchmark, r, digits):
    benchmark(evaluation(r, digits)[0])


@pytest.mark.parametrize("r", [3, 6])
def test_value_and_gradient(benchmark, r, seconds, ratio):
    both, value = evaluation(r, 50, gradient=True)[0], evaluation(r, 50)[0]
    benchmark(both)
    ratio(f"value and gradient / value, level {r}, 50 digits", seconds(both) / seconds(value), "at most 3")


def test_against_the_erfc_floor(ratio, seconds):
    value, floor = seconds(evaluation(3, 50)[0]), seconds(erfc_floor(3, 50))
    ratio("one value / its innermost erfc and exp alone, level 3, 50 digits", value / floor, "at most 2")


def test_across_levels(ratio, seconds):
    ratio(
        "value at level 6 / value at level 3, 50 digits",
        seconds(evaluation(6, 50)[0]) / seconds(evaluation(3, 50)[0]),
        "at most 2",
    )


def test_arb_against_mpmath(ratio, seconds):
    slow, fast = evaluation(3, 50, "mpmath")[0], evaluation(3, 50, "arb")[0]
    ratio("mpmath / arb on the same grid, level 3, 50 digits", seconds(slow, 2) / seconds(fast), "at least 5")


def test_mpmath_against_nested_quadrature(ratio, seconds):
    """The same level-2 objective by nested mpmath.quad, at 15 digits."""
    call, _, (chi, p, y) = evaluation(2, 15, "mpmath")

    def nested():
        with mp.workdps(18):
            c, o, l = (mp.mpf(v.numerator) / v.denominator for v in (chi, p, y))
            k, s = mp.sqrt(2 * c), mp.sqrt(1 - o)

            def f2(x):
                cuts = sorted({-9 * s + x, *(e for e in (mp.mpf(0), k) if abs(e - x) < 9 * s), 9 * s + x})
                return (
                    mp.log(quad(lambda h: mp.exp(-l * min(max(h, 0) ** 2 / (2 * c), 1)) * mp.npdf(h, x, s), cuts)) / l
                )

            return quad(lambda u: f2(mp.sqrt(o) * u) * mp.npdf(u), [-9, -3, 0, 3, 9])

    got = call()
    with mp.workdps(18):
        assert abs(nested() - got.B) < mp.mpf(10) ** -13
    ratio("nested quad / mpmath tower, level 2, 15 digits", seconds(nested, 1) / seconds(call, 3), "at least 20")
