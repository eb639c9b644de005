r"""Stationary points of the family: minima in double precision from level to level, then digits by Newton.

Every objective of the family with ordered lifting parameters is minimised in all its parameters.  A level starts from the pattern
of the one below; where no start improves on the level below, lifting does not help further, and that is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any

from flrdt.derive.blocks.outputs import Cost, HardSet
from flrdt.derive.core.symbols import Level
from flrdt.derive.networks.problems import Problem

from ..systems.closed import ClosedSystem
from ..systems.family import FamilySystem
from . import descent
from .descent import Minimum, curvature_at, descend
from .enclosure import enclose
from .newton import refine
from .point import ConvergenceError, Point
from .starts import natural_start, predict

__all__ = ["LevelMinimum", "closed_point", "gapped", "level_minima", "minima", "solve_family", "stationary"]

FLAT = 1e-17  # Newton decrement of a minimum: below it lies the noise of slopes whose differences are the Hessian
STEPS = 60
BETTER = 1e-9  # relative fall of the value that counts as an improvement in double precision
Report = Callable[[str], None]


@dataclass(frozen=True)
class LevelMinimum:
    """A minimum in double precision, and the problem at a level whose it is."""

    system: FamilySystem
    minimum: Minimum

    @property
    def level(self) -> Level:
        return self.system.level

    @property
    def value(self) -> float:
        return self.minimum.value

    @property
    def values(self) -> list[float]:
        """The parameters."""
        return [float(v) for v in self.system.values(self.minimum.x)]


def _seeds(system: FamilySystem, below: Sequence[LevelMinimum]) -> Iterator[list[float] | None]:
    """Natural coordinates to start a level from, out of the minima of the lower ones; None where a pattern is none of the level."""
    r, last = system.level.r, below[-1] if below else None
    if r > 3 and last is not None and not system.outer_zero:
        falling = replace(system, free_order=False)
        for before in [below[-2].minimum.x] * (r > 4) + [None]:
            start = predict(last.minimum.x, r, before)
            yield natural_start(system, falling.values(start)) if system.free_order else start
    for values in _parameters(system, below):
        yield natural_start(system, values)


def _parameters(system: FamilySystem, below: Sequence[LevelMinimum]) -> list[list[float]]:
    """Starting values of the parameters: scales at the low levels, the innermost step split in two above."""
    r, partial = system.level.r, system.level.partial
    first: Sequence[float] = below[-1].values if below else ()
    chi = list(first[: system.leading])
    if r == 1:
        return [[c] for c in (0.3, 1.0, 3.0, 10.0)] if system.leading else [[]]
    if partial:
        return [[*(c * s for c in chi), y] for s, y in ((0.8, 0.3), (0.5, 1.0), (0.3, 3.0), (0.1, 10.0))]
    if r == 3 and system.outer_zero:
        # from level 2p: a first overlap, and a second lifting parameter on either side of its own
        y = below[-1].values[-1]
        splits = ((0.15, 1.0, 0.3), (0.8, 3.0, 0.5), (0.85, 0.8, 0.97), (0.9, 0.6, 0.97))
        return [[*(c * 0.8 for c in chi), p, y * a, y * b] for p, a, b in splits]
    if r == 2:
        guesses = (
            (0.8, 2.0, 0.7),
            (0.6, 1.0, 0.9),
            (0.7, 10.0, 0.5),
            (0.9, 20.0, 0.3),
            (0.3, 8.0, 0.5),
            (0.9, 4.0, 0.5),
        )
        partial_y = [m.values[-1] for m in below if m.level.partial]
        extra = [(p, y, 0.9) for y in partial_y for p in (0.05, 0.3)]
        return [[*(c * s for c in chi), p, y] for p, y, s in (*guesses, *extra)]
    if system.outer_zero:
        z, n = below[-1].values, system.leading
        overlaps, lifting = list(z[n : n + r - 3]), list(z[n + r - 3 :])
        tries = ((0.15, 2.5), (0.07, 6.0), (0.3, 0.7))  # one more step close to 1
        return [
            [*(0.8 * c for c in z[:n]), 1 - s * (1 - overlaps[0]), *overlaps, lifting[0] * rise, *lifting]
            for s, rise in tries
        ]
    found, n = [], system.leading + r - 2
    overlaps, lifting = list(first[system.leading : n]), list(first[n:])
    for inner, rise in ((0.15, 2.5), (0.07, 6.0), (0.3, 2.0), (0.03, 7.0)):
        # one more step close to 1; the others stay nearly where they are
        outer = [min(max(1 - 1.1 * (1 - p), 0.02 * p), 0.999) for p in overlaps]
        inward = 1 - inner * (1 - overlaps[0])
        found.append([*(0.8 * c for c in chi), inward, *outer, lifting[0] * rise, *(1.2 * y for y in lifting)])
    return found


def _level(system: FamilySystem, below: Sequence[LevelMinimum], enough: bool) -> LevelMinimum | None:
    """The lowest minimum of a level over the starts; with ``enough`` the first that improves on the level below."""
    best: LevelMinimum | None = None
    for seed in _seeds(system, below):
        found = None if seed is None else descend(system, system.goal, seed, FLAT, STEPS)
        if found is None or not found.converged:
            continue
        if best is None or found.value < best.value:
            best = LevelMinimum(system, found)
        if enough and improves(best, below):
            break
    return best


def improves(found: LevelMinimum, below: Sequence[LevelMinimum]) -> bool:
    """Whether a value lies below those of all lower levels by more than double precision leaves open."""
    return all(found.value < m.value - BETTER * max(abs(m.value), 1e-3) for m in below)


def gapped(problem: Problem) -> bool:
    """Whether a problem is even, with a gap around 0: the outermost overlap may vanish in its minimum."""
    return isinstance(problem.output, HardSet) and problem.even and not problem.output.convex


def level_minima(
    problem: Problem,
    level: Level,
    free_order: bool = False,
    report: Report = lambda _: None,
    branch: str | None = None,
) -> list[LevelMinimum]:
    """Minima of the levels up to the one asked for that improve on those below, in order.

    The last one is the answer: it has a lower level than asked for where lifting stopped helping.  For even problems the
    outermost overlap may vanish: ``branch`` is ``symmetric`` to keep it at 0, ``full`` to keep it positive.  Without it a
    symmetric set with a gap around 0 is tried on both branches from level 3 on and the lower minimum counts; where the
    order is free nothing is minimised among stationary points, and the symmetric branch is taken as for Ising spins.
    """
    both = branch is None and level.r > 2 and gapped(problem)
    found = list(minima(problem, level, free_order, branch == "symmetric" or both, report))
    if not both:
        return found
    below = list(minima(problem, Level(2), report=report))
    if free_order or not found or found[-1].level != level:
        return min((m for m in (found, below) if m), key=lambda m: m[-1].value, default=[])
    system, z = FamilySystem(problem, level, "float64"), found[-1].values
    cut = system.leading + level.r - 2
    for share in (0.3, 0.1):
        seed = natural_start(system, [*z[:cut], share * z[cut - 1], *z[cut:]])
        full = None if seed is None else descend(system, system.goal, seed, FLAT, STEPS)
        if full is not None and full.converged:
            other = LevelMinimum(system, full)
            if improves(other, [*found, *below]):
                report(f"level {level}: double-precision minimum {full.value:.10f} with a positive outermost overlap")
                return [*below, other]
    return found


def minima(
    problem: Problem,
    deepest: Level,
    free: bool = False,
    outer_zero: bool = False,
    report: Report = lambda _: None,
) -> Iterator[LevelMinimum]:
    """The minima of the levels 1, 2p, 2, 3, ... of one branch, each from those below, as far as each improves on them.

    On the symmetric branch (``outer_zero``) level 2 is level 2p.  A plain level without parameters is left out.
    """
    found: list[LevelMinimum] = []
    for level in chain([Level(1), Level(2, True)], map(Level, count(2))):
        if (level.r, not level.partial) > (deepest.r, not deepest.partial):
            return
        system = FamilySystem(problem, level, "float64", free, outer_zero and level.r > 2)
        if (outer_zero and level == Level(2)) or (level.r == 1 and not system.leading):
            continue
        full = level.r > 2
        if full and (not found or found[-1].level.r != level.r - 1 or found[-1].level.partial > outer_zero):
            report(f"level {level}: level {level.r - 1} is none of its own to continue from")
            return
        best = _level(system, found, full and not free)
        if best is not None and improves(best, found):
            report(f"level {level}: double-precision minimum {best.value:.10f}")
            found.append(best)
            yield best
            continue
        report(f"level {level}: no improvement on the level below")
        if full:
            return


def solve_family(found: LevelMinimum, digits: int, report: Report = lambda _: None) -> Point:
    """The digits of a minimum: Newton in ball arithmetic from the double-precision point and its Hessian.

    Levels 1 and 2p are closed form, and their points enclosed.
    """
    system, start = found.system.using("arb"), found.minimum
    closed = closed_point(system, start.x, digits, report)
    return closed or refine(system, system.goal, start.x, digits, start.hessian, report)


def closed_point(
    system: FamilySystem, x: Sequence[float], digits: int, report: Report = lambda _: None
) -> Point | None:
    """The stationary point near x (natural coordinates) at a closed level, enclosed where that can be proved.

    None at the other levels, for a kernel that is integrated numerically, and for a cost that is not convex: the pieces of its envelope change with chi.
    """
    output = system.problem.output
    if (
        system.problem.kernel.value is None
        or not system.level.closed
        or (isinstance(output, Cost) and not output.convex)
    ):
        return None
    closed = ClosedSystem(system.objective, (), "arb", system.negative)
    point = refine(closed, system.goal, x, digits, None, report)
    try:
        return enclose(closed, system.goal, point.x, digits)
    except ConvergenceError:
        return point  # at the border of the closed form, with estimated errors


def stationary(system: Any, start: Sequence[float]) -> tuple[list[float], list[list[float]]]:
    """A stationary point near a start (natural coordinates) with the Hessian there, for saddles.

    Raises ``ConvergenceError`` if Newton does not converge inside the domain.
    """
    x, _ = descent.stationary(system, system.goal, start, steps=STEPS)
    rows = curvature_at(system, system.goal, x)
    if rows is None:
        raise ConvergenceError("the stationary point lies at the border of its domain")
    return x, rows
