r"""The other side: a lower bound on the capacity, from convex programs whose minimiser keeps few outputs active.

Minimise a convex loss of the pre-activations over the ball.  By the convex Gaussian min-max theorem they behave, in
units of the radius, like :math:`z(h) = h - d(h)` of a standard normal h, where d is non-decreasing and 1-Lipschitz,
:math:`\alpha E d^2 = 1`, and :math:`\alpha E d' \le 1` where the ball binds.  Which d leaves the fewest :math:`z > \beta`
active is a variational problem; its solution, derived here, is :math:`d(h) = clip(h - \beta, \delta, k)`: the proximal
map of the pinball loss with slopes delta below beta and k above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sympy import (
    Add,
    Eq,
    Expr,
    Ge,
    Integer,
    Max,
    Min,
    Symbol,
    cancel,
    diff,
    expand,
    oo,
    simplify,
    solve,
    symbols,
    sympify,
)

from ..core.formulas import Derivation, Formula, InputError, Status, Step, identically_zero
from ..core.gaussian import Expectation, H, Phi, check_piece, gaussian_piece, phi
from ..core.symbols import alpha
from ..networks.gates import Gate
from ..networks.network import Network, relu_network
from .plain import tails

__all__ = ["LowerBound", "Moments", "NoLowerBound", "lower_bound", "moments", "optimal_map"]

SOURCE = "convex Gaussian min-max theorem (arXiv 1408.4837); budget 1, ReLU: the toolkit's own"

h, beta = symbols("h beta", real=True)
delta, k, lam = symbols("delta k lambda", positive=True)
low, high = beta + delta, beta + k


class NoLowerBound(InputError):
    """The argument does not cover this network."""


@dataclass(frozen=True)
class Moments:
    """``E d^2``, ``E d'`` and ``P(z > beta)`` of the optimal map, and the multiplier at which it is optimal."""

    square: Expr
    slope: Expr
    above: Expr
    multiplier: Expr
    formula: Formula


def optimal_map(field: Expr = h) -> Expr:
    """``d(h) = clip(h - beta, delta, k)``.

    >>> optimal_map()
    Min(k, Max(delta, -beta + h))
    """
    return Min(Max(field - beta, delta), k)


def _pieces(on_plateau: Expr, on_ramp: Expr, on_top: Expr) -> Expr:
    """``E`` of a function of the field that is given on the three pieces of the optimal map."""
    pieces = ((on_plateau, -oo, low), (on_ramp, low, high), (on_top, high, oo))
    return expand(tails(Add(*(gaussian_piece(f, h, Integer(0), Integer(1), a, b).value for f, a, b in pieces))))


def _vanishes(expr: Expr) -> bool | None:
    return identically_zero(simplify(expand(tails(expr.replace(H, lambda a: 1 - Phi(a))))))


