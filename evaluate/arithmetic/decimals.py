"""Numbers in and out: exact reading of user input, and decimals that show only known digits."""

from __future__ import annotations

from typing import Any

from flrdt.derive.core.exact_numbers import parse_count, parse_number
from flrdt.derive.core.formulas import InputError

__all__ = ["InputError", "error_text", "known_digits", "parse_digits", "parse_number"]

MAX_DIGITS = 100_000


def parse_digits(value: Any) -> int:
    """A number of digits from 1 to 100000; raises :class:`InputError`."""
    return parse_count(value, "digits", 1, MAX_DIGITS)


def error_text(error: Any) -> str:
    """An error figure in two significant digits, rounded up, so that it is still one.

    >>> from mpmath import mpf
    >>> error_text(mpf("1.201e-9")), error_text(mpf("9.99e-9")), error_text(mpf(0))
    ('1.3e-9', '1.0e-8', '0')
    """
    from mpmath import ceil, fdiv, floor, isfinite, log10, mp, mpf, nstr

    if not error:
        return "0"
    if not isfinite(error):
        return nstr(error, 2)
    with mp.workdps(30):
        unit = mpf(10) ** (floor(log10(error)) - 1)
        return nstr(ceil(fdiv(error, unit, rounding="u")) * unit, 2)


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
