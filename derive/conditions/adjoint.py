r"""What the backward pass through the tower rests on: slopes of one level in its variance and in its lifting parameter.

Neither needs a derivative of the level below: a slope in the variance is a second moment of the increment, a slope in the
lifting parameter a tilted mean.  Source: arXiv 2410.20646 (lifted tower); adjoint differentiation.
"""

from __future__ import annotations

from functools import lru_cache

from sympy import Derivative, Eq, Function, Symbol, diff, exp, log, simplify, sqrt

from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.gaussian import Expectation, phi

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
    G = Function("G", real=True)
    kernel = phi(z / sqrt(d)).rewrite(exp) / sqrt(d)
    weight = simplify(diff(kernel, d) / kernel)
    mean = Expectation(G(x + sqrt(d) * u), u)
    weighted = Expectation(weight.subs(z, sqrt(d) * u).simplify() * G(x + sqrt(d) * u), u)
    return Formula(
        id="gradient.tower.variance",
        title="Slope of one level of the tower in the variance of its increment",
        statement=Eq(Derivative(mean, d), weighted, evaluate=False),
        derivation=Derivation(
            (
                Step(
                    "Differentiate the Gaussian kernel in its variance: it is multiplied by a quadratic.",
                    Eq(Derivative(kernel, d), weight * kernel, evaluate=False),
                    lambda: identically_zero(weight - (z**2 / d - 1) / (2 * d)),
                ),
            )
        ),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("d > 0",),
        variables=(x, d),
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
    return Formula(
        id="gradient.tower.lifting",
        title="Slope of one level of the tower in its lifting parameter",
        statement=statement,
        derivation=Derivation(
            (
                Step(
                    "Differentiate under the mean.",
                    statement,
                    lambda: identically_zero(simplify(diff(level, y) - statement.rhs)),
                ),
            )
        ),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("y > 0",),
        variables=(y,),
    )
