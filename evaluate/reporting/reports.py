"""The report that ``flrdt docs`` writes: statement, derivations with their verdicts, values, figures and provenance.

A report is a set of files held in memory until it is complete.  The same input gives the same bytes: nothing in it depends
on the clock or the machine.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flrdt.derive import (
    Formula,
    Gate,
    Level,
    Network,
    energy_map,
    innermost,
    objective,
    plain_level,
    relations,
    render,
    scaling,
    stationarity,
)
from flrdt.derive.conventions import check_convention, level_of
from flrdt.derive.formulas import Verdict

from ..capacities import as_gate, capacity, tool_version
from ..decimals import InputError, parse_digits
from ..tables import Table, single_layer
from .curves import KINDS
from .figures import rendered
from .mathml import mathml

__all__ = ["FORMATS", "MANIFEST", "Section", "build", "check_folder", "store", "unproved"]

FORMATS = ("markdown", "latex", "html")
MANIFEST = "provenance.json"
_NAMES = {"markdown": "report.md", "latex": "report.tex", "html": "report.html"}


@dataclass(frozen=True)
class Section:
    """A heading, an introduction and the formulas that stand below it."""

    title: str
    text: str
    formulas: tuple[Formula, ...]


def sections(gate: Gate, level: Level) -> list[Section]:
    """What the report derives, in reading order."""
    network = Network(gate)
    posed = objective(network, level)
    found = [
        Section(
            "Objective",
            "The random-dual form and the energy form of the objective. The capacity is the alpha at which the first "
            "vanishes at its stationary point, and at which the minimum of the second is minus the budget.",
            (posed.formula("psi"), posed.formula("energy")),
        ),
        Section(
            "Map between the two forms", "Eliminating the dual overlaps leaves the energy form.", (energy_map(level),)
        ),
        Section(
            "Closed-form relations",
            "Stationarity of the random-dual form fixes the lifting parameters by the overlaps.",
            (*relations(level).formulas, scaling(level)),
        ),
    ]
    if level.r == 1:
        found.append(Section("Closed form", "The plain level needs no tower.", (plain_level(network).formula,)))
        return found
    return [
        *found,
        Section("Innermost expectation", "The first level of the tower is closed form.", (innermost(gate).formula,)),
        Section(
            "Stationarity",
            "The remaining conditions, in the law of the field that the tower tilts down to a level.",
            stationarity(level),
        ),
    ]


def _distinct(formulas: tuple[Formula, ...]) -> list[Formula]:
    """One formula per derivation."""
    return list({id(f.derivation): f for f in formulas}.values())


@dataclass(frozen=True)
class _Content:
    """Everything the three formats show."""

    title: str
    abstract: str
    sections: list[Section]
    table: Table
    parameters: dict[str, Any]
    figures: dict[str, str]
    command: str
    versions: dict[str, str]
    convention: str

    def writer(self, escape: bool) -> render.Writer:
        symbols = {s for part in self.sections for f in part.formulas for s in f.statement.free_symbols}
        return render.Writer(self.convention, level_of(symbols), escape)


def _markdown(content: _Content) -> str:
    lines = [f"# {content.title}", "", content.abstract, ""]
    for part in content.sections:
        lines += [f"## {part.title}", "", part.text, ""]
        lines += [render.formulas(part.formulas, "markdown", True, content.convention), ""]
    lines += ["## Values", "", content.table.render("markdown"), "", "| parameter | value |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in content.parameters.items()]
    for kind, caption in content.figures.items():
        lines += ["", f"![{caption}](figures/{kind}.svg)"]
    lines += ["", "## Provenance", "", f"Command: `{content.command}`", ""]
    lines += [f"- {name} {number}" for name, number in content.versions.items()]
    return "\n".join(lines) + "\n"


def _latex(content: _Content) -> str:
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
            shown = content.writer(True).latex(formula.statement)
            lines += [
                rf"\paragraph{{{plain(formula.title)}}} {{\small\texttt{{{_verbatim(formula.id)}}}}}, {formula.status.value}."
            ]
            lines += [_fitted(shown, r"\begin{equation}", r"\end{equation}")]
        for formula in _distinct(part.formulas):
            lines += [rf"\subsection*{{Derivation of \texttt{{{_verbatim(formula.id)}}}}}", r"\begin{enumerate}"]
            for step in formula.derivation:
                lines += [rf"  \item {plain(step.text)} \emph{{({step.verdict().value})}}"]
                lines += [_fitted(content.writer(True).latex(step.expression), r"\[", r"\]")]
            lines += [r"\end{enumerate}"]
    lines += [r"\section{Values}", r"\noindent\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"]
    lines += [content.table.render("latex") + "}", r"\medskip", "", r"\noindent\begin{tabular}{ll}", r"\hline"]
    lines += [rf"{plain(name)} & {value} \\" for name, value in content.parameters.items()]
    lines += [r"\hline", r"\end{tabular}"]
    for kind, caption in content.figures.items():
        lines += [
            r"\begin{figure}[htb]\centering",
            rf"\includegraphics[width=.8\linewidth]{{figures/{kind}.pdf}}",
            rf"\caption{{{plain(caption)}}}",
            r"\end{figure}",
        ]
    lines += [r"\section{Provenance}", rf"Command: \texttt{{{_verbatim(content.command)}}}", r"\begin{itemize}"]
    lines += [rf"  \item {name} {number}" for name, number in content.versions.items()]
    return "\n".join([*lines, r"\end{itemize}", r"\end{document}"]) + "\n"


def _verbatim(text: str) -> str:
    return "".join(
        {"_": r"\_", "\\": r"\textbackslash{}", "-": "{-}"}.get(c, rf"\{c}" if c in "%&#{}$" else c) for c in text
    )


def _fitted(shown: str, opening: str, closing: str) -> str:
    """A display that shrinks to the width of the line if it is longer."""
    inner = rf"\resizebox{{\ifdim\width>.9\linewidth .9\linewidth\else\width\fi}}{{!}}{{$\displaystyle {shown}$}}"
    return f"{opening}\n  {inner}\n{closing}"


_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 52rem; margin: auto; padding: 1rem; }
.display, .scroll { overflow-x: auto; padding: .4rem 0; }
table { border-collapse: collapse; } td, th { padding: .2rem .7rem; border-bottom: 1px solid #8886; text-align: left; }
code { font-size: .9em; overflow-wrap: anywhere; } svg { max-width: 100%; height: auto; background: #fff; }
summary { cursor: pointer; } .meta { font-size: .85em; opacity: .8; }
"""


