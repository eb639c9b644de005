r"""Starts in double precision for one layer: scans and seeds at the low levels, continuation from level to level above.

P_r is minimised at the wanted stationary point, so every start ends in a descent; the lowest of several counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from flrdt.derive import Level, Network, objective

from ..systems.closed import ClosedSystem
from ..systems.one_field import OneFieldSystem
from ..systems.system import Goal, System
from .descent import STRICT, Minimum, descend, float_value

__all__ = ["interpolated", "lowest", "merged_minimum", "natural_start", "nearby", "predict", "system_of"]

SEEDED = 3
"""Levels up to here start from seeds; the higher ones continue the pattern of this one."""

ROUGH = 1e-10
"""Newton decrement at which a level in between is good enough to predict the next."""

MERGED = 1e-6
"""Relative difference of two float64 values at which one may be the limit of the other."""

NEARBY = 0.5
"""How far, in natural coordinates, the minimum reached from a neighbour's solution may lie from it."""

WIDEST = 1e4
"""The largest chi that is scanned for a start."""

# The pattern 1 - p_k ~ Q((k-1+a)/(r-1+b)), y_k ~ Y((k-1+c)/(r-1+d)), offsets fitted at r = 16 and 24; only for starts.
PATTERN = (0.45, 0.33, 0.065, 0.44)

Report = Callable[[str], None]


def system_of(network: Network, level: Level, arithmetic: str | None = None) -> System:
    """The system of a one-layer network at a level, in the arithmetic that its starts are found with if none is named."""
    form = objective(network, level)
    if level.closed:
        return ClosedSystem(form, (), arithmetic or "arb", 0)
    return OneFieldSystem(form, arithmetic or "float64")


