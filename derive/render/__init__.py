"""Formulas as Unicode text, LaTeX, Markdown and executable SymPy source."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from textwrap import indent

from sympy import Basic, Symbol, latex
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.printing.str import StrPrinter

from ..core.formulas import Derivation, Formula, InputError
from .replica import check_convention, latex_name, level_of, plain_name, replica_name, symbol_names
from .sentences import formula_latex, split_formulas
from .unicode_text import COLUMNS, display, sentence, term_rows

__all__ = ["FORMATS", "Writer", "expression", "formulas"]

FORMATS = ("text", "latex", "markdown", "sympy")
ESCAPES = {
    "^": r"\^{}",
    "~": r"\textasciitilde{}",
    "|": r"\textbar{}",
    "->": r"$\to$",
    "<": "$<$",
    ">": "$>$",
}
"""Characters of a sentence that LaTeX would lose or misread in text."""
LINE = 90  # columns of the Unicode picture of what one line of a page takes


class _SourcePrinter(StrPrinter):
    """Prints expressions as Python source that rebuilds them, with rationals exact and names made identifiers."""

    printmethod = "_flrdt_source"  # the expressions' own _sympystr is for reading, not for rebuilding

    def __init__(self, convention: str, level: int) -> None:
        super().__init__({"sympy_integers": True})
        self.convention, self.level = convention, level
        self.symbols: dict[Symbol, str] = {}

    def name(self, symbol: Symbol) -> str:
        """What the convention calls a symbol."""
        renamed = plain_name(symbol.name, self.level) if self.convention == "replica" else None
        return symbol.name if renamed is None else renamed

    def _print_Symbol(self, expr):
        name = re.sub(r"\W+", "_", self.name(expr).replace("-", "m").replace("'", "d")).strip("_")
        return self.symbols.setdefault(expr, f"{name}_" if keyword.iskeyword(name) else name)

    _print_Dummy = _print_Symbol

    def _print_Expectation(self, expr):
        return f"Expectation({self._print(expr.expr)}, {self._print(expr.variable)})"

    def _print_TiltedExpectation(self, expr):
        return f"TiltedExpectation({self._print(expr.args[0])}, {expr.args[1]})"

    def _print_MoreauEnvelope(self, expr):
        gate = f"Gate({self._print(expr.gate.active)}, {expr.gate.name!r}, {self._print(expr.gate.radius)})"
        return f"{gate}.envelope({self._print(expr.args[0])}, {self._print(expr.args[1])})"

    def _print_Interval(self, expr):
        return f"Interval.open({self._print(expr.start)}, {self._print(expr.end)})"

    def _print_Function(self, expr):
        arguments = ", ".join(map(self._print, expr.args))
        if isinstance(expr, AppliedUndef):
            return f"Function({expr.func.__name__!r})({arguments})"
        return f"{expr.func.__name__}({arguments})"

    def _print_Relational(self, expr):
        name = {"Equality": "Eq", "Unequality": "Ne"}.get(type(expr).__name__, type(expr).__name__)
        return f"{name}({self._print(expr.lhs)}, {self._print(expr.rhs)}, evaluate=False)"


def _source(named: Iterable[tuple[str, Basic]], convention: str = "toolkit", level: int = 1) -> str:
    printer = _SourcePrinter(convention, level)
    lines = [f"{name} = {printer.doprint(value)}" for name, value in named]
    declared = []
    for symbol, identifier in sorted(printer.symbols.items(), key=lambda item: item[1]):
        kind = next((kind for kind in ("positive", "nonnegative", "real") if getattr(symbol, f"is_{kind}")), None)
        declared.append(f"{identifier} = Symbol({printer.name(symbol)!r}{f', {kind}=True' if kind else ''})")
    head = [
        "from sympy import *",
        "from flrdt.derive import Expectation, Gate, H, Phi, SaddleProbability, TiltedExpectation, phi",
        "from flrdt.derive.core.maxima import Maximum, Minimum",
        "",
    ]
    return "\n".join([*head, *declared, "", *lines])


def expression(value: Basic, style: str = "text") -> str:
    """One expression in one of ``FORMATS``; raises ``InputError`` for another name.

    >>> from sympy.abc import alpha
    >>> expression(alpha / 2, "latex")
    '\\\\frac{\\\\alpha}{2}'
    """
    _check(style)
    if style == "sympy":
        return _source([("value", value)])
    if style == "text":
        return display(value)
    return latex(value) if style == "latex" else f"$$\n{latex(value)}\n$$"


def _check(style: str) -> None:
    if style not in FORMATS:
        raise InputError(f"unknown format {style!r}: use {', '.join(FORMATS)}")


@dataclass(frozen=True)
class Writer:
    r"""LaTeX of expressions and of the sentences of a derivation, in one of the conventions.

    >>> from sympy import Symbol
    >>> Writer("replica", 2).latex(Symbol("p_2") + 1)
    'q_{0} + 1'
    >>> print(Writer().sentence("Theta_1 is 2 gamma_s, times 5%."))
    $\Theta_{1}$ is 2 $\gamma_{s}$, times 5\%.
    """

    convention: str = "toolkit"
    level: int = 1
    escape: bool = field(default=True)

    def latex(self, value: Basic) -> str:
        """An expression."""
        return latex(value, symbol_names=symbol_names([value], self.convention, self.level))

    def display(self, value: Basic) -> str:
        """An expression on a line of its own; a relation too long for one line is broken between the terms of its sum."""
        rows = term_rows(value, LINE)
        if len(rows) == 1 or not isinstance(value, Relational):
            return self.latex(value)
        terms = [[("- " if minus else "+ ") + self._term(term) for minus, term in row] for row in rows]
        terms[0][0] = terms[0][0].removeprefix("+ ")
        relation = self.latex(type(value)(Symbol("l"), Symbol("r"), evaluate=False))[1:-1].strip()
        lines = [
            f"{self.latex(value.lhs)} {relation} {{}} & {' '.join(terms[0])}",
            *(f"& {' '.join(row)}" for row in terms[1:]),
        ]
        return "\\begin{split} " + " \\\\ ".join(lines) + " \\end{split}"

    def _term(self, term: Basic) -> str:
        return rf"\left({self.latex(term)}\right)" if term.is_Add else self.latex(term)

    def sentence(self, text: str) -> str:
        """A sentence with its formulas set as mathematics; other characters are escaped for LaTeX if ``escape``."""
        pieces = split_formulas(text)
        return "".join(f"${formula_latex(p, self._name)}$" if formula else self._plain(p) for p, formula in pieces)

    def _name(self, name: str) -> str:
        if self.convention == "replica" and (found := replica_name(name, self.level)) is not None:
            return found
        return latex_name(name)

    def _plain(self, text: str) -> str:
        if not self.escape:
            return text
        text = text.replace("\\", r"\textbackslash{}")
        text = re.sub(r"([%&#_]|(?<!\\textbackslash)[{}](?<!\\textbackslash\{\}))", r"\\\1", text)
        for plain, shown in ESCAPES.items():
            text = text.replace(plain, shown)
        return text


def formulas(
    items: Iterable[Formula],
    style: str = "text",
    steps: bool = False,
    convention: str = "toolkit",
    columns: int = COLUMNS,
) -> str:
    """A list of formulas in one of ``FORMATS``; with ``steps``, each distinct derivation follows, checks included.

    ``convention`` names the notation, one of ``conventions.CONVENTIONS``; text is broken at ``columns``.
    """
    _check(style)
    check_convention(convention)
    items = list(items)
    symbols = {s for f in items for e in (f.statement, *(x.expression for x in f.derivation)) for s in e.atoms(Symbol)}
    level = level_of(symbols)
    if style == "sympy":
        named = [(re.sub(r"\W+", "_", f.id), f.statement) for f in items]
        if steps:
            for derivation in _distinct(items):
                named += [(f"step_{i}", s.expression) for i, s in enumerate(derivation, start=1)]
        return _source(named, convention, level)
    chains = _distinct(items) if steps else []
    if style == "text":
        page = _Page(convention, level, columns)
        return "\n\n".join([*map(page.formula, items), *map(page.derivation, chains)])
    writer = Writer(convention, level, escape=style == "latex")
    return "\n\n".join([*(_one(f, style, writer) for f in items), *(_steps(d, style, writer) for d in chains)])


def _distinct(items: list[Formula]) -> list[Derivation]:
    found: list[Derivation] = []
    for item in items:
        if not any(item.derivation is d for d in found):
            found.append(item.derivation)
    return found


@dataclass(frozen=True)
class _Page:
    """Formulas and derivations as Unicode text."""

    convention: str
    level: int
    columns: int

    def _words(self, text: str) -> str:
        return sentence(text, self.convention, self.level)

    def _picture(self, value: Basic, margin: str) -> str:
        width = max(self.columns - len(margin), 20)
        return indent(display(value, width, self.convention, self.level), margin)

    def formula(self, item: Formula) -> str:
        """Statement, status, source and assumptions."""
        notes = [f"  [{item.status.value}; {item.source}]", *(f"  assuming {self._words(a)}" for a in item.assumptions)]
        return "\n".join([f"{item.id}: {self._words(item.title)}", "", self._picture(item.statement, "  "), "", *notes])

    def derivation(self, chain: Derivation) -> str:
        """Every step with its check."""
        lines = ["Derivation", *(f"  uses: {self._words(u)}" for u in chain.uses)]
        for i, step in enumerate(chain, start=1):
            verdict = f"     check: {step.verdict().value}"
            lines += [
                "",
                f"  {i}. {self._words(step.text)}",
                "",
                self._picture(step.expression, "       "),
                "",
                verdict,
            ]
        return "\n".join(lines)


def _one(formula: Formula, style: str, writer: Writer) -> str:
    shown = writer.display(formula.statement)
    if style == "markdown":
        assumed = "; ".join(map(writer.sentence, formula.assumptions))
        tail = f"\n\nAssumptions: {assumed}." if assumed else ""
        return (
            f"### {formula.title}\n\n$$\n{shown}\n$$\n\n`{formula.id}` — {formula.status.value}; "
            f"{formula.source}.{tail}"
        )
    head = f"% {formula.id}: {formula.title} ({formula.status.value}; {formula.source})\n"
    return f"{head}\\begin{{equation}}\n  {shown}\n\\end{{equation}}"


def _steps(derivation: Derivation, style: str, writer: Writer) -> str:
    rows = [(i, s.text, s.expression, s.verdict().value) for i, s in enumerate(derivation, start=1)]
    if style == "markdown":
        lines = ["#### Derivation", "", *(f"- uses: {writer.sentence(u)}" for u in derivation.uses), ""]
        for i, text, value, verdict in rows:
            lines += [
                f"{i}. {writer.sentence(text)} *({verdict})*",
                "",
                f"   $$\n   {writer.display(value)}\n   $$",
                "",
            ]
        return "\n".join(lines).rstrip()
    lines = [r"\begin{enumerate}"]
    for _, text, value, verdict in rows:
        lines += [rf"  \item {writer.sentence(text)} % check: {verdict}", rf"  \[ {writer.display(value)} \]"]
    return "\n".join([*(f"% uses: {u}" for u in derivation.uses), *lines, r"\end{enumerate}"])
