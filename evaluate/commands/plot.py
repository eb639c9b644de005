"""``flrdt plot``."""

from __future__ import annotations

import argparse

from .common import finish_progress, progress

KINDS = {"expansion": "width and expansion of minimal chains against depth"}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=tuple(KINDS), help="; ".join(f"{k}: {v}" for k, v in KINDS.items()))
    parser.add_argument("--output", required=True, metavar="FILE", help="file to write: .png, .svg or .pdf")
    parser.add_argument("--levels", default="1,2p", metavar="LIST", help="levels, comma-separated (default 1,2p)")
    parser.add_argument("--depths", default="1..6", metavar="LIST", help="depths (default 1..6)")
    parser.epilog = "example: flrdt plot expansion --output expansion.svg"


def run(options: argparse.Namespace) -> int:
    from flrdt.evaluate.expansion_plot import draw
    from flrdt.evaluate.figures import save, wide_figure
    from flrdt.evaluate.tables import parse_depths

    figure = wide_figure(options.output)  # before any work: a file that cannot be written is reported at once
    draw(figure, options.levels.split(","), parse_depths(options.depths), progress())
    finish_progress()
    save(figure, options.output)
    return 0
