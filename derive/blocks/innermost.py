r"""The innermost expectation of the tower, by Gaussian integration over the pieces of the envelope.

:math:`W(x) = \mathbb E\, e^{-y M_\chi(x + \sqrt D\, u)}` is closed form for every gate whose envelope is piecewise
quadratic; so are the plain-level energy and the second moment of the distance to the inactive set.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sympy import Add, Eq, Expr, Function, Integer, Piecewise, Symbol, exp, oo, sqrt, symbols

from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation, gaussian_piece
from ..core.steps import Definition, GaussianMean, Identity, PiecewiseMean, Step, Unfolding
from ..core.symbols import chi
from ..networks.gates import Gate
from .definitions import envelope

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
    steps: list[Step] = list(envelope(gate).derivation.steps)
    terms: list[Expr] = []
    for piece in gate.pieces(chi, h):
        integrand = exp(-y * piece.value(chi))
        value = gaussian_piece(integrand, h, x, D, piece.lower, piece.upper).value
        kind = "constant" if piece.distance is None else "quadratic"
        name = f"W_{len(terms) + 1}"
        steps.append(
            GaussianMean(
                f"Integrate the {kind} piece {piece.lower} < h < {piece.upper} of the envelope against N(x, D).",
                *(integrand, h, x, D, piece.lower, piece.upper, value, Symbol(name)),
                name=name,
            )
        )
        terms.append(value)
    W = Add(*terms)
    unfolded = Expectation(exp(-y * gate.envelope(x + sqrt(D) * u, chi)), u)
    names = tuple(step.name for step in steps if step.name.startswith("W_"))
    parts = Add(*map(Symbol, names))
    steps += [
        PiecewiseMean("The pieces cover the line.", unfolded, x, D, parts, using=("unfolded", *names), name="pieces"),
        Identity("Add the pieces.", unfolded, W, using=("pieces", *names), name="innermost"),
    ]
    derivation = Derivation(tuple(steps))
    formula = Formula.concluding(
        f"innermost.{gate}",
        f"Innermost expectation of the tower, gate {gate}",
        derivation,
        source="arXiv 2410.20646 (innermost lifted expectation); Gaussian integration",
        assumptions=("D > 0", "chi > 0", "y > 0", "x real"),
    )
    return Innermost(gate, W, formula)


def mean_envelope_steps(gate: Gate) -> tuple[Step, ...]:
    """The mean of the envelope over a standard normal: the steps of the envelope, and ``mean``."""
    mean = Expectation(gate.envelope(u, chi), u)
    step = PiecewiseMean(
        "Integrate the pieces; what moves contributes its distance, what stays its probability.",
        *(mean, Integer(0), Integer(1), plain_expectation(gate)),
        using=("unfolded",),
        name="mean",
    )
    return (*envelope(gate).derivation.steps, step)


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
    return zero_energy_steps(gate)[-1].right  # type: ignore[attr-defined]


@lru_cache(maxsize=64)
def zero_energy_steps(gate: Gate) -> tuple[Step, ...]:
    """The mean of the squared distance to the inactive set, and its inverse."""
    pieces: list[tuple[Expr, Expr, Expr]] = []
    position: Expr = -oo
    for a, b in gate.components:
        if a != position:
            pieces.append((position, a, Integer(0)))
        if a != -oo and b != oo:
            pieces += [(a, (a + b) / 2, h - a), ((a + b) / 2, b, b - h)]
        else:
            pieces.append((a, b, b - h if a == -oo else h - a))
        position = b
    if position != oo:
        pieces.append((position, oo, Integer(0)))
    total = Add(*(gaussian_piece(v**2, h, Integer(0), Integer(1), a, b).value for a, b, v in pieces if v != 0))
    branches = [(value, h < upper if upper != oo else True) for _, upper, value in pieces]
    dist = Function("dist", real=True)
    square = Expectation(dist(u) ** 2, u)
    return (
        Definition("The distance to the inactive set.", Eq(dist(h), gate.distance(h), evaluate=False), name="dist"),
        Unfolding("Piece by piece.", gate.distance(h), Piecewise(*branches), h, name="distance pieces"),
        Identity(
            "So the distance is piecewise linear.",
            dist(h),
            Piecewise(*branches),
            using=("dist", "distance pieces"),
            name="dist pieces",
        ),
        PiecewiseMean(
            "Integrate its square.", square, Integer(0), Integer(1), total, using=("dist pieces",), name="square"
        ),
        Identity("Written out.", square, Expectation(gate.distance(u) ** 2, u), using=("dist",), name="written"),
        Identity(
            "Its inverse is the threshold.",
            1 / Expectation(gate.distance(u) ** 2, u),
            (1 / total).simplify(),
            using=("~written", "square"),
        ),
    )
