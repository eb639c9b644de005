r"""Stationarity system of a deep objective at the levels where it is closed form.

Every term is a monomial of the parameters times a function of monomials
(:class:`flrdt.derive.objectives.deep.ScaledTerm`).  In the logarithms of the parameters the monomials are linear forms,
the scales of successive layers become additive, and gradient and Hessian follow from the symbolic derivatives
of the few functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sympy import Expr, Symbol, diff

from flrdt.derive.objectives.closed_form import ScaledTerm
from flrdt.derive.objectives.deep import DeepObjective
from flrdt.derive.objectives.objective import width

from ..arithmetic.backends import backend
from ..arithmetic.compile import compile_scalar

__all__ = ["ScaledSystem"]


@lru_cache(maxsize=64)
def _log_derivatives(function: Expr, variables: tuple[Symbol, ...], arithmetic: str):
    """Value, first and second derivatives in the logarithms of the variables, as one compiled function."""
    first = [v * diff(function, v) for v in variables]
    second = [variables[j] * diff(f, variables[j]) for i, f in enumerate(first) for j in range(i + 1)]
    return compile_scalar([function, *first, *second], variables, backend(arithmetic))


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


class ScaledSystem:
    """Residual and Jacobian in ``(log parameters, log alpha_l)``: stationarity, and objective plus budget.

    ``widths`` are alpha_1..alpha_(l-1) and ``budget`` the required count, as numbers of the backend (balls
    for Arb).
    """

    def __init__(self, objective: DeepObjective, widths: Sequence[Any], budget: Any, arithmetic: str):
        self.backend = backend(arithmetic)
        last = width(objective.network.depth)
        self.names = [*map(str, objective.parameters()), str(last)]
        self.size = len(self.names)
        self.budget = budget
        position = {s: i for i, s in enumerate((*objective.parameters(), last))}
        given = {width(i): w for i, w in enumerate(widths, start=1)}
        self._terms = [self._prepare(term, position, given) for term in objective.scaled_terms]

    def _prepare(self, term: ScaledTerm, position: dict[Symbol, int], given: dict[Symbol, Any]):
        weight, prefactor = 1, term.prefactor
        if term.width in given:
            weight = given[term.width]
        elif term.width is not None:
            prefactor = prefactor * term.width
        monomial = _Monomial.read(prefactor, position)
        symbols = tuple(s for s, _ in term.reduced)
        inner = [_Monomial.read(e, position) for _, e in term.reduced]
        function = _log_derivatives(term.function, symbols, self.backend.name)
        return weight, self._numeric(monomial), [self._numeric(m) for m in inner], function

    def _numeric(self, monomial: _Monomial):
        (factor,) = compile_scalar([monomial.factor], [], self.backend)()
        number = self.backend.rational
        return factor, [(i, number(int(e.p), int(e.q))) for i, e in monomial.exponents]

    def evaluate(self, logs: Sequence[Any]) -> tuple[list, list[list]]:
        """Residual vector and Jacobian matrix (lists) at the logarithms."""
        n, exponential = self.size, self.backend.functions()["exp"]
        zero = 0 * logs[0]
        value, gradient = zero, [zero] * n
        hessian = [[zero] * n for _ in range(n)]
        for weight, (factor, powers), inner, function in self._terms:
            scale = weight * factor * exponential(sum((e * logs[i] for i, e in powers), zero))
            arguments = [f * exponential(sum((e * logs[i] for i, e in m), zero)) for f, m in inner]
            found = function(*arguments)
            k = len(arguments)
            f, first, second = found[0], found[1 : 1 + k], found[1 + k :]
            # d/dL of exp(a.L) f(M L): chain rule through the linear forms
            slope: dict[int, Any] = {i: e * f for i, e in powers}
            for d, (_, m) in zip(first, inner, strict=True):
                for i, e in m:
                    slope[i] = slope.get(i, zero) + e * d
            curve: dict[tuple[int, int], Any] = {}
            for i, e in powers:
                for j, s in slope.items():
                    curve[i, j] = curve.get((i, j), zero) + e * s
            for b, d in enumerate(first):
                for i, e in inner[b][1]:
                    for j, o in powers:
                        curve[i, j] = curve.get((i, j), zero) + e * o * d
                for c in range(k):
                    dd = second[max(b, c) * (max(b, c) + 1) // 2 + min(b, c)]
                    for i, e in inner[b][1]:
                        for j, o in inner[c][1]:
                            curve[i, j] = curve.get((i, j), zero) + e * o * dd
            value += scale * f
            for i, s in slope.items():
                gradient[i] += scale * s
            for (i, j), s in curve.items():
                hessian[i][j] += scale * s
        # the last unknown is log alpha_l; its equation is P + budget = 0
        hessian[-1] = gradient
        return [*gradient[:-1], value + self.budget], hessian
