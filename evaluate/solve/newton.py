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

from ..quadrature.grid import GUARD_DIGITS
from ..systems.system import EnergyGoal, Goal, System
from .descent import curvature_at, learned
from .enclosure import GUARD, enclose, inertia
from .point import ConvergenceError, Point

__all__ = ["GUARD", "Evaluation", "evaluate_at", "refine"]

EXTRA = 6  # digits of a gradient beyond those that its Newton step is good for
KNOWN = 10.0  # digits of a start in double precision
FRESH = 8.0  # digits that a step gains with a Hessian in double precision, until one has shown more
SEVERAL = (
    5  # digits from which on the first step is not the last one, so that it may do with the Hessian of double precision
)
SLOW = 1.0  # digits a step must gain for its Hessian to be kept
SHORT = 3.0  # guard digits that the parameters may lack in the end: their errors say so
LONGEST = mpf("0.5")  # step in a logarithmic coordinate
DIRECT = 46  # digits up to which a finer grid is cheap
FINER, FINER_STRIP = 4, 0.8  # the finer grid: further digits, and a strip that is counted on less
REST = mpf("0.01")  # relative error of an error: what the finer grid leaves out itself, at half the promised rate
ALONG = 1e-3  # displacement along the last step over which the Hessian's change is measured
STEPS = 60
REFUSALS = 3  # proofs that may fail before the point is given up
CHECKED = (0.4, 0.6)  # shares of the digits on the grids that the rate of convergence is measured with
Report = Callable[[str], None]


@dataclass(frozen=True)
class Evaluation:
    """Goal, slope and curvature at a point as mpf, and the rounding radius of the value."""

    value: Any
    slope: list
    radius: Any
    A: Any
    B: Any
    dB: list
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
        radius = _rounding(b, value, bits)
        found = b.to_mpf(value)
        if not mp.isfinite(found) or not all(mp.isfinite(g) for g in slope):
            raise ConvergenceError("the solve left the range of its arithmetic")
        dB = [b.to_mpf(d) for d in parts.dB]
        return Evaluation(found, slope, radius, b.to_mpf(parts.A), b.to_mpf(parts.B), dB, curvature)


def _rounding(b: Any, value: Any, bits: int) -> Any:
    """The radius of a ball; where the arithmetic has none, what sixteen bits of accumulated rounding make."""
    return b.to_mpf(value.rad()) if hasattr(value, "rad") else abs(b.to_mpf(value)) * mpf(2) ** (16 - bits)


def solve_linear(rows: Any, right: Sequence[Any]) -> list:
    """The solution of a linear system, by exact midpoints at the current mpmath precision."""
    return [found for (found,) in _solved(rows, [[v] for v in right])]


def _solved(rows: Any, right: Sequence[Sequence[Any]]) -> list[list]:
    """The solutions for several right sides, the columns of a matrix."""
    from flint import arb_mat, ctx

    from ..arithmetic.backends import backend

    b, n = backend("arb"), len(right)
    with ctx.workprec(max(mp.prec, 64) + 16):
        try:
            found = arb_mat([[b.number(mpf(rows[i, j])).mid() for j in range(n)] for i in range(n)]).solve(
                arb_mat([[b.number(mpf(v)) for v in row] for row in right])
            )
        except ZeroDivisionError:
            raise ConvergenceError("the Hessian is singular at the stationary point") from None
        return [[b.to_mpf(v) for v in row] for row in found.tolist()]


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