@lru_cache(maxsize=1)
def moments() -> Moments:
    """Solve the variational problem and integrate over the three pieces of its solution.

    >>> moments().slope, moments().multiplier
    (H(beta + delta) - H(beta + k), delta*Phi(beta + delta)/phi(beta + delta))
    """
    plateau = gaussian_piece(delta + lam * h, h, Integer(0), Integer(1), -oo, h).value  # up to the field h
    multiplier = solve(plateau.subs(h, low), lam)[0]
    change = Symbol("e", real=True)
    square = _pieces(delta**2, (h - beta) ** 2, k**2)
    slope = tails(gaussian_piece(Integer(1), h, Integer(0), Integer(1), low, high).value)
    slope = slope.replace(Phi, lambda a: 1 - H(a))
    stein = _pieces(delta * h, (h - beta) * h, k * h)
    best = square + 2 * lam * slope

    def cost(d: Expr) -> Expr:
        return d**2 + 2 * lam * h * d

    def first_order(d: Expr) -> Expr:
        return d + lam * h

    steps = (
        Step(
            "Lagrangian of the two conditions, with multiplier lambda >= 0; h d may stand for d' (Stein). It is convex in d: "
            "a change e adds its square and a term of first order.",
            Eq(
                cost(Symbol("d") + change),
                cost(Symbol("d")) + 2 * change * first_order(Symbol("d")) + change**2,
                evaluate=False,
            ),
            lambda: identically_zero(expand(cost(h + change) - cost(h) - 2 * change * first_order(h) - change**2)),
        ),
        Step(
            "On the plateau, below h = beta + delta, the first-order term is an integral of d + lambda h = delta + lambda h "
            "times e; up to the field h that weight has the mass",
            Eq(Symbol("w(h)"), plateau, evaluate=False),
            lambda: _both(
                check_piece(h, h, Integer(0), Integer(1)), _vanishes(diff(plateau, h) - (delta + lam * h) * phi(h))
            ),
        ),
        Step(
            "The mass of the whole plateau vanishes at",
            Eq(lam, multiplier, evaluate=False),
            lambda: identically_zero(cancel(plateau.subs(h, low).subs(lam, multiplier))),
        ),
        Step(
            "Inside, w is phi times a difference of the increasing function delta Phi/phi of h and of its value at the end: "
            "negative. By parts the first-order term is the integral of -w e', and e' = d' >= 0: it is not negative.",
            Eq(
                Symbol("w(h)"),
                phi(h) * (delta * Phi(h) / phi(h) - multiplier),
                evaluate=False,
            ),
            lambda: identically_zero(
                expand(plateau.subs(lam, multiplier) - phi(h) * (delta * Phi(h) / phi(h) - multiplier))
            ),
        ),
        Step(
            "delta Phi/phi increases: its slope is delta (phi + h Phi)/phi, and phi + h Phi, the integral of Phi, is positive.",
            Eq(Symbol("integral of Phi"), phi(h) + h * Phi(h), evaluate=False),
            lambda: _both(
                identically_zero(simplify(diff(phi(h) + h * Phi(h), h) - Phi(h))),
                identically_zero(simplify(diff(Phi(h) / phi(h), h) - (phi(h) + h * Phi(h)) / phi(h))),
            ),
        ),
        Step(
            "Above the plateau a competitor with z = beta at the same field has d >= h - beta on the ramp and d >= k beyond: "
            "e >= 0, times the increasing weight d + lambda h, which is positive where the plateau ends since w vanishes there.",
            Ge(Symbol("e"), 0),
            lambda: _both(
                identically_zero(diff(first_order(h - beta), h) - (1 + lam)),
                identically_zero(diff(first_order(k), h) - lam),
            ),
        ),
        Step(
            "So the map minimises the Lagrangian among all that have z = beta up to the same field. E d^2 is",
            Eq(Symbol("E[d^2]"), square, evaluate=False),
            lambda: _both(
                check_piece(h**2, h, Integer(0), Integer(1)),
                _vanishes(diff(square, k) - 2 * k * H(high)),
                _vanishes(diff(square, delta) - 2 * delta * Phi(low)),
                _vanishes(square.subs(delta, k) - k**2),
            ),
        ),
        Step(
            "The other condition, E d' = E h d.",
            Eq(Symbol("E[d']"), slope, evaluate=False),
            lambda: _vanishes(stein - slope),
        ),
        Step(
            "The least Lagrangian increases with k at fixed lambda (delta is optimal): a map with fewer active outputs breaks "
            "one of the two conditions.",
            Eq(Symbol("dJ/dk"), 2 * k * H(high) + 2 * lam * phi(high), evaluate=False),
            lambda: _both(
                _vanishes(diff(best, k) - 2 * k * H(high) - 2 * lam * phi(high)),
                _vanishes(diff(best, delta).subs(lam, multiplier)),
            ),
        ),
    )
    formula = Formula(
        id="lower.map",
        title="The convex program with the fewest active outputs: multiplier of the optimal map",
        statement=Eq(lam, multiplier, evaluate=False),
        derivation=Derivation(steps, ("d non-decreasing and 1-Lipschitz", "alpha E d^2 = 1", "alpha E d' <= 1")),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("0 < delta < k", "d(h) = clip(h - beta, delta, k)"),
        variables=(delta, k, beta),
    )
    return Moments(square, slope, H(high), multiplier, formula)


def _both(*verdicts: bool | None) -> bool | None:
    return False if False in verdicts else (True if all(verdicts) else None)


@dataclass(frozen=True)
class LowerBound:
    """The bound for a network: ``alpha = capacity`` where ``alpha E d^2 = 1`` and ``alpha E d' = 1``.

    ``active`` is the share of active outputs; ``conditions`` vanish at the best (delta, k).  Where their solution would
    have delta < 0 the second is slack: then delta = 0 and the first alone fixes k.  ``threshold`` is beta, the end of the
    inactive half-line in units of the radius, ``mirrored`` says that the active set was reflected to have it on the left.
    """

    active: Expr
    square: Expr
    slope: Expr
    conditions: tuple[Expr, Expr]
    capacity: Expr
    threshold: Expr
    components: tuple[tuple[Expr, Expr], ...]
    mirrored: bool
    formula: Formula
    variables: tuple[Symbol, Symbol] = (delta, k)


