"""``flrdt capacity``."""

from __future__ import annotations

import argparse

from .common import emit, level_options, output_option, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    level_options(parser)
    parser.add_argument("--budget", default="1", metavar="B", help="required active outputs per input (default 1)")
    parser.add_argument("--backend", default="arb", choices=("arb", "mpmath"), help="arithmetic (default arb)")
    output_option(parser)
    parser.set_defaults(digits=None)  # 30, and 10 in the limit
    parser.epilog = "example: flrdt capacity --level 3 --digits 50 --json"


def run(options: argparse.Namespace) -> int:
    if options.level == "inf":
        return _limit(options)
    from flrdt.evaluate.capacities import capacity

    result = capacity(
        options.level,
        options.digits or 30,
        gate=options.gate,
        budget=options.budget,
        backend=options.backend,
        report=progress(),
    )
    shown = result.to_json()
    emit(shown if options.json else text(shown), options.output)
    return 0


def _limit(options: argparse.Namespace) -> int:
    from flrdt.evaluate.decimals import InputError
    from flrdt.evaluate.limits import limit
    from flrdt.evaluate.store import Store, cache_folder

    from .limit import text as limit_text

    if options.gate != "relu" or options.backend != "arb":
        raise InputError("level inf is offered for the relu gate with the arb backend")
    found = limit(options.digits or 10, budget=options.budget, store=Store(cache_folder()), report=progress())
    shown = found.to_json()
    emit(shown if options.json else limit_text(shown), options.output)
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