def _html(content: _Content, drawings: dict[str, str]) -> str:
    writer = content.writer(False)

    def display(value: Any) -> str:
        return f'<div class="display">{mathml(writer.latex(value), display=True)}</div>'

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
            lines.append(f"<h3>{prose(f.title)}</h3>{display(f.statement)}")
            lines.append(f'<p class="meta"><code>{f.id}</code>: {f.status.value}; {html.escape(f.source)}</p>')
        for f in _distinct(part.formulas):
            steps = "".join(
                f"<li>{prose(s.text)} <em>({s.verdict().value})</em>{display(s.expression)}</li>" for s in f.derivation
            )
            verdict = f.derivation.verdict().value
            lines.append(
                f"<details><summary>Derivation of <code>{f.id}</code>, {verdict}</summary><ol>{steps}</ol></details>"
            )
    head = "".join(f"<th>{h}</th>" for h in content.table.heads)
    rows = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in content.table.rows)
    lines.append(f'<h2>Values</h2><div class="scroll"><table><tr>{head}</tr>{rows}</table></div>')
    rows = "".join(f"<tr><td>{prose(name)}</td><td>{value}</td></tr>" for name, value in content.parameters.items())
    lines.append(f'<h3>Parameters</h3><div class="scroll"><table>{rows}</table></div>')
    for kind, caption in content.figures.items():
        lines.append(f"<figure>{drawings[kind]}<figcaption>{prose(caption)}</figcaption></figure>")
    lines.append(f"<h2>Provenance</h2><p>Command: <code>{html.escape(content.command)}</code></p><ul>")
    lines += [f"<li>{name} {number}</li>" for name, number in content.versions.items()]
    return "\n".join([*lines, "</ul></body></html>"]) + "\n"


