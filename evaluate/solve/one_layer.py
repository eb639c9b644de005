r"""One layer at any level: a start, the digits, and what to say where lifting does not help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from mpmath import mp, mpf

from flrdt.derive import Level, Network

from ..systems.system import Goal
from .descent import Minimum
from .far_thresholds import remark
from .newton import evaluate_at, refine
from .point import ConvergenceError, Point
from .starts import lowest, merged_minimum, nearby, system_of

__all__ = ["polished", "solve_one_layer"]

FAILURES = (ArithmeticError, ValueError, MemoryError)
SMALL = mpf(10) ** -8  # where the slope in y_2 shows whether partial lifting helps
SMALL_OVERLAP = mpf(10) ** -4  # where the slope in p_2 shows whether level 2 merges with level 2p
Report = Callable[[str], None]


def polished(
    network: Network, level: Level, goal: Goal, minimum: Minimum, digits: int, backend: str = "arb",
    report: Report = lambda _: None, point_digits: int | None = None, prove: bool = False,
) -> Point:  # fmt: skip
    """The digits of a float64 minimum, with ``prove`` enclosed."""
    system = system_of(network, level, backend)
    return refine(system, goal, minimum.x, digits, minimum.hessian, report, point_digits, prove)


def solve_one_layer(
    network: Network, level: Level, goal: Goal, digits: int, backend: str = "arb", report: Report = lambda _: None,
    near: Sequence[float] | None = None, prove: bool = False,
) -> tuple[Level, Point]:  # fmt: skip
    """Solve at the level, or at a lower one where lifting does not improve on it.

    ``near`` are parameters of a similar problem to start from at a full level; where no minimum lies close to them the
    solve starts as without.  With ``prove`` the point is enclosed.  Raises ``ConvergenceError`` with the reason.
    """

    def attempt(used: Level, start: Minimum | None = None) -> tuple[Level, Point]:
        found = lowest(network, used, goal, report) if start is None else start
        return used, polished(network, used, goal, found, digits, backend, report, prove=prove)

    try:
        if near is not None and not level.closed:
            start = nearby(network, level, goal, near)
            if start is not None:
                with suppress(ConvergenceError):
                    return attempt(level, start)
        if level.partial:
            return attempt(level if _partial_lifting_helps(network, goal) else Level(1))
        try:
            return attempt(level)
        except FAILURES:
            if level.r == 2 and not _full_lifting_helps(network, goal):
                return attempt(Level(2, partial=True))
            raise
    except FAILURES as problem:
        if getattr(problem, "bad_input", False):
            raise
        said = str(problem) if isinstance(problem, ArithmeticError) else "the solve left the range of its arithmetic"
        raise ConvergenceError(said + remark(network.gate)) from problem


def _slope(network: Network, level: Level, goal: Goal, values: Sequence[float], digits: int) -> list:
    """The slope of the goal in natural coordinates at parameter values."""
    system = system_of(network, level, "arb")
    b = system.backend
    with mp.workdps(40), b.precision(200):
        x = [b.to_mpf(v) for v in system.coordinates([mpf(v) for v in values])]
        return evaluate_at(system, goal, x, digits).slope


def _partial_lifting_helps(network: Network, goal: Goal) -> bool:
    """Whether the partially lifted level improves on the plain one, or its best y_2 tends to 0 (the plain value).

    Decided by the float64 minima where they differ, otherwise by the sign of the slope in y_2 at y_2 -> 0.
    """
    plain = lowest(network, Level(1), goal)
    partial = lowest(network, Level(2, partial=True), goal)
    if partial.value < plain.value - 1e-9 * max(1.0, abs(plain.value)):
        return True
    with mp.workdps(40):
        return bool(_slope(network, Level(2, partial=True), goal, [mp.exp(plain.x[0]), SMALL], 40)[1] < 0)


def _full_lifting_helps(network: Network, goal: Goal) -> bool:
    """Whether level 2 has a minimum of its own, or its best p_2 tends to 0 (the partially lifted value).

    At p_2 = 0 the slope in p_2 vanishes for a symmetric active set, and for no other is p_2 = 0 stationary.  Decided by
    where the float64 descents end, and by the sign of the slope close to 0.
    """
    merged = merged_minimum(network, goal) if network.gate.symmetric else None
    if merged is None:
        return True
    chi, y = merged
    # the second coordinate is log(1 - p_2), which falls as p_2 grows
    return bool(_slope(network, Level(2), goal, [chi, SMALL_OVERLAP, y], 20)[1] > 0)
