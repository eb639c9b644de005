"""``flrdt energy``."""

from __future__ import annotations

import argparse

from .common import (
    columns,
    emit,
    level_options,
    output_option,
    problem_options,
    progress,
    refuse_without_problem,
    the_gate,
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--alpha", required=True, metavar="A", help="aspect ratio m/n, a decimal or a fraction")
    level_options(parser)
    problem_options(parser)
    output_option(parser)
    parser.epilog = "example: flrdt energy --alpha 8 --level 2 --digits 30"


def run(options: argparse.Namespace) -> int:
    options.gate = the_gate(options)
    if options.problem is not None:
        from .family import capacity

        return capacity(options, options.alpha)
    refuse_without_problem(options)
    from ..results.capacity import energy

    result = energy(
        options.alpha, options.level, options.digits, gate=options.gate, radius=options.radius, report=progress()
    )
    shown = result.to_json()
    emit(shown if options.json else text(shown, columns(options.output)), options.output)
    return 0


def text(shown: dict, width: int) -> str:
    """A readable page of one energy, opening with what was computed."""
    from flrdt.derive import Level

    from ..output.pages import entry, parameter_lines, sentence

    level = f"level {shown['level']} ({Level.parse(shown['level']).name})"
    lines = [
        *sentence(
            f"Ground-state energy of one layer at {level}: the least number of active outputs per input dimension, "
            "at alpha = outputs/inputs.",
            width,
        ),
        *entry("e", shown["energy"], width),
        *entry("error", f"{shown['energy_error']} ({shown['error_kind']})", width, sign="<"),
        *entry("de/dalpha", shown["slope"], width),
        *entry("alpha", f"{shown['alpha']}, level {shown['level']}, gate {shown['gate']}", width),
        *entry("status", shown["status"], width),
        *parameter_lines(shown["parameters"], width),
    ]
    return "\n".join(lines)
