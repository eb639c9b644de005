"""Formulas as Unicode text, LaTeX, Markdown and executable SymPy source."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from textwrap import indent

from sympy import Basic, Symbol, latex
from sympy.core.function import AppliedUndef
from sympy.printing.str import StrPrinter

from ..core.formulas import Derivation, Formula, InputError
from .replica import check_convention, latex_name, level_of, plain_name, replica_name, split_names
from .sentences import formula_latex, split_formulas
from .tex_printer import TexPrinter
from .typeset import PAGE, PAPERS, Layout, layout
from .unicode_text import COLUMNS, display, sentence

__all__ = ["FORMATS", "INDENT", "PAGE", "PAPERS", "PREAMBLE", "Writer", "check_paper", "expression", "formulas"]

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
INDENT = 5
"""Columns that a list takes from its lines."""
PREAMBLE = r"""\usepackage{amsmath,amssymb}
\allowdisplaybreaks
\providecommand{\E}{\mathbb{E}} % expectation
\providecommand{\Hf}{H} % Gaussian tail"""
"""What LaTeX with macros needs before the text."""


@lru_cache(maxsize=4000)
def _layout(value: Basic, columns: float, convention: str, level: int, macros: bool) -> Layout:
    return layout(value, columns, TexPrinter(convention, level, macros).doprint)


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
        return f"{self._print(expr.gate)}.envelope({self._print(expr.args[0])}, {self._print(expr.args[1])})"

    def _print_Gate(self, expr):
        return f"Gate({self._print(expr.active)}, {expr.name!r}, {self._print(expr.radius)})"

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
    columns: int = PAGE
    macros: bool = False

    def latex(self, value: Basic) -> str:
        """An expression."""
        return TexPrinter(self.convention, self.level, self.macros).doprint(value)

    def layout(self, value: Basic, narrower: float = 0) -> Layout:
        """An expression in lines of the writer's ``columns``, less those that its place takes."""
        return _layout(value, self.columns - narrower, self.convention, self.level, self.macros)

    def display(self, value: Basic) -> str:
        """An expression on a line of its own, or on several where it is long."""
        return self.layout(value).display()

    def equation(self, value: Basic, label: str = "", narrower: float = 0) -> str:
        """An expression as a display of its own in LaTeX, with a number and a label if there is one."""
        return self.layout(value, narrower).equation(label)

    def sentence(self, text: str) -> str:
        """A sentence with its formulas set as mathematics; other characters are escaped for LaTeX if ``escape``."""
        pieces = split_formulas(text)
        return "".join(f"${formula_latex(p, self._name)}$" if formula else self._plain(p) for p, formula in pieces)

    def comment(self, text: str) -> str:
        """A sentence as it stands, with the names of the convention."""
        if self.convention != "replica":
            return text
        return "".join((named and plain_name(part, self.level)) or part for part, named in split_names(text))

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
    paper: str = "page",
    document: bool = False,
) -> str:
    """A list of formulas in one of ``FORMATS``; with ``steps``, each distinct derivation follows, checks included.

    ``convention`` names the notation, one of ``replica.CONVENTIONS``; text is broken at ``columns``.  The lines of LaTeX fit the
    ``paper``: ``page`` is LaTeX's ``article`` at ten points, ``column`` the same with two columns.  With ``document`` it is a
    whole document, whose macros write the expectation and the Gaussian tail.  Raises ``InputError`` for another word.
    """
    check_paper(paper)
    if document and style != "latex":
        raise InputError(f"a document is written in LaTeX, not {style}: use the format latex")
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
    writer = Writer(convention, level, style == "latex", PAPERS[paper] if style == "latex" else PAGE, document)
    text = "\n\n".join([*(_one(f, style, writer) for f in items), *(_steps(d, style, writer) for d in chains)])
    return _document(text, paper) if document else text


def check_paper(paper: str) -> None:
    """Raise ``InputError`` for a word that is not one of ``typeset.PAPERS``."""
    if paper not in PAPERS:
        raise InputError(f"unknown paper {paper!r}: use {' or '.join(PAPERS)}")


def _document(text: str, paper: str) -> str:
    options = "[twocolumn]" if paper == "column" else ""
    head = f"\\documentclass{options}{{article}}\n{PREAMBLE}\n\\begin{{document}}\n\n"
    return f"{head}{text}\n\n\\end{{document}}"


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
        return "\n".join([f"{item.id}: {self._words(item.title)}", "", self._picture(item.shown, "  "), "", *notes])

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
    if style == "markdown":
        assumed = "; ".join(map(writer.sentence, formula.assumptions))
        tail = f"\n\nAssumptions: {assumed}." if assumed else ""
        return (
            f"### {writer.sentence(formula.title)}\n\n$$\n{writer.display(formula.shown)}\n$$\n\n"
            f"`{formula.id}` — {formula.status.value}; {formula.source}.{tail}"
        )
    head = f"% {formula.id}: {writer.comment(formula.title)} ({formula.status.value}; {formula.source})\n"
    return head + writer.equation(formula.shown, f"flrdt:{formula.id}")


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
        lines += [rf"\item {writer.sentence(text)} % check: {verdict}", writer.equation(value, narrower=INDENT)]
    return "\n".join([*(f"% uses: {writer.comment(u)}" for u in derivation.uses), *lines, r"\end{enumerate}"])
