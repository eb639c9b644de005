"""The rules of angular integration, checked in Cartesian coordinates."""

from __future__ import annotations

from sympy import Dict, Eq, Expr, Integer, Integral, Rational, Symbol, atan, cos, exp, integrate, oo, pi, sin
from sympy.core.relational import Relational

from ..blocks.angular import (
    A,
    B,
    C,
    QuadraticForm,
    V,
    angular_steps,
    circular_moment,
    eta,
    radial_weight,
    rate,
    slope_function,
    t,
    wedge_exponential,
    wedge_mean,
    wedge_steps,
)
from ..blocks.hidden_maximum import SOURCE, h, w
from ..core.formulas import Derivation, Formula
from ..core.gaussian import phi
from ..core.insertion import insert
from ..core.steps import Identity, Quadrature, Substitution, Theorem, leading_to
from .entries import Comparison, Entry, make_entry

upper = Symbol("T", positive=True)
FORM = QuadraticForm(A, 2 * B, C)
PLANE = A * w**2 + 2 * B * w * h + C * h**2
LOWER = Integer(-1)
NARROW = {"T": (Rational(1, 1000), Integer(1))}
CARTESIAN = "numerical quadrature over the wedge in Cartesian coordinates"
TITLES = {
    "exponential": ("resolvent", "Antiderivative of one over a quadratic"),
    "mean": ("moment", "Antiderivative of the mean over slopes"),
}


def entries() -> list[Entry]:
    """Radial integral, the two antiderivatives, and the averages over a wedge."""
    radial = Derivation(leading_to(radial_weight("exponential"), "radius exponential"))
    ranges = {"V": (Rational(-2), Rational(9, 20)), "eta": (Rational(1, 1000), Integer(1))}
    found = [
        _entry("radial", "Radial integral of an exponential", radial, "numerical quadrature over the radius", ranges)
    ]
    found += [_antiderivative(kind) for kind in TITLES]
    small = {"eta": (Rational(1, 1000), Rational(1, 5))}  # 1 - 2 eta Q stays positive
    for kind, title in (
        ("mean", "Mean of a quadratic form over a wedge"),
        ("exponential", "Exponential average of a quadratic form over a wedge"),
    ):
        ranges = NARROW | small if kind == "exponential" else NARROW
        found.append(_entry(kind, title, _over_a_wedge(kind), CARTESIAN, ranges, most=1))
    return [*found, _entry("circle", "Mean of a quadratic form over a sector", _sector(), CARTESIAN, NARROW, most=1)]


def _average(integrand: Expr, lower: Expr) -> Expr:
    """``E[integrand; lower < h/w < T, w > 0]`` written out."""
    return Integral(Integral(integrand * phi(w) * phi(h), (h, lower * w, upper * w)), (w, 0, oo))


def _over_a_wedge(kind: str) -> Derivation:
    """From the plane to the slopes of one wedge."""
    J, exponential = slope_function(kind), kind == "exponential"
    form = FORM.resolvent(eta) if exponential else FORM
    value = wedge_exponential(FORM, eta, LOWER, upper) if exponential else wedge_mean(FORM, LOWER, upper)
    rules, weight = leading_to(angular_steps(), f"between {kind}"), radial_weight(kind)
    (cut,) = wedge_steps(kind, {"wedge": (form, LOWER, upper)})
    over = Derivation((*rules, cut)).conclusion.lhs  # type: ignore[attr-defined]
    contribution = weight[-1].right.subs(V, FORM.at(t))  # type: ignore[attr-defined]
    prefactor = 1 / (2 * pi) if exponential else 1 / pi
    return Derivation(
        (
            *rules,
            *weight,
            cut,
            Theorem(
                "In polar coordinates, h = w t: the form is w^2 times its value at slope t.",
                Eq(
                    _average(exp(eta * PLANE) if exponential else PLANE, LOWER),
                    prefactor * Integral(J(FORM.at(t), t), (t, LOWER, upper)),
                    evaluate=False,
                ),
                "Fubini's theorem",
                using=(f"J {kind}",),
                name="polar",
            ),
            Identity(
                "What a slope contributes is one over the form." if exponential else "What a slope contributes.",
                Integral(contribution, (t, LOWER, upper)),
                over,
                name="same",
            ),
            Substitution(
                "Integrate over the slopes.", Dict(), value, using=("polar", f"J {kind} closed", "same", "wedge")
            ),
        )
    )


def _sector() -> Derivation:
    """In polar coordinates; the slope T is the tangent of the angle."""
    theta = Symbol("theta", real=True)
    polar = insert(PLANE, {w: cos(theta), h: sin(theta)})
    primitive = integrate(polar.expand(), theta)
    radial = Derivation(leading_to(angular_steps(), "radial mean")).conclusion
    radius = radial.lhs.subs(rate, 1)  # type: ignore[attr-defined]
    ends = [primitive.subs(theta, end) for end in (Integer(0), atan(upper))]
    angle = Integral(polar, (theta, 0, atan(upper)))
    return Derivation(
        (
            *leading_to(angular_steps(), "radial mean"),
            Substitution(
                "The radius of a standard plane.",
                Dict({rate: Integer(1)}),
                Integer(1),
                using=("radial mean",),
                name="radius",
            ),
            Quadrature("The angle.", polar, theta, Integer(0), atan(upper), primitive, ends[1] - ends[0], name="angle"),
            Theorem(
                "In polar coordinates the form is the squared radius times its value on the circle.",
                Eq(_average(PLANE, Integer(0)), radius * angle / pi, evaluate=False),
                "Fubini's theorem",
                name="polar",
            ),
            Substitution(
                "Insert both.",
                Dict(),
                circular_moment(PLANE, w, h, Integer(0), atan(upper)),
                using=("polar", "radius", "angle"),
            ),
        )
    )


def _antiderivative(kind: str) -> Entry:
    """The indefinite rule, checked as an integral from 0 to T."""
    name, title = TITLES[kind]

    def route(statement: Relational) -> list[Comparison]:
        integrand, value = statement.lhs.function, statement.rhs
        return [Comparison(Integral(integrand, (t, 0, upper)), value.subs(t, upper) - value.subs(t, 0))]

    derivation = Derivation(leading_to(angular_steps(), f"antiderivative {kind}"))
    return make_entry(
        Formula.concluding(f"angular.{name}", title, derivation, source=SOURCE, assumptions=("A C > B^2",)),
        "numerical quadrature from 0 to T",
        route,
    )


def _entry(name: str, title: str, derivation: Derivation, how: str, ranges: dict, most: int | None = None) -> Entry:
    formula = Formula.concluding(
        f"angular.{name}",
        title,
        derivation,
        source=SOURCE,
        assumptions=("2 eta v < 1 on the unit circle",) if eta in derivation.conclusion.free_symbols else (),
    )
    return make_entry(formula, how, most=most, ranges=ranges)
