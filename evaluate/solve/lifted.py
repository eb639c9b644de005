r"""Stationary points of deep networks at the full levels, every overlap free, from the built-in start alone.

Level 2 starts from the partially lifted point at a fixed lifting parameter with overlaps inserted, and follows y until
dP/dy changes sign.  Level r + 1 starts from level r: one y_k is split in two nearly equal ones.  At equal ones the new
overlaps change nothing, and their equations over ``y_k - y_(k+1)`` are solved alone, one layer after the other from the
output to the input, as a function of the last overlap; the interior root is the genuine point.  Then the ratio of the two
is followed until the objective is stationary in it too.  Digits: chord Newton with the double-precision Jacobian and the
gradient in ball arithmetic, on grids that the measured rates of convergence ask for; a finer grid then checks the value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy

from ..arithmetic.backends import backend
from ..quadrature.two_fields import FieldRangeError, Spacing, hidden_tower, plan_fields
from ..systems.deep import Coordinates, DeepForm, layout
from ..systems.sphere import sphere_terms
from .deep_closed import partial_point
from .point import ConvergenceError

__all__ = ["LiftedPoint", "LiftedSystem", "expected_inertia", "genuine", "solve_lifted"]

STARTS = (0.8, 0.5, 1.2, 0.3)  # lifting parameters at which level 2 is begun
PATH = 9.0  # digits of the grids along a path
FULL = 13.0  # and where double precision is to be used up
MERGED = 1e-5  # an increment of overlaps below this share of the first one counts as merged
SPLIT = 2e-6  # log of the ratio at which new overlaps are solved for alone
SCAN = 0.1
WIDTH = 1e-5  # of central differences
STEPS = 25
FAILURES = (ArithmeticError, ValueError, numpy.linalg.LinAlgError)
Report = Callable[[str], None]


@dataclass(frozen=True)
class LiftedSystem:
    """The equations of a full level in double precision, in the coordinates of Newton's method."""

    widths: tuple[float, ...]
    budget: float
    r: int
    digits: float = PATH

    @property
    def form(self) -> DeepForm:
        return DeepForm(self.widths, self.r)

    @property
    def layout(self) -> Any:
        return layout(len(self.widths) + 1, self.r)

    @property
    def coordinates(self) -> Coordinates:
        return Coordinates(self.layout)

    def using(self, digits: float) -> LiftedSystem:
        return LiftedSystem(self.widths, self.budget, self.r, digits)

    def grids(self, u: Any) -> Any:
        """The grids at a point; raises ``FieldRangeError`` outside the domain."""
        values = self.coordinates.values(u)
        if not (numpy.isfinite(values).all() and (values > 0).all()):
            raise FieldRangeError("Newton left the domain of the level")
        return self.form.grids(values, self.digits)

    def residual(self, u: Any, grids: Any = None) -> Any:
        """The left-hand sides of the equations."""
        values = self.coordinates.values(u)
        value, gradient = self.form.evaluate(values, grids or self.grids(u))
        return self.coordinates.equations(values, gradient, value + self.budget)

    def slope(self, u: Any, grids: Any) -> Any:
        """The gradient of P in the coordinates."""
        values = self.coordinates.values(u)
        return self.moved(u).T @ numpy.array(self.form.evaluate(values, grids)[1], dtype=float)

    def moved(self, u: Any) -> Any:
        """Derivatives of the parameters (rows) in the coordinates (columns), by complex steps."""
        step = 1e-30j * numpy.eye(len(u))
        return numpy.array([self.coordinates.values(u + row).imag for row in step]).T / 1e-30

    def differences(self, function: Callable, u: Any) -> Any:
        """Central differences of a vector, on the grids of the point."""
        grids, columns = self.grids(u), []
        for i in range(len(u)):
            ends = []
            for sign in (1, -1):
                x = u.copy()
                x[i] += sign * WIDTH
                ends.append(function(x, grids))
            columns.append((ends[0] - ends[1]) / (2 * WIDTH))
        return numpy.array(columns).T

    def jacobian(self, u: Any) -> Any:
        return self.differences(self.residual, u)

    def inertia(self, u: Any) -> tuple[int, int]:
        """Numbers of minimised and maximised directions of P in its parameters."""
        hessian = self.differences(self.slope, u)[:-1, :-1]
        found = numpy.linalg.eigvalsh((hessian + hessian.T) / 2)
        return int((found > 0).sum()), int((found < 0).sum())


