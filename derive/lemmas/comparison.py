"""Plain random duality in steps: Gordon's comparison for the minimum count, and the level-1 objective that follows from it."""

from __future__ import annotations

from functools import lru_cache

from sympy import Eq, Expr, Ge, Integer, Max, Min, Symbol, oo

from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation
from ..core.steps import Bound, Definition, Extremum, Identity, Theorem
from ..core.symbols import alpha, chi, gamma_p, gamma_s, nu
from ..objectives.objective import objective

__all__ = ["SaddleProbability", "covariances", "plain_bound", "plain_objective"]

GORDON = "Y. Gordon, Israel Journal of Mathematics 50 (1985)"
N, d, e, f, a, b, c = (Symbol(n, nonnegative=True) for n in ("N", "d", "e", "f", "a", "b", "c"))
g, z = Symbol("g", real=True), Symbol("z", real=True)


class SaddleProbability(Expr):
    r"""The probability :math:`P(\min_x\max_u X_{x,u}\ge c)` of a process, unevaluated.

    >>> SaddleProbability(Symbol("X"), Symbol("c"))
    P(min_x max_u X(x, u) >= c)
    """

    def _eval_is_real(self):
        return True

    def _sympystr(self, printer):
        process, level = map(printer._print, self.args)
        return f"P(min_x max_u {process}(x, u) >= {level})"

    def _latex(self, printer):
        process, level = map(printer._print, self.args)
        return rf"\mathbb{{P}}\left(\min_{{x}} \max_{{u}} {process}_{{x,u}} \geq {level}\right)"


def covariances() -> Formula:
    r"""By how much the covariances of Gordon's two processes differ: :math:`ab/4`, never negative.

    For unit vectors :math:`x, x'` and :math:`u, u'` with :math:`a = |u-u'|^2` and :math:`b = |x-x'|^2`, the bilinear process is
    :math:`X = u^TAx + \gamma` and the decoupled one :math:`Y = g\cdot u + h\cdot x`, with independent standard normal numbers.
    Source: Y. Gordon, Israel Journal of Mathematics 50 (1985).

    >>> covariances().statement
    Eq(C_X - C_Y, a*b/4)
    """
    bilinear, decoupled = Symbol("C_X", real=True), Symbol("C_Y", real=True)
    steps = (
        Definition(
            "For unit vectors the scalar products of u and of x at two points are 1 - a/2 and 1 - b/2. The covariance of the bilinear process "
            "is their product plus 1.",
            Eq(bilinear, (1 - a / 2) * (1 - b / 2) + 1, evaluate=False),
            name="X",
        ),
        Definition(
            "The covariance of the decoupled process is their sum.",
            Eq(decoupled, (1 - a / 2) + (1 - b / 2), evaluate=False),
            name="Y",
        ),
        Identity(
            "The difference is not negative, and it vanishes for a = 0 and for b = 0: Gordon's conditions hold.",
            bilinear - decoupled,
            a * b / 4,
            using=("X", "Y"),
        ),
    )
    return _formula("comparison.covariance", "Covariances of the bilinear and the decoupled process", steps, GORDON)


