"""The public calls: injectivity capacity and ground-state energy of one layer, at any level and to any digits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sympy import diff

from flrdt.derive import Gate, GateError, InjectiveGate, Level, Network, Status, objective
from flrdt.derive.energy_map import psi_parameters
from flrdt.derive.gates import read_gate

from .backends import backend as get_backend
from .compile import compile_scalar
from .decimals import InputError, known_digits, parse_digits, parse_number
from .solve import Solution, partial_lifting_helps, solve
from .starts import capacity_goal, energy_goal

__all__ = ["Capacity", "Energy", "capacity", "energy"]


def tool_version() -> str:
    """The installed version of flrdt."""
    try:
        return version("flrdt")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True)
class Result:
    """What every solved value carries.  Numbers are mpf; errors say what kind they are."""

    level: str
    digits: int
    gate: str
    parameters: dict[str, Any]
    parameter_errors: dict[str, Any]
    residual: Any
    status: str
    backend: str
    seconds: float
    error_kind: str = field(default="estimate", kw_only=True)
    radius: str = field(default="1", kw_only=True)

    def _common(self) -> dict[str, Any]:
        from mpmath import nstr, workdps

        with workdps(self.digits + 20):
            shown = {
                name: known_digits(value, self.parameter_errors[name], self.digits)
                for name, value in self.parameters.items()
            }
            return {
                "error_kind": self.error_kind,
                "digits": self.digits,
                "level": self.level,
                "gate": self.gate,
                "radius": self.radius,
                "parameters": shown,
                "residual": nstr(self.residual, 2),
                "status": self.status,
                "backend": self.backend,
                "seconds": round(self.seconds, 3),
                "version": tool_version(),
            }


@dataclass(frozen=True)
class Capacity(Result):
    """An injectivity capacity: ``alpha`` with ``alpha_error`` (of the kind ``error_kind``) and its parameters."""

    alpha: Any
    alpha_error: Any
    budget: Fraction
    depth: int = 1
    notion: str = "weak"
    widths: tuple[str, ...] = ()

    @property
    def decimal(self) -> str:
        """alpha with ``digits`` decimal places, all of them known."""
        from mpmath import floor, log10, workdps

        with workdps(self.digits + 20):
            return known_digits(self.alpha, self.alpha_error, self.digits + 1 + int(floor(log10(self.alpha))))

    def to_json(self) -> dict[str, Any]:
        """The object that ``flrdt capacity --json`` prints; ``alpha_error`` includes the rounding of ``alpha``."""
        from mpmath import mpf, nstr, workdps

        with workdps(self.digits + 20):
            text = self.decimal
            error = self.alpha_error + abs(mpf(text) - self.alpha)
            shown = nstr(error * mpf("1.05"), 2)
        common = self._common()
        return {
            "alpha": text,
            "alpha_error": shown,
            "error_kind": common.pop("error_kind"),
            "digits": common.pop("digits"),
            "level": common.pop("level"),
            "depth": self.depth,
            "notion": self.notion,
            "budget": str(self.budget),
            "gate": common.pop("gate"),
            "radius": common.pop("radius"),
            "widths": list(self.widths),
            **common,
        }


@dataclass(frozen=True)
class Energy(Result):
    """A ground-state energy ``e_r(alpha)`` with its slope ``de/dalpha`` (envelope theorem)."""

    alpha: Fraction
    energy: Any
    energy_error: Any
    slope: Any
    zero: bool = False

    @property
    def decimal(self) -> str:
        """The energy with the digits that are known, at most ``digits``."""
        from mpmath import workdps

        with workdps(self.digits + 20):
            return "0" if self.zero else known_digits(self.energy, self.energy_error, self.digits)

    def to_json(self) -> dict[str, Any]:
        """The object that ``flrdt energy --json`` prints."""
        from mpmath import mpf, nstr, workdps

        with workdps(self.digits + 20):
            text = self.decimal
            error = self.energy_error + abs(mpf(text) - self.energy)
            slope = "0" if self.zero else known_digits(self.slope, self.energy_error * 100 + error, self.digits)
            return {
                "alpha": str(self.alpha),
                "energy": text,
                "energy_error": nstr(error * mpf("1.05"), 2) if error else "0",
                "slope": slope,
                **self._common(),
            }


def status_of(level: Level) -> str:
    """Status of a one-layer level value (theory, section 6)."""
    return "rigorous upper bound" if level.r == 1 or level.partial else Status.FULLY_LIFTED.value


def as_gate(value: Gate | InjectiveGate | str, radius: Fraction | int | str = 1) -> Gate | InjectiveGate:
    """A gate from a gate object, a name or an active set; ``radius`` belongs to the last two.

    Raises ``InputError`` for a radius that is not positive or that comes with a gate object.
    """
    norm = parse_number(radius, "radius", positive=True)
    if isinstance(value, str):
        return read_gate(value, _sympy(norm))
    if norm != 1:
        raise InputError("a gate object carries its own radius: use Gate(active, name, radius)")
    return value


def _injective_capacity(gate: InjectiveGate, level: Level, digits: int, budget: Fraction, started: float) -> Capacity:
    """All m outputs stay active, so m = budget * n of them are enough, and exactly enough."""
    from mpmath import mpf, workdps

    with workdps(digits + 20):
        value, zero = mpf(budget.numerator) / budget.denominator, mpf(0)
    return Capacity(
        level=str(level),
        digits=digits,
        gate=str(gate),
        parameters={},
        parameter_errors={},
        residual=zero,
        status=f"rigorous value: {gate.reason}",
        backend="exact",
        seconds=time.perf_counter() - started,
        error_kind="enclosure",
        alpha=value,
        alpha_error=zero,
        budget=budget,
    )


class _Lazy:
    """A goal whose constant is converted at the precision of each call."""

    def __init__(self, make: Callable, constant: Fraction, backend_name: str) -> None:
        self.make, self.constant, self.name = make, constant, backend_name

    def goal(self) -> tuple[Callable, Callable]:
        b = get_backend(self.name)

        def value(A, B):
            return self.make(b.number(self.constant))[0](A, B)

        def gradient(A, B, dA, dB):
            return self.make(b.number(self.constant))[1](A, B, dA, dB)

        return value, gradient


@lru_cache(maxsize=64)
def _compiled_psi(level: Level) -> tuple[list[str], Any]:
    """Psi-form parameters and their Jacobian in the energy-form ones, for mpmath."""
    forms = psi_parameters(level)
    symbols = objective(level=level).parameters()
    rows = [*forms.values(), *(diff(f, s) for f in forms.values() for s in symbols)]
    return list(forms), compile_scalar(rows, symbols, get_backend("mpmath"))


def _named(level: Level, solution: Solution) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters of both forms by name, and their error estimates (of the psi form to first order)."""
    names = [str(s) for s in objective(level=level).parameters()]
    values = dict(zip(names, solution.parameters, strict=True))
    errors = dict(zip(names, solution.parameter_errors, strict=True))
    psi_names, compiled = _compiled_psi(level)
    rows = compiled(*solution.parameters)
    count, n = len(psi_names), len(names)
    for i, name in enumerate(psi_names):
        values[name] = rows[i]
        slopes = rows[count + i * n : count + (i + 1) * n]
        errors[name] = sum(abs(s) * e for s, e in zip(slopes, solution.parameter_errors, strict=True))
        errors[name] += abs(rows[i]) * solution.relative_rounding
    return values, errors


