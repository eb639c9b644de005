"""Stationarity of deep objectives at the plain and the partial level, in every parameter."""

from __future__ import annotations

from sympy import Add, Derivative, Symbol
from sympy.core.relational import Relational

from ..core.formulas import Formula
from ..objectives.deep import DeepObjective
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
    terms = [term.value for term in objective.scaled_terms if symbol in term.value.free_symbols]

    def route(statement: Relational) -> list[Comparison]:
        return [Comparison(Derivative(Add(*terms), symbol), statement.lhs - statement.rhs)]

    how = "difference quotient of the closed form, at arbitrary parameters"
    return make_entry(formula, how, route, most=5, ranges=admissible(objective))
