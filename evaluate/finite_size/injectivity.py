"""Is a given ReLU network injective? A witness pair, a proof, or an honest `unknown`.

One layer ReLU(A x + b) is not injective exactly when, at some x, the rows with (A x + b)_i >= 0 do not span R^n: a step
along a direction orthogonal to them changes no output until another row turns active. Open cells are enough, where no
row vanishes: a row that vanishes at x can only leave the set when x moves off it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from math import comb, gcd, lcm
from random import Random
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat, fmpz, fmpz_mat, nmod_mat

from .arrangement import DegenerateError, Rays, in_general_position, integer_row, most_rays, shallow_rays
from .flats import SearchLimit, dot, negative_point_or_dependency, refuting_flat
from .search import candidates
from .seeds import seed_of
from .weights import Layer, Vector, equilibrated, from_flint, is_collision, to_flint

__all__ = ["Verdict", "collision_near", "decide_injectivity", "refute_layer"]

#: Sizes up to which a proof is attempted: expected rays kept at once, tie sets of the position test, and, where rows are
#: dependent, the dimension and the flats.
MAX_RAYS, MAX_TIES, MAX_DIMENSION, MAX_FLATS = 100_000, 10_000_000, 7, 2_000

#: Signs (rows times tie sets) up to which the exact decision comes before the search.
QUICK = 200_000

#: Binary places to which a point is rounded, one after the other, in the hope of a shorter witness.
PLACES = (2, 5, 10, 20)

#: Columns that share the size of a witness: the more, the shorter it is and the longer its lattice takes.
COLUMNS = 30

#: A prime: a rank modulo it is a lower bound of the rank.
PRIME = 2**61 - 1


@dataclass(frozen=True)
class Verdict:
    """`injective` (proved), `not injective` (with two distinct inputs that have equal outputs) or `unknown`."""

    verdict: str
    detail: str
    witness: tuple[Vector, Vector] | None = None


def decide_injectivity(
    layers: Sequence[Layer],
    seed: int = 0,
    restarts: int = 32,
    walks: int = 8,
    report: Callable[[str], None] = lambda _: None,
    *,
    rng: Any = None,
) -> Verdict:
    """Decide whether the composition of the layers is injective on R^n; ``report`` hears of the stages.

    The search for a witness starts from ``seed``, or from ``rng`` as :func:`~flrdt.evaluate.finite_size.seeds.seed_of` says.

    A witness is checked in rational arithmetic before it is returned. A network is proved injective layer by layer, the
    first on R^n and the others on the nonnegative orthant; that is sufficient but not necessary.

    >>> decide_injectivity([Layer([[Fraction(1)], [Fraction(-1)]])]).verdict
    'injective'
    >>> decide_injectivity([Layer([[Fraction(1)], [Fraction(2)]])]).verdict
    'not injective'
    """
    scaled, exponents = equilibrated(layers)
    found = _decided(scaled, seed_of(seed, rng), restarts, walks, report)
    if found.witness is None or scaled is layers:
        return found
    pair = tuple([v * Fraction(2) ** e for v, e in zip(x, exponents, strict=True)] for x in found.witness)
    if not is_collision(layers, *pair):
        raise ArithmeticError("the witness of the scaled layers failed its check on the given ones")
    return Verdict(found.verdict, found.detail, pair)  # type: ignore[arg-type]


def _decided(layers: Sequence[Layer], seed: int, restarts: int, walks: int, report: Callable[[str], None]) -> Verdict:
    if len(layers) == 1 and _quickly_proved(layers[0]):
        with suppress(SearchLimit):
            return _proved(layers, report)
    report(f"local search ({restarts} descents of a layer of {layers[0].outputs} x {layers[0].inputs})")
    for number, x in enumerate(_search(layers, seed, restarts, walks), start=1):
        report(f"exact check of candidate {number}")
        pair = collision_near(layers, x)
        if pair:
            return Verdict("not injective", "local search met an input whose active outputs do not determine it", pair)
    return _proved(layers, report, quick=False)


def _quickly_proved(layer: Layer) -> bool:
    """Whether the exact decision costs less than a search for a witness."""
    return layer.outputs * comb(layer.outputs, layer.inputs - 1) <= QUICK or layer.inputs <= 2


def _proved(layers: Sequence[Layer], report: Callable[[str], None], quick: bool = True) -> Verdict:
    """The verdict layer by layer; a layer that is too large is ``unknown``, or a SearchLimit where that was ``quick``."""
    for number, layer in enumerate(layers, start=1):
        report(f"exact search, layer {number} of {len(layers)}")
        try:
            found, method = refute_layer(layer, orthant=number > 1)
        except SearchLimit:
            if quick:
                raise
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
    """An input near x and one beside it with equal outputs, checked exactly, or None if the outputs determine x locally.

    The first is x rounded as far as it goes, the second differs along a short direction in which no active output moves
    (or along ``direction``), by a power of two that lets no row change its sign.
    """
    size = max(map(abs, x), default=Fraction(0))
    if size:
        # a power of two below the largest coordinate
        unit = Fraction(2) ** (size.numerator.bit_length() - size.denominator.bit_length() - 1)
        for places in PLACES:
            found = _collision_at(layers, [round(v / unit * 2**places) * unit / 2**places for v in x], None)
            if found:
                return found
    return _collision_at(layers, x, direction)


def _collision_at(
    layers: Sequence[Layer], x: Sequence[Fraction], direction: Sequence[fmpq] | None
) -> tuple[Vector, Vector] | None:
    n = layers[0].inputs
    s = fmpq_mat(n, 1, [to_flint(v) for v in x])
    slope: fmpq_mat | None = None  # the identity
    moving, fixed = [], []
    for layer in layers:
        bias = [to_flint(v) for v in layer.bias or [Fraction(0)] * layer.outputs]
        z = [row[0] + b for row, b in zip((layer.exact * s).tolist(), bias, strict=True)]
        rows = (layer.exact if slope is None else layer.exact * slope).tolist()
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
    rates = fmpq_mat([row for _, row in moving]) * fmpq_mat([[v] for v in d]) if moving else None
    room = [abs(value / rates[i, 0]) for i, (value, _) in enumerate(moving) if rates[i, 0] != 0]  # type: ignore[index]
    step = _power_below(from_flint(min(room))) if room else Fraction(1)
    first, second = list(x), [a + step * from_flint(b) for a, b in zip(x, d, strict=True)]
    if all(layer.bias is None for layer in layers):  # any multiple does as well
        scale = lcm(*(v.denominator for v in (*first, *second)))
        whole = [v * scale for v in first], [v * scale for v in second]
        first, second = min((first, second), whole, key=_bits)
    return (first, second) if is_collision(layers, first, second) else None


def _bits(points: Sequence[Vector]) -> int:
    return sum(v.numerator.bit_length() + v.denominator.bit_length() for point in points for v in point)


def _power_below(value: Fraction) -> Fraction:
    """A power of two of at most the value."""
    return Fraction(2) ** (value.numerator.bit_length() - value.denominator.bit_length() - 1)


def null_vector(rows: Sequence[Sequence[fmpq]], n: int) -> list[fmpq] | None:
    """A nonzero vector of whole numbers orthogonal to all rows, short where that is cheap, or None.

    >>> [int(v) for v in null_vector([[fmpq(1), fmpq(2), fmpq(3)]], 3)]
    [-2, 1, 0]
    """
    integers = fmpz_mat([integer_row([from_flint(v) for v in row]) for row in rows]) if rows else fmpz_mat(1, n)
    pivots = _pivots(integers, n)
    if len(pivots) == n:
        return None
    d = _kernel_vector(integers, pivots, n)
    if any(v != 0 for v in (integers * fmpz_mat([[v] for v in d])).entries()):
        # modulo the prime the rank was too small
        echelon, _, rank = integers.rref()
        if rank == n:
            return None
        pivots = [next(c for c in range(n) if echelon[r, c] != 0) for r in range(rank)]
        d = _kernel_vector(integers, pivots, n)
    return [fmpq(v) for v in d]


def _pivots(integers: fmpz_mat, n: int) -> list[int]:
    """Columns that are independent modulo a prime, as many as there are."""
    echelon, rank = nmod_mat(integers, PRIME).rref()
    pivots, c = [], 0
    for r in range(rank):
        while int(echelon[r, c]) == 0:
            c += 1
        pivots.append(c)
    return pivots


def _kernel_vector(integers: fmpz_mat, pivots: list[int], n: int) -> list[fmpz]:
    """A short vector of whole numbers orthogonal to a matrix whose columns outside the pivots depend on those.

    With a few columns C beside the pivots B it is (-B^-1 C z, z).  The z that make it whole numbers form a lattice of index
    det B at most, with short vectors of about (det B)^(1/t) for t columns, where a single column would need z = det B.
    """
    chosen = set(pivots)
    free = [c for c in range(n) if c not in chosen]
    k = len(pivots)
    if k == 0:
        return [fmpz(int(c == free[0])) for c in range(n)]
    table = integers.tolist()
    square = fmpz_mat([[row[c] for c in pivots] for row in table])
    independent = [table[r] for r in _pivots(square.transpose(), len(table))]
    others = free[:COLUMNS]
    solved = fmpz_mat([[row[c] for c in pivots] for row in independent]).solve(
        fmpz_mat([[-row[c] for c in others] for row in independent])
    )
    z = fmpz_mat([[v] for v in _short_tail(solved)])  # type: ignore[arg-type]
    y = solved * fmpq_mat(z)  # type: ignore[operator]
    scale = lcm(*(int(v.q) for v in y.entries()))
    d = [fmpz(0)] * n
    for c, v in zip([*pivots, *others], [*y.entries(), *map(fmpq, z.entries())], strict=True):
        d[c] = (v * scale).p
    divisor = gcd(*map(int, d))
    return [v // divisor for v in d]


def _short_tail(solved: fmpq_mat) -> list[fmpz]:
    """Few digits z, not all zero, such that solved * z are whole numbers.

    Row by row: the z that make one more entry whole are a sublattice given by one congruence; its basis is reduced.
    """
    columns = solved.ncols()
    basis = fmpz_mat([[int(i == j) for j in range(columns)] for i in range(columns)])
    if columns == 1:
        return [fmpz(lcm(*(int(v.q) for v in solved.entries())))]
    choice = Random(0)
    for row in solved.tolist():
        values = (fmpq_mat([row]) * fmpq_mat(basis.transpose())).entries()
        modulus = lcm(*(int(v.q) for v in values))
        if modulus == 1:
            continue
        weights = [int(v.p) * (modulus // int(v.q)) for v in values]
        # the weights and the modulus have no common factor, so some combination of the weights has an inverse
        mixed = [1] + [0] * (columns - 1)
        while gcd(total := sum(c * w for c, w in zip(mixed, weights, strict=True)), modulus) > 1:
            mixed = [1] + [choice.randrange(-9, 10) for _ in range(columns - 1)]
        inverse = pow(total, -1, modulus)
        congruent = [[modulus * c for c in mixed]]
        for i in range(1, columns):
            factor = -weights[i] * inverse % modulus
            congruent.append([factor * c + int(i == j) for j, c in enumerate(mixed)])
        basis = (fmpz_mat(congruent) * basis).lll()
    return min(basis.tolist(), key=lambda row: sum(int(v) ** 2 for v in row))


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
    exact, exact_hard = ([[to_flint(v) for v in row] for row in part] for part in (rows, hard))
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
        [from_flint(v / scale) for v in x[:n]],
        d,
    ), "an exact search met an input whose active outputs do not determine it"


def _rays(layer: Layer, rows: list[Vector], hard: int) -> Rays | None:
    """The rays with fewer than n active rows, if counting them decides and the sizes allow it."""
    width, n = len(rows[0]), layer.inputs
    if (
        len(rows) < width
        or comb(layer.outputs, n - 1) > MAX_TIES
        or most_rays(width, len(rows), MAX_RAYS) > MAX_RAYS
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
