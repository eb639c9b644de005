"""Mutants of statements: a changed sign, factor, exponent or index, or a dropped term, on the closed side."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from sympy import Add, Expr, Function, Integer, Mul, Piecewise, Pow
from sympy.core.relational import Relational

from flrdt.derive.core.gaussian import Expectation
from flrdt.derive.core.insertion import insert
from flrdt.derive.networks.gates import MoreauEnvelope


def _changes(e: Expr) -> Iterator[Expr]:
    """The mutants of one node."""
    if e.is_Add:
        for i, term in enumerate(e.args):
            rest = [a for j, a in enumerate(e.args) if j != i]
            yield Add(*rest)
            yield Add(*rest, -term)
            yield Add(*rest, 2 * term)
    if e.is_Mul:
        yield 2 * e
        yield -e
    if e.is_Pow and e.exp.is_Rational:
        yield Pow(e.base, -e.exp)
        yield Pow(e.base, e.exp + 1)  # not by a half: a negative base would have no value


def _walk(e: Expr) -> Iterator[Callable[[], Expr]]:
    """What makes each mutant of an expression: only those that are tried are built around the changed node."""
    for changed in _changes(e):
        yield lambda changed=changed: changed
    if isinstance(e, Piecewise):
        for i, (branch, condition) in enumerate(e.args):
            for make in _walk(branch):
                yield lambda i=i, condition=condition, make=make: _with(e, i, (make(), condition))
    elif isinstance(e, (Add, Mul, Pow, Function)) and not isinstance(e, (Expectation, MoreauEnvelope)):
        for i, argument in enumerate(e.args):
            for make in _walk(argument):
                yield lambda i=i, make=make: _with(e, i, make())


def _with(e: Expr, i: int, argument: Any) -> Expr:
    return e.func(*e.args[:i], argument, *e.args[i + 1 :])


def _relatives(name: str) -> Iterator[str]:
    """Names that differ in the letter, the layer or the index: what an index error would put in."""
    letters = {"p": "q", "q": "p", "kappa": "tau", "tau": "kappa", "chi": "mu", "mu": "chi"}
    parts = re.fullmatch(r"([A-Za-z]+)(?:\^\((\d+)\))?(?:_(\d+))?", name)
    if parts is None:
        return
    letter, layer, index = parts.groups()
    for other, shift_layer, shift_index in ((letter, 1, 0), (letter, 0, 1), (letters.get(letter, letter), 0, 0)):
        raised = "" if layer is None else f"^({int(layer) + shift_layer})"
        lowered = "" if index is None else f"_{int(index) + shift_index}"
        yield f"{other}{raised}{lowered}"


def _index_swaps(e: Expr) -> Iterator[Expr]:
    symbols = {s.name: s for s in e.free_symbols}
    for name, symbol in sorted(symbols.items()):
        for candidate in _relatives(name):
            if candidate in symbols and candidate != name:
                yield insert(e, {symbol: symbols[candidate], symbols[candidate]: symbol})


def mutants(statement: Relational, most: int) -> list[Relational]:
    """At most ``most`` different mutants of the right-hand side (the left-hand one if that is 0), over its nodes."""
    swapped = statement.rhs == 0
    side, other = (statement.lhs, statement.rhs) if swapped else (statement.rhs, statement.lhs)
    scaled = () if other == 0 else (2 * side, -side)  # a multiple of 0 is no change
    simple = [lambda changed=changed: changed for changed in (*_index_swaps(side), *scaled, side + 1)]
    makers = [*simple, *(() if other == 0 and side.is_Mul else _walk(side))]
    stride = max(1, len(makers) // most)
    found: dict[Expr, None] = {}
    for start in range(0, len(makers), stride):
        built = (make() for make in makers[start : start + stride])
        different = (c for c in built if c not in (side, Integer(0), *found) and c.free_symbols <= side.free_symbols)
        found |= dict.fromkeys(islice(different, 1))
    pairs = [(m, other) if swapped else (other, m) for m in list(found)[:most]]
    return [statement.func(*pair, evaluate=False) for pair in pairs]
