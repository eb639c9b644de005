"""The two kinds of grid that a sweep goes over: networks, and problems of the family given by their words.

A grid says which settings a point has, how a point is checked before anything runs, and how its row is computed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..arithmetic.decimals import InputError, parse_digits, parse_number

__all__ = ["GRIDS", "NETWORKS", "PROBLEMS", "Grid", "Point", "Row", "grid_of"]

Point = dict[str, str]
Row = dict[str, str]


@dataclass(frozen=True)
class Grid:
    """A kind of grid.

    ``settings`` are the settings of a point with their defaults, in the order of the grid (the last varies fastest);
    ``results`` the columns of a result file after them.  ``value`` is the column of the number, ``failure`` the one that is
    empty unless the solve failed.  ``exclusive`` are settings that decide the same thing, so that a grid has values for one of
    them only; ``blank`` those in which an empty text has a meaning.
    """

    settings: Mapping[str, str]
    results: tuple[str, ...]
    value: str
    failure: str
    check: Callable[[Point], Point]
    solve: Callable[[Point, Sequence[float] | None], Row]
    exclusive: tuple[tuple[str, str], ...] = ()
    blank: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of a result file."""
        return (*self.settings, *self.results)

    def row(self, point: Point, near: Sequence[float] | None) -> Row:
        """The row of one point; a solve that fails is a row that says why."""
        try:
            found = self.solve(point, near)
        except (ArithmeticError, InputError) as problem:
            return {**point, **dict.fromkeys(self.results, ""), self.failure: " ".join(str(problem).split())}
        return {**point, **dict.fromkeys(self.results, ""), **found}


def _check_network(point: Point) -> Point:
    """The point with depth and budget written out; raises ``InputError`` if it cannot be computed."""
    from flrdt.derive import Level

    from ..results.capacity import as_gate
    from ..results.chain import Requirement, architecture, deep_gate

    level = Level.parse(point["level"])
    parse_digits(point["digits"])
    _, depth = architecture(level, point["depth"] or None, _split(point["widths"]))
    gate = (as_gate if depth == 1 else deep_gate)(point["gate"], point["radius"])
    budget = point["budget"] or str(Requirement.parse(point["notion"], None).of(depth, depth))
    parse_number(budget, "budget", positive=True)
    return {**point, "level": str(level), "gate": str(gate), "depth": str(depth), "budget": budget}


def _split(widths: str) -> list[str]:
    return widths.split(",") if widths else []


def _solve_network(point: Point, near: Sequence[float] | None) -> Row:
    from ..results.chain import shortfall
    from ..results.door import capacity

    words: dict[str, Any] = {
        name: point[name] for name in ("level", "digits", "gate", "radius", "depth", "notion", "budget")
    }
    found = capacity(widths=_split(point["widths"]), near=near, **words).to_json()
    row = {name: str(found.get(name, "")) for name in NETWORKS.results}
    if not found.get("admissible", True):
        row["status"] += "; hidden architecture not admissible: " + "; ".join(map(shortfall, found["short_layers"]))
    chain = json.dumps(found["chain"]) if "chain" in found else ""
    return {**row, "chain": chain, "parameters": json.dumps(found["parameters"])}


ORDERS = ("falling", "free")


def _check_problem(point: Point) -> Point:
    """The point with its words as the toolkit writes them; raises ``InputError`` if it cannot be computed."""
    from flrdt.derive import Level

    from ..results.family import requested

    parse_digits(point["digits"])
    if point["order"] not in ORDERS:
        raise InputError(f"unknown order {point['order']!r}: use {' or '.join(ORDERS)}")
    requested(point["problem"], point["level"], point["alpha"] or None, None)
    return {**point, "level": str(Level.parse(point["level"]))}


def _solve_problem(point: Point, near: Sequence[float] | None) -> Row:
    from ..results.family import family_value

    found = family_value(
        point["problem"],
        point["level"],
        point["digits"],
        alpha=point["alpha"] or None,
        free_order=point["order"] == "free",
    ).to_json()
    row = {name: str(found.get(name, "")) for name in PROBLEMS.results}
    return {**row, "parameters": json.dumps(found["parameters"])}


#: Capacities of networks.  An empty depth follows from the widths, an empty budget from the notion.
NETWORKS = Grid(
    settings={
        "level": "2",
        "digits": "20",
        "notion": "weak",
        "budget": "",
        "depth": "",
        "widths": "",
        "radius": "1",
        "gate": "relu",
    },
    results=("alpha", "alpha_error", "error_kind", "status", "chain", "parameters", "problem"),
    value="alpha",
    failure="problem",
    check=_check_network,
    solve=_solve_network,
    exclusive=(("notion", "budget"), ("depth", "widths")),
    blank=("widths",),  # no hidden widths is one layer
)

#: Values of problems of the family.  ``alpha`` is the aspect ratio of an energy.
PROBLEMS = Grid(
    settings={"level": "2", "digits": "20", "order": "falling", "alpha": "", "problem": ""},
    results=(
        "quantity",
        "value",
        "value_error",
        "error_kind",
        "reached_level",
        "reason",
        "status",
        "parameters",
        "failure",
    ),
    value="value",
    failure="failure",
    check=_check_problem,
    solve=_solve_problem,
)

GRIDS = (NETWORKS, PROBLEMS)


def grid_of(settings: Mapping[str, Any]) -> Grid:
    """The kind of grid that these settings belong to: problems where a problem is named, else networks.

    Raises ``InputError`` where settings of both are mixed.
    """
    if "problem" not in settings:
        if foreign := [name for name in settings if name not in NETWORKS.settings]:
            raise InputError(
                f"{foreign[0]} is a setting of problems of the family: name one with problem, or leave it out"
            )
        return NETWORKS
    mixed = [name for name in settings if name not in PROBLEMS.settings]
    if mixed:
        raise InputError(f"{mixed[0]} is a setting of networks: leave it out of a grid of problems")
    return PROBLEMS
