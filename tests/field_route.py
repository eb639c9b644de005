"""Levels of two problems by nested trapezoidal rules, each field a dimension of its own: a route without grids or adjoints."""

from itertools import pairwise

import numpy
from scipy.special import log_ndtr

__all__ = ["committee_relu", "hopfield_plus"]

STEP, RANGE = 0.2, 9.5


def _rule():
    n = int(RANGE / STEP)
    u = numpy.arange(-n, n + 1) * STEP
    return u, STEP * numpy.exp(-(u**2) / 2) / numpy.sqrt(2 * numpy.pi)


def _tower(innermost, variances, lifting):
    """``E f_r(sqrt(d) u)`` with ``f_k = log E exp(y_k f_(k-1))/y_k``, from the innermost f_2 on."""
    u, w = _rule()

    def f(k, x):
        if k == 0:
            return innermost(x)
        inner = lifting[k] * f(k - 1, x[..., None] + numpy.sqrt(variances[k]) * u)
        top = inner.max(-1)
        return (top + numpy.log((numpy.exp(inner - top[..., None]) * w).sum(-1))) / lifting[k]

    return float((f(len(lifting) - 1, numpy.sqrt(variances[-1]) * u) * w).sum())


def _sphere(chi, p, y):
    overlaps, last, total = [1.0, *p, 0.0], chi, 0.0
    for k, lifting in enumerate(y):
        following = last + lifting * (overlaps[k] - overlaps[k + 1])
        total += numpy.log(following / last) / (2 * lifting)
        last = following
    return total + overlaps[len(y)] / (2 * last)


def committee_relu(values):
    """The quotient of the ReLU committee with margin 0 at p_2, ..., y_2, ...; Delta'(1) = 1/2 is the susceptibility."""
    n = len(values) // 2
    p, y = list(values[:n]), list(values[n:])

    def delta(q):
        return (numpy.sqrt(1 - q * q) + q * (numpy.pi - numpy.arccos(q)) - 1) / (2 * numpy.pi)

    ends = [delta(q) for q in (1.0, *p, 0.0)]
    variances = [a - b for a, b in pairwise(ends)]
    c, d = 0.5, variances[0]

    def innermost(x):
        """Allowed fields, and violated ones at the cost h^2/(2c)."""
        v = c + y[0] * d
        free = log_ndtr(x / numpy.sqrt(d))
        paid = numpy.log(c / v) / 2 - y[0] * x * x / (2 * v) + log_ndtr(-x * numpy.sqrt(c / (d * v)))
        return numpy.logaddexp(free, paid) / y[0]

    return _sphere(1.0, p, y) / -_tower(innermost, variances, y)


def hopfield_plus(values):
    """The largest norm at alpha = 1, at chi, q_2, ..., c_2, ..."""
    n = (len(values) - 1) // 2
    chi, q, c = values[0], list(values[1 : n + 1]), list(values[n + 1 :])
    ends = [1.0, *q, 0.0]
    variances = [a - b for a, b in pairwise(ends)]
    d = variances[0]

    def innermost(x):
        """``log E exp(c |x + sqrt(d) u|)/c``."""
        sides = [s * c[0] * x + log_ndtr((s * x + c[0] * d) / numpy.sqrt(d)) for s in (1, -1)]
        return c[0] * d / 2 + numpy.logaddexp(*sides) / c[0]

    return _tower(innermost, variances, c) + chi / 2 + _sphere(chi, q, c)
