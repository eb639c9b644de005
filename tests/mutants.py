"""Mutants of statements: a changed sign, factor, exponent or index, or a dropped term, on the closed side."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Add, Expr, Integer, Mul, Pow, Rational
from sympy.core.relational import Relational

from flrdt.derive.gates import MoreauEnvelope
from flrdt.derive.gaussian import Expectation


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
        yield Pow(e.base, e.exp + Rational(1, 2))


def _walk(e: Expr) -> Iterator[Expr]:
    yield from _changes(e)
    if isinstance(e, (Expectation, MoreauEnvelope)) or not isinstance(e, (Add, Mul, Pow)):
        return
    for i, argument in enumerate(e.args):
        for changed in _walk(argument):
            yield e.func(*e.args[:i], changed, *e.args[i + 1 :])


def _index_swaps(e: Expr) -> Iterator[Expr]:
    symbols = {s.name: s for s in e.free_symbols}
    for name, symbol in symbols.items():
        letter, _, index = name.partition("_")
        if index.isdigit():
            other = {"p": "q", "q": "p"}.get(letter, letter)
            for candidate in (f"{letter}_{int(index) + 1}", f"{other}_{index}"):
                if candidate in symbols and candidate != name:
                    yield e.subs({symbol: symbols[candidate], symbols[candidate]: symbol}, simultaneous=True)


def mutants(statement: Relational, most: int) -> list[Relational]:
    """At most ``most`` different mutants of the right-hand side, spread over its nodes."""
    side = statement.rhs
    found: dict[Expr, None] = {}
    for changed in (*_index_swaps(side), 2 * side, -side, side + 1, *_walk(side)):
        if changed not in (side, Integer(0)) and changed.free_symbols <= side.free_symbols:
            found.setdefault(changed)
    chosen = list(found)
    stride = max(1, len(chosen) // most)
    return [statement.func(statement.lhs, m, evaluate=False) for m in chosen[::stride][:most]]
