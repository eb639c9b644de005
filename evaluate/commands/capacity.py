"""``flrdt capacity``."""

from __future__ import annotations

import argparse
import sys

from .common import emit, level_options, output_option, progress, the_gate


def arguments(parser: argparse.ArgumentParser) -> None:
    level_options(parser)
    deep = parser.add_mutually_exclusive_group()
    deep.add_argument("--depth", metavar="L", help="layers, each hidden one at its own capacity (default 1)")
    deep.add_argument("--widths", metavar="A1,A2,...", help="hidden widths relative to the input: capacity behind them")
    required = parser.add_mutually_exclusive_group()
    required.add_argument(
        "--notion", default="weak", metavar="NAME", help="weak (local recoverability, default) or strong (global)"
    )
    required.add_argument(
        "--budget",
        metavar="B",
        help="required active outputs per input (default 1; 2 for strong with 2 layers or more)",
    )
    parser.add_argument("--first-level", metavar="R", help="level at which the first width of a chain is taken")
    parser.add_argument("--backend", default="arb", choices=("arb", "mpmath"), help="arithmetic (default arb)")
    parser.add_argument("--certified", action="store_true", help="prove the value: the error is then an enclosure")
    output_option(parser)
    parser.set_defaults(digits=None)  # 30, and 10 in the limit
    parser.epilog = (
        "examples: flrdt capacity relu --level 1RSB\n"
        "          flrdt capacity --level 3 --digits 50 --json\n"
        "          flrdt capacity --depth 4 --level 2p --notion strong\n"
        "          flrdt capacity --widths 7.7,7.6 --level 1\n"
        "          flrdt capacity --depth 3 --level 2p --certified"
    )


def run(options: argparse.Namespace) -> int:
    from flrdt.derive.core.symbols import is_limit

    options.gate = the_gate(options)
    if is_limit(options.level):
        return _limit(options)
    options.digits = options.digits or "30"
    result = _deep(options) if _is_deep(options) else _single(options)
    shown = result.to_json()
    emit(shown if options.json else text(shown), options.output)
    if not shown.get("admissible", True):
        from ..results.chain import shortfall

        print(
            "flrdt: hidden architecture not admissible: " + "; ".join(map(shortfall, shown["short_layers"])),
            file=sys.stderr,
        )
        return 1
    return 0


def _is_deep(options: argparse.Namespace) -> bool:
    return options.widths is not None or options.first_level is not None or options.depth not in (None, "1")


def _single(options: argparse.Namespace):
    from ..results.capacity import capacity
    from ..results.chain import Requirement

    required = Requirement.parse(options.notion, options.budget)
    return capacity(
        options.level,
        options.digits,
        gate=options.gate,
        radius=options.radius,
        budget=required.of(1, 1),
        backend=options.backend,
        certified=options.certified,
        report=progress(),
    )


def _deep(options: argparse.Namespace):
    from ..results.chain import InputError, deep_capacity, deep_gate

    if options.backend != "arb":
        raise InputError(f"backend {options.backend!r} for a deep network: use arb")
    widths = () if options.widths is None else options.widths.split(",")
    return deep_capacity(
        options.level,
        options.digits,
        gate=deep_gate(options.gate, options.radius),
        depth=options.depth,
        widths=widths,
        notion=options.notion,
        budget=options.budget,
        first_level=options.first_level,
        certified=options.certified,
        report=progress(),
    )


def _limit(options: argparse.Namespace) -> int:
    from ..arithmetic.decimals import InputError
    from ..limits.limits import limit
    from ..limits.store import Store, cache_folder
    from .limit import text as limit_text

    if options.gate != "relu" or options.backend != "arb":
        raise InputError("level inf is offered for the relu gate with the arb backend")
    if _is_deep(options) or options.notion != "weak":
        raise InputError("level inf is offered for one layer: leave out --depth, --widths, --first-level and --notion")
    found = limit(options.digits or 10, budget=options.budget or 1, store=Store(cache_folder()), report=progress())
    shown = found.to_json()
    emit(shown if options.json else limit_text(shown), options.output)
    return 0


def text(shown: dict) -> str:
    """A readable page of one capacity."""
    lines = [
        f"alpha      = {shown['alpha']}",
        f"error      < {shown['alpha_error']} ({shown['error_kind']})",
        f"level      = {shown['level']}, gate {shown['gate']}, budget {shown['budget']}",
        *_chain(shown),
        f"status     = {shown['status']}",
        *(f"{name:<10} = {value}" for name, value in shown["parameters"].items()),
        f"residual   = {shown['residual']}",
    ]
    return "\n".join(lines)


def _chain(shown: dict) -> list[str]:
    """The lines that only a deep network has."""
    if "chain" not in shown:
        return []
    lines = [
        f"depth      = {shown['depth']}, notion {shown['notion']}",
        *(
            f"alpha_{i:<4} = {a}   expansion {e}"
            for i, (a, e) in enumerate(zip(shown["chain"], shown["expansions"], strict=True), start=1)
        ),
    ]
    if shown["unlifted_layers"]:
        layers = ", ".join(map(str, shown["unlifted_layers"]))
        lines.append(
            f"note       = lifting no longer helps at layer {layers}: its best y is 0, the value is the plain one"
        )
    return lines
