"""Shallow rays of a central hyperplane arrangement, with every sign decided exactly.

The rows a_1..a_m of a matrix cut R^n into cones. A *ray* is an oriented line orthogonal to n-1 of the rows, its ties.
In general position the least number of rows with a_i . x > 0 over x != 0 is attained next to a ray: the rays of the
closed cone of x have no more positive rows than x, and the ties of a ray can all be tipped to the negative side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, islice
from math import comb, gcd, lcm
from typing import NamedTuple

import numpy as np
from flint import fmpz_mat
from sympy import lambdify

from flrdt.derive.lemmas import finite_counts

#: Signs decided at once (tie sets times rows); bounds the memory without slowing the vector operations down.
AT_ONCE = 1_000_000


def _chunk(rows: int) -> int:
    return max(1, min(4096, AT_ONCE // max(1, rows)))


class DegenerateError(ValueError):
    """Some n of the rows are linearly dependent, so that counting positive rows does not decide their rank."""


class Rays(NamedTuple):
    """Rays with few positive rows: the indices of their ties, a floating-point normal, the positive weight."""

    ties: np.ndarray
    normals: np.ndarray
    counts: np.ndarray


class _Determinants:
    """Signs of det [ties; a_i] for many tie sets at once: a forward error bound, and integers where it is too wide."""

    def __init__(self, rows: Sequence[Sequence[Fraction]]):
        self.integers = [integer_row(row) for row in rows]
        self.m, self.n = len(rows), len(rows[0])
        if any(not any(row) for row in self.integers):
            raise DegenerateError("a row is zero")
        # a row divided by a power of two above its largest entry: no sign changes, products of n entries stay in range
        self.rows = np.array(
            [[float(Fraction(v, 1 << max(map(int.bit_length, row)))) for v in row] for row in self.integers]
        )
        # n roundings of entries, n of products and n (n + 1)/2 of sums lead to a determinant; doubled
        self.tolerance = self.n * (self.n + 5) * np.finfo(float).eps

    def normals(self, ties: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u with u . a = det [ties; a], and the same sums over absolute values, which bound the rounding of u."""
        count, size = ties.shape
        block = self.rows[ties]
        magnitude = np.abs(block)
        minors, bounds = {0: np.ones(count)}, {0: np.ones(count)}
        for r in range(size):
            larger, larger_bounds = {}, {}
            for columns in combinations(range(self.n), r + 1):
                mask = sum(1 << c for c in columns)
                minor, bound = np.zeros(count), np.zeros(count)
                for position, c in enumerate(columns):
                    rest = mask ^ (1 << c)
                    term = block[:, r, c] * minors[rest]
                    minor = minor - term if (r + position) % 2 else minor + term
                    bound += magnitude[:, r, c] * bounds[rest]
                larger[mask], larger_bounds[mask] = minor, bound
            minors, bounds = larger, larger_bounds
        full = (1 << self.n) - 1
        normal, spread = np.empty((count, self.n)), np.empty((count, self.n))
        for c in range(self.n):
            normal[:, c] = minors[full ^ (1 << c)] * (-1 if (size + c) % 2 else 1)
            spread[:, c] = bounds[full ^ (1 << c)]
        return normal, spread

    def signs(self, ties: np.ndarray, normal: np.ndarray, spread: np.ndarray, rows: slice) -> np.ndarray:
        """Signs of det [ties; a_i] for i in `rows`: zero exactly at the ties, DegenerateError at any other zero."""
        block = self.rows[rows]
        value = normal @ block.T
        doubtful = np.abs(value) <= self.tolerance * (spread @ np.abs(block).T) + 1e-280
        signs = np.sign(value)
        own, position = np.nonzero((ties >= rows.start) & (ties < rows.stop))
        column = ties[own, position] - rows.start
        signs[own, column], doubtful[own, column] = 0, False
        for t, i in zip(*np.nonzero(doubtful), strict=True):
            signs[t, i] = self._exact_sign(ties[t], rows.start + i)
        return signs

    def _exact_sign(self, ties: np.ndarray, i: int) -> int:
        determinant = fmpz_mat([self.integers[j] for j in (*ties, i)]).det()
        if determinant == 0:
            raise DegenerateError(f"rows {sorted(map(int, (*ties, i)))} are linearly dependent")
        return 1 if determinant > 0 else -1


