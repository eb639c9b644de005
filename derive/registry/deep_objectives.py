"""Objectives of deep networks at depth 2 to 4: as composed, and in closed form at the plain and the partial level."""

from __future__ import annotations

from functools import lru_cache

from sympy import Add, Expr, Integer, Symbol
from sympy.core.relational import Relational

from ..blocks.hidden_averages import lifting_bound
from ..blocks.hidden_maximum import SOURCE
from ..conditions.layer_recursion import output_closure
from ..core.domains import Below
from ..core.formulas import Derivation, Formula
from ..core.symbols import Level
from ..networks.network import relu_network
from ..objectives.closed_form import reach
from ..objectives.deep import DeepObjective
from .entries import Comparison, Entry, make_entry
from .recursions import by_recursion

PLAIN, PARTIAL, FULL = Level(1), Level(2, True), Level(2)
DEPTHS = (2, 3, 4)
POLAR = "polar quadrature over the fields of every hidden layer, the inner maxima by search"


def entries() -> list[Entry]:
    """The composed objective and its closed form, at every depth and level."""
    found = []
    for depth in DEPTHS:
        found += [_composed(composed(depth, level)) for level in (PLAIN, PARTIAL, FULL)]
        found += [_closed(composed(depth, level)) for level in (PLAIN, PARTIAL)]
    return found


@lru_cache(maxsize=16)
def composed(depth: int, level: Level) -> DeepObjective:
    """The objective of a ReLU network."""
    return DeepObjective(relu_network(depth=depth), level)


def admissible(objective: DeepObjective) -> dict[str, Below]:
    """The lifting parameter up to where the exponential moment of some hidden layer diverges."""
    bounds = [
        lifting_bound(layer.before.p(1), layer.own.q(1), layer.susceptibility, layer.own.mu)
        for layer in objective.layers
    ]
    return {"y_2": Below(tuple(bounds))}


def merged(objective: DeepObjective) -> dict[Symbol, Expr]:
    """Every second overlap equal to the first."""
    pairs = {objective.family(0).p(2): Integer(1)}
    for layer in objective.layers:
        pairs |= {layer.own.p(2): layer.own.p(1), layer.own.q(2): layer.own.q(1)}
    return pairs


def _composed(objective: DeepObjective) -> Entry:
    """Plain and partial: against the closed form.  Fully lifted: where second overlaps are 0 or the first ones."""
    level, depth = objective.level, objective.network.depth
    formula = objective.formula()
    if level != FULL:

        def route(statement: Relational) -> list[Comparison]:
            return [Comparison(statement.rhs, objective.closed_form)]

        return make_entry(formula, POLAR, route, most=1, ranges=admissible(objective))
    ends = merged(objective)
    none = dict.fromkeys(ends, Integer(0))
    plain, partial = (composed(depth, lower).closed_form for lower in (PLAIN, PARTIAL))

    def corners(statement: Relational) -> list[Comparison]:
        return [Comparison(statement.rhs.subs(none), partial), Comparison(statement.rhs.subs(ends), plain)]

    how = "at second overlaps equal to 0 or to the first: quadrature against the closed forms of the lower levels"
    return make_entry(formula, how, corners, most=1, ranges=admissible(objective))


def _closed(objective: DeepObjective) -> Entry:
    level, depth = objective.level, objective.network.depth
    derivation = Derivation(objective.closed_steps())

    def route(statement: Relational) -> list[Comparison]:
        other = _by_recursion(objective) if level == PLAIN else objective.energy
        return [Comparison(other, statement.rhs)]

    from_recursion = "the moments of the layer recursion in place of the wedge integrals"
    formula: Formula = Formula.concluding(
        f"objective.closed.{level}.depth{depth}",
        f"Level-{level} objective in closed form, depth {depth}",
        derivation,
        status=objective.formula().status,
        source=SOURCE,
        assumptions=objective.formula().assumptions,
    )
    return make_entry(
        formula,
        from_recursion if level == PLAIN else POLAR,
        route,
        most=10 if level == PLAIN else (2 if depth == 2 else 1),
        ranges=admissible(objective),
    )


def _by_recursion(objective: DeepObjective) -> Expr:
    """The plain objective with the moments of the recursion for the functions of its terms."""
    closure = output_closure()
    functions = {
        "hidden": by_recursion(),
        "count": (-closure.second / closure.k**2 - closure.tail).subs(closure.k, reach),
    }
    found = []
    for term in objective.scaled_terms:
        found.append(term.with_function(functions.get(term.name.partition(" ")[0], term.function)))
    return Add(*found)
