"""Sweeps: two worker processes against one, and starts from neighbouring points against cold ones.

Run with ``python -m pytest benchmarks/test_sweeps.py``.  Wall times need a machine that is idle; the processor time of the
busiest worker tells what the division of the work itself allows.
"""

import os
import time
from functools import partial
from itertools import count

import pytest

from flrdt.evaluate import run_sweep
from flrdt.evaluate.machine.processes import local_pool
from flrdt.evaluate.sweeps import run as sweep
from flrdt.evaluate.sweeps.run import evaluate_point, points_of

NUMBERS = count()


@pytest.fixture
def timed(tmp_path):
    """Seconds of a sweep into a new file, and its rows."""

    def run(points, executors=None):
        start = time.perf_counter()
        rows = run_sweep(points, tmp_path / f"{next(NUMBERS)}.csv", executors)
        return time.perf_counter() - start, rows

    return run


def metered(point, near=None):
    """A point whose status is the process that computed it and the processor time of that process so far."""
    row = evaluate_point(point, near)
    return {**row, "status": f"{os.getpid()} {time.process_time()}"}


def test_two_workers_against_one(timed, ratio, monkeypatch):
    monkeypatch.setattr(sweep, "evaluate_point", metered)
    points = points_of({"gate": ["relu-bias:{-1..2;41}"], "level": ["3"], "digits": ["30"]})
    wall, busiest = [], []
    for workers in (1, 2):
        seconds, rows = timed(points, partial(local_pool, workers))
        wall.append(seconds)
        busiest.append(max(float(row["status"].split()[1]) for row in rows))
    name = "one worker / two workers, 41 points at level 3, start of the processes included"
    ratio(name + ", wall", wall[0] / wall[1], "at least 1.7")
    ratio(name + ", cpu", busiest[0] / busiest[1], "at least 1.7")


@pytest.mark.parametrize("level", ["2", "3", "5"])
def test_neighbours_against_cold_starts(timed, ratio, monkeypatch, level):
    points = points_of({"gate": ["relu-bias:{-1..2;41}"], "level": [level], "digits": ["20"]})
    timed(points[:1])
    warm, rows = timed(points)
    monkeypatch.setattr(sweep, "links_of", lambda _: {})
    cold, cold_rows = timed(points)
    assert rows == cold_rows
    ratio(f"cold starts / starts from neighbours, 41 biases at level {level}", cold / warm, "at least 1")
