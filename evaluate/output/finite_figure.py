"""Figure: empirical probability of injectivity at finite size against the predicted thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..finite_size.probability import FiniteResult
from .figures import new_figure, save_figure

__all__ = ["draw"]

LEVELS = ("1", "2p", "2")


def draw(results: Sequence[FiniteResult], path: str, report: Callable[[str], None] = lambda _: None) -> None:
    """Draw the intervals over m/n with the capacities of levels 1, 2p and 2, and write the figure whole or not at all.

    Raises ``InputError`` as :func:`~flrdt.evaluate.reporting.figures.check_figure`.
    """
    from ..results.capacity import capacity

    figure = new_figure(path)
    axes = figure.add_subplot()
    ratios = [r.m / r.n for r in results]
    middle = [(r.injective + r.undecided / 2) / r.trials for r in results]
    errors = [
        [p - r.low for p, r in zip(middle, results, strict=True)],
        [r.high - p for p, r in zip(middle, results, strict=True)],
    ]
    axes.errorbar(ratios, middle, yerr=errors, marker="o", capsize=3, label=f"n = {results[0].n}, exact trials")
    for level, style in zip(LEVELS, (":", "-.", "--"), strict=True):
        alpha = float(capacity(level, 10, report=report).alpha)
        axes.axvline(alpha, color="black", linestyle=style, linewidth=1, label=f"level {level}: {alpha:.4f}")
    axes.set(xlabel="m / n", ylabel="probability of injectivity", ylim=(-0.03, 1.03))
    axes.legend()
    save_figure(figure, path)
