r"""Long formulas in lines that fit a page: a sum is broken between its terms, and what is too wide for a line gets a name.

Widths are estimates in points at ten-point type, from the advance widths of the Computer Modern fonts and TeX's spaces between
the kinds of symbols.  A part that has a name is written below the formula, as one would print it; :meth:`Layout.restored` puts
the parts back in, so that a test can compare the layout with what it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import count

from sympy import (
    Add,
    And,
    Basic,
    Derivative,
    Expr,
    Function,
    Integer,
    Limit,
    Mul,
    Or,
    Pow,
    Subs,
    Symbol,
    default_sort_key,
    latex,
)
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import Boolean, BooleanFunction
from sympy.printing.latex import LatexPrinter

__all__ = ["COLUMN", "PAGE", "PAPERS", "POINTS", "Layout", "layout", "named_parts", "width"]

POINTS = 5.5
"""Points of a column: about the mean advance width of a letter or digit of mathematics at ten points."""
PAGE = 58
"""Columns of a line of LaTeX's ``article`` at ten points (345 points), less the number of an equation."""
COLUMN = 37
"""Columns of a line of ``article`` with two columns (200 points), less what an estimate may be wrong by."""

PAPERS = {"page": PAGE, "column": COLUMN}
"""Columns by the word for the paper."""
LARGEST = 250
"""Leaves of a formula that is written as a whole to see whether it fits."""

SCRIPT = 0.8  # an index or power relative to the line; the smaller fonts are wider than their size says
ADVANCE = {
    "a": 5.3, "b": 4.3, "c": 4.3, "d": 5.2, "e": 4.7, "f": 6.0, "g": 5.1, "h": 5.8, "i": 3.4, "j": 4.7, "k": 5.5, "l": 3.2,
    "m": 8.8, "n": 6.0, "o": 4.8, "p": 5.0, "q": 4.8, "r": 4.8, "s": 4.7, "t": 3.6, "u": 5.7, "v": 5.2, "w": 7.4, "x": 5.7,
    "y": 5.3, "z": 5.1, "(": 3.9, ")": 3.9, "[": 2.8, "]": 2.8, "|": 2.8, "!": 2.8, "'": 2.9, "/": 5.0, ".": 2.8, ":": 8.3,
    ",": 4.5, ";": 4.5, "+": 12.3, "-": 12.3, "*": 9.4, "=": 13.4, "<": 13.4, ">": 13.4, "~": 3.4,
}  # fmt: skip
CAPITAL, DIGIT, LETTER, UPRIGHT = 8.2, 5.0, 6.2, 5.2
COMMANDS = {
    r"\,": 1.7, r"\ ": 3.4, r"\;": 2.8, r"\quad": 10.0, r"\!": -1.7, r"\cdot": 7.3, r"\left": 1.7, r"\right": 1.7,
    r"\big": 1.0, r"\Big": 3.0, r"\displaystyle": 0, r"\textstyle": 0, r"\limits": 0, r"\leq": 13.4, r"\geq": 13.4,
    r"\le": 13.4, r"\ge": 13.4, r"\neq": 13.4, r"\ne": 13.4, r"\to": 15.6, r"\in": 12.3, r"\infty": 10.0, r"\partial": 5.8,
    r"\int": 11.7, r"\sum": 16.1, r"\prod": 11.1, r"\log": 14.5, r"\exp": 17.8, r"\min": 18.4, r"\max": 20.2, r"\lim": 15.6,
    r"\sin": 14.0, r"\cos": 15.0, r"\tan": 16.0, r"\prime": 3.0,
    r"\varphi": 6.5, r"\phi": 6.0, r"\chi": 6.3, r"\gamma": 5.7, r"\iota": 3.6, r"\Lambda": 7.0, r"\Theta": 7.8,
    r"\Phi": 7.2, r"\Gamma": 6.3, r"\{": 5.0, r"\}": 5.0, r"\dots": 11.7, r"\wedge": 11.1, r"\vee": 11.1, r"\cup": 11.1,
    r"\mid": 8.4, r"\middle": 0, r"\hat": 0, r"\tilde": 0, r"\bar": 0, r"\overline": 0,
}  # fmt: skip
_TOKEN = re.compile(r"\\begin\{\w+\}|\\end\{\w+\}|\\\\|\\[A-Za-z]+|\\.|[{}^_&]|\S")


