"""Figures of the limit: overlap functions of levels and limit, and the convergence of the levels."""

from __future__ import annotations

from typing import Any

from mpmath import mpf

from ..limits.acceleration import accelerate
from ..limits.limits import SHORTEST, Limit

__all__ = ["draw_convergence", "draw_overlap"]

SHOWN = (3, 6, 12)


def draw_overlap(figure: Any, found: Limit) -> None:
    """Step functions y_k of some levels with the limit's y(p): against p, and against 1 - p on logarithmic axes."""
    import numpy

    linear, logarithmic = figure.subplots(1, 2)
    for solved in found.levels:
        if solved.level not in SHOWN:
            continue
        z = [float(v) for v in solved.parameters()]
        n = len(z) // 2
        missing, y = 1 - numpy.array(z[1 : n + 1]), numpy.array(z[n + 1 :])
        # y_k holds for p_k < p < p_{k-1}; the innermost step reaches p = 1
        edges = numpy.concatenate([[missing[0] / 10], missing])
        linear.stairs(
            y[::-1], 1 - numpy.concatenate([[0.0], missing])[::-1], baseline=None, label=f"level {solved.level}"
        )
        logarithmic.stairs(y, edges, baseline=None, label=f"level {solved.level}")
    if found.flow is not None:
        s = numpy.geomspace(1e-5, found.flow.profile.s_max, 300)
        linear.plot(1 - s, found.flow.profile.y(s), "k-", label="limit")
        logarithmic.plot(s, found.flow.profile.y(s), "k-", label="limit")
    linear.set(xlabel="p", ylabel="y(p)", ylim=(0, 12))
    logarithmic.set(xlabel="1 - p", ylabel="y(p)", xscale="log", yscale="log")
    linear.legend()


def draw_convergence(figure: Any, found: Limit) -> None:
    """Distance of the levels from the limit with the fitted power, and what the acceleration knew after each level."""
    distance, known = figure.subplots(1, 2)
    levels = [s.level for s in found.levels]
    gaps = [float(s.alpha - found.alpha.value) for s in found.levels]
    power = float(found.acceleration.exponent)
    distance.loglog(levels, gaps, "o", label=r"$\alpha_r - \alpha$")
    distance.loglog(levels, [gaps[-1] * (r / levels[-1]) ** -power for r in levels], "k--", label=f"power {power:.3g}")
    distance.set(xlabel="level r")
    distance.legend()
    values = {s.level: s.alpha for s in found.levels}
    lasts = [r for r in levels if r >= SHORTEST]
    shorter = [accelerate({r: a for r, a in values.items() if r <= last}) for last in lasts]
    known.semilogy(lasts, [float(a.error) for a in shorter], "o-", label="error estimate")
    # the last one is the reference itself
    moved = [max(float(abs(a.value - found.alpha.value)), float(mpf(10) ** -16)) for a in shorter[:-1]]
    known.semilogy(lasts[:-1], moved, "s", label="distance from the final value")
    known.set(xlabel="last level used")
    known.legend()
