"""Densities, distribution functions and the Gaussian integration rules."""

from __future__ import annotations

from sympy import Derivative, Eq, Expr, Function, Heaviside, Integer, Symbol, diff, exp, log, oo, sqrt, symbols

from ..blocks.innermost import innermost
from ..conditions.stationarity import flow_steps, heat_steps
from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation, H, Phi, gaussian_piece, phi
from ..core.insertion import insert
from ..core.steps import Definition, GaussianMean, Identity
from ..networks.gates import relu
from .entries import Comparison, Entry, make_entry

x, t, u, z = symbols("x t u z", real=True)
d, k, c = symbols("d k c", positive=True)


def _integral(id: str, title: str, integrand: Expr, lower: Expr = -oo, upper: Expr = oo) -> Entry:
    """``E[integrand; lower < u < upper]`` for a standard normal u, by completing the square."""
    value = gaussian_piece(integrand, u, Integer(0), Integer(1), lower, upper).value
    text = "Complete the square; truncated moments by recursion; checked by the fundamental theorem of calculus."
    ends = (integrand, u, Integer(0), Integer(1), lower, upper, value)
    if (lower, upper) == (-oo, oo):
        derivation = Derivation((GaussianMean(text, *ends),))
    else:
        window = (1 if lower == -oo else Heaviside(u - lower)) * (1 if upper == oo else Heaviside(upper - u))
        mean, name = Expectation(integrand * window, u), Symbol("I")
        derivation = Derivation(
            (
                Definition("The window restricts the mean to an interval.", Eq(mean, name, evaluate=False), name="I"),
                GaussianMean(text, *ends, called=name, name="integral"),
                Identity("Together.", mean, value, using=("I", "integral")),
            )
        )
    formula = Formula.concluding(id, title, derivation)
    return make_entry(formula, "numerical quadrature of the expectation")


def entries() -> list[Entry]:
    """The rules of :mod:`flrdt.derive.core.gaussian`."""
    rules = [
        _identity(f"gaussian.{name}", title, Derivative(function, x), slope)
        for name, title, function, slope in (
            ("density", "Derivative of the normal density", phi(x), -x * phi(x)),
            ("distribution", "Derivative of the normal distribution", Phi(x), phi(x)),
            ("tail", "Derivative of the normal tail", H(x), -phi(x)),
        )
    ]
    rules.append(_complement())
    rules += [
        _integral("gaussian.laplace", "Laplace transform of a normal", exp(t * u)),
        _integral("gaussian.quadratic", "Gaussian integral of a quadratic exponential", exp(t * u - d * u**2 / 2)),
        _integral("gaussian.truncated_mean", "Truncated first moment", u, Integer(0), k),
        _integral("gaussian.truncated_square", "Truncated second moment", u**2, Integer(0), k),
        _integral(
            "gaussian.truncated_quadratic", "Truncated quadratic exponential", exp(t * u - d * u**2 / 2), Integer(0), k
        ),
        _integral("gaussian.truncated_fourth", "Truncated fourth moment", u**4, -k, k),
    ]
    return [*rules, _by_parts(), _heat(), _flow()]


def _identity(id: str, title: str, left: Expr, right: Expr) -> Entry:
    derivation = Derivation((Identity("Differentiate.", left, right),))
    return make_entry(Formula.concluding(id, title, derivation), "difference quotients of the closed form")


def _complement() -> Entry:
    indicator, name = Expectation(Heaviside(x - u), u), Symbol("F")
    derivation = Derivation(
        (
            Definition("The mean of an indicator is a probability.", Eq(indicator, name, evaluate=False), name="F"),
            GaussianMean(
                "The density has mass 1.", *(Integer(1), u, Integer(0), Integer(1), -oo, x, 1 - H(x), name), name="mass"
            ),
            Identity("Together.", indicator, 1 - H(x), using=("F", "mass")),
        )
    )
    formula = Formula.concluding("gaussian.complement", "Distribution function and tail", derivation)
    return make_entry(formula, "numerical quadrature of the indicator")


def _by_parts() -> Entry:
    f = exp(t * u - d * u**2 / 2)
    sides = [u * f, diff(f, u)]
    values = [gaussian_piece(side, u, Integer(0), Integer(1), -oo, oo).value for side in sides]
    means = [
        GaussianMean("Complete the square.", *(side, u, Integer(0), Integer(1), -oo, oo, value), name=name)
        for side, value, name in zip(sides, values, ("left", "right"), strict=True)
    ]
    left, right = (Expectation(side, u) for side in sides)
    derivation = Derivation((*means, Identity("Both means are the same.", left, right, using=("left", "right"))))
    formula = Formula.concluding("gaussian.by_parts", "Gaussian integration by parts", derivation)
    return make_entry(formula, "numerical quadrature of both sides")


def _heat() -> Entry:
    kernel = phi(z / sqrt(d)) / sqrt(d)
    derivation = Derivation(heat_steps())
    generic = Function("K")(d, z)
    return make_entry(
        Formula.concluding("gaussian.heat", "Heat equation of the Gaussian kernel", derivation),
        "second difference quotients of the kernel",
        lambda s: [Comparison(s.lhs.xreplace({generic: kernel}), s.rhs.xreplace({generic: kernel}))],
    )


def _flow() -> Entry:
    """The backward flow, checked on the innermost level, where S_2 = W is closed form."""
    derivation = Derivation(flow_steps())
    X, D, C = Symbol("x", real=True), Symbol("d", positive=True), Symbol("c", positive=True)
    inner = innermost(relu())
    concrete = log(insert(inner.W, {inner.D: D, inner.y: C})) / C
    generic = Function("f")(X, D)
    return make_entry(
        Formula.concluding(
            "gaussian.flow",
            "Backward flow of a tower level in its variance",
            derivation,
            source="arXiv 2410.20646 (lifted tower); Hopf-Cole transform of the heat equation",
        ),
        "difference quotients of the innermost level of the ReLU",
        lambda s: [Comparison(s.lhs.xreplace({generic: concrete}), s.rhs.xreplace({generic: concrete}))],
        ranges={"x": (Integer(-3), Integer(3))},
    )
