r"""The objective of a deep network: the input sphere, hidden layers and the counting output, composed.

Everything is in energy form.  Layer 0 is the input; hidden layer i = 1..l-1 carries overlaps :math:`p^{(i)}`
of its output, conjugate overlaps :math:`q^{(i)}`, curvature :math:`\mu^{(i)}` and susceptibility
:math:`\chi^{(i)}`; the lifting parameters :math:`y_k` are common to all layers.  The capacity is the width
:math:`\alpha_l` at which the objective, stationary in everything else, equals minus the budget.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from sympy import Add, Derivative, Eq, Expr, Function, Symbol, diff

from ..blocks.hidden_maximum import SOURCE, inner_maximum
from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..networks.gates import relu
from ..networks.network import NetworkError
from .objective import Objective

__all__ = ["DeepObjective"]


@dataclass(frozen=True, repr=False)
class DeepObjective(Objective):
    """The energy form of a network of depth l at a level, as a sum of block terms.

    >>> from flrdt.derive import Level, relu_network
    >>> deep = DeepObjective(relu_network(depth=2), Level(1))
    >>> deep.parameters()
    (chi^(0), mu^(1), p^(1)_1, q^(1)_1, chi^(1))
    >>> deep.energy_terms["coupling 1"]
    -chi^(1)*q^(1)_1/2 + mu^(1)*p^(1)_1/2
    """

    def __post_init__(self) -> None:
        if self.network.gate != relu():
            raise NetworkError(f"gate {self.network.gate} is not positively homogeneous: deep networks need the relu")

    @property
    def layered(self) -> bool:
        """Symbols carry the index of their layer at depth 1 too, so that the reduction to one layer can be stated."""
        return True

    def stationarity(self) -> dict[Symbol, Expr]:
        """Derivative of the objective in every parameter: of the closed form at levels 1 and 2p, under E
        elsewhere.
        """
        if self.level.closed:
            return {s: Add(*(term.slope(s) for term in self.scaled_terms)) for s in self.parameters()}
        return {s: diff(self.energy, s) for s in self.parameters()}

    def _weights(self, symbol: Symbol) -> tuple[Step, ...]:
        """The exponents with which a parameter enters the terms: what the chain rule multiplies them by."""
        steps = []
        for term in self.scaled_terms:
            monomials = {None: term.prefactor, **dict(term.reduced)}
            weights = term.weights(symbol)
            if not any(weights.values()):
                continue
            f = Function("f")(*(s for s, _ in term.reduced))
            change = weights[None] * f + Add(*(w * s * Derivative(f, s) for s, w in weights.items() if s and w))
            steps.append(
                Step(
                    f"The {term.name} term is a monomial times a function of monomials: its slope follows from the "
                    f"exponents of {symbol} in them.",
                    Eq(symbol * Derivative(Function("P")(symbol), symbol), term.prefactor * change, evaluate=False),
                    partial(_exponents, symbol, monomials, weights),
                )
            )
        return tuple(steps)

    def stationarity_formulas(self) -> tuple[Formula, ...]:
        """Each derivative as a formula, in the order of the parameters."""
        closed, objective = self.level.closed, self.formula()
        return tuple(
            replace(
                objective,
                id=f"stationarity.{self.level}.depth{self.network.depth}.{symbol}",
                title=f"Stationarity in {symbol}, level {self.level}, depth {self.network.depth}",
                statement=Eq(slope, 0, evaluate=False),
                derivation=Derivation(self._weights(symbol) if closed else ()),
            )
            for symbol, slope in self.stationarity().items()
        )

    def formula(self, form: str = "energy") -> Formula:
        """The composed objective as a formula object."""
        if form != "energy":
            self.psi_terms  # noqa: B018  raises: there is no psi form
        steps = inner_maximum().formula.derivation.steps if self.layers else ()
        return Formula(
            id=f"objective.energy.{self.level}.{self.network.gate}.depth{self.network.depth}",
            title=f"Level-{self.level} objective, energy form, depth {self.network.depth}",
            statement=Eq(Symbol(f"P_{self.level.r}"), self.energy, evaluate=False),
            derivation=Derivation(steps),
            status=Status.LIFTED if self.level.closed else Status.FULLY_LIFTED,
            source=SOURCE,
            assumptions=("stationary in every parameter; widths given",),
            variables=(*self.widths, *self.parameters()),
        )


def _exponents(symbol: Symbol, monomials: dict, weights: dict) -> bool | None:
    """Whether every monomial has the given logarithmic slope in the symbol."""
    found = [identically_zero(symbol * diff(m, symbol) / m - weights[s]) for s, m in monomials.items()]
    return all(f is True for f in found) or None
