"""One unit of a hidden layer: its inner maximum, the rays between its wedges, scaling, and slopes."""

from __future__ import annotations

from sympy import Derivative, Expr, Integer, Max, Subs, Symbol, diff, oo
from sympy.core.relational import Relational

from ..blocks.hidden_averages import reduced_parameters, scaling_steps
from ..blocks.hidden_maximum import (
    ACTIVE_GAIN,
    IDLE_GAIN,
    SIDES,
    SOURCE,
    HiddenActivation,
    HiddenValue,
    OnWedges,
    chi,
    h,
    inner_maximum,
    mu,
    w,
    z,
)
from ..core.formulas import Derivation, Formula
from ..core.insertion import insert
from ..core.maxima import Maximum
from .entries import Comparison, Entry, make_entry

SEARCH = "the best pre-activation found by search"
length, beyond = Symbol("k", positive=True), Symbol("epsilon", positive=True)


def entries() -> list[Entry]:
    """Inner maximum, maximiser, rays, wedges, homogeneity, scaling and the slopes of the value."""
    found = [make_entry(inner_maximum().formula, SEARCH), _maximiser(), _ray(1), _ray(-1), _wedges(1), _wedges(-1)]
    return [*found, _homogeneity(), _scaling(), *(_slope(symbol) for symbol in (w, h, chi, mu))]


def _stated(id: str, title: str, derivation: Derivation, assumptions=("chi > 0", "mu > 0")):
    return Formula.concluding(id, title, derivation, source=SOURCE, assumptions=assumptions)


def _maximiser() -> Entry:
    """Checked above both rays, where the unit is active."""

    def route(statement: Relational) -> list[Comparison]:
        found = []
        for side in (1, -1):
            at = {w: side * length, h: length * inner_maximum().form(side, True).lower + beyond}
            best = insert(HiddenActivation(w, h, chi, mu), at)
            found.append(Comparison(best, insert(statement.rhs, at)))
        return found

    chain = Derivation(inner_maximum().chain("maximiser"))
    formula = _stated("hidden.maximiser", "Pre-activation of an active unit", chain, ("the unit is active",))
    return make_entry(formula, SEARCH + ", above the rays", route)


def _ray(side: int) -> Entry:
    """w > 0: an active unit starts to gain where the slope at z = 0 vanishes; w < 0: where its best is the idle one."""

    def route(statement: Relational) -> list[Comparison]:
        at = {w: side * length, h: length * statement.rhs}
        if side == 1:
            return [Comparison(Subs(Derivative(ACTIVE_GAIN.subs(at), z), (z,), (0,)), Integer(0))]
        best = Maximum(ACTIVE_GAIN.subs(at), z, 0, oo)
        return [Comparison(best, Maximum(IDLE_GAIN.subs(at), z, -oo, 0))]

    sign = ">" if side == 1 else "<"
    chain = Derivation(inner_maximum().chain(f"ray {SIDES[side]}"))
    formula = _stated(f"hidden.ray.{SIDES[side]}", f"Ray h = |w| t between idle and active units, w {sign} 0", chain)
    how = "slope of the gain at z = 0" if side == 1 else "best active and best idle gain, both by search"
    return make_entry(formula, how, route)


def _wedges(side: int) -> Entry:
    """The value of a unit on either side of a ray."""
    sign = ">" if side == 1 else "<"
    chain = Derivation(inner_maximum().chain(f"v {SIDES[side]}"))
    formula = _stated(f"hidden.wedges.{SIDES[side]}", f"Idle and active wedge of a unit, w {sign} 0, |w| = a", chain)
    return make_entry(formula, SEARCH, ranges={"a": (Integer(1) / 1000, Integer(4))})


def _homogeneity() -> Entry:
    chain = Derivation(inner_maximum().chain("homogeneous"))
    formula = _stated("hidden.homogeneity", "The value of a unit is homogeneous of degree 2", chain)
    return make_entry(formula, SEARCH + ", at scaled fields")


def _scaling() -> Entry:
    p, q = (Symbol(n, positive=True) for n in "pq")

    def route(statement: Relational) -> list[Comparison]:
        return [Comparison(statement.lhs, insert(statement.rhs, reduced_parameters(p, q, chi, mu)))]

    formula = _stated("hidden.scaling", "Reduced parameters of a hidden layer", Derivation(scaling_steps()))
    return make_entry(formula, SEARCH + ", at scaled fields and parameters", route)


def _slope(symbol: Symbol) -> Entry:
    """Envelope theorem: the value changes as the gain does at the best pre-activation."""
    value, best = HiddenValue(w, h, chi, mu), HiddenActivation(w, h, chi, mu)
    # the gain at any z, with the output written as z_+
    change: Expr = diff(IDLE_GAIN, symbol).subs(z, best) + diff(ACTIVE_GAIN - IDLE_GAIN, symbol).subs(z, Max(best, 0))
    names = tuple(f"{kind} {side}" for side in SIDES.values() for kind in "vz")
    step = OnWedges(
        "At the maximum the gain is stationary in z, or z stays at 0 or at w: only the explicit change counts.",
        Derivative(value, symbol),
        change,
        using=names,
    )
    chain = Derivation((*inner_maximum().chain(*names), step))
    formula = _stated(f"hidden.slope.{symbol}", f"Slope of the value of a unit in {symbol}", chain)
    return make_entry(formula, "difference quotient of the value found by search")
