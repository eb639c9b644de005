r"""The hidden layer of a deep network: its term at any lifting level, its coupling, and its closed forms.

At the plain and the partially lifted level both fields are centred Gaussians, v is homogeneous, and the term
depends on its parameters only through :math:`\kappa = \mu\sqrt{p/q}`, :math:`\tau = \sqrt{p/q}/\chi` and
:math:`\eta = y\sqrt{pq}`.  The expectation is then an angular integral over the wedges.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

from sympy import Add, Eq, Expr, Rational, Symbol, diff, exp, log, oo, pi, simplify, solve, sqrt, symbols

from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.gaussian import Expectation
from ..core.maxima import Maximum
from ..core.symbols import Lifting
from .angular import QuadraticForm, angular_steps, wedge_exponential, wedge_mean
from .hidden_maximum import SOURCE, HiddenValue, chi, h, inner_maximum, mu, slope, w
from .sphere import coupling

__all__ = [
    "HiddenLayer",
    "LayerLifting",
    "hidden_exponential",
    "hidden_mean",
    "largest_lifting",
    "lifting_bound",
    "reduced_parameters",
]

kappa, tau, eta = symbols("kappa tau eta", positive=True)
CONDITION = "2 y v < 1 on the unit circle of the scaled fields"


@dataclass(frozen=True)
class LayerLifting(Lifting):
    """Symbol families of a hidden layer: the first overlaps are free, the y_k common to all layers.

    >>> from flrdt.derive import Level
    >>> hidden = LayerLifting(Level(2), 1)
    >>> [hidden.p(k) for k in range(1, 4)], hidden.y(2)
    ([p^(1)_1, p^(1)_2, 0], y_2)
    """

    def _overlap(self, name: str, k: int) -> Expr:
        return self._symbol(name, 1) if k == 1 else super()._overlap(name, k)

    def c(self, k: int) -> Expr:
        return Lifting(self.level).c(k)

    def y(self, k: int) -> Expr:
        return Lifting(self.level).y(k)

    @property
    def chi(self) -> Symbol:
        """Susceptibility of the layer's output."""
        return Symbol(f"chi^({self.layer})", positive=True)

    @property
    def mu(self) -> Symbol:
        """Curvature: the multiplier of the squared norm of the layer's output."""
        return Symbol(f"mu^({self.layer})", positive=True)


@dataclass(frozen=True)
class HiddenLayer:
    """A hidden layer between the families of the layer before it and its own."""

    before: Lifting
    own: LayerLifting
    susceptibility: Symbol

    def coupling(self) -> Expr:
        r""":math:`\mu p_1/2 - q_1\chi/2 - \frac12\sum_k y_k (p_{k-1}q_{k-1} - p_kq_k)`."""
        own = self.own
        lifted = coupling(own).subs({own.c(k): own.y(k) for k in own.steps}, simultaneous=True)
        return own.mu * own.p(1) / 2 - own.q(1) * own.chi / 2 - lifted

    def term(self) -> Expr:
        """``T_r[v]`` over the increments of the two overlap families, per hidden unit, unevaluated."""
        level = self.own.level

        def tower(k: int, field_w: Expr, field_h: Expr) -> Expr:
            if k == 1:
                return HiddenValue(field_w, field_h, self.susceptibility, self.own.mu)
            width = [
                sqrt(family.increment(family_of, k))
                for family, family_of in ((self.before, self.before.p), (self.own, self.own.q))
            ]
            u, s = Symbol(f"u_{k}", real=True), Symbol(f"s_{k}", real=True)
            inner = exp(self.own.y(k) * tower(k - 1, field_w + width[0] * u, field_h + width[1] * s))
            return log(Expectation(Expectation(inner, s), u)) / self.own.y(k)

        if level.partial:
            return tower(level.r, Rational(0), Rational(0))
        u, s = Symbol(f"u_{level.r + 1}", real=True), Symbol(f"s_{level.r + 1}", real=True)
        outer = tower(level.r, sqrt(self.before.p(level.r)) * u, sqrt(self.own.q(level.r)) * s)
        return Expectation(Expectation(outer, s), u)


