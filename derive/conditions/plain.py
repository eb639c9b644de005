r"""The plain level in closed form, from stationarity, for any gate.

Level 1 has one parameter.  Stationarity in chi and the capacity condition :math:`P_1 = -budget` are two equations;
eliminating alpha leaves one closed-form equation for the reach :math:`k = \sqrt{2\chi}`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from sympy import Add, Eq, Expr, Integer, Max, Min, Symbol, diff, expand, oo, simplify, solve

from ..blocks.innermost import plain_expectation
from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.gaussian import H, Phi, gaussian_piece
from ..core.symbols import alpha, chi
from ..networks.gates import Gate
from ..networks.network import Network, relu_network

__all__ = ["PlainLevel", "on_every_branch", "plain_level"]

h = Symbol("h", real=True)


@dataclass(frozen=True)
class PlainLevel:
    """``condition = 0`` fixes the reach ``k = sqrt(2 chi)``; ``capacity`` is alpha as a function of k.

    ``limit`` is the reach from which on nothing stays active (``oo`` if a component of the active set is unbounded).
    """

    condition: Expr
    capacity: Expr
    reach: Symbol
    limit: Expr
    formula: Formula


def on_every_branch(check: Callable[[Callable[[Expr], Expr]], bool | None], *exprs: Expr) -> bool | None:
    """Whether a check holds on every branch of the reaches that bounded components cap.

    The check gets a function that selects the branch: it replaces every ``Min(sqrt(2 chi), half width)`` by one of the two.
    """
    capped = sorted({m for e in exprs for m in e.atoms(Min)}, key=str)
    branches = [dict(zip(capped, choice, strict=True)) for choice in product(*(m.args for m in capped))]

    def selecting(branch: dict[Expr, Expr]) -> Callable[[Expr], Expr]:
        return lambda expr: expr.xreplace(branch)

    found = [check(selecting(branch)) for branch in branches]
    return False if False in found else (True if all(found) else None)


def _widest(gate: Gate) -> Expr:
    """Half the length of the longest component of the active set."""
    return Max(*((b - a) / 2 for a, b in gate.components))


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
    A bounded component is given up as a whole at the reach k = half its length; where the longest one is bounded, the
    closed form holds below half its length, from which on nothing stays active and no alpha solves the equations.
    Source: arXiv 2410.20646 (plain RDT level, one layer).

    >>> level = plain_level()
    >>> level.condition, level.capacity
    (k*phi(k) + 2*H(k) - 1/2, 1/H(k))
    """
    network = relu_network() if network is None else network
    gate, budget = network.gate, network.budget
    k = Symbol("k", positive=True)
    moved, stayed = _moments(gate)
    widest = _widest(gate)
    moved, stayed, cost = (_uncapped(e, widest) for e in (moved, stayed, plain_expectation(gate)))
    energy = 1 / (2 * chi) - alpha * cost
    alpha_form = solve(alpha * stayed - budget, alpha)[0]
    condition = stayed - budget * moved

    def at_reach(expr: Expr) -> Expr:
        return expand(tails(expr.subs(chi, k**2 / 2)))

    def vanishes(expression: Callable[[Callable[[Expr], Expr]], Expr]) -> Callable[[], bool | None]:
        return lambda: on_every_branch(lambda at: identically_zero(simplify(expression(at))), moved, stayed)

    steps = (
        Step(
            "The plain objective: Gaussian integration over the pieces of the envelope.",
            Eq(Symbol("P_1"), energy, evaluate=False),
            vanishes(lambda at: at(energy) - (1 - alpha * at(moved)) / (2 * chi) + alpha * at(stayed)),
        ),
        Step(
            "Stationarity in chi; the boundary terms cancel because the envelope is continuous.",
            Eq(alpha * moved, 1, evaluate=False),
            vanishes(lambda at: diff(at(energy), chi) + (1 - alpha * at(moved)) / (2 * chi**2)),
        ),
        Step(
            "Inserted into P_1 = -budget, only the pieces that stay active remain.",
            Eq(alpha * stayed, budget, evaluate=False),
            vanishes(lambda at: at(energy).subs(alpha, 1 / at(moved)) + at(stayed) / at(moved)),
        ),
        Step(
            "Eliminate alpha; with k = sqrt(2 chi) the first equation fixes k and the second gives the capacity.",
            Eq(at_reach(condition), 0, evaluate=False),
            vanishes(lambda at: at(moved) * at(alpha_form) - 1 + at(condition) / at(stayed)),
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
        assumptions=(f"{at_reach(condition)} = 0", "k > 0" if widest == oo else f"0 < k < {widest}"),
        variables=(k,),
    )
    return PlainLevel(at_reach(condition), capacity, k, widest, formula)


def _uncapped(expr: Expr, widest: Expr) -> Expr:
    """With the longest components below their cap: from half their length on nothing stays active at all."""
    below = {m: next(a for a in m.args if a != widest) for m in expr.atoms(Min) if widest in m.args}
    return expr.xreplace(below)
