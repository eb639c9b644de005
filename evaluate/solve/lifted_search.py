r"""From the levels below and the network with a layer less to the next level: a start, then damped Newton.

Every family of a level (the shares ``1 - p_k/p_1`` and ``1 - q_k/q_1`` of each layer, and the y_k) is a function of the
place of k between its ends; its logarithm is interpolated in the place.  One level more changes these functions, and the
other parameters, in much the same way in every layer and at every depth.  So a start is the level below, changed as the
network with a layer less changes from that level to the next, at last as one layer does, whose minima are found by
descent.  From two layers on it is good to a few per cent.  A full
step of Newton is taken where the next one, with the same Jacobian, is half as long (the natural monotonicity test:
P. Deuflhard, Newton
Methods for Nonlinear Problems, 2004, section 3.1); elsewhere the step is that of Levenberg and Marquardt within a radius
of trust, which shortens it along the directions that the equations hardly determine.  The Jacobian, of one-sided
differences on a coarse grid, learns from every step (Broyden).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy

from flrdt.derive import Level, relu_network

from ..quadrature.two_fields import FieldRangeError
from ..systems.deep import Coordinates, layout
from ..systems.system import CapacityGoal
from .deep_closed import plain_point
from .descent import Minimum, descend
from .point import ConvergenceError
from .starts import SEEDED, lowest, predict, system_of

__all__ = ["Pattern", "next_level", "one_layer_patterns", "search"]

ROUGH = 6.0  # digits of the grids of a Jacobian
STEPS = 80
TRUST = 0.3  # first radius in which the equations count as linear, in logarithmic coordinates
NARROWEST = 1e-5  # radius at which the search is given up
GOOD, POOR = 0.75, 0.25  # shares of the expected gain at which the radius grows and shrinks
REACHED = 1e-7  # step at which the point is found: Newton finishes it on finer grids


@dataclass(frozen=True)
class Pattern:
    """Logarithms of what the levels of a network have in common: families of shares, and single parameters by layer.

    ``p``, ``q`` and ``y`` are families with a member per lifting parameter, none at the plain level; ``mu`` is without what
    lifting adds.  One layer has no hidden one to take ``mu``, ``norm`` and ``q`` from: its own dual overlaps stand for
    these q, and the first two do not change from level to level.
    """

    p: Sequence[Any]
    q: Sequence[Any]
    y: Any
    chi: Sequence[float]
    mu: Sequence[float]
    norm: Sequence[float]
    dual: Sequence[float]
    alpha: float

    @classmethod
    def of(cls, depth: int, r: int, u: Any) -> Pattern:
        """That of a point of a full level, from its coordinates."""
        at = Coordinates(layout(depth, r))
        lay, v = at.layout, at.values(u)
        p = [numpy.log(1 - v[lay.p[0]]), *(numpy.log(1 - v[f[1:]] / v[f[0]]) for f in lay.p[1:])]
        q = [numpy.log(1 - v[f[1:]] / v[f[0]]) for f in lay.q]
        dual = [u[f[0]] for f in lay.q]
        if depth == 1:
            own = _sphere_duals(v[lay.chi[0]], v[lay.p[0]], v[lay.y])
            q, dual = [numpy.log(1 - own[1:] / own[0])], [math.log(own[0])]
        mu, norm = (list(u[lay.mu]), [u[f[0]] for f in lay.p[1:]]) if depth > 1 else ([0.0], [0.0])
        return cls(p, q, numpy.log(v[lay.y]), u[lay.chi], mu, norm, dual, u[lay.alpha])

    @classmethod
    def plain(cls, widths: Sequence[float], budget: float) -> Pattern:
        """That of the plain level."""
        alpha, input_, *rest = plain_point(widths, budget)
        hidden = [rest[i : i + 4] for i in range(0, len(rest), 4)]
        none = numpy.zeros(0)
        if not hidden:
            return cls([none], [none], none, [input_], [0.0], [0.0], [-2 * input_], alpha)
        mu, norm, dual, chi = (list(column) for column in zip(*hidden, strict=True))
        count = len(hidden)
        return cls([none] * (count + 1), [none] * count, none, [input_, *chi], mu, norm, dual, alpha)

    def coordinates(self) -> Any:
        """The coordinates of the point; raises ``FieldRangeError`` where overlaps or lifting parameters are out of order."""
        lay, hidden = layout(len(self.p), len(self.y) + 1), len(self.p) - 1
        u = numpy.zeros(lay.size)
        shares = (*self.p, *self.q[:hidden])
        for places, share in zip([lay.p[0], *(f[1:] for f in (*lay.p[1:], *lay.q))], shares, strict=True):
            u[places] = numpy.log(numpy.diff([0.0, *numpy.exp(share)]))
        u[lay.chi], u[lay.alpha], u[lay.mu] = self.chi, self.alpha, self.mu[:hidden]
        u[[f[0] for f in (*lay.p[1:], *lay.q)]] = [*self.norm[:hidden], *self.dual[:hidden]]
        u[lay.y] = [*(self.y[:-1] - self.y[1:]), self.y[-1]]
        if not (numpy.isfinite(u).all() and (u[lay.y[:-1]] > 0).all()):
            raise FieldRangeError("the levels below do not extend to the next one")
        return u


def _sphere_duals(chi: float, p: Any, y: Any) -> Any:
    """The dual overlaps of one layer, from ``q_r = p_r/L_r^2`` and ``q_(k-1) - q_k = (p_(k-1) - p_k)/(L_(k-1) L_k)``."""
    gaps = -numpy.diff([1.0, *p])
    growth = chi + numpy.cumsum([0.0, *(y * gaps)])
    parts = [*(gaps / (growth[:-1] * growth[1:])), p[-1] / growth[-1] ** 2]
    return numpy.cumsum(parts[::-1])[::-1]


def _resampled(values: Any, count: int) -> Any:
    """The family with another number of members, by the polynomial through them (Lagrange); zero if it had none.

    >>> _resampled([1.0, 3.0], 3).tolist(), _resampled([2.0], 2).tolist(), _resampled([], 1).tolist()
    ([1.0, 2.0, 3.0], [2.0, 2.0], [0.0])
    """
    places = numpy.linspace(0, 1, len(values))
    found = numpy.zeros(count)
    for i, value in enumerate(values):
        others = numpy.delete(places, i)
        found += value * numpy.array(
            [numpy.prod((t - others) / (places[i] - others)) for t in numpy.linspace(0, 1, count)]
        )
    return found


def next_level(own: Sequence[Pattern], like: Sequence[Pattern]) -> Any:
    """Coordinates one level above the last of ``own``, whose difference from a network ``like`` it goes on as it was.

    That network has as many layers or one fewer, and one level more is known of it; what it lacks of a kind is taken to be
    as the last one that it has.  The difference is that of the last level, extrapolated from the last two above the second.
    Raises ``FieldRangeError`` where the overlaps get out of order.
    """
    count = len(like[-1].y)
    weights = (2.0, -1.0) if len(own) > 1 and len(own[-2].y) > 1 else (1.0,)
    pairs = list(zip(weights, own[::-1], like[-2::-1], strict=False))

    def families(kind: str, index: int) -> Any:
        found = _resampled(_at(like[-1], kind, index), count)
        for weight, here, there in pairs:
            found = found + weight * (
                _resampled(_at(here, kind, index), count) - _resampled(_at(there, kind, index), count)
            )
        return found

    def single(kind: str, index: int) -> float:
        parts = (weight * (_at(here, kind, index) - _at(there, kind, index)) for weight, here, there in pairs)
        return _at(like[-1], kind, index) + sum(parts)

    def layers(kind: str, change: Callable) -> list[Any]:
        return [change(kind, i) for i in range(len(getattr(own[-1], kind)))]

    shares = {kind: layers(kind, families) for kind in ("p", "q")}
    singles = {kind: layers(kind, single) for kind in ("chi", "mu", "norm", "dual")}
    return Pattern(**shares, **singles, y=families("y", 0), alpha=single("alpha", 0)).coordinates()


def _at(pattern: Pattern, kind: str, layer: int) -> Any:
    """What a pattern has of a kind in a layer, or in its last one."""
    found = getattr(pattern, kind)
    return found if kind in ("y", "alpha") else found[min(layer, len(found) - 1)]


def one_layer_patterns(budget: float, r: int) -> dict[int, Pattern]:
    """Those of one layer at levels 1 to r, from minima in double precision."""
    network = relu_network()
    goal, found = CapacityGoal(Fraction(budget)), {1: Pattern.plain([], budget)}
    x: list[float] = []
    for level in range(2, r + 1):
        if level <= SEEDED:
            best: Minimum | None = lowest(network, Level(level), goal)
        else:
            best = descend(system_of(network, Level(level)), goal, predict(x, level))
        if best is None:
            raise ConvergenceError(f"no start converged at level {level} of one layer")
        x = best.x
        values = [float(v) for v in system_of(network, Level(level)).values(x)]
        found[level] = Pattern.of(1, level, Coordinates(layout(1, level)).unknowns([*values, best.value]))
    return found


def _jacobian(system: Any, u: Any) -> Any:
    """Of the equations, by one-sided differences on a coarse grid: enough for steps, not for errors."""
    return system.using(ROUGH).differences(system.residual, u)


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
    raise ConvergenceError("the start did not lead to a point")


def _inside(system: Any, u: Any) -> Any:
    """The residual at a point, ``None`` outside the domain."""
    try:
        residual = system.residual(u)
    except FieldRangeError:
        return None
    return residual if numpy.isfinite(residual).all() else None
