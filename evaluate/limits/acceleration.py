r"""Acceleration of slowly convergent sequences: three independent extrapolations and an error estimate from their spread.

The level-r capacities approach their limit like :math:`a_r - a \simeq C (r+s)^{-\theta}`, with corrections in further
powers (and logarithms) of r.  No single transformation is trusted: each has a spread between neighbouring orders and
windows, and the reported error is the sum of the two smallest spreads and of the disagreement of the two methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpmath import binomial, findroot, lu_solve, matrix, mp, mpf, nint

from ..solve.point import ConvergenceError

__all__ = [
    "Acceleration",
    "Extrapolation",
    "accelerate",
    "carried",
    "fit_exponent",
    "levin_u",
    "richardson",
    "wynn_rho",
]

MAX_ORDER = 8
STEEPEST = 30  # an exponent beyond which a fit has found no power
ROUND_TO_INTEGER = mpf(1) / 10


def richardson(values: Mapping[int, Any], last: int, order: int, exponent: Any) -> Any:
    r"""Eliminate ``order`` terms :math:`c_j r^{-\theta-j}`, j = 0..order-1, from the last ``order + 1`` values.

    >>> zeta = {r: sum(mpf(1) / k**2 for k in range(1, r + 1)) for r in range(1, 13)}
    >>> abs(richardson(zeta, 12, 6, 1) - mp.pi**2 / 6) < 1e-7
    True
    """
    rows = range(last - order, last + 1)
    system, right = matrix(order + 1, order + 1), matrix(order + 1, 1)
    for i, r in enumerate(rows):
        right[i], system[i, 0] = values[r], 1
        for j in range(order):
            system[i, j + 1] = (mpf(r) / last) ** (-(exponent + j))
    return lu_solve(system, right)[0]


def levin_u(values: Mapping[int, Any], last: int, order: int) -> Any:
    r"""Levin's u transformation: remainders :math:`r\,\Delta a_{r-1} \sum_j c_j r^{-j}`; needs no exponent.

    Reference: D. Levin, Int. J. Comput. Math. B 3 (1973) 371.

    >>> zeta = {r: sum(mpf(1) / k**2 for k in range(1, r + 1)) for r in range(1, 13)}
    >>> abs(levin_u(zeta, 12, 6) - mp.pi**2 / 6) < 1e-7
    True
    """
    numerator = denominator = mpf(0)
    for j in range(order + 1):
        r = last - order + j
        weight = (-1) ** j * binomial(order, j) * mpf(r) ** (order - 1) / (r * (values[r] - values[r - 1]))
        numerator += weight * values[r]
        denominator += weight
    return numerator / denominator


def wynn_rho(values: Mapping[int, Any], last: int, order: int, exponent: Any) -> Any:
    r"""Wynn's rho algorithm in Osada's form for a sequence :math:`a + r^{-\theta}\sum_j c_j r^{-j}`; ``2 order + 1`` values.

    :math:`\rho_k^{(n)} = \rho_{k-2}^{(n+1)} + (k - 1 + \theta)/(\rho_{k-1}^{(n+1)} - \rho_{k-1}^{(n)})`.
    Reference: N. Osada, SIAM J. Numer. Anal. 27 (1990) 178.

    >>> zeta = {r: sum(mpf(1) / k**2 for k in range(1, r + 1)) for r in range(1, 13)}
    >>> abs(wynn_rho(zeta, 12, 3, 1) - mp.pi**2 / 6) < 1e-7
    True
    """
    current = [values[r] for r in range(last - 2 * order, last + 1)]
    previous = [mpf(0)] * (len(current) + 1)
    for k in range(1, 2 * order + 1):
        step = k - 1 + exponent
        following = [previous[i + 1] + step / (current[i + 1] - current[i]) for i in range(len(current) - 1)]
        previous, current = current, following
    return current[0]


def fit_exponent(values: Mapping[int, Any], last: int) -> Any:
    r"""The exponent theta of :math:`a + C (r+s)^{-\theta}` through the last four values.

    >>> round(float(fit_exponent({r: 1 + mpf(r + 0.5) ** -3 for r in range(5, 9)}, 8)), 6)
    3.0
    """
    first, second, third = (values[last - j] - values[last - j - 1] for j in (2, 1, 0))

    def mismatch(exponent: Any, shift: Any) -> list:
        g = [(last - j + shift) ** (-exponent) for j in (3, 2, 1, 0)]
        return [(g[2] - g[1]) / (g[1] - g[0]) - second / first, (g[3] - g[2]) / (g[2] - g[1]) - third / second]

    # the three-point estimate with no shift is the start
    start = 1 - mp.log(third / second) / mp.log(mpf(last + 0.5) / (last - 0.5)) - 2
    return findroot(mismatch, (start, mpf(0)))[0]


@dataclass(frozen=True)
class Extrapolation:
    """One method's result: value, the order it was read off at, and its stability against order and window."""

    value: Any
    order: int
    spread: Any


