"""Formulas for other programs: SymPy's own representation, content MathML, and a JSON object of everything that is known."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from sympy import Basic, Derivative, Integral, Interval, Limit, Piecewise, Rational, Subs, Sum, Symbol
from sympy.core.function import AppliedUndef
from sympy.core.symbol import Str
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.printing.repr import ReprPrinter

from ..core.formulas import Formula
from ..core.gaussian import Expectation
from ..core.maxima import Extreme
from ..core.meanings import symbol_table
from .replica import level_of

__all__ = ["NAMESPACE", "READING", "content_mathml", "formula_object", "representation"]

NAMESPACE = "http://www.w3.org/1998/Math/MathML"

READING = "from sympy import *; from flrdt.derive import *; statement = eval(sympy)"
"""How the ``sympy`` of :func:`formula_object` becomes the statement again."""


class _Representation(ReprPrinter):
    """``srepr``, but every object comes back as it is: forms that SymPy would evaluate, and functions with assumptions."""

    def _print(self, expr, **kwargs):
        text = super()._print(expr, **kwargs)
        if (
            isinstance(expr, Basic)
            and not isinstance(expr, ExprCondPair)
            and expr.args
            and expr.func(*expr.args) != expr
        ):
            return f"{text[:-1]}, evaluate=False)"
        return text

    def _print_Add(self, expr, order=None):  # in the order of the arguments, which counts where nothing is evaluated
        return f"{type(expr).__name__}({self.reprify(expr.args, ', ')})"

    _print_Mul = _print_Add

    def _print_ExprCondPair(self, expr):
        return f"Tuple({self.reprify(expr.args, ', ')})"

    def _print_Str(self, expr):
        return repr(expr.name)

    def _print_Function(self, expr):
        if not isinstance(expr, AppliedUndef):
            return super()._print_Function(expr)
        assumed = "".join(f", {name}={value}" for name, value in sorted(expr.func._kwargs.items()))
        return f"Function({expr.func.__name__!r}{assumed})({', '.join(map(self._print, expr.args))})"


def representation(value: Basic) -> str:
    """Python source of a SymPy object, assumptions of its symbols included; :data:`READING` says how it is read.

    >>> from ..networks.gates import relu
    >>> representation(relu().envelope(1, 2))
    "MoreauEnvelope(Integer(1), Integer(2), Gate(Interval(Integer(0), oo, true, true), 'relu', Integer(1)))"
    """
    return _Representation().doprint(value)


# SymPy's classes and the MathML elements that mean the same; every other class becomes a csymbol with its own name
ELEMENTS = {
    "Add": "plus",
    "Mul": "times",
    "Pow": "power",
    "exp": "exp",
    "log": "ln",
    "asin": "arcsin",
    "atan": "arctan",
    "re": "real",
    "im": "imaginary",
    "Max": "max",
    "Min": "min",
    "Equality": "eq",
    "Unequality": "neq",
    "StrictLessThan": "lt",
    "LessThan": "leq",
    "StrictGreaterThan": "gt",
    "GreaterThan": "geq",
    "And": "and",
    "Or": "or",
    "Not": "not",
    "Union": "union",
    "Integral": "int",
    "Sum": "sum",
    "Maximum": "max",
    "Minimum": "min",
}
CONSTANTS = {
    "Pi": "pi",
    "Exp1": "exponentiale",
    "ImaginaryUnit": "imaginaryi",
    "Infinity": "infinity",
    "BooleanTrue": "true",
    "BooleanFalse": "false",
}


def content_mathml(value: Basic) -> str:
    """The content MathML 3 of an expression or a relation: what it means, not what it looks like.

    What MathML has an element for is written with it.  Every other function is a ``csymbol`` that bears the name of its
    class, in the content dictionary ``flrdt`` or ``sympy``; a bound variable of it is a ``bvar``.

    >>> from sympy.abc import x
    >>> content_mathml(x**2 / 2)
    '<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times /><cn type="rational">1<sep />2</cn><apply><power /><ci>x</ci><cn type="integer">2</cn></apply></apply></math>'
    """
    root = ElementTree.Element("math", xmlns=NAMESPACE)
    root.append(_node(value))
    return ElementTree.tostring(root, encoding="unicode")


def _new(tag: str, *children: ElementTree.Element, text: str | None = None, **attributes: str) -> ElementTree.Element:
    element = ElementTree.Element(tag, attributes)
    element.text = text
    element.extend(children)
    return element


def _apply(tag: str | ElementTree.Element, *children: ElementTree.Element) -> ElementTree.Element:
    return _new("apply", _new(tag) if isinstance(tag, str) else tag, *children)


def _bound(variable: Basic, degree: Basic | None = None) -> ElementTree.Element:
    return _new("bvar", _node(variable), *([] if degree is None else [_new("degree", _node(degree))]))


def _limits(ends: tuple[Basic, ...]) -> list[ElementTree.Element]:
    return [_new(tag, _node(end)) for tag, end in zip(("lowlimit", "uplimit"), ends, strict=len(ends) > 1)]


def _named(value: Basic) -> ElementTree.Element:
    """The element of a class, or its name."""
    name = type(value).__name__
    if name in ELEMENTS:
        return _new(ELEMENTS[name])
    return _new("csymbol", text=name, cd="flrdt" if type(value).__module__.startswith("flrdt") else "sympy")


def _node(value: Basic) -> ElementTree.Element:
    if isinstance(value, Symbol):
        return _new("ci", text=value.name)
    if isinstance(value, Str):
        return _new("cs", text=value.name)
    if isinstance(value, Rational):
        if value.is_Integer:
            return _new("cn", text=str(value), type="integer")
        number = _new("cn", text=str(value.p), type="rational")
        ElementTree.SubElement(number, "sep").tail = str(value.q)
        return number
    if type(value).__name__ in CONSTANTS:
        return _new(CONSTANTS[type(value).__name__])
    if type(value).__name__ == "NegativeInfinity":
        return _apply("minus", _new("infinity"))
    if isinstance(value, Interval):
        kind = {
            (True, True): "open",
            (True, False): "open-closed",
            (False, True): "closed-open",
            (False, False): "closed",
        }
        closure = kind[bool(value.left_open), bool(value.right_open)]
        return _new("interval", _node(value.start), _node(value.end), closure=closure)
    if isinstance(value, Piecewise):
        pieces = [
            _new("otherwise", _node(e)) if c == True else _new("piece", _node(e), _node(c))  # noqa: E712
            for e, c in value.args
        ]
        return _new("piecewise", *pieces)
    if isinstance(value, Derivative):
        bound = [_bound(variable, degree if degree != 1 else None) for variable, degree in value.variable_count]
        return _apply("diff" if len(bound) == 1 else "partialdiff", *bound, _node(value.expr))
    if isinstance(value, Subs):  # a function of the variables, at a point
        return _apply(_new("lambda", *map(_bound, value.variables), _node(value.expr)), *map(_node, value.point))
    if isinstance(value, Limit):
        inner, variable, point, side = value.args
        approach = {"+": "above", "-": "below"}.get(str(side), "two-sided")
        towards = _apply(_new("tendsto", type=approach), _node(variable), _node(point))
        return _apply("limit", _bound(variable), _new("condition", towards), _node(inner))
    if isinstance(value, Integral | Sum):  # of several variables: the innermost first
        element = _node(value.function)
        for variable, *ends in value.limits:
            element = _apply(_named(value), _bound(variable), *_limits(tuple(ends)), element)
        return element
    if isinstance(value, Extreme):
        return _apply(_named(value), _bound(value.variable), *_limits(value.ends), _node(value.expr))
    if isinstance(value, Expectation):
        return _apply(_named(value), _bound(value.variable), _node(value.expr))
    if isinstance(value, AppliedUndef):
        return _apply(_new("ci", text=value.func.__name__, type="function"), *map(_node, value.args))
    return _apply(_named(value), *map(_node, value.args)) if value.args else _named(value)


def formula_object(formula: Formula, convention: str = "toolkit") -> dict[str, Any]:
    """A formula as a JSON object: statement in three notations, symbols, assumptions, status, source, derivation.

    ``sympy`` is read as :data:`READING` says, ``content_mathml`` by :func:`content_mathml`'s rules, ``latex`` is for displayed
    mathematics and alone follows ``convention``.  ``derivation`` lists the sentences of the steps; their check is left to the
    caller, since it may take long.

    >>> from ..objectives.relations import relations
    >>> found = formula_object(relations(level=2).formulas[0])
    >>> found["id"], found["symbols"][0]
    ('relations.2.c_2', {'name': 'c_2', 'latex': 'c_{2}', 'numbers': 'positive', 'meaning': 'lifting parameter of the psi form'})
    """
    from . import Writer

    writer = Writer(convention, level_of(formula.statement.atoms(Symbol)))
    rows = symbol_table(formula.statement, formula.id.partition(".")[0])
    return {
        "id": formula.id,
        "title": formula.title,
        "sympy": representation(formula.statement),
        "content_mathml": content_mathml(formula.statement),
        "latex": writer.display(formula.statement),
        "symbols": [
            {
                "name": row.symbol.name,
                "latex": writer.latex(row.symbol),
                "numbers": row.numbers,
                "meaning": row.meaning,
            }
            for row in rows
        ],
        "assumptions": list(formula.assumptions),
        "status": formula.status.value,
        "source": formula.source,
        "derivation": {"uses": list(formula.derivation.uses), "steps": [link.text for link in formula.derivation]},
    }
