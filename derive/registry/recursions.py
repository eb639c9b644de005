"""The plain level as a recursion: its moments, and that the deep objective is stationary where the recursion says."""

from __future__ import annotations

from functools import lru_cache

from sympy import Add, Derivative, Dict, Eq, Expr, Function, Integer, Mul, Symbol, diff, sqrt
from sympy.core.relational import Relational

from ..blocks.hidden_averages import hidden_mean, kappa, merged_steps, tau
from ..blocks.hidden_maximum import SOURCE
from ..conditions.layer_recursion import (
    MOMENTS,
    averaged,
    lagrangian_steps,
    layer_recursion,
    moment_derivation,
    output_closure,
    width,
)
from ..core.formulas import Derivation, Formula
from ..core.steps import Definition, Identity, Step, Substitution, leading_to, rewritten
from ..core.symbols import Level
from ..networks.network import relu_network
from ..objectives.closed_form import ChainRule, ScaledTerm, reach
from ..objectives.deep import DeepObjective
from .entries import Comparison, Entry, make_entry

FORM, CLOSURE = layer_recursion(), output_closure()
POLAR = "polar quadrature over both fields, the output found by search"
TITLES = {"gain": "Gain of a unit", "square": "Squared output of a unit", "cost": "Cost of a unit"}
DEPTH = 3
FUNCTIONS = {name: Function(letter)(kappa, tau) for name, letter in (("gain", "G"), ("square", "S"), ("cost", "C"))}
"""The moments of a layer as functions of its multipliers, for the chain rule."""


def entries() -> list[Entry]:
    """Moments of a layer, envelope theorem, output layer, and the slopes of the deep objective."""
    found = [_layer()]
    found += [_entry(name, TITLES[name], moment_derivation(name), POLAR, most=3) for name in MOMENTS]
    found += [_lagrangian(), *(_envelope(symbol) for symbol in (kappa, tau))]
    for name, title in (
        ("count", "Share of active outputs behind a threshold"),
        ("cost", "Cost of silencing outputs up to a threshold"),
    ):
        derivation = Derivation(leading_to(CLOSURE.steps, name))
        found.append(_entry(f"output.{name}", title, derivation, "numerical quadrature"))
    return [*found, *_functional()]


def _entry(name, title, derivation, how, route=None, *, most=None) -> Entry:
    formula = Formula.concluding(
        f"recursion.{name}", title, derivation, source=FORM.formula.source, assumptions=FORM.formula.assumptions
    )
    return make_entry(formula, how, *(() if route is None else (route,)), most=most)


def _layer() -> Entry:
    """a_{i+1} from the moments, which are integrated numerically."""

    def route(statement: Relational) -> list[Comparison]:
        return [Comparison(sqrt(width) * averaged("gain") / sqrt(averaged("square")), statement.rhs)]

    return make_entry(FORM.formula, POLAR, route, most=2)


def _priced(gain: Expr, square: Expr, cost: Expr) -> Expr:
    """The Lagrangian: the gain less the prices of square and cost."""
    return gain - kappa * square / 2 - tau * cost / 2


def by_recursion() -> Expr:
    """The plain term of a hidden layer, put together from the moments of the recursion."""
    return _priced(FORM.gain, FORM.square, FORM.cost)


def _lagrangian() -> Entry:
    steps = merged_steps(Derivation(lagrangian_steps()), *map(moment_derivation, MOMENTS))
    last = Substitution("Insert the moments.", Dict(), by_recursion(), using=("lagrangian", *MOMENTS), name="priced")

    def route(statement: Relational) -> list[Comparison]:
        return [Comparison(hidden_mean().statement.rhs, statement.rhs)]

    return _entry(
        "lagrangian",
        "The plain term of a hidden layer is the Lagrangian of the recursion",
        Derivation((*steps, last)),
        "the wedge integrals over slopes of the value, a derivation of its own",
        route,
    )


def _change(gain: Expr, square: Expr, cost: Expr, symbol: Symbol) -> Relational:
    """How a gain changes with square and cost along a multiplier."""
    change = kappa * Derivative(square, symbol) / 2 + tau * Derivative(cost, symbol) / 2
    return Eq(Derivative(gain, symbol), change, evaluate=False)


def _envelope(symbol: Symbol) -> Entry:
    """Gain, square and cost change together: the gain is stationary where kappa and tau are the multipliers."""
    statement = _change(FORM.gain, FORM.square, FORM.cost, symbol)
    step = Identity("Differentiate the closed forms.", *statement.args)
    return _entry(
        f"envelope.{symbol}",
        f"The gain of a layer along {symbol}, at the price of its square and its cost",
        Derivation((step,)),
        "difference quotients of the moments",
        most=10,
    )


