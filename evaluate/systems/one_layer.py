r"""The energy form as a function of numbers: :math:`P_r = A(z) + \alpha B(z)` with its gradient.

A is the sphere part, B the tower of minus the envelope; z are the parameters in the order of
``Objective.parameters("energy")``.  Levels 1 and 2p are closed form, the others go through the tower.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sympy import Symbol, diff, log

from flrdt.derive import Level, Network, innermost, objective
from flrdt.derive.blocks.innermost import plain_expectation

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_scalar
from ..quadrature.grid import STRIP, Grid, plan
from ..quadrature.one_field import compiled_innermost, evaluate_tower
from .sphere import sphere_terms

__all__ = ["EnergyForm", "Terms"]


@dataclass(frozen=True)
class Terms:
    """Sphere part A, count part B, and their gradients (empty if not asked for)."""

    A: Any
    B: Any
    dA: tuple[Any, ...] = ()
    dB: tuple[Any, ...] = ()


@lru_cache(maxsize=64)
def _compiled_sphere(level: Level, backend_name: str) -> Any:
    """The sphere part of the closed-form levels 1 and 2p, written out."""
    form = objective(level=level)
    symbols = form.parameters()
    sphere = form.energy_terms["sphere"]
    return compile_scalar([sphere, *(diff(sphere, s) for s in symbols)], symbols, get_backend(backend_name))


@lru_cache(maxsize=64)
def _compiled_count(network: Network, level: Level, backend_name: str) -> Any:
    """The closed-form count part of levels 1 and 2p."""
    symbols: tuple[Symbol, ...] = objective(network, level).parameters()
    if level.r == 1:
        count = -plain_expectation(network.gate)
    else:
        inner = innermost(network.gate)
        y = symbols[-1]
        count = (log(inner.W) / inner.y).subs({inner.x: 0, inner.D: 1}).subs(inner.y, y)
    return compile_scalar([count, *(diff(count, s) for s in symbols)], symbols, get_backend(backend_name))


@dataclass(frozen=True)
class EnergyForm:
    """The energy form of a one-layer network at a level, in one backend's arithmetic."""

    network: Network
    level: Level
    backend_name: str = "arb"

    @property
    def backend(self) -> Any:
        return get_backend(self.backend_name)

    @property
    def closed(self) -> bool:
        """Whether the count part is closed form (no grid)."""
        return self.level.r == 1 or self.level.partial

    def split(self, z: Sequence) -> tuple[Any, list, list]:
        """chi, the overlaps p_2.. and the lifting parameters y_2.. of a parameter vector."""
        r = self.level.r
        count = 0 if self.closed else r - 1
        return z[0], list(z[1 : 1 + count]), list(z[1 + count :])

    def grid(self, z: Sequence, digits: int, strip: float = STRIP) -> Grid | None:
        """The grid that the parameters and the digits ask for; ``None`` where no grid is needed."""
        if self.closed:
            return None
        c, p, y = self.split([float(self.backend.to_mpf(v)) if not isinstance(v, float) else v for v in z])
        overlaps = [1.0, *p, 0.0]
        variances = [a - b for a, b in itertools.pairwise(overlaps)]
        ends = [float(e) for component in self.network.gate.components for e in component if e.is_finite]
        return plan((min(ends), max(ends)), math.sqrt(2 * c), variances, y, digits, strip)

    def bits(self, z: Sequence, digits: int) -> int:
        """Working precision in bits for a number of digits."""
        grid = self.grid(z, digits)
        return grid.bits if grid is not None else math.ceil((digits + 8) * math.log2(10)) + 32

    def terms(self, z: Sequence, grid: Grid | None, gradient: bool = False) -> Terms:
        """A, B and their gradients at numbers of the backend, within the precision already set."""
        if self.closed:
            sphere = _compiled_sphere(self.level, self.backend_name)(*z)
            count = _compiled_count(self.network, self.level, self.backend_name)(*z)
            return Terms(sphere[0], count[0], tuple(sphere[1:]), tuple(count[1:]))
        assert grid is not None
        b = self.backend
        c, p, y = self.split(z)
        sphere_value, d_sphere = sphere_terms(c, p, y, b)
        overlaps = [b.number(1), *p]
        variances = [a - d for a, d in itertools.pairwise(overlaps)] + [p[-1]]
        value = evaluate_tower(self.network.gate, c, variances, y, grid, b, gradient)
        if not gradient:
            return Terms(sphere_value, value.value)
        d_p = [after - before for before, after in zip(value.d_variance, value.d_variance[1:], strict=False)]
        return Terms(sphere_value, value.value, tuple(d_sphere), (value.d_chi, *d_p, *value.d_lifting))

    def prepare(self) -> None:
        """Derive and compile everything now, so that later calls are numeric only."""
        if self.closed:
            _compiled_sphere(self.level, self.backend_name)
            _compiled_count(self.network, self.level, self.backend_name)
        else:
            compiled_innermost(self.network.gate, self.backend_name, True)
