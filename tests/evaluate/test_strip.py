"""The strip bounds, against functions evaluated inside the strip and errors known in closed form."""

from fractions import Fraction
from functools import lru_cache

import pytest
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpc, mpf
from sympy import lambdify

from flrdt.derive import innermost, relu
from flrdt.evaluate.proofs.strip import Integrand, StripError, integrands, tail_constant

from ..strategies import fractions

signed = fractions(-1, 1)


def as_ball(value):
    return arb(fmpq(value.numerator, value.denominator))


def real(value):
    return mpf(value.numerator) / value.denominator


def number(ball):
    return mpf(float(ball.upper()))


def Phi(z):
    return mp.erfc(-z / mp.sqrt(2)) / 2


@lru_cache
def compiled_innermost():
    form = innermost(relu())
    return lambdify([form.x, form.D, form.y, form.chi], form.W, modules=[{"Phi": Phi}, "mpmath"])


def W(z, kappa, y):
    """W_2 at D_2 = 1 for complex arguments, from the derived closed form."""
    return compiled_innermost()(z, 1, y, kappa**2 / 2)


@pytest.mark.parametrize("eta", [Fraction(1, 5), Fraction(1, 2), Fraction(3, 4), Fraction(1), Fraction(3, 2)])
def test_lower_bound_of_the_distribution_function_in_a_strip(eta):
    """Re Phi(x + i t) >= -exp(eta^2/2) H(pi/(2 eta)) for |t| <= eta (Lemma A)."""
    with mp.workdps(20):
        floor = -mp.exp(real(eta) ** 2 / 2) * Phi(-mp.pi / (2 * real(eta)))
        lowest = min(Phi(mpc(mpf(i) / 8, real(eta) * j / 4)).real for i in range(-120, 121) for j in range(5))
        assert floor <= lowest < 0
        assert lowest < floor / 100  # the bound is not void


@pytest.mark.parametrize("rate", [Fraction(1, 8), Fraction(1), Fraction(2), Fraction(5), Fraction(9)])
def test_constant_of_the_gaussian_tail(rate):
    """Phi(x) <= c exp(rate x), and no constant much smaller would do (a tenth at rate 2)."""
    with mp.workdps(30):
        constant = number(tail_constant(as_ball(rate)))
        largest = max(Phi(mpf(i) / 64) * mp.exp(-real(rate) * i / 64) for i in range(-12 * 64, 8 * 64))
        assert largest <= constant
        if rate >= 1:
            assert constant < largest * (1 + mpf("0.3") / real(rate) ** mpf("1.5"))


def bounds(kappa, y, v, strip=Fraction(1, 2), radius=Fraction(1, 4000), rate=Fraction(2)):
    with ctx.workprec(100):
        return integrands(
            as_ball(kappa),
            [as_ball(a) for a in y],
            [as_ball(a) for a in v],
            as_ball(strip),
            as_ball(radius),
            as_ball(rate),
        )


@pytest.mark.slow
@given(
    kappa=fractions(Fraction(1, 5), 2),
    y=fractions(1, 4),
    ratio=fractions(Fraction(1, 4), Fraction(7, 8)),
    v=fractions(Fraction(1, 2), 8),
    at=st.lists(st.tuples(*[signed] * 10), min_size=6, max_size=6),
)
def test_integrand_bounds_hold_at_complex_parameters(kappa, y, ratio, v, at):
    """|G| + |reference| on the strip and |G - reference| on the line, at random points of the disc."""
    radius, strip, rate = Fraction(1, 4000), Fraction(1, 2), Fraction(2)
    found, _ = bounds(kappa, [y, y * ratio], [v, v + 1], strip, radius, rate)
    with mp.workdps(25):
        for x, height, *rest in at:
            shift = [
                mpc(real(a), real(b)) * real(radius) / mp.sqrt(2) for a, b in zip(rest[::2], rest[1::2], strict=True)
            ]
            k, first, second = real(kappa) + shift[0], real(y) + shift[1], real(y * ratio) + shift[2]

            def G(z, k=k, first=first, second=second):
                return W(z, k, first) ** (second / first)

            def reference(z, second=second):
                return 1 - (1 - mp.exp(-second)) * Phi(z)

            z = mpc(6 * real(x), real(strip) * real(height))
            assert W(z, k, first).real > 0
            assert abs(G(z)) + abs(reference(z)) <= number(found.size)
            t = 9 * real(x)
            assert abs(G(t) - reference(t)) <= number(found.decay) * mp.exp(-real(rate) * abs(t))


