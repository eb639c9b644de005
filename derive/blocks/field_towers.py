r"""What an evaluator reads of an objective that is not closed form: its towers, its spheres, the order of its parameters.

An objective is a sum of terms.  A term whose tower is not closed form is a :class:`FieldTower`: only the innermost
expectation is integrated, and everything else about it (increments of the field, lifting parameters, weight) is an
expression in the parameters, so that a new problem states its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sympy import Expr, Integer, Symbol

__all__ = ["Anchor", "FieldTower", "Fronts", "SphereSum"]


@dataclass(frozen=True)
class Fronts:
    r"""How the innermost :math:`e^{yf}` of an envelope is made of sets whose ends move, which bounds it off the real line.

    :math:`e^{yf(h)} = e^{-y} + \int_0^1 2yt\,e^{-yt^2}\,\mathbf 1[\mathrm{dist}(h, I) < kt]\,dt` with the inactive set I.  It
    has ``count`` finite ends, of which ``first`` and ``last`` are the outermost, ``reach`` is k, and no part of the active
    set is shorter than ``room`` (infinite if every part is unbounded), so that the ends do not meet while k < room/2.
    """

    count: int
    first: Expr
    last: Expr
    reach: Expr
    room: Expr


@dataclass(frozen=True)
class FieldTower:
    r"""``weight * T_r[f]`` with the closed form :math:`W(x) = \mathbb E\, e^{y f(x + \sqrt D\,u)}` of its innermost level.

    ``own`` gives the further symbols of W as expressions in the parameters of the objective; ``increments`` are the
    variances :math:`d_2, \dots, d_r` of the field and the outermost :math:`d_{r+1}` (differences of a kernel of the
    overlaps, in general), ``lifting`` the :math:`y_2, \dots, y_r`.  ``limits`` are the values of f far to the left and far
    to the right, ``None`` where f is not constant there; f is constant outside ``ends``.  ``weight`` is a number times, or
    not times, the width of the last layer.  With ``fronts`` the quadrature has a proved error.
    """

    name: str
    weight: Expr
    W: Expr
    point: Symbol
    variance: Symbol
    rate: Symbol
    own: tuple[tuple[Symbol, Expr], ...]
    increments: tuple[Expr, ...]
    lifting: tuple[Expr, ...]
    limits: tuple[Expr | None, Expr | None]
    ends: tuple[Expr, Expr]
    fronts: Fronts | None = None


@dataclass(frozen=True)
class SphereSum:
    r"""``weight * S_r``, the integrated sphere :math:`S_r = \sum_k \frac1{2y_k}\log\frac{\Lambda_k}{\Lambda_{k-1}} +
    \frac{p_r}{2\Lambda_r}`, with its arguments :math:`\Lambda_1`, :math:`p_2..p_r`, :math:`y_2..y_r`.

    Evaluators sum it by its recursion, in O(r) instead of the O(r^3) of the written-out slopes.
    """

    weight: Expr
    first: Expr
    overlaps: tuple[Expr, ...]
    lifting: tuple[Expr, ...]


@dataclass(frozen=True)
class Anchor:
    """Natural coordinate of a parameter: the logarithm of ``sign * (parameter - anchor)``.

    The anchor is a number or another parameter: ``p_3 < p_2`` is the anchor p_2 with sign -1, ``y_2 > y_3`` the anchor
    y_3 with sign +1, ``chi > 0`` the anchor 0.
    """

    anchor: Expr = field(default=Integer(0))
    sign: int = 1
