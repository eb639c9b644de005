"""Value, slopes and curvatures of an expression as one program of small definitions, by the chain rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache

from sympy import Add, Basic, DiracDelta, Dummy, Expr, S, Symbol, diff, preorder_traversal

from .compile import unfolded

__all__ = ["Program", "slopes"]


@dataclass(frozen=True)
class Program:
    """Definitions in order, each of a new symbol by symbols defined before it, and what is made of them."""

    definitions: tuple[tuple[Symbol, Expr], ...]
    outputs: tuple[Expr, ...]


@lru_cache(maxsize=64)
def slopes(expression: Expr, symbols: tuple[Symbol, ...], order: int) -> Program:
    r"""The expression, its slopes (``order`` 1) and the lower triangle of its curvatures, row by row (``order`` 2).

    All of it is real.  Every operation :math:`v = g(u_1, \dots, u_n)` of the expression becomes a definition, and its slopes follow by
    :math:`v_s = \sum_j g_j u_{j,s}` and
    :math:`v_{st} = \sum_j g_j u_{j,st} + \sum_{jk} g_{jk} u_{j,s} u_{k,t}`: differentiating the whole expression instead
    writes each factor again in every term.  Where the expression has a kink, they are those on either side of it.

    >>> from sympy import exp
    >>> from sympy.abc import x, y
    >>> program = slopes(exp(x * y), (x, y), 1)
    >>> values = {}
    >>> for name, e in program.definitions:
    ...     values[name] = e.xreplace(values)
    >>> [e.xreplace(values) for e in program.outputs]
    [exp(x*y), y*exp(x*y), x*exp(x*y)]
    """
    work = _Chain(symbols, order)
    top = work.node(unfolded(expression))
    count = range(len(symbols))
    outputs = [top]
    if order > 0:
        outputs += [work.first.get(top, {}).get(i, S.Zero) for i in count]
    if order > 1:
        outputs += [work.second.get(top, {}).get((i, j), S.Zero) for i in count for j in range(i + 1)]
    return _joined({name: e for e, name in work.names.items()}, outputs)


def _joined(definitions: dict[Symbol, Expr], outputs: list[Expr]) -> Program:
    """Products inside one product, and sums inside one sum, belong to it; what is not used is left out."""
    uses: Counter[Basic] = Counter(outputs)
    for name, e in reversed(definitions.items()):
        uses.update(preorder_traversal(e) if uses[name] else ())
    forms: dict[Basic, Expr] = {}

    def joined(e: Expr) -> Expr:
        parts = [forms.pop(a) if uses[a] == 1 and a in forms and forms[a].func is e.func else joined(a) for a in e.args]
        return e.func(*parts) if e.is_Add or e.is_Mul else e

    for name, e in definitions.items():
        if uses[name]:
            forms[name] = joined(e)
    return Program(tuple(forms.items()), tuple(outputs))


@dataclass
class _Chain:
    """What has been defined so far; ``first`` and ``second`` hold the slopes of a name that are not zero."""

    symbols: tuple[Symbol, ...]
    order: int
    names: dict[Expr, Symbol] = field(default_factory=dict)
    first: dict[Expr, dict[int, Expr]] = field(default_factory=dict)
    second: dict[Expr, dict[tuple[int, int], Expr]] = field(default_factory=dict)
    done: dict[Basic, Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first.update({s: {i: S.One} for i, s in enumerate(self.symbols)})

    def define(self, e: Expr) -> Expr:
        """A name of an operation, the same for the same one."""
        if e.is_Atom:
            return e
        if e not in self.names:
            self.names[e] = Dummy(f"v{len(self.names)}", real=True)
        return self.names[e]

    def node(self, e: Expr) -> Expr:
        """The name of an expression, with its slopes known."""
        if e not in self.done:
            arguments = [self.node(a) for a in e.args]
            operation = e.func(*arguments) if e.args else e
            self.done[e] = self.define(operation)
            if self.done[e] not in self.first:
                self._follow(self.done[e], operation, [a for a in dict.fromkeys(arguments) if self.first.get(a)])
        return self.done[e]

    def _follow(self, name: Expr, g: Expr, moving: list[Expr]) -> None:
        self.first[name] = {}
        slope = {u: _slope(g, u) for u in moving} if self.order > 0 else {}
        by = {u: self.define(d) for u, d in slope.items() if d != 0}
        for i in range(len(self.symbols)):
            self._keep(self.first[name], i, [d * self.first[u][i] for u, d in by.items() if i in self.first[u]])
        if self.order < 2:
            return
        self.second[name] = {}
        bends = {(u, w): self.define(_slope(d, w)) for u, d in slope.items() for w in moving}
        for i in range(len(self.symbols)):
            for j in range(i + 1):
                terms = [d * self.second[u][i, j] for u, d in by.items() if (i, j) in self.second.get(u, {})]
                for (u, w), d in bends.items():
                    if i in self.first[u] and j in self.first[w]:
                        terms.append(d * self.first[u][i] * self.first[w][j])
                self._keep(self.second[name], (i, j), terms)

    def _keep(self, where: dict, key: object, terms: list[Expr]) -> None:
        total = Add(*terms)
        if total != 0:
            where[key] = self.define(total)


def _slope(g: Expr, u: Expr) -> Expr:
    return diff(g, u).replace(DiracDelta, lambda *_: S.Zero)
