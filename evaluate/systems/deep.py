r"""The objective of a deep network at a full level as a function of numbers: value, gradient, coordinates.

:math:`P = S(\chi_0, p^{(0)}, y) + \sum_i (\alpha_i T_r[v_i] + C_i) + \alpha_l T_r[-M_{\chi_{l-1}}]`: the sphere and the
couplings C_i are elementary, the hidden terms are towers over two fields, the count is a tower over one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy
from sympy import diff

from flrdt.derive.blocks.field_towers import FieldTower
from flrdt.derive.blocks.hidden_averages import HiddenLayer, LayerLifting
from flrdt.derive.blocks.sphere import CountingOutput
from flrdt.derive.core.symbols import Level, Lifting
from flrdt.derive.networks.gates import relu
from flrdt.derive.networks.network import relu_network
from flrdt.derive.objectives.deep import DeepObjective

from ..arithmetic.backends import backend
from ..arithmetic.compile import compile_scalar
from ..quadrature.grid import Grid, plan
from ..quadrature.one_field import TowerValue, evaluate_tower
from ..quadrature.two_fields import FieldGrid, Fields, Spacing, hidden_tower, plan_fields
from .sphere import sphere_terms

__all__ = ["Coordinates", "DeepForm", "DeepGrids", "Layout"]


@lru_cache(maxsize=32)
def _compiled_coupling(level: Level, name: str) -> Any:
    """The coupling of a layer with its gradient in mu, p_1.., q_1.., chi and y_2..."""
    own = LayerLifting(level, 1)
    value = HiddenLayer(Lifting(level), own, own.chi).coupling()
    indices = range(1, level.r + 1)
    symbols = [own.mu, *map(own.p, indices), *map(own.q, indices), own.chi, *map(own.y, own.steps)]
    return compile_scalar([value, *(diff(value, s) for s in symbols)], symbols, backend(name))


@lru_cache(maxsize=32)
def _count_tower(r: int) -> FieldTower:
    """The count, a tower over one field."""
    return CountingOutput(relu()).field_tower(Lifting(Level(r)))


@dataclass(frozen=True)
class DeepGrids:
    """The grids of the hidden terms and of the count."""

    hidden: tuple[FieldGrid, ...]
    count: Grid


class Layout:
    """Where the parameters of a depth and level are in a vector: those of ``DeepObjective.parameters``, then alpha_l."""

    def __init__(self, depth: int, r: int):
        self.depth, self.r = depth, r
        place = itertools.count()

        def take(count: int) -> list[int]:
            return [next(place) for _ in range(count)]

        self.chi, self.p, self.mu, self.q = take(1), [take(r - 1)], [], []
        for _ in range(depth - 1):
            self.mu += take(1)
            self.p.append(take(r))
            self.q.append(take(r))
            self.chi += take(1)
        self.y, (self.alpha,) = take(r - 1), take(1)
        self.size = self.alpha + 1
        objective = DeepObjective(relu_network(depth=depth), Level(r))
        self.names = [*map(str, objective.parameters()), f"alpha_{depth}"]

    def overlaps(self, values: Sequence, layer: int, one: Any) -> tuple:
        """``p_1..p_r`` of a layer's output; those of the input start with 1."""
        own = tuple(values[i] for i in self.p[layer])
        return own if layer else (one, *own)

    def fields(self, values: Sequence, layer: int, one: Any) -> Fields:
        """The parameters of the term of hidden layer 1, 2, ..."""
        return Fields(
            values[self.chi[layer - 1]], self.overlaps(values, layer - 1, one), values[self.mu[layer - 1]],
            tuple(values[i] for i in self.q[layer - 1]), tuple(values[i] for i in self.y),
        )  # fmt: skip


@lru_cache(maxsize=64)
def layout(depth: int, r: int) -> Layout:
    return Layout(depth, r)


