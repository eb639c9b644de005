"""Is a given ReLU network injective? A witness pair, a proof, or an honest `unknown`.

One layer ReLU(A x + b) is not injective exactly when, at some x, the rows with (A x + b)_i >= 0 do not span R^n: a step
along a direction orthogonal to them changes no output until another row turns active. Open cells are enough, where no
row vanishes: a row that vanishes at x can only leave the set when x moves off it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import numpy as np
from flint import fmpq, fmpq_mat

from .arrangement import DegenerateError, Rays, expected_rays, in_general_position, shallow_rays
from .flats import SearchLimit, dot, negative_point_or_dependency, refuting_flat
from .search import candidates
from .weights import Layer, Vector, is_collision

__all__ = ["Verdict", "collision_near", "decide_injectivity", "refute_layer"]

#: Sizes up to which a proof is attempted: expected rays kept at once, tie sets of the position test, and, where rows are
#: dependent, the dimension and the flats.
MAX_RAYS, MAX_TIES, MAX_DIMENSION, MAX_FLATS = 100_000, 10_000_000, 7, 2_000


@dataclass(frozen=True)
class Verdict:
    """`injective` (proved), `not injective` (with two distinct inputs that have equal outputs) or `unknown`."""

    verdict: str
    detail: str
    witness: tuple[Vector, Vector] | None = None


def decide_injectivity(layers: Sequence[Layer], seed: int = 0, restarts: int = 32, walks: int = 8) -> Verdict:
    """Decide whether the composition of the layers is injective on R^n.

    A witness is checked in rational arithmetic before it is returned. A network is proved injective layer by layer, the
    first on R^n and the others on the nonnegative orthant; that is sufficient but not necessary.

    >>> decide_injectivity([Layer([[Fraction(1)], [Fraction(-1)]])]).verdict
    'injective'
    >>> decide_injectivity([Layer([[Fraction(1)], [Fraction(2)]])]).verdict
    'not injective'
    """
    for x in _search(layers, seed, restarts, walks):
        pair = collision_near(layers, x)
        if pair:
            return Verdict("not injective", "local search met an input whose active outputs do not determine it", pair)
    for number, layer in enumerate(layers, start=1):
        try:
            found, method = refute_layer(layer, orthant=number > 1)
        except SearchLimit:
            return Verdict("unknown", f"not refuted by local search; layer {number} is too large for a proof")
        if found is not None and number > 1:
            return Verdict(
                "unknown",
                f"not refuted by local search; layer {number} alone is not injective on the "
                "nonnegative orthant, so there is no proof layer by layer",
            )
        if found is not None:
            pair = collision_near(layers, *found)
            if pair is None:
                raise ArithmeticError("the witness of an exact refutation failed its check")
            return Verdict("not injective", method, pair)
    return Verdict("injective", f"proved for {'the layer' if len(layers) == 1 else 'every layer'}: {method}")


def _search(layers: Sequence[Layer], seed: int, restarts: int, walks: int) -> Iterator[Vector]:
    """Points at which local search finds the active outputs not to determine the input, in floating point."""
    n = layers[0].inputs
    biased = any(layer.bias is not None for layer in layers)
    matrices = []
    for number, layer in enumerate(layers, start=1):
        matrix = np.array([[float(v) for v in row] for row in layer.matrix])
        if biased:
            matrix = np.column_stack([matrix, [float(v) for v in layer.bias or [Fraction(0)] * layer.outputs]])
            if number < len(layers):
                matrix = np.vstack([matrix, np.eye(1, matrix.shape[1], matrix.shape[1] - 1)])
        matrices.append(matrix)
    for point in candidates(matrices, seed, biased, restarts, walks):
        slope, s = np.eye(len(point)), point
        for matrix in matrices:
            z, slope = matrix @ s, matrix @ slope
            s, slope = np.maximum(z, 0), slope * (z > 0)[:, None]
        if np.linalg.matrix_rank(slope[:, :n]) < n and (not biased or point[-1] > 0):
            yield [Fraction(float(v)) for v in (point[:n] / point[n] if biased else point)]


def collision_near(
    layers: Sequence[Layer], x: Sequence[Fraction], direction: Sequence[fmpq] | None = None
) -> tuple[Vector, Vector] | None:
    """Two inputs on either side of x with equal outputs, checked exactly, or None if the outputs determine x locally.

    The step goes along `direction`, by default any direction in which no active output moves, as far as no row changes
    its sign.
    """
    n = layers[0].inputs
    point = [_flint(v) for v in x]
    s = fmpq_mat(n, 1, point)
    slope = fmpq_mat([[fmpq(int(i == j)) for i in range(n)] for j in range(n)])
    moving, fixed = [], []
    for layer in layers:
        matrix = fmpq_mat([[_flint(v) for v in row] for row in layer.matrix])
        bias = [_flint(v) for v in layer.bias or [Fraction(0)] * layer.outputs]
        z = [row[0] + b for row, b in zip((matrix * s).tolist(), bias, strict=True)]
        rows = (matrix * slope).tolist()
        last = layer is layers[-1]
        for value, row in zip(z, rows, strict=True):
            if value == 0 or (last and value > 0):
                fixed.append(row)
            else:
                moving.append((value, row))
        s = fmpq_mat([[max(value, fmpq(0))] for value in z])
        slope = fmpq_mat([row if value > 0 else [fmpq(0)] * n for value, row in zip(z, rows, strict=True)])
    d = direction or null_vector(fixed, n)
    if d is None:
        return None
    rates = [(abs(value), abs(dot(row, d))) for value, row in moving]
    step = min([value / rate for value, rate in rates if rate != 0], default=fmpq(1))
    first, second = ([_fraction(a + sign * step * b) for a, b in zip(point, d, strict=True)] for sign in (1, -1))
    return (first, second) if is_collision(layers, first, second) else None


def null_vector(rows: Sequence[Sequence[fmpq]], n: int) -> list[fmpq] | None:
    """A nonzero rational vector orthogonal to all rows, or None."""
    if not rows:
        return [fmpq(int(i == 0)) for i in range(n)]
    echelon, rank = fmpq_mat(rows).rref()
    if rank == n:
        return None
    pivots = [next(c for c in range(n) if echelon[r, c] != 0) for r in range(rank)]
    free = next(c for c in range(n) if c not in pivots)
    d = [fmpq(int(i == free)) for i in range(n)]
    for r, c in enumerate(pivots):
        d[c] = -echelon[r, free]
    return d


Refutation = tuple[Vector, list[fmpq]]


def refute_layer(layer: Layer, orthant: bool = False) -> tuple[Refutation | None, str]:
    """(x, d) such that ReLU(A x + b) does not change along d near x, or None, which proves injectivity; and the method.

    With `orthant` the inputs are restricted to nonnegative ones. Raises SearchLimit if the layer is too large.
    """
    n = layer.inputs
    rows = layer.matrix if layer.bias is None else [[*row, b] for row, b in zip(layer.matrix, layer.bias, strict=True)]
    width = len(rows[0])
    # rows that must stay negative: -x_j on the orthant, and -t in homogeneous coordinates (x, t)
    barred = [*range(n if orthant else 0), *range(n, width)]
    hard = [[Fraction(-int(i == j)) for i in range(width)] for j in barred]
    exact, exact_hard = ([[_flint(v) for v in row] for row in part] for part in (rows, hard))
    found, method = None, "no direction is orthogonal to all rows that can be active together (search over flats)"
    rays = _rays(layer, [*hard, *rows], len(hard))
    if rays is None:
        if width > MAX_DIMENSION:
            raise SearchLimit(width)
        found = refuting_flat(exact, n, exact_hard, MAX_FLATS)
    else:
        method = "every ray of the arrangement has at least n active rows"
        if len(rays.counts):
            found = _beside_ray(rays, exact, exact_hard, n)
    if found is None:
        return None, method
    x, d = found
    scale = x[n] if layer.bias is not None else fmpq(1)
    return (
        [_fraction(v / scale) for v in x[:n]],
        d,
    ), "an exact search met an input whose active outputs do not determine it"


def _rays(layer: Layer, rows: list[Vector], hard: int) -> Rays | None:
    """The rays with fewer than n active rows, if counting them decides and the sizes allow it."""
    width, n = len(rows[0]), layer.inputs
    if (
        len(rows) < width
        or comb(layer.outputs, n - 1) > MAX_TIES
        or max(expected_rays(width, m, n - 1) for m in range(width, len(rows) + 1)) > MAX_RAYS
        or not in_general_position(layer.matrix)
    ):
        return None
    try:
        return shallow_rays(rows, n - 1, hard)
    except DegenerateError:
        return None


def _beside_ray(
    rays: Rays, rows: Sequence[list[fmpq]], hard: Sequence[list[fmpq]], n: int
) -> tuple[list[fmpq], list[fmpq]]:
    """The refutation next to a ray: the rows active there leave a direction free, all others can be made negative."""
    everything = [*hard, *rows]
    ray = null_vector([everything[i] for i in rays.ties[0]], len(rows[0]))
    if ray is None:
        raise ArithmeticError("the ties of a ray are dependent")
    largest = int(np.argmax(np.abs(rays.normals[0])))
    sign = 1 if (ray[largest] > 0) == (rays.normals[0][largest] > 0) else -1
    d = null_vector([row[:n] for row in rows if sign * dot(row, ray) > 0], n)
    if d is None:
        raise ArithmeticError("the rows active at a ray determine the input")
    x, _ = negative_point_or_dependency([*hard, *(row for row in rows if dot(row[:n], d) != 0)])
    if x is None:
        raise ArithmeticError("the ties of a ray cannot be tipped")
    return x, d


def _flint(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)


def _fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))
