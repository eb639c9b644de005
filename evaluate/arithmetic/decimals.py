"""Numbers in and out: exact reading of user input, and decimals that show only known digits."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from flrdt.derive.core.formulas import InputError

__all__ = ["InputError", "known_digits", "parse_digits", "parse_number"]

MAX_DIGITS = 100_000


_NUMBER = re.compile(r"\s*([+-]?)(\d{1,400})(?:\.(\d{0,100000}))?(?:[eE]([+-]?\d{1,4}))?\s*(?:/\s*(\d{1,400})\s*)?")


def parse_number(text: Any, name: str, positive: bool = False) -> Fraction:
    """Read a decimal or fraction exactly; raises :class:`InputError` for anything else, nan and inf included.

    >>> parse_number("0.1", "alpha"), parse_number("7/2", "alpha")
    (Fraction(1, 10), Fraction(7, 2))
    """
    if isinstance(text, (int, Fraction)) and not isinstance(text, bool):
        value = Fraction(text)
    elif isinstance(text, float):
        raise InputError(
            f"{name} {text!r} is a float: give an exact number, for example '{text}' as text or a fraction"
        )
    else:
        match = _NUMBER.fullmatch(str(text))
        if match is None or (match[5] and (match[3] is not None or match[4])) or (match[5] and int(match[5]) == 0):
            raise InputError(f"{name} {str(text)!r} is not a number: use a decimal like 6.7 or a fraction like 67/10")
        value = Fraction(int(match[2])) if not match[3] else Fraction(int(match[2] + match[3]), 10 ** len(match[3]))
        value = value * Fraction(10) ** int(match[4] or 0) / int(match[5] or 1)
        value = -value if match[1] == "-" else value
    if positive and value <= 0:
        raise InputError(f"{name} {text} must be positive")
    return value


def parse_digits(value: Any) -> int:
    """A number of digits from 1 to 100000; raises :class:`InputError`."""
    text = str(value).strip()
    if not re.fullmatch(r"[+-]?\d{1,9}", text) or not 1 <= int(text) <= MAX_DIGITS:
        raise InputError(f"digits {value!r}: use an integer from 1 to {MAX_DIGITS}")
    return int(text)


def known_digits(value: Any, error: Any, most: int | None = None) -> str:
    """The decimal of an mpf with only the digits that its error leaves known (at most ``most`` significant ones).

    The last digit printed is the rounding of the true value unless that lies within the error of a rounding boundary.

    >>> from mpmath import mpf
    >>> known_digits(mpf("1.23456"), mpf("1e-4"))
    '1.235'
    """
    from mpmath import floor, log10, mp, mpf, nstr

    if value == 0:
        return "0"
    known = mp.dps if error == 0 else int(floor(log10(abs(value)) - log10(mpf(error))))
    digits = max(1, known if most is None else min(known, most))
    with mp.workdps(max(mp.dps, digits + 5)):
        return nstr(value, digits, strip_zeros=False, min_fixed=-8, max_fixed=digits).removesuffix(".")
