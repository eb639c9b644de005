"""Densities, distribution functions and the Gaussian integration rules."""

from __future__ import annotations

from functools import partial

from sympy import Derivative, Eq, Expr, Function, Heaviside, Integer, Symbol, diff, exp, log, oo, sqrt, symbols
from sympy.core.relational import Relational

from ..blocks.innermost import innermost
from ..conditions.stationarity import _hopf_cole_step, _kernel_step
from ..core.formulas import Derivation, Step, identically_zero
from ..core.gaussian import Expectation, H, Phi, check_piece, gaussian_piece, phi
from ..networks.gates import relu
from .entries import Comparison, Entry, make_entry, stated

x, t, u, z = symbols("x t u z", real=True)
d, k, c = symbols("d k c", positive=True)


def _integral(id: str, title: str, integrand: Expr, lower: Expr = -oo, upper: Expr = oo) -> Entry:
    """``E[integrand; lower < u < upper]`` for a standard normal u, by completing the square."""
    value = gaussian_piece(integrand, u, Integer(0), Integer(1), lower, upper).value
    window = (1 if lower == -oo else Heaviside(u - lower)) * (1 if upper == oo else Heaviside(upper - u))
    step = Step(
        "Complete the square; truncated moments by recursion; checked by the fundamental theorem of calculus.",
        Eq(Symbol("I"), value, evaluate=False),
        lambda: check_piece(integrand, u, Integer(0), Integer(1)),
    )
    formula = stated(id, title, Eq(Expectation(integrand * window, u), value, evaluate=False), derivation=step)
    return make_entry(formula, "numerical quadrature of the expectation")


def _differentiated(statement: Relational) -> bool | None:
    return identically_zero((statement.lhs.doit() - statement.rhs).rewrite(exp))


def entries() -> list[Entry]:
    """The rules of :mod:`flrdt.derive.core.gaussian`."""
    quotient = "difference quotients of the closed form"
    rules = [
        make_entry(
            stated(
                f"gaussian.{name}",
                title,
                statement,
                derivation=Step(
                    "Differentiate.",
                    statement,
                    partial(_differentiated, statement),
                ),
            ),
            quotient,
        )
        for name, title, statement in (
            ("density", "Derivative of the normal density", Eq(Derivative(phi(x), x), -x * phi(x), evaluate=False)),
            (
                "distribution",
                "Derivative of the normal distribution",
                Eq(Derivative(Phi(x), x), phi(x), evaluate=False),
            ),
            ("tail", "Derivative of the normal tail", Eq(Derivative(H(x), x), -phi(x), evaluate=False)),
        )
    ]
    complement = Eq(Expectation(Heaviside(x - u), u), 1 - H(x), evaluate=False)
    rules.append(
        make_entry(
            stated(
                "gaussian.complement",
                "Distribution function and tail",
                complement,
                derivation=Step(
                    "The density has mass 1.", complement, lambda: identically_zero(diff(Phi(x) + H(x), x))
                ),
            ),
            "numerical quadrature of the indicator",
        )
    )
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
    f = exp(t * u - d * u**2 / 2)
    parts = Eq(Expectation(u * f, u), Expectation(diff(f, u), u), evaluate=False)
    rules.append(
        make_entry(
            stated(
                "gaussian.by_parts",
                "Gaussian integration by parts",
                parts,
                derivation=Step(
                    "The integrands differ by the derivative of f phi, whose integral vanishes.",
                    parts,
                    lambda: identically_zero((u * f - diff(f, u) + diff(f * phi(u), u) / phi(u)).rewrite(exp)),
                ),
            ),
            "numerical quadrature of both sides",
        )
    )
    rules += [_heat(), _flow()]
    return rules


def _heat() -> Entry:
    kernel = phi(z / sqrt(d)) / sqrt(d)
    step = _kernel_step()
    generic = Function("K")(d, z)
    return make_entry(
        stated("gaussian.heat", "Heat equation of the Gaussian kernel", step.expression, derivation=step),
        "second difference quotients of the kernel",
        lambda s: [Comparison(s.lhs.xreplace({generic: kernel}), s.rhs.xreplace({generic: kernel}))],
    )


def _flow() -> Entry:
    """The backward flow, checked on the innermost level, where S_2 = W is closed form."""
    step = _hopf_cole_step()
    X, D, C = Symbol("x", real=True), Symbol("d", positive=True), Symbol("c", positive=True)
    inner = innermost(relu())
    concrete = log(inner.W.subs({inner.D: D, inner.y: C}, simultaneous=True)) / C
    generic = Function("f")(X, D)
    return make_entry(
        stated(
            "gaussian.flow",
            "Backward flow of a tower level in its variance",
            step.expression,
            derivation=Derivation((_kernel_step(), step)),
            source="arXiv 2410.20646 (lifted tower); Hopf-Cole transform of the heat equation",
        ),
        "difference quotients of the innermost level of the ReLU",
        lambda s: [Comparison(s.lhs.xreplace({generic: concrete}), s.rhs.xreplace({generic: concrete}))],
        ranges={"x": (Integer(-3), Integer(3))},
    )
