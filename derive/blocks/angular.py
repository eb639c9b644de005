r"""Angular integration: Gaussian expectations of a quadratic form that differs from wedge to wedge.

For a plane of two independent standard normals and :math:`v = \rho^2 V(\theta)`, homogeneous of degree 2,
:math:`E v = \frac1\pi \int V\, d\theta` and :math:`E e^{\eta v} = \frac1{2\pi} \int d\theta / (1 - 2\eta V(\theta))`, the
second while :math:`2\eta V < 1`.  On a half-plane the slope t turns both into integrals of rational functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sympy import (
    Dict,
    Dummy,
    Eq,
    Expr,
    Function,
    Integer,
    Integral,
    Poly,
    Symbol,
    cos,
    exp,
    integrate,
    oo,
    pi,
    sin,
    sqrt,
    symbols,
)

from ..core.insertion import insert
from ..core.steps import Chain, Definition, Identity, Primitive, Quadrature, Step, Substitution, leading_to

__all__ = [
    "QuadraticForm",
    "angular_steps",
    "circular_moment",
    "radial_weight",
    "slope_function",
    "wedge_exponential",
    "wedge_mean",
    "wedge_steps",
]

t, u = symbols("t u", real=True)
low, high = symbols("L U", real=True)
A, C, delta, rho, rate = symbols("A C delta rho r", positive=True)
B, V = symbols("B V", real=True)
eta = Symbol("eta", positive=True)
FORM = A + 2 * B * t + C * t**2
INTEGRANDS = {"exponential": 1 / FORM, "mean": FORM / (1 + t**2) ** 2}
"""What is integrated over the slopes of a wedge for the exponential average (a form that is positive) and for the mean."""


@dataclass(frozen=True)
class QuadraticForm:
    """``a + b t + c t**2``: a quadratic form of the plane at the point ``(+-1, t)``."""

    a: Expr
    b: Expr
    c: Expr

    def at(self, slope: Expr) -> Expr:
        """Value at the point ``(+-1, slope)``."""
        return self.a + self.b * slope + self.c * slope**2

    @classmethod
    def along(cls, value: Expr, slope: Symbol) -> QuadraticForm:
        """Read the form off a polynomial in the slope."""
        polynomial = Poly(value.expand(), slope)
        return cls(*(polynomial.coeff_monomial(slope**n) for n in range(3)))

    def resolvent(self, eta: Expr) -> QuadraticForm:
        """The form ``1 + t**2 - 2 eta (a + b t + c t**2)``."""
        return QuadraticForm(1 - 2 * eta * self.a, -2 * eta * self.b, 1 - 2 * eta * self.c)


@lru_cache(maxsize=2)
def _antiderivative(kind: str) -> Expr:
    """Of the integrand over the slopes; that of one over the form by completing the square, delta^2 = A C - B^2."""
    if kind == "exponential":
        return integrate(1 / (1 + u**2), u).subs(u, (C * t + B) / delta) / delta
    return A * integrate(1 / (1 + t**2) ** 2, t) - B / (1 + t**2) + C * integrate(t**2 / (1 + t**2) ** 2, t)


def _end(kind: str, end: Expr) -> Expr:
    """The antiderivative at an end of a wedge; far away the rational part vanishes and the arc tangent is a right angle."""
    found = _antiderivative(kind)
    if end not in (oo, -oo):
        return found.subs(t, end)
    sign = 1 if end == oo else -1
    return sign * pi / (2 * delta) if kind == "exponential" else sign * pi * (A + C) / 4


def _definite(kind: str, lower: Expr, upper: Expr) -> Expr:
    return _end(kind, upper) - _end(kind, lower)


def _inserted(kind: str, form: QuadraticForm, lower: Expr, upper: Expr) -> Expr:
    a, b, c = form.a, form.b / 2, form.c
    value = _definite(kind, *(e if e in (oo, -oo) else s for e, s in ((lower, low), (upper, high))))
    value = value.subs(delta, sqrt(A * C - B**2))
    return insert(value, {A: a, B: b, C: c, low: lower, high: upper})


def wedge_mean(form: QuadraticForm, lower: Expr, upper: Expr) -> Expr:
    r"""``E[v; wedge]`` for ``v = w^2 (a + b t + c t^2)``, ``t = h/|w|`` between two slopes, w of one sign.

    >>> wedge_mean(QuadraticForm(1, 0, 0), -oo, oo)
    1/2
    """
    return _inserted("mean", form, lower, upper) / pi


def wedge_exponential(form: QuadraticForm, eta: Expr, lower: Expr, upper: Expr) -> Expr:
    r"""``E[exp(eta v); wedge]``; the form ``1 + t^2 - 2 eta (a + b t + c t^2)`` must be positive definite.

    >>> wedge_exponential(QuadraticForm(0, 0, 0), Symbol("eta"), 0, oo)
    1/4
    """
    return _inserted("exponential", form.resolvent(eta), lower, upper) / (2 * pi)


def circular_moment(integrand: Expr, first: Symbol, second: Symbol, lower: Expr, upper: Expr) -> Expr:
    r"""``E[Q; lower < theta < upper]`` of a quadratic form Q of the plane (first, second).

    >>> x, y = symbols("x y"); circular_moment(x**2, x, y, -pi/2, pi/2)
    1/2
    """
    theta = Dummy("theta", real=True)
    polar = insert(integrand.expand(), {first: cos(theta), second: sin(theta)})
    antiderivative = integrate(polar, theta)
    return (antiderivative.subs(theta, upper) - antiderivative.subs(theta, lower)) / pi


@lru_cache(maxsize=1)
def angular_steps() -> tuple[Step, ...]:
    """The rules: ``radial exponential``, ``radial mean``, and for either average its antiderivative over the slopes
    (``antiderivative mean``) and the integrals ``between mean``, ``below mean`` and ``above mean`` two, one and one slope.
    """
    decay = exp(-(rho**2) * rate / 2)
    radial = {
        "exponential": (rho * decay, -decay / rate, 1 / rate),
        "mean": (rho**3 * decay / 2, -(rho**2 / rate + 2 / rate**2) * decay / 2, rate**-2),
    }
    chain = Chain(
        [
            *(
                Quadrature(
                    "Integrate over the radius of the plane.",
                    *(integrand, rho, Integer(0), oo, primitive, value),
                    name=f"radial {kind}",
                )
                for kind, (integrand, primitive, value) in radial.items()
            ),
            Definition(
                "The form is positive: delta^2 = A C - B^2 > 0.", Eq(A, (delta**2 + B**2) / C, evaluate=False), name="A"
            ),
            Identity("So delta is a root.", delta, sqrt(A * C - B**2), using=("A",), name="delta"),
        ]
    )
    explicit = {delta: sqrt(A * C - B**2)}
    for kind, integrand in INTEGRANDS.items():
        primitive, exponential = _antiderivative(kind), kind == "exponential"
        own = {"using": ("A",)} if exponential else {}

        def add(
            name: str, step: type[Step], text: str, *fields: Expr, kind=kind, exponential=exponential, own=own
        ) -> None:
            by_delta = f"{name} {kind} by delta"
            chain.add(step(text, *fields, **own, name=by_delta if exponential else f"{name} {kind}"))
            if exponential:
                value = fields[-1].subs(explicit)
                using = (by_delta, "delta")
                chain.add(Substitution("Written out.", Dict(), value, using=using, name=f"{name} {kind}"))

        text = "An antiderivative over the slope" + (", by completing the square." if exponential else ".")
        add("antiderivative", Primitive, text, integrand, t, primitive)
        for place, lower, upper in (("between", low, high), ("below", -oo, high), ("above", low, oo)):
            text = f"The integral {place} {'two slopes' if place == 'between' else 'a slope'}."
            add(place, Quadrature, text, integrand, t, lower, upper, primitive, _definite(kind, lower, upper))
    return tuple(chain.steps)


def slope_function(kind: str) -> type[Expr]:
    """``J(V, t)``, what the slope t contributes where the form is V, as a function without a value."""
    return Function("J" if kind == "mean" else "J_e")


def radial_weight(kind: str) -> tuple[Step, ...]:
    """The steps to ``J mean closed`` or ``J exponential closed``: what a slope t contributes where the quadratic form is V."""
    J = slope_function(kind)
    density = exp(-(rho**2) * (1 + t**2) / 2)
    if kind == "mean":
        inner, value, at = rho**3 * density * V / 2, V / (1 + t**2) ** 2, 1 + t**2
        left: Expr = Integral(rho**3 * density / 2, (rho, 0, oo)) * V
    else:
        at = 1 + t**2 - 2 * eta * V
        inner, value = rho * exp(-(rho**2) * at / 2), 1 / at
        left = Integral(inner, (rho, 0, oo))
    text = "What a slope contributes: the density" + (
        " times the form." if kind == "mean" else " times the exponential."
    )
    return (
        *leading_to(angular_steps(), f"radial {kind}"),
        Definition(text, Eq(J(V, t), left, evaluate=False), name=f"J {kind}"),
        Substitution(
            "The radius, at this slope.",
            Dict({rate: at}),
            value / V if kind == "mean" else value,
            using=(f"radial {kind}",),
            name=f"radius {kind}",
        ),
        Identity("So it is rational.", J(V, t), value, using=(f"J {kind}", f"radius {kind}"), name=f"J {kind} closed"),
    )


def wedge_steps(kind: str, forms: dict[str, tuple[QuadraticForm, Expr, Expr]]) -> tuple[Step, ...]:
    """The integral over every wedge, under its name; :func:`angular_steps` has to come before.

    For the exponential the forms are those of :meth:`QuadraticForm.resolvent`.
    """
    found = []
    for name, (form, lower, upper) in forms.items():
        place = "above" if upper == oo else ("below" if lower == -oo else "between")
        mapping = {A: form.a, B: form.b / 2, C: form.c}
        mapping |= {s: e for s, e in ((low, lower), (high, upper)) if e not in (oo, -oo)}
        found.append(
            Substitution(
                f"The {name}.",
                Dict(mapping),
                _inserted(kind, form, lower, upper),
                using=(f"{place} {kind}",),
                name=name,
            )
        )
    return tuple(found)