@pytest.mark.slow
@given(v=fractions(Fraction(1, 2), 4), re=signed, im=signed)
def test_complex_variance_bounds(v, re, im):
    """Mass of |K_v|, on the line and on the edge of the strip (Lemma F)."""
    radius, strip = Fraction(1, 10), Fraction(1, 2)
    found = bounds(Fraction(1), [Fraction(2)], [v], strip, Fraction(1, 4000))[-1]
    wide = bounds(Fraction(3), [Fraction(1, 2)], [v], Fraction(1, 8), radius)[-1]
    with mp.workdps(15):
        for bound, r, a in ((found, Fraction(1, 4000), strip), (wide, radius, Fraction(1, 8))):
            w = real(v) + mpc(real(re), real(im)) * real(r) / mp.sqrt(2)

            def density(u, w=w):
                return abs(mp.exp(-(u**2) / (2 * w)) / mp.sqrt(2 * mp.pi * w))

            line = mp.quad(density, [-20, -5, 0, 5, 20])
            edge = mp.quad(lambda u, a=a, density=density: density(mpc(u, real(a))), [-20, -5, 0, 5, 20])
            assert line <= number(bound.mass) * (1 + mpf("1e-12"))
            assert edge <= number(bound.mass * bound.shift) * (1 + mpf("1e-12"))


@pytest.mark.parametrize("step", [Fraction(1, 2), Fraction(1, 4), Fraction(1, 8), Fraction(1, 12)])
def test_quadrature_error_against_a_pole_with_a_known_integral(step):
    """int K_v(x)/(x^2 + b^2) dx is an erfc; its trapezoidal error is governed by the pole at i b."""
    b, v, strip, reach = mpf(1), mpf(1), Fraction(9, 10), Fraction(24)
    with mp.workdps(60), ctx.workprec(200):
        exact = mp.sqrt(mp.pi / 2) * mp.exp(b**2 / (2 * v)) * mp.erfc(b / mp.sqrt(2 * v)) / (b * mp.sqrt(v))
        h = mpf(step.numerator) / step.denominator
        n = int(reach / step)
        total = sum(mp.npdf(j * h, 0, 1) / ((j * h) ** 2 + b**2) for j in range(-n, n + 1)) * h
        error = abs(total - exact)
        a = as_ball(strip)
        size = 1 / (1 - a * a)
        claim = Integrand(size, arb(1), arb(1), arb(1), (a * a / 2).exp())
        bound = number(claim.quadrature_error(as_ball(step), as_ball(reach), a, arb(4)))
        assert error <= bound
        assert bound <= error * 10 * mp.exp(2 * mp.pi * mpf("0.1") / h)  # all that the narrower strip gives away


@pytest.mark.parametrize(
    "case",
    [
        {"strip": Fraction(3)},
        {"radius": Fraction(1, 2)},
        {"y": [Fraction(3), Fraction(3)]},
        {"v": [Fraction(1, 8000), Fraction(1)]},
    ],
    ids=str,
)
def test_bounds_that_do_not_close_are_refused(case):
    given_ = {
        "kappa": Fraction(7, 10),
        "y": [Fraction(3), Fraction(2)],
        "v": [Fraction(2), Fraction(3)],
    } | case
    with pytest.raises(StripError):
        bounds(**given_)
