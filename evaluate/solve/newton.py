r"""Stationary points to any number of digits: the one Newton method, for every system.

Each step is taken at the precision it can make use of.  A system with exact curvatures (closed forms) gives a Hessian as
good as the digits at hand, so that every step doubles them.  Elsewhere the double-precision Hessian of the start is
improved by symmetric rank-one updates from the gradients that the steps compute anyway, so that each step gains more
digits than the one before.  The last step is taken at the final precision, at a point so good that one value and
gradient there is all it needs; the value is corrected to second order by that step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mpmath import matrix, mp, mpf

from ..systems.system import Goal, System
from .point import ConvergenceError, Point

__all__ = ["Evaluation", "evaluate_at", "refine"]

GUARD = 6  # digits computed beyond those asked for
EXTRA = 6  # digits of a gradient beyond those that its Newton step is good for
KNOWN = 10.0  # digits of a start in double precision
FRESH = 8.0  # digits that a step gains with a Hessian in double precision, until one has shown more
SLOW = 1.0  # digits a step must gain for its Hessian to be kept
SHORT = 3.0  # guard digits that the parameters may lack in the end: their errors say so
LONGEST = mpf("0.5")  # step in a logarithmic coordinate
STEPS = 60
CHECKED = 0.6  # share of the digits on the grid that the rate of convergence is measured with
Report = Callable[[str], None]


@dataclass(frozen=True)
class Evaluation:
    """Goal, slope and curvature at a point as mpf, and the rounding radius of the value."""

    value: Any
    slope: list
    radius: Any
    A: Any
    B: Any
    curvature: Any = None


def evaluate_at(
    system: System, goal: Goal, x: Sequence[Any], digits: float, order: int = 1, strip: float = 1.0
) -> Evaluation:
    """The goal and its derivatives at natural coordinates (mpf), to about so many digits."""
    b = system.backend
    bits = system.bits([b.number(v) for v in x], digits)
    with b.precision(bits), mp.workprec(bits):
        at = [b.number(v) for v in x]
        parts = system.parts(at, system.quadrature(at, digits, strip), order)
        value = goal.value(parts, b)
        slope = [b.to_mpf(g) for g in goal.slope(parts, b)] if order else []
        curvature = None
        if order == 2:
            curvature = matrix([[b.to_mpf(v) for v in row] for row in goal.curvature(parts, b)])
        radius = b.to_mpf(value.rad()) if hasattr(value, "rad") else abs(b.to_mpf(value)) * mpf(2) ** (16 - bits)
        found = b.to_mpf(value)
        if not mp.isfinite(found) or not all(mp.isfinite(g) for g in slope):
            raise ConvergenceError("the solve left the range of its arithmetic")
        return Evaluation(found, slope, radius, b.to_mpf(parts.A), b.to_mpf(parts.B), curvature)


def solve_linear(rows: Any, right: Sequence[Any]) -> list:
    """The solution of a linear system, by exact midpoints at the current mpmath precision."""
    from flint import arb_mat, ctx

    from ..arithmetic.backends import backend

    b, n = backend("arb"), len(right)
    with ctx.workprec(max(mp.prec, 64) + 16):
        try:
            found = arb_mat([[b.number(mpf(rows[i, j])).mid() for j in range(n)] for i in range(n)]).solve(
                arb_mat([[b.number(mpf(v))] for v in right])
            )
        except ZeroDivisionError:
            raise ConvergenceError("the Hessian is singular at the stationary point") from None
        return [b.to_mpf(v) for v in found.entries()]


def inertia(rows: Any) -> tuple[int, int]:
    """Numbers of positive and negative eigenvalues of a symmetric matrix: the signs of its pivots (Sylvester)."""
    with mp.workdps(40):
        left, n = rows.copy(), rows.rows
        signs = []
        for k in range(n):
            pivot = left[k, k]
            if pivot == 0:
                raise ConvergenceError("the Hessian is singular at the stationary point")
            signs.append(pivot > 0)
            for i in range(k + 1, n):
                factor = left[i, k] / pivot
                for j in range(k + 1, n):
                    left[i, j] -= factor * left[k, j]
        return sum(signs), n - sum(signs)


def differences(system: System, goal: Goal, x: Sequence[Any], digits: float) -> Any:
    """The Hessian by central differences of the exact slope, good to two thirds of the digits."""
    n = len(x)
    found = matrix(n, n)
    width = mpf(10) ** (-digits / 3)
    for i in range(n):
        ends = []
        for sign in (1, -1):
            moved = list(x)
            moved[i] = moved[i] + sign * width
            ends.append(evaluate_at(system, goal, moved, digits + GUARD).slope)
        for j in range(n):
            found[i, j] = (ends[0][j] - ends[1][j]) / (2 * width)
    return (found + found.T) / 2


def _learned(rows: Any, step: Sequence[Any], change: Sequence[Any]) -> Any:
    """Symmetric rank-one update of a Hessian: the slope changed by ``change`` along a step."""
    n = len(step)
    missing = [c - mp.fsum(rows[i, j] * step[j] for j in range(n)) for i, c in enumerate(change)]
    along = mp.fdot(missing, step)
    if abs(along) <= mp.norm(missing) * mp.norm(step) / 10**6:
        return rows
    found = rows.copy()
    for i in range(n):
        for j in range(n):
            found[i, j] += missing[i] * missing[j] / along
    return found


def refine(
    system: System,
    goal: Goal,
    start: Sequence[Any],
    digits: int,
    hessian: Any = None,
    report: Report = lambda _: None,
    point_digits: int | None = None,
) -> Point:
    """The stationary point near ``start`` (natural coordinates), the value to ``digits`` decimal places.

    ``hessian`` is that of the goal in natural coordinates, as good as it is known.  The parameters get as many digits as
    the value unless ``point_digits`` asks for fewer; half of them are enough for the value.
    Raises :class:`ConvergenceError` with the best value found.
    """
    with mp.workdps(digits + 3 * GUARD):
        full = digits + GUARD
        target = full if point_digits is None else point_digits + GUARD
        x = [mpf(v) if hasattr(v, "_mpf_") else mpf(float(v)) for v in start]
        rows = None if system.curved or hessian is None else matrix(hessian)
        known, gain, lost, before, renewed = KNOWN, FRESH, 0.0, None, False
        for _ in range(STEPS):
            if system.curved:
                gain = _planned(known - lost, target + lost) - known + lost
                rows = evaluate_at(system, goal, x, max(gain, KNOWN) + EXTRA, 2).curvature
            elif rows is None:
                rows = differences(system, goal, x, max(known, 2 * KNOWN))
            work = full if known + gain - lost >= target - SHORT else min(full, known + gain + EXTRA)
            here = evaluate_at(system, goal, x, work)
            if before is not None and not system.curved:
                rows = _learned(rows, before.step, [a - b for a, b in zip(here.slope, before.slope, strict=True)])
            step = [-s for s in solve_linear(rows, here.slope)]
            size = max(map(abs, step))
            reached = min(math.inf if size == 0 else float(-mp.log10(size)), work)  # what x was good to
            report(f"Newton: about {max(0, min(int(reached), digits))} of {digits} digits")
            if system.curved:
                lost = max(lost, min(known - reached, known / 2)) if before is not None and before.whole else lost
            elif before is not None:
                if reached < before.reached + SLOW:
                    if renewed:
                        raise ConvergenceError(f"Newton does not contract; best value found {mp.nstr(here.value, 10)}")
                    rows, before, renewed, known = None, None, True, max(reached, 1.0)
                    continue
                gain = reached - before.reached
            gained = min(gain, max(reached - lost, 0.5))
            if work == full and reached + gained >= target - SHORT:
                return _finish(system, goal, x, here, step, rows, digits, min(gained, full - reached), report)
            damp = min(mpf(1), LONGEST / size) if size else mpf(1)
            step = [damp * s for s in step]
            x = [a + s for a, s in zip(x, step, strict=True)]
            before = _Taken(step, here.slope, reached, damp == 1)
            known = min(reached + gained, work) if damp == 1 else 0.5
        raise ConvergenceError(f"no convergence after {STEPS} Newton steps; best value found {mp.nstr(here.value, 10)}")


def _planned(known: float, target: float) -> float:
    """The digits that the next of several doublings should reach, so that the last one ends at the target."""
    doublings = max(1, math.ceil(math.log2(target / max(known, 0.5))))
    return min(2 * known, target / 2 ** (doublings - 1) + (doublings > 1))


@dataclass(frozen=True)
class _Taken:
    """A Newton step, the slope it started from, and how many digits that point was good to."""

    step: list
    slope: list
    reached: float
    whole: bool  # not damped


def _finish(
    system: System,
    goal: Goal,
    x: list,
    here: Evaluation,
    step: list,
    rows: Any,
    digits: int,
    gain: float,
    report: Report,
) -> Point:
    """Take the last step, correct the value to second order, and find the errors."""
    full, strip, left_out = digits + GUARD, 1.0, mpf(0)
    signs = inertia(rows)
    if system.negative is not None and signs[1] != system.negative:
        kind = "a minimum" if system.negative == 0 else f"one with {system.negative} maximised directions"
        raise ConvergenceError(f"the stationary point found is not {kind}; its value is {mp.nstr(here.value, 10)}")
    for _ in range(4):
        if here is None:
            here = evaluate_at(system, goal, x, full, 1, strip)
            step = [-s for s in solve_linear(rows, here.slope)]
        left_out, rate = _left_out(system, goal, x, here, full, strip)
        report(f"quadrature: leaves out about {mp.nstr(left_out, 2)}")
        if left_out < mpf(10) ** (-digits - 1):
            break
        strip, here = strip * min(0.8, rate), None
    if here is None:
        raise ConvergenceError(f"the quadrature did not settle to {digits} digits; best value {mp.nstr(left_out, 5)}")
    moved = [a + s for a, s in zip(x, step, strict=True)]
    correction = mp.fdot(here.slope, step) / 2
    next_step = max(map(abs, step)) * mpf(10) ** -gain
    n = len(x)
    inverse = [[abs(v) for v in solve_linear(rows, [mpf(i == j) for j in range(n)])] for i in range(n)]
    noise = left_out + here.radius
    spread = [next_step + noise * mp.fsum(row) for row in inverse]
    b = system.backend
    bits = system.bits([b.number(v) for v in moved], full)
    with b.precision(bits):
        values = [b.to_mpf(v) for v in system.values([b.number(v) for v in moved])]
    values = [+v for v in values]
    if not system.inside(values):
        raise ConvergenceError(f"Newton left the domain of the level; best value found {mp.nstr(here.value, 10)}")
    return Point(
        names=system.names,
        x=tuple(moved),
        values=tuple(values),
        errors=tuple(_spread(system, moved, values, spread, full)),
        value=here.value + correction,
        value_error=left_out + here.radius + abs(correction) * mpf(10) ** -gain,
        residual=max(map(abs, here.slope)),
        inertia=signs,
        A=here.A,
        B=here.B,
    )


def _left_out(
    system: System, goal: Goal, x: Sequence[Any], here: Evaluation, full: int, strip: float
) -> tuple[Any, float]:
    """What the rule of quadrature leaves out of the value, and the measured share of its promised digits.

    The error of the trapezoidal rule is exponential in the digits that a grid is planned for.  A coarser grid, for
    :data:`CHECKED` of them, shows the rate; the error of the grid itself follows from it.
    """
    b = system.backend
    with b.precision(64):
        if system.quadrature([b.number(v) for v in x], 15) is None:
            return mpf(0), 1.0
    planned = CHECKED * full
    coarse = evaluate_at(system, goal, x, planned, 0, strip)
    seen = max(abs(coarse.value - here.value), coarse.radius)
    rate = float(-mp.log10(seen)) / planned
    return mpf(10) ** (-full * rate), rate


def _spread(system: System, x: list, values: list, errors: Sequence[Any], full: int) -> list:
    """Errors of the parameters from those of the coordinates, through the slopes of one in the other."""
    b, n = system.backend, len(x)
    total = [abs(v) * mpf(10) ** -(full + 2) for v in values]
    with b.precision(170), mp.workprec(170):
        width = mpf(2) ** -80
        middle = [b.to_mpf(v) for v in system.values([b.number(v) for v in x])]
        for i in range(n):
            moved = [b.number(v + width * (i == j)) for j, v in enumerate(x)]
            for k, v in enumerate(system.values(moved)):
                total[k] += abs(b.to_mpf(v) - middle[k]) / width * errors[i]
    return total
