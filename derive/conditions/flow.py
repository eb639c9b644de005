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
    Eq,
    Expr,
    Function,
    Integer,
    Integral,
    Symbol,
    diff,
    exp,
    expand,
    log,
    simplify,
    symbols,
)

from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.symbols import Level, Lifting, alpha, chi
from ..objectives.energy_map import energy_sphere, lambda_forms
from ..objectives.relations import dual_overlaps
from .stationarity import TiltedExpectation

__all__ = [
    "dual_overlap_integral",
    "forward_equation",
    "generator",
    "marginal_stability",
    "slope_growth",
    "slope_is_conserved",
    "sphere_integral",
]

SOURCE = "arXiv 2302.14112 (full replica symmetry breaking, zero temperature); arXiv 2410.20646 (lifted tower)"

x, s = symbols("x s", real=True)
p = Symbol("p", real=True)
y, Lambda = symbols("y Lambda", positive=True)
f, m, v, g = (Function(name)(x, p) for name in "fmvg")
BACKWARD = -(diff(f, x, 2) + y * diff(f, x) ** 2) / 2


def _with_backward_flow(expr: Expr) -> Expr:
    """Every p-derivative of f replaced by the backward flow."""
    third = diff(BACKWARD, x)
    return expr.subs({diff(f, x, p): third, diff(f, p, x): third}).subs(diff(f, p), BACKWARD)


def _formula(name: str, title: str, statement: Expr, *steps: Step, uses: tuple[str, ...] = ()) -> Formula:
    return Formula(
        id=f"flow.{name}",
        title=title,
        statement=statement,
        derivation=Derivation(steps, uses),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("f obeys the backward flow: d f/dp = -(f'' + y f'^2)/2",),
        variables=tuple(sorted(statement.free_symbols, key=str)),
    )


@lru_cache(maxsize=1)
def forward_equation() -> Formula:
    r"""The tilted density moves by :math:`\partial_p m = \tfrac12 m'' - (y f' m)'`.

    >>> forward_equation().derivation.verdict().value
    'proved'
    """
    right = diff(m, x, 2) / 2 - diff(y * diff(f, x) * m, x)
    tilted = v * exp(y * f)

    def residual() -> Expr:
        moved = diff(tilted, p) - right.subs(m, tilted).doit()
        return simplify(_with_backward_flow(moved.subs(diff(v, p), diff(v, x, 2) / 2)) / exp(y * f))

    return _formula(
        "forward",
        "Forward equation of the tilted density",
        Eq(diff(m, p), right, evaluate=False),
        Step(
            "Within a step the tilted law is m = v exp(y f): an untilted density v that diffuses, times the weight that the "
            "step puts on the field. Differentiate.",
            Eq(diff(tilted, p), right.subs(m, tilted), evaluate=False),
            lambda: identically_zero(residual()),
        ),
        uses=("d v/dp = v''/2 within a step",),
    )


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
    forward = forward_equation().statement.rhs
    boundary = (g * diff(m, x) - diff(g, x) * m) / 2 - y * diff(f, x) * m * g
    density = Eq(Derivative(g * m, p), m * _generated(g) + Derivative(boundary, x), evaluate=False)
    return _formula(
        "generator",
        "Generator of the tilted diffusion",
        _moves(g, _generated(g)),
        Step(
            "Insert the forward equation and integrate by parts: up to a derivative in x, whose integral vanishes, the "
            "density of g m moves by m times the generator of g.",
            density,
            lambda: identically_zero(expand((density.lhs - density.rhs).doit().subs(diff(m, p), forward).doit())),
        ),
        uses=("flow.forward",),
    )


@lru_cache(maxsize=1)
def slope_is_conserved() -> Formula:
    r""":math:`E_m f'` does not change with p: the generator vanishes on :math:`f'`.

    >>> slope_is_conserved().statement.rhs
    0
    """
    slope = diff(f, x)
    return _formula(
        "conserved_slope",
        "The mean slope of f along the flow",
        _moves(slope, Integer(0)),
        Step(
            "Differentiate the backward flow in x and insert it: the generator vanishes on f'.",
            Eq(_generated(slope), 0, evaluate=False),
            lambda: identically_zero(simplify(_with_backward_flow(_generated(slope)))),
        ),
        uses=("flow.generator",),
    )


@lru_cache(maxsize=1)
def slope_growth() -> Formula:
    r""":math:`\frac{d}{dp} E_m f'^2 = E_m f''^2`: the generator turns :math:`f'^2` into :math:`f''^2`.

    >>> slope_growth().derivation.verdict().value
    'proved'
    """
    square, grown = diff(f, x) ** 2, diff(f, x, 2) ** 2
    return _formula(
        "slope_growth",
        "Growth of the squared slope along the flow",
        _moves(square, grown),
        Step(
            "Insert the backward flow and its derivative in x: the generator turns f'^2 into f''^2.",
            Eq(_generated(square), grown, evaluate=False),
            lambda: identically_zero(simplify(_with_backward_flow(_generated(square) - grown))),
        ),
        uses=("flow.generator",),
    )


def _steps_of(lifting: Lifting) -> list[tuple[Expr, Expr, Expr]]:
    """Length in s = 1 - p, Lambda at its beginning, and y, of every step from the inside out."""
    forms = lambda_forms(lifting)
    return [(lifting.increment(lifting.p, k), forms[lifting.Lambda(k - 1)], lifting.y(k)) for k in lifting.steps]


def _is_integral(primitive: Expr, density: Expr, upper: Symbol) -> bool | None:
    """Whether a primitive starts from 0 and has the density as its slope."""
    if identically_zero(primitive.subs(upper, 0)) is not True:
        return None
    return identically_zero(simplify(diff(primitive, upper) - density))


