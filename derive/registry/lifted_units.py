"""A hidden layer at the full levels: the innermost averages over one field and over both."""

from __future__ import annotations

from sympy import Eq, Expr, Integer, Integral, Rational, exp, oo, sqrt, symbols

from ..blocks.hidden_averages import eta, hidden_exponential, lifting_bound, reduced_parameters
from ..blocks.hidden_lifted import CONDITION, a, field, increment, lifted_hidden, mean, variance, y
from ..blocks.hidden_maximum import SOURCE, HiddenValue, chi, h, mu, w
from ..core.domains import Below
from ..core.gaussian import Expectation
from .entries import Entry, make_entry, stated

p_1, q_1 = symbols("p_1 q_1", positive=True)
LINE = "numerical quadrature, the inner maximum by search"
RANGES = {
    "a": (Rational(1, 1000), Integer(4)),
    "m": (Integer(-2), Integer(2)),
    "V": (Rational(1, 50), Integer(2)),
}


def entries() -> list[Entry]:
    """Averages over h at w of either sign, over both fields, and without outer overlaps."""
    conditions = RANGES | {"y": Below(((1 / chi + mu) / variance,))}
    found = [make_entry(lifted_hidden().formulas[s], LINE, most=5, ranges=conditions) for s in (-1, 1)]
    return [*found, _plane(), _partial()]


def _halves() -> Expr:
    """The average over both fields: what is left is an integral over the size of w."""
    lifted = lifted_hidden()
    halves = (lifted.transform[s].doit() * lifted.kernel[s] for s in (1, -1))
    return Integral(sum(halves, Integer(0)), (a, 0, oo))


def _plane() -> Entry:
    fields = (field + sqrt(increment) * w, mean + sqrt(variance) * h)
    average = Expectation(Expectation(exp(y * HiddenValue(*fields, chi, mu)), h), w)
    bound = Below((lifting_bound(increment, variance, chi, mu),), Rational(1, 20), Rational(1, 2))
    inner, means = (Rational(1, 4), Rational(3, 4)), (Integer(-1), Integer(1))
    return make_entry(
        stated(
            "hidden.lifted.plane",
            "Full levels: average over both fields of a hidden layer",
            Eq(average, _halves(), evaluate=False),
            derivation=lifted_hidden().formula.derivation,
            source=SOURCE + "; the full levels of deep networks are derived here",
            assumptions=(CONDITION, "D > 0", "V > 0"),
        ),
        "nested numerical quadrature, the inner maximum by search",
        most=2,
        ranges={"D": inner, "V": inner, "x": means, "m": means, "chi": (Rational(1, 4), Integer(2)), "y": bound},
    )


def _partial() -> Entry:
    """Centred fields, p_2 = q_2 = 0: two ways of integrating over the same two fields."""
    reduced = reduced_parameters(p_1, q_1, chi, mu) | {eta: y * sqrt(p_1 * q_1)}
    return make_entry(
        stated(
            "reduction.hidden.2p",
            "The innermost average of level 2 is that of level 2p at p_2 = q_2 = 0",
            Eq(
                _halves().subs({field: 0, mean: 0, increment: p_1, variance: q_1}, simultaneous=True),
                hidden_exponential().statement.rhs.subs(reduced, simultaneous=True),
                evaluate=False,
            ),
            derivation=lifted_hidden().formula.derivation,
            source=SOURCE,
            assumptions=(CONDITION,),
        ),
        "numerical quadrature over w against the angular closed form",
        most=4,
        ranges={"y": Below((lifting_bound(p_1, q_1, chi, mu),))},
    )
