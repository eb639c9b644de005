r"""Replicon eigenvalues at zero temperature, and the point where the thermal plain level becomes unstable.

At level 2 the outer replicon is :math:`1 - \alpha\Lambda_2^2\,\mathbb E f_2''(\sqrt{p_2}u)^2`; at level 1, and at the
innermost step of every level, :math:`f_1'' = -M_\chi''` has point masses and the eigenvalue is minus infinity.  At inverse
temperature beta the plain level is stable up to the alpha at which the same eigenvalue vanishes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mpmath import findroot, inf, mp, mpf
from sympy import Symbol, diff, log

from flrdt.derive import Gate, InjectiveGate, innermost
from flrdt.derive.conditions.stability import kink, thermal_plain_level
from flrdt.derive.core.shown import Shown

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_grid, compile_scalar
from ..arithmetic.decimals import InputError, parse_digits, parse_number
from ..arithmetic.exclusive import exclusive
from ..results.capacity import as_gate, capacity
from ..results.shown_values import equation
from ..solve.point import ConvergenceError

__all__ = ["Replicon", "ThermalInstability", "replicon", "thermal_instability"]

GUARD = 8
STEP = 3  # of the trapezoidal rule, in units of the strip's half-width over the digits; confirmed by halving


@dataclass(frozen=True, repr=False)
class Replicon(Shown):
    """The replicon eigenvalue of the outermost step of a level at its capacity; negative is unstable."""

    level: str
    eigenvalue: Any
    error: Any

    def _line(self) -> str:
        return f"{mp.nstr(self.eigenvalue, 8)} at level {self.level}, error < {mp.nstr(self.error, 2)}"

    def _tex(self) -> str:
        return equation(r"\lambda", mp.nstr(self.eigenvalue, 8), mp.nstr(self.error, 2) if self.error else "0")

    @property
    def stable(self) -> bool:
        """Whether the outermost step is stable."""
        return self.eigenvalue > self.error


@dataclass(frozen=True, repr=False)
class ThermalInstability(Shown):
    """The de Almeida-Thouless point of the plain level on the line where the thermal count equals the budget."""

    alpha: Any
    error: Any
    overlap: Any
    beta: Any

    def _line(self) -> str:
        return f"alpha = {mp.nstr(self.alpha, 10)}, error < {mp.nstr(self.error, 2)}, beta = {mp.nstr(self.beta, 8)}"

    def _tex(self) -> str:
        return equation(r"\alpha", mp.nstr(self.alpha, 10), mp.nstr(self.error, 2))


@lru_cache(maxsize=16)
def _compiled_curvature(gate: Gate) -> Any:
    """``f_2''(x)^2`` for mpmath."""
    inner = innermost(gate)
    f = log(inner.W) / inner.y
    return compile_grid([diff(f, inner.x, 2) ** 2], inner.x, (inner.chi, inner.D, inner.y), get_backend("mpmath"))


@lru_cache(maxsize=16)
def _compiled_thermal(gate: Gate) -> tuple[Any, Any]:
    """``(f'^2, f''^2, count)`` along x, and Lambda, for mpmath."""
    thermal = thermal_plain_level(gate)
    b = get_backend("mpmath")
    forms = [thermal.slope**2, thermal.curvature**2, thermal.count]
    along = compile_grid(forms, thermal.x, (thermal.D, thermal.beta), b)
    return along, compile_scalar([thermal.Lambda], (thermal.D, thermal.beta), b)


def _gaussian_means(function: Callable, variance: Any, step: Any) -> list[Any]:
    """``E g(sqrt(variance) u)`` of each component by the trapezoidal rule in u, which converges geometrically."""
    half = int(mp.sqrt(2 * mp.dps * mp.log(10)) / step) + 1
    totals: list[Any] | None = None
    for j in range(-half, half + 1):
        u = j * step
        values = function(mp.sqrt(variance) * u)
        weight = step * mp.npdf(u)
        totals = (
            [weight * v for v in values]
            if totals is None
            else [t + weight * v for t, v in zip(totals, values, strict=True)]
        )
    assert totals is not None
    return totals


@exclusive
def replicon(level: int | str, digits: int | str = 15, *, gate: Gate | str = "relu") -> Replicon:
    """The replicon eigenvalue at level 1 or 2, at the level's capacity with budget 1 and zero temperature.

    Raises ``InputError`` for another level.  Source: arXiv 2302.14112 (de Almeida-Thouless condition).

    >>> replicon(1).eigenvalue
    mpf('-inf')
    """
    wanted, the_gate = parse_digits(digits), as_gate(gate)
    if isinstance(the_gate, InjectiveGate):
        raise InputError(f"gate {the_gate} has no replicon: {the_gate.reason}")
    if str(level) not in ("1", "2"):
        raise InputError(f"the replicon is offered at levels 1 and 2, not {level}")
    if str(level) == "1":
        assert kink(the_gate, Symbol("chi", positive=True)).is_positive
        return Replicon("1", -inf, mpf(0))
    point = capacity(2, wanted + GUARD, gate=the_gate)
    with mp.workdps(wanted + 2 * GUARD):
        chi, p, y = (point.parameters[name] for name in ("chi", "p_2", "y_2"))
        curvature = _compiled_curvature(the_gate)(chi, 1 - p, y)
        Lambda = chi + y * (1 - p)
        # f_2 varies on the scale sqrt(1 - p), which in units of the outer normal sets the step
        step = mp.sqrt((1 - p) / p) * STEP / mp.dps
        coarse, fine = (1 - point.alpha * Lambda**2 * _gaussian_means(curvature, p, s)[0] for s in (step, step / 2))
        return Replicon("2", fine, abs(fine - coarse) + mpf(10) ** -(wanted + 2))


@exclusive
def thermal_instability(digits: int | str = 15, *, gate: Gate | str = "relu", budget: Any = 1) -> ThermalInstability:
    """The alpha beyond which the thermal plain level with ``count = budget`` is unstable (de Almeida-Thouless).

    Three equations in (alpha, p, beta): stationarity in p, a vanishing replicon, and the count.  Source: arXiv
    2302.14112, about 5.3238.  Raises ``ConvergenceError`` if no root is found.

    >>> mp.nstr(thermal_instability(6).alpha, 6)
    '5.32377'
    """
    wanted, the_gate = parse_digits(digits), as_gate(gate)
    count = parse_number(budget, "budget", positive=True)
    along, Lambda_of = _compiled_thermal(the_gate)

    def means(p: Any, beta: Any, fraction: Any) -> tuple[Any, list[Any]]:
        step = mp.sqrt((1 - p) / p) * fraction / mp.dps
        return Lambda_of(1 - p, beta)[0], _gaussian_means(along(1 - p, beta), p, step)

    def equations(p: Any, beta: Any, fraction: Any = STEP) -> list[Any]:
        Lambda, (slope, curvature, active) = means(p, beta, fraction)
        alpha = p / (Lambda**2 * slope)
        return [alpha * Lambda**2 * curvature - 1, alpha * active - mpf(count.numerator) / count.denominator]

    def solve(start: tuple, fraction: Any) -> tuple[Any, Any, Any]:
        try:
            p, beta = findroot(lambda a, b: equations(a, b, fraction), start)
        except (ValueError, ZeroDivisionError):
            raise ConvergenceError(f"no instability point found for gate {the_gate} and budget {count}") from None
        Lambda, (slope, _, _) = means(p, beta, fraction)
        return p / (Lambda**2 * slope), p, beta

    with mp.workdps(15):
        _, p, beta = solve((mpf("0.7"), mpf(3)), STEP)
    with mp.workdps(wanted + GUARD):
        coarse = solve((p, beta), STEP)
        alpha, p, beta = solve((coarse[1], coarse[2]), mpf(STEP) / 2)
        return ThermalInstability(alpha, abs(alpha - coarse[0]) + mpf(10) ** -(wanted + 2), p, beta)
