"""``flrdt energy``."""

from __future__ import annotations

import argparse

from .common import (
    admissible,
    columns,
    emit,
    level_options,
    network_options,
    network_words,
    output_option,
    problem_options,
    progress,
    proof_asked,
    proof_options,
    refuse_without_problem,
    the_gate,
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--alpha", required=True, metavar="A", help="outputs of the last layer over inputs, a decimal or a fraction"
    )
    level_options(parser)
    problem_options(parser)
    network_options(parser)
    proof_options(parser)
    parser.add_argument("--backend", default="arb", choices=("arb", "mpmath"), help="arithmetic (default arb)")
    output_option(parser)
    parser.epilog = (
        "examples: flrdt energy --alpha 8 --level 2 --digits 30\n"
        "          flrdt energy --alpha 7 --depth 2 --level 2p\n"
        "          flrdt energy --alpha 7 --widths 7.7 --level 1"
    )


def run(options: argparse.Namespace) -> int:
    options.gate = the_gate(options)
    if options.problem is not None:
        from .family import capacity

        return capacity(options, options.alpha)
    refuse_without_problem(options)
    from ..results.door import energy

    shown = energy(
        options.alpha,
        options.level,
        options.digits,
        backend=options.backend,
        certified=proof_asked(options),
        report=progress(),
        **network_words(options),
    ).to_json()
    emit(shown if options.json else text(shown, columns(options.output)), options.output)
    return admissible(shown)


def text(shown: dict, width: int) -> str:
    """A readable page of one energy, opening with what was computed."""
    from flrdt.derive import Level

    from ..output.pages import entry, parameter_lines, sentence

    level = f"level {shown['level']} ({Level.parse(shown['level']).name})"
    depth = shown.get("depth", 1)
    layers = "one layer" if depth == 1 else f"the last of {depth} layers"
    lines = [
        *sentence(
            f"Ground-state energy of {layers} at {level}: the least number of active outputs per input dimension, "
            "at alpha = outputs/inputs.",
            width,
        ),
        *entry("e", shown["energy"], width),
        *entry("error", f"{shown['energy_error']} ({shown['error_kind']})", width, sign="<"),
        *entry("de/dalpha", shown["slope"], width),
        *entry("alpha", f"{shown['alpha']}, level {shown['level']}, gate {shown['gate']}", width),
        *[line for i, a in enumerate(shown.get("chain", ()), start=1) for line in entry(f"alpha_{i}", a, width)],
        *entry("status", shown["status"], width),
        *parameter_lines(shown["parameters"], width),
    ]
    return "\n".join(lines)
