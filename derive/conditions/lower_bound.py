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
from typing import Any

from sympy import Add, Derivative, Eq, Expr, Function, Integer, Max, Min, Symbol, expand, oo, symbols, sympify

from ..core.formulas import Derivation, Formula, InputError
from ..core.gaussian import H, Phi, gaussian_piece, phi
from ..core.steps import Definition, GaussianMean, Identity, Solution
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
    """``E d^2``, ``E d'`` and ``P(z > beta)`` of the optimal map, and the multiplier at which it is optimal.

    ``formulas`` are the links of the argument by their names: what a change of d adds to the Lagrangian ("change"), the
    multiplier ("map"), the weight on the plateau ("weight") and why it is negative ("ratio"), the moments ("square",
    "slope"), and how the least Lagrangian depends on the slopes ("flat", "rise").
    """

    square: Expr
    slope: Expr
    above: Expr
    multiplier: Expr
    formulas: dict[str, Formula]


def optimal_map(field: Expr = h) -> Expr:
    """``d(h) = clip(h - beta, delta, k)``.

    >>> optimal_map()
    Min(k, Max(delta, -beta + h))
    """
    return Min(Max(field - beta, delta), k)


def _second_moment() -> tuple[Expr, tuple[Any, ...]]:
    """``E d^2`` in closed form from the three pieces of the map, and the steps to it."""
    pieces = ((delta**2, -oo, low), ((h - beta) ** 2, low, high), (k**2, high, oo))
    parts, whole = symbols("E_1:4", real=True), Symbol("E[d^2]", positive=True)
    values = [tails(gaussian_piece(f, h, Integer(0), Integer(1), a, b).value) for f, a, b in pieces]
    means = [
        GaussianMean(f"The piece from {a} to {b}.", f, h, Integer(0), Integer(1), a, b, found, part, name=str(part))
        for part, found, (f, a, b) in zip(parts, values, pieces, strict=True)
    ]
    words = "The map has three pieces: the plateau, where d = delta, the ramp d = h - beta, and the top, where d = k."
    value = expand(Add(*values))
    split = Definition(words, Eq(whole, Add(*parts), evaluate=False), name="pieces")
    return value, (split, *means, Identity("Add them.", whole, value, using=("pieces", *map(str, parts))))


def _formula(name: str, title: str, *steps: Any) -> Formula:
    derivation = Derivation(steps, ("d non-decreasing and 1-Lipschitz", "alpha E d^2 = 1", "alpha E d' <= 1"))
    return Formula.concluding(
        f"lower.{name}",
        title,
        derivation,
        source=SOURCE,
        assumptions=("0 < delta < k", "d(h) = clip(h - beta, delta, k)"),
    )