def reduced_parameters(p: Expr, q: Expr, susceptibility: Expr, curvature: Expr) -> dict[Symbol, Expr]:
    r"""``kappa = mu sqrt(p/q)`` and ``tau = sqrt(p/q)/chi`` of a layer whose fields have the variances p and q.

    >>> reduced_parameters(1, 4, chi, mu)
    {kappa: mu/2, tau: 1/(2*chi)}
    """
    scale = sqrt(p) / sqrt(q)
    return {kappa: curvature * scale, tau: scale / susceptibility}


def _scaled_wedges():
    """Wedges in the reduced scaling p = q = 1, chi = 1/tau, mu = kappa: form, limits, wedge."""
    scale = {chi: 1 / tau, mu: kappa}
    for wedge in inner_maximum().wedges:
        value = wedge.value.subs({w: wedge.side, h: slope}).subs(scale, simultaneous=True)
        yield (
            QuadraticForm.along(value, slope),
            wedge.lower.subs(scale, simultaneous=True),
            wedge.upper.subs(scale, simultaneous=True),
            wedge,
        )


def homogeneity_step() -> Step:
    """v(sqrt(p) w, sqrt(q) h; chi, mu) = sqrt(p q) v(w, h; 1/tau, kappa), wedge by wedge."""
    p, q = symbols("p q", positive=True)
    reduced = reduced_parameters(p, q, chi, mu)

    def check() -> bool | None:
        for form, lower, _, wedge in _scaled_wedges():
            scaled = wedge.value.subs({w: wedge.side * sqrt(p), h: sqrt(q) * slope}, simultaneous=True)
            unit = sqrt(p * q) * form.at(slope)
            if identically_zero(scaled - unit.subs(reduced, simultaneous=True)) is not True:
                return None
            if (
                wedge.active
                and identically_zero(wedge.lower * sqrt(p) / sqrt(q) - lower.subs(reduced, simultaneous=True))
                is not True
            ):
                return None
        return True

    return Step(
        "Scale the fields: kappa = mu sqrt(p/q), tau = sqrt(p/q)/chi.",
        Eq(
            HiddenValue(sqrt(p) * w, sqrt(q) * h, chi, mu),
            sqrt(p * q) * HiddenValue(w, h, 1 / tau, kappa),
            evaluate=False,
        ),
        check,
    )


def _summed(term, density, symbol: str) -> tuple[list[Step], Expr]:
    """Sum a wedge rule over the four wedges, one step each; ``density`` is what the rule integrates over the
    slope.
    """
    steps: list[Step] = []
    total: list[Expr] = []
    for form, lower, upper, wedge in _scaled_wedges():
        value = term(form, lower, upper)
        steps.append(
            Step(
                f"The {wedge.name}.",
                Eq(Symbol(f"{symbol}_{len(total) + 1}"), value, evaluate=False),
                partial(_rule_check, term, density, form),
            )
        )
        total.append(value)
    return steps, Add(*total)


def _rule_check(term, density, form: QuadraticForm) -> bool | None:
    """The rule vanishes on an empty wedge and its derivative in the upper slope is the density there."""
    end = Symbol("T", real=True)
    value = term(form, Rational(0), end)
    return value.subs(end, 0) == 0 and identically_zero(diff(value, end) - density(form).subs(slope, end))


@lru_cache(maxsize=1)
def hidden_mean() -> Formula:
    r"""``E v`` of the plain level in reduced variables; the layer has :math:`\sqrt{pq}` times it."""
    steps, value = _summed(wedge_mean, lambda f: f.at(slope) / (pi * (1 + slope**2) ** 2), "m")
    return Formula(
        id="hidden.mean",
        title="Plain term of a hidden layer",
        statement=Eq(Expectation(Expectation(HiddenValue(w, h, 1 / tau, kappa), h), w), value, evaluate=False),
        derivation=Derivation(
            (*inner_maximum().formula.derivation.steps, homogeneity_step(), *angular_steps(), *steps)
        ),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("w, h independent standard normals", "kappa > 0", "tau > 0"),
        variables=(kappa, tau),
    )


