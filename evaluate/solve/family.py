r"""Stationary points of the family: minima in double precision from level to level, then digits by Newton.

Every objective of the family with ordered lifting parameters is minimised in all its parameters, so a Newton method whose
steps always descend finds it: the modulus of the Hessian, from differences of the exact slope.  A level starts from the pattern
of the one below; where no start improves on the level below, lifting does not help further, and that is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy

from flrdt.derive.blocks.outputs import Cost, HardSet
from flrdt.derive.core.symbols import Level
from flrdt.derive.networks.problems import Problem

from ..systems.closed import ClosedSystem
from ..systems.family import FamilySystem
from ..systems.system import evaluate
from .enclosure import enclose
from .newton import refine
from .point import ConvergenceError, Point

__all__ = ["FloatMinimum", "closed_point", "descend", "ladder", "level_minima", "solve_family", "stationary"]

FLOAT_DIGITS = 13
WIDEST = 2500  # grid points of a double-precision evaluation: more belong to all but merged points
MERGED = -9.0  # natural coordinate below which two parameters have all but merged
KEPT = 0.05  # step in a coordinate up to which a Hessian is kept and learns from the slopes
LONGEST = 0.7  # step in a logarithmic coordinate
DIFFERENCE = 1e-5
BETTER = 1e-9  # relative fall of the value that counts as an improvement in double precision
Report = Callable[[str], None]


@dataclass(frozen=True)
class FloatMinimum:
    """A minimum in double precision: natural coordinates, value, and the Hessian there."""

    level: Level
    x: numpy.ndarray
    value: float
    hessian: numpy.ndarray
    values: tuple[float, ...]
    outer_zero: bool = False


def _at(system: FamilySystem, x: numpy.ndarray) -> tuple[float, numpy.ndarray]:
    outside = numpy.inf, numpy.zeros_like(x)
    if not numpy.isfinite(x).all() or abs(x).max() > 25:
        return outside
    values = system.values([float(v) for v in x])
    if not system.inside(values):
        return outside
    grid = system.grid(values, FLOAT_DIGITS)
    if grid.halves[0] > WIDEST:
        return outside
    value, slope = evaluate(system, system.goal, [float(v) for v in x], grid)
    slope = numpy.array(slope, dtype=float)  # type: ignore[assignment]
    return (float(value), slope) if numpy.isfinite(value) and numpy.isfinite(slope).all() else outside  # type: ignore[return-value]


def _minimum(system: FamilySystem, x: numpy.ndarray, value: float, H: numpy.ndarray) -> FloatMinimum:
    values = tuple(float(v) for v in system.values([float(v) for v in x]))
    return FloatMinimum(system.level, x, value, H, values, system.outer_zero)


def _hessian(system: FamilySystem, x: numpy.ndarray) -> numpy.ndarray:
    rows = []
    for i in range(len(x)):
        step = numpy.zeros(len(x))
        step[i] = DIFFERENCE
        rows.append((_at(system, x + step)[1] - _at(system, x - step)[1]) / (2 * DIFFERENCE))
    found = numpy.array(rows)
    return (found + found.T) / 2


def _learned(H: numpy.ndarray, step: numpy.ndarray, change: numpy.ndarray) -> numpy.ndarray:
    """Symmetric rank-one update: along the step taken the slope changed by ``change``."""
    missing = change - H @ step
    along = missing @ step
    if abs(along) <= 1e-8 * numpy.linalg.norm(missing) * numpy.linalg.norm(step):
        return H
    return H + numpy.outer(missing, missing) / along


def _merging(system: FamilySystem, x: numpy.ndarray) -> bool:
    """Whether a descent is on its way to a lower level: an overlap or a lifting parameter about to coincide with the next."""
    gaps = x[system.leading :]
    return bool((gaps < MERGED).any())


def descend(system: FamilySystem, start: Sequence[float], steps: int = 60) -> FloatMinimum:
    """The minimum below a start (natural coordinates).

    Raises ``ConvergenceError`` if the descent leaves the domain, stalls, or ends where the level is merged with another.
    """
    x = numpy.array(start, dtype=float)
    with numpy.errstate(all="ignore"):
        value, slope = _at(system, x)
        if not numpy.isfinite(value):
            raise ConvergenceError("the start lies outside the domain")
        H, taken = None, None
        for _ in range(steps):
            if H is None or taken is None or abs(taken[0]).max() > KEPT:
                H = _hessian(system, x)
            else:
                H = _learned(H, taken[0], slope - taken[1])
            if not numpy.isfinite(H).all():
                break
            eigenvalues, vectors = numpy.linalg.eigh(H)
            along = vectors.T @ slope
            floor = 1e-12 * max(1.0, abs(eigenvalues).max())
            size = numpy.maximum(abs(eigenvalues), floor)
            move = -vectors @ (along / size)
            decrement = float((along**2 / size).sum())
            scale = min(1.0, LONGEST / max(abs(move).max(), 1e-300))
            if decrement < 1e-17 * max(1.0, abs(value)) and scale == 1.0 and abs(move).max() < 1e-4:
                if eigenvalues[0] <= 0:
                    break
                H = H if taken is None else _hessian(system, x)  # the next Newton needs a good one
                return _minimum(system, x, value, H)
            while scale > 1e-6:
                trial = x + scale * move
                found, rise = _at(system, trial)
                if found <= value + 1e-15 * abs(value):
                    break
                scale /= 2
            else:
                if decrement < 1e-10 * max(1.0, abs(value)) and eigenvalues[0] > 0 and abs(move).max() < 1e-3:
                    return _minimum(system, x, value, H)
                if taken is None or abs(taken[0]).max() > KEPT:
                    break
                taken = None  # a kept Hessian may be the reason: take a new one
                continue
            taken = (scale * move, slope)
            x, value, slope = trial, found, rise
            if _merging(system, x):
                break
    raise ConvergenceError(f"no minimum of level {system.level} was reached; the value fell to {value:.10g}")


def _seeds(system: FamilySystem, below: Sequence[FloatMinimum]) -> list[list[float]]:
    """Starting values (parameters) of a level from the minima of the lower ones."""
    r, partial = system.level.r, system.level.partial
    first = below[-1].values if below else ()
    chi = [first[0]] if system.leading and first else []
    if r == 1:
        return [[c] for c in (0.3, 1.0, 3.0, 10.0)] if system.leading else [[]]
    if partial:
        return [[*(c * s for c in chi), y] for s, y in ((0.8, 0.3), (0.5, 1.0), (0.3, 3.0), (0.1, 10.0))]
    if (
        r == 3 and system.outer_zero
    ):  # from level 2p: a first overlap, and a second lifting parameter on either side of its own
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
    return [*_continued(below, r, system.leading), *_from_below(below[-1].values, r, system.leading)]


def _continued(below: Sequence[FloatMinimum], r: int, leading: int) -> list[list[float]]:
    """The resampled pattern of level r-1, corrected by what the same prediction of level r-1 had wrong."""
    if r < 5 or len(below) < 2 or below[-1].level.r != r - 1 or below[-2].level.r != r - 2:
        return []
    last, earlier = below[-1].values, below[-2].values
    guess, wanted = _from_below(earlier, r - 1, leading)[0], list(last)
    found = _from_below(last, r, leading)[0]

    def logs(z: Sequence[float], n: int) -> list[numpy.ndarray]:
        return [numpy.log1p(-numpy.array(z[leading : leading + n])), numpy.log(numpy.array(z[leading + n :]))]

    old, new = numpy.linspace(0, 1, r - 2), numpy.linspace(0, 1, r - 1)
    moved = [
        base + numpy.interp(new, old, b - a)
        for base, a, b in zip(logs(found, r - 1), logs(guess, r - 2), logs(wanted, r - 2), strict=True)
    ]
    return [[*found[:leading], *-numpy.expm1(moved[0]), *numpy.exp(moved[1])]]


def _from_below(z: Sequence[float], r: int, leading: int) -> list[list[float]]:
    """log(1-p) and log y of level r-1, resampled at the new level index and with an additional innermost step."""
    head, p, y = list(z[:leading]), numpy.array(z[leading : leading + r - 2]), numpy.array(z[leading + r - 2 :])
    found = []
    n = len(p)
    for inner, rise in ((0.15, 2.5), (0.07, 6.0), (0.3, 2.0), (0.03, 7.0)):
        # one more step close to 1; the others stay nearly where they are
        overlaps = [1 - inner * (1 - p[0]), *(1 - (1 - p) * 1.1).clip(0.02 * p, 0.999)]
        found.append([*(0.8 * c for c in head), *overlaps, y[0] * rise, *(y * 1.2)])
    if n > 1:
        old, new = numpy.log((numpy.arange(n) + 0.7) / (n + 0.3)), numpy.log((numpy.arange(n + 1) + 0.7) / (n + 1.3))
        gaps, rates = numpy.log1p(-p), numpy.log(y)

        def resample(values: numpy.ndarray) -> numpy.ndarray:
            slope = (values[1] - values[0]) / (old[1] - old[0])
            inside = numpy.interp(new, old, values)
            return numpy.where(new < old[0], values[0] + slope * (new - old[0]), inside)

        overlaps = -numpy.expm1(numpy.minimum(resample(gaps), -1e-3))
        found.insert(0, [*head, *overlaps, *numpy.exp(resample(rates))])
    return found


def _ordered(system: FamilySystem, z: Sequence[float]) -> bool:
    _, p, y = system.split(list(z))
    chain = [1.0, *p, 0.0]
    down = all(a > b for a, b in pairwise(chain)) if p else True
    return down and (system.free_order or all(a > b for a, b in zip(y, [*y[1:], 0.0], strict=False)))


def _level(system: FamilySystem, below: Sequence[FloatMinimum], enough: bool) -> FloatMinimum | None:
    """The lowest minimum of a level over the starts; with ``enough`` the first that improves on the level below."""
    best: FloatMinimum | None = None
    for seed in _seeds(system, below):
        if not _ordered(system, seed):
            continue
        try:
            found = descend(system, system.coordinates([float(v) for v in seed]))
        except (ConvergenceError, numpy.linalg.LinAlgError):
            continue
        if best is None or found.value < best.value:
            best = found
        if enough and below and improves(found, below):
            return found
    return best


def improves(found: FloatMinimum, below: Sequence[FloatMinimum]) -> bool:
    """Whether a value lies below those of all lower levels by more than double precision leaves open."""
    return all(found.value < m.value - BETTER * max(abs(m.value), 1e-3) for m in below)


def level_minima(
    problem: Problem,
    level: Level,
    free_order: bool = False,
    report: Report = lambda _: None,
    branch: str | None = None,
) -> list[FloatMinimum]:
    """Minima of the levels up to the one asked for that improve on those below, in order.

    The last one is the answer: it has a lower level than asked for where lifting stopped helping.  For even problems the
    outermost overlap may vanish: ``branch`` is ``symmetric`` to keep it at 0, ``full`` to keep it positive.  Without it a
    symmetric set with a gap around 0 is tried on both branches from level 3 on and the lower minimum counts; where the
    order is free nothing is minimised among stationary points, and the symmetric branch is taken as for Ising spins.
    """
    if branch == "symmetric":
        return _branch(problem, level, free_order, True, report)
    gap = isinstance(problem.output, HardSet) and problem.even and not problem.output.convex
    if level.r < 3 or branch == "full" or not gap:
        return _branch(problem, level, free_order, False, report)
    found = _branch(problem, level, free_order, True, report)
    below = _branch(problem, Level(2), False, False, report)
    if free_order or not found or found[-1].level != level:
        return min((m for m in (found, below) if m), key=lambda m: m[-1].value, default=[])
    system, z = FamilySystem(problem, level, "float64"), found[-1].values
    cut = system.leading + level.r - 2
    for share in (0.3, 0.1):
        with suppress(ConvergenceError, numpy.linalg.LinAlgError):
            seed = [*z[:cut], share * z[cut - 1], *z[cut:]]
            full = descend(system, system.coordinates(seed))
            if improves(full, [*found, *below]):
                report(f"level {level}: double-precision minimum {full.value:.10f} with a positive outermost overlap")
                return [*below, full]
    return found


def _branch(problem: Problem, level: Level, free: bool, outer_zero: bool, report: Report) -> list[FloatMinimum]:
    """The minima of one branch; on the symmetric one level 2 is level 2p."""
    found: list[FloatMinimum] = []
    ladder = [Level(1), *([Level(2, True)] if level.r > 1 else []), *(Level(r) for r in range(2, level.r + 1))]
    for current in [lv for lv in ladder if lv.r < level.r or lv == level or (level == Level(2) and lv.partial)]:
        zero = outer_zero and current.r > 2
        if outer_zero and current == Level(2):
            continue
        system = FamilySystem(problem, current, "float64", free, zero)
        if current.r == 1 and not system.leading:
            continue  # closed form
        if current.r > 2 and (not found or found[-1].level.r != current.r - 1 or found[-1].level.partial > outer_zero):
            report(f"level {current}: level {current.r - 1} is none of its own to continue from")
            break
        best = _level(system, found, current.r > 2 and not free)
        if best is None or not improves(best, found):
            report(f"level {current}: no improvement on the level below")
            if current.r > 2:
                break
            continue
        report(f"level {current}: double-precision minimum {best.value:.10f}")
        found.append(best)
    return found


def ladder(problem: Problem, deepest: int) -> Iterator[FloatMinimum | None]:
    """The minima of levels 2p, 2, 3, ..., each from the one below; None, and the end, where a level does not improve."""
    found = level_minima(problem, Level(3))
    yield from found
    if not found or found[-1].level.r < 3:
        yield None
        return
    for r in range(4, deepest + 1):
        best = _level(FamilySystem(problem, Level(r), "float64"), found, True)
        if best is None or not improves(best, found):
            yield None
            return
        found.append(best)
        yield best


def solve_family(
    problem: Problem, minimum: FloatMinimum, digits: int, free_order: bool = False, report: Report = lambda _: None
) -> Point:
    """The digits of a minimum: Newton in ball arithmetic from the double-precision point and its Hessian.

    Levels 1 and 2p are closed form, and their points enclosed.
    """
    system = FamilySystem(problem, minimum.level, "arb", free_order, minimum.outer_zero)
    closed = closed_point(system, list(minimum.x), digits, report)
    return closed or refine(system, system.goal, list(minimum.x), digits, minimum.hessian.tolist(), report)


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


def stationary(system: Any, start: Sequence[float], steps: int = 60) -> tuple[list[float], list[list[float]]]:
    """A stationary point near a start (natural coordinates) with the Hessian there, for saddles: damped Newton.

    Raises ``ConvergenceError`` if it does not converge inside the domain.
    """
    x = numpy.array(start, dtype=float)

    def slope(at: numpy.ndarray) -> numpy.ndarray:
        if not system.inside(system.values([float(v) for v in at])):
            raise ConvergenceError("Newton left the domain of the level")
        point = [float(v) for v in at]
        grid = system.quadrature(point, FLOAT_DIGITS)
        if max(g.halves[0] for g in (grid if isinstance(grid, tuple) else (grid,))) > WIDEST:
            raise ConvergenceError("Newton ran into all but merged levels")
        return numpy.array(evaluate(system, system.goal, point, grid)[1], dtype=float)

    with numpy.errstate(all="ignore"):
        for _ in range(steps):
            here = slope(x)
            rows = []
            for i in range(len(x)):
                step = numpy.zeros(len(x))
                step[i] = DIFFERENCE
                rows.append((slope(x + step) - slope(x - step)) / (2 * DIFFERENCE))
            H = (numpy.array(rows) + numpy.array(rows).T) / 2
            if not numpy.isfinite(H).all():
                break
            move = -numpy.linalg.solve(H, here)
            size = abs(move).max()
            x = x + move * min(1.0, 0.4 / max(size, 1e-300))
            if size < 1e-8:
                return [float(v) for v in x], H.tolist()
    raise ConvergenceError("Newton did not converge from this start")
