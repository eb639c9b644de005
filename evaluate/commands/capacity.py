"""``flrdt capacity``."""

from __future__ import annotations

import argparse

from .common import emit, level_options, output_option, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    level_options(parser)
    parser.add_argument("--budget", default="1", metavar="B", help="required active outputs per input (default 1)")
    parser.add_argument("--backend", default="arb", choices=("arb", "mpmath"), help="arithmetic (default arb)")
    output_option(parser)
    parser.epilog = "example: flrdt capacity --level 3 --digits 50 --json"


def run(options: argparse.Namespace) -> int:
    from flrdt.evaluate.capacities import capacity

    result = capacity(
        options.level,
        options.digits,
        gate=options.gate,
        radius=options.radius,
        budget=options.budget,
        backend=options.backend,
        report=progress(),
    )
    shown = result.to_json()
    emit(shown if options.json else text(shown), options.output)
    return 0


def text(shown: dict) -> str:
    """A readable page of one capacity."""
    lines = [
        f"alpha      = {shown['alpha']}",
        f"error      < {shown['alpha_error']} ({shown['error_kind']})",
        f"level      = {shown['level']}, gate {shown['gate']}, budget {shown['budget']}",
        f"status     = {shown['status']}",
        *(f"{name:<10} = {value}" for name, value in shown["parameters"].items()),
        f"residual   = {shown['residual']}",
    ]
    return "\n".join(lines)
