"""The public door, and a problem that is added from outside: a gate with its own cost."""

from dataclasses import replace
from fractions import Fraction

import pytest
from mpmath import erfc, exp, findroot, mp, mpf, pi, sqrt
from sympy import Integer, Interval, Rational, latex, oo

from flrdt.derive import Gate, Network, NetworkError, innermost, objective, relu, relu_network
from flrdt.evaluate import capacity, deep_capacity, energy, limit
from flrdt.evaluate.arithmetic.decimals import InputError
from flrdt.evaluate.solve.layer_recursion import plain_recursion


def test_network_and_keywords_are_the_same_call():
    assert capacity(relu_network(), 1, 12).decimal == capacity(1, 12).decimal == capacity(level=1, digits=12).decimal
    assert capacity(Network(budget=Rational(3, 2)), "2p", 12).decimal == capacity("2p", 12, budget="3/2").decimal
    network = Network(depth=2, notion="strong")
    assert capacity(network, 1, 12).chain_decimals == deep_capacity(1, 12, depth=2, notion="strong").chain_decimals
    given = capacity(Network(widths=(8,)), level=1, digits=12)
    assert given.decimal == capacity(level=1, digits=12, widths=["8"]).decimal and not given.short
    assert (
        energy(relu_network(), 8, 1, 12).decimal
        == energy(8, 1, 12).decimal
        == energy(alpha=8, level=1, digits=12).decimal
    )


def test_what_a_network_says_is_not_said_twice():
    with pytest.raises(InputError, match="budget with a network"):
        capacity(relu_network(), 1, 10, budget=2)
    with pytest.raises(InputError, match="begin with a network"):
        capacity(1, 10, digits=12)
    with pytest.raises(InputError, match="use arb"):
        capacity(relu_network(depth=2), 1, 10, backend="mpmath")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"depth": 3, "widths": (8,)}, "does not fit"),
        ({"notion": "other"}, "weak or strong"),
        ({"widths": (0,)}, "width alpha_1 0 is not a positive number"),
        ({"widths": (7.5,)}, "float"),
        ({"budget": -1}, "budget -1"),
    ],
)
def test_networks_that_are_none(words, message):
    with pytest.raises(NetworkError, match=message):
        Network(**words)


def test_a_network_shows_itself():
    assert (
        repr(Network(widths=(8,), notion="strong"))
        == "Network(gate=relu, depth=2, budget=2, widths=(8,), notion='strong')"
    )
    assert Network(depth=2)._repr_latex_().count("A_") == 2


class HalfPrice(Gate):
    """A rectifier whose active outputs cost 1/2: all that a new cost has to say is the pieces of its envelope."""

    def pieces(self, chi, h=None):
        inactive, moved, stayed = relu().pieces(chi / 2, h)
        halved = replace(moved, upper=moved.upper)
        # V = 1/2 on (0, oo): the envelope is half that of the rectifier at half the chi, h^2/(2 chi) again
        object.__setattr__(halved, "value", lambda _, d=moved.distance: d**2 / (2 * chi))
        return [inactive, halved, replace(stayed, plateau=Rational(1, 2))]

    def limits(self):
        return Integer(0), Rational(1, 2)


HALF = HalfPrice(Interval.open(0, oo), "half-price")


@pytest.mark.parametrize("level", ["1", "2p", "2", pytest.param("3", marks=pytest.mark.slow)])
def test_a_gate_with_its_own_cost(level):
    """Half the price and half the budget: the same capacity, by the scaling of the cost, at every level."""
    found, wanted = capacity(level, 15, gate=HALF, budget="1/2"), capacity(level, 15)
    half, whole = energy(8, level, 15, gate=HALF), energy(8, level, 15)
    with mp.workdps(60):
        assert abs(found.alpha - wanted.alpha) <= found.alpha_error + wanted.alpha_error
        assert abs(2 * half.energy - whole.energy) <= 2 * half.energy_error + whole.energy_error
        # chi doubles, the lifting parameters double, the overlaps stay
        for name, factor in (("chi", 2), ("y_2", 2), ("p_2", 1), ("p_3", 1)):
            if name in found.parameters:
                error = 3 * (found.parameter_errors[name] + wanted.parameter_errors[name])
                assert abs(found.parameters[name] - factor * wanted.parameters[name]) <= error, name


def test_formulas_of_a_gate_with_its_own_cost():
    assert r"\chi" in latex(objective(Network(HALF), 3).energy)
    assert innermost(HALF).W != innermost(relu()).W


