"""Figure: width and expansion against depth, weak and strong, at several levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..tables import deep_networks

__all__ = ["draw"]

DIGITS = 8
MARKS = {"weak": "o-", "strong": "s--"}


def draw(figure: Any, levels: Sequence[str], depths: Sequence[int], report: Callable[[str], None]) -> None:
    """Draw minimal chains into a matplotlib figure: alpha_l on the left, alpha_l/alpha_(l-1) on the right."""
    rows = deep_networks(levels, depths, DIGITS, report).objects
    panels = figure.subplots(1, 2)
    labels = {"alpha": r"$\alpha_l$", "expansion": r"$\alpha_l/\alpha_{l-1}$"}
    for axes, (key, label) in zip(panels, labels.items(), strict=True):
        for level in levels:
            for notion, mark in MARKS.items():
                chosen = [r for r in rows if (r["level"], r["notion"]) == (level, notion)]
                if key == "expansion":  # the first one is alpha_1 itself and would flatten the rest
                    chosen = [r for r in chosen if r["depth"] > 1]
                values = [float(r[key]) for r in chosen]
                axes.plot([r["depth"] for r in chosen], values, mark, label=f"{notion}, level {level}")
        axes.set_xlabel("depth l")
        axes.set_ylabel(label)
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].legend()
