"""Sweeps: values over a grid of settings, on any executor, into a restartable file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import AbstractContextManager
from fractions import Fraction
from itertools import product
from pathlib import Path
from queue import SimpleQueue

from ..arithmetic.decimals import InputError, parse_number
from ..machine.files import read_toml, shown
from .grids import GRIDS, NETWORKS, Grid, Point, Row, grid_of
from .neighbours import Key, Link, links_of, start_between
from .results_file import open_results

__all__ = ["COLUMNS", "DEFAULTS", "SweepError", "evaluate_point", "points_of", "read_plan", "run_sweep"]

DEFAULTS = NETWORKS.settings
COLUMNS = NETWORKS.columns

MOST_POINTS = 100_000
MOST_BYTES = 10_000_000  # of a plan
LONGEST = 4_000  # characters of one value in a plan
ATTEMPTS = 3  # times a point is handed to a pool that breaks before the sweep gives up

_SPREAD = re.compile(r"\{([^{};]+)\.\.([^{};]+);\s*(\d{1,6})\s*\}")


class SweepError(ArithmeticError):
    """The sweep ended with points missing; what was computed is in the file."""


def read_plan(path: str | Path) -> dict[str, list[str]]:
    """The grid in a TOML file: a key per setting, a value or a list of values.

    Raises ``InputError`` for a file that cannot be read, an unknown key, or a value that is neither text nor a number.
    """
    table = read_toml(path, MOST_BYTES)
    known = list(dict.fromkeys(key for grid in GRIDS for key in grid.settings))
    unknown = [key for key in table if key not in known]
    if unknown:
        raise InputError(f"{path}: unknown key {shown(unknown[0])}: use {', '.join(known)}")
    plan = {}
    for key, value in table.items():
        values = value if isinstance(value, list) else [value]
        for entry in values:
            if isinstance(entry, bool) or not isinstance(entry, (str, int)):
                raise InputError(f'{path}: {key} = {shown(entry)}: write a number or text, for example 2, 0.5 or "1/2"')
            if len(str(entry)) > LONGEST:
                raise InputError(f"{path}: {key} = {shown(str(entry))} has more than {LONGEST} characters")
        plan[key] = [str(entry) for entry in values]
    return plan


def points_of(plan: Mapping[str, Sequence[str]]) -> list[Point]:
    """All points of a grid, checked, each once.  ``{a..b;k}`` in a value stands for k equally spaced exact numbers.

    >>> [point["gate"] for point in points_of({"gate": ["relu-bias:{0..1;3}"]})]
    ['relu-bias:0', 'relu-bias:1/2', 'relu-bias:1']
    >>> [(point["depth"], point["budget"]) for point in points_of({"widths": ["8,8"], "notion": ["weak", "strong"]})]
    [('3', '1'), ('3', '2')]
    >>> [point["problem"] for point in points_of({"problem": ["perceptron:kappa={-1..0;3}"], "level": ["1"]})]
    ['perceptron:kappa=-1', 'perceptron:kappa=-1/2', 'perceptron:kappa=0']
    """
    kind = grid_of(plan)
    for pair in kind.exclusive:
        if all(name in plan for name in pair):
            raise InputError(f"a grid with values for both {pair[0]} and {pair[1]}: leave one of them out")
    grid = []
    for key, default in kind.settings.items():
        values = [written for text in plan.get(key, [default]) for written in _spread(text, key)]
        if not values or (key in plan and key not in kind.blank and not all(value.strip() for value in values)):
            raise InputError(f"no value for {key}: leave it out for the default, or give at least one")
        grid.append(values)
    total = 1
    for values in grid:
        total *= len(values)
    if total > MOST_POINTS:
        raise InputError(f"the grid has {total} points: at most {MOST_POINTS} at a time")
    points = [kind.check(dict(zip(kind.settings, values, strict=True))) for values in product(*grid)]
    return list({tuple(point.values()): point for point in points}.values())


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


def evaluate_point(point: Point, near: Sequence[float] | None = None) -> Row:
    """The row of one point; a solve that does not converge is a row that says why.

    ``near`` are parameters to start from, see :func:`~flrdt.evaluate.results.door.capacity`.
    """
    return grid_of(point).row(point, near)


def run_sweep(
    points: Sequence[Point],
    path: str | Path,
    executors: Callable[[], AbstractContextManager[Executor]] | None = None,
    report: Callable[[str], None] = lambda _: None,
    notice: Callable[[str], None] | None = None,
) -> list[Row]:
    """Compute the points that the file does not hold yet, writing each as it is finished; returns all rows in order.

    A path that ends in ``.parquet`` gives a Parquet file, everything else CSV.  ``executors`` opens any
    ``concurrent.futures`` executor; without it the points are computed here.  If the executor breaks (a worker process
    was killed), a new one is opened for the points that are missing.  Rows that failed are computed again.  Points
    between two others start from these (:mod:`~flrdt.evaluate.sweeps.neighbours`).  Raises :class:`SweepError` if
    points stay missing, ``InputError`` for a file of something else.  ``report`` hears of the progress, ``notice`` (by
    default the same) of repairs to the file.
    """
    kind: Grid = grid_of(points[0] if points else {})
    with open_results(path, kind.columns, tuple(kind.settings), notice or report) as file:
        file.drop(lambda row: row[kind.failure] != "")
        wanted = {tuple(point.values()): point for point in points}
        missing = {key: point for key, point in wanted.items() if key not in file.rows}
        done = len(wanted) - len(missing)
        if done:
            report(f"{done} of {len(wanted)} points are in {path} already")
        for row in _computed(missing, _Starts(wanted.values(), file.rows), executors):
            file.add(row)
            done += 1
            report(f"{done} of {len(wanted)} points")
        file.sort(list(wanted))
        return [file.rows[key] for key in wanted]


class _Starts:
    """What the points that still wait for others need to know, read from the rows as they come in."""

    def __init__(self, points: Iterable[Point], rows: Mapping[Key, Row]) -> None:
        self.rows = rows
        self.links: dict[Key, Link] = links_of([point for point in points if grid_of(point) is NETWORKS])
        self.anchors = {anchor for link in self.links.values() for anchor in link[:2]}

    def waits(self, key: Key) -> bool:
        """Whether a point has to wait for others."""
        return key in self.links and any(anchor not in self.rows for anchor in self.links[key][:2])

    def near(self, key: Key, point: Point) -> list[float] | None:
        """Parameters for a point to start from."""
        if key not in self.links:
            return None
        left, right, weight = self.links[key]
        return start_between(point["level"], self.rows[left]["parameters"], self.rows[right]["parameters"], weight)


def _computed(
    missing: Mapping[Key, Point], starts: _Starts, executors: Callable[[], AbstractContextManager[Executor]] | None
) -> Iterator[Row]:
    left = dict(sorted(missing.items(), key=lambda item: starts.waits(item[0])))  # anchors first
    if executors is None:
        for key, point in left.items():
            yield evaluate_point(point, starts.near(key, point))
        return
    for _ in range(ATTEMPTS):
        try:
            with executors() as executor:
                for key, row in _finished(executor, dict(left), starts):
                    del left[key]
                    yield row
            return
        except BrokenExecutor:
            continue
    raise SweepError(f"worker processes keep dying: {_resumable(left)}")


def _resumable(left: Mapping[Key, Point]) -> str:
    return f"{len(left)} points are missing, run the same command again to resume"


def _finished(executor: Executor, left: dict[Key, Point], starts: _Starts) -> Iterator[tuple[Key, Row]]:
    """Results as they come, each point submitted as soon as the points that start it are there."""
    ended: SimpleQueue[Future] = SimpleQueue()
    running: dict[Future, Key] = {}
    waiting = {key: point for key, point in left.items() if starts.waits(key)}
    free = [key for key in left if key not in waiting]
    while free or running:
        for key in free:
            future = executor.submit(evaluate_point, left[key], starts.near(key, left[key]))
            running[future] = key
            future.add_done_callback(ended.put)
        future = ended.get()
        try:
            row = future.result()
        except BrokenExecutor:
            raise
        except Exception as problem:
            failure = f"{type(problem).__name__}: {problem}"
            raise SweepError(f"the executor failed ({failure}): {_resumable(left)}") from problem
        key = running.pop(future)
        del left[key]
        yield key, row
        free = [other for other in waiting if not starts.waits(other)] if key in starts.anchors else []
        for other in free:
            del waiting[other]
