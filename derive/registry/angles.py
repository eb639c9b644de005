"""The rules of angular integration, checked in Cartesian coordinates."""

from __future__ import annotations

from sympy import Eq, Expr, Integer, Integral, Rational, Symbol, atan, diff, exp, oo
from sympy.core.relational import Relational

from ..blocks.angular import A, B, C, QuadraticForm, angular_steps, circular_moment, t, wedge_exponential, wedge_mean
from ..blocks.hidden_maximum import SOURCE, h, w
from ..core.formulas import Derivation, Step, identically_zero
from ..core.gaussian import phi
from .entries import Comparison, Entry, make_entry, stated

upper = Symbol("T", positive=True)
eta, V = Symbol("eta", positive=True), Symbol("V", real=True)
FORM = QuadraticForm(A, 2 * B, C)
PLANE = A * w**2 + 2 * B * w * h + C * h**2
LOWER = Integer(-1)
NARROW = {"T": (Rational(1, 1000), Integer(1))}
CARTESIAN = "numerical quadrature over the wedge in Cartesian coordinates"


def entries() -> list[Entry]:
    """Radial integral, the two antiderivatives, and the averages over a wedge."""
    radial, *rational = angular_steps()
    found = [
        _entry(
            "radial",
            "Radial integral of an exponential",
            radial.expression,
            Derivation((radial,)),
            "numerical quadrature over the radius",
            {"V": (Rational(-2), Rational(9, 20)), "eta": (Rational(1, 1000), Integer(1))},
        )
    ]
    for name, step in zip(("resolvent", "moment"), rational, strict=True):
        found.append(_antiderivative(name, step))
    small = {"eta": (Rational(1, 1000), Rational(1, 5))}  # 1 - 2 eta Q stays positive
    for name, title, integrand, value in (
        ("mean", "Mean of a quadratic form over a wedge", PLANE, wedge_mean(FORM, LOWER, upper)),
        (
            "exponential",
            "Exponential average of a quadratic form over a wedge",
            exp(eta * PLANE),
            wedge_exponential(FORM, eta, LOWER, upper),
        ),
    ):
        statement = Eq(_average(integrand, LOWER), value, evaluate=False)
        ranges = NARROW | small if name == "exponential" else NARROW
        found.append(_entry(name, title, statement, Derivation(angular_steps()), CARTESIAN, ranges, most=1))
    polar = circular_moment(PLANE, w, h, Integer(0), atan(upper))
    statement = Eq(_average(PLANE, Integer(0)), polar, evaluate=False)
    step = Step(
        "In polar coordinates; the slope T is the tangent of the angle, and the derivative in T is the integrand.",
        statement,
        lambda: identically_zero(diff(polar, upper) - diff(wedge_mean(FORM, Integer(0), upper), upper)),
    )
    return [
        *found,
        _entry("circle", "Mean of a quadratic form over a sector", statement, step, CARTESIAN, NARROW, most=1),
    ]


def _average(integrand: Expr, lower: Expr) -> Expr:
    """``E[integrand; lower < h/w < T, w > 0]`` written out."""
    return Integral(Integral(integrand * phi(w) * phi(h), (h, lower * w, upper * w)), (w, 0, oo))


def _antiderivative(name: str, step: Step) -> Entry:
    """The indefinite rule, checked as an integral from 0 to T."""

    def route(statement: Relational) -> list[Comparison]:
        integrand, value = statement.lhs.function, statement.rhs
        return [Comparison(Integral(integrand, (t, 0, upper)), value.subs(t, upper) - value.subs(t, 0))]

    titles = {"resolvent": "Antiderivative of one over a quadratic", "moment": "Antiderivative of the mean over slopes"}
    return make_entry(
        stated(
            f"angular.{name}",
            titles[name],
            step.expression,
            derivation=step,
            source=SOURCE,
            assumptions=("A C > B^2",),
        ),
        "numerical quadrature from 0 to T",
        route,
    )


def _entry(
    name: str, title: str, statement: Relational, derivation, how: str, ranges: dict, most: int | None = None
) -> Entry:
    formula = stated(
        f"angular.{name}",
        title,
        statement,
        derivation=derivation,
        source=SOURCE,
        assumptions=("2 eta v < 1 on the unit circle",) if eta in statement.free_symbols else (),
    )
    return make_entry(formula, how, most=most, ranges=ranges)
