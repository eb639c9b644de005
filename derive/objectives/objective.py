"""The lifted random-dual objective of a network at a lifting level, in psi form and in energy form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from sympy import Add, Eq, Expr, Integer, Symbol, latex

from ..blocks.field_towers import Anchor, FieldTower, SphereSum
from ..blocks.hidden_averages import HiddenLayer, LayerLifting
from ..blocks.sphere import CountingOutput, InputSphere, coupling, psi_blocks
from ..core.formulas import Derivation, Formula, Status
from ..core.shown import Shown
from ..core.steps import Definition, Identity
from ..core.symbols import Level, Lifting, alpha, chi, gamma_p, gamma_s, nu
from ..networks.network import Network, NetworkError, relu_network
from .closed_form import ScaledTerm, scaled_terms
from .energy_map import energy_sphere, sphere_steps
from .relations import SOURCE

__all__ = ["InputLifting", "Objective", "objective", "width"]


def width(layer: int) -> Symbol:
    """``alpha_i``, the width of layer i of a deep network relative to the input."""
    return Symbol(f"alpha_{layer}", positive=True)


@dataclass(frozen=True)
class InputLifting(Lifting):
    """Symbol families of the input sphere: p_1 = 1, and the lifting parameters common to all layers."""

    def c(self, k: int) -> Expr:
        return Lifting(self.level).c(k)

    def y(self, k: int) -> Expr:
        return Lifting(self.level).y(k)


@dataclass(frozen=True, repr=False)
class Objective(Shown):
    """An objective as a sum of block terms; every term is a SymPy expression.

    ``psi`` is the random-dual form (theory 3a): capacity is the alpha at which it vanishes at its stationary point.
    ``energy`` is the reduced form P_r (theory 3b): minus its minimum is the ground-state energy, and the capacity is
    the alpha at which the minimum is minus the budget.
    """

    network: Network
    level: Level

    def _line(self) -> str:
        return f"of level {self.level}, {self.network!r}"

    def _tex(self) -> str:
        return f"P_{{{self.level}}} = {latex(self.energy)}"

    @property
    def layered(self) -> bool:
        """Whether symbols carry the index of their layer: not for one layer."""
        return self.network.depth > 1  # type: ignore[operator]

    @property
    def lifting(self) -> Lifting:
        """The symbol families of the level."""
        return Lifting(self.level)

    def family(self, layer: int) -> Lifting:
        """Symbol families of a layer; layer 0 is the input.  One layer alone carries no layer index."""
        if not self.layered:
            return self.lifting
        return LayerLifting(self.level, layer) if layer else InputLifting(self.level, 0)

    def susceptibility(self, layer: int) -> Symbol:
        """``chi^(i)``, plain ``chi`` for one layer."""
        return Symbol(f"chi^({layer})", positive=True) if self.layered else chi

    def width(self, layer: int) -> Symbol:
        """``alpha_i``, the width of layer i relative to the input; plain ``alpha`` for one layer."""
        return width(layer) if self.layered else alpha

    @property
    def widths(self) -> tuple[Symbol, ...]:
        """``alpha_1`` to ``alpha_l``."""
        return tuple(self.width(i) for i in range(1, self.network.depth + 1))  # type: ignore[operator]

    @cached_property
    def layers(self) -> tuple[HiddenLayer, ...]:
        """The hidden layers 1..l-1."""
        return tuple(
            HiddenLayer(self.family(i - 1), LayerLifting(self.level, i), self.susceptibility(i - 1))
            for i in range(1, self.network.depth)  # type: ignore[arg-type]
        )

    @cached_property
    def psi_terms(self) -> dict[str, Expr]:
        """Sphere, coupling, norm, count and budget terms of the psi form."""
        if self.network.depth > 1:  # type: ignore[operator]
            raise NetworkError("a deep network has an energy form only: use the form 'energy'")
        return psi_blocks(self.lifting, self.network.gate.distance, self.network.budget)

    @cached_property
    def energy_terms(self) -> dict[str, Expr]:
        """Sphere, a term and a coupling per hidden layer, and the count."""
        last = self.network.depth - 1  # type: ignore[operator]
        output = CountingOutput(self.network.gate)
        terms = {"sphere": energy_sphere(self.family(0), self.susceptibility(0))}
        for i, layer in enumerate(self.layers, start=1):
            terms[f"hidden {i}"] = self.width(i) * layer.term()
            terms[f"coupling {i}"] = layer.coupling()
        tower = output.energy_tower(self.family(last), self.susceptibility(last))
        return terms | {"count": self.width(last + 1) * tower}

    @property
    def psi(self) -> Expr:
        """``psi_r`` (theory 3a)."""
        return sum(self.psi_terms.values(), Integer(0))

    @property
    def energy(self) -> Expr:
        """``P_r`` (theory 3b)."""
        return sum(self.energy_terms.values(), Integer(0))

    @cached_property
    def scaled_terms(self) -> tuple[ScaledTerm, ...]:
        """The closed-form terms at the plain and the partial level; raises ``LevelError`` at the others."""
        return scaled_terms(self)

    @cached_property
    def closed_form(self) -> Expr:
        """The objective in elementary functions and Phi, at the plain and the partial level."""
        return Add(*(term.value for term in self.scaled_terms))

    @cached_property
    def spheres(self) -> tuple[SphereSum, ...]:
        """The integrated spheres at a full level."""
        of, steps = self.family(0), self.lifting.steps
        overlaps, lifting = tuple(of.p(k) for k in steps), tuple(of.y(k) for k in steps)
        return (SphereSum(Integer(1), self.susceptibility(0), overlaps, lifting),)

    @cached_property
    def towers(self) -> tuple[FieldTower, ...]:
        """The towers of one field at a full level: the count."""
        last = self.network.depth - 1  # type: ignore[operator]
        tower = CountingOutput(self.network.gate).field_tower(self.family(last), self.susceptibility(last))
        return (replace(tower, weight=self.width(last + 1)),)

    @property
    def elementary(self) -> Expr:
        """The other terms of one field: none."""
        return Integer(0)

    @cached_property
    def anchors(self) -> dict[Symbol, Anchor]:
        """The natural coordinate of every parameter, those of the input ordered among themselves."""
        of, found = self.family(0), dict.fromkeys(self.parameters(), Anchor())
        for k in self.lifting.steps:
            found |= {of.p(k): Anchor(of.p(k - 1), -1), of.y(k): Anchor(of.y(k + 1))}
        return {s: found[s] for s in self.parameters()}

    def parameters(self, form: str = "energy") -> tuple[Symbol, ...]:
        """Free parameters of a form without the widths: of the input, of each hidden layer, and the lifting ones."""
        lifting, input_ = self.lifting, self.family(0)
        if form != "energy":
            _ = self.psi_terms  # raises where there is no psi form
            p, q = lifting.overlaps(lifting.p), lifting.overlaps(lifting.q)
            return (gamma_s, gamma_p, nu, *p, *q, *(lifting.c(k) for k in lifting.steps))
        found: list[Expr] = [self.susceptibility(0), *input_.overlaps(input_.p)]
        for layer in self.layers:
            own = layer.own
            found += [own.mu, own.p(1), *own.overlaps(own.p), own.q(1), *own.overlaps(own.q), own.chi]
        return (*found, *(input_.y(k) for k in input_.steps))

    @property
    def _status(self) -> Status:
        if self.level.partial and not self.network.gate.homogeneous:
            return Status.LIFTED  # the proof of the bound is for the rectifier
        return Status.RIGOROUS if self.level.closed else Status.FULLY_LIFTED

    def _psi_derivation(self) -> Derivation:
        lifting, r = self.lifting, self.level.r
        sphere, psi, count = InputSphere().integrated(lifting), Symbol(f"psi_{lifting.level}"), Symbol("T_V")
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
        energy, count = Symbol(f"P_{lifting.level}"), Symbol("T_M")
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
                    "Insert the blocks, its definitions written out.",
                    energy,
                    self.energy,
                    using=("P", "E", "T_M", *(f"next Lambda_{k}" for k in range(r, 1, -1)), "first Lambda"),
                ),
            )
        )

    def formula(self, form: str = "energy") -> Formula:
        """The objective as a formula object."""
        derivation = self._psi_derivation() if form == "psi" else self._energy_derivation()
        return Formula.concluding(
            f"objective.{form}.{self.level}.{self.network.gate}",
            f"Level-{self.level} objective, {form} form, gate {self.network.gate}",
            derivation,
            status=self._status,
            source=SOURCE,
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
    if not isinstance(network, Network):
        raise NetworkError(
            f"network {network!r} is not a network: use relu_network(depth=1) or Network(gate('hardtanh'))"
        )
    if network.depth > 1:  # type: ignore[operator]
        from .deep import DeepObjective

        return DeepObjective(network, Level.parse(level))
    return Objective(network, Level.parse(level))
