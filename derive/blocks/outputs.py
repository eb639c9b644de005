r"""Outputs of the family: what a pre-activation may be, or what it costs, and the Moreau envelope that follows.

An output enters every objective through :math:`M_\chi(h) = \min_z [V(z) + (z-h)^2/(2\chi)]` alone.  For a closed set of allowed
values that is the squared distance to it over :math:`2\chi`; for a piecewise linear-quadratic cost it is again piecewise
linear-quadratic, with ends that are derived here by comparing what each piece of the cost offers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from sympy import (
    Abs,
    Expr,
    FiniteSet,
    Integer,
    Interval,
    Max,
    Min,
    Piecewise,
    Poly,
    PolynomialError,
    S,
    Set,
    Symbol,
    Union,
    oo,
    piecewise_fold,
    simplify,
    sqrt,
    sympify,
)

from ..core.formulas import InputError

__all__ = ["Cost", "CostError", "CostPiece", "HardSet", "Piece", "SetError", "cost", "hard_set", "hinge", "quadratic"]

z = Symbol("z", real=True)


class SetError(InputError):
    """The set of allowed pre-activations is not one that poses a problem."""


class CostError(InputError):
    """The cost of a pre-activation is not piecewise linear-quadratic, or not bounded from below."""


@dataclass(frozen=True)
class Piece:
    """One piece ``lower < h < upper`` of an envelope, whose ``value`` is a polynomial in h of degree at most 2."""

    lower: Expr
    upper: Expr
    value: Expr


@dataclass(frozen=True)
class HardSet:
    r"""Pre-activations are allowed in a closed set K and nowhere else: V = 0 on K, infinite outside.

    ``intervals`` are the ends of the components of K, from left to right; a single point has two equal ends.
    Raises :class:`SetError` for the empty set and for the whole line.

    >>> HardSet(((Integer(0), oo),)).convex, HardSet(((-oo, Integer(-1)), (Integer(1), oo))).symmetric
    (True, True)
    """

    intervals: tuple[tuple[Expr, Expr], ...]

    def __post_init__(self) -> None:
        ends = tuple((sympify(a), sympify(b)) for a, b in self.intervals)
        if not ends:
            raise SetError("the set of allowed pre-activations is empty: give at least one interval, like [0,oo)")
        for a, b in ends:
            if not all(e in (oo, -oo) or (e.is_number and e.is_real and not e.has(S.NaN)) for e in (a, b)):
                raise SetError(f"the ends {a}, {b} of an interval have to be real numbers, or -oo and oo")
            if not a <= b or a == oo or b == -oo:
                raise SetError(f"the interval [{a},{b}] is empty: its left end has to be at most its right end")
        ends = tuple(sorted(ends, key=lambda e: (float(e[0]), float(e[1]))))
        if ends == ((-oo, oo),):
            raise SetError("the whole line is allowed: nothing is required of a pre-activation, so no capacity exists")
        for (a, b), (c, d) in pairwise(ends):
            if not b < c:
                raise SetError(f"the intervals [{a},{b}] and [{c},{d}] meet: write their union as one interval")
        object.__setattr__(self, "intervals", ends)

    @property
    def gaps(self) -> list[tuple[Expr, Expr]]:
        """The components of the complement."""
        ends = [-oo, *(e for pair in self.intervals for e in pair), oo]
        return [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if a != b]

    @property
    def convex(self) -> bool:
        """Whether K is one interval."""
        return len(self.intervals) == 1

    @property
    def half_line(self) -> Expr | None:
        """The margin kappa if K is ``[kappa, oo)`` or its mirror image ``(-oo, -kappa]``, else None."""
        if not self.convex or all(e.is_finite for e in self.intervals[0]):
            return None
        a, b = self.intervals[0]
        return a if b == oo else -b

    @property
    def symmetric(self) -> bool:
        """Whether K = -K."""
        return all((-b, -a) in self.intervals for a, b in self.intervals)

    def pieces(self, chi: Expr, h: Symbol, at: Expr | None = None) -> list[Piece]:
        """Pieces of ``dist(h, K)^2/(2 chi)``: every gap is split at its middle, where the nearest point of K changes."""
        found: list[Piece] = []
        for a, b in self.gaps:
            middle = (a + b) / 2 if a != -oo and b != oo else (-oo if a == -oo else oo)
            if a != -oo:
                found.append(Piece(a, middle, (h - a) ** 2 / (2 * chi)))
            if b != oo:
                found.append(Piece(middle, b, (b - h) ** 2 / (2 * chi)))
        found += [Piece(a, b, Integer(0)) for a, b in self.intervals if a != b]
        return sorted(found, key=lambda p: float(p.lower))

    def __str__(self) -> str:
        def shown(a: Expr, b: Expr) -> str:
            return f"{'(' if a == -oo else '['}{a},{b}{')' if b == oo else ']'}"

        return " U ".join(shown(a, b) for a, b in self.intervals)


def hard_set(allowed: Set) -> HardSet:
    """The hard set of a SymPy set: a union of intervals and points.

    >>> str(hard_set(Interval(-1, 1)))
    '[-1,1]'
    """
    parts = allowed.args if isinstance(allowed, Union) else (allowed,)
    ends: list[tuple[Expr, Expr]] = []
    for part in parts:
        if isinstance(part, Interval):
            ends.append((part.start, part.end))
        elif isinstance(part, FiniteSet):
            ends += [(point, point) for point in part.args]
        elif part is not S.EmptySet and part is not S.Reals:
            raise SetError(f"{part} is not a union of intervals")
        elif part is S.Reals:
            ends.append((-oo, oo))
    return HardSet(tuple(ends))


@dataclass(frozen=True)
class CostPiece:
    """The cost on ``lower < z < upper``: ``constant + slope z + curvature z^2/2``."""

    lower: Expr
    upper: Expr
    constant: Expr
    slope: Expr
    curvature: Expr

    def value(self, at: Expr) -> Expr:
        return self.constant + self.slope * at + self.curvature * at**2 / 2

    def derivative(self, at: Expr) -> Expr:
        return self.slope + self.curvature * at


@dataclass(frozen=True)
class Cost:
    r"""A piecewise linear-quadratic cost of a pre-activation; at a jump it takes the lower of its two one-sided values.

    Raises :class:`CostError` unless the pieces tile the line from left to right and the cost is bounded from below.

    >>> from sympy import symbols
    >>> chi, h = symbols("chi", positive=True), symbols("h", real=True)
    >>> [p.value for p in hinge(0).pieces(chi, h)]
    [-chi/2 - h, h**2/(2*chi), 0]
    """

    tiles: tuple[CostPiece, ...]
    name: str = ""

    def __post_init__(self) -> None:
        tiles = self.tiles
        if not tiles or tiles[0].lower != -oo or tiles[-1].upper != oo:
            raise CostError("the pieces of a cost have to cover the line from -oo to oo")
        if any(a.upper != b.lower for a, b in pairwise(tiles)) or any(not t.lower < t.upper for t in tiles):
            raise CostError("the pieces of a cost have to follow each other from left to right without gaps")
        left, right = tiles[0], tiles[-1]
        falls = left.curvature < 0 or (left.curvature == 0 and left.slope > 0)
        if falls or right.curvature < 0 or (right.curvature == 0 and right.slope < 0):
            raise CostError("the cost is not bounded from below: its energy would be minus infinity for large inputs")
        if len(tiles) == 1 and left.curvature == 0 and left.slope == 0:
            raise CostError("the cost is constant: there is nothing to minimise")

    @property
    def symmetric(self) -> bool:
        """Whether V(z) = V(-z).

        >>> hinge(0).symmetric, cost(Max(0, Abs(z) - 1)).symmetric
        (False, True)
        """
        mirrored = tuple(CostPiece(-t.upper, -t.lower, t.constant, -t.slope, t.curvature) for t in reversed(self.tiles))
        return mirrored == self.tiles

    @property
    def ends(self) -> list[Expr]:
        """Where one piece of the cost meets the next."""
        return [t.upper for t in self.tiles[:-1]]

    def at_end(self, i: int) -> Expr:
        """The cost at the i-th end: the lower of the one-sided values."""
        end = self.ends[i]
        return Min(self.tiles[i].value(end), self.tiles[i + 1].value(end))

    @property
    def convex(self) -> bool:
        """Whether the cost is convex: continuous, with slopes that never fall."""
        smooth = all(
            simplify(a.value(a.upper) - b.value(a.upper)) == 0 and b.derivative(a.upper) >= a.derivative(a.upper)
            for a, b in pairwise(self.tiles)
        )
        return smooth and all(t.curvature >= 0 for t in self.tiles)

    def zero_set(self) -> HardSet:
        """Where the cost vanishes: the energy leaves zero at the capacity of this set.

        Raises :class:`CostError` for a cost that is negative somewhere or positive everywhere.
        """
        found: list[tuple[Expr, Expr]] = []
        for t in self.tiles:
            if t.constant == t.slope == t.curvature == 0:
                found.append((t.lower, t.upper))
                continue
            inside = Poly(t.value(z), z).real_roots() if t.curvature != 0 or t.slope != 0 else []
            points = {r for r in inside if t.lower <= r <= t.upper}
            found += [(p, p) for p in points]
            probe = [*points, *(e for e in (t.lower, t.upper) if e.is_finite)]
            middle = [t.value((a + b) / 2) for a, b in pairwise(sorted(probe))] if len(probe) > 1 else []
            if any(v < 0 for v in middle):
                raise CostError("the cost is negative somewhere: shift it so that its least value is 0")
        found += [(e, e) for i, e in enumerate(self.ends) if self.at_end(i) == 0]
        if any(self.at_end(i) < 0 for i in range(len(self.ends))):
            raise CostError("the cost is negative somewhere: shift it so that its least value is 0")
        if not found:
            raise CostError("the cost is positive everywhere, so its energy is never zero and has no capacity")
        joined = Union(*(Interval(a, b) for a, b in found))
        return hard_set(joined)

    def pieces(self, chi: Expr, h: Symbol, at: Expr | None = None) -> list[Piece]:
        r"""Pieces of the envelope, from left to right.

        A piece of the cost offers its own proximal point where that point lies inside it, and every end of a piece offers
        its value plus the squared distance to it over :math:`2\chi`; the envelope is the least offer.  For a convex cost
        the offers tile the line at every chi; for another one the order of their crossings depends on chi, and ``at`` says
        for which chi (default 1) the pieces are wanted.
        """
        value = Integer(1) if at is None else at
        return _least(self._offers(chi, h, value), chi, h, value)

    def _offers(self, chi: Expr, h: Symbol, at: Expr) -> list[Piece]:
        offers: list[Piece] = []
        for t in self.tiles:
            stretch = 1 + chi * t.curvature
            best = (h - chi * t.slope) / stretch
            if stretch.subs(chi, at) <= 0:  # a concave piece is cheapest at one of its ends
                continue
            low, high = (e if e in (oo, -oo) else e * stretch + chi * t.slope for e in (t.lower, t.upper))
            if t.curvature == 0:
                offer = t.constant + t.slope * h - chi * t.slope**2 / 2
            elif t.constant == t.slope**2 / (2 * t.curvature):  # a full square stays one
                offer = (h + t.slope / t.curvature) ** 2 * t.curvature / (2 * stretch)
            else:
                offer = simplify(t.value(best) + (best - h) ** 2 / (2 * chi))
            offers.append(Piece(low, high, offer))
        for i, end in enumerate(self.ends):
            offers.append(Piece(-oo, oo, self.at_end(i) + (h - end) ** 2 / (2 * chi)))
        return offers

    def __str__(self) -> str:
        return self.name or "; ".join(f"{t.value(z)} on ({t.lower},{t.upper})" for t in self.tiles)


def _least(offers: Sequence[Piece], chi: Expr, h: Symbol, at: Expr) -> list[Piece]:
    """The pieces of the least of several offers, with symbolic ends; their order is found at one value of chi."""

    def number(e: Expr) -> float:
        return float(e.subs(chi, at)) if e not in (oo, -oo) else float(e)

    ends: dict[float, Expr] = {}
    for offer in offers:
        for e in (offer.lower, offer.upper):
            if e not in (oo, -oo):
                ends.setdefault(number(e), e)
    for a, b in combinations(offers, 2):
        for root in _crossings(a.value - b.value, h):
            if root.subs(chi, at).is_real:
                ends.setdefault(number(root), root)
    marks = sorted(ends)
    kept = [m for i, m in enumerate(marks) if i == 0 or m - marks[i - 1] > 1e-12 * max(1.0, abs(m))]
    found: list[Piece] = []
    for low, high in pairwise([-float("inf"), *kept, float("inf")]):
        if low == -float("inf"):
            probe = high - 1.0
        elif high == float("inf"):
            probe = low + 1.0
        else:
            probe = (low + high) / 2
        open_here = [o for o in offers if number(o.lower) <= probe <= number(o.upper)]
        best = min(open_here, key=lambda o: float(o.value.subs({chi: at, h: probe})))
        left, right = ends.get(low, -oo), ends.get(high, oo)
        if found and found[-1].value == best.value:
            found[-1] = Piece(found[-1].lower, right, best.value)
        else:
            found.append(Piece(left, right, best.value))
    return found


def _crossings(difference: Expr, h: Symbol) -> list[Expr]:
    """Where two offers cost the same; a double root is a touching point and no change of order."""
    if difference == 0:
        return []
    form = Poly(difference, h)
    a, b, c = (simplify(form.coeff_monomial(h**n)) for n in (2, 1, 0))
    if a == 0:
        return [] if b == 0 else [simplify(-c / b)]
    inside = simplify(b**2 - 4 * a * c)
    if inside == 0:
        return []
    root = sqrt(inside)
    return [simplify((-b - root) / (2 * a)), simplify((-b + root) / (2 * a))]


def hinge(kappa: Expr | int) -> Cost:
    """The hinge cost ``max(kappa - z, 0)``."""
    k = sympify(kappa)
    zero = Integer(0)
    return Cost((CostPiece(-oo, k, k, Integer(-1), zero), CostPiece(k, oo, zero, zero, zero)), f"hinge:kappa={k}")


def quadratic(kappa: Expr | int) -> Cost:
    """The one-sided quadratic cost ``max(kappa - z, 0)^2/2``."""
    k = sympify(kappa)
    zero = Integer(0)
    tiles = (CostPiece(-oo, k, k**2 / 2, -k, Integer(1)), CostPiece(k, oo, zero, zero, zero))
    return Cost(tiles, f"quadratic:kappa={k}")


def cost(expression: Expr, name: str = "") -> Cost:
    r"""The cost of an expression in one symbol, made of ``Max``, ``Min``, ``Abs``, ``Piecewise`` and polynomials.

    Raises :class:`CostError` if it is not piecewise linear-quadratic with real ends.

    >>> from sympy.abc import z
    >>> cost(Max(0, 1 - z)).convex, len(cost(Max(0, Abs(z) - 1)**2 / 2).tiles)
    (True, 3)
    """
    expression = sympify(expression)
    symbols = expression.free_symbols
    if len(symbols) > 1:
        raise CostError(f"the cost {expression} depends on {len(symbols)} symbols: it has to be a function of z alone")
    if symbols:
        expression = expression.subs(symbols.pop(), z)
    folded = piecewise_fold(expression.replace(Abs, lambda a: Max(a, -a)).rewrite(Piecewise))
    branches = folded.args if isinstance(folded, Piecewise) else ((folded, True),)
    left: Set = S.Reals
    tiles: list[CostPiece] = []
    try:
        for value, condition in branches:
            where = left if condition in (True, S.true) else condition.as_set().intersect(left)  # type: ignore[union-attr]
            left = left - where
            form = Poly(value, z)
            if form.degree() > 2:
                raise PolynomialError
            c, b, a = (form.coeff_monomial(z**n) for n in (0, 1, 2))
            for part in where.args if isinstance(where, Union) else (where,):
                if isinstance(part, Interval) and part.start < part.end:
                    tiles.append(CostPiece(part.start, part.end, c, b, 2 * a))
                elif part is S.Reals:
                    tiles.append(CostPiece(-oo, oo, c, b, 2 * a))
    except (PolynomialError, NotImplementedError, TypeError, ValueError, AttributeError):
        raise CostError(
            f"the cost {expression} is not piecewise linear-quadratic: every piece has to be a polynomial in z of degree "
            "at most 2, with ends that are real numbers"
        ) from None
    tiles.sort(key=lambda t: float(t.lower))
    merged: list[CostPiece] = []
    for t in tiles:
        same = merged and merged[-1].upper == t.lower
        if same and (merged[-1].constant, merged[-1].slope, merged[-1].curvature) == (t.constant, t.slope, t.curvature):
            merged[-1] = CostPiece(merged[-1].lower, t.upper, t.constant, t.slope, t.curvature)
        else:
            merged.append(t)
    if any(c.has(S.NaN) or not c.is_real for t in merged for c in (t.constant, t.slope, t.curvature)):
        raise CostError(f"the cost {expression} has a coefficient that is not a real number")
    return Cost(tuple(merged), name or str(expression))


def count_below(kappa: Expr | int) -> Cost:
    """The number of violated margins: 1 for ``z < kappa``, 0 above."""
    k = sympify(kappa)
    zero = Integer(0)
    return Cost((CostPiece(-oo, k, Integer(1), zero, zero), CostPiece(k, oo, zero, zero, zero)), f"l0:kappa={k}")