def expected_inertia(depth: int, r: int) -> tuple[int, int]:
    """Minimised and maximised directions of a genuine point, as found at every point seen.

    A layer of overlaps p that is maximised over adds its norm, and every level adds one overlap of it.

    >>> expected_inertia(1, 3), expected_inertia(2, 2), expected_inertia(2, 3)
    ((5, 0), (6, 3), (9, 4))
    """
    negative = (depth - 1) * (r + 1)
    return layout(depth, r).size - 1 - negative, negative


def genuine(system: LiftedSystem, values: Any) -> bool:
    """Neither merged (equal overlaps or lifting parameters) nor back at a lower level (vanishing outer overlaps)."""
    lay, v = system.layout, numpy.array(values, dtype=float)
    if not (v[lay.y[-1]] > 0.01 and (numpy.diff(v[lay.y]) < -MERGED * v[lay.y[0]]).all()):
        return False
    families = [numpy.array([1.0, *v[lay.p[0]], 0.0])]
    families += [numpy.array([*v[f], 0.0]) for f in (*lay.p[1:], *lay.q)]
    return all((-numpy.diff(f) > MERGED * f[0]).all() for f in families)


@dataclass(frozen=True)
class _Solved:
    """A solution of all equations but one, with the residual of that one and the Jacobian near it."""

    u: Any
    residual: Any
    jacobian: Any
    first: float  # size of the first step

    def tangent(self, held: int) -> Any:
        """How the solution moves with the coordinate held."""
        free = [i for i in range(len(self.u)) if i != held]
        found = numpy.zeros(len(self.u))
        found[held] = 1
        found[free] = -numpy.linalg.solve(self.jacobian[numpy.ix_(free, free)], self.jacobian[free, held])
        return found


def _newton(
    system: LiftedSystem, u: Any, held: Sequence[int] = (), tolerance: float = 1e-4, cap: float = 0.3
) -> _Solved:
    """Chord Newton, the Jacobian renewed while it pays; steps longer than ``cap`` mean that the start is too far."""
    free = [i for i in range(len(u)) if i not in held]
    residual, jacobian = system.residual(u), system.jacobian(u)
    renewals, previous, first = 3, math.inf, 0.0
    for _ in range(STEPS):
        if not (numpy.isfinite(residual).all() and numpy.isfinite(jacobian).all()):
            raise ConvergenceError("Newton left the range of double precision")
        step = numpy.zeros(len(u))
        step[free] = -numpy.linalg.solve(jacobian[numpy.ix_(free, free)], residual[free])
        size = float(numpy.abs(step).max())
        first = first or size
        if size < tolerance:
            return _Solved(u + step, residual + jacobian @ step, jacobian, first)
        if size > cap:
            raise ConvergenceError("the start of Newton is too far")
        if size > 0.3 * previous:
            if not renewals or size > previous:
                raise ConvergenceError("Newton does not contract")
            renewals, previous, jacobian = renewals - 1, math.inf, system.jacobian(u)
            continue
        u, previous = u + step, size
        residual = system.residual(u)
    raise ConvergenceError("Newton did not converge at the fully lifted level")


