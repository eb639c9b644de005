r"""The second route to the limit: minimise the continuous problem over smooth overlap functions.

No level, optimal step or acceleration of levels enters: the Parisi flow of :mod:`~flrdt.evaluate.limits.flow_equations` is
minimised over polynomials of growing degree.  The minimum over a family lies above the limit, so the values fall with the degree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flrdt.derive import Gate, Network, relu

from .flow_equations import FIRST, FlowPoint, Profile, evaluate_flow

__all__ = ["FlowSolution", "solve_flow"]

COUNTS = (64, 80, 96, 112, 128, 144)  # of steps, from which the error's even powers are eliminated
FINER = (80, 96, 112, 128, 144, 160, 176)  # how much the answer moves here is what is left of them
CURVED = 3  # of the numbers of steps are good enough for the Hessian
ROUGHLY = (48, 64)  # for the start
FINEST = 256  # steps at which the conditions along the flow are looked at
TERMS = {8: (9, 12), 10: (12, 15), 14: (12, 15, 18)}  # numbers of coefficients by decimals asked for
GUESSED = 4  # highest degree of the polynomial in sqrt(1 - p) that a level is told by, at most one for four steps
INNERMOST = 2  # steps of a level that stand for everything inside them: no guide to the overlap function there
DIFFERENCE = 1e-5
ROUGH, ENOUGH = 1e-8, 1e-12  # decrements (relative) at which a start, and a minimum, will do
FALL = 0.1  # of the decrement in a step, at which the Hessian is still good
LONGEST = 0.5  # change of a coefficient in one step
FLATTEST = 1e-9  # least eigenvalue, relative to the diagonal, that differences resolve
NOISE = 1e-12  # of a combination of numbers of steps, relative
SETTLED = 1e-11  # decrement at which a descent below the noise ends the minimisation
BEGINNING = 7  # coefficients of the start
SHORTEST = 1e-4  # 1 - p at which curvatures of f are still known from differences


@dataclass(frozen=True)
class FlowSolution:
    """Capacity and order parameter of the continuous problem, with error estimates (double precision)."""

    alpha: float
    error: float
    profile: Profile
    profile_before: Profile  # of the lower degree
    stationarity: float  # largest |alpha E f'^2/q - 1| along the flow
    replicon: float  # largest |1 - alpha Lambda^2 E f''^2| for 1 - p > 1e-4: full breaking is marginally stable

    @property
    def chi_error(self) -> float:
        """Change of chi from the lower degree."""
        return abs(self.profile.chi - self.profile_before.chi)

    @property
    def p_min_error(self) -> float:
        """Change of p_min from the lower degree."""
        return abs(self.profile.p_min - self.profile_before.p_min)

    def overlap(self, p: Sequence[float]) -> list[tuple[float, float]]:
        """``(y(p), error estimate)``: the change from the family of the lower degree."""
        s = 1 - np.asarray(p, dtype=float)
        now, before = self.profile.y(s), self.profile_before.y(s)
        return [(float(a), float(abs(a - b))) for a, b in zip(now, before, strict=True)]


def solve_flow(
    network: Network, start: Sequence[float], digits: int = 10, report: Callable[[str], None] = lambda _: None
) -> FlowSolution:
    """Minimise the continuous problem, starting near a finite level's ``(chi, p_2..p_r, y_2..y_r)`` (r >= 8).

    It starts closer where chi is that of the limit.  ``digits`` chooses the degrees; the error is what it turns out to be.
    Raises ``ArithmeticError`` if Newton stalls, and ``ValueError`` for a gate other than the ReLU, whose envelope the
    windows of the flow are made for.
    """
    gate = network.gate
    if not isinstance(gate, Gate) or gate.active != relu().active:
        raise ValueError(f"the Parisi flow is implemented for the ReLU, not {gate}")
    budget = float(network.budget)  # type: ignore[arg-type]
    terms = next((t for most, t in TERMS.items() if digits <= most), TERMS[max(TERMS)])
    theta = _first_guess(start, terms[-1])
    found: list[tuple[float, Any]] = []
    with np.errstate(all="ignore"):
        _, theta = _minimise(gate, theta[: BEGINNING + 2], budget, ROUGHLY, ROUGH)
        for count in terms:
            theta = np.append(theta, np.zeros(terms[-1]))[: count + 2]
            alpha, theta = _minimise(gate, theta, budget, COUNTS, ENOUGH)
            found.append((alpha, theta))
            report(f"Parisi flow, {count} coefficients: {alpha:.12f}")
        drift = abs(_combined(gate, theta, budget, FINER)[0] - alpha)
        along = evaluate_flow(gate, theta, budget, FINEST)
    (before, earlier), (alpha, theta) = found[-2:]
    return FlowSolution(
        alpha,
        abs(before - alpha) + drift + alpha * SETTLED / 2 + FIRST**1.5,
        _profile(theta),
        _profile(earlier),
        float(np.max(np.abs(along.alpha * along.slope_squared / along.dual_overlap - 1))),
        _replicon(along),
    )


def _replicon(point: FlowPoint) -> float:
    r"""The largest violation of :math:`\alpha\Lambda^2 E_m f''^2 = 1`.

    In p, :math:`E_m f'^2` grows at the rate :math:`E_m f''^2` and q at :math:`1/\Lambda^2`.
    """
    grown, q = np.diff(point.slope_squared), np.diff(point.dual_overlap)
    return float(np.max(np.abs(1 - point.alpha * grown / q)[point.s[:-1] > SHORTEST]))


def _profile(theta: Any) -> Profile:
    return Profile(math.exp(theta[0]), 1 / (1 + math.exp(-theta[1])), theta[2:])


def _first_guess(z: Sequence[float], terms: int) -> Any:
    """A smooth profile through the lifting parameters of a level.

    log(y sqrt(s)) is taken as a polynomial in sqrt(s) through the middles of the steps, which continues steadily to the
    small s that no level reaches.
    """
    n = len(z) // 2
    degree = min(GUESSED, n // 4)
    s, y = 1 - np.array([1.0, *z[1 : n + 1]]), np.array(z[n + 1 :])
    xi = (np.sqrt(s[:-1]) + np.sqrt(s[1:])) / 2  # the mean of 1/sqrt(s) over a step is 1/xi
    fitted = np.polynomial.Polynomial.fit(xi[INNERMOST:], np.log(y * xi)[INNERMOST:], degree)
    at = np.linspace(FIRST**0.25, s[-1] ** 0.25, 50) ** 4
    basis = Profile(z[0], z[n], np.zeros(2 * degree + 1)).basis(at)
    coefficients = np.linalg.lstsq(basis, fitted(np.sqrt(at)), rcond=None)[0]
    ends = [math.log(z[0]), math.log(z[n] / (1 - z[n]))]
    return np.concatenate([ends, coefficients, np.zeros(terms)])[: terms + 2]


def _combined(gate: Gate, theta: Any, budget: float, counts: Sequence[int]) -> tuple[float, Any]:
    """Value and logarithmic gradient without the first even powers of the inverse number of steps (Richardson)."""
    alpha, slope = 0.0, np.zeros(len(theta))
    for n in counts:
        weight = math.prod(n * n / (n * n - m * m) for m in counts if m != n)
        point = evaluate_flow(gate, theta, budget, n)
        alpha += weight * point.alpha
        slope += weight * point.alpha * point.gradient
    return alpha, slope / alpha


def _hessian(gate: Gate, theta: Any, budget: float, counts: Sequence[int]) -> Any:
    """Differences of the gradient at few steps."""
    rows = []
    for shift in DIFFERENCE * np.eye(len(theta)):
        up, down = (_combined(gate, theta + move, budget, counts)[1] for move in (shift, -shift))
        rows.append((up - down) / (2 * DIFFERENCE))
    matrix = np.array(rows)
    return (matrix + matrix.T) / 2


def _newton(matrix: Any, gradient: Any) -> tuple[float, Any]:
    """The decrement and the descending step."""
    units = 1 / np.sqrt(abs(np.diag(matrix)))
    eigenvalues, vectors = np.linalg.eigh(units[:, None] * matrix * units)
    along, sizes = vectors.T @ (units * gradient), np.maximum(abs(eigenvalues), FLATTEST)
    return float((along**2 / sizes).sum()), -units * (vectors @ (along / sizes))


def _minimise(gate: Gate, theta: Any, budget: float, counts: Sequence[int], enough: float) -> tuple[float, Any]:
    """Newton steps, with the Hessian of an earlier point and what the steps found (BFGS) as long as that does."""
    alpha, gradient = _combined(gate, theta, budget, counts)
    matrix = _hessian(gate, theta, budget, counts[:CURVED])
    decrement, move = _newton(matrix, gradient)
    for _ in range(30):
        if decrement < enough:
            return alpha, theta
        scale = min(1.0, LONGEST / abs(move).max())
        while True:
            try:
                value, slope = _combined(gate, theta + scale * move, budget, counts)
                if value <= alpha * (1 + NOISE) and np.all(np.isfinite(slope)):
                    break
            except (ArithmeticError, ValueError):
                pass  # outside the domain: shorten the step
            scale /= 2
            if scale < 1e-3:
                raise ArithmeticError(f"the Parisi flow's minimisation stalled at {alpha:.11f}")
        if abs(value - alpha) < NOISE * alpha and decrement < SETTLED:
            return value, theta + scale * move  # rounding hides any further descent
        step, change = scale * move, slope - gradient
        if change @ step > 0:
            turned = matrix @ step
            matrix = matrix + np.outer(change, change) / (change @ step) - np.outer(turned, turned) / (step @ turned)
        alpha, gradient, theta, last = value, slope, theta + step, decrement
        decrement, move = _newton(matrix, gradient)
        if decrement > max(FALL * last, enough):
            matrix = _hessian(gate, theta, budget, counts[:CURVED])
            decrement, move = _newton(matrix, gradient)
    raise ArithmeticError(f"the Parisi flow's minimisation did not converge; best value {alpha:.11f}")
