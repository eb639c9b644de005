"""Domains of the symbols: where formulas are sampled and where they are claimed to hold.

One place for all of it.  A domain maps a point of the unit cube, given by exact fractions, to exact rational values of the
symbols; the samplers of the verification and the strategies of the property tests both draw from the cube.  Cube
coordinates 0 and 1 are the edges: overlaps next to 1, next to each other (merged levels) and next to 0, lifting
parameters next to 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sympy import Expr, Integer, Rational, Symbol

from .formulas import InputError

__all__ = ["Chain", "Domain", "DomainError", "Range", "default_domain"]


class DomainError(InputError):
    """The domain is empty, or a symbol has none."""


@dataclass(frozen=True)
class Range:
    """``low <= symbol <= high``.

    >>> Range(Symbol("x", real=True), Integer(-1), Integer(3)).values([Fraction(1, 4)])
    {x: 0}
    """

    symbol: Symbol
    low: Expr
    high: Expr

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise DomainError(f"contradictory domain of {self.symbol}: {self.low} is greater than {self.high}")

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        return (self.symbol,)

    def values(self, units: Sequence[Fraction]) -> dict[Symbol, Expr]:
        return {self.symbol: self.low + (self.high - self.low) * _rational(units[0])}


@dataclass(frozen=True)
class Chain:
    """``first >= s_1``, and each further symbol a factor between ``least`` and ``most`` (both in (0, 1)) below the last.

    >>> p = [Symbol(f"p_{k}", positive=True) for k in (2, 3)]
    >>> Chain(p, (Rational(1, 10), Rational(9, 10)), (Rational(1, 2), Rational(3, 4))).values([Fraction(1), Fraction(0)])
    {p_2: 9/10, p_3: 9/20}
    """

    symbols: Sequence[Symbol]
    first: tuple[Expr, Expr]
    ratio: tuple[Expr, Expr]

    def values(self, units: Sequence[Fraction]) -> dict[Symbol, Expr]:
        found: dict[Symbol, Expr] = {}
        value: Expr = Integer(1)
        for i, (symbol, unit) in enumerate(zip(self.symbols, units, strict=True)):
            low, high = self.ratio if i else self.first
            value = value * (low + (high - low) * _rational(unit))
            found[symbol] = value
        return found


@dataclass(frozen=True)
class Domain:
    """A product of ranges and chains."""

    parts: tuple[Range | Chain, ...]

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Every symbol that the domain gives a value."""
        return tuple(s for part in self.parts for s in part.symbols)

    @property
    def dimension(self) -> int:
        """Number of cube coordinates."""
        return len(self.symbols)

    def point(self, units: Sequence[Fraction]) -> dict[Symbol, Expr]:
        """The point of the domain with the given cube coordinates; exact."""
        if len(units) != self.dimension:
            raise ValueError(f"a point of this domain has {self.dimension} coordinates, not {len(units)}")
        values: dict[Symbol, Expr] = {}
        rest = list(units)
        for part in self.parts:
            count = len(part.symbols)
            values |= part.values(rest[:count])
            rest = rest[count:]
        return values

    def box(self) -> dict[Symbol, tuple[Expr, Expr]]:
        """Least and greatest value of every symbol."""
        low, high = (self.point([Fraction(end)] * self.dimension) for end in (0, 1))
        return {s: (low[s], high[s]) for s in self.symbols}

    def describe(self) -> str:
        """The domain in words.

        >>> default_domain([Symbol("chi", positive=True), Symbol("p_2", positive=True)]).describe()
        '1/50 <= chi <= 2, 1/1000 <= p_2 <= 999/1000'
        """
        return ", ".join(f"{low} <= {s} <= {high}" for s, (low, high) in self.box().items())


def _rational(unit: Fraction) -> Rational:
    return Rational(unit.numerator, unit.denominator)


EDGE = Rational(1, 1000)
"""How close a sample comes to the ends of an overlap's range and to a merged level."""

# ratios p_k/p_{k-1} and y_k/y_{k-1}; the first member starts from 1 for overlaps, from a range for lifting parameters
OVERLAP = (EDGE, 1 - EDGE)
LIFTING_FIRST = (EDGE, Integer(6))

RANGES: dict[str, tuple[Expr, Expr]] = {
    "x": (Integer(-8), Integer(8)),
    "h": (Integer(-8), Integer(8)),
    "z": (Integer(-4), Integer(4)),
    "t": (Integer(-2), Integer(2)),
    "a": (Rational(-2), Rational(2, 5)),
    "k": (EDGE, Integer(4)),
    "D": (Rational(1, 50), Integer(1)),
    "d": (Rational(1, 50), Integer(1)),
    "y": (EDGE, Integer(6)),
    "c": (EDGE, Integer(6)),
    "chi": (Rational(1, 50), Integer(2)),
    "nu": (Rational(1, 10), Integer(2)),
    "gamma_s": (Rational(1, 4), Integer(5)),
    "gamma_p": (Rational(1, 40), Rational(1, 2)),
    "alpha": (Rational(5, 2), Integer(12)),
    "budget": (Rational(1, 2), Integer(2)),
    "lambda": (Rational(1, 4), Integer(4)),
    "Lambda": (Rational(1, 50), Integer(4)),
    "Theta": (Rational(1, 4), Integer(50)),
}


def default_domain(symbols: Iterable[Symbol], override: Mapping[str, tuple[Expr, Expr]] | None = None) -> Domain:
    """The domain of the theory's symbols, known by their names.

    Overlaps ``p_k``, ``q_k`` decrease from 1, lifting parameters ``c_k``, ``y_k`` decrease to 0; the others are ranges.
    ``override`` maps a name to a range, or a family letter (``"p"``) to the range of its ratios.  Raises
    :class:`DomainError` for a symbol that has neither.
    """
    given = dict(override or {})
    families: dict[str, list[tuple[int, Symbol]]] = {}
    parts: list[Range | Chain] = []
    for symbol in sorted(set(symbols), key=str):
        name = symbol.name
        member = re.fullmatch(r"([pqcy])_(\d+)", name)
        base = re.fullmatch(r"(Lambda|Theta)_\d+", name)
        if name in given:
            parts.append(Range(symbol, *given[name]))
        elif member:
            families.setdefault(member[1], []).append((int(member[2]), symbol))
        elif name in RANGES or base:
            parts.append(Range(symbol, *RANGES[base[1] if base else name]))
        else:
            raise DomainError(f"symbol {name} has no domain: give its range")
    for letter, members in sorted(families.items()):
        ratio = given.get(letter, OVERLAP)
        first = ratio if letter in "pq" else LIFTING_FIRST
        parts.append(Chain(tuple(s for _, s in sorted(members)), first, ratio))
    return Domain(tuple(parts))
