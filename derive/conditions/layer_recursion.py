r"""The plain level as a scalar recursion over the layers: an independent route to the plain deep capacities.

:math:`a_1 = 1`; :math:`a_{i+1}` is the maximum of :math:`\alpha_i E[h s]/\sqrt{\alpha_i E s^2}` over outputs
:math:`s(g, h) \ge 0` with :math:`\alpha_i E[cost] \le a_i^2`, where the cost is :math:`(g - s)^2` for an
active unit and :math:`(g)_+^2` for an idle one.  The multipliers are kappa (of the norm, in units of the
gain) and tau (of the cost). The output layer closes it: :math:`\alpha_l H(k) = budget`, :math:`\alpha_l
\int_0^k u^2 \varphi(u) du = a_l^2`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sympy import (
    Dummy,
    Eq,
    Expr,
    Rational,
    Symbol,
    atan,
    cancel,
    diff,
    factor,
    numer,
    pi,
    simplify,
    solve,
    sqrt,
    symbols,
    together,
)

from ..blocks.angular import circular_moment
from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.gaussian import Phi, gaussian_piece

__all__ = ["LayerRecursion", "OutputClosure", "layer_recursion", "output_closure"]

g, h, s = symbols("g h s", real=True)
kappa, tau = symbols("kappa tau", positive=True)
k = Symbol("k", positive=True)


@dataclass(frozen=True)
class LayerRecursion:
    """Closed forms of one layer at its multipliers: ``E[h s]``, ``E[s^2]`` and ``E[cost]`` per unit."""

    gain: Expr
    square: Expr
    cost: Expr
    formula: Formula
    kappa: Symbol = kappa
    tau: Symbol = tau

    @property
    def conditions(self) -> tuple[Expr, Expr]:
        """Vanish at the maximum: stationarity in the scale of s, and ``alpha E[cost] - a^2``."""
        width, a = symbols("alpha a", positive=True)
        return kappa * self.square - self.gain, width * self.cost - a**2


@lru_cache(maxsize=1)
def layer_recursion() -> LayerRecursion:
    """Maximise the Lagrangian unit by unit and integrate over the active wedge, in polar coordinates.

    >>> layer_recursion().gain.subs({kappa: 1, tau: 0})
    1/2
    """
    lagrangian = h * s - kappa * s**2 / 2 - tau * (g - s) ** 2 / 2
    best = factor(solve(diff(lagrangian, s), s)[0])
    active = factor(lagrangian.subs(s, best))
    idle = {1: -tau * g**2 / 2, -1: Rational(0)}
    slopes = {}
    for side in (1, -1):
        ties = solve(numer(together((active - idle[side]).subs(g, side))), h)
        slopes[side] = next(r for r in ties if simplify(best.subs({g: side, h: r})).is_nonnegative)
    low, high = atan(slopes[1]), pi - atan(slopes[-1])

    def wedge(integrand: Expr) -> Expr:
        return circular_moment(integrand.subs(s, best), g, h, low, high)

    gain, square = wedge(h * s), wedge(s**2)
    cost = wedge((g - s) ** 2) + circular_moment(g**2, g, h, -pi / 2, low)
    value = wedge(lagrangian) - tau * circular_moment(g**2, g, h, -pi / 2, low) / 2
    steps = (
        Step(
            "Lagrangian of one unit; an active one maximises it at",
            Eq(s, best, evaluate=False),
            lambda: identically_zero(diff(lagrangian, s).subs(s, best)) and diff(lagrangian, s, 2).is_negative,
        ),
        Step(
            "Active and idle tie, for g > 0, on the ray h = -tau g.",
            Eq(h / g, slopes[1], evaluate=False),
            lambda: identically_zero((active - idle[1]).subs({g: 1, h: slopes[1]})),
        ),
        Step(
            "For g < 0 they tie on the ray h = |g| t.",
            Eq(Symbol("t"), slopes[-1], evaluate=False),
            lambda: identically_zero((active - idle[-1]).subs({g: -1, h: slopes[-1]})),
        ),
        Step(
            "Envelope theorem: the value of the Lagrangian changes with kappa by -E[s^2]/2 ...",
            Eq(Symbol("E[s^2]"), square, evaluate=False),
            lambda: _vanishes(diff(value, kappa) + square / 2),
        ),
        Step(
            "... and with tau by -E[cost]/2.",
            Eq(Symbol("E[cost]"), cost, evaluate=False),
            lambda: _vanishes(diff(value, tau) + cost / 2),
        ),
        Step(
            "The gain is what remains.",
            Eq(Symbol("E[h s]"), gain, evaluate=False),
            lambda: _vanishes(value - gain + kappa * square / 2 + tau * cost / 2),
        ),
    )
    width = Symbol("alpha", positive=True)
    formula = Formula(
        id="recursion.layer",
        title="Scalar recursion of the plain level, one hidden layer",
        statement=Eq(Symbol("a_{i+1}"), sqrt(width) * gain / sqrt(square), evaluate=False),
        derivation=Derivation(steps, ("alpha E[cost] = a_i^2", "kappa E[s^2] = E[h s]")),
        status=Status.LIFTED,
        source="arXiv 2412.19677 (deep networks, plain level)",
        assumptions=("kappa > 0", "tau > 0: the cost constraint binds"),
        variables=(width, kappa, tau),
    )
    return LayerRecursion(gain, square, cost, formula)


def _vanishes(expression: Expr) -> bool | None:
    """With kappa = r^2/tau - tau the root of tau (kappa + tau) is r, and everything but the angles is rational."""
    r = Symbol("r", positive=True)
    rooted = expression.subs(kappa, r**2 / tau - tau)
    angles = {angle: Dummy() for angle in rooted.atoms(atan)}
    return identically_zero(cancel(together(rooted.xreplace(angles))))


@dataclass(frozen=True)
class OutputClosure:
    """The counting output of the recursion: ``alpha * tail = budget`` and ``alpha * second = a^2`` at
    threshold k.
    """

    tail: Expr
    second: Expr
    k: Symbol = k


@lru_cache(maxsize=1)
def output_closure() -> OutputClosure:
    """Count and cost of the output layer when it silences the pre-activations between 0 and k.

    >>> output_closure().tail
    Phi(-k)
    """
    u = Symbol("u", real=True)
    second = gaussian_piece(u**2, u, Rational(0), Rational(1), Rational(0), k).value
    return OutputClosure(Phi(-k), second)
