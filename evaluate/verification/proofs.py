"""Proofs that need no sample: where a statement has a value, identities by normal form, inequalities by enclosures.

A statement is looked at as it was written.  First every logarithm, root and division in it has to be defined on the whole
domain, which is shown by enclosures that cover it, or refuted at a point.  Then an equation is proved by the normal form
of :mod:`~flrdt.evaluate.verification.identities`, and an inequality by bisection of the domain: a cell is settled by the
enclosure of the difference on it, by its value in the middle and its slopes (mean value form), or at an end that its slopes
lead to.  A cell on which nothing is known is never settled.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import count
from typing import Any

from sympy import (
    Add,
    Basic,
    Derivative,
    Dummy,
    E,
    Expr,
    Integer,
    Integral,
    Limit,
    Min,
    Mul,
    Piecewise,
    Pow,
    Rational,
    Subs,
    Symbol,
    acos,
    acosh,
    asin,
    atanh,
    erfinv,
    gamma,
    log,
    loggamma,
    tan,
)

from flrdt.derive.blocks.hidden_maximum import HiddenActivation, HiddenValue
from flrdt.derive.conditions.stationarity import TiltedExpectation
from flrdt.derive.core.domains import Chain, Domain, Range
from flrdt.derive.core.gaussian import Expectation
from flrdt.derive.core.maxima import Maximum
from flrdt.derive.networks.gates import MoreauEnvelope
from flrdt.derive.registry.entries import Comparison

from ..arithmetic.backends import backend
from ..arithmetic.compile import CompileError, compile_scalar
from .identities import PROBLEMS, difference, factors
from .intervals import Enclosure, IntervalBackend, point_of, variables

__all__ = ["Condition", "Finding", "closed", "conditions", "enclosed", "examine", "identical", "proved", "replaced"]

OPERATIONS = 120  # larger differences are left to the samples
CELLS = {0: 1, 1: 3000, 2: 3000, 3: 2000, 4: 500, 5: 200, 6: 100}
"""Cells of a bisection, by dimension: a box of more is not tried."""

BITS = 192
CONSTANT_BITS = (192, 1000, 4000)  # a statement without symbols is one point: it is decided there
SMALL = (Fraction(1, 2**30), Fraction(1, 2**60))  # of the box: cells in which a zero is looked for
ZEROS = 12  # exact zeros that one search looks for
SIMPLEST = 10**9  # denominators of points that are tried
FEW, MANY = 60, 300  # cells for a first look, and for the sign of a factor
# what only the samples evaluate
NUMERIC = (
    Expectation,
    TiltedExpectation,
    Integral,
    Limit,
    Piecewise,
    MoreauEnvelope,
    HiddenValue,
    HiddenActivation,
    Maximum,
)


def replaced(expr: Expr, mapping: Mapping[Basic, Basic]) -> Expr:
    """Put expressions in the place of others, leaving everything as it is written: nothing is evaluated."""
    if expr in mapping:
        return mapping[expr]  # type: ignore[return-value]
    if not expr.args:
        return expr
    arguments = [replaced(a, mapping) for a in expr.args]
    return expr if arguments == list(expr.args) else expr.func(*arguments, evaluate=False)


@lru_cache(maxsize=1024)
def closed(expr: Expr) -> Expr | None:
    """The expression without derivatives and substitutions, or ``None`` if only samples can evaluate it."""
    unfolded = expr.doit() if expr.has(Derivative, Subs) else expr
    return None if unfolded.has(*NUMERIC) else unfolded


# domains


@dataclass(frozen=True)
class Box:
    """Coordinates with rational ranges, and the symbols of a domain as expressions in them.

    ``within`` says that every point of the box is a point of the domain.
    """

    ranges: dict[Symbol, tuple[Fraction, Fraction]]
    symbols: dict[Symbol, Expr]
    within: bool = True

    @classmethod
    def of(cls, domain: Domain) -> Box:
        """A chain is the product of its factors, and a share of a bound lies between 0 and its greatest one."""
        ranges: dict[Symbol, tuple[Fraction, Fraction]] = {}
        symbols: dict[Symbol, Expr] = {}
        within = True
        for part in domain.parts:
            if isinstance(part, Range):
                ranges[part.symbol] = _fraction(part.low), _fraction(part.high)
            elif isinstance(part, Chain):
                value: Expr = Integer(1)
                for i, s in enumerate(part.symbols):
                    low, high = part.ratio if i else part.first
                    factor = Dummy(f"factor_{s}", positive=True) if len(part.symbols) > 1 else s
                    ranges[factor] = _fraction(low), _fraction(high)
                    value = factor if not i else Mul(value, factor, evaluate=False)
                    if factor is not s:
                        symbols[s] = value
            else:
                share = Dummy(f"share_{part.symbol}", positive=True)
                ranges[share] = Fraction(0), _fraction(part.below.most)
                bounds = [replaced(b, symbols) for b in part.below.bounds]
                bound = bounds[0] if len(bounds) == 1 else Min(*bounds, evaluate=False)
                symbols[part.symbol] = Mul(share, bound, evaluate=False)
                within = False
        return cls(ranges, symbols, within)

    def point(self, coordinates: Mapping[Symbol, Fraction]) -> dict[Symbol, Rational]:
        """The values of the domain's symbols; coordinates that do not matter are in the middle of their range."""
        values = {s: _rational(coordinates.get(s, (low + high) / 2)) for s, (low, high) in self.ranges.items()}
        return {s: v for s, v in values.items() if not isinstance(s, Dummy)} | {
            s: e.xreplace(values) for s, e in self.symbols.items()
        }


