r"""Stationary points of deep networks at the full levels, every overlap free, from the built-in start alone.

Each level starts from the one below, changed as the network with a layer less changes between the two
(:mod:`flrdt.evaluate.solve.lifted_search`), so that the start of every network is at last one layer.  Where this fails, as it
may for a required count far from one, the same network at a count closer to one takes the place of the shallower one.
Digits: chord Newton on the finest grids that double precision can use, and beyond it in ball arithmetic, on grids that
the measured rates of convergence ask for; finer grids then check the point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy

from ..arithmetic.backends import backend
from ..quadrature.two_fields import FieldRangeError, Spacing
from ..systems.deep import Coordinates, DeepForm, layout
from .lifted_search import Pattern, next_level, one_layer_patterns, search
from .point import ConvergenceError

__all__ = ["LiftedPoint", "LiftedSystem", "ascend", "expected_inertia", "genuine", "remembered", "solve_lifted"]

PATH = 9.0  # digits of the grids of the search
FULL = 13.0  # and where double precision is to be used up
CURVED = 10.0  # and for the Jacobian and the Hessian at the point
FINEST = (10.0, 11.0, 12.0, 13.0, 13.8, 14.6)  # digits of grids, the best of which checks a point in double precision
LARGEST = 5e8  # innermost multiplications from which ball arithmetic takes too long
MERGED = 1e-5  # an increment of overlaps below this share of the first one counts as merged
NEARER = (0.5, 0.8)  # powers of the required count at which the network is solved for a start
NEAREST = 0.1  # logarithm of the required count within which no other one is tried
WIDTH = 1e-7  # of the differences of the equations, which are exact to some 13 digits
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

    def both(self, u: Any, grids: Any) -> Any:
        """The left-hand sides of the equations, then the gradient of P in the coordinates."""
        values = self.coordinates.values(u)
        value, gradient = self.form.evaluate(values, grids)
        slope = self.moved(u).T @ numpy.array(gradient, dtype=float)
        return numpy.concatenate([self.coordinates.equations(values, gradient, value + self.budget), slope])

    def moved(self, u: Any) -> Any:
        """Derivatives of the parameters (rows) in the coordinates (columns), by complex steps."""
        step = 1e-30j * numpy.eye(len(u))
        return numpy.array([self.coordinates.values(u + row).imag for row in step]).T / 1e-30

    def differences(self, function: Callable, u: Any) -> Any:
        """One-sided differences of a vector, on the grids of the point."""
        grids = self.grids(u)
        here = function(u, grids)
        moved = u + WIDTH * numpy.eye(len(u))
        return numpy.array([(function(x, grids) - here) / WIDTH for x in moved]).T

    def jacobian(self, u: Any) -> Any:
        return self.differences(self.residual, u)

    def inertia(self, u: Any) -> tuple[int, int]:
        """Numbers of minimised and maximised directions of P in its parameters."""
        return _signs(self.differences(self.slope, u))


def _signs(hessian: Any) -> tuple[int, int]:
    """Numbers of positive and negative eigenvalues of the Hessian without alpha."""
    found = numpy.linalg.eigvalsh((hessian + hessian.T)[:-1, :-1] / 2)
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


def _newton(system: LiftedSystem, u: Any, tolerance: float = 1e-4, cap: float = 0.3) -> Any:
    """Chord Newton, the Jacobian renewed while it pays; steps longer than ``cap`` mean that the start is too far."""
    residual, jacobian = system.residual(u), system.jacobian(u)
    renewals, previous = 3, math.inf
    for _ in range(STEPS):
        if not (numpy.isfinite(residual).all() and numpy.isfinite(jacobian).all()):
            raise ConvergenceError("Newton left the range of double precision")
        step = -numpy.linalg.solve(jacobian, residual)
        size = float(numpy.abs(step).max())
        if size < tolerance:
            return u + step
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


def _damped(system: LiftedSystem, u: Any) -> Any:
    """Damped Newton from a rough start."""
    for _ in range(30):
        residual, jacobian = system.residual(u), system.jacobian(u)
        if not numpy.isfinite(jacobian).all():
            break
        step = -numpy.linalg.solve(jacobian, residual)
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


def _level_point(system: LiftedSystem, below: list[Pattern], like: Mapping[int, Pattern], report: Report) -> Any:
    """A genuine point of a level in double precision, from the levels below and a network that this one resembles."""
    start = next_level(below, [like[r] for r in range(max(1, system.r - 2), system.r + 1)])
    u = search(system, start, report)
    if not genuine(system, system.coordinates.values(u)):
        raise ConvergenceError("Newton fell into a merged point")
    if u[-1] > below[-1].alpha:
        raise ConvergenceError("the point found lies above the level below")
    return u


def patterns(
    widths: Sequence[float], budget: float, r: int, report: Report, points: Mapping[int, Any] | None = None
) -> dict[int, Pattern]:
    """Those of levels 1 to r behind hidden layers of the given widths; ``points`` are coordinates known already."""
    if not widths:
        return one_layer_patterns(min(budget, 1.0), r)
    if not points or r not in points:
        points = ascend(LiftedSystem(tuple(widths), budget, r), report)
    depth = len(widths) + 1
    return {1: Pattern.plain(widths, budget)} | {level: Pattern.of(depth, level, u) for level, u in points.items()}


@numpy.errstate(all="ignore")
def ascend(
    system: LiftedSystem, report: Report = lambda _: None, found: Mapping[int, Any] | None = None,
    keep: Callable[[int, Any], None] = lambda *_: None, shallower: Mapping[int, Any] | None = None,
) -> dict[int, Any]:  # fmt: skip
    """Coordinates of the points of levels 2 to that of the system, in double precision.

    ``found`` are points known already, perhaps of widths close by: that of the last level is a start, those below it
    stand for their levels.  ``keep`` is told every new one.  ``shallower`` are the points of the network without the last
    layer, or of one with widths close by; they are found if need be.
    Raises ``ConvergenceError`` with the value of the last level reached.
    """
    name, known = f"depth {system.layout.depth}", dict(found or {})
    done: dict[int, Any] = {}
    likes: list[dict[int, Pattern]] = []
    below = [Pattern.plain(system.widths, system.budget)]

    def alike(i: int) -> dict[int, Pattern]:
        """The networks that this one changes like: without the last layer, then at counts closer to one."""
        if i == len(likes):
            if not i:
                likes.append(patterns(system.widths[:-1], system.budget, system.r, report, shallower))
            else:
                likes.append(patterns(system.widths, system.budget ** NEARER[i - 1], system.r, report))
        return likes[i]

    for r in range(2, system.r + 1):
        at = LiftedSystem(system.widths, system.budget, r)
        if r in known:
            try:
                done[r] = _newton(at, known[r]) if r == system.r else known[r]
            except FAILURES:
                report(f"level {r}, {name}: the stored point is not one; solving anew")
        if r not in done:
            problem: Exception | None = None
            for i in range(1 if abs(math.log(system.budget)) < NEAREST else 1 + len(NEARER)):
                try:
                    done[r] = _level_point(at, below, alike(i), report)
                    break
                except FAILURES as failure:
                    problem = problem or failure
            else:
                best = f"; best value found {math.exp(done[r - 1][-1]):.10g} at level {r - 1}" if done else ""
                raise ConvergenceError(f"level {r}: {problem}{best}")
            keep(r, done[r])
        below.append(Pattern.of(system.layout.depth, r, done[r]))
        report(f"level {r}, {name}: alpha = {math.exp(done[r][-1]):.10g}")
    return done


def remembered(store: Any, words: str, depth: int, r: int) -> tuple[dict[int, Any], Callable[[int, Any], None]]:
    """The points of levels 2 to r that a store has under the words, and the function that keeps new ones there."""
    found = {level: store.load(words, level, layout(depth, level).size) for level in range(2, r + 1)}

    def keep(level: int, u: Any) -> None:
        store.save(words, level, list(u))

    return {level: numpy.array(u) for level, u in found.items() if u is not None}, keep


@dataclass(frozen=True)
class LiftedPoint:
    """A stationary point at a full level: values as balls around the computed point, alpha last, the estimated errors,
    the numbers of minimised and maximised directions, and ``count``, the derivative of P in alpha.

    ``errors`` of the parameters are the Newton step that the finest grid asks for, and how far those of three grids lie
    apart; ``alpha_error`` is what finer grids change,
    what the rates of convergence leave out of the finest, that step to second order, and the rounding.  ``by_width`` are
    the derivatives of the parameters and alpha in each hidden width.  ``coordinates`` are those of Newton's method in
    double precision, a start for points close by; ``points`` are those of all levels on the way.
    """

    values: dict[str, Any]
    alpha: Any
    alpha_error: float
    errors: dict[str, float]
    residual: float
    inertia: tuple[int, int]
    count: Any = None
    by_width: tuple[dict[str, float], ...] = ()
    coordinates: Any = field(default=None, repr=False)
    points: dict[int, Any] = field(default_factory=dict, repr=False)


def _rates(system: LiftedSystem, u: Any, exact: float) -> dict[str, float]:
    """For each choice of the grids, the measured share of the digits it is planned for.

    Each is made coarser by itself, to half the digits; what that changes shows its rate of convergence.
    """
    form, values = system.form, system.coordinates.values(u)
    rates = {}
    for choice in fields(Spacing):
        grids = form.grids(values, FULL, Spacing().reduced(choice.name, 0.5))
        error = abs(form.evaluate(values, grids, slopes=False)[0] - exact)
        rates[choice.name] = -math.log10(max(error, 1e-14)) / (FULL / 2)
    return rates


def solve_lifted(
    widths: Sequence[Any],
    budget: Any,
    digits: int,
    report: Report = lambda _: None,
    level: int = 2,
    near: Sequence[Any] | None = None,
    found: dict[int, Any] | None = None,
    keep: Callable[[int, Any], None] = lambda *_: None,
    shallower: Mapping[int, Any] | None = None,
) -> LiftedPoint:
    """Solve a full level behind hidden layers of the given widths to the digits asked for.

    ``near`` are the values of a point of the same level at a budget close by, to start from; ``found``, ``keep`` and
    ``shallower`` are those of :func:`ascend`.  Where the digits asked for are beyond double precision and the level too high for balls, the
    point is that of double precision, with its error.  Raises ``ConvergenceError`` if no genuine point was found or
    the value did not settle on finer grids; it says the best value known.
    """
    with numpy.errstate(all="ignore"):
        system = LiftedSystem(tuple(float(w) for w in widths), float(budget), level)
        if near is None:
            points = ascend(system, report, found, keep, shallower)
        else:
            points = {level: _damped(system, system.coordinates.unknowns([float(v) for v in near]))}
        return replace(_finished(system, points[level], [*widths], budget, digits, report), points=points)


def _finished(system: LiftedSystem, u: Any, widths: list, budget: Any, digits: int, report: Report) -> LiftedPoint:
    """Check a point found on rough grids and polish it: in double precision, and in balls for digits beyond it."""
    name, size = f"level {system.r}, depth {system.layout.depth}", len(u)
    report(f"{name}: Jacobian and inertia")
    curved = system.using(CURVED)
    table = curved.differences(curved.both, u)
    inverse, inertia = numpy.linalg.inv(table[:size]), _signs(table[size:])
    expected, best = expected_inertia(system.layout.depth, system.r), f"its value is {math.exp(u[-1]):.10g}"
    if inertia != expected:
        raise ConvergenceError(f"the point found has inertia {inertia} and not {expected}; {best}")
    finest = _finest(system, u)
    fine, previous, length = system.using(finest[0]), 1.0, 0.0
    for _ in range(STEPS):
        step = -inverse @ fine.residual(u)
        u, length = u + step, float(numpy.abs(step).max())
        report(f"{name}: Newton step {length:.1e}")
        if not length < previous / 2 or length < 1e-12:
            break
        previous = length
    values = fine.coordinates.values(u)
    if not (length < 1e-6 and genuine(fine, values)):
        raise ConvergenceError(f"the point found is a merged one; {best}")
    report(f"{name}: checking on finer grids")
    target = float(budget)
    # three grids that share no step and no reach: the spread is what quadrature leaves out, and the rounding
    found, steps, turned = [], [], fine.moved(u)
    for places in finest:
        value, gradient = fine.form.evaluate(values, fine.using(places).grids(u))
        found.append(value)
        steps.append(turned @ inverse @ fine.coordinates.equations(values, gradient, value + target))
    count, rates = float(gradient[-1]), _rates(fine, u, value)
    bent = abs(float(numpy.array(gradient, dtype=float)[:-1] @ steps[-1][:-1])) / 2
    left_out = sum(10.0 ** (-rate * finest[-1]) for rate in rates.values())
    spread = max(found) - min(found)
    error = (spread + bent + left_out) / abs(count)
    shift = -(value + target) / count
    names, exact = system.layout.names, backend("arb")
    with exact.precision(128):
        numbers = [exact.number(float(v)) for v in values]
        numbers[-1] = (numbers[-1] + exact.number(shift)).mid()
    errors = numpy.abs(steps[-1]) + numpy.ptp(steps, axis=0) + numpy.finfo(float).eps * numpy.abs(values)
    point = LiftedPoint(
        dict(zip(names, numbers, strict=True)),
        numbers[-1],
        error,
        dict(zip(names, map(float, errors), strict=True)),
        float(numpy.abs(fine.coordinates.equations(values, gradient, value + target)).max()),
        inertia,
        exact.number(count),
        tuple(dict(zip(names, map(float, turned @ row), strict=True)) for row in _width_slopes(curved, u, inverse)),
        u,
    )
    if error < 10.0**-digits:
        return point
    planned = _planned(digits, count, rates)
    work = sum(sum(g.nodes) * _size(g) for g in fine.form.grids(values, planned).hidden)
    if work > LARGEST:
        report(
            f"{name}: {digits} digits need ball arithmetic, too slow at this level; double precision gives {error:.1e}"
        )
        return point
    return _digits(system.using(FULL), u, widths, budget, digits, point, inverse, rates, report)


def _finest(system: LiftedSystem, u: Any) -> tuple[float, ...]:
    """Digits of three successive grids that agree best: coarser ones leave out more, and the reach of finer ones, at high
    levels, goes where double precision underflows.
    """
    values, found = system.coordinates.values(u), []
    for digits in FINEST:
        found.append(system.form.evaluate(values, system.form.grids(values, digits), slopes=False)[0])
    spreads = [max(found[i : i + 3]) - min(found[i : i + 3]) + 10.0 ** -FINEST[i + 2] for i in range(len(found) - 2)]
    best = int(numpy.argmin(spreads))
    return FINEST[best : best + 3]


def _width_slopes(system: LiftedSystem, u: Any, inverse: Any) -> list[Any]:
    """How the coordinates of the point move with each hidden width, by differences of the equations."""
    grids, found = system.grids(u), []
    here = system.residual(u, grids)
    for i, width in enumerate(system.widths):
        widths = [w + WIDTH * width * (i == j) for j, w in enumerate(system.widths)]
        moved = LiftedSystem(tuple(widths), system.budget, system.r).residual(u, grids)
        found.append(-inverse @ (moved - here) / (WIDTH * width))
    return found


def _planned(digits: int, count: float, rates: dict[str, float]) -> float:
    """Digits to plan grids for: those of P, which alpha has fewer of by its derivative, over the lowest rate seen."""
    return (digits + 2 - math.log10(abs(count))) / min(min(rates.values()), 1.2)


def _size(grid: Any) -> int:
    """Points of the grid of the innermost level."""
    w, h = grid.w.levels[0], grid.h.levels[0]
    return (w[2] - w[1] + 1) * (h[2] - h[1] + 1)


def _digits(
    system: LiftedSystem, u: Any, widths: list, budget: Any, digits: int, start: LiftedPoint, inverse: Any,
    rates: dict[str, float], report: Report,
) -> LiftedPoint:  # fmt: skip
    """Polish a double-precision point in ball arithmetic, and find its errors on a finer grid."""
    planned = _planned(digits, float(start.count.mid()), rates)
    exact, names = backend("arb"), system.layout.names
    with exact.precision(int((digits + 12) * 3.33) + 30):
        number = exact.number
        form = DeepForm(tuple(number(w) for w in widths), system.r, "arb")
        values = [number(float(v)) for v in system.coordinates.values(u)]
        name = f"level {system.r}, depth {system.layout.depth}"
        target, previous = number(budget), 1.0
        grids = form.grids(values, planned)

        def newton(grids: Any) -> tuple[Any, list, Any, float, float]:
            """Value, gradient, and the Newton step of the parameters: over ``unit``, with its size in the coordinates."""
            value, gradient = form.evaluate(values, grids)
            unit = max(abs(float(g.mid())) for g in (*gradient[:-1], value + target)) or 1e-300
            floats = numpy.array([float(v.mid()) for v in values])
            scaled = numpy.array([float(g.mid() / unit) for g in gradient])
            step = -inverse @ system.coordinates.equations(floats, scaled, float((value + target).mid() / unit))  # type: ignore[arg-type]
            moved = system.moved(system.coordinates.unknowns(floats)) @ step  # type: ignore[arg-type]
            return value, gradient, moved, unit, float(numpy.abs(step).max()) * unit

        for _ in range(12):
            _, _, moved, unit, size = newton(grids)
            report(f"{name}: Newton step {size:.1e}")
            values = [(v + number(float(m)) * number(unit)).mid() for v, m in zip(values, moved, strict=True)]
            if size < 10.0 ** (-0.6 * digits - 3) and size**2 < 10.0 ** (-digits - 2):
                break
            if size > 0.5 * previous:
                raise ConvergenceError("the refinement at higher precision does not converge")
            previous = size
        report(f"{name}: checking on a finer grid")
        value, gradient, moved, unit, size = newton(form.grids(values, 1.1 * planned + 1))
        count = gradient[-1]
        shift = -(value + target) / count
        check, _ = form.evaluate(values, grids, slopes=False)
        defect = float(abs((value - check) / count).upper())
        bent = abs(sum(float(g.mid()) * m for g, m in zip(gradient[:-1], moved[:-1], strict=True))) * unit / 2
        alpha = (values[-1] + shift).mid()
        values[-1] = alpha
        left_out = sum(10.0 ** (-rate * planned) for rate in rates.values())
        errors = [abs(float(m)) * unit for m in moved]
        return LiftedPoint(
            dict(zip(names, values, strict=True)),
            alpha,
            defect + (left_out + bent + 2 * float(value.rad()) + float(count.rad())) / abs(float(count.mid())),
            dict(zip(names, errors, strict=True)),
            unit,
            start.inertia,
            count.mid(),
            start.by_width,
            u,
        )
