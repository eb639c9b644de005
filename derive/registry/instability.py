"""Stability: kinks of the envelope at level 1, the replicon of level 2, and the plain level at finite temperature."""

from __future__ import annotations

from functools import partial

from sympy import Add, Derivative, Expr, Integer, Limit, Rational, Symbol, diff, exp, log, sqrt
from sympy.core.relational import Relational

from ..blocks.innermost import innermost
from ..conditions.flow import marginal_stability
from ..conditions.stability import (
    ThermalPlainLevel,
    active,
    kink_derivation,
    kinks,
    mean_steps,
    replicon,
    thermal_conditions,
    thermal_plain_level,
)
from ..conditions.stationarity import TiltedExpectation
from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation
from ..core.insertion import insert
from ..core.steps import Identity
from ..core.symbols import Level, Lifting, alpha, chi
from ..networks.gates import Gate
from .entries import Comparison, Entry, make_entry
from .envelopes import GATES

REPLICA = "arXiv 2302.14112 (de Almeida-Thouless condition)"
SPLIT = "difference quotient of the stationarity condition between the halves of a split step"

u, v = Symbol("u", real=True), Symbol("v", real=True)
c = Symbol("c", positive=True)


def entries() -> list[Entry]:
    """Kinks of every gate, replicon and marginal stability, and the thermal plain level of two gates."""
    found = [_kink(gate) for gate in GATES]
    found += [_split(formula) for formula in (replicon(2, 2), marginal_stability())]
    found += [entry for gate in (GATES[0], GATES[2]) for entry in _thermal(gate)]
    return [*found, _thermal_split()]


def _kink(gate: Gate) -> Entry:
    """The squared jumps of M', against second differences of the least cost."""
    e = Symbol("e", positive=True)
    narrowest = min((b - a for a, b in gate.components if (b - a).is_finite), default=Integer(4))
    # half the length is reached at chi = length^2/8
    largest = min(Integer(2), Rational(9, 10) * narrowest**2 / 8)

    def jump(at: Expr) -> Expr:
        near = gate.envelope(at + e, chi) - 2 * gate.envelope(at, chi) + gate.envelope(at - e, chi)
        return Limit(near / e, e, 0)

    derivation = kink_derivation(gate, chi)

    def route(statement: Relational) -> list[Comparison]:
        return [Comparison(Add(*(jump(at) ** 2 for at in kinks(gate, chi))), statement.rhs)]

    formula = Formula.concluding(
        f"replicon.1.{gate}",
        f"Squared jumps of the slope of the envelope, gate {gate}: positive, so that level 1 is unstable",
        derivation,
        source=REPLICA,
        assumptions=("chi > 0", "zero temperature", "sqrt(2 chi) less than half the length of every component"),
    )
    return make_entry(
        formula, "second differences of the least cost", route, ranges={"chi": (Rational(1, 50), largest)}
    )


def _flat_step(slope: Expr, x: Symbol, variance: Expr) -> Expr:
    """``E f'^2`` at overlap c of the outermost step, below which f diffuses freely: two inputs with that overlap."""
    inner = Expectation(slope.subs(x, sqrt(c) * u + sqrt(variance - c) * v), v)
    return Expectation(inner**2, u)


def _eigenvalue(slope: Expr, x: Symbol, variance: Expr, Lambda: Expr) -> Expr:
    """Lambda^2 times the slope in c of the stationarity condition ``c/Lambda^2 - alpha E f'^2``."""
    return 1 - alpha * Lambda**2 * Derivative(_flat_step(slope, x, variance), c)


SMOOTH = {
    "p": (Rational(1, 5), Rational(3, 10)),
    "c": (Rational(1, 20), Rational(3, 20)),
    "y_2": (Rational(1, 2), Rational(3, 2)),
    "chi": (Rational(1, 2), Integer(2)),
}


