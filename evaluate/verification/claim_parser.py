"""Read the statement of a claim: untrusted text to a SymPy relation, without evaluating any of it as code.

The text goes through Python's ``ast`` (which only parses), and the tree is rebuilt node by node from a whitelist of node
types, functions and names.  Nothing is simplified: ``sqrt(x)**2`` stays what it is, so that it can be seen where it has a value.
Numbers are read exactly from their digits; length, depth, number of nodes, exponents and the size of what is built are
bounded, so that no statement can keep the parser busy.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sympy import (
    Abs,
    Add,
    Eq,
    Expr,
    Ge,
    Gt,
    Le,
    Lt,
    Max,
    Min,
    Mul,
    Pow,
    Rational,
    atan,
    erfc,
    exp,
    log,
    pi,
)
from sympy.core.relational import Relational

from flrdt.derive.blocks.innermost import innermost
from flrdt.derive.core.formulas import InputError
from flrdt.derive.core.gaussian import H, Phi, phi
from flrdt.derive.networks.gates import Gate

from ..arithmetic.decimals import parse_number
from .direct import extremum, least_cost
from .identities import PROBLEMS, constant
from .proofs import Condition, conditions, replaced

__all__ = ["FUNCTIONS", "ClaimError", "Parser", "names"]

MAX_LENGTH = 2000
MAX_DEPTH = 40
MAX_NODES = 400
MAX_EXPONENT = 32
MAX_SIZE = 2000  # bits of the numbers that evaluation could build, roughly
LARGEST = 1000  # constants in exponentials and in W, and their inverses
MAX_ARGUMENTS = 4  # of Min and Max
SMALL = 12  # operations in a divisor or the argument of a root or logarithm that is looked at while reading

RELATIONS: dict[type[ast.cmpop], Any] = {ast.Eq: Eq, ast.Lt: Lt, ast.LtE: Le, ast.Gt: Gt, ast.GtE: Ge}
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)

# functions of one argument; those in TAILS are bounded, and like exp they refuse an exponential inside
PLAIN: dict[str, Any] = {"sqrt": None, "log": log, "atan": atan, "Abs": Abs, "abs": Abs}
TAILS: dict[str, Any] = {"Phi": Phi, "H": H, "phi": phi, "erfc": erfc}
EXTREMA: dict[str, Any] = {"Min": Min, "Max": Max, "min": Min, "max": Max}
OF_GATE = {"W": 4, "M": 2}

FUNCTIONS = (*PLAIN, "exp", *TAILS, *EXTREMA, *OF_GATE)
"""Names of the functions that a statement may call."""


class ClaimError(InputError):
    """A claim cannot be used; the message says which one, what is wrong and what would be right."""


@dataclass(frozen=True)
class _Part:
    """A subexpression with bounds on what it can grow to: ``size`` of its numbers, and exponentials inside."""

    expr: Expr
    size: int
    exponentials: int = 0


def _parsed(text: Any) -> ast.Compare:
    """The tree of a statement: one relation, within the limits, nothing looked up yet."""
    if not isinstance(text, str):
        raise ClaimError(f"the statement has to be text like 'Phi(-x) == H(x)', not {type(text).__name__}")
    if len(text) > MAX_LENGTH:
        raise ClaimError(f"the statement has {len(text)} characters: at most {MAX_LENGTH} are allowed")
    if not text.isascii() or not text.isprintable():
        raise ClaimError("the statement has to be one line of plain ASCII text")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ClaimError(
            f"cannot read the statement {_shown(text)}: write it like 'Phi(-x) == H(x)' (== for an equation)"
        ) from None
    _bounded(tree)
    if not isinstance(tree, ast.Compare):
        raise ClaimError(f"the statement {_shown(text)} is no relation: use one of == < <= > >=")
    if len(tree.ops) != 1 or type(tree.ops[0]) not in RELATIONS:
        raise ClaimError(f"the statement {_shown(text)} needs exactly one of == < <= > >=")
    return tree


def _bounded(tree: ast.AST) -> None:
    level, count, depth = [tree], 0, 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ClaimError(f"the statement is nested too deeply: at most {MAX_DEPTH} levels are allowed")
        skip = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop)
        below: list[ast.AST] = []
        for node in level:
            parts = [node] if not isinstance(node, ast.BinOp) else [part for _, part in _chain(node)]
            count += len(parts)
            if count > MAX_NODES:
                raise ClaimError(f"the statement is too large: at most {MAX_NODES} nodes are allowed")
            if parts == [node]:
                parts = [c for c in ast.iter_child_nodes(node) if not isinstance(c, skip)]
            below += parts
        level = below


def _chain(node: ast.expr) -> list[tuple[ast.operator, ast.expr]]:
    """The terms of a sum, or the factors of a product, each with the operation that joins it to those before."""
    sums, products = (ast.Add, ast.Sub), (ast.Mult, ast.Div)
    if not isinstance(node, ast.BinOp):
        return [(ast.Add(), node)]
    kind = next((k for k in (sums, products) if isinstance(node.op, k)), None)
    if kind is None:
        return [(node.op, node.left), (node.op, node.right)]
    found: list[tuple[ast.operator, ast.expr]] = []
    rest: ast.expr = node
    while isinstance(rest, ast.BinOp) and isinstance(rest.op, kind):
        found.append((rest.op, rest.right))
        rest = rest.left
    found.append((kind[0](), rest))
    return found[::-1]


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def names(text: Any) -> set[str]:
    """The symbols that a statement mentions (functions and ``pi`` left out); raises :class:`ClaimError`.

    >>> sorted(names("gamma_s*gamma_p == 1/4"))
    ['gamma_p', 'gamma_s']
    """
    tree = _parsed(text)
    called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called} - {"pi"}


class Parser:
    """Builds statements from the symbols given by name, and ``W`` and ``M`` of a gate.

    >>> from sympy import Symbol
    >>> from flrdt.derive import relu
    >>> Parser({"x": Symbol("x", real=True)}, relu()).relation("Phi(-x) <= 0.1*x**2")
    Phi(-x) <= x**2/10
    """

    def __init__(self, symbols: Mapping[str, Expr], gate: Gate) -> None:
        self.symbols = symbols
        self.gate = gate

    def relation(self, text: Any) -> Relational:
        """The relation of a statement; raises :class:`ClaimError` for anything outside the whitelist."""
        tree = _parsed(text)
        source = text.strip()
        try:
            left, right = (self._part(side, source).expr for side in (tree.left, tree.comparators[0]))
        except InputError:
            raise
        except (ValueError, TypeError, ArithmeticError, RecursionError, MemoryError) as problem:
            # SymPy's own refusals, such as an order among numbers that have none
            reason = " ".join(str(problem).split())[:100] or "its numbers are too large"
            raise ClaimError(f"the statement {_shown(text)} has no meaning: {reason}") from None
        for condition in conditions([left, right]):
            _possible(condition)
        return RELATIONS[type(tree.ops[0])](left, right, evaluate=False)

    def _part(self, node: ast.expr, source: str) -> _Part:
        part = self._read(node, source)
        if part.size > MAX_SIZE:
            raise ClaimError("the statement builds numbers or expressions that are too large: use smaller exponents")
        return part

    def _read(self, node: ast.expr, source: str) -> _Part:
        if isinstance(node, ast.Constant):
            return self._number(node, source)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            inner = self._part(node.operand, source)
            return (
                inner if isinstance(node.op, ast.UAdd) else _Part(_negative(inner.expr), inner.size, inner.exponentials)
            )
        if isinstance(node, ast.BinOp) and isinstance(node.op, OPERATORS):
            parts = [(operator, self._part(part, source)) for operator, part in _chain(node)]
            return self._power(parts[0][1], parts[1][1]) if isinstance(node.op, ast.Pow) else _joined(parts)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            raise ClaimError("^ is not allowed in a statement: use ** for a power, like x**2")
        if isinstance(node, ast.Call):
            return self._call(node, source)
        raise ClaimError(
            f"{_named(node)} is not allowed in a statement: use numbers, symbols, + - * / ** and functions"
        )

    @staticmethod
    def _number(node: ast.Constant, source: str) -> _Part:
        if isinstance(node.value, (bool, str, bytes)) or not isinstance(node.value, (int, float)):
            raise ClaimError(f"{_named(node)} is not allowed in a statement: use exact numbers, symbols and functions")
        # the digits, not the float that Python made of them
        text = source[node.col_offset : node.end_col_offset]
        value = parse_number(text, "the number")
        found = Rational(value.numerator, value.denominator)
        return _Part(found, 1 + value.numerator.bit_length() + value.denominator.bit_length())

    def _name(self, name: str) -> _Part:
        if name == "pi":
            return _Part(pi, 2)
        if name not in self.symbols:
            raise ClaimError(f"unknown symbol {name}")
        expr = self.symbols[name]
        return _Part(expr, 2 + int(expr.count_ops()))

    @staticmethod
    def _power(base: _Part, exponent: _Part) -> _Part:
        power = exponent.expr
        if not isinstance(power, Rational) or abs(power) > MAX_EXPONENT or power.q > 2:
            raise ClaimError(
                f"the exponent {_shown(str(power))} is not allowed: use integers or halves up to {MAX_EXPONENT}, or exp"
            )
        if power < 0 and base.expr == 0:
            raise ClaimError("division by zero")
        size = base.size * max(1, int(abs(power)) + 1)
        if size > MAX_SIZE:
            raise ClaimError("the statement builds numbers or expressions that are too large: use smaller exponents")
        if isinstance(base.expr, Rational) and power.is_Integer and base.expr != 0:
            return _Part(base.expr**power, size)
        return _Part(Pow(base.expr, power, evaluate=False), size, base.exponentials)

    def _call(self, node: ast.Call, source: str) -> _Part:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            name = node.func.id if isinstance(node.func, ast.Name) else _named(node.func)
            raise ClaimError(f"unknown function {_shown(name)}: use {', '.join(FUNCTIONS)}")
        name = node.func.id
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            raise ClaimError(f"{name} takes plain arguments only")
        least, most = (2, MAX_ARGUMENTS) if name in EXTREMA else (OF_GATE.get(name, 1),) * 2
        if not least <= len(node.args) <= most:
            wanted = f"{least} to {most}" if least < most else str(least)
            raise ClaimError(f"{name} takes {wanted} argument{'s' * (most > 1)}, not {len(node.args)}")
        return self._apply(name, [self._part(a, source) for a in node.args])

    def _apply(self, name: str, parts: list[_Part]) -> _Part:
        arguments = [p.expr for p in parts]
        size, exponentials = 2 + sum(p.size for p in parts), max(p.exponentials for p in parts)
        if name in PLAIN:
            if name == "sqrt":
                return _Part(Pow(arguments[0], Rational(1, 2), evaluate=False), size, exponentials)
            return _Part(PLAIN[name](arguments[0], evaluate=False), size, exponentials)
        if name in EXTREMA:
            return _Part(extremum(EXTREMA[name], arguments), 60 + 2 * size, exponentials)
        if name == "M":
            return _Part(least_cost(self.gate, *arguments), 60 + 2 * size, exponentials)
        if exponentials:
            raise ClaimError(f"an exponential inside {name} is not allowed: give the inner one a symbol of its own")
        for argument in arguments:
            # exp(10**16) has 10**16 digits before the point
            if not argument.free_symbols and not _moderate(argument):
                raise ClaimError(
                    f"{name} of the constant {_shown(str(argument))}: constants in {name} are 0, or between 1/1000 and 1000 in size"
                )
        if name == "exp":
            return _Part(exp(arguments[0], evaluate=False), size, 1)
        if name in TAILS:
            return _Part(TAILS[name](arguments[0], evaluate=False), size)
        inner = innermost(self.gate)
        at = dict(zip((inner.x, inner.D, inner.y, inner.chi), arguments, strict=True))
        return _Part(replaced(inner.W, at), 100 + 8 * size)


def _moderate(constant: Expr) -> bool:
    """Whether a constant is 0 or of moderate size."""
    size = abs(constant.evalf(15))
    return bool(constant.is_zero or (size.is_Float and Rational(1, LARGEST) <= size <= LARGEST))


def _negative(expr: Expr) -> Expr:
    return -expr if isinstance(expr, Rational) else Mul(-1, expr, evaluate=False)


def _joined(parts: list[tuple[ast.operator, _Part]]) -> _Part:
    """A sum or a product as it is written; only exact numbers are put together."""
    terms: list[Expr] = []
    sums = isinstance(parts[0][0], ast.Add)
    for operator, part in parts:
        e = part.expr
        if isinstance(operator, ast.Sub):
            e = _negative(e)
        elif isinstance(operator, ast.Div):
            if e == 0:
                raise ClaimError("division by zero")
            e = 1 / e if isinstance(e, Rational) else Pow(e, -1, evaluate=False)
        if terms and isinstance(e, Rational) and isinstance(terms[-1], Rational):
            e = terms[-1] + e if sums else terms[-1] * e
            terms.pop()
        terms.append(e)
    expr = terms[0] if len(terms) == 1 else (Add if sums else Mul)(*terms, evaluate=False)
    size = sum(part.size + sums for _, part in parts)
    return _Part(expr, size, max(part.exponentials for _, part in parts))


def _possible(condition: Condition) -> None:
    """Refuse what has no value anywhere: a division by 0, a root or a logarithm of a number that is not positive."""
    if condition.expr.count_ops() > SMALL:
        return
    try:
        value = constant(condition.expr)
    except PROBLEMS:
        return
    if value is None or value > 0 or (value < 0 and condition.goal == "not zero"):
        return
    if value == 0 and condition.goal == "not negative":
        return
    if condition.goal == "not zero":
        raise ClaimError(f"{condition.what}: a part of the statement has no value")
    raise ClaimError(f"a part of the statement is no real number: {condition.what}, of {value}")


def _named(node: ast.AST) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).lower()