@pytest.mark.slow
def test_twenty_thousand_digits_of_the_plain_level():
    """Newton on 1/2 - k phi(k) = 2 H(k) in mpmath alone; the last step, below 1e-10000, needs one value of erfc."""
    found = capacity(1, 20000)
    with mp.workdps(40):
        k = findroot(lambda k: k * exp(-(k**2) / 2) / sqrt(2 * pi) + erfc(k / sqrt(2)) - mpf(1) / 2, mpf("1.12"))
    digits = 40
    while digits < 10010:
        digits = min(2 * digits, 10010)
        with mp.workdps(digits + 10):  # the slope of k phi(k) + 2 H(k) is -(1 + k^2) phi(k)
            density = exp(-(k**2) / 2) / sqrt(2 * pi)
            k += (k * density + erfc(k / sqrt(2)) - mpf(1) / 2) / ((1 + k * k) * density)
    with mp.workdps(20030):  # the last step for k, and 2 H(k) there to second order, from one value of erfc
        density, tail = exp(-(k**2) / 2) / sqrt(2 * pi), erfc(k / sqrt(2))
        step = (k * density + tail - mpf(1) / 2) / ((1 + k * k) * density)
        assert abs(step) < mpf(10) ** -10000
        assert abs(found.alpha - 2 / (tail - 2 * density * step + k * density * step**2)) < mpf(10) ** -20000


@pytest.mark.slow
def test_two_thousand_digits_of_two_layers():
    """The scalar recursion over the layers in mpmath, a route without the objective."""
    found = capacity(relu_network(depth=2), 1, 2000)
    with mp.workdps(2040):
        chain = []
        for _ in range(2):
            chain.append(plain_recursion(chain, 1).alpha)
        assert abs(found.alpha - chain[1]) <= found.alpha_error < mpf(10) ** -2000


@pytest.mark.parametrize("level", ["1", "2p", "2"])
@pytest.mark.parametrize("gate", ["relu", "relu-bias:1/2"])
def test_error_figures_against_finer_solves(level, gate):
    """At least the true error; at most a hundred times it, or what the guard digits of a proof leave (eight were asked for)."""
    coarse, fine = capacity(level, 8, gate=gate), capacity(level, 40, gate=gate)
    with mp.workdps(60):
        true = abs(coarse.alpha - fine.alpha)
        assert true <= coarse.alpha_error
        assert coarse.alpha_error <= max(100 * true, mpf(10) ** -16)
        for name, value in coarse.parameters.items():
            assert abs(value - fine.parameters[name]) <= coarse.parameter_errors[name], name


def test_budget_is_read_exactly():
    assert capacity(1, 20, budget=Fraction(1, 3)).decimal == capacity(1, 20, budget="1/3").decimal


@pytest.mark.parametrize("level", ["1", "2"])
def test_slope_of_the_energy_has_the_digits_it_shows(level):
    """The slope is no stationary value: its error is that of the point, checked against a finer solve."""
    coarse, fine = energy(8, level, 12), energy(8, level, 35)
    with mp.workdps(60):
        assert abs(coarse.slope - fine.slope) <= coarse.slope_error < mpf(10) ** -12
        shown = mpf(coarse.to_json()["slope"])
        assert abs(shown - fine.slope) < mpf(10) ** (1 - len(coarse.to_json()["slope"].lstrip("-0.")))


def test_the_limit_takes_a_network(monkeypatch):
    """A network and its keywords ask the same of the same solver, with the digits that are usual there."""
    asked = []
    for module in ("limits", "deep"):
        name = "limit" if module == "limits" else "deep_limit"
        monkeypatch.setattr(
            f"flrdt.evaluate.limits.{module}.{name}",
            lambda digits, _name=name, **words: asked.append((_name, digits, words)),
        )
    for network, words in (
        (relu_network(), {}),
        (relu_network(depth=3), {"depth": 3}),
        (Network(widths=(Rational(15, 2),), budget=2), {"widths": ("7.5",), "notion": "strong"}),
    ):
        limit(network)
        limit(**words)
    limit(radius=2)  # the ReLU passes on the norm of its input
    assert asked.pop() == asked[0]
    (first, again), (deep, deep_again), (wide, wide_again) = asked[:2], asked[2:4], asked[4:]
    assert first == again and first[:2] == ("limit", 10) and deep[:2] == deep_again[:2] == ("deep_limit", 3)
    assert int(deep[2]["depth"]) == int(deep_again[2]["depth"]) == 3
    assert [str(w) for w in wide[2]["widths"]] == ["15/2"] and wide_again[2]["widths"] == ("7.5",)


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        ((relu_network(),), {"depth": 2}, "the network says it"),
        ((3, 4), {}, "two arguments begin with a network"),
        ((), {"gate": "hardtanh"}, "offered for the ReLU"),
        ((), {"depth": 2, "resume": True}, "offered for one layer"),
        ((relu_network(depth=2), 9), {}, "at most 6 decimal places"),
    ],
)
def test_what_the_limit_refuses(words, given, said):
    with pytest.raises(ValueError, match=said):
        limit(*words, **given)
