r"""What the grid of a tower leaves out, proved: where the tower is analytic, how large it is there, how fast it settles.

With :math:`W_2 = \mathbb E\,e^{yf}` and :math:`W_{k+1} = K_{d_{k+1}} * W_k^{y_{k+1}/y_k}` the tower is
:math:`T_r = \frac1{y_r} K_{d_{r+1}} * \log W_r` at 0.  The bounds hold for every *complex* argument in a polydisc around a
real centre, where tower and sum are analytic: by Cauchy what is left out of the slopes and curvatures follows.

* On the real line and at the centre :math:`W_k \in [e^{-y_k}, 1]`, and :math:`e^{-y}` plus a mixture of indicators of sets.
  Hence on the line of height b, with :math:`\eta = b/\sqrt{d_k}`, :math:`|W_k| \le e^{\eta^2/2}` and
  :math:`\mathrm{Re}\,W_k \ge e^{-y_k} - n(1 - e^{-y_k})\,e^{\eta^2/2} \eta\,(\varphi(a) - a H(a))`, :math:`a = \pi/(2\eta)`: the cosine of
  :math:`\int_S K(x + ib - t)\,dt = e^{\eta^2/2} \int \varphi(s) \cos(\eta s)\,ds` is negative beyond :math:`\pi/(2\eta)` only,
  on one side for a half-line (n = 1, monotone W), on two for any other set (n = 2).
* Off the centre W_k has moved by no more than the derivatives of its kernel, of y and of the moving ends allow.
* A function that is analytic in a strip of half-width a has the trapezoidal error :math:`2N/(e^{2\pi a/h} - 1)`; what the
  windows and the ends of the kernels cut off falls like a normal distribution.

The proofs are written out in docs/certificates.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flint import arb, ctx

from .grid import Grid
from .one_field import TowerValue

__all__ = ["Front", "ProvedGrid", "QuadratureError", "TowerBound", "bound_tower", "enclosed", "proved_strips"]

BITS = 80  # of the bounds themselves, for lifting parameters of order one
SMALL = 7  # binary digits by which the disc is smaller than the tower's least exponential
SHARE = 0.3  # of the least value of W that the planned strip keeps
HEIGHTS = 60  # trial strips a unit


class QuadratureError(ArithmeticError):
    """The error of the quadrature could not be bounded."""


@dataclass(frozen=True)
class Front:
    """The numbers of :class:`flrdt.derive.blocks.field_towers.Fronts`: outermost ends, reach, shortest active part."""

    count: int
    first: arb
    last: arb
    reach: arb
    room: arb | None


@dataclass(frozen=True)
class TowerBound:
    """``|sum - tower| <= error`` for complex arguments within ``radii`` of the centre."""

    error: arb
    centre: tuple[arb, ...]
    radii: tuple[arb, ...]
    rho: arb

    def places(self, order: int) -> float:
        """To how many decimal places slopes (order 1) or curvatures (2) are known in the logarithms of the arguments."""
        if not self.error.is_finite():
            return -math.inf
        return -float((self.error * (2 / self.rho) ** order).log() / arb(10).log())


@dataclass(frozen=True)
class ProvedGrid:
    """A grid with the proved error of its sum."""

    grid: Grid
    bound: TowerBound

    @property
    def bits(self) -> int:
        return self.grid.bits


def _tail(x: arb) -> arb:
    return (x / arb(2).sqrt()).erfc() / 2


def _dip(eta: arb) -> arb:
    r"""The most by which one side takes :math:`\int \varphi(s) \cos(\eta s)\,ds` below 0: :math:`-\cos(\eta s) \le \eta (s - a)` beyond a."""
    a = arb.pi() / (2 * eta)
    return _tail(a).min(eta * ((-a * a / 2).exp() / (2 * arb.pi()).sqrt() - a * _tail(a)))


@dataclass(frozen=True)
class _Kernel:
    """Bounds on the normal density of complex variance within ``rho * variance`` of the variance."""

    variance: arb
    rho: arb

    @cached_property
    def squeeze(self) -> arb:
        return (1 + self.rho) / (1 - self.rho)

    @cached_property
    def least(self) -> arb:
        """Of the real part of the variance."""
        return self.variance * (1 - self.rho)

    @cached_property
    def widest(self) -> arb:
        """Of the variance of the modulus."""
        return self.variance * (1 + self.rho) ** 2 / (1 - self.rho)

    def mass(self, height: arb | int = 0) -> arb:
        """Integral of the modulus along a line parallel to the real one."""
        return self.squeeze.sqrt() * (arb(height) ** 2 / (2 * self.least)).exp()

    def drift(self, height: arb | int = 0) -> arb:
        """Integral of the modulus of its change within the disc."""
        slope = self.squeeze * (1 + arb(height) ** 2 / self.least) + 1
        return self.rho / (1 - self.rho) * slope / 2 * self.mass(height)

    def peak(self, height: arb) -> arb:
        return (height**2 / (2 * self.least)).exp() / (2 * arb.pi() * self.least).sqrt()

    def sampled(self, step: arb) -> arb:
        """Sum of the moduli of its trapezoidal weights: the integral and one weight more."""
        return self.mass() + step * self.peak(arb(0))

    def beyond(self, distance: arb) -> arb:
        """The share of that sum on both sides of a distance, but for the points at it."""
        return 2 * self.squeeze.sqrt() * _tail(distance / self.widest.sqrt())

    def chernoff(self, rate: arb) -> arb:
        """c with: the integral of the modulus beyond x is at most c exp(-rate x)."""
        return self.squeeze.sqrt() * (rate**2 * self.widest / 2).exp()


class _Tower:
    """The bounds level by level; list index 0 is level 2."""

    def __init__(self, front: Front, variances: Sequence[arb], lifting: Sequence[arb], limits: tuple, rho: arb):
        self.front, self.y, self.rho, self.limits = front, list(lifting), rho, limits
        self.kernels = [_Kernel(v, rho) for v in variances]
        self.sides = 1 if front.count == 1 else 2  # monotone, or any set
        reach = front.reach
        room = front.room is None or bool(reach * (1 + rho) < front.room / 2)
        if not (room and all(y > 2 * rho for y in self.y)):
            raise QuadratureError("the ends of the active set are closer than the envelope reaches")
        self.turn = (self.y[0] + rho) / (self.y[0] - rho)
        self.powers: list[tuple[arb, arb]] = []  # ratio of lifting parameters at the centre, and its change
        for a, b in zip(self.y, self.y[1:], strict=False):
            ratio, slack = b / a, (b + rho) / (a - rho) - b / a
            if not ratio + slack < arb("1.1"):
                raise QuadratureError("the lifting parameters do not fall from level to level")
            self.powers.append((ratio, slack))
        self.low: list[arb] = []  # least modulus on the real line
        self.change: list[arb] = []  # of the logarithm of W on the real line
        self.shift: list[arb] = []  # of W**power on the real line: at the centre it lies between 0 and 1
        for k, y in enumerate(self.y):
            moved = self.drift(k, 0)
            low = (-y).exp() - moved
            if not moved * y.exp() < arb("0.5"):
                raise QuadratureError("the disc of complex parameters is too wide for the lifting parameters")
            self.low.append(low)
            self.change.append(-(1 - moved * y.exp()).log())
            if k < len(self.powers):
                # w**q (exp(s(w)) - 1) with s(w) <= (q + slack) c moved/w + slack |log w|, for w from exp(-y) to 1
                (ratio, slack), log = self.powers[k], self.change[k]
                worst = ((ratio + slack) * log + slack * y).exp()
                from_below = (ratio + slack) * log * (-y).exp() * (y * (1 - ratio)).exp().max(arb(1))
                self.shift.append(worst * (from_below + slack / ratio))

    def drift(self, k: int, height: arb | int) -> arb:
        """How far W has moved from its value at the centre, on the line of a height."""
        kernel = self.kernels[k]
        if k > 0:
            still = (arb(height) ** 2 / (2 * kernel.variance)).exp()
            return kernel.drift(height) * (1 + self.shift[k - 1]) + still * self.shift[k - 1]
        pushed = self.front.reach * self.rho
        ends = self.front.count * self.turn * pushed * kernel.peak(height + pushed)
        return kernel.drift(height) + kernel.mass(height) * self.rho + ends

    def strip(self, k: int, eta: arb) -> tuple[arb, arb]:
        """Bounds from below on the real part, and from above on the modulus, of W for heights up to eta sqrt(d_k)."""
        edge, growth = (-self.y[k]).exp(), (eta**2 / 2).exp()
        moved = self.drift(k, eta * self.kernels[k].variance.sqrt())
        dip = self.sides * growth * _dip(eta)
        return edge - (1 - edge) * dip - moved, growth + moved

    def on_strip(self, k: int, eta: arb) -> arb | None:
        """What is integrated against the kernel of level k + 1, at most, on the strip."""
        bottom, top = self.strip(k, eta)
        if not bottom > 0:
            return None
        if k == len(self.powers):
            return (-bottom.log()).max(top.log()) + arb.pi() / 2
        ratio, slack = self.powers[k]
        return ((ratio + slack) * top.log().max(arb(0)) + slack * arb.pi() / 2).exp()

    def discretisation(self, k: int, step: arb) -> arb:
        """The trapezoidal error of the integral that defines level k + 1, with the best of the strips tried."""
        kernel, best = self.kernels[k + 1], None
        for n in range(4, 2 * HEIGHTS):
            eta = arb(n) / HEIGHTS
            size = self.on_strip(k, eta)
            if size is None:
                break
            height = eta * self.kernels[k].variance.sqrt()
            error = 2 * kernel.mass(height) * size / ((2 * arb.pi() * height / step).exp() - 1)
            if best is None or error < best:
                best = error
        if best is None:
            raise QuadratureError("no strip free of zeros around the tower")
        return best.upper()

    def outside(self, k: int, distance: arb, side: int) -> arb:
        """How far W**power (log W at the last level) is from its constant beyond a distance from the outermost end."""
        if not distance > 0:
            raise QuadratureError("a window ends before the tower has settled")
        rate = distance / sum((c.variance for c in self.kernels[: k + 1]), arb(0))
        pushed = self.front.reach * self.rho
        constant = self.front.count * self.turn * (pushed**2 / (2 * self.kernels[0].least)).exp()
        constant *= (rate * pushed / (1 - self.rho)).exp()
        for j, kernel in enumerate(self.kernels[: k + 1]):
            limit = arb(0) if self.limits[side] == 0 else self.y[j] + self.rho
            constant *= kernel.chernoff(rate) * limit.exp()
            if j < len(self.powers):
                constant *= 4 * (1 + self.shift[j])
            else:
                constant *= 4 * (self.y[j] + self.change[j] + 1)
        return (constant * (-rate * distance).exp()).upper()


def disc(lifting: Sequence[float]) -> arb:
    """A relative radius for the complex arguments, small against the least value of the tower's exponentials."""
    return arb(2) ** -math.ceil(max(lifting) * math.log2(math.e) + SMALL)


