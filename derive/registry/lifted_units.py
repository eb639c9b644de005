"""A hidden layer at the full levels: the innermost averages over one field and over both."""

from __future__ import annotations

from sympy import Dict, Integer, Rational

from ..blocks.hidden_averages import lifting_bound, merged_steps, p_w, q_h, scaled_average
from ..blocks.hidden_lifted import CONDITION, field, increment, lifted_hidden, mean, variance
from ..blocks.hidden_maximum import SOURCE, chi, mu
from ..core.domains import Below
from ..core.formulas import Derivation, Formula
from ..core.insertion import insert
from ..core.steps import Substitution
from .entries import Entry, make_entry

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


def _plane() -> Entry:
    chain = lifted_hidden().plane
    bound = Below((lifting_bound(increment, variance, chi, mu),), Rational(1, 20), Rational(1, 2))
    inner, means = (Rational(1, 4), Rational(3, 4)), (Integer(-1), Integer(1))
    return make_entry(
        Formula.concluding(
            "hidden.lifted.plane",
            "Full levels: average over both fields of a hidden layer",
            chain,
            source=SOURCE + "; the full levels of deep networks are derived here",
            assumptions=(CONDITION, "D > 0", "V > 0"),
        ),
        "nested numerical quadrature, the inner maximum by search",
        most=2,
        ranges={"D": inner, "V": inner, "x": means, "m": means, "chi": (Rational(1, 4), Integer(2)), "y": bound},
    )


def _partial() -> Entry:
    """Centred fields, p_2 = q_2 = 0: two ways of integrating over the same two fields."""
    centred = {field: Integer(0), mean: Integer(0), increment: p_w, variance: q_h}
    plane, scaled = lifted_hidden().plane, scaled_average("exponential")
    chain = Derivation(
        (
            *merged_steps(plane, scaled),
            Substitution(
                "Centred fields of variances p and q, first over h.",
                Dict(centred),
                insert(plane.conclusion.rhs, centred),  # type: ignore[attr-defined]
                using=("plane",),
                name="centred",
            ),
            Substitution(
                "In polar coordinates the same average is elementary.",
                Dict(),
                scaled.conclusion.rhs,  # type: ignore[attr-defined]
                using=("~centred", "exponential scaled"),
            ),
        ),
        plane.uses,
    )
    return make_entry(
        Formula.concluding(
            "reduction.hidden.2p",
            "The innermost average of level 2 is that of level 2p at p_2 = q_2 = 0",
            chain,
            source=SOURCE,
            assumptions=(CONDITION,),
        ),
        "numerical quadrature over w against the angular closed form",
        most=4,
        ranges={"y": Below((lifting_bound(p_w, q_h, chi, mu),))},
    )