def _functional() -> list[Entry]:
    """Slopes of the plain deep objective in every parameter, from the moments of the recursion by the chain rule."""
    objective = DeepObjective(relu_network(depth=DEPTH), Level(1))
    found = []
    for symbol in objective.parameters():
        derivation = _slope(objective, symbol)
        formula = Formula.concluding(
            f"recursion.functional.depth{DEPTH}.{symbol}",
            f"Slope of the plain objective in {symbol} by the recursion, depth {DEPTH}",
            derivation,
            source=SOURCE,
        )
        found.append(make_entry(formula, "difference quotient of the closed form of the objective", most=6))
    return found


@lru_cache(maxsize=1)
def _common() -> tuple[Step, ...]:
    """The moments as functions, the envelope theorem for them, and the plain term in them."""
    names = tuple(FUNCTIONS)
    steps: list[Step] = [
        Definition(f"The {name} of a layer.", Eq(f, getattr(FORM, name), evaluate=False), name=name)
        for name, f in FUNCTIONS.items()
    ]
    steps += [
        Identity(
            f"Gain, square and cost change together along {symbol}.",
            *_change(FUNCTIONS["gain"], FUNCTIONS["square"], FUNCTIONS["cost"], symbol).args,
            using=names,
            name=f"along {symbol}",
        )
        for symbol in (kappa, tau)
    ]
    plain = hidden_mean().statement.rhs  # type: ignore[attr-defined]
    text = "The plain term of a hidden layer is the gain less the prices of square and cost."
    return (*steps, Identity(text, plain, _priced(*FUNCTIONS.values()), using=names, name="priced"))


def _slope(objective: DeepObjective, symbol: Symbol) -> Derivation:
    """Term by term, with the moments as functions until the end."""
    steps: list[Step] = list(_common())
    P = Function("P")(symbol)
    parts: list[Expr] = []
    slopes: list[Expr] = []
    rest, rows, forms = Integer(0), [], []
    for term in objective.scaled_terms:
        hidden = term.name.startswith("hidden")
        if hidden:
            at = Dict(dict(term.reduced))
            name = f"priced, {term.name}"
            value = _priced(*FUNCTIONS.values()).xreplace(dict(at))
            steps.append(Substitution(f"At the multipliers of {term.name}.", at, value, using=("priced",), name=name))
            forms.append(name)
        function = _priced(*FUNCTIONS.values()) if hidden else term.function
        if not any(term.weights(symbol).values()):
            rest += term.with_function(function)
            continue
        part = Function(f"T_{len(parts) + 1}")(symbol)
        name, slope = str(part.func), _recursive_slope(term, symbol)
        rows += [
            Definition(f"The {term.name} term.", Eq(part, term.with_function(function), evaluate=False), name=name),
            ChainRule(
                f"Its slope in {symbol}, by the chain rule.",
                *(term.prefactor * (term.width or 1), function, Dict(dict(term.reduced)), symbol, slope),
                using=tuple(f"along {s}" for s in (kappa, tau)) if hidden else (),
                name=f"rule of {name}",
            ),
            Identity(
                "That of the term.",
                Derivative(part, symbol),
                slope,
                using=(name, f"rule of {name}"),
                name=f"slope of {name}",
            ),
        ]
        parts.append(part)
        slopes.append(slope)
    names = [str(part.func) for part in parts]
    total = Add(*slopes)
    steps += [
        *rows,
        Definition("The objective.", Eq(P, Add(rest, *parts), evaluate=False), name="P"),
        Identity("That is its closed form.", objective.closed_form, P, using=(*forms, "P", *names), name="closed"),
        Identity(
            "Add the slopes.",
            Derivative(P, symbol),
            total,
            using=("P", *(f"slope of {name}" for name in names)),
            name="slope of P",
        ),
        Identity(
            "In closed form.",
            Derivative(objective.closed_form, symbol),
            rewritten(total, tuple(Eq(f, getattr(FORM, name), evaluate=False) for name, f in FUNCTIONS.items())),
            using=("closed", "slope of P", *FUNCTIONS),
        ),
    ]
    return Derivation(tuple(steps))


def _recursive_slope(term: ScaledTerm, symbol: Symbol) -> Expr:
    """d/ds of width * prefactor * f(reduced), with the moments of the recursion for f and its slopes."""
    value = _priced(*FUNCTIONS.values())
    slopes = {kappa: -FUNCTIONS["square"] / 2, tau: -FUNCTIONS["cost"] / 2}
    if term.name == "count":
        k = CLOSURE.k
        value = (-CLOSURE.second / k**2 - CLOSURE.tail).subs(k, reach)
        # the bounds of the integral do not contribute, because the cost is continuous
        slopes = {reach: (2 * CLOSURE.second / k**3).subs(k, reach)}
    elif not term.name.startswith("hidden"):
        return diff(term.value, symbol)
    at = dict(term.reduced)
    chain = sum((slopes[s] * diff(form, symbol) for s, form in term.reduced), Integer(0))
    change = diff(term.prefactor, symbol) * value + term.prefactor * chain
    return Mul(term.width, change.xreplace(at))
