"""``flrdt table``."""

from __future__ import annotations

import argparse

from .common import emit, output_option, problem_options, progress, terminal_width


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=("single", "deep"), help="which table")
    parser.add_argument("--levels", metavar="LIST", help="levels, comma-separated (default 1,2p,2,3; deep: 1,2p)")
    parser.add_argument("--depths", metavar="LIST", help="depths of a deep table, like 1..4 (the default) or 1,2,6")
    parser.add_argument("--digits", default="30", metavar="D", help="digits asked for (default 30)")
    problem_options(parser, order=False)
    parser.add_argument("--gate", default="relu", metavar="NAME", help="gate (default relu)")
    parser.add_argument(
        "--format", default="text", metavar="F", help="text, markdown, latex, csv or json (default text)"
    )
    output_option(parser)
    parser.epilog = (
        "examples: flrdt table single --digits 20 --levels 1,2p,2,3 --format markdown\n"
        "          flrdt table deep --depths 1..6 --levels 1,2p --digits 30"
    )


def run(options: argparse.Namespace) -> int:
    from ..output.tables import FORMATS, InputError, single_layer

    if options.format not in FORMATS:
        raise InputError(f"unknown format {options.format!r}: use {', '.join(FORMATS)}")
    if options.problem is not None:
        from .family import table as family_table

        return family_table(options)
    if options.kind == "deep":
        table = _deep(options)
    else:
        if options.depths is not None:
            raise InputError("depths belong to the deep table: flrdt table deep --depths " + options.depths)
        table = single_layer(
            ("1,2p,2,3" if options.levels is None else options.levels).split(","),
            options.digits,
            options.gate,
            progress(),
        )
    emit(table.render(options.format, terminal_width(options.output)), options.output)
    return 0


def _deep(options: argparse.Namespace):
    from ..output.tables import deep_networks, parse_depths
    from ..results.chain import deep_gate

    deep_gate(options.gate)
    return deep_networks(
        ("1,2p" if options.levels is None else options.levels).split(","),
        parse_depths("1..4" if options.depths is None else options.depths),
        options.digits,
        progress(),
    )
