r"""Objectives at the levels where they are closed form, 1 and 2p, at any depth.

Every term is a monomial of the parameters times a function of monomials
(:class:`flrdt.derive.objectives.closed_form.ScaledTerm`).  In the logarithms of the parameters, the natural coordinates
here, the monomials are linear forms, the scales of successive layers become additive, and slopes and curvatures follow
from the symbolic derivatives of the few functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from sympy import Expr, Heaviside, Symbol, diff

from flrdt.derive.objectives.closed_form import ScaledTerm
from flrdt.derive.objectives.objective import Objective

from ..arithmetic.backends import backend
from ..arithmetic.compile import compile_scalar
from ..arithmetic.slopes import slopes
from .system import Parts

if TYPE_CHECKING:
    from flrdt.derive.objectives.family import FamilyObjective

__all__ = ["ClosedSystem"]

GUARD_BITS = 40
LEAST = 1e-3  # lifting parameter below which differences lose what lifting gains: all but the plain level


@lru_cache(maxsize=64)
def _log_derivatives(function: Expr, variables: tuple[Symbol, ...], arithmetic: str, order: int):
    """Value, first and second derivatives in the logarithms of the variables, as one compiled function.

    The envelope of a bounded active set has a kink in chi where its plateau vanishes: second derivatives are those on
    either side of it.
    """
    program, n = slopes(function, variables, order), len(variables)
    value, *rest = program.outputs
    found = [value, *(v * f for v, f in zip(variables, rest, strict=False))]
    if order == 2:
        triangle = iter(rest[n:])
        for i, v in enumerate(variables):
            found += [v * variables[j] * next(triangle) + (found[i + 1] if i == j else 0) for j in range(i + 1)]
    return compile_scalar(found, variables, backend(arithmetic), definitions=program.definitions)


@lru_cache(maxsize=64)
def _conditions(term: ScaledTerm, partial: bool, arithmetic: str) -> tuple[Any, Any]:
    """What must be positive, and what must not vanish, for the function of a term to be smooth."""
    symbols = tuple(s for s, _ in term.reduced)
    positive = []
    if partial and term.name.startswith("hidden"):
        from flrdt.derive.blocks.hidden_averages import exponential_domain  # a room that one layer does not enter

        positive = list(exponential_domain())
    steps = set().union(*(diff(term.function, s).atoms(Heaviside) for s in symbols))
    nonzero = sorted((step.args[0] for step in steps), key=str)
    b = backend(arithmetic)
    return compile_scalar(positive, symbols, b), compile_scalar(nonzero, symbols, b)


@dataclass(frozen=True)
class _Monomial:
    """``factor * exp(sum exponent_i log x_i)``, exponents by position."""

    factor: Expr
    exponents: tuple[tuple[int, Expr], ...]

    @classmethod
    def read(cls, expression: Expr, position: dict[Symbol, int]) -> _Monomial:
        factor, powers = expression.as_independent(*position, as_Add=False)
        found = powers.as_powers_dict() if powers != 1 else {}
        return cls(factor, tuple((position[s], e) for s, e in found.items()))

    def at(self, x: Sequence[Any], backend: Any) -> tuple[Any, list[tuple[int, Any]]]:
        """The value at the logarithms x, and the exponents as numbers."""
        (factor,) = _constant(self.factor, backend.name)()
        number = backend.rational
        exponents = [(i, number(int(e.p), int(e.q))) for i, e in self.exponents]
        return factor * backend.functions()["exp"](sum((e * x[i] for i, e in exponents), 0 * x[0])), exponents


@lru_cache(maxsize=256)
def _constant(factor: Expr, arithmetic: str):
    return compile_scalar([factor], [], backend(arithmetic))


@dataclass(frozen=True)
class _Term:
    weight: Any  # a number, or None for the width that the goal is about
    prefactor: _Monomial
    reduced: tuple[_Monomial, ...]
    term: ScaledTerm


@dataclass(frozen=True)
class ClosedSystem:
    """The objective at level 1 or 2p behind hidden layers of the given widths (numbers or balls).

    At ball arguments the values, slopes and curvatures are enclosures.
    """

    objective: Objective | FamilyObjective
    widths: tuple[Any, ...] = ()
    arithmetic: str = "arb"
    negative: int | None = None
    curved: bool = True

    @property
    def backend(self) -> Any:
        return backend(self.arithmetic)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(map(str, self.objective.parameters()))

    def using(self, arithmetic: str) -> ClosedSystem:
        return ClosedSystem(self.objective, self.widths, arithmetic, self.negative)

    @cached_property
    def _terms(self) -> list[_Term]:
        position = {s: i for i, s in enumerate(self.objective.parameters())}
        given = dict(zip(self.objective.widths, self.widths, strict=False))
        found = []
        for term in self.objective.scaled_terms:
            weight = 1 if term.width is None else given.get(term.width)
            reduced = tuple(_Monomial.read(e, position) for _, e in term.reduced)
            found.append(_Term(weight, _Monomial.read(term.prefactor, position), reduced, term))
        return found

    def coordinates(self, values: Sequence[Any]) -> list:
        log = self.backend.functions()["log"]
        return [log(self.backend.number(v)) for v in values]

    def values(self, x: Sequence[Any]) -> list:
        exp = self.backend.functions()["exp"]
        return [exp(v) for v in x]

    def inside(self, values: Sequence[Any]) -> bool:
        floats = [float(v) for v in values]
        lifting = floats[-1] if self.objective.level.partial else math.inf
        return lifting > LEAST and all(v > 0 and v != math.inf for v in floats)

    def smooth(self, x: Sequence[Any]) -> bool:
        """Whether the closed form is valid, and twice differentiable, everywhere in a box of coordinates.

        The closed form of a hidden term at the partial level needs ``2 y v < 1``; the count of a bounded active set has a
        kink where its plateau vanishes.
        """
        for term in self._terms:
            inner = [m.at(x, self.backend)[0] for m in term.reduced]
            positive, nonzero = _conditions(term.term, self.objective.level.partial, self.arithmetic)
            if not all(v > 0 for v in positive(*inner)) or not all(v > 0 or v < 0 for v in nonzero(*inner)):
                return False
        return True

    def quadrature(self, x: Sequence[Any], digits: float, strip: float = 1.0) -> None:
        return None

    def proved_quadrature(self, x: Sequence[Any], digits: float, order: int = 1) -> None:
        return None

    def bits(self, x: Sequence[Any], digits: float) -> int:
        return math.ceil(digits * math.log2(10)) + GUARD_BITS

    def parts(self, x: Sequence[Any], quadrature: Any = None, order: int = 1) -> Parts:
        zero = 0 * x[0]
        totals = [_Total(len(x), zero), _Total(len(x), zero)]  # A and B
        number = self.backend.number
        for term in self._terms:
            factor, powers = term.prefactor.at(x, self.backend)
            inner = [m.at(x, self.backend) for m in term.reduced]
            symbols = tuple(s for s, _ in term.term.reduced)
            function = _log_derivatives(term.term.function, symbols, self.arithmetic, order)
            found = function(*(value for value, _ in inner))
            scale = factor if term.weight is None else factor * number(term.weight)
            totals[term.weight is None].add(scale, powers, [m for _, m in inner], found, order)
        (A, B) = totals
        return Parts(A.value, B.value, A.slope, B.slope, A.curvature, B.curvature)


class _Total:
    """A sum of terms ``scale * exp(a.x) f(M x)`` with its derivatives, by the chain rule through the linear forms."""

    def __init__(self, n: int, zero: Any):
        self.zero, self.value, self.slope = zero, zero, [zero] * n
        self.curvature = [[zero] * n for _ in range(n)]

    def add(self, scale: Any, powers: list, inner: list, found: list, order: int) -> None:
        zero, k = self.zero, len(inner)
        f, first, second = found[0], found[1 : 1 + k], found[1 + k :]
        self.value += scale * f
        if not order:
            return
        slope: dict[int, Any] = {i: e * f for i, e in powers}
        for d, m in zip(first, inner, strict=True):
            for i, e in m:
                slope[i] = slope.get(i, zero) + e * d
        for i, s in slope.items():
            self.slope[i] += scale * s
        if order < 2:
            return
        curve: dict[tuple[int, int], Any] = {}
        for i, e in powers:
            for j, s in slope.items():
                curve[i, j] = curve.get((i, j), zero) + e * s
        for b, d in enumerate(first):
            for i, e in inner[b]:
                for j, o in powers:
                    curve[i, j] = curve.get((i, j), zero) + e * o * d
            for c in range(k):
                dd = second[max(b, c) * (max(b, c) + 1) // 2 + min(b, c)]
                for i, e in inner[b]:
                    for j, o in inner[c]:
                        curve[i, j] = curve.get((i, j), zero) + e * o * dd
        for (i, j), s in curve.items():
            self.curvature[i][j] += scale * s
