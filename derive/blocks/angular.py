r"""Angular integration: Gaussian expectations of a quadratic form that differs from wedge to wedge.

For a plane of two independent standard normals and :math:`v = \rho^2 V(\theta)`, homogeneous of degree 2,
:math:`E v = \frac1\pi \int V\, d\theta` and :math:`E e^{\eta v} = \frac1{2\pi} \int d\theta / (1 - 2\eta V(\theta))`, the
second while :math:`2\eta V < 1`.  On a half-plane the slope t turns both into integrals of rational functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sympy import (
    Dummy,
    Eq,
    Expr,
    Integral,
    Poly,
    Symbol,
    cos,
    diff,
    exp,
    integrate,
    limit,
    oo,
    pi,
    simplify,
    sin,
    sqrt,
    symbols,
)

from ..core.formulas import Step, identically_zero

__all__ = ["QuadraticForm", "angular_steps", "circular_moment", "wedge_exponential", "wedge_mean"]

t, u = symbols("t u", real=True)
A, C, delta, rho, rate = symbols("A C delta rho r", positive=True)
B = Symbol("B", real=True)


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


@lru_cache(maxsize=1)
def _radial() -> tuple[Expr, Expr]:
    """Radial integrals: E of rho^2, and of exp(eta rho^2 V) with r = 1 - 2 eta V > 0."""
    density = rho * exp(-(rho**2) / 2)
    return integrate(rho**2 * density, (rho, 0, oo)), integrate(rho * exp(-rate * rho**2 / 2), (rho, 0, oo))


@lru_cache(maxsize=1)
def _resolvent() -> Expr:
    """Antiderivative of 1/(A + 2 B t + C t^2), delta = sqrt(A C - B^2), after completing the square."""
    square = (delta * u - B) / C
    integrand = 1 / (A + 2 * B * t + C * t**2)
    reduced = simplify(integrand.subs(t, square).subs(A, (delta**2 + B**2) / C) * diff(square, u))
    return integrate(reduced, u).subs(u, (C * t + B) / delta)


@lru_cache(maxsize=1)
def _moment() -> Expr:
    """Antiderivative of (A + 2 B t + C t^2)/(1 + t^2)^2."""
    return simplify(integrate((A + 2 * B * t + C * t**2) / (1 + t**2) ** 2, t))


def _between(antiderivative: Expr, lower: Expr, upper: Expr) -> Expr:
    ends = [limit(antiderivative, t, e) if e in (oo, -oo) else antiderivative.subs(t, e) for e in (lower, upper)]
    return ends[1] - ends[0]


def _insert(value: Expr, a: Expr, b: Expr, c: Expr) -> Expr:
    value = value.subs(delta, sqrt(A * C - B**2))
    return value.subs({A: a, B: b, C: c}, simultaneous=True)


def wedge_mean(form: QuadraticForm, lower: Expr, upper: Expr) -> Expr:
    r"""``E[v; wedge]`` for ``v = w^2 (a + b t + c t^2)``, ``t = h/|w|`` between two slopes, w of one sign.

    >>> wedge_mean(QuadraticForm(1, 0, 0), -oo, oo)
    1/2
    """
    return _radial()[0] * _insert(_between(_moment(), lower, upper), form.a, form.b / 2, form.c) / (2 * pi)


def wedge_exponential(form: QuadraticForm, eta: Expr, lower: Expr, upper: Expr) -> Expr:
    r"""``E[exp(eta v); wedge]``; the form ``1 + t^2 - 2 eta (a + b t + c t^2)`` must be positive definite.

    >>> wedge_exponential(QuadraticForm(0, 0, 0), Symbol("eta"), 0, oo)
    1/4
    """
    value = _between(_resolvent(), lower, upper)
    return _insert(value, 1 - 2 * eta * form.a, -eta * form.b, 1 - 2 * eta * form.c) / (2 * pi)


def circular_moment(integrand: Expr, first: Symbol, second: Symbol, lower: Expr, upper: Expr) -> Expr:
    r"""``E[Q; lower < theta < upper]`` of a quadratic form Q of the plane (first, second).

    >>> x, y = symbols("x y"); circular_moment(x**2, x, y, -pi/2, pi/2)
    1/2
    """
    theta = Dummy("theta", real=True)
    polar = integrand.expand().subs({first: cos(theta), second: sin(theta)}, simultaneous=True)
    antiderivative = integrate(polar, theta)
    return _radial()[0] * (antiderivative.subs(theta, upper) - antiderivative.subs(theta, lower)) / (2 * pi)


def angular_steps() -> tuple[Step, ...]:
    """The rules used, as checked steps: the radial integral and the two antiderivatives."""
    form = A + 2 * B * t + C * t**2
    V, eta = Symbol("V", real=True), Symbol("eta", positive=True)
    resolvent = _resolvent().subs(delta, sqrt(A * C - B**2))
    return (
        Step(
            "Integrate over the radius of the plane; the exponential needs 2 eta V < 1.",
            Eq(
                Integral(rho * exp(-(rho**2) * (1 - 2 * eta * V) / 2), (rho, 0, oo)),
                _radial()[1].subs(rate, 1 - 2 * eta * V),
                evaluate=False,
            ),
            lambda: _radial()[1] * rate == 1 and _radial()[0] == 2,
        ),
        Step(
            "Integrate over the slope by completing the square, delta^2 = A C - B^2 > 0.",
            Eq(Integral(1 / form, t), resolvent, evaluate=False),
            lambda: identically_zero(diff(resolvent, t) - 1 / form),
        ),
        Step(
            "The mean needs one more rational antiderivative.",
            Eq(Integral(form / (1 + t**2) ** 2, t), _moment(), evaluate=False),
            lambda: identically_zero(diff(_moment(), t) - form / (1 + t**2) ** 2),
        ),
    )
