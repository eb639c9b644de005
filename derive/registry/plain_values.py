"""The plain level in closed form: condition and capacity, as identities in the reach k."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from sympy import Derivative, Eq, Expr, Integer, Rational, Subs
from sympy.core.relational import Relational

from ..conditions.plain import PlainLevel, plain_level
from ..core.domains import EDGE
from ..core.gaussian import Expectation
from ..core.symbols import chi
from ..networks.injective_gates import injective_energy
from ..networks.network import Network
from .entries import Comparison, Entry, make_entry
from .envelopes import GATES, u

HOW = "objective and slope by quadrature: both are multiples of the condition, so they vanish with it"


def entries() -> list[Entry]:
    """Capacity and condition for every gate, and for the ReLU with other budgets."""
    networks = [Network(g) for g in GATES] + [Network(GATES[0], 1, b) for b in (Rational(2), Rational(3, 4))]
    found = []
    for network in networks:
        level = plain_level(network)
        condition = replace(
            level.formula,
            id=f"{level.formula.id}.condition",
            title=f"Condition on the reach, gate {network.gate}",
            statement=Eq(level.condition, 0, evaluate=False),
            assumptions=("k = sqrt(2 chi)", level.formula.assumptions[-1]),
            concludes="condition",
        )
        # with a bounded gate nothing stays active from half its length on, and the closed form ends there
        ranges = {"k": (EDGE, min(Integer(4), Rational(99, 100) * level.limit))}
        found += [
            make_entry(level.formula, HOW, partial(_capacity_route, network, level), ranges=ranges),
            make_entry(condition, HOW, partial(_condition_route, network, level), ranges=ranges),
        ]
    return [*found, *(make_entry(injective_energy(text), "value at an extreme point") for text in ("1", "2p", "2"))]


def _capacity_route(network: Network, level: PlainLevel, statement: Relational) -> list[Comparison]:
    return _identities(network, level, statement.rhs, level.condition)


def _condition_route(network: Network, level: PlainLevel, statement: Relational) -> list[Comparison]:
    return _identities(network, level, level.capacity, statement.lhs - statement.rhs)


def _identities(network: Network, level: PlainLevel, alpha: Expr, condition: Expr) -> list[Comparison]:
    """With alpha(k): P_1 + budget = condition alpha/(2 chi budget), and dP_1/dchi is -1/chi times that."""
    k = level.reach
    mean = Expectation(network.gate.envelope(u, chi), u)
    off = condition * alpha / (k**2 * network.budget)

    def at_reach(expr: Expr) -> Expr:
        return Subs(expr, (chi,), (k**2 / 2,))

    return [
        Comparison(alpha * at_reach(mean), 1 / k**2 + network.budget - off),
        Comparison(-alpha * at_reach(Derivative(mean, chi)), (1 / k**2 - off) * 2 / k**2),
    ]
