r"""The inner maximisation of a hidden layer, over its pre-activation.

:math:`v(w, h) = \max_z [ -(z-w)^2/(2\chi) + h z_+ - \mu z_+^2/2 ]` is homogeneous of degree 2 in the fields
(w, h) and piecewise quadratic: the plane falls into an active wedge (z > 0) and an idle one (z <= 0).  The
maximiser, the two values and the two boundary rays are found here by SymPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

from sympy import (
    Abs,
    Eq,
    Expr,
    Max,
    Piecewise,
    Symbol,
    diff,
    factor,
    numer,
    oo,
    roots,
    simplify,
    solve,
    symbols,
    sympify,
    together,
)

from ..core.formulas import Derivation, Formula, Status, Step, identically_zero

__all__ = ["HiddenActivation", "HiddenValue", "Wedge", "inner_maximum"]

w, h, z = symbols("w h z", real=True)
chi, mu = symbols("chi mu", positive=True)
slope = Symbol("t", real=True)

ACTIVE_GAIN = -((z - w) ** 2) / (2 * chi) + h * z - mu * z**2 / 2
IDLE_GAIN = -((z - w) ** 2) / (2 * chi)
"""What a unit gains at z >= 0 and at z <= 0."""

SOURCE = "arXiv 2412.19677 (deep networks; l-extension)"


@dataclass(frozen=True)
class Wedge:
    """The fields with ``sign(w) = side`` and ``lower < h/|w| < upper``; there v is the quadratic form
    ``value``.
    """

    side: int
    lower: Expr
    upper: Expr
    active: bool
    value: Expr

    @property
    def name(self) -> str:
        """In words, for the steps of derivations."""
        return f"{'active' if self.active else 'idle'} wedge with w {'>' if self.side == 1 else '<'} 0"


@dataclass(frozen=True)
class InnerMaximum:
    """Maximiser, wedges and their derivation, in the symbols w, h, chi, mu."""

    maximiser: Expr
    wedges: tuple[Wedge, ...]
    formula: Formula

    def form(self, side: int, active: bool) -> Wedge:
        """The wedge of a half-plane ``side`` that is active or idle."""
        return next(wedge for wedge in self.wedges if (wedge.side, wedge.active) == (side, active))


def _boundary(side: int, gap: Expr, maximiser: Expr) -> Expr:
    """Slope of the ray of a half-plane on which active and idle tie, the maximiser being >= 0."""
    on_ray = factor(together(gap.subs({w: side, h: slope})))
    candidates = roots(numer(on_ray), slope)
    tied = [r for r in candidates if simplify(maximiser.subs({w: side, h: r})).is_nonnegative]
    if len(tied) != 1:
        raise ArithmeticError(f"expected one boundary ray for w of sign {side}, found {tied}")
    return simplify(tied[0])


@lru_cache(maxsize=1)
def inner_maximum() -> InnerMaximum:
    """Maximise over the pre-activation, wedge by wedge.

    >>> inner_maximum().form(1, True).lower, inner_maximum().form(-1, True).lower
    (-1/chi, (sqrt(chi*mu + 1) + 1)/chi)
    """
    gain, still = ACTIVE_GAIN, IDLE_GAIN
    maximiser = factor(solve(diff(gain, z), z)[0])
    active = factor(simplify(gain.subs(z, maximiser)))
    idle = {1: still.subs(z, 0), -1: still.subs(z, w)}  # z = min(w, 0)
    steps = [
        Step(
            "What a unit gains at z > 0; the terms in h and mu are absent for z <= 0, and both agree at z = 0.",
            gain,
            lambda: (gain - still).subs(z, 0) == 0,
        ),
        Step(
            "An active unit: the concave quadratic in z > 0 has its maximum where its slope vanishes.",
            Eq(z, maximiser, evaluate=False),
            lambda: identically_zero(diff(gain, z).subs(z, maximiser)) and diff(gain, z, 2).is_negative,
        ),
        Step(
            "Its value there.",
            Eq(Symbol("v_active"), active, evaluate=False),
            lambda: identically_zero(gain - active - diff(gain, z, 2) * (z - maximiser) ** 2 / 2),
        ),
        Step(
            "An idle unit, z <= 0, moves as close to w as it may: z = min(w, 0).",
            Eq(Symbol("v_idle"), -(Max(w, 0) ** 2) / (2 * chi), evaluate=False),
            lambda: identically_zero(diff(still, z).subs(z, w)) and (diff(still, z).subs(z, 0) * chi - w) == 0,
        ),
    ]
    wedges = []
    for side in (1, -1):
        ray = _boundary(side, active - idle[side], maximiser)
        steps.append(
            Step(
                f"For w {'>' if side == 1 else '<'} 0 the two tie, with z >= 0, on the ray h = |w| t.",
                Eq(slope, ray, evaluate=False),
                partial(_ray_check, active - idle[side], maximiser, side, ray),
            )
        )
        wedges += [Wedge(side, -oo, ray, False, idle[side]), Wedge(side, ray, oo, True, active)]
    formula = Formula(
        id="hidden.inner_maximum",
        title="Inner maximisation of a hidden layer",
        statement=Eq(HiddenValue(w, h, chi, mu), _pieces(wedges, w, h), evaluate=False),
        derivation=Derivation(tuple(steps)),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("chi > 0", "mu > 0"),
        variables=(w, h, chi, mu),
    )
    return InnerMaximum(maximiser, tuple(wedges), formula)


def _ray_check(gap: Expr, maximiser: Expr, side: int, ray: Expr) -> bool | None:
    """Active and idle tie on the ray, and active wins above it: the gap grows with h there."""
    beyond = Symbol("epsilon", positive=True)
    tie = identically_zero(gap.subs({w: side, h: ray}))
    above = simplify(gap.subs({w: side, h: ray + beyond}))
    return tie and (above.is_positive or simplify(above.expand()).is_positive)


def _pieces(wedges, field_w: Expr, field_h: Expr) -> Piecewise:
    active = {g.side: g for g in wedges if g.active}
    rest = {g.side: g for g in wedges if not g.active}
    inside = {s: field_h > Abs(field_w) * active[s].lower for s in (1, -1)}
    fields = {w: field_w, h: field_h}
    return Piecewise(
        (active[1].value.subs(fields, simultaneous=True), (field_w >= 0) & inside[1]),
        (active[-1].value.subs(fields, simultaneous=True), (field_w < 0) & inside[-1]),
        (rest[1].value.subs(fields, simultaneous=True), field_w >= 0),
        (rest[-1].value.subs(fields, simultaneous=True), True),
    )


class HiddenValue(Expr):
    r"""``v(w, h)`` of a hidden layer, unevaluated; ``doit()`` gives its wedges.

    >>> a, b = symbols("a b", real=True)
    >>> HiddenValue(a, b, chi, mu), HiddenValue(-1, 0, chi, mu).doit()
    (v(a, b; chi, mu), 0)
    """

    def __new__(cls, field_w, field_h, chi, mu):
        return Expr.__new__(cls, *map(sympify, (field_w, field_h, chi, mu)))

    def _eval_is_real(self):
        return True

    def doit(self, **hints):
        field_w, field_h, chi_, mu_ = self.args
        pieces = _pieces(inner_maximum().wedges, field_w, field_h)
        return pieces.subs({chi: chi_, mu: mu_}, simultaneous=True)

    def _eval_derivative(self, symbol):
        return self.doit().diff(symbol)

    def _sympystr(self, printer):
        field_w, field_h, chi_, mu_ = map(printer._print, self.args)
        return f"v({field_w}, {field_h}; {chi_}, {mu_})"

    def _latex(self, printer, exp=None):
        field_w, field_h, chi_, mu_ = map(printer._print, self.args)
        body = rf"v_{{{chi_},{mu_}}}\left({field_w}, {field_h}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"


class HiddenActivation(Expr):
    r"""The pre-activation ``z(w, h)`` at which the maximum is attained, unevaluated: positive for an active unit.

    >>> a, b = symbols("a b", real=True)
    >>> HiddenActivation(a, b, chi, mu)
    z(a, b; chi, mu)
    """

    def __new__(cls, field_w, field_h, chi, mu):
        return Expr.__new__(cls, *map(sympify, (field_w, field_h, chi, mu)))

    def _eval_is_real(self):
        return True

    def _sympystr(self, printer):
        field_w, field_h, chi_, mu_ = map(printer._print, self.args)
        return f"z({field_w}, {field_h}; {chi_}, {mu_})"

    def _latex(self, printer, exp=None):
        field_w, field_h, chi_, mu_ = map(printer._print, self.args)
        body = rf"z_{{{chi_},{mu_}}}\left({field_w}, {field_h}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"