def integer_row(row: Sequence[Fraction]) -> list[int]:
    """A row multiplied by the least common denominator of its entries."""
    scale = lcm(*(value.denominator for value in row))
    return [value.numerator * (scale // value.denominator) for value in row]


def _direction(row: Sequence[int]) -> tuple[int, ...]:
    """The same for all nonzero multiples of a row."""
    divisor = gcd(*row) * (-1 if next(v for v in row if v) < 0 else 1)
    return tuple(v // divisor for v in row)


def shallow_rays(rows: Sequence[Sequence[Fraction]], k: int, hard: int = 0) -> Rays:
    """All rays with at most k positive rows; the first `hard` rows may not be positive at all.

    Rows are added one at a time. A new ray lies on the new row and on n-2 old ones. It sits inside an arc of the circle
    that those n-2 rows leave, both ends of which are rays of the old rows with no more positive rows than itself.
    So the kept rays suffice to find every new one.

    Raises DegenerateError if n rows that meet in this search are dependent.

    >>> triangle = [[Fraction(1), Fraction(0)], [Fraction(0), Fraction(1)], [Fraction(-1), Fraction(-1)]]
    >>> len(shallow_rays(triangle, 0).counts), len(shallow_rays(triangle, 1).counts)
    (0, 6)
    """
    determinants = _Determinants(rows)
    m, n = determinants.m, determinants.n
    if m < n:
        raise DegenerateError(f"{m} rows cannot span {n} dimensions")
    weight = np.ones(m)
    weight[:hard] = k + 1
    ties = np.repeat(np.arange(n - 1)[None, :], 2, axis=0)
    normal, spread = determinants.normals(ties)
    side = np.array([1.0, -1.0])
    count = np.zeros(2)
    for j in range(n - 1, m):
        positive = side * determinants.signs(ties, normal, spread, slice(j, j + 1))[:, 0] > 0
        risen = count + weight[j] * positive
        low = risen <= k
        kept = [(ties[low], normal[low], spread[low], risen[low], side[low])]
        fresh = _joined(ties, j) if n > 1 else ties[:0]
        chunk = _chunk(j)
        for begin in range(0, len(fresh), chunk):
            candidates = fresh[begin : begin + chunk]
            u, bound = determinants.normals(candidates)
            signs = determinants.signs(candidates, u, bound, slice(0, j))
            for s in (1.0, -1.0):
                total = (s * signs > 0).astype(float) @ weight[:j]
                low = total <= k
                kept.append((candidates[low], u[low], bound[low], total[low], np.full(np.count_nonzero(low), s)))
        ties, normal, spread, count, side = (np.concatenate(parts) for parts in zip(*kept, strict=True))
        if not len(ties):
            break
    return Rays(ties, normal * side[:, None], count)


def _joined(ties: np.ndarray, j: int) -> np.ndarray:
    """Every set of n-2 ties of a kept ray, each once, joined with row j."""
    size = ties.shape[1]
    subsets = np.concatenate([np.delete(ties, c, axis=1) for c in range(size)])
    bits = int(j).bit_length()
    if bits * (size - 1) <= 62:  # one integer per subset sorts several times faster than rows
        codes = np.zeros(len(subsets), dtype=np.int64)
        for column in subsets.T:
            codes = (codes << bits) | column
        subsets = subsets[np.unique(codes, return_index=True)[1]]
    else:
        subsets = np.unique(subsets, axis=0)
    return np.concatenate([subsets, np.full((len(subsets), 1), j)], axis=1)


@lru_cache(maxsize=1)
def _derived_rays() -> tuple[Callable, Callable]:
    """Numerator and denominator of the derived number of rays, as functions (n, m, k) of integers."""
    found = finite_counts.expected_rays().statement.rhs.as_numer_denom()
    symbols = (finite_counts.n, finite_counts.m, finite_counts.k)
    return tuple(lambdify(symbols, part, [{"binomial": comb}]) for part in found)  # type: ignore[return-value]


def expected_rays(n: int, m: int, k: int) -> float:
    """Expected number of rays with at most k positive rows, exact for Gaussian rows (the entry ``finite.rays``).

    >>> expected_rays(2, 4, 1)
    4.0
    """
    above, below = (part(n, m, k) for part in _derived_rays())
    try:
        return above / below
    except OverflowError:
        return math.inf


@lru_cache(maxsize=256)
def most_rays(n: int, m: int, enough: float) -> float:
    """The largest expected number of rays with fewer than n positive rows among n, ..., m rows, or one above ``enough``."""
    found = 0.0
    for size in range(n, m + 1):
        found = max(found, expected_rays(n, size, n - 1))
        if found > enough:
            break
    return found


def in_general_position(rows: Sequence[Sequence[Fraction]]) -> bool:
    """Whether every n of the rows are linearly independent; looks at C(m, n-1) tie sets."""
    try:
        determinants = _Determinants(rows)
        if determinants.n == 2:  # no two rows on one line
            return len({_direction(row) for row in determinants.integers}) == len(rows)
        sets = combinations(range(determinants.m), determinants.n - 1)
        while chunk := list(islice(sets, _chunk(determinants.m))):
            ties = np.array(chunk, dtype=np.int64).reshape(len(chunk), determinants.n - 1)
            determinants.signs(ties, *determinants.normals(ties), slice(0, determinants.m))
    except DegenerateError:
        return False
    return True
