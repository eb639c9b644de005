r"""What a rigorous quadrature needs: where the tower is analytic, how large it is there, how fast it settles.

Scaled variables. With the field in units of sqrt(D_2) the tower depends only on kappa = sqrt(2 chi/D_2), the
lifting parameters y_2 > ... > y_r and the variance ratios v_k = D_k/D_2 (v_2 = 1, D_{r+1} = p_r):

    W_2(z) = exp(-y_2) + int_0^1 2 y_2 t exp(-y_2 t^2) Phi(kappa t - z) dt,
    W_k(z) = E W_{k-1}(z + sqrt(v_k) u)^{y_k/y_{k-1}},      T_r = (1/y_r) E log W_r(sqrt(v_{r+1}) u).

The bounds hold for every *complex* parameter within ``radius`` of a real centre and every z with |Im z| <=
``strip``. A quadrature error that is small on that whole polydisc has small parameter derivatives too, by
Cauchy. The proofs are in docs/certificates.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import arb

__all__ = ["Integrand", "StripError", "integrands", "tail_constant"]


class StripError(ArithmeticError):
    """The bounds do not close: the strip or the parameter disc is too wide."""


@dataclass(frozen=True)
class Integrand:
    """Bounds on one Gaussian integral of the tower: the kernel of variance v_k times ``G - reference``.

    ``size`` bounds |G| + |reference| on the strip; |G - reference| <= decay exp(-rate |t|) on the real line.
    ``mass`` bounds the integral of |kernel|, ``spread`` is the variance of its envelope at most, ``shift``
    bounds the growth of the kernel on the edge of the strip.
    """

    size: arb
    decay: arb
    mass: arb
    spread: arb
    shift: arb

    def quadrature_error(self, step: arb, reach: arb, strip: arb, rate: arb) -> arb:
        """Trapezoidal sum over |t| <= reach against the integral: discretisation plus truncation."""
        discretisation = 2 * self.mass * self.shift * self.size / ((2 * arb.pi() * strip / step).exp() - 1)
        # the envelope's variance is at least spread/mass^4, so its samples sum to at most this
        crowding = 1 + step / (2 * arb.pi() * self.spread).sqrt() * self.mass**2
        return discretisation + self.decay * (-rate * reach).exp() * self.mass * crowding


def _upper_tail(z: arb) -> arb:
    return (z / arb(2).sqrt()).erfc() / 2


def tail_constant(rate: arb) -> arb:
    """c with Phi(x) <= c exp(rate x) for every real x: exp(rate^2/2)/(rate sqrt(2 pi)), or exp(rate^2/2) if that is less.

    Phi(x) exp(-rate x) = exp(rate^2/2) int_{u<x} phi(u + rate) exp(-rate (x - u)) du, and phi <= 1/sqrt(2 pi).
    """
    return (rate * rate / 2).exp() / (rate * (2 * arb.pi()).sqrt()).max(arb(1))


def integrands(kappa: arb, y: Sequence[arb], v: Sequence[arb], strip: arb, radius: arb, rate: arb) -> list[Integrand]:
    """Bounds for the integrals that define W_3, ..., W_r and T_r, in this order; v = (v_3, ..., v_{r+1}).

    Raises StripError if the argument of some W_k cannot be kept off the negative axis.
    """
    quarter = arb.pi() / 2
    tilt = tail_constant(rate)
    growth = (strip * strip / 2).exp()
    # innermost level: lower bound on Re W_2 at the centre, then a Lipschitz bound over the parameter disc
    edge = (-y[0]).exp()
    dip = growth * _upper_tail(quarter / strip)
    wide = ((strip + radius) ** 2 / 2).exp()
    drift = radius * (1 + wide * (arb(7) / 5 + (y[0] + radius) / 2))
    bottom, top, angle = edge - (1 - edge) * dip - drift, growth + drift, quarter
    if not (bottom > 0 and y[0] > radius and kappa > radius):
        raise StripError("no strip free of zeros around the innermost expectation")
    mixing = (y[0] + radius) / (y[0] - radius) * (radius * radius / 2).exp() * tilt / bottom
    decay = mixing * (rate * (kappa + radius)).exp()
    result = []
    for k, variance in enumerate(v):
        if not variance > radius:
            raise StripError("a variance ratio is too small for the parameter disc")
        squeeze = (variance + radius) / (variance - radius)
        mass, spread = squeeze.sqrt(), squeeze * (variance + radius)
        shift = (strip * strip / (2 * (variance - radius))).exp()
        logarithm = (-bottom.log()).max(top.log())
        last = y[k] + radius
        if k == len(v) - 1:
            size = logarithm + angle + 2 * last * growth
            result.append(Integrand(size, decay + last * tilt, mass, spread, shift))
            break
        ratio = y[k + 1] / y[k]
        slack = (y[k + 1] + radius) / (y[k] - radius) - ratio
        largest = ratio + slack
        turned = largest * angle + slack * logarithm
        high = (largest * top.log().max(arb(0)) + slack * angle).exp()
        low = (largest * bottom.log().min(arb(0)) - slack * angle).exp()
        cone = turned.cos() * low
        drift = radius * mass * (squeeze + 1) / (2 * (variance - radius)) * high
        if not (turned < quarter and cone > drift):
            raise StripError("the cone argument fails at an upper level")
        raised = largest * decay * high
        result.append(Integrand(high + 3 * growth, raised + 2 * tilt, mass, spread, shift))
        bottom, top = cone - drift, high + drift
        angle = (turned + (drift / cone).asin()).min(quarter)
        decay = raised * mass * (rate * rate * spread / 2).exp() / bottom
    return result
