r"""The limit r -> infinity of deep networks: every width of the chain by acceleration of its levels.

At each level the chain is that of the level (every width at its own capacity, or the widths given), so each layer has a
sequence of its own; the first one is the one-layer problem, whose limit is known to more digits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mpmath import mp, mpf, nstr

from flrdt.derive import Level

from ..arithmetic.backends import backend
from ..arithmetic.decimals import InputError, error_text, known_digits, parse_count, parse_digits
from ..arithmetic.exclusive import exclusive
from ..results.capacity import capacity, tool_version
from ..results.chain import Requirement, architecture, point_words
from ..results.shown_values import ShownValue, equation
from ..solve.lifted import remembered, solve_lifted
from ..solve.point import ConvergenceError
from .acceleration import Acceleration, accelerate, carried
from .limits import Estimate, limit
from .store import Store

__all__ = ["DeepLevel", "DeepLimit", "deep_limit"]

FIRST, SHORTEST = 3, 8  # the first level, and the first at which an acceleration is tried
DEEPEST = 10  # levels whose cost is bearable
MOST = 6  # decimal places on offer
LEVEL_DIGITS = 11  # of the values that are accelerated
SHOWN = 12
Report = Callable[[str], None]


@dataclass(frozen=True)
class DeepLevel:
    """The chain at one level: its widths, their errors, and the inertia of the last layer's point."""

    level: int
    chain: tuple[Any, ...]
    errors: tuple[Any, ...]
    inertia: tuple[int, int]


@dataclass(frozen=True, repr=False)
class DeepLimit(ShownValue):
    """The chain in the limit of the levels, the acceleration of its last width, and the levels it comes from.

    ``stopped`` says why no further level was solved, if one was wanted.
    """

    digits: int
    notion: str
    budget: Fraction
    widths: tuple[str, ...]
    chain: tuple[Estimate, ...]
    levels: tuple[DeepLevel, ...]
    acceleration: Acceleration
    stopped: str
    seconds: float

    @property
    def alpha(self) -> Estimate:
        """The capacity of the last layer."""
        return self.chain[-1]

    def _line(self) -> str:
        levels = f"{self.levels[0].level} to {self.levels[-1].level}"
        return f"depth {len(self.chain)}: alpha = {self.alpha.text(SHOWN)}, from levels {levels}"

    def _tex(self) -> str:
        return equation(rf"\alpha_{len(self.chain)}", self.alpha.text(SHOWN), error_text(self.alpha.error))

    @exclusive
    def to_json(self) -> dict[str, Any]:
        """The object that ``flrdt limit --depth L --json`` prints."""
        with mp.workdps(40):
            texts = [e.text(SHOWN) for e in self.chain]
            values, errors = [e.value for e in self.chain], [e.error for e in self.chain]
            ratios, before, spread = [], mpf(1), mpf(0)
            for value, error in zip(values, errors, strict=True):
                ratio = value / before
                ratios.append(known_digits(ratio, ratio * (error / value + spread), SHOWN))
                before, spread = value, error / value
            methods = {
                name: {"alpha": nstr(m.value, SHOWN), "order": m.order, "spread": nstr(m.spread, 2)}
                for name, m in self.acceleration.methods.items()
            }
            return {
                "alpha": texts[-1],
                "alpha_error": error_text(errors[-1] + abs(mpf(texts[-1]) - values[-1])),
                "error_kind": "estimate",
                "digits": self.digits,
                "level": "inf",
                "depth": len(self.chain),
                "notion": self.notion,
                "budget": str(self.budget),
                "gate": "relu",
                "widths": list(self.widths),
                "chain": texts,
                "chain_errors": [error_text(e) for e in errors],
                "expansions": ratios,
                "levels": [
                    {
                        "level": row.level,
                        "alpha": known_digits(row.chain[-1], row.errors[-1], SHOWN),
                        "chain": [known_digits(v, e, SHOWN) for v, e in zip(row.chain, row.errors, strict=True)],
                        "inertia": list(row.inertia),
                    }
                    for row in self.levels
                ],
                "acceleration": {"fitted_exponent": nstr(self.acceleration.exponent, 4), "methods": methods},
                "residual": error_text(max(row.errors[-1] for row in self.levels)),
                "status": "extrapolated",
                "reason": self.stopped,
                "backend": "arb",
                "seconds": round(self.seconds, 3),
                "version": tool_version(),
            }


