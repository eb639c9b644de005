"""Formula pages, tables and figures of the documentation, written from the toolkit's own objects."""

import re
from collections import Counter
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from pkgutil import walk_packages

from build_cache import cached
from collection import DIGITS, SAMPLES, by_id
from docutils.nodes import make_id
from evidence_tables import code_mutants, formulas, step_mutants
from formula_index import family
from pybtex.database import parse_file
from sympy import Symbol

import flrdt.derive
import flrdt.evaluate
from flrdt.derive import render
from flrdt.derive.render.replica import DICTIONARY, replica_name
from flrdt.evaluate.arithmetic.decimals import known_digits
from flrdt.evaluate.limits.stability import replicon as unstable
from flrdt.evaluate.limits.stability import thermal_instability
from flrdt.evaluate.output.curves import KINDS
from flrdt.evaluate.output.expansion_plot import draw
from flrdt.evaluate.output.figures import empty_figure, rendered
from flrdt.evaluate.output.tables import deep_networks, single_layer
from flrdt.evaluate.results.capacity import capacity


def stability_sentence() -> str:
    """The outer replicon of level 2 and the thermal point, as numbers."""
    outer, thermal = unstable(2, 6), thermal_instability(8)
    eigenvalue = known_digits(outer.eigenvalue, outer.error, 6)
    alpha = known_digits(thermal.alpha, thermal.error, 8)
    return f"Outer replicon of level 2: {eigenvalue}. Thermal instability of the plain level: alpha = {alpha}."


def fragments() -> dict[str, str]:
    """Name and Markdown of the tables and sentences that pages include."""
    return {
        "table-deep": deep_networks(["1", "2p"], range(1, 7), 20).render("markdown"),
        "stability": stability_sentence(),
        "table-single": single_layer(["1", "2p", "2", "3"], 30).render("markdown"),
        "notation": dictionary(),
        "evidence-formulas": formulas(),
        "evidence-steps": step_mutants(),
        "evidence-code": code_mutants(),
        "level-2": parameters("2"),
        "level-1": parameters("1"),
    }


def parameters(level: str) -> str:
    """The capacity of a level with its parameters, as a table."""
    found = capacity(level, 20).to_json()
    rows = [("alpha", found["alpha"]), ("error", f"{found['alpha_error']} ({found['error_kind']})")]
    rows += [*found["parameters"].items(), ("residual", found["residual"])]
    return "\n".join(["| | level " + level + " |", "| --- | --- |", *(f"| `{n}` | {v} |" for n, v in rows)])


def dictionary() -> str:
    """The replica name of every symbol family, from the renderer's own table."""
    rows = ["| toolkit | replica | meaning |", "| --- | --- | --- |"]
    for name, (_, meaning) in DICTIONARY.items():
        there = [replica_name(f"{name}_{k}", 3) for k in (2, 3)]
        shown = replica_name(f"{name}_k", 3)
        here = [render.Writer().latex(Symbol(f"{name}_{k}")) for k in ("k", 2, 3)]
        rows.append(
            f"| ${here[0]}$ | ${shown}$ (at level 3: ${here[1]}, {here[2]}$ are ${there[0]}, {there[1]}$) | {meaning} |"
        )
    return "\n".join(rows)


LONGEST = 60_000
"""Characters of LaTeX on a page of formulas; MathML takes about fifteen times as many bytes."""


def plain(text: str) -> str:
    """A text whose characters Markdown leaves alone."""
    return re.sub(r"([\\`*_\[\]<>|$])", r"\\\1", text)


@lru_cache(maxsize=1)
def preprints() -> dict[str, str]:
    """The keys of the bibliography by arXiv id."""
    entries = parse_file(Path(__file__).with_name("references.bib")).entries
    return {entry.fields["eprint"]: key for key, entry in entries.items() if "eprint" in entry.fields}


def cited(text: str) -> str:
    """A source whose arXiv ids are citations, as far as the bibliography has them."""
    keys = preprints()
    known = re.compile("arXiv (" + "|".join(map(re.escape, keys)) + ")")
    return known.sub(lambda found: "{cite:t}`" + keys[found[1]] + "`", text)


def checking(found: dict) -> list[str]:
    """What the independent check of a formula is, where it looked and what it found."""
    outcome = found["outcome"]
    if outcome is None:
        return [
            "Not in the registry: its derivation is checked step by step, and tests evaluate it by a second route.",
            "",
        ]
    points = f"{outcome['samples']} point{'s' * (outcome['samples'] != 1)}"
    lines = [f"Independent check: **{outcome['verdict']}** to {outcome['digits']} digits at {points}."]
    for check in found["checks"]:
        where = f" Domain: `{check['domain']}`." if check["domain"] else " The statement has no free symbol."
        lines.append(f"Route: {plain(check['how'])}.{where}")
    return [*lines, ""]


