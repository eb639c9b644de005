r"""From two levels to the next: overlaps and lifting parameters extrapolated, then damped Newton.

Every family of a level (the shares ``1 - p_k/p_1`` and ``1 - q_k/q_1`` of each layer, and the y_k) is a function of the
place of k between its ends; its logarithm, and those of the other parameters, are interpolated in the place and
extrapolated in the logarithm of the level.  A start of this kind is good to some per cent.  Newton's step is damped until
the next one, with the same Jacobian, is shorter (the natural monotonicity test: P. Deuflhard, Newton Methods for Nonlinear
Problems, 2004, section 3.1); the Jacobian, of one-sided differences on a coarse grid, is kept and learns from the steps
(Broyden) while they shrink.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy
from scipy.interpolate import BarycentricInterpolator

from ..quadrature.two_fields import FieldRangeError
from ..systems.deep import Coordinates, Layout, layout
from .point import ConvergenceError

__all__ = ["extrapolated", "search"]

ROUGH = 6.0  # digits of the grids of a Jacobian
STEPS = 80
LONGEST = 0.5  # step in a logarithmic coordinate
SHORTEST = 2e-3  # damping below which the search is given up
KEPT = 0.7  # contraction up to which a Jacobian is kept and learns
REACHED = 1e-7  # step at which the point is found: Newton finishes it on finer grids


def _families(at: Coordinates, u: Any) -> tuple[list[Any], Any]:
    """Logarithms of the families of shares and of the y_k, and of the other parameters (mu without what lifting adds)."""
    lay, v = at.layout, at.values(u)
    found = [numpy.log(1 - v[lay.p[0]])]
    found += [numpy.log(1 - v[f[1:]] / v[f[0]]) for f in (*lay.p[1:], *lay.q)]
    found.append(numpy.log(v[lay.y]))
    return found, u[_others(lay)]


def _others(lay: Layout) -> list[int]:
    """Places of the parameters of which every level has the same number."""
    return [*lay.chi, *lay.mu, *(f[0] for f in (*lay.p[1:], *lay.q)), lay.alpha]


def _assembled(lay: Layout, families: list[Any], others: Any) -> Any:
    """The coordinates that have the families and others given; raises ``FieldRangeError`` where they are out of order."""
    u = numpy.zeros(lay.size)
    u[_others(lay)] = others
    *shares, lifting = families
    for places, share in zip([lay.p[0], *(f[1:] for f in (*lay.p[1:], *lay.q))], shares, strict=True):
        u[places] = numpy.log(numpy.diff([0.0, *numpy.exp(share)]))
    u[lay.y] = [*(lifting[:-1] - lifting[1:]), lifting[-1]]
    if not (numpy.isfinite(u).all() and (u[lay.y[:-1]] > 0).all()):
        raise FieldRangeError("the levels below do not extend to the next one")
    return u


def _resampled(values: Any, count: int) -> Any:
    """The family with another number of members, by the polynomial through them."""
    places = numpy.linspace(0, 1, len(values))
    return BarycentricInterpolator(places, values)(numpy.linspace(0, 1, count))


def extrapolated(depth: int, found: dict[int, Any]) -> Iterator[Any]:
    """Starts at the level above those in ``found`` (coordinates by level), from the last two, then the last three."""
    r = max(found, default=0) + 1
    for many in (2, 3):
        levels = [r - j for j in range(1, many + 1)]
        if any(level not in found for level in levels):
            return
        ts, to = [math.log(level) for level in levels], math.log(r)
        weights = [math.prod((to - t) / (own - t) for t in ts if t != own) for own in ts]
        data = [_families(Coordinates(layout(depth, level)), found[level]) for level in levels]
        families = [
            sum(w * _resampled(f[i], r - 1) for w, (f, _) in zip(weights, data, strict=True))
            for i in range(len(data[0][0]))
        ]
        try:
            yield _assembled(layout(depth, r), families, sum(w * o for w, (_, o) in zip(weights, data, strict=True)))
        except FieldRangeError:
            continue


def _jacobian(system: Any, u: Any) -> Any:
    """Of the equations, by one-sided differences on a coarse grid: enough for steps, not for errors."""
    return system.using(ROUGH).differences(system.residual, u, one_sided=True)


def search(system: Any, u: Any, report: Any) -> Any:
    """The solution that damped Newton reaches from a rough start; raises ``ConvergenceError`` if it gets stuck."""
    jacobian, residual, fresh = _jacobian(system, u), system.residual(u), True
    for _ in range(STEPS):
        if not (numpy.isfinite(jacobian).all() and numpy.isfinite(residual).all()):
            break
        step = -numpy.linalg.solve(jacobian, residual)
        size = float(numpy.abs(step).max())
        if size < REACHED:
            return u + step
        share, taken = min(1.0, LONGEST / size), None
        while share > SHORTEST:
            try:
                after = system.residual(u + share * step)
            except FieldRangeError:
                share /= 2
                continue
            following = -numpy.linalg.solve(jacobian, after)
            contraction = float(numpy.linalg.norm(following) / numpy.linalg.norm(step))
            if contraction <= 1 - share / 4:
                taken = after
                break
            if not fresh:
                break
            bend = float(numpy.linalg.norm(following - (1 - share) * step))
            share = min(share / 2, max(share**2 * float(numpy.linalg.norm(step)) / (2 * bend), share / 10))
        if taken is None:
            if fresh:
                break
            jacobian, fresh = _jacobian(system, u), True
            continue
        moved = share * step
        u = u + moved
        report(f"level {system.r}, depth {system.layout.depth}: Newton, alpha = {math.exp(u[-1]):.10g}")
        if share < 1 or contraction > KEPT:
            jacobian, fresh = _jacobian(system, u), True
        else:
            jacobian, fresh = jacobian + numpy.outer(taken - residual - jacobian @ moved, moved) / (moved @ moved), False
        residual = taken
    raise ConvergenceError("the extrapolated start did not lead to a point")