def _damped(system: LiftedSystem, u: Any, held: Sequence[int] = ()) -> Any:
    """Damped Newton from a rough start."""
    free = [i for i in range(len(u)) if i not in held]
    for _ in range(30):
        residual, jacobian = system.residual(u), system.jacobian(u)
        if not numpy.isfinite(jacobian).all():
            break
        step = numpy.zeros(len(u))
        step[free] = -numpy.linalg.solve(jacobian[numpy.ix_(free, free)], residual[free])
        size = float(numpy.abs(step).max())
        share = min(1.0, 0.25 / size) if size else 1.0
        while share > 1e-3:
            try:
                system.grids(u + share * step)
                break
            except FieldRangeError:
                share /= 2
        u = u + share * step
        if size < 1e-4:
            return u
    raise ConvergenceError("Newton did not converge at the fully lifted level")


def _follow(system: LiftedSystem, u: Any, held: int, stride: float, report: Report) -> Any:
    """Follow the solution in one coordinate until its own equation holds too."""
    name = f"level {system.r}, depth {system.layout.depth}"
    at = _newton(system, u, (held,), cap=1.0)
    sign = 1.0 if at.residual[held] < 0 else -1.0
    path = [(at, at.tangent(held))]
    while stride > 1e-4:
        at, tangent = path[-1]
        guess = at.u + sign * stride * tangent
        if len(path) > 1:
            before, old = path[-2]
            guess = guess + stride**2 * (tangent - old) / (2 * (at.u[held] - before.u[held]))
        try:
            moved = _newton(system, guess, (held,))
            if not genuine(system, system.coordinates.values(moved.u)) and stride > 0.02:
                raise ConvergenceError("the path reached a merged point")
        except FAILURES:
            stride /= 2
            continue
        report(f"{name}: following, alpha = {math.exp(moved.u[-1]):.8g}")
        slope, after = at.residual[held], moved.residual[held]
        tangent = moved.tangent(held)
        wanted = -after * (moved.u[held] - at.u[held]) / (after - slope)
        if after * slope <= 0 or 0 < wanted * sign < 0.15:
            try:
                found = _newton(system, moved.u + wanted * tangent, tolerance=1e-7).u
                if abs(found[held] - moved.u[held]) < 2 * abs(wanted) + 0.1:
                    return found
            except FAILURES:
                if after * slope <= 0:
                    stride /= 2
                    continue
        path.append((moved, tangent))
        grown = stride * min(2.5, (0.03 / max(moved.first, 1e-6)) ** 0.4)
        stride = min(grown, 0.7, 1.05 * wanted * sign if wanted * sign > 0 else 0.7)
    raise ConvergenceError("the path ended before the objective was stationary")


def _second_level(system: LiftedSystem, start: float, report: Report) -> Any:
    """Level 2: overlaps inserted into the partial point at fixed y, everything but y freed, then y followed."""
    partial = partial_point(list(system.widths), system.budget, start)
    input_, hidden, tail = partial[:1], partial[1:-2], partial[-2:]
    values = [*input_, 0.5]
    for i in range(0, len(hidden), 4):
        mu, p, q, chi = hidden[i : i + 4]
        values += [mu, p, 0.5 * p, q, 0.2 * q, chi]
    lay = system.layout
    (y,), u = lay.y, system.coordinates.unknowns([*values, *tail])
    u = _damped(system, u, (y, lay.p[0][0]))
    u = _damped(system, u, (y,))
    if not genuine(system, system.coordinates.values(u)):
        raise ConvergenceError("Newton fell into a merged point")
    return _follow(system, u, y, 0.2, report)


