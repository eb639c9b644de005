"""Intervals with slopes: what a written expression can be on a whole box, and how fast it can change there.

Ends are exact numbers, rounded outwards by ball arithmetic, so that an edge of a domain such as ``sqrt(x)`` at 0 stays an edge.
Monotone functions are enclosed by their values at the ends.  Next to a kink (``Abs``, ``Min``, ``Max``) the slope is the
hull of both sides; next to a jump, and where an operation may have no value, nothing is known, which proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flint import arb, fmpq

from ..arithmetic.backends import CIRCULAR, truth

__all__ = ["Enclosure", "IntervalBackend", "point_of", "variables"]

Ends = tuple[Any, Any]
ZERO: Ends = (arb(0), arb(0))
ONE: Ends = (arb(1), arb(1))


def _sum(a: Ends | None, b: Ends | None) -> Ends | None:
    if a is None or b is None:
        return None
    if a is ZERO:
        return b
    if b is ZERO:
        return a
    return (a[0] + b[0]).lower(), (a[1] + b[1]).upper()


def _negative(a: Ends | None) -> Ends | None:
    return a if a is None or a is ZERO else (-a[1], -a[0])


def _product(a: Ends | None, b: Ends | None) -> Ends | None:
    if a is ZERO or b is ZERO:
        return ZERO if a is not None and b is not None else None
    if a is None or b is None:
        return None
    (p, q), (r, s) = a, b
    if p >= 0:
        if r >= 0:
            return (p * r).lower(), (q * s).upper()
        if s <= 0:
            return (q * r).lower(), (p * s).upper()
        return (q * r).lower(), (q * s).upper()
    if q <= 0:
        if r >= 0:
            return (p * s).lower(), (q * r).upper()
        if s <= 0:
            return (q * s).lower(), (p * r).upper()
        return (p * s).lower(), (p * r).upper()
    if r >= 0:
        return (p * s).lower(), (q * s).upper()
    if s <= 0:
        return (q * r).lower(), (p * r).upper()
    low, other = (p * s).lower(), (q * r).lower()
    high, another = (p * r).upper(), (q * s).upper()
    return (low if low <= other else other), (high if high >= another else another)


def _inverse(a: Ends | None) -> Ends | None:
    if a is None or not (a[0] > 0 or a[1] < 0):
        return None
    return (1 / a[1]).lower(), (1 / a[0]).upper()


def _hull(a: Ends | None, b: Ends | None) -> Ends | None:
    if a is None or b is None:
        return None
    return (a[0] if a[0] <= b[0] else b[0]), (a[1] if a[1] >= b[1] else b[1])


def _integer_power(a: Ends | None, n: int) -> Ends | None:
    if a is None:
        return None
    if n == 0:
        return ONE
    (p, q) = a
    if n % 2 == 0 and p < 0:
        p, q = (arb(0), -p if -p >= q else q) if q > 0 else (-q, -p)
    low, high = (p**n if p != 0 else p), (q**n if q != 0 else q)
    return _finite(low.lower(), high.upper())


def _finite(low: Any, high: Any) -> Ends | None:
    return (low, high) if low.is_finite() and high.is_finite() and low <= high else None


class Enclosure:
    """Ends of a value on a box (``None`` if nothing is known) and of its slope in every variable."""

    __slots__ = ("ends", "slopes")

    def __init__(self, ends: Ends | None, slopes: tuple[Ends | None, ...] = ()) -> None:
        self.ends = ends
        self.slopes = slopes

    @classmethod
    def of(cls, value: Any, like: Enclosure | None = None) -> Enclosure:
        """A constant."""
        if isinstance(value, Enclosure):
            return value
        ball = arb(value)
        return cls(_finite(ball.lower(), ball.upper()), ())

    def _joined(self, other: Enclosure, rule: Callable[[Ends | None, Ends | None], Ends | None]) -> tuple:
        count = max(len(self.slopes), len(other.slopes))
        mine = self.slopes or (ZERO,) * count
        theirs = other.slopes or (ZERO,) * count
        return tuple(map(rule, mine, theirs))

    def _chained(self, ends: Ends | None, slope: Callable[[], Ends | None]) -> Enclosure:
        """The value of a function of this value, and its slope there."""
        if ends is None:
            return Enclosure(None, (None,) * len(self.slopes))
        if not self.slopes:
            return Enclosure(ends)
        rate = slope()
        return Enclosure(ends, tuple(_product(rate, s) if s is not ZERO else ZERO for s in self.slopes))

    def __add__(self, other: Any) -> Enclosure:
        other = Enclosure.of(other)
        return Enclosure(_sum(self.ends, other.ends), self._joined(other, _sum))

    __radd__ = __add__

    def __neg__(self) -> Enclosure:
        return Enclosure(_negative(self.ends), tuple(map(_negative, self.slopes)))

    def __sub__(self, other: Any) -> Enclosure:
        return self + -Enclosure.of(other)

    def __rsub__(self, other: Any) -> Enclosure:
        return Enclosure.of(other) + -self

    def __mul__(self, other: Any) -> Enclosure:
        other = Enclosure.of(other)
        a, b = self.ends, other.ends
        slopes = self._joined(other, lambda s, t: _sum(_product(a, t), _product(b, s)))
        return Enclosure(_product(a, b), slopes)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Enclosure:
        return self * Enclosure.of(other).inverse()

    def __rtruediv__(self, other: Any) -> Enclosure:
        return Enclosure.of(other) * self.inverse()

    def inverse(self) -> Enclosure:
        ends = _inverse(self.ends)
        return self._chained(ends, lambda: _negative(_integer_power(ends, 2)))

    # what is certain on the whole box
    def __gt__(self, other: Any) -> bool:
        return self.ends is not None and bool(self.ends[0] > other)

    def __ge__(self, other: Any) -> bool:
        return self.ends is not None and bool(self.ends[0] >= other)

    def __lt__(self, other: Any) -> bool:
        return self.ends is not None and bool(self.ends[1] < other)

    def __le__(self, other: Any) -> bool:
        return self.ends is not None and bool(self.ends[1] <= other)


def _rising(name: str) -> Callable[[Ends | None], Ends | None]:
    method = getattr(arb, name)
    return lambda a: None if a is None else _finite(method(a[0]).lower(), method(a[1]).upper())


def _exponential(a: Ends | None) -> Ends | None:
    found = _rising("exp")(a)
    return found if found is None or found[0] >= 0 else (arb(0), found[1])


def _square_root(a: Ends | None) -> Ends | None:
    """The root of what is not negative: that there is one everywhere is shown before, see ``proofs.conditions``."""
    if a is None or a[1] < 0:
        return None
    return _rising("sqrt")(a if a[0] >= 0 else (arb(0), a[1]))


def _exp(a: Any) -> Enclosure:
    a = Enclosure.of(a)
    ends = _exponential(a.ends)
    return a._chained(ends, lambda: ends)


def _log(a: Any) -> Enclosure:
    a = Enclosure.of(a)
    ends = _rising("log")(a.ends) if a > 0 else None
    return a._chained(ends, lambda: _inverse(a.ends))


def _sqrt(a: Any) -> Enclosure:
    a = Enclosure.of(a)
    ends = _square_root(a.ends)
    return a._chained(ends, lambda: _inverse(_sum(ends, ends)))


def _bell(a: Ends | None) -> Ends | None:
    """``2 exp(-a**2)/sqrt(pi)``."""
    factor = 2 / arb.pi().sqrt()
    return _product(_exponential(_negative(_integer_power(a, 2))), (factor.lower(), factor.upper()))


def _erfc(a: Any) -> Enclosure:
    a = Enclosure.of(a)
    ends = None if a.ends is None else _finite(a.ends[1].erfc().lower(), a.ends[0].erfc().upper())
    return a._chained(ends, lambda: _negative(_bell(a.ends)))


def _erf(a: Any) -> Enclosure:
    a = Enclosure.of(a)
    return a._chained(_rising("erf")(a.ends), lambda: _bell(a.ends))


def _atan(a: Any) -> Enclosure:
    a = Enclosure.of(a)
    return a._chained(_rising("atan")(a.ends), lambda: _inverse(_sum(ONE, _integer_power(a.ends, 2))))


def _by_ball(name: str) -> Callable[[Any], Enclosure]:
    """Any other function, by the ball around the box; nothing is said of its slope."""
    method = getattr(arb, "lgamma" if name == "loggamma" else name)

    def call(a: Any) -> Enclosure:
        a = Enclosure.of(a)
        ball = None if a.ends is None else method(a.ends[0].union(a.ends[1]))
        return a._chained(None if ball is None else _finite(ball.lower(), ball.upper()), lambda: None)

    return call


def _power(a: Any, n: int) -> Enclosure:
    a = Enclosure.of(a)
    rate = lambda: ZERO if n == 0 else _product((arb(n), arb(n)), _integer_power(a.ends, n - 1))  # noqa: E731
    return a._chained(_integer_power(a.ends, n), rate)


def _absolute(a: Any) -> Enclosure:
    a = Enclosure.of(a)
    if a.ends is None or a >= 0:
        return a
    if a <= 0:
        return -a
    low, high = a.ends
    return a._chained((arb(0), -low if -low >= high else high), lambda: (arb(-1), arb(1)))


def _maximum(a: Any, b: Any) -> Enclosure:
    a, b = Enclosure.of(a), Enclosure.of(b)
    if a.ends is not None and b.ends is not None:
        if a.ends[0] >= b.ends[1]:
            return Enclosure(a.ends, a.slopes or (ZERO,) * len(b.slopes))
        if b.ends[0] >= a.ends[1]:
            return Enclosure(b.ends, b.slopes or (ZERO,) * len(a.slopes))
        (p, q), (r, s) = a.ends, b.ends
        ends: Ends | None = (p if p >= r else r), (q if q >= s else s)
    else:
        ends = None
    return Enclosure(ends, a._joined(b, _hull))


def _minimum(a: Any, b: Any) -> Enclosure:
    return -_maximum(-Enclosure.of(a), -Enclosure.of(b))


def _jump(below: int) -> Callable[[Any], Enclosure]:
    def call(a: Any) -> Enclosure:
        a = Enclosure.of(a)
        known = a > 0 or a < 0
        ends = None if a.ends is None else (arb(1 if a > 0 else below), arb(below if a < 0 else 1))
        return a._chained(ends, lambda: ZERO if known else None)

    return call


def _piecewise(*branches: tuple[Callable, Callable]) -> Enclosure:
    found: Enclosure | None = None
    for condition, value in branches:
        holds = truth(condition())
        if holds is False:
            continue
        here = Enclosure.of(value())
        if found is None:
            found = here
        else:  # there may be a jump between two branches
            found = Enclosure(_hull(found.ends, here.ends), found._joined(here, lambda s, t: None))
        if holds:
            return found
    return Enclosure(None)


def _constant(value: Callable[..., Any]) -> Callable[..., Enclosure]:
    return lambda *arguments: Enclosure.of(value(*arguments))


class IntervalBackend:
    """The functions that compiled expressions call, for enclosures on a box."""

    name = "interval"

    def functions(self) -> dict[str, Callable]:
        """The names that compiled expressions call."""
        others = ("erfinv", "gamma", "loggamma", *CIRCULAR)
        return {
            **{name: _by_ball(name) for name in others},
            "exp": _exp,
            "log": _log,
            "sqrt": _sqrt,
            "erfc": _erfc,
            "erf": _erf,
            "atan": _atan,
            "power": _power,
            "absolute": _absolute,
            "minimum": _minimum,
            "maximum": _maximum,
            "step": _jump(0),
            "sign": _jump(-1),
            "piecewise": _piecewise,
            "rational": _constant(lambda p, q: arb(fmpq(p, q))),
            "pi": _constant(arb.pi),
            "e": _constant(arb.const_e),
            "euler": _constant(arb.const_euler),
            "catalan": _constant(arb.const_catalan),
        }


def variables(cell: Sequence[tuple[Any, Any]], slopes: bool = True) -> list[Enclosure]:
    """The coordinates on a cell with rational ends."""
    found = []
    for i, (low, high) in enumerate(cell):
        ends = (
            arb(fmpq(int(low.numerator), int(low.denominator))).lower(),
            arb(fmpq(int(high.numerator), int(high.denominator))).upper(),
        )
        own = tuple(ONE if j == i else ZERO for j in range(len(cell))) if slopes else ()
        found.append(Enclosure(ends, own))
    return found


def point_of(cell: Sequence[tuple[Any, Any]]) -> list[Any]:
    """The middle of a cell."""
    return [(low + high) / 2 for low, high in cell]
