r"""The least number of active outputs of a deep ReLU map over its inputs, at finite size.

For given matrices the map is linear on every cone on which the hidden units keep their states, and there the least count
is that of a hyperplane arrangement: ``shallow_rays`` decides it exactly, the
rows that bound the cone being hard.  Every cone has a ray, so the cones are found around the rays of the hidden rows.
Where there are too many of them, descent and walks from cone to cone give an input, and its count an upper bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise, product
from math import comb, sqrt
from typing import Any

import numpy as np

from flrdt.derive.core.exact_numbers import parse_count

from ..arithmetic.decimals import InputError
from ..results.capacity import tool_version
from ..results.shown_values import ShownValue
from .arrangement import DegenerateError, _Determinants, shallow_rays
from .search import descend, walk
from .seeds import seed_of

__all__ = ["LeastActive", "LeastCounts", "least_active", "least_counts", "read_sizes"]

MAX_CONES = 2_500  # cones that are decided one by one; more are searched
CLOSE = 1e-9  # angles, of numbers known to about 1e-13, that are not told apart
RESTARTS, WALKS, CROSSINGS = 48, 6, 40
LARGEST = 400  # units of a layer that is drawn
Report = Callable[[str], None]


@dataclass(frozen=True)
class LeastActive:
    """A count that some input has, and whether no input has fewer."""

    count: int
    exact: bool


@dataclass(frozen=True, repr=False)
class LeastCounts(ShownValue):
    """Least counts of independent Gaussian networks of one size; where not ``exact``, bounds from above."""

    sizes: tuple[int, ...]
    seed: int
    counts: tuple[int, ...]
    exact: bool

    @property
    def mean(self) -> float:
        """The mean least count per input."""
        return float(np.mean(self.counts)) / self.sizes[0]

    @property
    def error(self) -> float:
        """The standard error of the mean, infinite for one trial."""
        if len(self.counts) < 2:
            return float("inf")
        return float(np.std(self.counts, ddof=1)) / sqrt(len(self.counts)) / self.sizes[0]

    def _line(self) -> str:
        kind = "exact" if self.exact else "bounds from above"
        return f"{' -> '.join(map(str, self.sizes))}: {self.mean:.4g} n active, standard error {self.error:.2g}, {kind}"

    def _tex(self) -> str:
        sign = "=" if self.exact else r"\le"
        return rf"\langle \min_x \#\{{z_j > 0\}} \rangle / n {sign} {self.mean:.4g} \pm {self.error:.2g}"

    def to_json(self) -> dict[str, Any]:
        """The object that ``flrdt finite --layers ... --json`` prints for one size."""
        return {
            "sizes": list(self.sizes),
            "trials": len(self.counts),
            "seed": self.seed,
            "least_active": list(self.counts),
            "mean_per_input": f"{self.mean:.6g}",
            "standard_error": f"{self.error:.2g}",
            "exact": self.exact,
            "version": tool_version(),
        }


def read_sizes(text: str) -> tuple[int, ...]:
    """Sizes like ``3,24,22``, the input first; raises ``InputError``.

    >>> read_sizes("3,24,22")
    (3, 24, 22)
    """
    parts = text.split(",")
    if len(parts) < 2:
        raise InputError(f"layers {text!r}: give the input size and at least one layer, like 3,24,22")
    return tuple(parse_count(part.strip(), "layer size", 1, LARGEST) for part in parts)


def least_counts(
    sizes: Sequence[int],
    trials: int | str = 20,
    seed: int | str = 0,
    report: Report = lambda _: None,
    *,
    rng: Any = None,
) -> LeastCounts:
    """The least counts of ``trials`` Gaussian networks with the sizes ``n, m_1, ..., m_l``, drawn from a seed.

    ``rng`` is taken instead of ``seed`` as :func:`~flrdt.evaluate.finite_size.seeds.seed_of` says.  Raises ``InputError`` for sizes, trials or seeds that are not natural.

    >>> least_counts((2, 6, 6), trials=3, seed=1).exact
    True
    """
    widths = read_sizes(",".join(map(str, sizes)))
    number = parse_count(trials, "trials", 1, 999_999_999)
    start = seed_of(seed, rng)
    found = []
    for trial in range(number):
        rng = np.random.default_rng([start, trial])
        matrices = [rng.standard_normal((m, n)) for n, m in pairwise(widths)]
        found.append(least_active(matrices, trial))
        report(f"{' -> '.join(map(str, widths))}: {trial + 1} of {number} trials")
    return LeastCounts(widths, start, tuple(f.count for f in found), all(f.exact for f in found))


def least_active(matrices: Sequence[np.ndarray], seed: int = 0, *, rng: Any = None) -> LeastActive:
    """The least number of active outputs over the inputs x != 0, for generic matrices of ReLU layers.

    Exact for one layer, and for one hidden layer with at most ``MAX_CONES`` cones (n = 2 and 3 at any ratio that
    is drawn here, n = 4 up to 20 hidden units) unless a cone with fewer active hidden units than inputs has more than two;
    otherwise the count of an input that was found, an upper bound.

    >>> least_active([np.array([[1.0], [-1.0], [2.0]])])
    LeastActive(count=1, exact=True)
    """
    best = _searched(matrices, np.random.default_rng(seed_of(seed, rng)))
    exact = False
    if len(matrices) == 1 or (len(matrices) == 2 and _cones(*matrices[0].shape) <= MAX_CONES):
        try:
            best = _decided(matrices, best)
            exact = True
        except DegenerateError:  # a cone with fewer active hidden units than inputs, but more than two
            exact = False
    return LeastActive(best, exact)


def _cones(m: int, n: int) -> int:
    """Cones of m hyperplanes in general position (Schlaefli)."""
    return 2 * sum(comb(m - 1, k) for k in range(min(n, m)))


def _rational(matrix: np.ndarray) -> list[list[Fraction]]:
    return [[Fraction(float(v)) for v in row] for row in matrix]


def _decided(matrices: Sequence[np.ndarray], best: int) -> int:
    """The least count, by asking every cone for fewer than the best one so far."""
    rows = _rational(matrices[-1])
    if len(matrices) == 1:
        return _improved([], rows, best)
    hidden = _rational(matrices[0])
    n = len(hidden[0])
    if len(hidden) < n:
        raise DegenerateError("fewer hidden units than inputs: the cones have no rays")
    for signs, faces in _cones_of(hidden).items():
        active = [i for i, s in enumerate(signs) if s > 0]
        bounds = [[-signs[i] * v for v in hidden[i]] for i in sorted(faces)]
        if len(active) < n:
            best = min(best, _flat(matrices, active, bounds))
            continue
        behind = [[sum((row[i] * hidden[i][c] for i in active), Fraction(0)) for c in range(n)] for row in rows]
        best = _improved(bounds, behind, best)
    return best


def _flat(matrices: Sequence[np.ndarray], active: list[int], bounds: list[list[Fraction]]) -> int:
    """The least count in a cone with one or two active hidden units, whose activities are all that matters.

    Two activities fill a sector, spanned by those at the rays of the cone; the outputs switch at angles in it.
    """
    if not active:
        return 0
    if len(active) == 1:
        return int(np.count_nonzero(matrices[1][:, active[0]] > 0))
    if len(active) > 2:
        raise DegenerateError("a cone has fewer active hidden units than inputs")
    rays = shallow_rays(bounds, 0, hard=len(bounds)).normals
    images = rays @ matrices[0][active].T
    sizes = np.linalg.norm(images, axis=1)
    images = images[sizes > CLOSE * sizes.max()]  # the others lie in the kernel
    ends = np.arctan2(images[:, 1], images[:, 0])
    low, high = ends.min(), ends.max()
    outputs = matrices[1][:, active]
    switches = np.arctan2(outputs[:, 0], -outputs[:, 1]) % np.pi
    inside = np.sort(switches[(switches > low) & (switches < high)])
    corners = np.concatenate([[low], inside, [high]])
    if np.diff(corners).min() < CLOSE or abs(switches[:, None] - [low, high]).min() < CLOSE:
        raise DegenerateError("two angles of a sector are too close to be told apart in double precision")
    middle = (corners[1:] + corners[:-1]) / 2
    return int(np.count_nonzero(outputs @ np.array([np.cos(middle), np.sin(middle)]) > 0, axis=0).min())


def _improved(bounds: list[list[Fraction]], rows: list[list[Fraction]], best: int) -> int:
    """The least count in the cone where the bounds are not positive, if it is less than the best one so far."""
    while best > 0:
        rays = shallow_rays([*bounds, *rows], best - 1, hard=len(bounds))
        if not len(rays.counts):
            break
        best = int(rays.counts.min())
    return best


def _cones_of(rows: list[list[Fraction]]) -> dict[tuple[int, ...], set[int]]:
    """The signs of the rows in every cone, with the rows of its faces: around each ray its ties take every sign."""
    m, n = len(rows), len(rows[0])
    ties = np.array(list(combinations(range(m), n - 1)), dtype=np.int64).reshape(comb(m, n - 1), n - 1)
    determinants = _Determinants(rows)
    signs = determinants.signs(ties, *determinants.normals(ties), slice(0, m)).astype(int)
    found: dict[tuple[int, ...], set[int]] = {}
    for own, row in zip(ties, signs, strict=True):
        for side in (1, -1):
            for choice in product((1, -1), repeat=n - 1):
                pattern = side * row
                pattern[own] = choice
                found.setdefault(tuple(pattern.tolist()), set()).update(own.tolist())
    return found


def _searched(matrices: Sequence[np.ndarray], rng: np.random.Generator) -> int:
    """The least count of the inputs that descent, and walks from cone to cone, come by."""
    starts = descend(matrices, rng, RESTARTS, False)
    best = _count(matrices, starts[0])
    for start in starts[:WALKS]:
        here, count = start, _count(matrices, start)
        for _ in range(CROSSINGS):
            moved = _walked(matrices, here)
            if moved is None:
                break
            lower = _count(matrices, moved)
            if lower < count:
                here, count = moved, lower
            else:  # across a face of the cone, at random
                z = matrices[0] @ here
                near = np.argsort(np.abs(z))[: 2 * len(here)]
                row = matrices[0][rng.choice(near)]
                step = (row @ here) / (row @ row)
                here = here - 1.01 * step * row
                count = _count(matrices, here)
            best = min(best, count)
    return best


def _walked(matrices: Sequence[np.ndarray], x: np.ndarray) -> np.ndarray | None:
    """A better input in the cone of x, where every layer is linear."""
    linear, bounds, state = np.eye(len(x)), [], x
    for matrix in matrices[:-1]:
        linear, z = matrix @ linear, matrix @ state
        bounds.append(-np.sign(z)[:, None] * linear)
        linear = linear * (z > 0)[:, None]
        state = np.maximum(z, 0)
    rows = np.vstack([*bounds, matrices[-1] @ linear])
    hard = len(rows) - len(matrices[-1])
    weights = np.concatenate([np.full(hard, float(len(rows))), np.ones(len(matrices[-1]))])
    try:
        found = walk(rows, weights, x, 0)
    except np.linalg.LinAlgError:
        return None
    return found / np.linalg.norm(found) if np.isfinite(found).all() and found.any() else None


def _count(matrices: Sequence[np.ndarray], x: np.ndarray) -> int:
    """The number of active outputs; exact where floating point could be wrong about a sign."""
    state, spread = np.asarray(x, dtype=float), np.zeros(len(x))
    for i, matrix in enumerate(matrices):
        z = matrix @ state
        spread = np.abs(matrix) @ (spread + (len(state) + 2) * np.finfo(float).eps * np.abs(state))
        if (np.abs(z) <= spread).any():
            break
        if i == len(matrices) - 1:
            return int(np.count_nonzero(z > 0))
        state = np.maximum(z, 0)
    exact = [Fraction(float(v)) for v in x]
    for matrix in matrices:
        exact = [
            max(sum((a * v for a, v in zip(row, exact, strict=True)), Fraction(0)), Fraction(0))
            for row in _rational(matrix)
        ]
    return sum(v > 0 for v in exact)
