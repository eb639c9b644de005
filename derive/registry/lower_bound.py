"""The lower bound by a convex program: the optimal map, its moments, and the bound for the gates with an inactive half-line."""

from __future__ import annotations

from functools import partial

from sympy import Derivative, Heaviside, Integer, Max, Rational, Symbol
from sympy.core.relational import Relational

from ..conditions.lower_bound import (
    LowerBound,
    NoLowerBound,
    beta,
    delta,
    h,
    k,
    lam,
    lower_bound,
    moments,
    optimal_map,
)
from ..core.domains import Below
from ..core.gaussian import Expectation, phi
from ..networks.gates import gate
from ..networks.network import Network
from .entries import Comparison, Entry, as_it_stands, make_entry
from .envelopes import GATES

t = Symbol("t", real=True)
RANGES = {
    "beta": (Integer(-1), Integer(1)),
    "delta": Below((k,), most=Rational(9, 10)),
    "k": (Rational(1, 5), Integer(3)),
    "t": (Integer(-2), Integer(1)),
    "d": (Integer(-1), Integer(1)),
    "e": (Integer(-1), Integer(1)),
}
QUADRATURE = "quadrature of the optimal map"


def entries() -> list[Entry]:
    """The links of the argument, and the bound for every gate that has one."""
    how = {
        "change": "values at points",
        "map": "quadrature of the weight over the plateau, where it has to vanish",
        "weight": "quadrature of the weight up to a field on the plateau",
        "ratio": "difference quotients, and quadrature of the mean",
        "square": "quadrature of the optimal map",
        "slope": "quadrature of the field times the optimal map (Stein)",
        "flat": "difference quotients of the Lagrangian, its means by quadrature",
        "rise": "difference quotients of the Lagrangian, its means by quadrature",
    }
    own = optimal_map()
    routes = {
        "square": lambda statement: [Comparison(Expectation(own**2, h), statement.rhs)],
        "slope": lambda statement: [Comparison(Expectation(h * own, h), statement.rhs)],
        "map": _plateau,
        "ratio": _ratio,
        "weight": _weight,
        "flat": _lagrangian,
        "rise": _lagrangian,
    }
    found = [
        make_entry(formula, how[name], routes.get(name, as_it_stands), ranges=RANGES)
        for name, formula in moments().formulas.items()
    ]
    networks = [Network(g) for g in GATES] + [Network(gate("relu"), 1, b) for b in (Integer(2), Rational(3, 4))]
    for network in networks:
        try:
            bound = lower_bound(network)
        except NoLowerBound:
            continue
        words = "quadrature: both conditions and the count are multiples of one another where the conditions vanish"
        found.append(make_entry(bound.formula, words, partial(_identities, bound), ranges=RANGES))
    return found


def _weight(statement: Relational) -> list[Comparison]:
    """The mass up to the field t, of the weight at the multiplier that the plateau fixes."""
    weight = (delta + moments().multiplier * h) * Heaviside(t - h)
    return [Comparison(Expectation(weight, h), statement.rhs)]


def _ratio(statement: Relational) -> list[Comparison]:
    """The mean as it is defined."""
    return [Comparison(statement.lhs, Expectation(Max(t - h, 0), h) / phi(t))]


def _lagrangian(statement: Relational) -> list[Comparison]:
    """The slope of the unevaluated mean in place of that of the closed form."""
    own = optimal_map()
    slope = statement.lhs.variables[0]
    return [Comparison(Derivative(Expectation(own**2 + 2 * lam * h * own, h), slope), statement.rhs)]


def _plateau(statement: Relational) -> list[Comparison]:
    weight = (delta + statement.rhs * h) * Heaviside(beta + delta - h)
    return [Comparison(Expectation(weight, h), Integer(0))]


def _identities(bound: LowerBound, statement: Relational) -> list[Comparison]:
    """With alpha(k) of the statement: the count is the budget, and alpha E d^2 - 1, alpha E d' - 1 are the conditions."""
    active = sum(Heaviside(h - a - k) - Heaviside(h - b - k) for a, b in bound.components)
    own = optimal_map().subs(beta, bound.threshold)
    return [
        Comparison(statement.rhs * Expectation(active, h), bound.capacity * bound.active),
        Comparison(statement.rhs * Expectation(own**2, h) - 1, statement.rhs * bound.conditions[0]),
        Comparison(statement.rhs * Expectation(h * own, h) - 1, statement.rhs * bound.conditions[1]),
    ]
