"""Formulas in two-dimensional Unicode, for reading in a terminal."""

from __future__ import annotations

import re

from sympy import Add, Basic, Symbol, default_sort_key
from sympy.core.relational import Relational
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pretty.pretty_symbology import pretty_symbol, pretty_use_unicode, sub
from sympy.printing.pretty.stringpict import prettyForm, stringPict

from .replica import plain_name, split_names

__all__ = ["COLUMNS", "display", "name", "sentence"]

COLUMNS = 100
"""Width at which a formula is broken unless another one is asked for."""

MARGIN = "    "
LARGEST = 600  # operations; a picture of more is not readable, and takes long to draw


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

    An expression that is too large for a picture is written in a line, as SymPy does.

    >>> from sympy import Eq, sqrt
    >>> from sympy.abc import alpha, x
    >>> print(display(Eq(Symbol("p_2"), sqrt(alpha) / (1 + x), evaluate=False)))
          √α
    p₂ = ─────
         x + 1
    """
    printer = _UnicodePrinter(convention, level)
    if value.count_ops() > LARGEST:
        return printer.line(value)
    whole = printer.picture(value)
    rows = [whole] if whole.width() <= columns else printer.rows(value, columns)
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

    def line(self, value: Basic) -> str:
        """The expression in a line, with the names of the convention."""
        named = {s: Symbol(name(s.name, self.convention, self.level)) for s in value.atoms(Symbol)}
        if isinstance(value, Relational):
            sign = str(self.picture(type(value)(Symbol("l"), Symbol("r"), evaluate=False)))[1:-1]
            return f"{value.lhs.xreplace(named)}{sign}{value.rhs.xreplace(named)}"
        return str(value.xreplace(named))

    def term_rows(self, value: Basic, columns: int) -> list[list[tuple[bool, Basic]]]:
        """The right side of a relation, or a sum, as rows of (subtracted?, term) no wider than ``columns`` if possible."""
        side, used = value, 0
        if isinstance(value, Relational):
            side, used = value.rhs, self.picture(value.lhs).width() + 3
        if not isinstance(side, Add):
            return [[(False, side)]]
        rows: list[list[tuple[bool, Basic]]] = [[]]
        for term in self._as_ordered_terms(side):
            negative = bool(term.as_coeff_Mul()[0].is_negative)
            piece = -term if negative else term
            width = self.picture(piece).width() + 3
            if used + width > columns and rows[-1]:
                rows.append([])
                used = len(MARGIN)
            used += width
            rows[-1].append((negative, piece))
        return rows

    def rows(self, value: Basic, columns: int) -> list[prettyForm]:
        """The pictures of :meth:`term_rows`, the left side in front of the first one or on a line of its own."""
        found = []
        for place, row in enumerate(self.term_rows(value, columns)):
            parts: list = [MARGIN] if place else []
            for negative, term in row:
                first = not place and not parts
                parts += [
                    ("-" if negative else "") if first else (" - " if negative else " + ")[bool(parts == [MARGIN]) :]
                ]
                parts.append(self.picture(term))
            found.append(prettyForm(*stringPict.next(*parts)))
        if isinstance(value, Relational):
            sign = str(self.picture(type(value)(Symbol("l"), Symbol("r"), evaluate=False)))[1:-1]
            left = prettyForm(*self.picture(value.lhs).right(sign))
            joined = prettyForm(*left.right(found[0]))
            found[:1] = [joined] if joined.width() <= columns else [left, prettyForm(*found[0].left(MARGIN))]
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
