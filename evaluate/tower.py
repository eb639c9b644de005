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

from .backends import backend as get_backend
from .compile import compile_grid
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
    xs = b.vector([step * j for j in range(first.low, first.high + 1)])
    columns = b.apply(compiled_innermost(gate, b.name, gradient)(chi, variances[0], lifting[0]), xs)
    f = columns[0]
    tape: list[_Convolution] = []
    for k in range(1, len(lifting)):
        level = _Convolution(b, grid, k, variances[k], lifting[k])
        tape.append(level)
        f = level.forward(f, left, right)
    weights, outer_f = _outer(b, grid, step, variances[-1], f, left, right)
    value = _dot(b, weights, outer_f)
    if not gradient:
        return TowerValue(value)

    last = grid.levels[-1]
    d_outer = _outer_derivative(b, grid, step, variances[-1], weights, outer_f)
    adjoint = _restrict(weights, -grid.outer_half, last.low, last.high, b)
    d_variance, d_lifting = [d_outer], []
    for level in reversed(tape):
        adjoint, dv, dy = level.backward(adjoint)
        d_variance.append(dv)
        d_lifting.append(dy)
    _, f_chi, f_D, f_y = columns
    d_variance.append(_dot(b, adjoint, f_D))
    d_lifting.append(_dot(b, adjoint, f_y))
    return TowerValue(value, _dot(b, adjoint, f_chi), tuple(reversed(d_variance)), tuple(reversed(d_lifting)))


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
        b = self.b
        exp = b.functions()["exp"]
        self.G = _extend(
            [exp(self.y * v) for v in f],
            self.input.low,
            self.input.high,
            self.start,
            self.stop,
            exp(self.y * left),
            exp(self.y * right),
        )
        self.f_extended = _extend(list(f), self.input.low, self.input.high, self.start, self.stop, left, right)
        full = b.convolve(self.kernel, b.vector(self.G))
        self.S = full[2 * self.half : len(full) - 2 * self.half : self.ratio]
        log = b.functions()["log"]
        self.f = [log(s) / self.y for s in self.S]
        return self.f

    def backward(self, adjoint: Sequence) -> tuple[list, Any, Any]:
        if self.half == 0:
            raise ValueError("no gradient at a merged level: its variance is zero")
        b, y = self.b, self.y
        zero = b.number(0)
        S_bar = [zero] * ((len(adjoint) - 1) * self.ratio + 1)
        S_bar[:: self.ratio] = [a / (y * s) for a, s in zip(adjoint, self.S, strict=True)]
        S_bar = b.vector(S_bar)
        G_bar = b.convolve(self.kernel, S_bar)
        weighted = [g * e for g, e in zip(G_bar, self.G, strict=True)]
        d_y = _dot(b, weighted, self.f_extended) - _dot(b, adjoint, self.f) / y
        squares = [k * (self.step * m) ** 2 for m, k in zip(range(-self.half, self.half + 1), self.kernel, strict=True)]
        moment = b.convolve(b.vector(squares), S_bar)
        d = self.variance
        d_variance = (_dot(b, moment, self.G) / d - _dot(b, G_bar, self.G)) / (2 * d)
        scaled = [y * w for w in weighted]
        return _restrict(scaled, self.start, self.input.low, self.input.high, b), d_variance, d_y


def _gaussian(b: Any, step: Any, variance: Any, half: int) -> Any:
    """Trapezoidal weights ``step * N(m step; 0, variance)`` for ``|m| <= half``."""
    if half == 0:  # no variance: the level is merged with the one below
        return b.vector([b.number(1)])
    fn = b.functions()
    scale = step / fn["sqrt"](2 * fn["pi"]() * variance)
    rate = -step * step / (2 * variance)
    side = [scale * fn["exp"](rate * (m * m)) for m in range(half + 1)]
    return b.vector(side[:0:-1] + side)


def _extend(values: list, low: int, high: int, start: int, stop: int, left: Any, right: Any) -> list:
    """Restrict or continue by constants from the window [low, high] to [start, stop]."""
    inside = values[max(0, start - low) : len(values) - max(0, high - stop)]
    return [left] * max(0, low - start) + inside + [right] * max(0, stop - high)


def _restrict(values: Sequence, start: int, low: int, high: int, b: Any) -> list:
    """Values on [start, ...] as a vector on the window [low, high], zero where there is none."""
    stop = start + len(values) - 1
    inside = list(values[max(0, low - start) : len(values) - max(0, stop - high)])
    return [b.number(0)] * max(0, start - low) + inside + [b.number(0)] * max(0, high - stop)


def _outer(b: Any, grid: Grid, step: Any, variance: Any, f: Sequence, left: Any, right: Any) -> tuple[Any, list]:
    last = grid.levels[-1]
    half = grid.outer_half
    values = _extend(list(f), last.low, last.high, -half, half, left, right)
    return _gaussian(b, step * last.stride, variance, half), values


def _outer_derivative(b: Any, grid: Grid, step: Any, variance: Any, weights: Any, values: list) -> Any:
    half = grid.outer_half
    if half == 0:
        return b.number(0)
    width = step * grid.levels[-1].stride
    total = b.number(0)
    for m, w, v in zip(range(-half, half + 1), weights, values, strict=True):
        total += w * v * ((width * m) ** 2 / variance - 1)
    return total / (2 * variance)


def _dot(b: Any, a: Sequence, c: Sequence) -> Any:
    total = b.number(0)
    for u, v in zip(a, c, strict=True):
        total += u * v
    return total
