r"""Problems of the family as functions of numbers: the value to be minimised and its exact gradient.

Every number is read off the derived objective: the elementary term and the kernel are compiled from it, the tower is evaluated
on a grid.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sympy import asin, atan, diff, sqrt

from flrdt.derive.blocks.kernels import Kernel
from flrdt.derive.blocks.outputs import Cost
from flrdt.derive.core.symbols import Level, alpha, chi
from flrdt.derive.networks.problems import Problem
from flrdt.derive.objectives.family import DELTA_ONE, FamilyObjective, family_objective

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_scalar
from ..quadrature.field_tower import FieldGrid, compiled_average, field_tower, plan_fields
from ..quadrature.kernels import kernel_at, kernel_ends
from .system import CapacityGoal, EnergyGoal, Goal, Parts

__all__ = ["FamilySystem"]

CLOSEST = 1e-4  # increments and lifting parameters at which a descent is on its way to a lower level
WIDEST = 3000  # grid points on one side in double precision: more belong to all but merged levels


@lru_cache(maxsize=64)
def _compiled_elementary(objective: FamilyObjective, backend_name: str) -> Any:
    symbols = objective.parameters()
    form = objective.elementary
    return compile_scalar([form, *(diff(form, s) for s in symbols)], (*symbols, alpha), get_backend(backend_name))


@lru_cache(maxsize=64)
def _compiled_average(objective: FamilyObjective, at: Any, backend_name: str) -> Any:
    return compiled_average(objective.average(at), chi, backend_name)


@lru_cache(maxsize=64)
def _compiled_plain(objective: FamilyObjective, at: Any, backend_name: str) -> Any:
    form = objective.plain(at)
    return compile_scalar([form, diff(form, chi)], (chi, DELTA_ONE), get_backend(backend_name))


@lru_cache(maxsize=64)
def _compiled_kernel(kernel: Kernel, backend_name: str) -> Any:
    """``p -> (Delta, Delta')``, with arcsines written as arctangents that hold at 1 too."""
    forms = [kernel.value, kernel.slope]
    forms = [f.replace(asin, lambda a: 2 * atan(a / (1 + sqrt(1 - a**2)))) for f in forms]  # type: ignore[union-attr]
    return compile_scalar(forms, (kernel.p,), get_backend(backend_name))


def spin_widths(variances: Sequence[float], lifting: Sequence[float]) -> list[float]:
    """Half widths of the strips of analyticity of a spin tower.

    An average of ``exp(y |h|)`` is entire and behaves like ``cosh(y x)``, whose zeros are at the imaginary distance pi/(2y);
    its logarithm is flat on the scale of the field where y is small.
    """
    totals = itertools.accumulate(variances[:-1])
    return [min(1.2 * math.sqrt(t), 0.8 * math.pi / (2 * y)) for t, y in zip(totals, lifting, strict=True)]


def plan_pulled(
    variances: Sequence[float], lifting: Sequence[float], stiffness: float, digits: float, strip: float
) -> FieldGrid:
    """The grid of a tower whose function falls like ``-x^2/(2 stiffness)``.

    Tilting pulls the field towards lower cost, by the share ``y d/(stiffness + sum of y d)`` of its distance: the kernels reach
    further by that, the range stays.
    """
    grid = plan_fields(variances, lifting, [0.0] * len(lifting), digits, strip)
    reach = math.sqrt(2 * sum(variances) * (digits + 4) * math.log(10))
    reaches = list(grid.reaches)
    for k, (y, d) in enumerate(zip(lifting, variances, strict=False)):
        stiffness += y * d
        if k:
            reaches[k] += math.ceil(reach * y * d / stiffness * grid.steps_per_unit / grid.strides[k - 1])
    return replace(grid, reaches=tuple(reaches))


def affordable(grid: FieldGrid, arithmetic: str) -> FieldGrid:
    """The grid, unless it is so fine in double precision that two levels have all but merged."""
    if arithmetic == "float64" and grid.halves[0] > WIDEST:
        raise ArithmeticError("two levels are all but merged: too fine a grid for double precision")
    return grid


@dataclass(frozen=True)
class FamilySystem:
    """A problem at a level in one backend's arithmetic; ``alpha`` for energies and Hopfield."""

    problem: Problem
    level: Level
    backend_name: str = "arb"
    free_order: bool = False
    outer_zero: bool = False
    negative: int | None = 0
    curved: bool = False

    @property
    def objective(self) -> FamilyObjective:
        return family_objective(self.problem, self.level, self.outer_zero)

    @property
    def backend(self) -> Any:
        return get_backend(self.backend_name)

    @property
    def names(self) -> list[str]:
        return [str(s) for s in self.objective.parameters()]

    @property
    def overlaps(self) -> int:
        """Number of free overlaps."""
        return self.level.r - 1 - (self.level.partial or (self.outer_zero and self.level.r > 1))

    @property
    def leading(self) -> int:
        """1 if chi is a parameter, else 0."""
        return len(self.objective.parameters()) - self.overlaps - (self.level.r - 1)

    def split(self, z: Sequence) -> tuple[Any, list, list]:
        """chi (1 where it is fixed), overlaps, lifting parameters."""
        first = z[0] if self.leading else self.backend.number(1)
        middle = self.leading + self.overlaps
        return first, list(z[self.leading : middle]), list(z[middle:])

    def _kernel(self, p: Any) -> tuple[Any, Any]:
        kernel = self.problem.kernel
        if kernel.identity:
            return p, self.backend.number(1)
        if kernel.value is None:
            return kernel_at(kernel, p, self.backend)
        return tuple(_compiled_kernel(kernel, self.backend_name)(p))  # type: ignore[return-value]

    def _ends(self) -> tuple[Any, Any]:
        """``Delta(1)`` and ``Delta'(1)``."""
        kernel, b = self.problem.kernel, self.backend
        if kernel.identity:
            return b.number(1), b.number(1)
        if kernel.value is None:
            return kernel_ends(kernel, b)
        forms = [
            f.replace(asin, lambda a: 2 * atan(a / (1 + sqrt(1 - a**2))))  # type: ignore[union-attr]
            for f in (kernel.value_at_one, kernel.slope_at_one)
        ]
        return tuple(compile_scalar(forms, (), b)())  # type: ignore[return-value]

    def fields(self, z: Sequence) -> tuple[Any, list, list, list]:
        """chi of the envelope, the variances d_2, ..., d_r and the outermost, the lifting parameters, and Delta' at the overlaps."""
        first, p, y = self.split(z)
        whole, slope = self._ends()
        values, slopes = [whole], []
        for overlap in p:
            value, rise = self._kernel(overlap)
            values.append(value)
            slopes.append(rise)
        variances = [a - b for a, b in itertools.pairwise(values)] + [values[-1]]
        if len(variances) < max(2, self.level.r):  # the outermost overlap is 0
            variances.append(self.backend.number(0))
        return first * slope, variances, y, slopes

    def grid(self, z: Sequence[float], digits: int, strip: float = 1.0) -> FieldGrid:
        """The grid that the parameters and the digits ask for; z as floats."""
        if self.level.r == 1:
            return plan_fields(
                [1.0, 0.0], [1.0], [0.0], math.ceil(digits), strip
            )  # closed form: one point, for its precision
        with_floats = self.using("float64")
        first, variances, y, _ = with_floats.fields(list(z))
        if self.objective.spins:
            shifts = [a * d for a, d in zip(y, variances, strict=False)]
            return plan_fields(variances, y, shifts, digits, strip, spin_widths(variances, y))
        return plan_pulled(variances, y, first, digits, strip)

    def number(self, value: Any) -> Any:
        return self.backend.number(Fraction(int(value.p), int(value.q)))

    def using(self, arithmetic: str) -> FamilySystem:
        """The same problem in another arithmetic."""
        return replace(self, backend_name=arithmetic)

    def coordinates(self, values: Sequence[Any]) -> list:
        """``log chi``, ``log(p_{k-1} - p_k)``, ``log(y_k - y_{k+1})``; ``log y_k`` where the order is free."""
        log, one, zero = self.backend.functions()["log"], self.backend.number(1), self.backend.number(0)
        _, p, y = self.split(values)
        gaps = [before - after for before, after in zip([one, *p], p, strict=False)]
        rises = list(y) if self.free_order else [y[k] - (y[k + 1] if k + 1 < len(y) else zero) for k in range(len(y))]
        return [log(v) for v in [*values[: self.leading], *gaps, *rises]]

    def values(self, x: Sequence[Any]) -> list:
        """Parameter values of natural coordinates."""
        exp = self.backend.functions()["exp"]
        z = [exp(v) for v in x]
        middle = self.leading + self.overlaps
        overlaps, left = [], self.backend.number(1)
        for gap in z[self.leading : middle]:
            left = left - gap
            overlaps.append(left)
        lifting = z[middle:]
        if not self.free_order:
            lifting = [sum(lifting[k + 1 :], lifting[k]) for k in range(len(lifting))]
        return [*z[: self.leading], *overlaps, *lifting]

    def pull(self, x: Sequence[Any], slope: Sequence[Any]) -> list:
        """The slope in natural coordinates from that in the parameters."""
        exp, zero = self.backend.functions()["exp"], self.backend.number(0)
        z = [exp(v) for v in x]
        first, middle = self.leading, self.leading + self.overlaps
        found = [slope[i] * z[i] for i in range(first)]
        for k in range(first, middle):  # a gap lowers its own and every later overlap
            found.append(-sum(slope[k:middle], zero) * z[k])
        for k in range(middle, len(z)):  # a rise lifts its own and every earlier lifting parameter
            found.append((slope[k] if self.free_order else sum(slope[middle : k + 1], zero)) * z[k])
        return found

    def inside(self, values: Sequence[Any]) -> bool:
        """Whether everything is positive, and neither overlaps nor lifting parameters have all but merged with the next."""
        floats = [float(v) for v in values]
        _, p, y = self.split(floats)
        apart = [a - b for a, b in itertools.pairwise([1.0, *p])]
        apart += y if self.free_order else [a - b for a, b in itertools.pairwise([*y, 0.0])]
        return all(math.isfinite(v) and v > 0 for v in floats) and all(v > CLOSEST for v in apart)

    def quadrature(self, x: Sequence[Any], digits: float, strip: float = 1.0) -> FieldGrid:
        """The grid for so many digits near natural coordinates x."""
        grid = self.grid([float(self.backend.to_mpf(v)) for v in self.values(x)], digits, strip)  # type: ignore[arg-type]
        return affordable(grid, self.backend_name)

    def bits(self, x: Sequence[Any], digits: float) -> int:
        """Working precision for so many digits."""
        return self.quadrature(x, digits).bits

    def parts(self, x: Sequence[Any], quadrature: FieldGrid, order: int = 1) -> Parts:
        """Elementary term and tower with their slopes, within the precision already set."""
        values = self.values(x)
        A, B, dA, dB = self.raw(values, quadrature)
        return Parts(A, B, self.pull(x, dA), self.pull(x, dB))

    def raw(self, z: Sequence, grid: FieldGrid) -> tuple[Any, Any, list, list]:
        """Elementary term, tower, and their slopes in the parameters themselves."""
        b = self.backend
        ratio = b.number(0) if self.problem.alpha is None else self.number(self.problem.alpha)
        A, *dA = _compiled_elementary(self.objective, self.backend_name)(*z, ratio)
        first, variances, y, slopes = self.fields(z)
        if self.level.r == 1:
            value, slope = _compiled_plain(self.objective, self._structure(z), self.backend_name)(first, variances[0])
            return A, value, dA, [slope * self._ends()[1]] if self.leading else []
        average = _compiled_average(self.objective, self._structure(z), self.backend_name)
        tower = field_tower(average, first, variances, y, grid, b)
        d_p = [
            slope * (after - before)
            for slope, before, after in zip(slopes, tower.d_variance, tower.d_variance[1:], strict=False)
        ]
        d_chi = [tower.d_chi * self._ends()[1]] if self.leading else []
        return A, tower.value, dA, [*d_chi, *d_p, *tower.d_lifting]

    @property
    def goal(self) -> Goal:
        """What is minimised: a quotient for hard sets, otherwise a sum."""
        if self.objective.hard:
            return CapacityGoal(0)
        return EnergyGoal(1 if self.objective.spins else Fraction(int(self.problem.alpha.p), int(self.problem.alpha.q)))  # type: ignore[union-attr]

    def _structure(self, z: Sequence) -> Any:
        """For a cost that is not convex: a rational near chi, at which the order of its pieces is decided."""
        output = self.problem.output
        if not isinstance(output, Cost) or output.convex:
            return None
        from sympy import Rational

        number = float(self.backend.to_mpf(z[0])) if self.backend_name != "float64" else float(z[0])
        return _representative(
            self.problem,
            Rational(Fraction(number).limit_denominator(1000)) if number > 0.01 else Rational(Fraction(number)),
        )


@lru_cache(maxsize=4096)
def _representative(problem: Problem, at: Any) -> Any:
    """The first chi met with the same pieces, so that every structure is compiled once."""
    from sympy import Symbol

    h = Symbol("h", real=True)
    pieces = tuple(problem.output.pieces(chi, h, at))  # type: ignore[union-attr]
    return _SEEN.setdefault((problem, pieces), at)


_SEEN: dict[tuple, Any] = {}