class _Split:
    """Level r + 1 at a level-r point with y_k in two nearly equal parts: the equations of the new overlaps alone."""

    def __init__(self, system: LiftedSystem, values: Any, place: int):
        self.system = LiftedSystem(system.widths, system.budget, system.r + 1, FULL)
        self.place = place
        old, new, v = system.layout, self.system.layout, numpy.array(values, dtype=float)
        self.values = numpy.zeros(new.size)
        for a, b in zip((*old.chi, *old.mu, old.alpha), (*new.chi, *new.mu, new.alpha), strict=True):
            self.values[b] = v[a]
        self.places, self.ranges = [], []
        for n, (a, b) in enumerate(zip((*old.p, *old.q), (*new.p, *new.q), strict=True)):
            whole = [1.0, *v[a], 0.0] if n == 0 else [*v[a], 0.0]
            low, high = whole[place + 1], whole[place]
            whole = [*whole[: place + 1], (low + high) / 2, *whole[place + 1 : -1]]
            self.values[b] = whole[1:] if n == 0 else whole
            self.places.append(b[place] if n == 0 else b[place + 1])
            self.ranges.append((low, high))
        y = list(v[old.y])
        self.gap = y[place] * math.expm1(SPLIT)
        self.values[new.y] = [*y[:place], y[place] + self.gap, *y[place:]]

    def at(self, x: Sequence[float]) -> Any:
        values = self.values.copy()
        values[self.places] = x
        return values

    def block(self, x: Sequence[float], layer: int) -> tuple[float, float]:
        """Slopes of the term of a hidden layer in the new overlaps of the layer before it and of its own."""
        fields_ = self.system.layout.fields(self.at(x), layer, 1.0)
        _, slopes = hidden_tower(fields_, plan_fields(fields_, FULL))
        width, k = self.system.widths[layer - 1], self.place + 1
        return width * slopes.p[k], width * slopes.q[k]  # type: ignore[union-attr]

    def output(self, x: Sequence[float]) -> float:
        """Slope of the count in the new overlap of the last hidden layer."""
        return self.system.form.count_slopes(self.at(x), FULL)[self.place + 1]

    def shoot(self, share: float, guess: list[float], tolerance: float) -> tuple[float, list[float]]:
        """With the last overlap at a share of its range, all others from the output on; the equation of the input left."""
        hidden = len(self.system.widths)
        x = [low + g * (high - low) for (low, high), g in zip(self.ranges, guess, strict=False)]
        x += [0.0] * hidden
        low, high = self.ranges[hidden]
        x[hidden] = low + share * (high - low)
        above = self.output(x)
        for layer in range(hidden, 0, -1):
            dual = hidden + layer
            x[dual] = -2 * above / self.gap  # the coupling is linear in it
            if not self.ranges[dual][0] < x[dual] < self.ranges[dual][1]:
                raise ConvergenceError("a new overlap left its range")
            above = self._primal(x, layer, guess, tolerance)
        values, lay = self.at(x), self.system.layout
        sphere = sphere_terms([values[i] for i in (lay.chi[0], *lay.p[0], *lay.y)], backend("float64"), 1)
        return (sphere.slopes[1 + self.place] + above) / self.gap, x

    def _primal(self, x: list[float], layer: int, guess: list[float], tolerance: float) -> float:
        """The new overlap before a layer from the equation of the dual one, by secants; the slope in it."""
        low, high = self.ranges[layer - 1]

        def miss(t: float) -> tuple[float, float]:
            x[layer - 1] = low + t * (high - low)
            before, own = self.block(x, layer)
            return own + self.gap / 2 * x[layer], before

        a = guess[layer - 1]
        b = a + 0.02 if a < 0.9 else a - 0.02
        left, _ = miss(a)
        right, slope = miss(b)
        for _ in range(8):
            if right == left or abs(b - a) < tolerance:
                break
            moved = b - right * (b - a) / (right - left)
            a, left, b = b, right, min(max(moved, b - 0.1, 0.3 * b), b + 0.1, 1 - 0.3 * (1 - b))
            right, slope = miss(b)
        if not 0.005 < b < 0.995:
            raise ConvergenceError("a new overlap merged")
        guess[layer - 1] = b
        return slope

    def root(self, report: Report) -> Any:
        """The point where the equations of all new overlaps hold; raises ``ConvergenceError`` if there is none inside."""
        share, stride, seen = 0.6, SCAN, None
        guess = [share] * (len(self.system.widths) + 1)
        while 0.05 < share < 0.985:
            miss, _ = self.shoot(share, guess, 1e-3)
            if seen is not None and seen[0] * miss < 0:
                break
            if seen is None and miss > 0:
                stride = -stride
            seen = (miss, share)
            share += stride if stride < 0 else min(stride, 0.4 * (1 - share))
        else:
            raise ConvergenceError("no root of the new overlaps")
        (left, a), right, b = seen, miss, share
        for _ in range(8):
            share = a + (b - a) * left / (left - right)
            miss, x = self.shoot(share, guess, 1e-7)
            if abs(miss) < 2e-7:
                break
            if abs(left) < abs(right):
                b, right = a, left
            a, left, b, right = b, right, share, miss
        report(f"level {self.system.r}, depth {self.system.layout.depth}: new overlaps found")
        values = self.at(x)
        y = self.system.layout.y
        values[y[self.place]] = values[y[self.place + 1]] * (1 + 50 * SPLIT)
        return values


