"""Derivatives of the energy form: sphere part, innermost level, and the stationarity conditions."""

from __future__ import annotations

from sympy import Derivative, Eq, Expr, Function, Integer, Rational, Symbol, diff, exp, log, sqrt
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from ..blocks.innermost import innermost
from ..conditions.adjoint import lifting_slope, variance_slope
from ..conditions.stationarity import SOURCE, TiltedExpectation, sphere_derivative, stationarity
from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation
from ..core.insertion import insert
from ..core.steps import Identity
from ..core.symbols import Level, Lifting, alpha, chi
from ..objectives.energy_map import energy_sphere, lambda_forms
from .entries import Comparison, Entry, make_entry
from .envelopes import GATES


def entries() -> list[Entry]:
    """Slopes of the sphere at levels 1 to 3, of one level in its parameters, and stationarity at levels 2p, 2 and 3."""
    found = [entry for text in ("1", "2p", "2", "3") for entry in _spheres(text)]
    found += [*_innermost(), *_adjoint()]
    found += [_stationary(text, formula) for text in ("2p", "2") for formula in stationarity(text)]
    return [*found, *(_stationary_at_three(formula) for formula in stationarity(3))]


def _spheres(text: str) -> list[Entry]:
    lifting = Lifting(Level.parse(text))
    sphere, explicit = energy_sphere(lifting), lambda_forms(lifting)
    found = []
    for symbol in (chi, *lifting.overlaps(lifting.p), *(lifting.y(k) for k in lifting.steps)):
        slope = sphere_derivative(lifting, symbol)
        statement = Eq(Derivative(sphere, symbol), slope.subs(explicit), evaluate=False)
        found.append(
            make_entry(
                Formula.concluding(
                    f"gradient.sphere.{text}.{symbol}",
                    f"Slope of the sphere part in {symbol}, level {text}",
                    Derivation((Identity("Chain rule through the Lambda_k.", statement.lhs, statement.rhs),)),
                    source=SOURCE,
                ),
                "difference quotient of the written-out sphere part",
            )
        )
    return found


def _innermost() -> list[Entry]:
    inner = innermost(GATES[0])
    level = log(inner.W) / inner.y
    found = []
    for symbol in (inner.x, inner.D, inner.y, inner.chi):
        statement = Eq(Derivative(level, symbol), diff(level, symbol), evaluate=False)
        found.append(
            make_entry(
                Formula.concluding(
                    f"gradient.innermost.{symbol}",
                    f"Slope of the innermost level of the ReLU in {symbol}",
                    Derivation((Identity("Differentiate.", statement.lhs, statement.rhs),)),
                    source=SOURCE,
                ),
                "difference quotient of the closed form",
                ranges={"x": (Integer(-4), Integer(4))},
            )
        )
    return found


def _adjoint() -> list[Entry]:
    """The two slopes of one level, on the innermost closed form and on the envelope of the ReLU."""
    inner = innermost(GATES[0])

    def variance(statement: Relational) -> list[Comparison]:
        at = [side.replace(Function("G", real=True), lambda a: inner.W.subs(inner.x, a)) for side in statement.args]
        return [Comparison(*at)]

    def lifting(statement: Relational) -> list[Comparison]:
        cost = -GATES[0].envelope(inner.x + sqrt(inner.D) * Symbol("u", real=True), chi)
        at = [side.replace(Function("f", real=True), lambda _: cost) for side in statement.args]
        return [Comparison(*at)]

    how = "difference quotient of quadrature"
    near = {"x": (Integer(-3), Integer(3)), "d": (Rational(1, 20), Integer(1)), "D": (Rational(1, 4), Integer(1))}
    apart = near | {"y": (Rational(1, 100), Integer(6))}
    return [
        make_entry(variance_slope(), f"{how}, G the innermost level of the ReLU", variance, most=6, ranges=near),
        make_entry(lifting_slope(), f"{how}, f the envelope of the ReLU", lifting, most=6, ranges=apart),
    ]


