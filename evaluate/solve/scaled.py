r"""Stationary points of deep networks at the plain and the partially lifted level.

Plain level: the scalar recursion gives the start, Newton in logarithms the digits.  Partial level: the
lifting parameter y is raised from 0, where the plain point is the solution, and the capacity ``alpha_l(y)``
is followed; its minimum is where ``dP/dy`` changes sign.  If it never does, lifting no longer helps and the
value is the plain one.  The point is then enclosed: a Krawczyk test in ball arithmetic proves that a
stationary point lies within the radius given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flrdt.derive.blocks.hidden_averages import exponential_domain
from flrdt.derive.core.symbols import Level
from flrdt.derive.networks.network import relu_network
from flrdt.derive.objectives.deep import DeepObjective

from ..arithmetic.backends import backend
from ..arithmetic.compile import compile_scalar
from ..systems.scaled import ScaledSystem
from .layer_recursion import plain_recursion
from .point import ConvergenceError

__all__ = ["ScaledPoint", "partial_point", "solve_scaled"]

GUARD_BITS = 48
PARTIAL = Level(2, partial=True)


@dataclass(frozen=True)
class ScaledPoint:
    """An enclosed stationary point: parameter values as balls, the capacity last.

    ``level`` is the level it lies at: plain, where partial lifting was asked for and does not help.
    """

    level: Level
    values: dict[str, Any]
    residual: float

    @property
    def alpha(self) -> Any:
        return list(self.values.values())[-1]


def _plain_start(widths: Sequence[float], budget: float) -> list[float]:
    """Logarithms of the plain stationary point, from the multipliers of the recursion."""
    from math import log, sqrt

    found = plain_recursion(widths, budget)
    norms, bounds = [1.0], [1.0]
    for width, layer in zip(widths, found.layers, strict=True):
        norms.append(float(width * norms[-1] * layer.square))
        bounds.append(float(layer.next))
    chi = [0.0] * len(norms)
    chi[-1] = float(found.threshold) ** 2 * norms[-1] / 2
    q = [0.0] * len(norms)
    q[-1] = bounds[-1] * norms[-1] / chi[-1] ** 2
    for i in range(len(norms) - 1, 0, -1):
        chi[i - 1] = sqrt(norms[i - 1] / q[i]) / float(found.layers[i - 1].tau)
        q[i - 1] = bounds[i - 1] * norms[i - 1] / chi[i - 1] ** 2
    values = [chi[0]]
    for i, layer in enumerate(found.layers, start=1):
        values += [float(layer.kappa) * sqrt(q[i] / norms[i - 1]), norms[i], q[i], chi[i]]
    return [log(v) for v in (*values, float(found.alpha))]


class _Search:
    """Double-precision search at the partial level, at fixed lifting parameter."""

    def __init__(self, system: ScaledSystem):
        self.system = system
        self.y = system.size - 2

    def at(self, y: float, start: Any) -> tuple[Any, float]:
        """Stationary point of everything but y, and ``dP/dy`` there."""
        import numpy

        x = numpy.array(start, dtype=float)
        x[self.y] = numpy.log(y)
        for _ in range(25):
            residual, jacobian = map(numpy.array, self.system.evaluate(list(x)))
            slope = residual[self.y] / y
            residual[self.y], jacobian[self.y] = 0, 0
            jacobian[self.y, self.y] = 1
            if not numpy.isfinite(jacobian).all():
                break
            step = numpy.linalg.solve(jacobian, -residual)
            size = numpy.abs(step).max()
            x += step * min(1, 0.5 / size) if size else 0
            if size < 1e-9:
                return x, slope
        raise ConvergenceError(f"no stationary point at lifting parameter {y:.4g}")


def _lifted_start(objective: DeepObjective, widths: Sequence[float], budget: float) -> Any | None:
    """Follow alpha_l(y) from y = 0; a start at its lowest minimum, or None if it does not fall below the
    plain value.
    """
    import numpy

    search = _Search(ScaledSystem(objective, widths, budget, "float64"))
    plain = _plain_start(widths, budget)
    x = numpy.array([*plain[:-1], 0.0, plain[-1]])
    best, value = None, plain[-1]
    y, ratio, previous = 0.01, 1.2, None
    with numpy.errstate(all="ignore"):
        while y < 50:
            try:
                x, slope = search.at(y, x)
            except (ConvergenceError, numpy.linalg.LinAlgError):
                if ratio < 1.01 or previous is None:
                    break
                y, ratio = y / ratio * ratio**0.5, ratio**0.5  # half the step
                continue
            if previous is not None and previous[1] < 0 <= slope:
                share = previous[1] / (previous[1] - slope)
                candidate = previous[0] + share * (x - previous[0])
                if candidate[-1] < value:
                    best, value = candidate, candidate[-1]
            if previous is not None and y > 1 and slope > 0 and x[-1] > max(value, previous[0][-1]):
                break
            previous = (x, slope)
            y *= ratio
    if best is None and previous is not None and previous[1] < 0:
        raise ConvergenceError("the capacity still falls at the largest lifting parameter that could be reached")
    return best


def partial_point(widths: Sequence[float], budget: float, y: float) -> list[float]:
    """Double-precision stationary point of the partial level at a fixed lifting parameter: parameters, y,
    alpha_l.
    """
    import numpy

    objective = DeepObjective(relu_network(depth=len(widths) + 1), PARTIAL)
    search = _Search(ScaledSystem(objective, widths, budget, "float64"))
    plain = _plain_start(widths, budget)
    x, at = numpy.array([*plain[:-1], 0.0, plain[-1]]), 0.01
    with numpy.errstate(all="ignore"):
        while at < y:
            x, _ = search.at(at, x)
            at *= 1.5
        x, _ = search.at(y, x)
    return [float(v) for v in numpy.exp(x)]


def solve_scaled(widths: Sequence[Any], budget: Any, level: Level, digits: int) -> ScaledPoint:
    """Stationary point and capacity behind hidden layers of the given widths (balls or exact numbers).

    Raises :class:`ConvergenceError`, ``LayerRecursionError`` for a width at which the recursion has no
    solution.
    """
    arb = backend("arb")
    objective = DeepObjective(relu_network(depth=len(widths) + 1), level)
    floats = [float(w) for w in widths]
    if level == PARTIAL:
        start = _lifted_start(objective, floats, float(budget))
        if start is None:
            return solve_scaled(widths, budget, Level(1), digits)
    else:
        start = _plain_start(floats, float(budget))
    bits = int(digits * 3.33) + GUARD_BITS
    with arb.precision(bits):
        system = ScaledSystem(objective, [arb.number(w) for w in widths], arb.number(budget), "arb")
        point = _newton(system, [arb.number(float(v)) for v in start], bits)
        box, residual = _enclose(system, point)
        values = {n: v.exp() for n, v in zip(system.names, box, strict=True)}
        if level == PARTIAL:
            _check_domain(objective, list(values.values())[:-1])
        return ScaledPoint(level, values, residual)


def _check_domain(objective: DeepObjective, values: list) -> None:
    """The closed form of a hidden term needs 2 y v < 1: prove it at the enclosed point."""
    conditions = [
        condition.subs(dict(term.reduced), simultaneous=True)
        for term in objective.scaled_terms
        if term.name.startswith("hidden")
        for condition in exponential_domain()
    ]
    found = compile_scalar(conditions, objective.parameters(), backend("arb"))(*values)
    if not all(c > 0 for c in found):
        raise ConvergenceError("the stationary point lies outside the domain 2 y v < 1 of the partial level")


def _newton(system: ScaledSystem, x: list, bits: int) -> list:
    """Newton on midpoints until the step is at rounding level."""
    from flint import arb_mat

    for _ in range(60):
        residual, jacobian = system.evaluate(x)
        matrix = arb_mat([[e.mid() for e in row] for row in jacobian])
        step = matrix.solve(arb_mat([[-e.mid()] for e in residual])).entries()
        size = max(abs(float(s.mid())) for s in step)
        damp = min(1.0, 0.5 / size) if size else 1.0
        x = [(a + damp * s).mid() for a, s in zip(x, step, strict=True)]
        if size < 2.0 ** (-0.8 * bits):
            return x
    raise ConvergenceError("Newton did not converge from the start that was found")


def _enclose(system: ScaledSystem, x: list) -> tuple[list, float]:
    """Krawczyk: ``K = x - Y F(x) + (1 - Y J(X)) (X - x)`` inside X proves a stationary point in X."""
    from flint import arb, arb_mat

    n = system.size
    residual, jacobian = system.evaluate(x)
    inverse = arb_mat([[e.mid() for e in row] for row in jacobian]).inv()
    inverse = arb_mat([[inverse[i, j].mid() for j in range(n)] for i in range(n)])
    shift = (inverse * arb_mat([[e] for e in residual])).entries()
    identity = arb_mat([[int(i == j) for j in range(n)] for i in range(n)])
    spread = [s.abs_upper() * 4 for s in shift]
    for _ in range(6):
        box = [a + arb(0, s.upper()) for a, s in zip(x, spread, strict=True)]
        _, wide = system.evaluate(box)
        contraction = identity - inverse * arb_mat(wide)
        image = (contraction * arb_mat([[arb(0, s.upper())] for s in spread])).entries()
        found = [a - s + e for a, s, e in zip(x, shift, image, strict=True)]
        if all(b.contains_interior(f) for b, f in zip(box, found, strict=True)):
            return found, max(abs(float(r.mid())) for r in residual)
        spread = [s * 8 for s in spread]
    raise ConvergenceError("the stationary point could not be enclosed at this precision")
