r"""The limit r -> infinity as a continuous problem: the Parisi flow at zero temperature.

With :math:`s = 1 - p` the tower becomes the backward flow
:math:`\partial_s f = \tfrac12 (f'' + y(s) f'^2)`, :math:`f|_{s=0} = -M_\chi`.  With :math:`\Lambda(s) = \chi + \int_0^s y`
the sphere contributes :math:`\int_0^{s_{max}} ds/(2\Lambda(s)) + p_{min}/(2\Lambda(s_{max}))` to the objective, and the count
:math:`\alpha\, \mathbb E f(s_{max}, \sqrt{p_{min}} u)`; it is stationary in y(.), chi and p_min.

Here y is a smooth function, :math:`y = e^{Y(z)}/\sqrt s` with a polynomial Y in :math:`z = s^{1/4}`, and the flow is integrated
with equal steps in log s: on a step y is replaced by its mean, for which the flow is a Gaussian convolution of
:math:`e^{y f}`.  The error has even powers of the number of steps only, so that a few numbers of steps give many digits.
f changes shape near two points, where the envelope begins and where it ends, on the scale :math:`\sqrt s`.  There
the grid lies, as fine as that scale; between its two windows f is the flow of the quadratic envelope,
:math:`-x^2/(2\Lambda) - \tfrac12 \int_0^s ds/\Lambda`, and outside it is constant.
Source: arXiv 2302.14112 (zero-temperature full replica symmetry breaking of the same problem).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from sympy import Symbol

from flrdt.derive import Gate
from flrdt.derive.blocks.field_averages import envelope_average, h
from flrdt.derive.blocks.outputs import Piece

from ..quadrature.field_tower import compiled_average, float_innermost

__all__ = ["FIRST", "FlowPoint", "Profile", "evaluate_flow"]

FIRST = 1e-8
"""The s up to which y is its mean, where the flow is known in closed form; what that costs is of the order FIRST**1.5."""

UNIT = 0.3  # s is at most about so large: the polynomials are Chebyshev's in z up to there
POWER = 0.25
DIGITS = 14.0  # of one evaluation: the grid resolves f, and the windows end where it is known, to so many digits
NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)  # for the means of y on steps that are short in log s


@dataclass(frozen=True)
class Profile:
    r"""The order parameter: chi, p_min and :math:`y(s) = e^{Y(z)}/\sqrt s`, Y a Chebyshev series in :math:`z = s^{1/4}`.

    >>> Profile(0.02, 0.72, np.array([0.0])).y(np.array([0.04]))
    array([5.])
    """

    chi: float
    p_min: float
    coefficients: Any

    @property
    def s_max(self) -> float:
        return 1 - self.p_min

    def basis(self, s: Any) -> Any:
        """The Chebyshev polynomials at s, one column for each coefficient."""
        z, least = (np.asarray(s) / UNIT) ** POWER, (FIRST / UNIT) ** POWER
        return chebyshev.chebvander(2 * (z - least) / (1 - least) - 1, len(self.coefficients) - 1)

    def y(self, s: Any) -> Any:
        """The overlap function at ``s = 1 - p``, for s of at least ``FIRST``."""
        return np.exp(self.basis(s) @ self.coefficients) / np.sqrt(s)

    def nodes(self, steps: int) -> Any:
        """0, ``FIRST``, and so many equal steps in log s from there to s_max."""
        found = FIRST * (self.s_max / FIRST) ** (np.arange(steps + 1) / steps)
        return np.concatenate([[0.0], found[:-1], [self.s_max]])

    def integrals(self, s: Any) -> tuple[Any, Any]:
        """The integrals of y over the steps between the nodes, and their slopes, one column for each coefficient."""
        a, b = np.sqrt(s[1:-1]), np.sqrt(s[2:])
        xi = a[:, None] + (b - a)[:, None] * (NODES + 1) / 2  # ds/sqrt(s) = 2 d(sqrt(s))
        at = np.vstack([np.full(len(NODES), s[1]), xi * xi])
        weights = np.append(2 * a[:1], b - a)[:, None] * np.vstack([WEIGHTS / 2, np.tile(WEIGHTS, (len(a), 1))])
        basis = self.basis(at)
        inside = weights * np.exp(basis @ self.coefficients)
        return inside.sum(axis=1), np.einsum("ig,igj->ij", inside, basis)


@lru_cache(maxsize=4)
def _opening(gate: Gate) -> Any:
    """The innermost average, compiled."""
    chi = Symbol("chi", positive=True)
    pieces = [Piece(p.lower, p.upper, p.value(chi)) for p in gate.pieces(chi, h)]
    return compiled_average(envelope_average(pieces), chi, "float64")


@dataclass(frozen=True)
class _Segment:
    """A stretch of the grid: points low to high in a window, or where f is known (``window`` None)."""

    window: int | None
    low: int
    high: int
    kind: str


@dataclass(frozen=True)
class _Step:
    """What the backward pass needs of one step into one window."""

    segments: list[_Segment]
    weights: Any  # exp(y f) up to a factor
    sums: Any  # their convolution
    slope_d: Any
    slope_y: Any
    ratio: int
    kernel: Any


class _Flow:
    """f from the innermost step to p_min, with its mean T and the slopes of T, for y constant on the steps.

    The slopes are those of the same discrete operations: in Lambda and l at every node (where f between the windows is known
    through them), in the lengths d and the lifting parameters y of the steps, in chi and in p_min.
    """

    def __init__(self, gate: Gate, chi: float, s: Any, y: Any) -> None:
        self.d, self.y, self.p_min, n = np.diff(s), y, 1 - float(s[-1]), len(y)
        self.Lambda = chi + np.concatenate([[0.0], np.cumsum(self.d * y)])
        self.logs = np.log(self.Lambda[1:] / self.Lambda[:-1])
        self.ell = np.concatenate([[0.0], np.cumsum(self.logs / y)])  # the integral of 1/Lambda
        self.decay = DIGITS * math.log(10)
        reach = np.sqrt(2 * self.decay * s)
        drop = 2 * self.Lambda * (1 - self.ell / 2)
        if not np.all(drop > 0):
            raise ArithmeticError("the flow has left its range: too small an overlap function")
        self.ends = np.sqrt(drop)  # where the two known functions meet
        self._choose_steps(s)
        self.windows = [[(0, 0)]]
        for width, w, end in zip(self.step[1:], reach[1:], self.ends[1:], strict=True):
            left, right = ((math.floor((x - w) / width), math.ceil((x + w) / width)) for x in (0.0, end))
            apart = left[1] < right[0] - 1 and (len(self.windows) == 1 or len(self.windows[-1]) == 2)
            self.windows.append([left, right] if apart else [(left[0], right[1])])
        self.first, f = [], []
        for low, high in self.windows[1]:
            at = self.step[1] * np.arange(low, high + 1)
            value, *slopes = float_innermost(_opening(gate), chi, float(self.d[0]), float(y[0]), at)
            f.append(value)
            self.first.append(slopes)
        self.tape: list[list[_Step]] = []
        for j in range(1, n):
            f = self._forward(j, f)
        half = math.ceil(math.sqrt(2 * self.decay * self.p_min) / self.step[n])
        self.kernel, slope = _kernel(self.step[n], half, self.p_min)
        self.last = self._segments(n, -half, half)
        whole = np.concatenate([self._values(n, f, part) for part in self.last])
        self.T, self.T_p = float(self.kernel @ whole), float(slope @ whole)

    def _choose_steps(self, s: Any) -> None:
        """Of the grid at every node: doubled from node to node wherever f and the next kernels allow it."""
        widths = np.minimum.accumulate(np.append(self.d[1:], self.p_min)[::-1])[::-1]
        wanted = np.minimum(2 * math.pi * np.sqrt(s[1:]), math.pi * np.sqrt(2 * widths * self.decay)) / self.decay
        doublings = np.maximum.accumulate(np.floor(np.log2(wanted / wanted[0]) + 1e-9).clip(0))
        self.step = np.concatenate([[0.0], wanted[0] * 2**doublings])

    def _segments(self, j: int, low: int, high: int) -> list[_Segment]:
        """The points of the grid at node j from low to high, window by window."""
        windows, end = self.windows[j], max(high, self.windows[j][-1][1]) + 1
        parts = [_Segment(None, min(low, windows[0][0]) - 1, windows[0][0] - 1, "left")]
        for i, (a, b) in enumerate(windows):
            if i:
                parts.append(_Segment(None, windows[0][1] + 1, a - 1, "between"))
            parts.append(_Segment(i, a, b, "window"))
        parts.append(_Segment(None, windows[-1][1] + 1, end, "right"))
        cut = [_Segment(p.window, max(p.low, low), min(p.high, high), p.kind) for p in parts]
        return [p for p in cut if p.low <= p.high]

    def _values(self, j: int, f: Sequence[Any], part: _Segment) -> Any:
        if part.window is not None:
            start = self.windows[j][part.window][0]
            return f[part.window][part.low - start : part.high - start + 1]
        if part.kind != "between":
            return np.full(part.high - part.low + 1, 0.0 if part.kind == "left" else -1.0)
        x = self.step[j] * np.arange(part.low, part.high + 1)
        return -x * x / (2 * self.Lambda[j]) - self.ell[j] / 2

    def _forward(self, j: int, f: Sequence[Any]) -> list[Any]:
        width, d, y = self.step[j], self.d[j], float(self.y[j])
        ratio = round(self.step[j + 1] / width)
        tilt = y * d * self.ends[j] / self.Lambda[j]  # how far the slope of f moves the kernel
        half = math.ceil((math.sqrt(2 * d * self.decay) + tilt) / width)
        kernel, slope = _kernel(width, half, d)
        found, steps = [], []
        for low, high in self.windows[j + 1]:
            parts = self._segments(j, low * ratio - half, high * ratio + half)
            level = 0.0 if parts[0].kind == "left" else -1.0  # exp(y f) would underflow elsewhere
            values = np.concatenate([self._values(j, f, part) for part in parts]) - level
            weights = np.exp(y * values)
            sums, by_d, by_y = (
                np.convolve(k, w, "valid")[::ratio]
                for k, w in ((kernel, weights), (slope, weights), (kernel, weights * values))
            )
            out = np.log(sums) / y
            steps.append(_Step(parts, weights, sums, by_d / sums / y, (by_y / sums - out) / y, ratio, kernel))
            found.append(out + level)
        self.tape.append(steps)
        return found

    def slopes(self) -> dict[str, Any]:
        """The slopes of T: ``Lambda``, ``l`` by node, ``d``, ``y`` by step, ``chi`` and ``p`` as numbers."""
        n = len(self.y)
        found: dict[str, Any] = {"Lambda": np.zeros(n + 1), "l": np.zeros(n + 1), "d": np.zeros(n), "y": np.zeros(n)}
        density = self._scattered(n, [(self.last, self.kernel)], found)
        for j in range(n - 1, 0, -1):
            back = []
            for m, step in zip(density, self.tape[j - 1], strict=True):
                found["d"][j] += m @ step.slope_d
                found["y"][j] += m @ step.slope_y
                share = np.zeros((len(m) - 1) * step.ratio + 1)
                share[:: step.ratio] = m / step.sums
                back.append((step.segments, step.weights * np.convolve(step.kernel, share)))
            density = self._scattered(j, back, found)
        totals = [sum(m @ slope[i] for m, slope in zip(density, self.first, strict=True)) for i in range(3)]
        found["d"][0], found["y"][0] = totals[1:]
        return found | {"chi": totals[0], "p": self.T_p}

    def _scattered(self, j: int, back: list, found: dict[str, Any]) -> list[Any]:
        """The tilted density in the windows at node j; elsewhere it meets constants, or Lambda and l."""
        density = [np.zeros(b - a + 1) for a, b in self.windows[j]]
        for parts, mass in back:
            at = 0
            for part in parts:
                here = mass[at : (at := at + part.high - part.low + 1)]
                if part.window is not None:
                    start = self.windows[j][part.window][0]
                    density[part.window][part.low - start : part.high - start + 1] += here
                elif part.kind == "between":
                    x = self.step[j] * np.arange(part.low, part.high + 1)
                    found["Lambda"][j] += here @ (x * x) / (2 * self.Lambda[j] ** 2)
                    found["l"][j] -= here.sum() / 2
        return density


def _kernel(width: float, half: int, variance: float) -> tuple[Any, Any]:
    """The trapezoidal weights of a normal law, and their slope in its variance."""
    squares = (width * np.arange(-half, half + 1)) ** 2
    weights = width / math.sqrt(2 * math.pi * variance) * np.exp(-squares / (2 * variance))
    return weights, weights * (squares / variance - 1) / (2 * variance)


@dataclass(frozen=True)
class FlowPoint:
    """Capacity of a profile at a number of steps, its logarithmic gradient in (log chi, logit p_min, coefficients), and by
    steps: their inner ends s, and the means of ``E_m f'^2`` and of the dual overlap q (in the scaling of the energy form).
    """

    alpha: float
    gradient: Any
    s: Any
    slope_squared: Any
    dual_overlap: Any


def evaluate_flow(gate: Gate, theta: Any, budget: float, steps: int) -> FlowPoint:
    """``alpha = (sphere + budget)/(-T)`` of the profile ``theta = (log chi, logit p_min, coefficients...)``.

    Raises ``ArithmeticError`` outside the domain.
    """
    profile = Profile(math.exp(theta[0]), 1 / (1 + math.exp(-theta[1])), np.asarray(theta[2:]))
    chi, p_min, s = profile.chi, profile.p_min, profile.nodes(steps)
    (integrals, table), d = profile.integrals(s), np.diff(s)
    y = integrals / d
    flow = _Flow(gate, chi, s, y)
    L, last = flow.Lambda, flow.Lambda[-1]
    sphere = float((flow.logs / (2 * y)).sum() + p_min / (2 * last))
    alpha = (sphere + budget) / -flow.T
    slopes = flow.slopes()

    # slopes of the sphere (A) and of the count (T) in Lambda at the nodes and in y, d and p at fixed Lambda
    A_L, A_y = np.zeros(len(s)), -flow.logs / (2 * y * y)
    A_L[1:] += 1 / (2 * y * L[1:])
    A_L[:-1] -= 1 / (2 * y * L[:-1])
    A_L[-1] -= p_min / (2 * last**2)
    beyond = np.cumsum(slopes["l"][::-1])[::-1][1:]  # a step enters l at every node beyond it
    T_L, T_y = slopes["Lambda"].copy(), slopes["y"] - beyond * flow.logs / (y * y)
    T_L[1:] += beyond / (y * L[1:])
    T_L[:-1] -= beyond / (y * L[:-1])

    # Lambda is chi plus the integrals of y
    A_after, T_after = (np.cumsum(g[::-1])[::-1][1:] for g in (A_L, T_L))
    A_mean, T_mean = A_y / d + A_after, T_y / d + T_after  # in the integral of y over a step, at fixed d
    total = (A_mean + alpha * T_mean) / (alpha * -flow.T)
    scale = 1 / (alpha * -flow.T)
    by_chi = chi * scale * (A_L.sum() + alpha * (T_L.sum() + slopes["chi"]))
    # p_min moves the outer nodes
    dp = p_min * (1 - p_min)
    moved = np.concatenate([[0.0], s[1:] * np.arange(steps + 1) / steps * (-dp / profile.s_max)])
    gained = np.concatenate([[0.0], profile.y(s[1:])]) * moved
    by_d = alpha * slopes["d"] * scale - (A_y + alpha * T_y) * scale * y / d  # at fixed integrals of y
    by_p = total @ np.diff(gained) + by_d @ np.diff(moved) + dp * scale * (1 / (2 * last) + alpha * slopes["p"])
    gradient = np.concatenate([[by_chi, by_p], table.T @ total])
    return FlowPoint(alpha, gradient, s[:-1], 2 * T_mean, -2 * A_mean)
