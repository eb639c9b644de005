"""``flrdt limit``."""

from __future__ import annotations

import argparse
from typing import Any

from .common import columns, emit, output_option, place, problem_options, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--digits",
        metavar="D",
        help="decimal places asked for, at most 14 (default 10; 3 behind hidden layers, at most 6)",
    )
    problem_options(parser, order=False)
    deep = parser.add_mutually_exclusive_group()
    deep.add_argument("--depth", metavar="L", help="layers, each width taken in the limit (default 1)")
    deep.add_argument("--widths", metavar="A1,A2,...", help="hidden widths relative to the input")
    parser.add_argument("--notion", default="weak", metavar="NAME", help="weak (default) or strong")
    parser.add_argument("--max-level", metavar="R", help="highest level to solve (default 60; 10 behind hidden layers)")
    parser.add_argument(
        "--budget",
        metavar="B",
        help="required active outputs per input (default 1; 2 for strong with 2 layers or more)",
    )
    parser.add_argument("--one-route", action="store_true", help="leave out the second route, the Parisi flow")
    parser.add_argument(
        "--checkpoint", metavar="FILE", type=place, help="write the solved levels to a new file after each level"
    )
    parser.add_argument("--resume", action="store_true", help="start from the levels in the checkpoint file")
    parser.add_argument(
        "--certified", action="store_true", help="also prove a bound from above, by a certificate of a finite level"
    )
    parser.add_argument("--no-cache", action="store_true", help="do not use the store of solved points")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    output_option(parser)
    parser.epilog = (
        "examples: flrdt limit --digits 10 --checkpoint levels.json --json\n"
        "          flrdt limit --depth 2 --notion strong"
    )


def run(options: argparse.Namespace) -> int:
    if options.problem is not None:
        from .family import limit as family_limit

        return family_limit(options)
    from pathlib import Path

    from ..arithmetic.decimals import InputError

    if options.resume and options.checkpoint is None:
        raise InputError("--resume needs --checkpoint FILE, the file that an earlier run wrote")
    return show_limit(
        options,
        depth=options.depth,
        widths=() if options.widths is None else options.widths.split(","),
        notion=options.notion,
        budget=options.budget,
        max_level=options.max_level,
        second_route=not options.one_route,
        checkpoint=None if options.checkpoint is None else Path(options.checkpoint),
        resume=options.resume,
        cached=not options.no_cache,
    )


def show_limit(options: argparse.Namespace, cached: bool = True, **words: Any) -> int:
    """Print the limit of the levels of the network that the words describe."""
    from ..limits.door import limit
    from ..limits.store import Store, cache_folder

    store = Store(cache_folder() if cached else None)
    shown = limit(digits=options.digits, certified=options.certified, store=store, report=progress(), **words).to_json()
    emit(shown if options.json else text(shown, columns(options.output)), options.output)
    return 0


def text(shown: dict, width: int) -> str:
    """A readable page of the limit, opening with what was computed."""
    from ..output.pages import entry, parameter_lines, sentence

    layers = "one layer" if shown["depth"] == 1 else f"the last of {shown['depth']} layers"
    levels = f"levels {shown['levels'][0]['level']} to {shown['levels'][-1]['level']}"
    lines = [
        *sentence(
            f"Injectivity capacity of {layers} in the limit of the levels (full replica symmetry breaking), extrapolated: the "
            f"ratio alpha = outputs/inputs from which every input of a large random network keeps {shown['budget']} active "
            f"output{'s' * (shown['budget'] != '1')} per input dimension"
            + (", so that it is injective." if shown["budget"] == "1" else "."),
            width,
        ),
        *entry("alpha", shown["alpha"], width),
        *entry("error", f"{shown['alpha_error']} ({shown['error_kind']})", width, sign="<"),
        *entry("status", f"{shown['status']} from {levels}", width),
    ]
    if "chain" in shown:
        lines += entry("depth", f"{shown['depth']}, notion {shown['notion']}, budget {shown['budget']}", width)
        rows = zip(shown["chain"], shown["chain_errors"], shown["expansions"], strict=True)
        for i, (alpha, error, ratio) in enumerate(rows, start=1):
            lines += entry(f"alpha_{i}", f"{alpha}   error < {error}   expansion {ratio}", width)
    for name, m in shown["acceleration"]["methods"].items():
        lines += entry(name, f"{m['alpha']} (order {m['order']}, spread {m['spread']})", width)
    for row in shown["levels"] if "chain" in shown else ():
        signs = "+{} -{}".format(*row["inertia"])
        lines += entry(f"level {row['level']}", f"{'   '.join(row['chain'])}   inertia {signs}", width)
    if shown.get("reason"):
        lines += entry("stopped", shown["reason"], width)
    if "parisi_flow" in shown:
        flow = shown["parisi_flow"]
        lines += entry("flow", f"{flow['alpha']} (second route, error {flow['alpha_error']})", width)
    if "certified_upper_bound" in shown:
        bound = shown["certified_upper_bound"]
        lines += entry("proved", f"{bound['alpha']} (certificate of level {bound['level']})", width, sign="<")
    if "exponent" in shown:
        errors, exponent = shown["parameter_errors"], shown["exponent"]
        lines += parameter_lines({n: f"{v}, error < {errors[n]}" for n, v in shown["parameters"].items()}, width)
        lines += entry("exponent", f"{exponent['value']}, error < {exponent['error']} ({exponent['statement']})", width)
    lines += [f"y({row['p']:<6}) = {row['y']}" for row in shown.get("overlap", [])]
    return "\n".join(lines)
