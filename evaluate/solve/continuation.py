r"""Minima at many levels: continuation in r, Newton in float64, then digits by chord steps in Arb.

Newton works in the coordinates :math:`\log\chi, \log d_k, \log(y_k - y_{k+1})` with :math:`d_k = p_{k-1} - p_k`, in which
all parameters keep their order.  In float64 the Hessian is the complex-step derivative of the exact gradient, free of
cancellation.  It then serves unchanged for chord steps with gradients in Arb: the value is stationary, so its error is
of second order in that of the point, and half the digits in the point are enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from scipy.interpolate import CubicSpline

from ..arithmetic.backends import backend as get_backend
from ..quadrature.grid import Grid
from ..systems.one_layer import EnergyForm

__all__ = ["Minimum", "Polished", "coordinates", "minimise", "parameter_hessian", "parameters", "polish", "predict"]

TINY = 1e-100  # complex step: its square vanishes, so the difference quotient has no truncation error
DIFFERENCE = 3e-5
FLOAT_DIGITS = 15
WIDEST = 20_000  # longest vector a float64 evaluation may need: longer ones belong to all but merged levels
STRICT = 1e-21  # Newton decrement of a float64 minimum, in units of its value if that is above one
NOISE = 1e-10  # the same where rounding prevents any further descent: near enough for the steps in Arb
NEAR = 1e-2  # step in a coordinate below which differences are not good enough for the Hessian
CHORD = 1e-4  # the Hessian is kept once the largest step in a coordinate is below this
LONGEST_STEP = 0.7  # in logarithmic coordinates: a factor of two
FINER_STRIP = 0.8
# The pattern 1 - p_k ~ Q((k-1+a)/(r-1+b)), y_k ~ Y((k-1+c)/(r-1+d)), offsets fitted at r = 16 and 24; only for starts.
PATTERN = (0.45, 0.33, 0.065, 0.44)

Goal = tuple[Callable, Callable]
"""Value and gradient of what is minimised, from (A, B) and (A, B, dA, dB): see ``starts.capacity_goal``."""


def coordinates(z: Sequence[float] | numpy.ndarray) -> numpy.ndarray:
    """``(log chi, log d_k, log(y_k - y_{k+1}))`` from ``(chi, p_2..p_r, y_2..y_r)``."""
    n = len(z) // 2
    gaps = -numpy.diff([1.0, *z[1 : n + 1]])
    rises = -numpy.diff([*z[n + 1 :], 0.0])
    return numpy.log(numpy.concatenate([[z[0]], gaps, rises]))


def parameters(u: Any, backend: Any) -> list:
    """Inverse of :func:`coordinates`, in the backend's numbers.

    >>> z = [0.0356731, 0.9766342, 0.741098, 5.353319, 2.667325]
    >>> numpy.allclose(parameters(coordinates(z), get_backend("float64")), z, rtol=1e-14)
    True
    """
    exp = backend.functions()["exp"]
    chi, *rest = [exp(v) for v in u]
    n = len(rest) // 2
    overlaps, left = [], backend.number(1)
    for gap in rest[:n]:
        left = left - gap
        overlaps.append(left)
    lifting, total = [], backend.number(0)
    for rise in reversed(rest[n:]):
        total = total + rise
        lifting.append(total)
    return [chi, *overlaps, *reversed(lifting)]


def value_and_slope(form: EnergyForm, u: Any, goal: Goal, grid: Grid | None) -> tuple[Any, list]:
    """The goal and its gradient in the coordinates u, by one forward and one backward pass."""
    b = form.backend
    z = parameters(u, b)
    terms = form.terms(z, grid, gradient=True)
    slope = goal[1](terms.A, terms.B, terms.dA, terms.dB)
    n = len(z) // 2
    exp = b.functions()["exp"]
    d_gaps, total = [], b.number(0)
    for v, d in zip(reversed(u[1 : n + 1]), reversed(slope[1 : n + 1]), strict=True):
        total = total - d  # d_k lowers every p_j with j >= k
        d_gaps.append(total * exp(v))
    d_rises, total = [], b.number(0)
    for v, d in zip(u[n + 1 :], slope[n + 1 :], strict=True):
        total = total + d  # the rise from y_{k+1} to y_k lifts every y_j with j <= k
        d_rises.append(total * exp(v))
    return goal[0](terms.A, terms.B), [slope[0] * z[0], *reversed(d_gaps), *d_rises]


def hessian(form: EnergyForm, u: numpy.ndarray, goal: Goal, grid: Grid | None) -> numpy.ndarray:
    """Hessian in float64, one complex step of the exact gradient per coordinate."""
    rows = []
    for j in range(len(u)):
        shifted = u.astype(complex)
        shifted[j] += TINY * 1j
        rows.append(numpy.imag(value_and_slope(form, shifted, goal, grid)[1]) / TINY)
    matrix = numpy.array(rows)
    return (matrix + matrix.T) / 2


def parameter_hessian(form: EnergyForm, z: Sequence, goal: Goal) -> Any:
    """Hessian in the parameters z themselves at a stationary point, as an mpmath matrix.

    Float64 accuracy holds in the logarithmic coordinates, whose scales it respects; the change to z is done in mpmath.
    ``form`` is a float64 form, ``z`` mpf.
    """
    from mpmath import matrix, mpf

    floats = [float(v) for v in z]
    inner = hessian(form, coordinates(floats), goal, form.grid(floats, FLOAT_DIGITS))
    size = len(z)
    n = size // 2
    change = matrix(size, size)  # du/dz
    change[0, 0] = 1 / z[0]
    for i in range(1, n + 1):
        gap = (z[i - 1] if i > 1 else mpf(1)) - z[i]
        change[i, i] = -1 / gap
        if i > 1:
            change[i, i - 1] = 1 / gap
        j = n + i
        rise = z[j] - (z[j + 1] if i < n else mpf(0))
        change[j, j] = 1 / rise
        if i < n:
            change[j, j + 1] = -1 / rise
    found = change.T * matrix(inner.tolist()) * change
    return (found + found.T) / 2


def rough_hessian(form: EnergyForm, u: numpy.ndarray, goal: Goal, grid: Grid | None) -> numpy.ndarray:
    """Hessian by central differences: a third of the cost, ten digits, enough for a Newton step from afar."""
    rows = []
    for j in range(len(u)):
        step = numpy.zeros(len(u))
        step[j] = DIFFERENCE
        up, down = (numpy.array(value_and_slope(form, u + s * step, goal, grid)[1], dtype=float) for s in (1, -1))
        rows.append((up - down) / (2 * DIFFERENCE))
    matrix = numpy.array(rows)
    return (matrix + matrix.T) / 2


@dataclass(frozen=True)
class Minimum:
    """A float64 minimum: coordinates, value, Hessian close to it, and the Newton decrement that is left."""

    u: numpy.ndarray
    value: float
    hessian: numpy.ndarray
    decrement: float

    def parameters(self) -> list[float]:
        """``(chi, p_2..p_r, y_2..y_r)``."""
        return [float(v) for v in parameters(self.u, get_backend("float64"))]


def minimise(form: EnergyForm, u: numpy.ndarray, goal: Goal, tolerance: float = STRICT, steps: int = 80) -> Minimum:
    """Newton with the moduli of the eigenvalues and backtracking, so that every step descends.

    ``form`` is a float64 form.  A tolerance on the decrement above ``STRICT`` is for points that only start a further
    level: the Hessian returned is then a rough one.  Raises ``ArithmeticError`` if it stalls above the tolerance on the decrement.
    """

    def evaluate(at: numpy.ndarray) -> tuple[Grid | None, float, numpy.ndarray]:
        z = [float(v) for v in parameters(at, form.backend)]
        outside = None, numpy.inf, at
        if not (numpy.all(numpy.isfinite(z)) and z[len(z) // 2] > 0):
            return outside  # the overlaps would fall below zero
        grid = form.grid(z, FLOAT_DIGITS)
        if grid is not None and grid.widest > WIDEST:
            return outside
        value, slope = value_and_slope(form, at, goal, grid)
        return grid, float(value), numpy.array(slope, dtype=float)

    move, matrix, sharp = numpy.array([numpy.inf]), None, False
    with numpy.errstate(all="ignore"):
        grid, value, slope = evaluate(u)
        if not numpy.isfinite(value):
            raise ArithmeticError(f"the start of level {form.level} is outside its domain")
        for _ in range(steps):
            if matrix is None or abs(move).max() > CHORD:
                sharp = abs(move).max() < NEAR
                matrix = (hessian if sharp else rough_hessian)(form, u, goal, grid)
                eigenvalues, vectors = numpy.linalg.eigh(matrix)
            along = vectors.T @ slope
            decrement = float((along**2 / abs(eigenvalues)).sum())
            size = max(1.0, abs(value))
            if decrement < tolerance * size and eigenvalues[0] > 0:
                if not sharp and tolerance <= STRICT:
                    matrix = hessian(form, u, goal, grid)
                return Minimum(u, value, matrix, decrement)
            move = -vectors @ (along / abs(eigenvalues))
            scale = min(1.0, LONGEST_STEP / abs(move).max())
            while True:
                trial = evaluate(u + scale * move)
                if numpy.isfinite(trial[1]) and trial[1] <= value + 1e-14 * abs(value):
                    break
                scale /= 2
                if not scale > 1e-4:
                    if decrement < NOISE * size and eigenvalues[0] > 0:
                        return Minimum(u, value, hessian(form, u, goal, grid), decrement)
                    raise ArithmeticError(f"Newton stalled at level {form.level}, decrement {decrement:.1e}")
            u = u + scale * move
            grid, value, slope = trial
    raise ArithmeticError(f"Newton did not converge at level {form.level}: decrement {decrement:.1e}")


def predict(u: numpy.ndarray, level: int) -> numpy.ndarray:
    """A start at a higher level: the pattern of log(1-p) and log y over the level index, resampled.

    ``u`` are the coordinates of a minimum at a level of at least 3.
    """
    n = len(u) // 2
    values = numpy.exp(u)
    missing = numpy.cumsum(values[1 : n + 1])
    lifting = numpy.cumsum(values[:n:-1])[::-1]
    a, b, c, d = PATTERN
    old, new = numpy.arange(1, n + 1), numpy.arange(1, level)

    def resample(y: numpy.ndarray, inner: float, outer: float) -> numpy.ndarray:
        pattern = CubicSpline(numpy.log((old + inner) / (n + outer)), numpy.log(y), bc_type="natural")
        return numpy.exp(pattern(numpy.log((new + inner) / (level - 1 + outer))))

    return coordinates([values[0], *(1 - resample(missing, a, b)), *resample(lifting, c, d)])


@dataclass(frozen=True)
class Polished:
    """A stationary point in Arb: coordinates, value, its error estimate and the Newton decrement that is left."""

    u: tuple
    value: Any
    error: float
    decrement: float


def polish(form: EnergyForm, minimum: Minimum, goal: Callable[[Any], Goal], digits: int, steps: int = 12) -> Polished:
    """Chord steps with Arb gradients and the float64 Hessian until the value is stationary to the digits.

    ``goal`` makes the goal from the backend, within the working precision.  The value is then taken on a finer grid
    with more digits; what that changes, plus rounding and the last decrement, is the error estimate.
    Raises ``ArithmeticError`` if the steps do not contract.
    """
    b = form.backend
    inverse = numpy.linalg.inv(minimum.hessian)
    start = minimum.parameters()
    grid, finer = form.grid(start, digits), form.grid(start, digits + 3, FINER_STRIP)
    assert grid is not None and finer is not None
    with b.precision(finer.bits):
        u = [b.number(float(v)) for v in minimum.u]
        for _ in range(steps):
            slope = numpy.array([float(v) for v in value_and_slope(form, u, goal(b), grid)[1]])
            move = -inverse @ slope
            decrement = float(abs(slope @ move)) / 2
            u = [(v + b.number(float(s))).mid() for v, s in zip(u, move, strict=True)]
            if decrement < 10.0 ** -(digits + 2):
                break
        else:
            raise ArithmeticError(f"chord steps did not converge at level {form.level}: decrement {decrement:.1e}")
        z = parameters(u, b)
        coarse, fine = (_value(form, z, goal(b), g) for g in (grid, finer))
        error = float(abs(coarse - fine).upper()) + float(fine.rad()) + decrement
        return Polished(tuple(u), fine.mid(), error, decrement)


def _value(form: EnergyForm, z: Sequence, goal: Goal, grid: Grid) -> Any:
    terms = form.terms(z, grid)
    return goal[0](terms.A, terms.B)
