r"""The limit r -> infinity: full replica symmetry breaking, by two independent routes.

Route 1 solves levels 3, 4, 5, ... to many digits and accelerates their sequence.  Route 2 solves the continuous problem
(:mod:`flrdt.evaluate.limits.parisi_flow`).  The result is route 1's, with the acceleration's error estimate; route 2 must agree.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from mpmath import log, mp, mpf, nstr

from flrdt.derive import Network

from ..arithmetic.decimals import InputError, error_text, known_digits, parse_count, parse_digits, parse_number
from ..arithmetic.exclusive import exclusive
from ..machine.files import check_place
from ..results.capacity import tool_version
from ..results.shown_values import ShownValue, equation
from ..solve.point import ConvergenceError
from .acceleration import Acceleration, accelerate, carried
from .levels import Checkpoint, SolvedLevel, solve_levels
from .parisi_flow import FlowSolution, solve_flow
from .store import Store

__all__ = ["Estimate", "Limit", "certified_bound", "limit"]

SHORTEST = 8  # the first level at which an acceleration is tried: six values
DEEPEST = 60
CERTIFIED = 4  # the highest level whose certificate is made here
MOST = 14  # decimal places on offer
GUARD = 8  # digits of the levels beyond those of the limit: acceleration amplifies their errors by up to five digits
SAMPLES = ("0.73", "0.75", "0.8", "0.85", "0.9", "0.95", "0.98", "0.99", "0.995", "0.999", "0.9999")
ENOUGH = mpf("0.9")  # of the error asked for: the rest is for what the errors of the levels carry
EARLIER = 3  # levels that are left out to see how far the acceleration of a parameter has still moved


@dataclass(frozen=True, repr=False)
class Estimate:
    """A number with an error estimate."""

    value: Any
    error: Any

    def text(self, most: int) -> str:
        """The digits that are known."""
        return known_digits(self.value, self.error, most)

    def __repr__(self) -> str:
        with mp.workdps(40):
            return f"<Estimate {self.text(40)}, error < {error_text(self.error)}>"


@dataclass(frozen=True, repr=False)
class Limit(ShownValue):
    """The limit capacity, how it was obtained, and what it says of the order parameter.

    ``bound`` is a proved one from above, if it was asked for, with its level.
    """

    digits: int
    budget: Fraction
    levels: tuple[SolvedLevel, ...]
    acceleration: Acceleration
    alpha: Estimate
    chi: Estimate
    p_min: Estimate
    exponent: Estimate
    flow: FlowSolution | None
    seconds: float
    bound: tuple[int, str] | None = None

    def _line(self) -> str:
        levels = f"{self.levels[0].level} to {self.levels[-1].level}"
        return (
            f"alpha = {self.alpha.text(self.digits + 1)}, error < {error_text(self.alpha.error)}, from levels {levels}"
        )

    def _tex(self) -> str:
        return equation(r"\alpha", self.alpha.text(self.digits + 1), error_text(self.alpha.error))

    @exclusive
    def to_json(self) -> dict[str, Any]:
        """The object that ``flrdt limit --json`` prints."""
        with mp.workdps(self.digits + 20):
            text = self.alpha.text(self.digits + 1)
            error = self.alpha.error + abs(mpf(text) - self.alpha.value)
            methods = {
                name: {"alpha": nstr(m.value, self.digits + 2), "order": m.order, "spread": nstr(m.spread, 2)}
                for name, m in self.acceleration.methods.items()
            }
            shown: dict[str, Any] = {
                "alpha": text,
                "alpha_error": error_text(error),
                "error_kind": "estimate",
                "digits": self.digits,
                "level": "inf",
                "depth": 1,
                "notion": "weak",
                "budget": str(self.budget),
                "gate": "relu",
                "widths": [],
                "parameters": {"chi": self.chi.text(self.digits), "p_min": self.p_min.text(self.digits)},
                "parameter_errors": {"chi": error_text(self.chi.error), "p_min": error_text(self.p_min.error)},
                "exponent": {
                    "statement": "y(p) ~ (1 - p)^(-exponent) as p -> 1",
                    "value": self.exponent.text(self.digits),
                    "error": error_text(self.exponent.error),
                },
                "levels": [
                    {"level": s.level, "alpha": known_digits(s.alpha, s.error, self.digits + GUARD)}
                    for s in self.levels
                ],
                "acceleration": {"fitted_exponent": nstr(self.acceleration.exponent, 6), "methods": methods},
            }
            if self.flow is not None:
                difference = abs(self.flow.alpha - self.alpha.value)
                shown["parisi_flow"] = {
                    "alpha": known_digits(mpf(self.flow.alpha), mpf(self.flow.error)),
                    "alpha_error": error_text(mpf(self.flow.error)),
                    "difference": nstr(difference, 2),
                    "chi": known_digits(mpf(self.flow.profile.chi), mpf(self.flow.chi_error)),
                    "p_min": known_digits(mpf(self.flow.profile.p_min), mpf(self.flow.p_min_error)),
                    "stationarity": nstr(mpf(self.flow.stationarity), 2),
                    "replicon": nstr(mpf(self.flow.replicon), 2),
                }
                shown["overlap"] = [
                    {"p": p, "y": known_digits(mpf(y), mpf(e))}
                    for p, (y, e) in zip(SAMPLES, self.flow.overlap([float(p) for p in SAMPLES]), strict=True)
                ]
            if self.bound is not None:
                shown["certified_upper_bound"] = {"level": str(self.bound[0]), "alpha": self.bound[1]}
            shown |= {
                "residual": error_text(max(s.error for s in self.levels)),
                "status": "extrapolated",
                "backend": "arb",
                "seconds": round(self.seconds, 3),
                "version": tool_version(),
            }
            return shown


@exclusive
def limit(
    digits: int | str = 10,
    *,
    max_level: int | str | None = None,
    budget: Fraction | int | str = 1,
    second_route: bool = True,
    store: Store | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Limit:
    """The limit of the level-r capacities of one ReLU layer, to ``digits`` decimal places.

    Levels are added until the accelerations agree to the digits asked for, at most up to ``max_level`` (default 60).
    Raises ``InputError`` for bad input, an unusable checkpoint or one that exists without ``resume``, and ``ConvergenceError`` if the digits are not reached or
    the two routes disagree.  Source: arXiv 2302.14112 (about 6.698), arXiv 2410.20646 (the levels).
    """
    started = time.perf_counter()
    wanted = parse_digits(digits)
    if wanted > MOST:
        raise InputError(f"digits {wanted}: the limit is an extrapolation, offered to at most {MOST} decimal places")
    deepest = DEEPEST if max_level is None else parse_count(max_level, "max level", 1, 1000)
    if deepest < SHORTEST:
        raise InputError(f"max level {deepest}: the acceleration needs at least level {SHORTEST}")
    count = parse_number(budget, "budget", positive=True)
    from sympy import Rational

    network = Network(budget=Rational(count.numerator, count.denominator))
    working = wanted + GUARD
    file = None
    if checkpoint is not None:
        check_place(str(checkpoint))
        if not resume and checkpoint.is_file() and checkpoint.stat().st_size:
            raise InputError(f"{checkpoint} exists: resume from it (--resume), remove it, or name another file")
        file = Checkpoint(checkpoint, network, working)
    solved: list[SolvedLevel] = []
    with mp.workdps(working + 15):
        found = None
        for level in solve_levels(network, working, store, file, resume, report):
            solved.append(level)
            if level.level >= SHORTEST:
                found = accelerate({s.level: s.alpha for s in solved})
            report(_progress(level, found, wanted, started))
            if level.level >= deepest or (found is not None and found.error < ENOUGH * mpf(10) ** -wanted):
                break
        if found is None:
            raise ConvergenceError(f"level {deepest} is below level {SHORTEST}, the first that can be accelerated")
        alpha = Estimate(
            found.value,
            found.error + carried({s.level: s.alpha for s in solved}, {s.level: s.error for s in solved}, found),
        )
        if alpha.error > mpf(10) ** -wanted:
            raise ConvergenceError(
                f"level {solved[-1].level} gives {alpha.text(wanted)} with error {error_text(alpha.error)}, "
                f"not 1e-{wanted}: allow more levels"
            )
        values = {s.level: s.parameters() for s in solved}
        chi = _accelerated({r: z[0] for r, z in values.items()})
        p_min = _accelerated({r: z[r - 1] for r, z in values.items()})
        exponent = _accelerated(_local_exponents(values))
        flow = None
        if second_route:
            report("second route: Parisi flow")
            start = [chi.value, *values[solved[-1].level][1:]]
            flow = solve_flow(network, list(map(float, start)), wanted, report)
            if abs(flow.alpha - alpha.value) > flow.error + alpha.error:
                raise ConvergenceError(
                    f"the two routes disagree: levels {alpha.text(wanted)}, flow {flow.alpha:.13f} "
                    f"with error estimate {flow.error:.1e}"
                )
        return Limit(
            wanted, count, tuple(solved), found, alpha, chi, p_min, exponent, flow, time.perf_counter() - started
        )


@exclusive
def certified_bound(found: Limit, report: Callable[[str], None] = lambda _: None) -> tuple[int, str]:
    """The best finite-level value that is certified here: a level and a proved bound, a decimal with six places.

    The level-r capacities decrease with r, so each is a bound on the limit from above; levels up to
    ``CERTIFIED`` are offered, because the proof's cost grows with the level.
    """
    from ..proofs.one_layer_certificates import certify

    level = max((s for s in found.levels if s.level <= CERTIFIED), key=lambda s: s.level)
    millionths = int(mp.ceil(level.alpha * 10**6)) + 1
    bound = f"{millionths // 10**6}.{millionths % 10**6:06d}"
    certify(level.level, bound, budget=found.budget, report=report)
    return level.level, bound


def _accelerated(values: dict[int, Any]) -> Estimate:
    r"""A parameter in the limit: less regular than the value, so what the last levels have changed of it counts as well.

    Whatever still converges like :math:`r^{-\theta}`, :math:`\theta \ge 1`, and has changed by d over the last n levels, is within
    :math:`d\,(r - n)/n` of its limit.  Where there are too few levels to accelerate, d is the last change.
    """
    last = max(values)
    try:
        found, earlier = (accelerate({r: v for r, v in values.items() if r <= last - n}) for n in (0, EARLIER))
    except (ValueError, ArithmeticError):
        return Estimate(values[last], (last - 1) * abs(values[last] - values[last - 1]))
    return Estimate(found.value, found.error + abs(found.value - earlier.value) * (last - EARLIER) / EARLIER)


def _local_exponents(values: dict[int, list]) -> dict[int, Any]:
    """Minus d log y_2/d log(1 - p_2) between successive levels, at the innermost step."""
    found = {}
    for r in sorted(values):
        if r - 1 in values:
            now, before = values[r], values[r - 1]
            found[r] = -log(now[r] / before[r - 1]) / log((1 - now[1]) / (1 - before[1]))
    return found


def _progress(level: SolvedLevel, found: Acceleration | None, wanted: int, started: float) -> str:
    text = f"level {level.level}: {nstr(level.alpha, 14)}"
    if found is None:
        return text
    known = -float(mp.log10(found.error))
    # about three levels a digit, and a cost per level that grows like the square of the level
    missing = math.ceil(3 * max(0.0, wanted - known))
    elapsed = time.perf_counter() - started
    ahead = elapsed * ((1 + missing / level.level) ** 3 - 1)
    return f"{text}; limit {nstr(found.value, max(5, int(known)))}, error {error_text(found.error)}; about {ahead:.0f} s left"
