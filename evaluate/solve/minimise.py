r"""Stationary points to any number of digits: float64 descent, then Newton at rising precision.

The Hessian is built from differences of exact gradients at moderate precision and kept while it contracts well (chord
Newton); a final evaluation on a grid of half the step gives the error estimates.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mpmath import eigsy, lu_solve, matrix, mp, mpf

from flrdt.derive import Level, Network

from ..quadrature.grid import STRIP
from ..systems.one_layer import EnergyForm, Terms
from .continuation import parameter_hessian
from .starts import float_minimum, merged_minimum

__all__ = ["ConvergenceError", "Solution", "full_lifting_helps", "partial_lifting_helps", "solve"]

GUARD = 6
STALE = 8  # digits an iteration must gain for the Hessian to be kept at closed-form levels
SMALL_OVERLAP = 1e-4  # where the slope in p_2 shows whether level 2 merges with level 2p
SLOW = 2  # digits an iteration must gain with the float64 Hessian of the other levels


class ConvergenceError(ArithmeticError):
    """The solve did not converge; the message carries the best value found."""


@dataclass(frozen=True)
class Solution:
    """A stationary point: goal value, parameters (order of ``Objective.parameters``), and what is known of the errors.

    ``value_error`` and ``parameter_errors`` are estimates: the change on a grid of half the step plus the last Newton
    correction; ``residual`` is the largest component of the goal's gradient there.
    """

    value: Any
    parameters: tuple[Any, ...]
    value_error: Any
    parameter_errors: tuple[Any, ...]
    residual: Any
    terms: Terms
    relative_rounding: Any


class _Evaluator:
    """Goal value and gradient as mpf, at a number of digits."""

    def __init__(self, form: EnergyForm, goal: tuple[Callable, Callable]) -> None:
        self.form, (self.value_of, self.gradient_of) = form, goal

    def __call__(
        self, z: list, digits: int, strip: float = STRIP, halved: bool = False
    ) -> tuple[Any, list, Any, Terms]:
        """(value, gradient, rounding radius of the value, terms)."""
        b = self.form.backend
        grid = self.form.grid([b.number(v) for v in z], digits, strip)
        if halved and grid is not None:
            grid = grid.halved()
        bits = grid.bits if grid is not None else math.ceil((digits + GUARD) * math.log2(10)) + 32
        with b.precision(bits), mp.workprec(bits):
            terms = self.form.terms([b.number(v) for v in z], grid, gradient=True)
            value = self.value_of(terms.A, terms.B)
            gradient = self.gradient_of(terms.A, terms.B, terms.dA, terms.dB)
            radius = b.to_mpf(value.rad()) if hasattr(value, "rad") else abs(b.to_mpf(value)) * mpf(2) ** (16 - bits)
            plain = Terms(b.to_mpf(terms.A), b.to_mpf(terms.B))
            return b.to_mpf(value), [b.to_mpf(g) for g in gradient], radius, plain


def _hessian(evaluate: _Evaluator, z: list, digits: int) -> Any:
    """Symmetrised central differences of the exact gradient; relative error about 10**(-2*digits/3)."""
    n = len(z)
    H = matrix(n, n)
    with mp.workdps(digits + GUARD):
        for i in range(n):
            width = (abs(z[i]) if i == 0 or z[i] > 1 else min(z[i], 1 - z[i])) * mpf(10) ** (-(digits // 3))
            up, down = list(z), list(z)
            up[i], down[i] = z[i] + width, z[i] - width
            rise = evaluate(up, digits)[1]
            fall = evaluate(down, digits)[1]
            for j in range(n):
                H[i, j] = (rise[j] - fall[j]) / (2 * width)
        return (H + H.T) / 2


def _digits_of(step: Any, z: list) -> float:
    """Digits that a Newton correction leaves: minus log10 of its largest relative component."""
    size = max(abs(s) / abs(v) for s, v in zip(step, z, strict=True))
    return 1000000.0 if size == 0 else float(-mp.log10(size))


def solve(
    network: Network,
    level: Level,
    goal: tuple[Callable, Callable],
    float_goal: tuple[Callable, Callable],
    digits: int,
    backend_name: str = "arb",
    report: Callable[[str], None] = lambda _: None,
    start: list | None = None,
) -> Solution:
    """Minimise the goal over the parameters of a level, to ``digits`` digits of value and parameters.

    Raises :class:`ConvergenceError` with the best value found.
    """
    form = EnergyForm(network, level, backend_name)
    z0 = [float(v) for v in float_minimum(network, level, float_goal, report)[1]] if start is None else start
    evaluate = _Evaluator(form, goal)
    full = digits + GUARD
    with mp.workdps(full + GUARD):
        z = [mpf(v) for v in z0]
        if form.closed:
            z, H = _newton(evaluate, z, full, report)
        else:
            H = parameter_hessian(EnergyForm(network, level, "float64"), z, float_goal)
            try:
                z = _chord(evaluate, z, H, full, report)
            except ConvergenceError:  # the float64 Hessian is too rough, as for far thresholds
                z, H = _newton(evaluate, z, full, report)
        return _finish(evaluate, z, H, digits, report)


def partial_lifting_helps(
    network: Network, goal: tuple[Callable, Callable], float_goal: tuple[Callable, Callable]
) -> bool:
    """Whether the partially lifted level improves on the plain one, or its best y_2 tends to 0 (the plain value).

    Decided by the float64 minima where they differ, otherwise by the sign of the slope in y_2 at y_2 -> 0.
    """
    plain, (chi, *_) = float_minimum(network, Level(1), float_goal)
    partial, _ = float_minimum(network, Level(2, partial=True), float_goal)
    if partial < plain - 1e-9 * max(1.0, abs(plain)):
        return True
    evaluate = _Evaluator(EnergyForm(network, Level(2, partial=True), "arb"), goal)
    with mp.workdps(40):
        return bool(evaluate([mpf(float(chi)), mpf(10) ** -8], 40)[1][1] < 0)


def full_lifting_helps(
    network: Network, goal: tuple[Callable, Callable], float_goal: tuple[Callable, Callable]
) -> bool:
    """Whether level 2 has a minimum of its own, or its best p_2 tends to 0 (the partially lifted value).

    At p_2 = 0 the slope in p_2 vanishes for a symmetric active set, and for no other is p_2 = 0 stationary.  Decided by
    where the float64 descents end, and by the sign of the slope close to 0.
    """
    merged = merged_minimum(network, float_goal) if network.gate.symmetric else None
    if merged is None:
        return True
    evaluate = _Evaluator(EnergyForm(network, Level(2), "arb"), goal)
    with mp.workdps(40):
        chi, y = (mpf(float(v)) for v in merged)
        return bool(evaluate([chi, mpf(SMALL_OVERLAP), y], 20)[1][1] < 0)


def _newton(evaluate: _Evaluator, z: list, full: int, report: Callable) -> tuple[list, Any]:
    """Newton at rising precision, where evaluations cost next to nothing or the float64 Hessian does not do."""
    H: Any = None
    known, work = 5.0, 30
    for _ in range(80):
        if H is None:
            H = _hessian(evaluate, z, max(30, min(work, full)))
        z, now = _step(evaluate, z, H, min(work, full), full, report)
        if now >= full - 2:
            return z, H
        if now - known < STALE:
            H = None
        known = now if now < 1 else max(now, known)
        work = int(min(full, max(30, 2 * known + 8)))
    raise ConvergenceError("no convergence after 80 Newton steps")


def _chord(evaluate: _Evaluator, z: list, H: Any, full: int, report: Callable) -> list:
    """Chord steps with the Hessian of the float64 minimum, each at the precision it can make use of."""
    known, gain = 5.0, 10.0
    while True:
        z, now = _step(evaluate, z, H, int(min(full, max(20, known + 2 * gain + 8))), full, report)
        if now >= full - 2:
            return z
        if now - known < SLOW:
            raise ConvergenceError(f"chord steps stopped gaining at {known:.0f} digits")
        known, gain = now, now - known


def _step(evaluate: _Evaluator, z: list, H: Any, work: int, full: int, report: Callable) -> tuple[list, float]:
    value, gradient, _, _ = evaluate(z, work)
    step = lu_solve(H, matrix(gradient))
    moved = [v - s for v, s in zip(z, step, strict=True)]
    if not _valid(moved, evaluate.form):
        raise ConvergenceError(f"Newton left the domain of the level; best value found {mp.nstr(value, 10)}")
    now = _digits_of(step, moved)
    report(f"Newton: about {max(0, min(int(now), full))} of {full} digits")
    return moved, now


def _valid(z: list, form: EnergyForm) -> bool:
    chi, p, y = form.split(z)
    chain = [mpf(1), *p, mpf(0)] if p else [mpf(1), mpf(0)]
    ordered = all(a > b for a, b in itertools.pairwise(chain))
    falling = all(a > b for a, b in zip(y, [*y[1:], mpf(0)], strict=False))
    return chi > 0 and ordered and falling


def _finish(evaluate: _Evaluator, z: list, H: Any, digits: int, report: Callable) -> Solution:
    """Confirm on a grid of half the step; refine the strip until the digits asked for are there."""
    n = len(z)
    if min(eigsy(mp.matrix(n, n) + H, eigvals_only=True)) <= 0:
        raise ConvergenceError("the stationary point found is not a minimum")
    strip = STRIP
    for _ in range(4):
        coarse = evaluate(z, digits + GUARD, strip)
        fine = (
            evaluate(z, digits + GUARD, strip, halved=True)
            if not evaluate.form.closed
            else evaluate(z, digits + 2 * GUARD)
        )
        correction = lu_solve(H, matrix(fine[1]))
        drift = [abs(c) + abs(v) * mpf(10) ** (-digits - GUARD) for c, v in zip(correction, z, strict=True)]
        slope = sum(abs(g * c) for g, c in zip(fine[1], correction, strict=True))
        error = abs(fine[0] - coarse[0]) + fine[2] + slope
        report(f"grid halved: value moved by {mp.nstr(abs(fine[0] - coarse[0]), 2)}")
        if error < mpf(10) ** (-digits - 1):
            break
        strip *= 0.75
    residual = max(abs(g) for g in fine[1])
    return Solution(fine[0], tuple(z), error, tuple(drift), residual, fine[3], mpf(10) ** (-digits - GUARD))
