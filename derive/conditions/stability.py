r"""Stability against further replica symmetry breaking: the replicon, and the finite-temperature plain level.

Splitting level k of a stationary point into two nearby ones changes the stationarity condition
:math:`q = \alpha\,\mathbb E_m (f')^2` by the gap times :math:`\Lambda^{-2} - \alpha\,\mathbb E_m (f'')^2`; in units of
:math:`\Lambda_k^{-2}` this is the replicon eigenvalue, negative where the level is unstable (de Almeida-Thouless).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from sympy import (
    Add,
    Basic,
    Derivative,
    Dict,
    Eq,
    Expr,
    Function,
    Ge,
    Heaviside,
    Integer,
    Limit,
    Min,
    Piecewise,
    Subs,
    Symbol,
    diff,
    exp,
    log,
    oo,
    simplify,
    sqrt,
    symbols,
    true,
)

from ..core.formulas import Derivation, Formula, Status
from ..core.gaussian import Expectation, gaussian_piece
from ..core.insertion import insert
from ..core.steps import (
    Approach,
    Bound,
    Definition,
    Identity,
    PiecewiseMean,
    Step,
    Substitution,
    Theorem,
    Unfolding,
)
from ..core.symbols import Level, Lifting, alpha, chi
from ..networks.gates import EnvelopePiece, Gate
from ..objectives.energy_map import lambda_forms
from ..objectives.relations import SOURCE, dual_overlaps
from .flow import slope_growth
from .stationarity import TiltedExpectation, stationarity

__all__ = ["ThermalPlainLevel", "kink", "kinks", "replicon", "thermal_conditions", "thermal_plain_level"]

x, h, u = symbols("x h u", real=True)
beta, D = symbols("beta D", positive=True)
V = Function("V", real=True)


@lru_cache(maxsize=32)
def replicon(level: Level | int | str, k: int) -> Formula:
    r"""Stability of level k of a level-r point: :math:`1 - \alpha \Lambda_k^2\, \mathbb E_{m_k}(f_k'')^2 \ge 0`.

    Valid for k = 1..r; source: arXiv 2302.14112 (de Almeida-Thouless condition of the same problem).

    >>> replicon(2, 2).id
    'replicon.2.2'
    """
    level = Level.parse(level)
    steps, _ = replicon_steps(level, k)
    derivation = Derivation(
        (
            *steps,
            Bound(
                "Stability means that it is not negative.",
                Ge(Derivation(steps).concluded("eigenvalue").rhs, 0, evaluate=False),
                using=("~eigenvalue",),
            ),
        ),
        ("stationarity in p_k", "growth of the slope along the flow"),
    )
    return Formula.concluding(
        f"replicon.{level}.{k}",
        f"Replicon eigenvalue of step {k} at level {level}",
        derivation,
        status=Status.FULLY_LIFTED,
        source=f"arXiv 2302.14112 (de Almeida-Thouless condition); {SOURCE}",
        assumptions=("the step is split into two with a small gap in p",),
    )


def replicon_steps(level: Level, k: int) -> tuple[tuple[Step, ...], Symbol]:
    """The steps to the eigenvalue ``rho(k)``, called ``eigenvalue``, and ``Lambda_k``."""
    lifting = Lifting(Level(2))
    p = Symbol("p", real=True)
    Lambda, q, rho = Symbol("Lambda", positive=True), Function("q"), Function("rho", nonnegative=True)
    f, at_k = Function("f")(x, p), Function(f"f_{k}")(x)
    dual, inside, outside = dual_overlaps(lifting), lifting.Lambda(1), lifting.Lambda(2)
    quotient = (dual[1] - dual[2]) / lifting.increment(lifting.p, 2)
    growth = slope_growth()
    square, Lambda_k = growth.statement.lhs, Lifting(level).Lambda(k)

    def eigenvalue(field: Expr, of: Expr, at: Expr) -> Expr:
        return 1 - alpha * of**2 * TiltedExpectation(diff(field, x, 2) ** 2, at)

    return (
        Definition(
            "Split a step in two: the slope of the dual overlap is the difference quotient of the halves as the gap closes ...",
            Eq(diff(q(p), p), quotient, evaluate=False),
            name="slope",
        ),
        *(
            Definition(
                f"... where Lambda of the {half} half is that of the step.",
                Eq(symbol, Lambda, evaluate=False),
                name=f"{half} half",
            )
            for half, symbol in (("inner", inside), ("outer", outside))
        ),
        Theorem(
            "The mean squared slope of f grows along the flow by the mean squared curvature.",
            growth.statement,
            f"{growth.id}, derived from the backward flow; {growth.source}",
            name="growth",
        ),
        Definition(
            "The eigenvalue: the slope of the stationarity condition q = alpha E f'^2 in p, in units of Lambda^-2.",
            Eq(rho(p), Lambda**2 * (diff(q(p), p) - alpha * square), evaluate=False),
            name="rho",
        ),
        Identity(
            "Insert the two slopes.",
            rho(p),
            eigenvalue(f, Lambda, p),
            using=("rho", "slope", "inner half", "outer half", "growth"),
            name="rho closed",
        ),
        Substitution(
            f"On step {k}.",
            Dict({f: at_k, Lambda: Lambda_k, p: Integer(k)}),
            eigenvalue(at_k, Lambda_k, Integer(k)),
            using=("rho closed",),
            name="eigenvalue",
        ),
    ), Lambda_k


def _uncapped_pieces(gate: Gate, chi: Expr) -> list[EnvelopePiece]:
    """The pieces of the envelope while the reach is less than half the length of every component."""
    free = {m: sqrt(2 * chi) for p in gate.pieces(chi, h) for end in (p.lower, p.upper) for m in end.atoms(Min)}
    return [replace(p, lower=p.lower.xreplace(free), upper=p.upper.xreplace(free)) for p in gate.pieces(chi, h)]


def kinks(gate: Gate, chi: Expr) -> list[Expr]:
    r"""Where :math:`M_\chi'` jumps or could: the ends of the pieces of the envelope, from left to right.

    As in :func:`kink`, the reach is less than half the length of every component.

    >>> from flrdt.derive import relu
    >>> kinks(relu(), Symbol("chi", positive=True))
    [0, sqrt(2)*sqrt(chi)]
    """
    return [piece.upper for piece in _uncapped_pieces(gate, chi)[:-1]]


def kink(gate: Gate, chi: Expr) -> Expr:
    r"""Sum of the squared jumps of :math:`M_\chi'`: if it is positive, the plain level is unstable at zero temperature.

    :math:`f_1'' = -M_\chi''` then has point masses, and :math:`\mathbb E (f_1'')^2` diverges.  Valid while the reach
    :math:`\sqrt{2\chi}` is less than half the length of every component, as it is wherever all of them stay active.

    >>> from flrdt.derive import relu
    >>> kink(relu(), Symbol("chi", positive=True))
    2/chi
    """
    return kink_derivation(gate, chi).conclusion.rhs  # type: ignore[attr-defined]


@lru_cache(maxsize=32)
def kink_derivation(gate: Gate, chi: Expr) -> Derivation:
    """The steps to :func:`kink`, called J."""
    jumps = [
        Subs(Derivative(after.value(chi), h) - Derivative(before.value(chi), h), h, before.upper)
        for before, after in itertools.pairwise(_uncapped_pieces(gate, chi))
    ]
    total = Add(*(jump**2 for jump in jumps))
    return Derivation(
        (
            Definition("The squared jumps of the slope at the ends of the pieces.", Eq(Symbol("J"), total), name="J"),
            Identity("Differentiate.", Symbol("J"), simplify(total.doit()), using=("J",)),
        )
    )


@dataclass(frozen=True)
class ThermalPlainLevel:
    r"""The plain level at inverse temperature beta, as level 2 with :math:`\chi \to 0`, :math:`y_2 = \beta`, :math:`p_2 = p`.

    ``slope``, ``curvature`` and ``count`` are functions of the field x: :math:`f'`, :math:`f''` and the thermal
    probability of being active; ``Lambda`` is :math:`\Lambda_2`.  D is the variance 1 - p; ``innermost`` ends with W.
    """

    W: Expr
    slope: Expr
    curvature: Expr
    count: Expr
    Lambda: Expr
    derivation: Derivation
    innermost: Derivation
    x: Symbol = x
    D: Symbol = D
    beta: Symbol = beta


@lru_cache(maxsize=16)
def thermal_plain_level(gate: Gate) -> ThermalPlainLevel:
    r"""Derive the thermal plain (replica-symmetric) level of a gate.

    As :math:`\chi \to 0` the envelope becomes the cost itself, so :math:`W = \mathbb E e^{-\beta V(x + \sqrt D u)}`; the
    thermal probability of being active is :math:`-\partial_\beta \log W`.  Source: arXiv 2302.14112 (finite temperature).

    >>> from flrdt.derive import relu
    >>> thermal_plain_level(relu()).Lambda
    D*beta
    """
    steps, W = _innermost_steps(gate)
    f = log(W) / beta
    more, Lambda = _lambda_steps()
    return ThermalPlainLevel(
        W, diff(f, x), diff(f, x, 2), -diff(log(W), beta), Lambda, Derivation((*steps, *more)), Derivation(steps)
    )


def cost(gate: Gate, at: Expr) -> Expr:
    """The cost of a pre-activation: 1 in the active set.

    >>> from flrdt.derive import relu
    >>> cost(relu(), x)
    Heaviside(x)
    """
    ends = [
        (Heaviside(at - a) if a.is_finite else Integer(1)) - (Heaviside(at - b) if b.is_finite else Integer(0))
        for a, b in gate.components
    ]
    return Add(*ends)


def _cut(gate: Gate) -> Piecewise:
    """The cost piece by piece."""
    pieces: list[tuple[Expr, Basic]] = []
    last = -oo
    for a, b in gate.components:
        if a != last:
            pieces.append((Integer(0), h < a))
        pieces.append((Integer(1), h < b if b != oo else true))
        last = b
    return Piecewise(*pieces, *([(Integer(0), true)] if last != oo else []))


def _cost_steps(gate: Gate) -> tuple[Step, ...]:
    """The cost V, and V piece by piece."""
    return (
        Definition("The cost of a pre-activation.", Eq(V(h), cost(gate, h), evaluate=False), name="V"),
        Unfolding("It is constant between the ends of the active set.", cost(gate, h), _cut(gate), h, name="cut"),
        Identity("So the cost is piecewise constant.", V(h), _cut(gate), using=("V", "cut"), name="V pieces"),
    )


def mean_steps(gate: Gate, of: Callable[[Expr], Expr], closed: Expr, name: str) -> tuple[Step, ...]:
    """The steps to the mean of a function ``of`` the cost of the field, called ``name``; they use ``V`` and ``V pieces``."""
    field = x + sqrt(D) * u
    mean, written = Expectation(of(V(field)), u), Expectation(of(cost(gate, field)), u)
    return (
        PiecewiseMean("Integrate the pieces.", mean, x, D, closed, using=("V pieces",), name=f"{name} in pieces"),
        Identity("Written out.", mean, written, using=("V",), name=f"{name} written"),
        Identity("So this is its mean.", written, closed, using=(f"~{name} written", f"{name} in pieces"), name=name),
    )


def _innermost_steps(gate: Gate) -> tuple[tuple[Step, ...], Expr]:
    """The steps to W, the last of which is called ``W``, and W in the probability of the active set."""
    W = 1 - (1 - exp(-beta)) * active(gate)
    return (*_cost_steps(gate), *mean_steps(gate, lambda cost: exp(-beta * cost), W, "W")), W


def active(gate: Gate) -> Expr:
    """Probability that N(x, D) is in the active set.

    >>> from flrdt.derive import relu
    >>> active(relu())
    Phi(x/sqrt(D))
    """
    return Add(*(gaussian_piece(Integer(1), h, x, D, a, b).value for a, b in gate.components))


def _lambda_steps() -> tuple[tuple[Step, ...], Expr]:
    """Lambda_2 of level 2 at chi = 0 and y_2 = beta."""
    lifting = Lifting(Level(2))
    form = lambda_forms(lifting)[lifting.Lambda(2)]
    return (
        Definition("The lifting parameter is beta.", Eq(lifting.y(2), beta, evaluate=False), name="y_2"),
        Definition("D is the variance inside.", Eq(lifting.p(2), 1 - D, evaluate=False), name="p_2"),
        Approach("Lambda_2 as chi vanishes.", *(form, chi, Integer(0), beta * D), using=("y_2", "p_2"), name="limit"),
        Definition(
            "That is Lambda of the thermal level.",
            Eq(lifting.Lambda(2), Limit(form, chi, 0), evaluate=False),
            name="Lambda_2 as a limit",
        ),
        Identity(
            "So it is beta D.", lifting.Lambda(2), beta * D, using=("Lambda_2 as a limit", "limit"), name="Lambda_2"
        ),
    ), beta * D


@lru_cache(maxsize=16)
def thermal_conditions(gate: Gate) -> tuple[Formula, Formula]:
    r"""Stationarity in p and stability of the thermal plain level.

    :math:`p/\Lambda^2 = \alpha\, \mathbb E f'(\sqrt p u)^2` and the de Almeida-Thouless condition
    :math:`1 - \alpha \Lambda^2\, \mathbb E f''(\sqrt p u)^2 \ge 0`, with D = 1 - p.  Source: arXiv 2302.14112.

    >>> from flrdt.derive import relu
    >>> [f.id for f in thermal_conditions(relu())]
    ['thermal.relu.stationarity', 'thermal.relu.stability']
    """
    level = thermal_plain_level(gate)
    lifting = Lifting(Level(2))
    f, outer = Function("f_2")(x), sqrt(1 - D) * u
    general = next(f for f in stationarity(2) if f.id.endswith("p_2"))
    q = insert(general.statement.lhs, {lifting.Lambda(2): level.Lambda, lifting.p(2): 1 - D})

    def mean(g: Expr) -> Expr:
        return Expectation(g.subs(x, outer), u)

    def law(order: int) -> Definition:
        derivative = diff(f, x, order)
        return Definition(
            "The law of the field of the outermost step is N(0, p).",
            Eq(
                TiltedExpectation(derivative**2, 2),
                Expectation(Subs(derivative, x, outer) ** 2, u),
                evaluate=False,
            ),
            name="law",
        )

    free_energy = Definition(
        "The last level of the tower, W inserted.",
        Eq(f, log(level.W) / beta, evaluate=False),
        name="f",
    )
    stationary = (
        Theorem(
            "The plain level at inverse temperature beta is level 2 with chi = 0 and y_2 = beta, which is stationary in p_2.",
            general.statement,
            f"{general.id}; {general.source}",
            name="stationary",
        ),
        Identity("The dual overlap.", general.statement.lhs, q, using=("Lambda_2", "p_2"), name="dual overlap"),
        law(1),
        free_energy,
        Identity(
            "Insert them.",
            q,
            alpha * mean(level.slope**2),
            using=("~dual overlap", "stationary", "law", "f"),
        ),
    )
    eigenvalue = 1 - alpha * level.Lambda**2 * mean(level.curvature**2)
    stable = (
        *replicon_steps(Level(2), 2)[0],
        law(2),
        free_energy,
        Identity(
            "Insert them.",
            Function("rho", nonnegative=True)(Integer(2)),
            eigenvalue,
            using=("eigenvalue", "Lambda_2", "law", "f"),
            name="thermal eigenvalue",
        ),
        Bound(
            "Stability means that it is not negative.",
            Ge(eigenvalue, 0, evaluate=False),
            using=("~thermal eigenvalue",),
        ),
    )
    found = []
    for name, title, steps, uses in (
        ("stationarity", "Stationarity in p", stationary, (general.id,)),
        (
            "stability",
            "de Almeida-Thouless condition",
            stable,
            ("stationarity in p_k", "growth of the slope along the flow"),
        ),
    ):
        derivation = Derivation((*level.derivation.steps, *steps), uses)
        found.append(
            Formula.concluding(
                f"thermal.{gate}.{name}",
                f"{title} of the thermal plain level, gate {gate}",
                derivation,
                status=Status.FULLY_LIFTED,
                source="arXiv 2302.14112 (replica-symmetric level at finite temperature)",
                assumptions=("D = 1 - p", "beta > 0"),
            )
        )
    return tuple(found)  # type: ignore[return-value]