def _next_level(system: LiftedSystem, u: Any, report: Report) -> Any:
    """The point one level up."""
    fine = system.using(FULL)
    values = fine.coordinates.values(_newton(fine, u, tolerance=1e-9).u)
    problem: Exception | None = None
    for place in range(system.r - 1):
        try:
            split = _Split(system, values, place)
            higher = split.system.using(PATH + 1)
            start = higher.coordinates.unknowns(split.root(report))
            found = _follow(higher, start, higher.layout.y[place], 0.01, report)
            if genuine(higher, higher.coordinates.values(found)):
                return found
            problem = ConvergenceError("Newton fell into a merged point")
        except FAILURES as failure:
            problem = failure
    raise ConvergenceError(f"no point was found from the level below: {problem}")


def _float_point(system: LiftedSystem, report: Report) -> Any:
    """A genuine stationary point of level 2 in double precision, from the first of several starts that leads to one."""
    for start in STARTS:
        try:
            found = _second_level(system, start, report)
            if genuine(system, system.coordinates.values(found)):
                return found
        except FAILURES:
            continue
    raise ConvergenceError(f"no fully lifted stationary point was found at depth {system.layout.depth}")


@dataclass(frozen=True)
class LiftedPoint:
    """A stationary point at a full level: values as balls around the computed point, alpha last, the estimated errors,
    the numbers of minimised and maximised directions, and ``count``, the derivative of P in alpha.
    """

    values: dict[str, Any]
    alpha: Any
    alpha_error: float
    point_error: float
    residual: float
    inertia: tuple[int, int]
    count: Any = None


def _rates(system: LiftedSystem, u: Any) -> tuple[dict[str, float], Any]:
    """For each choice of the grids, the measured share of the digits it is planned for.

    Each is made coarser by itself, to half the digits; what that changes shows its rate of convergence.
    """
    form, values = system.form, system.coordinates.values(u)

    def value(spacing: Spacing) -> float:
        return form.evaluate(values, form.grids(values, FULL, spacing), slopes=False)[0]

    exact = value(Spacing())
    rates = {}
    for choice in fields(Spacing):
        error = abs(value(Spacing().reduced(choice.name, 0.5)) - exact)
        rates[choice.name] = -math.log10(max(error, 1e-14)) / (FULL / 2)
    return rates, exact


