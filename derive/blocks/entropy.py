r"""The perceptron with Ising spins where its capacity lies: infinite lifting parameter, an entropy with hard constraints.

With :math:`c_2 \to \infty` the spin tower of :math:`|h|` becomes one of :math:`\log 2\cosh` and the tower of the squared distance one
of :math:`\log P(x + \sqrt{1-p_2}\,u \in K)`; ratios :math:`m_k = c_k/c_2` and :math:`\hat q_k = c_2^2 q_k` stay finite.  Level r is then the
(r-2)-step entropy :math:`\Phi_r`, and the capacity is the alpha at which it vanishes while it is stationary.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sympy import Add, Eq, Expr, Integer, Rational, Symbol, cosh, exp, log, oo, pi, simplify

from ..core.formulas import InputError
from ..core.gaussian import gaussian_piece
from ..core.symbols import Level, alpha
from .field_averages import FieldAverage, FieldTerm, mean_value, set_probability
from .outputs import HardSet
from .tower import tower

__all__ = ["Entropy", "entropy", "first_moment", "plain_ising", "spin_entropy_step"]


def plain_ising(allowed: HardSet) -> Expr:
    r"""The plain level, ``(2/pi)/E dist(u, K)^2``.

    At level 1 the objective is :math:`\sqrt{2/\pi} - \gamma_p - \alpha\,\mathbb E\, dist^2/(4\gamma_p)`; it is stationary in gamma_p and zero
    there.

    >>> plain_ising(HardSet(((Integer(0), oo),)))
    4/pi
    """
    h = Symbol("h", real=True)
    square = mean_value(allowed.pieces(Rational(1, 2), h))
    return simplify(2 / pi / square)


def probability(allowed: HardSet) -> Expr:
    """``P(u in K)`` for a standard normal u."""
    h = Symbol("h", real=True)
    return Add(*(gaussian_piece(Integer(1), h, Integer(0), Integer(1), a, b).value for a, b in allowed.intervals))


def first_moment(allowed: HardSet) -> Expr:
    """``-log 2/log P(u in K)``: the entropy at p = 0, where the expected number of solutions is 1.

    >>> first_moment(HardSet(((Integer(0), oo),)))
    1
    """
    return -log(2) / log(probability(allowed))


def spin_entropy_step() -> Eq:
    r""":math:`\frac1c \log(e^{cx} + e^{-cx}) \to |x|`: the spin tower at infinite c in units of c is that of ``log 2cosh``.

    >>> spin_entropy_step()
    Eq(log(2*cosh(x)), log(exp(x) + exp(-x)))
    """
    a = Symbol("x", real=True)
    return Eq(log(2 * cosh(a)), log(exp(a) + exp(-a)), evaluate=False)


@dataclass(frozen=True)
class Entropy:
    r"""``Phi_r`` of a hard set: parameters p_2, ..., p_r, qh_2, ..., qh_r, m_3, ..., m_r.

    ``elementary + T[log 2cosh; qh, m] + alpha T[log P; p, m]``; the capacity is ``(elementary + T)/(-T)`` at its stationary point.
    With ``symmetric`` the outermost overlaps p_r and qh_r vanish, as they do for K = -K.
    """

    allowed: HardSet
    level: Level

    def __post_init__(self) -> None:
        if self.level.r < 2 or self.level.partial:
            raise InputError(f"the entropic form starts at level 2, not {self.level}")

    @property
    def symmetric(self) -> bool:
        return self.allowed.symmetric

    def p(self, k: int) -> Expr:
        """Overlaps; the outermost is 0 for a symmetric set."""
        r = self.level.r
        if k == 1:
            return Integer(1)
        return Integer(0) if k > r or (k == r and self.symmetric) else Symbol(f"p_{k}", positive=True)

    def q(self, k: int) -> Expr:
        """Rescaled dual overlaps."""
        r = self.level.r
        return Integer(0) if k > r or (k == r and self.symmetric) else Symbol(f"qh_{k}", positive=True)

    def m(self, k: int) -> Expr:
        """Ratios of lifting parameters, m_2 = 1."""
        return Integer(1) if k == 2 else Symbol(f"m_{k}", positive=True)

    @cached_property
    def parameters(self) -> tuple[Symbol, ...]:
        r = self.level.r
        every = [self.p(k) for k in range(2, r + 1)] + [self.q(k) for k in range(2, r + 1)]
        return tuple(s for s in [*every, *(self.m(k) for k in range(3, r + 1))] if isinstance(s, Symbol))

    @cached_property
    def elementary(self) -> Expr:
        """``-qh_2 (1-p_2)/2 - (1/2) sum_{k>=3} m_k (p_{k-1} qh_{k-1} - p_k qh_k)``."""
        r, p, q, m = self.level.r, self.p, self.q, self.m
        coupling = Add(*(m(k) * (p(k - 1) * q(k - 1) - p(k) * q(k)) for k in range(3, r + 1)))
        return -q(2) * (1 - p(2)) / 2 - coupling / 2

    @property
    def spins(self) -> FieldAverage:
        """``2 cosh(y x)`` as a field average; the variance does not enter."""
        a = FieldAverage(())
        return FieldAverage(tuple(FieldTerm(s * a.y * a.x, -oo, oo) for s in (1, -1)))

    @property
    def constraints(self) -> FieldAverage:
        """``P(x + sqrt(D) u in K)``."""
        return set_probability(self.allowed.intervals)

    @property
    def lifting(self) -> list[Expr]:
        """``m_2 = 1, m_3, ..., m_r``."""
        return [self.m(k) for k in range(2, self.level.r + 1)]

    def increments(self, family: str) -> list[Expr]:
        """``v_2 - v_3, ..., v_r`` of the overlaps; the first tower step, inside the average, is ``1 - p_2`` or nothing."""
        v = self.p if family == "p" else self.q
        first = 1 - self.p(2) if family == "p" else Integer(1)
        return [first, *(v(k - 1) - v(k) for k in range(3, self.level.r + 1)), v(self.level.r)]

    @cached_property
    def expression(self) -> Expr:
        """``Phi_r`` with its towers written out."""
        r = self.level.r

        def nested(f, v) -> Expr:
            steps = [(self.m(k), v(k - 1) - v(k)) for k in range(3, r + 1)]
            return tower(f, steps, v(r))

        a = self.constraints
        P = a.W.subs(a.D, 1 - self.p(2))
        spin = nested(lambda g: log(2 * cosh(g)), self.q)
        return self.elementary + spin + alpha * nested(lambda g: log(P.subs(a.x, g)), self.p)


def entropy(allowed: HardSet, level: Level | int | str = 2) -> Entropy:
    """The entropic objective of a hard set at a level.

    >>> entropy(HardSet(((Integer(0), oo),))).parameters
    (p_2, qh_2)
    """
    if any(a == b for a, b in allowed.intervals) and all(a == b for a, b in allowed.intervals):
        raise InputError(f"the set {allowed} has measure zero: no Ising perceptron has solutions there")
    return Entropy(allowed, Level.parse(level))
