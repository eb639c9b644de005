"""Stationarity of deep objectives at the plain and the partial level, in every parameter."""

from __future__ import annotations

from sympy import Derivative, Symbol
from sympy.core.relational import Relational

from ..deep import DeepObjective
from ..formulas import Formula
from .deep_objectives import PARTIAL, PLAIN, admissible, composed
from .entries import Comparison, Entry, make_entry


def entries() -> list[Entry]:
    """Depths 2 and 3."""
    found = []
    for depth in (2, 3):
        for level in (PLAIN, PARTIAL):
            objective = composed(depth, level)
            formulas = objective.stationarity_formulas()
            found += [_slope(objective, s, f) for s, f in zip(objective.parameters(), formulas, strict=True)]
    return found


def _slope(objective: DeepObjective, symbol: Symbol, formula: Formula) -> Entry:
    def route(statement: Relational) -> list[Comparison]:
        return [Comparison(Derivative(objective.closed_form, symbol), statement.lhs - statement.rhs)]

    return make_entry(
        formula,
        "difference quotient of the closed form, away from its zeros",
        route,
        most=5,
        ranges=admissible(objective),
    )
