"""What the newer sections of the registry state, against routes outside the registry."""

from fractions import Fraction

import pytest
from mpmath import mp, mpf, npdf, quad
from sympy import I, Integer, Interval, Rational, Symbol, Union, oo, re

from flrdt.derive import Gate, Network, Verdict, plain_level, relu
from flrdt.derive.conditions.stability import kink, kinks, thermal_conditions
from flrdt.derive.core.domains import Chain, default_domain
from flrdt.derive.core.gaussian import Phi, phi
from flrdt.derive.lemmas.finite_counts import expected_rays, k, line_probability, m, n
from flrdt.derive.networks.gates import gate
from flrdt.derive.registry import entry, registry
from flrdt.evaluate import capacity
from flrdt.evaluate.finite_size.arrangement import expected_rays as counted
from flrdt.evaluate.verification.direct import compare
from flrdt.evaluate.verification.proofs import enclosed, proved
from flrdt.evaluate.verification.runner import verify_entry
from flrdt.evaluate.verification.sampling import points

from ..quadrature_route import GATES as SETS
from ..quadrature_route import capacity as by_quadrature

TWO_WIDTHS = Gate(Union(Interval.open(-Rational(1, 2), Rational(1, 3)), Interval.open(1, oo)))


@pytest.mark.parametrize(
    "name", ["hardtanh", *(pytest.param(g, marks=pytest.mark.slow) for g in ("relu6", "hardsigmoid"))]
)
def test_the_plain_closed_form_of_bounded_gates(name):
    """The root of the condition below half the length gives the capacity that quadrature and minimisation find."""
    level = plain_level(Network(gate(name)))
    assert level.formula.derivation.verdict() is Verdict.PROVED
    assert level.limit == (1 if name == "hardtanh" else 3)
    with mp.workdps(20):
        condition = [mpf(str(level.condition.subs(level.reach, Rational(j, 20)).evalf(20))) for j in (1, 19)]
        assert level.limit > 1 or condition[0] * condition[1] < 0
        low, high = mpf("0.05"), mpf(int(level.limit)) - mpf("0.05")
        for _ in range(45):
            middle = (low + high) / 2
            value = mpf(str(level.condition.subs(level.reach, Rational(str(middle))).evalf(20)))
            low, high = (middle, high) if value * condition[0] > 0 else (low, middle)
        found = mpf(str(level.capacity.subs(level.reach, Rational(str(low))).evalf(20)))
    expected, _ = by_quadrature("1", SETS[name])
    assert float(found) == pytest.approx(expected, rel=1e-10)
    assert float(found) == pytest.approx(float(capacity(1, 12, gate=name).alpha), rel=1e-10)


@pytest.mark.slow
def test_components_of_different_length_are_proved_on_every_branch():
    level = plain_level(Network(TWO_WIDTHS))
    assert level.formula.derivation.verdict() is Verdict.PROVED and level.limit == oo


def test_kinks_of_the_envelope():
    chi = Symbol("chi", positive=True)
    assert kink(gate("hardtanh"), chi) == 4 / chi and kinks(gate("hardtanh"), chi)[0] == -1
    assert kinks(gate("threshold:1/2", 3), chi)[0] == Rational(1, 6)


def test_the_normal_functions_are_not_real_off_the_real_line():
    x, b = Symbol("x", real=True), Symbol("b", real=True)
    assert re(phi(x + I * b)) != phi(x + I * b) and re(Phi(x + I * b)) != Phi(x + I * b) and phi(x).is_positive


@pytest.mark.slow
def test_thermal_conditions_hold_at_the_known_point():
    """At the instability point of arXiv 2302.14112, alpha = 5.3238, both hold, the second one with equality."""
    from flrdt.evaluate.limits.stability import thermal_instability

    point = thermal_instability(8)
    stationary, stable = thermal_conditions(relu())
    with mp.workdps(15):
        D, beta = 1 - point.overlap, point.beta
        values = {"D": D, "beta": beta, "alpha": point.alpha}

        def number(expr):
            from sympy import lambdify

            from flrdt.derive.core.gaussian import Expectation

            means = {}
            for node in expr.atoms(Expectation):
                integrand = node.expr.replace(Phi, lambda a: Phi(a).rewrite("erfc")).replace(
                    phi, lambda a: phi(a).rewrite("exp")
                )
                names = sorted(integrand.free_symbols, key=str)
                f = lambdify(names, integrand, "mpmath")
                means[node] = quad(
                    lambda t, f=f, names=names: npdf(t) * f(*(t if s.name == "u" else values[s.name] for s in names)),
                    [-8, -4, -2, 0, 2, 4, 8],
                )
            symbols = {node: Symbol(f"mean_{i}") for i, node in enumerate(means)}
            plain = expr.xreplace(symbols)
            names = sorted(plain.free_symbols, key=str)
            known = values | {symbols[node].name: value for node, value in means.items()}
            return lambdify(names, plain, "mpmath")(*(known[s.name] for s in names))

        assert abs(point.alpha - mpf("5.3238")) < 1e-4
        assert abs(number(stationary.statement.lhs) / number(stationary.statement.rhs) - 1) < 1e-7
        assert abs(number(stable.statement.lhs)) < 1e-6


