"""Rigorous value, gradient and Hessian of the Gaussian tower, over a point or a box of parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, arb_poly, fmpq

from .jets import Jet
from .strip import integrands

__all__ = ["Plan", "ball", "make_plan", "tower_jet"]

Innermost = Callable[[arb, Jet, Jet], Jet]


def ball(value: Fraction) -> arb:
    """The ball around an exact rational at the working precision."""
    return arb(fmpq(value.numerator, value.denominator))


@dataclass(frozen=True)
class Plan:
    """A quadrature: step and points (each side) of the grid, and the free constants of the error bounds."""

    step: Fraction
    points: int
    strip: Fraction
    radius: Fraction
    rate: Fraction


def make_plan(kappa: float, y: Sequence[float], v: Sequence[float], digits: int, radius: Fraction) -> Plan:
    """Choose a grid for about ``digits`` digits. Only a choice: the bounds hold whatever is chosen."""
    edge = math.exp(-y[0])

    def bottom(strip: float) -> float:
        return edge - math.exp(strip * strip / 2) * math.erfc(math.pi / (2 * strip) / math.sqrt(2)) / 2

    strip = next(Fraction(n, 40) for n in range(80, 0, -1) if bottom(n / 40) > 0.3 * edge or n == 1)
    nats = digits * math.log(10) + 8 + y[0]
    step = Fraction(2 * math.pi * float(strip) / nats).limit_denominator(4096)
    variance = 1 + sum(v[:-1])
    reach = kappa + math.sqrt(2 * variance * (nats + y[0]))
    rate = Fraction(reach / variance).limit_denominator(64)
    return Plan(step, math.ceil(reach / float(step)), strip, radius, max(rate, Fraction(1, 64)))


def _convolve(kernel: list[arb], values: list[arb]) -> list[arb]:
    """sum_j kernel[|i - j|] values[j] for every i: one polynomial product."""
    product = arb_poly(kernel[:0:-1] + kernel) * arb_poly(values)
    return [product[i] for i in range(len(kernel) - 1, len(kernel) - 1 + len(values))]


def _kernel(step: arb, count: int, variance: arb, order: int) -> list[Jet]:
    """step times the normal density at 0, step, 2 step, ... as jets in its variance."""
    v = Jet.variable(variance, 0, 1, order)
    scale, rate = step / (2 * arb.pi() * v).sqrt(), -1 / (2 * v)
    return [scale * (rate * (step * j) ** 2).exp() for j in range(count)]


def _convolve_jets(kernel: list[Jet], jets: list[Jet], index: int) -> list[Jet]:
    """Convolution with a kernel whose variance is the variable ``index``, on which the jets do not depend."""
    n, order = len(jets[0].slope), 2 if jets[0].bend else 1
    result = [Jet.constant(arb(0), n, order) for _ in jets]
    degrees = [[k.value for k in kernel], [k.slope[0] for k in kernel]]
    if order == 2:
        degrees.append([k.bend[0][0] for k in kernel])

    def column(values: list[arb], degree: int) -> list[arb]:
        return _convolve(degrees[degree], values)

    def put_bend(i: int, j: int, values: list[arb]) -> None:
        for jet, value in zip(result, values, strict=True):
            jet.bend[max(i, j)][min(i, j)] = value

    values = [f.value for f in jets]
    for jet, value, slope in zip(result, column(values, 0), column(values, 1), strict=True):
        jet.value, jet.slope[index] = value, slope
    if order == 2:
        put_bend(index, index, column(values, 2))
    others = [i for i in range(n) if i != index]
    for position, i in enumerate(others):
        slopes = [f.slope[i] for f in jets]
        for jet, slope in zip(result, column(slopes, 0), strict=True):
            jet.slope[i] = slope
        if order == 2:
            put_bend(i, index, column(slopes, 1))
            for j in others[: position + 1]:
                put_bend(i, j, column([f.bend[i][j] for f in jets], 0))
    return result


def _placed(jet: Jet, index: int, variables: int) -> Jet:
    """A jet in one variable as one in the variable ``index`` of several."""
    result = Jet.constant(jet.value, variables, 2 if jet.bend else 1)
    result.slope[index] = jet.slope[0]
    if jet.bend:
        result.bend[index][index] = jet.bend[0][0]
    return result


def tower_jet(theta: Sequence[arb], centre: Sequence[arb], plan: Plan, innermost: Innermost, order: int = 2) -> Jet:
    """T_r with its derivatives in theta = (kappa, y_2, v_3, y_3, ..., v_r, y_r, v_{r+1}).

    ``theta`` may be a box; it must lie within half of ``plan.radius`` of the real ``centre``, where
    Cauchy's bounds turn the quadrature errors into bounds on their derivatives. ``innermost(x, kappa, y)``
    evaluates W_2 at D_2 = 1. Raises StripError if no bound can be given.
    """
    step, strip, radius, rate = (ball(q) for q in (plan.step, plan.strip, plan.radius, plan.rate))
    if not all(abs(t - c) < radius / 2 for t, c in zip(theta, centre, strict=True)):
        raise ValueError("the box reaches beyond half the radius of the plan")
    y = [theta[1], *theta[3::2]]
    v = list(theta[2::2])
    bounds = integrands(centre[0], [centre[1], *centre[3::2]], centre[2::2], strip, radius, rate)
    points, reach = plan.points, step * plan.points
    grid = [step * j for j in range(-points, points + 1)]
    step_up = [(-x / arb(2).sqrt()).erfc() / 2 for x in grid]  # the reference step Phi
    first = [Jet.variable(t, i, 2, order) for i, t in enumerate(theta[:2])]
    W = [innermost(x, *first) for x in grid]
    for k, bound in enumerate(bounds):
        error = bound.quadrature_error(step, reach, strip, rate)
        index = 2 * k + 2  # of the variance
        n = min(index + 2, len(theta))
        variance = Jet.variable(v[k], index, n, order)
        noise = Jet.bounded(error, radius / 2, n, order)
        old = Jet.variable(y[k], 2 * k + 1, n, order)
        logs = [w.log().extended(n) for w in W]
        if k == len(bounds) - 1:
            weights = [_placed(w, index, n) for w in _kernel(step, points + 1, v[k], order)]
            total = Jet.constant(arb(0), n, order)
            for i, (log, s) in enumerate(zip(logs, step_up, strict=True)):
                total += weights[abs(i - points)] * (log + old * s)
            return (total + noise) / old - arb(1) / 2
        new = Jet.variable(y[k + 1], index + 1, n, order)
        ratio, drop = new / old, 1 - (-new).exp()
        remainder = [(log * ratio).exp() - 1 + drop * s for log, s in zip(logs, step_up, strict=True)]
        smooth = _convolve_jets(_kernel(step, 2 * points + 1, v[k], order), remainder, index)
        width = (2 * (1 + variance)).sqrt().inverse()
        W = [1 - drop * (width * -x).erfc() / 2 + s + noise for x, s in zip(grid, smooth, strict=True)]
    raise ValueError("the tower of a full level needs at least one variance ratio")
