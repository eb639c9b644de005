r"""Replicon eigenvalues at zero temperature, and the point where the thermal plain level becomes unstable.

At level 2 the outer replicon is :math:`1 - \alpha\Lambda_2^2\,\mathbb E f_2''(\sqrt{p_2}u)^2`; at level 1, and at the
innermost step of every level, :math:`f_1'' = -M_\chi''` has point masses and the eigenvalue is minus infinity.  At inverse
temperature beta the plain level is stable up to the alpha at which the same eigenvalue vanishes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mpmath import findroot, inf, mp, mpf
from sympy import Symbol, diff, log

from flrdt.derive import Gate, InjectiveGate, Level, Lifting, Network, innermost
from flrdt.derive.conditions.stability import kink, thermal_plain_level
from flrdt.derive.core import symbols as derived
from flrdt.derive.core.shown import Shown
from flrdt.derive.objectives.energy_map import lambda_forms

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_grid, compile_scalar
from ..arithmetic.decimals import InputError, error_text, parse_digits, parse_number
from ..arithmetic.exclusive import exclusive
from ..results.capacity import as_gate, capacity
from ..results.door import described
from ..results.shown_values import equation
from ..solve.point import ConvergenceError

__all__ = ["Replicon", "ThermalInstability", "replicon", "thermal_instability"]

GUARD = 8
ROOT = 2**10  # last step of a root that counts as found, in units of the working precision
STEP = 3  # of the trapezoidal rule, in units of the strip's half-width over the digits; confirmed by halving


@dataclass(frozen=True, repr=False)
class Replicon(Shown):
    """The replicon eigenvalue of the outermost step of a level at its capacity; negative is unstable."""

    level: str
    eigenvalue: Any
    error: Any

    def _line(self) -> str:
        return f"{mp.nstr(self.eigenvalue, 8)} at level {self.level}, error < {error_text(self.error)}"

    def _tex(self) -> str:
        return equation(r"\lambda", mp.nstr(self.eigenvalue, 8), error_text(self.error))

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
    overlap_error: Any
    beta: Any
    beta_error: Any

    def _line(self) -> str:
        return f"alpha = {mp.nstr(self.alpha, 10)}, error < {error_text(self.error)}, beta = {mp.nstr(self.beta, 8)}"

    def _tex(self) -> str:
        return equation(r"\alpha", mp.nstr(self.alpha, 10), error_text(self.error))


@lru_cache(maxsize=16)
def _compiled_curvature(gate: Gate) -> Any:
    """``f_2''(x)^2`` along x, for mpmath."""
    inner = innermost(gate)
    f = log(inner.W) / inner.y
    return compile_grid([diff(f, inner.x, 2) ** 2], inner.x, (inner.chi, inner.D, inner.y), get_backend("mpmath"))


@lru_cache(maxsize=1)
def _compiled_lambda() -> Any:
    """``Lambda_2`` of level 2 as a function of chi, p_2 and y_2, for mpmath."""
    lifting = Lifting(Level(2))
    form = lambda_forms(lifting)[lifting.Lambda(2)]
    return compile_scalar([form], [derived.chi, lifting.p(2), lifting.y(2)], get_backend("mpmath"))


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
    totals: list[Any] = []
    for j in range(-half, half + 1):
        u = j * step
        values = function(mp.sqrt(variance) * u)
        weight = step * mp.npdf(u)
        totals = [t + weight * v for t, v in zip(totals or [0] * len(values), values, strict=True)]
    return totals


@exclusive
def replicon(
    network: Network | Level | int | str, level: Any = None, digits: Any = None, *, gate: Gate | str = "relu"
) -> Replicon:
    """The replicon eigenvalue at level 1 or 2, at the level's capacity and zero temperature: ``replicon(network, level, digits)``.

    Without a network, ``replicon(level, digits)`` takes one layer of the gate.  At level 1 the kinks of the count make it
    minus infinity, behind hidden layers as well; at level 2 it is that of one layer with budget 1.  The partially lifted
    point has none: it holds the outer overlaps at 0, where P is not stationary in them.
    Raises ``InputError`` for what is not covered.  Source: arXiv 2302.14112 (de Almeida-Thouless condition).

    >>> replicon(1).eigenvalue
    mpf('-inf')
    """
    deep = False
    if isinstance(network, Network):
        words = described(network, gate=gate)
        gate, deep = words["gate"], network.depth != 1
        if words["budget"] is not None and Level.parse(1 if level is None else level).r > 1:
            raise InputError("the replicon of level 2 is offered for the usual budget: leave the budget out")
    elif digits is not None:
        raise InputError("three arguments begin with a network: replicon(network, level, digits)")
    else:
        level, digits = network, level
    parsed = Level.parse(2 if level is None else level)
    wanted, the_gate = parse_digits(15 if digits is None else digits), as_gate(gate)
    if isinstance(the_gate, InjectiveGate):
        raise InputError(f"gate {the_gate} has no replicon: {the_gate.reason}")
    if parsed.partial:
        raise InputError(
            "level 2p has no replicon: it holds the outer overlaps at 0, where P is not stationary; use level 2"
        )
    if parsed.r > 2:
        raise InputError(f"the replicon is offered at levels 1 and 2, not {parsed}")
    if deep and parsed.r > 1:
        raise InputError(
            "the replicon behind hidden layers is offered at level 1: at full levels it needs means over two fields"
        )
    if parsed.r == 1:
        if not kink(the_gate, Symbol("chi", positive=True)).is_positive:
            raise InputError(f"gate {the_gate}: no kink of its count is known to be one, and the replicon rests on one")
        return Replicon("1", -inf, mpf(0))
    point = capacity(2, wanted + GUARD, gate=the_gate)
    with mp.workdps(wanted + 2 * GUARD):
        names = ("chi", "p_2", "y_2")
        z = [point.parameters[name] for name in names]
        errors = [point.parameter_errors[name] for name in names]
        # f_2 varies on the scale sqrt(1 - p), which in units of the outer normal sets the step
        step = mp.sqrt((1 - z[1]) / z[1]) * STEP / mp.dps
        curved = _compiled_curvature(the_gate)

        def eigenvalue(z: Sequence[Any], step: Any) -> Any:
            chi, p, y = z
            (Lambda,) = _compiled_lambda()(chi, p, y)
            return 1 - point.alpha * Lambda**2 * _gaussian_means(curved(chi, 1 - p, y), p, step)[0]

        coarse, fine = (eigenvalue(z, s) for s in (step, step / 2))
        moved = [[v + e * (i == j) for j, (v, e) in enumerate(zip(z, errors, strict=True))] for i in range(3)]
        carried = mp.fsum(abs(eigenvalue(m, step) - coarse) for m in moved) + abs(fine - 1) * point.alpha_error
        return Replicon("2", fine, abs(fine - coarse) + carried + mp.eps / step)


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

    def alpha_at(p: Any, beta: Any, fraction: Any) -> Any:
        Lambda, (slope, _, _) = means(p, beta, fraction)
        return p / (Lambda**2 * slope)

    def solve(start: tuple, fraction: Any) -> tuple[Any, Any]:
        try:
            p, beta = findroot(lambda a, b: equations(a, b, fraction), start, tol=ROOT * mp.eps)
        except (ValueError, ZeroDivisionError):
            raise ConvergenceError(f"no instability point found for gate {the_gate} and budget {count}") from None
        return p, beta

    with mp.workdps(15):
        rough = solve((mpf("0.7"), mpf(3)), STEP)
    with mp.workdps(wanted + GUARD):
        before = solve(rough, STEP)
        found = solve(before, mpf(STEP) / 2)
        old, new = alpha_at(*before, STEP), alpha_at(*found, mpf(STEP) / 2)
        # the halved step shows what the rule leaves out; Newton's last step is at least what is left of the root
        p_error, beta_error = (abs(a - b) + ROOT * mp.eps * abs(b) for a, b in zip(before, found, strict=True))
        p, beta = found
        carried = abs(alpha_at(p + ROOT * mp.eps * p, beta, STEP) - old) + abs(
            alpha_at(p, beta + ROOT * mp.eps * beta, STEP) - old
        )
        error = abs(new - old) + carried
        return ThermalInstability(new, error, p, p_error, beta, beta_error)
