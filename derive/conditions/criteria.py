r"""When lifting helps a hard set on the sphere, decided at its plain level.

With :math:`M = dist(u, K)^2/2` at chi = 1, the plain value is :math:`\alpha_1 = 1/(2\,\mathbb E M)`.  It is stable against full lifting iff
:math:`\alpha_1\, \mathbb E (M'')^2 \le 1`, and partial lifting lowers it iff :math:`\mathrm{Var}\, M < \mathbb E M`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sympy import Expr, Integer, Symbol, oo

from ..blocks.field_averages import mean_value
from ..blocks.outputs import HardSet
from ..core.gaussian import Phi, gaussian_piece

__all__ = ["LiftingCriteria", "half_line_criteria", "lifting_criteria"]

h = Symbol("h", real=True)
kappa = Symbol("kappa", real=True)


@dataclass(frozen=True)
class LiftingCriteria:
    """``stability`` is 1 - alpha_1 E (M'')^2, not negative where the plain level is stable; ``partial`` is Var M - E M, negative where
    partial lifting helps.
    """

    stability: Expr
    partial: Expr
    plain: Expr


def _criteria(mean: Expr, square: Expr, curved: Expr) -> LiftingCriteria:
    return LiftingCriteria(1 - curved / (2 * mean), square - mean**2 - mean, 1 / (2 * mean))


@lru_cache(maxsize=32)
def lifting_criteria(allowed: HardSet) -> LiftingCriteria:
    """The criteria of a set.

    >>> from sympy import Integer
    >>> lifting_criteria(HardSet(((Integer(0), oo),))).stability
    0
    """
    pieces = allowed.pieces(Integer(1), h)
    curved = sum(
        (gaussian_piece(Integer(1), h, Integer(0), Integer(1), p.lower, p.upper).value for p in pieces if p.value != 0),
        Integer(0),
    )
    return _criteria(mean_value(pieces), mean_value(pieces, 2), curved)


@lru_cache(maxsize=1)
def half_line_criteria() -> LiftingCriteria:
    """The criteria of ``[kappa, oo)`` as functions of the symbol ``kappa``."""
    moments = [gaussian_piece((kappa - h) ** n, h, Integer(0), Integer(1), -oo, kappa).value for n in (2, 4)]
    return _criteria(moments[0] / 2, moments[1] / 4, Phi(kappa))
