"""Maxima by search: parabolas through three points of the function, until no step improves on the last vertex.

Nothing is known of the function but its values; it has to rise and then fall.  The value found is good to the digits asked
for, because a maximum is flat; no bound is claimed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import arb

__all__ = ["SearchError", "maximum", "root"]

PASSES = 120
DOUBLINGS = 200


class SearchError(ArithmeticError):
    """The search did not settle: no maximum in the interval, or no sign change."""


def maximum(f: Callable[[Any], Any], low: Any, high: Any, digits: int) -> tuple[Any, Any]:
    """Point and value of the maximum of f between ``low`` and ``high``, where ``None`` is infinity.

    >>> from flint import arb
    >>> point, value = maximum(lambda z: 3 * z - z * z, None, arb(1), 10)
    >>> point == 1, value == 2
    (True, True)
    """
    a, b = _bracket(f, low, high)
    drop = f((a + b) / 2) - f(a).min(f(b))
    step = (1 + b - a) / arb(10) ** (digits // 2 + 3)
    for _ in range(PASSES):
        vertex = _clipped(_vertex(f, (a + b) / 2, (b - a) / 2), low, high).mid()
        top = f(vertex)
        if all(_not_above(f, at, top, low, high) for at in (vertex - step, vertex + step)):
            # a top that is 0 is found up to a small part of what the function falls by
            return vertex, arb(0) if abs(top) < abs(drop) / arb(10) ** digits else top
        a, b = _narrowed(f, a, b)
    raise SearchError("no maximum was found in the interval")


def _narrowed(f: Callable, a: Any, b: Any) -> tuple[Any, Any]:
    """The half of an interval around the best of its quarter points: the function rises and then falls."""
    points = [(a + (b - a) * i / 4).mid() for i in range(5)]
    values = [f(t) for t in points]
    best = max(range(1, 4), key=lambda i: sum(bool((values[i] - v).mid() >= 0) for v in values))
    if (values[0] - values[1]).mid() > 0:
        best = 1
    elif (values[4] - values[3]).mid() > 0:
        best = 3
    return points[best - 1], points[best + 1]


def _not_above(f: Callable, at: Any, top: Any, low: Any, high: Any) -> bool:
    if (low is not None and at < low) or (high is not None and at > high):
        return True
    return bool((f(at) - top).mid() <= 0)


def _clipped(at: Any, low: Any, high: Any) -> Any:
    if low is not None and not at > low:
        return low
    return high if high is not None and not at < high else at


def _vertex(f: Callable, middle: Any, width: Any) -> Any:
    """Vertex of the parabola through three points; a step uphill if the function is not concave there."""
    left, centre, right = f(middle - width), f(middle), f(middle + width)
    bend = left + right - 2 * centre
    if not bend < 0:
        return middle + (width if right > left else -width)
    return middle - width * (right - left) / (2 * bend)


def _bracket(f: Callable, low: Any, high: Any) -> tuple[Any, Any]:
    """An interval that the maximum is in: steps from an end (or from 0), doubled until the function falls."""
    if low is not None and high is not None:
        return low, high
    start = low if low is not None else (high if high is not None else arb(0))
    ends = []
    for sign, end in ((-1, low), (1, high)):
        if end is not None:
            ends.append(end)
            continue
        step, best = arb(1), f(start)
        for _ in range(DOUBLINGS):
            value = f(start + sign * step)
            if value < best:
                break
            best, step = value, 2 * step
        else:
            raise SearchError("the function does not fall towards infinity")
        ends.append(start + sign * step)
    return ends[0], ends[1]


def root(f: Callable[[Any], Any], low: Any, high: Any, digits: int) -> Any:
    """A zero of f between two points of different sign, by secants kept inside the interval."""
    at = [low, high]
    values = [f(low), f(high)]
    close = abs(high - low).mid() / arb(10) ** digits
    last = 0
    for _ in range(PASSES):
        guess = (at[0] - values[0] * (at[1] - at[0]) / (values[1] - values[0])).mid()
        found = f(guess)
        if found == 0 or not found.is_finite():
            return guess
        side = 0 if (found < 0) == (values[0] < 0) else 1
        moved = abs(guess - at[side]).mid()
        at[side], values[side] = guess, found
        if moved < close or abs(at[1] - at[0]).mid() < close:
            return guess
        if last == side:  # the other end stays: weigh it down, so that it moves too
            values[1 - side] = values[1 - side] / 2
        last = side
    raise SearchError("no zero was found in the interval")
