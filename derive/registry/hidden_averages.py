"""Averages of a hidden layer at the plain and the partial level: closed forms, their scaling, domain and limits."""

from __future__ import annotations

from functools import partial

from sympy import Eq, Expr, Integer, Limit, Max, Symbol, exp, limit, oo, sqrt, symbols

from ..blocks.hidden_averages import (
    CONDITION,
    eta,
    hidden_exponential,
    hidden_mean,
    homogeneity_step,
    kappa,
    largest_lifting,
    lifting_bound,
    reduced_parameters,
    tau,
)
from ..blocks.hidden_maximum import SOURCE, HiddenValue, chi, h, mu, w
from ..core.domains import Below
from ..core.formulas import Step, identically_zero
from ..core.gaussian import Expectation
from .entries import Entry, make_entry, stated

POLAR = "polar quadrature over both fields, the inner maximum by search"
LIMIT = "value at an extreme point"
ADMISSIBLE = {"eta": Below((largest_lifting().statement.rhs,))}
p, q, y = symbols("p q y", positive=True)


def entries() -> list[Entry]:
    """Mean and exponential average, in reduced and in the layer's own parameters, and their limits."""
    return [
        make_entry(hidden_mean(), POLAR, most=4),
        make_entry(hidden_exponential(), POLAR, most=4, ranges=ADMISSIBLE),
        make_entry(largest_lifting(), "largest value on the unit circle, found by search"),
        _scaled("mean", Integer(1)),
        _scaled("exponential", y),
        _first_order(),
        _stiff("mean"),
        _stiff("exponential"),
    ]


def _scaled(name: str, rate: Expr) -> Entry:
    """The average of a layer whose fields have the variances p and q."""
    value = HiddenValue(sqrt(p) * w, sqrt(q) * h, chi, mu)
    reduced = reduced_parameters(p, q, chi, mu)
    if name == "mean":
        left, closed = value, sqrt(p * q) * hidden_mean().statement.rhs
    else:
        left, closed = exp(y * value), hidden_exponential().statement.rhs
    statement = Eq(
        Expectation(Expectation(left, h), w),
        closed.subs(reduced | {eta: rate * sqrt(p * q)}, simultaneous=True),
        evaluate=False,
    )
    formula = stated(
        f"hidden.{name}.scaled",
        f"{'Plain' if name == 'mean' else 'Partially lifted'} term of a hidden layer, fields of variances p and q",
        statement,
        derivation=homogeneity_step(),
        source=SOURCE,
        assumptions=() if name == "mean" else (CONDITION,),
    )
    bound = {"y": Below((lifting_bound(p, q, chi, mu),))}
    return make_entry(formula, POLAR, most=3, ranges=None if name == "mean" else bound)


def _first_order() -> Entry:
    """The exponential average as eta -> 0."""
    mean = hidden_mean().statement.rhs
    statement = Eq(Limit((hidden_exponential().statement.rhs - 1) / eta, eta, 0), mean, evaluate=False)
    average = Expectation(Expectation(HiddenValue(w, h, 1 / tau, kappa), h), w)
    formula = stated(
        "hidden.exponential.first_order",
        "The partially lifted term of a hidden layer without lifting",
        statement,
        derivation=Step(
            "E exp(eta v) = 1 + eta E v + O(eta^2).",
            Eq(Symbol("m"), average, evaluate=False),
            lambda: identically_zero(limit((exp(eta * Symbol("v")) - 1) / eta, eta, 0) - Symbol("v")),
        ),
        source=SOURCE,
    )
    return make_entry(formula, LIMIT + " of the closed form")


def _stiff(name: str) -> Entry:
    """Infinite curvature: no unit is active, and w > 0 costs its square."""
    idle = -tau * Max(w, 0) ** 2 / 2
    closed = (hidden_mean() if name == "mean" else hidden_exponential()).statement.rhs
    average = Expectation(idle if name == "mean" else exp(eta * idle), w)
    formula = stated(
        f"hidden.{name}.stiff",
        f"{'Plain' if name == 'mean' else 'Partially lifted'} term of a hidden layer as kappa -> oo",
        Eq(Limit(closed, kappa, oo), average, evaluate=False),
        derivation=Step(
            "The value of an active unit falls to the idle one.",
            Eq(Limit(HiddenValue(w, h, 1 / tau, kappa), kappa, oo), idle, evaluate=False),
            partial(_falls_idle, tau),
        ),
        source=SOURCE,
    )
    return make_entry(formula, LIMIT + " against quadrature", ranges={"eta": (Integer(1) / 1000, Integer(4))})


def _falls_idle(tau: Symbol) -> bool | None:
    """For w of either sign, the active form tends to minus tau w^2/2 at any h."""
    from ..blocks.hidden_maximum import inner_maximum

    value = inner_maximum().form(1, True).value.subs({chi: 1 / tau, mu: kappa}, simultaneous=True)
    return identically_zero(limit(value, kappa, oo) + tau * w**2 / 2)
