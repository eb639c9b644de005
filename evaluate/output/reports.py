"""The report that ``flrdt docs`` writes: statement, derivations with their verdicts, values, figures and provenance.

A report is a set of files held in memory until it is complete.  The same input gives the same bytes: nothing in it depends
on the clock or the machine.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from flrdt.derive import Gate, Level, relu, relu_network, render
from flrdt.derive.core.formulas import Basis, Verdict
from flrdt.derive.networks.problems import Problem
from flrdt.derive.render.replica import check_convention

from ..arithmetic.decimals import InputError, parse_digits
from ..results.capacity import as_gate, capacity, tool_version
from ..results.chain import DeepCapacity, Requirement, deep_capacity
from ..results.family import as_problem, family_value
from .curves import KINDS
from .expansion_plot import chains_of, draw_chains
from .figures import empty_figure, rendered, require_matplotlib
from .mathml import mathml
from .report_contents import Section, deep_sections, distinct, one_layer_sections, problem_sections
from .report_folder import MANIFEST
from .report_formats import Content, as_html, as_latex, as_markdown
from .tables import Table, deep_networks, single_layer

__all__ = ["build", "inadmissible", "unproved"]

Report = Callable[[str], None]
PACKAGES = ("sympy", "mpmath", "numpy", "scipy", "python-flint")
CLOSED = ["1", "2p"]  # levels whose chains cost nothing to compare with


@dataclass(frozen=True)
class _Findings:
    """What was computed and derived for a network, before it is written down; figures are (caption, matplotlib figure)."""

    title: str
    result: dict[str, Any]
    meaning: str
    sections: Sequence[Section]
    tables: dict[str, Table]
    options: str = ""
    figures: dict[str, tuple[str, Any]] = field(default_factory=dict)
    note: str = ""


def build(
    level: Level | int | str = 2,
    digits: int | str = 30,
    *,
    depth: int | str | None = None,
    widths: Sequence[Any] = (),
    notion: str = "weak",
    gate: Gate | str = "relu",
    problem: Problem | str | None = None,
    convention: str = "toolkit",
    paper: str = "page",
    figures: bool = True,
    report: Report = lambda _: None,
) -> dict[str, bytes]:
    """All files of a report by name, ``provenance.json`` included: on one layer, on a deep network (depth or widths), or on
    another problem of the family, which has no figures.

    Raises ``InputError`` (or a subclass) for bad input and for a missing optional tool, ``ConvergenceError`` if a solve fails.
    """
    level, digits, the_gate = Level.parse(level), parse_digits(digits), as_gate(gate)
    required = Requirement.parse(notion, None)
    check_convention(convention)
    render.check_paper(paper)
    if not isinstance(the_gate, Gate):
        raise InputError(
            f"gate {the_gate} is injective and has capacity 1: there is nothing to derive, use another gate"
        )
    mathml("x")
    figures = figures and problem is None
    if figures:
        require_matplotlib()
    if problem is not None:
        if widths or depth is not None or notion != "weak" or the_gate != relu():
            raise InputError("depth, widths, notion and gate belong to networks: leave them out with a problem")
        found = _family(problem, level, digits, report)
    elif widths or depth not in (None, 1, "1"):
        if the_gate != relu():
            raise InputError(f"gate {the_gate} in a deep network: only the relu is positively homogeneous")
        found = _deep(level, digits, depth, widths, required, figures, report)
    else:
        found = _one_layer(level, digits, the_gate, figures, report)
    command = f"flrdt docs OUTDIR --level {level} --digits {digits}{found.options}"
    command += f" --notation {convention}" if convention != "toolkit" else ""
    command += f" --paper {paper}" if paper != "page" else ""
    command += "" if figures or problem is not None else " --no-figures"
    report("writing")
    return _files(found, command, level, convention, paper)


def _one_layer(level: Level, digits: int, gate: Gate, figures: bool, report: Report) -> _Findings:
    report("derivations")
    parts = one_layer_sections(gate, level)
    result = capacity(level, digits, gate=gate, report=report).to_json()
    levels = list(dict.fromkeys([*CLOSED, "2", str(level)]))
    kinds = KINDS.items() if figures else ()
    return _Findings(
        f"Injectivity capacity of one {gate} layer at lifting level {level}",
        result,
        f"The level-{level} capacity is alpha = {result['alpha']}",
        parts,
        {"Capacity against the level": single_layer(levels, digits, str(gate), report)},
        f" --gate {gate}" if str(gate) != "relu" else "",
        {kind: (caption, make(levels, str(gate), report)) for kind, (caption, make) in kinds},
    )


def _family(problem: Problem | str, level: Level, digits: int, report: Report) -> _Findings:
    report("derivations")
    given = as_problem(problem)
    parts = problem_sections(given, level)
    values = {}
    for each in dict.fromkeys([*CLOSED, str(level)]):
        try:
            values[each] = family_value(given, each, digits, report=report).to_json()
        except InputError:  # a level that the problem does not have
            if each == str(level):
                raise
    result = values[str(level)]
    rows = tuple(
        (each, v["value"], v["value_error"], v["error_kind"], v["reached_level"], v["status"])
        for each, v in values.items()
    )
    head = ("level", "value", "error", "digits by", "reached", "theory")
    warned = f". {result['warning'][:1].upper()}{result['warning'][1:]}" if result["warning"] else ""
    return _Findings(
        f"The problem {given} at lifting level {level}",
        result,
        f"The level-{level} {given.quantity} is {result['value']}",
        parts,
        {"Values against the level": Table("Values", head, rows, ())},
        f" --problem {given}",
        note=warned + (f". {result['reason'][:1].upper()}{result['reason'][1:]}" if result["reason"] else ""),
    )


def _deep(
    level: Level, digits: int, depth: Any, widths: Sequence[Any], required: Requirement, figures: bool, report: Report
) -> _Findings:
    found = deep_capacity(level, digits, depth=depth, widths=widths, notion=required.notion, report=report)
    result, layers, notion = found.to_json(), len(found.chain), required.notion
    report("derivations")
    budgets = [str(required.of(i, layers)) for i in range(1, layers + 1)]
    parts = deep_sections(relu_network(layers, found.budget), level, budgets)
    minimal = deep_networks(CLOSED, range(1, layers + 1), digits, report, [notion])
    drawn = {}
    if figures:
        layers_found = zip(map(float, found.chain), map(float, found.expansions), strict=True)
        own = [(i, alpha, expansion) for i, (alpha, expansion) in enumerate(layers_found, start=1)]
        others = [c for c in CLOSED if widths or c != str(level)]
        figure = empty_figure(9, 3.6)
        draw_chains(figure, {f"this report, level {level}": own} | chains_of(minimal, others, [notion]))
        drawn["expansion"] = ("Width and expansion of the layers against depth", figure)
    behind = (
        f"behind the hidden widths {', '.join(found.widths)}"
        if widths
        else "behind hidden layers at their own capacity"
    )
    return _Findings(
        f"Injectivity capacity of a {layers}-layer ReLU network at lifting level {level}, {notion} notion",
        result,
        f"The level-{level} capacity of layer {layers} is alpha_{layers} = {result['alpha']}, {behind},{_short(result)}",
        parts,
        {"Chain": _chain(found, result), "Minimal chains at the closed-form levels": minimal},
        (f" --widths {','.join(map(str, found.widths))}" if widths else f" --depth {layers}") + f" --notion {notion}",
        drawn,
    )


def _short(result: dict[str, Any]) -> str:
    """What to say of hidden widths that are too small."""
    return (
        ""
        if result["admissible"]
        else " which are not admissible (a layer is below the capacity of the network there),"
    )


def _chain(found: DeepCapacity, result: dict[str, Any]) -> Table:
    """Widths and expansions layer by layer."""
    rows = [
        (str(i), alpha, expansion, "plain value: lifting no longer helps" if i in found.unlifted else "")
        for i, (alpha, expansion) in enumerate(zip(result["chain"], result["expansions"], strict=True), start=1)
    ]
    return Table("Chain", ("layer", "alpha", "expansion", "note"), tuple(rows), ())


def _files(found: _Findings, command: str, level: Level, convention: str, paper: str) -> dict[str, bytes]:
    """The report in its formats, with its figures and its provenance."""
    files: dict[str, bytes] = {}
    drawings: dict[str, str] = {}
    for kind, (_, figure) in found.figures.items():
        files[f"figures/{kind}.pdf"] = rendered(figure, "pdf")
        files[f"figures/{kind}.svg"] = drawing = rendered(figure, "svg", background=False)
        # an id must be unique on the page that holds all drawings
        text = drawing.decode()
        drawings[kind] = _with_prefix(text[text.index("<svg") :], kind)
    result = {key: value for key, value in found.result.items() if key != "seconds"}
    versions = {"flrdt": tool_version(), **{p: version(p) for p in PACKAGES}, "Python": platform.python_version()}
    content = Content(
        title=found.title,
        abstract=(
            f"{found.meaning} with error figure {result.get('value_error', result.get('alpha_error'))} "
            f"({result['error_kind']}); its status is: {result['status']}{found.note}. Every formula below was derived by flrdt, and the word after a step is the verdict of "
            "its machine check."
        ),
        sections=found.sections,
        tables=found.tables,
        parameters=result["parameters"],
        figures={kind: caption for kind, (caption, _) in found.figures.items()},
        command=command,
        versions=versions,
        level=level,
        convention=convention,
        paper=paper,
    )
    files["report.md"] = as_markdown(content).encode()
    files["report.tex"] = as_latex(content).encode()
    files["report.html"] = as_html(content, drawings).encode()
    manifest = {
        "command": command,
        "versions": versions,
        "result": result,
        "derivations": {f.id: f.derivation.verdict().value for part in found.sections for f in distinct(part.formulas)},
        "sha256": {name: hashlib.sha256(body).hexdigest() for name, body in sorted(files.items())},
    }
    files[MANIFEST] = (json.dumps(manifest, indent=2) + "\n").encode()
    return files


def unproved(files: dict[str, bytes]) -> list[str]:
    """What is not proved among the derivations of a report, as ``id (verdict)``; what is only defined or cited claims no proof."""
    verdicts = json.loads(files[MANIFEST])["derivations"]
    fine = (Verdict.PROVED, *Basis)
    return [f"{id} ({verdict})" for id, verdict in verdicts.items() if verdict not in fine]


def inadmissible(files: dict[str, bytes]) -> list[dict[str, Any]]:
    """The layers of a report whose given width is below the capacity of the network truncated there."""
    return json.loads(files[MANIFEST])["result"].get("short_layers", [])


def _with_prefix(drawing: str, prefix: str) -> str:
    for before in ('id="', 'href="#', "url(#"):
        drawing = drawing.replace(before, f"{before}{prefix}-")
    return drawing