def refine(
    system: System,
    goal: Goal,
    start: Sequence[Any],
    digits: int,
    hessian: Any = None,
    report: Report = lambda _: None,
    point_digits: int | None = None,
    prove: bool = False,
) -> Point:
    """The stationary point near ``start`` (natural coordinates), the value to ``digits`` decimal places.

    ``hessian`` is that of the goal in natural coordinates, as good as it is known.  The parameters get as many digits as
    the value unless ``point_digits`` asks for fewer; half of them are enough for the value.  With ``prove`` the last step is
    that of Krawczyk's operator: the errors are then proved.
    Raises ``ConvergenceError`` with the best value found, and ``QuadratureError`` where no error can be proved.
    """
    with mp.workdps(digits + 3 * GUARD):
        full = digits + GUARD
        target = full if point_digits is None else point_digits + GUARD
        x = [mpf(v) if hasattr(v, "_mpf_") else mpf(float(v)) for v in start]
        rows = None if system.curved or hessian is None else matrix(hessian)
        known, gain, lost, before, renewed = KNOWN, FRESH, 0.0, None, False
        refused, spare, missing, rough = 0, 0, math.inf, False
        for _ in range(STEPS):
            if system.curved:
                gain = _planned(known - lost, target + lost) - known + lost
                if prove and known + gain - lost >= target - SHORT:
                    try:
                        point = enclose(system, goal, x, digits + spare, report)  # type: ignore[arg-type]
                    except ConvergenceError:  # x is not as good as it was taken for
                        if refused == REFUSALS:
                            raise
                        refused += 1
                    else:
                        _check_signs(system, point.inertia, point.value)
                        still, missing = missing, _lacking(point, digits, target - GUARD)
                        if missing <= 0 or missing >= still:  # data that are balls limit what is known
                            return point
                        x, spare = list(point.x), spare + missing
                        continue
                tower = system.quadrature([system.backend.number(v) for v in x], 15) is not None
                rough = (
                    tower
                    and digits >= SEVERAL
                    and hessian is not None
                    and before is None
                    and refused == 0
                    and gain <= FRESH
                )
                rows = matrix(hessian) if rough else evaluate_at(system, goal, x, max(gain, KNOWN) + EXTRA, 2).curvature
            elif rows is None:
                rows = differences(system, goal, x, max(known, 2 * KNOWN))
            work = full if known + gain - lost >= target - SHORT else min(full, known + gain + EXTRA)
            here = evaluate_at(system, goal, x, work)
            if before is not None and not system.curved:
                change = [a - b for a, b in zip(here.slope, before.slope, strict=True)]
                rows = matrix(learned(rows.tolist(), before.step, change))
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
            if work == full and reached + gained >= target - SHORT and not prove:
                sure = min(gained, FRESH) if rough else max(gain, KNOWN) + EXTRA if system.curved else gained
                return _finish(system, goal, x, here, step, rows, digits, sure, report, rough)
            damp = min(mpf(1), LONGEST / size) if size else mpf(1)
            step = [damp * s for s in step]
            x = [a + s for a, s in zip(x, step, strict=True)]
            before = _Taken(step, here.slope, reached, damp == 1)
            known = min(reached + gained, work) if damp == 1 else 0.5
        raise ConvergenceError(f"no convergence after {STEPS} Newton steps; best value found {mp.nstr(here.value, 10)}")


def _lacking(point: Point, digits: int, point_digits: int) -> int:
    """The digits by which the errors of a point are larger than asked for."""
    wanted = [(point.value_error, digits + 1)]
    wanted += [
        (e / max(abs(v), mpf(10) ** -point_digits), point_digits)
        for e, v in zip(point.errors, point.values, strict=True)
    ]
    return max(math.ceil(float(mp.log10(e)) + n) if e else 0 for e, n in wanted)


def _check_signs(system: System, signs: tuple[int, int], value: Any) -> None:
    if system.negative is not None and signs[1] != system.negative:
        kind = "a minimum" if system.negative == 0 else f"one with {system.negative} maximised directions"
        raise ConvergenceError(f"the stationary point found is not {kind}; its value is {mp.nstr(value, 10)}")


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
    sure: float,
    report: Report,
    rough: bool,
) -> Point:
    """Take the last step, correct the value to second order, and find the errors."""
    full, strip, left_out, slope_out = digits + GUARD, 1.0, mpf(0), mpf(0)
    signs = inertia(rows)
    _check_signs(system, signs, here.value)
    for _ in range(4):
        if here is None:
            here = evaluate_at(system, goal, x, full, 1, strip)
            step = [-s for s in solve_linear(rows, here.slope)]
        left_out, slope_out, rate = _left_out(system, goal, x, here, full, strip)
        report(f"quadrature: leaves out about {mp.nstr(left_out, 2)}")
        if left_out < mpf(10) ** (-digits - 1):
            break
        strip, here = strip * min(0.8, max(0.4, rate)), None  # type: ignore[assignment]
    if here is None:
        raise ConvergenceError(f"the quadrature did not settle to {digits} digits; best value {mp.nstr(left_out, 5)}")
    moved = [a + s for a, s in zip(x, step, strict=True)]
    correction = mp.fdot(here.slope, step) / 2
    # what the Hessian's own error, and the third derivative, change of the step and of the correction
    next_step = [max(map(abs, step)) * mpf(10) ** -sure] * len(x)
    beyond = abs(correction) * mpf(10) ** -sure
    if system.curved:
        turn, third = _third(system, goal, x, step, rows, rough)
        next_step = [a + b for a, b in zip(next_step, turn, strict=True)]
        beyond += third
    n = len(x)
    inverse = [[abs(v) for v in row] for row in _solved(rows, [[mpf(i == j) for j in range(n)] for i in range(n)])]
    noise = slope_out + here.radius
    spread = [a + noise * mp.fsum(row) for a, row in zip(next_step, inverse, strict=True)]
    b = system.backend
    bits = system.bits([b.number(v) for v in moved], full)
    with b.precision(bits):
        computed = system.values([b.number(v) for v in moved])
        values, rounding = [b.to_mpf(v) for v in computed], [_rounding(b, v, bits) for v in computed]
    values, rounding = [+v for v in values], [r + abs(v) * mp.eps for r, v in zip(rounding, values, strict=True)]
    # B is not stationary: it is needed at the point itself, and is as good as the point
    there = evaluate_at(system, goal, moved, full, 1, strip) if isinstance(goal, EnergyGoal) else here
    if not system.inside(values):
        raise ConvergenceError(f"Newton left the domain of the level; best value found {mp.nstr(here.value, 10)}")
    return Point(
        names=tuple(system.names),
        x=tuple(moved),
        values=tuple(values),
        errors=tuple(_spread(system, moved, rounding, spread)),
        value=here.value + correction,
        value_error=left_out + here.radius + beyond,
        residual=max(map(abs, here.slope)),
        inertia=signs,
        A=there.A,
        B=there.B,
        B_error=noise + mp.fsum(abs(d) * e for d, e in zip(there.dB, spread, strict=True)),
    )


