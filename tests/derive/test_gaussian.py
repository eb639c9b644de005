"""Expectations and the rules that evaluate them."""

import pytest
from hypothesis import given
from mpmath import inf, mp, mpf, npdf, quad
from sympy import Integral, Rational, Symbol, diff, erfc, exp, latex, oo, sqrt, symbols

from flrdt.derive.core.gaussian import Expectation, H, NotQuadratic, Phi, check_piece, gaussian_piece, phi
from flrdt.derive.core.insertion import insert

from ..strategies import fractions

h, x, u = symbols("h x u", real=True)
D, y, chi = symbols("D y chi", positive=True)


def test_distribution_functions_differentiate_and_rewrite():
    assert diff(Phi(2 * x), x) == 2 * phi(2 * x)
    assert diff(H(x), x) == -phi(x)
    assert Phi(oo) == 1 and Phi(-oo) == 0 and H(0) == Rational(1, 2)
    assert Phi(x).rewrite(erfc) + H(x).rewrite(erfc) == 1 or (Phi(x) + H(x)).rewrite(erfc).simplify() == 1
    assert abs(Phi(Rational(3, 2)).evalf(30) - Rational(1, 2) * erfc(-Rational(3, 2) / sqrt(2)).evalf(30)) < 1e-29


def test_expectation_stays_unevaluated_and_unfolds():
    e = Expectation(exp(x * u), u)
    assert str(e) == "E_u[exp(u*x)]"
    assert r"\mathbb{E}_{u}" in latex(e)
    assert e.free_symbols == {x}
    assert e.unfold() == exp(x**2 / 2)
    assert e.diff(x).unfold() == x * exp(x**2 / 2)
    assert e.subs(u, 3) == e and e.subs(x, 2) == Expectation(exp(2 * u), u)
    stubborn = Expectation(1 / (1 + u**2), u)
    assert stubborn.doit() == stubborn


def test_rule_refuses_what_it_does_not_cover():
    with pytest.raises(NotQuadratic):
        gaussian_piece(exp(h**3), h, x, D, -oo, oo)


@pytest.mark.parametrize("integrand", [exp(-y), exp(-y * h**2 / (2 * chi)), exp(-y * (h - 2) ** 2 / (2 * chi)), h**2])
def test_piece_satisfies_the_fundamental_theorem(integrand):
    assert check_piece(integrand, h, x, D) is True


@given(fractions(-3, 3), fractions(Rational(1, 10), 2), fractions(0, 3), fractions(-2, 1), fractions(0, 2))
def test_piece_against_quadrature(mean, variance, rate, low, width):
    high = low + width
    integrand = h**2 * exp(-rate * h**2 / 2)
    value = gaussian_piece(integrand, h, Rational(mean), Rational(variance), Rational(low), Rational(high)).value
    with mp.workdps(30):
        m, s = mpf(mean.numerator) / mean.denominator, mp.sqrt(mpf(variance.numerator) / variance.denominator)
        a = mpf(rate.numerator) / rate.denominator
        ends = [mpf(low.numerator) / low.denominator, mpf(high.numerator) / high.denominator]
        reference = quad(lambda t: t**2 * mp.exp(-a * t**2 / 2) * npdf(t, m, s), ends)
        assert abs(mpf(str(value.evalf(30))) - reference) < mpf(10) ** -22


def test_infinite_interval_against_quadrature():
    value = gaussian_piece(exp(-(h**2)), h, Rational(1, 3), Rational(1, 2), -oo, oo).value
    with mp.workdps(25):
        reference = quad(lambda t: mp.exp(-(t**2)) * npdf(t, mpf(1) / 3, mp.sqrt(mpf(1) / 2)), [-inf, 0, inf])
        assert abs(mpf(str(value.evalf(25))) - reference) < mpf(10) ** -20


def test_symbols_are_not_captured():
    t = Symbol("t", real=True)
    nested = Expectation(exp(t * u) * Expectation(exp(t * u), u), u)
    assert nested.free_symbols == {t}


def test_what_is_inserted_is_not_bound():
    """The mean over x of x y + z is z, whatever y is: a free symbol that is called x is another one."""
    x, y, z = symbols("x y z", real=True)
    mean = Expectation(x * y + z, x)
    for found in (insert(mean, {y: x}), mean.subs(y, x), insert(mean, {y: x, z: z})):
        assert x in found.free_symbols and found.unfold() == z
    assert insert(mean, {z: y, y: z}).unfold() == y and insert(Integral(x * y, (x, 0, 1)), {y: x}).doit() == x / 2
    with pytest.raises(ValueError, match="bound and free"):
        insert(Integral(x * y, (x, 0, x)), {y: x})
