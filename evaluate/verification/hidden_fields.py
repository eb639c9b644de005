"""Units of a hidden layer, maximised by search: value, pre-activation, and where along a path of fields they switch.

The gain of a unit is written here from its definition, ``-(z-w)^2/(2 chi) + h z_+ - mu z_+^2/2``; wedges and rays are found
by looking at which half of the line the best pre-activation is on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from flint import arb

from .searches import maximum, root

__all__ = ["Unit", "best_response", "breakpoints", "sign_changes"]

CELLS = 16
BISECTIONS = 8
COARSE = 12  # digits that tell an active unit from an idle one


@dataclass(frozen=True)
class Unit:
    """The best pre-activation and what it gains."""

    activation: Any
    value: Any


def best_response(fields: Iterable[Any], digits: int) -> Unit:
    """The better of the best idle and the best active pre-activation at ``w, h, chi, mu``."""
    w, h, chi, mu = fields

    rest, idle = maximum(_idle(w, chi), None, arb(0), digits)
    point, active = maximum(_active(w, h, chi, mu), arb(0), None, digits)
    # at z = 0 both are the same number
    return Unit(point, active) if (active - idle).mid() > 0 and point > 0 else Unit(rest, idle)


def _idle(w: Any, chi: Any) -> Callable:
    rate = 1 / (2 * chi)

    def gain(z: Any) -> Any:
        return -(z - w) * (z - w) * rate

    return gain


def _active(w: Any, h: Any, chi: Any, mu: Any) -> Callable:
    rate, half = 1 / (2 * chi), mu / 2

    def gain(z: Any) -> Any:
        return -(z - w) * (z - w) * rate + h * z - half * z * z

    return gain


def breakpoints(fields: Callable[[Any], tuple[Any, Any, Any, Any]], low: Any, high: Any, digits: int) -> list[Any]:
    """Where the value is not smooth along a path ``t -> (w, h, chi, mu)``: w changes sign, or the unit switches.

    A line or a circle around the origin crosses every ray once at most, so that a coarse grid sees every switch.
    """
    grid = _grid(low, high)
    zeros = sign_changes(lambda t: fields(t)[0], low, high, digits)
    found = list(zeros)
    cells = sorted([*grid, *zeros], key=lambda t: float(t.mid()))
    states = [best_response(fields(t), COARSE).activation > 0 for t in cells]
    for (a, b), (before, after) in zip(pairwise(cells), pairwise(states), strict=True):
        if before != after:
            found.append(_switch(fields, a, b, before, digits))
    return sorted(found, key=lambda t: float(t.mid()))


def _grid(low: Any, high: Any) -> list[Any]:
    return [low + (high - low) * i / CELLS for i in range(CELLS + 1)]


def sign_changes(f: Callable, low: Any, high: Any, digits: int) -> list[Any]:
    """Where a function changes its sign between points of a grid."""
    grid = _grid(low, high)
    values = [f(t) for t in grid]
    found = []
    for (a, b), (left, right) in zip(pairwise(grid), pairwise(values), strict=True):
        if (left < 0 < right) or (right < 0 < left):
            found.append(root(f, a, b, digits))
        elif left == 0:
            found.append(a)
    return found


def _switch(fields: Callable, a: Any, b: Any, before: bool, digits: int) -> Any:
    """Where the unit switches: the active maximum reaches z = 0 (w > 0) or ties with the idle one (w < 0)."""
    for _ in range(BISECTIONS):
        middle = ((a + b) / 2).mid()
        if (best_response(fields(middle), COARSE).activation > 0) == before:
            a = middle
        else:
            b = middle

    right = fields((a + b) / 2)[0] > 0

    def margin(t: Any) -> Any:
        w, h, chi, mu = fields(t)
        point, active = maximum(_active(w, h, chi, mu), None, None, 2 * digits)
        return point if right else active - maximum(_idle(w, chi), None, arb(0), 2 * digits)[1]

    return root(margin, a, b, digits)
