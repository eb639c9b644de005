r"""Quadrature of the fully lifted level 2 of deep networks: terms of the objective and their exact gradients.

A hidden term is :math:`E_{g,g'} \frac1y\log\int dw\, \kappa(w; g) K(w; g')`: the kernel depends on the first
outer normal only, the transform K on the second only, so that all inner integrals of a grid are one matrix
product per half-line.  The outer average is a trapezoidal sum, the inner one Gauss-Legendre on either side of
w = 0, where the transform has a kink.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, log, sqrt
from typing import Any

import numpy
from scipy import special
from sympy import Expr, Symbol, diff
from sympy import sqrt as root

from flrdt.derive.blocks import hidden_lifted as derived
from flrdt.derive.blocks.innermost import innermost
from flrdt.derive.networks.gates import relu

from ..arithmetic.backends import backend
from ..arithmetic.compile import compile_scalar

__all__ = ["FieldGrid", "LiftedTerms"]

Array = numpy.ndarray
REMEMBERED = 64


class ArrayArithmetic:
    """A backend on numpy arrays: floats as they are, balls as arrays of objects."""

    def __init__(self, name: str):
        self.scalar = backend(name)
        self.name = name
        self.exact = name != "float64"

    def functions(self) -> dict:
        functions = self.scalar.functions()
        if not self.exact:
            return functions | {"tilted_tail": _float_tail}
        functions["tilted_tail"] = _ball_tail
        scalars = ("rational", "pi")
        return {n: f if n in scalars else _elementwise(f) for n, f in functions.items()}

    def array(self, values: Sequence) -> Array:
        return numpy.array(values, dtype=object if self.exact else float)

    def product(self, a: Array, b: Array) -> Array:
        if not self.exact:
            return a @ b
        from flint import arb_mat

        entries = (arb_mat(a.tolist()) * arb_mat(b.tolist())).entries()
        return numpy.array(entries, dtype=object).reshape(len(a), b.shape[1])


def _elementwise(function: Callable) -> Callable:
    """The function applied to every element of its broadcast arguments."""
    return lambda *arguments: numpy.frompyfunc(function, len(arguments), 1)(*arguments)


def _float_tail(e: Array, x: Array) -> Array:
    """``exp(e) H(x)`` without overflow of one factor and underflow of the other."""
    far, near = numpy.maximum(x, 0), numpy.minimum(x, 0)
    scaled = numpy.exp(e - far**2 / 2) * special.erfcx(far / sqrt(2))
    return numpy.where(x > 0, scaled, numpy.exp(e) * special.erfc(near / sqrt(2))) / 2


def _ball_tail(e: Any, x: Any) -> Any:
    from flint import arb

    return arb(e).exp() * (x / arb(2).sqrt()).erfc() / 2


@lru_cache(maxsize=2)
def arithmetic(name: str) -> ArrayArithmetic:
    return ArrayArithmetic(name)


def _with_slopes(expression: Expr, variables: Sequence[Symbol]) -> list[Expr]:
    return [expression, *(diff(expression, v) for v in variables)]


TRANSFORM = (derived.chi, derived.mu, derived.q_1, derived.q_2, derived.y)
KERNEL = (derived.p_1, derived.p_2)
OUTPUT = (derived.chi, derived.p_1, derived.p_2, derived.y)


@lru_cache(maxsize=16)
def _compiled(part: str, side: int, slopes: bool, name: str):
    """Compiled transform, kernel or output expectation, with its derivatives in its own parameters."""
    form = derived.lifted_hidden()
    if part == "output":
        inner = innermost(relu())
        x, D = root(derived.p_2) * derived.g, derived.p_1 - derived.p_2
        value = inner.W.subs({inner.x: x, inner.D: D, inner.y: derived.y, inner.chi: derived.chi}, simultaneous=True)
        arguments, own = [derived.g], list(OUTPUT)
    else:
        value = (form.transform if part == "transform" else form.kernel)[side]
        arguments, own = [derived.a, derived.g], list(TRANSFORM if part == "transform" else KERNEL)
    return compile_scalar(_with_slopes(value, own if slopes else ()), [*arguments, *own], arithmetic(name))


@dataclass(frozen=True)
class FieldGrid:
    """Outer trapezoid with a step, inner Gauss-Legendre with so many nodes per half-line.

    ``digits`` fixes how far the Gaussian tails are followed; the output term, one-dimensional and narrower,
    uses a finer step.
    """

    digits: float
    step: float
    nodes: int
    name: str = "float64"
    reach: float = 1.35  # of the inner integral, relative to the outer one
    refinement: int = 3  # of the output grid

    @property
    def arithmetic(self) -> ArrayArithmetic:
        return arithmetic(self.name)

    @property
    def _half_width(self) -> float:
        return sqrt(2 * log(10) * self.digits)

    def _trapezoid(self, step: Any, count: int) -> tuple[Array, Array]:
        to = self.arithmetic
        functions = to.functions()
        points = to.array([step * k for k in range(-count, count + 1)])
        return points, functions["exp"](-points * points / 2) * (step / functions["sqrt"](2 * functions["pi"]()))

    def _step(self) -> Any:
        return self.arithmetic.scalar.rational(round(self.step * 10**6), 10**6)

    @cached_property
    def outer(self) -> tuple[Array, Array]:
        """Points and weights of one outer normal."""
        return self._trapezoid(self._step(), ceil(self._half_width / self.step))

    @cached_property
    def output(self) -> tuple[Array, Array]:
        """Points and weights of the outer normal of the output term."""
        return self._trapezoid(self._step() / self.refinement, ceil(self.refinement * self._half_width / self.step))

    @cached_property
    def inner(self) -> tuple[Array, Array]:
        """Points and weights of the inner integral, on w > 0 in units of sqrt(p_1)."""
        to, length = self.arithmetic, self._half_width * self.reach
        if not self.arithmetic.exact:
            x, weights = numpy.polynomial.legendre.leggauss(self.nodes)
            return (x + 1) / 2 * length, weights / 2 * length
        from flint import arb

        end = to.scalar.rational(round(length * 1000), 1000)
        pairs = [arb.legendre_p_root(self.nodes, k, weight=True) for k in range(self.nodes)]
        return to.array([(x + 1) / 2 * end for x, _ in pairs]), to.array([v / 2 * end for _, v in pairs])


class LiftedTerms:
    """Hidden and output terms of level 2 on a grid: value, and gradient when asked for."""

    def __init__(self, grid: FieldGrid):
        self.grid = grid
        self._remembered: dict[tuple, tuple[Any, list]] = {}
        self._log = grid.arithmetic.functions()["log"]
        self._sqrt = grid.arithmetic.scalar.functions()["sqrt"]

    def hidden(self, at_point: Sequence[Any], slopes: bool = True) -> tuple[Any, list]:
        """``T_2[v]`` and its derivatives in (chi, p_1, p_2, mu, q_1, q_2, y).

        Differences of the gradient of a deep network leave most layers as they are: in double precision the
        last few values are remembered.
        """
        if self.grid.arithmetic.exact:
            return self._hidden(at_point, slopes)
        key = (*map(float, at_point), slopes)
        if key not in self._remembered:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = self._hidden(at_point, slopes)
        return self._remembered[key]

    def _hidden(self, at_point: Sequence[Any], slopes: bool) -> tuple[Any, list]:
        chi, p_1, p_2, mu, q_1, q_2, y = at_point
        grid, product = self.grid, self.grid.arithmetic.product
        points, weights = grid.outer
        nodes, masses = grid.inner
        a, mass = self._sqrt(p_1) * nodes, self._sqrt(p_1) * masses
        total: list[Any] = []
        for side in (1, -1):
            at = _compiled("transform", side, slopes, grid.name)(a[:, None], points[None, :], chi, mu, q_1, q_2, y)
            kernel = [
                numpy.broadcast_to(k, (len(points), len(a))) * mass[None, :]
                for k in _compiled("kernel", side, slopes, grid.name)(a[None, :], points[:, None], p_1, p_2)
            ]
            at = [numpy.broadcast_to(t, (len(a), len(points))) for t in at]
            parts = [product(kernel[0], t) for t in at] + [product(k, at[0]) for k in kernel[1:]]
            total = [s + t for s, t in zip(total, parts, strict=True)] if total else parts
        measure = weights[:, None] * weights[None, :]
        value = (measure * self._log(total[0])).sum() / y
        if not slopes:
            return value, []
        share = measure / total[0]
        chi_, mu_, q1_, q2_, y_, p1_, p2_ = ((share * t).sum() / y for t in total[1:])
        return value, [chi_, p1_, p2_, mu_, q1_, q2_, y_ - value / y]

    def output(self, at_point: Sequence[Any], slopes: bool = True) -> tuple[Any, list]:
        """``T_2[-M]`` and its derivatives in (chi, p_1, p_2, y)."""
        chi, p_1, p_2, y = at_point
        points, weights = self.grid.output
        found = _compiled("output", 0, slopes, self.grid.name)(points, chi, p_1, p_2, y)
        value = (weights * self._log(found[0])).sum() / y
        gradient = [(weights * d / found[0]).sum() / y for d in found[1:]]
        if slopes:
            gradient[3] -= value / y
        return value, gradient