def lowest(network: Network, level: Level, goal: Goal, report: Report = lambda _: None) -> Minimum:
    """The lowest float64 minimum found at a level, through the levels below it.

    Raises ``ArithmeticError`` if no start leads anywhere.
    """
    best: Minimum | None = None
    for r in range(1, min(level.r, SEEDED) + 1):
        current = Level(r, level.partial and r == 2)
        system = system_of(network, current)
        found = [descend(system, goal, seed) for seed in _seeds(network, current, goal, best)]
        ends = [m for m in found if m is not None]
        if not ends:
            raise ArithmeticError(f"no start converged at level {current}")
        best = min(ends, key=lambda m: m.value)
        report(f"level {current}: float64 minimum {best.value:.9f}")
    if best is None:
        raise ArithmeticError(f"no level up to {level} was tried")
    r = SEEDED
    while r < level.r:
        r_next = min(level.r, r + 1 + r // 4)
        start = predict(best.x, r_next)
        system = system_of(network, Level(r_next))
        onward = descend(system, goal, start, STRICT if r_next == level.r else ROUGH)
        if onward is None or not onward.converged:
            raise ArithmeticError(f"no start converged at level {r_next}")
        best, r = onward, r_next
        report(f"level {r}: float64 minimum {best.value:.12f}")
    return best


def nearby(network: Network, level: Level, goal: Goal, values: Sequence[float]) -> Minimum | None:
    """The minimum that Newton reaches from a neighbouring solution at a full level.

    ``None`` if it fails or ends so far away that it may have left the branch of the neighbour.
    """
    system = system_of(network, level)
    start = natural_start(system, values)
    found = None if start is None else descend(system, goal, start)
    if found is None or not found.converged:
        return None
    moved = max(abs(a - b) for a, b in zip(found.x, start, strict=True))  # type: ignore[arg-type]
    return found if moved < NEARBY else None


def natural_start(system: System, values: Sequence[float]) -> list[float] | None:
    """Natural coordinates as floats, ``None`` where the values do not belong to the level."""
    import numpy

    with numpy.errstate(all="ignore"):
        found = [float(v) for v in system.coordinates(values)]
    return found if all(map(math.isfinite, found)) else None


def interpolated(level: Level, left: Sequence[float], right: Sequence[float], weight: float) -> list[float] | None:
    """Parameters between those of two solutions at a full level, ``None`` if one of them is no point of the level."""
    system = OneFieldSystem(objective(level=level), "float64")
    a, b = (natural_start(system, values) for values in (left, right))
    if a is None or b is None:
        return None
    return [float(v) for v in system.values([(1 - weight) * u + weight * v for u, v in zip(a, b, strict=True)])]


def predict(x: Sequence[float], level: int, before: Sequence[float] | None = None) -> list[float]:
    """A start at a higher level: the pattern of log(1-p) and log y over the level index, resampled.

    ``x`` are the natural coordinates of a minimum at a level of at least 3, with
    or without chi in front, ``before`` those at the level below it: the pattern then goes on changing from level to level, in proportion to the inverse of the level.
    """
    import numpy

    found = _resampled(x, level)
    if before is not None:
        earlier, r = _resampled(before, level), len(x) // 2 + 1
        weight = (level - r) * (r - 1) / level
        found = [a + weight * (a - b) for a, b in zip(found, earlier, strict=True)]
    chi, missing, lifting = found
    gaps, rises = numpy.diff([0.0, *numpy.exp(missing)]), -numpy.diff([*numpy.exp(lifting), 0.0])
    if before is not None and not (
        numpy.all(gaps > 0) and numpy.all(rises > 0)
    ):  # the change was not as steady as that
        return predict(x, level)
    with numpy.errstate(invalid="ignore", divide="ignore"):
        return [float(v) for v in [*chi, *numpy.log(gaps), *numpy.log(rises)]]  # nan where it is no point of the level


def _resampled(x: Sequence[float], level: int) -> list:
    """``log chi`` (if there is one), ``log(1 - p_k)`` and ``log y_k`` of a pattern at another level."""
    import numpy
    from scipy.interpolate import CubicSpline

    n, head = len(x) // 2, len(x) % 2
    values = numpy.exp(numpy.array(x))
    missing = numpy.cumsum(values[head : head + n])
    lifting = numpy.cumsum(values[head + n :][::-1])[::-1]
    a, b, c, d = PATTERN
    old, new = numpy.arange(1, n + 1), numpy.arange(1, level)

    def resample(y: Any, inner: float, outer: float) -> Any:
        pattern = CubicSpline(numpy.log((old + inner) / (n + outer)), numpy.log(y), bc_type="natural")
        return pattern(numpy.log((new + inner) / (level - 1 + outer)))

    return [numpy.array(x[:head]), resample(missing, a, b), resample(lifting, c, d)]


def merged_minimum(network: Network, goal: Goal) -> list[float] | None:
    """The level-2p parameters ``(chi, y_2)`` if every descent at level 2 ends there, with ``p_2 -> 0``."""
    low = lowest(network, Level(1), goal)
    partial = lowest(network, Level(2, partial=True), goal)
    system = system_of(network, Level(2))
    ends = [m for m in (descend(system, goal, s) for s in _seeds(network, Level(2), goal, low)) if m is not None]

    def same(m: Minimum) -> bool:
        return abs(m.value - partial.value) < MERGED * max(1.0, abs(partial.value)) and system.values(m.x)[1] < 0.05

    return [math.exp(v) for v in partial.x] if ends and all(map(same, ends)) else None


def _seeds(network: Network, level: Level, goal: Goal, lower: Minimum | None) -> list[list[float]]:
    """Natural coordinates to start from at a level, from the solution one level below."""
    r = level.r
    if lower is None:
        widths = [float(b - a) for a, b in network.gate.components if (b - a).is_finite]
        least = min([1e-3, *(w * w / 100 for w in widths)])  # a narrow component is all used up at its width squared
        low, high = math.log(max(least, 1e-9)), math.log(WIDEST)
        system = system_of(network, level)
        scan = [[low + (high - low) * i / 28] for i in range(29)]
        return [min(scan, key=lambda x: float_value(system, goal, x))]
    if r > 2:
        return [_from_below(lower.x, r)]
    chi = math.exp(lower.x[0])
    if chi > WIDEST:  # no energy at the plain level, whose chi tells nothing then: the scale of the fields instead
        chi = 1.0
    if level.partial:
        return [[math.log(chi * a), math.log(y)] for a, y in ((0.5, 0.5), (0.9, 0.1), (0.3, 2.0))]
    seeds = ((0.1, 0.8, 3.0), (0.4, 0.6, 1.0), (0.05, 0.9, 5.0), (0.7, 0.3, 0.5))
    return [[math.log(chi * a), math.log(1 - p), math.log(y)] for a, p, y in seeds]


def _from_below(x: Sequence[float], r: int) -> list[float]:
    """Level 3 from the natural coordinates of level 2: the step is split in two."""
    chi, gap, y = (math.exp(v) for v in x)
    inner, outer = gap * math.exp(-1.5), min(gap * math.exp(0.2), 0.95)
    high, low = y * math.exp(0.4), y * math.exp(-0.4)
    return [math.log(v) for v in (0.8 * chi, inner, outer - inner, high - low, low)]