def _split(formula: Formula) -> Entry:
    """The condition anywhere on the outermost step of level 2: its left side is what the split does to stationarity."""
    lifting, inner = Lifting(Level(2)), innermost(GATES[0])
    p, y = lifting.p(2), lifting.y(2)
    f = log(insert(inner.W, {inner.D: 1 - p, inner.y: y})) / y
    x = inner.x
    Lambda = chi + y * (1 - p)

    def route(statement: Relational) -> list[Comparison]:
        curvature = _flat_step(diff(f, x, 2), x, p)
        at = dict.fromkeys(statement.atoms(TiltedExpectation), curvature)
        names = {s: Lambda for s in statement.free_symbols if s.name.startswith("Lambda")}
        left, right = (side.xreplace(at).subs(names) for side in statement.args)
        eigenvalue = _eigenvalue(diff(f, x), x, p, Lambda)
        return [Comparison(eigenvalue, left - right if statement.rhs == 0 else right - left)]

    return make_entry(formula, SPLIT, route, most=1, ranges=SMOOTH)


def _thermal(gate: Gate) -> list[Entry]:
    level = thermal_plain_level(gate)
    inner = level.innermost
    f = log(level.W) / level.beta
    counted = mean_steps(gate, lambda V: V * exp(-level.beta * V), exp(-level.beta) * active(gate), "count")
    closed = (
        ("innermost", "Innermost expectation", ()),
        (
            "count",
            "Probability of being active",
            (
                *counted,
                Identity(
                    "The mean of the cost under the weight: minus the slope of log W in beta.",
                    counted[-1].statement().lhs / inner.conclusion.lhs,
                    level.count,
                    using=("count", "W"),
                ),
            ),
        ),
        ("slope", "Slope of f", (Identity("Differentiate.", Derivative(f, level.x), level.slope),)),
        (
            "curvature",
            "Curvature of f",
            (Identity("Differentiate twice.", Derivative(f, (level.x, 2)), level.curvature),),
        ),
    )
    found = []
    for name, title, steps in closed:
        derivation = Derivation((*inner.steps, *steps))
        formula = Formula.concluding(
            f"thermal.{gate}.{name}",
            f"{title} of the thermal plain level, gate {gate}",
            derivation,
            source="arXiv 2302.14112 (replica-symmetric level at finite temperature)",
            assumptions=("chi -> 0", "beta = y_2 > 0"),
        )
        how = "difference quotients of log W"
        if formula.statement.has(Expectation):
            how = "numerical quadrature of the cost"
        found.append(
            make_entry(formula, how, ranges={"beta": (Rational(1, 10), Integer(6)), "x": (Integer(-3), Integer(3))})
        )
    stationary, _ = thermal_conditions(gate)
    return [*found, make_entry(stationary, HOW_STATIONARY, partial(_stationary, level), ranges=THERMAL)]


HOW_STATIONARY = "difference quotient in p of the level-2 objective with chi -> 0 and y_2 = beta"
THERMAL = {"D": (Rational(1, 5), Rational(9, 10)), "beta": (Rational(1, 2), Integer(4))}


def _stationary(level: ThermalPlainLevel, statement: Relational) -> list[Comparison]:
    """dP/dp = beta/2 times the condition; the infinite constant log Lambda_1 of the sphere part drops out."""
    D, beta = level.D, level.beta
    sphere = log(level.Lambda) / (2 * beta) + (1 - D) / (2 * level.Lambda)
    tower = Expectation(log(level.W.subs(level.x, sqrt(1 - D) * u)) / beta, u)
    # p = 1 - D
    return [Comparison(-Derivative(sphere + alpha * tower, D), beta / 2 * (statement.lhs - statement.rhs))]


def _thermal_split() -> Entry:
    """The de Almeida-Thouless condition of the ReLU: at p = c + (what is split off) it is the slope of stationarity."""
    level = thermal_plain_level(GATES[0])
    _, condition = thermal_conditions(GATES[0])
    p = 1 - level.D

    def route(statement: Relational) -> list[Comparison]:
        # the condition averages f'' at p itself; on the free step below it f'' is averaged first
        whole = {e: _flat_step(level.curvature, level.x, p) for e in statement.atoms(Expectation)}
        eigenvalue = _eigenvalue(level.slope, level.x, p, level.Lambda)
        return [Comparison(eigenvalue, statement.lhs.xreplace(whole) - statement.rhs)]

    return make_entry(
        condition,
        SPLIT,
        route,
        most=1,
        ranges={
            "D": (Rational(7, 10), Rational(4, 5)),
            "c": (Rational(1, 20), Rational(3, 20)),
            "beta": (Rational(1, 2), Rational(3, 2)),
        },
    )
