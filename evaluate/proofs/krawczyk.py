"""Existence and local uniqueness of a root, with a proved radius: the Krawczyk operator."""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, arb_mat

__all__ = ["inverse_midpoint", "krawczyk", "positive_definite", "step_towards_root"]


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
