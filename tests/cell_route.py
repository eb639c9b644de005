"""Injectivity of a small ReLU layer by brute force: every cell of its arrangement, by exact elimination of variables.

Nothing here is shared with the product: no rays, no flats, no simplex method, integers of Python only.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd


def feasible(rows: list[tuple[int, ...]]) -> bool:
    """Whether some x has a . x + b > 0 for all rows (a, b), by Fourier-Motzkin elimination."""
    present = {reduced(row) for row in rows}
    while present and len(next(iter(present))) > 1:
        positive = [r for r in present if r[0] > 0]
        negative = [r for r in present if r[0] < 0]
        following = {r[1:] for r in present if r[0] == 0}
        for p in positive:
            for q in negative:
                following.add(reduced(tuple(-q[0] * a + p[0] * b for a, b in zip(p[1:], q[1:], strict=True))))
        present = following
    return all(row[0] > 0 for row in present)


def reduced(row: tuple[int, ...]) -> tuple[int, ...]:
    divisor = gcd(*row)
    return tuple(v // divisor for v in row) if divisor else row


def rank(rows: list[list[int]]) -> int:
    table, found = [[Fraction(v) for v in row] for row in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(found, len(table)) if table[i][column]), None)
        if pivot is None:
            continue
        table[found], table[pivot] = table[pivot], table[found]
        for i in range(found + 1, len(table)):
            factor = table[i][column] / table[found][column]
            table[i] = [a - factor * b for a, b in zip(table[i], table[found], strict=True)]
        found += 1
    return found


def injective(matrix: list[list[int]], bias: list[int] | None = None) -> bool:
    """Whether x -> ReLU(A x + b) is injective: the active rows span R^n in every open cell."""
    n = len(matrix[0])
    rows = [(row, b) for row, b in zip(matrix, bias or [0] * len(matrix), strict=True) if any(row)]

    def spans(i: int, signs: list[tuple[int, ...]], active: list[list[int]]) -> bool:
        if not feasible(signs):
            return True
        if i == len(rows):
            return rank(active) == n
        row, b = rows[i]
        return spans(i + 1, [*signs, (*row, b)], [*active, row]) and spans(
            i + 1, [*signs, (*(-v for v in row), -b)], active
        )

    return spans(0, [], [])
