"""Sweeps: capacities over a grid of gates, levels and other settings, on any executor, into a restartable file."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import AbstractContextManager
from fractions import Fraction
from itertools import product
from pathlib import Path

from ..decimals import InputError, parse_digits, parse_number
from .results_file import ResultsFile

__all__ = ["COLUMNS", "DEFAULTS", "SweepError", "evaluate_point", "points_of", "read_plan", "run_sweep"]

#: The settings of a point, in the order of the grid (the last varies fastest), with their defaults.
DEFAULTS = {"level": "2", "digits": "20", "budget": "1", "radius": "1", "gate": "relu"}

#: Columns of a result file after the settings; ``problem`` is empty unless the solve failed.
RESULTS = ("alpha", "alpha_error", "error_kind", "status", "parameters", "problem")
COLUMNS = (*DEFAULTS, *RESULTS)

MOST_POINTS = 100_000
ATTEMPTS = 3  # times a point is handed to a pool that breaks before the sweep gives up

_SPREAD = re.compile(r"\{([^{};]+)\.\.([^{};]+);\s*(\d{1,6})\s*\}")

Point = dict[str, str]
Row = dict[str, str]


class SweepError(ArithmeticError):
    """The sweep ended with points missing; what was computed is in the file."""


def read_plan(path: str | Path) -> dict[str, list[str]]:
    """The grid in a TOML file: a key per setting, a value or a list of values.

    Raises ``InputError`` for a file that cannot be read, an unknown key, or a value that is no text or integer.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as problem:
        raise InputError(f"cannot read {path}: {problem.strerror or problem}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise InputError(f"{path} is not a TOML file: {problem}") from None
    unknown = [key for key in table if key not in DEFAULTS]
    if unknown:
        raise InputError(f"{path}: unknown key {unknown[0]!r}: use {', '.join(DEFAULTS)}")
    plan = {}
    for key, value in table.items():
        values = value if isinstance(value, list) else [value]
        for entry in values:
            if isinstance(entry, bool) or not isinstance(entry, (str, int)):
                raise InputError(f'{path}: {key} = {entry!r}: write numbers as integers or as text, for example "1/2"')
        plan[key] = [str(entry) for entry in values]
    return plan


def points_of(plan: Mapping[str, Sequence[str]]) -> list[Point]:
    """All points of a grid, checked, each once.  ``{a..b;k}`` in a value stands for k equally spaced exact numbers.

    >>> [point["gate"] for point in points_of({"gate": ["relu-bias:{0..1;3}"]})]
    ['relu-bias:0', 'relu-bias:1/2', 'relu-bias:1']
    """
    grid = []
    for key, default in DEFAULTS.items():
        values = [written for text in plan.get(key, [default]) for written in _spread(text, key)]
        if not values:
            raise InputError(f"no value for {key}: leave it out for {default}, or give at least one")
        grid.append(values)
    total = 1
    for values in grid:
        total *= len(values)
    if total > MOST_POINTS:
        raise InputError(f"the grid has {total} points: at most {MOST_POINTS} at a time")
    points = [dict(zip(DEFAULTS, values, strict=True)) for values in product(*grid)]
    distinct = {tuple(point.values()): point for point in points}
    for point in distinct.values():
        _check(point)
    return list(distinct.values())


def _spread(text: str, key: str) -> Iterator[str]:
    match = _SPREAD.search(text)
    if match is None:
        yield text
        return
    first, last, count = parse_number(match[1], key), parse_number(match[2], key), int(match[3])
    if count < 2 or first >= last:
        raise InputError(f"{key} {text!r}: write {{a..b;k}} with a less than b and k at least 2")
    for i in range(count):
        yield text[: match.start()] + str(first + (last - first) * Fraction(i, count - 1)) + text[match.end() :]


def _check(point: Point) -> None:
    from flrdt.derive import Level

    from ..capacities import as_gate

    Level.parse(point["level"])
    parse_digits(point["digits"])
    parse_number(point["budget"], "budget", positive=True)
    as_gate(point["gate"], point["radius"])


def evaluate_point(point: Point) -> Row:
    """The row of one point; a solve that does not converge is a row with a ``problem``."""
    from ..capacities import capacity

    try:
        found = capacity(
            point["level"], point["digits"], gate=point["gate"], radius=point["radius"], budget=point["budget"]
        ).to_json()
    except ArithmeticError as problem:
        return {**point, **dict.fromkeys(RESULTS, ""), "problem": " ".join(str(problem).split())}
    row = {name: str(found[name]) for name in RESULTS if name in found}
    return {**point, **row, "parameters": json.dumps(found["parameters"]), "problem": ""}


def run_sweep(
    points: Sequence[Point],
    path: str | Path,
    executors: Callable[[], AbstractContextManager[Executor]] | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Compute the points that the file does not hold yet, writing each as it is finished; returns all rows in order.

    ``executors`` opens any ``concurrent.futures`` executor; without it the points are computed here.  If the executor
    breaks (a worker process was killed), a new one is opened for the points that are missing.  Rows that failed are
    computed again.  Raises :class:`SweepError` if points stay missing, ``InputError`` for a file of something else.
    """
    with ResultsFile(path, COLUMNS, tuple(DEFAULTS), report) as file:
        file.drop(lambda row: row["problem"] != "")
        wanted = {tuple(point.values()): point for point in points}
        missing = [key for key in wanted if key not in file.rows]
        if len(missing) < len(wanted):
            report(f"{len(wanted) - len(missing)} of {len(wanted)} points are in {path} already")
        for row in _computed([wanted[key] for key in missing], executors):
            file.add(row)
            report(f"{sum(key in file.rows for key in wanted)} of {len(wanted)} points")
        file.sort(list(wanted))
        return [file.rows[key] for key in wanted]


def _computed(
    points: Sequence[Point], executors: Callable[[], AbstractContextManager[Executor]] | None
) -> Iterator[Row]:
    if executors is None or not points:
        yield from map(evaluate_point, points)
        return
    left = {tuple(point.values()): point for point in points}
    for _ in range(ATTEMPTS):
        try:
            with executors() as executor:
                for row in _finished([executor.submit(evaluate_point, point) for point in left.values()]):
                    del left[tuple(row[key] for key in DEFAULTS)]
                    yield row
            return
        except BrokenExecutor:
            continue
    raise SweepError(
        f"worker processes keep dying: {len(left)} points are missing, run the same command again to resume"
    )


def _finished(futures: Iterable[Future]) -> Iterator[Row]:
    """Results as they come; those that are ready are handed on before an executor's failure is raised."""
    running = set(futures)
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        failures = []
        for future in done:
            problem = future.exception()
            if problem is None:
                yield future.result()
            else:
                failures.append(problem)
        if failures:
            raise failures[0]
