r"""The tower of one Gaussian field on a shared grid: value, and exact gradient by one backward pass.

Forward: :math:`f_2 = \log W/y_2` in closed form, then per level :math:`S_k = K_{d_k} * e^{y_k f_{k-1}}`,
:math:`f_k = \log S_k / y_k`, each a Toeplitz product, and :math:`T_r = \sum_j w_j f_r(x_j)`.
Backward: the adjoint of the same discrete operations, which is the (discrete) tilted density of the tower.
Nothing here knows the problem: W and its parameters come with the :class:`~flrdt.derive.blocks.field_towers.FieldTower`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

from sympy import Expr, Symbol, log

from flrdt.derive.blocks.field_towers import FieldTower

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_grid
from ..arithmetic.slopes import slopes
from .grid import Grid, LevelGrid

__all__ = ["TowerValue", "compiled_innermost", "evaluate_tower"]


@dataclass(frozen=True)
class TowerValue:
    """``T_r[f]``, its slopes, and its curvatures (rows of the symmetric matrix), as far as they were asked for.

    The order of the arguments is: own parameters, variances d_2..d_{r+1}, lifting parameters y_2..y_r.
    """

    value: Any
    slopes: Sequence[Any] = ()
    curvatures: Sequence[Sequence[Any]] = ()


def compiled_innermost(tower: FieldTower, backend_name: str, order: int) -> Any:
    """The innermost level as a function ``(own..., D, y) -> x -> (f_2, ...)``.

    ``f_2 = log(W)/y`` is followed by its slopes (order 1) and by the lower triangle of its curvatures, row by row (order 2).
    It is the same at every level of a network, and compiled once.
    """
    arguments = (*(s for s, _ in tower.own), tower.variance, tower.rate)
    return _compiled(tower.W, tower.point, arguments, backend_name, order)


@lru_cache(maxsize=64)
def _compiled(W: Expr, point: Symbol, arguments: tuple[Symbol, ...], backend_name: str, order: int) -> Any:
    program = slopes(log(W) / arguments[-1], arguments, order)
    return compile_grid(program.outputs, point, arguments, get_backend(backend_name), program.definitions)


def evaluate_tower(
    tower: FieldTower,
    own: Sequence[Any],
    variances: Sequence[Any],
    lifting: Sequence[Any],
    grid: Grid,
    backend: Any,
    order: int = 0,
) -> TowerValue:
    """Evaluate the tower of level r >= 2 on a grid, inside the backend's working precision.

    ``own`` are the values of the tower's own parameters, ``variances`` d_2, ..., d_r and the outermost d_{r+1},
    ``lifting`` y_2, ..., y_r; all numbers of the backend.  Order 1 adds the slopes, order 2 the curvatures.
    """
    b = backend
    limits = tuple(None if v is None else b.rational(int(v.p), int(v.q)) for v in tower.limits)
    first, m, r = grid.levels[0], len(own), len(lifting) + 1
    xs = b.scale(b.number(1) / b.number(grid.steps_per_unit), b.integers(first.low, first.high))
    f, *columns = b.apply(compiled_innermost(tower, b.name, order)(*own, variances[0], lifting[0]), xs)
    inner = [*range(m), m, m + r]  # places of the innermost arguments among own, d_2 .. d_{r+1}, y_2 .. y_r
    levels = [_Level(b, grid, k, variances[k], lifting[k], limits) for k in range(1, r - 1)]
    for level in levels:
        f = level.forward(f, order)
    last, half = grid.levels[-1], grid.outer_half
    f = _fit(b, f, last.low, last.high, -half, half, *limits)
    squares = _squares(b, b.number(last.stride) / b.number(grid.steps_per_unit), half)
    kernels = _kernels(b, b.number(last.stride) / b.number(grid.steps_per_unit), variances[-1], half, squares, order)
    value = b.dot(kernels[0], f)
    if not order:
        return TowerValue(value)

    slopes: list[Any] = [None] * (m + 2 * r - 1)
    slopes[m + r - 1] = b.dot(kernels[1], f)
    adjoint = _fit(b, kernels[0], -half, half, last.low, last.high, b.number(0), b.number(0))
    for k, level in reversed(list(enumerate(levels, start=1))):
        slopes[m + k], slopes[m + r + k] = (b.dot(adjoint, column) for column in level.columns)
        adjoint = level.backward(adjoint, order)
    for place, column in zip(inner, columns, strict=False):
        slopes[place] = b.dot(adjoint, column)
    if order == 1:
        return TowerValue(value, slopes)

    n = len(slopes)
    total = [[b.number(0)] * n for _ in range(n)]

    def add(i: int, j: int, number: Any) -> None:
        total[i][j] = total[i][j] + number
        if i != j:
            total[j][i] = total[i][j]

    # tangents of f in every argument go up with it; each level adds the curvature of its own map
    tangents = dict(zip(inner, columns, strict=False))
    second = iter(columns[len(inner) :])
    for i, place in enumerate(inner):
        for other in inner[: i + 1]:
            add(place, other, b.dot(adjoint, next(second)))
    for k, level in enumerate(levels, start=1):
        tangents = level.curve(tangents, (m + k, m + r + k), add)
    for place, tangent in tangents.items():
        moved = _fit(b, tangent, last.low, last.high, -half, half, b.number(0), b.number(0))
        add(place, m + r - 1, b.dot(kernels[1], moved))
    add(m + r - 1, m + r - 1, b.dot(kernels[2], f))
    return TowerValue(value, slopes, total)


class _Level:
    r"""One level k >= 3, the map :math:`f \mapsto \frac1y \log(K_d * e^{yf})` between two windows, with its derivatives.

    Along a tangent t of f it changes by :math:`(K * (e^{yf} t))/S`, and along two of them by :math:`y` times
    :math:`(K * (e^{yf} t t'))/S` minus the product of both changes; averaged with the adjoint, the first of these is an
    average of :math:`t t'` with the adjoint of the input, so that curvatures need no convolution beyond the tangents.
    """

    def __init__(self, b: Any, grid: Grid, index: int, variance: Any, y: Any, limits: tuple) -> None:
        self.b, self.y, self.limits, self.variance = b, y, limits, variance
        self.input: LevelGrid = grid.levels[index - 1]
        self.output: LevelGrid = grid.levels[index]
        self.ratio, self.half = self.output.ratio, self.output.half
        self.step = b.number(self.input.stride) / b.number(grid.steps_per_unit)
        self.tails: dict[int, tuple[Sequence, Sequence]] = {}

    def smooth(self, order: int, values: Sequence, outside: Sequence = (None, None)) -> Sequence:
        """On the output grid: the convolution of the kernel (its derivative of an order) with values on the window.

        Outside the window the values are constants, which enter through sums of the kernel's tails.
        """
        b, low, high = self.b, self.input.low, self.input.high
        full = b.convolve(self.kernels[order], values)
        zero, ratio = b.number(0), self.ratio
        ends = (self.output.low * ratio, self.output.high * ratio)
        found = _fit(b, full, low - self.half, high + self.half, *ends, zero, zero)[::ratio]
        if order not in self.tails and any(v is not None for v in outside):
            self.tails[order] = self._tails(order)
        for value, tail in zip(outside, self.tails.get(order, ()), strict=False):
            if value is not None:
                found = b.add(found, b.scale(value, tail))
        return found

    def _tails(self, order: int) -> tuple[Sequence, Sequence]:
        """Sums of the kernel over what lies left, and right, of the window, for every output point."""
        b, ratio, top = self.b, self.ratio, 2 * self.half + 1
        sums = list(accumulate(self.kernels[order], initial=b.number(0)))
        first, last = self.output.low * ratio - self.half, self.output.high * ratio - self.half

        def upto(end: int) -> list:
            """The sum of the weights that reach below ``end``, for every output point."""
            return [sums[0 if c < 0 else min(c, top)] for c in range(end - first, end - last - 1, -ratio)]

        left = b.vector(upto(self.input.low))
        right = b.vector([sums[-1] - total for total in upto(self.input.high + 1)])
        return left, right

    def forward(self, f: Sequence, order: int) -> Sequence:
        b, y = self.b, self.y
        exp = b.functions()["exp"]
        squares = _squares(b, self.step, self.half)
        self.kernels = _kernels(b, self.step, self.variance, self.half, squares, order)
        self.f, self.G = f, b.map("exp", b.scale(y, f))
        self.ends = [None if v is None else exp(y * v) for v in self.limits]
        self.S = self.smooth(0, self.G, self.ends)
        out = b.scale(1 / y, b.map("log", self.S))
        if order:
            self.Gf, self.ends_f = b.multiply(self.G, f), self._times(self.ends)
            self.d = b.divide(self.smooth(1, self.G, self.ends), self.S)
            self.e = b.divide(self.smooth(0, self.Gf, self.ends_f), self.S)
            self.columns = (b.scale(1 / y, self.d), b.scale(1 / y, b.add(self.e, b.scale(b.number(-1), out))))
        return out

    def _times(self, ends: Sequence) -> list:
        return [None if v is None else v * e for v, e in zip(self.limits, ends, strict=True)]

    def backward(self, adjoint: Sequence, order: int) -> Sequence:
        """The adjoint of the input, on its window."""
        b = self.b
        self.adjoint, self.share = adjoint, b.divide(adjoint, self.S)
        self.before = b.multiply(self.G, self._transposed(0))
        if order == 2:
            self.before_d = b.multiply(self.G, self._transposed(1))
        return self.before

    def _transposed(self, order: int) -> Sequence:
        b, half, zero = self.b, self.half, self.b.number(0)
        full = b.convolve(self.kernels[order], b.spread(self.share, self.ratio))
        reach = (self.output.low * self.ratio - half, self.output.high * self.ratio + half)
        return _fit(b, full, *reach, self.input.low, self.input.high, zero, zero)

    def curve(self, tangents: dict[int, Sequence], own: tuple[int, int], add: Callable) -> dict[int, Sequence]:
        """Add the curvature of this level in all directions; return the tangents of its output."""
        b, y, n = self.b, self.y, list(tangents)
        found = {i: b.divide(self.smooth(0, b.multiply(self.G, t)), self.S) for i, t in tangents.items()}
        before, after = list(tangents.values()), list(found.values())
        left = b.gram(self.before, before, [*before, self.f])
        right = b.gram(self.adjoint, after, [*after, self.d, self.e])
        for i, tangent, low, high in zip(n, before, left, right, strict=True):
            for j, u, v in zip(n, low, high, strict=False):
                add(i, j, y * (u - v))
                if i == j:
                    break
            add(i, own[0], b.dot(self.before_d, tangent) - high[-2])
            add(i, own[1], low[-1] - high[-1])
        weighted = b.multiply(self.adjoint, self.d)
        slope_d, slope_y = (b.dot(self.adjoint, column) for column in self.columns)
        ends = self._times(self.ends_f)
        dd = b.dot(self.share, self.smooth(2, self.G, self.ends)) - b.dot(weighted, self.d)
        de = b.dot(self.share, self.smooth(1, self.Gf, self.ends_f)) - b.dot(weighted, self.e)
        ff = self.smooth(0, b.multiply(self.Gf, self.f), ends)
        ee = b.dot(self.share, ff) - b.dot(b.multiply(self.adjoint, self.e), self.e)
        add(own[0], own[0], dd / y)
        add(own[0], own[1], (de - slope_d) / y)
        add(own[1], own[1], (ee - 2 * slope_y) / y)
        return found | dict(zip(own, self.columns, strict=True))


def _kernels(b: Any, step: Any, d: Any, half: int, squares: Sequence, order: int) -> list[Sequence]:
    """Trapezoidal weights ``step * N(m step; 0, d)`` for ``|m| <= half``, and their derivatives in d."""
    if half == 0:  # no variance
        if order:
            raise ValueError("no gradient at a merged level: its variance is zero")
        return [b.vector([b.number(1)])]
    fn = b.functions()
    scale = step / fn["sqrt"](2 * fn["pi"]() * d)
    found = [b.scale(scale, b.map("exp", b.scale(-1 / (2 * d), squares)))]
    if order:
        ones = b.vector([b.number(1)] * len(squares))
        factor = b.scale(1 / (2 * d), b.add(b.scale(1 / d, squares), b.scale(b.number(-1), ones)))
        found.append(b.multiply(found[0], factor))
    if order == 2:
        slope = b.scale(1 / (2 * d * d), b.add(ones, b.scale(-2 / d, squares)))
        found.append(b.multiply(found[0], b.add(b.multiply(factor, factor), slope)))
    return found


def _squares(b: Any, step: Any, half: int) -> Sequence:
    """``(m step)^2`` for ``|m| <= half``."""
    m = b.integers(-half, half)
    return b.scale(step * step, b.multiply(m, m))


def _fit(b: Any, v: Sequence, start: int, stop: int, low: int, high: int, left: Any, right: Any) -> Sequence:
    """Restrict a vector on [start, stop], or continue it by constants, to [low, high].

    Where there is no constant (``None``) the grid reaches as far as it is needed.
    """
    inside = v[max(0, low - start) : len(v) - max(0, stop - high)]
    return b.extend(inside, max(0, start - low), left, max(0, high - stop), right)
