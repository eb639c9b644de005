"""What both kinds of certificate share when they are written: exact midpoints, outward rounding, the text of the file."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

from flint import arb

__all__ = ["certificate_text", "midpoint", "outwards", "rounded_up"]


def certificate_text(certificate: dict[str, Any]) -> str:
    """The certificate as the plain text of its file."""
    return json.dumps(certificate, indent=2) + "\n"


def midpoint(number: arb) -> Fraction:
    """The midpoint of a ball, exactly."""
    mantissa, exponent = number.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def outwards(enclosure: arb) -> tuple[Fraction, Fraction]:
    """Decimal bounds of a ball that is widened to twice its radius."""
    middle, radius = midpoint(enclosure), 2 * midpoint(enclosure.rad())
    places = max(6, 2 - math.floor(math.log10(radius)))
    lower = Fraction(math.floor((middle - radius) * 10**places), 10**places)
    return lower, Fraction(math.ceil((middle + radius) * 10**places), 10**places)


def rounded_up(value: Fraction, digits: int) -> Fraction:
    """A decimal with so many places that is above the value, by a tenth of the last place at least."""
    return Fraction(math.ceil(value * 10**digits + Fraction(1, 10)), 10**digits)
