"""The sequence of level capacities: each level starts from the one below, and can be interrupted and resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import numpy
from mpmath import mp, mpf

from flrdt.derive import Level, Network

from ..arithmetic.backends import backend as get_backend
from ..machine.textfiles import FileError, read_document, write_document
from ..solve.continuation import Minimum, coordinates, minimise, parameters, polish, predict
from ..solve.starts import capacity_goal, float_minimum
from ..systems.one_layer import EnergyForm
from .store import Store, stored_numbers

__all__ = ["Checkpoint", "SolvedLevel", "solve_levels"]

FIRST = 3
KIND = "level sequence"


@dataclass(frozen=True)
class SolvedLevel:
    """A level's capacity with its error estimate, and the coordinates of its minimum (numbers as mpf)."""

    level: int
    alpha: Any
    error: Any
    u: tuple[Any, ...]

    def floats(self) -> list[float]:
        """The coordinates in double precision, enough to start from."""
        return [float(v) for v in self.u]

    def parameters(self) -> list[Any]:
        """``(chi, p_2..p_r, y_2..y_r)``, at the current precision."""
        return parameters(self.u, get_backend("mpmath"))


class Checkpoint:
    """Solved levels in a plain-text file, rewritten after each level."""

    def __init__(self, path: Path, network: Network, digits: int) -> None:
        self.path = path
        self.header = {"gate": str(network.gate), "budget": str(network.budget), "digits": digits}

    def write(self, points: dict[int, list[float]]) -> None:
        """Write the coordinates of all levels so far, atomically."""
        entries = [{"level": r, "coordinates": [v.hex() for v in u]} for r, u in points.items()]
        write_document(self.path, KIND, {**self.header, "levels": entries})

    def read(self) -> dict[int, list[float]]:
        """Coordinates by level; raises :class:`FileError` for a damaged file or one of another computation."""
        content = read_document(self.path, KIND)
        for name in ("gate", "budget"):
            if not isinstance(content.get(name), str):
                raise FileError(f"{self.path} does not hold a level sequence")
            if content[name] != self.header[name]:
                raise FileError(
                    f"{self.path} was written for {name} {content[name][:40]}, not {self.header[name]}: "
                    "remove it or give the same options"
                )
        found: dict[int, list[float]] = {}
        entries = content.get("levels")
        for entry in entries if isinstance(entries, list) else [None]:
            level = entry.get("level") if isinstance(entry, dict) else None
            numbers = stored_numbers(entry.get("coordinates"), 2 * level - 1) if isinstance(level, int) else None
            if numbers is None:
                raise FileError(f"{self.path} does not hold a level sequence")
            found[level] = numbers
        return found


def solve_levels(
    network: Network,
    digits: int,
    store: Store | None = None,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[SolvedLevel]:
    """Levels 3, 4, 5, ... to ``digits`` digits, one after the other, without end.

    Points from the store, or with ``resume`` from the checkpoint, are starts: Newton confirms them and every value and
    residual is computed anew.
    """
    store = store or Store(None)
    kept = checkpoint.read() if checkpoint is not None and resume else {}
    below: SolvedLevel | None = None
    for level in count(FIRST):
        start = kept.get(level) or store.load(network, level)
        solved = _polished(network, level, _minimum(network, level, start, below, report), digits)
        store.save(network, level, solved.floats())
        kept[level] = solved.floats()
        if checkpoint is not None:
            checkpoint.write(kept)
        yield solved
        below = solved


def _minimum(
    network: Network, level: int, start: list[float] | None, below: SolvedLevel | None, report: Callable[[str], None]
) -> Minimum:
    """The float64 minimum of a level, from a stored point, or the level below, or from scratch."""
    form = EnergyForm(network, Level(level), "float64")
    goal = capacity_goal(float(network.budget))
    if start is not None:
        try:
            with numpy.errstate(all="ignore"):  # far-off numbers overflow
                return minimise(form, numpy.array(start), goal)
        except (ArithmeticError, numpy.linalg.LinAlgError):
            report(f"level {level}: the stored point is not a minimum; solving anew")
    if below is not None:
        return minimise(form, predict(numpy.array(below.floats()), level), goal)
    z = float_minimum(network, Level(level), goal, report)[1]
    return minimise(form, coordinates([float(v) for v in z]), goal)


def _polished(network: Network, level: int, minimum: Minimum, digits: int) -> SolvedLevel:
    form = EnergyForm(network, Level(level), "arb")
    budget = Fraction(int(network.budget.p), int(network.budget.q))
    found = polish(form, minimum, lambda b: capacity_goal(b.number(budget)), digits)
    with mp.workdps(digits + 15):
        b = form.backend
        return SolvedLevel(level, b.to_mpf(found.value), mpf(found.error), tuple(b.to_mpf(v) for v in found.u))
