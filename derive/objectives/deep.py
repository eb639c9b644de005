r"""The objective of a deep network: the input sphere, hidden layers and the counting output, composed.

Everything is in energy form.  Layer 0 is the input; hidden layer i = 1..l-1 carries overlaps :math:`p^{(i)}`
of its output, conjugate overlaps :math:`q^{(i)}`, curvature :math:`\mu^{(i)}` and susceptibility
:math:`\chi^{(i)}`; the lifting parameters :math:`y_k` are common to all layers.  The capacity is the width
:math:`\alpha_l` at which the objective, stationary in everything else, equals minus the budget.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sympy import Add, Derivative, Dict, Eq, Expr, Function, Integer, Symbol, diff, log, sqrt

from ..blocks.definitions import envelope
from ..blocks.hidden_averages import merged_steps, p_w, q_h, rate, scaled_average
from ..blocks.hidden_maximum import SOURCE, chi, inner_maximum, mu
from ..blocks.innermost import innermost
from ..core.formulas import Derivation, Formula, Status
from ..core.gaussian import Expectation
from ..core.insertion import insert
from ..core.steps import Definition, Identity, PiecewiseMean, Step, Substitution, Theorem
from ..core.symbols import chi as symbol_chi
from ..networks.gates import relu
from ..networks.network import NetworkError
from .closed_form import ChainRule
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

    def _slope_derivation(self, symbol: Symbol, slope: Expr) -> Derivation:
        """From the closed form of the objective to its slope in a parameter, term by term."""
        P = Function("P")(symbol)
        terms = [term for term in self.scaled_terms if any(term.weights(symbol).values())]
        parts = [Function(f"T_{i}")(symbol) for i in range(1, len(terms) + 1)]
        rest = Add(*(term.value for term in self.scaled_terms if term not in terms))
        steps: list[Step] = []
        for term, part in zip(terms, parts, strict=True):
            name = str(part.func)
            monomials = ", ".join(map(str, (s for s, _ in term.reduced)))
            steps += [
                Definition(f"The {term.name} term.", Eq(part, term.value, evaluate=False), name=name),
                ChainRule(
                    f"Its slope, by the chain rule through the exponents of {symbol}"
                    + (f" in {monomials} and the prefactor." if monomials else "."),
                    *(term.prefactor * (term.width or 1), term.function, Dict(dict(term.reduced)), symbol),
                    term.slope(symbol),
                    name=f"rule of {name}",
                ),
                Identity(
                    "That of the term.",
                    Derivative(part, symbol),
                    term.slope(symbol),
                    using=(name, f"rule of {name}"),
                    name=f"slope of {name}",
                ),
            ]
        whole = Function("P")(symbol)
        steps += [
            Definition("The objective, and what does not change.", Eq(P, Add(rest, *parts), evaluate=False), name="P"),
            Identity("That is its closed form.", P, self.closed_form, using=("P", *(str(part.func) for part in parts))),
            Definition(
                f"It is stationary in {symbol}.", Eq(Derivative(whole, symbol), 0, evaluate=False), name="stationary"
            ),
            Identity(
                "Add the slopes.",
                Derivative(P, symbol),
                slope,
                using=("P", *(f"slope of {part.func}" for part in parts)),
                name="slope of P",
            ),
            Substitution("So this vanishes.", Dict(), Integer(0), using=("~slope of P", "stationary")),
        ]
        return Derivation(tuple(steps))

    def stationarity_formulas(self) -> tuple[Formula, ...]:
        """Each derivative as a formula, in the order of the parameters."""
        closed, objective = self.level.closed, self.formula()
        return tuple(
            replace(
                objective,
                id=f"stationarity.{self.level}.depth{self.network.depth}.{symbol}",
                title=f"Stationarity in {symbol}, level {self.level}, depth {self.network.depth}",
                statement=Eq(slope, 0, evaluate=False),
                derivation=self._slope_derivation(symbol, slope) if closed else Derivation(()),
            )
            for symbol, slope in self.stationarity().items()
        )

    def formula(self, form: str = "energy") -> Formula:
        """The composed objective as a formula object."""
        if form != "energy":
            self.psi_terms  # noqa: B018  raises: there is no psi form
        return Formula.concluding(
            f"objective.energy.{self.level}.{self.network.gate}.depth{self.network.depth}",
            f"Level-{self.level} objective, energy form, depth {self.network.depth}",
            Derivation(self.composed_steps()),
            status=Status.LIFTED if self.level.closed else Status.FULLY_LIFTED,
            source=SOURCE,
            assumptions=("stationary in every parameter; widths given",),
        )

    @property
    def name(self) -> Symbol:
        """What the objective of the level is called."""
        return Symbol(f"P_{self.level}")

    def composed_steps(self) -> tuple[Step, ...]:
        """The blocks, and ``P composed``, the objective as they make it."""
        steps: list[Step] = list(inner_maximum().chain("v"))
        blocks, names = [], []
        for name, term in self.energy_terms.items():
            kind, _, layer = name.partition(" ")
            weight = self._weight(name)
            symbol = Symbol(
                {"sphere": "S", "hidden": "T", "coupling": "C", "count": "T_M"}[kind] + (f"^({layer})" if layer else "")
            )
            text = {
                "sphere": "The sphere of the input, integrated.",
                "hidden": f"The tower of the gains of the units of layer {layer} over both fields.",
                "coupling": f"The overlaps of the outputs of layer {layer} and those dual to them.",
                "count": "The tower of the count.",
            }[kind]
            relation = Eq(symbol, term / weight, evaluate=False)
            if kind == "sphere":
                source = "the energy form of one layer, derived as energy_map at this level"
                steps.append(Theorem(text, relation, source, name=name))
            else:
                steps.append(Definition(text, relation, name=name))
            blocks.append(weight * symbol)
            names.append(name)
        steps += [
            Definition(
                "The objective is the sum of its blocks.", Eq(self.name, Add(*blocks), evaluate=False), name="P"
            ),
            Substitution("Insert the blocks.", Dict(), self.energy, using=("P", *names), name="P composed"),
        ]
        return tuple(steps)

    def _weight(self, name: str) -> Expr:
        """The width before a term."""
        kind, _, layer = name.partition(" ")
        if kind == "count":
            return self.widths[-1]
        return self.width(int(layer)) if kind == "hidden" else Integer(1)

    def closed_steps(self) -> tuple[Step, ...]:
        """From the composed objective to ``P closed``, its closed form at the plain and the partial level."""
        partial = self.level.partial
        kind = "exponential" if partial else "mean"
        steps: list[Step] = list(merged_steps(scaled_average(kind), Derivation(self.composed_steps())))
        used = []
        y = self.family(0).y(2) if partial else Integer(1)
        for i, layer in enumerate(self.layers, start=1):
            own = {p_w: layer.before.p(1), q_h: layer.own.q(1), chi: layer.susceptibility, mu: layer.own.mu, rate: y}
            closed = insert(scaled_average(kind).conclusion.rhs, own)  # type: ignore[attr-defined]
            average = insert(scaled_average(kind).conclusion.lhs, own)  # type: ignore[attr-defined]
            hidden = Add(*(t.value for t in self.scaled_terms if t.name == f"hidden {i}"))
            nested, value = layer.term() * y, hidden / self.width(i) * y
            steps += [
                Substitution(
                    f"The average of layer {i}.", Dict(own), closed, using=(f"{kind} scaled",), name=f"average {i}"
                ),
                Identity(
                    "It is the innermost of the tower, which ends here.",
                    nested,
                    log(average) if partial else average,
                    name=f"tower {i}",
                ),
                Substitution(
                    f"The term of layer {i}.", Dict(), value, using=(f"tower {i}", f"average {i}"), name=f"closed {i}"
                ),
            ]
            used.append(f"closed {i}")
        count = self.energy_terms["count"] / self.widths[-1] * y
        value = self.scaled_terms[-1].value / self.widths[-1] * y
        p, last = self.family(self.network.depth - 1).p(1), self.susceptibility(self.network.depth - 1)  # type: ignore[operator]
        gate, u = self.network.gate, Symbol("u", real=True)
        if partial:
            inner = innermost(gate)
            at = {inner.x: Integer(0), inner.D: p, inner.chi: last, inner.y: y}
            W, mean = insert(inner.W, at), insert(inner.formula.statement.lhs, at)  # type: ignore[attr-defined]
            steps += [
                *inner.formula.derivation.steps,
                Substitution("The innermost mean of the count.", Dict(at), W, using=("innermost",), name="counted"),
                Identity("The tower of the count ends here.", count, log(mean), name="count tower"),
            ]
            using = ("count tower", "counted")
        else:
            name = Dict({symbol_chi: last})
            unfolded = envelope(gate).derivation.steps
            moved = unfolded[-1].right.subs(dict(name))  # type: ignore[attr-defined]
            mean = Expectation(gate.envelope(sqrt(p) * u, last), u)
            steps += [
                *unfolded,
                Substitution("The envelope of the last layer.", name, moved, using=("unfolded",), name="envelope"),
                PiecewiseMean(
                    "Integrate its pieces.", mean, Integer(0), p, -value, using=("envelope",), name="counted"
                ),
                Identity("The count is minus its mean.", count, -mean, name="count tower"),
            ]
            using = ("count tower", "counted")
        steps += [
            Substitution("The count.", Dict(), value, using=using, name="closed count"),
            Substitution(
                "Every average in closed form.",
                Dict(),
                self.closed_form,
                using=("P composed", *used, "closed count"),
                name="P closed",
            ),
        ]
        return tuple(dict.fromkeys(steps))
