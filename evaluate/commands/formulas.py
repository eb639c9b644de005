"""``flrdt formulas``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .common import (
    check_words,
    emit,
    finish_progress,
    formulas_page,
    latex_options,
    notation_option,
    output_option,
    problem_options,
    progress,
)

if TYPE_CHECKING:
    from flrdt.derive.registry import Entry

    from ..verification.runner import Result


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID", help="a formula, or a prefix of ids (default: list all)")
    problem_options(parser, order=False)
    parser.add_argument(
        "--format", default="text", metavar="F", help="text, latex, markdown, sympy or json (default text)"
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="json: run the checks as flrdt verify does, for the verdicts (minutes for all)",
    )
    notation_option(parser)
    latex_options(parser)
    output_option(parser)
    parser.epilog = (
        "examples: flrdt formulas relations.2.c_2 --format latex\n"
        "          flrdt formulas --format json --output formulas.json"
    )


def symbols(items: Sequence[Entry]) -> list[str]:
    """The symbols of formulas with domain and meaning, each line once."""
    from flrdt.derive.core.meanings import symbol_table

    lines = {row.text: None for e in items for row in symbol_table(e.formula.statement, e.id.partition(".")[0])}
    return ["", "Symbols", *(f"  {line}" for line in sorted(lines))] if lines else []


def outcomes(items: Sequence[Entry]) -> dict[str, Result]:
    """Id and outcome of the checks of entries, to 15 digits at 3 points at most."""
    from ..verification.runner import verify

    return {r.id: r for r in verify([e.id for e in items], digits=15, samples=3, report=progress()).results}


def run(options: argparse.Namespace) -> int:
    from flrdt.derive.core.formulas import InputError
    from flrdt.derive.registry import select

    from ..output.formula_dump import dump

    if options.problem is not None:
        from .family import formulas

        return formulas(options)
    check_words(options.format, options.notation, options.paper, options.document)  # before anything is derived
    if options.verify and options.format != "json":
        raise InputError(
            f"--verify belongs to --format json: flrdt verify {options.id or ''}".rstrip() + " shows the verdicts"
        )
    items = select([] if options.id is None else [options.id], progress())
    finish_progress()
    if options.format == "json":
        emit(dump(items, options.notation, outcomes(items) if options.verify else None), options.output)
        return 0
    if options.id is None and options.format == "text":
        width = max(len(e.id) for e in items)
        lines = [f"{e.id:<{width}}  {e.formula.title} [{e.formula.status.value}]" for e in items]
        emit("\n".join(lines), options.output)
        return 0
    page = formulas_page([e.formula for e in items], options, options.id is not None)
    if options.format == "text":
        checks = [f"  {e.id}: {c.how}; {c.domain.describe()}".rstrip("; ") for e in items for c in e.checks]
        named = symbols(items) if options.id else []
        page = "\n".join([page, *named, "", "Checked independently by", *checks])
    emit(page, options.output)
    return 0
