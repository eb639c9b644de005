"""``flrdt docs``."""

from __future__ import annotations

import argparse
import sys

from ..machine.streams import put
from .common import finish_progress, notation_option, paper_option, problem_options, progress, refuse_given


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("outdir", metavar="OUTDIR", help="folder to write, new or empty")
    parser.add_argument("--level", default="2", metavar="R", help="1, 2p, 2, 3, ... (default 2)")
    deep = parser.add_mutually_exclusive_group()
    deep.add_argument("--depth", metavar="L", help="layers, each hidden one at its own capacity (default 1)")
    deep.add_argument("--widths", metavar="A1,A2,...", help="hidden widths relative to the input: capacity behind them")
    parser.add_argument("--notion", default="weak", metavar="NAME", help="weak (default) or strong, for deep networks")
    parser.add_argument("--gate", default="relu", metavar="NAME", help="gate of one layer (default relu)")
    parser.add_argument("--digits", default="30", metavar="D", help="digits asked for (default 30)")
    problem_options(parser, order=False)
    notation_option(parser)
    paper_option(parser)
    parser.add_argument("--no-figures", action="store_true", help="leave the figures out (they need matplotlib)")
    parser.epilog = (
        "examples: flrdt docs report --level 3 --digits 30\n"
        "          flrdt docs perceptron --problem perceptron:kappa=-3/2\n"
        "          flrdt docs deep --depth 3 --level 2p --notion strong"
    )


def run(options: argparse.Namespace) -> int:
    from pathlib import Path

    from ..output.report_folder import check_folder, store
    from ..output.reports import build, inadmissible, unproved
    from ..results.chain import shortfall

    if options.problem is not None:
        refuse_given(options, "to networks, not to --problem", "depth", "widths", "notion", "gate")
    check_folder(options.outdir)  # before any work
    files = build(
        options.level,
        options.digits,
        depth=options.depth,
        widths=() if options.widths is None else options.widths.split(","),
        notion=options.notion,
        gate=options.gate,
        problem=options.problem,
        convention=options.notation,
        paper=options.paper,
        figures=not options.no_figures,
        report=progress(),
    )
    folder = Path(options.outdir)
    store(files, folder)
    finish_progress()
    for name in sorted(files):
        put(str(folder / name))
    if weak := unproved(files):
        print(f"flrdt: not every derivation of this report is proved: {', '.join(weak)}", file=sys.stderr)
    if short := inadmissible(files):
        print("flrdt: hidden architecture not admissible: " + "; ".join(map(shortfall, short)), file=sys.stderr)
    return 1 if weak or short else 0
