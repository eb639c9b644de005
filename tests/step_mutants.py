"""Mutants of the steps of derivations: every SymPy field of every step changed in turn.

A mutant has to make the derivation fail.  One by which a step is no longer proved is counted apart: *unproved*, or *timed out* where
the attempt takes longer than ``SECONDS``.  One that is proved still is *equivalent* if what it says is shown to be true as well: by a proof, or
by values that agree to thirty digits at several points of the domain and are neither all zero nor all the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache, partial
from itertools import islice
from typing import NoReturn
from unittest.mock import patch

from sympy import Add, Basic, Dict, Expr, Function, Integer, Mul, Piecewise, Pow, Symbol, false, oo, true
from sympy.core.relational import Relational

from flrdt.derive.core import equality
from flrdt.derive.core.equality import equal, values
from flrdt.derive.core.formulas import Basis, Derivation, Formula, Link, Verdict
from flrdt.derive.core.gaussian import Expectation
from flrdt.derive.core.steps import Bound, Definition, Facts, Step, Theorem, rewritten
from flrdt.derive.networks.gates import MoreauEnvelope
from tests.mutants import _changes, _index_swaps
from tests.time_limit import at_most

CLOSE = 10**-18
SECONDS = 10
"""Processor time after which a step counts as not proved."""


@dataclass(frozen=True)
class Mutant:
    """One changed field of one step of the derivation of a formula."""

    formula: Formula
    position: int
    field: str
    step: Step

    @property
    def derivation(self) -> Derivation:
        """The derivation as it is."""
        return self.formula.derivation

    @property
    def key(self) -> tuple:
        """The same for mutants of one step in several derivations."""
        link = self.derivation.links[self.position]
        return link.step, link.facts, self.step

    @cached_property
    def changed(self) -> Derivation:
        """The derivation with the changed step in its place."""
        steps = list(self.derivation.steps)
        steps[self.position] = self.step
        return replace(self.derivation, steps=tuple(steps))

    @property
    def fails_by_itself(self) -> bool:
        """Whether values refute the changed step, so that every derivation with it fails."""
        return refuted(self.step, self.derivation.links[self.position].facts)

    @cached_property
    def affected(self) -> list[Link]:
        """The changed step and those that start from it, at their places: the others say what they said and are as proved as before."""
        pairs = zip(self.derivation.links, self.changed.links, strict=True)
        return [after for before, after in pairs if (before.step, before.facts) != (after.step, after.facts)]

    @property
    def outcome(self) -> str:
        """``killed`` (failed), ``unproved``, ``timed out``, ``equivalent`` or ``survived``; values are asked before anything is proved."""
        name = self.formula.concludes
        if self.changed.concluded(name) != self.derivation.concluded(name) or self.changed._circular():
            return "killed"  # it no longer derives what the formula says
        if any(refuted(link.step, link.facts) for link in self.affected):
            return "killed"
        found = [decided(link.step, link.facts) for link in self.affected]
        if Verdict.FAILED in found:
            return "killed"
        if Verdict.UNKNOWN in found:
            return "unproved"
        if None in found:
            return "timed out"
        return "equivalent" if self.why_true else "survived"

    @cached_property
    def why_true(self) -> str:
        """What shows that the changed step says something true as well; empty if nothing does."""
        before, after = self.derivation.links[self.position], self.changed.links[self.position]
        if before.expression == after.expression:
            return "the step says the same" if after.verdict() in (Verdict.PROVED, *Basis) else ""
        if isinstance(self.step, (Definition, Theorem)):
            return _same(before.expression, after.expression)
        if after.verdict() is Verdict.PROVED:
            return "proved as well"
        sides = [rewritten(s, after.facts) for s in after.expression.args]
        if isinstance(self.step, Bound):
            found = list(values(*sides))
            return HOLDS if _telling(found) and all(after.expression.func(*p) == true for p in found) else ""
        return _agreement(*sides)

    def __str__(self) -> str:
        before = self.derivation.steps[self.position]
        return f"{self.formula.id}: {before.text!r}, {self.field}: {getattr(before, self.field)} -> {getattr(self.step, self.field)}"


class _Open(Exception):
    """Values do not refute an equation, and no proof is tried."""


class _TimeUp(BaseException):
    """Not an ``Exception``: SymPy catches those."""


def _raise(kind: type[BaseException], *_: object) -> NoReturn:
    raise kind


@lru_cache(maxsize=8192)
def refuted(step: Step, facts: Facts) -> bool:
    """Whether a step fails already by what it is and by values, without any proof."""
    if isinstance(step.best, Basis):
        return False
    try:
        with patch.object(equality, "_proved", partial(_raise, _Open)), at_most(SECONDS, _TimeUp()):
            return step.holds(facts) is False
    except (_Open, _TimeUp, *equality.UNABLE):
        return False
    except ValueError:
        return True


@lru_cache(maxsize=8192)
def decided(step: Step, facts: Facts) -> Verdict | Basis | None:
    """The verdict of a step; ``None`` if it is not found in time."""
    try:
        with at_most(SECONDS, _TimeUp()):
            return step.verdict(facts)
    except _TimeUp:
        return None


def _same(before: Basic, after: Basic) -> str:
    """What shows that two relations have sides of the same values; empty if nothing does."""
    if type(before) is not type(after) or len(before.args) != len(after.args):
        return ""
    if before.args[1] == after.args[1] == 0:
        ratio = (after.args[0] / before.args[0]).cancel()
        if ratio.is_number and ratio.is_nonzero:
            return "a multiple of the same equation"
    found = [_agreement(*sides) for sides in zip(before.args, after.args, strict=True) if sides[0] != sides[1]]
    return max(found, default="") if all(found) else ""


PROVED, AGREE, HOLDS = "proved equal", "the values agree", "the values fulfil it"


def _agreement(left: Expr, right: Expr) -> str:
    """What shows that two expressions are equal; empty if nothing does."""
    if not isinstance(left, Expr) or not isinstance(right, Expr):
        return ""
    if equal(left, right) is True:
        return PROVED
    pairs = list(values(left, right))
    return AGREE if _telling(pairs) and all(abs(a - b) <= CLOSE * (abs(a) + abs(b)) for a, b in pairs) else ""


def _telling(found: list[tuple[Expr, ...]]) -> bool:
    """Whether there are values at several points, and neither all zero nor all the same."""
    return len(found) > 1 and len(set(found)) > 1 and any(v != 0 for here in found for v in here)


Change = Callable[[], object]


def changes(value: object, symbols: list[Symbol]) -> list[Change]:
    """What makes the changed versions of the content of a field; none of them is made yet."""
    if isinstance(value, Dict):
        return [partial(_in_mapping, value, key, change) for key in value for change in changes(value[key], symbols)]
    if isinstance(value, tuple):
        return [
            partial(_in_tuple, value, i, change) for i, item in enumerate(value) for change in changes(item, symbols)
        ]
    if isinstance(value, Relational):
        return [
            partial(_in_relation, value, i, change)
            for i, side in enumerate(value.args)
            for change in changes(side, symbols)
        ]
    if value in (true, false):
        return [lambda: false if value == true else true]
    return _changes_of_expression(value, symbols) if isinstance(value, Expr) else []


def _in_mapping(value: Dict, key: Basic, change: Change) -> Dict:
    return Dict({**value, key: change()})


def _in_tuple(value: tuple, i: int, change: Change) -> tuple:
    return (*value[:i], change(), *value[i + 1 :])


def _in_relation(value: Relational, i: int, change: Change) -> Basic:
    return value.func(*_in_tuple(value.args, i, change), evaluate=False)


def _in_expression(e: Expr, path: tuple[int, ...], change: Change) -> Basic:
    if not path:
        return change()  # type: ignore[return-value]
    i, *rest = path
    return e.func(*e.args[:i], _in_expression(e.args[i], tuple(rest), change), *e.args[i + 1 :])


def _changes_of_expression(e: Expr, symbols: list[Symbol]) -> list[Change]:
    if e in (oo, -oo):
        return [lambda: -e, lambda: Integer(0)]
    if isinstance(e, Symbol):
        return [partial(_same_thing, s) for s in symbols if s != e]
    found: list[Change] = [lambda: e + 1]
    if e != 0:
        found += [lambda: 2 * e, lambda: -e]
    found += [partial(_nth_swap, e, i) for i in range(len(e.free_symbols))]
    for path, node in _nodes(e):
        found += [partial(_in_expression, e, path, partial(_nth_change, node, i)) for i in range(_count(node))]
    bound = {v for mean in e.atoms(Expectation) for v in mean.bound_symbols}
    for symbol in sorted(e.free_symbols, key=str):
        for other in symbols:
            if other != symbol and other not in bound and other.is_integer == symbol.is_integer:
                found.append(partial(e.subs, symbol, other))
    return found


def _same_thing(e: Expr) -> Expr:
    return e


def _nth_swap(e: Expr, n: int) -> Expr:
    return next(islice(_index_swaps(e), n, None), e)


def _count(node: Expr) -> int:
    """How many changes a node has."""
    if node.is_Add:
        return 3 * len(node.args)
    return 2 if node.is_Mul or (node.is_Pow and node.exp.is_Rational) else 0


def _nth_change(node: Expr, n: int) -> Expr:
    return next(islice(_changes(node), n, None))


def _nodes(e: Expr, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Expr]]:
    """The nodes that may be changed, each with the way to it."""
    yield path, e
    if isinstance(e, Piecewise):
        for i, (branch, _) in enumerate(e.args):
            yield from _nodes(branch, (*path, i, 0))
    elif isinstance(e, (Add, Mul, Pow, Function)) and not isinstance(e, (Expectation, MoreauEnvelope)):
        for i, argument in enumerate(e.args):
            yield from _nodes(argument, (*path, i))


@lru_cache(maxsize=8192)
def changed_steps(step: Step, most: int) -> tuple[tuple[str, Step], ...]:
    """At most ``most`` changes of every field of a step, drawn by what it is called: derivations that share it have the same."""
    draw = random.Random(f"{type(step).__name__} {step.name} {step.text}")
    found: list[tuple[str, Step]] = []
    symbols = _symbols(v for _, v in _contents(step))
    for name, value in _contents(step):
        possible = changes(value, symbols)
        draw.shuffle(possible)
        drawn: dict[object, None] = {}
        while possible and len(drawn) < most:
            if (changed := possible.pop()()) != value:
                drawn.setdefault(changed)
        found += [(name, replace(step, **{name: changed})) for changed in drawn]
    return tuple(found)


def mutants(formula: Formula, most: int = 1) -> Iterator[Mutant]:
    """At most ``most`` mutants of every field of every step."""
    for position, step in enumerate(formula.derivation.steps):
        if isinstance(step, Step):
            yield from (Mutant(formula, position, *changed) for changed in changed_steps(step, most))


ORDER = ("killed", "unproved", "timed out", "equivalent", "survived")


def tried(formulas: Iterable[Formula]) -> dict[tuple, tuple[str, Mutant]]:
    """The worst outcome of every mutant over the derivations that it belongs to."""
    found: dict[tuple, tuple[str, Mutant]] = {}
    fatal = set()
    for formula in {f.derivation: f for f in reversed(list(formulas))}.values():
        for mutant in mutants(formula):
            key = mutant.key
            if key in fatal:
                continue
            if key not in found and mutant.fails_by_itself:
                fatal.add(key)
            outcome = "killed" if key in fatal else mutant.outcome
            before = found.get(key, (ORDER[0], mutant))
            found[key] = max(before, (outcome, mutant), key=lambda row: ORDER.index(row[0]))
    return found


def _contents(step: Step) -> list[tuple[str, object]]:
    skipped = ("text", "name", "using", "source")
    return [(f.name, getattr(step, f.name)) for f in fields(step) if f.name not in skipped]


def _symbols(contents: Iterable[object]) -> list[Symbol]:
    basics = [b for c in contents for b in (c if isinstance(c, tuple) else (c,)) if isinstance(b, Basic)]
    return sorted({s for b in basics for s in b.atoms(Symbol)}, key=str)
