"""A report in Markdown, LaTeX and HTML, from the same content."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flrdt.derive import Level, render

from .mathml import mathml
from .report_contents import Section, distinct
from .tables import Table

__all__ = ["Content", "as_html", "as_latex", "as_markdown"]


@dataclass(frozen=True)
class Content:
    """Everything the three formats show; ``tables`` by their headings."""

    title: str
    abstract: str
    sections: Sequence[Section]
    tables: dict[str, Table]
    parameters: dict[str, Any]
    figures: dict[str, str]
    command: str
    versions: dict[str, str]
    level: Level
    convention: str
    paper: str = "page"

    def writer(self, escape: bool) -> render.Writer:
        """The writer of the report's notation: of its paper and with macros where it escapes for LaTeX."""
        columns = render.PAPERS[self.paper] if escape else render.PAGE
        return render.Writer(self.convention, self.level.r, escape, columns, macros=escape)

    @property
    def symbols(self) -> dict[str, Any]:
        """The parameters by the names of their symbols: ``1.p_2`` of layer 1 is ``p^(1)_2``."""
        return {re.sub(r"^(\d+)\.([^_]+)", r"\2^(\1)", name): value for name, value in self.parameters.items()}


def as_markdown(content: Content) -> str:
    """The report in Markdown with LaTeX formulas."""
    plain = content.writer(False).sentence
    lines = [f"# {content.title}", "", plain(content.abstract), ""]
    for part in content.sections:
        lines += [f"## {part.title}", "", plain(part.text), ""]
        lines += [render.formulas(part.formulas, "markdown", True, content.convention), ""]
    lines += ["## Values", ""]
    for heading, table in content.tables.items():
        lines += [f"### {heading}", "", table.render("markdown"), ""]
    lines += ["### Parameters", "", "| parameter | value |", "| --- | --- |"]
    lines += [f"| {plain(name)} | {value} |" for name, value in content.symbols.items()]
    for kind, caption in content.figures.items():
        lines += ["", f"![{caption}](figures/{kind}.svg)"]
    lines += ["", "## Provenance", "", f"Command: `{content.command}`", ""]
    lines += [f"- {name} {number}" for name, number in content.versions.items()]
    return "\n".join(lines) + "\n"


LINE = {"page": 345.0, "column": 469.0}
"""Points of a table of the greatest width in LaTeX's ``article`` at ten points, by the word for the paper."""
CHARACTER, GAP = 4.9, 12.0
"""Points that a character of a table takes at most on average, and the space between two columns."""


def as_latex(content: Content) -> str:
    """The report as an article that a plain TeX installation compiles."""
    writer = content.writer(True)
    plain = writer.sentence
    options = "[twocolumn]" if content.paper == "column" else ""
    lines = [
        rf"\documentclass{options}{{article}}",
        r"\usepackage{array,graphicx}",
        render.PREAMBLE,
        r"\emergencystretch=4em",
        rf"\title{{{plain(content.title)}}}",
        r"\author{}",
        r"\date{}",
        r"\begin{document}",
        r"\maketitle",
        r"\sloppy",
        re.sub(r"\d{40,}", lambda m: _cell(m[0]), plain(content.abstract)),
    ]
    for part in content.sections:
        lines += [rf"\section{{{part.title}}}", plain(part.text)]
        for formula in part.formulas:
            lines += [rf"\paragraph{{{plain(formula.title)}}} {_code(formula.id)}, {formula.status.value}."]
            lines += [writer.equation(formula.shown, f"flrdt:{formula.id}")]
        for formula in distinct(part.formulas):
            if not formula.derivation.steps:
                continue
            lines += [rf"\subsection*{{\raggedright Derivation of {_code(formula.id)}}}", r"\begin{enumerate}"]
            for step in formula.derivation:
                lines += [rf"\item {plain(step.text)} \emph{{({step.verdict().value})}}"]
                lines += [writer.equation(step.expression, narrower=render.INDENT)]
            lines += [r"\end{enumerate}"]
    lines += [r"\section{Values}"]
    for heading, table in content.tables.items():
        lines += [rf"\subsection*{{{plain(heading)}}}", _tabular(table.heads, table.rows, plain, content.paper)]
    named = [(name, str(value)) for name, value in content.symbols.items()]
    lines += [r"\subsection*{Parameters}", _tabular(["", ""], named, plain, content.paper)]
    for kind, caption in content.figures.items():
        lines += [
            r"\begin{figure}[htb]\centering",
            rf"\includegraphics[width=\linewidth]{{figures/{kind}.pdf}}",
            rf"\caption{{{plain(caption)}}}",
            r"\end{figure}",
        ]
    lines += [
        r"\section{Provenance}",
        rf"{{\raggedright Command: {_code(content.command)}\par}}",
        r"\begin{itemize}",
    ]
    lines += [rf"\item {name} {number}" for name, number in content.versions.items()]
    return "\n".join([*lines, r"\end{itemize}", r"\end{document}"]) + "\n"