Components = tuple[tuple[Expr, Expr], ...]


def sides(gate: Gate) -> dict[bool, Components]:
    """The active set where the inactive set has a half-line on the left: as it is (False), and reflected (True).

    A symmetric set counts once.

    >>> from flrdt.derive import gate
    >>> sides(gate("relu6")), sides(gate("softshrink:1"))
    ({False: ((0, 6),), True: ((-6, 0),)}, {})
    """
    mirrored = tuple((-b, -a) for a, b in reversed(gate.components))
    found = {False: tuple(gate.components), True: mirrored}
    if gate.symmetric:
        del found[True]
    return {side: components for side, components in found.items() if components[0][0] != -oo}


def lower_bound(network: Network | None = None, mirrored: bool | None = None) -> LowerBound:
    r"""The lower bound of a one-layer network whose inactive set contains a half-line.

    For the ReLU with budget 1: :math:`H(\delta) = 2 H(k)`,
    :math:`\delta^2\Phi(\delta) + \delta\varphi(\delta) = k\varphi(k) - k^2 H(k)`, :math:`\alpha = 1/H(k) = 4.7166812\ldots`
    ``mirrored`` says on which side the half-line has to be (False: on the left).  Raises :class:`NoLowerBound` for a deep
    network, and for a gate that is active at both ends of the line, or at the one asked for.

    >>> bound = lower_bound()
    >>> bound.capacity, bound.conditions[1]
    (1/H(k), H(delta) - 2*H(k))
    """
    network = relu_network() if network is None else network
    if network.depth != 1:
        raise NoLowerBound(f"depth {network.depth}: the lower bound is that of one layer, use depth 1")
    found = sides(network.gate)
    if not found:
        raise NoLowerBound(
            f"gate {network.gate} is active at both ends of the line: the lower bound needs a gate that is constant on a half-line"
        )
    side = next(iter(found)) if mirrored is None else mirrored
    if side not in found:
        raise NoLowerBound(f"gate {network.gate} is active at the {'right' if side else 'left'} end of the line")
    return _lower_bound(str(network.gate), found[side], network.budget, side)


@lru_cache(maxsize=64)
def _lower_bound(name: str, components: Sequence[tuple[Expr, Expr]], budget: Expr, mirrored: bool) -> LowerBound:
    general = moments()
    threshold = components[0][0]
    square, slope = (e.subs(beta, threshold) for e in (general.square, general.slope))
    active = Add(*(H(a + k) - H(b + k) for a, b in components))
    capacity = budget / active
    conditions = tuple(expand(m - active / budget) for m in (square, slope))
    statement = Eq(alpha, capacity, evaluate=False)
    steps = (
        Step(
            "z = h - k beyond the ramp: an output is active where h - k lies in the active set.",
            Eq(Symbol("active"), active, evaluate=False),
            lambda: _vanishes(
                active
                - Add(*(gaussian_piece(Integer(1), h, k * 0, Integer(1), a + k, b + k).value for a, b in components))
            ),
        ),
        Step(
            "The number of active outputs is the required one.",
            statement,
            lambda: identically_zero(simplify(capacity * active - budget)),
        ),
        Step(
            "alpha E d^2 = 1 with this alpha.",
            Eq(conditions[0], 0, evaluate=False),
            lambda: identically_zero(simplify((capacity * square - 1) * active / budget - conditions[0])),
        ),
        Step(
            "alpha E d' = 1 with this alpha.",
            Eq(conditions[1], 0, evaluate=False),
            lambda: identically_zero(simplify((capacity * slope - 1) * active / budget - conditions[1])),
        ),
    )
    formula = Formula(
        id=f"lower.{name}.{budget}" + (".mirrored" if mirrored else ""),
        title=f"Lower bound on the capacity, gate {name}",
        statement=statement,
        derivation=Derivation((*general.formula.derivation, *steps), general.formula.derivation.uses),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=tuple(f"{c} = 0" for c in conditions),
        variables=(delta, k),
    )
    return LowerBound(
        active, square, slope, conditions, capacity, sympify(threshold), tuple(components), mirrored, formula
    )


def competitor(bend: Expr, at: Expr) -> tuple[Expr, Expr]:
    """Lagrangians, both unevaluated, of the optimal map and of one that falls on the plateau below the field ``at``."""
    other = optimal_map() - bend * Max(at - h, 0)
    own, rival = (Expectation(d**2 + 2 * moments().multiplier * h * d, h) for d in (optimal_map(), other))
    return own, rival
