"""Every derivation proves its steps, and follows its input."""

import pytest
from sympy import Dict, Eq, Function, Gt, Integer, Interval, Lt, Rational, Symbol, diff, oo, simplify, symbols, true

from flrdt.derive import (
    Gate,
    Level,
    LevelError,
    Lifting,
    Network,
    NetworkError,
    Verdict,
    energy_map,
    innermost,
    objective,
    plain_level,
    recursion,
    relations,
    relu_network,
    scaling,
    stationarity,
)
from flrdt.derive.blocks.innermost import zero_energy_threshold
from flrdt.derive.core.formulas import Basis, Derivation
from flrdt.derive.core.steps import Chain, Definition, Identity, Substitution, Theorem
from flrdt.derive.core.symbols import alpha, chi

LEVELS = ["1", "2p", "2", "3"]
BIAS = Gate(Interval.open(Rational(1, 2), oo))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("derivation", [relations, scaling, energy_map, lambda r: objective(level=r).formula("psi")])
def test_every_step_is_proved(level, derivation):
    found = derivation(Level.parse(level))
    chain = found.derivation
    assert {step.verdict() for step in chain} <= {Verdict.PROVED, Basis.DEFINITION, Basis.THEOREM}
    assert chain.verdict() is Verdict.PROVED


def test_what_is_only_cited_or_defined_is_not_proved():
    x = Symbol("x")
    given = Definition("Given.", Eq(x, 2, evaluate=False), name="x")
    cited = Theorem("Known.", Eq(x, 2, evaluate=False), "a source")
    shown = Identity("Squared.", x**2, Integer(4), using=("x",))
    for steps, verdict in (
        ((given,), Basis.DEFINITION),
        ((given, cited), Basis.THEOREM),
        ((cited, given, shown), Verdict.PROVED),
        ((), Verdict.UNKNOWN),
    ):
        assert Derivation(steps).verdict() is verdict


@pytest.mark.parametrize("level", ["2p", "2", "3"])
def test_stationarity_steps_are_proved(level):
    for formula in stationarity(level):
        assert formula.derivation.verdict() is Verdict.PROVED, formula.id


@pytest.mark.slow
@pytest.mark.parametrize("level", [4, 5, 6])
def test_relations_at_higher_levels_are_proved(level):
    assert relations(level).derivation.verdict() is Verdict.PROVED


def test_general_recursion_is_proved():
    assert recursion().derivation.verdict() is Verdict.PROVED


@pytest.mark.parametrize("gate", [relu_network().gate, BIAS], ids=str)
def test_innermost_and_plain_are_proved(gate):
    assert innermost(gate).formula.derivation.verdict() is Verdict.PROVED
    assert plain_level(Network(gate)).formula.derivation.verdict() is Verdict.PROVED


def test_a_broken_step_is_not_proved():
    x = Symbol("x", positive=True)
    wrong = Identity("Wrong sign.", (x + 1) ** 2, x**2 - 2 * x + 1)
    undecided = Substitution("Of nothing.", Dict(), x)
    assert Derivation((wrong,)).verdict() is Verdict.FAILED
    assert Derivation((undecided,)).verdict() is Verdict.UNKNOWN


def test_definitions_in_a_circle_prove_nothing():
    a, b, c = symbols("a b c")
    f = Function("f")

    def verdict(*pairs):
        steps = [Definition("", Eq(left, right, evaluate=False), name=str(left)) for left, right in pairs]
        return Derivation((*steps, Identity("", c, c))).verdict()

    assert verdict((a, b + 1), (f(c), c * a)) is Verdict.PROVED
    for circle in (((a, a + 1),), ((a, b), (b, 2 * a)), ((f(c), c * f(c + 1)),), ((a, f(1)), (f(c), a * c))):
        assert verdict(*circle) is Verdict.FAILED


def test_level_two_relations_are_those_of_the_theory_page():
    p, q = Lifting(Level(2)).p(2), Lifting(Level(2)).q(2)
    forms = relations(2)
    assert simplify(2 * forms["gamma_p"] - (1 - p) / (1 - q) * (q / p) ** Rational(1, 2)) == 0
    c = (p / q) ** Rational(1, 2) / (1 - p) - (q / p) ** Rational(1, 2) / (1 - q)
    assert simplify(forms["c_2"] - c) == 0
    assert simplify(forms["gamma_s"] * forms["gamma_p"]) == Rational(1, 4)


@pytest.mark.parametrize("level", [2, 3])
def test_relations_follow_the_level(level):
    forms = relations(level)
    assert set(forms) == {f"{n}_{k}" for n in ("Lambda", "Theta") for k in range(1, level + 1)} | {
        f"c_{k}" for k in range(2, level + 1)
    } | {"gamma_s", "gamma_p"}
    free = set().union(*(f.free_symbols for f in forms.values()))
    assert {str(s) for s in free} == {f"{n}_{k}" for n in "pq" for k in range(2, level + 1)}


def test_plain_closed_form_of_the_relu():
    level = plain_level(relu_network())
    assert str(level.condition) == "k*phi(k) + 2*H(k) - 1/2" and str(level.capacity) == "1/H(k)"


def test_plain_closed_form_follows_gate_and_budget():
    biased = plain_level(Network(BIAS))
    assert str(biased.capacity) == "1/H(k + 1/2)"
    assert str(plain_level(relu_network(budget=2)).capacity) == "2/H(k)"


def test_innermost_follows_the_gate():
    assert innermost(BIAS).W != innermost(relu_network().gate).W
    assert Rational(1, 2) in innermost(BIAS).W.atoms(Rational)


def test_objectives_at_level_one():
    assert simplify(objective(level=1).energy_terms["sphere"] - 1 / (2 * chi)) == 0
    assert alpha in objective(level=1).psi.free_symbols
    assert objective(level="2p").energy_terms["sphere"].free_symbols == {chi, Symbol("y_2", positive=True)}


def test_objective_derivative_goes_under_the_expectation():
    slope = diff(objective(level=2).psi, Symbol("nu", positive=True))
    assert slope.has(Symbol("nu", positive=True)) and slope.subs(alpha, 0) == Integer(1)


def test_zero_energy_threshold():
    assert zero_energy_threshold(relu_network().gate) == 2
    assert zero_energy_threshold(BIAS) > 2


@pytest.mark.parametrize("bad", [0, -1, 2.5, "x", "", "2q", "3p", "1p", True, None])
def test_levels_that_do_not_exist(bad):
    with pytest.raises(LevelError, match="level"):
        Level.parse(bad)


def test_networks_that_do_not_exist():
    with pytest.raises(NetworkError, match="depth"):
        Network(depth=0)
    with pytest.raises(NetworkError, match="budget"):
        Network(budget=0)


def test_which_of_several_roots_a_branch_has_is_shown_or_nothing_is_solved():
    """A root that no one can tell from another is never taken; an unknown that may be negative keeps its negative roots."""
    a, t = Symbol("a", positive=True), Symbol("t", real=True)
    tie = Definition("Two roots.", Eq(t**2 - 2 * a * t, 8 * a**2, evaluate=False), name="tie")
    for branch, root in ((Gt(t, 0), 4 * a), (Lt(t, 0), -2 * a), (Gt(t, a), 4 * a)):
        assert simplify(Chain([tie]).solve("Solve.", t, using=("tie",), branch=branch) - root) == 0
    for branch in (true, Gt(t, -3 * a)):
        with pytest.raises(ArithmeticError, match="no unique solution"):
            Chain([tie]).solve("Solve.", t, using=("tie",), branch=branch)
