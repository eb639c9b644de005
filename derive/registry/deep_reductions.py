"""Deep objectives that reduce to others: depth 1 to one layer, level 2 to levels 2p and 1, level 2p to the plain one."""

from __future__ import annotations

from functools import partial

from sympy import Add, Eq, Expr, Integer, Limit, Subs, Symbol
from sympy.core.relational import Relational

from ..blocks.hidden_averages import HiddenLayer, LayerLifting
from ..blocks.hidden_maximum import SOURCE
from ..core.formulas import Derivation, Step, identically_zero
from ..core.symbols import Level, Lifting, alpha, chi
from ..objectives.deep import DeepObjective
from ..objectives.objective import objective, width
from .deep_objectives import DEPTHS, FULL, PARTIAL, PLAIN, POLAR, admissible, composed, merged
from .energies import NESTED, _closed_count
from .entries import Comparison, Entry, make_entry, stated


def entries() -> list[Entry]:
    """Depth 1, second overlaps at the ends of their ranges, no lifting, and the couplings of merged levels."""
    found = [_one_layer(level) for level in (PLAIN, PARTIAL, FULL)]
    for depth in DEPTHS[:2]:
        found += [_overlaps(depth, PARTIAL), _overlaps(depth, PLAIN)]
    found += [_no_lifting(depth) for depth in DEPTHS]
    return [*found, *_couplings()]


def _one_layer(level: Level) -> Entry:
    """The composition without hidden layers, in the names of one layer."""
    deep, single = composed(1, level), objective(level=level)
    lifting, own = Lifting(level), deep.family(0)
    names = {deep.susceptibility(0): chi, width(1): alpha}
    names |= {own.p(k): lifting.p(k) for k in lifting.steps if isinstance(own.p(k), Symbol)}
    value = (deep.energy if level == FULL else deep.closed_form).subs(names, simultaneous=True)

    def route(statement: Relational) -> list[Comparison]:
        if level != FULL:
            return [Comparison(single.energy, statement.rhs)]
        return [Comparison(single.energy_terms["sphere"] + alpha * _closed_count(level), statement.rhs)]

    statement = Eq(Symbol(f"P_{level.r}"), value, evaluate=False)
    formula = stated(
        f"reduction.depth1.{level}",
        f"The deep composition at depth 1 is the objective of one layer, level {level}",
        statement,
        derivation=Step("Sphere and count are all there is.", statement, partial(_blocks, deep)),
        status=deep.formula().status,
        source=SOURCE,
    )
    return make_entry(
        formula,
        "numerical quadrature of the one-layer objective",
        route,
        most=1 if level == FULL else 8,
        ranges=NESTED if level == FULL else None,
    )


def _blocks(deep: DeepObjective) -> bool:
    return list(deep.energy_terms) == ["sphere", "count"]


def _overlaps(depth: int, lower: Level) -> Entry:
    """Second overlaps 0 (level 2p), or equal to the first (plain level)."""
    full = composed(depth, FULL)
    at = merged(full)
    if lower == PARTIAL:
        at = dict.fromkeys(at, Integer(0))
    target = composed(depth, lower)

    def route(statement: Relational) -> list[Comparison]:
        return [Comparison(full.energy.subs(at), statement.rhs)]

    where = "zero" if lower == PARTIAL else "merged"
    outer = Add(*(t for name, t in full.energy_terms.items() if name == "sphere" or name.startswith("coupling")))
    below = Add(*(t for name, t in target.energy_terms.items() if name == "sphere" or name.startswith("coupling")))
    formula = stated(
        f"reduction.level2.{where}.depth{depth}",
        f"Level 2 with second overlaps {where} is level {lower}, depth {depth}",
        Eq(Subs(full.energy, tuple(at), tuple(at.values())), target.closed_form, evaluate=False),
        derivation=Step(
            "Sphere and couplings take the form of the lower level; so do the averages, whose increments vanish.",
            Eq(Subs(outer, tuple(at), tuple(at.values())), below, evaluate=False),
            lambda: identically_zero(outer.subs(at) - below),
        ),
        status=full.formula().status,
        source=SOURCE + "; the fully lifted level of deep networks is derived here",
    )
    return make_entry(formula, POLAR, route, most=1, ranges=admissible(full))


def _no_lifting(depth: int) -> Entry:
    lifted, plain = composed(depth, PARTIAL), composed(depth, PLAIN)
    lifting = lifted.family(0).y(2)
    formula = stated(
        f"merging.objective.2p.y.depth{depth}",
        f"Level 2p as y_2 -> 0 is the plain level, depth {depth}",
        Eq(Limit(lifted.closed_form, lifting, 0), plain.closed_form, evaluate=False),
        derivation=Derivation(lifted.formula().derivation.steps),
        status=plain.formula().status,
        source=SOURCE,
    )
    return make_entry(formula, "value of the partial closed form at an extreme point", most=6)


def _couplings() -> list[Entry]:
    """Coupling of a hidden layer with merged levels."""

    def at(level: Level) -> tuple[LayerLifting, Expr]:
        own = LayerLifting(level, 1)
        return own, HiddenLayer(LayerLifting(level, 0), own, Symbol("chi^(0)", positive=True)).coupling()

    (_, one), (_, zero), (two, second), (three, third) = (at(level) for level in (PLAIN, PARTIAL, FULL, Level(3)))
    p2, q2, y2 = two.p(2), two.q(2), two.y(2)
    p3, q3, y3 = three.p(3), three.q(3), three.y(3)
    cases: list[tuple[str, str, Expr, tuple, tuple, Expr]] = [
        ("2.merged", "second overlaps merged at level 2", second, (p2, q2), (two.p(1), two.q(1)), one),
        ("2.zero", "second overlaps 0 at level 2", second, (p2, q2), (0, 0), zero),
        ("2.y", "no lifting at level 2", second, (y2,), (0,), one),
        ("3.last", "third overlaps 0 and no third lifting at level 3", third, (y3,), (0,), second),
        ("3.merged", "third overlaps merged at level 3", third, (p3, q3, y3), (p2, q2, y3), second),
        ("3.y", "equal lifting at level 3", third, (y3, p3, q3), (y2, 0, 0), zero),
    ]
    found = []
    for name, where, left, symbols, values, right in cases:
        statement = Eq(Subs(left, symbols, values), right, evaluate=False)
        difference = left.subs(dict(zip(symbols, values, strict=True)), simultaneous=True) - right
        formula = stated(
            f"merging.coupling.{name}",
            f"Coupling of a hidden layer, {where}",
            statement,
            derivation=Step("Insert; the sum telescopes.", statement, partial(identically_zero, difference)),
            source=SOURCE,
        )
        found.append(make_entry(formula, "values at the merged point"))
    return found
