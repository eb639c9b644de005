r"""The plain level in closed form, from stationarity, for any gate.

Level 1 has one parameter.  Stationarity in chi and the capacity condition :math:`P_1 = -budget` are two equations;
eliminating alpha leaves one closed-form equation for the reach :math:`k = \sqrt{2\chi}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sympy import Add, Eq, Expr, Integer, Symbol, diff, expand, simplify, solve

from .formulas import Derivation, Formula, Status, Step, identically_zero
from .gates import Gate
from .gaussian import H, Phi, gaussian_piece
from .innermost import plain_expectation
from .networks import Network, relu_network
from .notation import alpha, chi

__all__ = ["PlainLevel", "plain_level"]

h = Symbol("h", real=True)


@dataclass(frozen=True)
class PlainLevel:
    """``condition = 0`` fixes the reach ``k = sqrt(2 chi)``; ``capacity`` is alpha as a function of k."""

    condition: Expr
    capacity: Expr
    reach: Symbol
    formula: Formula


def tails(expr: Expr) -> Expr:
    """Write distribution functions as tails: ``Phi(-k)`` as ``H(k)`` and ``Phi(k)`` as ``1 - H(k)``."""
    return expr.replace(Phi, lambda a: H(-a) if a.could_extract_minus_sign() else 1 - H(a))


def _moments(gate: Gate) -> tuple[Expr, Expr]:
    """``E[dist^2]`` over the pieces that move to the complement, and the probability of the pieces that stay active."""
    moved: list[Expr] = []
    stayed: list[Expr] = []
    for piece in gate.pieces(chi, h):
        weight = piece.plateau if piece.distance is None else piece.distance**2
        if weight == 0:
            continue
        value = gaussian_piece(weight, h, Integer(0), Integer(1), piece.lower, piece.upper).value
        (stayed if piece.distance is None else moved).append(value)
    return Add(*moved), Add(*stayed)


@lru_cache(maxsize=64)
def plain_level(network: Network | None = None) -> PlainLevel:
    r"""Derive the plain level of a one-layer network.

    For the ReLU with budget 1: :math:`\frac12 - k\varphi(k) = 2H(k)`, :math:`\alpha = 1/H(k)`.
    Source: arXiv 2410.20646 (plain RDT level, one layer).

    >>> level = plain_level()
    >>> level.condition, level.capacity
    (k*phi(k) + 2*H(k) - 1/2, 1/H(k))
    """
    network = relu_network() if network is None else network
    gate, budget = network.gate, network.budget
    k = Symbol("k", positive=True)
    moved, stayed = _moments(gate)
    energy = 1 / (2 * chi) - alpha * plain_expectation(gate)
    slope = diff(energy, chi)
    alpha_form = solve(alpha * stayed - budget, alpha)[0]
    condition = stayed - budget * moved

    def at_reach(expr: Expr) -> Expr:
        return expand(tails(expr.subs(chi, k**2 / 2)))

    steps = (
        Step(
            "The plain objective: Gaussian integration over the pieces of the envelope.",
            Eq(Symbol("P_1"), energy, evaluate=False),
            lambda: identically_zero(energy - (1 - alpha * moved) / (2 * chi) + alpha * stayed),
        ),
        Step(
            "Stationarity in chi; the boundary terms cancel because the envelope is continuous.",
            Eq(alpha * moved, 1, evaluate=False),
            lambda: identically_zero(simplify(slope + (1 - alpha * moved) / (2 * chi**2))),
        ),
        Step(
            "Inserted into P_1 = -budget, only the pieces that stay active remain.",
            Eq(alpha * stayed, budget, evaluate=False),
            lambda: identically_zero(simplify(energy.subs(alpha, 1 / moved) + stayed / moved)),
        ),
        Step(
            "Eliminate alpha; with k = sqrt(2 chi) the first equation fixes k and the second gives the capacity.",
            Eq(at_reach(condition), 0, evaluate=False),
            lambda: identically_zero(simplify(moved * alpha_form - 1 + condition / stayed)),
        ),
    )
    capacity = tails(alpha_form.subs(chi, k**2 / 2))
    formula = Formula(
        id=f"plain.{gate}.{budget}",
        title=f"Plain level in closed form, gate {gate}",
        statement=Eq(alpha, capacity, evaluate=False),
        derivation=Derivation(steps, ("P_1 stationary in chi", "P_1 = -budget")),
        status=Status.RIGOROUS,
        source="arXiv 2410.20646 (plain RDT level); arXiv 2302.14112 (replica symmetric)",
        assumptions=(f"{at_reach(condition)} = 0", "k > 0"),
        variables=(k,),
    )
    return PlainLevel(at_reach(condition), capacity, k, formula)
