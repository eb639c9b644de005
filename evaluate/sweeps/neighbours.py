"""Which points of a sweep start which: anchors start from nothing, the points between two anchors from both.

Along one setting that is a number (the parameter of a gate, the radius or the budget) every fourth point is an anchor.
A point in between starts from the parameters of its two anchors, interpolated in logarithms.  The anchors depend on the
grid alone, not on what is computed already or by how many workers, and so does every start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

from flrdt.derive import Level

from ..arithmetic.decimals import InputError, parse_number
from ..solve.starts import interpolated

__all__ = ["Link", "links_of", "number_of", "start_between"]

SPACING = 4
SETTINGS = ("gate", "radius", "budget")

Key = tuple[str, ...]
Link = tuple[Key, Key, float]
"""The anchors on both sides, and how far from the first to the second the point lies."""


def number_of(text: str) -> Fraction | None:
    """The number that a value is, or that a gate has as its parameter.

    >>> number_of("relu-bias:-1/2"), number_of("hardtanh")
    (Fraction(-1, 2), None)
    """
    try:
        return parse_number(text.rpartition(":")[2], "the number")
    except InputError:
        return None


def links_of(points: Sequence[Mapping[str, str]]) -> dict[Key, Link]:
    """The links of all points that lie between two anchors; the key of a point is the tuple of its settings."""
    full = [point for point in points if point["depth"] == "1" and _is_full(point["level"])]
    candidates = [_lines(full, setting) for setting in SETTINGS]
    lines = max(candidates, key=lambda lines: max(map(len, lines), default=0))
    found = {}
    for line in lines:
        anchors = [*range(0, len(line) - 1, SPACING), len(line) - 1]
        for left, right in pairwise(anchors):
            (a, first), (b, last) = line[left], line[right]
            for value, key in line[left + 1 : right]:
                found[key] = (first, last, float((value - a) / (b - a)))
    return found


def _is_full(level: str) -> bool:
    parsed = Level.parse(level)
    return parsed.r > 1 and not parsed.partial


def _lines(points: Sequence[Mapping[str, str]], setting: str) -> list[list[tuple[Fraction, Key]]]:
    """Points that agree in everything but the number in this setting, in its order."""
    lines: dict[Key, dict[Fraction, Key]] = {}
    for point in points:
        value = number_of(point[setting])
        if value is not None:
            family = point[setting].rpartition(":")[0]
            same = tuple(family if name == setting else text for name, text in point.items())
            lines.setdefault(same, {})[value] = tuple(point.values())
    return [sorted(line.items()) for line in lines.values()]


def start_between(level: str, left: str, right: str, weight: float) -> list[float] | None:
    """Parameters between those of two rows (JSON, as in the results), or ``None`` if one of them lacks some."""
    known = [json.loads(text) for text in (left, right) if text]
    r = Level.parse(level).r
    names = ["chi", *(f"p_{k}" for k in range(2, r + 1)), *(f"y_{k}" for k in range(2, r + 1))]
    if len(known) < 2 or any(name not in row for row in known for name in names):
        return None
    left_values, right_values = ([float(row[name]) for name in names] for row in known)
    return interpolated(Level.parse(level), left_values, right_values, weight)
