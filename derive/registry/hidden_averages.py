"""Averages of a hidden layer at the plain and the partial level: closed forms, their scaling, domain and limits."""

from __future__ import annotations

from sympy import Dict, Eq, Expr, Function, Integer, Limit, Max, exp, limit, oo

from ..blocks.hidden_averages import (
    CONDITION,
    eta,
    hidden_exponential,
    hidden_mean,
    kappa,
    largest_lifting,
    lifting_bound,
    merged_steps,
    p_w,
    q_h,
    scaled_average,
    tau,
)
from ..blocks.hidden_maximum import SOURCE, HiddenValue, chi, h, inner_maximum, mu, w
from ..core.domains import Below
from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation
from ..core.insertion import insert
from ..core.steps import Approach, Definition, Identity, Substitution, Theorem
from .entries import Entry, make_entry

POLAR = "polar quadrature over both fields, the inner maximum by search"
LIMIT = "value at an extreme point"
ADMISSIBLE = {"eta": Below((largest_lifting().statement.rhs,))}
NAMES = {"mean": "Plain", "exponential": "Partially lifted"}
UNIT = HiddenValue(w, h, 1 / tau, kappa)


def entries() -> list[Entry]:
    """Mean and exponential average, in reduced and in the layer's own parameters, and their limits."""
    return [
        make_entry(hidden_mean(), POLAR, most=4),
        make_entry(hidden_exponential(), POLAR, most=4, ranges=ADMISSIBLE),
        make_entry(largest_lifting(), "largest value on the unit circle, found by search"),
        _scaled("mean"),
        _scaled("exponential"),
        _first_order(),
        _stiff("mean"),
        _stiff("exponential"),
    ]


def _scaled(name: str) -> Entry:
    """The average of a layer whose fields have the variances p and q."""
    chain = scaled_average(name)
    formula = Formula.concluding(
        f"hidden.{name}.scaled",
        f"{NAMES[name]} term of a hidden layer, fields of variances p and q",
        chain,
        source=SOURCE,
        assumptions=() if name == "mean" else (CONDITION,),
    )
    bound = {"y": Below((lifting_bound(p_w, q_h, chi, mu),))}
    return make_entry(formula, POLAR, most=3, ranges=None if name == "mean" else bound)


def _averaged(name: str) -> tuple[Formula, Expr]:
    """The closed form of an average of v, and the average."""
    formula = hidden_mean() if name == "mean" else hidden_exponential()
    return formula, formula.statement.lhs  # type: ignore[attr-defined]


def _first_order() -> Entry:
    """The exponential average as eta -> 0."""
    (mean, average), (lifted, exponential) = _averaged("mean"), _averaged("exponential")
    M = Function("M")(eta)
    closed = Limit((lifted.statement.rhs - 1) / eta, eta, 0)  # type: ignore[attr-defined]
    change = Limit((M - 1) / eta, eta, 0)
    chain = Derivation(
        (
            *merged_steps(mean.derivation, lifted.derivation),
            Definition("The exponential moment.", Eq(M, exponential, evaluate=False), name="M"),
            Theorem(
                "Its slope at eta = 0 is the mean, as v is bounded by a multiple of the squared fields.",
                Eq(change, average, evaluate=False),
                "dominated convergence",
                name="slope",
            ),
            Identity("In closed form.", change, closed, using=("M", "exponential"), name="limit"),
            Substitution("So the two closed forms fit.", Dict(), mean.statement.rhs, using=("~limit", "slope", "mean")),  # type: ignore[attr-defined]
        )
    )
    formula = Formula.concluding(
        "hidden.exponential.first_order",
        "The partially lifted term of a hidden layer without lifting",
        chain,
        source=SOURCE,
    )
    return make_entry(formula, LIMIT + " of the closed form")


def _stiff(name: str) -> Entry:
    """Infinite curvature: no unit is active, and w > 0 costs its square."""
    closed, average = _averaged(name)
    M, f = Function("M")(kappa), (lambda e: exp(eta * e)) if name == "exponential" else (lambda e: e)
    value = next(s.result for s in inner_maximum().steps if s.name == "v closed")  # type: ignore[attr-defined]
    at = insert(value, {chi: 1 / tau, mu: kappa})
    active, idle = sorted(at.args, key=lambda e: kappa not in e.free_symbols)
    fallen, rest = limit(active, kappa, oo), -tau * Max(w, 0) ** 2 / 2
    whole = Limit(M, kappa, oo)
    explicit = Limit(closed.statement.rhs, kappa, oo)  # type: ignore[attr-defined]
    worst = Expectation(f(Max(Limit(active, kappa, oo), idle)), w)
    chain = Derivation(
        (
            *closed.derivation.steps,
            Definition("The average as a function of the curvature.", Eq(M, average, evaluate=False), name="M"),
            Substitution(
                "The value of a unit, in reduced parameters.",
                Dict({chi: 1 / tau, mu: kappa}),
                Max(active, idle),
                using=("v closed",),
                name="v reduced",
            ),
            Approach("An active unit only pays.", active, kappa, oo, fallen, name="fallen"),
            Theorem(
                "The average of the limit is the limit of the averages: v falls.",
                Eq(whole, worst, evaluate=False),
                "monotone convergence",
                using=("v reduced",),
                name="fall",
            ),
            Identity("So no unit is active.", Max(fallen, idle), rest, name="idle value"),
            Identity("In closed form.", whole, explicit, using=("M", name), name="limit"),
            Substitution(
                "The average of the idle value.",
                Dict(),
                Expectation(f(rest), w),
                using=("~limit", "fall", "fallen", "idle value"),
            ),
        )
    )
    formula = Formula.concluding(
        f"hidden.{name}.stiff", f"{NAMES[name]} term of a hidden layer as kappa -> oo", chain, source=SOURCE
    )
    return make_entry(formula, LIMIT + " against quadrature", ranges={"eta": (Integer(1) / 1000, Integer(4))})
