r"""The plain level in closed form, from stationarity, for any gate.

Level 1 has one parameter.  Stationarity in chi and the capacity condition :math:`P_1 = -budget` are two equations;
eliminating alpha leaves one closed-form equation for the reach :math:`k = \sqrt{2\chi}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sympy import Add, Derivative, Eq, Expr, Function, Integer, Max, Min, Symbol, expand, oo

from ..blocks.innermost import mean_envelope_steps
from ..core.formulas import Formula
from ..core.gaussian import Expectation, H, Phi, gaussian_piece
from ..core.steps import Chain, Definition, Identity
from ..core.symbols import Level, Lifting, alpha, chi
from ..networks.gates import Gate, reach
from ..networks.network import Network, relu_network
from ..objectives.energy_map import energy_sphere

__all__ = ["PlainLevel", "moments", "plain_level", "tails"]

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


def _widest(gate: Gate) -> Expr:
    """Half the length of the longest component of the active set."""
    return Max(*((b - a) / 2 for a, b in gate.components))


def tails(expr: Expr) -> Expr:
    """Write distribution functions as tails: ``Phi(-k)`` as ``H(k)`` and ``Phi(k)`` as ``1 - H(k)``."""
    return expr.replace(Phi, lambda a: H(-a) if a.could_extract_minus_sign() else 1 - H(a))


def moments(gate: Gate) -> tuple[Expr, Expr]:
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
    moved, stayed = moments(gate)
    widest = _widest(gate)
    moved, stayed = (_uncapped(e, widest) for e in (moved, stayed))
    u, m, stay = Symbol("u", real=True), Symbol("m_moved", positive=True), Symbol("m_stayed", positive=True)
    mean, P = Expectation(gate.envelope(u, chi), u), Function("P_1")(chi)
    sphere = energy_sphere(Lifting(Level(1)))
    chain = Chain(mean_envelope_steps(gate))

    def named(name: str, text: str, left: Expr, right: Expr) -> None:
        chain.add(Definition(text, Eq(left, right, evaluate=False), name=name))

    def at_reach(expr: Expr) -> Expr:
        return expand(tails(expr.subs(chi, k**2 / 2)))

    below: tuple[str, ...] = ()
    if widest != oo:
        below = ("below",)
        cap = Min(farthest := reach(chi), widest)
        named("below", "Below half the length of the longest component the reach is not capped there.", cap, farthest)
    named("P", "The plain objective: sphere and mean cost.", P, sphere - alpha * mean)
    named("m", "The mean squared distance of what moves ...", m, moved)
    named("s", "... and the probability of what stays.", stay, stayed)
    chain.add(
        Identity(
            "Gaussian integration over the pieces of the envelope.",
            P,
            sphere - alpha * (m / (2 * chi) + stay),
            using=("P", "mean", *below, "m", "s"),
            name="P closed",
        )
    )
    chain.add(
        Identity(
            "Differentiate; the boundary terms cancel because the envelope is continuous.",
            Derivative(P, chi),
            -(1 - alpha * m) / (2 * chi**2),
            using=("P closed", "m", "s"),
            name="slope",
        )
    )
    named("stationary", "Stationarity in chi.", Derivative(P, chi), Integer(0))
    chain.solve("It fixes the moved part.", m, using=("slope", "stationary"), name="balance")
    named("capacity", "At the capacity P_1 = -budget.", P, -budget)  # type: ignore[operator]
    chain.solve(
        "Only the pieces that stay active remain.", stay, using=("P closed", "capacity", "balance"), name="count"
    )
    condition = stayed - budget * moved
    named("k", "The reach.", chi, k**2 / 2)
    chain.add(
        Identity(
            "One combination is known in k ...",
            at_reach(condition),
            stay - budget * m,
            using=("m", "s", "k"),
            name="combined",
        )
    )
    chain.add(
        Identity(
            "... and vanishes: that fixes k.",
            at_reach(condition),
            Integer(0),
            using=("combined", "balance", "count"),
            name="condition",
        )
    )
    chain.solve("The count gives the width.", alpha, using=("count",), name="alpha")
    capacity = tails((budget / stayed).subs(chi, k**2 / 2))
    chain.add(Identity("In k.", alpha, capacity, using=("alpha", "s", "k"), name="capacity in k"))
    derivation = chain.derivation(("P_1 stationary in chi", "P_1 = -budget"))
    formula = Formula.concluding(
        f"plain.{gate}.{budget}",
        f"Plain level in closed form, gate {gate}",
        derivation,
        source="arXiv 2410.20646 (plain RDT level); arXiv 2302.14112 (replica symmetric)",
        assumptions=(f"{at_reach(condition)} = 0", "k > 0" if widest == oo else f"0 < k < {widest}"),
    )
    return PlainLevel(at_reach(condition), capacity, k, widest, formula)


def _uncapped(expr: Expr, widest: Expr) -> Expr:
    """With the longest components below their cap: from half their length on nothing stays active at all."""
    below = {m: next(a for a in m.args if a != widest) for m in expr.atoms(Min) if widest in m.args}
    return expr.xreplace(below)
