"""Run the checks of registry entries: symbolic proof, enclosure over a box, agreement at sampled points.

A verdict is ``proved`` if the comparison was shown symbolically (an identity) or by enclosures that cover the domain's box
(an inequality), and samples agree too; ``verified`` if it holds at every sampled point to the digits asked for;
``failed`` with the point that refutes it; ``unknown`` otherwise.  A derivation with a failed or undecided step makes its
entry failed or unknown.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sympy import Basic, Expr, Integer, Rational, Symbol

from flrdt.derive.core.exact_numbers import parse_count
from flrdt.derive.core.formulas import Verdict
from flrdt.derive.registry import Check, Comparison, Entry, select

from ..arithmetic.compile import CompileError
from ..arithmetic.decimals import parse_digits
from ..arithmetic.exclusive import exclusive
from ..machine.processes import end_with_parent
from .direct import compare, separated
from .proofs import BITS, Finding, closed, examine
from .sampling import points

__all__ = ["Result", "Summary", "verify", "verify_entry"]

SEED = 20410646
MAX_SAMPLES = 100_000
POINT_DIGITS = 20
FINEST = 300  # digits at which sides are compared where one is known to be false
FINEST_BITS = 3400  # a thousand digits: equations are compared to them at the first points
FINE_POINTS = 3
SMALLER = "the difference is not 0, though too small for the digits compared,"


@dataclass(frozen=True)
class Result:
    """Verdict of one entry.  ``counterexample`` maps symbols to exact values."""

    id: str
    verdict: Verdict
    digits: int
    samples: int
    detail: str
    counterexample: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """One object of ``flrdt verify --json``."""
        shown: dict[str, Any] = {
            "id": self.id,
            "verdict": self.verdict.value,
            "digits": self.digits,
            "samples": self.samples,
            "detail": self.detail,
        }
        return shown | ({"counterexample": self.counterexample} if self.counterexample else {})


@dataclass(frozen=True)
class Summary:
    """All results, in the order asked for."""

    results: tuple[Result, ...]
    seconds: float

    @property
    def counts(self) -> dict[str, int]:
        """Number of results of every verdict."""
        return {v.value: sum(r.verdict is v for r in self.results) for v in Verdict}

    @property
    def passed(self) -> bool:
        """Whether everything is proved or verified."""
        return all(r.verdict in (Verdict.PROVED, Verdict.VERIFIED) for r in self.results)

    def to_json(self) -> dict[str, Any]:
        """The object that ``flrdt verify --json`` prints."""
        summary = {"total": len(self.results), **self.counts, "seconds": round(self.seconds, 1)}
        return {"results": [r.to_json() for r in self.results], "summary": summary}


def verify_entry(item: Entry, digits: int, samples: int, statement: Basic | None = None) -> Result:
    """Run every check of an entry; ``statement`` replaces the entry's own one (that is how mutants are tried)."""
    started = time.perf_counter()
    tried = item.formula.statement if statement is None else statement
    if not item.checks:
        return Result(item.id, Verdict.UNKNOWN, digits, 0, "no independent check")
    try:
        found = [_run(item, check, tried, digits, samples) for check in item.checks]
    except CompileError as problem:  # what the toolkit cannot evaluate exactly it does not judge
        return Result(item.id, Verdict.UNKNOWN, digits, 0, str(problem), seconds=time.perf_counter() - started)
    weakest = next(
        (r for v in (Verdict.FAILED, Verdict.UNKNOWN, Verdict.VERIFIED) for r in found if r.verdict is v), found[0]
    )
    if weakest.verdict in (Verdict.PROVED, Verdict.VERIFIED) and len(found) > 1:
        weakest = replace(weakest, detail="; ".join(f"{r.detail}: {r.verdict}" for r in found))
    if statement is None and weakest.verdict in (Verdict.PROVED, Verdict.VERIFIED):
        chain = item.formula.verdict()
        if isinstance(chain, Verdict) and chain is not Verdict.PROVED and item.formula.derivation.steps:
            weakest = replace(weakest, verdict=chain, detail=f"a step of the derivation is {chain}")
    return replace(weakest, seconds=time.perf_counter() - started)


