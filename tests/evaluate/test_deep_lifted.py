"""The fully lifted level 2 of deep networks: quadrature, gradient, limits, and the solutions."""

from dataclasses import replace

import numpy
import pytest
from hypothesis import given, settings
from sympy import sqrt

from flrdt.derive import hidden_exponential, hidden_mean
from flrdt.derive.blocks.hidden_averages import eta, kappa, tau
from flrdt.evaluate import capacity
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.arithmetic.compile import compile_scalar
from flrdt.evaluate.quadrature.two_fields import FieldGrid, LiftedTerms
from flrdt.evaluate.results.chain import deep_capacity
from flrdt.evaluate.solve.deep_closed import partial_point
from flrdt.evaluate.solve.lifted import LiftedSystem, genuine, solve_lifted

from ..derive.test_hidden_layer import brute_value
from ..strategies import fractions

GRID = FieldGrid(digits=14, step=0.25, nodes=120)
FIRST = "6.71569683767"
# (chi, p_1, p_2, mu, q_1, q_2, y), admissible: y (q_1 - q_2) < 1/chi + mu
POINT = (0.3, 1.2, 0.5, 0.7, 0.9, 0.3, 0.8)


def closed_term(formula, chi, p, mu, q, y):
    """Closed-form term of a hidden layer at centred fields, in the reduced variables."""
    reduced = {kappa: mu * (p / q) ** 0.5, tau: (p / q) ** 0.5 / chi, eta: y * (p * q) ** 0.5}
    return compile_scalar([formula().statement.rhs], list(reduced), backend("float64"))(*reduced.values())[0]


@settings(max_examples=6)
@given(*(fractions("1/5", "9/10", 10) for _ in range(3)))
def test_gradient_against_differences(chi, p_share, q_share):
    point = numpy.array([float(chi), 1.2, 1.2 * float(p_share), 0.7, 0.9, 0.9 * float(q_share), 0.8])
    terms = LiftedTerms(GRID)
    _, gradient = terms.hidden(point)
    for i, slope in enumerate(gradient):
        step = numpy.zeros(7)
        step[i] = 1e-5
        above, below = (terms.hidden(point + s * step, slopes=False)[0] for s in (1, -1))
        assert slope == pytest.approx((above - below) / 2e-5, abs=1e-7)


def test_output_gradient_against_differences():
    point, terms = numpy.array([0.1, 2.4, 1.9, 3.0]), LiftedTerms(GRID)
    _, gradient = terms.output(point)
    for i, slope in enumerate(gradient):
        step = numpy.zeros(4)
        step[i] = 1e-6
        above, below = (terms.output(point + s * step, slopes=False)[0] for s in (1, -1))
        assert slope == pytest.approx((above - below) / 2e-6, abs=1e-7)


def test_term_against_brute_force():
    """E log E exp(y v) by trapezoidal sums over all four normals, v from the maximisation itself."""
    chi, p_1, p_2, mu, q_1, q_2, y = POINT
    outer = numpy.arange(-6, 6.01, 0.6)
    inner = numpy.arange(-8, 8.01, 0.04)
    weight = numpy.exp(-(inner**2) / 2) * 0.04 / numpy.sqrt(2 * numpy.pi)
    value = numpy.vectorize(brute_value)
    assert value(0.3, -0.2, chi, mu) == pytest.approx(fast_value(0.3, -0.2, chi, mu))
    total = 0.0
    for a in outer:
        w = numpy.sqrt(p_2) * a + numpy.sqrt(p_1 - p_2) * inner
        for b in outer:
            h = numpy.sqrt(q_2) * b + numpy.sqrt(q_1 - q_2) * inner
            field = numpy.exp(y * fast_value(w[:, None], h[None, :], chi, mu))
            total += numpy.exp(-(a * a + b * b) / 2) * numpy.log(weight @ field @ weight)
    total *= 0.36 / (2 * numpy.pi) / y
    assert LiftedTerms(GRID).hidden(POINT, slopes=False)[0] == pytest.approx(total, abs=2e-5)


def fast_value(w, h, chi, mu):
    """v(w, h) on arrays: the better of the idle and the active candidate."""
    active = numpy.maximum((w / chi + h) / (1 / chi + mu), 0)
    gain = -((active - w) ** 2) / (2 * chi) + h * active - mu * active**2 / 2
    return numpy.maximum(gain, -(numpy.maximum(w, 0) ** 2) / (2 * chi))


def test_without_overlaps_it_is_the_partial_level():
    chi, p, _, mu, q, _, y = POINT
    found = LiftedTerms(GRID).hidden((chi, p, 1e-13, mu, q, 1e-13, y), slopes=False)[0]
    closed = numpy.log(closed_term(hidden_exponential, chi, p, mu, q, y)) / y
    assert found == pytest.approx(closed, abs=1e-9)


def test_merged_overlaps_give_the_plain_level():
    chi, p, _, mu, q, _, y = POINT
    fine = replace(GRID, step=0.05, nodes=1200)
    found = LiftedTerms(fine).hidden((chi, p, p - 1e-4, mu, q, q - 1e-4, y), slopes=False)[0]
    assert found == pytest.approx((p * q) ** 0.5 * closed_term(hidden_mean, chi, p, mu, q, y), abs=1e-3)


