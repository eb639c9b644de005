r"""The innermost expectation of the tower, by Gaussian integration over the pieces of the envelope.

:math:`W(x) = \mathbb E\, e^{-y M_\chi(x + \sqrt D\, u)}` is closed form for every gate whose envelope is piecewise
quadratic; so are the plain-level energy and the second moment of the distance to the inactive set.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sympy import Add, Eq, Expr, Integer, Symbol, erfc, exp, oo, sqrt, symbols

from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.gaussian import Expectation, check_piece, gaussian_piece
from ..core.symbols import chi
from ..networks.gates import Gate

__all__ = ["Innermost", "innermost"]

x, h, u = symbols("x h u", real=True)
D, y = symbols("D y", positive=True)


@dataclass(frozen=True)
class Innermost:
    """``W(x)`` with its symbols: field ``x``, variance ``D``, lifting parameter ``y``, susceptibility ``chi``."""

    gate: Gate
    W: Expr
    formula: Formula
    x: Symbol = x
    D: Symbol = D
    y: Symbol = y
    chi: Symbol = chi


@lru_cache(maxsize=64)
def innermost(gate: Gate) -> Innermost:
    r"""Derive :math:`W(x) = \mathbb E e^{-y M_\chi(x+\sqrt D u)}` for the gate.

    Source: arXiv 2410.20646 (one layer, fully lifted RDT) for the ReLU; any gate given by an active set here.

    >>> from flrdt.derive import relu
    >>> sorted(map(str, innermost(relu()).W.free_symbols))
    ['D', 'chi', 'x', 'y']
    """
    steps: list[Step] = []
    terms: list[Expr] = []
    for piece in gate.pieces(chi, h):
        integrand = exp(-y * piece.value(chi))
        value = gaussian_piece(integrand, h, x, D, piece.lower, piece.upper).value
        kind = "constant" if piece.distance is None else "quadratic"
        steps.append(
            Step(
                f"Integrate the {kind} piece {piece.lower} < h < {piece.upper} of the envelope against N(x, D).",
                Eq(Symbol(rf"W_{len(terms) + 1}"), value),
                _piece_check(integrand),
            )
        )
        terms.append(value)
    W = Add(*terms)
    steps.append(Step("Add the pieces.", Eq(Symbol("W"), W), lambda: identically_zero(W.subs(y, 0).rewrite(erfc) - 1)))
    unfolded = Expectation(exp(-y * gate.envelope(x + sqrt(D) * u, chi)), u)
    formula = Formula(
        id=f"innermost.{gate}",
        title=f"Innermost expectation of the tower, gate {gate}",
        statement=Eq(unfolded, W, evaluate=False),
        derivation=Derivation(tuple(steps)),
        status=Status.RIGOROUS,
        source="arXiv 2410.20646 (innermost lifted expectation); Gaussian integration",
        assumptions=("D > 0", "chi > 0", "y > 0", "x real"),
        variables=(x, D, y, chi),
    )
    return Innermost(gate, W, formula)


def _piece_check(integrand: Expr):
    return lambda: check_piece(integrand, h, x, D)


@lru_cache(maxsize=64)
def plain_expectation(gate: Gate) -> Expr:
    """``E M_chi(u)`` for a standard normal u: the count term of the plain level."""
    return Add(
        *(
            gaussian_piece(p.value(chi), h, Integer(0), Integer(1), p.lower, p.upper).value
            for p in gate.pieces(chi, h)
            if p.value(chi) != 0
        )
    )


@lru_cache(maxsize=64)
def zero_energy_threshold(gate: Gate) -> Expr:
    r"""The largest alpha with zero plain ground-state energy, ``1/E[dist(u, B^c)^2]``.

    For large chi the plain objective is :math:`(1 - \alpha\, \mathbb E\, dist^2)/(2\chi)`, which is positive, and
    so has infimum 0, exactly up to this alpha.  For the ReLU it is 2.

    >>> from flrdt.derive import relu
    >>> zero_energy_threshold(relu())
    2
    """
    total: Expr = Integer(0)
    for a, b in gate.components:
        middle = (a + b) / 2 if a != -oo and b != oo else (oo if a != -oo else -oo)
        if a != -oo:
            total += gaussian_piece((h - a) ** 2, h, Integer(0), Integer(1), a, middle).value
        if b != oo:
            total += gaussian_piece((b - h) ** 2, h, Integer(0), Integer(1), middle, b).value
    return (1 / total).simplify()
