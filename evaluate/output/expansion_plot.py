"""Figure: width and expansion against depth, for chains of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .tables import Table, deep_networks

__all__ = ["Chain", "chains_of", "draw", "draw_chains"]

DIGITS = 8
MARKS = {"weak": "o-", "strong": "s--"}


Chain = tuple[str, Sequence[tuple[int, float, float]]]
"""A matplotlib mark, and (depth, width, expansion) of layers."""


def chains_of(table: Table, levels: Iterable[str], notions: Iterable[str]) -> dict[str, Chain]:
    """The minimal chains in a table of deep networks, by their labels."""
    layers = [(row, (row["depth"], float(row["alpha"]), float(row["expansion"]))) for row in table.objects]
    return {
        f"{notion}, level {level}": (
            MARKS[notion],
            [layer for row, layer in layers if (row["level"], row["notion"]) == (level, notion)],
        )
        for level in levels
        for notion in notions
    }


def draw_chains(figure: Any, chains: Mapping[str, Chain]) -> None:
    """Draw chains of layers into a matplotlib figure: alpha_l on the left, alpha_l/alpha_(l-1) on the right."""
    widths, expansions = figure.subplots(1, 2)
    for label, (mark, layers) in chains.items():
        widths.plot([depth for depth, _, _ in layers], [alpha for _, alpha, _ in layers], mark, label=label)
        # the first expansion is alpha_1 itself and would flatten the rest
        ratios = [(depth, expansion) for depth, _, expansion in layers if depth > 1]
        expansions.plot([d for d, _ in ratios], [e for _, e in ratios], mark, label=label)
    for axes, name in ((widths, r"$\alpha_l$"), (expansions, r"$\alpha_l/\alpha_{l-1}$")):
        axes.set_xlabel("depth l")
        axes.set_ylabel(name)
        axes.xaxis.get_major_locator().set_params(integer=True)
    widths.legend()


def draw(figure: Any, levels: Sequence[str], depths: Sequence[int], report: Callable[[str], None]) -> None:
    """Draw the minimal chains of both notions at the given depths."""
    draw_chains(figure, chains_of(deep_networks(levels, depths, DIGITS, report), levels, MARKS))
