r"""The tower as a flow in the overlap: the density of the tilted law, what it does to averages, and the limit of many levels.

With p as time, f runs backward, :math:`\partial_p f = -\tfrac12 (f'' + y f'^2)` from :math:`f = -M_\chi` at p = 1, and the
tilted density m runs forward from :math:`N(0, p_r)`.  y is constant between the overlaps of a level, a function of p in
the limit :math:`r \to \infty`.  Source: arXiv 2302.14112 (zero-temperature full replica symmetry breaking of the same
problem); arXiv 2410.20646 (lifted objective).
"""

from __future__ import annotations

from functools import lru_cache

from sympy import (
    Add,
    Derivative,
    Dict,
    Eq,
    Expr,
    Function,
    Integer,
    Integral,
    Subs,
    Symbol,
    diff,
    exp,
    log,
    symbols,
)

from ..core.formulas import Derivation, Formula, Status
from ..core.insertion import insert
from ..core.steps import Definition, Identity, Quadrature, Step, Substitution, Theorem
from ..core.symbols import Level, Lifting, alpha
from ..objectives.energy_map import energy_sphere, lambda_forms
from ..objectives.relations import dual_overlaps
from .stationarity import TiltedExpectation

__all__ = [
    "BACKWARD",
    "FLUX",
    "FORWARD",
    "dual_overlap_integral",
    "forward_equation",
    "generator",
    "marginal_stability",
    "response",
    "slope_growth",
    "slope_is_conserved",
    "sphere_integral",
    "sphere_step",
]

SOURCE = "arXiv 2302.14112 (full replica symmetry breaking, zero temperature); arXiv 2410.20646 (lifted tower)"

x, s = symbols("x s", real=True)
p = Symbol("p", real=True)
y, Lambda, d = symbols("y Lambda d", positive=True)
f, m, v, g = (Function(name)(x, p) for name in "fmvg")


def _backward(f: Expr, y: Expr) -> Expr:
    return -(diff(f, x, 2) + y * diff(f, x) ** 2) / 2


BACKWARD = _backward(f, y)
FLUX = y * diff(f, x) * m
FORWARD = Derivative(m, (x, 2)) / 2 - Derivative(FLUX, x)
"""Rates of f and of the tilted density in p, the second as the spread of the density less the slope of its drift."""


BACKWARD_FLOW = Definition("f obeys the backward flow.", Eq(diff(f, p), BACKWARD, evaluate=False), name="backward")


def _formula(name: str, title: str, derivation: Derivation) -> Formula:
    return Formula.concluding(
        f"flow.{name}",
        title,
        derivation,
        source=SOURCE,
        assumptions=("f obeys the backward flow: d f/dp = -(f'' + y f'^2)/2",),
    )


@lru_cache(maxsize=1)
def forward_equation() -> Formula:
    r"""The tilted density moves by :math:`\partial_p m = \tfrac12 m'' - (y f' m)'`.

    >>> forward_equation().derivation.verdict().value
    'proved'
    """
    steps = (
        BACKWARD_FLOW,
        Definition(
            "Within a step an untilted density diffuses ...",
            Eq(diff(v, p), diff(v, x, 2) / 2, evaluate=False),
            name="diffusion",
        ),
        Definition(
            "... and the tilted law is that density times the weight that the step puts on the field.",
            Eq(m, v * exp(y * f), evaluate=False),
            name="tilted",
        ),
        Identity(
            "Differentiate the product.",
            diff(m, p),
            FORWARD.doit(),
            using=("tilted", "diffusion", "backward"),
            name="forward",
        ),
    )
    uses = ("d v/dp = v''/2 within a step",)
    return _formula("forward", "Forward equation of the tilted density", Derivation(steps, uses))


def _generated(observable: Expr) -> Expr:
    """What the tilted diffusion adds to an observable per unit of p."""
    return diff(observable, p) + diff(observable, x, 2) / 2 + y * diff(f, x) * diff(observable, x)


def _moves(observable: Expr, by: Expr) -> Expr:
    """The statement that the tilted average of an observable has the slope ``E_m[by]`` in p."""
    slope = Integer(0) if by == 0 else TiltedExpectation(by, p)
    return Eq(Derivative(TiltedExpectation(observable, p), p), slope, evaluate=False)


@lru_cache(maxsize=1)
def generator() -> Formula:
    r"""Averages move by :math:`\frac{d}{dp} E_m g = E_m[\partial_p g + \tfrac12 g'' + y f' g']`.

    >>> generator().derivation.verdict().value
    'proved'
    """
    forward = forward_equation().derivation
    boundary = (g * diff(m, x) - diff(g, x) * m) / 2 - FLUX * g
    statement, rate = _moves(g, _generated(g)), Function("A")(x, p)
    steps = (
        *forward.steps,
        Definition(
            "Per unit of the tilted density: what moves g m, up to a derivative in x.",
            Eq(rate, (Derivative(g * m, p) - Derivative(boundary, x)) / m, evaluate=False),
            name="A",
        ),
        Identity(
            "Insert the forward equation: it is the generator of g.",
            rate,
            _generated(g),
            using=("A", "forward"),
            name="A closed",
        ),
        Theorem(
            "So the average moves by that of A, as the derivative in x integrates to 0.",
            _moves(g, rate),
            "differentiation under the integral, for a density that vanishes at infinity with its slope",
            name="average",
        ),
        Identity(
            "Insert the generator.", statement.lhs, statement.rhs, using=("average", "A closed"), name="generator"
        ),
    )
    return _formula("generator", "Generator of the tilted diffusion", Derivation(steps, forward.uses))


