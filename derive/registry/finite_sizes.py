"""Counts at finite size, against enumeration of every sign pattern of a few rows."""

from __future__ import annotations

from itertools import combinations, product

from sympy import Integer, Matrix, Rational
from sympy.core.relational import Relational

from ..lemmas.finite_counts import expected_rays, k, line_probability, m, n
from .entries import Comparison, Entry, make_entry

SIZES = ((1, 3), (1, 6), (2, 2), (2, 5), (3, 4), (3, 5))


def entries() -> list[Entry]:
    """Rays with few active rows, and injectivity on the line."""
    return [
        make_entry(expected_rays(), "every sign pattern of rows on the moment curve", _rays, instances=True),
        make_entry(line_probability(), "every sign pattern of up to eight rows", _line, instances=True),
    ]


def _rays(statement: Relational) -> list[Comparison]:
    found = []
    for inputs, rows in SIZES:
        counts = _active_rows(inputs, rows)
        for most in range(rows - inputs + 2):
            mean = Rational(sum(count <= most for count in counts), 2**rows)
            found.append(Comparison(mean, statement.rhs.subs({n: inputs, m: rows, k: most}).doit()))
    return found


def _active_rows(inputs: int, rows: int) -> list[int]:
    """Active rows at every ray of every sign pattern: the signs of determinants of the rows (1, t, t^2, ...)."""
    curve = [[Integer(t) ** power for power in range(inputs)] for t in range(1, rows + 1)]
    found = []
    for ties in combinations(range(rows), inputs - 1):
        others = [i for i in range(rows) if i not in ties]
        sides = [Matrix([*(curve[t] for t in ties), curve[i]]).det() > 0 for i in others]
        for signs in product((False, True), repeat=rows):
            active = sum(side == signs[i] for side, i in zip(sides, others, strict=True))
            found += [active, len(others) - active]
    return found


def _line(statement: Relational) -> list[Comparison]:
    """One input: injective if some row is active on either side."""
    found = []
    for rows in range(1, 9):
        patterns = list(product((False, True), repeat=rows))
        good = sum(any(p) and not all(p) for p in patterns)
        found.append(Comparison(Rational(good, len(patterns)), statement.rhs.subs(m, rows)))
    return found
