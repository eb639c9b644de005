"""The lower bound to any number of digits: solve its two conditions, and enclose the solution with Krawczyk's operator."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flint import arb, ctx, fmpq
from sympy import Expr, Rational, diff

from flrdt.derive import GateError, InjectiveGate, Network
from flrdt.derive.conditions.lower_bound import LowerBound, lower_bound, sides
from flrdt.derive.networks.gates import Gate, read_gate

from ..arithmetic.backends import backend
from ..arithmetic.compile import compile_scalar
from ..arithmetic.decimals import error_text, known_digits, parse_digits, parse_number
from ..solve.enclosure import exact_mpf, inverse_midpoint, krawczyk, step_towards_root

__all__ = ["LowerCapacity", "as_ball", "bounds_of", "evaluated", "lower_capacity"]

GUARD = 40  # bits beyond the digits asked for, before the box of the proof
LARGEST_SLOPE = 1000


class NoSolution(ArithmeticError):
    """The two conditions could not be solved, or the solution not be enclosed."""


@dataclass(frozen=True)
class LowerCapacity:
    """The lower bound with its loss: every number is a ball that contains the exact one.

    ``delta`` and ``k`` are the slopes of the pinball loss; with ``delta = 0`` it is the hinge, and the second condition is slack.
    """

    alpha: arb
    delta: arb
    k: arb
    bound: LowerBound
    gate: str
    radius: str
    budget: Fraction
    digits: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """One end of the bracket, with decimals of known digits."""
        from mpmath import workdps

        with workdps(self.digits + 20), ctx.workprec(int(3.33 * self.digits) + 2 * GUARD):
            shown = _decimal(self.alpha, self.digits)
            off = abs(self.alpha - arb(shown)).upper()
            return {
                "side": "lower",
                "alpha": shown,
                "alpha_error": error_text(exact_mpf(off)),
                "error_kind": "enclosure",
                "digits": self.digits,
                "gate": self.gate,
                "radius": self.radius,
                "budget": str(self.budget),
                "parameters": {name: _decimal(getattr(self, name), self.digits) for name in ("delta", "k")},
                "threshold": str(self.bound.threshold),
                "mirrored": self.bound.mirrored,
                "status": "rigorous lower bound",
                "proved_by": "convex Gaussian min-max theorem, pinball loss",
                "seconds": round(self.seconds, 3),
            }


def _decimal(ball: arb, digits: int) -> str:
    from mpmath import ldexp, mpf

    def exact(part: arb) -> Any:
        mantissa, exponent = part.man_exp()
        return ldexp(mpf(int(mantissa)), int(exponent))

    return known_digits(exact(ball.mid()), exact(ball.rad()), digits)


def bounds_of(gate: str | Gate, radius: Fraction | int | str, budget: Fraction) -> list[LowerBound]:
    """The lower bounds that a gate has: one for each end of the line at which it is constant."""
    size = parse_number(radius, "radius", positive=True)
    found = gate if isinstance(gate, Gate) else read_gate(gate, Rational(size.numerator, size.denominator))
    if isinstance(found, InjectiveGate):
        raise GateError(f"gate {found} is injective everywhere: its capacity is 1, and needs no lower bound")
    network = Network(found, 1, Rational(budget.numerator, budget.denominator))
    return [lower_bound(network, mirrored) for mirrored in sides(found)] or [
        lower_bound(network)
    ]  # raises NoLowerBound


def lower_capacity(
    digits: int | str = 30,
    *,
    gate: str | Gate = "relu",
    radius: Fraction | int | str = 1,
    budget: Fraction | int | str = 1,
    report: Callable[[str], None] = lambda _: None,
) -> LowerCapacity:
    r"""The rigorous lower bound on the capacity of one layer: with fewer rows some input keeps too few outputs active.

    For the ReLU with budget 1 it solves :math:`H(\delta) = 2H(k)` and
    :math:`\delta^2\Phi(\delta) + \delta\varphi(\delta) = k\varphi(k) - k^2H(k)`; the bound is :math:`1/H(k)`. Valid for
    every gate that is constant on a half-line (the larger of the two bounds if it is on both); raises InputError for others.
    Source: convex Gaussian min-max theorem; the proof is the page on the lower bound.

    >>> lower_capacity(20).to_json()["alpha"]
    '4.7166812287958341517'
    """
    started = time.perf_counter()
    places, required = parse_digits(digits), parse_number(budget, "budget", positive=True)
    solved = []
    for bound in bounds_of(gate, radius, required):
        report(f"solving the conditions of the lower bound at {places} digits")
        solved.append((bound, *_enclosed(bound, places)))
    bound, alpha, delta, k = max(solved, key=lambda s: float(s[1]))
    return LowerCapacity(
        alpha, delta, k, bound, str(gate), str(radius), required, places, time.perf_counter() - started
    )


@dataclass(frozen=True)
class _Compiled:
    """Functions of (delta, k) in ball arithmetic; ``jacobian`` is that of the two conditions, row by row."""

    values: Callable[..., list[arb]]  # active share, E d^2, E d', alpha
    conditions: Callable[..., list[arb]]
    jacobian: Callable[..., list[arb]]


@lru_cache(maxsize=64)
def _compiled(bound: LowerBound) -> _Compiled:
    def function(expressions: Sequence[Expr]) -> Callable[..., list[arb]]:
        return compile_scalar(expressions, bound.variables, backend("arb"))

    values = function([bound.active, bound.square, bound.slope, bound.capacity])
    slopes = [diff(c, s) for c in bound.conditions for s in bound.variables]
    return _Compiled(values, function(bound.conditions), function(slopes))


def _enclosed(bound: LowerBound, digits: int) -> tuple[arb, arb, arb]:
    """Balls of alpha, delta and k."""
    f = _compiled(bound)
    delta, k = _started(f)
    hinge = delta == 0
    bits = int(3.33 * digits) + 2 * GUARD
    with ctx.workprec(bits):
        z = [arb(k)] if hinge else [arb(delta), arb(k)]
        n = len(z)

        def system(at: Sequence[arb]) -> list[arb]:
            return f.conditions(*(arb(0), *at)[-2:])[:n]

        def jacobian(at: Sequence[arb]) -> list[list[arb]]:
            flat = f.jacobian(*(arb(0), *at)[-2:])
            return [[flat[1]]] if hinge else [flat[:2], flat[2:]]

        for _ in range(bits.bit_length() + 2):
            step = step_towards_root(inverse_midpoint(jacobian(z)), system(z))
            z = [(a - s).mid() for a, s in zip(z, step, strict=True)]
        radius = arb(2) ** -(bits - GUARD)
        box = [arb(a, radius) for a in z]
        inverse = inverse_midpoint(jacobian(z))
        image = krawczyk(z, step_towards_root(inverse, system(z)), box, jacobian(box), inverse)
        if image is None:
            raise NoSolution("the conditions of the lower bound were solved, but the solution could not be enclosed")
        delta, k = (arb(0), image[0]) if hinge else (image[0], image[1])
        active, _, slope, alpha = f.values(delta, k)
        if not (delta >= 0 and k > delta and active > 0 and alpha * k * k > 1):
            raise NoSolution("the solution of the conditions is not a pinball loss")
        if hinge and not alpha * slope < 1:
            raise NoSolution("the hinge loss does not leave the ball bound")
        return alpha, delta, k


def _started(f: _Compiled) -> tuple[arb, arb]:
    """Nested bisection: at fixed k the first condition increases with delta, and along its root both increase with k."""

    def sign(k: arb) -> tuple[int, arb]:
        """Whether k is too small (-1) or too large (1), and the delta of the first condition."""
        alpha = f.values(arb(0), k)[3].mid()

        def excess(delta: arb) -> arb:
            return alpha * f.values(delta, k)[1] - 1

        if not alpha * k * k > 1:
            return -1, arb(0)
        if excess(arb(0)) > 0:
            return 1, arb(0)
        low, high = arb(0), k
        for _ in range(100):
            middle = ((low + high) / 2).mid()
            low, high = (low, middle) if excess(middle) > 0 else (middle, high)
        return (1 if alpha * f.values(low, k)[2] > 1 else -1), low

    with ctx.workprec(160):
        low, high = arb(0), arb(1)
        while sign(high)[0] < 0:
            low, high = high, 2 * high
            if high > LARGEST_SLOPE:
                raise NoSolution("the conditions of the lower bound have no solution with a slope below 1000")
        for _ in range(100):
            middle = ((low + high) / 2).mid()
            low, high = (low, middle) if sign(middle)[0] > 0 else (middle, high)
        delta = sign(low)[1]
        slack = 1 - f.values(delta, low)[3] * f.values(delta, low)[2]
        return (arb(0) if slack > arb(2) ** -30 else delta), low


def evaluated(bound: LowerBound, claim: Any) -> list[arb]:
    """``alpha E d^2``, ``alpha E d'`` and the count at the exact numbers of a claim, by the derived closed forms."""
    with ctx.workprec(claim.precision):
        active, square, slope, _ = _compiled(bound).values(as_ball(claim.delta), as_ball(claim.k))
        alpha = as_ball(claim.alpha)
        return [alpha * square, alpha * slope, alpha * active]


def as_ball(value: Fraction) -> arb:
    """The ball around an exact rational at the working precision."""
    return arb(fmpq(value.numerator, value.denominator))
