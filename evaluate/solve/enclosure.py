"""Existence and local uniqueness of a stationary point, with a proved radius: the Krawczyk operator.

Every proof of the toolkit that a point exists goes through :func:`krawczyk`; systems whose values at balls are enclosures
(closed forms, and towers whose quadrature has a proved error) are proved by :func:`enclose`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from flint import arb, arb_mat
from mpmath import matrix, mp

from ..quadrature.error_bound import QuadratureError
from ..systems.system import Goal, ProvedSystem
from .point import ConvergenceError, Point

GUARD = 6  # digits computed beyond those asked for
ROUGH = 15.0  # digits of the curvature that finds the size of the step, and the least of that on the box
PIVOT_BITS = 256  # of pivots, whose signs must not drown in rounding
SPARE = 4.0  # digits of the curvature beyond those that the step lacks
Report = Callable[[str], None]

__all__ = [
    "GUARD",
    "enclose",
    "exact_mpf",
    "inertia",
    "inverse_midpoint",
    "krawczyk",
    "positive_definite",
    "step_towards_root",
]


def inverse_midpoint(jacobian: Sequence[Sequence[arb]]) -> arb_mat:
    """An exact matrix close to the inverse of the Jacobian; raises ZeroDivisionError if it is singular."""
    return arb_mat([[entry.mid() for entry in row] for row in jacobian]).inv().mid()


def step_towards_root(inverse: arb_mat, residual: Sequence[arb]) -> list[arb]:
    """The (chord) Newton correction, inverse times residual."""
    product = inverse * arb_mat([[f] for f in residual])
    return [product[i, 0] for i in range(len(residual))]


def krawczyk(
    centre: Sequence[arb],
    correction: Sequence[arb],
    box: Sequence[arb],
    jacobian: Sequence[Sequence[arb]],
    inverse: arb_mat,
) -> list[arb] | None:
    """K(X) = m - Y F(m) + (I - Y F'(X)) (X - m), or None if it does not lie in the interior of X.

    ``correction`` encloses Y F(m) at the exact point ``centre``, ``jacobian`` encloses F' on all of
    ``box``. If K(X) lies in the interior of X then X contains exactly one root of F, and the root lies in
    K(X) (Krawczyk 1969, Moore 1977).
    """
    n = len(centre)
    identity = arb_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])
    spread = arb_mat([[b - m] for b, m in zip(box, centre, strict=True)])
    contraction = (identity - inverse * arb_mat([list(row) for row in jacobian])) * spread
    image = [centre[i] - correction[i] + contraction[i, 0] for i in range(n)]
    return image if all(b.contains_interior(k) for b, k in zip(box, image, strict=True)) else None


def positive_definite(matrix: Sequence[Sequence[arb]]) -> bool:
    """Whether every symmetric matrix in the enclosure is positive definite, by Sylvester's criterion."""
    rows = [list(row) for row in matrix]
    return all(arb_mat([row[:k] for row in rows[:k]]).det() > 0 for k in range(1, len(rows) + 1))


def exact_mpf(ball: arb) -> Any:
    """The midpoint as an mpf, exactly."""
    mantissa, exponent = ball.mid().man_exp()
    with mp.workprec(max(53, int(mantissa).bit_length())):
        return mp.ldexp(mp.mpf(int(mantissa)), int(exponent))


def _taylor(value: arb, slope: Sequence[arb], rows: Sequence[Sequence[arb]], step: Sequence[arb]) -> arb:
    """Value after a step, with the curvature on a box that holds the whole step."""
    total = value + sum((g * s for g, s in zip(slope, step, strict=True)), arb(0))
    for row, s in zip(rows, step, strict=True):
        total += s * sum((c * t for c, t in zip(row, step, strict=True)), arb(0)) / 2
    return total


def _places(numbers: Sequence[arb]) -> float:
    """To how many decimal places the numbers are small."""
    size = reduce(arb.max, (abs(v).upper() for v in numbers))
    return math.inf if not size > 0 else -float(size.log()) / math.log(10)


def enclose(system: ProvedSystem, goal: Goal, x: Sequence[Any], digits: int, report: Report = lambda _: None) -> Point:
    r"""The stationary point near natural coordinates ``x`` (mpf), proved: exactly one lies within the errors.

    Krawczyk's operator is taken with the slope at ``x``, to the digits asked for, and the curvature on a small box, to the
    digits that the step of that slope lacks.  With the step s the value is :math:`G + g \cdot s + \frac12 s^T H s`, H
    from the box.  The errors are as small as ``x`` allows: about the square of its own for the value.  Raises
    ``ConvergenceError`` if the proof does not succeed: then the point is no regular one, or lies at the border of
    the closed form.
    """
    b, full = system.backend, digits + GUARD
    bits = system.bits(x, full)
    with b.precision(bits), mp.workprec(bits):
        centre = [b.number(v) for v in x]
        grid = system.proved_quadrature(centre, full)
        report(f"proving {digits} digits: slope at the point")
        here = system.parts(centre, grid, 1)
        slope = goal.slope(here, b)
        with b.precision(system.bits(x, ROUGH)):
            rough = system.parts(centre, system.quadrature(centre, ROUGH), 2)
            inverse = inverse_midpoint(goal.curvature(rough, b))
        correction = step_towards_root(inverse, slope)
        reached = min(_places(correction), full)
        lacking, said = max(full - reached, ROUGH) + SPARE, ""
        for growth in (4, 64, 1024):
            # where no step is left, the rounding of the centre itself is the box
            widths = [(abs(s) * growth + (1 + abs(c)) * arb(2) ** (8 - bits) + arb(10) ** -full).upper()
                      for s, c in zip(correction, centre, strict=True)]  # fmt: skip
            box = [c + arb(0, w) for c, w in zip(centre, widths, strict=True)]
            if not system.smooth(box):
                continue
            report(f"proving {digits} digits: curvature on a box, {lacking:.0f} digits")
            with b.precision(system.bits(x, lacking)):
                try:
                    there = system.parts(box, system.proved_quadrature(box, lacking, 2), 2)
                except QuadratureError as problem:  # the box is too wide for a bound
                    said = f": {problem}"
                    continue
                rows = goal.curvature(there, b)
                if not all(v.is_finite() for row in rows for v in row):
                    continue
                inverse = inverse_midpoint(rows)
            image = krawczyk(centre, step_towards_root(inverse, slope), box, rows, inverse)
            if image is None:
                continue
            step = [i - c for i, c in zip(image, centre, strict=True)]
            value, values = _taylor(goal.value(here, b), slope, rows, step), system.values(image)
            A, B = (_taylor(*t, step) for t in ((here.A, here.dA, there.ddA), (here.B, here.dB, there.ddB)))
            if not system.inside(values):
                raise ConvergenceError("the stationary point left the domain of the level")
            signs = inertia(matrix([[b.to_mpf(v) for v in row] for row in rows]))
            return Point(
                names=tuple(system.names),
                x=tuple(map(exact_mpf, image)),
                values=tuple(map(exact_mpf, values)),
                errors=tuple(exact_mpf(v.rad()) for v in values),
                value=exact_mpf(value),
                value_error=exact_mpf(value.rad()),
                residual=max(exact_mpf(s.abs_upper()) for s in slope),
                inertia=signs,
                A=exact_mpf(A),
                B=exact_mpf(B),
                B_error=exact_mpf(B.rad()),
                proved=True,
            )
    raise ConvergenceError(f"the stationary point could not be enclosed at this precision{said}")


def inertia(rows: Any) -> tuple[int, int]:
    """Numbers of positive and negative eigenvalues of a symmetric matrix: the signs of its pivots (Sylvester)."""
    from ..arithmetic.backends import backend

    b, n = backend("arb"), rows.rows
    with b.precision(PIVOT_BITS):
        left = [[b.number(rows[i, j]).mid() for j in range(n)] for i in range(n)]
        signs = []
        for k, row in enumerate(left):
            pivot = row[k]
            if pivot.contains(0):
                raise ConvergenceError("the Hessian is singular at the stationary point")
            signs.append(bool(pivot > 0))
            for below in left[k + 1 :]:
                factor = below[k] / pivot
                for j in range(k + 1, n):
                    below[j] -= factor * row[j]
        return sum(signs), n - sum(signs)