@dataclass(frozen=True)
class DeepForm:
    """The objective behind hidden layers of the given widths at level r >= 2, in the arithmetic of a backend."""

    widths: tuple
    r: int
    name: str = "float64"

    @property
    def layout(self) -> Layout:
        return layout(len(self.widths) + 1, self.r)

    def grids(self, values: Sequence, digits: float, spacing: Spacing | None = None) -> DeepGrids:
        """The grids that parameters and digits ask for; raises ``FieldRangeError`` where an expectation diverges."""
        at = [float(v) for v in values]
        lay = self.layout
        hidden = tuple(plan_fields(lay.fields(at, i, 1.0), digits, spacing) for i in range(1, lay.depth))
        return DeepGrids(hidden, self._count_grid(at, digits))

    def _count_grid(self, at: Sequence[float], digits: float) -> Grid:
        lay = self.layout
        last = lay.overlaps(at, lay.depth - 1, 1.0)
        variances = [a - b for a, b in itertools.pairwise((*last, 0.0))]
        return plan((0.0, (2 * at[lay.chi[-1]]) ** 0.5), variances, [at[i] for i in lay.y], digits)

    def evaluate(self, values: Sequence, grids: DeepGrids, slopes: bool = True) -> tuple[Any, list]:
        """``P`` and its gradient in every parameter and alpha_l (only the last one without slopes)."""
        lay, b = self.layout, backend(self.name)
        one = b.number(1)
        gradient: list = [b.number(0)] * lay.size

        def add(places: Sequence[int], found: Sequence, weight: Any = 1) -> None:
            for i, slope in zip(places, found, strict=True):
                gradient[i] = gradient[i] + slope * weight

        own = [lay.chi[0], *lay.p[0], *lay.y]
        sphere = sphere_terms([values[i] for i in own], b, 1)
        total = sphere.value
        add(own, sphere.slopes)
        for i, (width, grid) in enumerate(zip(self.widths, grids.hidden, strict=True), start=1):
            own = [lay.mu[i - 1], *lay.p[i], *lay.q[i - 1], lay.chi[i], *lay.y]
            value, *found = _compiled_coupling(Level(self.r), self.name)(*(values[j] for j in own))
            add(own, found)
            term, slope = hidden_tower(lay.fields(values, i, one), grid, self.name, slopes)
            total = total + value + width * term
            if slope is not None:
                p = slope.p if i > 1 else slope.p[1:]
                places = [lay.chi[i - 1], *lay.p[i - 1], lay.mu[i - 1], *lay.q[i - 1], *lay.y]
                add(places, [slope.chi, *p, slope.mu, *slope.q, *slope.y], width)
        tower = self._count(values, grids.count, slopes)
        alpha = values[lay.alpha]
        gradient[lay.alpha] = tower.value
        if slopes:
            chi, p, lifting = self._count_slopes(tower)  # type: ignore[assignment]
            places = [lay.chi[-1], *lay.p[-1], *lay.y]
            add(places, [chi, *(p if lay.depth > 1 else p[1:]), *lifting], alpha)
        return total + alpha * tower.value, gradient

    def _count(self, values: Sequence, grid: Grid, slopes: bool) -> TowerValue:
        lay, b = self.layout, backend(self.name)
        last = lay.overlaps(values, lay.depth - 1, b.number(1))
        variances = [*(u - v for u, v in itertools.pairwise(last)), last[-1]]
        y = [values[i] for i in lay.y]
        return evaluate_tower(_count_tower(self.r), [values[lay.chi[-1]]], variances, y, grid, b, int(slopes))

    def _count_slopes(self, tower: TowerValue) -> tuple[Any, list, list]:
        """Derivatives in chi, p_1..p_r and y_2..y_r."""
        chi, *rest = tower.slopes
        d, lifting = rest[: self.r], rest[self.r :]
        return chi, [d[0], *(after - before for before, after in itertools.pairwise(d))], lifting


class Coordinates:
    r"""Unknowns of Newton's method: logarithms of the increments of overlaps, of ratios of the y_k, and of the rest.

    Order and names are those of the parameters.  In the place of p_k stands ``log((p_(k-1) - p_k)/p_1)``, in that of y_k
    ``log(y_k/y_(k+1))``, and in that of mu the logarithm of :math:`\mu - \sum_k y_k (q_{k-1} - q_k)`, the inverse growth of
    the outermost level in h: the objective changes fast with it, and the sum is nearly all of mu.  The equations are the
    derivatives in the overlaps p_k, q_k, k >= 2, over ``y_k - y_(k+1)``, so that merged lifting parameters are a regular
    point, and the derivatives in the coordinates of the rest; the last one is ``P + budget``.
    """

    def __init__(self, lay: Layout):
        self.layout = lay
        self.families = [lay.p[0], *(f for pair in zip(lay.p[1:], lay.q, strict=True) for f in pair)]

    def _lifted(self, v: Any) -> list[Any]:
        """``sum_k y_k (q_(k-1) - q_k)`` of each hidden layer."""
        return [(v[self.layout.y] * (v[q[:-1]] - v[q[1:]])).sum() for q in self.layout.q]

    def unknowns(self, values: Sequence) -> Any:
        lay = self.layout
        v = numpy.array([float(x) for x in values])
        u = numpy.log(v)
        for n, family in enumerate(self.families):
            whole = [1.0, *v[family]] if n == 0 else v[family]
            places = family if n == 0 else family[1:]
            for i, before, after in zip(places, whole, whole[1:], strict=False):
                u[i] = numpy.log((before - after) / whole[0])
        for i, j in itertools.pairwise(lay.y):
            u[i] = numpy.log(v[i] / v[j])
        for i, lifted in zip(lay.mu, self._lifted(v), strict=True):
            u[i] = numpy.log(v[i] - lifted)
        return u

    def values(self, u: Any) -> Any:
        lay = self.layout
        v = numpy.exp(u)
        for n, family in enumerate(self.families):
            first = 1.0 if n == 0 else v[family[0]]
            places = family if n == 0 else family[1:]
            v[places] = first * (1 - numpy.cumsum(numpy.exp(u[places])))
        v[lay.y] = numpy.exp(numpy.cumsum(u[lay.y][::-1])[::-1])
        for i, lifted in zip(lay.mu, self._lifted(v), strict=True):
            v[i] += lifted
        return v

    def equations(self, values: Any, gradient: Sequence, balance: Any) -> Any:
        """The left-hand sides, all of which vanish at the point."""
        lay = self.layout
        slope = numpy.array(gradient, dtype=float)
        free = []
        y = [*(values[i] for i in lay.y), 0.0]
        for i, q, lifted in zip(lay.mu, lay.q, self._lifted(values), strict=True):
            free.append(slope[i] * (values[i] - lifted))
            slope[q] += slope[i] * numpy.array([y[0], *(b - a for a, b in itertools.pairwise(y))])
            slope[lay.y] += slope[i] * (values[q[:-1]] - values[q[1:]])
        found = slope * values
        found[lay.mu] = free
        found[lay.alpha] = balance
        found[lay.y] = numpy.cumsum(found[lay.y])
        for n, family in enumerate(self.families):
            places = family if n == 0 else family[1:]
            for i, above, below in zip(places, y, y[1:], strict=False):
                found[i] = slope[i] / (above - below)
        return found