def _of_slope(observable: Expr, by: Expr, text: str, name: str) -> Derivation:
    """The generator on a function of the slopes of f."""
    general = generator().derivation
    step = Substitution(
        text, Dict({g: observable}), _moves(observable, by).rhs, using=("generator", "backward"), name=name
    )
    return Derivation((*general.steps, step), general.uses)


@lru_cache(maxsize=1)
def slope_is_conserved() -> Formula:
    r""":math:`E_m f'` does not change with p: the generator vanishes on :math:`f'`.

    >>> slope_is_conserved().statement.rhs
    0
    """
    text = "Differentiate the backward flow in x and insert it: the generator vanishes on f'."
    derivation = _of_slope(diff(f, x), Integer(0), text, "conserved slope")
    return _formula("conserved_slope", "The mean slope of f along the flow", derivation)


@lru_cache(maxsize=1)
def slope_growth() -> Formula:
    r""":math:`\frac{d}{dp} E_m f'^2 = E_m f''^2`: the generator turns :math:`f'^2` into :math:`f''^2`.

    >>> slope_growth().derivation.verdict().value
    'proved'
    """
    text = "Insert the backward flow and its derivative in x: the generator turns f'^2 into f''^2."
    derivation = _of_slope(diff(f, x) ** 2, diff(f, x, 2) ** 2, text, "growth")
    return _formula("slope_growth", "Growth of the squared slope along the flow", derivation)


@lru_cache(maxsize=1)
def response() -> Formula:
    r"""If y moves by :math:`\eta`, f by g: :math:`\frac{d}{dp} E_m g = -\tfrac12 \eta E_m f'^2`, in first order.

    As g vanishes at p = 1, a change of the overlap function moves the count by :math:`\tfrac12 \int \eta\, E_m f'^2 dp`.

    >>> response().statement.rhs
    E_m_p[-eta*Derivative(f(x, p), x)**2/2]
    """
    eta, change = Symbol("eta", real=True), Symbol("epsilon", real=True)
    general = generator().derivation
    moved = _backward(f + change * g, y + change * eta)
    statement = _moves(g, -eta * diff(f, x) ** 2 / 2)
    steps = (
        *general.steps,
        Definition(
            "g is the slope of f in epsilon where y + epsilon eta takes the place of y: it obeys the slope of the flow.",
            Eq(diff(g, p), Subs(Derivative(moved, change), change, 0), evaluate=False),
            name="moved flow",
        ),
        Identity(
            "Differentiate: the flow of g is linear, with a source.",
            diff(g, p),
            -(diff(g, x, 2) + 2 * y * diff(f, x) * diff(g, x) + eta * diff(f, x) ** 2) / 2,
            using=("moved flow",),
            name="linear flow",
        ),
        Identity("The generator leaves the source.", statement.lhs, statement.rhs, using=("generator", "linear flow")),
    )
    return _formula("response", "What a change of the overlap function does to f", Derivation(steps, general.uses))


@lru_cache(maxsize=1)
def sphere_step() -> Quadrature:
    """The sphere part of one step of length d, along which Lambda grows from ``Lambda`` with the slope y."""
    return _over_a_step(
        1 / (2 * Lambda + 2 * y * s),
        log(Lambda + y * s) / (2 * y),
        "Within a step Lambda grows with the slope y: the integral of 1/(2 Lambda) is a logarithm.",
    )


def _over_a_step(integrand: Expr, primitive: Expr, text: str) -> Quadrature:
    """The integral of a function of s, Lambda and y from 0 to d."""
    closed = primitive.subs(s, d) - primitive.subs(s, 0)
    return Quadrature(text, integrand, s, Integer(0), d, primitive, closed, name="integral")


def _steps_of(lifting: Lifting) -> list[tuple[Expr, Expr, Expr]]:
    """Length in s = 1 - p, Lambda at its beginning, and y, of every step from the inside out."""
    forms = lambda_forms(lifting)
    return [(lifting.increment(lifting.p, k), forms[lifting.Lambda(k - 1)], lifting.y(k)) for k in lifting.steps]


def _integrated(general: Quadrature, steps: list[tuple[Expr, Expr, Expr]]) -> tuple[Step, ...]:
    """An integral over a step, and the same on every step, called ``piece 1`` and so on."""
    found: list[Step] = [general]
    for i, (length, before, rate) in enumerate(steps, 1):
        mapping = Dict({Lambda: before, y: rate, d: length})
        value = insert(general.value, dict(mapping))
        found.append(Substitution(f"On piece {i}.", mapping, value, using=("integral",), name=f"piece {i}"))
    return tuple(found)


