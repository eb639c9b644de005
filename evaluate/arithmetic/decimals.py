"""Numbers in and out: exact reading of user input, and decimals that show only known digits."""

from __future__ import annotations

from typing import Any

from flrdt.derive.core.exact_numbers import parse_count, parse_number
from flrdt.derive.core.formulas import InputError

__all__ = ["InputError", "known_digits", "parse_digits", "parse_number"]

MAX_DIGITS = 100_000


def parse_digits(value: Any) -> int:
    """A number of digits from 1 to 100000; raises :class:`InputError`."""
    return parse_count(value, "digits", 1, MAX_DIGITS)


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
