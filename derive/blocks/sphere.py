"""Blocks a network is composed of: each contributes its own terms to the objective at any lifting level.

One layer is an input sphere and a counting output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from sympy import Add, Expr, Integer, Min, Rational, sqrt, sympify

from ..core.symbols import Lifting, alpha, chi, gamma_p, gamma_s, nu
from ..networks.gates import Gate
from .field_towers import FieldTower, Fronts
from .innermost import innermost
from .tower import QuadraticTower, quadratic_tower, tower

__all__ = ["CountingOutput", "InputSphere", "count_bracket", "count_tower", "coupling", "psi_blocks"]


def coupling(lifting: Lifting) -> Expr:
    r"""Coupling of primal and dual overlaps, :math:`\frac12\sum_{k=2}^r (p_{k-1}q_{k-1} - p_kq_k) c_k`."""
    p, q, c = lifting.p, lifting.q, lifting.c
    return Add(*(Rational(1, 2) * (p(k - 1) * q(k - 1) - p(k) * q(k)) * c(k) for k in lifting.steps))


def count_bracket(distance: Expr) -> Expr:
    r"""What a field at a ``distance`` from the inactive set adds to the psi form, :math:`-\min(d^2/(4\gamma_p), \nu)`."""
    return -Min(distance**2 / (4 * gamma_p), nu)


def count_tower(lifting: Lifting, bracket: Callable[[Expr], Expr]) -> Expr:
    """The tower of the count of the psi form, of a bracket in the field."""
    steps = [(lifting.c(k), lifting.increment(lifting.p, k)) for k in lifting.steps]
    return tower(bracket, steps, lifting.p(lifting.level.r))


def psi_blocks(lifting: Lifting, distance: Callable[[Expr], Expr], budget: Expr) -> dict[str, Expr]:
    """Sphere, coupling, norm, count and budget terms of the psi form of one layer; ``distance`` is that of a field to the inactive set."""
    return {
        "sphere": InputSphere().psi_term(lifting),
        "coupling": -coupling(lifting),
        "norm": -gamma_p,
        "count": alpha * count_tower(lifting, lambda g: count_bracket(distance(g))),
        "budget": budget * nu,
    }


@dataclass(frozen=True)
class InputSphere:
    """The unit sphere the input lives on."""

    def theta(self, lifting: Lifting, k: int) -> Expr:
        r""":math:`\Theta_1 = 2\gamma_s`, :math:`\Theta_k = \Theta_{k-1} - c_k (q_{k-1} - q_k)`, written out."""
        if k == 1:
            return 2 * gamma_s
        return self.theta(lifting, k - 1) - lifting.c(k) * lifting.increment(lifting.q, k)

    @lru_cache(maxsize=64)  # noqa: B019  (the sphere has no state: one key per lifting)
    def integrated(self, lifting: Lifting) -> QuadraticTower:
        """The tower of ``||v||^2/(4 gamma_s)`` with the increments of q, after its r-1 Gaussian integrations."""
        return quadratic_tower(lifting, 2 * gamma_s)

    def psi_term(self, lifting: Lifting) -> Expr:
        """``gamma_s + T_r[v^2/(4 gamma_s)]`` with every Theta_k written out."""
        explicit = {lifting.Theta(k): self.theta(lifting, k) for k in lifting.steps}
        return gamma_s + self.integrated(lifting).value.subs(explicit | {lifting.Theta(1): 2 * gamma_s})


@dataclass(frozen=True)
class CountingOutput:
    """The output layer: the tower of (minus) the cost of the pre-activations, per output unit."""

    gate: Gate

    def psi_tower(self, lifting: Lifting) -> Expr:
        r""":math:`T_r[-\min(\mathrm{dist}(g, B^c)^2/(4\gamma_p), \nu)]` with the lifting parameters c."""
        return count_tower(lifting, lambda g: count_bracket(self.gate.distance(g)))

    def energy_tower(self, lifting: Lifting, first: Expr = chi) -> Expr:
        r""":math:`T_r[-M_\chi]` with the lifting parameters y."""
        steps = [(lifting.y(k), lifting.increment(lifting.p, k)) for k in lifting.steps]
        return tower(lambda g: -self.gate.envelope(g, first), steps, lifting.p(lifting.level.r))

    def field_tower(self, lifting: Lifting, first: Expr = chi) -> FieldTower:
        r"""The same as a tower to be evaluated from its innermost expectation."""
        inner = innermost(self.gate)
        finite = [end for component in self.gate.components for end in component if end.is_finite]
        left, right = self.gate.limits()
        steps = lifting.steps
        return FieldTower(
            name=f"count {self.gate}",
            weight=Integer(1),
            W=inner.W,
            point=inner.x,
            variance=inner.D,
            rate=inner.y,
            own=((inner.chi, first),),
            increments=(*(lifting.increment(lifting.p, k) for k in steps), lifting.p(lifting.level.r)),
            lifting=tuple(lifting.y(k) for k in steps),
            limits=(-sympify(left), -sympify(right)),
            ends=(min(finite), max(finite) + sqrt(2 * first)),
            fronts=Fronts(
                len(finite), min(finite), max(finite), sqrt(2 * first), min(b - a for a, b in self.gate.components)
            ),
        )
