"""Deep networks at the plain and the partial level: routes, reference values, limits, bad input."""

import json
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from mpmath import mp, mpf, workdps

from flrdt.derive import DeepObjective, Level, NetworkError, objective, relu_network
from flrdt.derive.networks.gates import Gate
from flrdt.derive.objectives.objective import width
from flrdt.evaluate import capacity
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.results.chain import Requirement, deep_capacity
from flrdt.evaluate.results.layer_sizes import network_verdict
from flrdt.evaluate.solve.deep_closed import solve_deep_closed
from flrdt.evaluate.solve.layer_recursion import LayerRecursionError, plain_recursion
from flrdt.evaluate.systems.closed import ClosedSystem
from flrdt.evaluate.systems.system import CapacityGoal, EnergyGoal

from ..strategies import fractions

PLAIN, PARTIAL = Level(1), Level.parse("2p")

# theory page, section 7: computed independently in double precision
REFERENCE = {
    ("1", "weak"): ["7.647694935", "7.540672913", "7.437328243"],
    ("1", "strong"): ["7.647694935", "11.460256878", "11.361887980"],
    ("2p", "weak"): ["7.448638726", "7.411258946"],
    ("2p", "strong"): ["7.448638726", "11.029026168"],
}
BEHIND_6_7004 = {"weak": ("7.53079507", "7.42778732"), "strong": ("11.44807061", "11.35001053")}


def close(found, text):
    """Equal to the digits of the text, within one unit of the last."""
    decimals = len(text.partition(".")[2])
    return abs(mpf(found) - mpf(text)) <= mpf(10) ** -decimals


@pytest.mark.parametrize("level, notion", REFERENCE, ids="-".join)
def test_reference_chains(level, notion):
    texts = REFERENCE[level, notion]
    found = deep_capacity(level, 12, depth=len(texts), notion=notion)
    assert [close(a, t) for a, t in zip(found.chain, texts, strict=True)] == [True] * len(texts)
    assert found.error_kind == "enclosure" and not found.unlifted


@pytest.mark.parametrize("notion", BEHIND_6_7004)
def test_reference_behind_a_given_first_width(notion):
    second, third = BEHIND_6_7004[notion]
    found = deep_capacity(1, 20, widths=["6.7004"], notion=notion)
    assert close(found.alpha, second)
    assert [layer for layer, *_ in found.short] == [1]  # 6.7004 is below the plain capacity of one layer
    budget = Requirement(notion).of(3, 3)
    with workdps(20):
        behind = plain_recursion([mpf("6.7004"), found.alpha], int(budget)).alpha
        assert close(behind, third)


@pytest.mark.parametrize("notion", ["weak", "strong"])
def test_functional_and_recursion_agree_to_45_digits(notion):
    """The stationary point of the functional, enclosed in ball arithmetic, against the scalar recursion in
    mpmath.
    """
    found = deep_capacity(1, 50, depth=6, notion=notion)
    with workdps(100):
        chain = []
        for i in range(1, 7):
            chain.append(plain_recursion(chain, int(Requirement(notion).of(i, 6))).alpha)
        assert max(abs(a - b) for a, b in zip(chain, found.chain, strict=True)) < mpf(10) ** -45
        assert all(abs(a - b) <= e for a, b, e in zip(chain, found.chain, found.chain_errors, strict=True))


@pytest.mark.parametrize("level", ["1", "2p"])
def test_depth_one_is_the_one_layer_code(level):
    deep, single = deep_capacity(level, 30, depth=1), capacity(level, 30)
    assert deep.decimal == single.decimal
    assert abs(deep.parameters["chi"] - single.parameters["chi"]) < 1e-25


def system_at(level, depth, arithmetic="float64"):
    form = DeepObjective(relu_network(depth=depth), level)
    return form, ClosedSystem(form, (Fraction(15, 2),) * (depth - 1), arithmetic)


@settings(max_examples=5)
@given(fractions(-1, 1, 16), fractions(Fraction(1, 20), Fraction(1, 4), 20))
@pytest.mark.parametrize("goal", [CapacityGoal(1), EnergyGoal(7)], ids=["capacity", "energy"])
@pytest.mark.parametrize("level", [PLAIN, PARTIAL], ids=str)
def test_gradient_and_hessian_against_differences(level, goal, shift, y):
    _, system = system_at(level, 3, "mpmath")
    b, n = system.backend, len(system.names)
    with workdps(40):
        point = [mpf(int(7 * (i + 1) * (shift.numerator + 17)) % 11 - 5) / 20 for i in range(n)]
        if level == PARTIAL:
            point[-1] = mp.log(mpf(y.numerator) / y.denominator)
        parts = system.parts(point, None, 2)
        slope, hessian = goal.slope(parts, b), goal.curvature(parts, b)
        step = mpf(10) ** -12
        for i in range(n):
            ends = []
            for sign in (1, -1):
                moved = list(point)
                moved[i] += sign * step
                there = system.parts(moved, None, 1)
                ends.append((goal.value(there, b), goal.slope(there, b)))
            scale = 1 + abs(slope[i])
            assert abs((ends[0][0] - ends[1][0]) / (2 * step) - slope[i]) < scale * mpf(10) ** -18
            for a, c, h in zip(ends[0][1], ends[1][1], hessian[i], strict=True):
                assert abs((a - c) / (2 * step) - h) < (1 + abs(h)) * mpf(10) ** -17