def _tabular(heads: Sequence[str], rows: Sequence[Sequence[str]], words: Callable[[str], str], paper: str) -> str:
    """A table in LaTeX without its empty columns, as wide as the page at most; ``words`` writes heads and names.

    Columns that do not fit beside each other share the room that the longest pieces of their cells leave.
    """
    columns = [(head, cells) for head, *cells in zip(heads, *rows, strict=True) if any(cells)]
    natural = [max(map(len, (head, *cells))) * CHARACTER for head, cells in columns]
    room = LINE[paper] - GAP * len(columns)
    kinds = ["l"] * len(columns)
    if sum(natural) > room:
        least = [max(map(len, _pieces(head, *cells))) * CHARACTER for head, cells in columns]
        share = max(room - sum(least), 0) / max(sum(natural) - sum(least), 1)
        widths = [low + share * (high - low) for low, high in zip(least, natural, strict=True)]
        kinds = [rf">{{\raggedright\arraybackslash}}p{{{w:.0f}pt}}" for w in widths]
    lines = [" & ".join(words(head) for head, _ in columns) + r" \\", r"\hline"] if any(heads) else []
    for row in zip(*(cells for _, cells in columns), strict=True):
        first = [words(row[0])] if not any(heads) else []
        cells = zip(row[len(first) :], kinds[len(first) :], strict=True)
        lines.append(" & ".join([*first, *(_escaped(c) if kind == "l" else _cell(c) for c, kind in cells)]) + r" \\")
    body = [rf"\begin{{tabular}}{{{''.join(kinds)}}}", r"\hline", *lines, r"\hline", r"\end{tabular}"]
    if paper == "column":  # across both columns, at the head of a page
        return "\n".join([r"\begin{table*}[tp]\centering\small", *body, r"\end{table*}"])
    return "\n".join([r"{\noindent\small", *body, r"\par}"])


def _pieces(*cells: str) -> list[str]:
    """What stands in one line whatever the width of a cell."""
    return [piece for cell in cells for word in cell.split() for piece in re.split(r"(?<=\d{5})(?=\d)", word)]


def _cell(text: str) -> str:
    """A cell that may be broken after every fifth digit."""
    return re.sub(r"\d{5}(?=\d)", r"\g<0>\\hspace{0pt}", _escaped(text))


def _code(text: str) -> str:
    """A name in typewriter letters that may be broken after its points."""
    return rf"\texttt{{{re.sub(r'[.,/]', lambda m: m[0] + chr(92) + 'hspace{0pt}', _escaped(text))}}}"


def _escaped(text: str) -> str:
    special = {"_": r"\_", "\\": r"\textbackslash{}", "-": "{-}", "^": r"\^{}", "~": r"\textasciitilde{}"}
    return "".join(special.get(c, rf"\{c}" if c in "%&#{}$" else c) for c in text)


_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 52rem; margin: auto; padding: 1rem; }
.display, .scroll { overflow-x: auto; padding: .4rem 0; }
table { border-collapse: collapse; } td, th { padding: .2rem .7rem; border-bottom: 1px solid #8886; text-align: left; }
code { font-size: .9em; overflow-wrap: anywhere; } svg { max-width: 100%; height: auto;  }
@media (prefers-color-scheme: dark) { svg { filter: invert(1) hue-rotate(180deg); } }
mtd[columnalign="right"] { text-align: right; } mtd[columnalign="left"] { text-align: left; }
mtable[columnspacing^="0em"] > mtr > mtd { padding-inline: 0; }
summary { cursor: pointer; } .meta { font-size: .85em; opacity: .8; }
"""


def as_html(content: Content, drawings: dict[str, str]) -> str:
    """The report as one page that needs nothing from elsewhere; ``drawings`` are the figures as SVG."""
    writer = content.writer(False)

    def display(value: Any, origin: str) -> str:
        shown = mathml(writer.display(value), display=True)
        return f'<div class="display" data-formula="{html.escape(origin)}">{shown}</div>'

    def prose(text: str) -> str:
        pieces = writer.sentence(text).split("$")
        return "".join(mathml(p) if i % 2 else html.escape(p, quote=False) for i, p in enumerate(pieces))

    lines = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(content.title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{html.escape(content.title)}</h1><p>{prose(content.abstract)}</p>",
    ]
    for part in content.sections:
        lines.append(f"<h2>{part.title}</h2><p>{prose(part.text)}</p>")
        for f in part.formulas:
            lines.append(f"<h3>{prose(f.title)}</h3>{display(f.shown, f.id)}")
            lines.append(f'<p class="meta"><code>{f.id}</code>: {f.status.value}; {html.escape(f.source)}</p>')
        for f in distinct(part.formulas):
            steps = "".join(
                f"<li>{prose(s.text)} <em>({s.verdict().value})</em>{display(s.expression, f.id)}</li>"
                for s in f.derivation
            )
            verdict = f.derivation.verdict().value
            lines.append(
                f"<details><summary>Derivation of <code>{f.id}</code>, {verdict}</summary><ol>{steps}</ol></details>"
            )
    lines.append("<h2>Values</h2>")
    for heading, table in content.tables.items():
        head = "".join(f"<th>{h}</th>" for h in table.heads)
        rows = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in table.rows)
        lines.append(f'<h3>{prose(heading)}</h3><div class="scroll"><table><tr>{head}</tr>{rows}</table></div>')
    rows = "".join(f"<tr><td>{prose(name)}</td><td>{value}</td></tr>" for name, value in content.symbols.items())
    lines.append(f'<h3>Parameters</h3><div class="scroll"><table>{rows}</table></div>')
    for kind, caption in content.figures.items():
        lines.append(f"<figure>{drawings[kind]}<figcaption>{prose(caption)}</figcaption></figure>")
    lines.append(f"<h2>Provenance</h2><p>Command: <code>{html.escape(content.command)}</code></p><ul>")
    lines += [f"<li>{name} {number}</li>" for name, number in content.versions.items()]
    return "\n".join([*lines, "</ul></body></html>"]) + "\n"