@pytest.mark.parametrize("inputs, rows, most", [(1, 4, 0), (2, 7, 3), (3, 9, 2), (5, 12, 4)])
def test_counts_are_those_that_the_search_uses(inputs, rows, most):
    exact = expected_rays().statement.rhs.subs({n: inputs, m: rows, k: most}).doit()
    assert float(exact) == pytest.approx(counted(inputs, rows, most), rel=1e-12)
    assert line_probability().statement.rhs.subs(m, 4) == Rational(7, 8)


@pytest.mark.slow
def test_samples_cover_the_edges():
    """Overlaps next to 1, merged levels, lifting parameters next to 0."""
    reached = set()
    for check in (check for item in registry().values() for check in item.checks):
        chains = [part for part in check.domain.parts if isinstance(part, Chain) and "^" not in part.symbols[0].name]
        for part in chains:
            names = [s.name for s in part.symbols]
            low, high = (
                [point[s] for s in part.symbols] for point in points(check.domain, 3, "corners come second")[1:]
            )
            if high[0] >= Rational(399, 400):
                reached.add(f"{names[0]} next to 1")
            if low[0] <= Rational(1, 1000):
                reached.add(f"{names[0]} next to 0")
            if len(names) > 1 and high[1] >= high[0] * Rational(399, 400):
                reached.add(f"{names[0]} and {names[1]} merged")
    assert {"p_2 next to 1", "q_2 next to 1", "y_2 next to 0", "c_2 next to 0"} <= reached
    assert {"p_2 and p_3 merged", "q_2 and q_3 merged", "y_2 and y_3 merged"} <= reached


@pytest.mark.parametrize(
    "name", ["at_least", *(pytest.param(n, marks=pytest.mark.slow) for n in ("at_most_one", "decreasing"))]
)
def test_bounds_on_the_innermost_expectation_are_enclosed(name):
    item = entry(f"innermost.relu.{name}")
    assert len(item.checks) == 2
    sampled, box = item.checks
    (comparison,) = box.route(item.formula.statement)
    assert enclosed(comparison, box.domain)
    # the opposite is not, and neither is a bound that is a little too sharp
    flipped = type(comparison)(comparison.left, comparison.right, ">" if comparison.relation == "<" else "<")
    assert not enclosed(flipped, box.domain)
    names = {s.name for s in sampled.domain.symbols}
    assert names == {"x", "D", "y", "chi"}
    low = {s.name: v for s, (v, _) in sampled.domain.box().items()}
    assert low["y"] == Rational(1, 1000) and low["chi"] == Rational(1, 50)


def test_a_bound_that_fails_somewhere_is_not_enclosed():
    from flrdt.derive.registry import Comparison

    x = Symbol("x", real=True)
    unit = default_domain([x], {"x": (Integer(0), Integer(1))})
    assert enclosed(Comparison(x * (1 - x), Rational(-1, 1000), ">"), unit)
    assert enclosed(Comparison(x - x**2, Rational(251, 1000), "<"), unit)
    assert not enclosed(Comparison(x - x**2, Rational(1, 4), "<"), unit)
    assert not proved(Comparison(x - x**2, Rational(249, 1000), "<"), unit)


def test_an_integral_that_has_not_converged_is_not_called_different():
    """Panels of a short interval are halved by every refinement; one panel throughout would look converged."""
    from sympy import Integral, log

    from flrdt.derive.registry import Comparison

    s, a = Symbol("s", real=True), Symbol("a", positive=True)
    comparison = Comparison(Integral(1 / (a + s), (s, 0, 1)), log((a + 1) / a))
    assert compare(comparison, {a: Rational(1, 20)}, 15).holds is True
    assert compare(comparison, {a: Rational(1, 10**6)}, 15).holds is None
    assert compare(Comparison(comparison.left, 2 * comparison.right), {a: Rational(1)}, 15).holds is False


def test_instances_do_not_prove():
    found = verify_entry(entry("finite.rays"), 15, 3)
    assert found.verdict is Verdict.VERIFIED


def test_strategies_draw_from_the_domains():
    from hypothesis import given

    from ..strategies import lifting_parameters, overlaps, strategy_of

    domain = default_domain([Symbol(f"p_{i}", positive=True) for i in (2, 3)])

    @given(strategy_of(domain), overlaps(3), lifting_parameters(3))
    def check(point, p, y):
        box = {s.name: ends for s, ends in domain.box().items()}
        assert set(point) == set(box) and all(isinstance(v, Fraction) for v in point.values())
        assert all(Fraction(str(box[name][0])) <= v <= Fraction(str(box[name][1])) for name, v in point.items())
        assert 1 > p[0] > p[1] > p[2] > 0 and y[0] > y[1] > y[2] > 0

    check()