def solve_lifted(
    widths: Sequence[Any],
    budget: Any,
    digits: int,
    report: Report = lambda _: None,
    level: int = 2,
    near: Sequence[Any] | None = None,
) -> LiftedPoint:
    """Solve a full level behind hidden layers of the given widths to the digits asked for.

    ``near`` are the values of a point of the same level at a budget close by, to start from.  Raises :class:`ConvergenceError` if no genuine point was found or the value did not settle on finer grids; it says the
    best value known.
    """
    with numpy.errstate(all="ignore"):
        system = LiftedSystem(tuple(float(w) for w in widths), float(budget), 2 if near is None else level)
        if near is None:
            u = _float_point(system, report)
        else:
            u = _damped(system, system.coordinates.unknowns([float(v) for v in near]))
        while system.r < level:
            report(f"level {system.r}, depth {system.layout.depth}: alpha = {math.exp(u[-1]):.8g}")
            try:
                u = _next_level(system, u, report)
            except ConvergenceError as problem:
                best = f"{math.exp(u[-1]):.10g} at level {system.r}"
                raise ConvergenceError(f"level {system.r + 1}: {problem}; best value found {best}") from None
            system = LiftedSystem(system.widths, system.budget, system.r + 1)
        fine = system.using(FULL)
        u = _newton(fine, u, tolerance=1e-9).u
        if not genuine(fine, fine.coordinates.values(u)):
            raise ConvergenceError("the point found is a merged one")
        inertia = fine.inertia(u)
        expected = expected_inertia(fine.layout.depth, fine.r)
        if inertia != expected:
            raise ConvergenceError(
                f"the point found has inertia {inertia} and not {expected}; its value is {math.exp(u[-1]):.10g}"
            )
        return _digits(fine, u, [*widths], budget, digits, inertia, report)


def _digits(
    system: LiftedSystem, u: Any, widths: list, budget: Any, digits: int, inertia: tuple[int, int], report: Report
) -> LiftedPoint:
    """Polish a double-precision point in ball arithmetic and estimate its errors."""
    rates, _ = _rates(system, u)
    inverse = numpy.linalg.inv(system.jacobian(u))
    planned = (digits + 2) / min(min(rates.values()), 1.2)
    exact = backend("arb")
    with exact.precision(int((digits + 12) * 3.33) + 30):
        number = exact.number
        form = DeepForm(tuple(number(w) for w in widths), system.r, "arb")
        values = [number(float(v)) for v in system.coordinates.values(u)]
        name = f"level {system.r}, depth {system.layout.depth}"
        target = number(budget)
        grids = form.grids(values, planned)
        previous = 1.0
        for _ in range(12):
            value, gradient = form.evaluate(values, grids)
            unit = max(abs(float(g.mid())) for g in (*gradient[:-1], value + target)) or 1e-300
            floats = numpy.array([float(v.mid()) for v in values])
            scaled = numpy.array([float(g.mid() / unit) for g in gradient])
            step = -inverse @ system.coordinates.equations(floats, scaled, float((value + target).mid() / unit))  # type: ignore[arg-type]
            size = float(numpy.abs(step).max()) * unit
            report(f"{name}: Newton step {size:.1e}")
            moved = system.moved(system.coordinates.unknowns(floats)) @ step  # type: ignore[arg-type]
            values = [(v + number(float(m)) * number(unit)).mid() for v, m in zip(values, moved, strict=True)]
            if size < 10.0 ** (-0.6 * digits - 3) and size**2 < 10.0 ** (-digits - 2):
                break
            if size > 0.5 * previous:
                raise ConvergenceError("the refinement at higher precision does not converge")
            previous = size
        report(f"{name}: checking on a finer grid")
        value, gradient = form.evaluate(values, form.grids(values, 1.1 * planned + 1), slopes=False)
        count = gradient[-1]
        shift = -(value + target) / count
        check, _ = form.evaluate(values, grids, slopes=False)
        defect = float(abs((value - check) / count).upper())
        alpha = (values[-1] + shift).mid()
        values[-1] = alpha
        rounding = float(count.rad()) + float(value.rad())
        left_out = sum(10.0 ** (-rate * planned) for rate in rates.values())
        return LiftedPoint(
            dict(zip(system.layout.names, values, strict=True)),
            alpha,
            defect + left_out + size**2 * max(1.0, float(numpy.linalg.norm(inverse, numpy.inf))) + 2 * rounding,
            max(size * 1e-6, defect * float(numpy.linalg.norm(inverse, numpy.inf))),
            unit,
            inertia,
            count.mid(),
        )
