"""Exact decision of layer injectivity for any rational matrix, dependent rows or not, by branching on flats.

x -> ReLU(A x + b) fails to be injective exactly when there are a direction d != 0 and a point x at which every row
not orthogonal to d is negative. The rows orthogonal to d form a flat. If the rows outside a flat cannot all be negative
at one point, a nonnegative dependency among a few of them proves it, and any larger flat that works has to swallow one
of those few: a search tree whose depth is the number of columns.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq

Rows = Sequence[Sequence[fmpq]]
Vector = list[fmpq]


def dot(a: Sequence[fmpq], b: Sequence[fmpq]) -> fmpq:
    return sum((p * q for p, q in zip(a, b, strict=True)), fmpq(0))


def orthogonal_basis(rows: Rows, dimension: int) -> list[Vector]:
    """A basis of { d : row . d = 0 for all rows }."""
    basis = [[fmpq(int(i == j)) for i in range(dimension)] for j in range(dimension)]
    for row in rows:
        basis = _restricted(basis, row)
    return basis


def _restricted(basis: list[Vector], row: Sequence[fmpq]) -> list[Vector]:
    values = [dot(row, vector) for vector in basis]
    pivot = next((j for j, value in enumerate(values) if value != 0), None)
    if pivot is None:
        return basis
    return [
        [a - values[j] / values[pivot] * b for a, b in zip(vector, basis[pivot], strict=True)]
        for j, vector in enumerate(basis)
        if j != pivot
    ]


def negative_point_or_dependency(rows: Rows) -> tuple[Vector | None, list[int]]:
    """Gordan's alternative, exactly: an x with row . x < 0 for all rows, or indices of a nonnegative dependency.

    First phase of the simplex method with Bland's rule on  sum_i y_i row_i = 0,  sum_i y_i = 1,  y >= 0.
    """
    count, size = len(rows), len(rows[0]) + 1
    table = [[row[r] for row in rows] + [fmpq(int(r == s)) for s in range(size)] + [fmpq(0)] for r in range(size - 1)]
    table.append([fmpq(1)] * count + [fmpq(int(s == size - 1)) for s in range(size)] + [fmpq(1)])
    basis = [count + r for r in range(size)]
    cost = [-sum(column, fmpq(0)) for column in zip(*table, strict=True)]
    cost[count : count + size] = [fmpq(0)] * size
    while True:
        entering = next((c for c in range(count) if cost[c] < 0), None)
        if entering is None:
            break
        r = min((table[r][-1] / table[r][entering], basis[r], r) for r in range(size) if table[r][entering] > 0)[2]
        pivot = table[r][entering]
        table[r] = [value / pivot for value in table[r]]
        for other in [*(row for s, row in enumerate(table) if s != r), cost]:
            factor = other[entering]
            if factor != 0:
                other[:] = [a - factor * b for a, b in zip(other, table[r], strict=True)]
        basis[r] = entering
    if cost[-1] == 0:
        return None, [b for r, b in enumerate(basis) if b < count and table[r][-1] > 0]
    # the dual solution: its product with every column (row, 1) is <= 0 and its last entry is positive
    return [1 - cost[count + r] for r in range(size - 1)], []


class SearchLimit(Exception):
    """The tree of flats outgrew the limit; nothing has been decided."""


def refuting_flat(rows: Rows, linear: int, hard: Rows = (), limit: int = 20000) -> tuple[Vector, Vector] | None:
    """(x, d) with every row not orthogonal to d negative at x, or None, which proves that there is no such pair.

    A row is a_i, or (a_i, b_i) with `linear` = len(a_i); d lives in the first `linear` coordinates, x in all.
    Rows in `hard` must be negative at x whatever d is. Raises SearchLimit after `limit` flats.
    """
    start = orthogonal_basis([], linear)
    seen: set[frozenset[int]] = set()
    stack = [start]
    while stack:
        basis = stack.pop()
        outside = [i for i, row in enumerate(rows) if any(dot(row[:linear], d) != 0 for d in basis)]
        key = frozenset(outside)
        if key in seen:
            continue
        seen.add(key)
        if len(seen) > limit:
            raise SearchLimit(limit)
        barred = [*hard, *(rows[i] for i in outside)]
        if not barred:  # every row is zero
            return [fmpq(0)] * linear, basis[0]
        x, support = negative_point_or_dependency(barred)
        if x is not None:
            return x, basis[0]
        for position in support:
            if position >= len(hard):
                smaller = _restricted(basis, rows[outside[position - len(hard)]][:linear])
                if smaller:
                    stack.append(smaller)
    return None
