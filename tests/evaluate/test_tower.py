"""The tower on its grid: closed forms, merging, gradient, backends, an independent quadrature."""

import itertools
import math
from fractions import Fraction

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from sympy import Function, Integer, Interval, Rational, Symbol, expand_log, log, oo, simplify

from flrdt.derive import Gate, Level, Network, objective, relu_network, tower
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.quadrature.grid import Grid, LevelGrid
from flrdt.evaluate.quadrature.one_field import _kernels, _Level, _squares

from ..energy_form import EnergyForm
from ..strategies import lifting_parameters, overlaps, susceptibilities

RELU = relu_network()


def terms(z, digits, name="arb", gradient=False, network=RELU, halved=False, bits=None):
    """A, B and gradients as mpf at a parameter vector of fractions (chi, p.., y..)."""
    form = EnergyForm(network, Level(len(z) // 2 + 1 if len(z) > 1 else 1), name)
    grid = form.grid([float(v) for v in z], digits)
    grid = grid.halved() if halved else grid
    b = form.backend
    bits = bits or (grid.bits if grid else 4 * digits + 40)
    with b.precision(bits), mp.workprec(bits):
        found = form.terms([b.number(v) for v in z], grid, gradient)
        return [b.to_mpf(v) for v in (found.A, found.B)], [[b.to_mpf(v) for v in g] for g in (found.dA, found.dB)]


@st.composite
def parameters(draw, r):
    return [draw(susceptibilities), *draw(overlaps(r - 1)), *draw(lifting_parameters(r - 1))]


def test_symbolic_tower_of_constant_linear_and_quadratic():
    c, p = Symbol("c", positive=True), Symbol("p", positive=True)
    a, b = Symbol("a", real=True), Symbol("b", real=True)
    assert tower(lambda x: a, [(c, 1 - p)], p).doit() == a
    linear = tower(lambda x: a + b * x, [(c, 1 - p)], Integer(0)).replace(
        lambda e: type(e).__name__ == "Expectation", lambda e: e.unfold()
    )
    assert simplify(expand_log(linear, force=True) - (a + c * b**2 * (1 - p) / 2)) == 0
    quadratic = tower(lambda x: -(x**2) / 2, [(c, 1 - p)], Integer(0)).replace(
        lambda e: type(e).__name__ == "Expectation", lambda e: e.unfold()
    )
    assert simplify(expand_log(quadratic + log(1 + c * (1 - p)) / (2 * c), force=True)) == 0
    assert tower(Function("f"), [], p).variable == Symbol("u_2", real=True)


@pytest.mark.parametrize("name", ["float64", "mpmath", "arb"])
def test_kernel_moments(name):
    """Weights of the trapezoidal rule: constant, linear exponential and quadratic exponential against closed form."""
    b = backend(name)
    with b.precision(100):
        step, d, half = b.rational(1, 16), b.rational(1, 3), 100
        weights = [float(b.to_mpf(w)) for w in _kernels(b, step, d, half, _squares(b, step, half), 0)[0]]
    nodes = numpy.arange(-half, half + 1) / 16
    assert abs(sum(weights) - 1) < 1e-14
    assert abs(numpy.dot(weights, numpy.exp(nodes)) - math.exp(1 / 6)) < 1e-13
    assert abs(numpy.dot(weights, numpy.exp(-(nodes**2) / 2)) - (1 + 1 / 3) ** -0.5) < 1e-14


@pytest.mark.parametrize("ratio", [1, 3])
def test_one_convolution_against_closed_form(ratio):
    """f = log(1 - (1-e^-y) Phi(x))/y is mapped to the same with Phi(x/sqrt(1+d))."""
    b = backend("arb")
    inner = LevelGrid(1, 1, -160, 160, 0)
    outer = LevelGrid(ratio, ratio, -160 // ratio, 160 // ratio, 130)
    grid = Grid(16, (inner, outer), 0, 150)
    y, d = Fraction(3), Fraction(1, 2)
    with b.precision(150), mp.workprec(150):

        def f(x, variance):
            return mp.log(1 - (1 - mp.exp(-3)) * mp.ncdf(x / mp.sqrt(variance))) / 3

        level = _Level(b, grid, 1, b.number(d), b.number(y), (b.number(0), b.number(-1)))
        values = level.forward([b.number(f(mpf(j) / 16, 1)) for j in range(-160, 161)], 0)
        for j, v in zip(range(outer.low, outer.high + 1), values, strict=True):
            assert abs(b.to_mpf(v) - f(mpf(j * ratio) / 16, mpf(3) / 2)) < mpf(10) ** -16


def by_gauss_legendre(z, gate_cost, cuts):
    """Level-2 count part by brute force in float64: outer trapezoid, inner Gauss-Legendre between the cuts."""
    chi, p, y = map(float, z)
    nodes, weights = numpy.polynomial.legendre.leggauss(60)
    outer = numpy.linspace(-12, 12, 1201)
    D = 1 - p
    total = 0.0
    for u in outer:
        x = math.sqrt(p) * u
        low, high = x - 14 * math.sqrt(D), x + 14 * math.sqrt(D)
        edges = [
            low,
            *sorted(c for c in [*cuts(chi), x - 3 * math.sqrt(D), x, x + 3 * math.sqrt(D)] if low < c < high),
            high,
        ]
        inner = 0.0
        for a, b in itertools.pairwise(edges):
            h = (a + b) / 2 + (b - a) / 2 * nodes
            density = numpy.exp(-((h - x) ** 2) / (2 * D)) / math.sqrt(2 * math.pi * D)
            inner += (b - a) / 2 * numpy.dot(weights, numpy.exp(-y * gate_cost(h, chi)) * density)
        total += math.exp(-u * u / 2) / math.sqrt(2 * math.pi) * math.log(inner) / y * 0.02
    return total


def test_level_two_against_brute_force():
    z = [Fraction(1, 20), Fraction(3, 4), Fraction(33, 10)]
    (_, count), _ = terms(z, 15)
    reference = by_gauss_legendre(
        z, lambda h, c: numpy.where(h > 0, numpy.minimum(h * h / (2 * c), 1), 0), lambda c: [0, math.sqrt(2 * c)]
    )
    assert abs(float(count) - reference) < 1e-12


def test_level_two_of_a_bounded_gate_against_brute_force():
    z = [Fraction(1, 5), Fraction(1, 2), Fraction(2)]
    network = Network(Gate(Interval.open(-1, 1)))
    (_, count), _ = terms(z, 15, network=network)
    reference = by_gauss_legendre(
        z,
        lambda h, c: numpy.where(abs(h) < 1, numpy.minimum((1 - abs(h)) ** 2 / (2 * c), 1), 0),
        lambda c: [-1, -1 + math.sqrt(2 * c), 0, 1 - math.sqrt(2 * c), 1],
    )
    assert abs(float(count) - reference) < 1e-12


@pytest.mark.parametrize("r", [2, 3, 4])
def test_halving_the_step_changes_nothing(r):
    z = [Fraction(1, 20), *(Fraction(9, 10) ** k for k in range(1, r)), *(Fraction(r + 2 - k) for k in range(1, r))]
    for digits in (15, 30, 50, 100):
        (_, coarse), _ = terms(z, digits)
        (_, fine), _ = terms(z, digits, halved=True)
        assert abs(coarse - fine) < mpf(10) ** -digits


@pytest.mark.slow
@settings(max_examples=5)
@given(parameters(3))
def test_backends_agree(z):
    for digits in (15, 30, 50, 100):
        a, ga = terms(z, digits, "arb", True)
        m, gm = terms(z, digits, "mpmath", True) if digits <= 50 else (a, ga)
        with mp.workdps(digits + 10):
            for one, other in zip([*a, *ga[0], *ga[1]], [*m, *gm[0], *gm[1]], strict=True):
                assert abs(one - other) < mpf(10) ** -digits * max(1, abs(one))
    f, gf = terms(z, 15, "float64", True)
    for one, other in zip([*a, *ga[0], *ga[1]], [*f, *gf[0], *gf[1]], strict=True):
        assert abs(float(one) - float(other)) < 1e-10 * max(1, abs(float(one)))


@pytest.mark.slow
@settings(max_examples=6)
@given(st.integers(2, 4).flatmap(parameters))
def test_adjoint_gradient_against_differences(z):
    """Differences with a step of 10^-15 at 50 digits: agreement to 25 digits."""
    _, (dA, dB) = terms(z, 50, gradient=True)
    step = Fraction(1, 10**15)
    for i in range(len(z)):
        up, down = list(z), list(z)
        up[i], down[i] = z[i] + step, z[i] - step
        (a1, b1), _ = terms(up, 50, bits=260)
        (a0, b0), _ = terms(down, 50, bits=260)
        with mp.workdps(60):
            for exact, high, low in ((dA[i], a1, a0), (dB[i], b1, b0)):
                assert abs(exact - (high - low) * mpf(10) ** 15 / 2) < mpf(10) ** -22 * max(1, abs(exact))


@settings(max_examples=6)
@given(parameters(2), st.sampled_from(["overlap", "lifting"]))
def test_merging_two_levels_gives_the_level_below(z, kind):
    chi, p, y = z
    merged = [chi, p, p, y + 1, y] if kind == "overlap" else [chi, (1 + p) / 2, p, y, y]
    if kind == "overlap":  # p_2 = p_3: level 2 with y_2 = y + 1 for the inner increment
        z = [chi, p, y + 1]
    for digits in (15, 30, 50):
        low, _ = terms(z, digits)
        high, _ = terms(merged, digits)
        with mp.workdps(digits + 5):
            assert all(abs(a - b) < mpf(10) ** -digits for a, b in zip(low, high, strict=True))


@settings(max_examples=8)
@given(parameters(3))
def test_tower_of_the_relu_decreases_in_the_field(z):
    """f_r falls from 0 to -1: more field, more active outputs."""
    from flrdt.evaluate.quadrature.one_field import compiled_innermost

    form = EnergyForm(RELU, Level(3), "mpmath")
    chi, p, y = form.split([mpf(v.numerator) / v.denominator for v in z])
    grid = form.grid([float(v) for v in z], 15)
    b = form.backend
    with b.precision(120):
        at = compiled_innermost(objective(RELU, 3).towers[0], "mpmath", 0)(chi, 1 - p[0], y[0])
        first = grid.levels[0]
        f2 = [at(mpf(j) / grid.steps_per_unit)[0] for j in range(first.low, first.high + 1)]
        f3 = _Level(b, grid, 1, p[0] - p[1], y[1], (mpf(0), mpf(-1))).forward(f2, 0)
    for f in (f2, f3):
        assert all(-1 - 1e-15 < v < 1e-15 for v in f)
        assert all(a >= c - mpf(10) ** -15 for a, c in itertools.pairwise(f))


def test_gradient_at_a_merged_level_is_refused():
    with pytest.raises(ValueError, match="merged"):
        terms([Fraction(1, 20), Fraction(1, 2), Fraction(1, 2), Fraction(3), Fraction(2)], 15, gradient=True)


def test_precision_survives_an_error():
    from flint import ctx

    b = backend("arb")
    with pytest.raises(ZeroDivisionError), b.precision(500):
        raise ZeroDivisionError
    assert ctx.prec == 53


def test_unit_gate_with_bias_against_plain_level():
    """A tower with one tiny increment is close to the plain level: first order in 1 - p."""
    network = Network(Gate(Interval.open(Rational(1, 2), oo)))
    (_, tower_value), _ = terms([Fraction(1, 2), Fraction(999999, 1000000), Fraction(1)], 15, network=network)
    form = EnergyForm(network, Level(1), "mpmath")
    plain = form.terms([mpf(1) / 2], None).B
    assert abs(tower_value - plain) < 1e-6