@lru_cache(maxsize=1)
def plain_bound() -> Formula:
    r"""The count that comparison leaves: :math:`N \ge -P_1` for every :math:`\chi`, with probability tending to one.

    :math:`N` is the least number of active outputs of one ReLU layer over the dimension of the input.  Source: arXiv 2410.20646;
    Y. Gordon, Israel Journal of Mathematics 50 (1985).

    >>> plain_bound().statement
    N >= -alpha*E_u_2[-M_chi(u_2)] - 1/(2*chi)
    """
    plain = objective(level=1)
    (mean,) = plain.energy.atoms(Expectation)
    distance, paid = Eq(d**2, 1 - e, evaluate=False), Eq(N, -alpha * mean - d**2 / (2 * chi) + f, evaluate=False)
    steps = (
        Theorem(
            "Gordon's inequality: the decoupled process Y has the smaller minimum over x of the maximum over u.",
            Ge(SaddleProbability(Symbol("X"), c), SaddleProbability(Symbol("Y"), c), evaluate=False),
            GORDON,
        ),
        Definition(
            "At an input x that keeps N n outputs active, z = A x makes the maximum over u vanish. By comparison "
            "some z with as many positive entries then has |g - z| <= |h|. Per input dimension |h|^2 tends to 1, and e >= 0 is "
            "what the squared distance d^2 falls short of it.",
            distance,
            name="distance",
        ),
        Definition(
            "A row pays 1 if z_i > 0. Together with (z_i - g_i)^2/(2 chi) that is at least the envelope at g_i, whose average over "
            "the rows tends to its mean. The sum over the rows is N + d^2/(2 chi); f >= 0 is what it exceeds the mean by.",
            paid,
            name="count",
        ),
        Identity(
            "Insert the distance: what the count exceeds minus P_1 by.",
            N + plain.energy,
            e / (2 * chi) + f,
            using=("count", "distance"),
            name="excess",
        ),
        Bound(
            "Neither part of it is negative, so that chi may be chosen at will.",
            Ge(N, -plain.energy, evaluate=False),
            using=("count", "distance"),
        ),
    )
    return _formula("comparison.plain", "The count that Gordon's comparison leaves", steps)


@lru_cache(maxsize=1)
def plain_objective() -> Formula:
    r"""The plain objective :math:`\psi_1` from the decoupled problem, in steps.

    A bad input needs :math:`|h| - |g - z| \ge 0` for a z with at most budget n positive entries; :math:`\psi_1` is the largest
    value of the left side, with the multiplier :math:`\nu` for the count and both norms linearised.  Source: arXiv 2410.20646.

    >>> plain_objective().statement.lhs
    psi_1
    """
    plain = objective(level=1)
    psi, row = Symbol("psi_1"), Symbol("E_row", real=True)
    (mean,) = plain.psi.atoms(Expectation)
    here = mean.variable
    moved = Max(0, g) ** 2 / (4 * gamma_p)
    steps = (
        Extremum(
            "The norm of h, which is 1 per input dimension, as a least value: gamma_s linearises it.",
            gamma_s + 1 / (4 * gamma_s),
            gamma_s,
            Integer(0),
            oo,
            Integer(1) / 2,
            Integer(1),
        ),
        Extremum(
            "Minus the distance d as a largest value: gamma_p linearises it.",
            -gamma_p - d**2 / (4 * gamma_p),
            gamma_p,
            Integer(0),
            oo,
            d / 2,
            -d,
            convex=False,
        ),
        Extremum(
            "A row with the field g that becomes inactive moves to the nearest point z <= 0.",
            (z - g) ** 2 / (4 * gamma_p),
            z,
            -oo,
            Integer(0),
            Min(0, g),
            moved,
        ),
        Definition(
            "A row that stays active moves nowhere and pays nu. It does whichever costs less, and the rows are averaged.",
            Eq(row, Expectation(-Min(moved.subs(g, here), nu), here), evaluate=False),
            name="row",
        ),
        Definition(
            "The objective: norm of h, minus the distance, minus what the rows pay, plus what the budget allows.",
            Eq(psi, gamma_s + 1 / (4 * gamma_s) - gamma_p + alpha * row + plain.network.budget * nu, evaluate=False),
            name="psi",
        ),
        Identity("Insert the rows: this is the objective of level 1.", psi, plain.psi, using=("psi", "row")),
    )
    return _formula("comparison.psi", "The plain objective from the decoupled problem", steps)


def _formula(id: str, title: str, steps: tuple, source: str = f"arXiv 2410.20646 and {GORDON}") -> Formula:
    return Formula.concluding(id, title, Derivation(steps), source=source)
