r"""The Gaussian tower over any innermost average, in floats and in balls: value and exact gradient by one backward pass.

The innermost average is a sum of terms ``exp(exponent) (Phi(high) - Phi(low))``.  In double precision everything is kept in the
logarithmic domain, since an envelope that grows like a square underflows otherwise; balls have no such bounds.  All levels share
one range, symmetric about 0, and the grid of a level is a multiple of the one below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Symbol, diff, oo

from flrdt.derive.blocks.field_averages import FieldAverage

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_grid

__all__ = ["FieldGrid", "TowerGradient", "compiled_average", "field_tower", "float_innermost", "plan_fields"]

GUARD_DIGITS = 4


@dataclass(frozen=True)
class TowerGradient:
    """``T_r`` and its derivatives in chi, in the variances d_2, ..., d_r and the outermost, and in y_2, ..., y_r."""

    value: Any
    d_chi: Any
    d_variance: tuple[Any, ...]
    d_lifting: tuple[Any, ...]


@dataclass(frozen=True)
class FieldGrid:
    """Points ``j * stride / steps_per_unit`` for ``|j| <= half`` per level, and how far each kernel reaches in input points."""

    steps_per_unit: int
    strides: tuple[int, ...]
    halves: tuple[int, ...]
    reaches: tuple[int, ...]
    bits: int

    def halved(self) -> FieldGrid:
        """The same ranges with half the step."""
        doubled = (tuple(2 * v for v in values) for values in (self.halves, self.reaches))
        return FieldGrid(2 * self.steps_per_unit, self.strides, *doubled, self.bits)  # type: ignore[arg-type, call-arg]

    @property
    def points(self) -> int:
        """Number of innermost evaluations."""
        return 2 * self.halves[0] + 1


def plan_fields(
    variances: Sequence[float],
    lifting: Sequence[float],
    shifts: Sequence[float],
    digits: float,
    strip: float = 1.0,
    widths: Sequence[float] | None = None,
) -> FieldGrid:
    r"""Choose step, range and reaches from the digits asked for.

    ``variances`` are d_2, ..., d_r and the outermost, ``lifting`` y_2, ..., y_r; ``shifts`` bound how far the tilting of each
    level moves its kernel; ``widths`` are the half widths of the strips in which f_2, ..., f_r are analytic (by default the
    standard deviations of their fields).  A function that is analytic in a strip of half width a is integrated to d digits with a step
    :math:`2\pi a/(d\ln 10)`; a kernel of variance v is resolved with a step :math:`\pi\sqrt{2v/(d \ln 10)}`.
    """
    decay = (digits + GUARD_DIGITS) * math.log(10)
    *inner, outer = variances
    reach = math.sqrt(2 * decay * sum(variances)) + sum(shifts[k] for k in range(len(shifts)) if shifts[k] > 0)
    if outer == 0 and len(inner) == 1:
        return FieldGrid(1, (1,), (0,), (0,), _bits(digits))
    total, steps = 0.0, []
    for k, d in enumerate(inner):
        total += d
        analytic = 2 * math.pi * strip * (math.sqrt(total) if widths is None else widths[k]) / decay
        following = [v for v in variances[k + 1 :] if v > 0]
        resolved = math.pi * math.sqrt(2 * min(following) / decay) if following else analytic
        steps.append(min(analytic, resolved))
    steps = [min(steps[k:]) for k in range(len(steps))]  # a grid is never finer than the one below
    steps_per_unit = math.ceil(1 / steps[0])
    strides, halves, reaches = [1], [math.ceil(reach * steps_per_unit)], [0]
    for k in range(1, len(inner)):
        ratio = max(1, int(steps[k] * steps_per_unit / strides[-1]))
        spread = math.sqrt(2 * inner[k] * decay) + shifts[k]
        reaches.append(math.ceil(spread * steps_per_unit / strides[-1]))
        strides.append(strides[-1] * ratio)
        halves.append(math.ceil(reach * steps_per_unit / strides[-1]))
    return FieldGrid(steps_per_unit, tuple(strides), tuple(halves), tuple(reaches), _bits(digits))


def _bits(digits: float) -> int:
    return math.ceil((digits + GUARD_DIGITS + 8) * math.log2(10)) + 32


class _Average:
    """The innermost average as a compiled function of the field."""

    def __init__(self, average: FieldAverage, chi: Symbol, backend_name: str) -> None:
        self.ends = [(t.low != -oo, t.high != oo) for t in average.terms]
        by = (chi, average.D, average.y)
        flat = []
        for t in average.terms:
            for e in (t.exponent, t.low, t.high):
                if e not in (oo, -oo):
                    flat += [e, *(diff(e, s) for s in by)]
        self.compiled = compile_grid(flat, average.x, by, get_backend(backend_name))

    def terms(self, values: Sequence) -> list[tuple]:
        """Per term ``(exponent, low, high)``, each a list of value and three derivatives, or None for an infinite end."""
        found, at = [], iter(values)

        def four() -> list:
            return [next(at) for _ in range(4)]

        for low, high in self.ends:
            found.append((four(), four() if low else None, four() if high else None))
        return found


def compiled_average(average: FieldAverage, chi: Symbol, backend_name: str) -> _Average:
    """Compile an innermost average for a backend."""
    return _Average(average, chi, backend_name)


def field_tower(
    average: _Average, chi: Any, variances: Sequence, lifting: Sequence, grid: FieldGrid, backend: Any
) -> TowerGradient:
    """Evaluate the tower with its gradient, inside the backend's working precision.

    ``variances`` are d_2, ..., d_r and the outermost d_{r+1}, ``lifting`` y_2, ..., y_r; all numbers of the backend.
    """
    evaluate = _float_tower if backend.name == "float64" else _ball_tower
    return evaluate(average, chi, variances, lifting, grid, backend)


# Double precision, logarithmic domain


def _log_mass(low: Any, high: Any) -> Any:
    """``log(Phi(high) - Phi(low))``, reflected to the side where both tails are small."""
    import numpy
    from scipy.special import log_ndtr

    if low is None and high is None:
        return 0.0
    if low is None:
        return log_ndtr(high)
    if high is None:
        return log_ndtr(-low)
    flip = low + high > 0
    a, b = numpy.where(flip, -high, low), numpy.where(flip, -low, high)
    big = log_ndtr(b)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        return big + numpy.log1p(-numpy.exp(numpy.minimum(log_ndtr(a) - big, 0.0)))


def float_innermost(average: _Average, chi: float, D: float, y: float, xs: Any) -> tuple:
    """``f_2 = log(W)/y`` in the logarithmic domain, and its slopes in chi, D and y; no y is too large."""
    import numpy

    values = [numpy.broadcast_to(v, xs.shape) for v in average.compiled(chi, D, y)(xs)]
    logs, slopes = [], []
    for exponent, low, high in average.terms(values):
        mass = _log_mass(None if low is None else low[0], None if high is None else high[0])
        slope = [exponent[i] + 0.0 for i in (1, 2, 3)]
        for end, sign in ((high, 1.0), (low, -1.0)):
            if end is not None:
                density = numpy.exp(-(end[0] ** 2) / 2 - 0.5 * math.log(2 * math.pi) - mass)
                density = numpy.where(numpy.isfinite(density), density, 0.0)
                slope = [s + sign * density * end[i] for s, i in zip(slope, (1, 2, 3), strict=True)]
        logs.append(exponent[0] + mass)
        slopes.append(slope)
    table = numpy.array(logs)
    top = table.max(axis=0)
    weights = numpy.exp(table - top)
    total = weights.sum(axis=0)
    f = (top + numpy.log(total)) / y
    weights = weights / total
    with numpy.errstate(invalid="ignore"):
        products = [
            sum(numpy.where(w > 0, w * s[i], 0.0) for w, s in zip(weights, slopes, strict=True)) / y for i in range(3)
        ]
    return f, products[0], products[1], products[2] - f / y


def _float_tower(
    average: _Average, chi: Any, variances: Sequence, lifting: Sequence, grid: FieldGrid, backend: Any
) -> TowerGradient:
    import numpy

    step = 1.0 / grid.steps_per_unit
    points = [numpy.arange(-n, n + 1) * (s * step) for n, s in zip(grid.halves, grid.strides, strict=True)]
    f, f_chi, f_D, f_y = float_innermost(average, chi, variances[0], lifting[0], points[0])
    tape = []
    for k in range(1, len(lifting)):
        y, d, width, reach = lifting[k], variances[k], step * grid.strides[k - 1], grid.reaches[k]
        ratio, n_in, n_out = grid.strides[k] // grid.strides[k - 1], grid.halves[k - 1], grid.halves[k]
        reach = min(reach, 2 * n_in + 1)
        band = numpy.arange(-reach, reach + 1)
        squares = (band * width) ** 2
        where = numpy.arange(-n_out, n_out + 1)[:, None] * ratio + band[None, :] + n_in + reach + ratio
        edge = numpy.full(
            reach + ratio, -numpy.inf
        )  # the last output points may lie beyond the input by less than a stride
        padded = numpy.concatenate([edge, f, edge])
        table = y * padded[where] - squares / (2 * d)
        top = table.max(axis=1)
        table = numpy.exp(table - top[:, None])
        total = table.sum(axis=1)
        table /= total[:, None]
        out = (top + numpy.log(total * width) - 0.5 * math.log(2 * math.pi * d)) / y
        flat = numpy.where(numpy.isfinite(padded), padded, 0.0)
        slope_y = ((table * flat[where]).sum(axis=1) - out) / y
        slope_d = (table @ squares / d - 1) / (2 * d * y)
        tape.append((table, where, reach + ratio, len(padded), len(f), slope_y, slope_d))
        f = out
    outer = variances[-1]
    if outer == 0:
        middle = len(f) // 2
        adjoint = numpy.zeros(len(f))
        adjoint[middle] = 1.0
        value, d_outer = f[middle], 0.0
    else:
        x = points[-1]
        adjoint = numpy.exp(-(x**2) / (2 * outer)) * (step * grid.strides[-1] / math.sqrt(2 * math.pi * outer))
        value = adjoint @ f
        d_outer = (adjoint * (x**2 / outer - 1)) @ f / (2 * outer)
    d_variance, d_lifting = [d_outer], []
    for table, where, edge, length, size, slope_y, slope_d in reversed(tape):
        d_variance.append(adjoint @ slope_d)
        d_lifting.append(adjoint @ slope_y)
        spread = numpy.bincount(where.ravel(), weights=(adjoint[:, None] * table).ravel(), minlength=length)
        adjoint = spread[edge : edge + size]  # type: ignore[assignment]
    d_variance.append(adjoint @ f_D)
    d_lifting.append(adjoint @ f_y)
    return TowerGradient(value, adjoint @ f_chi, tuple(reversed(d_variance)), tuple(reversed(d_lifting)))


# Balls


def _ball_innermost(average: _Average, chi: Any, D: Any, y: Any, xs: Sequence) -> list[tuple]:
    from flint import arb

    at = average.compiled(chi, D, y)
    root, norm = arb(2).sqrt(), (2 * arb.pi()).sqrt()

    def tail(a: Any) -> Any:
        return (a / root).erfc() / 2

    found = []
    for x in xs:
        total, slopes = arb(0), [arb(0)] * 3
        for exponent, low, high in average.terms(at(x)):
            if low is None:
                mass = arb(1) if high is None else tail(-high[0])
            elif high is None:
                mass = tail(low[0])
            elif low[0] + high[0] > 0:
                mass = tail(low[0]) - tail(high[0])
            else:
                mass = tail(-high[0]) - tail(-low[0])
            scale = arb(exponent[0]).exp()
            part = scale * mass
            total += part
            for i in range(3):
                slopes[i] += part * exponent[i + 1]
            for end, sign in ((high, 1), (low, -1)):
                if end is not None:
                    density = sign * scale * (-(end[0] ** 2) / 2).exp() / norm
                    for i in range(3):
                        slopes[i] += density * end[i + 1]
        f = total.log() / y
        found.append((f, slopes[0] / total / y, slopes[1] / total / y, slopes[2] / total / y - f / y))
    return found


def _ball_tower(
    average: _Average, chi: Any, variances: Sequence, lifting: Sequence, grid: FieldGrid, backend: Any
) -> TowerGradient:
    from flint import arb, arb_poly

    step = arb(1) / grid.steps_per_unit
    n = grid.halves[0]
    columns = _ball_innermost(average, chi, variances[0], lifting[0], [step * j for j in range(-n, n + 1)])
    f, f_chi, f_D, f_y = (list(c) for c in zip(*columns, strict=True))
    two_pi = 2 * arb.pi()

    def convolved(kernel: list, values: list) -> list:
        out = (arb_poly(kernel) * arb_poly(values)).coeffs()
        return out + [arb(0)] * (len(kernel) + len(values) - 1 - len(out))

    tape = []
    for k in range(1, len(lifting)):
        y, d, width, reach = lifting[k], variances[k], step * grid.strides[k - 1], grid.reaches[k]
        ratio, n_in, n_out = grid.strides[k] // grid.strides[k - 1], grid.halves[k - 1], grid.halves[k]
        squares = [(width * m) ** 2 for m in range(-reach, reach + 1)]
        scale = width / (two_pi * d).sqrt()
        kernel = [scale * (-s / (2 * d)).exp() for s in squares]
        G = [(y * v).exp() for v in f]
        full = convolved(kernel, G)  # entry reach + n_in + i is the sum at the input point i
        where = [reach + n_in + i * ratio for i in range(-n_out, n_out + 1)]
        kept = [j for j, w in enumerate(where) if 0 <= w < len(full)]
        if len(kept) != len(where):  # the last point may lie beyond the input by less than a stride
            where = [min(max(w, 0), len(full) - 1) for w in where]
        S = [full[w] for w in where]
        out = [s.log() / y for s in S]
        tape.append((y, d, kernel, squares, G, f, S, out, where, len(full)))
        f = out
    outer, n = variances[-1], grid.halves[-1]
    if outer == 0:
        adjoint = [arb(0)] * len(f)
        adjoint[n] = arb(1)
        value, d_outer = f[n], arb(0)
    else:
        width = step * grid.strides[-1]
        squares = [(width * j) ** 2 for j in range(-n, n + 1)]
        scale = width / (two_pi * outer).sqrt()
        adjoint = [scale * (-s / (2 * outer)).exp() for s in squares]
        value = sum((a * v for a, v in zip(adjoint, f, strict=True)), arb(0))
        d_outer = sum((a * v * (s / outer - 1) for a, v, s in zip(adjoint, f, squares, strict=True)), arb(0)) / (
            2 * outer
        )
    d_variance, d_lifting = [d_outer], []
    for y, d, kernel, squares, G, f_in, S, out, where, length in reversed(tape):
        spread = [arb(0)] * length
        for w, a, s in zip(where, adjoint, S, strict=True):
            spread[w] += a / (y * s)
        # the kernel is even, so the transposed convolution is a convolution too
        reach = (len(kernel) - 1) // 2
        back = convolved(kernel, spread)[2 * reach : 2 * reach + len(G)]
        moment = convolved([a * s for a, s in zip(kernel, squares, strict=True)], spread)[
            2 * reach : 2 * reach + len(G)
        ]
        weighted = [a * g for a, g in zip(back, G, strict=True)]
        d_lifting.append(
            sum((w * v for w, v in zip(weighted, f_in, strict=True)), arb(0))
            - sum((a * v for a, v in zip(adjoint, out, strict=True)), arb(0)) / y
        )
        mass = sum(weighted, arb(0))
        second = sum((a * g for a, g in zip(moment, G, strict=True)), arb(0))
        d_variance.append((second / d - mass) / (2 * d))
        adjoint = [y * w for w in weighted]

    def against(column: list) -> Any:
        return sum((a * v for a, v in zip(adjoint, column, strict=True)), arb(0))

    d_variance.append(against(f_D))
    d_lifting.append(against(f_y))
    return TowerGradient(value, against(f_chi), tuple(reversed(d_variance)), tuple(reversed(d_lifting)))
