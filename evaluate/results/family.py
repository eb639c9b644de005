r"""Values of the family: capacities of hard sets, energies of costs, ground states, to any number of digits.

Whatever a value is, it says four things apart: the number with its error, whether that error is enclosed or estimated, what the
theory says of the value, and at which level it was found where lifting stops helping.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy
from mpmath import floor, fneg, log10, mpf, nstr, workdps
from sympy import Expr

from flrdt.derive.blocks.entropy import entropy, first_moment, plain_ising
from flrdt.derive.blocks.outputs import Cost, HardSet
from flrdt.derive.conditions.criteria import half_line_criteria, kappa, lifting_criteria
from flrdt.derive.core.symbols import Level
from flrdt.derive.networks.problems import NormOutput, Problem, SymmetricCoupling
from flrdt.derive.networks.problems import problem as named

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_scalar
from ..arithmetic.decimals import InputError, known_digits, parse_digits, parse_number
from ..arithmetic.exclusive import exclusive
from ..solve.enclosure import exact_mpf
from ..solve.family import closed_point, level_minima, solve_family, stationary
from ..solve.newton import refine
from ..solve.point import ConvergenceError, Point
from ..systems.entropic import EntropicSystem
from ..systems.family import FamilySystem
from .capacity import shown_error, tool_version
from .shown_values import ShownValue, equation

__all__ = ["FamilyValue", "LiftingVerdict", "as_problem", "family_value", "lifting_verdict", "partial_threshold"]

FREE_WARNING = (
    "free order of the lifting parameters: a stationary point of the extended variational problem, not a bound and not a "
    "satisfiability threshold"
)
Report = Callable[[str], None]


@dataclass(frozen=True, repr=False)
class FamilyValue(ShownValue):
    """A value of a problem at a level.  Numbers are mpf.

    ``level`` is the level asked for and ``reached`` the one whose value it is: lower where lifting does not help, and ``reason``
    then says why.  ``error_kind`` is ``enclosure`` where ball arithmetic proves the error, else ``estimate``.
    """

    problem: Problem
    level: str
    reached: str
    value: Any
    error: Any
    error_kind: str
    digits: int
    parameters: dict[str, Any]
    parameter_errors: dict[str, Any]
    status: str
    seconds: float
    reason: str = ""
    warning: str = ""
    inertia: tuple[int, int] | None = None
    residual: Any = field(default=0)

    @property
    def decimal(self) -> str:
        """The value with ``digits`` decimal places, all of them known."""
        with workdps(self.digits + 20):
            if self.value == 0:
                return "0"
            return known_digits(self.value, self.error, self.digits + 1 + int(floor(log10(abs(self.value)))))

    def to_json(self) -> dict[str, Any]:
        """The object that the commands print with ``--json``."""
        text = self.decimal
        with workdps(self.digits + 20):
            parameters = {n: known_digits(v, self.parameter_errors[n], self.digits) for n, v in self.parameters.items()}
            shown: dict[str, Any] = {
                "problem": str(self.problem),
                "quantity": self.problem.quantity,
                "value": text,
                "value_error": shown_error(text, self.value, self.error, self.digits),
                "error_kind": self.error_kind,
                "digits": self.digits,
                "level": self.level,
                "reached_level": self.reached,
                "reason": self.reason,
                "parameters": parameters,
                "residual": nstr(mpf(self.residual), 2),
                "inertia": None if self.inertia is None else list(self.inertia),
                "status": self.status,
                "warning": self.warning,
                "backend": "arb",
                "seconds": round(self.seconds, 3),
                "version": tool_version(),
            }
        if self.problem.alpha is not None:
            shown["alpha"] = str(self.problem.alpha)
        elif self.problem.quantity == "capacity":
            shown["alpha"], shown["alpha_error"] = text, shown["value_error"]
        return shown

    def _line(self) -> str:
        return f"{self.problem} at level {self.level}: {nstr(self.value, 12)}, {self.status}"

    def _tex(self) -> str:
        shown = self.to_json()
        return equation(rf"\text{{{self.problem}}}", str(shown["value"]), str(shown["value_error"]))


def as_problem(given: Problem | str) -> Problem:
    """A problem, or the problem of a word."""
    return given if isinstance(given, Problem) else named(given)


def status_of(problem: Problem, level: Level, free: bool = False) -> str:
    """What the theory says of the value of a level."""
    if free:
        return "free-order value (conjectural)"
    low = level.r == 1 or level.partial
    output = problem.output
    if isinstance(output, SymmetricCoupling):
        return "rigorous upper bound"  # Guerra's interpolation, at every level
    if isinstance(output, NormOutput):
        if low:
            return "rigorous upper bound" if output.sign > 0 else "rigorous lower bound"
    elif problem.ising:
        if level.r == 2 and isinstance(output, HardSet):
            if output.symmetric and output.convex:
                return "theorem"  # first moment: Abbe, Li and Sly; Perkins and Xu
            if level.partial or output.symmetric:
                return "rigorous upper bound"  # a first moment, by Markov's inequality
            if output.half_line == 0:
                return "theorem under numerical conditions"  # Ding and Sun below, Huang above
    elif isinstance(output, HardSet):
        if output.half_line is not None and problem.kernel.identity:
            if output.half_line >= 0:
                return "theorem"  # Gardner's formula: Shcherbina and Tirozzi; Stojnic
            if low:
                return "rigorous upper bound"
        elif output.half_line is not None and level.r == 1:
            return "rigorous upper bound"
    return "lifted RDT value" if low else "fully lifted RDT value"


@exclusive
def family_value(
    problem: Problem | str,
    level: Level | int | str = 2,
    digits: int | str = 30,
    *,
    alpha: Fraction | int | str | None = None,
    free_order: bool = False,
    branch: str | None = None,
    report: Report = lambda _: None,
) -> FamilyValue:
    """The value of a problem of the family at a level, to ``digits`` decimal places.

    ``problem`` is a word such as ``perceptron:kappa=-3/2`` or a :class:`~flrdt.derive.networks.problems.Problem`; ``alpha`` is the aspect
    ratio of an energy.  With ``free_order`` the lifting parameters need not fall with the level.  ``branch`` is ``symmetric`` for
    the branch of an even problem whose outermost overlap vanishes, ``full`` for the other one; without it a symmetric set
    with a gap around 0 takes the lower of both, and the symmetric one with ``free_order``.
    Raises ``InputError`` for bad input and ``ConvergenceError`` where no stationary point was found.

    >>> print(family_value("perceptron:kappa=0", 1, 10).decimal)
    2.0000000000
    """
    started = time.perf_counter()
    wanted, at = parse_digits(digits), Level.parse(level)
    given = requested(problem, at, alpha, branch)
    if isinstance(given.output, Cost) and given.alpha is None:
        return _from_zero(given, at, wanted, free_order, report, branch)
    with workdps(wanted + 20):
        if given.ising or _is_smallest(given):
            solve = _ising if given.ising else _smallest
            return solve(given, at, wanted, free_order, report, started)
        return _minimised(given, at, wanted, free_order, report, started, branch)


def requested(
    problem: Problem | str,
    level: Level | int | str,
    alpha: Fraction | int | str | None = None,
    branch: str | None = None,
) -> Problem:
    """The problem that is to be solved, at its aspect ratio; raises ``InputError`` for what does not fit together."""
    given, at = as_problem(problem), Level.parse(level)
    if alpha is not None:
        if not isinstance(given.output, (Cost, NormOutput)):
            raise InputError(f"{given} takes no alpha: its {given.quantity} does not depend on one")
        ratio = parse_number(alpha, "alpha", positive=True)
        from sympy import Rational

        given = given.at(Rational(ratio.numerator, ratio.denominator))
    if branch is not None:
        _check_branch(given, at, branch)
    return given


def _check_branch(problem: Problem, level: Level, branch: str) -> None:
    if branch not in ("symmetric", "full"):
        raise InputError(f"unknown branch {branch!r}: use symmetric or full")
    if not problem.even:
        raise InputError(f"{problem} has one branch: only even problems have one with a vanishing outermost overlap")
    if problem.ising or _is_smallest(problem) or level.r < 3:
        raise InputError(f"{problem} has one branch at level {level}: leave the branch out")


def _is_smallest(problem: Problem) -> bool:
    return isinstance(problem.output, NormOutput) and problem.output.sign < 0


def _from_zero(
    problem: Problem, level: Level, digits: int, free: bool, report: Report, branch: str | None
) -> FamilyValue:
    """The capacity of a cost: where its energy leaves zero, which is the capacity of the set where it vanishes."""
    output = problem.output
    if not isinstance(output, Cost):
        raise InputError(f"{problem} is no cost")
    hard = Problem(problem.input, output.zero_set(), problem.kernel, name=f"{problem}, zero set {output.zero_set()}")
    return family_value(hard, level, digits, free_order=free, branch=branch, report=report)


def _closed(form: Expr, digits: int) -> tuple[Any, Any]:
    """A closed form in ball arithmetic: midpoint and radius as mpf."""
    b = get_backend("arb")
    with b.precision(int((digits + 12) * 3.33) + 32):
        ball = compile_scalar([form], (), b)()[0]
        ball = b.number(ball)
        return exact_mpf(ball), exact_mpf(ball.rad())


def _made(problem: Problem, level: Level, reached: Level, digits: int, started: float, **rest: Any) -> FamilyValue:
    defaults: dict[str, Any] = {"parameters": {}, "parameter_errors": {}, "status": status_of(problem, reached)}
    return FamilyValue(
        problem=problem,
        level=str(level),
        reached=str(reached),
        digits=digits,
        seconds=time.perf_counter() - started,
        **(defaults | rest),
    )


def _of_point(point: Point, sign: int = 1) -> dict[str, Any]:
    return {
        "value": point.value if sign > 0 else fneg(point.value, exact=True),  # rounding would leave the enclosure
        "error": point.value_error,
        "error_kind": "enclosure" if point.proved else "estimate",
        "parameters": dict(zip(point.names, point.values, strict=True)),
        "parameter_errors": dict(zip(point.names, point.errors, strict=True)),
        "inertia": point.inertia,
        "residual": point.residual,
    }


def _plain(problem: Problem, digits: int, finer: bool = False) -> tuple[Any, Any]:
    """The plain level of a problem without parameters there: an enclosure, but for a kernel that is integrated numerically.

    There the error is what further digits change.
    """
    if problem.kernel.value is None and not finer:
        (value, _), (better, radius) = _plain(problem, digits, True), _plain(problem, digits + 6, True)
        return better, abs(better - value) + radius
    system = FamilySystem(problem, Level(1), "arb")
    b = system.backend
    with b.precision(int((digits + 12) * 3.33) + 32):
        parts = system.parts([], system.grid([], digits))
        ball = b.number(system.goal.value(parts, b))
        return exact_mpf(ball), exact_mpf(ball.rad())


def _minimised(
    problem: Problem, level: Level, digits: int, free: bool, report: Report, started: float, branch: str | None
) -> FamilyValue:
    """Problems whose objective is minimised in everything: hard sets, committees, costs, SK, Hopfield +."""
    convex_line = isinstance(problem.output, HardSet) and problem.output.half_line is not None
    if convex_line and problem.kernel.identity and problem.output.half_line >= 0 and level.r > 1:  # type: ignore[operator, union-attr]
        value, error = _plain(problem, digits)
        reason = "Gardner's formula is exact for kappa >= 0: the plain level is stable and no lifting improves on it"
        return _made(
            problem, level, Level(1), digits, started, value=value, error=error, error_kind="enclosure", reason=reason
        )
    minima = level_minima(problem, level, free, report, branch)
    found = minima[-1] if minima else None
    proof = "estimate" if problem.kernel.value is None else "enclosure"
    sign = -1 if isinstance(problem.output, Cost) else 1
    if found is None:
        value, error = _plain(problem, digits)
        reason = "" if level.r == 1 else f"level {level} has no point below the plain value: lifting does not help"
        return _made(
            problem, level, Level(1), digits, started, value=value, error=error, error_kind=proof, reason=reason
        )
    point = solve_family(found, digits, report)
    reason = ""
    if found.level != level:
        reason = f"level {level} has no point of its own below the value of level {found.level}: lifting does not help further"
    free_point = free and not _falls(found.values, found.system)
    if found.system.outer_zero:
        reason = "; ".join(filter(None, (reason, "the outermost overlap vanishes: the symmetric branch")))
    rest = _of_point(point, sign)
    if free_point:
        rest |= {"status": status_of(problem, found.level, True), "warning": FREE_WARNING}
    return _made(problem, level, found.level, digits, started, reason=reason, **rest)


def _falls(values: Sequence[float], system: FamilySystem) -> bool:
    y = system.split(list(values))[2]
    return all(a > b for a, b in zip(y, [*y[1:], 0.0], strict=True))


def _ising(problem: Problem, level: Level, digits: int, free: bool, report: Report, started: float) -> FamilyValue:
    """Ising perceptrons: closed forms at levels 1 and 2p and for symmetric sets, the entropic form otherwise."""
    allowed = problem.output
    if not isinstance(allowed, HardSet):
        raise InputError(f"{problem} is no Ising perceptron")
    if level.r == 1:
        value, error = _closed(plain_ising(allowed), digits)
        return _made(problem, level, level, digits, started, value=value, error=error, error_kind="enclosure")
    if level.partial or (level.r == 2 and allowed.symmetric):
        value, error = _closed(first_moment(allowed), digits)
        reason = "the lifting parameter is infinite at the capacity: the entropic form at p = 0, a first moment"
        return _made(
            problem, level, level, digits, started, value=value, error=error, error_kind="enclosure", reason=reason
        )
    if level.r > 2 and not free:
        raise InputError(
            f"{problem}: no point of level {level} with falling lifting parameters improves on level 2; "
            "--order free gives the stationary point with free order, which is not a satisfiability threshold"
        )
    form = entropy(allowed, level)
    system = EntropicSystem(form, "float64")
    starts = _entropic_starts(form, report)
    for start in starts:
        try:
            x, hessian = stationary(system, system.coordinates([float(v) for v in start]))
        except ConvergenceError:
            continue
        report(f"level {level}: double-precision stationary point")
        point = refine(EntropicSystem(form), system.goal, x, digits, hessian, report)
        rest = _of_point(point)
        if level.r > 2:
            rest |= {"status": status_of(problem, level, True), "warning": FREE_WARNING}
        return _made(problem, level, level, digits, started, **rest)
    raise ConvergenceError(f"no stationary point of {problem} was found at level {level}")


def _entropic_starts(form: Any, report: Report) -> list[list[float]]:
    """Starting values of the entropic form: scales at level 2, patterns of the free order above."""
    r, symmetric = form.level.r, form.symmetric
    if r == 2:
        return [[p, q] for p in (0.5, 0.7, 0.3, 0.9, 0.1) for q in (2.0, 0.5, 6.0)]
    if r == 3:
        if symmetric:
            return [[p, q, m] for p in (0.98, 0.95, 0.99) for q in (0.9, 0.6, 1.5) for m in (4.2, 3.0, 6.0)]
        return [[p, 0.65, 1.0, 0.25, m] for p in (0.98, 0.95) for m in (4.3, 3.0, 6.0)]
    if r == 4 and symmetric:
        return [
            [p, 0.973, q, 0.085, m, n]
            for p in (0.9987, 0.998)
            for q in (1.17, 1.0)
            for m in (3.97, 3.5)
            for n in (11.4, 10.0)
        ]
    raise InputError(
        f"level {r}: the entropic form with free order is offered at level 3, and at level 4 for symmetric sets"
    )


def _smallest(problem: Problem, level: Level, digits: int, free: bool, report: Report, started: float) -> FamilyValue:
    """Hopfield -: maximised over the curvature, minimised over the rest; minus the stationary value."""
    if level.r > 2 and not free:
        raise InputError(
            f"{problem}: from level 3 on the lifting parameters are not ordered there; --order free gives the stationary "
            "point with free order, which is no bound"
        )
    reached = Level(2, True) if level.r == 2 else level
    reason = "q_2 = 0 is optimal at level 2, which is level 2p" if level == Level(2) else ""
    system = FamilySystem(problem, reached, "float64", reached.r > 2, reached.r > 2, negative=1)
    ratio = float(problem.alpha)  # type: ignore[arg-type]
    starts: list[list[float]]
    if reached.r == 1:
        starts = [[ratio**0.5]]
    elif reached.r == 2:
        starts = [[x * ratio**0.5, c] for c in (2.7, 1.5, 4.0) for x in (0.3, 0.15, 0.6)]
    elif reached.r == 3:
        starts = [
            [x, q, c, d]
            for q in (0.06, 0.1, 0.03)
            for c, d in ((2.2, 10.5), (2.0, 6.0), (3.0, 15.0))
            for x in (0.2, 0.1, 0.4)
        ]
    elif reached.r == 4:
        starts = [[x, 0.128, 0.0107, 2.13, 5.07, 28.0] for x in (0.15, 0.1, 0.2, 0.3, 0.4, 0.05)]
    else:
        raise InputError(f"level {level}: the smallest norm with free order is offered to level 4")
    for start in starts:
        try:
            x, hessian = stationary(system, system.coordinates(start))
            if sum(numpy.linalg.eigvalsh(numpy.array(hessian)) < 0) != 1:
                continue
        except ConvergenceError:
            continue
        balls = system.using("arb")
        closed = closed_point(balls, x, digits, report)
        point = closed or refine(balls, system.goal, x, digits, hessian, report)
        rest = _of_point(point, -1)
        if reached.r > 2:
            rest |= {"status": status_of(problem, reached, True), "warning": FREE_WARNING}
        return _made(problem, level, reached, digits, started, reason=reason, **rest)
    raise ConvergenceError(f"no stationary point of {problem} was found at level {level}")


@dataclass(frozen=True)
class LiftingVerdict:
    """Whether lifting helps a hard set on the sphere: both criteria as balls' midpoints and radii, and the plain value."""

    problem: Problem
    plain: tuple[Any, Any]
    stability: tuple[Any, Any]
    partial: tuple[Any, Any]
    stable: bool
    partial_helps: bool