def _third(
    system: System, goal: Goal, x: Sequence[Any], step: Sequence[Any], rows: Any, rough: bool
) -> tuple[list, Any]:
    r"""What the third derivative T changes: :math:`\frac12|H^{-1}Tss|` of the step s, :math:`\frac16|Tsss|` of the value.

    With the corrected value :math:`G + \frac12 g\cdot s` these are the leading terms of what is left.  T along the step
    is measured in double precision, by the change of the exact Hessian; ``rough`` says that ``rows`` is the one at x in
    that precision.
    """
    size = max(map(abs, step))
    if size == 0:
        return [mpf(0)] * len(x), mpf(0)
    low = system if system.quadrature([system.backend.number(v) for v in x], 15) is None else system.using("float64")
    unit = [float(s / size) for s in step]
    ends = [rows.tolist()] if rough else [curvature_at(low, goal, [float(v) for v in x])]
    ends.append(curvature_at(low, goal, [float(v) + ALONG * u for v, u in zip(x, unit, strict=True)]))
    if None in ends:
        raise ConvergenceError("the stationary point lies at the border of its domain")
    bent = [
        mp.fsum((mpf(b) - mpf(a)) * u for a, b, u in zip(*rows_, unit, strict=True)) / ALONG
        for rows_ in zip(*ends, strict=True)
    ]
    more = 1 + REST  # a one-sided difference
    turn = [more * abs(v) * size**2 / 2 for v in solve_linear(rows, bent)]
    return turn, more * abs(mp.fdot(bent, unit)) * size**3 / 6


def _left_out(
    system: System, goal: Goal, x: Sequence[Any], here: Evaluation, full: int, strip: float
) -> tuple[Any, Any, float]:
    """What the rule of quadrature leaves out of the value, and of its slope, and the share of the promised digits.

    With few digits a finer grid shows it directly.  With many the error, which falls exponentially with the digits that a
    grid is planned for, is extrapolated from two coarser grids: along the line through both, and along the one through
    the finer of them and an error as large as the value without any digits; the larger counts.  The error of one grid
    oscillates with its phase below its envelope, for one phase in sixteen by more than a digit: one digit is not counted.
    """
    b = system.backend
    with b.precision(64):
        if system.quadrature([b.number(v) for v in x], 15) is None:
            return mpf(0), mpf(0), 1.0
    size = max(mpf(1), abs(here.value))

    def differences(found: Evaluation) -> tuple[Any, Any]:
        value = max(abs(found.value - here.value), found.radius, here.radius)
        return value, max([value, *(abs(a - c) for a, c in zip(found.slope, here.slope, strict=False))])

    if full <= DIRECT:
        value, slope = differences(evaluate_at(system, goal, x, full + FINER, 1, FINER_STRIP * strip))
        value, slope = value * (1 + REST), slope * (1 + REST)
        return value, slope, float(-mp.log10(value / size)) / (full + GUARD_DIGITS)
    points, share = [], mpf(1)
    for part, order in zip(CHECKED, (0, 1), strict=True):
        value, slope = differences(evaluate_at(system, goal, x, part * full, order, strip))
        points.append((part * full + GUARD_DIGITS, float(-mp.log10(value / size))))
        share = slope / value
    (less, low), (more, high) = points
    rate = min(high / more, max((high - low) / (more - less), 0.0))
    value = size * mpf(10) ** -(high + rate * (full + GUARD_DIGITS - more) - 1)
    return value, share * value, rate


def _spread(system: System, x: list, rounding: Sequence[Any], errors: Sequence[Any]) -> list:
    """Errors of the parameters: their rounding, and those of the coordinates through the slopes of one in the other."""
    b, n = system.backend, len(x)
    total = list(rounding)
    with b.precision(170), mp.workprec(170):
        width = mpf(2) ** -80
        middle = [b.to_mpf(v) for v in system.values([b.number(v) for v in x])]
        for i in range(n):
            moved = [b.number(v + width * (i == j)) for j, v in enumerate(x)]
            for k, v in enumerate(system.values(moved)):
                total[k] += abs(b.to_mpf(v) - middle[k]) / width * errors[i]
    return total
