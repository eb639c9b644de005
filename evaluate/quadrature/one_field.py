r"""The Gaussian tower on a shared grid: value, and exact gradient by one backward pass.

Forward: :math:`f_2 = \log W/y_2` in closed form, then per level :math:`S_k = K_{d_k} * e^{y_k f_{k-1}}`,
:math:`f_k = \log S_k / y_k`, each a Toeplitz product, and :math:`T_r = \sum_j w_j f_r(x_j)`.
Backward: the adjoint of the same discrete operations, which is the (discrete) tilted density of the tower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sympy import Expr, diff, log

from flrdt.derive import Gate, innermost

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_grid
from .grid import Grid, LevelGrid

__all__ = ["TowerValue", "compiled_innermost", "evaluate_tower"]


@dataclass(frozen=True)
class TowerValue:
    """``T_r[-M_chi]`` and its derivatives in chi, in the variances d_2..d_{r+1} and in y_2..y_r (empty if not asked)."""

    value: Any
    d_chi: Any = None
    d_variance: tuple[Any, ...] = ()
    d_lifting: tuple[Any, ...] = ()


def innermost_forms(gate: Gate, gradient: bool) -> list[Expr]:
    """``f_2 = log(W)/y`` and, if asked, its derivatives in chi, D and y."""
    inner = innermost(gate)
    f = log(inner.W) / inner.y
    return [f, *(diff(f, s) for s in (inner.chi, inner.D, inner.y))] if gradient else [f]


@lru_cache(maxsize=64)
def compiled_innermost(gate: Gate, backend_name: str, gradient: bool) -> Any:
    """The innermost level as a compiled function ``(chi, D, y) -> x -> (f_2, ...)``."""
    inner = innermost(gate)
    forms = innermost_forms(gate, gradient)
    return compile_grid(forms, inner.x, (inner.chi, inner.D, inner.y), get_backend(backend_name))


def evaluate_tower(
    gate: Gate,
    chi: Any,
    variances: Sequence[Any],
    lifting: Sequence[Any],
    grid: Grid,
    backend: Any,
    gradient: bool = False,
) -> TowerValue:
    """Evaluate the tower of level r >= 2 on a grid, inside the backend's working precision.

    ``variances`` are d_2, ..., d_r and the outermost d_{r+1}; ``lifting`` is y_2, ..., y_r; all numbers of the backend.
    """
    b = backend
    step = b.number(1) / b.number(grid.steps_per_unit)
    left, right = (b.number(-v) for v in gate.limits())
    first = grid.levels[0]
    xs = b.scale(step, b.integers(first.low, first.high))
    columns = b.apply(compiled_innermost(gate, b.name, gradient)(chi, variances[0], lifting[0]), xs)
    f = columns[0]
    tape: list[_Convolution] = []
    for k in range(1, len(lifting)):
        level = _Convolution(b, grid, k, variances[k], lifting[k])
        tape.append(level)
        f = level.forward(f, left, right)
    weights, outer_f = _outer(b, grid, step, variances[-1], f, left, right)
    value = b.dot(weights, outer_f)
    if not gradient:
        return TowerValue(value)

    last = grid.levels[-1]
    d_outer = _outer_derivative(b, grid, step, variances[-1], weights, outer_f)
    adjoint = _fit(b, weights, -grid.outer_half, grid.outer_half, last.low, last.high, b.number(0), b.number(0))
    d_variance, d_lifting = [d_outer], []
    for level in reversed(tape):
        adjoint, dv, dy = level.backward(adjoint)
        d_variance.append(dv)
        d_lifting.append(dy)
    _, f_chi, f_D, f_y = columns
    d_variance.append(b.dot(adjoint, f_D))
    d_lifting.append(b.dot(adjoint, f_y))
    return TowerValue(value, b.dot(adjoint, f_chi), tuple(reversed(d_variance)), tuple(reversed(d_lifting)))


class _Convolution:
    """One level k >= 3: the convolution with the kernel of variance d_k between two windows."""

    def __init__(self, b: Any, grid: Grid, index: int, variance: Any, y: Any) -> None:
        self.b, self.y, self.variance = b, y, variance
        self.input: LevelGrid = grid.levels[index - 1]
        self.output: LevelGrid = grid.levels[index]
        self.ratio = self.output.ratio
        self.half = self.output.half
        self.step = b.number(self.input.stride) / b.number(grid.steps_per_unit)
        self.kernel = _gaussian(b, self.step, variance, self.half)
        # the input is needed on [start, stop] of its own grid
        self.start = self.output.low * self.ratio - self.half
        self.stop = self.output.high * self.ratio + self.half

    def forward(self, f: Sequence, left: Any, right: Any) -> Sequence:
        b, y = self.b, self.y
        exp = b.functions()["exp"]
        window = (self.input.low, self.input.high, self.start, self.stop)
        self.G = _fit(b, b.map("exp", b.scale(y, f)), *window, exp(y * left), exp(y * right))
        self.f_extended = _fit(b, f, *window, left, right)
        full = b.convolve(self.kernel, self.G)
        self.S = full[2 * self.half : len(full) - 2 * self.half : self.ratio]
        self.f = b.scale(1 / y, b.map("log", self.S))
        return self.f

    def backward(self, adjoint: Sequence) -> tuple[Sequence, Any, Any]:
        if self.half == 0:
            raise ValueError("no gradient at a merged level: its variance is zero")
        b, y, d = self.b, self.y, self.variance
        S_bar = b.spread(b.scale(1 / y, b.divide(adjoint, self.S)), self.ratio)
        G_bar = b.convolve(self.kernel, S_bar)
        weighted = b.multiply(G_bar, self.G)
        d_y = b.dot(weighted, self.f_extended) - b.dot(adjoint, self.f) / y
        moment = b.convolve(b.multiply(self.kernel, _squares(b, self.step, self.half)), S_bar)
        d_variance = (b.dot(moment, self.G) / d - b.dot(G_bar, self.G)) / (2 * d)
        zero = b.number(0)
        onward = _fit(b, b.scale(y, weighted), self.start, self.stop, self.input.low, self.input.high, zero, zero)
        return onward, d_variance, d_y


def _squares(b: Any, step: Any, half: int) -> Sequence:
    """``(m step)^2`` for ``|m| <= half``."""
    m = b.integers(-half, half)
    return b.scale(step * step, b.multiply(m, m))


def _gaussian(b: Any, step: Any, variance: Any, half: int) -> Sequence:
    """Trapezoidal weights ``step * N(m step; 0, variance)`` for ``|m| <= half``."""
    if half == 0:  # no variance: the level is merged with the one below
        return b.vector([b.number(1)])
    fn = b.functions()
    scale = step / fn["sqrt"](2 * fn["pi"]() * variance)
    return b.scale(scale, b.map("exp", b.scale(-1 / (2 * variance), _squares(b, step, half))))


def _fit(b: Any, v: Sequence, start: int, stop: int, low: int, high: int, left: Any, right: Any) -> Sequence:
    """Restrict a vector on [start, stop], or continue it by constants, to [low, high]."""
    inside = v[max(0, low - start) : len(v) - max(0, stop - high)]
    return b.extend(inside, max(0, start - low), left, max(0, high - stop), right)


def _outer(b: Any, grid: Grid, step: Any, variance: Any, f: Sequence, left: Any, right: Any) -> tuple[Any, Sequence]:
    last, half = grid.levels[-1], grid.outer_half
    values = _fit(b, f, last.low, last.high, -half, half, left, right)
    return _gaussian(b, step * last.stride, variance, half), values


def _outer_derivative(b: Any, grid: Grid, step: Any, variance: Any, weights: Any, values: Sequence) -> Any:
    half = grid.outer_half
    if half == 0:
        return b.number(0)
    weighted = b.multiply(weights, values)
    squares = _squares(b, step * grid.levels[-1].stride, half)
    return (b.dot(weighted, squares) / variance - b.dot(weighted, b.vector([b.number(1)] * len(squares)))) / (
        2 * variance
    )
