"""Formulas as text, LaTeX, Markdown and executable SymPy source."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from sympy import Basic, Expr, Symbol, latex
from sympy.core.function import AppliedUndef
from sympy.printing.str import StrPrinter

from .conventions import check_convention, level_of, replica_name, symbol_names
from .formulas import Derivation, Formula, InputError

__all__ = ["FORMATS", "Writer", "expression", "formulas"]

FORMATS = ("text", "latex", "markdown", "sympy")


class _SourcePrinter(StrPrinter):
    """Prints expressions as Python source that rebuilds them, with rationals exact and names made identifiers."""

    printmethod = "_flrdt_source"  # the expressions' own _sympystr is for reading, not for rebuilding

    def __init__(self) -> None:
        super().__init__({"sympy_integers": True})
        self.symbols: dict[Symbol, str] = {}

    def _print_Symbol(self, expr):
        name = re.sub(r"\W+", "_", expr.name.replace("-", "m").replace("'", "d")).strip("_")
        return self.symbols.setdefault(expr, f"{name}_" if keyword.iskeyword(name) else name)

    _print_Dummy = _print_Symbol

    def _print_Expectation(self, expr):
        return f"Expectation({self._print(expr.expr)}, {self._print(expr.variable)})"

    def _print_TiltedExpectation(self, expr):
        return f"TiltedExpectation({self._print(expr.args[0])}, {expr.args[1]})"

    def _print_MoreauEnvelope(self, expr):
        gate = f"Gate({self._print(expr.gate.active)}, radius={self._print(expr.gate.radius)})"
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


def _source(named: Iterable[tuple[str, Basic]]) -> str:
    printer = _SourcePrinter()
    lines = [f"{name} = {printer.doprint(value)}" for name, value in named]
    declared = []
    for symbol, identifier in sorted(printer.symbols.items(), key=lambda item: item[1]):
        flag = "positive=True" if symbol.is_positive else "real=True" if symbol.is_real else ""
        declared.append(f"{identifier} = Symbol({symbol.name!r}{', ' + flag if flag else ''})")
    head = [
        "from sympy import *",
        "from flrdt.derive import Expectation, Gate, H, Phi, TiltedExpectation, phi",
        "",
    ]
    return "\n".join([*head, *declared, "", *lines])


def expression(value: Basic, style: str = "text") -> str:
    """One expression in one of :data:`FORMATS`; raises ``InputError`` for another name.

    >>> from sympy.abc import alpha
    >>> expression(alpha / 2, "latex")
    '\\\\frac{\\\\alpha}{2}'
    """
    _check(style)
    if style == "sympy":
        return _source([("value", value)])
    if style == "text":
        return str(value) if isinstance(value, Expr) else _relation(value)
    return latex(value) if style == "latex" else f"$$\n{latex(value)}\n$$"


def _relation(value: Basic) -> str:
    if hasattr(value, "lhs"):
        return f"{value.lhs} = {value.rhs}"
    return str(value)


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

    def sentence(self, text: str) -> str:
        """A sentence with its names set as mathematics; other characters are escaped for LaTeX if ``escape``."""
        greek = "alpha|chi|nu|psi|lambda|Lambda|Theta|gamma"
        pattern = rf"(?<![\w\\])(?:({greek})(?:_(\{{[^}}]*\}}|\w+))?|([A-Za-z])_(\{{[^}}]*\}}|\w+))(?!\w)"
        parts: list[str] = []
        position = 0
        for match in re.finditer(pattern, text):
            parts += [self._plain(text[position : match.start()]), f"${self._name(match[0])}$"]
            position = match.end()
        return "".join([*parts, self._plain(text[position:])])

    def _name(self, name: str) -> str:
        if self.convention == "replica" and (found := replica_name(name, self.level)) is not None:
            return found
        return latex(Symbol(name)) if "{" not in name else re.sub(r"^(?=[A-Za-z]{2})", r"\\", name)

    def _plain(self, text: str) -> str:
        if not self.escape:
            return text
        text = re.sub(r"([%&#_{}])", r"\\\1", text.replace("\\", r"\textbackslash{}"))
        return text.replace("^", r"\^{}").replace("->", r"$\to$").replace("<", "$<$").replace(">", "$>$")


def formulas(items: Iterable[Formula], style: str = "text", steps: bool = False, convention: str = "toolkit") -> str:
    """A list of formulas in one of :data:`FORMATS`; with ``steps``, each distinct derivation follows, checks included.

    ``convention`` names the notation of LaTeX and Markdown, one of ``conventions.CONVENTIONS``.
    """
    _check(style)
    check_convention(convention)
    items = list(items)
    if style == "sympy":
        named = [(re.sub(r"\W+", "_", f.id), f.statement) for f in items]
        if steps:
            for derivation in _distinct(items):
                named += [(f"step_{i}", s.expression) for i, s in enumerate(derivation, start=1)]
        return _source(named)
    symbols = {s for f in items for e in (f.statement, *(x.expression for x in f.derivation)) for s in e.atoms(Symbol)}
    writer = Writer(convention, level_of(symbols), escape=style == "latex")
    return "\n\n".join(
        [*(_one(f, style, writer) for f in items)]
        + ([_steps(d, style, writer) for d in _distinct(items)] if steps else [])
    )


def _distinct(items: list[Formula]) -> list[Derivation]:
    found: list[Derivation] = []
    for item in items:
        if not any(item.derivation is d for d in found):
            found.append(item.derivation)
    return found


def _one(formula: Formula, style: str, writer: Writer) -> str:
    if style == "text":
        notes = [f"  [{formula.status.value}; {formula.source}]"]
        notes += [f"  assuming {a}" for a in formula.assumptions]
        return "\n".join([f"{formula.id}: {formula.title}", f"  {_relation(formula.statement)}", *notes])
    shown = writer.latex(formula.statement)
    if style == "markdown":
        assumed = "; ".join(f"`{a}`" for a in formula.assumptions)
        tail = f"\n\nAssumptions: {assumed}." if assumed else ""
        return (
            f"### {formula.title}\n\n$$\n{shown}\n$$\n\n`{formula.id}` — {formula.status.value}; "
            f"{formula.source}.{tail}"
        )
    head = f"% {formula.id}: {formula.title} ({formula.status.value}; {formula.source})\n"
    return f"{head}\\begin{{equation}}\n  {shown}\n\\end{{equation}}"


def _steps(derivation: Derivation, style: str, writer: Writer) -> str:
    rows = [(i, s.text, s.expression, s.verdict().value) for i, s in enumerate(derivation, start=1)]
    if style == "text":
        lines = ["Derivation", *(f"  uses: {u}" for u in derivation.uses)]
        for i, text, value, verdict in rows:
            lines += [f"  {i}. {text}", f"       {_relation(value)}", f"       check: {verdict}"]
        return "\n".join(lines)
    if style == "markdown":
        lines = ["#### Derivation", "", *(f"- uses: {writer.sentence(u)}" for u in derivation.uses), ""]
        for i, text, value, verdict in rows:
            lines += [f"{i}. {writer.sentence(text)} *({verdict})*", "", f"   $$\n   {writer.latex(value)}\n   $$", ""]
        return "\n".join(lines).rstrip()
    lines = [r"\begin{enumerate}"]
    for _, text, value, verdict in rows:
        lines += [rf"  \item {writer.sentence(text)} % check: {verdict}", rf"  \[ {writer.latex(value)} \]"]
    return "\n".join([*(f"% uses: {u}" for u in derivation.uses), *lines, r"\end{enumerate}"])