@lru_cache(maxsize=16)
def sphere_integral(level: Level | int | str) -> Formula:
    r"""The sphere part of P_r is :math:`\int ds/(2\Lambda(s)) + p_r/(2\Lambda_r)` with :math:`\Lambda' = y`, any y.

    >>> sphere_integral(2).statement.rhs
    p_2/(2*chi + 2*y_2*(1 - p_2)) + Integral(1/(2*chi + 2*s*y_2), (s, 0, 1 - p_2))
    """
    lifting = Lifting(Level.parse(level))
    r = lifting.level.r
    last = lambda_forms(lifting)[lifting.Lambda(r)]
    pieces = [Integral(1 / (2 * before + 2 * rate * s), (s, 0, length)) for length, before, rate in _steps_of(lifting)]
    statement = Eq(energy_sphere(lifting), Add(*pieces) + lifting.p(r) / (2 * last), evaluate=False)
    d = Symbol("d", positive=True)
    logarithm = log((Lambda + y * d) / Lambda) / (2 * y)
    logs = Add(*(logarithm.subs({Lambda: b, y: rate, d: n}, simultaneous=True) for n, b, rate in _steps_of(lifting)))
    return Formula(
        id=f"limit.sphere.{level}",
        title=f"Sphere part as an integral over the overlaps, level {level}",
        statement=statement,
        derivation=Derivation(
            (
                Step(
                    "Within a step Lambda grows with the slope y: the logarithm is the integral of 1/(2 Lambda).",
                    Eq(logarithm, Integral(1 / (2 * (Lambda + y * s)), (s, 0, d)), evaluate=False),
                    lambda: _is_integral(logarithm, 1 / (2 * (Lambda + y * d)), d),
                ),
                Step(
                    "The logarithms of the sphere part are those of the steps.",
                    Eq(Symbol("S"), logs + lifting.p(r) / (2 * last), evaluate=False),
                    lambda: identically_zero(simplify(energy_sphere(lifting) - logs - lifting.p(r) / (2 * last))),
                ),
            )
        ),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("Lambda(0) = chi", "Lambda'(s) = y_k on step k"),
        variables=(chi,),
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
    last = forms[lifting.Lambda(r)]
    steps = _steps_of(lifting)[k - 1 :]
    pieces = [Integral((before + rate * s) ** -2, (s, 0, length)) for length, before, rate in steps]
    value = dual_overlaps(lifting)[k].subs(forms)
    d = Symbol("d", positive=True)
    ratio = d / (Lambda * (Lambda + y * d))
    ratios = Add(*(ratio.subs({Lambda: b, y: rate, d: n}, simultaneous=True) for n, b, rate in steps))
    return Formula(
        id=f"limit.dual_overlap.{level}.{k}",
        title=f"Dual overlap q_{k} as an integral over the overlaps, level {level}",
        statement=Eq(value, Add(*pieces) + lifting.p(r) / last**2, evaluate=False),
        derivation=Derivation(
            (
                Step(
                    "Within a step Lambda grows with the slope y: the increment of q is the integral of 1/Lambda^2.",
                    Eq(ratio, Integral((Lambda + y * s) ** -2, (s, 0, d)), evaluate=False),
                    lambda: _is_integral(ratio, (Lambda + y * d) ** -2, d),
                ),
                Step(
                    "Add the increments from the outermost overlap to k.",
                    Eq(Symbol(f"q_{k}"), ratios + lifting.p(r) / last**2, evaluate=False),
                    lambda: identically_zero(simplify(value - ratios - lifting.p(r) / last**2)),
                ),
            )
        ),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("Lambda(0) = chi", "Lambda'(s) = y_k on step k"),
        variables=(chi,),
    )


@lru_cache(maxsize=1)
def marginal_stability() -> Formula:
    r"""In the limit :math:`\alpha \Lambda^2\, E_m f''^2 = 1` along the support of the overlaps.

    >>> marginal_stability().derivation.verdict().value
    'proved'
    """
    q, A, L = (Function(name) for name in ("q", "A", "Lambda"))
    end, t = symbols("s_max t", positive=True)
    curvature = TiltedExpectation(diff(Function("f")(x), x, 2) ** 2, p)
    outside = Integral(L(t) ** -2, (t, s, end))
    eigenvalue = 1 - alpha * Lambda**2 * curvature
    differentiated = 1 / Lambda**2 - alpha * curvature
    return Formula(
        id="limit.marginal_stability",
        title="Marginal stability along the flow",
        statement=Eq(alpha * Lambda**2 * curvature, 1, evaluate=False),
        derivation=Derivation(
            (
                Step(
                    "The dual overlap is an integral from s = 1 - p on; its slope in p is 1/Lambda^2.",
                    Eq(diff(q(p), p), 1 / Lambda**2, evaluate=False),
                    lambda: identically_zero(-diff(outside, s) - L(s) ** -2),
                ),
                *slope_growth().derivation.steps,
                Step(
                    "Stationarity q(p) = alpha E f'^2 holds for every p of the support: differentiate it.",
                    Eq(diff(q(p) - alpha * A(p), p), differentiated, evaluate=False),
                    lambda: identically_zero(Lambda**2 * differentiated - eigenvalue),
                ),
            ),
            ("stationarity in y(p) for every p of the support", "flow.generator"),
        ),
        status=Status.FULLY_LIFTED,
        source=SOURCE,
        assumptions=("the limit of many levels", "p in the support of the overlaps"),
        variables=(alpha, Lambda),
    )