def _run(item: Entry, check: Check, statement: Basic, digits: int, samples: int) -> Result:
    comparisons = list(check.route(statement))
    wanted = samples if check.most is None else min(samples, check.most)
    drawn = points(check.domain, wanted, f"{SEED}:{item.id}")
    refuted, undecided = _sampled(comparisons, drawn, digits)
    shown, remark = not check.instances, ""
    for comparison in comparisons if refuted is None else ():
        finding = examine(comparison, check.domain, check.everywhere)
        if finding.holds is False and finding.point is not None:
            refuted = _refutation(comparison, finding), finding.point
            break
        if finding.holds:
            undecided.pop(comparison, None)
            continue
        shown = False
        if finding.open and check.everywhere:
            remark = f"; not shown to have a value everywhere: {finding.open}?"
        refuted = _separated(comparison, finding.residue, drawn) if comparison.relation == "==" else None
        if refuted is not None:
            break
    if refuted is not None:
        text, point = refuted
        where = {str(s): _exact(v) for s, v in point.items()}
        return Result(item.id, Verdict.FAILED, digits, len(drawn), _at(f"{check.how}: {text}", where), where)
    if undecided:
        note, point = next(iter(undecided.values()))
        detail = _at(f"{check.how}: {note}", {str(s): _exact(v) for s, v in point.items()})
        return Result(item.id, Verdict.UNKNOWN, digits, len(drawn), detail)
    return Result(item.id, Verdict.PROVED if shown else Verdict.VERIFIED, digits, len(drawn), check.how + remark)


Point = Mapping[Symbol, Rational]
Refutation = tuple[str, Point]


def _sampled(
    comparisons: list[Comparison], drawn: list[dict[Symbol, Rational]], digits: int
) -> tuple[Refutation | None, dict[Comparison, Refutation]]:
    """The first point that refutes a comparison, and for each comparison a point where it could not be decided."""
    undecided: dict[Comparison, Refutation] = {}
    for point in drawn:
        for comparison in comparisons:
            outcome = compare(comparison, point, digits)
            if outcome.holds is False:
                return (_unequal(outcome.left, outcome.right, comparison.relation), point), undecided
            if outcome.holds is None:
                undecided[comparison] = outcome.note, point
    return None, undecided


def _refutation(comparison: Comparison, finding: Finding) -> str:
    """Why a comparison does not hold at the point of a finding."""
    if finding.undefined:
        return f"undefined, {finding.undefined},"
    outcome = compare(comparison, finding.point or {}, FINEST)
    if outcome.holds is False:
        return _unequal(outcome.left, outcome.right, comparison.relation)
    if comparison.relation == "==":
        return SMALLER
    return f"the two sides are equal, so that {comparison.relation} is false"


def _separated(comparison: Comparison, residue: Expr | None, drawn: list[dict[Symbol, Rational]]) -> Refutation | None:
    """A sample at which the sides of an equation are apart, however little: at many digits, or in normal form."""
    sides = [closed(comparison.left), closed(comparison.right)]
    if None in sides:
        return None
    for i, point in enumerate(drawn):
        if i < FINE_POINTS:
            found = separated([e for e in sides if e is not None], point, FINEST_BITS)
            if found is not None:
                return _unequal(*found, comparison.relation), point
        if residue is not None and separated([residue, Integer(0)], point, BITS) is not None:
            return SMALLER, point
    return None


def _unequal(left: Any, right: Any, relation: str) -> str:
    """Both sides in enough digits to tell them apart."""
    for digits in (POINT_DIGITS, 2 * POINT_DIGITS, 4 * POINT_DIGITS):
        shown = [ball.str(digits, radius=False) for ball in (left, right)]
        if shown[0] != shown[1]:
            return f"{shown[0]} {relation} {shown[1]} is false"
    size = (left - right).str(3, radius=False)
    return f"{shown[0]} {relation} {shown[1]} is false: the difference is {size}"


def _at(text: str, where: dict[str, str]) -> str:
    return f"{text} at {', '.join(f'{s} = {v}' for s, v in where.items())}" if where else text