def formula_page(name: str, members: list[dict]) -> str:
    """The page of one family of formulas."""
    lines = [f"# Formulas: {name}", ""]
    previous = None
    for f in members:
        same = bool(f["steps"]) and (f["steps"], f["assumptions"]) == previous
        previous = f["steps"], f["assumptions"]
        lines += [f"({make_id(f['id'])})=", "", f"## {plain(f['title'])}", "", f"```{{formula}} {f['id']}"]
        lines += [f":entry: {make_id(f['id'])}", *[":statement:"] * same, "```", ""]
        lines += ["Derivation and assumptions are those of the formula before.", ""] * same
        lines += checking(f)
        lines += [f"Source: {cited(plain(f['source']))}.", ""]
        if f["code"]:
            lines += ["```sh", f["code"], "```", ""]
    return "\n".join(lines)


def length(found: dict) -> int:
    """Characters of the LaTeX of a formula and its derivation."""
    return len(found["statement"]) + sum(len(shown) for _, shown, _ in found["steps"])


def split(name: str, members: list[dict], parts: int = 1) -> dict[str, list[dict]]:
    """The members of a page by its name: one page, or as many as it takes by the next part of the ids (mostly a level)."""
    if sum(map(length, members)) <= LONGEST or len(members) == 1 or all(f["id"].count(".") < parts for f in members):
        return {name: members}
    groups: dict[str, list[dict]] = {}
    for f in members:
        groups.setdefault(" ".join(f["id"].split(".")[: parts + 1]), []).append(f)
    return {n: group for each, inner in groups.items() for n, group in split(each, inner, parts + 1).items()}


def formula_pages() -> dict[str, str]:
    """One page per family of formulas, and their index."""
    entries = sorted(by_id().values(), key=lambda f: family(f["id"]))
    families = {
        name: group
        for first, members in groupby(entries, lambda f: family(f["id"]))
        for name, group in split(first, list(members)).items()
    }
    pages = {f"formulas/{make_id(name)}": formula_page(name, members) for name, members in families.items()}
    outcomes = Counter(f["outcome"]["verdict"] for f in entries if f["outcome"])
    tally = ", ".join(f"{number} {verdict}" for verdict, number in sorted(outcomes.items()))
    pages["formulas/index"] = "\n".join(
        [
            "# Formula index",
            "",
            f"{len(entries)} formulas, {outcomes.total()} of them in the registry. When this page is built, every step of a "
            "derivation is checked, and every registry entry is compared with a route that does not reuse its derivation, "
            f"to {DIGITS} digits at {SAMPLES} points or fewer: {tally}. `flrdt verify` goes further; what the words mean is "
            "told in [Verification](../../verify.md).",
            "",
            "A formula has a name of its own, the id. In these pages the role `formula` leads to it, as {formula}`relations.2.c_2` "
            "does; the search finds an id first; `objects.inv` lists all of them for other projects; and "
            "`flrdt formulas --format json` is the whole registry for a program.",
            "",
            "```{formula-index}",
            "```",
            "",
            "```{toctree}",
            ":hidden:",
            "",
            *map(make_id, families),
            "```",
        ]
    )
    return pages


def figures() -> dict[str, str]:
    """The figures as SVG."""
    drawings = {name: make(["1", "2p", "2", "3"]) for name, (_, make) in KINDS.items()}
    drawings["expansion"] = empty_figure(9, 3.6)
    draw(drawings["expansion"], ["1", "2p"], range(1, 7), lambda _: None)
    return {name: rendered(figure, "svg", background=False).decode() for name, figure in drawings.items()}


def put(target: Path, body: str) -> None:
    """Write a file unless it is there already; unchanged files are left alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists() or target.read_text() != body:
        target.write_text(body)


def write(folder: Path) -> None:
    """Write everything that is generated."""
    for name, text in cached("fragments", fragments, "derive", "evaluate").items():
        put(folder / f"{name}.md", text + "\n")
    for name, drawing in cached("figures", figures, "derive", "evaluate").items():
        put(folder / "figures" / f"{name}.svg", drawing)
    pages = formula_pages()
    for name, text in pages.items():
        put(folder / f"{name}.md", text + "\n")
    kept = {folder / f"{name}.md" for name in pages} | {folder / "api" / f"{name}.rst" for name in modules()}
    for stale in {*folder.rglob("*/*.md"), *folder.glob("api/*.rst")} - kept:
        stale.unlink()  # of an earlier build


def modules() -> set[str]:
    """The modules of the toolkit; autosummary writes a page for each of them but removes none."""
    found = {m.name for p in (flrdt.derive, flrdt.evaluate) for m in walk_packages(p.__path__, f"{p.__name__}.")}
    return found | {flrdt.derive.__name__, flrdt.evaluate.__name__}
