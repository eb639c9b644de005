"""Audit of the ball arithmetic: values at twice the digits, by mpmath, lie in the balls and intervals that claim them."""

import random
from fractions import Fraction

import pytest
from flint import arb, fmpq
from mpmath import mp
from sympy import (
    Abs,
    Add,
    E,
    EulerGamma,
    Heaviside,
    Max,
    Min,
    Mul,
    Piecewise,
    Rational,
    Symbol,
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atanh,
    cos,
    cosh,
    diff,
    erf,
    erfc,
    erfinv,
    exp,
    gamma,
    log,
    loggamma,
    pi,
    sign,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)  # fmt: skip

from flrdt.derive.blocks.innermost import innermost
from flrdt.derive.core.gaussian import H, Phi, phi
from flrdt.derive.networks.gates import gate, relu
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.arithmetic.compile import compile_scalar
from flrdt.evaluate.verification.intervals import Enclosure, IntervalBackend, variables

x, y = Symbol("x", real=True), Symbol("y", positive=True)
SMOOTH = [
    exp(x), exp(-(x**2)), log(y), sqrt(y), 1 / y, y ** Rational(-3, 2), erf(x), erfc(x), erfc(6 + x), sin(x), cos(x), tan(x / 4),
    asin(x / 8), acos(x / 8), atan(x), sinh(x), cosh(x), tanh(x), asinh(x), acosh(1 + y), atanh(x / 8), gamma(y), loggamma(y),
    erfinv(x / 8), x**7, y**x, H(x), Phi(x), phi(x), pi * x + E * y + EulerGamma, 1 / (1 + x**2),
    exp(-x * y) * Phi(x - sqrt(y)) + phi(y * x) * H(x / 3) - log(1 + x**2) / y, sqrt(1 + x**2 * y) / (3 + sin(x)),
    atan(x / y) * erfc(x - y) / (1 + exp(x)), (x - y) ** 3 / (x**2 + y) - tanh(x * y),
]  # fmt: skip
KINKED = [
    Abs(x - 1), Max(x, y), Min(x, y, 1), Heaviside(x), sign(x - y), Max(0, x) * Min(y, 2) - Abs(x * y - 1),
    Piecewise((x**2, x < 0), (log(y), x > 1), (y, True)), Abs(Abs(x) - 1) + sqrt(Max(y, x**2)),
]  # fmt: skip
DERIVED = [
    innermost(g).W.xreplace(
        {innermost(g).D: y / 4, innermost(g).chi: Rational(2, 3), innermost(g).y: y, innermost(g).x: x}
    )
    for g in (relu(), gate("hardtanh"))
]
FORMULAS = [*SMOOTH, *KINKED, *DERIVED]
BITS = (53, 80, 150)


def exact(value):
    return arb(fmpq(value.numerator, value.denominator))


def number(value):
    return mp.mpf(value.numerator) / value.denominator


def inside(ball, value, bits):
    """Whether a ball contains a value known to about twice its digits."""
    with backend("arb").precision(2 * bits + 20):
        at = backend("arb").number(value)
        slack = (abs(at) + 1) * arb(2) ** (-2 * bits)
        return ball.overlaps(at + arb(0, slack.upper()))