@dataclass(frozen=True)
class Acceleration:
    """The accelerated limit with its error estimate, the exponent used, and what each method gave."""

    value: Any
    error: Any
    exponent: Any
    methods: dict[str, Extrapolation]


def _most_stable(
    transform: Callable[[int, int], Any], lasts: Sequence[int], orders: Sequence[int]
) -> Extrapolation | None:
    """The order whose value changes least when the order drops by one and when the last levels are left out."""
    best: Extrapolation | None = None
    for order in orders:
        try:
            found = [transform(last, order) for last in lasts]
            lower = transform(lasts[0], order - 1)
        except (KeyError, ZeroDivisionError):
            break
        spread = max(abs(found[0] - other) for other in [*found[1:], lower])
        if best is None or spread < best.spread:
            best = Extrapolation(found[0], order, spread)
    return best


def accelerate(values: Mapping[int, Any]) -> Acceleration:
    """Extrapolate a sequence indexed by consecutive levels, by three methods.

    The value is that of the steadiest method, the one with the smallest spread; the error is the sum of its spread, that
    of the next one, and the disagreement of the two.  Raises ``ValueError`` with fewer than six consecutive values, and
    ``ConvergenceError`` for values that do not fall like a power.

    >>> partial = {r: 2 + mpf(r) ** -4 - mpf(r) ** -5 for r in range(3, 13)}
    >>> found = accelerate(partial)
    >>> abs(found.value - 2) <= found.error < 1e-8
    True
    """
    last = max(values, default=0)
    if any(last - j not in values for j in range(6)):
        raise ValueError("acceleration needs values at six or more consecutive levels")
    exponent = fit_exponent(values, last)
    if not (mp.isfinite(exponent) and mp.im(exponent) == 0 and 0 < exponent < STEEPEST):
        raise ConvergenceError("the levels' values do not fall like a power of the level yet: more levels are needed")
    if abs(exponent - nint(exponent)) < ROUND_TO_INTEGER:
        exponent = nint(exponent)
    lasts = [last - j for j in range(3)]
    transforms: dict[str, tuple[Callable[[int, int], Any], range]] = {
        "richardson": (lambda m, n: richardson(values, m, n, exponent), range(2, MAX_ORDER + 1)),
        "levin_u": (lambda m, n: levin_u(values, m, n), range(2, MAX_ORDER + 1)),
        "wynn_rho": (lambda m, n: wynn_rho(values, m, n, exponent), range(1, MAX_ORDER // 2 + 1)),
    }
    methods = {}
    for name, (transform, orders) in transforms.items():
        found = _most_stable(transform, lasts, orders)
        if found is not None:
            methods[name] = found
    first, second = sorted(methods.values(), key=lambda m: m.spread)[:2]
    error = abs(first.value - second.value) + first.spread + second.spread
    return Acceleration(first.value, error, exponent, methods)


def carried(values: Mapping[int, Any], errors: Mapping[int, Any], found: Acceleration) -> Any:
    """What the errors of the values can change of what they were accelerated to: the sum over one at a time.

    >>> partial = {r: 2 + mpf(r) ** -4 for r in range(3, 13)}
    >>> carried(partial, dict.fromkeys(partial, mpf(0)), accelerate(partial)) == 0
    True
    """
    last, reach = max(values), MAX_ORDER + 4  # no method looks further back
    moved = (accelerate({**values, r: v + errors[r]}).value for r, v in values.items() if r > last - reach)
    return mp.fsum(abs(m - found.value) for m in moved)