def test_scaled_terms_are_the_closed_form():
    """The objective summed from its scaled terms against the closed form in the parameters themselves."""
    from flrdt.evaluate.arithmetic.compile import compile_scalar

    with workdps(40):
        form, system = system_at(PARTIAL, 2, "mpmath")
        values = [mpf(v) / 10 for v in (4, 12, 27, 9, 11, 3)]
        symbols = [*form.parameters(), width(2), width(1)]
        direct = compile_scalar([form.closed_form], symbols, backend("mpmath"))(*values, mpf(76) / 10, mpf(15) / 2)[0]
        parts = system.parts([mp.log(v) for v in values], None, 0)
        assert abs(direct - parts.A - mpf(76) / 10 * parts.B) < mpf(10) ** -35


def test_small_lifting_is_the_plain_level():
    """y -> 0 at the plain point: the partial objective is stationary there up to O(y), and equals the plain
    one.
    """
    _, found = solve_deep_closed([Fraction(77, 10)], CapacityGoal(1), PLAIN, 30)
    with workdps(40):
        system = ClosedSystem(DeepObjective(relu_network(depth=2), PARTIAL), (Fraction(77, 10),), "mpmath")
        goal, sizes = CapacityGoal(1), []
        for y in (mpf(10) ** -6, mpf(10) ** -8):
            parts = system.parts([*found.x, mp.log(y)], None, 1)
            slope = goal.slope(parts, system.backend)
            sizes.append(max([abs(s) for s in slope] + [abs(goal.value(parts, system.backend) - found.value)]))
        assert sizes[0] < 1e-5 and abs(sizes[0] / sizes[1] - 100) < 1


@pytest.mark.parametrize("level", [PLAIN, PARTIAL], ids=str)
def test_hidden_layers_have_two_directions_of_maxima(level):
    for widths in ([Fraction(77, 10)], [Fraction(77, 10), Fraction(38, 5)]):
        used, found = solve_deep_closed(widths, CapacityGoal(1), level, 20)
        assert used == level and found.proved and found.inertia[1] == 2 * len(widths)


def test_partial_lifting_lowers_the_capacity_until_it_no_longer_helps():
    found = deep_capacity("2p", 8, depth=6)
    assert found.unlifted == (5, 6)
    with workdps(30):
        plain = plain_recursion(list(found.chain[:5]), 1).alpha  # the value is the plain one behind the same widths
        assert abs(plain - found.alpha) < 1e-8
        for i in range(1, 5):
            assert found.chain[i - 1] < plain_recursion(list(found.chain[: i - 1]), 1).alpha - mpf(10) ** -3


@settings(max_examples=4)
@given(fractions(1, Fraction(29, 10), 10))
@example(Fraction(1))
def test_capacity_grows_with_the_budget(budget):
    values = [
        deep_capacity(level, 6, widths=["7.7"], budget=b).alpha
        for level in ("1", "2p")
        for b in (budget, budget + Fraction(1, 10))
    ]
    assert values[0] < values[1] and values[2] < values[3] and values[2] < values[0] and values[3] < values[1]


def test_budget_is_what_the_notions_name():
    assert deep_capacity(1, 15, depth=2, budget=2).decimal == deep_capacity(1, 15, depth=2, notion="strong").decimal
    assert deep_capacity(1, 15, depth=2, budget="1").decimal == deep_capacity(1, 15, depth=2).decimal


def test_depth_ten():
    found = deep_capacity("1", 30, depth=10)
    with workdps(50):
        assert abs(plain_recursion(list(found.chain[:9]), 1).alpha - found.alpha) < mpf(10) ** -30


def test_first_level():
    found = deep_capacity("1", 15, depth=2, first_level="2p")
    with workdps(25):
        assert abs(found.chain[0] - capacity("2p", 25).alpha) < mpf(10) ** -16
        assert abs(plain_recursion([found.chain[0]], 1).alpha - found.alpha) < 1e-14


def test_objective_is_composed_for_every_level():
    for level in ("1", "2p", "2", "3"):
        form = objective(relu_network(depth=3), level)
        assert list(form.energy_terms) == [
            "sphere",
            "hidden 1",
            "coupling 1",
            "hidden 2",
            "coupling 2",
            "count",
        ]
        assert form.energy.free_symbols == {
            *form.parameters(),
            *(s for s in form.energy.free_symbols if str(s).startswith("alpha_")),
        }
    assert len(form.parameters()) == 3 + 2 * 8 + 2


