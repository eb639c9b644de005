"""Deep objectives that reduce to others: depth 1 to one layer, level 2 to levels 2p and 1, level 2p to the plain one."""

from __future__ import annotations

from sympy import Dict, Eq, Expr, Function, Integer, Limit, Subs, Symbol
from sympy.core.relational import Relational

from ..blocks.hidden_averages import HiddenLayer, LayerLifting, merged_steps, named
from ..blocks.hidden_maximum import SOURCE
from ..core.formulas import Derivation, Formula
from ..core.insertion import insert
from ..core.steps import Definition, Identity, Substitution, Theorem
from ..core.symbols import Level, Lifting, alpha, chi
from ..objectives.objective import objective, width
from .deep_objectives import DEPTHS, FULL, PARTIAL, PLAIN, POLAR, admissible, composed, merged
from .energies import NESTED, _closed_count
from .entries import Comparison, Entry, make_entry


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
    value = insert(deep.energy if level == FULL else deep.closed_form, names)

    def route(statement: Relational) -> list[Comparison]:
        if level != FULL:
            return [Comparison(single.energy, statement.rhs)]
        return [Comparison(single.energy_terms["sphere"] + alpha * _closed_count(level), statement.rhs)]

    composed_, steps = ("P composed", deep.composed_steps()) if level == FULL else ("P closed", deep.closed_steps())
    own_names = tuple(f"name {i}" for i in range(len(names)))
    derivation = Derivation(
        (
            *steps,
            *(
                Definition("In the names of one layer.", Eq(old, new, evaluate=False), name=name)
                for name, (old, new) in zip(own_names, names.items(), strict=True)
            ),
            Substitution("Sphere and count are all there is.", Dict(), value, using=(composed_, *own_names)),
        )
    )
    formula = Formula.concluding(
        f"reduction.depth1.{level}",
        f"The deep composition at depth 1 is the objective of one layer, level {level}",
        derivation,
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
    left = Subs(full.energy, tuple(at), tuple(at.values()))
    derivation = Derivation(
        (
            *target.closed_steps(),
            Identity(
                "An increment that vanishes leaves its mean out, and sphere and couplings take the form of the lower level.",
                left,
                target.energy,
                name="lower",
            ),
            Substitution(
                "That has a closed form.", Dict(), target.closed_form, using=("lower", "~P composed", "P closed")
            ),
        )
    )
    formula = Formula.concluding(
        f"reduction.level2.{where}.depth{depth}",
        f"Level 2 with second overlaps {where} is level {lower}, depth {depth}",
        derivation,
        status=full.formula().status,
        source=SOURCE + "; the fully lifted level of deep networks is derived here",
    )
    return make_entry(formula, POLAR, route, most=1, ranges=admissible(full))


def _no_lifting(depth: int) -> Entry:
    lifted, plain = composed(depth, PARTIAL), composed(depth, PLAIN)
    lifting = lifted.family(0).y(2)
    M = Function("P")(lifting)
    limit, closed = Limit(M, lifting, 0), Limit(lifted.closed_form, lifting, 0)
    derivation = Derivation(
        (
            *merged_steps(Derivation(lifted.closed_steps()), Derivation(named(plain.closed_steps(), " of level 1"))),
            Definition(
                "The objective as a function of the lifting parameter.", Eq(M, lifted.name, evaluate=False), name="by y"
            ),
            Theorem(
                "Every logarithm of an exponential mean over y tends to the mean.",
                Eq(limit, plain.name, evaluate=False),
                "cumulant expansion; dominated convergence",
                name="limit",
            ),
            Identity("In closed form.", limit, closed, using=("by y", "P closed"), name="explicit"),
            Substitution(
                "Both in closed form.", Dict(), plain.closed_form, using=("~explicit", "limit", "P closed of level 1")
            ),
        )
    )
    formula = Formula.concluding(
        f"merging.objective.2p.y.depth{depth}",
        f"Level 2p as y_2 -> 0 is the plain level, depth {depth}",
        derivation,
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
        step = Identity("Insert; the sum telescopes.", Subs(left, symbols, values), right)
        formula = Formula.concluding(
            f"merging.coupling.{name}", f"Coupling of a hidden layer, {where}", Derivation((step,)), source=SOURCE
        )
        found.append(make_entry(formula, "values at the merged point"))
    return found
