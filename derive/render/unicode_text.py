"""Formulas in two-dimensional Unicode, for reading in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sympy import Add, And, Basic, Or, Symbol, default_sort_key
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pretty.pretty_symbology import pretty_symbol, pretty_use_unicode, sub
from sympy.printing.pretty.stringpict import prettyForm, stringPict

from .replica import plain_name, split_names
from .typeset import named_parts

__all__ = ["COLUMNS", "display", "name", "sentence"]

COLUMNS = 100
"""Width at which a formula is broken unless another one is asked for."""

MARGIN = "    "
LARGEST = 600  # operations; a picture of more takes long to draw, to find that it is too wide


def name(symbol: str, convention: str = "toolkit", level: int = 1) -> str:
    """A symbol's name in Unicode, in one of the conventions.

    >>> name("Theta_{k-1}"), name("p^(1)_2"), name("p_2", "replica", 2)
    ('Θₖ₋₁', 'p⁽¹⁾₂', 'q₀')
    """
    if convention == "replica":
        symbol = plain_name(symbol, level) or symbol
    slope = re.fullmatch(r"d([A-Z])/d(\S+)", symbol)
    if slope is not None:
        return f"∂{slope[1]}/∂{name(slope[2])}"
    composite = re.fullmatch(r"([^\W_]+)(\^\(\d+\))?_\{(.*)\}", symbol)
    if composite is None:
        return pretty_symbol(symbol)
    return pretty_symbol(composite[1] + (composite[2] or "")) + _lowered(composite[3])


def _lowered(text: str) -> str:
    """A text as an index; characters that have no lowered form leave it on the line."""
    characters = [sub.get(character) for character in text]
    return f"_{{{text}}}" if None in characters else "".join(map(str, characters))


def sentence(text: str, convention: str = "toolkit", level: int = 1) -> str:
    """A sentence of a derivation with its names in Unicode.

    >>> sentence("Theta_1 is 2 gamma_s.")
    'Θ₁ is 2 γₛ.'
    """
    return "".join(name(part, convention, level) if named else part for part, named in split_names(text))


def display(value: Basic, columns: int = COLUMNS, convention: str = "toolkit", level: int = 1) -> str:
    """An expression or relation as a picture of lines; a sum wider than ``columns`` is broken between its terms.

    Where a term is wider, or the whole is too large for a picture, parts get names A_1, A_2, ..., and what they stand for follows.

    >>> from sympy import Eq, sqrt
    >>> from sympy.abc import alpha, x
    >>> print(display(Eq(Symbol("p_2"), sqrt(alpha) / (1 + x), evaluate=False)))
          √α
    p₂ = ─────
         x + 1
    """
    printer = _UnicodePrinter(convention, level)
    rows: list[prettyForm] = []
    if value.count_ops() <= LARGEST:
        whole = printer.picture(value)
        rows = [whole] if whole.width() <= columns else printer.rows(*printer.relation(value), columns)
    if not rows or any(row.width() > columns for row in rows):
        rows = printer.named(value, columns)
    return "\n\n".join(_rendered(row, columns) for row in rows)


def _rendered(picture: prettyForm, columns: int) -> str:
    shown = picture.render(wrap_line=True, num_columns=columns, use_unicode=True)
    return "\n".join(line.rstrip() for line in shown.splitlines())


class _UnicodePrinter(PrettyPrinter):
    """Knows the toolkit's own expressions, and the names of a convention."""

    def __init__(self, convention: str, level: int) -> None:
        super().__init__({"use_unicode": True, "use_unicode_sqrt_char": True})
        self.convention, self.level = convention, level

    def picture(self, value: Basic) -> prettyForm:
        """The whole expression, however wide; the printer's global switch to Unicode is restored."""
        before = pretty_use_unicode(True)
        try:
            return self._print(value)
        finally:
            pretty_use_unicode(before)

    def relation(self, value: Basic) -> tuple[prettyForm | None, Basic]:
        """The left side of a relation with its sign, and the right side."""
        if not isinstance(value, Relational):
            return None, value
        sign = str(self.picture(type(value)(Symbol("l"), Symbol("r"), evaluate=False)))[1:-1]
        return self.headed(value.lhs, sign), value.rhs

    def headed(self, left: Basic, sign: str) -> prettyForm:
        """What stands in front of a sum or a condition."""
        return prettyForm(*self.picture(left).right(sign))

    def pieces(self, side: Basic) -> Iterator[tuple[str, prettyForm]]:
        """The terms of a sum, or the parts of a condition, each with its sign."""
        if isinstance(side, Add):
            for term in self._as_ordered_terms(side):
                negative = bool(term.as_coeff_Mul()[0].is_negative)
                yield "-" if negative else "+", self.picture(-term if negative else term)
        elif isinstance(side, (And, Or)):
            for part in sorted(side.args, key=default_sort_key):
                picture = self.picture(part)
                yield (
                    "∧∨"[isinstance(side, Or)],
                    prettyForm(*picture.parens()) if isinstance(part, (And, Or)) else picture,
                )
        else:
            yield "", self.picture(side)

    def rows(self, head: prettyForm | None, side: Basic, columns: int) -> list[prettyForm]:
        """A sum or condition in rows no wider than ``columns`` if possible, the head before the first or on a line of its own."""
        found: list[prettyForm] = []
        row: list = []
        used = head.width() if head is not None else 0
        for sign, picture in self.pieces(side):
            if row and used + picture.width() + 3 > columns:
                found.append(prettyForm(*stringPict.next(*row)))
                row, used = [MARGIN, f"{sign} "], len(MARGIN)
            elif row:
                row.append(f" {sign} ")
            elif sign == "-":
                row.append(sign)
            row.append(picture)
            used += picture.width() + 3
        found.append(prettyForm(*stringPict.next(*row)))
        if head is not None:
            joined = prettyForm(*head.right(found[0]))
            found[:1] = [joined] if joined.width() <= columns else [head, prettyForm(*found[0].left(MARGIN))]
        return found

    def named(self, value: Basic, columns: int) -> list[prettyForm]:
        """The rows of an expression with names for what is too wide, and of what they stand for."""
        room = columns - len(MARGIN)  # a term stands behind its margin and sign
        statement, parts = named_parts(value, room, lambda node: self.picture(node).width())
        found = self.rows(*self.relation(statement), columns)
        found += [prettyForm("where")] if parts else []
        for name, part in parts:
            found += self.rows(self.headed(name, ": " if isinstance(part, Boolean) else " = "), part, columns)
        return found

    def _print_Symbol(self, expr, bold_name=False):
        return prettyForm(name(expr.name, self.convention, self.level))

    _print_Dummy = _print_Symbol

    def _print_Expectation(self, expr):
        return self._average(str(expr.variable), expr.expr)

    def _print_TiltedExpectation(self, expr):
        return self._average(f"m{expr.args[1]}", expr.args[0])

    def _average(self, index: str, body: Basic) -> prettyForm:
        return self._bracketed("E" + _lowered(index.replace("_", "")), self._print(body), left="[", right="]")

    def _print_Max(self, expr):
        return self._bracketed("max", self._print_seq(sorted(expr.args, key=default_sort_key)))

    def _print_Min(self, expr):
        return self._bracketed("min", self._print_seq(sorted(expr.args, key=default_sort_key)))

    def _print_MoreauEnvelope(self, expr):
        return self._with_parameters("M", expr.args[:1], expr.args[1:2])

    def _print_HiddenValue(self, expr):
        return self._with_parameters("v", expr.args[:2], expr.args[2:])

    def _with_parameters(self, letter: str, fields, parameters) -> prettyForm:
        """``v(w, h; chi, mu)``."""
        pieces = stringPict.next(self._print_seq(fields), "; ", self._print_seq(parameters))
        return self._bracketed(letter, prettyForm(*pieces))

    @staticmethod
    def _bracketed(head: str, held: stringPict, left: str = "(", right: str = ")") -> prettyForm:
        """A name in front of a bracket; a power goes behind the bracket."""
        return prettyForm(*prettyForm(*held.parens(left, right)).left(head))
