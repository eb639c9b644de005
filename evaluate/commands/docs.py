"""``flrdt docs``."""

from __future__ import annotations

import argparse
import sys

from .common import finish_progress, notation_option, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("outdir", metavar="OUTDIR", help="folder to write, new or empty")
    parser.add_argument("--level", default="2", metavar="R", help="1, 2p, 2, 3, ... (default 2)")
    parser.add_argument("--gate", default="relu", metavar="NAME", help="gate (default relu)")
    parser.add_argument("--digits", default="30", metavar="D", help="digits asked for (default 30)")
    notation_option(parser)
    parser.add_argument("--no-figures", action="store_true", help="leave the figures out (they need matplotlib)")
    parser.epilog = "example: flrdt docs report --level 3 --digits 30"


def run(options: argparse.Namespace) -> int:
    from pathlib import Path

    from flrdt.evaluate.reporting.reports import build, check_folder, store, unproved

    folder = Path(options.outdir)
    check_folder(folder)  # before any work
    files = build(
        options.level,
        options.digits,
        gate=options.gate,
        convention=options.notation,
        figures=not options.no_figures,
        report=progress(),
    )
    store(files, folder)
    finish_progress()
    for name in sorted(files):
        print(folder / name)
    if weak := unproved(files):
        print(f"flrdt: not every derivation of this report is proved: {', '.join(weak)}", file=sys.stderr)
        return 1
    return 0
