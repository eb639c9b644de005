r"""Minima and other stationary points in double precision: where the digits start from.

Newton with the moduli of the eigenvalues of the Hessian and backtracking, in natural coordinates: every step
descends, so that it ends in a minimum and not in whatever stationary point is nearest.  The Hessian is exact where the system offers
one, otherwise it is taken from differences of the exact slope, and learns from the slopes along short steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from ..systems.system import Goal, System
from .point import ConvergenceError

__all__ = ["STRICT", "Minimum", "curvature_at", "descend", "float_value", "learned", "stationary"]

STRICT = 1e-21  # Newton decrement of a minimum, in units of its value if that is above one
NOISE = 1e-10  # the same where rounding prevents any further descent: near enough for the Newton steps at many digits
LONGEST = 0.7  # in logarithmic coordinates: a factor of two
FLOAT_DIGITS = 15
FLOAT_BITS = 64
DIFFERENCE = 1e-5  # over which slopes are compared: their noise and the third derivatives weigh alike there
KEPT = 0.05  # step in a coordinate up to which a Hessian of differences is kept and learns from the slopes
PARALLEL = 1e-8  # cosine below which a step says nothing of what a Hessian lacks


@dataclass(frozen=True)
class Minimum:
    """Coordinates, value, Hessian, and the Newton decrement that is left (in units of the value above one)."""

    x: list[float]
    value: float
    hessian: list[list[float]]
    decrement: float
    convex: bool

    @property
    def converged(self) -> bool:
        """Whether this is a minimum as good as double precision has it."""
        return self.convex and self.decrement < NOISE


def _numbers(system: System) -> Any:
    if system.backend.name == "float64":
        import numpy

        return numpy.errstate(all="ignore")
    return nullcontext()


def float_value(system: System, goal: Goal, x: Sequence[float]) -> float:
    """The goal at natural coordinates, infinite outside its domain."""
    found = _evaluate(system, goal, x, 0)
    return math.inf if found is None else found[0]


def curvature_at(system: System, goal: Goal, x: Sequence[float]) -> list[list[float]] | None:
    """The Hessian of the goal in floats, ``None`` outside its domain."""
    found = _evaluate(system, goal, x, 2)
    return None if found is None else found[2]


def _evaluate(system: System, goal: Goal, x: Sequence[float], order: int) -> tuple[float, list, list] | None:
    """Value, slope and curvature in floats; ``None`` outside the domain."""
    b, exact = system.backend, min(order, 1 + system.curved)
    with b.precision(FLOAT_BITS), _numbers(system):
        try:
            at = [b.number(float(v)) for v in x]
            if not system.inside(system.values(at)):
                return None
            parts = system.parts(at, system.quadrature(at, FLOAT_DIGITS), exact)
            value = float(goal.value(parts, b))
            slope = [float(v) for v in goal.slope(parts, b)] if order else []
            rows = [[float(v) for v in row] for row in goal.curvature(parts, b)] if exact == 2 else []
        except (ArithmeticError, ValueError):
            return None
    if order > exact:
        rows = _differences(system, goal, x)
        if not rows:
            return None
    entries = [value, *slope, *(v for row in rows for v in row)]
    return (value, slope, rows) if all(map(math.isfinite, entries)) else None


def _differences(system: System, goal: Goal, x: Sequence[float]) -> list[list[float]]:
    """The Hessian from central differences of the slope; empty where they leave the domain."""
    rows = []
    for i in range(len(x)):
        ends = [
            _evaluate(system, goal, [v + d * (i == j) for j, v in enumerate(x)], 1) for d in (DIFFERENCE, -DIFFERENCE)
        ]
        if None in ends:
            return []
        rows.append([(u - v) / (2 * DIFFERENCE) for u, v in zip(ends[0][1], ends[1][1], strict=True)])  # type: ignore[index]
    return [
        [(u + v) / 2 for u, v in zip(row, column, strict=True)]
        for row, column in zip(rows, zip(*rows, strict=True), strict=True)
    ]


def learned(rows: Sequence[Sequence[Any]], step: Sequence[Any], change: Sequence[Any]) -> list[list]:
    """Symmetric rank-one update of a Hessian, in floats or mpf: the slope changed by ``change`` along a step.

    >>> learned([[1.0, 0.0], [0.0, 1.0]], [1.0, 0.0], [3.0, 0.0])
    [[3.0, 0.0], [0.0, 1.0]]
    """
    missing = [c - sum(h * s for h, s in zip(row, step, strict=True)) for c, row in zip(change, rows, strict=True)]
    along = sum(m * s for m, s in zip(missing, step, strict=True))
    sizes = sum(m * m for m in missing) * sum(s * s for s in step)
    if along * along <= PARALLEL**2 * sizes:
        return [list(row) for row in rows]
    return [
        [h + u * v / along for h, v in zip(row, missing, strict=True)] for row, u in zip(rows, missing, strict=True)
    ]


def _directions(rows: list[list[float]], slope: list[float]) -> tuple[list[float], float, bool]:
    """The descending Newton step, its decrement, and whether the Hessian is positive."""
    if len(slope) == 1:
        curve, g = rows[0][0] or 1e-300, slope[0]
        return [-g / abs(curve)], g * g / abs(curve), curve > 0
    import numpy

    values, vectors = numpy.linalg.eigh((numpy.array(rows) + numpy.array(rows).T) / 2)
    sizes = numpy.maximum(abs(values), 1e-300)
    along = vectors.T @ numpy.array(slope)
    return [float(v) for v in -vectors @ (along / sizes)], float((along**2 / sizes).sum()), bool(values[0] > 0)


def descend(
    system: System, goal: Goal, start: Sequence[float], tolerance: float = STRICT, steps: int = 80
) -> Minimum | None:
    """Descend from natural coordinates until the decrement falls below the tolerance or rounding stops it.

    ``None`` if the start is outside the domain.  A tolerance above ``STRICT`` is for points that only start a further
    level.  The last point is returned even if it is no minimum: ask :attr:`Minimum.converged`.
    """
    x = [float(v) for v in start]
    found = _evaluate(system, goal, x, 2)
    if found is None:
        return None
    minimum, fresh = None, True
    for _ in range(steps):
        value, slope, rows = found
        step, decrement, convex = _directions(rows, slope)
        size = max(1.0, abs(value))
        minimum = Minimum(x, value, rows, decrement / size, convex)
        moved, trial = x, None
        scale = min(1.0, LONGEST / max(map(abs, step))) if decrement >= tolerance * size else 0.0
        while scale > 1e-4 and trial is None:
            moved, scale = [a + scale * s for a, s in zip(x, step, strict=True)], scale / 2
            trial = _onward(system, goal, x, found, moved)
        if trial is not None:
            fresh = system.curved or not _short(x, moved)
        elif fresh:
            break
        else:  # a Hessian that was learned may be the reason, and is not what a solve begins with
            moved, trial, fresh = x, _evaluate(system, goal, x, 2), True
        if trial is None:
            break
        x, found = moved, trial
    return minimum


def _short(x: Sequence[float], moved: Sequence[float]) -> bool:
    """Whether a step is so short that a Hessian of differences is kept."""
    return max(abs(b - a) for a, b in zip(x, moved, strict=True)) <= KEPT


def _onward(
    system: System, goal: Goal, x: Sequence[float], found: tuple[float, list, list], moved: Sequence[float]
) -> tuple[float, list, list] | None:
    """Value, slope and Hessian at a further point, unless the value rises there; after a short step the Hessian has learned."""
    value, slope, rows = found
    there = _evaluate(system, goal, moved, 0 if system.curved else 1)
    if there is None or there[0] > value + 1e-14 * abs(value):
        return None
    if system.curved or not _short(x, moved):
        return _evaluate(system, goal, moved, 2)
    taken = [b - a for a, b in zip(x, moved, strict=True)]
    return there[0], there[1], learned(rows, taken, [b - a for a, b in zip(slope, there[1], strict=True)])


def stationary(
    system: System,
    goal: Goal,
    start: Sequence[float],
    hold: Sequence[int] = (),
    tolerance: float = 1e-9,
    steps: int = 25,
) -> tuple[list[float], list[float]]:
    """The stationary point near a start, some coordinates held, and the slope there: damped Newton for saddles.

    Raises ``ConvergenceError``.
    """
    import numpy

    free = [i for i in range(len(start)) if i not in hold]
    x = numpy.array(start, dtype=float)
    for _ in range(steps):
        found = _evaluate(system, goal, [float(v) for v in x], 2)
        if found is None:
            break
        slope, rows = numpy.array(found[1]), numpy.array(found[2])
        try:
            step = numpy.linalg.solve(rows[numpy.ix_(free, free)], -slope[free])
        except numpy.linalg.LinAlgError:
            break
        size = float(abs(step).max())
        x[free] += step * min(1.0, 0.5 / size) if size else 0.0
        if size < tolerance:
            return [float(v) for v in x], [float(v) for v in slope]
    raise ConvergenceError("Newton did not converge from the start that was found")
