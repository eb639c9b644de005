"""One unit of a hidden layer: its inner maximum, the rays between its wedges, scaling, and slopes."""

from __future__ import annotations

from functools import partial

from sympy import Derivative, Eq, Expr, Integer, Max, Subs, Symbol, diff, oo
from sympy.core.relational import Relational

from ..blocks.hidden_averages import homogeneity_step, reduced_parameters
from ..blocks.hidden_maximum import (
    ACTIVE_GAIN,
    IDLE_GAIN,
    SOURCE,
    HiddenActivation,
    HiddenValue,
    Wedge,
    chi,
    h,
    inner_maximum,
    mu,
    slope,
    w,
    z,
)
from ..core.formulas import Step, identically_zero
from ..core.maxima import Maximum
from .entries import Comparison, Entry, make_entry, stated

SEARCH = "the best pre-activation found by search"
size, beyond = Symbol("k", positive=True), Symbol("epsilon", positive=True)
factor = Symbol("lambda", positive=True)


def entries() -> list[Entry]:
    """Inner maximum, maximiser, rays, homogeneity, scaling and the slopes of the value."""
    found = [make_entry(inner_maximum().formula, SEARCH), _maximiser(), _ray(1), _ray(-1)]
    return [*found, _homogeneity(), _scaling(), *(_slope(symbol) for symbol in (w, h, chi, mu))]


def _stated(id: str, title: str, statement: Relational, derivation=None, assumptions=("chi > 0", "mu > 0")):
    chain = inner_maximum().formula.derivation if derivation is None else derivation
    return stated(id, title, statement, derivation=chain, source=SOURCE, assumptions=assumptions)


def _maximiser() -> Entry:
    """Checked above both rays, where the unit is active."""

    def route(statement: Relational) -> list[Comparison]:
        found = []
        for side in (1, -1):
            at = {w: side * size, h: size * inner_maximum().form(side, True).lower + beyond}
            best = HiddenActivation(w, h, chi, mu).subs(at, simultaneous=True)
            found.append(Comparison(best, statement.rhs.subs(at, simultaneous=True)))
        return found

    formula = _stated(
        "hidden.maximiser",
        "Pre-activation of an active unit",
        Eq(z, inner_maximum().maximiser, evaluate=False),
        assumptions=("the unit is active",),
    )
    return make_entry(formula, SEARCH + ", above the rays", route)


def _ray(side: int) -> Entry:
    """w > 0: an active unit starts to gain where the slope at z = 0 vanishes; w < 0: where its best is the idle one."""

    def route(statement: Relational) -> list[Comparison]:
        at = {w: side * size, h: size * statement.rhs}
        if side == 1:
            return [Comparison(Subs(Derivative(ACTIVE_GAIN.subs(at), z), (z,), (0,)), Integer(0))]
        best = Maximum(ACTIVE_GAIN.subs(at), z, 0, oo)
        return [Comparison(best, Maximum(IDLE_GAIN.subs(at), z, -oo, 0))]

    name, sign = ("positive", ">") if side == 1 else ("negative", "<")
    formula = _stated(
        f"hidden.ray.{name}",
        f"Ray h = |w| t between idle and active units, w {sign} 0",
        Eq(slope, inner_maximum().form(side, True).lower, evaluate=False),
    )
    how = "slope of the gain at z = 0" if side == 1 else "best active and best idle gain, both by search"
    return make_entry(formula, how, route)


def _on_every_wedge(vanishing) -> bool | None:
    return all(identically_zero(vanishing(wedge)) is True for wedge in inner_maximum().wedges) or None


def _homogeneity() -> Entry:
    statement = Eq(HiddenValue(factor * w, factor * h, chi, mu), factor**2 * HiddenValue(w, h, chi, mu), evaluate=False)

    def scaled(wedge: Wedge) -> Expr:
        inserted = wedge.value.subs({w: factor * w, h: factor * h}, simultaneous=True)
        return inserted - factor**2 * wedge.value

    step = Step("A quadratic form on every wedge, between rays.", statement, partial(_on_every_wedge, scaled))
    formula = _stated("hidden.homogeneity", "The value of a unit is homogeneous of degree 2", statement, step)
    return make_entry(formula, SEARCH + ", at scaled fields")


def _scaling() -> Entry:
    step = homogeneity_step()
    p, q = (Symbol(n, positive=True) for n in "pq")

    def route(statement: Relational) -> list[Comparison]:
        return [Comparison(statement.lhs, statement.rhs.subs(reduced_parameters(p, q, chi, mu), simultaneous=True))]

    formula = _stated("hidden.scaling", "Reduced parameters of a hidden layer", step.expression, step)
    return make_entry(formula, SEARCH + ", at scaled fields and parameters", route)


def _slope(symbol: Symbol) -> Entry:
    """Envelope theorem: the value changes as the gain does at the best pre-activation."""
    value, best = HiddenValue(w, h, chi, mu), HiddenActivation(w, h, chi, mu)
    output = Max(best, 0)
    # the gain at any z, with the output written as z_+
    gain = IDLE_GAIN.subs(z, best) + (ACTIVE_GAIN - IDLE_GAIN).subs(z, output)
    change = diff(IDLE_GAIN, symbol).subs(z, best) + diff(ACTIVE_GAIN - IDLE_GAIN, symbol).subs(z, output)
    statement = Eq(Derivative(value, symbol), change, evaluate=False)

    def on_wedge(wedge: Wedge) -> Expr:
        still = Integer(0) if wedge.side == 1 else w
        at = {best: inner_maximum().maximiser if wedge.active else still}
        at |= {output: at[best] if wedge.active else Integer(0)}
        return diff(wedge.value, symbol) - change.subs(at).doit()

    step = Step(
        "At the maximum the gain is stationary in z, or z stays at 0 or at w.",
        Eq(value, gain, evaluate=False),
        partial(_on_every_wedge, on_wedge),
    )
    formula = _stated(f"hidden.slope.{symbol}", f"Slope of the value of a unit in {symbol}", statement, step)
    return make_entry(formula, "difference quotient of the value found by search")
