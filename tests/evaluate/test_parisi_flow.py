"""The Parisi flow: against the tower and by finite differences, and its gradient against differences."""

import math

import numpy
import pytest
from sympy import Derivative, Function, finite_diff_weights, simplify

from flrdt.derive import Gate, Level, Network, relu
from flrdt.derive.conditions.flow import BACKWARD, f, p, x, y
from flrdt.evaluate.limits.flow_equations import Profile, _Flow, _opening, evaluate_flow
from flrdt.evaluate.limits.parisi_flow import COUNTS, _combined, _first_guess, solve_flow
from flrdt.evaluate.quadrature.field_tower import float_innermost

from ..energy_form import EnergyForm

NETWORK = Network()
# float64 minimum of level 8 rounded: chi, p_2..p_8, y_2..y_8
EIGHT = [
    0.02553,
    0.99939,
    0.99698,
    0.99045,
    0.97586,
    0.94508,
    0.88038,
    0.7236,
    16.83,
    8.05,
    5.484,
    4.171,
    3.313,
    2.713,
    2.297,
]


def test_the_quadratic_between_the_windows_solves_the_flow():
    """f = -x^2/(2 Lambda) - l/2 with Lambda' = -y and l' = -1/Lambda in p."""
    Lambda, ell = Function("Lambda")(p), Function("l")(p)
    known = -(x**2) / (2 * Lambda) - ell / 2
    moved = known.diff(p).subs({Derivative(Lambda, p): -y, Derivative(ell, p): -1 / Lambda})
    assert simplify(moved - BACKWARD.subs(f, known).doit()) == 0


def test_constant_steps_are_a_level():
    """On steps of constant y the flow is the tower of a level, through windows that are apart at first and merge."""
    chi, missing = 0.03, numpy.array([0.0, 1e-4, 6e-4, 4e-3, 3e-2, 0.28])
    y = numpy.array([30.0, 15.0, 8.0, 4.0, 2.5])
    flow = _Flow(relu(), chi, missing, y)
    form = EnergyForm(NETWORK, Level(6), "float64")
    z = [chi, *(1 - missing[1:]), *y]
    terms = form.terms(z, form.grid(z, 15), gradient=True)
    assert abs(flow.T - terms.B) < 1e-12
    # y_6 enters the known values at no node that is used
    assert abs(flow.slopes()["y"][-1] / terms.dB[-1] - 1) < 1e-10
    assert len(flow.windows[1]) == 2 and len(flow.windows[-1]) == 1


def test_gradient_against_differences():
    theta = _first_guess(EIGHT, 5)
    point = evaluate_flow(relu(), theta, 1.0, 24)
    for j in range(len(theta)):
        step = numpy.zeros(len(theta))
        step[j] = 1e-4
        up, down = (evaluate_flow(relu(), theta + s * step, 1.0, 24).alpha for s in (1, -1))
        assert abs((up - down) / 2e-4 / point.alpha - point.gradient[j]) < 1e-8


def test_steps_of_a_smooth_function_against_finite_differences():
    """Another discretisation of the same flow: Runge-Kutta steps with differences of order eight, from s = 0.01 on."""
    chi, beginning, s_max, h = 0.03, 0.01, 0.28, 0.0125
    xs = h * numpy.arange(-340, 370)
    first, second = (
        numpy.array([float(w) for w in weights[-1]][::-1]) / h**order
        for order, weights in enumerate(finite_diff_weights(2, range(-4, 5), 0)[1:], start=1)
    )

    def integral(s):  # of the overlap function 0.3/sqrt(s) + 1
        return 0.6 * numpy.sqrt(s) + s

    def rhs(v, s):
        wide = numpy.pad(v, 4, constant_values=(0.0, -1.0))
        slope = numpy.convolve(wide, first, "valid")
        return (numpy.convolve(wide, second, "valid") + (0.3 / math.sqrt(s) + 1) * slope * slope) / 2

    v = float_innermost(_opening(relu()), chi, beginning, integral(beginning) / beginning, xs)[0]
    count = 3000
    dt = (s_max - beginning) / count
    for i in range(count):
        s = beginning + i * dt
        a = rhs(v, s)
        b = rhs(v + dt / 2 * a, s + dt / 2)
        c = rhs(v + dt / 2 * b, s + dt / 2)
        v = v + dt / 6 * (a + 2 * b + 2 * c + rhs(v + dt * c, s + dt))
    density = h * numpy.exp(-(xs**2) / (2 * (1 - s_max))) / math.sqrt(2 * math.pi * (1 - s_max))
    found = 0.0
    for n in (12, 16, 20, 24):
        nodes = numpy.append(0.0, beginning * (s_max / beginning) ** (numpy.arange(n + 1) / n))
        weight = math.prod(n * n / (n * n - m * m) for m in (12, 16, 20, 24) if m != n)
        found += weight * _Flow(relu(), chi, nodes, numpy.diff(integral(nodes)) / numpy.diff(nodes)).T
    assert abs(found - density @ v) < 1e-6


def test_profile_integrals():
    """The integrals of y over steps against plain quadrature."""
    profile = Profile(0.02, 0.72, numpy.array([-1.3, 0.4, 0.05]))
    nodes = profile.nodes(6)
    found = profile.integrals(nodes)[0]
    for low, high, value in zip(nodes[1:-1], nodes[2:], found[1:], strict=True):
        s = numpy.linspace(low, high, 20001)
        y = profile.y(s)
        assert abs(numpy.sum((y[1:] + y[:-1]) / 2 * numpy.diff(s)) / value - 1) < 1e-6


def test_unsuitable_inputs():
    from sympy import Interval

    with pytest.raises(ValueError, match="for the ReLU"):
        solve_flow(Network(Gate(Interval.open(-1, 1))), EIGHT)


@pytest.mark.slow
def test_minimum_is_stationary_and_marginally_stable():
    found = solve_flow(NETWORK, EIGHT, 8)
    assert abs(found.alpha - 6.698) < 1e-3 and found.error < 3e-9  # arXiv 2302.14112: about 6.698
    assert found.stationarity < 1e-3 and found.replicon < 1e-2
    # p_min and chi move the value to second order only: far more slowly than the value itself
    theta = [math.log(found.profile.chi), math.log(found.profile.p_min / found.profile.s_max)]
    slope = _combined(relu(), numpy.array([*theta, *found.profile.coefficients]), 1.0, COUNTS)[1]
    assert max(abs(slope)) < 1e-6
