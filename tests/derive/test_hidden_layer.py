"""The hidden layer: inner maximisation, wedge closed forms, their limits, and the recursion's moments."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given
from scipy import integrate
from sympy import Rational, symbols

from flrdt.derive import Verdict, hidden_exponential, hidden_mean, inner_maximum, layer_recursion, lifted_hidden
from flrdt.derive.blocks import hidden_lifted as lifted
from flrdt.derive.blocks.angular import angular_steps
from flrdt.derive.blocks.hidden_averages import exponential_domain, scaling_steps
from flrdt.derive.blocks.hidden_maximum import HiddenValue, chi, h, mu, w
from flrdt.derive.core.formulas import Derivation
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.arithmetic.compile import compile_scalar

from ..strategies import fractions

positive = fractions(Fraction(1, 10), 4, 16)
KAPPA_TAU = symbols("kappa tau", positive=True)
ETA = symbols("eta", positive=True)


def brute_value(w, h, chi, mu):
    """v(w, h) by comparing the candidates of the maximisation, written independently of the wedges."""
    candidates = [min(w, 0.0), 0.0]
    active = (w / chi + h) / (1 / chi + mu)
    if active > 0:
        candidates.append(active)
    return max(-((z - w) ** 2) / (2 * chi) + h * max(z, 0) - mu * max(z, 0) ** 2 / 2 for z in candidates)


def angular(f, kappa, tau):
    """Angular average of f(V) with the kinks of V found numerically by subdivision."""
    value = lambda t: brute_value(math.cos(t), math.sin(t), 1 / tau, kappa)  # noqa: E731
    low, high = -math.atan(tau), math.pi - math.atan(tau + math.sqrt(tau * (tau + kappa)))
    points = [-math.pi / 2, low, math.pi / 2, high, 3 * math.pi / 2]
    pieces = [integrate.quad(lambda t: f(value(t)), a, b, epsabs=1e-13, epsrel=1e-12)[0] for a, b in pairwise(points)]
    return sum(pieces) / (2 * math.pi)


def number(expression, values):
    return compile_scalar([expression], list(values), backend("float64"))(*map(float, values.values()))[0]


@pytest.mark.parametrize(
    "formula",
    [hidden_mean, hidden_exponential, lambda: lifted_hidden().formula, lambda: inner_maximum().formula],
    ids=["mean", "exponential", "lifted", "inner"],
)
def test_every_step_is_proved(formula):
    assert formula().derivation.verdict() is Verdict.PROVED


def test_angular_rules_are_proved():
    assert all(Derivation(steps).verdict() is Verdict.PROVED for steps in (angular_steps(), scaling_steps()))


def test_wedges_come_from_the_maximisation():
    boundary = inner_maximum().form(1, True).lower
    assert boundary == -1 / chi
    assert {(g.side, g.active) for g in inner_maximum().wedges} == {
        (1, True),
        (1, False),
        (-1, True),
        (-1, False),
    }


@given(fractions(-4, 4, 16), fractions(-4, 4, 16), positive, positive)
@example(Fraction(-1), Fraction(3), Fraction(1), Fraction(1))
def test_value_agrees_with_the_maximisation(a, b, c, m):
    found = HiddenValue(Rational(a), Rational(b), Rational(c), Rational(m)).doit()
    assert float(found) == pytest.approx(brute_value(*map(float, (a, b, c, m))), abs=1e-12)


@given(fractions(-2, 2, 8), fractions(-2, 2, 8), fractions(Fraction(1, 8), 3, 8))
def test_value_is_homogeneous_of_degree_two(a, b, scale):
    value = HiddenValue(w, h, chi, mu).doit().subs({chi: Rational(3, 5), mu: Rational(7, 10)})
    at = value.subs({w: Rational(a), h: Rational(b)})
    assert value.subs({w: Rational(a * scale), h: Rational(b * scale)}) == at * Rational(scale) ** 2


@given(positive, positive)
def test_mean_agrees_with_quadrature(kappa, tau):
    closed = number(hidden_mean().statement.rhs, dict(zip(KAPPA_TAU, (kappa, tau), strict=True)))
    assert closed == pytest.approx(angular(lambda v: 2 * v, float(kappa), float(tau)), abs=1e-10)


@given(positive, positive, fractions(Fraction(1, 20), Fraction(19, 20), 20))
def test_exponential_agrees_with_quadrature(kappa, tau, share):
    # eta up to a share of its largest admissible value, where the determinant vanishes
    diagonal, determinant = (number_at_eta(e, kappa, tau) for e in exponential_domain())
    largest = float(kappa + tau)
    while not (diagonal(largest) > 0 and determinant(largest) > 0):
        largest *= 0.9
    eta = largest * float(share)
    closed = number(hidden_exponential().statement.rhs, dict(zip((*KAPPA_TAU, ETA), (kappa, tau, eta), strict=True)))
    direct = angular(lambda v: 1 / (1 - 2 * eta * v), float(kappa), float(tau))
    assert closed == pytest.approx(direct, rel=1e-9)


def number_at_eta(expression, kappa, tau):
    compiled = compile_scalar([expression], [*KAPPA_TAU, ETA], backend("float64"))
    return lambda eta: compiled(float(kappa), float(tau), eta)[0]


def test_exponential_has_the_mean_as_its_slope():
    step = 1e-6
    values = dict(zip(KAPPA_TAU, (Fraction(1, 2), Fraction(3, 2)), strict=True))
    above, below = (number(hidden_exponential().statement.rhs, values | {ETA: e}) for e in (2 * step, step))
    assert (above - below) / step == pytest.approx(number(hidden_mean().statement.rhs, values), abs=1e-5)


def test_stiff_layer_stays_idle():
    """mu -> infinity: no unit moves, E v = -E(w)_+^2/(2 chi) = -tau/4 in the reduced scaling."""
    tau = Fraction(3, 2)
    value = number(hidden_mean().statement.rhs, dict(zip(KAPPA_TAU, (Fraction(10**10), tau), strict=True)))
    assert value == pytest.approx(-float(tau) / 4, rel=1e-4)


def test_recursion_is_proved_and_is_the_envelope_of_the_mean():
    """sqrt(p q) E v is the value of the layer Lagrangian: gain - kappa square/2 - tau cost/2 (two
    derivations).
    """
    form = layer_recursion()
    values = dict(zip(KAPPA_TAU, (Fraction(2, 3), Fraction(5, 4)), strict=True))
    kappa, tau = KAPPA_TAU
    lagrangian = form.gain - kappa * form.square / 2 - tau * form.cost / 2
    assert number(lagrangian, values) == pytest.approx(number(hidden_mean().statement.rhs, values), abs=1e-13)


@pytest.mark.slow
def test_recursion_steps_are_proved():
    assert layer_recursion().formula.derivation.verdict() is Verdict.PROVED


@given(
    fractions(Fraction(1, 8), 2, 8),
    fractions(-2, 2, 8),
    fractions(Fraction(1, 4), 2, 8),
    fractions(Fraction(1, 2), 3, 8),
    fractions(Fraction(1, 4), 1, 8),
)
def test_lifted_transform_agrees_with_quadrature(a, g, c, m, y):
    q_1, q_2 = Fraction(6, 5), Fraction(2, 5)
    if y * (q_1 - q_2) >= Fraction(9, 10) * (1 / c + m):
        return
    values = {lifted.a: a, lifted.mean: math.sqrt(q_2) * g, chi: c, mu: m, lifted.variance: q_1 - q_2, lifted.y: y}
    for side in (1, -1):
        closed = number(lifted_hidden().transform[side].doit(), values)
        ray = float(a) * float(inner_maximum().form(side, True).lower.subs({chi: Rational(c), mu: Rational(m)}))
        kink = (ray - math.sqrt(q_2) * float(g)) / math.sqrt(q_1 - q_2)

        def integrand(u, side=side):
            field = math.sqrt(q_2) * float(g) + math.sqrt(q_1 - q_2) * u
            v = brute_value(side * float(a), field, float(c), float(m))
            return math.exp(float(y) * v - u * u / 2) / math.sqrt(2 * math.pi)

        cuts = sorted({-40.0, 40.0, min(max(kink, -40.0), 40.0)} | {-8.0, 8.0})
        direct = sum(integrate.quad(integrand, x, z, epsabs=1e-12, limit=400)[0] for x, z in pairwise(cuts))
        assert closed == pytest.approx(direct, rel=1e-8)