def audit(count, seed):
    """Evaluate ``count`` times; raises at the first value outside its ball, returns how many balls were bounded."""
    draw = random.Random(seed)
    balls = backend("arb")
    compiled = [
        (f, *(compile_scalar([f], (x, y), b) for b in (balls, backend("mpmath"), IntervalBackend()))) for f in FORMULAS
    ]
    slopes = {
        f: compile_scalar([diff(f, x), diff(f, y)], (x, y), backend("mpmath"))
        for f in (*SMOOTH, *DERIVED)
        if not f.has(gamma, loggamma)
    }
    done = finite = 0
    while done < count:
        f, on_balls, by_mpmath, on_cells = draw.choice(compiled)
        bits = draw.choice(BITS)
        size = Fraction(draw.choice([0, 1, 1, 1]), 2 ** draw.randrange(1, 2 * bits))
        middle = Fraction(draw.randrange(-3000, 3000), 1000), Fraction(draw.randrange(1001, 4000), 1000)
        if draw.random() < (0.5 if f in KINKED else 0.1):  # next to a kink, or on it
            middle = Fraction(draw.choice([0, 1])), Fraction(draw.choice([1, 2]))
        if size >= Fraction(1, 2):
            continue
        with balls.precision(bits):
            radius = exact(size).upper()
            found = arb(on_balls(*(exact(m) + arb(0, radius) for m in middle))[0])
            cell = Enclosure.of(on_cells(*variables([(m - size, m + size) for m in middle]))[0])
        for i in range(8):
            point = [m + size * Fraction(draw.randrange(-64, 65), 64) for m in middle]
            done += 1
            with mp.workprec(2 * bits + 30):
                value = by_mpmath(*map(number, point))[0]
                value = mp.mpf(value)
                assert not found.is_finite() or inside(found, value, bits), (f, middle, size, point, found)
                if cell.ends is not None:
                    low, high = cell.ends
                    assert inside(low.union(high), value, bits), (f, middle, size, point, cell.ends)
                if i == 0 and f in slopes and cell.slopes:
                    for end, slope in zip(cell.slopes, slopes[f](*map(number, point)), strict=True):
                        assert end is None or inside(end[0].union(end[1]), mp.mpf(slope), bits), (f, point, end, slope)
        if f in slopes:
            with mp.workprec(bits):
                steep = 1 + sum(abs(mp.mpf(s)) for s in slopes[f](*map(number, middle))) + abs(value)
            bounded = size == 0 or size < Fraction(1, 2**20)
            if bounded:
                finite += 1
                assert found.is_finite() and cell.ends is not None, (f, middle, size)
                width = 2**9 * steep * (number(size) + mp.mpf(2) ** (12 - bits))
                assert balls.to_mpf(found.rad().upper()) < width, (f, middle, size, found)
    return finite


@pytest.mark.slow
def test_values_lie_in_their_balls():
    assert audit(20_000, 1) > 1000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_million_values_lie_in_their_balls(seed):
    assert audit(100_000, seed) > 5_000


def test_what_is_no_number_proves_nothing():
    """No comparison with nan or an infinite ball holds on any of the three grounds of a proof."""
    from sympy import Integer

    from flrdt.derive.core.domains import Domain, Range
    from flrdt.derive.registry import Comparison
    from flrdt.evaluate.verification.direct import compare
    from flrdt.evaluate.verification.proofs import examine

    for bad in (Enclosure.of(arb("nan")), Enclosure.of(arb("inf")), Enclosure.of(arb(0, arb("inf")))):
        for number in (bad, bad + 1, bad * 0, bad - bad, -bad, 1 / bad, 2 - bad):
            assert number.ends is None and not (number > 0 or number < 0 or number >= 0 or number <= 0)
        functions = IntervalBackend().functions()
        for name in sorted(
            set(functions) - {"rational", "pi", "e", "euler", "catalan", "piecewise", "power", "minimum", "maximum"}
        ):
            assert functions[name](bad).ends is None, name
        assert functions["power"](bad, 2).ends is None and functions["maximum"](bad, 1).ends is None
        assert functions["minimum"](1, bad).ends is None
    functions = backend("arb").functions()
    for name in ("sign", "step", "absolute", "exp", "erfc"):
        assert not functions[name](arb("nan")).is_finite()
    assert not functions["power"](arb("nan"), 0).is_finite() and not functions["maximum"](arb("nan"), 1).is_finite()
    undecided = functions["piecewise"]((lambda: (arb("nan"), False), lambda: arb(1)), (lambda: True, lambda: arb(3)))
    assert undecided.contains(1) and undecided.contains(3)
    unit = Domain((Range(x, Integer(-1), Integer(1)),))
    vanishing = Add(log(x), Mul(-1, log(x), evaluate=False), evaluate=False)
    for form in (vanishing, Mul(0, 1 / x, evaluate=False), sqrt(x) + 1, tan(2 * x) ** 2 + 1):
        for relation in ("==", "<", ">", "<=", ">="):
            assert examine(Comparison(form, Integer(0), relation), unit).holds is not True
            assert compare(Comparison(1 / x, Integer(0), relation), {x: Integer(0)}, 10).holds is None


def test_a_ball_stays_a_ball():
    """Conversion to a number of the backend keeps the radius."""
    from flint import arb

    from flrdt.evaluate.arithmetic.backends import backend

    ball = arb(2).sqrt()
    assert backend("arb").number(ball).rad() == ball.rad() > 0