def _stationary_at_three(formula) -> Entry:
    """Level 3, where the averages nest two normals: P_3 is differentiated as it is written, under its averages."""
    lifting = Lifting(Level(3))
    p2, p3, y2, y3 = lifting.p(2), lifting.p(3), lifting.y(2), lifting.y(3)
    inner, g, u = innermost(GATES[0]), Symbol("g", real=True), Symbol("u", real=True)
    x = Symbol("x", real=True)
    field = sqrt(p3) * g + sqrt(p2 - p3) * u
    W = insert(inner.W, {inner.D: 1 - p2, inner.y: y2, inner.x: x})
    weight = W ** (y3 / y2)

    def tilted(of: Expr) -> Expr:
        """The average over u in the law that the second lifting tilts, given the outer normal."""
        return Expectation((weight * of).subs(x, field), u) / Expectation(weight.subs(x, field), u)

    slope, f3 = diff(log(W) / y2, x), log(Expectation(weight.subs(x, field), u)) / y3
    # the innermost tilted mean of f_1 = -M is the slope of log W in y (gradient.tower.lifting)
    averages = {
        "E1": tilted(diff(log(W), y2)),
        "E2": tilted(log(W) / y2),
        "E2'": tilted(slope**2),
        "E3": f3,
        "E3'": tilted(slope) ** 2,
    }

    def average(node: TiltedExpectation) -> Expr:
        squared = node.args[0].is_Pow
        return Expectation(averages[f"E{node.args[1]}{chr(39) * squared}"], g)

    def route(statement: Relational) -> list[Comparison]:
        nodes = {t: average(t) for t in statement.atoms(TiltedExpectation)}
        left, right = (side.xreplace(nodes).subs(lambda_forms(lifting)) for side in statement.args)
        symbol = Symbol(formula.id.rsplit(".", 1)[1], positive=True)
        factor = {p2: (y2 - y3) / 2, p3: y3 / 2}.get(symbol, Integer(1))
        written = diff(energy_sphere(lifting), symbol) + alpha * Expectation(diff(f3, symbol), g)
        return [Comparison(written, factor * (left - right))]

    # fields that vary little keep the nested quadrature short
    ranges = {
        "p": (Rational(1, 10), Rational(3, 20)),
        "y_2": (Rational(1, 2), Integer(1)),
        "y_3": (Rational(1, 10), Rational(2, 5)),
        "chi": (Rational(1, 2), Integer(2)),
    }
    return make_entry(
        formula, "P_3 differentiated under its averages, by nested quadrature", route, most=1, ranges=ranges
    )


def _stationary(text: str, formula) -> Entry:
    """Each condition is the slope of P_r up to a factor, at any parameters: tilted averages against difference quotients."""
    level = Level.parse(text)
    lifting = Lifting(level)
    inner, gate = innermost(GATES[0]), GATES[0]
    p, y, u, x = lifting.p(2), lifting.y(2), Symbol("u", real=True), Symbol("x", real=True)
    W = insert(inner.W, {inner.D: 1 - p, inner.y: y})
    f2 = log(W) / y
    v = Symbol("v", real=True)
    cost = gate.envelope(x + sqrt(1 - p) * v, chi)
    # the tilted mean of f_1 = -M given the outer field: the innermost normal, reweighted
    f1_tilted = -Expectation(cost * exp(-y * cost), v) / W

    def outer(expr: Expr) -> Expr:
        return expr.subs(x, Integer(0)) if level.partial else Expectation(expr.subs(x, sqrt(p) * u), u)

    def tilted(node: TiltedExpectation) -> Expr:
        expr, k = node.args
        inserted = expr.replace(
            lambda e: isinstance(e, AppliedUndef), lambda e: {"f_1": f1_tilted, "f_2": f2}[e.func.__name__]
        )
        return outer(inserted.doit() if k == 2 else inserted)

    explicit = lambda_forms(lifting)

    def route(statement: Relational) -> list[Comparison]:
        nodes = {t: tilted(t) for side in statement.args for t in side.atoms(TiltedExpectation)}
        left, right = (side.xreplace(nodes).subs(explicit) for side in statement.args)
        symbol = Symbol(formula.id.rsplit(".", 1)[1], positive=True)
        objective = energy_sphere(lifting) + alpha * outer(f2)
        factor = y / 2 if symbol == p else Integer(1)
        return [Comparison(Derivative(objective, symbol), factor * (left - right))]

    nested = symbol_is_lifting(formula.id) and not level.partial
    return make_entry(
        formula,
        "difference quotient of P_r at arbitrary parameters",
        route,
        most=1 if nested else None,
        ranges={
            "p": (Rational(1, 4), Rational(3, 4)),
            "y_2": (Rational(1, 4), Integer(3)),
            "chi": (Rational(1, 4), Integer(2)),
        },
    )


def symbol_is_lifting(id: str) -> bool:
    """Whether a stationarity id is that of a lifting parameter (its tilted mean nests two averages)."""
    return id.rsplit(".", 1)[1].startswith("y")