@exclusive
def lifting_verdict(problem: Problem | str, digits: int | str = 15) -> LiftingVerdict:
    """Whether the plain level of a hard set on the sphere is stable, and whether partial lifting lowers it.

    Signs are decided in ball arithmetic.  Raises ``InputError`` for another problem and ``ConvergenceError`` if a sign is
    undecided at the digits.

    >>> lifting_verdict("perceptron:kappa=-1/2").stable, lifting_verdict("perceptron:kappa=-1/2").partial_helps
    (False, False)
    """
    given, wanted = as_problem(problem), parse_digits(digits)
    if not isinstance(given.output, HardSet) or given.ising or not given.kernel.identity:
        raise InputError(f"{given}: the criteria of lifting are those of hard sets with inputs on the sphere")
    criteria = lifting_criteria(given.output)
    with workdps(wanted + 20):
        forms = (criteria.plain, criteria.stability, criteria.partial)
        plain, stability, partial = (_closed(form, wanted) for form in forms)
        signs = []
        for form, (value, error) in zip(forms[1:], (stability, partial), strict=True):
            if form != 0 and abs(value) <= error:
                raise ConvergenceError("the sign of a criterion is undecided at these digits: ask for more")
            signs.append(value >= 0)
        return LiftingVerdict(given, plain, stability, partial, signs[0], not signs[1])


