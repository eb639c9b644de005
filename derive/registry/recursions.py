"""The plain level as a recursion: its moments, and that the deep objective is stationary where the recursion says."""

from __future__ import annotations

from sympy import Derivative, Eq, Expr, Heaviside, Integer, Max, Mul, Symbol, diff, sqrt
from sympy.core.relational import Relational

from ..blocks.hidden_averages import hidden_mean, kappa, tau
from ..blocks.hidden_maximum import SOURCE, HiddenActivation, h, w
from ..conditions.layer_recursion import layer_recursion, output_closure
from ..core.formulas import Derivation, Step, identically_zero
from ..core.gaussian import Expectation
from ..core.symbols import Level
from ..networks.network import relu_network
from ..objectives.closed_form import ScaledTerm, reach
from ..objectives.deep import DeepObjective
from .entries import Comparison, Entry, make_entry, stated

FORM, CLOSURE = layer_recursion(), output_closure()
ACTIVATION = HiddenActivation(w, h, 1 / tau, kappa)
OUTPUT = Max(ACTIVATION, 0)
POLAR = "polar quadrature over both fields, the output found by search"
DEPTH = 3
width, u = Symbol("alpha", positive=True), Symbol("u", real=True)


def entries() -> list[Entry]:
    """Moments of a layer, envelope theorem, output layer, and the slopes of the deep objective."""
    found = [_layer()]
    for name, title, integrand, value in (
        ("gain", "Gain of a unit", h * OUTPUT, FORM.gain),
        ("square", "Squared output of a unit", OUTPUT**2, FORM.square),
        ("cost", "Cost of a unit", (w - ACTIVATION) ** 2, FORM.cost),
    ):
        found.append(_entry(name, title, Eq(_mean(integrand), value, evaluate=False), POLAR, most=3))
    found += [_lagrangian(), *(_envelope(symbol) for symbol in (kappa, tau))]
    k = CLOSURE.k
    for name, title, integrand, value in (
        ("output.count", "Share of active outputs behind a threshold", Heaviside(u - k), CLOSURE.tail),
        (
            "output.cost",
            "Cost of silencing outputs up to a threshold",
            Max(u, 0) ** 2 * Heaviside(k - u),
            CLOSURE.second,
        ),
    ):
        step = Step(
            "Gaussian integral over the piece.",
            value,
            lambda: identically_zero(diff(CLOSURE.tail + CLOSURE.tail.subs(k, -k), k)),
        )
        statement = Eq(Expectation(integrand, u), value, evaluate=False)
        found.append(_entry(name, title, statement, "numerical quadrature", derivation=step))
    return [*found, *_functional()]


def _mean(integrand: Expr) -> Expr:
    return Expectation(Expectation(integrand, h), w)


def _entry(name, title, statement, how, route=None, *, most=None, derivation=None, ranges=None) -> Entry:
    formula = stated(
        f"recursion.{name}",
        title,
        statement,
        derivation=FORM.formula.derivation if derivation is None else derivation,
        source=FORM.formula.source,
        assumptions=FORM.formula.assumptions,
    )
    if route is None:
        return make_entry(formula, how, most=most, ranges=ranges)
    return make_entry(formula, how, route, most=most, ranges=ranges)


def _layer() -> Entry:
    """a_{i+1} from the moments, which are integrated numerically."""

    def route(statement: Relational) -> list[Comparison]:
        ratio = sqrt(width) * _mean(h * OUTPUT) / sqrt(_mean(OUTPUT**2))
        return [Comparison(ratio, statement.rhs)]

    return make_entry(FORM.formula, POLAR, route, most=2)


def by_recursion() -> Expr:
    """The plain term of a hidden layer, put together from the moments of the recursion."""
    return FORM.gain - kappa * FORM.square / 2 - tau * FORM.cost / 2


def _lagrangian() -> Entry:
    statement = Eq(hidden_mean().statement.lhs, by_recursion(), evaluate=False)

    def route(statement: Relational) -> list[Comparison]:
        return [Comparison(hidden_mean().statement.rhs, statement.rhs)]

    return _entry(
        "lagrangian",
        "The plain term of a hidden layer is the Lagrangian of the recursion",
        statement,
        "the wedge integrals over slopes, a derivation of its own",
        route,
    )


def _envelope(symbol: Symbol) -> Entry:
    """Gain, square and cost change together: the gain is stationary where kappa and tau are the multipliers."""
    change = kappa * Derivative(FORM.square, symbol) / 2 + tau * Derivative(FORM.cost, symbol) / 2
    return _entry(
        f"envelope.{symbol}",
        f"The gain of a layer along {symbol}, at the price of its square and its cost",
        Eq(Derivative(FORM.gain, symbol), change, evaluate=False),
        "difference quotients of the moments",
        most=10,
    )


def _functional() -> list[Entry]:
    """Slopes of the plain deep objective in every parameter, from the moments of the recursion by the chain rule."""
    objective = DeepObjective(relu_network(depth=DEPTH), Level(1))
    found = []
    for symbol in objective.parameters():
        statement = Eq(
            Derivative(objective.closed_form, symbol),
            sum((_recursive_slope(term, symbol) for term in objective.scaled_terms), Integer(0)),
            evaluate=False,
        )
        formula = stated(
            f"recursion.functional.depth{DEPTH}.{symbol}",
            f"Slope of the plain objective in {symbol} by the recursion, depth {DEPTH}",
            statement,
            derivation=Derivation(FORM.formula.derivation.steps, ("envelope theorem",)),
            source=SOURCE,
        )
        found.append(make_entry(formula, "difference quotient of the closed form of the objective", most=6))
    return found


def _recursive_slope(term: ScaledTerm, symbol: Symbol) -> Expr:
    """d/ds of width * prefactor * f(reduced), with the moments of the recursion for f and its slopes."""
    value = by_recursion()
    slopes = {kappa: -FORM.square / 2, tau: -FORM.cost / 2}
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
