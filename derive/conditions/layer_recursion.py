r"""The plain level as a scalar recursion over the layers: an independent route to the plain deep capacities.

:math:`a_1 = 1`; :math:`a_{i+1}` is the maximum of :math:`\alpha_i E[h s]/\sqrt{\alpha_i E s^2}` over outputs
:math:`s(w, h) \ge 0` with :math:`\alpha_i E[cost] \le a_i^2`, where the cost is :math:`(w - s)^2` for an
active unit and :math:`(w)_+^2` for an idle one.  The multipliers are kappa (of the norm, in units of the
gain) and tau (of the cost). The output layer closes it: :math:`\alpha_l H(k) = budget`, :math:`\alpha_l
\int_0^k u^2 \varphi(u) du = a_l^2`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from sympy import (
    Add,
    Dict,
    Eq,
    Expr,
    Function,
    Heaviside,
    Integer,
    Integral,
    Max,
    Piecewise,
    Rational,
    Symbol,
    atan,
    diff,
    factor,
    numer,
    oo,
    pi,
    simplify,
    solve,
    sqrt,
    symbols,
    together,
)

from ..blocks.angular import (
    QuadraticForm,
    V,
    angular_steps,
    circular_moment,
    radial_weight,
    slope_function,
    wedge_steps,
)
from ..blocks.hidden_averages import kappa, merged_steps, tau
from ..blocks.hidden_maximum import (
    SIDES,
    HiddenActivation,
    HiddenValue,
    OnWedges,
    PieceByPiece,
    chi,
    h,
    inner_maximum,
    mu,
    slope,
    w,
    wedge_pieces,
)
from ..core.formulas import Derivation, Formula, Status
from ..core.gaussian import Expectation, Phi, gaussian_piece
from ..core.insertion import insert
from ..core.steps import Definition, Identity, PiecewiseMean, Step, Substitution, Theorem, Unfolding, leading_to

__all__ = ["LayerRecursion", "OutputClosure", "layer_recursion", "output_closure"]

s = Symbol("s", real=True)
k, width = symbols("k alpha", positive=True)
ACTIVATION = HiddenActivation(w, h, 1 / tau, kappa)
OUTPUT = Max(ACTIVATION, 0)
MOMENTS: dict[str, Callable[[Expr, Expr, Expr], Expr]] = {
    "gain": lambda field_w, field_h, z: field_h * Max(z, 0),
    "square": lambda field_w, field_h, z: Max(z, 0) ** 2,
    "cost": lambda field_w, field_h, z: (field_w - z) ** 2,
}
"""What a unit gains, its squared output and its cost, as functions of its fields and its pre-activation z."""


def averaged(name: str) -> Expr:
    """The mean of one of ``MOMENTS`` over both fields, at the best pre-activation."""
    return Expectation(Expectation(MOMENTS[name](w, h, ACTIVATION), h), w)


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
        a = Symbol("a", positive=True)
        return kappa * self.square - self.gain, width * self.cost - a**2


@lru_cache(maxsize=1)
def _moments() -> dict[str, Expr]:
    """Maximise the Lagrangian unit by unit and integrate over the active wedge, in polar coordinates."""
    lagrangian = h * s - kappa * s**2 / 2 - tau * (w - s) ** 2 / 2
    best = factor(solve(diff(lagrangian, s), s)[0])
    active = factor(lagrangian.subs(s, best))
    idle = {1: -tau * w**2 / 2, -1: Rational(0)}
    slopes = {}
    for side in (1, -1):
        ties = solve(numer(together((active - idle[side]).subs(w, side))), h)
        slopes[side] = next(r for r in ties if simplify(best.subs({w: side, h: r})).is_nonnegative)
    low, high = atan(slopes[1]), pi - atan(slopes[-1])

    def wedge(integrand: Expr) -> Expr:
        return circular_moment(integrand.subs(s, best), w, h, low, high)

    cost = wedge((w - s) ** 2) + circular_moment(w**2, w, h, -pi / 2, low)
    return {"gain": wedge(h * s), "square": wedge(s**2), "cost": cost}


@lru_cache(maxsize=4)
def moment_derivation(name: str) -> Derivation:
    """From the best pre-activation, wedge by wedge, to the closed form of one of ``MOMENTS``.

    The integrals run over the slopes of the wedges; the closed form was found by integrating over angles.
    """
    moment, kind = MOMENTS[name], "mean"
    J, weight = slope_function(kind), radial_weight(kind)
    steps: list[Step] = list(inner_maximum().chain(*(f"z {side}" for side in SIDES.values())))
    steps += [*leading_to(angular_steps(), f"below {kind}", f"above {kind}"), *weight]
    forms: dict[str, tuple[QuadraticForm, Expr, Expr]] = {}
    cuts: list[Step] = []
    lines, rows = [], []
    for side, label in SIDES.items():
        sign = ">" if side == 1 else "<"
        pieces = wedge_pieces(side, Integer(1), slope, 1 / tau, kappa, of="z")
        (idle, condition), (active, _) = pieces.result.args
        ray = condition.rhs
        still = moment(Integer(side), slope, idle)
        moving = moment(Integer(side), slope, active).replace(Max, lambda z, zero: z if zero == 0 else zero)
        own = {
            f"idle, w {sign} 0, {name}": (QuadraticForm.along(still, slope), -oo, ray),
            f"active, w {sign} 0, {name}": (QuadraticForm.along(moving, slope), ray, oo),
        }
        own = {label: row for label, row in own.items() if row[0].at(slope) != 0}
        forms |= own
        along = moment(Integer(side), slope, HiddenActivation(side, slope, 1 / tau, kappa))
        lines.append(Integral(J(along, slope), (slope, -oo, oo)))
        rows.append(
            PieceByPiece(
                f"The slopes of the half-plane w {sign} 0 fall into two wedges.",
                Integral(weight[-1].right.subs(V, along), (slope, -oo, oo)),  # type: ignore[attr-defined]
                Add(*(_over(own[label]) for label in own)),
                using=(f"pieces of z {label}",),
                name=f"line {label} {name}",
            )
        )
        cuts.append(pieces)
    steps += [*cuts, *wedge_steps(kind, forms), *rows]
    steps += [
        Theorem(
            "Either half-plane in polar coordinates, h = |w| t: the pre-activation is homogeneous of degree 1.",
            Eq(averaged(name), Add(*lines) / pi, evaluate=False),
            "Fubini's theorem",
            using=(f"J {kind}",),
            name=f"polar {name}",
        ),
        Substitution(
            "Sum over the wedges.",
            Dict(),
            _moments()[name],
            using=(f"polar {name}", f"J {kind} closed", *(row.name for row in rows), *forms),
            name=name,
        ),
    ]
    return Derivation(tuple(steps))


def _over(row: tuple[QuadraticForm, Expr, Expr]) -> Expr:
    """The integral over a wedge, of which ``wedge_steps`` gives the value."""
    general = Derivation((*angular_steps(), *wedge_steps("mean", {"wedge": row})))
    return general.conclusion.lhs  # type: ignore[attr-defined]


@lru_cache(maxsize=1)
def lagrangian_steps() -> tuple[Step, ...]:
    """The steps to ``lagrangian``: v of a unit is its gain less the prices of its square and its cost."""
    value, best = (f(w, h, chi, mu) for f in (HiddenValue, HiddenActivation))
    at = {name: moment(w, h, best) for name, moment in MOMENTS.items()}
    names = tuple(f"{kind} {side}" for side in SIDES.values() for kind in "vz")
    reduced = Dict({chi: 1 / tau, mu: kappa})
    right = at["gain"] - mu * at["square"] / 2 - at["cost"] / (2 * chi)
    means = [averaged(name) for name in MOMENTS]
    return (
        *inner_maximum().chain(*names),
        OnWedges("What a unit gains at its best pre-activation.", value, right, using=names, name="unit"),
        Substitution(
            "In the multipliers.",
            reduced,
            insert(right, dict(reduced)),
            using=("unit",),
            name="unit at",
        ),
        Identity(
            "So for the means.",
            Expectation(Expectation(insert(value, dict(reduced)), h), w),
            means[0] - kappa * means[1] / 2 - tau * means[2] / 2,
            using=("unit at",),
            name="lagrangian",
        ),
    )


@lru_cache(maxsize=1)
def layer_recursion() -> LayerRecursion:
    """The moments of a layer, and what it passes on.

    >>> layer_recursion().gain.subs({kappa: 1, tau: 0})
    1/2
    """
    moments, after = _moments(), Symbol("a_{i+1}")
    steps = merged_steps(*(moment_derivation(name) for name in ("gain", "square")))
    passed = width * averaged("gain") / sqrt(width * averaged("square"))
    statement = Eq(after, sqrt(width) * moments["gain"] / sqrt(moments["square"]), evaluate=False)
    last = (
        Definition(
            "What a layer passes on: the output is the best one at its price.",
            Eq(after, passed, evaluate=False),
            name="passed on",
        ),
        Substitution("In closed form.", Dict(), statement.rhs, using=("passed on", "gain", "square")),
    )
    formula = Formula.concluding(
        "recursion.layer",
        "Scalar recursion of the plain level, one hidden layer",
        Derivation((*steps, *last), ("alpha E[cost] = a_i^2", "kappa E[s^2] = E[h s]")),
        status=Status.LIFTED,
        source="arXiv 2412.19677 (deep networks, plain level)",
        assumptions=("kappa > 0", "tau > 0: the cost constraint binds"),
    )
    return LayerRecursion(**moments, formula=formula)


@dataclass(frozen=True)
class OutputClosure:
    """The counting output of the recursion: ``alpha * tail = budget`` and ``alpha * second = a^2`` at
    threshold k; ``steps`` lead to ``count`` and ``cost``, the means that they are.
    """

    tail: Expr
    second: Expr
    steps: tuple[Step, ...]
    k: Symbol = k


@lru_cache(maxsize=1)
def output_closure() -> OutputClosure:
    """Count and cost of the output layer when it silences the pre-activations between 0 and k.

    >>> output_closure().tail
    Phi(-k)
    """
    u, x = Symbol("u", real=True), Symbol("x", real=True)
    second = gaussian_piece(u**2, u, Rational(0), Rational(1), Rational(0), k).value
    tail, cost = Phi(-k), Function("c")
    silenced = Max(x, 0) ** 2 * Heaviside(k - x)
    steps: tuple[Step, ...] = (
        Unfolding("A step.", Heaviside(x), Piecewise((0, x < 0), (1, True)), x, name="step"),
        PiecewiseMean(
            "The mass beyond the threshold.",
            Expectation(Heaviside(u - k), u),
            -k,
            Integer(1),
            tail,
            using=("step",),
            name="count",
        ),
        Definition("The cost of an output.", Eq(cost(x), silenced, evaluate=False), name="c"),
        Unfolding(
            "It is paid between 0 and the threshold.",
            cost(x),
            Piecewise((0, x < 0), (x**2, x < k), (0, True)),
            x,
            using=("c",),
            name="c pieces",
        ),
        PiecewiseMean(
            "Integrate that piece.",
            Expectation(cost(u), u),
            Integer(0),
            Integer(1),
            second,
            using=("c pieces",),
            name="E c",
        ),
        Identity(
            "That is its mean.", Expectation(silenced.subs(x, u), u), Expectation(cost(u), u), using=("c",), name="E"
        ),
        Substitution("So the cost is known.", Dict(), second, using=("E", "E c"), name="cost"),
    )
    return OutputClosure(tail, second, steps)
