r"""The limit r -> infinity as a continuous problem: the Parisi flow at zero temperature.

With :math:`s = 1 - p` the tower becomes the backward flow
:math:`\partial_s f = \tfrac12 (f'' + y(s) f'^2)`, :math:`f|_{s=0} = -M_\chi`, and the tilted density runs forward,
:math:`\partial_p m = \tfrac12 m'' - (y f' m)'`, from :math:`m = N(0, p_{min})`.  With :math:`\Lambda(s) = \chi + \int_0^s y`
the sphere contributes :math:`\int_0^{s_{max}} ds/(2\Lambda(s)) + p_{min}/(2\Lambda(s_{max}))` to the objective, and the count
:math:`\alpha\, \mathbb E f(s_{max}, \sqrt{p_{min}} u)`; it is stationary in y(.), chi and p_min.  Here y is a polynomial in :math:`\xi = \sqrt{s}` over :math:`\xi`, the flows are
integrated by finite differences, and no step function appears: an independent second route to the limit.
Source: arXiv 2302.14112 (zero-temperature full replica symmetry breaking of the same problem).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from scipy.interpolate import make_interp_spline
from sympy import finite_diff_weights

__all__ = ["FlowPoint", "Forward", "Profile", "Resolution", "evaluate_flow"]

SCALE = 0.3  # xi = sqrt(s/SCALE); only a choice of units that keeps xi in [0, 1]
WINDOW = 7.5  # windows reach this many standard deviations: exp(-28) is below double precision
REACH = 4  # points on either side: central differences of order eight
_, FIRST, SECOND = (
    np.array([float(w) for w in weights[-1]][::-1])  # as convolution kernels
    for weights in finite_diff_weights(2, list(range(-REACH, REACH + 1)), 0)
)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)
# a function (x, chi, D, y) -> (f_2, df_2/dchi, df_2/dy) of the innermost level in closed form
Start = Callable[[Any, float, float, float], tuple[Any, Any, Any]]


@dataclass(frozen=True)
class Profile:
    """The order parameter: chi, p_min and ``y(s) = Y(xi)/xi`` with Y a Chebyshev series on [0, 1]."""

    chi: float
    p_min: float
    coefficients: Any

    @property
    def series(self) -> chebyshev.Chebyshev:
        return chebyshev.Chebyshev(self.coefficients, domain=[0, 1])

    @property
    def s_max(self) -> float:
        return 1 - self.p_min

    def y(self, s: Any) -> Any:
        """The overlap function at ``s = 1 - p``."""
        xi = np.sqrt(np.asarray(s) / SCALE)
        return self.series(xi) / xi

    def Lambda_of_xi(self, xi: Any) -> Any:
        # y ds = (Y/xi) 2 SCALE xi dxi
        return self.chi + 2 * SCALE * self.series.integ(lbnd=0)(xi)

    def Lambda(self, s: Any) -> Any:
        return self.Lambda_of_xi(np.sqrt(np.asarray(s) / SCALE))

    def dual_overlap(self, s: Any) -> Any:
        r"""``q(s) = p_min/Lambda_max^2 + int_s^{s_max} ds'/Lambda^2``."""
        top = math.sqrt(self.s_max / SCALE)
        xi = np.sqrt(np.asarray(s) / SCALE)[..., None]
        t = xi + (top - xi) * (NODES + 1) / 2
        integral = ((top - xi) / 2 * WEIGHTS * 2 * SCALE * t / self.Lambda_of_xi(t) ** 2).sum(axis=-1)
        return self.p_min / self.Lambda(self.s_max) ** 2 + integral


@dataclass(frozen=True)
class Resolution:
    """``first``: the s where the flow takes over from the closed form; ``points``: grid points per sqrt(s)."""

    first: float = 1e-6
    points: float = 6.0


@dataclass
class _Stage:
    """One factor of four in s: a uniform grid from ``low * step``, times and f at every half step of the density."""

    low: int
    step: float
    times: list[float] = field(default_factory=list)
    f: list[Any] = field(default_factory=list)

    @property
    def x(self) -> Any:
        return self.step * (self.low + np.arange(len(self.f[0])))


def _padded(f: Any, left: float, right: float) -> Any:
    return np.concatenate([np.full(REACH, left), f, np.full(REACH, right)])


def _slope(f: Any, step: float) -> Any:
    return np.convolve(_padded(f, 0.0, -1.0), FIRST, "valid") / step


