r"""A hidden layer at the full levels: the innermost expectation over both fields, and the derivatives of the tower.

Of :math:`W(x, m) = E e^{y v(w, h)}`, :math:`w \sim N(x, D)`, :math:`h \sim N(m, V)`, where D and V are the innermost
increments, the h-integral is closed form on either side of w = 0; the w-integral against the Gaussian kernel stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

from sympy import Eq, Expr, Function, Poly, Symbol, diff, exp, oo, pi, simplify, sqrt, symbols

from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.gaussian import Expectation, H, check_piece, gaussian_piece
from .hidden_maximum import SOURCE, HiddenValue, Wedge, chi, h, inner_maximum, mu, w

__all__ = ["LiftedHidden", "lifted_hidden"]

a = Symbol("a", positive=True)
field = Symbol("x", real=True)
increment, y = symbols("D y", positive=True)
mean, variance = Symbol("m", real=True), Symbol("V", positive=True)
spread, (linear, constant) = Symbol("S", positive=True), symbols("b_1 b_0", real=True)
INTEGRAND = exp((1 / variance - 1 / spread) * h**2 / 2 + linear * h + constant)
CONDITION = "y V < 1/chi + mu"


@dataclass(frozen=True)
class LiftedHidden:
    """``W = int dw kernel(w; x, D) transform(w; m, V)``: both for ``w = a > 0`` and for ``w = -a``.

    ``transform[side]`` is in a, m, V, chi, mu, y; ``kernel[side]`` in a, x, D.
    """

    transform: dict[int, Expr]
    kernel: dict[int, Expr]
    formulas: dict[int, Formula]

    @property
    def formula(self) -> Formula:
        """The average at w = -a; ``formulas[1]`` is the one at w = a."""
        return self.formulas[-1]


class TiltedTail(Function):
    r"""``TiltedTail(e, x) = exp(e) H(x)``, in one piece: the factors alone overflow and underflow.

    >>> e, x = symbols("e x")
    >>> TiltedTail(e, x).diff(e), TiltedTail(e, x).diff(x), TiltedTail(e, x).doit()
    (TiltedTail(e, x), -sqrt(2)*exp(e - x**2/2)/(2*sqrt(pi)), exp(e)*H(x))
    """

    nargs = 2

    def fdiff(self, argindex=1):
        e, x = self.args
        return self if argindex == 1 else -exp(e - x**2 / 2) / sqrt(2 * pi)

    def doit(self, **hints):
        e, x = self.args
        return exp(e) * H(x)


def _half_line(value: Expr, lower: Expr, upper: Expr) -> Expr:
    """``E[exp(y value(h)); lower < h < upper]`` for a quadratic value.

    One end is infinite; the probability of the half-line is kept together with the exponential of the tilt.
    """
    form = Poly(y * value.expand(), h)
    b_2, b_1, b_0 = (form.coeff_monomial(h**n) for n in (2, 1, 0))
    piece = gaussian_piece(INTEGRAND, h, mean, variance, lower, upper)
    generic = piece.scale * TiltedTail(piece.exponent, -piece.mass.args[0])
    return generic.subs({spread: 1 / (1 / variance - 2 * b_2), linear: b_1, constant: b_0}, simultaneous=True)


@lru_cache(maxsize=1)
def lifted_hidden() -> LiftedHidden:
    """Integrate over the dual field by completing the square, on either side of the boundary ray.

    >>> sorted(lifted_hidden().transform), lifted_hidden().kernel[1].subs(field, 0)
    ([-1, 1], sqrt(2)*exp(-a**2/(2*D))/(2*sqrt(pi)*sqrt(D)))
    """
    transform, kernel, parts = {}, {}, {}
    steps = [
        Step(
            "Average the exponential of a quadratic over part of h ~ N(m, V); 1/S = 1/V - 2 b_2 > 0.",
            Eq(
                Expectation(INTEGRAND, h),
                gaussian_piece(INTEGRAND, h, mean, variance, -oo, oo).value,
                evaluate=False,
            ),
            lambda: check_piece(INTEGRAND, h, mean, variance),
        )
    ]
    for side in (1, -1):
        for active in (False, True):
            wedge = inner_maximum().form(side, active)
            value = wedge.value.subs(w, side * a)
            ends = [e if e in (oo, -oo) else a * e for e in (wedge.lower, wedge.upper)]
            part = parts[side, active] = _half_line(value, *ends)
            steps.append(
                Step(
                    f"The {wedge.name}, |w| = a.",
                    Eq(Symbol(f"K_{len(parts)}"), part.doit(), evaluate=False),
                    partial(_half_line_check, part, wedge, value),
                )
            )
        transform[side] = parts[side, False] + parts[side, True]
        kernel[side] = exp(-((side * a - field) ** 2) / (2 * increment)) / sqrt(2 * pi * increment)
    steps.append(
        Step(
            "The two halves meet at w = 0.",
            Eq(transform[1].subs(a, 0).doit(), transform[-1].subs(a, 0).doit(), evaluate=False),
            lambda: identically_zero((transform[1] - transform[-1]).subs(a, 0)),
        )
    )
    derivation = Derivation((*inner_maximum().formula.derivation.steps, *steps), (CONDITION,))
    formulas = {}
    for side, name, where in ((-1, "hidden.lifted", "w = -a < 0"), (1, "hidden.lifted.positive", "w = a > 0")):
        unfolded = Expectation(exp(y * HiddenValue(side * a, mean + sqrt(variance) * h, chi, mu)), h)
        formulas[side] = Formula(
            id=name,
            title=f"Full levels: average over the dual field of a hidden layer, at {where}",
            statement=Eq(unfolded, transform[side].doit(), evaluate=False),
            derivation=derivation,
            status=Status.RIGOROUS,
            source=SOURCE + "; the full levels of deep networks is derived here",
            assumptions=(CONDITION, "a > 0", "V > 0"),
            variables=(a, mean, variance, chi, mu, y),
        )
    return LiftedHidden(transform, kernel, formulas)


def _half_line_check(part: Expr, wedge: Wedge, value: Expr) -> bool | None:
    """The derivative in the boundary slope is minus (plus, for an idle wedge) a times the integrand on the
    ray.
    """
    edge = Symbol("R", real=True)
    moved = _half_line(value, *((edge, oo) if wedge.active else (-oo, edge)))
    ray = a * (wedge.lower if wedge.active else wedge.upper)
    density = exp(-((edge - mean) ** 2) / (2 * variance)) / sqrt(2 * pi * variance)
    integrand = exp(y * value.subs(h, edge)) * density * (-1 if wedge.active else 1)
    ratio = simplify((diff(moved, edge).rewrite(exp) / integrand).subs(mu, _admissible()))
    return identically_zero(moved.subs(edge, ray) - part) and identically_zero(ratio - 1)


def _admissible() -> Expr:
    """mu through the excess 1/chi + mu - y V, which the condition makes positive."""
    return Symbol("epsilon", positive=True) + y * variance - 1 / chi