@exclusive
def deep_limit(
    digits: int | str = 3,
    *,
    depth: int | str | None = None,
    widths: Sequence[Any] = (),
    notion: str = "weak",
    budget: Any = None,
    max_level: int | str | None = None,
    store: Store | None = None,
    report: Report = lambda _: None,
) -> DeepLimit:
    """The capacity of the last layer in the limit of the levels, to ``digits`` decimal places, behind the minimal chain
    in the limit or given widths.

    Levels 3, 4, ... are solved until the accelerations agree, at most to ``max_level`` (default 10): every level costs
    about twice the one below.  The error is an estimate, from the spread of the accelerations, as for one layer.  Raises
    ``InputError`` for bad input and ``ConvergenceError`` with the best value if the digits are not reached.
    Source: arXiv 2412.19677 (deep networks), arXiv 2410.20646 (the levels); the two together are derived here.
    """
    started = time.perf_counter()
    wanted, required = parse_digits(digits), Requirement.parse(notion, budget)
    if wanted > MOST:
        raise InputError(
            f"digits {wanted}: the limit of a deep network is offered to at most {MOST} decimal places, each of which "
            "costs about two levels more"
        )
    deepest = DEEPEST if max_level is None else parse_count(max_level, "max level", 1, 1000)
    if deepest < SHORTEST:
        raise InputError(f"max level {deepest}: the acceleration needs at least level {SHORTEST}")
    given, count = architecture(Level(2), depth, widths)
    rows: list[DeepLevel] = []
    known: dict[int, dict[int, Any]] = {i: {} for i in range(2, count + 1)}
    found: list[Acceleration] = []
    stopped = ""
    with mp.workdps(40):
        for level in range(FIRST, deepest + 1):
            try:
                row = _chain(level, given, count, required, known, store or Store(None), report)
            except ConvergenceError as problem:
                stopped = f"level {level}: {problem}"
                report(stopped)
                break
            rows.append(row)
            if level < SHORTEST:
                report(f"level {level}: {nstr(row.chain[-1], 12)}")
                continue
            layers = range(1 if not given else count - 1, count)
            found = [accelerate({r.level: r.chain[i] for r in rows}) for i in layers]
            last = found[-1]
            report(
                f"level {level}: {nstr(row.chain[-1], 12)}; limit {nstr(last.value, 8)}, error {error_text(last.error)}"
            )
            if max(f.error for f in found) < mpf(10) ** -wanted:
                break
        if not found:
            best = f"; best value {nstr(rows[-1].chain[-1], 10)} at level {rows[-1].level}" if rows else ""
            raise ConvergenceError(f"{stopped}{best}: too few levels for an acceleration")
        chain = [
            Estimate(
                f.value, f.error + carried({r.level: r.chain[i] for r in rows}, {r.level: r.errors[i] for r in rows}, f)
            )
            for f, i in zip(found, layers, strict=True)
        ]
        if given:
            chain = [*(Estimate(mpf(w.numerator) / w.denominator, mpf(0)) for w in given), *chain]
        else:
            report("the first width in the limit")
            first = limit(wanted + 2, budget=required.of(1, count), second_route=False, store=store, report=report)
            chain = [first.alpha, *chain]
        if chain[-1].error > mpf(10) ** -wanted:
            said = f"{chain[-1].text(SHOWN)} with error {error_text(chain[-1].error)}"
            raise ConvergenceError(
                f"level {rows[-1].level} gives {said}, not 1e-{wanted}: "
                + (stopped or "allow more levels (--max-level), or ask for fewer digits")
            )
        budget_of_last = required.of(count, count)
        return DeepLimit(
            wanted, notion, budget_of_last, tuple(map(str, given)), tuple(chain), tuple(rows), found[-1], stopped,
            time.perf_counter() - started,
        )  # fmt: skip


def _chain(
    level: int, given: Sequence[Fraction], count: int, required: Requirement, known: dict[int, dict[int, Any]],
    store: Store, report: Report,
) -> DeepLevel:  # fmt: skip
    """The chain of a level; only the last layer is solved behind given widths."""
    b = backend("arb")
    chain: list[Any] = []
    errors: list[Any] = []
    inertia = (0, 0)
    if given:
        chain, errors = [mpf(w.numerator) / w.denominator for w in given], [mpf(0)] * len(given)
    else:
        first = capacity(level, LEVEL_DIGITS + 2, budget=required.of(1, count), report=report)
        chain, errors = [first.alpha], [first.alpha_error]
    while len(chain) < count:
        layer = len(chain) + 1
        wanted = required.of(layer, count)
        words = point_words(layer, given, required, count)
        stored, keep = remembered(store, words, layer, level)
        starts = {**stored, **known[layer]}
        with b.precision(160):
            numbers = [b.number(v) for v in chain]
        shallower = known.get(layer - 1)
        point = solve_lifted(numbers, wanted, LEVEL_DIGITS, report, level, None, starts, keep, shallower)
        known[layer] |= {**point.points, level: point.coordinates}
        chain.append(b.to_mpf(point.alpha))
        errors.append(mpf(point.alpha_error) + sum(errors))
        inertia = point.inertia
    return DeepLevel(level, tuple(chain), tuple(errors), inertia)
