r"""The objective of a deep network: the input sphere, hidden layers and the counting output, composed.

Everything is in energy form.  Layer 0 is the input; hidden layer i = 1..l-1 carries overlaps :math:`p^{(i)}`
of its output, conjugate overlaps :math:`q^{(i)}`, curvature :math:`\mu^{(i)}` and susceptibility
:math:`\chi^{(i)}`; the lifting parameters :math:`y_k` are common to all layers.  The capacity is the width
:math:`\alpha_l` at which the objective, stationary in everything else, equals minus the budget.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial

from sympy import Add, Derivative, Eq, Expr, Function, Integer, Mul, Symbol, diff, log, sqrt, symbols

from ..blocks.hidden_averages import HiddenLayer, LayerLifting, eta, hidden_exponential, hidden_mean, kappa, tau
from ..blocks.hidden_maximum import SOURCE, inner_maximum
from ..blocks.innermost import innermost, plain_expectation
from ..blocks.sphere import CountingOutput
from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.symbols import Level, LevelError, Lifting
from ..networks.gates import relu
from ..networks.network import NetworkError
from .energy_map import energy_sphere
from .objective import Objective

__all__ = ["DeepObjective", "ScaledTerm", "width"]

ratio, reach, lifting = symbols("rho kappa_l y", positive=True)


def width(layer: int) -> Symbol:
    """``alpha_i``, the width of layer i relative to the input."""
    return Symbol(f"alpha_{layer}", positive=True)


@dataclass(frozen=True)
class InputLifting(Lifting):
    """Symbol families of the input sphere: p_1 = 1, and the lifting parameters common to all layers."""

    def c(self, k: int) -> Expr:
        return Lifting(self.level).c(k)

    def y(self, k: int) -> Expr:
        return Lifting(self.level).y(k)


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
class DeepObjective(Objective):
    """The energy form of a network of depth l at a level, as a sum of block terms.

    >>> from flrdt.derive import relu_network
    >>> deep = DeepObjective(relu_network(depth=2), Level(1))
    >>> deep.parameters()
    (chi^(0), mu^(1), p^(1)_1, q^(1)_1, chi^(1))
    >>> deep.energy_terms["coupling 1"]
    -chi^(1)*q^(1)_1/2 + mu^(1)*p^(1)_1/2
    """

    def __post_init__(self) -> None:
        if self.network.gate != relu():
            raise NetworkError(f"gate {self.network.gate} is not positively homogeneous: deep networks need the relu")

    @cached_property
    def layers(self) -> tuple[HiddenLayer, ...]:
        """The hidden layers 1..l-1."""
        return tuple(
            HiddenLayer(self.family(i - 1), LayerLifting(self.level, i), self.susceptibility(i - 1))
            for i in range(1, self.network.depth)
        )

    def family(self, layer: int) -> Lifting:
        """Symbol families of a layer; layer 0 is the unit sphere."""
        return LayerLifting(self.level, layer) if layer else InputLifting(self.level, 0)

    @property
    def widths(self) -> tuple[Symbol, ...]:
        """``alpha_1`` to ``alpha_l``."""
        return tuple(width(i) for i in range(1, self.network.depth + 1))

    @staticmethod
    def susceptibility(layer: int) -> Symbol:
        """``chi^(i)``."""
        return Symbol(f"chi^({layer})", positive=True)

    @property
    def psi_terms(self) -> dict[str, Expr]:
        raise NetworkError("a deep network has an energy form only: use the form 'energy'")

    @cached_property
    def energy_terms(self) -> dict[str, Expr]:
        """Sphere, a term and a coupling per hidden layer, and the count."""
        last = self.network.depth - 1
        output = CountingOutput(self.network.gate)
        terms = {"sphere": energy_sphere(self.family(0), self.susceptibility(0))}
        for i, layer in enumerate(self.layers, start=1):
            terms[f"hidden {i}"] = width(i) * layer.term()
            terms[f"coupling {i}"] = layer.coupling()
        terms["count"] = width(last + 1) * output.energy_tower(self.family(last), self.susceptibility(last))
        return terms

    def parameters(self, form: str = "energy") -> tuple[Symbol, ...]:
        """Free parameters without the widths: of the input, of each hidden layer, and the y_k."""
        if form != "energy":
            return tuple(self.psi_terms)
        input_ = self.family(0)
        found: list[Expr] = [self.susceptibility(0), *input_.overlaps(input_.p)]
        for layer in self.layers:
            own = layer.own
            found += [own.mu, own.p(1), *own.overlaps(own.p), own.q(1), *own.overlaps(own.q), own.chi]
        return (*found, *(input_.y(k) for k in input_.steps))

    @cached_property
    def scaled_terms(self) -> tuple[ScaledTerm, ...]:
        """The closed-form terms at the plain and the partial level; raises ``LevelError`` at the others."""
        if self.level.r > 1 and not self.level.partial:
            raise LevelError(f"level {self.level} of a deep network is not closed form: use level 1 or 2p")
        y = self.family(0).y(2) if self.level.partial else None
        chi_0, last = self.susceptibility(0), self.network.depth - 1
        chi_l, p_l = self.susceptibility(last), self.family(last).p(1)
        sphere, hidden, count = _scaled_functions(self.level)
        terms = [ScaledTerm("sphere", None, 1 / y if y else 1 / chi_0, sphere, ((ratio, y / chi_0),) if y else ())]
        for i, layer in enumerate(self.layers, start=1):
            p, q = layer.before.p(1), layer.own.q(1)
            reduced = [(kappa, layer.own.mu * sqrt(p / q)), (tau, sqrt(p / q) / layer.susceptibility)]
            if y:
                reduced.append((eta, y * sqrt(p * q)))
            terms.append(ScaledTerm(f"hidden {i}", width(i), 1 / y if y else sqrt(p * q), hidden, tuple(reduced)))
            for part in Add.make_args(layer.coupling().expand()):
                number, monomial = part.as_coeff_Mul()
                terms.append(ScaledTerm(f"coupling {i}", None, monomial, number))
        reduced = [(reach, sqrt(2 * chi_l / p_l)), *([(lifting, y)] if y else [])]
        terms.append(ScaledTerm("count", width(last + 1), 1 / y if y else Integer(1), count, tuple(reduced)))
        return tuple(terms)

    @cached_property
    def closed_form(self) -> Expr:
        """The objective in elementary functions and Phi, at the plain and the partial level."""
        return Add(*(term.value for term in self.scaled_terms))

    def stationarity(self) -> dict[Symbol, Expr]:
        """Derivative of the objective in every parameter: of the closed form at levels 1 and 2p, under E
        elsewhere.
        """
        closed = self.level.r == 1 or self.level.partial
        if closed:
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
        closed, objective = self.level.r == 1 or self.level.partial, self.formula()
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
            status=Status.LIFTED if self.level.r == 1 or self.level.partial else Status.FULLY_LIFTED,
            source=SOURCE,
            assumptions=("stationary in every parameter; widths given",),
            variables=(*self.widths, *self.parameters()),
        )


@lru_cache(maxsize=32)
def _partial(function: Expr, symbol: Symbol) -> Expr:
    return diff(function, symbol)


def _exponents(symbol: Symbol, monomials: dict, weights: dict) -> bool | None:
    """Whether every monomial has the given logarithmic slope in the symbol."""
    found = [identically_zero(symbol * diff(m, symbol) / m - weights[s]) for s, m in monomials.items()]
    return all(f is True for f in found) or None


@lru_cache(maxsize=2)
def _scaled_functions(level: Level) -> tuple[Expr, Expr, Expr]:
    """Sphere, hidden and count functions of the reduced variables, each taken where its other arguments are
    1.
    """
    plain = Lifting(level)
    gate, chi = relu(), Symbol("chi", positive=True)
    if level.r == 1:
        sphere = energy_sphere(plain, Integer(1))
        return sphere, hidden_mean().statement.rhs, -plain_expectation(gate).subs(chi, reach**2 / 2)
    sphere = energy_sphere(plain, 1 / ratio).subs(plain.y(2), 1)
    inner = innermost(gate)
    count = log(inner.W.subs({inner.x: 0, inner.D: 1, inner.chi: reach**2 / 2, inner.y: lifting}, simultaneous=True))
    return sphere, log(hidden_exponential().statement.rhs), count
