"""Both sides of the capacity of one layer: an interval whose ends are theorems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..arithmetic.decimals import InputError, parse_digits
from ..results.capacity import Capacity, capacity
from ..results.chain import Requirement
from ..results.door import is_single
from ..solve.point import CertifyError
from .lower_bound import LowerCapacity, lower_capacity
from .outward_rounding import midpoint

__all__ = ["Bracket", "bracket"]

UPPER_LEVELS = ("2p", "1")  # the levels whose values are theorems, the better one first


@dataclass(frozen=True)
class Bracket:
    """``lower`` and ``upper``, each with what proves it; ``low`` and ``high`` are their decimals, rounded outwards."""

    lower: LowerCapacity
    upper: Capacity
    low: str
    high: str

    def to_json(self) -> dict[str, Any]:
        """One object: the interval, and both ends with their parameters."""
        upper = self.upper.to_json() | {"side": "upper", "proved_by": _proof(self.upper)}
        return {"interval": [self.low, self.high], "lower": self.lower.to_json(), "upper": upper}


def _proof(upper: Capacity) -> str:
    how = "Gordon's comparison inequality" + (" in exponential form" if upper.level == "2p" else "")
    if upper.error_kind != "enclosure":
        how += " (the digits are estimated, not enclosed)"
    return f"{how}, level {upper.level}"


def bracket(
    digits: int | str = 30,
    *,
    gate: str = "relu",
    radius: Fraction | int | str = 1,
    depth: int | str | None = None,
    widths: Sequence[Any] = (),
    notion: str = "weak",
    budget: Any = None,
    first_level: Any = None,
    report: Callable[[str], None] = lambda _: None,
) -> Bracket:
    """The interval in which the capacity of one layer lies, with what proves each end.

    The upper end is the partially lifted value (the plain one where partial lifting does not help), the lower end
    the convex program's. Raises InputError for a gate that has no lower bound, see ``lower_capacity``.

    >>> found = bracket(6)
    >>> found.low, found.high
    ('4.71668', '7.44864')
    """
    places = parse_digits(digits)
    if not is_single(depth, widths, first_level):
        raise InputError(
            "an interval between two theorems is offered for one layer: leave out depth, widths, first level"
        )
    required = Requirement.parse(notion, budget).of(1, 1)
    lower = lower_capacity(places, gate=gate, radius=radius, budget=required, report=report)
    upper = _upper(places, gate, radius, required, report)
    low = _rounded(midpoint(lower.alpha) - midpoint(lower.alpha.rad()), places, up=False)
    high = _rounded(_exact(upper.alpha) + _exact(upper.alpha_error), places, up=True)
    return Bracket(lower, upper, low, high)


def _upper(places: int, gate: str, radius: Any, budget: Any, report: Callable[[str], None]) -> Capacity:
    """The best value that is a theorem for this gate, enclosed where the gate has a proof of its digits."""
    for level in UPPER_LEVELS:
        found = capacity(level, places, gate=gate, radius=radius, budget=budget, report=report)
        if found.status.startswith("rigorous"):
            return found
    raise CertifyError("no level proves an upper bound for this gate")


def _exact(number: Any) -> Fraction:
    sign, mantissa, exponent, _ = number._mpf_
    return (-1) ** sign * Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _rounded(value: Fraction, digits: int, up: bool) -> str:
    """So many significant digits, rounded away from the interval's inside."""
    whole = len(str(int(value))) if value >= 1 else 0
    scale = 10 ** max(0, digits - whole)
    count = -((-value * scale) // 1) if up else (value * scale) // 1
    places = len(str(scale)) - 1
    text = str(int(count)).rjust(places + 1, "0")
    return f"{text[:-places]}.{text[-places:]}" if places else text
