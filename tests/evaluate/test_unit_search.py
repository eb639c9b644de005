"""The numerical routes of the verification for hidden layers: searches, polar quadrature, conditioned domains."""

import math

import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st
from sympy import Eq, Integral, Rational, Symbol, exp, oo, pi, sqrt, symbols

from flrdt.derive import Expectation, Verdict, hidden_mean, inner_maximum
from flrdt.derive.blocks.hidden_averages import lifting_bound
from flrdt.derive.blocks.hidden_maximum import HiddenActivation, HiddenValue, chi, w
from flrdt.derive.core.domains import Below, DomainError, default_domain
from flrdt.derive.core.maxima import Maximum
from flrdt.derive.registry import Comparison, make_entry, stated
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.verification.direct import compare
from flrdt.evaluate.verification.hidden_fields import best_response, breakpoints
from flrdt.evaluate.verification.runner import verify_entry
from flrdt.evaluate.verification.searches import SearchError, maximum, root

from ..derive.test_hidden_layer import brute_value
from ..strategies import fractions

u, s, t = symbols("u s t", real=True)
field, positive = fractions(-4, 4, 16), fractions("1/10", 4, 16)
cube = st.lists(st.fractions(0, 1, max_denominator=50), min_size=5, max_size=5)


def number(x):
    return backend("arb").rational(x.numerator, x.denominator)


@given(st.tuples(field, field, positive, positive))
def test_best_response_against_the_candidates_of_the_maximisation(fields):
    with backend("arb").precision(200):
        found = best_response(map(number, fields), 30)
        assert float(found.value.mid()) == pytest.approx(brute_value(*map(float, fields)), abs=1e-12)


def test_searches():
    with backend("arb").precision(300):
        point, value = maximum(lambda x: x.sin(), arb(0), arb(3), 40)
        assert abs(point - arb.pi() / 2) < arb(10) ** -20 and abs(value - 1) < arb(10) ** -40
        assert maximum(lambda x: -x, arb(2), arb(5), 20)[0] == 2
        assert abs(root(lambda x: x * x - 2, arb(1), arb(2), 40) ** 2 - 2) < arb(10) ** -38
        with pytest.raises(SearchError, match="fall"):
            maximum(lambda x: x, arb(0), None, 10)


def test_a_circle_of_fields_meets_both_rays():
    """chi = mu = 1: the rays are at the slopes -1 and 1 + sqrt(2), and w changes sign twice."""
    with backend("arb").precision(200):
        one = arb(1)
        found = breakpoints(lambda a: (a.cos(), a.sin(), one, one), -arb(1.6), arb(4.65), 20)
        angles = [-math.pi / 2, -math.pi / 4, math.pi / 2, math.pi - math.atan(1 + math.sqrt(2))]
        assert [float(k.mid()) for k in found] == pytest.approx(angles, abs=1e-12)


@pytest.mark.slow
def test_shifted_fields_agree_with_nested_quadrature():
    """The same average in polar coordinates around the point without fields, and as an integral over one field."""
    value = HiddenValue(u + Rational(1, 2), s - Rational(1, 3), 1, 2)
    polar = Expectation(Expectation(exp(value / 4), s), u)
    inner = Expectation(exp(value.subs(u, t) / 4), s) * exp(-(t**2) / 2) / sqrt(2 * pi)
    kink = -Rational(1, 2)
    nested = Integral(inner, (t, -oo, kink)) + Integral(inner, (t, kink, oo))
    assert compare(Comparison(polar, nested), {}, 12).holds


def test_maximum_and_activation_are_unevaluated():
    z = Symbol("z", real=True)
    assert compare(Comparison(Maximum(2 * z - z**2, z, 0, oo), Rational(1)), {}, 30).holds
    assert compare(Comparison(HiddenActivation(1, 1, 1, 1), Rational(1)), {}, 30).holds
    assert compare(Comparison(HiddenActivation(-2, 1, 1, 1), Rational(-2)), {}, 30).holds


@given(cube)
def test_lifting_stays_below_its_bound(units):
    p, q, c, m, y = symbols("p q chi mu y", positive=True)
    bound = lifting_bound(p, q, c, m)
    domain = default_domain([p, q, c, m, y], {"y": Below((bound,))})
    point = domain.point(units)
    largest = float(bound.subs(point))
    assert 0 <= point[y] <= Rational(3, 5) * largest * (1 + Rational(1, 10**9))
    with pytest.raises(DomainError, match="depends on other symbols"):
        domain.box()
    # 2 y v < 1 on the unit circle of the scaled fields, by the candidates of the maximisation
    a, b, c, m, rate = (float(point[x]) for x in (p, q, c, m, y))
    for i in range(64):
        angle = math.pi * i / 32
        v = brute_value(math.sqrt(a) * math.cos(angle), math.sqrt(b) * math.sin(angle), c, m)
        assert 2 * rate * v < 1


def test_a_broken_wedge_is_failed_with_its_point():
    """The sign of one term of the active value."""
    right = inner_maximum().formula.statement
    for wrong in (-right.rhs, right.rhs + chi * w**2, 2 * right.rhs):
        broken = Eq(right.lhs, wrong, evaluate=False)
        found = verify_entry(make_entry(stated("t.unit", "Broken unit", broken), "search"), 30, 20)
        assert found.verdict is Verdict.FAILED and set(found.counterexample) == {"chi", "h", "mu", "w"}


@pytest.mark.slow
def test_a_broken_average_is_failed_with_its_point():
    """A wedge left out of the mean."""
    right = hidden_mean().statement
    broken = Eq(right.lhs, right.rhs - right.rhs.args[0], evaluate=False)
    found = verify_entry(make_entry(stated("t.mean", "Broken mean", broken), "polar quadrature", most=1), 10, 1)
    assert found.verdict is Verdict.FAILED and set(found.counterexample) == {"kappa", "tau"}
