r"""Objectives in closed form: the plain and the partially lifted level of a network of any depth.

At these levels the fields are centred Gaussians and hidden layers are homogeneous, so that every term is a monomial of the
parameters times a function of monomials of them (:class:`ScaledTerm`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from sympy import (
    Add,
    Derivative,
    Dict,
    Eq,
    Equality,
    Expr,
    Integer,
    Mul,
    Symbol,
    cancel,
    diff,
    log,
    powsimp,
    sqrt,
    symbols,
)

from ..blocks.hidden_averages import eta, hidden_exponential, hidden_mean, kappa, tau
from ..blocks.innermost import innermost, plain_expectation
from ..core.equality import equal
from ..core.insertion import insert
from ..core.steps import Facts, Step, rewritten
from ..core.symbols import Level, LevelError, Lifting
from ..networks.gates import Gate
from .energy_map import energy_sphere

if TYPE_CHECKING:
    from .objective import Objective

__all__ = ["ChainRule", "ScaledTerm", "lifting", "ratio", "reach", "scaled_terms"]

ratio, reach, lifting = symbols("rho kappa_l y", positive=True)


@dataclass(frozen=True)
class ScaledTerm:
    """``width * prefactor * function(reduced)``: a monomial times a function of monomials of the parameters.

    Every term of a deep objective at the plain and the partial level has this form, because the fields are
    centred Gaussians and the layers homogeneous.  In the logarithms of the parameters the monomials are
    linear forms.
    """

    name: str
    width: Symbol | None
    prefactor: Expr
    function: Expr
    reduced: tuple[tuple[Symbol, Expr], ...] = ()

    @cached_property
    def value(self) -> Expr:
        """The term in the parameters themselves."""
        return self.with_function(self.function)

    def weights(self, symbol: Symbol) -> dict[Symbol | None, Expr]:
        """Exponents of a parameter in the prefactor (under ``None``) and in the monomials of the reduced variables."""
        monomials = {None: self.prefactor, **dict(self.reduced)}
        return {s: m.as_powers_dict().get(symbol, Integer(0)) for s, m in monomials.items()}

    def slope(self, symbol: Symbol) -> Expr:
        """Derivative in a parameter, by the chain rule through the exponents."""
        weights = self.weights(symbol)
        if not any(weights.values()):
            return Integer(0)
        parts = [weights[None] * self.function]
        parts += [w * s * _partial(self.function, s) for s, w in weights.items() if s and w]
        return self.with_function(Add(*parts)) / symbol

    def with_function(self, function: Expr) -> Expr:
        """The term with another expression for the function of the reduced variables."""
        return Mul(self.width or 1, self.prefactor, function.xreplace(dict(self.reduced)))


@dataclass(frozen=True)
class ChainRule(Step):
    """The slope in a parameter of a weight times a function of monomials of it, by its exponents in them.

    What is used gives derivatives of the function in its arguments.
    """

    weight: Expr
    function: Expr
    reduced: Dict
    symbol: Symbol
    value: Expr

    def statement(self, facts: Facts = ()) -> Equality:
        term = self.weight * self.function.xreplace(dict(self.reduced))
        return Eq(Derivative(term, self.symbol), self.value, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        exponents = {k: self._exponent(m) for k, m in (*self.reduced.items(), (None, self.weight))}
        if not all(e.is_number for e in exponents.values()):
            return False  # no monomials
        parts = [exponents[None] * self.function]
        parts += [exponents[k] * k * _partial(self.function, k) for k in self.reduced if exponents[k]]
        slope = rewritten(Add(*parts), facts)
        return equal(self.weight * slope.xreplace(dict(self.reduced)) / self.symbol, self.value)

    def _exponent(self, monomial: Expr) -> Expr:
        return powsimp(cancel(self.symbol * diff(monomial, self.symbol) / monomial))


def scaled_terms(objective: Objective) -> tuple[ScaledTerm, ...]:
    """The terms of an objective at the plain and the partial level; raises ``LevelError`` at the others."""
    level, last = objective.level, objective.network.depth - 1  # type: ignore[operator]
    if not level.closed:
        raise LevelError(f"level {level} is not closed form: use level 1 or 2p")
    y = objective.family(0).y(2) if level.partial else None
    chi_0, chi_l = objective.susceptibility(0), objective.susceptibility(last)
    sphere, count = _sphere(level), _count(objective.network.gate, level)
    terms = [ScaledTerm("sphere", None, 1 / y if y else 1 / chi_0, sphere, ((ratio, y / chi_0),) if y else ())]
    for i, layer in enumerate(objective.layers, start=1):
        p, q = layer.before.p(1), layer.own.q(1)
        reduced = [(kappa, layer.own.mu * sqrt(p / q)), (tau, sqrt(p / q) / layer.susceptibility)]
        if y:
            reduced.append((eta, y * sqrt(p * q)))
        prefactor = 1 / y if y else sqrt(p * q)
        terms.append(ScaledTerm(f"hidden {i}", objective.width(i), prefactor, _hidden(level), tuple(reduced)))
        for part in Add.make_args(layer.coupling().expand()):
            number, monomial = part.as_coeff_Mul()
            terms.append(ScaledTerm(f"coupling {i}", None, monomial, number))
    reduced = [(reach, sqrt(2 * chi_l / objective.family(last).p(1))), *([(lifting, y)] if y else [])]
    terms.append(ScaledTerm("count", objective.width(last + 1), 1 / y if y else Integer(1), count, tuple(reduced)))
    return tuple(terms)


@lru_cache(maxsize=256)
def _partial(function: Expr, symbol: Symbol) -> Expr:
    return diff(function, symbol)


@lru_cache(maxsize=2)
def _sphere(level: Level) -> Expr:
    """The sphere function of ``rho = y/chi`` where the lifting parameter is 1; at the plain level the constant."""
    plain = Lifting(level)
    if level.r == 1:
        return energy_sphere(plain, Integer(1))
    return energy_sphere(plain, 1 / ratio).subs(plain.y(2), 1)


@lru_cache(maxsize=2)
def _hidden(level: Level) -> Expr:
    return hidden_mean().statement.rhs if level.r == 1 else log(hidden_exponential().statement.rhs)


@lru_cache(maxsize=64)
def _count(gate: Gate, level: Level) -> Expr:
    """The count function of ``kappa_l = sqrt(2 chi/p_1)`` for a field of variance 1."""
    chi = Symbol("chi", positive=True)
    if level.r == 1:
        return -plain_expectation(gate).subs(chi, reach**2 / 2)
    inner = innermost(gate)
    point = {inner.x: 0, inner.D: 1, inner.chi: reach**2 / 2, inner.y: lifting}
    return log(insert(inner.W, point))
