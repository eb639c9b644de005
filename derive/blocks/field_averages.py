r"""Averages over one Gaussian field, in closed form: of a piecewise linear-quadratic envelope, of spins, of a set.

:math:`W(x) = \mathbb E\, e^{-y M(x + \sqrt D\, u)}` is a sum over the pieces of the envelope, each a Gaussian integral; with
:math:`|h|` in place of :math:`-M` it is the innermost step of a spin tower.  Every piece is kept in factored form, so that an
evaluator can add pieces of very different size without losing digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Add, Expr, Integer, Symbol, exp, log, oo, symbols

from ..core.gaussian import Phi, gaussian_piece
from .outputs import Piece

__all__ = ["FieldAverage", "FieldTerm", "envelope_average", "mean_value", "set_probability", "spin_average"]

ONE = Integer(1)
x, h = symbols("x h", real=True)
D, y = symbols("D y", positive=True)


@dataclass(frozen=True)
class FieldTerm:
    """``exp(exponent) * (Phi(high) - Phi(low))``: one piece of an average, its scale inside the exponent."""

    exponent: Expr
    low: Expr
    high: Expr

    @property
    def value(self) -> Expr:
        mass = Phi(-self.low) if self.high == oo else Phi(self.high) - Phi(self.low)
        return exp(self.exponent) * mass


@dataclass(frozen=True)
class FieldAverage:
    """``W(x)`` as a sum of terms; ``x`` is the field, ``D`` the variance, ``y`` the lifting parameter."""

    terms: tuple[FieldTerm, ...]
    x: Symbol = x
    D: Symbol = D
    y: Symbol = y

    @property
    def W(self) -> Expr:
        """The average written out."""
        return Add(*(t.value for t in self.terms))


def _term(weight: Expr, lower: Expr, upper: Expr) -> FieldTerm:
    piece = gaussian_piece(exp(weight), h, x, D, lower, upper)

    def standardised(end: Expr) -> Expr:
        return end if end in (oo, -oo) else (end - piece.centre) / piece.spread

    return FieldTerm(log(piece.scale) + piece.exponent, standardised(lower), standardised(upper))


def envelope_average(pieces: Sequence[Piece]) -> FieldAverage:
    r"""``E exp(-y M(x + sqrt(D) u))`` for an envelope given by its pieces in the variable ``h``.

    >>> from flrdt.derive.blocks.outputs import HardSet
    >>> pieces = HardSet(((Integer(0), oo),)).pieces(Integer(1), h)
    >>> envelope_average(pieces).W.subs({x: 0, D: 1})
    1/2 + 1/(2*sqrt(y + 1))
    """
    return FieldAverage(tuple(_term(-y * p.value, p.lower, p.upper) for p in pieces))


def spin_average() -> FieldAverage:
    r"""``E exp(y |x + sqrt(D) u|)``: the largest of the two spin values, averaged.

    >>> spin_average().W.subs(x, 0)
    2*exp(D*y**2/2)*Phi(sqrt(D)*y)
    """
    return FieldAverage((_term(y * h, Integer(0), oo), _term(-y * h, -oo, Integer(0))))


def set_probability(intervals: Sequence[tuple[Expr, Expr]]) -> FieldAverage:
    r"""``P(x + sqrt(D) u in K)``: the innermost expectation where the lifting parameter is infinite."""
    return FieldAverage(tuple(_term(Integer(0), a, b) for a, b in intervals))


def mean_value(pieces: Sequence[Piece], power: int = 1, variance: Expr = ONE) -> Expr:
    r"""``E M(sqrt(variance) u)^power`` for a standard normal u: the plain level, and its second moment.

    >>> from flrdt.derive.blocks.outputs import HardSet
    >>> mean_value(HardSet(((Integer(0), oo),)).pieces(Integer(1), h))
    1/4
    """
    return Add(
        *(
            gaussian_piece(p.value**power, h, Integer(0), variance, p.lower, p.upper).value
            for p in pieces
            if p.value != 0
        )
    )
