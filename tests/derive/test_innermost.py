"""W(x) against direct quadrature, far into both tails, for several gates and precisions."""

import itertools

import pytest
from hypothesis import example, given
from mpmath import mp, mpf, npdf, quad
from sympy import Interval, Rational, Symbol, Union, oo

from flrdt.derive import Gate, innermost, relu
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.arithmetic.compile import compile_scalar

from ..strategies import points_of

GATES = [
    relu(),
    Gate(Interval.open(Rational(1, 2), oo)),
    Gate(Interval.open(-1, 1)),
    Gate(Union(Interval.open(-oo, -1), Interval.open(Rational(1, 2), oo))),
]


def to_mpf(value):
    return mpf(value.numerator) / value.denominator


def by_quadrature(gate, x, D, y, chi):
    """E exp(-y M(x + sqrt(D) u)) integrated piece by piece, with the envelope as min(dist^2/(2 chi), 1)."""
    s = mp.sqrt(D)
    ends = sorted(mpf(str(e.evalf(40))) for c in gate.components for e in c if e.is_finite)
    reach = mp.sqrt(2 * chi)
    cuts = sorted(
        {x - 12 * s, x + 12 * s, x, *(e + k * reach for e in ends for k in (-1, 0, 1))}
        | {(a + b) / 2 for a, b in itertools.pairwise(ends)}
    )

    def cost(h):
        for a, b in gate.components:
            if (a == -oo or h > a) and (b == oo or h < b):
                distance = min(abs(h - mpf(str(e.evalf(40)))) for e in (a, b) if e.is_finite)
                return min(distance**2 / (2 * chi), mpf(1))
        return mpf(0)

    # integrate 1 - exp(-y M), which has no mass outside the active set, so that tails keep relative accuracy
    low, high = x - 40 * s, x + 40 * s
    cuts = [low, *(c for c in cuts if low < c < high), high]
    return 1 - quad(lambda h: (1 - mp.exp(-y * cost(h))) * npdf(h, x, s), cuts, maxdegree=8)


@pytest.mark.parametrize("gate", GATES, ids=str)
@given(points_of("x D y chi", {"x": (-30, 30), "D": ("1/4", 1), "y": ("1/2", 4)}))
@example({"x": 30, "D": Rational(1, 4), "y": Rational(4), "chi": Rational(1, 50)})
@example({"x": -30, "D": Rational(1, 4), "y": Rational(4), "chi": Rational(1, 50)})
def test_closed_form_against_quadrature(gate, point):
    with mp.workdps(40):
        x, d, l, c = (to_mpf(point[name]) for name in ("x", "D", "y", "chi"))
        inner = innermost(gate)
        form = compile_scalar([inner.W], (inner.x, inner.D, inner.y, inner.chi), backend("mpmath"))
        assert abs(form(x, d, l, c)[0] - by_quadrature(gate, x, d, l, c)) < mpf(10) ** -20


@pytest.mark.parametrize("digits", [15, 30, 50, 100])
@pytest.mark.parametrize("x", [-30, -2, 0, 1, 30])
def test_backends_agree_to_the_last_digit(digits, x):
    inner = innermost(relu())
    bits = int(digits * 3.33) + 40
    found = []
    for name in ("mpmath", "arb"):
        b = backend(name)
        with b.precision(bits), mp.workprec(bits):
            form = compile_scalar([inner.W], (inner.x, inner.D, inner.y, inner.chi), b)
            found.append(b.to_mpf(form(b.number(x), b.rational(1, 5), b.rational(10, 3), b.rational(1, 20))[0]))
    with mp.workprec(bits):
        assert abs(found[0] / found[1] - 1) < mpf(10) ** -digits


@given(points_of("x D y chi", {"x": (-4, 4), "D": ("1/10", 1), "y": ("1/2", 4)}))
def test_relu_innermost_decreases_between_its_limits(point):
    inner = innermost(relu())
    with mp.workdps(60):  # 1 - W is 1e-38 in a corner of the domain
        form = compile_scalar(
            [inner.W, inner.W.diff(inner.x)], (inner.x, inner.D, inner.y, inner.chi), backend("mpmath")
        )
        value, slope = form(*(to_mpf(point[name]) for name in ("x", "D", "y", "chi")))
        assert mp.exp(-to_mpf(point["y"])) < value < 1 and slope < 0


def test_symbols_of_the_innermost_form():
    inner = innermost(relu())
    assert inner.W.free_symbols == {inner.x, inner.D, inner.y, inner.chi} and Symbol("x", real=True) == inner.x
