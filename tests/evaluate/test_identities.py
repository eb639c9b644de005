"""The normal form: what is 0 in it, by rules that hold for all real arguments, and what must not be."""

import pytest
from mpmath import mp, mpf
from sympy import Abs, Add, Integer, Max, Min, Mul, Pow, Rational, Symbol, atan, erfc, exp, log, pi, sqrt

from flrdt.derive.core.gaussian import H, Phi, phi
from flrdt.evaluate.verification.identities import PROBLEMS, constant, difference, factors

x, y = Symbol("x", real=True), Symbol("y", real=True)
a, b = Symbol("a", positive=True), Symbol("b", positive=True)


def product(*parts):
    return Mul(*parts, evaluate=False)


EQUAL = [
    (log(product(x, x, y)), 2 * log(x) + log(y)),
    (product(exp(x / 3), exp(x / 2)), exp(5 * x / 6)),
    (sqrt(product(x, y)), product(sqrt(x), sqrt(y))),
    (Max(x, y) - Min(x, y), Abs(x - y)),
    (Max(x, Max(y, 0)), Max(Max(0, x), y)),
    (1 / (sqrt(a) - 1), (sqrt(a) + 1) / (a - 1)),
    (log(product(exp(x), a)), x + log(a)),
    (exp(2 * log(x)), x**2),
    (sqrt(a**2 + 2 * a * b + b**2), a + b),
    (Phi(-x), H(x)),
    (phi(x) ** 2, exp(-(x**2)) / (2 * pi)),
    (erfc(-x / a), 2 - erfc(x / a)),
    (sqrt(Integer(12)), 2 * sqrt(Integer(3))),
    (Pow(a, b), exp(b * log(a))),
    (Abs(Abs(x) - y), Abs(y - Abs(x))),
    (log((sqrt(a) + 1) ** 2), log(a + 2 * sqrt(a) + 1)),
]
DIFFERENT = [
    (sqrt(product(x, x)), x),
    (Abs(x), x),
    (Max(x, y), x),
    (log(product(x, x)), log(x)),
    (exp(x), exp(-x)),
    (erfc(x), 1 - erfc(-x)),
    (sqrt(Integer(2)) * sqrt(Integer(3)), sqrt(Integer(5))),
    (1 + exp(-900000 * a), Integer(1)),
    (atan(x), atan(-x)),
    (sqrt(a + b), sqrt(a) + sqrt(b)),
    (sqrt(Integer(2)), Rational(141421356237309504880168872420969808, 10**35)),
]


@pytest.mark.parametrize("left, right", EQUAL)
def test_equal_sides_differ_by_nothing(left, right):
    assert difference(left, right)[0] == 0


@pytest.mark.parametrize("left, right", DIFFERENT)
def test_different_sides_do_not(left, right):
    assert difference(left, right)[0] != 0


def test_signs_of_the_domain_are_used():
    root = sqrt(product(x, x))
    assert difference(root, x, lambda e: 1 if e == x else 0)[0] == 0
    assert difference(root, -x, lambda e: -1 if e == x else 0)[0] == 0


def test_the_whole_has_the_value_of_the_difference():
    """By mpmath, at a point where every part has a value."""
    for left, right in DIFFERENT:
        whole = difference(left, right)[1]
        at = {x: Rational(-3, 7), y: Rational(5, 3), a: Rational(2, 5), b: Rational(7, 2)}
        if any(e.has(log) for e in (left, right)):
            at[x] = Rational(3, 7)
        with mp.workdps(40):
            direct, normal = (mpf(str(e.subs(at).evalf(40, maxn=10**6))) for e in (left - right, whole))
            assert abs(direct - normal) <= mpf(10) ** -30 * max(1, abs(direct))


def test_constants_and_factors():
    assert constant(Add(x, 2, product(-1, x), evaluate=False)) == 2 and constant(x) is None
    number, found = factors(2 * x * y - 2 * x**3)
    assert number == -2 and {e.as_poly(x, y) for e, n in found if n == 1} == {(x**2 - y).as_poly(x, y), x.as_poly(x, y)}
    with pytest.raises(PROBLEMS):
        difference(1 / Add(x, product(-1, x), evaluate=False), Integer(0))
    with pytest.raises(PROBLEMS):
        difference(product(*(Add(x, n, evaluate=False) ** 40 for n in range(1, 12))), Integer(0))
