"""The lower bound by a convex program: the optimal map, its moments, and the bound for the gates with an inactive half-line."""

from __future__ import annotations

from functools import partial

from sympy import Eq, Ge, Heaviside, Integer, Rational, Symbol
from sympy.core.relational import Relational

from ..conditions.lower_bound import (
    LowerBound,
    NoLowerBound,
    beta,
    competitor,
    delta,
    h,
    k,
    lower_bound,
    moments,
    optimal_map,
)
from ..core.domains import Below
from ..core.gaussian import Expectation
from ..networks.gates import Gate, gate
from ..networks.network import Network
from .entries import Comparison, Entry, make_entry, stated
from .envelopes import GATES

bend, at = Symbol("bend", positive=True), Symbol("b", real=True)
RANGES = {
    "beta": (Integer(-1), Integer(1)),
    "delta": Below((k,), most=Rational(9, 10)),
    "k": (Rational(1, 5), Integer(3)),
    "bend": (Rational(1, 10), Integer(1)),
    "b": (Integer(-3), Integer(-1)),
}
QUADRATURE = "quadrature of the optimal map"


def entries() -> list[Entry]:
    """Multiplier, optimality against a competitor, moments, and the bound for every gate that has one."""
    general = moments()
    base = general.formula
    chain = base.derivation

    def also(name, title, statement):
        return stated(
            f"lower.{name}", title, statement, derivation=chain, source=base.source, assumptions=base.assumptions
        )

    own, other = competitor(bend, at)
    found = [
        make_entry(base, "quadrature of the weight over the plateau, where it has to vanish", _plateau, ranges=RANGES),
        make_entry(
            also(
                "optimal", "A map that falls on the plateau has the larger Lagrangian", Ge(other, own, evaluate=False)
            ),
            "quadrature of both Lagrangians, for one family of competitors",
            ranges=RANGES,
            instances=True,
        ),
        make_entry(
            also("square", "Second moment of the optimal map", Eq(Symbol("E[d^2]"), general.square, evaluate=False)),
            QUADRATURE,
            lambda statement: [Comparison(Expectation(optimal_map() ** 2, h), statement.rhs)],
            ranges=RANGES,
        ),
        make_entry(
            also("slope", "Mean slope of the optimal map", Eq(Symbol("E[d']"), general.slope, evaluate=False)),
            "quadrature of the field times the optimal map (Stein)",
            lambda statement: [Comparison(Expectation(h * optimal_map(), h), statement.rhs)],
            ranges=RANGES,
        ),
    ]
    networks = [Network(g) for g in GATES] + [Network(gate("relu"), 1, b) for b in (Integer(2), Rational(3, 4))]
    for network in networks:
        try:
            bound = lower_bound(network)
        except NoLowerBound:
            continue
        how = "quadrature: both conditions and the count are multiples of one another where the conditions vanish"
        found.append(make_entry(bound.formula, how, partial(_identities, network.gate, bound), ranges=RANGES))
    return found


def _plateau(statement: Relational) -> list[Comparison]:
    weight = (delta + statement.rhs * h) * Heaviside(beta + delta - h)
    return [Comparison(Expectation(weight, h), Integer(0))]


def _identities(active: Gate, bound: LowerBound, statement: Relational) -> list[Comparison]:
    """With alpha(k) of the statement: the count is the budget, and alpha E d^2 - 1, alpha E d' - 1 are the conditions."""
    budget = bound.capacity * bound.active
    on = sum(Heaviside(h - a - k) - Heaviside(h - b - k) for a, b in bound.components if a.is_finite)
    own = optimal_map().subs(beta, bound.threshold)
    scale = statement.rhs / budget
    return [
        Comparison(statement.rhs * Expectation(on, h), budget),
        Comparison(statement.rhs * Expectation(own**2, h) - 1, scale * budget * bound.conditions[0]),
        Comparison(statement.rhs * Expectation(h * own, h) - 1, scale * budget * bound.conditions[1]),
    ]
