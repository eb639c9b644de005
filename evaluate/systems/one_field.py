r"""Objectives whose towers have one Gaussian field: a single layer at the full levels, and its relatives.

The system reads the objective's spheres, towers and elementary rest (:mod:`flrdt.derive.blocks.field_towers`); which
problem it is does not matter here.  Parameters enter the towers through expressions, so slopes in the parameters follow
from those of the tower by the chain rule, and natural coordinates from the anchors of the objective.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy import Expr, Integer, Symbol, diff, oo

from flrdt.derive.blocks.field_towers import FieldTower, SphereSum
from flrdt.derive.objectives.objective import Objective

from ..arithmetic.backends import backend
from ..arithmetic.compile import compile_scalar
from ..quadrature.error_bound import Front, ProvedGrid, QuadratureError, bound_tower, enclosed, proved_strips
from ..quadrature.grid import STRIP, Grid, plan
from ..quadrature.one_field import TowerValue, compiled_innermost, evaluate_tower
from .natural import NaturalCoordinates
from .sphere import sphere_terms
from .system import Parts

__all__ = ["OneFieldSystem"]

CLOSEST = 1e-9  # increments below which a level is all but merged with the next
LEAST = 1e-3  # lifting parameters below which a level is all but merged with the next
PROOF_BITS = 40
FARTHEST = 20.0  # digits that one trial adds at most
TRIALS = 9  # grids that are tried for a proved error
MORE = 0.3  # digits by which a grid is planned better than the last one lacked
WIDEST = 20_000  # longest vector a float64 evaluation may need: longer ones belong to all but merged levels


class _Arguments:
    """Expressions in the parameters as numbers, with their (sparse) slopes and curvatures."""

    def __init__(self, expressions: Sequence[Expr], symbols: Sequence[Symbol], name: str) -> None:
        self.count, self.size, self.backend = len(expressions), len(symbols), backend(name)
        free = [e.free_symbols for e in expressions]
        first = {(i, j): diff(e, s) for i, e in enumerate(expressions) for j, s in enumerate(symbols) if s in free[i]}
        second = {
            (i, j, k): diff(d, symbols[k]) for (i, j), d in first.items() for k in range(j + 1) if d.has(symbols[k])
        }
        self.first = [k for k, d in first.items() if d != 0]
        self.second = [k for k, d in second.items() if d != 0]
        forms = [*expressions, *(first[k] for k in self.first), *(second[k] for k in self.second)]
        self.compiled = compile_scalar(forms, symbols, self.backend)

    def __call__(self, values: Sequence[Any]) -> _At:
        found = self.compiled(*values)
        cut = self.count + len(self.first)
        return _At(self, found[: self.count], found[self.count : cut], found[cut:])


@dataclass(frozen=True)
class _At:
    """Numbers and derivatives of arguments at a point."""

    of: _Arguments
    numbers: list
    first: list
    second: list

    def pull(self, slopes: Sequence[Any]) -> list:
        """Slope in the parameters of a function of the arguments."""
        total = [self.of.backend.number(0)] * self.of.size
        for (i, j), d in zip(self.of.first, self.first, strict=True):
            total[j] = total[j] + slopes[i] * d
        return total

    def pull_curvature(self, slopes: Sequence[Any], rows: Sequence[Sequence[Any]]) -> list[list]:
        """Curvature in the parameters of a function of the arguments."""
        half = [self.pull(row) for row in rows]  # arguments by parameters
        columns = [self.pull(list(column)) for column in zip(*half, strict=True)]
        for (i, j, k), d in zip(self.of.second, self.second, strict=True):
            columns[j][k] = columns[j][k] + slopes[i] * d
            if j != k:
                columns[k][j] = columns[k][j] + slopes[i] * d
        return columns


@dataclass(frozen=True)
class _Jet:
    """A value with its slope and curvature in the parameters, as far as they were asked for."""

    value: Any
    slope: list
    curvature: list

    def times(self, other: _Jet) -> _Jet:
        a, b = self, other
        slope = [a.value * s + b.value * r for r, s in zip(a.slope, b.slope, strict=True)]
        rows = [
            [a.value * v + b.value * u + a.slope[i] * b.slope[j] + a.slope[j] * b.slope[i]
             for j, (u, v) in enumerate(zip(p, q, strict=True))]
            for i, (p, q) in enumerate(zip(a.curvature, b.curvature, strict=True))
        ]  # fmt: skip
        return _Jet(a.value * b.value, slope, rows)

    def plus(self, other: _Jet) -> _Jet:
        def total(a: list, b: list) -> list:
            return [u + v for u, v in zip(a, b, strict=True)]

        rows = [total(a, b) for a, b in zip(self.curvature, other.curvature, strict=True)]
        return _Jet(self.value + other.value, total(self.slope, other.slope), rows)


@dataclass(frozen=True)
class OneFieldSystem:
    """The energy form of an objective with towers of one field, in one backend's arithmetic."""

    objective: Objective
    arithmetic: str = "arb"
    negative: int | None = 0
    curved: bool = True

    @property
    def backend(self) -> Any:
        return backend(self.arithmetic)

    def using(self, arithmetic: str) -> OneFieldSystem:
        return OneFieldSystem(self.objective, arithmetic, self.negative)

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        return self.objective.parameters()

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(map(str, self.symbols))

    @cached_property
    def _natural(self) -> NaturalCoordinates:
        return NaturalCoordinates(self.objective.anchors)

    def coordinates(self, values: Sequence[Any]) -> list:
        return self._natural.coordinates(values, self.backend)

    def values(self, x: Sequence[Any]) -> list:
        return self._natural.values(x, self.backend)

    def inside(self, values: Sequence[Any]) -> bool:
        floats = dict(zip(self.symbols, map(float, values), strict=True))
        if not all(v > 0 and math.isfinite(v) for v in floats.values()):
            return False
        increments, lifting = self._steps
        return all(v > CLOSEST for v in increments(*floats.values())) and all(
            v > LEAST for v in lifting(*floats.values())
        )

    @cached_property
    def _steps(self) -> tuple[Any, Any]:
        """Increments and lifting parameters of all towers, as functions of floats."""
        towers, floats = self.objective.towers, backend("float64")
        increments, lifting = [d for t in towers for d in t.increments], [y for t in towers for y in t.lifting]
        return compile_scalar(increments, self.symbols, floats), compile_scalar(lifting, self.symbols, floats)

    @cached_property
    def _terms(self) -> list[tuple[bool, FieldTower | SphereSum | None, _Arguments, _Arguments]]:
        """Spheres, towers and the rest: whether the width of the last layer multiplies a term, its arguments, its weight
        without the width.
        """
        width, rest = self.objective.widths[-1], self.objective.elementary
        terms: list = [(s, [s.first, *s.overlaps, *s.lifting]) for s in self.objective.spheres]
        terms += [(t, _arguments_of(t)) for t in self.objective.towers]
        found = [
            (bool(t.weight.has(width)), t, self._arguments(arguments), self._arguments([t.weight.subs(width, 1)]))
            for t, arguments in terms
        ]
        if rest != 0:
            found.append((False, None, self._arguments([rest]), self._arguments([Integer(1)])))
        return found

    def _arguments(self, expressions: Sequence[Expr]) -> _Arguments:
        return _Arguments(expressions, self.symbols, self.arithmetic)

    @cached_property
    def _plans(self) -> list[tuple[FieldTower, Any, Any]]:
        """For the choice of grids: ends, and increments with lifting parameters, as functions of floats."""
        floats = backend("float64")
        return [
            (t, compile_scalar(list(t.ends), self.symbols, floats),
             compile_scalar([*t.increments, *t.lifting], self.symbols, floats))
            for t in self.objective.towers
        ]  # fmt: skip

    def _fronts(self, tower: FieldTower) -> Any:
        """Ends, reach and (if there is one) room of the fronts, then the arguments of the tower, as functions of balls."""
        f: Any = tower.fronts
        shape = [f.first, f.last, f.reach, *([] if f.room == oo else [f.room])]
        return compile_scalar([*shape, *_arguments_of(tower)], self.symbols, self.backend)

    def quadrature(self, x: Sequence[Any], digits: float, strip: float = STRIP) -> list[Grid]:
        return self.grids([float(self.backend.to_mpf(v)) for v in self.values(x)], digits, strip)

    def grids(self, values: Sequence[float], digits: float, strip: float = STRIP) -> list[Grid]:
        """The grid of every tower at parameter values."""
        found = []
        for tower, ends, arguments in self._plans:
            left, right = map(float, ends(*values))
            sizes = [float(v) for v in arguments(*values)]
            variances, lifting = sizes[: len(tower.increments)], sizes[len(tower.increments) :]
            constant = (tower.limits[0] is not None, tower.limits[1] is not None)
            grid = plan((left, right), variances, lifting, digits, strip, constant)
            if self.arithmetic == "float64" and grid.widest > WIDEST:
                raise ArithmeticError("two levels are all but merged: too fine a grid for double precision")
            found.append(grid)
        return found

    def smooth(self, x: Sequence[Any]) -> bool:
        """Whether the towers are analytic in a box: what ``bound_tower`` finds out by itself."""
        return True

    def proved_quadrature(self, x: Sequence[Any], digits: float, order: int = 1) -> list[ProvedGrid]:
        """The grids whose proved error leaves slopes (order 1) or curvatures (2) so many digits, at the midpoint of a box.

        Raises :class:`~flrdt.evaluate.quadrature.error_bound.QuadratureError`.
        """
        values, found = [v.mid() for v in self.values(x)], []
        floats = list(map(float, values))
        if not self.inside(floats):
            raise QuadratureError("the point is outside the domain of the level")
        for tower, ends, arguments in self._plans:
            if tower.fronts is None:
                raise QuadratureError("no strip of analyticity is proved for this problem")
            fronts, shape = self._fronts(tower), tower.fronts
            first, last, reach, *room = fronts(*values)[: 3 if shape.room == oo else 4]
            front = Front(shape.count, first, last, reach, room[0] if room else None)
            own, cut = len(tower.own), len(tower.own) + len(tower.increments)
            of = [v.mid() for v in fronts(*values)[-cut - len(tower.lifting) :]]
            split = (of[:own], of[own:cut], of[cut:])
            sizes = [float(v) for v in arguments(*floats)]
            strips = proved_strips(front, *split[1:], tower.limits)
            asked, reached = digits, 0.0
            for trial in range(1, TRIALS + 1):
                grid = plan(tuple(map(float, ends(*floats))), sizes[: cut - own], sizes[cut - own :], asked, strips)  # type: ignore[arg-type]
                bound = bound_tower(front, *split, tower.limits, grid)
                reached = bound.places(order)
                if reached >= digits:
                    break
                asked += min(max(digits - reached, trial * MORE), FARTHEST)
            else:
                raise QuadratureError(f"the quadrature is proved to {reached:.0f} of {digits:.0f} digits only")
            found.append(ProvedGrid(grid, bound))
        return found

    def bits(self, x: Sequence[Any], digits: float) -> int:
        # the grids of a proof are planned for a few digits more
        return max(grid.bits for grid in self.quadrature(x, digits)) + PROOF_BITS

    def parts(self, x: Sequence[Any], quadrature: Any, order: int = 1) -> Parts:
        b, natural = self.backend, self._natural
        A, B = self.raw(self.values(x), quadrature, order)
        if not order:
            return Parts(A.value, B.value)
        slopes = [natural.pull(x, t.slope, b) for t in (A, B)]
        if order == 1:
            return Parts(A.value, B.value, *slopes)
        rows = [natural.pull_curvature(x, t.curvature, s, b) for t, s in zip((A, B), slopes, strict=True)]
        return Parts(A.value, B.value, *slopes, *rows)

    def raw(self, values: Sequence[Any], quadrature: Sequence[Grid | ProvedGrid], order: int = 1) -> tuple[_Jet, _Jet]:
        """A and B with their derivatives in the parameters themselves."""
        b, n = self.backend, len(values)
        zero = b.number(0)
        rows = [[zero] * n for _ in range(n)] if order == 2 else []
        empty = _Jet(zero, [zero] * n if order else [], rows)
        totals, grids = [empty, empty], iter(quadrature)
        for into, term, arguments, weight in self._terms:
            at, factor = arguments(values), weight(values)
            if isinstance(term, SphereSum):
                found = sphere_terms(at.numbers, b, order)
            elif term is None:
                found = TowerValue(at.numbers[0], [b.number(1)], [[zero]])
            else:
                found = _tower(term, at.numbers, next(grids), b, order)
            one = _jet(at, found, order).times(
                _jet(factor, TowerValue(factor.numbers[0], [b.number(1)], [[zero]]), order)
            )
            totals[into] = totals[into].plus(one)
        return totals[0], totals[1]

    def prepare(self) -> None:
        """Derive and compile everything now, so that later calls are numeric only."""
        for tower in self.objective.towers:
            compiled_innermost(tower, self.arithmetic, 2)


def _arguments_of(tower: FieldTower) -> list[Expr]:
    return [*(e for _, e in tower.own), *tower.increments, *tower.lifting]


def _tower(tower: FieldTower, numbers: list, grid: Grid | ProvedGrid, b: Any, order: int) -> TowerValue:
    """The sum on a grid; with what it leaves out, and over boxes of arguments, if that is proved."""
    own, cut = len(tower.own), len(tower.own) + len(tower.increments)
    plain = grid.grid if isinstance(grid, ProvedGrid) else grid
    found = evaluate_tower(tower, numbers[:own], numbers[own:cut], numbers[cut:], plain, b, order)
    return enclosed(found, numbers, grid.bound) if isinstance(grid, ProvedGrid) else found


def _jet(at: _At, found: TowerValue, order: int) -> _Jet:
    slope = at.pull(found.slopes) if order else []
    return _Jet(found.value, slope, at.pull_curvature(found.slopes, found.curvatures) if order == 2 else [])
