"""A report in Markdown, LaTeX and HTML, from the same content."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
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

    def writer(self, escape: bool) -> render.Writer:
        """The writer of the report's notation."""
        return render.Writer(self.convention, self.level.r, escape)

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


def as_latex(content: Content) -> str:
    """The report as an article that a plain TeX installation compiles."""
    plain = content.writer(True).sentence
    lines = [
        r"\documentclass[a4paper]{article}",
        r"\usepackage[margin=2cm]{geometry}",
        r"\usepackage{amsmath,amssymb,graphicx}",
        r"\allowdisplaybreaks",
        rf"\title{{{plain(content.title)}}}",
        r"\author{}",
        r"\date{}",
        r"\begin{document}",
        r"\maketitle",
        plain(content.abstract),
    ]
    for part in content.sections:
        lines += [rf"\section{{{part.title}}}", plain(part.text)]
        for formula in part.formulas:
            shown = content.writer(True).display(formula.statement)
            lines += [
                rf"\paragraph{{{plain(formula.title)}}} {{\small\texttt{{{_verbatim(formula.id)}}}}}, {formula.status.value}."
            ]
            lines += [_fitted(shown, r"\begin{equation}", r"\end{equation}")]
        for formula in distinct(part.formulas):
            lines += [rf"\subsection*{{Derivation of \texttt{{{_verbatim(formula.id)}}}}}", r"\begin{enumerate}"]
            for step in formula.derivation:
                lines += [rf"  \item {plain(step.text)} \emph{{({step.verdict().value})}}"]
                lines += [_fitted(content.writer(True).display(step.expression), r"\[", r"\]")]
            lines += [r"\end{enumerate}"]
    lines += [r"\section{Values}"]
    for heading, table in content.tables.items():
        lines += [rf"\subsection*{{{plain(heading)}}}"]
        lines += [
            r"\noindent\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            table.render("latex") + "}",
        ]
    lines += [r"\subsection*{Parameters}", r"\noindent\begin{tabular}{ll}", r"\hline"]
    lines += [rf"{plain(name)} & {value} \\" for name, value in content.symbols.items()]
    lines += [r"\hline", r"\end{tabular}"]
    for kind, caption in content.figures.items():
        lines += [
            r"\begin{figure}[htb]\centering",
            rf"\includegraphics[width=.8\linewidth]{{figures/{kind}.pdf}}",
            rf"\caption{{{plain(caption)}}}",
            r"\end{figure}",
        ]
    lines += [
        r"\section{Provenance}",
        rf"{{\raggedright Command: \texttt{{{_verbatim(content.command)}}}\par}}",
        r"\begin{itemize}",
    ]
    lines += [rf"  \item {name} {number}" for name, number in content.versions.items()]
    return "\n".join([*lines, r"\end{itemize}", r"\end{document}"]) + "\n"


def _verbatim(text: str) -> str:
    return "".join(
        {"_": r"\_", "\\": r"\textbackslash{}", "-": "{-}"}.get(c, rf"\{c}" if c in "%&#{}$" else c) for c in text
    )


def _fitted(shown: str, opening: str, closing: str) -> str:
    """A display that shrinks to the width of the line if it is longer."""
    shown = shown.replace("{split}", "{aligned}")  # the one that may stand inside a box
    inner = rf"\resizebox{{\ifdim\width>.9\linewidth .9\linewidth\else\width\fi}}{{!}}{{$\displaystyle {shown}$}}"
    return f"{opening}\n  {inner}\n{closing}"


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
            lines.append(f"<h3>{prose(f.title)}</h3>{display(f.statement, f.id)}")
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