def _fraction(value: Any) -> Fraction:
    if not isinstance(value, Rational):
        raise CompileError(f"an end of a range is {value}, not a rational number")
    return Fraction(int(value.p), int(value.q))


def _rational(value: Fraction) -> Rational:
    return Rational(value.numerator, value.denominator)


# covering a box


@dataclass(frozen=True)
class Cover:
    """``holds`` on the whole box, or not at (or next to) ``point``, or ``None``: open in ``cell``."""

    holds: bool | None
    point: dict[Symbol, Fraction] | None = None
    cell: list[tuple[Fraction, Fraction]] | None = None
    exact: bool = True


class _Search:
    """Whether an expression is positive (or not negative, or defined) on a box."""

    def __init__(self, expr: Expr, box: Box, goal: str, cells: int | None = None) -> None:
        self.expr = replaced(expr, box.symbols)
        self.symbols = tuple(sorted(self.expr.free_symbols, key=str))
        self.box = [box.ranges[s] for s in self.symbols]
        self.goal = goal
        self.most = CELLS.get(len(self.box), 0)
        self.most = self.most if cells is None else min(cells, self.most)
        self.zeros = ZEROS
        self.function = compile_scalar([self.expr], self.symbols, IntervalBackend(), as_written=True)

    def value(self, cell: Sequence[tuple[Fraction, Fraction]], slopes: bool = True) -> Enclosure:
        return Enclosure.of(self.function(*variables(cell, slopes))[0])

    def settles(self, ends: Any) -> bool:
        if ends is None:
            return False
        return self.goal == "defined" or bool(ends[0] > 0 or (self.goal == "not negative" and ends[0] >= 0))

    def refutes(self, ends: Any) -> bool:
        if ends is None or self.goal == "defined":
            return False
        return bool(ends[1] < 0 or (self.goal == "positive" and ends[1] <= 0))

    def run(self) -> Cover:
        with backend("arb").precision(BITS):
            if not self.box:
                return self._constant()
            return self._bisect()

    def _constant(self) -> Cover:
        for bits in CONSTANT_BITS:
            with backend("arb").precision(bits):
                ends = self.value([]).ends
            if self.settles(ends) or self.refutes(ends):
                return Cover(self.settles(ends), {})
        zero = self.vanishes([])
        if zero and self.goal != "defined":
            return Cover(self.goal == "not negative", {})
        return Cover(None)

    def vanishes(self, point: Sequence[Fraction]) -> bool:
        """Whether the expression is exactly 0 at a point."""
        self.zeros -= 1
        if self.zeros < 0:
            return False
        values = dict(zip(self.symbols, map(_rational, point), strict=True))
        try:
            return difference(replaced(self.expr, values), Integer(0))[0] == 0
        except PROBLEMS:
            return False

    def _bisect(self) -> Cover:
        order = count()
        cells: list[Any] = [(0.0, next(order), self.box)]
        tried, looked = 0, 0
        worst = None
        while cells:
            _, _, cell = heapq.heappop(cells)
            tried += 1
            if tried > self.most:
                worst = cell
                break
            value = self.value(cell)
            if self.settles(value.ends):
                continue
            middle = point_of(cell)
            at = self.value([(m, m) for m in middle], slopes=False).ends
            if self.refutes(at):
                return self._refuted(middle)
            if self._settled_by_slopes(value, at, cell, middle):
                continue
            corner = self._monotone(value, cell)
            if isinstance(corner, list):
                return self._refuted(corner)
            if corner:
                continue
            shares = [(h - l) / (b - a) for (l, h), (a, b) in zip(cell, self.box, strict=True)]
            if looked < len(SMALL) and max(shares) < SMALL[looked]:
                looked += 1
                zero = self._simple_zero(cell)
                if zero is not None:
                    return self._refuted(zero)
            widest = max(range(len(cell)), key=shares.__getitem__)
            (low, high), half = cell[widest], middle[widest]
            key = float("-inf") if value.ends is None else float(value.ends[0])
            for part in ((low, half), (half, high)):
                heapq.heappush(cells, (key, next(order), [*cell[:widest], part, *cell[widest + 1 :]]))
        if worst is None:
            return Cover(True)
        self.zeros = 1
        zero = self._simple_zero(worst)
        return Cover(None, None, worst) if zero is None else self._refuted(zero)

    def _refuted(self, point: Sequence[Fraction]) -> Cover:
        return Cover(False, dict(zip(self.symbols, point, strict=True)))

    def _settled_by_slopes(self, value: Enclosure, at: Any, cell: Sequence, middle: Sequence[Fraction]) -> bool:
        """Mean value form."""
        slopes = [s for s in value.slopes if s is not None]
        if at is None or value.ends is None or self.goal == "defined" or len(slopes) != len(cell):
            return False
        from flint import arb, fmpq

        low = at[0]
        for (left, right), m, slope in zip(cell, middle, slopes, strict=True):
            reach = max(right - m, m - left)
            size = (-slope[0]).max(slope[1])
            low = (low - arb(fmpq(reach.numerator, reach.denominator)) * size.max(arb(0))).lower()
        return self.settles((low, None))

    def _monotone(self, value: Enclosure, cell: list[tuple[Fraction, Fraction]]) -> bool | list[Fraction]:
        """Follow slopes of one sign to the side of the cell where the expression is least: settled, or refuted there."""
        if self.goal == "defined" or value.ends is None:
            return False
        moved = list(cell)
        for _ in cell:
            before = list(moved)
            for i, slope in enumerate(value.slopes):
                low, high = moved[i]
                if slope is None or low == high:
                    continue
                if slope[0] >= 0:
                    moved[i] = (low, low)
                elif slope[1] <= 0:
                    moved[i] = (high, high)
            if moved == before:
                return False
            value = self.value(moved)
            if value.ends is None:
                return False
            if self.settles(value.ends):
                return True
            if all(low == high for low, high in moved):
                corner = [low for low, _ in moved]
                if self.refutes(value.ends):
                    return corner
                if self.vanishes(corner):
                    return True if self.goal == "not negative" else corner
                return False
        return False

    def _simple_zero(self, cell: Sequence[tuple[Fraction, Fraction]]) -> list[Fraction] | None:
        """The simplest rational point of a small cell, if the expression refutes the goal there."""
        if self.goal != "positive":
            return None
        point = [_simplest(low, high) for low, high in cell]
        if max(p.denominator for p in point) > SIMPLEST or not self.vanishes(point):
            return None
        return point


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the smallest denominator between two others.

    >>> _simplest(Fraction(333, 1000), Fraction(334, 1000))
    Fraction(1, 3)
    """
    if low <= 0 <= high:
        return Fraction(0)
    if high < 0:
        return -_simplest(-high, -low)
    whole = -(-low.numerator // low.denominator)
    if whole <= high:
        return Fraction(whole)
    below = whole - 1
    return below + 1 / _simplest(1 / (high - below), 1 / (low - below))


# where a statement has a value


@dataclass(frozen=True)
class Condition:
    """What an operation asks of its argument: ``goal`` is positive, not negative, not zero or defined."""

    expr: Expr
    goal: str
    what: str


def conditions(expressions: Iterable[Expr]) -> list[Condition]:
    """Every condition under which the operations of expressions have a real value, inner ones first.

    >>> from sympy.abc import x
    >>> [(c.expr, c.goal) for c in conditions([log(x)/(1 + x)])]
    [(x + 1, 'not zero'), (x, 'positive')]
    """
    found: dict[Condition, None] = {}
    seen: set[Basic] = set()

    def walk(e: Basic) -> None:
        if e in seen:
            return
        seen.add(e)
        for a in e.args:
            walk(a)
        for condition in _conditions_of(e):
            found[condition] = None

    for e in expressions:
        walk(e)
    return [
        c for c in found if not (isinstance(c.expr, Rational) and (c.expr > 0 or (c.expr < 0 and "zero" in c.goal)))
    ]


def _conditions_of(e: Basic) -> list[Condition]:
    def inside(slack: Integer, goal: str) -> list[Condition]:
        square = Mul(-1, Pow(a, 2, evaluate=False), evaluate=False)
        return [Condition(Add(slack, square, evaluate=False), goal, f"{type(e).__name__} outside its range")]

    a = e.args[0] if e.args else None
    if isinstance(e, log):
        return [Condition(a, "positive", "the logarithm of a number that is not positive")]
    if isinstance(e, (asin, acos)):
        return inside(Integer(1), "not negative")
    if isinstance(e, (atanh, erfinv)):
        return inside(Integer(1), "positive")
    if isinstance(e, acosh):
        return [Condition(Add(a, -1, evaluate=False), "not negative", "acosh below 1")]
    if isinstance(e, loggamma):
        return [Condition(a, "positive", "loggamma of a number that is not positive")]
    if isinstance(e, (gamma, tan)):
        return [Condition(e, "defined", "a pole")]
    if not isinstance(e, Pow) or a == E:
        return []
    power = e.args[1]
    if not isinstance(power, Rational) or power.q > 2:
        return [Condition(a, "positive", "a power of a number that is not positive")]
    if power.q == 2:
        if power > 0:
            return [Condition(a, "not negative", "the root of a negative number")]
        return [Condition(a, "positive", "division by the root of a number that is not positive")]
    if power > 0:
        return []
    return [Condition(a, "not zero", "division by zero" if power < 0 else "0**0")]


def _settled(condition: Condition, box: Box, most: int | None) -> Cover:
    """Whether a condition holds on the whole box; a point where it does not."""
    found = _searched(condition, box, FEW)
    if found.holds is None and condition.goal == "not zero":
        found = _factors_nonzero(condition, box)
    elif found.holds is None and condition.goal != "defined" and _holds_by_factors(condition.expr, condition.goal, box):
        return Cover(True)
    return _searched(condition, box, most) if found.holds is None and most != 0 else found


def _holds_by_factors(expr: Expr, goal: str, box: Box) -> bool:
    """Whether every factor of an expression has a sign, and the product the right one."""
    try:
        number, found = factors(replaced(expr, box.symbols))
    except PROBLEMS:
        return False
    weak = goal == "not negative"
    sign = 1 if number > 0 else -1
    for factor, power in found if number != 0 else ():
        if weak and power % 2 == 0:
            continue
        wanted = "not negative" if weak else "positive"
        own = next((s for s in (1, -1) if _Search(_signed(factor, s), box, wanted, MANY).run().holds), 0)
        if own == 0:
            return False
        sign *= own**power
    return (weak and number == 0) or (number != 0 and sign > 0)


def _factors_nonzero(condition: Condition, box: Box) -> Cover:
    """Whether no factor vanishes; a point where one does, though the product may not change its sign there."""
    try:
        _, found = factors(replaced(condition.expr, box.symbols))
    except PROBLEMS:
        return Cover(None)
    covers = [_searched(Condition(factor, condition.goal, condition.what), box, MANY) for factor, _ in found]
    refuted = next((c for c in covers if c.holds is False), None)
    return refuted or Cover(True if covers and all(c.holds for c in covers) else None)


def _signed(e: Expr, sign: int) -> Expr:
    return e if sign > 0 else Mul(-1, e, evaluate=False)


def _searched(condition: Condition, box: Box, most: int | None) -> Cover:
    if condition.goal != "not zero":
        return _Search(condition.expr, box, condition.goal, most).run()
    search = _Search(condition.expr, box, "positive", most)
    with backend("arb").precision(BITS):
        start, above = None, False
        for share in (Fraction(1, 2), Fraction(0), Fraction(1), Fraction(1, 3)):
            point = [low + share * (high - low) for low, high in search.box]
            ends = search.value([(p, p) for p in point], slopes=False).ends
            if ends is not None and (ends[0] > 0 or ends[1] < 0):
                start, above = point, bool(ends[0] > 0)
                break
            if search.vanishes(point):
                return Cover(False, dict(zip(search.symbols, point, strict=True)))
    if start is None:
        return Cover(None)
    search = search if above else _Search(_signed(condition.expr, -1), box, "positive", most)
    found = search.run()
    if found.holds is not False or found.point is None:
        return found
    with backend("arb").precision(BITS):  # a change of sign: what divides vanishes in between
        zero = _zero_between(search, start, [found.point[s] for s in search.symbols])
        return Cover(False, dict(zip(search.symbols, zero, strict=True)), exact=search.vanishes(zero))


def _zero_between(search: _Search, start: list[Fraction], end: list[Fraction]) -> list[Fraction]:
    """A point next to where the sign changes on the way from one point to another; the zero itself if it is simple."""
    if search.vanishes(end):
        return end
    low, high = Fraction(0), Fraction(1)

    def at(t: Fraction) -> list[Fraction]:
        return [a + t * (b - a) for a, b in zip(start, end, strict=True)]

    for _ in range(50):
        middle = (low + high) / 2
        ends = search.value([(p, p) for p in at(middle)], slopes=False).ends
        if ends is None or not (ends[0] > 0 or ends[1] < 0):
            low = high = middle
            break
        low, high = (middle, high) if ends[0] > 0 else (low, middle)
    return [_simplest(min(a, b), max(a, b)) for a, b in zip(at(low), at(high), strict=True)]


# findings


@dataclass(frozen=True)
class Finding:
    """What is known of a comparison on its whole domain.

    ``holds`` is true if it is proved, false if it is refuted at ``point``, ``None`` otherwise; ``undefined`` says what has no
    value at the point, and ``open`` what was not shown to have one everywhere.  ``residue`` is the normal form of the difference, which vanishes exactly where the sides are equal.
    """

    holds: bool | None = None
    point: dict[Symbol, Rational] | None = None
    undefined: str = ""
    residue: Expr | None = None
    open: str = ""


def examine(comparison: Comparison, domain: Domain, everywhere: bool = True) -> Finding:
    """Whether a comparison can be proved or refuted on its domain, without samples.

    Where its sides have no value is always looked for if ``everywhere`` is true, and otherwise only for a proof.
    """
    left, right = closed(comparison.left), closed(comparison.right)
    if left is None or right is None:
        return Finding()
    try:
        box = Box.of(domain)
        residue, whole = _residue(left, right, box)
        constant = residue if isinstance(residue, Rational) else None
        if comparison.relation == "==" and constant is None and not everywhere:
            return Finding(residue=residue)
        for condition in conditions([left, right]):
            cover = _settled(condition, box, None if everywhere else MANY)
            if cover.holds is False and box.within and cover.point is not None:
                near = "" if cover.exact else " next to this point"
                return Finding(False, box.point(cover.point), condition.what + near)
            if not cover.holds:
                return Finding(residue=residue, open=condition.what)
        relation = comparison.relation
        found = _decided(relation, left, right, box, residue, FEW)
        if found.holds is None and everywhere and residue is not None:
            found = _decided_in_normal_form(relation, residue, whole, box)
        if found.holds is None and relation != "==":
            found = _decided(relation, left, right, box, residue)
        return found
    except CompileError:
        return Finding()


def _decided(
    relation: str, left: Expr, right: Expr, box: Box, residue: Expr | None, most: int | None = None
) -> Finding:
    """The finding on sides that have a value everywhere."""
    equal = residue == 0
    if relation == "==" or equal:
        if equal and relation in ("==", "<=", ">="):
            return Finding(True)
        different = equal or isinstance(residue, Rational)
        return Finding(False, box.point({})) if different and box.within else Finding(residue=residue)
    less, greater = (left, right) if relation in ("<", "<=") else (right, left)
    gap = Add(greater, _signed(less, -1), evaluate=False)
    found = _Search(gap, box, "positive" if relation in ("<", ">") else "not negative", most).run()
    if found.holds is False and box.within and found.point is not None:
        return Finding(False, box.point(found.point))
    return Finding(found.holds or None)


def _decided_in_normal_form(relation: str, residue: Expr, whole: Expr, box: Box) -> Finding:
    """An inequality by the difference of its sides in normal form; for an equation a point where that has a sign."""
    if relation == "==":
        for sign in (1, -1):
            found = _Search(_signed(residue, sign), box, "not negative", MANY).run()
            if found.holds is False and box.within and found.point is not None:
                return Finding(False, box.point(found.point), residue=residue)
        return Finding(residue=residue)
    goal = "positive" if relation in ("<", ">") else "not negative"
    gap = _signed(whole, -1 if relation in ("<", "<=") else 1)
    return Finding(_holds_by_factors(gap, goal, box) or _Search(gap, box, goal).run().holds or None)


def _residue(left: Expr, right: Expr, box: Box) -> tuple[Expr | None, Expr]:
    if left == right:
        return Integer(0), Integer(0)
    nothing = None, Integer(0)
    if Add(left, right, evaluate=False).count_ops() > OPERATIONS:
        return nothing
    try:
        return difference(left, right, _sign_on(box))
    except PROBLEMS:
        return nothing


def _sign_on(box: Box) -> Callable[[Expr], int]:
    def sign_of(e: Expr) -> int:
        for sign in (1, -1):
            try:
                if _Search(_signed(e, sign), box, "not negative", FEW).run().holds:
                    return sign
            except CompileError:
                return 0
        return 0

    return sign_of


def proved(comparison: Comparison, domain: Domain) -> bool:
    """Whether the comparison could be proved; ``False`` says nothing about its truth."""
    return examine(comparison, domain).holds is True


def identical(comparison: Comparison, domain: Domain) -> bool:
    """Whether both sides have the same normal form, wherever they have a value."""
    left, right = closed(comparison.left), closed(comparison.right)
    return left is not None and right is not None and _residue(left, right, Box.of(domain))[0] == 0


def enclosed(comparison: Comparison, domain: Domain) -> bool:
    """Whether ``left < right`` (or the other relation) is enclosed on the whole domain."""
    return comparison.relation != "==" and proved(comparison, domain)
