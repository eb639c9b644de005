"""``flrdt plot``."""

from __future__ import annotations

import argparse

from .common import finish_progress, progress

KINDS = {
    "overlap": "overlap functions y(p) of levels 3, 6, 12 and of the limit",
    "convergence": "distance of the levels from their limit, and the acceleration's error estimates",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=tuple(KINDS), help="; ".join(f"{k}: {v}" for k, v in KINDS.items()))
    parser.add_argument("--output", required=True, metavar="FILE", help="file to write: .png, .svg or .pdf")
    parser.add_argument("--digits", default="7", metavar="D", help="decimal places of the limit (default 7)")
    parser.epilog = "example: flrdt plot overlap --output overlap.svg"


def run(options: argparse.Namespace) -> int:
    from flrdt.evaluate.figures import save, wide_figure
    from flrdt.evaluate.limit_plots import draw_convergence, draw_overlap
    from flrdt.evaluate.limits import limit
    from flrdt.evaluate.store import Store, cache_folder

    figure = wide_figure(options.output)  # before any work: a file that cannot be written is reported at once
    overlap = options.kind == "overlap"
    found = limit(options.digits, second_route=overlap, store=Store(cache_folder()), report=progress())
    finish_progress()
    (draw_overlap if overlap else draw_convergence)(figure, found)
    save(figure, options.output)
    return 0
