"""The lower bound: the optimal map against a discretised variational problem, and the closed forms against quadrature."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import lsq_linear
from scipy.stats import norm
from sympy import Rational

from flrdt.derive import InputError, Network, Verdict, gate, relu
from flrdt.derive.conditions.lower_bound import beta, delta, k, lower_bound, moments, optimal_map, sides


def number(expr, **values):
    at = {delta: values["d"], k: values["k"], beta: values.get("b", 0)}
    return float(expr.subs({s: Rational(str(v)) for s, v in at.items()}).evalf(17))


def mean(f, corners):
    ends = [-9.0, *corners, 9.0]
    return sum(quad(lambda u: f(u) * norm.pdf(u), a, b)[0] for a, b in pairwise(ends))


@pytest.mark.parametrize(("d", "top", "b"), [(0.19, 0.8, 0), (0.3, 1.1, -0.7), (0.05, 0.4, 1.2)])
def test_moments_by_quadrature(d, top, b):
    def clip(u):
        return min(max(u - b, d), top)

    corners = (b + d, b + top)
    found = moments()
    assert number(found.square, d=d, k=top, b=b) == pytest.approx(mean(lambda u: clip(u) ** 2, corners), abs=1e-9)
    assert number(found.slope, d=d, k=top, b=b) == pytest.approx(mean(lambda u: u * clip(u), corners), abs=1e-9)
    assert number(found.above, d=d, k=top, b=b) == pytest.approx(norm.sf(b + top), abs=1e-12)


@pytest.mark.parametrize(("d", "top", "b"), [(0.1916, 0.7995, 0), (0.22, 0.69, 0.5)])
def test_no_other_map_has_a_smaller_lagrangian(d, top, b):
    """Discretised: increments in [0, h] to both sides of the field where d = h - b = k, a bounded least-squares problem."""
    multiplier = number(moments().multiplier, d=d, k=top, b=b)
    width = 0.05
    left, right = (np.arange(0, 80) + 0.5) * width, (np.arange(0, 70) + 0.5) * width
    fields = np.concatenate([(b + top - left)[::-1], b + top + right])
    weights = norm.pdf(fields) * width
    below = -np.tril(np.ones((80, 80)))  # d falls to the left, increment by increment
    below[np.diag_indices(80)] = -0.5
    above = np.tril(np.ones((70, 70)))
    above[np.diag_indices(70)] = 0.5
    matrix = np.zeros((150, 150))
    matrix[:80, :80], matrix[80:, 80:] = below[::-1], above
    root = np.sqrt(weights)
    target = -root * (top + multiplier * fields)  # E (d + lambda h)^2 is the Lagrangian up to a constant
    best = lsq_linear(root[:, None] * matrix, target, bounds=(0, width), tol=1e-14)
    found = top + matrix @ best.x
    expected = np.clip(fields - b, d, top)
    assert np.max(np.abs(found - expected)[np.abs(fields) < 2.5]) < 0.03
    own = np.sum(weights * (expected + multiplier * fields) ** 2)
    assert 2 * best.cost == pytest.approx(own, abs=2e-4)


def test_every_step_of_the_derivations_is_proved():
    for formula in moments().formulas.values():
        assert formula.verdict() is Verdict.PROVED, formula.id
    for network in (Network(relu()), Network(gate("hardtanh")), Network(gate("relu-bias:1/2"), 1, Rational(3, 2))):
        assert lower_bound(network).formula.verdict() is Verdict.PROVED


def test_the_conditions_of_the_rectifier():
    from sympy import simplify

    from flrdt.derive import H, Phi, phi

    bound = lower_bound()
    assert simplify(bound.conditions[1] - (H(delta) - 2 * H(k))) == 0
    rest = bound.conditions[0] - bound.conditions[1]
    wanted = delta**2 * Phi(delta) + delta * phi(delta) - k * phi(k) + k**2 * H(k)
    assert simplify((rest - wanted).replace(H, lambda a: 1 - Phi(a)).expand()) == 0


def test_what_has_a_bound():
    assert set(sides(gate("relu"))) == {False} and set(sides(gate("(-oo,1)"))) == {True}
    assert set(sides(gate("relu6"))) == {False, True} and set(sides(gate("hardtanh"))) == {False}
    with pytest.raises(InputError, match="active at both ends"):
        lower_bound(Network(gate("softshrink:1")))
    with pytest.raises(InputError, match="depth 2"):
        lower_bound(Network(relu(), 2))
    with pytest.raises(InputError, match="right end"):
        lower_bound(Network(relu()), mirrored=True)
    assert str(optimal_map()) == "Min(k, Max(delta, -beta + h))"
