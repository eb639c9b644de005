"""The sequence of level capacities: each level starts from the one below, and can be interrupted and resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

from flrdt.derive import Level, Network

from ..machine.textfiles import FileError, read_document, write_document
from ..solve.descent import Minimum, descend
from ..solve.one_layer import polished
from ..solve.point import ConvergenceError, Point
from ..solve.starts import lowest, predict, system_of
from ..systems.system import CapacityGoal
from .store import Store, stored_numbers

__all__ = ["Checkpoint", "SolvedLevel", "solve_levels"]

FIRST = 3
KIND = "level sequence"


@dataclass(frozen=True)
class SolvedLevel:
    """A level and the stationary point at its capacity; parameters have half the digits of the value."""

    level: int
    point: Point

    @property
    def alpha(self) -> Any:
        """The capacity."""
        return self.point.value

    @property
    def error(self) -> Any:
        """The error of the capacity, see ``Point``."""
        return self.point.value_error

    def floats(self) -> list[float]:
        """The natural coordinates in double precision, enough to start from."""
        return self.point.floats()

    def parameters(self) -> list[Any]:
        """``(chi, p_2..p_r, y_2..y_r)``."""
        return list(self.point.values)


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
        """Coordinates by level; raises ``FileError`` for a damaged file or one of another computation."""
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
            numbers = stored_numbers(entry.get("coordinates"), 2 * level - 1) if isinstance(level, int) else None  # type: ignore[union-attr]
            if numbers is None:
                raise FileError(f"{self.path} does not hold a level sequence")
            found[level] = numbers  # type: ignore[index]
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
    below: list[list[float]] = []
    for level in count(FIRST):
        start = kept.get(level) or store.load(network, level)
        minimum = _minimum(network, level, start, below, report)
        solved = SolvedLevel(
            level, polished(network, Level(level), _goal(network), minimum, digits, point_digits=digits // 2)
        )
        store.save(network, level, solved.floats())
        kept[level] = solved.floats()
        if checkpoint is not None:
            checkpoint.write(kept)
        yield solved
        below = [*below[-1:], solved.floats()]


def _goal(network: Network) -> CapacityGoal:
    return CapacityGoal(Fraction(int(network.budget.p), int(network.budget.q)))  # type: ignore[union-attr]


def _minimum(
    network: Network, level: int, start: list[float] | None, below: list[list[float]], report: Callable[[str], None]
) -> Minimum:
    """The float64 minimum of a level, from a stored point, or the level below, or from scratch."""
    system, goal = system_of(network, Level(level)), _goal(network)
    if start is not None:
        found = descend(system, goal, start)
        if found is not None and found.converged:
            return found
        report(f"level {level}: the stored point is not a minimum; solving anew")
    if not below:
        return lowest(network, Level(level), goal, report)
    found = descend(system, goal, predict(below[-1], level, below[0] if below[1:] else None))
    if found is None or not found.converged:
        raise ConvergenceError(f"level {level}: the descent from the level below did not converge")
    return found
