r"""Ground-state energies of deep networks: the active outputs that every input keeps, by the width of the last layer.

:math:`e_r(\alpha_l) = -P_r` at the stationary point behind given hidden widths, so that the capacity is where e meets the
required count.  At levels 1 and 2p the point is found at :math:`\alpha_l` itself and enclosed.  At the full levels the
count whose capacity is :math:`\alpha_l` is found by Newton's method, :math:`de/d\alpha_l = -\partial P/\partial\alpha_l`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flrdt.derive import Gate, InjectiveGate, InputError, Level, Status

from ..arithmetic.decimals import parse_digits, parse_number
from ..arithmetic.exclusive import exclusive
from ..solve.deep_closed import solve_deep_closed
from ..solve.enclosure import exact_mpf
from ..solve.layer_recursion import plain_recursion
from ..solve.point import ConvergenceError, Point
from ..systems.system import EnergyGoal
from .capacity import Energy
from .chain import Requirement, architecture, by_layer, deep_gate, hidden_chain, short_layers, widths_of

__all__ = ["DeepEnergy", "deep_energy"]

LONGEST = 0.2  # relative change of the count from one full-level solve to the next
SEARCH_DIGITS = 9
STEPS = 25
Report = Callable[[str], None]


@dataclass(frozen=True, repr=False)
class DeepEnergy(Energy):
    """The energy of the last layer, behind ``chain`` (alpha_1..alpha_(l-1) as mpf).

    ``short`` lists ``(layer, width, capacity)`` of given hidden widths below the capacity of the network truncated there,
    ``level_used`` is the plain level where partial lifting does not help.
    """

    depth: int = 2
    notion: str = "weak"
    widths: tuple[str, ...] = ()
    chain: tuple[Any, ...] = ()
    chain_errors: tuple[Any, ...] = ()
    short: tuple[tuple[int, Any, Any], ...] = ()
    inertia: tuple[int, int] | None = None

    @exclusive
    def to_json(self) -> dict[str, Any]:
        """The object that ``flrdt energy --json`` prints for a deep network."""
        from mpmath import floor, log10, workdps

        from ..arithmetic.decimals import known_digits

        with workdps(self.digits + 20):
            chain = [
                known_digits(v, e, self.digits + 1 + int(floor(log10(v))))
                for v, e in zip(self.chain, self.chain_errors, strict=True)
            ]
        shown = super().to_json() | {
            "depth": self.depth,
            "notion": self.notion,
            "widths": list(self.widths),
            "chain": chain,
            "admissible": not self.short,
        }
        if self.short:
            shown["short_layers"] = short_layers(self.short)
        if self.inertia is not None:
            shown["inertia"] = list(self.inertia)
        return shown


@exclusive
def deep_energy(
    alpha: Fraction | int | str,
    level: Level | int | str = 2,
    digits: int | str = 30,
    *,
    gate: Gate | InjectiveGate | str = "relu",
    depth: int | str | None = None,
    widths: Sequence[Any] = (),
    notion: str = "weak",
    budget: Any = None,
    first_level: Level | int | str | None = None,
    report: Report = lambda _: None,
) -> DeepEnergy:
    r"""The energy :math:`e_r(\alpha_l)` of a deep ReLU network, behind a minimal chain or given widths.

    ``notion`` and ``budget`` say how the hidden widths of a minimal chain are taken, and what given ones are checked
    against; the energy itself asks for no count.  Up to :math:`\alpha_l = 2 a_l^2`, the zero-energy threshold of the plain
    level, the plain energy is zero, and no lifted one is offered.  At levels 1 and 2p the value is enclosed, at full levels
    its error is an estimate.  Source: arXiv 2412.19677 (the objective); the energy is derived here.
    Raises ``InputError`` and ``LevelError`` for bad input, ``ConvergenceError`` if no solution was found.

    >>> deep_energy("7.540672913473", 1, 10, depth=2).decimal  # the plain capacity of two layers
    '1.000000000'
    """
    started = time.perf_counter()
    level, digits, required = Level.parse(level), parse_digits(digits), Requirement.parse(notion, budget)
    at, first = parse_number(alpha, "alpha", positive=True), level if first_level is None else Level.parse(first_level)
    rectifier = deep_gate(gate)
    given, count = architecture(level, depth, widths, first_level)
    layers = hidden_chain(given, count, required, first, level, digits, report)
    behind = [layer.width for layer in layers]
    chain, errors, enclosed = widths_of(layers, digits)
    common: dict[str, Any] = {
        "level": str(level), "digits": digits, "gate": str(rectifier), "backend": "arb", "alpha": at,
        "depth": count, "notion": required.notion, "widths": tuple(map(str, given)), "chain": chain,
        "chain_errors": errors, "short": tuple(
            (i, chain[i - 1], exact_mpf(layer.capacity.alpha))
            for i, layer in enumerate(layers, start=1) if layer.admissible is False
        ),
    }  # fmt: skip
    threshold = _threshold(behind)
    from mpmath import mpf, workdps

    if float(at) <= threshold * (1 + 1e-12):
        if level.r > 1:
            raise InputError(
                f"alpha {at} behind hidden layers: lifted energies are offered above {threshold:.6g}, where the plain one "
                "leaves zero, because that is where they start from; give a larger alpha, or level 1"
            )
        with workdps(digits + 20):
            zero = mpf(0)
        return DeepEnergy(
            **common, parameters={}, parameter_errors={}, residual=zero, energy=zero, energy_error=zero, slope=zero,
            zero=True, status="zero energy: alpha is at or below the threshold of the plain level",
            seconds=time.perf_counter() - started,
        )  # fmt: skip
    if level.closed:
        used, point = solve_deep_closed(behind, EnergyGoal(at), level, digits + 6, report)
        status = Status.LIFTED.value + ("" if used == level else "; partial lifting does not help here (y_2 -> 0)")
        found = _closed(point)
        kind = "enclosure" if enclosed else "estimate"
    else:
        found = _full(behind, at, level, digits, report)
        status, kind = Status.FULLY_LIFTED.value, "estimate"
    with workdps(digits + 20):
        if not enclosed:  # as they move the capacity, so they move the count along the curve e(alpha)
            found["energy_error"] += abs(found["slope"]) * sum(errors)
        return DeepEnergy(
            **common, **found, status=status, error_kind=kind, seconds=time.perf_counter() - started
        )  # fmt: skip


def _threshold(widths: Sequence[Any]) -> float:
    """``2 a_l^2``: up to this width the plain energy is zero."""
    found = plain_recursion([float(w) for w in widths], 1.0)
    return 2 * float(found.layers[-1].next if found.layers else 1)


def _closed(point: Point) -> dict[str, Any]:
    from mpmath import fneg  # exact, where minus would round to the precision that is set

    named = by_layer(point.parameters)
    return {
        "parameters": named,
        "parameter_errors": dict(zip(named, point.errors, strict=True)),
        "residual": point.residual,
        "energy": fneg(point.value, exact=True),
        "energy_error": point.value_error,
        "slope": fneg(point.B, exact=True),
        "slope_error": point.B_error,
    }


def _full(widths: Sequence[Any], alpha: Fraction, level: Level, digits: int, report: Report) -> dict[str, Any]:
    """The count whose capacity is alpha, by Newton's method; every solve starts from the point of the last one."""
    from mpmath import mp, mpf

    from ..solve.lifted import solve_lifted  # start-up: scipy, which the closed forms do without

    # partial lifting gives too low a count, from which the search goes up
    partial = solve_deep_closed([float(w) for w in widths], EnergyGoal(float(alpha)), Level(2, partial=True), 12)[1]
    count, wanted, near, slopes = Fraction(float(-partial.value)), SEARCH_DIGITS, None, []
    with mp.workdps(digits + 20):
        target = mpf(alpha.numerator) / alpha.denominator
        for _ in range(STEPS):
            point = solve_lifted(widths, count, wanted, report, level.r, near)
            near = [float(v.mid()) for v in point.values.values()]
            slopes.append(-exact_mpf(point.count))
            missing = target - exact_mpf(point.alpha)
            step = slopes[-1] * missing
            report(f"level {level}, energy {mp.nstr(count + step if isinstance(count, mpf) else float(count), 8)}")
            bent = abs(slopes[-1] - slopes[-2]) if len(slopes) > 1 else abs(slopes[-1])
            if wanted >= digits and bent * abs(missing) < mpf(10) ** (-digits - 2):
                named = by_layer({n: v for n, v in point.values.items() if not n.startswith("alpha")})
                values = {n: exact_mpf(v) for n, v in named.items()}
                start = mpf(count.numerator) / count.denominator
                relative = max(mpf(point.errors[n]) / abs(exact_mpf(v)) for n, v in point.values.items())
                return {
                    "parameters": values,
                    "parameter_errors": {n: e for n, e in by_layer(point.errors).items() if n in values},
                    "residual": mpf(point.residual),
                    "energy": start + step,
                    "energy_error": slopes[-1] * mpf(point.alpha_error) + bent * abs(missing),
                    "slope": slopes[-1],
                    "slope_error": bent + abs(slopes[-1]) * relative,
                    "inertia": point.inertia,
                }
            now = mpf(count.numerator) / count.denominator
            longest = now * LONGEST
            if abs(step) < mpf(10) ** (-SEARCH_DIGITS / 2):
                wanted = digits
            moved = now + max(-longest, min(longest, step))
            count = Fraction(*_ratio(moved))
    raise ConvergenceError(f"no count with capacity {alpha} was found at level {level}")


def _ratio(value: Any) -> tuple[int, int]:
    """An mpf as a fraction, exactly."""
    sign, mantissa, exponent, _ = value._mpf_
    whole = (-1) ** sign * int(mantissa)
    return (whole << exponent, 1) if exponent >= 0 else (whole, 1 << -exponent)