@lru_cache(maxsize=20000)
def width(tex: str) -> float:
    r"""Width in points of a line of LaTeX mathematics in display style at ten points, as estimated.

    >>> width("x"), width(r"\frac{x}{y}") < width("x + y"), width("x^{2}") < width("x2")
    (5.7, True, True)
    """
    return _Ruler(tex).row()


class _Ruler:
    """Reads LaTeX from left to right and adds up widths."""

    def __init__(self, tex: str) -> None:
        self.tokens = _TOKEN.findall(tex)
        self.at = 0
        self.over = 0  # in how many fractions this stands; the letters of the second are smaller
        self.inner = 0  # how many indices and powers this stands in: there signs have no space

    def take(self) -> str:
        """The next token."""
        self.at += 1
        return self.tokens[self.at - 1]

    def peek(self) -> str:
        """The next token, which stays."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def group(self) -> float:
        """The argument of a command: what the braces hold, or one token."""
        if self.peek() != "{":
            return self.token(self.take()) if self.peek() else 0.0
        self.take()
        return self.row()

    def row(self, ends: tuple[str, ...] = ("}",)) -> float:
        """Everything up to the closing brace, which is taken, or to the end."""
        total, fresh = 0.0, True
        while self.at < len(self.tokens):
            token = self.take()
            if token in ends:
                break
            if token in ("^", "_"):
                self.at -= 1
                total += self.scripts()
                continue
            if token in "+-" and (fresh or self.inner):  # a sign, without the spaces of an operation
                total += 7.8
            elif token == "&":
                total += 10
            else:
                total += self.token(token)
            fresh = token in ("(", "[", ",", "=", "<", ">", r"\left", r"\{", "{") or (
                fresh and token == r"\displaystyle"
            )
        return total

    def scripts(self) -> float:
        """Index and power stand above each other."""
        widths = []
        while self.peek() in ("^", "_"):
            self.take()
            self.inner += 1
            widths.append(self.group() * SCRIPT + 0.5)
            self.inner -= 1
        return max(widths)

    def token(self, token: str) -> float:
        """One symbol, or a command with its arguments."""
        if token == "{":
            return self.row()
        if token in (r"\frac", r"\dfrac"):
            self.over += 1
            inside = max(self.group(), self.group()) * (SCRIPT if self.over == 2 and not self.inner else 1)
            self.over -= 1
            return inside + 2.4
        if token == r"\tfrac":
            return SCRIPT * max(self.group(), self.group()) + 2.4
        if token == r"\substack":
            self.take()
            return self.table() - 10
        if token == r"\sqrt":
            root = self.row(("]",)) * 0.5 if self.peek() == "[" else 0.0
            return root + self.group() + 10
        if token in (r"\operatorname", r"\text", r"\mathrm", r"\mathbb"):
            self.take()
            letters = []
            while self.peek() not in ("}", ""):
                letters.append(self.take())
            self.take()
            return 6.7 if token == r"\mathbb" else 3.4 + UPRIGHT * len(letters)
        if token in (r"\int", r"\sum", r"\prod", r"\min", r"\max", r"\lim"):
            if self.peek() == r"\limits":
                self.take()
            scripts = self.scripts() if self.peek() in ("^", "_") else 0.0
            return COMMANDS[token] + scripts if token == r"\int" else max(COMMANDS[token], scripts + 1.7)
        if token in (r"\left", r"\right"):
            fence = self.take()
            return 0.0 if fence == "." else 8.0 if fence == r"\{" else 2.0 + self._fence()
        if token.startswith(r"\begin"):
            if token == r"\begin{array}":
                self.group()
            return self.table()
        if token in COMMANDS:
            return COMMANDS[token]
        if token.startswith("\\"):
            return LETTER
        return ADVANCE.get(token, DIGIT if token.isdigit() else CAPITAL if token.isupper() else LETTER)

    def _fence(self) -> float:
        """A bracket is as wide as its height asks for, which a fraction between the brackets tells."""
        depth, i, tall, step = 1, self.at, 0, 1
        if self.tokens[self.at - 2] == r"\right":
            step, i = -1, self.at - 3
        while 0 <= i < len(self.tokens) and depth:
            token = self.tokens[i]
            depth += {r"\left": step, r"\right": -step}.get(token, 0)
            tall += token in (r"\frac", r"\begin{cases}", r"\begin{matrix}")
            i += step
        return 3.9 + min(tall, 3) * 1.4

    def table(self) -> float:
        """The widest row of cases or of a matrix, with the brace and the gap."""
        widest, row = 0.0, 0.0
        while self.at < len(self.tokens):
            token = self.take()
            if token.startswith(r"\end") or token == "}":
                break
            if token == r"\\":
                widest, row = max(widest, row), 0.0
            elif token in ("^", "_"):
                self.at -= 1
                row += self.scripts()
            else:
                row += 10 if token == "&" else self.token(token)
        return 10.0 + max(widest, row)


TALLEST = 12
"""Lines of a formula that are kept on one page."""
SHARED = 5
"""Leaves of a part that has a name because it occurs more than once."""


@dataclass(frozen=True)
class Layout:
    """A formula in lines, and the parts that have names, each in lines; the lines are LaTeX.

    ``statement`` is the formula with names in it, ``named`` are the pairs of a name and what it stands for.
    """

    statement: Basic
    lines: tuple[str, ...]
    named: tuple[tuple[Basic, Basic], ...]
    parts: tuple[tuple[str, ...], ...]

    def restored(self) -> Basic:
        """The formula with every name replaced by what it stands for."""
        value = self.statement
        for name, meaning in reversed(self.named):
            value = value.xreplace({name: meaning})
        return value

    def display(self) -> str:
        """The formula and its parts as one piece of displayed mathematics."""
        rows = [*self.lines, *(line for part in self.parts for line in part)]
        if len(rows) == 1:
            return rows[0]
        return r"\begin{split} " + r" \\ ".join(f"& {row}" for row in rows) + r" \end{split}"

    def equation(self, label: str = "") -> str:
        """The formula as a display of its own in LaTeX, with a number if it has a label; its parts follow."""
        star = "" if label else "*"
        tag = rf"\label{{{label}}}" if label else ""
        if len(self.lines) == 1:
            text = f"\\begin{{equation{star}}}{tag}\n  {self.lines[0]}\n\\end{{equation{star}}}"
        elif len(self.lines) <= TALLEST:
            rows = _rows(self.lines, "    ")
            text = (
                f"\\begin{{equation{star}}}{tag}\n  \\begin{{split}}\n{rows}\n  \\end{{split}}\n\\end{{equation{star}}}"
            )
        else:  # the end of a page may come between its lines
            numbered = [line + (r" \notag" if label else "") for line in self.lines[:-1]]
            text = f"\\begin{{align{star}}}\n{_rows([*numbered, self.lines[-1] + tag])}\n\\end{{align{star}}}"
        if self.parts:
            rows = _rows([line for part in self.parts for line in part])
            text += f"\nwhere\n\\begin{{align*}}\n{rows}\n\\end{{align*}}"
        return text


def _rows(lines: Sequence[str], margin: str = "  ") -> str:
    return " \\\\\n".join(f"{margin}& {line}" for line in lines)


def layout(value: Basic, columns: float = PAGE, tex: Callable[[Basic], str] = latex) -> Layout:
    r"""A formula in lines of at most ``columns``, where its parts allow; ``tex`` writes an expression in LaTeX.

    A formula that fits is one line, and one whose terms fit is broken between its terms.  In any other, parts that occur more
    than once and parts that are too wide get names A_1, A_2, ...; a part that holds a variable of an average, integral,
    derivative or maximum is a function of it.

    >>> from sympy import Eq, exp, symbols
    >>> x, y = symbols("x y")
    >>> layout(Eq(y, x**2 + 1), PAGE).lines
    ('y = x^{2} + 1',)
    >>> found = layout(Eq(y, exp(sum(x**k * y for k in range(20)))), PAGE)
    >>> found.lines, [str(name) for name, _ in found.named], found.restored() == Eq(y, exp(sum(x**k * y for k in range(20))))
    (('y = e^{A_{1}}',), ['A_1'], True)
    """
    return _Setter(value, columns * POINTS, tex).layout()


class _Event(BooleanFunction):
    """A condition on variables that has a name: the name and the variables; SymPy's functions are no conditions."""

    def _latex(self, printer):
        return printer.doprint(Function(self.args[0].name)(*self.args[1:]))

    def _pretty(self, printer):
        return printer._print(Function(self.args[0].name)(*self.args[1:]))


