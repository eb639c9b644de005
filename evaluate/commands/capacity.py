"""``flrdt capacity``."""

from __future__ import annotations

import argparse
import sys

from .common import emit, level_options, output_option, problem_options, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    level_options(parser)
    problem_options(parser)
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
    parser.add_argument(
        "--both-sides",
        action="store_true",
        help="one layer: an interval whose two ends are theorems, with what proves each",
    )
    output_option(parser)
    parser.set_defaults(digits=None)  # 30, and 10 in the limit
    parser.epilog = (
        "examples: flrdt capacity --level 3 --digits 50 --json\n"
        "          flrdt capacity --depth 4 --level 2p --notion strong\n"
        "          flrdt capacity --widths 7.7,7.6 --level 1\n"
        "          flrdt capacity --depth 3 --level 2p --certified\n"
        "          flrdt capacity --both-sides --gate relu-bias:1/2"
    )


def run(options: argparse.Namespace) -> int:
    if options.problem is not None:
        from .family import capacity

        return capacity(options)
    if options.both_sides:
        return _both_sides(options)
    if options.level == "inf":
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


def _both_sides(options: argparse.Namespace) -> int:
    from ..arithmetic.decimals import InputError
    from ..proofs.bracket import bracket
    from ..results.chain import Requirement

    if _is_deep(options) or options.backend != "arb":
        raise InputError(
            "--both-sides is offered for one layer with the arb backend: leave out --depth, --widths, --first-level"
        )
    required = Requirement.parse(options.notion, options.budget)
    found = bracket(
        options.digits or 30, gate=options.gate, radius=options.radius, budget=required.of(1, 1), report=progress()
    )
    shown = found.to_json()
    emit(shown if options.json else both_sides_text(shown), options.output)
    return 0


def both_sides_text(shown: dict) -> str:
    """A readable page of a bracket."""
    low, high = shown["interval"]
    lines = [f"capacity in [{low}, {high}], gate {shown['lower']['gate']}, budget {shown['lower']['budget']}"]
    for side in ("lower", "upper"):
        end = shown[side]
        lines += [
            f"{side} end  = {end['alpha']}, error < {end['alpha_error']} ({end['error_kind']})",
            f"proof      = {end['proved_by']}",
            *(f"{name:<10} = {value}" for name, value in end["parameters"].items()),
        ]
    return "\n".join(lines)


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
