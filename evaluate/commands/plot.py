"""``flrdt plot``."""

from __future__ import annotations

import argparse
from typing import Any

from .common import finish_progress, problem_options, progress

KINDS = {
    "expansion": "width and expansion of minimal chains against depth",
    "overlap": "overlap functions y(p) of levels 3, 6, 12 and of the limit",
    "convergence": "distance of the levels from their limit, and the acceleration's error estimates",
    "energy": "ground-state energy of one layer against alpha",
    "capacity": "capacity of one layer against the level",
    "steps": "overlap function p(y) of each level of one layer, a step function",
}
LEVELS = {"expansion": "1,2p", "energy": "1,2p,2,3", "capacity": "1,2p,2,3", "steps": "2,3,4"}
#: Which kinds an option belongs to, and what it is there when it is not given.
BELONGS = {
    "levels": ("expansion, energy, capacity, steps", None),
    "depths": ("expansion", "1..6"),
    "gate": ("energy, capacity, steps", "relu"),
    "digits": ("overlap, convergence", "7"),
}
ONE_LAYER = {"energy": "energy", "capacity": "capacity", "steps": "overlap"}  # of the kinds that reports have


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=tuple(KINDS), help="; ".join(f"{k}: {v}" for k, v in KINDS.items()))
    parser.add_argument("--output", required=True, metavar="FILE", help="file to write: .png, .svg or .pdf")
    defaults = "; ".join(f"{levels} for {kind}" for kind, levels in LEVELS.items())
    parser.add_argument("--levels", metavar="LIST", help=f"levels, comma-separated (default {defaults})")
    parser.add_argument("--depths", metavar="LIST", help="expansion: depths (default 1..6)")
    parser.add_argument("--gate", metavar="GATE", help="energy, capacity, steps: gate (default relu)")
    parser.add_argument("--digits", metavar="D", help="overlap, convergence: decimal places (default 7)")
    problem_options(parser, order=False)
    parser.epilog = (
        "examples: flrdt plot expansion --output expansion.svg\n"
        "          flrdt plot capacity --levels 1,2p,2,3,4,5 --output capacity.pdf\n"
        "          flrdt plot capacity --problem sk --levels 1,2,3 --output sk.svg"
    )


def run(options: argparse.Namespace) -> int:
    from ..output.figures import check_figure, new_figure, save_figure

    _settle(options)
    check_figure(options.output)  # before any work: a file that cannot be written is reported at once
    levels = (LEVELS.get(options.kind, "") if options.levels is None else options.levels).split(",")
    if options.problem is not None:
        from .family import plot

        figure = plot(options, levels)
    elif options.kind in ONE_LAYER:
        figure = _one_layer(options, levels)
    else:
        figure = new_figure(options.output, 9, 3.6)
        if options.kind == "expansion":
            _expansion(figure, options, levels)
        else:
            _limit(figure, options)
    finish_progress()
    save_figure(figure, options.output)
    return 0


def _settle(options: argparse.Namespace) -> None:
    """Fill in what was not given; raises ``InputError`` for an option that the figure does not have."""
    from ..arithmetic.decimals import InputError

    for name, (kinds, default) in BELONGS.items():
        if getattr(options, name) is None:
            setattr(options, name, default)
        elif options.kind not in kinds.split(", "):
            raise InputError(f"--{name} belongs to the figures {kinds}: leave it out for {options.kind}")


def _one_layer(options: argparse.Namespace, levels: list[str]) -> Any:
    from ..output.curves import KINDS as CURVES

    _, draw = CURVES[ONE_LAYER[options.kind]]
    return draw(levels, options.gate, progress())


def _expansion(figure: Any, options: argparse.Namespace, levels: list[str]) -> None:
    from ..output.expansion_plot import draw
    from ..output.tables import parse_depths

    draw(figure, levels, parse_depths(options.depths), progress())


def _limit(figure: Any, options: argparse.Namespace) -> None:
    from ..limits.limits import limit
    from ..limits.store import Store, cache_folder
    from ..output.limit_plots import draw_convergence, draw_overlap

    overlap = options.kind == "overlap"
    found = limit(options.digits, second_route=overlap, store=Store(cache_folder()), report=progress())
    (draw_overlap if overlap else draw_convergence)(figure, found)