@lru_cache(maxsize=1)
def moments() -> Moments:
    """Solve the variational problem and integrate over the three pieces of its solution.

    >>> moments().slope, moments().multiplier
    (H(beta + delta) - H(beta + k), delta*Phi(beta + delta)/phi(beta + delta))
    """
    d, e = symbols("d e", real=True)
    t, part = Symbol("t", real=True), Symbol("E[(t - h)_+]", positive=True)
    own, field = Function("w_1"), Function("w_2")
    square, square_steps = _second_moment()
    slope = H(low) - H(high)
    ramp = GaussianMean(
        "The map has slope 1 on the ramp and 0 elsewhere: E d' is the probability of the ramp.",
        Integer(1),
        h,
        Integer(0),
        Integer(1),
        low,
        high,
        slope,
    )
    means = tuple(
        GaussianMean(words, f, h, Integer(0), Integer(1), -oo, t, value, called(t), name=str(called))
        for words, f, value, called in (
            (
                "On the plateau the change has the weight delta + lambda h. Of delta, up to the field t,",
                delta,
                delta * Phi(t),
                own,
            ),
            ("Of the field.", h, -phi(t), field),
        )
    )
    balance = Definition(
        "The whole plateau has no weight: a change by a constant must not pay in either direction.",
        Eq(own(low), -lam * field(low), evaluate=False),
        name="balance",
    )
    multiplier = delta * Phi(low) / phi(low)
    solved = Solution("This fixes the multiplier.", lam, multiplier, using=("balance", "w_1", "w_2"), name="lambda")
    best = square + 2 * lam * slope
    found = [
        _formula(
            "change",
            "What a change e of the map adds to the Lagrangian at a field h",
            Identity(
                "The Lagrangian d^2 + 2 lambda h d (h d stands for d', by Stein) is quadratic in d: a change adds its square, which "
                "is not negative, and a term of first order.",
                (d + e) ** 2 + 2 * lam * h * (d + e),
                d**2 + 2 * lam * h * d + 2 * e * (d + lam * h) + e**2,
            ),
        ),
        _formula(
            "map",
            "The convex program with the fewest active outputs: multiplier of the optimal map",
            *means,
            balance,
            solved,
        ),
        _formula(
            "weight",
            "Mass of the first-order weight on the plateau, up to the field t",
            *means,
            balance,
            solved,
            Identity(
                "phi times the difference of an increasing function at t and at the end of the plateau: negative inside. By parts "
                "the first-order term is the mean of -w e', and e' = d' is not negative on the plateau.",
                own(t) + lam * field(t),
                phi(t) * (delta * Phi(t) / phi(t) - multiplier),
                using=("w_1", "w_2", "lambda"),
            ),
        ),
        _formula(
            "ratio",
            "The ratio of distribution function and density increases",
            GaussianMean(
                "The mean of what is not negative.",
                t - h,
                h,
                Integer(0),
                Integer(1),
                -oo,
                t,
                t * Phi(t) + phi(t),
                part,
                name="part",
            ),
            Identity(
                "So the ratio has a positive slope.", Derivative(Phi(t) / phi(t), t), part / phi(t), using=("part",)
            ),
        ),
        _formula("square", "Second moment of the optimal map", *square_steps),
        _formula("slope", "Mean slope of the optimal map", ramp),
        _formula(
            "flat",
            "The Lagrangian is stationary in delta at the multiplier",
            Identity(
                "Twice the mass of the first-order weight, which vanishes.",
                Derivative(best, delta),
                2 * (delta * Phi(low) - lam * phi(low)),
            ),
        ),
        _formula(
            "rise",
            "The least Lagrangian increases with k",
            Identity(
                "Positive: a map with fewer active outputs has a larger least Lagrangian, and breaks one of the conditions.",
                Derivative(best, k),
                2 * k * H(high) + 2 * lam * phi(high),
            ),
        ),
    ]
    return Moments(square, slope, H(high), multiplier, {f.id.removeprefix("lower."): f for f in found})


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
    shares = symbols(f"S_1:{len(components) + 1}", positive=True)
    steps: list[Any] = [
        GaussianMean(
            f"Beyond the ramp z = h - k: active where h - k lies between {a} and {b}, with the probability",
            Integer(1),
            h,
            Integer(0),
            Integer(1),
            a + k,
            b + k,
            H(a + k) - H(b + k),
            part,
            name=str(part),
        )
        for part, (a, b) in zip(shares, components, strict=True)
    ]
    steps += [
        Definition(
            "As many outputs are active as are required.",
            Eq(alpha * Add(*shares), budget, evaluate=False),
            name="count",
        ),
        Solution("That is at", alpha, capacity, using=("count", *map(str, shares))),
    ]
    derivation = Derivation(tuple(steps), ("alpha E d^2 = 1", "alpha E d' = 1"))
    formula = Formula.concluding(
        f"lower.{name}.{budget}" + (".mirrored" if mirrored else ""),
        f"Lower bound on the capacity, gate {name}",
        derivation,
        source=SOURCE,
        assumptions=tuple(f"{c} = 0" for c in conditions),
    )
    return LowerBound(
        active, square, slope, conditions, capacity, sympify(threshold), tuple(components), mirrored, formula
    )
