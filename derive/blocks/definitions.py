r"""The definitions everything else starts from, as formulas: the envelope of a gate and the lifted tower."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sympy import Eq, Equality, Expr, Function, Integer, Min, Piecewise, Symbol, diff, exp, log, oo, sqrt
from sympy.core.relational import Relational

from ..core.equality import equal, positive
from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation
from ..core.maxima import Minimum
from ..core.steps import Definition, Facts, Identity, Step, all_of
from ..core.symbols import Level, Lifting, chi
from ..networks.gates import Gate, MoreauEnvelope
from .tower import tower

__all__ = ["LeastCost", "envelope", "lifted_tower"]

reach, extra, share = (Symbol(n, positive=True) for n in ("k", "e", "s"))
V = Function("V")


@dataclass(frozen=True)
class LeastCost(Step):
    """The envelope of the cost of a gate is the least of staying and of moving to either end of a component.

    The first step that is used defines the envelope as the minimum of ``V(z)`` and what moving to z costs.  That must grow with
    the distance, so that the best inactive point is the nearest one; then every piece is compared with the alternatives, in
    every order of the reach and the half lengths of bounded components.
    """

    left: MoreauEnvelope
    right: Piecewise

    def statement(self, facts: Facts = ()) -> Equality:
        return Eq(self.left, self.right, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        if not isinstance(self.right, Piecewise) or not isinstance(facts[0].rhs, Minimum) or facts[0].lhs != self.left:
            return False
        minimum, h = facts[0].rhs, self.left.args[0]
        z, t = minimum.variable, Symbol("t", positive=True)
        move = minimum.expr - V(z)
        grows = positive(diff(move.subs(z, h + t), t))
        even = equal(move.subs(z, h + t), move.subs(z, h - t))
        still = equal(move.subs(z, h), Integer(0))
        whole = minimum.ends == (-oo, oo) and not move.has(V)
        if not whole or all_of((grows, even, still)) is not True:
            return False if not whole else all_of((grows, even, still))
        return all_of(self._compared(move, z, h, case) for case in self._cases())

    def _cases(self) -> Iterator[Expr]:
        """The reach in every interval between half lengths, in a positive parameter."""
        halves = sorted({(b - a) / 2 for a, b in self.left.gate.components if a.is_finite and b.is_finite})
        low: Expr = Integer(0)
        for half in halves:
            yield low + (half - low) / (1 + extra)
            low = half
        yield low + extra

    def _compared(self, move: Expr, z: Symbol, h: Symbol, case: Expr) -> bool | None:
        """Whether every piece is the least of the alternatives, for a reach in one interval."""
        lower: Expr = -oo
        found = []
        for value, condition in self.right.args:
            last = condition == True  # noqa: E712
            if not last and (not isinstance(condition, Relational) or condition.lhs != h):
                return False
            upper = oo if last else _at(condition.rhs, case)
            if lower != upper and equal(lower, upper) is not True:
                found.append(self._least(_at(value, case), move.subs(chi, case**2 / 2), z, h, (lower, upper)))
            lower = upper
        return all_of(found)

    def _least(self, value: Expr, move: Expr, z: Symbol, h: Symbol, interval: tuple[Expr, Expr]) -> bool | None:
        lower, upper = interval
        if lower == -oo:
            field = oo if upper == oo else upper - share
        else:
            field = lower + share if upper == oo else lower + (upper - lower) / (1 + share)
        inside = [(a, b) for a, b in self.left.gate.components if _within(lower, upper, a, b)]
        edges = [-oo, *(e for component in self.left.gate.components for e in component), oo]
        if not inside:
            gaps = zip(edges[::2], edges[1::2], strict=True)
            return any(_within(lower, upper, a, b) for a, b in gaps) and equal(value, Integer(0))
        costs = [Integer(1), *(move.subs(z, end) for end in inside[0] if end.is_finite)]
        costs = [cost.subs(h, field) for cost in costs]
        here = value.subs(h, field)
        if not any(equal(here, cost) for cost in costs):
            return False
        return all_of(True if equal(cost, here) else positive(cost - here, strict=False) for cost in costs)


def _at(expr: Expr, case: Expr) -> Expr:
    """At a reach: sqrt(2 chi) is that, and less or more than a half length."""
    inserted = expr.subs(chi, reach**2 / 2).replace(Min, lambda *args: _lesser(*(a.subs(reach, case) for a in args)))
    return inserted.subs(reach, case)


def _lesser(a: Expr, b: Expr) -> Expr:
    return a if positive(b - a, strict=False) else b


def _within(lower: Expr, upper: Expr, a: Expr, b: Expr) -> bool:
    below = a == -oo or (lower != -oo and bool(positive(lower - a, strict=False)))
    return below and (b == oo or (upper != oo and bool(positive(b - upper, strict=False))))


@lru_cache(maxsize=64)
def envelope(gate: Gate) -> Formula:
    r"""The Moreau envelope :math:`M_\chi(h) = \min_z [V(z) + (z-h)^2/(2\chi)]` of the cost of a gate, piece by piece.

    >>> from flrdt.derive import relu
    >>> envelope(relu()).derivation.verdict().value
    'proved'
    """
    h, z = Symbol("h", real=True), Symbol("z", real=True)
    folded = gate.envelope(h, chi)
    bounded = any(a != -oo and b != oo for a, b in gate.components)
    narrow = ("a bounded component is left as a whole once sqrt(2 chi) is half its length",) if bounded else ()
    derivation = Derivation(
        (
            Definition(
                "The least cost of a pre-activation z that may be moved; V(z) is 1 on the active set and 0 elsewhere.",
                Eq(folded, Minimum(V(z) + (z - h) ** 2 / (2 * chi), z, -oo, oo), evaluate=False),
                name="M",
            ),
            LeastCost(
                "Staying (z = h) costs V(h); moving to the nearest point of the inactive set costs its squared distance over "
                "2 chi. The cheaper choice changes where both cost the same.",
                folded,
                folded.doit(),
                using=("M",),
                name="unfolded",
            ),
        )
    )
    return Formula.concluding(
        f"envelope.{gate}",
        f"Moreau envelope of the cost, gate {gate}",
        derivation,
        source="definition of the Moreau envelope; arXiv 2410.20646 (one layer)",
        assumptions=("chi > 0", *narrow),
    )


def lifted_tower(level: Level | int | str) -> Formula:
    r"""The Gaussian tower :math:`T_r[f]` of a level, written out as nested expectations.

    >>> lifted_tower(2).id
    'tower.2'
    """
    level = Level.parse(level)
    lifting = Lifting(level)
    f = Function("f", real=True)
    r, x = level.r, Symbol("x", real=True)
    steps = [(lifting.c(k), lifting.increment(lifting.p, k)) for k in lifting.steps]
    T, F = Symbol(f"T_{r}"), [Function(f"f_{k}", real=True) for k in range(r + 1)]
    chain = [Definition("The innermost level is the function itself.", Eq(F[1](x), f(x), evaluate=False), name="f_1")]
    for k, (c, d) in enumerate(steps, start=2):
        u = Symbol(f"u_{k}", real=True)
        one = log(Expectation(exp(c * F[k - 1](x + sqrt(d) * u)), u)) / c
        text = f"Level {k}: a logarithmic average over a Gaussian increment of the field, of variance {d}."
        chain.append(Definition(text, Eq(F[k](x), one, evaluate=False), name=f"f_{k}"))
    outer, u = lifting.p(r), Symbol(f"u_{r + 1}", real=True)
    last = F[r](Integer(0)) if outer == 0 else Expectation(F[r](sqrt(outer) * u), u)
    derivation = Derivation(
        (
            *chain,
            Definition(
                "The tower ends with a plain average over what is left of the variance.",
                Eq(T, last, evaluate=False),
                name="T",
            ),
            Identity("Written out.", T, tower(f, steps, outer), using=("T", *(f"f_{k}" for k in range(r, 0, -1)))),
        )
    )
    return Formula.concluding(
        f"tower.{level}",
        f"Gaussian tower of level {level}",
        derivation,
        source="arXiv 2410.20646 (lifting, one layer)",
        assumptions=("c_2 > c_3 > ... > c_r > 0",),
    )
