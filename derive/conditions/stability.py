r"""Stability against further replica symmetry breaking: the replicon, and the finite-temperature plain level.

Splitting level k of a stationary point into two nearby ones changes the stationarity condition
:math:`q = \alpha\,\mathbb E_m (f')^2` by the gap times :math:`\Lambda^{-2} - \alpha\,\mathbb E_m (f'')^2`; in units of
:math:`\Lambda_k^{-2}` this is the replicon eigenvalue, negative where the level is unstable (de Almeida-Thouless).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import lru_cache

from sympy import Add, Eq, Expr, Function, Ge, Integer, Min, Symbol, diff, exp, limit, log, simplify, sqrt, symbols

from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.gaussian import Expectation, check_piece, gaussian_piece
from ..core.symbols import Level, Lifting, alpha
from ..networks.gates import EnvelopePiece, Gate
from ..objectives.energy_map import lambda_forms
from ..objectives.relations import SOURCE, dual_overlaps
from .flow import slope_growth
from .stationarity import TiltedExpectation, stationarity

__all__ = ["ThermalPlainLevel", "kink", "kinks", "replicon", "thermal_conditions", "thermal_plain_level"]

x, h = symbols("x h", real=True)
beta, D = symbols("beta D", positive=True)


@lru_cache(maxsize=32)
def replicon(level: Level | int | str, k: int) -> Formula:
    r"""Stability of level k of a level-r point: :math:`1 - \alpha \Lambda_k^2\, \mathbb E_{m_k}(f_k'')^2 \ge 0`.

    Valid for k = 1..r; source: arXiv 2302.14112 (de Almeida-Thouless condition of the same problem).

    >>> replicon(2, 2).id
    'replicon.2.2'
    """
    level = Level.parse(level)
    lifting = Lifting(level)
    f = Function(f"f_{k}")(x)
    Lambda = lifting.Lambda(k)
    statement = Ge(1 - alpha * Lambda**2 * TiltedExpectation(diff(f, x, 2) ** 2, k), 0, evaluate=False)
    return Formula(
        id=f"replicon.{level}.{k}",
        title=f"Replicon eigenvalue of step {k} at level {level}",
        statement=statement,
        derivation=Derivation((_sphere_step(), *slope_growth().derivation.steps), ("stationarity in p_k",)),
        status=Status.FULLY_LIFTED,
        source=f"arXiv 2302.14112 (de Almeida-Thouless condition); {SOURCE}",
        assumptions=("the step is split into two with a small gap in p",),
        variables=(alpha, Lambda),
    )


def _sphere_step() -> Step:
    """(q_1 - q_2)/(p_1 - p_2) of two neighbouring steps, as the gap closes."""
    lifting = Lifting(Level(2))
    gap, Lambda = symbols("delta Lambda", positive=True)
    dual = dual_overlaps(lifting)
    slope = (dual[1] - dual[2]) / lifting.increment(lifting.p, 2)
    before = lambda_forms(lifting)[lifting.Lambda(2)] - lambda_forms(lifting)[lifting.Lambda(1)]
    near = slope.subs(lifting.Lambda(1), Lambda - before).subs(lifting.Lambda(2), Lambda).subs(lifting.p(2), 1 - gap)
    q, p = Function("q"), Symbol("p")
    return Step(
        "Between the two halves of a split step the dual overlap has slope 1/Lambda^2.",
        Eq(diff(q(p), p), 1 / Lambda**2, evaluate=False),
        lambda: identically_zero(limit(near, gap, 0) - 1 / Lambda**2),
    )


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
    jumps = (
        (diff(after.value(chi), h) - diff(before.value(chi), h)).subs(h, before.upper)
        for before, after in itertools.pairwise(_uncapped_pieces(gate, chi))
    )
    return simplify(Add(*(jump**2 for jump in jumps)))


@dataclass(frozen=True)
class ThermalPlainLevel:
    r"""The plain level at inverse temperature beta, as level 2 with :math:`\chi \to 0`, :math:`y_2 = \beta`, :math:`p_2 = p`.

    ``slope``, ``curvature`` and ``count`` are functions of the field x: :math:`f'`, :math:`f''` and the thermal
    probability of being active; ``Lambda`` is :math:`\Lambda_2`.  D is the variance 1 - p.
    """

    W: Expr
    slope: Expr
    curvature: Expr
    count: Expr
    Lambda: Expr
    derivation: Derivation
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
    active = Add(*(gaussian_piece(Integer(1), h, x, D, a, b).value for a, b in gate.components))
    W = 1 - (1 - exp(-beta)) * active
    f = log(W) / beta
    lifting = Lifting(Level(2))
    Lambda = lambda_forms(lifting, first=Integer(0))[lifting.Lambda(2)]
    Lambda = Lambda.subs({lifting.y(2): beta, lifting.p(2): 1 - D})
    a, b = symbols("A beta_0", positive=True)  # the probability of the active set stands for itself
    generic = 1 - (1 - exp(-b)) * a
    derivation = Derivation(
        (
            Step(
                "The cost is 0 or 1, so its exponential average is that of the probability of the active set.",
                Eq(Symbol("W"), W, evaluate=False),
                lambda: check_piece(Integer(1), h, x, D),
            ),
            Step(
                "Minus the slope of log W in beta is the tilted probability of being active.",
                Eq(Symbol("count"), -diff(log(W), beta), evaluate=False),
                lambda: identically_zero(-diff(log(generic), b) - a * exp(-b) / (1 - a + a * exp(-b))),
            ),
            Step(
                "Lambda_2 = chi + y_2 (1 - p_2) at chi = 0, y_2 = beta.",
                Eq(lifting.Lambda(2), Lambda, evaluate=False),
                lambda: identically_zero(Lambda - beta * D),
            ),
        )
    )
    return ThermalPlainLevel(W, diff(f, x), diff(f, x, 2), -diff(log(W), beta), Lambda, derivation)


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
    u = Symbol("u", real=True)
    p = 1 - D

    def mean(g: Expr) -> Expr:
        return Expectation(g.subs(x, sqrt(p) * u), u)

    lifting = Lifting(Level(2))
    inserted = {lifting.Lambda(2): level.Lambda, lifting.p(2): p}
    q = dual_overlaps(lifting)[2].subs(inserted, simultaneous=True)
    general = next(f for f in stationarity(2) if f.id.endswith("p_2"))
    at_zero = general.statement.lhs.subs(inserted, simultaneous=True)
    statements = (
        ("stationarity", "Stationarity in p", Eq(q, alpha * mean(level.slope**2), evaluate=False), general),
        (
            "stability",
            "de Almeida-Thouless condition",
            Ge(1 - alpha * level.Lambda**2 * mean(level.curvature**2), 0, evaluate=False),
            replicon(2, 2),
        ),
    )
    inherits = Step(
        "The plain level at inverse temperature beta is level 2 with chi = 0 and y_2 = beta.",
        Eq(lifting.q(2), q, evaluate=False),
        lambda: identically_zero(at_zero - q),
    )
    return tuple(  # type: ignore[return-value]
        Formula(
            id=f"thermal.{gate}.{name}",
            title=f"{title} of the thermal plain level, gate {gate}",
            statement=statement,
            derivation=Derivation((*level.derivation.steps, *source.derivation.steps, inherits)),
            status=Status.FULLY_LIFTED,
            source="arXiv 2302.14112 (replica-symmetric level at finite temperature)",
            assumptions=("D = 1 - p", "beta > 0"),
            variables=(alpha, beta, D),
        )
        for name, title, statement, source in statements
    )
