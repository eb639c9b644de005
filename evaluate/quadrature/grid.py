r"""The shared grid of a tower: step, windows and strides, chosen from the digits asked for.

Every level of the tower is a Gaussian convolution of a function that is analytic in a strip and constant (0 or -1) up to
super-exponentially small terms outside a window, so the trapezoidal rule converges geometrically: with strip
half-width a, a step :math:`h = 2\pi a/(d \ln 10)` gives d digits.  The strip of the innermost level scales with
:math:`\sqrt{D_2}`, that of level k with :math:`\sqrt{1 - p_k}`; hence outer levels may use a coarser grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = ["Grid", "LevelGrid", "plan"]

STRIP = 1.0  # strip half-width in units of sqrt(1 - p_k); confirmed by halving wherever digits are promised
GUARD_DIGITS = 4


@dataclass(frozen=True)
class LevelGrid:
    """Grid of f_k: points ``j * stride * h`` for ``low <= j <= high``; ``half`` is the kernel's half-width in input points."""

    stride: int
    ratio: int
    low: int
    high: int
    half: int


@dataclass(frozen=True)
class Grid:
    """Base step ``1/steps_per_unit`` (an exact rational), the grids of f_2, ..., f_r, and the outermost half-width."""

    steps_per_unit: int
    levels: tuple[LevelGrid, ...]
    outer_half: int
    bits: int

    @property
    def points(self) -> int:
        """Number of innermost evaluations."""
        return self.levels[0].high - self.levels[0].low + 1

    @property
    def widest(self) -> int:
        """Length of the longest vector in the evaluation."""
        widths = [self.points, 2 * self.outer_half + 1]
        widths += [(g.high - g.low) * g.ratio + 2 * g.half + 1 for g in self.levels]
        return max(widths)

    def halved(self) -> Grid:
        """The same ranges with half the step."""
        levels = tuple(LevelGrid(g.stride, g.ratio, 2 * g.low, 2 * g.high, 2 * g.half) for g in self.levels)
        return Grid(2 * self.steps_per_unit, levels, 2 * self.outer_half, self.bits)


def plan(
    ends: tuple[float, float],
    variances: Sequence[float],
    lifting: Sequence[float],
    digits: float,
    strip: float | Sequence[float] = STRIP,
    constant: tuple[bool, bool] = (True, True),
) -> Grid:
    """Choose the grid for a tower.

    ``ends``: where f begins and ceases to change; ``variances``: d_2, ..., d_r and the outermost d_{r+1};
    ``lifting``: y_2, ..., y_r; ``constant``: whether f is constant far to the left and to the right.  On a side where
    it is not, the windows reach as far as the levels above them look.  ``strip`` is the half-width of the strip in units of
    :math:`\\sqrt{1 - p_k}`, or a list of half-widths, level by level.
    """
    decay = (digits + GUARD_DIGITS) * math.log(10)
    *inner, outer = variances
    if isinstance(strip, (int, float)):
        strip = [strip * math.sqrt(sum(inner[: k + 1])) for k in range(len(inner))]
    # each kernel must be resolved: its own trapezoidal error is exp(-2 pi^2 d/h^2)
    resolved = math.pi * math.sqrt(2 * min([d for d in variances[1:] if d > 0], default=inner[0]) / decay)
    step = min(2 * math.pi * strip[0] / decay, resolved)
    steps_per_unit = math.ceil(1 / step)
    levels: list[LevelGrid] = []
    total, stride = 0.0, 1
    for k, (d, y) in enumerate(zip(inner, lifting, strict=True)):
        total += d
        ratio = 1
        if k > 0:
            least = min([v for v in variances[k + 1 :] if v > 0], default=total)
            wanted = min(2 * math.pi * strip[k] / decay, math.pi * math.sqrt(2 * least / decay))
            ratio = max(1, int(wanted * steps_per_unit / stride))
        old = stride
        stride *= ratio
        spread = math.sqrt(2 * total * (decay + y + 2))
        low = min(0, math.floor((ends[0] - spread) * steps_per_unit / stride))
        high = max(0, math.ceil((ends[1] + spread) * steps_per_unit / stride))
        half = math.ceil(math.sqrt(2 * d * (decay + y + 2)) * steps_per_unit / old) if k > 0 else 0
        levels.append(LevelGrid(stride, ratio, low, high, half))
    outer_half = math.ceil(math.sqrt(2 * outer * (decay + 2)) * steps_per_unit / stride)
    levels = _widened(levels, outer_half, constant)
    bits = math.ceil((digits + GUARD_DIGITS) * math.log2(10) + max(lifting) / math.log(2)) + 24
    return Grid(steps_per_unit, tuple(levels), outer_half, bits)


def _widened(levels: list[LevelGrid], outer_half: int, constant: tuple[bool, bool]) -> list[LevelGrid]:
    """Windows that cover what the next level asks for, on the sides without a constant continuation."""
    low, high = -outer_half, outer_half
    found = []
    for level in reversed(levels):
        own = replace(level, low=level.low if constant[0] else low, high=level.high if constant[1] else high)
        found.append(own)
        low, high = own.low * level.ratio - level.half, own.high * level.ratio + level.half
    return found[::-1]
