"""``flrdt plot``."""

from __future__ import annotations

import argparse
from typing import Any

from .common import finish_progress, progress

KINDS = {
    "expansion": "width and expansion of minimal chains against depth",
    "overlap": "overlap functions y(p) of levels 3, 6, 12 and of the limit",
    "convergence": "distance of the levels from their limit, and the acceleration's error estimates",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=tuple(KINDS), help="; ".join(f"{k}: {v}" for k, v in KINDS.items()))
    parser.add_argument("--output", required=True, metavar="FILE", help="file to write: .png, .svg or .pdf")
    parser.add_argument("--levels", default="1,2p", metavar="LIST", help="expansion: levels, comma-separated (1,2p)")
    parser.add_argument("--depths", default="1..6", metavar="LIST", help="expansion: depths (default 1..6)")
    parser.add_argument("--digits", default="7", metavar="D", help="limit: decimal places (default 7)")
    parser.epilog = "example: flrdt plot expansion --output expansion.svg"


def run(options: argparse.Namespace) -> int:
    from flrdt.evaluate.reporting.figures import new_figure, save_figure

    figure = new_figure(options.output, 9, 3.6)  # before any work: a file that cannot be written is reported at once
    (_expansion if options.kind == "expansion" else _limit)(figure, options)
    save_figure(figure, options.output)
    return 0


def _expansion(figure: Any, options: argparse.Namespace) -> None:
    from flrdt.evaluate.reporting.expansion_plot import draw
    from flrdt.evaluate.tables import parse_depths

    draw(figure, options.levels.split(","), parse_depths(options.depths), progress())
    finish_progress()


def _limit(figure: Any, options: argparse.Namespace) -> None:
    from flrdt.evaluate.full_rsb.limit_plots import draw_convergence, draw_overlap
    from flrdt.evaluate.full_rsb.limits import limit
    from flrdt.evaluate.full_rsb.store import Store, cache_folder

    overlap = options.kind == "overlap"
    found = limit(options.digits, second_route=overlap, store=Store(cache_folder()), report=progress())
    finish_progress()
    (draw_overlap if overlap else draw_convergence)(figure, found)
