"""``flrdt certify``."""

from __future__ import annotations

import argparse

from .common import emit, output_option, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--level", required=True, metavar="R", help="1, 2p, 2, 3, ...; 1 or 2p for deep networks")
    parser.add_argument(
        "--alpha", metavar="A", help="the bound to prove, a decimal or a fraction (default: the value, rounded up)"
    )
    deep = parser.add_mutually_exclusive_group()
    deep.add_argument(
        "--depth", metavar="L", help="layers; the hidden widths are their capacities, rounded up (default 1)"
    )
    deep.add_argument("--widths", metavar="A1,A2,...", help="hidden widths relative to the input, exact")
    required = parser.add_mutually_exclusive_group()
    required.add_argument("--notion", default="weak", metavar="NAME", help="weak (default) or strong")
    required.add_argument(
        "--budget",
        metavar="B",
        help="required active outputs per input (default 1; 2 for strong with 2 layers or more)",
    )
    parser.add_argument(
        "--digits", default="10", metavar="D", help="decimals to which values are rounded up (default 10)"
    )
    output_option(parser)
    parser.epilog = (
        "examples: flrdt certify --level 2 --alpha 6.7157 --output level2.json\n"
        "          flrdt certify --level 2p --depth 3 --notion strong --digits 31\n"
        "          flrdt certify --level 1 --widths 7.7 --alpha 7.5442"
    )


def run(options: argparse.Namespace) -> int:
    from ..proofs.one_layer_certificates import certify

    certificate = certify(
        options.level,
        options.alpha,
        depth=options.depth,
        widths=() if options.widths is None else options.widths.split(","),
        notion=options.notion,
        budget=options.budget,
        digits=options.digits,
        report=progress(),
    )
    emit(certificate, options.output)
    return 0
