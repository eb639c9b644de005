r"""What the backward pass through the tower rests on: slopes of one level in its variance and in its lifting parameter.

Neither needs a derivative of the level below: a slope in the variance is a second moment of the increment, a slope in the
lifting parameter a tilted mean.  Source: arXiv 2410.20646 (lifted tower); adjoint differentiation.
"""

from __future__ import annotations

from functools import lru_cache

from sympy import Derivative, Eq, Function, Symbol, exp, log, sqrt

from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation, phi
from ..core.steps import Definition, Identity, Theorem

__all__ = ["lifting_slope", "variance_slope"]

SOURCE = "arXiv 2410.20646 (lifted tower); adjoint differentiation"

x, u, z = (Symbol(n, real=True) for n in ("x", "u", "z"))
d, y = (Symbol(n, positive=True) for n in ("d", "y"))


@lru_cache(maxsize=1)
def variance_slope() -> Formula:
    r""":math:`\partial_d\, \mathbb E\, G(x + \sqrt d\, u) = \mathbb E\, (u^2 - 1)\, G(x + \sqrt d\, u)/(2d)`.

    >>> variance_slope().derivation.verdict().value
    'proved'
    """
    G, w = Function("G", real=True), Function("w", real=True)
    K = Function("K")(d, z)
    mean = Expectation(G(x + sqrt(d) * u), u)
    weight = (z**2 / d - 1) / (2 * d)
    weighted = Expectation(weight.subs(z, sqrt(d) * u) * G(x + sqrt(d) * u), u)
    under = Eq(Derivative(mean, d), Expectation(w(sqrt(d) * u) * G(x + sqrt(d) * u), u), evaluate=False)
    derivation = Derivation(
        (
            Definition("The density of the increment.", Eq(K, phi(z / sqrt(d)) / sqrt(d), evaluate=False), name="K"),
            Definition(
                "Its logarithmic slope in the variance.", Eq(w(z), Derivative(K, d) / K, evaluate=False), name="w"
            ),
            Identity(
                "Differentiate the kernel: it is multiplied by a quadratic.",
                w(z),
                weight,
                using=("w", "K"),
                name="weight",
            ),
            Theorem(
                "Differentiating under the mean weights the law by that slope.",
                under,
                "differentiation under the integral sign",
                name="under",
            ),
            Identity("Insert.", Derivative(mean, d), weighted, using=("under", "weight")),
        )
    )
    return Formula.concluding(
        "gradient.tower.variance",
        "Slope of one level of the tower in the variance of its increment",
        derivation,
        source=SOURCE,
        assumptions=("d > 0",),
    )


@lru_cache(maxsize=1)
def lifting_slope() -> Formula:
    r"""Slope of :math:`\frac1y \log \mathbb E\, e^{y f}` in y: the tilted mean of f minus the level, over y.

    >>> lifting_slope().derivation.verdict().value
    'proved'
    """
    f = Function("f", real=True)(u)
    level = log(Expectation(exp(y * f), u)) / y
    tilted = Expectation(f * exp(y * f), u) / Expectation(exp(y * f), u)
    statement = Eq(Derivative(level, y), (tilted - level) / y, evaluate=False)
    return Formula.concluding(
        "gradient.tower.lifting",
        "Slope of one level of the tower in its lifting parameter",
        Derivation((Identity("Differentiate under the mean.", statement.lhs, statement.rhs),)),
        source=SOURCE,
        assumptions=("y > 0",),
    )