def test_stationarity_is_differentiated_symbolically():
    form = objective(relu_network(depth=2), "2p")
    assert list(form.stationarity()) == list(form.parameters())


def test_only_the_relu_is_deep():
    from sympy import Interval

    with pytest.raises(NetworkError, match="positively homogeneous"):
        DeepObjective(relu_network(depth=2).__class__(Gate(Interval.open(-1, 1), "hard-tanh"), 2), PLAIN)


def test_narrow_layers_have_no_recursion():
    with pytest.raises(LayerRecursionError, match="4/3"):
        plain_recursion([mpf(1)], 1)


def test_network_verdict(run):
    found = network_verdict([100, 800, 760, 750], level="1")
    assert [v.injective for v in found.layers] == [True, True, True]
    narrow = network_verdict([100, 700, 760], level="1")
    assert [v.injective for v in narrow.layers] == [False, False]
    assert [v.wide_enough for v in narrow.layers] == [False, True] and narrow.layers[0].least_size == 765
    code, out, _ = run("network", "100", "800", "760", "750", "--level", "2p", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["injective"] is True and [x["layer"] for x in shown["layers"]] == [1, 2, 3]
    assert float(shown["layers"][1]["margin"]) == pytest.approx(7.6 - float(shown["layers"][1]["capacity"]), rel=1e-5)


def test_hopelessly_narrow_network_is_not_injective():
    assert [v.injective for v in network_verdict([100, 50, 700], level=1).layers] == [False, False]


def test_capacity_command(run):
    code, out, _ = run("capacity", "--depth", "2", "--level", "1", "--digits", "12", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["alpha"] == "7.540672913473" and len(shown["chain"]) == len(shown["expansions"]) == 2
    assert {"0.chi", "1.mu", "1.p_1", "1.q_1", "1.chi"} == set(shown["parameters"])
    code, out, err = run("capacity", "--widths", "7.5", "--level", "1", "--digits", "12", "--json")
    shown = json.loads(out)
    assert code == 1 and shown["admissible"] is False and shown["short_layers"][0]["layer"] == 1
    assert "hidden architecture not admissible: layer 1 has width 7.5 and needs 7.647694935" in err


def test_table_command(run):
    code, out, _ = run("table", "deep", "--depths", "1..3", "--levels", "1,2p", "--digits", "10", "--format", "json")
    rows = json.loads(out)["rows"]
    assert code == 0 and len(rows) == 12
    assert {(r["level"], r["notion"]) for r in rows} == set(REFERENCE)
    code, out, _ = run("table", "deep", "--depths", "2", "--levels", "1", "--digits", "8")
    assert code == 0 and "7.54067291" in out and "11.46025688" in out


@pytest.mark.slow
def test_derive_command(run):
    code, out, _ = run("derive", "objective", "--depth", "3", "--level", "2p", "--format", "latex")
    assert code == 0 and r"\alpha_{3}" in out and r"v_{\chi^{(1)},\mu^{(2)}}" in out
    code, out, _ = run("derive", "innermost", "--depth", "2", "--level", "1", "--steps")
    assert code == 0 and "check: proved" in out


@pytest.mark.parametrize("words, message", [
    (("capacity", "--depth", "0"), "use an integer from 1"),
    (("capacity", "--depth", "two"), "use an integer from 1"),
    (("capacity", "--depth", "2", "--budget", "0"), "must be positive"),
    (("capacity", "--depth", "2", "--notion", "week"), "use weak or strong"),
    (("capacity", "--widths", "7.7,-1"), "must be positive"),
    (("capacity", "--widths", "7.7,0"), "must be positive"),
    (("capacity", "--widths", "7.7,x"), "is not a number"),
    (("capacity", "--widths", ""), "is not a number"),
    (("capacity", "--depth", "2", "--level", "3p"), "only level 2 has a partially lifted form"),
    (("capacity", "--widths", "7.7", "--first-level", "2"), "leave out the first level or the widths"),
    (("capacity", "--depth", "2", "--backend", "mpmath"), "use arb"),
    (("network", "100"), "at least two layer sizes"),
    (("network", "100", "0"), "use an integer from 1"),
    (("network", "100", "7.5"), "use an integer from 1"),
    (("network", "100", "800", "--notion", "week"), "use weak or strong"),
    (("table", "deep", "--depths", "3..1"), "write it upwards"),
    (("table", "deep", "--depths", "a"), "use a list"),
    (("table", "single", "--depths", "2"), "belong to the deep table"),
    (("derive", "objective", "--depth", "2", "--form", "psi"), "energy form only"),
    (("derive", "relations", "--depth", "2"), "about one layer"),
])  # fmt: skip
def test_bad_input_is_one_line(run, words, message):
    code, out, err = run(*words)
    assert code == 2 and out == "" and message in err and err.count("\n") == 1
