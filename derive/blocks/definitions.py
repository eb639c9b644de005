r"""The definitions everything else starts from, as formulas: the envelope of a gate and the lifted tower."""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import pairwise

from sympy import Eq, Function, Integer, Min, Symbol, diff, exp, log, oo, simplify, sqrt

from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.gaussian import Expectation, gaussian_piece
from ..core.symbols import Level, Lifting, chi
from ..networks.gates import Gate
from .tower import tower

__all__ = ["envelope", "lifted_tower"]


@lru_cache(maxsize=64)
def envelope(gate: Gate) -> Formula:
    r"""The Moreau envelope :math:`M_\chi(h) = \min_z [V(z) + (z-h)^2/(2\chi)]` of the cost of a gate, piece by piece.

    >>> from flrdt.derive import relu
    >>> envelope(relu()).derivation.verdict().value
    'proved'
    """
    h, z = Symbol("h", real=True), Symbol("z", real=True)
    cost = Function("V")(z) + (z - h) ** 2 / (2 * chi)
    unfolded = gate.envelope(h, chi)
    steps = [
        Step(
            "Staying (z = h) costs V(h); moving to the nearest point of the inactive set costs its squared distance over "
            "2 chi. A move inside the active set, or beyond that point, only adds to the cost.",
            cost,
            # at fixed V the quadratic has its minimum at z = h
            lambda: identically_zero(diff((z - h) ** 2 / (2 * chi), z).subs(z, h)),
        )
    ]
    pieces = gate.pieces(chi, h)
    bounded = any(a != -oo and b != oo for a, b in gate.components)
    narrow = ("sqrt(2 chi) less than half the length of every component",) if bounded else ()
    for left, right in pairwise(pieces):
        steps.append(
            Step(
                "The cheaper choice changes where both cost the same: neighbouring pieces agree there.",
                Eq(left.value(chi), right.value(chi), evaluate=False),
                partial(_agree, left, right, h),
            )
        )
    return Formula(
        id=f"envelope.{gate}",
        title=f"Moreau envelope of the cost, gate {gate}",
        statement=Eq(unfolded, unfolded.doit(), evaluate=False),
        derivation=Derivation(tuple(steps)),
        status=Status.RIGOROUS,
        source="definition of the Moreau envelope; arXiv 2410.20646 (one layer)",
        assumptions=("chi > 0", *narrow),
        variables=(h, chi),
    )


def _agree(left, right, h: Symbol) -> bool | None:
    """At their common end, in a component wide enough for a plateau: there the least of reach and half length is the reach."""
    gap = (left.value(chi) - right.value(chi)).subs(h, left.upper)
    return identically_zero(simplify(gap.replace(Min, lambda *_: sqrt(2 * chi))))


def lifted_tower(level: Level | int | str) -> Formula:
    r"""The Gaussian tower :math:`T_r[f]` of a level, written out as nested expectations.

    >>> lifted_tower(2).id
    'tower.2'
    """
    level = Level.parse(level)
    lifting = Lifting(level)
    f = Function("f", real=True)
    steps = [(lifting.c(k), lifting.increment(lifting.p, k)) for k in lifting.steps]
    c, d = Symbol("c", positive=True), Symbol("d", positive=True)
    x, u, a, b = (Symbol(n, real=True) for n in ("x", "u", "a", "b"))
    one = log(Expectation(exp(c * f(x + sqrt(d) * u)), u)) / c
    linear = b + d * c * a**2 / 2  # of f(x) = a x + b, at x = 0
    return Formula(
        id=f"tower.{level}",
        title=f"Gaussian tower of level {level}",
        statement=Eq(Symbol(f"T_{level.r}"), tower(f, steps, lifting.p(level.r)), evaluate=False),
        derivation=Derivation(
            (
                Step(
                    "One step of the tower: a logarithmic average over a Gaussian increment of the field. A constant "
                    "passes through it.",
                    one,
                    lambda: identically_zero(tower(lambda _: a, [(c, d)], Integer(0)) - a),
                ),
                Step(
                    "As c goes to 0 it becomes the plain average; on a linear f = a x + b the difference is c d a^2/2.",
                    Eq(Symbol("f_2"), linear, evaluate=False),
                    lambda: _linear_step(c, d, a, b, linear),
                ),
            )
        ),
        status=Status.RIGOROUS,
        source="arXiv 2410.20646 (lifting, one layer)",
        assumptions=("c_2 > c_3 > ... > c_r > 0",),
        variables=tuple(lifting.c(k) for k in lifting.steps),
    )


def _linear_step(c, d, a, b, linear) -> bool | None:
    """``E exp(c (a sqrt(d) u + b))`` by Gaussian integration against the closed form."""
    u = Symbol("u", real=True)
    value = gaussian_piece(exp(c * (a * sqrt(d) * u + b)), u, Integer(0), Integer(1), -oo, oo).value
    return identically_zero(simplify(value / exp(c * linear)) - 1)
