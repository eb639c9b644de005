r"""From two levels to the next: overlaps and lifting parameters extrapolated, then damped Newton.

Every family of a level (the shares ``1 - p_k/p_1`` and ``1 - q_k/q_1`` of each layer, and the y_k) is a function of the
place of k between its ends; its logarithm, and those of the other parameters, are interpolated in the place and
extrapolated in the logarithm of the level.  A start of this kind is good to some ten per cent.  A full step of Newton is
taken where the next one, with the same Jacobian, is half as long (the natural monotonicity test: P. Deuflhard, Newton
Methods for Nonlinear Problems, 2004, section 3.1); elsewhere the step is that of Levenberg and Marquardt within a radius
of trust, which shortens it along the directions that the equations hardly determine.  The Jacobian, of one-sided
differences on a coarse grid, learns from every step (Broyden).
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
TRUST = 0.3  # first radius in which the equations count as linear, in logarithmic coordinates
NARROWEST = 1e-5  # radius at which the search is given up
GOOD, POOR = 0.75, 0.25  # shares of the expected gain at which the radius grows and shrinks
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


def _within(radius: float, decomposed: tuple, residual: Any) -> Any:
    """The step of Levenberg and Marquardt whose length is the radius, or Newton's if that is shorter."""
    left, sizes, right = decomposed
    parts = -(left.T @ residual)
    low, high = 0.0, 1.0

    def step(damping: float) -> Any:
        return right.T @ (parts * sizes / (sizes**2 + damping))

    if numpy.linalg.norm(step(0.0)) <= radius:
        return step(0.0)
    while numpy.linalg.norm(step(high)) > radius:
        low, high = high, 10 * high
    while numpy.linalg.norm(step(high)) < 0.9 * radius:  # the length falls with the damping
        middle = math.sqrt(low * high) if low else high / 100
        low, high = (low, middle) if numpy.linalg.norm(step(middle)) <= radius else (middle, high)
    return step(high)


def search(system: Any, u: Any, report: Any) -> Any:
    """The solution that Newton reaches from a rough start; raises ``ConvergenceError`` if it gets stuck."""
    residual, radius = _inside(system, u), TRUST
    if residual is None:
        raise ConvergenceError("the start lies outside the domain of the level")
    jacobian = _jacobian(system, u)
    fresh, scale = True, numpy.linalg.norm(jacobian, axis=1)
    for _ in range(STEPS):
        if not (numpy.isfinite(jacobian).all() and numpy.isfinite(residual).all() and radius > NARROWEST):
            break
        newton, whole = -numpy.linalg.solve(jacobian, residual), False
        size = float(numpy.abs(newton).max())
        if size < REACHED:
            return u + newton
        if size < TRUST:
            after = _inside(system, u + newton)
            following = math.inf if after is None else numpy.linalg.norm(numpy.linalg.solve(jacobian, after))
            whole = bool(following < numpy.linalg.norm(newton) / 2)
            step = newton
        if not whole:
            step = _within(radius, numpy.linalg.svd(jacobian / scale[:, None]), residual / scale)
            after = _inside(system, u + step)
        if after is None:
            radius = float(numpy.linalg.norm(step)) / 3
            continue
        length = float(numpy.linalg.norm(step))
        before, now, wanted = (
            float(numpy.linalg.norm(v / scale)) ** 2 for v in (residual, after, residual + jacobian @ step)
        )
        gain = 1.0 if whole else (before - now) / (before - wanted)
        jacobian = jacobian + numpy.outer(after - residual - jacobian @ step, step) / (step @ step)
        if gain > 1e-3:
            u, residual = u + step, after
            report(f"level {system.r}, depth {system.layout.depth}: Newton, alpha = {math.exp(u[-1]):.10g}")
        if gain > GOOD:
            radius = max(radius, 2 * length)
        elif gain < POOR:
            radius = length / 3
        if gain >= POOR or fresh:
            fresh = False
        else:
            jacobian, fresh = _jacobian(system, u), True
            scale = numpy.linalg.norm(jacobian, axis=1)
    raise ConvergenceError("the extrapolated start did not lead to a point")


def _inside(system: Any, u: Any) -> Any:
    """The residual at a point, ``None`` outside the domain."""
    try:
        residual = system.residual(u)
    except FieldRangeError:
        return None
    return residual if numpy.isfinite(residual).all() else None