PLAIN_NOTE = "; partial lifting does not help here (y_2 -> 0), so this is the plain value"


def _solved(
    network: Network, level: Level, make: Callable, constant: Fraction, digits: int, backend: str, report: Callable
) -> tuple[Level, Solution]:
    """Solve at the level, or at the plain one where partial lifting does not improve on it."""
    goal, float_goal = _Lazy(make, constant, backend).goal(), make(float(constant))
    if level.partial and not partial_lifting_helps(network, _Lazy(make, constant, "arb").goal(), float_goal):
        level = Level(1)
    return level, solve(network, level, goal, float_goal, digits, backend, report)


def capacity(
    level: Level | int | str = 2,
    digits: int | str = 30,
    *,
    gate: Gate | InjectiveGate | str = "relu",
    radius: Fraction | int | str = 1,
    budget: Fraction | int | str = 1,
    backend: str = "arb",
    report: Callable[[str], None] = lambda _: None,
) -> Capacity:
    """The injectivity capacity of one layer at a lifting level.

    ``alpha`` is the minimum over the parameters of ``(A + budget)/(-B)`` where ``P_r = A + alpha B`` is the energy form.
    ``gate`` is a gate object, a name or an active set; ``radius`` is the norm of the inputs, which matters to gates that
    are not positively homogeneous.  A gate that is injective everywhere has capacity ``budget`` at every level.
    Raises ``LevelError``, ``GateError`` or ``InputError`` (all ``ValueError``) for bad input and ``ConvergenceError`` if
    the solve fails.  Source: arXiv 2410.20646 (one layer, fully lifted RDT).

    >>> capacity(level=1, digits=12).decimal
    '7.647694935435'
    """
    started = time.perf_counter()
    level, digits, the_gate = Level.parse(level), parse_digits(digits), as_gate(gate, radius)
    count = parse_number(budget, "budget", positive=True)
    get_backend(backend)
    if isinstance(the_gate, InjectiveGate):
        return _injective_capacity(the_gate, level, digits, count, started)
    network = Network(the_gate, 1, _sympy(count))
    used, solution = _solved(network, level, capacity_goal, count, digits, backend, report)
    from mpmath import workdps

    with workdps(digits + 20):
        parameters, errors = _named(used, solution)
    return Capacity(
        level=str(level),
        digits=digits,
        gate=str(the_gate),
        radius=str(the_gate.radius),
        parameters=parameters,
        parameter_errors=errors,
        residual=solution.residual,
        status=status_of(level) + ("" if used == level else PLAIN_NOTE),
        backend=backend,
        seconds=time.perf_counter() - started,
        alpha=solution.value,
        alpha_error=solution.value_error,
        budget=count,
    )


