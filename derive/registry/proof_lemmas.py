"""What the rigorous quadrature rests on: mixture form, monotonicity and strip of the ReLU, and bounds on complex normals."""

from __future__ import annotations

from sympy import Expr, Function, Heaviside, I, Integer, Rational, Symbol, cos, exp, im, re, sin
from sympy.core.relational import Relational

from ..core.formulas import Formula
from ..core.gaussian import Expectation, Phi, phi
from ..lemmas.analyticity import (
    chernoff_bound,
    complex_variance_mass,
    dip_of_the_distribution,
    innermost_modulus,
    innermost_slope_in_kappa,
    innermost_slope_in_y,
    mixture_form,
    monotonicity,
    shifted_density,
    zero_free_strip,
)
from .entries import Comparison, Entry, make_entry
from .envelopes import GATES

x, s, u = (Symbol(n, real=True) for n in ("x", "s", "u"))
omega, y, zeta, b, t = (Symbol(n, positive=True) for n in ("omega", "y", "zeta", "b", "t"))
W = Function("W")

DEFINITION = "quadrature of the definition, W = E exp(-y M) with D = 1"
RANGES = {
    "omega": (Rational(1, 5), Integer(2)),
    "zeta": (Rational(1, 10), Rational(3, 2)),
    "x": (Integer(-4), Integer(4)),
    "t": (Rational(1, 20), Integer(1)),
    "b": (Rational(1, 20), Rational(3, 2)),
    "s": (Integer(-4), Integer(4)),
}


def entries() -> list[Entry]:
    """Lemmas A, E, F and G of the page on certificates, and the exponential tail bound."""
    lemmas = (mixture_form(), monotonicity(), innermost_slope_in_y(), innermost_slope_in_kappa())
    found = [_of_definition(f) for f in lemmas]
    return [*found, _strip(), _dip(), _density(), _modulus(), *_unchanged()]


def _integrand(field: Expr) -> Expr:
    return exp(-y * GATES[0].envelope(field, omega**2 / 2))


def _of_definition(formula: Formula) -> Entry:
    definition = Expectation(_integrand(x + u), u)

    def route(statement: Relational) -> list[Comparison]:
        return [Comparison(*(side.xreplace({W(x): definition}) for side in statement.args))]

    return make_entry(formula, DEFINITION, route, ranges=RANGES)


def _off_the_line(integrand: Expr) -> tuple[Expr, Expr]:
    """Real and imaginary part of ``E integrand(u)`` over the normal kernel shifted to mean ``i b``."""
    growth = exp(b**2 / 2)
    return growth * Expectation(integrand * cos(b * u), u), growth * Expectation(integrand * sin(b * u), u)


def _in_the_strip(expr: Expr) -> Expr:
    """Every height b is a fraction t of the half-width zeta."""
    return expr.subs(b, t * zeta)


def _strip() -> Entry:
    real, _ = _off_the_line(_integrand(x + u))

    def route(statement: Relational) -> list[Comparison]:
        left = statement.lhs.xreplace({re(W(x + I * b)): real})
        return [Comparison(_in_the_strip(left), statement.rhs, ">=")]

    how = "quadrature of the definition with the Gaussian kernel off the real line"
    return make_entry(zero_free_strip(), how, route, ranges=RANGES)


def _dip() -> Entry:
    real, _ = _off_the_line(Heaviside(x + u))

    def route(statement: Relational) -> list[Comparison]:
        left = statement.lhs.xreplace({re(Phi(x + I * b)): real})
        return [Comparison(_in_the_strip(left), statement.rhs, ">=")]

    how = "quadrature of the indicator with the Gaussian kernel off the real line"
    return make_entry(dip_of_the_distribution(), how, route, ranges=RANGES)


def _density() -> Entry:
    """Real and imaginary part of the density written out with cosine and sine."""
    height = exp((b**2 - s**2) / 2) * phi(0)
    parts = {re(phi(s + I * b)): height * cos(b * s), im(phi(s + I * b)): -height * sin(b * s)}

    def route(statement: Relational) -> list[Comparison]:
        return [Comparison(*(side.xreplace(parts) for side in statement.args))]

    return make_entry(shifted_density(), "values of cosine and sine", route, ranges=RANGES)


def _modulus() -> Entry:
    real, imaginary = _off_the_line(_integrand(x + u))

    def route(statement: Relational) -> list[Comparison]:
        parts = {re(W(x + I * b)): real, im(W(x + I * b)): imaginary}
        return [Comparison(_in_the_strip(statement.lhs.xreplace(parts)), statement.rhs, "<=")]

    how = "quadrature of the definition with the Gaussian kernel off the real line"
    return make_entry(innermost_modulus(), how, route, ranges=RANGES)


def _unchanged() -> list[Entry]:
    return [
        make_entry(
            chernoff_bound(),
            "values at points, and enclosure on the box",
            ranges=RANGES | {"x": (Integer(-2), Integer(2)), "lambda": (Rational(1, 4), Integer(2))},
        ),
        make_entry(
            complex_variance_mass(),
            "numerical quadrature of the modulus",
            ranges=RANGES | {"D": (Rational(1, 10), Rational(1, 2))},
        ),
    ]