def named_parts(
    value: Basic, columns: float, measure: Callable[[Basic], float]
) -> tuple[Basic, tuple[tuple[Basic, Basic], ...]]:
    """A formula with names for what is too wide, or occurs more than once, and the pairs of a name and what it stands for.

    ``measure`` is the width of an expression in columns, of which a line has ``columns``.  A name may occur in what a later one
    stands for; putting the parts back in from the last to the first gives the formula.

    >>> from sympy import exp, symbols
    >>> x, y = symbols("x y")
    >>> statement, parts = named_parts(exp(sum(x**k * y for k in range(20))), 30, lambda part: len(str(part)))
    >>> statement, [str(name) for name, _ in parts]
    (exp(A_1), ['A_1'])
    """
    return _Setter(value, columns * POINTS, latex, lambda part: measure(part) * POINTS).named()


class _Setter:
    """Names parts from the inside out, so that no more than a few lines are ever written at once."""

    def __init__(
        self,
        value: Basic,
        line: float,
        tex: Callable[[Basic], str],
        ruler: Callable[[Basic], float] | None = None,
    ) -> None:
        self.value, self.line, self.tex = value, line, tex
        self.ruler = ruler or (lambda node: width(tex(node)))
        self.room = line - 24  # a later line starts with a space and a sign
        self.leaves: dict[Basic, int] = {}
        self.free: dict[Basic, frozenset[Basic]] = {}
        self.uses: dict[Basic, int] = {}
        self.bound: set[Basic] = set()
        self._read(value)
        self.folded: dict[Basic, Basic] = {}
        self.names: dict[Basic, Basic] = {}
        self.taken: set[Basic] = set()
        self.widths: dict[Basic, float] = {}
        self.ordered = LatexPrinter()._as_ordered_terms
        used = {n.name if isinstance(n, Symbol) else n.func.__name__ for n in self.leaves if _named(n)}
        letters = {name[:1] for name in used if len(name.partition("_")[0]) == 1}
        self.letter = next(c for c in "ABCDGKRSTUVWXYZJLNQFEH" if c not in letters)
        self.numbers = count(1)

    def _read(self, value: Basic) -> None:
        """Leaves, free symbols and numbers of uses of every node, from the leaves up; and the bound symbols."""
        todo = [(value, False)]
        while todo:
            node, ready = todo.pop()
            if node in self.leaves:
                continue
            if not ready:
                todo += [(node, True), *((a, False) for a in node.args)]
                continue
            for a in node.args:
                self.uses[a] = self.uses.get(a, 0) + 1
            self.leaves[node] = sum(self.leaves[a] for a in node.args) if node.args else 1
            inside = (
                frozenset().union(*(self.free[a] for a in node.args)) if node.args else frozenset(node.free_symbols)
            )
            self.free[node] = inside
            if isinstance(node, (Derivative, Subs)):  # the variable of a derivative stays free in it
                self.bound |= {*node.variables}
                self.free[node] = frozenset(node.free_symbols)
            elif node.args and not isinstance(node, (Add, Mul, Pow, Relational)):
                self.free[node] = frozenset(node.free_symbols)
                self.bound |= inside - self.free[node]

    def layout(self) -> Layout:
        """The formula and its named parts."""
        left, right = (self.value.lhs, self.value.rhs) if isinstance(self.value, Relational) else (None, self.value)
        relation = type(self.value) if left is not None else Relational
        if self.leaves[self.value] < LARGEST:
            if width(whole := self.tex(self.value)) <= self.line:
                return Layout(self.value, (whole,), (), ())
            pieces = [*(_terms(left) if left is not None else ()), *_terms(right)]
            if not any(self.wide(piece) for piece in pieces):
                return Layout(self.value, self.lines(left, relation, right), (), ())
        statement, named = self.named()
        left, right = (statement.lhs, statement.rhs) if isinstance(statement, Relational) else (None, statement)
        lines = self.lines(left, relation, right)
        return Layout(statement, lines, named, tuple(self.lines(name, Relational, part) for name, part in named))

    def named(self) -> tuple[Basic, tuple[tuple[Basic, Basic], ...]]:
        """The formula with names in it, and what they stand for."""
        self.shared()
        value = self.value
        if isinstance(value, Relational):
            right = self.terms(value.rhs)  # its names come first
            value = type(value)(self.terms(value.lhs), right, evaluate=False)
        else:
            value = self.terms(value)
        return value, tuple((name, part) for part, name in self.names.items())

    def shared(self) -> None:
        """Names for the parts that occur more than once, the smaller before the larger that hold them."""
        often = [n for n, number in self.uses.items() if number > 1 and self.leaves[n] >= SHARED and _nameable(n)]
        for node in sorted(often, key=lambda n: self.leaves[n]):
            folded = self.fold(node)
            if _nameable(folded) and self.leaf_count(folded) >= SHARED:
                if isinstance(folded, Add):
                    folded = self.terms(folded)
                self.folded[node] = self.name(folded)

    def leaf_count(self, node: Basic) -> int:
        """Number of leaves, where a name counts as one."""
        if node not in self.leaves:
            self.leaves[node] = 1 if node in self.taken or not node.args else sum(map(self.leaf_count, node.args))
        return self.leaves[node]

    def measure(self, node: Basic) -> float:
        """Width of a node that is not too large to be written."""
        if node not in self.widths:
            self.widths[node] = self.ruler(node)
        return self.widths[node]

    def wide(self, node: Basic) -> bool:
        """Whether a node does not fit into a line; a few leaves always do."""
        return self.leaf_count(node) > 4 and (self.leaf_count(node) > LARGEST or self.measure(node) > self.room)

    def terms(self, node: Basic) -> Basic:
        """A side of a relation, every term of which fits into a line."""
        if not isinstance(node, Add):
            return self.fold(node)
        return _rebuilt(node, [self.fold(a) for a in node.args])

    def fold(self, node: Basic) -> Basic:
        """A node with as many names in it as it takes to fit into a line."""
        if node not in self.folded:
            self.folded[node] = self._folded(node)
        return self.folded[node]

    def _folded(self, node: Basic) -> Basic:
        if not node.args:
            return node
        if isinstance(node, (Derivative, Subs, Limit)):  # the other arguments are variables and points
            node = _rebuilt(node, [self.fold(node.args[0]), *node.args[1:]])
        else:
            node = _rebuilt(node, [self.fold(a) if isinstance(a, (Expr, ExprCondPair)) else a for a in node.args])
        if isinstance(node, ExprCondPair):
            value, condition = node.args
            if isinstance(condition, Boolean) and self.measure(condition) > self.room / 3:
                sides = {side: self.fold(side) for r in condition.atoms(Relational) for side in r.args}
                condition = condition.xreplace(sides)
                brackets = width(r"\vee ()")  # with these a part stands in its line
                wide = [
                    a for a in condition.args if isinstance(a, (And, Or)) and self.measure(a) + brackets > self.room
                ]
                condition = self.name(condition.xreplace({a: self.name(a) for a in wide}))
            return ExprCondPair(value, condition)
        if isinstance(node, Add) and self.wide(node):
            return self.name(node)
        while self.wide(node):
            part = self.widest(node)
            shorter = node if part is None else node.xreplace({part: self.name(part)})
            if shorter == node or self.measure(shorter) >= self.measure(node):
                break
            node = shorter
        return node

    def widest(self, node: Basic) -> Expr | None:
        """The part of a node that a name shortens most."""
        found = [p for a in node.args for p in _inside(a) if p.args and p not in self.taken]
        found = [p for p in found if self.leaf_count(p) > 2 and self.measure(p) > 40]
        if not found:
            factors = [a for a in node.args if not a.is_number] if isinstance(node, Mul) else []
            return Mul(*factors[: len(factors) // 2]) if len(factors) > 3 else None
        return max(found, key=lambda p: (self.measure(p), default_sort_key(p)))

    def name(self, part: Basic) -> Basic:
        """The name of a part."""
        if part not in self.names:
            name = f"{self.letter}_{next(self.numbers)}"
            variables = sorted(part.free_symbols & self.bound, key=default_sort_key) if self.bound else ()
            kind = partial(_Event, Symbol(name)) if isinstance(part, Boolean) else Function(name)
            self.names[part] = kind(*variables) if variables else Symbol(name)
            self.taken.add(self.names[part])
        return self.names[part]

    def lines(self, left: Basic | None, relation: type[Relational], right: Basic) -> tuple[str, ...]:
        """A relation in lines; a line that continues the one before starts with a space and a sign."""
        pieces = list(self.signed(left)) if left is not None else []
        if left is not None:
            equal = r"\colon" if isinstance(right, Boolean) and not isinstance(right, Symbol) else "="
            equal = f"{equal if relation is Relational else _sign(relation)} "
        else:
            equal = ""
        pieces += [((equal if i == 0 else "") + sign, term) for i, (sign, term) in enumerate(self.signed(right))]
        rows, used = [""], 0.0
        for sign, term in pieces:
            text = self.tex(term)
            if term.is_Add or isinstance(term, Or):
                text = rf"\left({text}\right)"
            text = sign + text
            here = width(text) + 4
            if used + here > self.line and rows[-1]:
                rows.append(r"\quad {} ")
                used = 10
            rows[-1] += text + " "
            used += here
        return tuple(row.strip() for row in rows)

    def signed(self, node: Basic) -> Iterator[tuple[str, Basic]]:
        """The terms of a sum in the order of the printer, or the parts of a condition, each with the sign before it."""
        if isinstance(node, And):
            for i, part in enumerate(sorted(node.args, key=default_sort_key)):
                yield r"\wedge " if i else "", part
            return
        for i, term in enumerate(self.ordered(node) if isinstance(node, Add) else [node]):
            minus = isinstance(node, Add) and bool(term.as_coeff_Mul()[0].is_negative)
            yield "- " if minus else "+ " if i else "", -term if minus else term


def _sign(relation: type[Relational]) -> str:
    return latex(relation(Symbol("l"), Symbol("r"), evaluate=False))[1:-1].strip()


def _named(node: Basic) -> bool:
    return isinstance(node, (Symbol, AppliedUndef, _Event))


def _terms(side: Basic) -> tuple[Basic, ...]:
    return side.args if isinstance(side, (Add, And)) else (side,)


def _nameable(node: Basic) -> bool:
    """A value that is worth a name: not a symbol, a number, or the reciprocal or multiple of something that is."""
    if not isinstance(node, Expr) or not node.args or node.is_number or _named(node):
        return False
    if isinstance(node, Pow) and node.exp.is_number:
        return False
    return not (isinstance(node, Mul) and len(node.args) == 2 and node.args[0].is_number)


def _rebuilt(node: Basic, arguments: list[Basic]) -> Basic:
    return node if tuple(arguments) == node.args else node.func(*arguments)


def _inside(part: Basic) -> Iterator[Expr]:
    """A factor or argument that may have a name: of a power with a number above, what is below it."""
    if isinstance(part, ExprCondPair):
        yield from _inside(part.args[0])
    elif isinstance(part, Pow) and part.exp.is_number:
        yield from (part.base,) if isinstance(part.base, Expr) else ()
    elif isinstance(part, Expr) and not isinstance(part, (Symbol, Integer)):
        yield part
