"""Domains of the symbols: where formulas are sampled and where they are claimed to hold.

One place for all of it.  A domain maps a point of the unit cube, given by exact fractions, to exact rational values of the
symbols; the samplers of the verification and the strategies of the property tests both draw points of the cube.  Cube
coordinates 0 and 1 are the edges: overlaps next to 1, next to each other (merged levels) and next to 0, lifting
parameters next to 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sympy import Expr, Integer, Rational, Symbol, floor

from .formulas import InputError

__all__ = ["Below", "Chain", "Domain", "DomainError", "Range", "Share", "default_domain"]


EDGE = Rational(1, 1000)
"""How close a sample comes to the ends of an overlap's range and to a merged level."""


class DomainError(InputError):
    """The domain is empty, or a symbol has none."""


@dataclass(frozen=True)
class Range:
    """``low <= symbol <= high``.

    >>> Range(Symbol("x", real=True), Integer(-1), Integer(3)).values([Fraction(1, 4)], {})
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

    def values(self, units: Sequence[Fraction], known: Mapping[Symbol, Expr]) -> dict[Symbol, Expr]:
        return {self.symbol: self.low + (self.high - self.low) * _rational(units[0])}


LEAST_SHARE, MOST_SHARE = Rational(1, 1000), Rational(3, 5)


@dataclass(frozen=True)
class Below:
    """A condition ``symbol < bound`` on every one of some bounds, in other symbols of the domain.

    A share from ``least`` to ``most`` of the smallest bound is sampled: a lifting parameter up to where its exponential
    moment diverges.
    """

    bounds: tuple[Expr, ...]
    least: Rational = LEAST_SHARE
    most: Rational = MOST_SHARE


@dataclass(frozen=True)
class Share:
    """A symbol between two shares of its smallest bound, which the symbols of earlier parts fix.

    >>> x, y = Symbol("x", positive=True), Symbol("y", positive=True)
    >>> Share(y, Below((x / 3,))).values([Fraction(1)], {x: Integer(20)})
    {y: 4}
    """

    symbol: Symbol
    below: Below

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        return (self.symbol,)

    def values(self, units: Sequence[Fraction], known: Mapping[Symbol, Expr]) -> dict[Symbol, Expr]:
        low, high = self.below.least, self.below.most
        share = low + (high - low) * _rational(units[0])
        # rounded down to thousandths of a thousandth: bounds are algebraic, values are rational
        return {self.symbol: min(Rational(floor(share * b.subs(known) * MESH), MESH) for b in self.below.bounds)}


@dataclass(frozen=True)
class Chain:
    """``first >= s_1``, and each further symbol a factor between ``least`` and ``most`` (both in (0, 1)) below the last.

    >>> p = [Symbol(f"p_{k}", positive=True) for k in (2, 3)]
    >>> Chain(p, (Rational(1, 10), Rational(9, 10)), (Rational(1, 2), Rational(3, 4))).values([Fraction(1), Fraction(0)], {})
    {p_2: 9/10, p_3: 9/20}
    """

    symbols: Sequence[Symbol]
    first: tuple[Expr, Expr]
    ratio: tuple[Expr, Expr]

    def values(self, units: Sequence[Fraction], known: Mapping[Symbol, Expr]) -> dict[Symbol, Expr]:
        found: dict[Symbol, Expr] = {}
        value: Expr = Integer(1)
        for i, (symbol, unit) in enumerate(zip(self.symbols, units, strict=True)):
            low, high = self.ratio if i else self.first
            value = value * (low + (high - low) * _rational(unit))
            found[symbol] = value
        return found


@dataclass(frozen=True)
class Domain:
    """A product of ranges and chains, and of shares of bounds that depend on the symbols of earlier parts."""

    parts: tuple[Range | Chain | Share, ...]

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
            values |= part.values(rest[:count], values)
            rest = rest[count:]
        return values

    @property
    def conditioned(self) -> tuple[Share, ...]:
        """The parts whose range depends on other symbols."""
        return tuple(part for part in self.parts if isinstance(part, Share))

    def box(self) -> dict[Symbol, tuple[Expr, Expr]]:
        """Least and greatest value of every symbol; raises :class:`DomainError` if one depends on other symbols."""
        if self.conditioned:
            raise DomainError(f"the range of {self.conditioned[0].symbol} depends on other symbols")
        low, high = (self.point([Fraction(end)] * self.dimension) for end in (0, 1))
        return {s: (low[s], high[s]) for s in self.symbols}

    def describe(self) -> str:
        """The domain in words.

        >>> default_domain([Symbol("chi", positive=True), Symbol("p_2", positive=True)]).describe()
        '1/50 <= chi <= 2, 1/1000 <= p_2 <= 999/1000'
        """
        free = Domain(tuple(part for part in self.parts if not isinstance(part, Share)))
        words = [f"{low} <= {s} <= {high}" for s, (low, high) in free.box().items()]
        words += [f"0 < {part.symbol} <= {part.below.most} of its least upper bound" for part in self.conditioned]
        return ", ".join(words)


def _rational(unit: Fraction) -> Rational:
    return Rational(unit.numerator, unit.denominator)


# ratios p_k/p_{k-1} and y_k/y_{k-1}; the first member starts from 1 for overlaps, from a range for lifting parameters
OVERLAP = (EDGE, 1 - EDGE)
LIFTING_FIRST = (EDGE, Integer(6))
# the first overlaps p^(i)_1, q^(i)_1 of a hidden layer are its squared norms, not 1
NORM = (Rational(1, 4), Integer(4))
MESH = 10**6

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
    # hidden layers: fields and slopes, the reduced parameters, forms of the angular integration
    "w": (Integer(-4), Integer(4)),
    "g": (Integer(-3), Integer(3)),
    "mu": (Rational(1, 10), Integer(4)),
    "kappa": (Rational(1, 10), Integer(4)),
    "tau": (Rational(1, 10), Integer(4)),
    "epsilon": (EDGE, Integer(2)),
    "p": (Rational(1, 4), Integer(4)),
    "q": (Rational(1, 4), Integer(4)),
    "T": (EDGE, Integer(6)),
    "A": (Rational(1, 4), Integer(2)),
    "B": (Rational(-1, 5), Rational(1, 5)),
    "C": (Rational(1, 4), Integer(2)),
}
# symbols of one layer of a deep network: chi^(1), p^(0)_2, alpha_3
LAYERED = re.compile(r"(chi|mu)\^\(\d+\)|(alpha)_\d+")
MEMBER = re.compile(r"([pqcy])(\^\(\d+\))?_(\d+)")


def default_domain(
    symbols: Iterable[Symbol], override: Mapping[str, tuple[Expr, Expr] | Below] | None = None
) -> Domain:
    """The domain of the theory's symbols, known by their names.

    Overlaps ``p_k``, ``q_k`` decrease from 1, those of a hidden layer ``p^(i)_k`` from their own first member, lifting
    parameters ``c_k``, ``y_k`` decrease to 0; the others are ranges.  ``override`` maps a name to a range or to a
    condition :class:`Below`, a family letter (``"p"``) to the range of its ratios, or ``"y first"`` to the range of the first
    member of a family.  Raises :class:`DomainError` for a symbol that has neither.
    """
    conditions = {name: own for name, own in (override or {}).items() if isinstance(own, Below)}
    given = {name: own for name, own in (override or {}).items() if not isinstance(own, Below)}
    families: dict[tuple[str, str], list[tuple[int, Symbol]]] = {}
    parts: list[Range | Chain | Share] = []
    conditioned: list[Share] = []
    wanted = set(symbols)
    # a bound has to have a value, whether or not the formula contains its symbols
    wanted |= {t for s in wanted if s.name in conditions for b in conditions[s.name].bounds for t in b.free_symbols}
    for symbol in sorted(wanted, key=str):
        name = symbol.name
        member = MEMBER.fullmatch(name)
        base = re.fullmatch(r"(Lambda|Theta)_\d+", name) or LAYERED.fullmatch(name)
        stem = next(filter(None, base.groups())) if base else name
        if name in conditions:
            conditioned.append(Share(symbol, conditions[name]))
        elif name in given:
            parts.append(Range(symbol, *given[name]))
        elif member:
            families.setdefault((member[1], member[2] or ""), []).append((int(member[3]), symbol))
        elif stem in RANGES:
            parts.append(Range(symbol, *given.get(stem, RANGES[stem])))
        else:
            raise DomainError(f"symbol {name} has no domain: give its range")
    for (letter, _), members in sorted(families.items()):
        members.sort(key=lambda member: member[0])
        ratio = given.get(letter, OVERLAP)
        if letter in "pq":
            first = NORM if members[0][0] == 1 else ratio
        else:
            first = LIFTING_FIRST
        first = given.get(f"{letter} first", first)
        parts.append(Chain(tuple(s for _, s in members), first, ratio))
    return Domain((*parts, *conditioned))
