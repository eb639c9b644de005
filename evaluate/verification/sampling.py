"""Sample points of a domain: exact, drawn deterministically from a seed, with its edges."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

from sympy import Rational, Symbol

from flrdt.derive.core.domains import Domain

__all__ = ["points", "units"]

STEPS = 10**6


def units(dimension: int, seed: str) -> Iterator[list[Fraction]]:
    """Points of the unit cube without end: one inside, two corners, then every third has one coordinate on an edge.

    The first is inside because symbols with the same range have the same value in these corners, where a formula that
    confuses them would pass.

    >>> from itertools import islice
    >>> [sorted(set(u)) for u in islice(units(2, "a"), 1, 3)]
    [[Fraction(0, 1)], [Fraction(1, 1)]]
    """
    draw = random.Random(seed)
    count = 0
    while True:
        found = [Fraction(draw.randrange(1, STEPS), STEPS) for _ in range(dimension)]
        if count == 1:
            yield [Fraction(0)] * dimension
            yield [Fraction(1)] * dimension
        if count % 3 == 1 and dimension:
            found[draw.randrange(dimension)] = Fraction(draw.randrange(2))
        count += 1
        yield found


def points(domain: Domain, count: int, seed: str) -> list[dict[Symbol, Rational]]:
    """The first ``count`` sample points of a domain; a domain without symbols has one point."""
    wanted = count if domain.dimension else 1
    return [domain.point(u) for u in islice(units(domain.dimension, seed), wanted)]
