r"""The entropic form of the perceptron with Ising spins as a system: two towers, one of spins and one of constraints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sympy import diff

from flrdt.derive.blocks.entropy import Entropy
from flrdt.derive.core.symbols import chi

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_scalar
from ..quadrature.field_tower import FieldGrid, compiled_average, field_tower, plan_fields
from .family import affordable, plan_pulled
from .system import CapacityGoal, Goal, Parts

__all__ = ["EntropicSystem"]


@lru_cache(maxsize=32)
def _compiled(entropy: Entropy, backend_name: str) -> tuple[Any, Any, Any, Any]:
    """Elementary term with slopes; increments of both towers with slopes; the two averages."""
    b, symbols = get_backend(backend_name), entropy.parameters
    form = entropy.elementary
    elementary = compile_scalar([form, *(diff(form, s) for s in symbols)], symbols, b)
    flat = [*entropy.increments("q"), *entropy.increments("p"), *entropy.lifting]
    arguments = compile_scalar(flat, symbols, b)
    averages = tuple(compiled_average(a, chi, backend_name) for a in (entropy.spins, entropy.constraints))
    return elementary, arguments, averages[0], averages[1]


@lru_cache(maxsize=32)
def _slopes(entropy: Entropy) -> list[list[int]]:
    """The arguments of the towers are differences of parameters: their slopes are 0, 1 or -1."""
    flat = [*entropy.increments("q"), *entropy.increments("p"), *entropy.lifting]
    return [[int(diff(e, s)) for s in entropy.parameters] for e in flat]


@dataclass(frozen=True)
class EntropicSystem:
    """``Phi_r = A + alpha B`` with A the spin entropy and the coupling, B the tower of the constraints."""

    entropy: Entropy
    backend_name: str = "arb"
    negative: int | None = None
    curved: bool = False

    @property
    def backend(self) -> Any:
        return get_backend(self.backend_name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(map(str, self.entropy.parameters))

    @property
    def goal(self) -> Goal:
        return CapacityGoal(0)

    def using(self, arithmetic: str) -> EntropicSystem:
        """The same problem in another arithmetic."""
        return replace(self, backend_name=arithmetic)

    def _overlap(self) -> list[bool]:
        return [n.startswith("p_") for n in self.names]

    def coordinates(self, values: Sequence[Any]) -> list:
        """``log(p/(1-p))`` of overlaps, logarithms of the rest."""
        log = self.backend.functions()["log"]
        return [log(v / (1 - v)) if p else log(v) for v, p in zip(values, self._overlap(), strict=True)]

    def values(self, x: Sequence[Any]) -> list:
        """Parameter values of coordinates."""
        exp = self.backend.functions()["exp"]
        return [1 / (1 + exp(-v)) if p else exp(v) for v, p in zip(x, self._overlap(), strict=True)]

    def inside(self, values: Sequence[Any]) -> bool:
        """Whether overlaps fall and everything is positive."""
        at = dict(zip(self.names, map(float, values), strict=True))
        for family in ("p_", "qh_"):
            chain = [v for n, v in at.items() if n.startswith(family)]
            if any(a <= b for a, b in zip(chain, [*chain[1:], 0.0], strict=True)):
                return False
        return all(math.isfinite(v) and v > 0 for v in at.values())

    def _arguments(self, values: Sequence[Any]) -> tuple[list, list, list]:
        found = list(_compiled(self.entropy, self.backend_name)[1](*values))
        r = self.entropy.level.r
        return found[:r], found[r : 2 * r], found[2 * r :]

    def quadrature(self, x: Sequence[Any], digits: float, strip: float = 1.0) -> tuple[FieldGrid, FieldGrid]:
        """Grids of the spin tower and of the constraint tower."""
        floats = self.using("float64")
        spins, fields, m = floats._arguments([float(self.backend.to_mpf(v)) for v in self.values(x)])
        pull = [0.0, *(a * d for a, d in zip(m[1:], spins[1:], strict=False))]
        # log 2cosh and what follows from it behave like log cosh(m x)
        widths = [0.9 * math.pi / 2, *(0.9 * math.pi / (2 * max(1.0, a)) for a in m[1:])]
        first = plan_fields([1.0, *spins[1:]], m, pull, digits, strip, widths)
        second = plan_pulled(fields, m, 0.0, digits, strip)
        return affordable(first, self.backend_name), affordable(second, self.backend_name)

    def bits(self, x: Sequence[Any], digits: float) -> int:
        """Working precision for so many digits."""
        return max(g.bits for g in self.quadrature(x, digits))

    def parts(self, x: Sequence[Any], quadrature: Any, order: int = 1) -> Parts:
        """A and B with their slopes, within the precision already set."""
        b = self.backend
        values = self.values(x)
        elementary, _, spin_average, set_average = _compiled(self.entropy, self.backend_name)
        spins, fields, m = self._arguments(values)
        zero, one = b.number(0), b.number(1)
        first = field_tower(spin_average, one, spins, m, quadrature[0], b)
        second = field_tower(set_average, one, fields, m, quadrature[1], b)
        A, *dA = elementary(*values)
        r, table = self.entropy.level.r, _slopes(self.entropy)
        spin_slopes = [*first.d_variance, *[zero] * r, *first.d_lifting]
        set_slopes = [*[zero] * r, *second.d_variance, *second.d_lifting]
        dB = [zero] * len(values)
        dA = list(dA)
        for row, s, t in zip(table, spin_slopes, set_slopes, strict=True):
            for j, sign in enumerate(row):
                if sign:
                    dA[j], dB[j] = dA[j] + sign * s, dB[j] + sign * t
        scale = [v * (1 - v) if p else v for v, p in zip(values, self._overlap(), strict=True)]
        return Parts(
            A + first.value,
            second.value,
            [d * s for d, s in zip(dA, scale, strict=True)],
            [d * s for d, s in zip(dB, scale, strict=True)],
        )
