"""Figure: empirical probability of injectivity at finite size against the predicted thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from .decimals import InputError
from .finite import FiniteResult

__all__ = ["draw"]

LEVELS = ("1", "2p", "2")


def figure_format(path: str) -> str:
    """The format that a file name asks for; raises ``InputError`` for others, or without matplotlib."""
    if Path(path).suffix not in (".png", ".svg", ".pdf"):
        raise InputError(f"figure {path}: use a name that ends in .png, .svg or .pdf")
    if find_spec("matplotlib") is None:
        raise InputError("figures need matplotlib: pip install 'flrdt[plot]'")
    return Path(path).suffix[1:]


def draw(results: Sequence[FiniteResult], path: str, report: Callable[[str], None] = lambda _: None) -> None:
    """Draw the intervals over m/n with the capacities of levels 1, 2p and 2, and write the figure whole or not at all.

    Raises ``InputError`` as :func:`figure_format`.
    """
    kind = figure_format(path)
    from matplotlib.figure import Figure

    from .capacities import capacity
    from .commands.common import write_atomically

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    ratios = [r.m / r.n for r in results]
    middle = [(r.injective + r.undecided / 2) / r.trials for r in results]
    errors = [[p - r.low for p, r in zip(middle, results, strict=True)],
              [r.high - p for p, r in zip(middle, results, strict=True)]]
    axes.errorbar(ratios, middle, yerr=errors, marker="o", capsize=3, label=f"n = {results[0].n}, exact trials")
    for level, style in zip(LEVELS, (":", "-.", "--"), strict=True):
        alpha = float(capacity(level, 10, report=report).alpha)
        axes.axvline(alpha, color="black", linestyle=style, linewidth=1, label=f"level {level}: {alpha:.4f}")
    axes.set(xlabel="m / n", ylabel="probability of injectivity", ylim=(-0.03, 1.03))
    axes.legend()
    picture = BytesIO()
    figure.savefig(picture, format=kind)
    write_atomically(path, picture.getvalue())
