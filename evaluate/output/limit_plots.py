"""Figures of the limit: overlap functions of levels and limit, and the convergence of the levels."""

from __future__ import annotations

from typing import Any

from mpmath import mpf

from ..limits.acceleration import accelerate
from ..limits.limits import SHORTEST, Limit
from .curves import draw_overlaps
from .figures import house_style

__all__ = ["draw_convergence", "draw_overlap"]

SHOWN = (3, 6, 12)


def draw_overlap(figure: Any, found: Limit) -> None:
    """The overlap functions of some levels and that of the limit, as :func:`~flrdt.evaluate.output.curves.draw_overlaps`."""
    import numpy

    steps = {}
    for solved in found.levels:
        if solved.level in SHOWN:
            z = [float(v) for v in solved.parameters()]
            n = len(z) // 2
            steps[f"level {solved.level}"] = list(zip(z[1 : n + 1], z[n + 1 :], strict=True))
    flow = None
    if found.flow is not None:
        missing = numpy.geomspace(1e-5, found.flow.profile.s_max, 300)
        flow = missing, found.flow.profile.y(missing)
    draw_overlaps(figure, steps, flow)


@house_style()
def draw_convergence(figure: Any, found: Limit) -> None:
    """Distance of the levels from the limit with the fitted power, and what the acceleration knew after each level."""
    distance, known = figure.subplots(1, 2)
    levels = [s.level for s in found.levels]
    gaps = [float(s.alpha - found.alpha.value) for s in found.levels]
    power = float(found.acceleration.exponent)
    distance.loglog(levels, gaps, "o", label=r"$\alpha_r - \alpha$")
    distance.loglog(levels, [gaps[-1] * (r / levels[-1]) ** -power for r in levels], "k--", label=f"power {power:.3g}")
    distance.set(xlabel="level r", ylabel="distance")
    marked = [r for i, r in enumerate(levels) if i == 0 or r in (2, 3, 5, 10, 20, 50)]
    distance.set_xticks(marked, list(map(str, marked)))
    distance.set_xticks([], minor=True)
    distance.legend()
    values = {s.level: s.alpha for s in found.levels}
    lasts = [r for r in levels if r >= SHORTEST]
    shorter = [accelerate({r: a for r, a in values.items() if r <= last}) for last in lasts]
    known.semilogy(lasts, [float(a.error) for a in shorter], "o-", label="error estimate")
    # the last one is the reference itself
    moved = [max(float(abs(a.value - found.alpha.value)), float(mpf(10) ** -16)) for a in shorter[:-1]]
    known.semilogy(lasts[:-1], moved, "s", label="distance from the final value")
    known.set(xlabel="last level used", ylabel="error")
    known.xaxis.get_major_locator().set_params(integer=True)
    known.legend()
