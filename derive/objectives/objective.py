"""The lifted random-dual objective of a network at a lifting level, in psi form and in energy form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sympy import Eq, Expr, Integer, Symbol

from ..blocks.sphere import CountingOutput, InputSphere, coupling
from ..core.formulas import Derivation, Formula, Status
from ..core.steps import Definition, Identity
from ..core.symbols import Level, Lifting, alpha, chi, gamma_p, gamma_s, nu
from ..networks.network import Network, relu_network
from .energy_map import energy_sphere, sphere_steps
from .relations import SOURCE

__all__ = ["Objective", "objective"]


@dataclass(frozen=True)
class Objective:
    """An objective as a sum of block terms; every term is a SymPy expression.

    ``psi`` is the random-dual form (theory 3a): capacity is the alpha at which it vanishes at its stationary point.
    ``energy`` is the reduced form P_r (theory 3b): minus its minimum is the ground-state energy, and the capacity is
    the alpha at which the minimum is minus the budget.
    """

    network: Network
    level: Level

    @property
    def lifting(self) -> Lifting:
        """The symbol families of the level."""
        return Lifting(self.level)

    @cached_property
    def psi_terms(self) -> dict[str, Expr]:
        """Sphere, coupling, norm, count and budget terms of the psi form."""
        return {
            "sphere": InputSphere().psi_term(self.lifting),
            "coupling": -coupling(self.lifting),
            "norm": -gamma_p,
            "count": alpha * CountingOutput(self.network.gate).psi_tower(self.lifting),
            "budget": self.network.budget * nu,
        }

    @cached_property
    def energy_terms(self) -> dict[str, Expr]:
        """Sphere and count terms of the energy form."""
        return {
            "sphere": energy_sphere(self.lifting),
            "count": alpha * CountingOutput(self.network.gate).energy_tower(self.lifting),
        }

    @property
    def psi(self) -> Expr:
        """``psi_r`` (theory 3a)."""
        return sum(self.psi_terms.values(), Integer(0))

    @property
    def energy(self) -> Expr:
        """``P_r`` (theory 3b)."""
        return sum(self.energy_terms.values(), Integer(0))

    def parameters(self, form: str = "energy") -> tuple[Symbol, ...]:
        """Free parameters of a form, without alpha."""
        lifting = self.lifting
        p = lifting.overlaps(lifting.p)
        if form == "energy":
            return (chi, *p, *(lifting.y(k) for k in lifting.steps))
        return (gamma_s, gamma_p, nu, *p, *lifting.overlaps(lifting.q), *(lifting.c(k) for k in lifting.steps))

    @property
    def _status(self) -> Status:
        if self.level.partial and not self.network.gate.homogeneous:
            return Status.LIFTED  # the proof of the bound is for the rectifier
        return Status.RIGOROUS if self.level.r == 1 or self.level.partial else Status.FULLY_LIFTED

    def _psi_derivation(self) -> Derivation:
        lifting, r = self.lifting, self.level.r
        sphere, psi, count = InputSphere().integrated(lifting), Symbol(f"psi_{r}"), Symbol("T_V")
        nested = CountingOutput(self.network.gate).psi_tower(lifting)
        parts = gamma_s + sphere.name - coupling(lifting) - gamma_p + alpha * count + self.network.budget * nu
        return Derivation(
            (
                *sphere.steps,
                Definition("The tower of the count.", Eq(count, nested, evaluate=False), name="T_V"),
                Definition("The objective is the sum of its blocks.", Eq(psi, parts, evaluate=False), name="psi"),
                Identity(
                    "Insert the blocks.",
                    psi,
                    self.psi,
                    using=("psi", "T_V", "sphere", *(f"Theta_{k}" for k in range(r, 0, -1))),
                ),
            )
        )

    def _energy_derivation(self) -> Derivation:
        lifting, r = self.lifting, self.level.r
        energy, count = Symbol(f"P_{r}"), Symbol("T_M")
        nested = CountingOutput(self.network.gate).energy_tower(lifting)
        balance = gamma_s - gamma_p - coupling(lifting) + InputSphere().integrated(lifting).name
        return Derivation(
            (
                *sphere_steps(self.level),
                Definition("The tower of the envelope.", Eq(count, nested, evaluate=False), name="T_M"),
                Definition(
                    "The energy form: sphere, norms and coupling in units of nu, and the count.",
                    Eq(energy, balance / nu + alpha * count, evaluate=False),
                    name="P",
                ),
                Identity(
                    "Insert the blocks, every Lambda written out.",
                    energy,
                    self.energy,
                    using=("P", "E", "T_M", *(f"next Lambda_{k}" for k in range(r, 1, -1)), "first Lambda"),
                ),
            )
        )

    def formula(self, form: str = "energy") -> Formula:
        """The objective as a formula object."""
        derivation = self._psi_derivation() if form == "psi" else self._energy_derivation()
        return Formula(
            id=f"objective.{form}.{self.level}.{self.network.gate}",
            title=f"Level-{self.level} objective, {form} form, gate {self.network.gate}",
            statement=derivation.conclusion,
            derivation=derivation,
            status=self._status,
            source=SOURCE,
            variables=(alpha, *self.parameters(form)),
        )


def objective(network: Network | None = None, level: Level | int | str = 2) -> Objective:
    """The objective of a network (default: one ReLU layer) at a level.

    Raises ``LevelError`` for something that is not a level, ``NetworkError`` for a deep network of another gate
    than the relu.

    >>> objective(level=1).energy
    alpha*E_u_2[-M_chi(u_2)] + 1/(2*chi)
    >>> objective(relu_network(depth=2), level=1).energy_terms["hidden 1"]
    alpha_1*E_u_2[E_s_2[v(u_2, sqrt(q^(1)_1)*s_2; chi^(0), mu^(1))]]
    """
    network = relu_network() if network is None else network
    if network.depth > 1:
        from .deep import DeepObjective

        return DeepObjective(network, Level.parse(level))
    return Objective(network, Level.parse(level))