@lru_cache(maxsize=1)
def hidden_exponential() -> Formula:
    r"""``E exp(eta v)`` in reduced variables, the partially lifted term; needs ``2 eta v < 1``.

    The active form is largest in the first quadrant, which belongs to the active wedge, so that the condition
    is that ``1 + t^2 - 2 eta v`` is positive definite there: its two diagonal entries and its determinant.
    """
    steps, value = _summed(
        lambda form, lower, upper: wedge_exponential(form, eta, lower, upper),
        lambda f: 1 / (2 * pi * (1 + slope**2 - 2 * eta * f.at(slope))),
        "e",
    )
    return Formula(
        id="hidden.exponential",
        title="Partially lifted term of a hidden layer",
        statement=Eq(
            Expectation(Expectation(exp(eta * HiddenValue(w, h, 1 / tau, kappa)), h), w),
            value,
            evaluate=False,
        ),
        derivation=Derivation(
            (*inner_maximum().formula.derivation.steps, homogeneity_step(), *angular_steps(), *steps), (CONDITION,)
        ),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("w, h independent standard normals", CONDITION),
        variables=(kappa, tau, eta),
    )


@lru_cache(maxsize=1)
def exponential_domain() -> tuple[Expr, Expr]:
    """The two quantities that must be positive for the exponential moment to be finite: diagonal and
    determinant.
    """
    wedge = inner_maximum().form(1, True)
    value = wedge.value.subs({w: 1, h: slope}).subs({chi: 1 / tau, mu: kappa}, simultaneous=True)
    form = QuadraticForm.along(value, slope)
    diagonal = 1 - 2 * eta * form.c
    return diagonal, (1 - 2 * eta * form.a) * diagonal - (eta * form.b) ** 2


@lru_cache(maxsize=1)
def largest_lifting() -> Formula:
    """The eta at which the exponential moment of a hidden layer diverges: where the determinant of the form vanishes.

    >>> largest_lifting().statement.rhs.subs({kappa: 1, tau: 1})
    sqrt(2)
    """
    diagonal, determinant = exponential_domain()
    solutions = solve(determinant, eta)
    (bound,) = (r for r in solutions if r.subs({kappa: 1, tau: 1}).is_positive)
    end = solve(diagonal, eta)[0]
    unit = HiddenValue(1, slope, 1 / tau, kappa) / (1 + slope**2)
    return Formula(
        id="hidden.exponential.bound",
        title="Where the exponential moment of a hidden layer diverges",
        statement=Eq(1 / (2 * Maximum(unit, slope, 0, oo)), bound, evaluate=False),
        derivation=Derivation(
            (
                *inner_maximum().formula.derivation.steps,
                Step(
                    "The form 1 + t^2 - 2 eta v of the active wedge degenerates where its determinant vanishes.",
                    Eq(determinant, 0, evaluate=False),
                    lambda: identically_zero(determinant.subs(eta, bound)),
                ),
                Step(
                    "The other zero is negative: the product of the two is.",
                    Eq(Symbol("eta_1") * Symbol("eta_2"), -(kappa + tau) / tau, evaluate=False),
                    lambda: identically_zero(solutions[0] * solutions[1] + (kappa + tau) / tau),
                ),
                Step(
                    "At the zero of the diagonal entry the determinant is negative already.",
                    Eq(eta, end, evaluate=False),
                    lambda: simplify(determinant.subs(eta, end)).is_negative,
                ),
            ),
            (CONDITION,),
        ),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("kappa > 0", "tau > 0"),
        variables=(kappa, tau),
    )


def lifting_bound(p: Expr, q: Expr, susceptibility: Expr, curvature: Expr) -> Expr:
    """The y at which the exponential moment of a layer diverges, from :func:`largest_lifting` by scaling."""
    reduced = reduced_parameters(p, q, susceptibility, curvature)
    return largest_lifting().statement.rhs.subs(reduced, simultaneous=True) / sqrt(p * q)
