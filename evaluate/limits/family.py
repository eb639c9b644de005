r"""The limit r -> infinity of a problem of the family, by acceleration of its levels."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mpmath import mp, mpf, nstr, workdps

from flrdt.derive.blocks.outputs import Cost
from flrdt.derive.core.symbols import Level
from flrdt.derive.networks.problems import Problem, SymmetricCoupling

from ..arithmetic.decimals import InputError, error_text, known_digits, parse_digits
from ..arithmetic.exclusive import exclusive
from ..results.capacity import shown_error, tool_version
from ..results.family import as_problem, family_value
from ..results.shown_values import ShownValue, equation
from ..solve.family import gapped, minima, solve_family
from ..solve.point import ConvergenceError
from .acceleration import accelerate, carried
from .limits import ENOUGH, GUARD, SHORTEST

__all__ = ["FamilyLimit", "family_limit"]

DEEPEST = 24
Report = Callable[[str], None]


@dataclass(frozen=True, repr=False)
class FamilyLimit(ShownValue):
    """The accelerated value with its error estimate, and the levels it came from."""

    problem: Problem
    digits: int
    value: Any
    error: Any
    levels: tuple[tuple[str, Any, Any], ...]
    status: str
    seconds: float
    reason: str = ""
    error_kind: str = "estimate"

    def _line(self) -> str:
        shown = self.to_json()
        return f"of {self.problem}: {shown['value']}, error < {shown['value_error']}: {self.status}"

    def _tex(self) -> str:
        shown = self.to_json()
        return equation(rf"\text{{{self.problem}}}", shown["value"], shown["value_error"])

    def to_json(self) -> dict[str, Any]:
        """The object that ``flrdt limit --problem WORD --json`` prints."""
        with workdps(self.digits + 30):
            whole = int(mp.floor(mp.log10(abs(self.value)))) + 1
            text = known_digits(self.value, self.error, self.digits + whole)
            return {
                "problem": str(self.problem),
                "quantity": self.problem.quantity,
                "value": text,
                "value_error": shown_error(text, self.value, self.error, self.digits),
                "error_kind": self.error_kind,
                "digits": self.digits,
                "level": "inf",
                "levels": [
                    {"level": level, "value": known_digits(v, e, self.digits + GUARD)} for level, v, e in self.levels
                ],
                "status": self.status,
                "reason": self.reason,
                "seconds": round(self.seconds, 3),
                "version": tool_version(),
            }


@exclusive
def family_limit(
    problem: Problem | str,
    digits: int | str = 8,
    *,
    max_level: int | str | None = None,
    report: Report = lambda _: None,
) -> FamilyLimit:
    """The limit of the levels of a problem, to ``digits`` decimal places.

    Levels are added until the accelerations agree; the error is the spread of the accelerations and what the errors of the levels
    carry over.  Where lifting stops helping at a level, the limit is its value.
    Raises ``InputError`` for bad input and ``ConvergenceError`` if the digits are not reached.
    """
    started = time.perf_counter()
    given, wanted = as_problem(problem), parse_digits(digits)
    if wanted > 12:
        raise InputError(f"digits {wanted}: the limit is an extrapolation and is offered to at most 12 decimal places")
    deepest = DEEPEST if max_level is None else parse_digits(max_level)
    if deepest < SHORTEST:
        raise InputError(f"max level {deepest}: the acceleration needs at least level {SHORTEST}")
    if isinstance(given.output, Cost) and given.alpha is None:
        raise InputError(f"{given}: give alpha, as in {given},alpha=2, or ask for the capacity of its zero set")
    first = family_value(given, 2, wanted)
    sign = -1 if isinstance(given.output, Cost) else 1
    working = wanted + GUARD
    solved: dict[int, Any] = {}
    errors: dict[int, Any] = {}
    rows: list[tuple[str, Any, Any]] = []
    with workdps(working + 15):
        if first.reached != "2":
            return _stopped(given, wanted, first, rows, started)
        found = None
        for minimum in minima(given, Level(deepest), outer_zero=gapped(given)):
            if minimum.level.r < 3:
                continue
            point = solve_family(minimum, working, report)
            r = minimum.level.r
            solved[r], errors[r] = sign * point.value, point.value_error
            rows.append((str(r), solved[r], point.value_error))
            if r >= SHORTEST:
                found = accelerate(solved)
                report(
                    f"level {r}: {nstr(solved[r], 14)}; limit {nstr(found.value, 12)}, error {error_text(found.error)}"
                )
                if found.error < ENOUGH * mpf(10) ** -wanted:
                    break
            else:
                report(f"level {r}: {nstr(solved[r], 14)}")
        else:
            if not rows:
                return _stopped(given, wanted, first, rows, started)
            last = max(solved)
            if last < deepest:
                reason = f"no point of level {last + 1} below the value of level {last} was found"
                raise ConvergenceError(
                    f"{reason}; the levels end at {nstr(solved[last], 12)}, before the limit is known"
                )
        total = mpf("inf") if found is None else found.error + carried(solved, errors, found)
        if found is None or total > mpf(10) ** -wanted:
            said = "no acceleration yet" if found is None else f"{nstr(found.value, 12)} with error {error_text(total)}"
            raise ConvergenceError(f"level {rows[-1][0]} gives {said}, not 1e-{wanted}: allow more levels")
        status = "theorem, extrapolated" if isinstance(given.output, SymmetricCoupling) else "extrapolated"
        return FamilyLimit(given, wanted, found.value, total, tuple(rows), status, time.perf_counter() - started)


def _stopped(given: Problem, digits: int, first: Any, rows: list, started: float) -> FamilyLimit:
    """Lifting does not help: the limit is the value of the level where it stopped."""
    reason = first.reason or f"lifting does not help beyond level {first.reached}"
    return FamilyLimit(
        given,
        digits,
        first.value,
        first.error,
        tuple(rows),
        first.status,
        time.perf_counter() - started,
        reason,
        first.error_kind,
    )
