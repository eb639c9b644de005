"""Gates by their active set: reading them, their capacities against a second route, and what is refused."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mpmath import erfc, findroot, mpf, npdf, sqrt, workdps
from sympy import Interval, Rational, Union, oo

from flrdt.derive import Gate, GateError, InjectiveGate, Network, NetworkError, gate
from flrdt.derive.networks.gates import read_gate
from flrdt.evaluate import capacity, energy
from flrdt.evaluate.cli import main

from ..quadrature_route import GATES
from ..quadrature_route import capacity as quadrature_capacity


def agree(name, level, digits):
    expected = quadrature_capacity(level, GATES[name])[0]
    assert float(capacity(level, 15, gate=name).alpha) == pytest.approx(expected, rel=10.0**-digits)


@pytest.mark.slow
def test_the_partial_level_is_called_a_bound_where_that_is_proved():
    statuses = [capacity(level, 8, gate=gate).status for gate in ("relu", "hardsigmoid") for level in ("1", "2p", 2)]
    bound, value = "rigorous upper bound", "fully lifted RDT value"
    assert statuses == [bound, bound, value, bound, "lifted RDT value", value]
    assert energy(6, "2p", 8).status == "rigorous lower bound"


@pytest.mark.parametrize("level", ["1", "2p"])
@pytest.mark.parametrize("name", ["hardtanh", "relu-bias:1/2", "threshold:2"])
def test_capacity_agrees_with_quadrature(name, level):
    agree(name, level, 11)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(GATES))
@pytest.mark.parametrize(("level", "digits"), [("1", 11), ("2p", 11), ("2", 9)])
def test_all_gates_agree_with_quadrature(name, level, digits):
    agree(name, level, digits)


fractions = st.fractions(min_value=-3, max_value=3, max_denominator=9)


@given(a=fractions, b=fractions, radius=st.fractions(min_value=Rational(1, 9), max_value=4, max_denominator=9))
@example(a=Rational(-1), b=Rational(1), radius=Rational(2))
def test_a_written_set_is_read_exactly(a, b, radius):
    if not a < b:
        with pytest.raises(GateError, match="empty"):
            gate(f"({a},{b})")
        return
    (found,) = gate(f"({a}, {b})", Rational(radius)).components
    assert found == (Rational(a) / Rational(radius), Rational(b) / Rational(radius))


def test_names_are_sets():
    half = Rational(1, 2)
    outside = Union(Interval.open(-oo, -half), Interval.open(half, oo))
    assert gate("softshrink:0.5").active == gate("hardshrink:1/2").active == outside
    assert gate("(1/2,oo) U (-oo,-1/2)").active == outside
    assert gate("threshold:-.25").active == Interval.open(-Rational(1, 4), oo)
    assert gate("relu6").active == Interval.open(0, 6)


def test_radius_scales_the_active_set():
    assert capacity("2p", 12, gate="hardtanh", radius=2).decimal == capacity("2p", 12, gate="(-1/2,1/2)").decimal
    assert capacity(1, 12, gate="relu", radius="7/3").decimal == capacity(1, 12).decimal


def test_relu6_and_the_rectifier_differ_by_the_far_end():
    # P(z > 6) is about 1e-9, so the capacities differ, but only from the sixth digit on
    rectifier, clipped = (capacity("2p", 12, gate=name).alpha for name in ("relu", "relu6"))
    assert 0 < clipped - rectifier < 1e-6


EXTREME = {
    "relu-bias:1e99": "leaves a fraction of less than 1e-300 of the pre-activations active",
    "relu-bias:-1e99": "use a smaller active set",
    "(-oo,-40)": "use a larger active set",
    "(100,101)": "use a larger active set, or another radius",
    "(-1e-9,1e-9)": "about 8.0e-10",
    "(-1e9,1e9)": "of the pre-activations inactive",
}


@pytest.mark.parametrize("level", ["1", "2p", "2"])
@pytest.mark.parametrize("text", EXTREME)
def test_sets_out_of_reach_are_one_clear_line(text, level, run):
    code, out, error = run("capacity", f"--gate={text}", "--level", level, "--digits", "8")
    assert (code, out) == (1, "")
    assert EXTREME[text] in error and len([line for line in error.splitlines() if line.startswith("flrdt:")]) == 1


def test_extreme_radius(run):
    code, _, error = run("capacity", "--gate", "hardtanh", "--radius", "1e9", "--level", "1")
    assert code == 1 and "hardtanh at radius 1000000000 leaves" in error
    code, _, error = run("capacity", "--gate", "(0,1e20)", "--digits", "8")
    assert code == 1 and "beyond all pre-activations: write oo instead" in error
    assert capacity(1, 9, radius="1e99").decimal == "7.647694935"  # no radius matters to the rectifier


@pytest.mark.parametrize("bias", [-50, -20, 4, 6])
def test_far_thresholds_at_the_plain_level(bias):
    # alpha E[(g-b)^2; b < g < b+k] = 1 and alpha P(g > b+k) = 1, from moments of the normal distribution
    with workdps(60):
        phi, tail = npdf, lambda t: erfc(t / sqrt(mpf(2))) / 2

        def equations(k):
            a, e = mpf(bias), bias + k
            moved = (1 + a * a) * (tail(a) - tail(e)) - a * phi(a) + (2 * a - e) * phi(e)
            return moved, tail(e)

        k = findroot(lambda t: (lambda m, s: m / s - 1)(*equations(t)), mpf(1) / 2 if bias > 0 else mpf(-bias))
        expected = 1 / equations(k)[1]
        assert abs(capacity(1, 15, gate=f"relu-bias:{bias}").alpha / expected - 1) < mpf(10) ** -16


@pytest.mark.slow
def test_full_lifting_that_does_not_help_says_so():
    found, lower = (capacity(level, 12, gate="(-1/4,1/4)") for level in ("2", "2p"))
    assert found.decimal == lower.decimal and "full lifting does not help here" in found.status
    assert found.level == "2" and "p_2" not in found.parameters
    assert "does not help" not in capacity(2, 9, gate="hardtanh").status


def test_leaky_gates_have_capacity_one():
    found = capacity(3, 10, gate="leaky-relu:1/100")
    assert found.decimal == "1.0000000000"
    assert "strictly increasing" in found.status
    assert isinstance(read_gate("leaky-relu:0.01"), InjectiveGate)
    with pytest.raises(GateError, match="capacity is 1"):
        gate("leaky-relu:0.01")


def test_deep_networks_need_a_homogeneous_gate():
    with pytest.raises(NetworkError, match="positively homogeneous"):
        Network(gate("hardtanh"), depth=2)


BAD = {
    "(0,2) U (1,3)": "overlap",
    "(0,1) U (1,2)": "touching",
    "(1,1)": "empty",
    "(2,1)": "empty",
    "(-oo,oo)": "whole line",
    "[0,1]": "open interval",
    "{1}": "open interval",
    "(1/0,2)": "not a number",
    "(nan,1)": "is not a number",
    "()": "open interval",
    "(0,__import__('os'))": "open interval",
    "": "unknown gate",
    "sigmoids": "did you mean sigmoid?",
    "gelu": "the same value at points on both sides of its minimum",
    "tanh:2": "takes no parameter",
    "relu:1": "takes no parameter",
    "relu-bias": "needs a parameter",
    "relu-bias:x": "not a number",
    "softshrink:-1": "positive lambda",
    "leaky-relu:0": "positive slope",
}


@pytest.mark.parametrize("text", BAD)
def test_bad_gates_are_one_clear_line(text, capsys):
    assert main(["capacity", "--level", "1", "--gate", text]) == 2
    error = capsys.readouterr().err
    assert BAD[text] in error
    assert error.count("\n") == 1


def test_bad_radius(capsys):
    assert main(["capacity", "--gate", "hardtanh", "--radius", "-1"]) == 2
    assert "radius -1 must be positive" in capsys.readouterr().err
    with pytest.raises(ValueError, match="carries its own radius"):
        capacity(1, 5, gate=Gate(Interval.open(-1, 1)), radius=2)
