"""Existence and local uniqueness of a stationary point, with a proved radius: the Krawczyk operator.

Every proof of the toolkit that a point exists goes through :func:`krawczyk`; systems whose values at balls are enclosures
(the closed forms) are proved by :func:`enclose`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flint import arb, arb_mat
from mpmath import mp

from ..systems.closed import ClosedSystem
from ..systems.system import Goal
from .point import ConvergenceError, Point

__all__ = ["enclose", "exact_mpf", "inverse_midpoint", "krawczyk", "positive_definite", "step_towards_root"]


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


def enclose(system: ClosedSystem, goal: Goal, point: Point, digits: int) -> Point:
    """The same point with every number enclosed: exactly one stationary point lies within the errors.

    ``point`` should be good to about the digits.  Raises :class:`ConvergenceError` if the proof does not succeed: then
    the point is no regular one, or lies at the border of the closed form.
    """
    b = system.backend
    with b.precision(system.bits(point.x, digits + 12)):
        centre = [b.number(v) for v in point.x]
        here = system.parts(centre, None, 2)
        slope = goal.slope(here, b)
        inverse = inverse_midpoint(goal.curvature(here, b))
        correction = step_towards_root(inverse, slope)
        for growth in (4, 64, 1024):
            # where no step is left, the rounding of the centre itself is the box
            widths = [(abs(s) * growth + (1 + abs(c)) * arb(2) ** (8 - system.bits(point.x, digits + 12))).upper()
                      for s, c in zip(correction, centre, strict=True)]  # fmt: skip
            box = [c + arb(0, w) for c, w in zip(centre, widths, strict=True)]
            if not system.smooth(box):
                continue
            there = system.parts(box, None, 2)
            image = krawczyk(centre, correction, box, goal.curvature(there, b), inverse)
            if image is None:
                continue
            # by the mean value theorem, from the centre to the stationary point
            moved = sum((s * (i - c) for s, i, c in zip(goal.slope(there, b), image, centre, strict=True)), arb(0))
            value, values = goal.value(here, b) + moved, system.values(image)
            parts = system.parts(image, None, 0)
            return replace(
                point,
                x=tuple(map(exact_mpf, image)),
                values=tuple(map(exact_mpf, values)),
                errors=tuple(exact_mpf(v.rad()) for v in values),
                value=exact_mpf(value),
                value_error=exact_mpf(value.rad()),
                residual=max(exact_mpf(s.abs_upper()) for s in slope),
                A=exact_mpf(parts.A),
                B=exact_mpf(parts.B),
                B_error=exact_mpf(parts.B.rad()),
                proved=True,
            )
    raise ConvergenceError("the stationary point could not be enclosed at this precision")
