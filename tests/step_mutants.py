"""Mutants of the steps of derivations: every SymPy field of every step changed in turn.

A mutant has to make the derivation fail.  One that does not is *equivalent* if what it says is true as well: its two sides
agree, to thirty digits, at points of their domain (a dropped term that the derivative does not see, a bound that is weaker).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace

from sympy import Basic, Dict, Expr, Integer, Symbol, false, oo, true
from sympy.core.relational import Relational

from flrdt.derive.core.equality import values
from flrdt.derive.core.formulas import Derivation, Verdict
from flrdt.derive.core.gaussian import Expectation
from flrdt.derive.core.steps import Bound, Definition, Step, Theorem, rewritten
from tests.mutants import _index_swaps, _walk

CLOSE = 10**-18


@dataclass(frozen=True)
class Mutant:
    """One changed field of one step of a derivation."""

    derivation: Derivation
    position: int
    field: str
    step: Step

    @property
    def changed(self) -> Derivation:
        """The derivation with the changed step in its place."""
        steps = list(self.derivation.steps)
        steps[self.position] = self.step
        return replace(self.derivation, steps=tuple(steps))

    @property
    def outcome(self) -> str:
        """``killed``, ``equivalent`` or ``survived``."""
        last = self.position == len(self.derivation) - 1
        if last and self.changed.conclusion != self.derivation.conclusion:
            return "killed"  # the last step is no longer the statement of the formula
        verdict = self.changed.verdict()
        if verdict is Verdict.FAILED:
            return "killed"
        if verdict is Verdict.UNKNOWN and self._proved_as_well():
            return "equivalent"  # nothing false is said, but what follows no longer follows from it
        return "equivalent" if self._true_as_well() else "survived"

    def _proved_as_well(self) -> bool:
        return self.changed.links[self.position].verdict() is Verdict.PROVED

    def _true_as_well(self) -> bool:
        before, after = self.derivation.links[self.position], self.changed.links[self.position]
        if before.expression == after.expression:
            return True  # it says the same
        if isinstance(self.step, (Definition, Theorem)):
            return _same(before.expression, after.expression)
        if isinstance(self.step, Bound):
            sides = [rewritten(s, after.facts) for s in after.expression.args]
            return all(after.expression.func(*pair) == true for pair in values(*sides))
        sides = [rewritten(s, after.facts) for s in after.expression.args]
        found = [abs(a - b) <= CLOSE * (abs(a) + abs(b)) for a, b in values(*sides)]
        return bool(found) and all(found)

    def __str__(self) -> str:
        before = self.derivation.steps[self.position]
        return f"{before.text!r}, {self.field}: {getattr(before, self.field)} -> {getattr(self.step, self.field)}"


def _same(before: Basic, after: Basic) -> bool:
    """Whether the sides of two relations have the same values."""
    if type(before) is not type(after) or len(before.args) != len(after.args):
        return False
    if before.args[1] == after.args[1] == 0 and (after.args[0] / before.args[0]).cancel().is_nonzero is True:
        ratio = (after.args[0] / before.args[0]).cancel()
        return ratio.is_number
    pairs = [pair for sides in zip(before.args, after.args, strict=True) for pair in values(*sides)]
    return bool(pairs) and all(abs(a - b) <= CLOSE * (abs(a) + abs(b)) for a, b in pairs)


def changed_values(value: object, symbols: list[Symbol]) -> Iterator[object]:
    """Changed versions of the content of a field."""
    if isinstance(value, Dict):
        for key in value:
            for other in changed_values(value[key], symbols):
                yield Dict({**value, key: other})
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            for other in changed_values(item, symbols):
                yield (*value[:i], other, *value[i + 1 :])
    elif isinstance(value, Relational):
        for i, side in enumerate(value.args):
            for other in changed_values(side, symbols):
                sides = [other if j == i else s for j, s in enumerate(value.args)]
                yield value.func(*sides, evaluate=False)
    elif value in (true, false):
        yield false if value == true else true
    elif isinstance(value, Expr):
        yield from _changed_expression(value, symbols)


def _changed_expression(e: Expr, symbols: list[Symbol]) -> Iterator[Expr]:
    if e in (oo, -oo):
        yield -e
        yield Integer(0)
        return
    if isinstance(e, Symbol):
        yield from (s for s in symbols if s != e)
        return
    if e != 0:
        yield 2 * e
        yield -e
    yield e + 1
    yield from _index_swaps(e)
    yield from _walk(e)
    for symbol in sorted(e.free_symbols, key=str):
        bound = {v for mean in e.atoms(Expectation) for v in mean.bound_symbols}
        for other in symbols:
            if other != symbol and other not in bound and other.is_integer == symbol.is_integer:
                yield e.subs(symbol, other)


def mutants(derivation: Derivation, most: int, seed: str) -> Iterator[Mutant]:
    """At most ``most`` mutants of every field of every step, drawn by a seed."""
    draw = random.Random(seed)
    for position, step in enumerate(derivation.steps):
        if not isinstance(step, Step):
            continue
        for name, value in _contents(step):
            symbols = _symbols(v for _, v in _contents(step))
            found = list(dict.fromkeys(v for v in changed_values(value, symbols) if v != value))
            for changed in draw.sample(found, min(most, len(found))):
                yield Mutant(derivation, position, name, replace(step, **{name: changed}))


def _contents(step: Step) -> list[tuple[str, object]]:
    skipped = ("text", "name", "using", "source")
    return [(f.name, getattr(step, f.name)) for f in fields(step) if f.name not in skipped]


def _symbols(contents: Iterable[object]) -> list[Symbol]:
    basics = [b for c in contents for b in (c if isinstance(c, tuple) else (c,)) if isinstance(b, Basic)]
    return sorted({s for b in basics for s in b.atoms(Symbol)}, key=str)
