"""The replicon and the thermal instability: derivations, and values by second routes."""

import json

import numpy
import pytest
from mpmath import mp, mpf
from scipy.special import ndtr
from sympy import Symbol

from flrdt.derive import Level, Network, Verdict, relu, relu_network
from flrdt.derive.conditions.stability import kink, thermal_plain_level
from flrdt.derive.conditions.stability import replicon as replicon_formula
from flrdt.evaluate import capacity, replicon, thermal_instability
from flrdt.evaluate.arithmetic.decimals import InputError

from ..energy_form import EnergyForm


def test_steps_are_proved():
    assert replicon_formula(3, 2).derivation.verdict() is Verdict.PROVED


def test_kink_of_the_relu_envelope():
    """-M_chi has slope -sqrt(2/chi) before its end and 0 after."""
    chi = Symbol("chi", positive=True)
    assert kink(relu(), chi) == 2 / chi
    assert not replicon(1).stable


def test_replicon_by_splitting_a_level():
    """Level 3 with p_2 = p + gap, p_3 = p and nearly equal y: its exact gradient is the eigenvalue times the gap."""
    point = capacity(2, 20)
    form = EnergyForm(Network(), Level(3), "arb")
    b = form.backend

    def split(gap):
        with mp.workdps(40):
            chi, p, y = (point.parameters[n] for n in ("chi", "p_2", "y_2"))
            rise = mpf(10) ** -10
            z = [chi, p + gap, p, y, y - rise]
            grid = form.grid([float(v) for v in z], 24)
            with b.precision(grid.bits + 60):
                terms = form.terms([b.number(v) for v in z], grid, gradient=True)
                slope = b.to_mpf(terms.dA[1] + b.number(point.alpha) * terms.dB[1])
            return 2 * slope / rise / gap * (chi + y * (1 - p)) ** 2

    # the leading error is of first order in the gap
    value = 2 * split(mpf("0.0005")) - split(mpf("0.001"))
    found = replicon(2)
    assert abs(value - found.eigenvalue) < 1e-5 and not found.stable


def test_thermal_point_against_float_quadrature():
    """The three equations at the point, with derivatives of f by differences and Gauss-Hermite-free quadrature."""
    found = thermal_instability(10)
    assert abs(found.alpha - mpf("5.3238")) < 1e-4  # arXiv 2302.14112
    p, beta = float(found.overlap), float(found.beta)
    u = numpy.linspace(-11, 11, 40001)
    weight = numpy.exp(-u * u / 2) / numpy.sqrt(2 * numpy.pi) * (u[1] - u[0])
    x, step = numpy.sqrt(p) * u, 1e-4

    def f(x, beta):
        return numpy.log(1 - (1 - numpy.exp(-beta)) * ndtr(x / numpy.sqrt(1 - p)))

    slope = (f(x + step, beta) - f(x - step, beta)) / (2 * step)
    curvature = (f(x + step, beta) - 2 * f(x, beta) + f(x - step, beta)) / step**2
    count = -(f(x, beta + step) - f(x, beta - step)) / (2 * step)
    alpha = float(found.alpha)
    assert abs(alpha * (1 - p) ** 2 * numpy.dot(weight, slope**2) / p - 1) < 1e-6
    assert abs(alpha * (1 - p) ** 2 * numpy.dot(weight, curvature**2) - 1) < 1e-5
    assert abs(alpha * numpy.dot(weight, count) - 1) < 1e-6


@pytest.fixture(scope="module")
def finest():
    """Both results to more digits than they are compared at."""
    return thermal_instability(20), replicon(2, 20)


@pytest.mark.slow
@pytest.mark.parametrize("digits", [4, 13])
def test_errors_of_the_thermal_point(digits, finest):
    """At least the true ones; at most a hundred times them, or rounding at the working precision."""
    rough, fine = thermal_instability(digits), finest[0]
    for value, error, exact in (
        (rough.alpha, rough.error, fine.alpha),
        (rough.overlap, rough.overlap_error, fine.overlap),
        (rough.beta, rough.beta_error, fine.beta),
    ):
        true = abs(value - exact)
        assert true <= error <= max(100 * true, mpf(10) ** -(digits + 3))


@pytest.mark.slow
@pytest.mark.parametrize("digits", [3, 14])
def test_error_of_the_replicon(digits, finest):
    rough, fine = replicon(2, digits), finest[1]
    true = abs(rough.eigenvalue - fine.eigenvalue)
    assert true <= rough.error <= max(100 * true, mpf(10) ** -(digits + 3))


def test_thermal_level_is_symbolic():
    thermal = thermal_plain_level(relu())
    assert thermal.count.free_symbols == {thermal.x, thermal.D, thermal.beta}


@pytest.mark.slow
def test_command(run):
    code, out, _ = run("stability", "--digits", "8", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["thermal_instability"]["alpha"].startswith("5.32376")
    assert [row["stable"] for row in shown["replicon"]] == [False, False]
    assert "unstable" in run("stability", "--digits", "5")[1]


def test_other_levels_are_refused():
    with pytest.raises(InputError, match="levels 1 and 2"):
        replicon(3)


def test_replicons_of_networks():
    assert replicon(relu_network(), 1).eigenvalue == replicon(relu_network(depth=3), 1).eigenvalue == -mp.inf
    for network, level, reason in [
        (relu_network(), "2p", "not stationary"),
        (relu_network(depth=2), 2, "two fields"),
        (relu_network(), 3, "levels 1 and 2"),
        (Network(budget=2), 2, "usual budget"),
    ]:
        with pytest.raises(InputError, match=reason):
            replicon(network, level)
