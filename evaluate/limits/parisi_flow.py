r"""The second route to the limit: minimise the continuous problem over smooth overlap functions.

No level, step function or extrapolation enters: the Parisi flow of :mod:`~flrdt.evaluate.limits.flow_equations` is minimised over
polynomials of growing degree.  The minimum over a family lies above the limit, so the values fall with the degree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from flrdt.derive import Network, objective

from ..quadrature.one_field import compiled_innermost
from .flow_equations import SCALE, FlowPoint, Profile, Resolution, Start, evaluate_flow

__all__ = ["FlowSolution", "solve_flow"]

COARSE = Resolution(first=1e-5, points=4.0)
FINE = Resolution(first=1e-6, points=6.0)
# how much the answer moves when the flow takes over later, or on a finer grid
CHECKS = (Resolution(first=4e-6, points=6.0), Resolution(first=1e-6, points=8.0))
TERMS = (9, 11)  # numbers of Chebyshev coefficients, one after the other
DIFFERENCE = 1e-4
INNERMOST = 2  # steps of a level that stand for everything inside them: no guide to the overlap function there
ROUGH, STRICT = 1e-9, 1e-12  # decrements (relative) at which a minimum on the coarse, and on the fine grid will do


@dataclass(frozen=True)
class FlowSolution:
    """Capacity and order parameter of the continuous problem, with error estimates (double precision)."""

    alpha: float
    error: float
    profile: Profile
    profile_before: Profile  # of the next lower degree
    stationarity: float  # largest |alpha E f'^2/q - 1| along the flow
    replicon: float  # largest |1 - alpha Lambda^2 E f''^2| for 1 - p > 1e-4: full breaking is marginally stable

    @property
    def chi_error(self) -> float:
        """Change of chi from the next lower degree."""
        return abs(self.profile.chi - self.profile_before.chi)

    @property
    def p_min_error(self) -> float:
        """Change of p_min from the next lower degree."""
        return abs(self.profile.p_min - self.profile_before.p_min)

    def overlap(self, p: Sequence[float]) -> list[tuple[float, float]]:
        """``(y(p), error estimate)``: the change from the family of the next lower degree."""
        s = 1 - np.asarray(p, dtype=float)
        now, before = self.profile.y(s), self.profile_before.y(s)
        return [(float(a), float(abs(a - b))) for a, b in zip(now, before, strict=True)]


def solve_flow(
    network: Network, start: Sequence[float], report: Callable[[str], None] = lambda _: None
) -> FlowSolution:
    """Minimise the continuous problem, starting near a finite level's ``(chi, p_2..p_r, y_2..y_r)`` (r >= 8).

    It starts closer where chi is that of the limit.

    Raises ``ArithmeticError`` if Newton stalls.  The gate's active set must be a half-line: the flow's windows assume
    that f tends to 0 on the left and to -1 on the right.
    """
    if tuple(float(v) for v in network.gate.limits()) != (0.0, 1.0):
        raise ValueError(
            f"the Parisi flow is implemented for gates that are active on a right half-line, not {network.gate}"
        )
    opening = _opening(network)
    budget = float(network.budget)  # type: ignore[arg-type]
    # one Hessian: its leading block is that of the shorter family, and the steps improve it
    theta = _padded(_first_guess(start, TERMS[0]), TERMS[-1])
    whole = _hessian(theta, evaluate_flow(theta, opening, budget, COARSE).gradient, opening, budget)
    values: list[FlowPoint] = []
    for terms in TERMS:
        n = terms + 2
        theta, matrix = _padded(theta[:n], terms), whole[:n, :n]
        for res, enough in ((COARSE, ROUGH), (FINE, STRICT)):
            theta, matrix, point = _minimise(theta, opening, budget, res, matrix, enough)
        whole[:n, :n] = matrix
        values.append(point)
        report(f"Parisi flow, {terms} coefficients: {point.alpha:.10f}")
    best, before = values[-1], values[-2]
    drift = sum(abs(evaluate_flow(theta, opening, budget, r, gradient=False).alpha - best.alpha) for r in CHECKS)
    forward = best.forward
    if forward is None:
        raise ArithmeticError("the best profile came without its flow")
    q = best.profile.dual_overlap(forward.s)
    balance = np.max(np.abs(best.alpha * forward.slope_squared / q - 1))
    marginal = np.max(
        np.abs(1 - best.alpha * best.profile.Lambda(forward.s) ** 2 * forward.curvature_squared)[forward.s > 1e-4]
    )
    return FlowSolution(
        best.alpha,
        abs(before.alpha - best.alpha) + drift,
        best.profile,
        before.profile,
        float(balance),
        float(marginal),
    )


def _padded(theta: Any, terms: int) -> Any:
    return np.concatenate([theta, np.zeros(max(0, terms + 2 - len(theta)))])


def _opening(network: Network) -> Start:
    """The innermost level in closed form: f_2 with its derivatives in chi and y."""
    compiled = compiled_innermost(objective(network, 2).towers[0], "float64", 1)

    def at(x: Any, chi: float, D: float, y: float) -> tuple[Any, Any, Any]:
        f, f_chi, _, f_y = (np.broadcast_to(v, x.shape) for v in compiled(chi, D, y)(x))
        return f, f_chi, f_y

    return at


def _first_guess(z: Sequence[float], terms: int) -> Any:
    """The profile whose means over the steps of a level are, relatively, nearest to its lifting parameters."""
    n = len(z) // 2
    terms = min(terms, n - INNERMOST)
    ends = np.sqrt(np.concatenate([[0.0], 1 - np.array(z[1 : n + 1])]) / SCALE)
    sums = np.array([chebyshev.Chebyshev.basis(j, domain=[0, 1]).integ(lbnd=0)(ends) for j in range(terms)])
    means = 2 * np.diff(sums) / np.diff(ends**2)  # of the overlap functions of single coefficients
    y = np.array(z[n + 1 :])
    fitted = np.linalg.lstsq((means / y).T[INNERMOST:], np.ones(n - INNERMOST), rcond=None)[0]
    return np.concatenate([[math.log(z[0]), math.log(z[n] / (1 - z[n]))], fitted])


def _hessian(theta: Any, slope: Any, opening: Start, budget: float) -> Any:
    """Differences of the gradient on the coarse grid."""
    rows = []
    for j in range(len(theta)):
        moved = theta.copy()
        moved[j] += DIFFERENCE
        rows.append((evaluate_flow(moved, opening, budget, COARSE).gradient - slope) / DIFFERENCE)
    matrix = np.array(rows)
    return (matrix + matrix.T) / 2


def _minimise(
    theta: Any, opening: Start, budget: float, res: Resolution, matrix: Any, enough: float
) -> tuple[Any, Any, FlowPoint]:
    """Quasi-Newton steps (BFGS) from a Hessian that is known about; also what it has become."""
    with np.errstate(all="ignore"):
        point = evaluate_flow(theta, opening, budget, res)
        for _ in range(60):
            eigenvalues, vectors = np.linalg.eigh(matrix)
            along = vectors.T @ point.gradient
            if float((along**2 / abs(eigenvalues)).sum()) < enough:
                return theta, matrix, point
            move = -vectors @ (along / abs(eigenvalues))
            scale = min(1.0, 0.3 / abs(move).max())
            while True:
                try:
                    trial = evaluate_flow(theta + scale * move, opening, budget, res)
                    if trial.alpha <= point.alpha * (1 + 1e-13):
                        break
                except ArithmeticError:
                    pass  # outside the domain: shorten the step
                scale /= 2
                if scale < 1e-3:
                    raise ArithmeticError(f"the Parisi flow's minimisation stalled at {point.alpha:.9f}")
            step, change = scale * move, trial.gradient - point.gradient
            if change @ step > 0:
                turned = matrix @ step
                matrix = matrix + np.outer(change, change) / (change @ step)
                matrix = matrix - np.outer(turned, turned) / (step @ turned)
            theta, point = theta + step, trial
    raise ArithmeticError(f"the Parisi flow's minimisation did not converge; best value {point.alpha:.9f}")
