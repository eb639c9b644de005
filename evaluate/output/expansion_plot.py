"""Figure: width and expansion against depth, for chains of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .figures import house_style, look
from .tables import Table, deep_networks

__all__ = ["Chain", "chains_of", "draw", "draw_chains"]

DIGITS = 8
NEAR = 1.02
"""Expansions below are about 1, and have axes of their own: beside one of 1.5 they would lie on one line."""

Layer = tuple[int, float, float]
Chain = Sequence[Layer]
"""(depth, width, expansion) of layers."""


def chains_of(table: Table, levels: Iterable[str], notions: Iterable[str]) -> dict[str, Chain]:
    """The minimal chains in a table of deep networks, by their labels."""
    layers = [(row, (row["depth"], float(row["alpha"]), float(row["expansion"]))) for row in table.objects]
    return {
        f"{notion}, level {level}": [layer for row, layer in layers if (row["level"], row["notion"]) == (level, notion)]
        for level in levels
        for notion in notions
    }


@house_style()
def draw_chains(figure: Any, chains: Mapping[str, Chain]) -> None:
    """Draw chains of layers into a matplotlib figure: alpha_l on the left, alpha_l/alpha_(l-1) on the right.

    Expansions around 1 and larger ones are drawn at scales of their own.
    """
    # the first expansion is alpha_1 itself and would flatten the rest
    ratios = {label: [(l, e) for l, _, e in chain if l > 1] for label, chain in chains.items()}
    found = [e for points in ratios.values() for _, e in points]
    large, near = (any(e > NEAR for e in found), any(e <= NEAR for e in found))
    rows = [name for name, there in (("large", large), ("near", near or not large)) if there]
    axes = figure.subplot_mosaic([["widths", name] for name in rows], height_ratios=[1, 2][-len(rows) :])
    for number, (label, chain) in enumerate(chains.items()):
        drawn = look(number)
        axes["widths"].plot([l for l, _, _ in chain], [alpha for _, alpha, _ in chain], label=label, **drawn)
        for name in rows:
            part = [(l, e) for l, e in ratios[label] if (e > NEAR) == (name == "large")]
            axes[name].plot([l for l, _ in part], [e for _, e in part], label=label, **drawn)
    for name, each in axes.items():
        each.set_ylabel(r"$\alpha_l$" if name == "widths" else r"$\alpha_l/\alpha_{l-1}$")
        each.grid(alpha=0.25)
        each.margins(y=0.1)
        each.ticklabel_format(axis="y", useOffset=False)
        depths = sorted({l for chain in chains.values() for l, _, _ in chain if name == "widths" or l > 1})
        if depths:
            each.set_xlim(depths[0] - 0.3, depths[-1] + 0.3)
        each.xaxis.get_major_locator().set_params(integer=True)
    for name in ("widths", rows[-1]):
        axes[name].set_xlabel("depth l")
    axes["widths"].legend(fontsize="small")


def draw(figure: Any, levels: Sequence[str], depths: Sequence[int], report: Callable[[str], None]) -> None:
    """Draw the minimal chains of both notions at the given depths."""
    draw_chains(figure, chains_of(deep_networks(levels, depths, DIGITS, report), levels, ("weak", "strong")))
