"""``flrdt certify``."""

from __future__ import annotations

import argparse

from .common import emit, output_option, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--level", required=True, metavar="R", help="1, 2p, 2, 3, ...")
    parser.add_argument("--alpha", required=True, metavar="A", help="the bound to prove, a decimal or a fraction")
    parser.add_argument("--budget", default="1", metavar="B", help="required active outputs per input (default 1)")
    output_option(parser)
    parser.epilog = "example: flrdt certify --level 2 --alpha 6.7157 --output level2.json"


def run(options: argparse.Namespace) -> int:
    from flrdt.evaluate.certification.certificates import certify

    certificate = certify(options.level, options.alpha, budget=options.budget, report=progress())
    emit(certificate, options.output)
    return 0