def _pieces(steps: tuple[Step, ...]) -> Expr:
    """The integrals over the pieces."""
    chain = Derivation(steps)
    return Add(*(chain.concluded(step.name).lhs for step in steps if step.name.startswith("piece")))  # type: ignore[attr-defined]


@lru_cache(maxsize=16)
def sphere_integral(level: Level | int | str) -> Formula:
    r"""The sphere part of P_r is :math:`\int ds/(2\Lambda(s)) + p_r/(2\Lambda_r)` with :math:`\Lambda' = y`, any y.

    >>> sphere_integral(2).statement.rhs
    p_2/(2*chi + 2*y_2*(1 - p_2)) + Integral(1/(2*chi + 2*s*y_2), (s, 0, 1 - p_2))
    """
    lifting = Lifting(Level.parse(level))
    r = lifting.level.r
    last = lambda_forms(lifting)[lifting.Lambda(r)]
    steps = _integrated(sphere_step(), _steps_of(lifting))
    final = Identity(
        "The logarithms of the sphere part are those of the pieces.",
        energy_sphere(lifting),
        _pieces(steps) + lifting.p(r) / (2 * last),
        using=tuple(step.name for step in steps[1:]),
    )
    derivation = Derivation((*steps, final))
    return Formula.concluding(
        f"limit.sphere.{level}",
        f"Sphere part as an integral over the overlaps, level {level}",
        derivation,
        source=SOURCE,
        assumptions=("Lambda(0) = chi", "Lambda'(s) = y_k on step k"),
    )


@lru_cache(maxsize=16)
def dual_overlap_integral(level: Level | int | str, k: int) -> Formula:
    r"""The dual overlap is :math:`q_k = p_r/\Lambda_r^2 + \int ds/\Lambda(s)^2` over the steps beyond k.

    In the scaling of the energy form; ``k`` runs from 1 to the level.

    >>> dual_overlap_integral(2, 1).statement.rhs
    p_2/(chi + y_2*(1 - p_2))**2 + Integral((chi + s*y_2)**(-2), (s, 0, 1 - p_2))
    """
    lifting = Lifting(Level.parse(level))
    r, forms = lifting.level.r, lambda_forms(lifting)
    general = _over_a_step(
        (Lambda + y * s) ** -2,
        s / (Lambda * (Lambda + y * s)),
        "Within a step Lambda grows with the slope y: the increment of q is the integral of 1/Lambda^2.",
    )
    steps = _integrated(general, _steps_of(lifting)[k - 1 :])
    final = Identity(
        "Add the increments from the outermost overlap to k.",
        dual_overlaps(lifting)[k].subs(forms),
        _pieces(steps) + lifting.p(r) / forms[lifting.Lambda(r)] ** 2,
        using=tuple(step.name for step in steps[1:]),
    )
    derivation = Derivation((*steps, final))
    return Formula.concluding(
        f"limit.dual_overlap.{level}.{k}",
        f"Dual overlap q_{k} as an integral over the overlaps, level {level}",
        derivation,
        source=SOURCE,
        assumptions=("Lambda(0) = chi", "Lambda'(s) = y_k on step k"),
    )


@lru_cache(maxsize=1)
def marginal_stability() -> Formula:
    r"""In the limit :math:`\alpha \Lambda^2\, E_m f''^2 = 1` along the support of the overlaps.

    >>> marginal_stability().derivation.verdict().value
    'proved'
    """
    q, L = (Function(name) for name in ("q", "Lambda"))
    end, t, last = symbols("s_max t q_r", positive=True)
    growth = slope_growth().derivation
    square, curvature = TiltedExpectation(diff(f, x) ** 2, p), TiltedExpectation(diff(f, x, 2) ** 2, p)
    steps = (
        *growth.steps,
        Definition(
            "The dual overlap is an integral over the overlaps, from s = 1 - p on ...",
            Eq(q(p), last + Integral(L(t) ** -2, (t, 1 - p, end)), evaluate=False),
            name="dual",
        ),
        Identity(
            "... so that its slope in p is 1/Lambda^2.", diff(q(p), p), L(1 - p) ** -2, using=("dual",), name="slope"
        ),
        Definition(
            "Stationarity in y(p), q = alpha E f'^2, holds for every p of the support.",
            Eq(square, q(p) / alpha, evaluate=False),
            name="stationary",
        ),
        Definition("A name for Lambda at p.", Eq(Lambda, L(1 - p), evaluate=False), name="Lambda"),
        Identity(
            "Differentiate it.",
            alpha * Lambda**2 * curvature,
            Integer(1),
            using=("~growth", "stationary", "slope", "Lambda"),
        ),
    )
    derivation = Derivation(steps, ("stationarity in y(p) for every p of the support", "flow.generator"))
    return Formula.concluding(
        "limit.marginal_stability",
        "Marginal stability along the flow",
        derivation,
        status=Status.FULLY_LIFTED,
        source=SOURCE,
        assumptions=("the limit of many levels", "p in the support of the overlaps"),
    )
