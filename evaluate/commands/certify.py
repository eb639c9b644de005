"""``flrdt certify``."""

from __future__ import annotations

import argparse
from typing import Any

from .common import emit, output_option, problem_options, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--level", metavar="R", help="of an upper bound: 1, 2p, 2, 3, ...; 1 or 2p for deep networks")
    parser.add_argument(
        "--side", default="upper", choices=("upper", "lower"), help="which bound on the capacity (default upper)"
    )
    parser.add_argument("--gate", default="relu", metavar="GATE", help="of a lower bound (default relu)")
    parser.add_argument("--radius", default="1", metavar="R", help="norm of the inputs, of a lower bound (default 1)")
    parser.add_argument(
        "--alpha", metavar="A", help="the bound to prove, a decimal or a fraction (default: the value, rounded)"
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
    parser.add_argument("--digits", default="10", metavar="D", help="decimals to which values are rounded (default 10)")
    parser.add_argument(
        "--format",
        default="json",
        choices=("json", "coq"),
        help="certificate (default), or a file for the Coq proof assistant",
    )
    problem_options(parser, order=False)
    output_option(parser)
    parser.epilog = (
        "examples: flrdt certify --level 2 --alpha 6.7157 --output level2.json\n"
        "          flrdt certify --level 2p --depth 3 --notion strong --digits 31\n"
        "          flrdt certify --level 1 --widths 7.7 --alpha 7.5442\n"
        "          flrdt certify --side lower --alpha 4.7166 --output lower.json\n"
        "          flrdt certify --side lower --format coq --output lower.v\n"
        "          flrdt certify --problem perceptron:kappa=-3/2 --level 2p --alpha 37.36"
    )


def run(options: argparse.Namespace) -> int:
    if options.problem is not None:
        from .family import certificate as of_problem

        emit(of_problem(options), options.output)
        return 0
    certificate = (_lower if options.side == "lower" else _upper)(options)
    if options.format == "coq":
        from ..proofs.coq import coq_file

        emit(coq_file(certificate), options.output)
    else:
        emit(certificate, options.output)
    return 0


def _upper(options: argparse.Namespace) -> dict[str, Any]:
    from ..arithmetic.decimals import InputError
    from ..proofs.one_layer_certificates import certify

    if options.level is None:
        raise InputError("an upper bound needs --level: 1, 2p, 2, 3, ... (or use --side lower)")
    if options.gate != "relu" or options.radius != "1":
        raise InputError("upper-bound certificates are those of the relu gate: leave out --gate and --radius")
    return certify(
        options.level,
        options.alpha,
        depth=options.depth,
        widths=() if options.widths is None else options.widths.split(","),
        notion=options.notion,
        budget=options.budget,
        digits=options.digits,
        report=progress(),
    )


def _lower(options: argparse.Namespace) -> dict[str, Any]:
    from ..arithmetic.decimals import InputError
    from ..proofs.lower_certificates import certify_lower
    from ..results.chain import Requirement

    if options.level is not None:
        raise InputError("a lower bound has no level: leave out --level")
    if options.widths is not None or options.depth not in (None, "1"):
        raise InputError("lower bounds are those of one layer: leave out --depth and --widths")
    return certify_lower(
        options.alpha,
        gate=options.gate,
        radius=options.radius,
        budget=Requirement.parse(options.notion, options.budget).of(1, 1),
        digits=options.digits,
        report=progress(),
    )
