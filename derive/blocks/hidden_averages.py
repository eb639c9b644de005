r"""The hidden layer of a deep network: its term at any lifting level, its coupling, and its closed forms.

At the plain and the partially lifted level both fields are centred Gaussians, v is homogeneous, and the term
depends on its parameters only through :math:`\kappa = \mu\sqrt{p/q}`, :math:`\tau = \sqrt{p/q}/\chi` and
:math:`\eta = y\sqrt{pq}`.  The expectation is then an angular integral over the wedges.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from sympy import Add, Dict, Eq, Expr, Integral, Rational, Symbol, exp, log, oo, pi, solve, sqrt, symbols

from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation
from ..core.insertion import insert
from ..core.maxima import Maximum
from ..core.steps import Chain, Definition, Identity, Solution, Step, Substitution, Theorem, leading_to
from ..core.symbols import Lifting
from .angular import (
    QuadraticForm,
    V,
    angular_steps,
    eta,
    radial_weight,
    slope_function,
    wedge_exponential,
    wedge_mean,
    wedge_steps,
)
from .hidden_maximum import SIDES, SOURCE, HiddenValue, PieceByPiece, chi, h, inner_maximum, mu, slope, w, wedge_pieces
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

kappa, tau = symbols("kappa tau", positive=True)
p_w, q_h, rate = symbols("p q y", positive=True)
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
        lifted = insert(coupling(own), {own.c(k): own.y(k) for k in own.steps})
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


@lru_cache(maxsize=1)
def _scaled_wedges() -> tuple[tuple[QuadraticForm, Expr, Expr, str], ...]:
    """Wedges in the reduced scaling p = q = 1, chi = 1/tau, mu = kappa: form, limits, name."""
    scale = {chi: 1 / tau, mu: kappa}
    found = []
    for wedge in inner_maximum().wedges:
        form = QuadraticForm.along(wedge.value.subs({w: wedge.side, h: slope}), slope)
        coefficients, ends = (form.a, form.b, form.c), (wedge.lower, wedge.upper)
        form = QuadraticForm(*(insert(c, scale).factor() for c in coefficients))
        found.append((form, *(insert(e, scale) for e in ends), wedge.name))
    return tuple(found)


@lru_cache(maxsize=1)
def scaling_steps() -> tuple[Step, ...]:
    """The steps to ``scaling``: v(sqrt(p) w, sqrt(q) h; chi, mu) = sqrt(p q) v(w, h; 1/tau, kappa)."""
    reduced = reduced_parameters(p_w, q_h, chi, mu)
    chain = Chain(inner_maximum().chain("v closed"))
    for symbol, solved, name in ((tau, chi, "tau"), (kappa, mu, "kappa")):
        chain.add(Definition(f"The reduced parameter {name}.", Eq(symbol, reduced[symbol], evaluate=False), name=name))
        chain.solve(f"So {solved} is known by it.", solved, using=(name,), name=f"{solved} by {name}")
    chain.add(
        Identity(
            "Scale the fields: kappa = mu sqrt(p/q), tau = sqrt(p/q)/chi.",
            HiddenValue(sqrt(p_w) * w, sqrt(q_h) * h, chi, mu),
            sqrt(p_w * q_h) * HiddenValue(w, h, 1 / tau, kappa),
            using=("v closed", "chi by tau", "mu by kappa"),
            name="scaling",
        )
    )
    return tuple(chain.steps)


@lru_cache(maxsize=2)
def _plane(kind: str) -> Derivation:
    """The mean of v, or of exp(eta v), over standard normal fields, from the plane to the slopes of its wedges."""
    unit = HiddenValue(w, h, 1 / tau, kappa)
    mean = Expectation(Expectation(exp(eta * unit) if kind == "exponential" else unit, h), w)
    wedges = _scaled_wedges()
    forms = {
        f"{name}, {kind}": (f.resolvent(eta) if kind == "exponential" else f, low, high)
        for f, low, high, name in wedges
    }
    weight = radial_weight(kind)
    contribution = weight[-1].right  # type: ignore[attr-defined]
    J = slope_function(kind)
    lines, total = [], Add(*(_wedge_term(kind, f, low, high) for f, low, high, _ in wedges))
    steps: list[Step] = [*inner_maximum().chain("homogeneous", *(f"v {n}" for n in SIDES.values()))]
    steps += [*leading_to(angular_steps(), *(f"{place} {kind}" for place in ("below", "above"))), *weight]
    cut = wedge_steps(kind, forms)
    steps += cut
    for side, name in SIDES.items():
        along = HiddenValue(side, slope, 1 / tau, kappa)
        line = Integral(J(along, slope), (slope, -oo, oo))
        lines.append(line)
        own = [n for n in forms if f"w {'>' if side == 1 else '<'} 0" in n]
        over = [_mapped_integral(kind, *forms[n]) for n in own]
        steps += [
            wedge_pieces(side, Rational(1), slope, 1 / tau, kappa),
            PieceByPiece(
                f"The slopes of the half-plane w {'>' if side == 1 else '<'} 0 fall into two wedges.",
                Integral(contribution.subs(V, along), (slope, -oo, oo)),
                Add(*over),
                using=(f"pieces {name}",),
                name=f"line {name} {kind}",
            ),
        ]
    prefactor = 1 / pi if kind == "mean" else 1 / (2 * pi)
    steps += [
        Theorem(
            "Either half-plane in polar coordinates, h = |w| t: v is homogeneous of degree 2.",
            Eq(mean, prefactor * Add(*lines), evaluate=False),
            "Fubini's theorem",
            using=("homogeneous", f"J {kind}"),
            name=f"polar {kind}",
        ),
        Substitution(
            "Sum over the four wedges.",
            Dict(),
            total,
            using=(f"polar {kind}", f"J {kind} closed", *(f"line {n} {kind}" for n in SIDES.values()), *forms),
            name=kind,
        ),
    ]
    return Derivation(tuple(steps), (CONDITION,) if kind == "exponential" else ())


def merged_steps(*derivations: Derivation) -> tuple[Step, ...]:
    """The steps of some derivations, those that they share once."""
    return tuple(dict.fromkeys(step for d in derivations for step in d.steps))


def _mapped_integral(kind: str, form: QuadraticForm, low: Expr, high: Expr) -> Integral:
    """What the integral over a wedge is an instance of, at its form and ends."""
    (step,) = wedge_steps(kind, {"wedge": (form, low, high)})
    general = Derivation((*angular_steps(), step))
    return general.conclusion.lhs  # type: ignore[attr-defined]


def _wedge_term(kind: str, form: QuadraticForm, low: Expr, high: Expr) -> Expr:
    return wedge_mean(form, low, high) if kind == "mean" else wedge_exponential(form, eta, low, high)


def named(steps: tuple[Step, ...], ending: str) -> tuple[Step, ...]:
    """The steps under longer names, to stand beside a chain that uses the same ones."""
    return tuple(
        replace(s, name=s.name and s.name + ending, using=tuple(name + ending for name in s.using)) for s in steps
    )


@lru_cache(maxsize=1)
def hidden_mean() -> Formula:
    r"""``E v`` of the plain level in reduced variables; the layer has :math:`\sqrt{pq}` times it."""
    derivation = _plane("mean")
    return Formula.concluding(
        "hidden.mean",
        "Plain term of a hidden layer",
        derivation,
        source=SOURCE,
        assumptions=("w, h independent standard normals", "kappa > 0", "tau > 0"),
    )


@lru_cache(maxsize=1)
def hidden_exponential() -> Formula:
    r"""``E exp(eta v)`` in reduced variables, the partially lifted term; needs ``2 eta v < 1``.

    The active form is largest in the first quadrant, which belongs to the active wedge, so that the condition
    is that ``1 + t^2 - 2 eta v`` is positive definite there: its two diagonal entries and its determinant.
    """
    derivation = _plane("exponential")
    return Formula.concluding(
        "hidden.exponential",
        "Partially lifted term of a hidden layer",
        derivation,
        source=SOURCE,
        assumptions=("w, h independent standard normals", CONDITION),
    )


@lru_cache(maxsize=2)
def scaled_average(kind: str) -> Derivation:
    """The average of v, or of exp(y v), over centred normal fields of variances p and q, in a layer's own parameters."""
    own = HiddenValue(sqrt(p_w) * w, sqrt(q_h) * h, chi, mu)
    unit, size = HiddenValue(w, h, 1 / tau, kappa), sqrt(p_w * q_h)
    reduced = reduced_parameters(p_w, q_h, chi, mu)

    def average(expr: Expr) -> Expr:
        return Expectation(Expectation(expr, h), w)

    if kind == "mean":
        formula, left, closed = hidden_mean(), average(own), size * hidden_mean().statement.rhs  # type: ignore[attr-defined]
        step: Step = Identity(
            "The scale stands before the mean.", average(size * unit), size * average(unit), name="average at scale"
        )
        using = ("scaling", "average at scale", "mean", "kappa", "tau")
    else:
        formula, left = hidden_exponential(), average(exp(rate * own))
        closed = formula.statement.rhs.subs(eta, rate * size)  # type: ignore[attr-defined]
        step = Substitution(
            "The scale enters the rate.",
            Dict({eta: rate * size}),
            closed,
            using=("exponential",),
            name="average at scale",
        )
        using = ("scaling", "average at scale", "kappa", "tau")  # type: ignore[assignment]
    last = Identity(
        "In the parameters of the layer.",
        left,
        insert(closed, reduced),
        using=using,
        name=f"{kind} scaled",
    )
    steps = merged_steps(formula.derivation, Derivation(scaling_steps()))
    return Derivation((*steps, step, last), formula.derivation.uses)


