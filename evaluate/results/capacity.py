"""The public calls: injectivity capacity and ground-state energy of one layer, at any level and to any digits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flrdt.derive import Gate, GateError, InjectiveGate, Level, Lifting, Network, Status
from flrdt.derive.core.symbols import chi
from flrdt.derive.networks.gates import read_gate
from flrdt.derive.objectives.energy_map import lambda_forms, psi_forms

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_scalar
from ..arithmetic.decimals import InputError, error_text, known_digits, parse_digits, parse_number
from ..arithmetic.exclusive import exclusive
from ..arithmetic.printed import printed
from ..solve.enclosure import GUARD, exact_mpf
from ..solve.one_layer import solve_one_layer
from ..solve.point import CertifyError, ConvergenceError, Point, as_ball
from ..systems.system import CapacityGoal, EnergyGoal, Goal
from .shown_values import ShownValue, equation

__all__ = ["Capacity", "Energy", "capacity", "energy"]


def shown_error(text: str, value: Any, error: Any, digits: int) -> str:
    """The error of a printed decimal: that of the value, and its rounding."""
    from mpmath import mpf, workdps

    with workdps(digits + 20):
        return error_text(error + abs(mpf(text) - value))


def tool_version() -> str:
    """The installed version of flrdt."""
    try:
        return version("flrdt")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, repr=False)
class Result(ShownValue):
    """What every solved value carries.  Numbers are mpf; errors say what kind they are, and ``unproved`` why they are no
    enclosures where a proof was wanted.
    """

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
    unproved: str = field(default="", kw_only=True)
    radius: str = field(default="1", kw_only=True)

    def _show(self, **numbers: str) -> None:
        """Have numbers of this result print the digits that are known of them."""
        from mpmath import workdps

        for name, text in numbers.items():
            object.__setattr__(self, name, printed(getattr(self, name), text))
        with workdps(self.digits + 20):
            shown = {
                name: printed(value, known_digits(value, self.parameter_errors[name], self.digits))
                for name, value in self.parameters.items()
            }
        object.__setattr__(self, "parameters", shown)

    def _number(self) -> tuple[str, str, str, Any]:
        """What is solved for: as text and in TeX, its decimal, and its error."""
        raise NotImplementedError

    def _line(self) -> str:
        name, _, value, error = self._number()
        where = f"level {self.level}, gate {self.gate}"
        return f"{name} = {value}, error < {error_text(error)} ({self.error_kind}), {where}: {self.status}"

    def _tex(self) -> str:
        _, symbol, value, error = self._number()
        return equation(symbol, value, error_text(error))

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
                "parameters": shown,
                "residual": nstr(self.residual, 2),
                "status": self.status,
                "backend": self.backend,
                "seconds": round(self.seconds, 3),
                "version": tool_version(),
                "radius": self.radius,
                **({"unproved": self.unproved} if self.unproved else {}),
            }


@dataclass(frozen=True, repr=False)
class Capacity(Result):
    """An injectivity capacity: ``alpha`` with ``alpha_error`` (of the kind ``error_kind``) and its parameters."""

    alpha: Any
    alpha_error: Any
    budget: Fraction
    depth: int = 1
    notion: str = "weak"
    widths: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._show(alpha=self.decimal)

    def _number(self) -> tuple[str, str, str, Any]:
        symbol = r"\alpha" if self.depth == 1 else rf"\alpha_{{{self.depth}}}"
        return "alpha", symbol, self.decimal, self.alpha_error

    @property
    @exclusive
    def decimal(self) -> str:
        """alpha with ``digits`` decimal places, all of them known."""
        from mpmath import floor, log10, workdps

        with workdps(self.digits + 20):
            return known_digits(self.alpha, self.alpha_error, self.digits + 1 + int(floor(log10(self.alpha))))

    @exclusive
    def to_json(self) -> dict[str, Any]:
        """The object that ``flrdt capacity --json`` prints; ``alpha_error`` includes the rounding of ``alpha``."""
        text = self.decimal
        shown = shown_error(text, self.alpha, self.alpha_error, self.digits)
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
            "widths": list(self.widths),
            **common,
        }


@dataclass(frozen=True, repr=False)
class Energy(Result):
    """A ground-state energy ``e_r(alpha)`` with its slope ``de/dalpha`` (envelope theorem)."""

    alpha: Fraction
    energy: Any
    energy_error: Any
    slope: Any
    slope_error: Any = 0
    zero: bool = False

    def __post_init__(self) -> None:
        self._show(energy=self.decimal)

    def _number(self) -> tuple[str, str, str, Any]:
        name = f"e({self.alpha})"
        return name, name, self.decimal, self.energy_error

    @property
    @exclusive
    def decimal(self) -> str:
        """The energy with the digits that are known, at most ``digits``."""
        from mpmath import workdps

        with workdps(self.digits + 20):
            return "0" if self.zero else known_digits(self.energy, self.energy_error, self.digits)

    @exclusive
    def to_json(self) -> dict[str, Any]:
        """The object that ``flrdt energy --json`` prints."""
        from mpmath import mpf, workdps

        with workdps(self.digits + 20):
            text = self.decimal
            error = self.energy_error + abs(mpf(text) - self.energy)
            slope = "0" if self.zero else known_digits(self.slope, self.slope_error, self.digits)
            return {
                "alpha": str(self.alpha),
                "energy": text,
                "energy_error": error_text(error),
                "slope": slope,
                **self._common(),
            }


def status_of(level: Level, gate: Gate, bound: str) -> str:
    """Status of a one-layer value, a bound from above or from below where that is proved (theory, section 6).

    At the partial level the proof needs that ``log E exp(-y M_chi)`` is concave in chi: so it is for the rectifier.
    """
    if level.r == 1 or (level.partial and gate.homogeneous):
        return f"rigorous {bound} bound"
    return (Status.LIFTED if level.partial else Status.FULLY_LIFTED).value


def as_gate(value: Gate | InjectiveGate | str, radius: Fraction | int | str = 1) -> Gate | InjectiveGate:
    """A gate from a gate object, a name or an active set; ``radius`` belongs to the last two.

    Raises ``InputError`` for a radius that is not positive or that comes with a gate object.
    """
    norm = parse_number(radius, "radius", positive=True)
    if isinstance(value, str):
        return read_gate(value, _sympy(norm))
    if norm != 1:
        raise InputError("a gate object carries its own radius: use Gate(active, name, radius)")
    if not isinstance(value, (Gate, InjectiveGate)):
        raise GateError(f"gate {value!r} is not a gate: use a name like 'relu', an active set like '(-1,1)' or a Gate")
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


@lru_cache(maxsize=64)
def _compiled_psi(level: Level, arithmetic: str = "mpmath") -> tuple[list[str], Callable]:
    """Names of the psi-form parameters, and the function of the energy-form ones that gives them.

    The Lambda_k are computed first: written out in one expression the forms would grow with the cube of the level.
    """
    lifting = Lifting(level)
    symbols = _parameter_symbols(level)
    running, forms, b = lambda_forms(lifting), psi_forms(lifting), get_backend(arithmetic)
    first = compile_scalar(list(running.values()), symbols, b)
    second = compile_scalar(list(forms.values()), [*symbols, *running], b)
    return list(forms), lambda z: second(*z, *first(*z))


def _parameter_symbols(level: Level) -> list[Any]:
    lifting = Lifting(level)
    return [chi, *lifting.overlaps(lifting.p), *(lifting.y(k) for k in lifting.steps)]


def _named(level: Level, point: Point, digits: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters of both forms by name, and their errors.

    Where those of the energy form are proved, the psi form is evaluated in balls.  Elsewhere its errors are the sum of its
    changes when one energy-form parameter at a time moves by its error.
    """
    names = [str(s) for s in _parameter_symbols(level)]
    from mpmath import mpf

    if point.proved:
        from flint import ctx

        psi_names, psi = _compiled_psi(level, "arb")
        with ctx.workprec(4 * (digits + GUARD) + 64):
            balls = [as_ball(v, e) for v, e in zip(point.values, point.errors, strict=True)]
            shown = dict(zip([*names, *psi_names], [*balls, *psi(balls)], strict=True))
            return {n: exact_mpf(v) for n, v in shown.items()}, {n: exact_mpf(v.rad()) for n, v in shown.items()}
    z = list(point.values)
    psi_names, psi = _compiled_psi(level)
    found = psi(z)
    spread = [abs(v) * mpf(10) ** (-digits - GUARD) for v in found]
    for i, error in enumerate(point.errors):
        moved = psi([*z[:i], z[i] + error, *z[i + 1 :]])
        spread = [s + abs(m - v) for s, m, v in zip(spread, moved, found, strict=True)]
    values = dict(zip([*names, *psi_names], [*z, *found], strict=True))
    errors = dict(zip([*names, *psi_names], [*point.errors, *spread], strict=True))
    return values, errors