def _bits(lifting: Sequence[float]) -> int:
    return BITS + math.ceil(3 * max(lifting))


def proved_strips(front: Front, variances: Sequence[arb], lifting: Sequence[arb], limits: tuple) -> list[float]:
    """Half-widths of the strips, level by level, that a grid should be planned with; raises :class:`QuadratureError`."""
    with ctx.workprec(_bits(list(map(float, lifting)))):
        tower = _Tower(front, variances, lifting, limits, disc([float(y) for y in lifting]))
        found = []
        for k, y in enumerate(lifting):
            least = arb(SHARE) * (-y).exp()
            fitting = [n for n in range(1, 2 * HEIGHTS) if tower.strip(k, arb(n) / HEIGHTS)[0] > least]
            if not fitting:
                raise QuadratureError("no strip free of zeros around the tower")
            found.append(max(fitting) / HEIGHTS * math.sqrt(float(variances[k])))
        return found


def bound_tower(
    front: Front, own: Sequence[arb], variances: Sequence[arb], lifting: Sequence[arb], limits: tuple, grid: Grid
) -> TowerBound:
    """The proved error of :func:`flrdt.evaluate.quadrature.one_field.evaluate_tower` on a grid.

    ``limits`` are the values of f far out, 0 or -1.  Raises :class:`QuadratureError` if there is no bound; a grid that is too coarse for one
    has an infinite error.
    """
    with ctx.workprec(_bits(list(map(float, lifting)))):
        rho = disc([float(y) for y in lifting])
        tower = _Tower(front, variances, lifting, limits, rho)
        unit = arb(1) / grid.steps_per_unit
        centre = (*own, *variances, *lifting)
        radii = (*((rho * v).lower() for v in (*own, *variances)), *([rho] * len(lifting)))
        error = arb(0)  # of W on its window
        for k, level in enumerate(grid.levels):
            step, kernel = unit * level.stride, tower.kernels[k + 1]
            ends = (
                tower.outside(k, front.first - front.reach - step * level.low, 0),
                tower.outside(k, step * level.high - front.last - front.reach, 1),
            )
            share = error / tower.low[k]
            if not share < 1:
                return TowerBound(arb("inf"), centre, radii, rho)
            relative = -(-share).log1p()
            last = k == len(tower.powers)
            if last:
                inner, most = relative, tower.y[k] + tower.change[k] + rho
            else:
                ratio, slack = tower.powers[k]
                most = 1 + tower.shift[k]
                inner = most * ((ratio + slack) * relative).expm1()
            half = grid.outer_half if last else grid.levels[k + 1].half
            error = tower.discretisation(k, step) + kernel.beyond(step * half) * most
            error = (error + kernel.sampled(step) * inner.max(ends[0]).max(ends[1])).upper()
        y = lifting[-1] - rho
        return TowerBound((error / y).upper(), centre, radii, rho)


def enclosed(found: TowerValue, arguments: Sequence[arb], bound: TowerBound) -> TowerValue:
    """The tower with its derivatives at (balls of) arguments, from the sum there.

    Within half the disc a derivative of order n of an analytic function at most e is at most n! e 2^n over the radii.
    """
    half = [r / 2 for r in bound.radii]
    if not all(abs(z - c) < h for z, c, h in zip(arguments, bound.centre, half, strict=True)):
        raise QuadratureError("the box of arguments reaches beyond the disc")
    error = bound.error

    def widened(value: Any, radius: arb) -> Any:
        return value + arb(0, radius.upper())

    return TowerValue(
        widened(found.value, error),
        [widened(s, error / h) for s, h in zip(found.slopes, half, strict=False)],
        [
            [widened(c, 2 * error / (h * g)) for c, g in zip(row, half, strict=True)]
            for row, h in zip(found.curvatures, half, strict=False)
        ],
    )
