r"""Stability against further replica symmetry breaking: the replicon, and the finite-temperature plain level.

Splitting level k of a stationary point into two nearby ones changes the stationarity condition
:math:`q = \alpha\,\mathbb E_m (f')^2` by the gap times :math:`\Lambda^{-2} - \alpha\,\mathbb E_m (f'')^2`; in units of
:math:`\Lambda_k^{-2}` this is the replicon eigenvalue, negative where the level is unstable (de Almeida-Thouless).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

from sympy import Add, Eq, Expr, Function, Ge, Integer, Symbol, diff, exp, limit, log, simplify, symbols

from .closed_forms import SOURCE, dual_overlaps
from .energy_map import lambda_forms
from .formulas import Derivation, Formula, Status, Step, identically_zero
from .gates import Gate
from .gaussian import gaussian_piece
from .notation import Level, Lifting, alpha
from .tilting import TiltedExpectation

__all__ = ["ThermalPlainLevel", "kink", "replicon", "thermal_plain_level"]

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
        derivation=Derivation((_sphere_step(), _flow_step()), ("stationarity in p_k",)),
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


def _flow_step() -> Step:
    """d/dp E_m (f')^2 = E_m (f'')^2, from the backward flow of f and the generator of the tilted law."""
    p, y = Symbol("p", real=True), Symbol("y", positive=True)
    f = Function("f")(x, p)
    backward = -(diff(f, x, 2) + y * diff(f, x) ** 2) / 2
    observable = diff(f, x) ** 2
    # d/dp E_m g = E_m [d_p g + g''/2 + y f' g'] for the density m of the tilted diffusion
    moved = diff(observable, p) + diff(observable, x, 2) / 2 + y * diff(f, x) * diff(observable, x)
    moved = moved.subs(diff(f, x, p), diff(backward, x)).subs(diff(f, p, x), diff(backward, x))
    second = TiltedExpectation(diff(Function("f")(x), x, 2) ** 2, 1)
    return Step(
        "Along the tilted diffusion with f obeying the backward flow, d/dp E (f')^2 = E (f'')^2.",
        Eq(diff(Function("E")(p), p), second, evaluate=False),
        lambda: identically_zero(simplify(moved - diff(f, x, 2) ** 2)),
    )


def kink(gate: Gate, chi: Expr) -> Expr:
    r"""Sum of the squared jumps of :math:`M_\chi'`: if it is positive, the plain level is unstable at zero temperature.

    :math:`f_1'' = -M_\chi''` then has point masses, and :math:`\mathbb E (f_1'')^2` diverges.

    >>> from .gates import relu
    >>> kink(relu(), Symbol("chi", positive=True))
    2/chi
    """
    pieces = gate.pieces(chi, h)
    jumps = (
        (diff(after.value(chi), h) - diff(before.value(chi), h)).subs(h, before.upper)
        for before, after in itertools.pairwise(pieces)
    )
    return simplify(Add(*(jump**2 for jump in jumps)))


@dataclass(frozen=True)
class ThermalPlainLevel:
    r"""The plain level at inverse temperature beta, as level 2 with :math:`\chi \to 0`, :math:`y_2 = \beta`, :math:`p_2 = p`.

    ``slope``, ``curvature`` and ``count`` are functions of the field x: :math:`f'`, :math:`f''` and the thermal
    probability of being active; ``Lambda`` is :math:`\Lambda_2`.  D is the variance 1 - p.
    """

    slope: Expr
    curvature: Expr
    count: Expr
    Lambda: Expr
    x: Symbol = x
    D: Symbol = D
    beta: Symbol = beta


@lru_cache(maxsize=16)
def thermal_plain_level(gate: Gate) -> ThermalPlainLevel:
    r"""Derive the thermal plain (replica-symmetric) level of a gate.

    As :math:`\chi \to 0` the envelope becomes the cost itself, so :math:`W = \mathbb E e^{-\beta V(x + \sqrt D u)}`; the
    thermal number of active units is :math:`-\partial_\beta \log W`.  Source: arXiv 2302.14112 (finite temperature).

    >>> from .gates import relu
    >>> thermal_plain_level(relu()).Lambda
    D*beta
    """
    one = gaussian_piece(Integer(1), h, x, D, gate.components[0][0], gate.components[0][1]).value
    active = Add(one, *(gaussian_piece(Integer(1), h, x, D, a, b).value for a, b in gate.components[1:]))
    W = 1 - (1 - exp(-beta)) * active
    f = log(W) / beta
    lifting = Lifting(Level(2))
    Lambda = lambda_forms(lifting, first=Integer(0))[lifting.Lambda(2)]
    return ThermalPlainLevel(
        diff(f, x), diff(f, x, 2), -diff(log(W), beta), Lambda.subs({lifting.y(2): beta, lifting.p(2): 1 - D})
    )