PROVED = 4
"""The highest level whose values are enclosed unless estimates are asked for: above it a proof takes much longer."""


def _solved(
    network: Network, level: Level, goal: Goal, digits: int, backend: str, report: Callable[[str], None],
    near: Sequence[float] | None, certified: bool | None,
) -> tuple[Level, Point, str]:  # fmt: skip
    """The level and point of a solve, and why the point is not proved where a proof was wanted but not insisted on."""
    said = ""
    if certified or (certified is None and level.r <= PROVED and backend == "arb"):
        try:
            return *solve_one_layer(network, level, goal, digits, "arb", report, near, True), ""
        except ConvergenceError as problem:
            said = str(problem)
    used, point = solve_one_layer(network, level, goal, digits, backend, report, near)
    if certified:
        raise CertifyError(f"no proof of the value was found: {said}")
    return used, point, said


NOTES = {
    1: "; partial lifting does not help here (y_2 -> 0), so this is the plain value",
    2: "; full lifting does not help here (p_2 -> 0), so this is the partially lifted value",
}
"""What a status says when the minimum of a level is at its border, by the r of the lower level whose value it is."""


def _noted(status: str, level: Level, used: Level) -> str:
    return status if used == level else status + NOTES[used.r]


@exclusive
def capacity(
    level: Level | int | str = 2,
    digits: int | str = 30,
    *,
    gate: Gate | InjectiveGate | str = "relu",
    radius: Fraction | int | str = 1,
    budget: Fraction | int | str = 1,
    backend: str = "arb",
    certified: bool | None = None,
    near: Sequence[float] | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Capacity:
    """The injectivity capacity of one layer at a lifting level.

    ``alpha`` is the minimum over the parameters of ``(A + budget)/(-B)`` where ``P_r = A + alpha B`` is the energy form.
    ``gate`` is a gate object, a name or an active set; ``radius`` is the norm of the inputs, which matters to gates that
    are not positively homogeneous.  A gate that is injective everywhere has capacity ``budget`` at every level.
    Raises ``LevelError``, ``GateError`` or ``InputError`` (all ``ValueError``) for bad input and ``ConvergenceError`` if
    the solve fails.  ``near`` gives the parameters ``(chi, p_2.., y_2..)`` of a similar problem to start from at a full
    level; where no minimum lies close to them the solve starts as without.  Up to level 4 the value is
    proved (with the arb backend): within its error there is exactly one stationary value, and ``error_kind`` is
    "enclosure".  With ``certified`` so it is at every level, and ``CertifyError`` is raised if no proof is found; without
    it the error is then an estimate, and ``unproved`` says why.  ``certified=False`` asks for the estimate.  Source: arXiv 2410.20646 (one layer, fully lifted RDT).

    >>> capacity(level=1, digits=12).decimal
    '7.647694935435'
    """
    started = time.perf_counter()
    level, digits, the_gate = Level.parse(level), parse_digits(digits), as_gate(gate, radius)
    count = parse_number(budget, "budget", positive=True)
    get_backend(backend)
    if isinstance(the_gate, InjectiveGate):
        return _injective_capacity(the_gate, level, digits, count, started)
    if near is not None and len(near) != 2 * level.r - 1:
        raise InputError(f"near has {len(near)} numbers: give the {2 * level.r - 1} parameters of level {level}")
    network = Network(the_gate, 1, _sympy(count))
    used, point, unproved = _solved(network, level, CapacityGoal(count), digits, backend, report, near, certified)
    from mpmath import workdps

    with workdps(digits + 20):
        parameters, errors = _named(used, point, digits)
    return Capacity(
        level=str(level),
        digits=digits,
        gate=str(the_gate),
        radius=str(the_gate.radius),
        parameters=parameters,
        parameter_errors=errors,
        residual=point.residual,
        status=_noted(status_of(level, the_gate, "upper"), level, used),
        error_kind="enclosure" if point.proved else "estimate",
        unproved=unproved,
        backend="arb" if point.proved else backend,
        seconds=time.perf_counter() - started,
        alpha=point.value,
        alpha_error=point.value_error,
        budget=count,
    )


def _sympy(value: Fraction) -> Any:
    from sympy import Rational

    return Rational(value.numerator, value.denominator)


@exclusive
def energy(
    alpha: Fraction | int | str,
    level: Level | int | str = 2,
    digits: int | str = 30,
    *,
    gate: Gate | InjectiveGate | str = "relu",
    radius: Fraction | int | str = 1,
    backend: str = "arb",
    certified: bool | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Energy:
    """The ground-state energy ``e_r(alpha) = -min P_r`` of one layer, with ``de/dalpha = -B`` at the minimum.

    Up to the zero-energy threshold (alpha <= 2 for the ReLU) the infimum is 0, reached as chi -> oo; the result then
    says so and has no parameters.  ``certified`` is that of :func:`capacity`; raises as it does.

    >>> energy(2).zero, energy("7.647694935435279817", level=1, digits=12).decimal  # the plain capacity: e = 1
    (True, '1.00000000000')
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
    if _zero_energy(the_gate, level, at):
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
    goal = EnergyGoal(at)
    used, point, unproved = _solved(Network(the_gate), level, goal, digits, backend, report, None, certified)
    with workdps(digits + 20):
        parameters, errors = _named(used, point, digits)
        return Energy(
            **common,
            parameters=parameters,
            parameter_errors=errors,
            residual=point.residual,
            energy=-point.value,
            energy_error=point.value_error,
            slope=-point.B,
            slope_error=point.B_error,
            status=_noted(status_of(level, the_gate, "lower"), level, used),
            error_kind="enclosure" if point.proved else "estimate",
            unproved=unproved,
            seconds=time.perf_counter() - started,
        )


def _zero_energy(the_gate: Gate, level: Level, at: Fraction) -> bool:
    """Whether the energy of the level vanishes: it does up to the plain threshold at level 1.

    Where the inactive set is convex the threshold is the same at every level; elsewhere lifting lowers it.
    """
    from flrdt.derive.blocks.innermost import zero_energy_threshold

    if level.r > 1 and not the_gate.convex_complement:
        return False
    return bool(_sympy(at) <= zero_energy_threshold(the_gate))
