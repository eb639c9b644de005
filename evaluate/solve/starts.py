"""Starting points in float64: minimise at a level, continue from level to level.

P_r is minimised at the wanted stationary point (theory, 3b), so a quasi-Newton descent in unconstrained coordinates
finds it: chi = exp(t), p_k = p_{k-1} * logistic(t), y_k = y_{k+1} + exp(t) keep the order of the parameters.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy
from scipy.optimize import minimize

from flrdt.derive import Level, Network

from ..systems.one_layer import EnergyForm
from .continuation import WIDEST, coordinates, minimise, predict

__all__ = ["capacity_goal", "energy_goal", "float_minimum", "merged_minimum", "nearby_minimum"]

DESCENT = 3
"""Levels up to here start from a quasi-Newton descent; the higher ones continue the pattern of this one."""

ROUGH = 1e-10
"""Newton decrement at which a level in between is good enough to predict the next."""

MERGED = 1e-6
"""Relative difference of two float64 values at which one may be the limit of the other."""

NEARBY = 0.5
"""How far, in logarithmic coordinates, the minimum reached from a neighbour's solution may lie from it."""


def capacity_goal(budget):
    """The level-r capacity is the minimum over z of ``(A + budget)/(-B)``, because P_r is linear in alpha."""

    def value(A, B):
        return (A + budget) / (-B)

    def gradient(A, B, dA, dB):
        alpha = value(A, B)
        return [(a + alpha * b) / (-B) for a, b in zip(dA, dB, strict=True)]

    return value, gradient


def energy_goal(alpha):
    """Minus the ground-state energy is the minimum over z of ``A + alpha B``."""

    def value(A, B):
        return A + alpha * B

    def gradient(A, B, dA, dB):
        return [a + alpha * b for a, b in zip(dA, dB, strict=True)]

    return value, gradient


