"""Where random numbers start: a seed, or a generator of numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from flrdt.derive.core.exact_numbers import parse_count

from ..arithmetic.decimals import InputError

__all__ = ["MOST", "seed_of"]

MOST = 999_999_999


def seed_of(seed: int | str, rng: Any = None) -> int:
    """The seed that the random matrices of a function are drawn from: ``seed``, or what ``rng`` stands for.

    As elsewhere in scientific Python ``rng`` is an integer, which is the seed, or a ``numpy.random.Generator``, of which one draw
    becomes the seed: results name it, so that they can be had again.  Raises ``InputError`` for both, and for what is neither.

    >>> seed_of(7), seed_of(0, 7), seed_of(0, np.random.default_rng(1)) == seed_of(0, np.random.default_rng(1))
    (7, 7, True)
    """
    if rng is None:
        return parse_count(seed, "seed", 0, MOST)
    if seed not in (0, "0"):
        raise InputError(f"seed {seed} and rng were given: leave out one")
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(MOST + 1))
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer | str):
        raise InputError(f"rng {rng!r} is neither a natural number nor a numpy.random.Generator")
    return parse_count(str(rng), "rng", 0, MOST)