def _runge_kutta(rhs: Callable, v: Any, dt: float, a: Any, b: Any, c: Any) -> Any:
    """One step of the classical method; a, b, c are what the right-hand side needs at start, middle and end."""
    k1 = rhs(v, a)
    k2 = rhs(v + dt / 2 * k1, b)
    k3 = rhs(v + dt / 2 * k2, b)
    return v + dt / 6 * (k1 + 2 * k2 + 2 * k3 + rhs(v + dt * k3, c))


def _backward(profile: Profile, start: Start, res: Resolution) -> tuple[list[_Stage], tuple]:
    """Solve the backward flow; the grid step doubles whenever s has grown fourfold."""
    reach, s = math.sqrt(2 * profile.chi), res.first
    step = math.sqrt(s) / res.points

    def window(until: float, step: float) -> tuple[int, int]:
        spread = WINDOW * math.sqrt(until)
        return -math.ceil(spread / step), math.ceil((reach + spread) / step)

    low, high = window(4 * s, step)
    first_y = float(profile.Lambda(s) - profile.chi) / s  # the mean of y over (0, first)
    if not first_y > 0:
        raise ArithmeticError("the overlap function must be positive")
    opening = start(step * np.arange(low, high + 1), profile.chi, s, first_y)
    f = opening[0]
    stages: list[_Stage] = []
    while True:
        until = min(4 * s, profile.s_max)
        # explicit steps: half the stability limit, because the density takes every second one
        count = 2 * max(1, math.ceil((until - s) / (0.8 * step * step)))
        dt = (until - s) / count
        times = s + dt * np.arange(count + 1)
        at, between = profile.y(times), profile.y(times[:-1] + dt / 2)

        def rhs(v: Any, y: float, step: float = step) -> Any:
            padded = _padded(v, 0.0, -1.0)
            slope = np.convolve(padded, FIRST, "valid") / step
            return 0.5 * (np.convolve(padded, SECOND, "valid") / step**2 + y * slope * slope)

        if not (np.all(at > 0) and np.all(between > 0)):
            raise ArithmeticError("the overlap function must be positive")
        stage = _Stage(low, step, list(times), [f])
        for i in range(count):
            f = _runge_kutta(rhs, f, dt, at[i], between[i], at[i + 1])
            stage.f.append(f)
        if not np.all(np.abs(f) < 2):
            raise ArithmeticError("the backward flow is unstable here")
        stages.append(stage)
        s = until
        if s >= profile.s_max:
            return stages, opening
        odd = low % 2
        f, low, step = f[odd::2], (low + odd) // 2, 2 * step
        wide_low, wide_high = window(4 * s, step)
        wide_low, wide_high = min(low, wide_low), max(low + len(f) - 1, wide_high)
        f = np.concatenate([np.zeros(low - wide_low), f, np.full(wide_high - low - len(f) + 1, -1.0)])
        low = wide_low


@dataclass(frozen=True)
class Forward:
    """Along s: ``E_m f'^2`` and ``E_m f''^2``; and the density at the innermost grid."""

    s: Any
    slope_squared: Any
    curvature_squared: Any
    density: Any
    step: float


def _forward(profile: Profile, stages: list[_Stage]) -> Forward:
    """Solve the density's equation from p_min to 1 on the stored backward solution."""
    x, m = stages[-1].x, _normal(stages[-1].x, profile.p_min)
    s_values, first, second = [], [], []

    def record(stage: _Stage, i: int, slope: Any) -> None:
        curvature = np.convolve(_padded(stage.f[i], 0.0, -1.0), SECOND, "valid") / stage.step**2
        s_values.append(stage.times[i])
        first.append(stage.step * np.sum(m * slope**2))
        second.append(stage.step * np.sum(m * curvature**2))

    for stage in reversed(stages):
        if stage is not stages[-1]:
            m = make_interp_spline(x, m, k=7)(stage.x)
        x, step = stage.x, stage.step

        def rhs(v: Any, drift: Any, step: float = step) -> Any:
            # beyond the window the flow is free diffusion; what the edge does wrong meets f' = 0
            spread = np.convolve(np.pad(v, REACH, mode="edge"), SECOND, "valid") / step**2
            return 0.5 * spread - np.convolve(_padded(drift * v, 0.0, 0.0), FIRST, "valid") / step

        slopes = [_slope(f, step) for f in stage.f]
        y = profile.y(np.array(stage.times))
        for i in range(len(stage.f) - 1, 0, -2):
            if i < len(stage.f) - 1 or stage is stages[-1]:
                record(stage, i, slopes[i])
            drifts = [y[j] * slopes[j] for j in (i, i - 1, i - 2)]
            m = _runge_kutta(rhs, m, stage.times[i] - stage.times[i - 2], *drifts)
        record(stage, 0, slopes[0])
    flip = slice(None, None, -1)
    return Forward(np.array(s_values)[flip], np.array(first)[flip], np.array(second)[flip], m, stages[0].step)