def _sympy(value: Fraction) -> Any:
    from sympy import Rational

    return Rational(value.numerator, value.denominator)


def energy(
    alpha: Fraction | int | str,
    level: Level | int | str = 2,
    digits: int | str = 30,
    *,
    gate: Gate | InjectiveGate | str = "relu",
    radius: Fraction | int | str = 1,
    backend: str = "arb",
    report: Callable[[str], None] = lambda _: None,
) -> Energy:
    """The ground-state energy ``e_r(alpha) = -min P_r`` of one layer, with ``de/dalpha = -B`` at the minimum.

    Below the zero-energy threshold (alpha <= 2 for the ReLU) the infimum is 0, reached as chi -> oo; the result then
    says so and has no parameters.  Raises as :func:`capacity`.

    >>> energy(2).zero, energy(3, level=1, digits=5).decimal
    (True, '0.097516')
    """
    started = time.perf_counter()
    level, digits, the_gate = Level.parse(level), parse_digits(digits), as_gate(gate, radius)
    at = parse_number(alpha, "alpha", positive=True)
    if isinstance(the_gate, InjectiveGate):
        raise GateError(f"gate {the_gate} has no ground-state energy to solve for, e(alpha) = alpha: {the_gate.reason}")
    from mpmath import mpf, workdps

    common: dict[str, Any] = {
        "level": str(level),
        "digits": digits,
        "gate": str(the_gate),
        "radius": str(the_gate.radius),
        "backend": backend,
        "alpha": at,
    }
    if _zero_energy(the_gate, at):
        with workdps(digits + 20):
            zero = mpf(0)
        return Energy(
            **common,
            parameters={},
            parameter_errors={},
            residual=zero,
            energy=zero,
            energy_error=zero,
            slope=zero,
            zero=True,
            status="zero energy: alpha is at or below the threshold of this gate",
            seconds=time.perf_counter() - started,
        )
    used, solution = _solved(Network(the_gate), level, energy_goal, at, digits, backend, report)
    with workdps(digits + 20):
        parameters, errors = _named(used, solution)
        return Energy(
            **common,
            parameters=parameters,
            parameter_errors=errors,
            residual=solution.residual,
            energy=-solution.value,
            energy_error=solution.value_error,
            slope=-solution.terms.B,
            status=(
                Status.FULLY_LIFTED.value if status_of(level) == Status.FULLY_LIFTED.value else "rigorous lower bound"
            )
            + ("" if used == level else PLAIN_NOTE),
            seconds=time.perf_counter() - started,
        )


def _zero_energy(the_gate: Gate, at: Fraction) -> bool:
    """Whether the energy vanishes: known exactly when the inactive set is convex."""
    from flrdt.derive.innermost import zero_energy_threshold

    if not the_gate.convex_complement:
        return False
    threshold = zero_energy_threshold(the_gate)
    return bool(_sympy(at) <= threshold)
