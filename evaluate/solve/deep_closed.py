r"""Stationary points of deep networks at the plain and the partially lifted level.

Plain level: the scalar recursion gives the start.  Partial level: the lifting parameter y is raised from 0, where the
plain point is the solution, and the capacity ``alpha_l(y)`` is followed; its lowest minimum is the start.  If it never
falls below the plain value, lifting no longer helps and the value is the plain one.  The point is then enclosed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log, sqrt
from typing import Any

from flrdt.derive import Level, objective, relu_network

from ..systems.closed import ClosedSystem
from ..systems.system import CapacityGoal, EnergyGoal, Goal
from .descent import float_value, stationary
from .layer_recursion import plain_recursion
from .newton import refine
from .point import ConvergenceError, Point

__all__ = ["closed_system", "plain_point", "solve_deep_closed"]

PARTIAL = Level(2, partial=True)
FIRST, LAST = 0.01, 50.0  # lifting parameters between which the capacity is followed
RATIO = 1.2  # of one to the next


def closed_system(widths: Sequence[Any], level: Level, arithmetic: str = "arb") -> ClosedSystem:
    """The system behind hidden layers of the given widths; every hidden layer has two directions of maxima."""
    return ClosedSystem(
        objective(relu_network(depth=len(widths) + 1), level), tuple(widths), arithmetic, 2 * len(widths)
    )


def _plain_start(widths: Sequence[float], goal: Goal) -> list[float]:
    """Logarithms of the plain stationary point, from the multipliers of the recursion."""
    if isinstance(goal, EnergyGoal):
        found = plain_recursion(widths, alpha=float(goal.alpha))
    else:
        found = plain_recursion(widths, float(goal.budget))
    norms, bounds = [1.0], [1.0]
    for width, layer in zip(widths, found.layers, strict=True):
        norms.append(float(width * norms[-1] * layer.square))
        bounds.append(float(layer.next))
    chi = [0.0] * len(norms)
    chi[-1] = float(found.threshold) ** 2 * norms[-1] / 2
    q = [0.0] * len(norms)
    q[-1] = bounds[-1] * norms[-1] / chi[-1] ** 2
    for i in range(len(norms) - 1, 0, -1):
        chi[i - 1] = sqrt(norms[i - 1] / q[i]) / float(found.layers[i - 1].tau)
        q[i - 1] = bounds[i - 1] * norms[i - 1] / chi[i - 1] ** 2
    values = [chi[0]]
    for i, layer in enumerate(found.layers, start=1):
        values += [float(layer.kappa) * sqrt(q[i] / norms[i - 1]), norms[i], q[i], chi[i]]
    return [log(v) for v in values]


def plain_point(widths: Sequence[float], budget: float) -> list[float]:
    """Logarithms of the plain capacity and of the parameters of its point."""
    return [log(plain_recursion(widths, budget).alpha), *_plain_start(widths, CapacityGoal(budget))]


class _Path:
    """The stationary point in everything but the lifting parameter, and the goal there, in double precision."""

    def __init__(self, widths: Sequence[float], goal: Goal) -> None:
        self.system, self.goal = closed_system(widths, PARTIAL, "float64"), goal
        self.start = [*_plain_start(widths, goal), log(FIRST)]
        self.plain = float_value(closed_system(widths, Level(1), "float64"), self.goal, self.start[:-1])

    def at(self, y: float, start: Sequence[float]) -> tuple[list[float], float]:
        """The point at a lifting parameter, and the slope of the goal in its logarithm."""
        x = [*start[:-1], log(y)]
        found, slope = stationary(self.system, self.goal, x, hold=[len(x) - 1])
        return found, slope[-1]

    def lowest(self) -> list[float] | None:
        """A start at the lowest minimum of the goal, ``None`` if it does not fall below the plain value."""
        best, value, x = None, self.plain, self.start
        y, ratio, previous = FIRST, RATIO, None
        while y < LAST:
            try:
                x, slope = self.at(y, x)
            except ConvergenceError:
                if ratio < 1.01 or previous is None:
                    break
                y, ratio = y / ratio * ratio**0.5, ratio**0.5  # half the step
                continue
            alpha = float_value(self.system, self.goal, x)
            if previous is not None:
                before, sloped, height = previous
                if sloped < 0 <= slope:
                    share = sloped / (sloped - slope)
                    between = [a + share * (b - a) for a, b in zip(before, x, strict=True)]
                    reached = float_value(self.system, self.goal, between)
                    if reached < value:
                        best, value = between, reached
                if y > 1 and slope > 0 and alpha > max(value, height):
                    break
            previous = (x, slope, alpha)
            y *= ratio
        if best is None and previous is not None and previous[1] < 0:
            raise ConvergenceError("the value still falls at the largest lifting parameter that could be reached")
        return best


def solve_deep_closed(
    widths: Sequence[Any], goal: Goal, level: Level, digits: int, report: Callable[[str], None] = lambda _: None
) -> tuple[Level, Point]:
    """The enclosed stationary point behind hidden layers of the given widths (balls or exact numbers), and its level.

    That is the plain one where partial lifting was asked for and does not help.  Raises ``ConvergenceError``,
    ``LayerRecursionError`` for a width at which the recursion has no solution.
    """
    floats = [float(w) for w in widths]
    start = _Path(floats, goal).lowest() if level == PARTIAL else _plain_start(floats, goal)
    if start is None:
        return solve_deep_closed(widths, goal, Level(1), digits, report)
    system = closed_system(widths, level)
    return level, refine(system, goal, start, digits, report=report, prove=True)
