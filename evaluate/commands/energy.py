"""``flrdt energy``."""

from __future__ import annotations

import argparse

from .common import emit, level_options, output_option, problem_options, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--alpha", required=True, metavar="A", help="aspect ratio m/n, a decimal or a fraction")
    level_options(parser)
    problem_options(parser)
    output_option(parser)
    parser.epilog = "example: flrdt energy --alpha 8 --level 2 --digits 30"


def run(options: argparse.Namespace) -> int:
    if options.problem is not None:
        from .family import capacity

        return capacity(options, options.alpha)
    from ..results.capacity import energy

    result = energy(
        options.alpha, options.level, options.digits, gate=options.gate, radius=options.radius, report=progress()
    )
    shown = result.to_json()
    emit(shown if options.json else text(shown), options.output)
    return 0


def text(shown: dict) -> str:
    """A readable page of one energy."""
    lines = [
        f"e          = {shown['energy']}",
        f"error      < {shown['energy_error']} ({shown['error_kind']})",
        f"de/dalpha  = {shown['slope']}",
        f"alpha      = {shown['alpha']}, level {shown['level']}, gate {shown['gate']}",
        f"status     = {shown['status']}",
        *(f"{name:<10} = {value}" for name, value in shown["parameters"].items()),
    ]
    return "\n".join(lines)
