"""``flrdt table``."""

from __future__ import annotations

import argparse

from .common import emit, output_option, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=("single",), help="which table")
    parser.add_argument(
        "--levels", default="1,2p,2,3", metavar="LIST", help="levels, comma-separated (default 1,2p,2,3)"
    )
    parser.add_argument("--digits", default="30", metavar="D", help="digits asked for (default 30)")
    parser.add_argument("--gate", default="relu", metavar="NAME", help="gate (default relu)")
    parser.add_argument(
        "--format", default="text", metavar="F", help="text, markdown, latex, csv or json (default text)"
    )
    output_option(parser)
    parser.epilog = "example: flrdt table single --digits 20 --levels 1,2p,2,3 --format markdown"


def run(options: argparse.Namespace) -> int:
    from flrdt.evaluate.tables import FORMATS, single_layer

    if options.format not in FORMATS:
        from flrdt.evaluate.decimals import InputError

        raise InputError(f"unknown format {options.format!r}: use {', '.join(FORMATS)}")
    table = single_layer(options.levels.split(","), options.digits, options.gate, progress())
    emit(table.render(options.format), options.output)
    return 0
