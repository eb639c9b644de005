"""Derivatives of the energy form: sphere part, innermost level, and the stationarity conditions."""

from __future__ import annotations

from functools import partial

from sympy import Derivative, Eq, Expr, Integer, Rational, Symbol, diff, exp, log, sqrt
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from ..energy_map import energy_sphere, lambda_forms
from ..formulas import Step, identically_zero
from ..gaussian import Expectation
from ..innermost import innermost
from ..notation import Level, Lifting, alpha, chi
from ..tilting import SOURCE, TiltedExpectation, sphere_derivative, stationarity
from .entries import Comparison, Entry, make_entry, stated
from .envelopes import GATES


def entries() -> list[Entry]:
    """Slopes of the sphere at levels 1 to 3, of f_2 in its parameters, and stationarity at levels 2p and 2."""
    found = [entry for text in ("1", "2p", "2", "3") for entry in _spheres(text)]
    found += _innermost()
    found += [_stationary(text, formula) for text in ("2p", "2") for formula in stationarity(text)]
    return found


def _spheres(text: str) -> list[Entry]:
    lifting = Lifting(Level.parse(text))
    sphere, explicit = energy_sphere(lifting), lambda_forms(lifting)
    found = []
    for symbol in (chi, *lifting.overlaps(lifting.p), *(lifting.y(k) for k in lifting.steps)):
        slope = sphere_derivative(lifting, symbol)
        if symbol == chi:  # chi enters through every Lambda_k
            slope = sum((diff(slope_of, lam) for slope_of, lam in _through(lifting)), Integer(0))
        statement = Eq(Derivative(sphere, symbol), slope.subs(explicit), evaluate=False)
        found.append(
            make_entry(
                stated(
                    f"gradient.sphere.{text}.{symbol}",
                    f"Slope of the sphere part in {symbol}, level {text}",
                    statement,
                    derivation=Step(
                        "Chain rule through the Lambda_k.",
                        statement,
                        partial(_differentiated, statement),
                    ),
                    source=SOURCE,
                ),
                "difference quotient of the written-out sphere part",
            )
        )
    return found


def _differentiated(statement: Relational) -> bool | None:
    return identically_zero(statement.lhs.doit() - statement.rhs)


def _through(lifting: Lifting) -> list[tuple[Expr, Symbol]]:
    """The sphere part in the symbols Lambda_k, once for every Lambda_k."""
    from ..tilting import _sphere_symbolic

    return [(_sphere_symbolic(lifting), lifting.Lambda(k)) for k in range(1, lifting.level.r + 1)]


def _innermost() -> list[Entry]:
    inner = innermost(GATES[0])
    level = log(inner.W) / inner.y
    found = []
    for symbol in (inner.x, inner.D, inner.y, inner.chi):
        statement = Eq(Derivative(level, symbol), diff(level, symbol), evaluate=False)
        found.append(
            make_entry(
                stated(
                    f"gradient.innermost.{symbol}",
                    f"Slope of the innermost level of the ReLU in {symbol}",
                    statement,
                    derivation=inner.formula.derivation,
                    source=SOURCE,
                ),
                "difference quotient of the closed form",
                ranges={"x": (Integer(-4), Integer(4))},
            )
        )
    return found


def _stationary(text: str, formula) -> Entry:
    """Each condition is the slope of P_r up to a factor, at any parameters: tilted averages against difference quotients."""
    level = Level.parse(text)
    lifting = Lifting(level)
    inner, gate = innermost(GATES[0]), GATES[0]
    p, y, u, x = lifting.p(2), lifting.y(2), Symbol("u", real=True), Symbol("x", real=True)
    W = inner.W.subs({inner.D: 1 - p, inner.y: y}, simultaneous=True)
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