def build(
    level: Level | int | str = 2,
    digits: int | str = 30,
    *,
    gate: Gate | str = "relu",
    convention: str = "toolkit",
    figures: bool = True,
    report: Callable[[str], None] = lambda _: None,
) -> dict[str, bytes]:
    """All files of the report on one layer by name, ``provenance.json`` included.

    Raises ``InputError`` (or a subclass) for bad input and for a missing optional tool, ``ConvergenceError`` if a solve fails.
    """
    level, digits, the_gate = Level.parse(level), parse_digits(digits), as_gate(gate)
    check_convention(convention)
    if not isinstance(the_gate, Gate):
        raise InputError(
            f"gate {the_gate} is injective and has capacity 1: there is nothing to derive, use another gate"
        )
    mathml("x")
    report("derivations")
    parts = sections(the_gate, level)
    result = capacity(level, digits, gate=the_gate, report=report).to_json()
    levels = list(dict.fromkeys(["1", "2p", "2", str(level)]))
    table = single_layer(levels, digits, str(the_gate), report)
    files: dict[str, bytes] = {}
    drawings: dict[str, str] = {}
    captions: dict[str, str] = {}
    if figures:
        for kind, (caption, make) in KINDS.items():
            figure = make(levels, str(the_gate), report)
            captions[kind] = caption
            files[f"figures/{kind}.pdf"] = rendered(figure, "pdf")
            files[f"figures/{kind}.svg"] = drawing = rendered(figure, "svg")
            # an id must be unique on the page that holds all drawings
            text = drawing.decode()
            drawings[kind] = _with_prefix(text[text.index("<svg") :], kind)
    command = f"flrdt docs OUTDIR --level {level} --digits {digits}"
    command += f" --gate {the_gate}" if str(the_gate) != "relu" else ""
    command += f" --notation {convention}" if convention != "toolkit" else ""
    command += "" if figures else " --no-figures"
    packages = ("sympy", "mpmath", "numpy", "scipy", "python-flint")
    versions = {"flrdt": tool_version(), **{p: version(p) for p in packages}, "Python": platform.python_version()}
    content = _Content(
        title=f"Injectivity capacity of one {the_gate} layer at lifting level {level}",
        abstract=(
            f"The level-{level} capacity is alpha = {result['alpha']} with error figure {result['alpha_error']} "
            f"({result['error_kind']}); its status is: {result['status']}. Every formula below was derived by flrdt, and the "
            "word after a step is the verdict of its machine check."
        ),
        sections=parts,
        table=table,
        parameters=result["parameters"],
        figures=captions,
        command=command,
        versions=versions,
        convention=convention,
    )
    report("writing")
    files[_NAMES["markdown"]] = _markdown(content).encode()
    files[_NAMES["latex"]] = _latex(content).encode()
    files[_NAMES["html"]] = _html(content, drawings).encode()
    result.pop("seconds")
    manifest = {
        "command": command,
        "versions": versions,
        "result": result,
        "derivations": {f.id: f.derivation.verdict().value for part in parts for f in _distinct(part.formulas)},
        "sha256": {name: hashlib.sha256(body).hexdigest() for name, body in sorted(files.items())},
    }
    files[MANIFEST] = (json.dumps(manifest, indent=2) + "\n").encode()
    return files


def unproved(files: dict[str, bytes]) -> list[str]:
    """What is not proved among the derivations of a report, as ``id (verdict)``."""
    verdicts = json.loads(files[MANIFEST])["derivations"]
    return [f"{id} ({verdict})" for id, verdict in verdicts.items() if verdict != Verdict.PROVED]


def _with_prefix(drawing: str, prefix: str) -> str:
    for before in ('id="', 'href="#', "url(#"):
        drawing = drawing.replace(before, f"{before}{prefix}-")
    return drawing


def _checksums(folder: Path) -> dict[str, str]:
    """What the manifest of an earlier report says about its files; empty if there is none."""
    try:
        return dict(json.loads((folder / MANIFEST).read_text())["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def check_folder(folder: Path) -> None:
    """Raise ``InputError`` unless the folder is missing, empty, or holds nothing but an unchanged earlier report."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is not a folder: name a new or empty one")
    parent = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    try:
        tempfile.TemporaryDirectory(dir=parent).cleanup()
    except OSError:
        raise InputError(f"cannot write to {parent}: name a folder in a writable place") from None
    present = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())
    if not present:
        return
    known = _checksums(folder)
    for name in present:
        if name == MANIFEST and known:
            continue
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != known.get(name):
            raise InputError(f"{folder} holds {name}, which is not part of an unchanged report: name an empty folder")


def store(files: dict[str, bytes], folder: Path) -> None:
    """Write a whole report; an earlier one is replaced.  Raises ``InputError`` if the place cannot be written."""
    folder = folder.absolute()
    check_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as staging:
            whole = Path(staging) / "report"
            for name, body in files.items():
                target = whole / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(body)
            if not folder.exists():
                whole.rename(folder)
                return
            for name in {*_checksums(folder)} - {*files}:
                (folder / name).unlink(missing_ok=True)
            for name in files:
                (folder / name).parent.mkdir(exist_ok=True)
                os.replace(whole / name, folder / name)
    except OSError as problem:
        raise InputError(f"cannot write {folder}: {problem.strerror or problem}; name a writable folder") from None
