r"""A hidden layer at the full levels: the innermost expectation over both fields, and the derivatives of the tower.

Of :math:`W(x, m) = E e^{y v(w, h)}`, :math:`w \sim N(x, D)`, :math:`h \sim N(m, V)`, where D and V are the innermost
increments, the h-integral is closed form on either side of w = 0; the w-integral against the Gaussian kernel stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sympy import Add, Dict, Eq, Expr, Integer, Integral, Poly, Symbol, exp, oo, pi, sqrt, symbols

from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation, GaussianPiece, TiltedTail, gaussian_piece
from ..core.insertion import insert
from ..core.steps import GaussianMean, Step, Substitution, Theorem
from .hidden_maximum import SIDES, SOURCE, HiddenValue, PieceByPiece, Wedge, chi, h, inner_maximum, mu, w
from .hidden_maximum import size as a

__all__ = ["LiftedHidden", "lifted_hidden"]

field = Symbol("x", real=True)
increment, y = symbols("D y", positive=True)
mean, variance = Symbol("m", real=True), Symbol("V", positive=True)
spread, (linear, constant) = Symbol("S", positive=True), symbols("b_1 b_0", real=True)
low, high = symbols("L U", real=True)
INTEGRAND = exp((1 / variance - 1 / spread) * h**2 / 2 + linear * h + constant)
CONDITION = "y V < 1/chi + mu"


@dataclass(frozen=True)
class LiftedHidden:
    """``W = int dw kernel(w; x, D) transform(w; m, V)``: both for ``w = a > 0`` and for ``w = -a``.

    ``transform[side]`` is in a, m, V, chi, mu, y; ``kernel[side]`` in a, x, D.  ``plane`` is the average over both fields.
    """

    transform: dict[int, Expr]
    kernel: dict[int, Expr]
    formulas: dict[int, Formula]
    plane: Derivation

    @property
    def formula(self) -> Formula:
        """The average at w = -a; ``formulas[1]`` is the one at w = a."""
        return self.formulas[-1]


@lru_cache(maxsize=2)
def _half_line(active: bool) -> GaussianPiece:
    """The average of the exponential of a quadratic above ``L`` or below ``U``."""
    return gaussian_piece(INTEGRAND, h, mean, variance, *((low, oo) if active else (-oo, high)))


def _mapping(wedge: Wedge) -> dict[Symbol, Expr]:
    """What the general half-line is at a wedge, |w| = a: 1/S = 1/V - 2 b_2 and the other coefficients of y v, and the end."""
    form = Poly(y * wedge.value.subs(w, wedge.side * a).expand(), h)
    b_2, b_1, b_0 = (form.coeff_monomial(h**n).factor() for n in (2, 1, 0))
    edge = {low: a * wedge.lower} if wedge.active else {high: a * wedge.upper}
    return {spread: 1 / (1 / variance - 2 * b_2), linear: b_1, constant: b_0, **edge}


HALVES = {True: "above", False: "below"}


@lru_cache(maxsize=1)
def lifted_hidden() -> LiftedHidden:
    """Integrate over the dual field by completing the square, on either side of the boundary ray.

    >>> sorted(lifted_hidden().transform), lifted_hidden().kernel[1].subs(field, 0)
    ([-1, 1], sqrt(2)*exp(-a**2/(2*D))/(2*sqrt(pi)*sqrt(D)))
    """
    transform, kernel, closed, sides = {}, {}, {}, {}  # type: ignore[var-annotated]
    general: list[Step] = []
    for active, name in HALVES.items():
        ends = (low, oo) if active else (-oo, high)
        general.append(
            GaussianMean(
                "Average the exponential of a quadratic over part of h ~ N(m, V); 1/S = 1/V - 2 b_2 > 0.",
                *(INTEGRAND, h, mean, variance, *ends, _half_line(active).value),
                name=f"half-line {name}",
            )
        )
    for side, name in SIDES.items():
        steps: list[Step] = []
        for active in (False, True):
            wedge = inner_maximum().form(side, active)
            mapping, piece = _mapping(wedge), _half_line(active)
            tail = piece.scale * TiltedTail(piece.exponent, -piece.mass.args[0])
            transform[side] = transform.get(side, Integer(0)) + insert(tail, mapping)
            steps.append(
                Substitution(
                    f"The {wedge.name}, |w| = a.",
                    Dict(mapping),
                    insert(piece.value, mapping),
                    using=(f"half-line {HALVES[active]}",),
                    name=f"{wedge.name}",
                )
            )
        cut = Derivation((*general, *steps)).links[len(general) :]
        unfolded = Expectation(exp(y * HiddenValue(side * a, mean + sqrt(variance) * h, chi, mu)), h)
        closed[side] = Add(*(s.result for s in steps))  # type: ignore[attr-defined]
        steps += [
            PieceByPiece(
                f"At w = {'' if side == 1 else '-'}a the line falls into an idle and an active part.",
                unfolded,
                Add(*(link.expression.lhs for link in cut)),  # type: ignore[attr-defined]
                using=(f"v {name}",),
                name=f"line {name}",
            ),
            Substitution(
                "Add the parts.",
                Dict(),
                closed[side],
                using=(f"line {name}", *(s.name for s in steps)),
                name=f"transform {name}",
            ),
        ]
        sides[side] = (*inner_maximum().chain(f"v {name}"), *general, *steps)
        kernel[side] = exp(-((side * a - field) ** 2) / (2 * increment)) / sqrt(2 * pi * increment)
    formulas = {}
    for side, id, where in ((-1, "hidden.lifted", "w = -a < 0"), (1, "hidden.lifted.positive", "w = a > 0")):
        derivation = Derivation(sides[side], (CONDITION,))
        formulas[side] = Formula.concluding(
            id,
            f"Full levels: average over the dual field of a hidden layer, at {where}",
            derivation,
            source=SOURCE + "; the full levels of deep networks is derived here",
            assumptions=(CONDITION, "a > 0", "V > 0"),
        )
    return LiftedHidden(transform, kernel, formulas, _plane(sides, kernel, closed, formulas))


def _plane(
    sides: dict[int, tuple[Step, ...]], kernel: dict[int, Expr], closed: dict[int, Expr], formulas: dict[int, Formula]
) -> Derivation:
    """The average over both fields: what is left is an integral over the size of w."""
    fields = (field + sqrt(increment) * w, mean + sqrt(variance) * h)
    average = Expectation(Expectation(exp(y * HiddenValue(*fields, chi, mu)), h), w)
    inner = {side: formulas[side].statement.lhs for side in SIDES}  # type: ignore[attr-defined]
    steps = (
        Theorem(
            "First over the dual field; w has the density K(w; x, D) and either sign.",
            Eq(average, Integral(Add(*(kernel[s] * inner[s] for s in SIDES)), (a, 0, oo)), evaluate=False),
            "Fubini's theorem",
            name="fields",
        ),
        Substitution(
            "Insert both averages.",
            Dict(),
            Integral(Add(*(kernel[s] * closed[s] for s in SIDES)), (a, 0, oo)),
            using=("fields", "transform positive", "transform negative"),
            name="plane",
        ),
    )
    return Derivation((*dict.fromkeys((*sides[1], *sides[-1])), *steps), (CONDITION,))
