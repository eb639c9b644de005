"""Compile SymPy expressions into functions of a backend's numbers.

The printer is an allow-list: every kind of node is printed here, in terms of the backend's own functions, or refused with
one line; nothing falls back to a function of Python.  Rationals and constants such as ``pi`` and ``E`` stay exact, floats are
refused, and no name of a symbol reaches the code, so that none can be mistaken for a function or a constant.
Expressions evaluated along a grid are split into a part that depends on the parameters only, computed once, and a part
per grid point.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import sympy
from sympy import Add, Basic, Dummy, Expr, Integer, Mul, Piecewise, Pow, Rational, Symbol, cse, erfc, exp
from sympy.core.relational import GreaterThan, LessThan, StrictGreaterThan, StrictLessThan
from sympy.logic.boolalg import And, BooleanFalse, BooleanTrue, Or

from flrdt.derive.core.gaussian import H, Phi, TiltedTail, phi

__all__ = ["CompileError", "compile_grid", "compile_scalar"]

# node types with the function of a backend that stands for them
FUNCTIONS: dict[type, str] = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.erf: "erf",
    sympy.erfc: "erfc",
    sympy.erfinv: "erfinv",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.tan: "tan",
    sympy.asin: "asin",
    sympy.acos: "acos",
    sympy.atan: "atan",
    sympy.sinh: "sinh",
    sympy.cosh: "cosh",
    sympy.tanh: "tanh",
    sympy.asinh: "asinh",
    sympy.acosh: "acosh",
    sympy.atanh: "atanh",
    sympy.gamma: "gamma",
    sympy.loggamma: "loggamma",
    sympy.Abs: "absolute",
    sympy.sign: "sign",
    TiltedTail: "tilted_tail",
}
CONSTANTS: dict[Basic, str] = {sympy.pi: "pi", sympy.E: "e", sympy.EulerGamma: "euler", sympy.Catalan: "catalan"}
EXTREMA: dict[type, str] = {sympy.Min: "minimum", sympy.Max: "maximum"}
# whether the greater side comes first, and whether equality counts
ORDERS: dict[type, bool] = {StrictGreaterThan: False, StrictLessThan: False, GreaterThan: True, LessThan: True}
LONGEST = 24  # nested operations in one line of code
INEXACT = 2**53  # larger integers are no doubles
EXACT = 2**24  # smaller integers are numbers of every backend at every precision


class CompileError(ValueError):
    """The expression cannot be evaluated exactly as it stands."""


class _Writer:
    """Writes the body of a function: what occurs more than once, or is nested deeply, gets a line of its own."""

    def __init__(self, arguments: Sequence[Basic], backend: Any) -> None:
        self.known = {s: f"a{i}" for i, s in enumerate(arguments)}
        self.backend = backend.name
        self.available = backend.functions()
        self.lines: list[str] = []
        self.integers: dict[str, Any] = {}
        self.uses: Counter[Basic] = Counter()

    def count(self, expressions: Iterable[Basic]) -> None:
        """Count how often every part occurs."""
        waiting = list(expressions)
        while waiting:
            node = waiting.pop()
            self.uses[node] += 1
            # branches that do not apply may have no value: nothing in them is computed ahead
            if self.uses[node] == 1 and not isinstance(node, Piecewise):
                waiting += node.args

    def name(self, node: Basic, text: str) -> str:
        """A line that computes the text; the node is known by the name of the line from here on."""
        self.known[node] = f"t{len(self.lines)}"
        self.lines.append(f"{self.known[node]} = {text}")
        return self.known[node]

    def write(self, node: Basic, inline: bool = False) -> str:
        """The text of a node: a name, a plain integer, or an operation in brackets."""
        if node in self.known:
            return self.known[node]
        if isinstance(node, Integer):
            return f"({int(node)})" if abs(int(node)) < INEXACT else self.number(node, inline)
        text = self._operation(node, inline)
        if node in self.known:
            return self.known[node]
        if not inline and node.args and (self.uses[node] > 1 or _nesting(text) > LONGEST):
            return self.name(node, text)
        return text

    def number(self, node: Basic, inline: bool) -> str:
        """As :meth:`write`, but an integer becomes a number of the backend too."""
        if not isinstance(node, Integer):
            return self.write(node, inline)
        text = self.call("rational", str(int(node)), "1")
        if abs(int(node)) >= EXACT:
            return text
        name = f"i{int(node)}".replace("-", "_")  # the same number at every precision: made once
        self.integers[name] = self.available["rational"](int(node), 1)
        return name

    def call(self, function: str, *arguments: str) -> str:
        if function not in self.available:
            raise CompileError(f"the {self.backend} arithmetic has no function {function}")
        return f"{function}({', '.join(arguments)})"

    def _operation(self, node: Basic, inline: bool) -> str:
        kind = type(node)
        if node in CONSTANTS:
            return self.call(CONSTANTS[node])
        if isinstance(node, Rational) and node.is_finite:
            return self.call("rational", str(int(node.p)), str(int(node.q)))
        if isinstance(node, sympy.Float):
            raise CompileError(f"floating-point constant {node}: write it as an exact rational")
        if isinstance(node, Symbol):
            raise CompileError(f"undeclared symbol {node}")
        if kind is Add:
            return self._sum(node, inline)
        if kind is Mul:
            return self._product(node.args, inline)
        if kind is Pow:
            return self._product((node,), inline)
        if kind is sympy.Heaviside and node.args[1:] in ((), (Rational(1, 2),)):
            return self.call("step", self.number(node.args[0], inline))
        if kind in FUNCTIONS:
            return self.call(FUNCTIONS[kind], *(self.number(a, inline) for a in node.args))
        if kind in EXTREMA:
            text = self.number(node.args[0], inline)
            for a in node.args[1:]:
                text = self.call(EXTREMA[kind], text, self.number(a, inline))
            return text
        if kind in (H, Phi):
            root = self.call("sqrt", self.call("rational", "2", "1"))
            sign = "-" if kind is Phi else ""
            return f"({self.call('erfc', f'{sign}{self.number(node.args[0], inline)}/{root}')}/2)"
        if kind is phi:
            square = self.call("power", self.number(node.args[0], inline), "2")
            root = self.call("sqrt", f"2*{self.call('pi')}")
            return f"({self.call('exp', f'-{square}/2')}/{root})"
        if kind is Piecewise:
            return self._piecewise(node)
        named = "function" if isinstance(node, sympy.Function) else "rule"
        raise CompileError(f"no backend {named} for {kind.__name__}: unfold {_short(node)} first")

    def _sum(self, node: Basic, inline: bool) -> str:
        parts = [self.write(a, inline) for a in node.args]
        if all(isinstance(a, Integer) for a in node.args):  # as when nothing was evaluated
            parts[0] = self.number(node.args[0], inline)
        text = parts[0]
        for part in parts[1:]:  # only products and integers begin with a sign
            text += f" - ({part[2:]}" if part.startswith("(-") else f" + {part}"
        return f"({text})"

    def _product(self, factors: Sequence[Basic], inline: bool) -> str:
        above: list[str] = []
        below: list[str] = []
        above_integers, below_integers = 1, 1
        for factor in factors:
            if isinstance(factor, Rational) and factor.is_finite:
                above_integers, below_integers = above_integers * int(factor.p), below_integers * int(factor.q)
                continue
            inverse, text = self._power(factor, inline) if type(factor) is Pow else (False, self.write(factor, inline))
            (below if inverse else above).append(text)
        sign = "-" if above_integers < 0 else ""
        above_integers = abs(above_integers)
        if max(above_integers, below_integers) >= INEXACT or not (above or below):
            above.insert(0, self.call("rational", str(above_integers), str(below_integers)))
        else:
            above = [str(above_integers)] * (above_integers != 1 or not above) + above
            below = [str(below_integers)] * (below_integers != 1) + below
        bottom = f"/({'*'.join(below)})" if below else ""
        return f"({sign}{'*'.join(above)}{bottom})"

    def _power(self, node: Basic, inline: bool) -> tuple[bool, str]:
        """Whether the power belongs below the line, and its text there."""
        base, power = node.args
        if not isinstance(power, Rational) or power.q > 2 or not power.is_finite:
            if base is sympy.E:
                return False, self.call("exp", self.number(power, inline))
            logarithm = self.call("log", self.number(base, inline))
            return False, self.call("exp", f"{self.number(power, inline)}*{logarithm}")
        inverse, whole = bool(power < 0), int(abs(power.p))
        opposite = Pow(base, -power, evaluate=False)
        if opposite in self.known:
            return True, self.known[opposite]
        if node in self.known:
            return False, self.known[node]
        text = self.number(base, inline)
        if power.q == 2:
            text = self._root(base, text, inline)
        text = text if whole == 1 else self.call("power", text, str(whole))
        if not inline and self.uses[node] > 1:
            return inverse, self.name(opposite if inverse else node, text)
        return inverse, text

    def _root(self, base: Basic, text: str, inline: bool) -> str:
        root = Pow(base, Rational(1, 2), evaluate=False)
        if root in self.known:
            return self.known[root]
        text = self.call("sqrt", text)
        return text if inline else self.name(root, text)

    def _piecewise(self, node: Basic) -> str:
        branches = []
        for value, condition in node.args:
            branches.append(f"(lambda: {self._condition(condition)}, lambda: {self.number(value, True)})")
        return self.call("piecewise", *branches)

    def _condition(self, condition: Basic) -> str:
        """A condition as nested tuples: ``True``, ``("and", ...)``, or a difference and whether 0 is enough."""
        if isinstance(condition, (BooleanTrue, BooleanFalse)):
            return str(bool(condition))
        if isinstance(condition, (And, Or)):
            word = "and" if isinstance(condition, And) else "or"
            return f"({word!r}, {', '.join(self._condition(c) for c in condition.args)})"
        if type(condition) not in ORDERS:
            raise CompileError(f"no backend rule for the condition {_short(condition)}: use < <= > >= with And and Or")
        greater, less = self.number(condition.gts, True), self.number(condition.lts, True)
        return f"({greater} - {less}, {ORDERS[type(condition)]})"


def _short(node: Basic) -> str:
    text = str(node)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _nesting(text: str) -> int:
    deepest = depth = 0
    for c in text:
        depth += (c == "(") - (c == ")")
        deepest = max(deepest, depth)
    return deepest


@lru_cache(maxsize=512)
def unfolded(expr: Expr) -> Expr:
    return (
        expr.replace(H, lambda a: H(a).rewrite(erfc))
        .replace(Phi, lambda a: Phi(a).rewrite(erfc))
        .replace(phi, lambda a: phi(a).rewrite(exp))
    )


def _check(expressions: Sequence[Expr], symbols: Sequence[Symbol]) -> None:
    for e in expressions:
        unknown = e.free_symbols - set(symbols)
        if unknown:
            raise CompileError(f"undeclared symbol {', '.join(sorted(map(str, unknown)))} in {_short(e)}")


@lru_cache(maxsize=128)
def _shared(expressions: tuple[Expr, ...]) -> tuple[list, list]:
    """Common subexpressions: the same for every arithmetic."""
    return cse(list(expressions), symbols=iter(lambda: Dummy("shared"), None))


def _function(
    arguments: Sequence[Basic],
    expressions: Sequence[Expr],
    backend: Any,
    share: bool,
    definitions: Sequence[tuple[Symbol, Expr]] = (),
) -> Callable:
    writer = _Writer(arguments, backend)
    replacements = list(definitions)
    if share:
        named = [name for name, _ in definitions]
        shared, found = _shared((*(e for _, e in definitions), *expressions))
        replacements = _in_order([*shared, *zip(named, found, strict=False)])
        expressions = found[len(named) :]
    writer.count([*(e for _, e in replacements), *expressions])
    for symbol, e in replacements:
        writer.name(symbol, writer.number(e, False))
    found = [writer.write(e) for e in expressions]
    head = f"def compiled({', '.join(f'a{i}' for i in range(len(arguments)))}):"
    body = [*writer.lines, f"return [{', '.join(found)}]"]
    space = {**writer.available, **writer.integers}
    exec(compile("\n    ".join([head, *body]), "<compiled expressions>", "exec"), space)
    return space["compiled"]


def _in_order(definitions: Sequence[tuple[Symbol, Expr]]) -> list[tuple[Symbol, Expr]]:
    """The definitions, each after those that it is made of."""
    forms = dict(definitions)
    place = {name: i for i, name in enumerate(forms)}
    ordered: dict[Symbol, Expr] = {}

    def after(name: Symbol) -> None:
        if name not in ordered:
            for needed in sorted(forms[name].free_symbols & forms.keys(), key=place.__getitem__):
                after(needed)
            ordered[name] = forms[name]

    for name in forms:
        after(name)
    return list(ordered.items())


def compile_scalar(
    expressions: Sequence[Expr],
    symbols: Sequence[Symbol],
    backend: Any,
    *,
    as_written: bool = False,
    definitions: Sequence[tuple[Symbol, Expr]] = (),
) -> Callable:
    """A function of the symbols (in order) that returns the list of values, common subexpressions shared.

    The expressions may use the symbols of ``definitions``, in order, each of which may use those before it.  ``as_written``
    leaves expressions that were built without evaluation as they are: only parts that are the same are
    shared.  Raises :class:`CompileError` for a float constant, an undeclared symbol, or a kind of node that the backend has
    no function for.

    >>> from sympy import Rational
    >>> from sympy.abc import x
    >>> from flrdt.evaluate.arithmetic.backends import backend
    >>> compile_scalar([x + Rational(1, 3)], [x], backend("mpmath"))(0)
    [mpf('0.33333333333333331')]
    """
    _check([*(e for _, e in definitions), *expressions], [*symbols, *(name for name, _ in definitions)])
    if as_written:
        return _function(symbols, expressions, backend, False, definitions)
    plain = [(name, unfolded(e)) for name, e in definitions]
    return _function(symbols, [unfolded(e) for e in expressions], backend, True, plain)


def compile_grid(
    expressions: Sequence[Expr],
    point: Symbol | Sequence[Symbol],
    parameters: Sequence[Symbol],
    backend: Any,
    definitions: Sequence[tuple[Symbol, Expr]] = (),
) -> Callable:
    """A function of the parameters that returns a function of the grid point alone (of its coordinates, if it has several).

    Everything that does not depend on the point is hoisted and computed once per call with the parameters.  The expressions
    may use the symbols of ``definitions``, in order, each of which may use those before it.
    """
    points = (point,) if isinstance(point, Symbol) else tuple(point)
    hoisted: dict[Expr, Symbol] = {}
    moves: dict[Basic, bool] = {}  # nodes are shared by derivatives, so each is looked at once
    written: dict[Expr, Expr] = {}

    def moving(e: Basic) -> bool:
        if e not in moves:
            moves[e] = e in points or any(moving(a) for a in e.args)
        return moves[e]

    def hoist(e: Expr) -> Expr:
        if e not in written:
            written[e] = rebuilt(e)
        return written[e]

    def rebuilt(e: Expr) -> Expr:
        if not moving(e):
            return e if e.is_Integer else hoisted.setdefault(e, Dummy(f"hoisted_{len(hoisted)}"))
        if not e.args:
            return e
        if e.is_Add or e.is_Mul:
            fixed = [a for a in e.args if not moving(a)]
            parts = [hoist(a) for a in e.args if moving(a)]
            return e.func(hoist(e.func(*fixed)), *parts) if fixed else e.func(*parts)
        if e.is_Pow and e.exp.is_Rational:
            return hoist(e.base) ** e.exp
        if isinstance(e, sympy.Heaviside):  # its second argument is the value at the jump
            return e.func(hoist(e.args[0]), *e.args[1:])
        return e.func(*(hoist(a) for a in e.args))

    _check([*(e for _, e in definitions), *expressions], [*points, *parameters, *(name for name, _ in definitions)])
    fixed: list[tuple[Symbol, Expr]] = []
    at_points: list[tuple[Symbol, Expr]] = []
    for name, e in definitions:
        moves[name] = moving(form := unfolded(e))
        (at_points if moves[name] else fixed).append((name, hoist(form) if moves[name] else form))
    found = [hoist(unfolded(e)) for e in expressions]
    before = _function(parameters, list(hoisted), backend, True, fixed)
    per_point = _function([*points, *hoisted.values()], found, backend, True, at_points)

    def at(*values: Any) -> Callable:
        constants = before(*values)
        return lambda *x: per_point(*x, *constants)

    return at
