r"""Stationary point of the fully lifted level 2 of a deep network, every overlap pair free.

Start: the partially lifted point at a fixed lifting parameter, with overlaps inserted; Newton at fixed y,
first with :math:`p^{(0)}_2` held; then y is raised until dP/dy changes sign.  The overlaps p_2, q_2 are
unknowns themselves, not through a logistic map, which would let Newton escape to the merged points.  Digits:
chord Newton with the double-precision Jacobian and the gradient in ball arithmetic, on a grid whose step is
chosen from the measured rate of convergence; a finer grid then checks the value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log
from typing import Any

import numpy
from sympy import diff

from flrdt.derive.core.symbols import Level
from flrdt.derive.networks.network import relu_network
from flrdt.derive.objectives.deep import DeepObjective

from ..arithmetic.compile import compile_scalar
from ..quadrature.two_fields import FieldGrid, LiftedTerms, arithmetic
from .deep_closed import partial_point
from .point import ConvergenceError

__all__ = ["LiftedPoint", "LiftedSystem", "genuine", "solve_lifted"]

LEVEL = Level(2)
COARSE = FieldGrid(digits=14, step=0.25, nodes=120, refinement=4)
STARTS = (0.8, 0.5, 1.2, 0.3)
STRIDE = log(1.2)  # the first step in log y
MERGED = 1e-3  # closer to the ends of its range than this, an overlap ratio counts as merged

Report = Callable[[str], None]


@lru_cache(maxsize=16)
def _elementary(depth: int, name: str):
    """Sphere and couplings with their gradient in all parameters."""
    objective = DeepObjective(relu_network(depth=depth), LEVEL)
    terms = objective.energy_terms
    value = sum(terms[n] for n in terms if n == "sphere" or n.startswith("coupling"))
    symbols = objective.parameters()
    return compile_scalar([value, *(diff(value, s) for s in symbols)], symbols, arithmetic(name).scalar)


class LiftedSystem:
    """Gradient of the objective in its parameters, and objective plus budget; unknowns in their own scale.

    The unknowns are the parameters of the objective followed by alpha_l.  Overlaps p_2, q_2 enter as they
    are, everything else through its logarithm: :meth:`unknowns` and :meth:`values` convert.
    """

    def __init__(self, widths: Sequence[Any], budget: Any, grid: FieldGrid):
        self.depth = len(widths) + 1
        objective = DeepObjective(relu_network(depth=self.depth), LEVEL)
        self.names = [*map(str, objective.parameters()), f"alpha_{self.depth}"]
        number = grid.arithmetic.scalar.number
        self.widths, self.budget, self.grid = [number(w) for w in widths], number(budget), grid
        self.terms = LiftedTerms(grid)
        overlap = [n.startswith(("p", "q")) and n.endswith("_2") for n in self.names]
        self.logarithmic = numpy.array([not o for o in overlap])
        self._one = number(1)

    def gradient(self, values: Sequence[Any], slopes: bool = True) -> tuple[list, Any]:
        """``(dP/dx ..., P + budget)`` and ``dP/d alpha_l``; without slopes only the last residual is
        meaningful.
        """
        at = dict(zip(self.names, values, strict=True))
        at["p^(0)_1"] = self._one
        value, *elementary = _elementary(self.depth, self.grid.name)(*values[:-1])
        total = dict(zip(self.names, elementary, strict=False))

        def add(weight: Any, term: tuple[Any, list], names: Sequence[str]) -> Any:
            nonlocal value
            value = value + weight * term[0]
            for name, slope in zip(names, term[1], strict=False):
                if name in total:
                    total[name] = total[name] + weight * slope
            return term[0]

        last = self.depth - 1
        for i, weight in enumerate(self.widths, start=1):
            names = [
                f"chi^({i - 1})",
                f"p^({i - 1})_1",
                f"p^({i - 1})_2",
                f"mu^({i})",
                f"q^({i})_1",
                f"q^({i})_2",
                "y_2",
            ]
            add(weight, self.terms.hidden([at[n] for n in names], slopes), names)
        names = [f"chi^({last})", f"p^({last})_1", f"p^({last})_2", "y_2"]
        count = add(values[-1], self.terms.output([at[n] for n in names], slopes), names)
        return [*total.values(), value + self.budget], count

    def values(self, unknowns: Any) -> Any:
        return numpy.where(self.logarithmic, numpy.exp(numpy.where(self.logarithmic, unknowns, 0)), unknowns)

    def unknowns(self, values: Any) -> Any:
        values = numpy.array(values, dtype=float)
        return numpy.where(self.logarithmic, numpy.log(values), values)

    def residual(self, unknowns: Any) -> Any:
        """Double-precision residual in the unknowns."""
        values = self.values(unknowns)
        gradient = numpy.array(self.gradient(values)[0], dtype=float)
        scale = numpy.where(self.logarithmic, values, 1.0)
        scale[-1] = 1.0
        return gradient * scale

    def jacobian(self, unknowns: Any, free: Sequence[int], order: int = 2) -> Any:
        """Central differences of the exact gradient, of order 2 or 4."""
        columns = []
        for i in free:
            h = (1e-5 if order == 2 else 1e-3) * (1.0 if self.logarithmic[i] else abs(unknowns[i]))

            def moved(m: float, i: int = i, h: float = h) -> Any:
                x = unknowns.copy()
                x[i] += m * h
                return self.residual(x)[list(free)]

            slope = (moved(1) - moved(-1)) / (2 * h)
            if order == 4:
                slope = (4 * slope - (moved(2) - moved(-2)) / (4 * h)) / 3
            columns.append(slope)
        return numpy.array(columns).T

    def newton(self, unknowns: Any, hold: Sequence[str] = (), tolerance: float = 1e-6) -> Any:
        """Damped Newton with some unknowns held; raises :class:`ConvergenceError`."""
        free = [i for i, n in enumerate(self.names) if n not in hold]
        x = unknowns.copy()
        relative = numpy.where(self.logarithmic, 1.0, 0.0)
        for _ in range(30):
            residual = self.residual(x)[free]
            jacobian = self.jacobian(x, free)
            if not numpy.isfinite(jacobian).all():
                break
            step = numpy.linalg.solve(jacobian, -residual)
            size = numpy.max(numpy.abs(step) / numpy.where(relative[free] > 0, 1.0, numpy.abs(x[free])))
            x[free] += step * min(1.0, 0.25 / size) if size else 0.0
            if size < tolerance:
                return x
        raise ConvergenceError("Newton did not converge at the fully lifted level")


@dataclass(frozen=True)
class LiftedPoint:
    """A stationary point at level 2: values as balls around the computed point, alpha last, and the estimated
    errors.
    """

    values: dict[str, Any]
    alpha: Any
    alpha_error: float
    point_error: float
    residual: float


def _ratios(system: LiftedSystem, values: Sequence[Any]) -> list[float]:
    at = {n: float(v) for n, v in zip(system.names, values, strict=True)} | {"p^(0)_1": 1.0}
    return [at[n] / at[n[:-1] + "1"] for n in at if n.endswith("_2") and n[0] in "pq"]


def genuine(system: LiftedSystem, values: Any) -> bool:
    """Neither merged (p_2 = p_1, y = 0) nor back at the partial level (p_2 = q_2 = 0)."""
    y = values[system.names.index("y_2")]
    return y > 0.01 and all(MERGED < r < 1 - MERGED for r in _ratios(system, values))


def _first_point(system: LiftedSystem, y: float) -> Any:
    """At fixed y: overlaps inserted into the partial point, then everything but y freed."""
    partial = partial_point([float(w) for w in system.widths], float(system.budget), y)
    input_, hidden, tail = partial[:1], partial[1:-2], partial[-2:]
    values = [*input_, 0.5]
    for i in range(0, len(hidden), 4):
        mu, p, q, chi = hidden[i : i + 4]
        values += [mu, p, 0.5 * p, q, 0.2 * q, chi]
    x = system.unknowns([*values, *tail])
    x = system.newton(x, hold=("y_2", "p^(0)_2"))
    x = system.newton(x, hold=("y_2",))
    if not genuine(system, system.values(x)):
        raise ConvergenceError("Newton fell into a merged point")
    return x


def _follow(system: LiftedSystem, x: Any, report: Report) -> Any:
    """Follow the stationary point in y, by secant prediction, until dP/dy changes sign; then free y."""
    y = system.names.index("y_2")
    slope = system.residual(x)[y]
    stride = STRIDE if slope < 0 else -STRIDE
    tangent = numpy.zeros(len(x))
    tangent[y] = 1.0
    while abs(stride) > 0.02:
        report(f"level 2, depth {system.depth}: y = {numpy.exp(x[y]):.4g}, alpha = {numpy.exp(x[-1]):.8g}")
        try:
            moved = system.newton(x + stride * tangent, hold=("y_2",))
            if not genuine(system, system.values(moved)):
                raise ConvergenceError("the path in y reached a merged point")
        except (ConvergenceError, numpy.linalg.LinAlgError):
            stride /= 2
            continue
        after = system.residual(moved)[y]
        if slope * after <= 0:
            found = system.newton(x + (moved - x) * slope / (slope - after), tolerance=1e-9)
            if genuine(system, system.values(found)):
                return found
            raise ConvergenceError("Newton fell into a merged point")
        tangent = (moved - x) / stride
        x, slope = moved, after
        stride *= 1.25
    raise ConvergenceError("the path in y ended before dP/dy changed sign")


def _float_point(system: LiftedSystem, report: Report) -> Any:
    """A genuine stationary point in double precision, from the first of several starts that leads to one."""
    for start in STARTS:
        try:
            return _follow(system, _first_point(system, start), report)
        except (ConvergenceError, numpy.linalg.LinAlgError):
            continue
    raise ConvergenceError(f"no fully lifted stationary point was found at depth {system.depth}")


def _rate(system: LiftedSystem, unknowns: Any) -> float:
    """The c of the trapezoidal error exp(-c/step), measured on the value in double precision."""
    values = system.values(unknowns)
    rates = []
    exact = system.gradient(values, slopes=False)[0][-1]
    for step in (0.75, 0.6, 0.5):
        coarse = LiftedSystem(system.widths, system.budget, replace(COARSE, step=step))
        error = abs(coarse.gradient(values, slopes=False)[0][-1] - exact)
        if error > 1e-11:
            rates.append(-step * log(error))
    return min(rates, default=8.0)


def solve_lifted(widths: Sequence[Any], budget: Any, digits: int, report: Report = lambda _: None) -> LiftedPoint:
    """Solve level 2 behind hidden layers of the given widths to the digits asked for.

    Raises :class:`ConvergenceError` if no genuine point was found or the value did not settle on finer grids.
    """

    with numpy.errstate(all="ignore"):
        coarse = LiftedSystem([float(w) for w in widths], float(budget), COARSE)
        x = _float_point(coarse, report)
        jacobian = coarse.jacobian(x, range(len(x)), order=4)
        rate = _rate(coarse, x)
    inverse = numpy.linalg.inv(jacobian)
    exact = arithmetic("arb").scalar
    accuracy = digits + 4.0
    with exact.precision(int((digits + 14) * 3.33)):
        values = [exact.number(float(v)) for v in coarse.values(x)]
        for attempt in range(4):
            grid = FieldGrid(
                accuracy, 0.9**attempt * rate / (accuracy * log(10)), int(9 * accuracy * 1.15**attempt), "arb"
            )
            fine = LiftedSystem(widths, budget, grid)
            values, error, residual = _polish(fine, values, inverse, coarse.logarithmic, digits, report)
            check = replace(grid, digits=accuracy + 2, step=grid.step * 0.8, nodes=int(grid.nodes * 1.25))
            report(f"level 2, depth {fine.depth}: checking on a finer grid")
            balance, count = LiftedSystem(widths, budget, check).gradient(values, slopes=False)
            shift = -balance[-1] / count
            defect = float(abs(shift).upper())
            if defect < 10.0 ** (-digits - 1) * float(values[-1].mid()):
                alpha = (values[-1] + shift).mid()
                values[-1] = alpha
                if not genuine(coarse, [float(v.mid()) for v in values]):
                    raise ConvergenceError("the refined point is a merged one")
                rounding = float(count.rad()) + float(balance[-1].rad())
                return LiftedPoint(
                    dict(zip(fine.names, values, strict=True)),
                    alpha,
                    defect + error**2 + 2 * rounding,
                    # the grid moves the gradient about as much as the value; the inverse Jacobian moves the point
                    max(error, defect * float(numpy.linalg.norm(inverse, numpy.inf))),
                    residual,
                )
    raise ConvergenceError(f"the level-2 value did not settle to {digits} digits on finer grids")


def _polish(system: LiftedSystem, values: list, inverse: Any, logarithmic: Any, digits: int, report: Report):
    """Newton in ball arithmetic; returns the values, the relative size of the last step and the residual.

    The inverse Jacobian starts from the double-precision one and is improved by Broyden's rank-one updates: the
    error of differences mostly lies in one direction, which then no longer limits the convergence.
    """
    number = system.grid.arithmetic.scalar.number
    previous, before, moved = 1.0, None, None
    for _ in range(12):
        gradient, _ = system.gradient(values)
        floats = numpy.array([float(v.mid()) for v in values])
        scale = numpy.where(logarithmic, floats, 1.0)
        scale[-1] = 1.0
        largest = max(abs(float(g.mid())) for g in gradient) or 1e-300
        residual = numpy.array([float(g.mid() / largest) for g in gradient]) * scale
        if before is not None:
            change = residual * largest - before
            image = inverse @ change
            inverse = inverse + numpy.outer(moved - image, moved @ inverse) / (moved @ image)
        step = -inverse @ residual
        before, moved = residual * largest, step * largest
        size = float(numpy.abs(step).max()) * largest
        unit = number(largest)
        values = [
            (v * (1 + number(float(s)) * unit) if is_log else v + number(float(s)) * unit).mid()
            for v, s, is_log in zip(values, step, logarithmic, strict=True)
        ]
        report(f"level 2, depth {system.depth}: Newton step {size:.1e}")
        if size < 10.0 ** (-digits - 2):
            return values, size, largest
        if size > 0.5 * previous:
            raise ConvergenceError("the refinement at higher precision does not converge")
        previous = size
    raise ConvergenceError("the refinement at higher precision did not converge")