def decode(t: numpy.ndarray, overlaps: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Parameters (chi, p, y) from unconstrained coordinates, with the Jacobian dz/dt."""
    n = len(t)
    z, jacobian = numpy.empty(n), numpy.zeros((n, n))
    z[0] = jacobian[0, 0] = numpy.exp(t[0])
    p, row = 1.0, numpy.zeros(n)
    for i in range(1, 1 + overlaps):
        s = 1 / (1 + numpy.exp(-t[i]))
        row = row * s
        row[i] += p * s * (1 - s)
        p = p * s
        z[i], jacobian[i] = p, row
    y, row = 0.0, numpy.zeros(n)
    for i in range(n - 1, overlaps, -1):
        step = numpy.exp(t[i])
        row = row.copy()
        row[i] += step
        y += step
        z[i], jacobian[i] = y, row
    return z, jacobian


def encode(z: Sequence[float], overlaps: int) -> numpy.ndarray:
    """Inverse of :func:`decode`."""
    t = numpy.empty(len(z))
    t[0] = numpy.log(z[0])
    before = 1.0
    for i in range(1, 1 + overlaps):
        ratio = z[i] / before
        t[i] = numpy.log(ratio / (1 - ratio))
        before = z[i]
    after = 0.0
    for i in range(len(z) - 1, overlaps, -1):
        t[i] = numpy.log(z[i] - after)
        after = z[i]
    return t


def descend(form: EnergyForm, goal, z: Sequence[float], digits: int = 15) -> tuple[float, numpy.ndarray]:
    """Quasi-Newton descent from z; returns the value and the parameters."""
    value, gradient = goal
    overlaps = 0 if form.closed else form.level.r - 1
    first = _value(form, value, [float(v) for v in z])
    scale = max(1.0, abs(first)) if numpy.isfinite(first) else 1.0  # capacities grow fast with a threshold

    def target(t):
        z, jacobian = decode(t, overlaps)
        if not numpy.all(numpy.isfinite(z)) or not 1e-9 < z[0] < 1e9 or _merged(form, z):
            return numpy.inf, numpy.zeros_like(t)
        grid = form.grid([float(v) for v in z], digits)
        if grid is not None and grid.widest > WIDEST:  # all but merged with a lower level
            return numpy.inf, numpy.zeros_like(t)
        terms = form.terms(list(z), grid, gradient=True)
        slope = numpy.array([float(g) for g in gradient(terms.A, terms.B, terms.dA, terms.dB)])
        return float(value(terms.A, terms.B)) / scale, slope @ jacobian / scale

    with warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = minimize(target, encode(z, overlaps), jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 2000})
    return float(found.fun) * scale, decode(found.x, overlaps)[0]


def _merged(form: EnergyForm, z: numpy.ndarray) -> bool:
    """Too close to a lower level for double precision: such points are not the level's own solution."""
    _, p, y = form.split(list(z))
    gaps = [a - b for a, b in zip([1.0, *p], [*p, 0.0], strict=True)] if p else []
    return any(g < 1e-9 for g in gaps) or any(not 1e-3 < v < 600 for v in y)


def float_minimum(network: Network, level: Level, goal, report: Callable[[str], None] = lambda _: None):
    """Minimise in float64 at a level, continuing through the lower ones; returns (value, parameters)."""
    best: Any = None
    for r in range(1, min(level.r, DESCENT) + 1):
        current = Level(r, level.partial and r == 2)
        form = EnergyForm(network, current, "float64")
        candidates = _seeds(form, best, goal)
        solved = [descend(form, goal, z) for z in candidates]
        solved = [s for s in solved if numpy.isfinite(s[0])]
        if not solved:
            raise ArithmeticError(f"no start converged at level {current}")
        best = min(solved, key=lambda s: s[0])
        report(f"level {current}: float64 minimum {best[0]:.9f}")
    return best if form.closed else _continued(network, level, goal, coordinates(best[1]), report)


def nearby_minimum(network: Network, level: Level, goal, z: Sequence[float]) -> list[float] | None:
    """The parameters that Newton reaches from a neighbouring solution at a full level.

    ``None`` if it fails or ends so far away that it may have left the branch of the neighbour.
    """
    with numpy.errstate(all="ignore"):
        start = coordinates(z)
    try:
        found = minimise(EnergyForm(network, level, "float64"), start, goal)
    except (ArithmeticError, numpy.linalg.LinAlgError):
        return None
    return found.parameters() if numpy.abs(found.u - start).max() < NEARBY else None


def _continued(network: Network, level: Level, goal, u, report: Callable[[str], None]) -> tuple[float, list[float]]:
    """Newton from a good start, through a few levels in between; each predicts the next."""
    r = min(level.r, DESCENT)
    while True:
        last = r == level.r
        found = minimise(EnergyForm(network, Level(r), "float64"), u, goal, *(() if last else (ROUGH,)))
        report(f"level {r}: float64 minimum {found.value:.12f}")
        if last:
            return found.value, found.parameters()
        r = min(level.r, r + 1 + r // 4)
        u = predict(found.u, r)


def merged_minimum(network: Network, goal) -> numpy.ndarray | None:
    """The level-2p parameters ``(chi, y_2)`` if every float64 descent at level 2 ends there, with ``p_2 -> 0``."""
    low = float_minimum(network, Level(1), goal)
    value, parameters = float_minimum(network, Level(2, partial=True), goal)
    form = EnergyForm(network, Level(2), "float64")
    ends = [descend(form, goal, z) for z in _seeds(form, low, goal)]
    ends = [(v, z) for v, z in ends if numpy.isfinite(v)]
    same = ends and all(abs(v - value) < MERGED * max(1.0, abs(value)) and z[1] < 0.05 for v, z in ends)
    return parameters if same else None


def _seeds(form: EnergyForm, lower, goal) -> list[list[float]]:
    """Starting points at a level from the solution one level below."""
    r = form.level.r
    value, _ = goal
    if r == 1:
        widths = [float(b - a) for a, b in form.network.gate.components if (b - a).is_finite]
        lowest = min([1e-3, *(w * w / 100 for w in widths)])  # a narrow component is all used up at its width squared
        scan = list(numpy.geomspace(max(lowest, 1e-9), 1e4, 29))
        return [[min(scan, key=lambda c: _value(form, value, [c]))]]
    chi = float(lower[1][0])
    if form.level.partial:
        return [[chi * a, y] for a, y in ((0.5, 0.5), (0.9, 0.1), (0.3, 2.0))]
    if r == 2:
        return [[chi * a, p, y] for a, p, y in ((0.1, 0.8, 3.0), (0.4, 0.6, 1.0), (0.05, 0.9, 5.0), (0.7, 0.3, 0.5))]
    return [_interpolated(lower[1], r)]


def _value(form: EnergyForm, value, z: list[float]) -> float:
    grid = form.grid(z, 15)
    if grid is not None and grid.widest > WIDEST:
        return float("inf")
    with numpy.errstate(all="ignore"):
        terms = form.terms(z, grid)
        found = float(value(terms.A, terms.B))
    return found if numpy.isfinite(found) else float("inf")


def _interpolated(z: numpy.ndarray, r: int) -> list[float]:
    """Level r from level r-1: log(1-p) and log y, as functions of the relative level index, resampled."""
    chi, p, y = z[0], z[1 : r - 1], z[r - 1 :]
    old = (numpy.arange(len(p)) + 0.5) / len(p)
    new = (numpy.arange(r - 1) + 0.5) / (r - 1)

    def resample(values):
        if len(values) == 1:
            return values[0] + 0.8 * (0.5 - new) * 2
        inside = numpy.interp(new, old, values)
        low, high = new < old[0], new > old[-1]
        inside[low] = values[0] + (new[low] - old[0]) * (values[1] - values[0]) / (old[1] - old[0])
        inside[high] = values[-1] + (new[high] - old[-1]) * (values[-1] - values[-2]) / (old[-1] - old[-2])
        return inside

    gaps = resample(numpy.log1p(-p)) if len(p) > 1 else numpy.log1p(-p)[0] + numpy.array([-1.5, 0.2])
    overlaps = -numpy.expm1(numpy.minimum(gaps, -0.05))
    lifting = numpy.exp(resample(numpy.log(y)))
    return [float(chi) * 0.8, *map(float, overlaps), *map(float, lifting)]
