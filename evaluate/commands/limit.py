"""``flrdt limit``."""

from __future__ import annotations

import argparse

from .common import columns, emit, output_option, place, problem_options, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--digits", default="10", metavar="D", help="decimal places asked for, at most 14 (default 10)")
    problem_options(parser, order=False)
    parser.add_argument("--max-level", default=None, metavar="R", help="highest level to solve (default 60)")
    parser.add_argument("--budget", default="1", metavar="B", help="required active outputs per input (default 1)")
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
    parser.epilog = "example: flrdt limit --digits 10 --checkpoint levels.json --json"


def run(options: argparse.Namespace) -> int:
    if options.problem is not None:
        from .family import limit as family_limit

        return family_limit(options)
    from pathlib import Path

    from ..arithmetic.decimals import InputError
    from ..limits.limits import certified_bound, limit
    from ..limits.store import Store, cache_folder

    if options.resume and options.checkpoint is None:
        raise InputError("--resume needs --checkpoint FILE, the file that an earlier run wrote")
    found = limit(
        options.digits,
        max_level=options.max_level,
        budget=options.budget,
        second_route=not options.one_route,
        store=Store(None if options.no_cache else cache_folder()),
        checkpoint=None if options.checkpoint is None else Path(options.checkpoint),
        resume=options.resume,
        report=progress(),
    )
    shown = found.to_json()
    if options.certified:
        level, bound = certified_bound(found, progress())
        shown["certified_upper_bound"] = {"level": str(level), "alpha": bound}
    emit(shown if options.json else text(shown, columns(options.output)), options.output)
    return 0


def text(shown: dict, width: int) -> str:
    """A readable page of the limit, opening with what was computed."""
    from ..output.pages import entry, parameter_lines, sentence

    levels = f"levels {shown['levels'][0]['level']} to {shown['levels'][-1]['level']}"
    lines = [
        *sentence(
            "Injectivity capacity of one layer in the limit of the levels (full replica symmetry breaking), extrapolated: "
            "the ratio alpha = outputs/inputs from which a large random layer is injective.",
            width,
        ),
        *entry("alpha", shown["alpha"], width),
        *entry("error", f"{shown['alpha_error']} ({shown['error_kind']})", width, sign="<"),
        *entry("status", f"{shown['status']} from {levels}", width),
    ]
    for name, m in shown["acceleration"]["methods"].items():
        lines += entry(name, f"{m['alpha']} (order {m['order']}, spread {m['spread']})", width)
    if "parisi_flow" in shown:
        flow = shown["parisi_flow"]
        lines += entry("flow", f"{flow['alpha']} (second route, error {flow['alpha_error']})", width)
    if "certified_upper_bound" in shown:
        bound = shown["certified_upper_bound"]
        lines += entry("proved", f"{bound['alpha']} (certificate of level {bound['level']})", width, sign="<")
    lines += parameter_lines(shown["parameters"], width)
    lines += entry("exponent", f"{shown['exponent']['value']} ({shown['exponent']['statement']})", width)
    lines += [f"y({row['p']:<6}) = {row['y']}" for row in shown.get("overlap", [])]
    return "\n".join(lines)
