"""The one reader of numbers: every number that a person or a file writes is read here, exactly, or refused with the reason."""

from __future__ import annotations

import re
from fractions import Fraction
from operator import index
from typing import Any

from .formulas import InputError

__all__ = ["parse_count", "parse_number"]

#: Digits before the point, and of a numerator or denominator.
MOST_WHOLE = 400

#: Positive quantities lie between this and its inverse: the range of the floats that solvers start from.
SMALLEST = Fraction(1, 10**300)

_NUMBER = re.compile(
    r"([+-]?)(?:([0-9]+)(?:\.([0-9]{0,100000}))?|\.([0-9]{1,100000}))(?:[eE]([+-]?[0-9]{1,4}))?|([+-]?[0-9]+)\s*/\s*([0-9]+)"
)

#: What people write that is no number here, and what would be right; the first pattern that is found decides.
_HINTS = (
    (r"^$", "it is empty"),
    (r"(?i)^[+-]?(nan|na|n/a|null|none|-+|\?+)$", "a missing value is no number"),
    (r"(?i)^[+-]?(inf|infinity|oo|∞)$", "it has to be finite"),
    (r"[−–—]", "write - for the minus"),
    (r"_", "write the digits without _"),
    (r"\d,\d", "write a point for the decimals and nothing between thousands"),
    (r"/\s*0+$", "the denominator is zero"),
    (r"^\s*[+-]?\d+\s+\d", "write the digits without spaces"),
    (r"(?i)[0-9.][ed][+-]?\d{5,}$", "the exponent has at most four digits"),
    (r"(?i)^[+-]?0[xob]", "write it in decimal digits"),
    (r"%|°|[a-zA-Z]$", "write the number alone, without a unit"),
)


def parse_number(text: Any, name: str, positive: bool = False) -> Fraction:
    """Read a decimal (``6.7``, ``.5``, ``5.``, ``1e-3``) or a fraction (``67/10``) exactly.

    Raises :class:`~flrdt.derive.core.formulas.InputError` for anything else, nan and inf included, with the reason where
    it is a known one.  Python's floats are refused, because they are not the decimals that they were written as.

    >>> parse_number("0.1", "alpha"), parse_number("7/2", "alpha"), parse_number(".5", "alpha")
    (Fraction(1, 10), Fraction(7, 2), Fraction(1, 2))
    """
    if isinstance(text, Fraction):
        value = text
    elif not isinstance(text, (bool, str)) and hasattr(text, "__index__"):
        value = Fraction(index(text))
    elif isinstance(text, float):
        raise InputError(
            f"{name} {text!r} is a float: give an exact number, for example '{text}' as text or a fraction"
        )
    else:
        value = _read(str(text).strip(), name)
    if positive and value <= 0:
        raise InputError(f"{name} {_short(str(text))[1:-1]} must be positive")
    if positive and not SMALLEST <= value <= 1 / SMALLEST:
        raise InputError(f"{name} {_short(str(text))} is out of range: use a number from 1e-300 to 1e300")
    return value


def parse_count(value: Any, name: str, least: int = 1, most: int | None = None) -> int:
    """Read an integer in a range, from text or from an integer of any kind; raises ``InputError``.

    >>> parse_count("12", "depth"), parse_count(3, "depth")
    (12, 3)
    """
    number = None
    if isinstance(value, str):
        if re.fullmatch(r"\+?[0-9]{1,18}", value.strip()):
            number = int(value)
    elif not isinstance(value, bool) and hasattr(value, "__index__"):
        number = index(value)
    if number is None or number < least or (most is not None and number > most):
        written = repr(value) if number is None else str(number) if number.bit_length() < 99 else "of that size"
        written = value if isinstance(value, str) else written
        span = f"from {least} on" if most is None else f"from {least} to {most}"
        raise InputError(f"{name} {_short(str(written))}: use an integer {span}")
    return number


def _read(text: str, name: str) -> Fraction:
    match = _NUMBER.fullmatch(text)
    if match is None or (match[7] is not None and not match[7].strip("0")):
        raise InputError(f"{name} {_short(text)} is not a number{_hint(text)}")
    sign, whole, decimals, alone, exponent, numerator, denominator = match.groups(default="")
    if max(len(whole), len(numerator), len(denominator)) > MOST_WHOLE:
        raise InputError(
            f"{name} {_short(text)} is not a number (more than {MOST_WHOLE} digits): write it with an exponent"
        )
    if denominator:
        return Fraction(int(numerator), int(denominator))
    digits = decimals + alone
    value = Fraction(_integer((whole + digits) or "0"), 10 ** len(digits)) * Fraction(10) ** int(exponent or 0)
    return -value if sign == "-" else value


def _integer(digits: str) -> int:
    """``int`` for more digits than Python converts at once."""
    if len(digits) <= 4000:
        return int(digits)
    half = len(digits) // 2
    return _integer(digits[:-half]) * 10**half + _integer(digits[-half:])


def _short(text: str) -> str:
    return repr(text) if len(text) <= 40 else f"{text[:25]!r}..."


def _hint(text: str) -> str:
    for pattern, reason in _HINTS:
        if len(text) <= 1000 and re.search(pattern, text):
            return f" ({reason}): use a decimal like 6.7 or a fraction like 67/10"
    return ": use a decimal like 6.7 or a fraction like 67/10"
