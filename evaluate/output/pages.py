"""Pages of text for people: numbers with their meanings, long ones in groups of ten digits, no line wider than the page."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

__all__ = ["entry", "grouped", "parameter_lines", "sentence"]

NAME_WIDTH = 10
GROUP = 10

#: What the parameters are, by the name before the index.
MEANINGS = {
    "chi": "susceptibility, 2 gamma_p nu",
    "p": "overlap of two inputs",
    "q": "conjugate overlap, of the dual vector",
    "y": "lifting parameter, c_k nu",
    "c": "lifting parameter",
    "nu": "multiplier of the count of active outputs",
    "gamma_p": "multiplier of the dual norm",
    "gamma_s": "multiplier of the input's norm",
    "mu": "curvature, the multiplier of the hidden norm",
    "p_min": "smallest overlap",
}


def grouped(number: str, width: int) -> list[str]:
    """A decimal on lines of at most ``width`` characters: as it is if it fits, else in groups of ten digits.

    >>> grouped("3.14159", 20), grouped("3.14159265358979323846264", 24)
    (['3.14159'], ['3.1415926535 8979323846', '  264'])
    """
    if len(number) <= width:
        return [number]
    head, point, rest = number.partition(".")
    digits, exponent = re.fullmatch(r"(\d*)(.*)", rest).groups()  # type: ignore[union-attr]
    start = head + point
    groups = [digits[i : i + GROUP] for i in range(0, len(digits), GROUP)]
    room = max(1, (width - len(start) + 1) // (GROUP + 1))
    lines = [" ".join(groups[i : i + room]) for i in range(0, len(groups), room)] or [""]
    lines = [(start if i == 0 else " " * len(start)) + line for i, line in enumerate(lines)]
    if exponent and len(lines[-1]) + len(exponent) > width:
        lines.append(" " * len(start))
    lines[-1] += exponent
    return lines


def entry(name: str, value: str, width: int, note: str = "", sign: str = "=") -> list[str]:
    """The lines of one named value; a note stands behind it where there is room, and else below.

    >>> print(*entry("nu", "0.39", 60, "multiplier of the count"), sep="\\n")
    nu         = 0.39   (multiplier of the count)
    """
    start = f"{name:<{NAME_WIDTH}} {sign} "
    numeric = re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", value)
    room = max(width - len(start), 20)
    lines = grouped(value, room) if numeric else textwrap.wrap(value, room, break_long_words=False) or [""]
    if note and len(lines[-1]) + len(note) + 5 <= room:
        lines[-1] += f"   ({note})"
    elif note:
        lines.append(f"({note})")
    return [start + lines[0], *(" " * len(start) + line for line in lines[1:])]


def parameter_lines(parameters: Mapping[str, str], width: int) -> list[str]:
    """The parameters of a result with their meanings, each meaning where it comes first."""
    lines, told = [], set()
    for name, value in parameters.items():
        bare = name.rpartition(".")[2]
        family = bare if bare in MEANINGS else bare.partition("_")[0]
        note = "" if family in told else MEANINGS.get(family, "")
        told.add(family)
        lines += entry(name, value, width, note)
    return lines


def sentence(text: str, width: int) -> list[str]:
    """A sentence in lines, and an empty line after it."""
    return [*textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False), ""]