def _normal(x: Any, variance: float) -> Any:
    return np.exp(-x * x / (2 * variance)) / math.sqrt(2 * math.pi * variance)


@dataclass(frozen=True)
class FlowPoint:
    """Capacity of a profile, its logarithmic gradient in (log chi, logit p_min, coefficients), and both flows."""

    alpha: float
    gradient: Any
    profile: Profile
    forward: Forward | None


def evaluate_flow(theta: Any, start: Start, budget: float, res: Resolution, gradient: bool = True) -> FlowPoint:
    """``alpha = (sphere + budget)/(-T)`` of the profile ``theta = (log chi, logit p_min, coefficients...)``."""
    profile = Profile(math.exp(theta[0]), 1 / (1 + math.exp(-theta[1])), np.asarray(theta[2:]))
    chi, p_min, s0 = profile.chi, profile.p_min, res.first
    stages, (_, f_chi, f_y) = _backward(profile, start, res)
    last = stages[-1]
    beyond = last.x[-1] + last.step * np.arange(1, math.ceil(12 / last.step))
    T = last.step * (np.sum(_normal(last.x, p_min) * last.f[-1]) - np.sum(_normal(beyond, p_min)))

    low, top = math.sqrt(s0 / SCALE), math.sqrt(profile.s_max / SCALE)
    # Gauss nodes in sqrt(xi): the integrands vary fastest near s = 0
    root = math.sqrt(low) + (math.sqrt(top) - math.sqrt(low)) * (NODES + 1) / 2
    xi = root**2
    weight = WEIGHTS * (math.sqrt(top) - math.sqrt(low)) / 2 * 2 * root * 2 * SCALE  # ds = 2 SCALE xi dxi
    L0, L_max = float(profile.Lambda(s0)), float(profile.Lambda(profile.s_max))
    y0 = (L0 - chi) / s0
    sphere = (
        math.log(L0 / chi) / (2 * y0)
        + float(np.sum(weight * xi / (2 * profile.Lambda_of_xi(xi))))
        + p_min / (2 * L_max)
    )
    numerator = sphere + budget
    if not gradient:
        return FlowPoint(numerator / -T, None, profile, None)

    fwd = _forward(profile, stages)
    tilted = make_interp_spline(np.log(fwd.s), fwd.slope_squared, k=5)
    s = SCALE * xi * xi
    q = profile.dual_overlap(s)
    q0, q_end = float(profile.dual_overlap(s0)), float(profile.dual_overlap(profile.s_max))
    m, h = fwd.density, fwd.step
    T_chi, T_y0 = h * np.sum(m * f_chi), h * np.sum(m * f_y)
    S_chi = -0.5 * (q0 + (1 / chi - 1 / L0) / y0)
    S_y0 = -math.log(L0 / chi) / (2 * y0 * y0) + s0 / (2 * y0 * L0) - 0.5 * q0 * s0
    y_end = float(profile.y(profile.s_max))
    found = [
        chi * (S_chi / numerator - T_chi / T),
        p_min * (1 - p_min) * 0.5 * y_end * (q_end / numerator + fwd.slope_squared[-1] / T),
    ]
    for j in range(len(theta) - 2):
        basis = chebyshev.Chebyshev.basis(j, domain=[0, 1])
        mean = 2 * SCALE * float(basis.integ(lbnd=0)(low)) / s0  # what the coefficient does to the mean on (0, s0)
        S_j = -0.5 * np.sum(weight * basis(xi) * q) + S_y0 * mean
        T_j = 0.5 * np.sum(weight * basis(xi) * tilted(np.log(s))) + T_y0 * mean
        found.append(S_j / numerator - T_j / T)
    return FlowPoint(numerator / -T, np.array(found), profile, fwd)