def _exact(value: Rational) -> str:
    """A rational in full digits: a decimal if it has a finite one, else a fraction."""
    denominator = int(value.q)
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    if denominator != 1:
        return f"{value.p}/{value.q}"
    places = 0
    while (value.q and 10**places % int(value.q)) != 0:
        places += 1
    whole = abs(int(value.p)) * 10**places // int(value.q)
    text = str(whole).rjust(places + 1, "0")
    return ("-" if value < 0 else "") + (f"{text[:-places]}.{text[-places:]}" if places else text)


def _number(ball: Any) -> str:
    return ball.str(POINT_DIGITS, radius=False)


@exclusive
def verify(
    ids: Sequence[str] | None = None,
    digits: Any = 30,
    samples: Any = 20,
    *,
    extra: Iterable[Entry] = (),
    workers: int | None = None,
    limit: float | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Verify entries of the registry (all by default), or the ``extra`` ones given, in parallel.

    ``limit`` is a time in seconds for a single entry; one that takes longer is ``unknown``.  Raises ``InputError`` for
    an unknown id, and for digits or samples that are not positive integers.

    >>> verify(["gaussian.density"], digits=20, samples=4).passed
    True
    """
    started = time.perf_counter()
    digits, samples = parse_digits(digits), parse_samples(samples)
    extra = list(extra)
    items = [*extra, *(select(list(ids or []), report) if ids or not extra else [])]
    count = min(workers or available_cores(), len(items))
    results: list[Result] = []
    if (count <= 1 and limit is None) or "fork" not in multiprocessing.get_all_start_methods():
        for item in items:
            results.append(verify_entry(item, digits, samples))
            report(f"{len(results)} of {len(items)} entries, {item.id}")
    else:
        results = _parallel(items, digits, samples, max(count, 1), limit, report)
    return Summary(tuple(results), time.perf_counter() - started)


def parse_samples(value: Any) -> int:
    """A number of samples; raises ``InputError``."""
    return parse_count(value, "samples", 1, MAX_SAMPLES)


def available_cores() -> int:
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


_shared: dict[str, Any] = {}


def _parallel(
    items: list[Entry], digits: int, samples: int, count: int, limit: float | None, report: Callable[[str], None]
) -> list[Result]:
    """Entries that share a derivation go to one worker, so that its steps are checked once."""
    groups: dict[int, list[int]] = {}
    for i, item in enumerate(items):
        groups.setdefault(id(item.formula.derivation), []).append(i)
    _shared.update(items=items, digits=digits, samples=samples, limit=limit)
    found: dict[int, Result] = {}
    # the workers inherit the entries: formulas hold functions, which cannot be sent
    with multiprocessing.get_context("fork").Pool(count, end_with_parent, (os.getpid(),)) as pool:
        for part in pool.imap_unordered(_group, sorted(groups.values(), key=len, reverse=True)):
            found |= part
            report(f"{len(found)} of {len(items)} entries, {items[next(iter(part))].id}")
    return [found[i] for i in range(len(items))]


class _Late(BaseException):
    """An entry has used up its time.  Not an ``Exception``: libraries on the way catch those."""


def _late(*_: Any) -> None:
    raise _Late


def _group(indices: list[int]) -> dict[int, Result]:
    return {i: _limited(_shared["items"][i], _shared["digits"], _shared["samples"], _shared["limit"]) for i in indices}


def _limited(item: Entry, digits: int, samples: int, limit: float | None) -> Result:
    if limit is None:
        return verify_entry(item, digits, samples)
    signal.signal(signal.SIGALRM, _late)
    # repeated, because an exception raised inside a callback from C code is dropped
    signal.setitimer(signal.ITIMER_REAL, limit, 0.5)
    try:
        return verify_entry(item, digits, samples)
    except _Late:
        return Result(item.id, Verdict.UNKNOWN, digits, 0, f"not decided within {limit:g} seconds")
    except Exception as problem:  # a user's statement may be beyond what can be evaluated; that must not end the run
        return Result(item.id, Verdict.UNKNOWN, digits, 0, f"cannot be evaluated ({type(problem).__name__})")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