@lru_cache(maxsize=1)
def exponential_domain() -> tuple[Expr, Expr]:
    """The two quantities that must be positive for the exponential moment to be finite: diagonal and
    determinant.
    """
    form = next(f for f, _, high, _ in _scaled_wedges() if high == oo).resolvent(eta)
    return form.c, form.a * form.c - form.b**2 / 4


@lru_cache(maxsize=1)
def largest_lifting() -> Formula:
    """The eta at which the exponential moment of a hidden layer diverges: where the determinant of the form vanishes.

    >>> largest_lifting().statement.rhs.subs({kappa: 1, tau: 1})
    sqrt(2)
    """
    determinant = exponential_domain()[1]
    unit = HiddenValue(1, slope, 1 / tau, kappa) / (1 + slope**2)
    critical = Symbol("eta_c", positive=True)
    (bound,) = (r for r in solve(determinant, eta) if r.is_positive or r.subs({kappa: 1, tau: 1}).is_positive)
    form = next(f for f, _, high, _ in _scaled_wedges() if high == oo)
    a, b, c = (Symbol(f"v_{i}", real=True) for i in range(3))
    chain = Chain(
        (
            *inner_maximum().chain("v positive"),
            wedge_pieces(1, Rational(1), slope, 1 / tau, kappa),
            *(
                Definition(
                    f"The coefficient of t^{i} in v on the active wedge.", Eq(s, e, evaluate=False), name=f"v_{i}"
                )
                for i, (s, e) in enumerate(zip((a, b, c), (form.a, form.b, form.c), strict=True))
            ),
            Definition(
                "The form 1 + t^2 - 2 eta v of the active wedge degenerates where its determinant vanishes.",
                Eq((1 - 2 * critical * a) * (1 - 2 * critical * c) - (critical * b) ** 2, 0, evaluate=False),
                name="determinant",
            ),
            Solution(
                "One of the two zeros is positive.",
                critical,
                bound,
                using=("determinant", "v_0", "v_1", "v_2"),
                name="critical",
            ),
            Theorem(
                "The largest value on the unit circle is the greater eigenvalue of the form; as b > 0, it is attained in the "
                "first quadrant, which belongs to the active wedge.",
                Eq(1 / (2 * Maximum(unit, slope, 0, oo)), critical, evaluate=False),
                "Rayleigh quotient of a quadratic form of the plane",
                using=("pieces positive", "determinant"),
                name="eigenvalue",
            ),
            Substitution("Where the moment diverges.", Dict(), bound, using=("eigenvalue", "critical")),
        )
    )
    return Formula.concluding(
        "hidden.exponential.bound",
        "Where the exponential moment of a hidden layer diverges",
        chain.derivation((CONDITION,)),
        source=SOURCE,
        assumptions=("kappa > 0", "tau > 0"),
    )


def lifting_bound(p: Expr, q: Expr, susceptibility: Expr, curvature: Expr) -> Expr:
    """The y at which the exponential moment of a layer diverges, from :func:`largest_lifting` by scaling."""
    reduced = reduced_parameters(p, q, susceptibility, curvature)
    return insert(largest_lifting().statement.rhs, reduced) / sqrt(p * q)
