"""Mutants of statements: a changed sign, factor, exponent or index, or a dropped term, on the closed side."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sympy import Add, Expr, Function, Integer, Mul, Piecewise, Pow
from sympy.core.relational import Relational

from flrdt.derive.core.gaussian import Expectation
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


def _walk(e: Expr) -> Iterator[Expr]:
    yield from _changes(e)
    if isinstance(e, Piecewise):
        for i, (branch, condition) in enumerate(e.args):
            for changed in _walk(branch):
                yield e.func(*e.args[:i], (changed, condition), *e.args[i + 1 :])
    if isinstance(e, (Expectation, MoreauEnvelope)) or not isinstance(e, (Add, Mul, Pow, Function)):
        return
    if isinstance(e, Piecewise):
        return
    for i, argument in enumerate(e.args):
        for changed in _walk(argument):
            yield e.func(*e.args[:i], changed, *e.args[i + 1 :])


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
                yield e.subs({symbol: symbols[candidate], symbols[candidate]: symbol}, simultaneous=True)


def mutants(statement: Relational, most: int) -> list[Relational]:
    """At most ``most`` different mutants of the right-hand side (the left-hand one if that is 0), over its nodes."""
    swapped = statement.rhs == 0
    side, other = (statement.lhs, statement.rhs) if swapped else (statement.rhs, statement.lhs)
    found: dict[Expr, None] = {}
    scaled = () if other == 0 else (2 * side, -side)  # a multiple of 0 is no change
    for changed in (*_index_swaps(side), *scaled, side + 1, *(() if other == 0 and side.is_Mul else _walk(side))):
        if changed not in (side, Integer(0)) and changed.free_symbols <= side.free_symbols:
            found.setdefault(changed)
    chosen = list(found)
    stride = max(1, len(chosen) // most)
    pairs = [(m, other) if swapped else (other, m) for m in chosen[::stride][:most]]
    return [statement.func(*pair, evaluate=False) for pair in pairs]