def test_small_lifting_is_the_plain_level():
    chi, p_1, p_2, mu, q_1, q_2, _ = POINT
    found = LiftedTerms(GRID).hidden((chi, p_1, p_2, mu, q_1, q_2, 1e-5), slopes=False)[0]
    assert found == pytest.approx((p_1 * q_1) ** 0.5 * closed_term(hidden_mean, chi, p_1, mu, q_1, 1), abs=1e-5)


def test_balls_agree_with_doubles():
    arb = backend("arb")
    with arb.precision(90):
        exact = LiftedTerms(replace(GRID, step=0.4, nodes=60, name="arb"))
        value, gradient = exact.hidden([arb.number(v) for v in POINT])
    coarse = LiftedTerms(replace(GRID, step=0.4, nodes=60)).hidden(POINT)
    assert float(value.mid()) == pytest.approx(coarse[0], abs=1e-13)
    assert [float(s.mid()) for s in gradient] == pytest.approx(coarse[1], abs=1e-11)


def test_solution_at_depth_two():
    """Theory page, section 4c: about 6.430; below the partial value, and a genuine point."""
    report = []
    found = solve_lifted([FIRST], 1, 8, report.append)
    assert float(found.alpha.mid()) == pytest.approx(6.430, abs=5e-4)
    assert found.alpha_error < 1e-8 and report
    assert float(found.alpha.mid()) < partial_point([float(FIRST)], 1.0, 0.6)[-1]
    at = {n: float(v.mid()) for n, v in found.values.items()}
    assert at["y_2"] > 1 and 0.1 < at["p^(0)_2"] < 0.9 and 0.01 < at["q^(1)_2"] / at["q^(1)_1"] < 0.9


def test_spurious_points_are_recognised():
    system = LiftedSystem([float(FIRST)], 1.0, GRID)
    good = [0.0555, 0.731, 7.28, 2.41, 1.88, 2.64, 0.512, 0.131, 3.19, 6.43]
    assert genuine(system, good)
    for place, value in ((1, 0.9999), (1, 1e-9), (4, 2.4099), (6, 1e-9), (6, 2.6399), (8, 1e-4)):
        bad = list(good)
        bad[place] = value
        assert not genuine(system, bad)


@pytest.mark.slow
def test_depth_one_is_the_one_layer_code():
    lifted, single = solve_lifted([], 1, 20), capacity(2, 20)
    assert abs(backend("arb").to_mpf(lifted.alpha) - single.alpha) < 1e-15
    assert float(lifted.values["p^(0)_2"].mid()) == pytest.approx(float(single.parameters["p_2"]), abs=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("notion, reference", [("weak", 6.430), ("strong", 9.662)])
def test_theory_values(notion, reference):
    found = deep_capacity(2, 15, depth=2, notion=notion)
    assert float(found.alpha) == pytest.approx(reference, abs=1e-3) and found.alpha_error < 1e-15


@pytest.mark.slow
def test_deeper_chains():
    """Each value lies below the partial one behind the same widths, and more digits confirm fewer."""
    coarse, fine = deep_capacity(2, 6, depth=3), deep_capacity(2, 12, depth=3)
    assert all(abs(a - b) < 1e-6 for a, b in zip(coarse.chain, fine.chain, strict=True))
    widths = [float(a) for a in fine.chain[:2]]
    assert float(fine.alpha) < min(partial_point(widths, 1.0, y)[-1] for y in (0.3, 0.5, 0.7))


def finite_size_ratio(n, alpha, seed):
    """Local ascent of -h.s/||s||, s = relu(A x), over the unit sphere, in units of sqrt(n)."""
    rng = numpy.random.default_rng(seed)
    m = round(alpha * n)
    A, h = rng.standard_normal((m, n)), rng.standard_normal(m)

    def value(x):
        s = numpy.maximum(A @ x, 0)
        norm = numpy.linalg.norm(s)
        return -(h @ s) / norm, s, norm

    x = -A.T @ h
    x /= numpy.linalg.norm(x)
    angle, (best, s, norm) = 1.0, value(x)
    while angle > 1e-6:
        slope = A.T @ ((s > 0) * (-h / norm - best * s / norm**2))
        slope -= (slope @ x) * x
        moved = numpy.cos(angle) * x + numpy.sin(angle) * slope / numpy.linalg.norm(slope)
        found = value(moved)
        if found[0] > best:
            x, (best, s, norm), angle = moved / numpy.linalg.norm(moved), found, min(1.0, 1.3 * angle)
        else:
            angle /= 2
    return best / numpy.sqrt(n)


@pytest.mark.slow
def test_finite_size_ascent_stays_below_the_bound():
    """n = 800, seeds 1 and 2: at least 90 % of the plain bound a_2, never above it (theory, section 4b)."""
    from flrdt.evaluate.solve.layer_recursion import plain_recursion

    alpha = plain_recursion([], 1).alpha
    bound = float(sqrt(plain_recursion([alpha], 1).layers[0].next))
    for seed in (1, 2):
        assert 0.9 * bound < finite_size_ratio(800, float(alpha), seed) < bound