@exclusive
def partial_threshold(digits: int | str = 30) -> tuple[Any, Any, Any]:
    """The margin below which partial lifting lowers the capacity of the spherical perceptron, its error, and alpha_1 there.

    The root of ``m_4 - m_2^2 = 2 m_2`` in the margin, enclosed by a change of sign in ball arithmetic.
    Raises ``ConvergenceError`` if the signs are undecided.

    >>> value, error, alpha = partial_threshold(8)
    >>> from mpmath import nstr
    >>> nstr(value, 8), nstr(alpha, 8)
    ('-0.62192288', '6.0319257')
    """
    wanted = parse_digits(digits)
    b = get_backend("arb")
    criteria = half_line_criteria()
    with workdps(wanted + 15), b.precision(int((wanted + 15) * 3.33) + 64):
        compiled = compile_scalar([criteria.partial, criteria.plain], (kappa,), b)
        low, high = mpf("-0.7"), mpf("-0.5")
        tolerance = mpf(10) ** (-wanted - 2)

        def sign(at: Any) -> int:
            value = compiled(b.number(at))[0]
            if not (value > 0 or value < 0):
                raise ConvergenceError("the sign of the criterion is undecided at this precision")
            return 1 if value > 0 else -1

        if sign(low) > 0 or sign(high) < 0:
            raise ConvergenceError("the criterion does not change its sign where it should")
        while high - low > tolerance:
            middle = (low + high) / 2
            low, high = (middle, high) if sign(middle) < 0 else (low, middle)
        root = (low + high) / 2
        return root, high - low, b.to_mpf(compiled(b.number(root))[1])
