"""Figures of finite sizes: the probability of injectivity, and the least active outputs of deep maps, with predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from ..finite_size.least_active import LeastCounts
from ..finite_size.probability import FiniteResult
from .figures import house_style, new_figure, save_figure

__all__ = ["draw", "draw_least"]

LEVELS = {"1": ":", "2p": "-.", "2": "--"}  # with the style of their line


@house_style()
def draw(results: Sequence[FiniteResult], path: str, report: Callable[[str], None] = lambda _: None) -> None:
    """Draw the intervals over m/n with the capacities of levels 1, 2p and 2, and write the figure whole or not at all.

    Raises ``InputError`` as :func:`~flrdt.evaluate.output.figures.check_figure`.
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
    for level, style in LEVELS.items():
        alpha = float(capacity(level, 10, report=report).alpha)
        axes.axvline(alpha, color="black", linestyle=style, linewidth=1, label=f"level {level}: {alpha:.4f}")
    axes.set(xlabel="m / n", ylabel="probability of injectivity", ylim=(-0.03, 1.03))
    axes.legend()
    save_figure(figure, path)


@house_style()
def draw_least(results: Sequence[LeastCounts], path: str, report: Callable[[str], None] = lambda _: None) -> None:
    """Draw the mean least count over 1/n with the energies of levels 1, 2p and 2 at the last ratios as lines.

    A straight line in 1/n through all sizes, weighted by their standard errors, is drawn to 1/n = 0; no theory says that
    the corrections are linear.  Raises ``InputError`` as :func:`~flrdt.evaluate.output.figures.check_figure` and for sizes of
    different depths.
    """
    import numpy

    from ..arithmetic.decimals import InputError
    from ..results.door import energy

    if len({len(r.sizes) for r in results}) > 1:
        raise InputError("one figure shows networks of one depth: give sizes of the same number of layers")
    n, *layers = results[-1].sizes
    hidden, alpha = [Fraction(m, n) for m in layers[:-1]], Fraction(layers[-1], n)
    figure = new_figure(path)
    axes = figure.add_subplot()
    for exact, mark in ((True, "o"), (False, "^")):
        chosen = [r for r in results if r.exact == exact]
        if chosen:
            x, y, e = zip(*((1 / r.sizes[0], r.mean, r.error) for r in chosen), strict=True)
            label = "exact" if exact else "searched: bounds from above"
            bars = e if all(map(numpy.isfinite, e)) else None
            axes.errorbar(x, y, yerr=bars, marker=mark, linestyle="", capsize=3, label=label)
    if len(results) > 1:
        inverse = numpy.array([1 / r.sizes[0] for r in results])
        means = numpy.array([r.mean for r in results])
        weights = [1 / r.error if 0 < r.error < numpy.inf else 1.0 for r in results]
        slope, limit = numpy.polyfit(inverse, means, 1, w=weights)
        ends = numpy.array([0, inverse.max()])
        axes.plot(ends, limit + slope * ends, linewidth=1, label=f"line through all sizes: {limit:.3f}")
    for level, style in LEVELS.items():
        found = float(energy(alpha, level, 6, widths=hidden, report=report).energy)
        axes.axhline(found, color="black", linestyle=style, linewidth=1, label=f"level {level}: {found:.4f}")
    ratios = ", ".join(f"{float(a):g}" for a in (*hidden, alpha))
    axes.set(xlabel="1 / n", ylabel=f"least active outputs / n, widths {ratios}", xlim=(0, None))
    axes.legend()
    save_figure(figure, path)
