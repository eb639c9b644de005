r"""The inner maximisation of a hidden layer, over its pre-activation.

:math:`v(w, h) = \max_z [ -(z-w)^2/(2\chi) + h z_+ - \mu z_+^2/2 ]` is homogeneous of degree 2 in the fields
(w, h) and piecewise quadratic: the plane falls into an active wedge (z > 0) and an idle one (z <= 0).  The
maximiser, the two values and the two boundary rays are found here by SymPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sympy import (
    Abs,
    Add,
    Basic,
    Derivative,
    Dict,
    Dummy,
    Eq,
    Equality,
    Expr,
    Gt,
    Integer,
    Integral,
    Max,
    Min,
    Piecewise,
    Symbol,
    diff,
    exp,
    factor,
    oo,
    pi,
    solve,
    sqrt,
    symbols,
    sympify,
    true,
)
from sympy.core.relational import Relational

from ..core.equality import equal, evaluated
from ..core.formulas import Formula
from ..core.gaussian import Expectation
from ..core.insertion import insert
from ..core.maxima import FieldFunction, Maximum
from ..core.steps import (
    Chain,
    Definition,
    Extremum,
    Facts,
    Identity,
    Step,
    Substitution,
    Unfolding,
    all_of,
    extreme,
    leading_to,
    pieces_along,
)

__all__ = [
    "GAIN",
    "HiddenActivation",
    "HiddenValue",
    "InnerMaximum",
    "OnWedges",
    "PieceByPiece",
    "Wedge",
    "inner_maximum",
    "wedge_pieces",
]

w, h, z = symbols("w h z", real=True)
chi, mu = symbols("chi mu", positive=True)
slope = Symbol("t", real=True)
size, scale = symbols("a lambda", positive=True)

ACTIVE_GAIN = -((z - w) ** 2) / (2 * chi) + h * z - mu * z**2 / 2
IDLE_GAIN = -((z - w) ** 2) / (2 * chi)
"""What a unit gains at z >= 0 and at z <= 0."""
GAIN = -((z - w) ** 2) / (2 * chi) + h * Max(z, 0) - mu * Max(z, 0) ** 2 / 2
"""What a unit gains."""

SOURCE = "arXiv 2412.19677 (deep networks; l-extension)"


@dataclass(frozen=True)
class Wedge:
    """The fields with ``sign(w) = side`` and ``lower < h/|w| < upper``; there v is the quadratic form
    ``value``.
    """

    side: int
    lower: Expr
    upper: Expr
    active: bool
    value: Expr

    @property
    def name(self) -> str:
        """In words, for the steps of derivations."""
        return f"{'active' if self.active else 'idle'} wedge with w {'>' if self.side == 1 else '<'} 0"


@dataclass(frozen=True)
class InnerMaximum:
    """Maximiser, wedges and their derivation, in the symbols w, h, chi, mu.

    The steps of the derivation are called ``v closed``, ``maximiser``, and for either sign of w ``ray positive``,
    ``v positive``, ``z positive``.
    """

    maximiser: Expr
    wedges: tuple[Wedge, ...]
    formula: Formula
    steps: tuple[Step, ...]

    def chain(self, *names: str) -> tuple[Step, ...]:
        """The steps up to those of the given names."""
        return leading_to(self.steps, *names)

    def form(self, side: int, active: bool) -> Wedge:
        """The wedge of a half-plane ``side`` that is active or idle."""
        return next(wedge for wedge in self.wedges if (wedge.side, wedge.active) == (side, active))


@dataclass(frozen=True)
class HalfLines(Step):
    """A maximum over the line of a function of z and ``Max(z, 0)`` is the greater of the maxima over both half-lines."""

    left: Maximum
    right: Max

    def statement(self, facts: Facts = ()) -> Equality:
        return Eq(self.left, self.right, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        parts = {p.ends: p for p in self.right.args if isinstance(p, Maximum)} if isinstance(self.right, Max) else {}
        if not isinstance(self.left, Maximum) or self.left.ends != (-oo, oo) or {*parts} != {(0, oo), (-oo, 0)}:
            return False
        beyond = Dummy("z", positive=True)
        return all_of(
            equal(self.left.expr.subs(self.left.variable, at), part.expr.subs(part.variable, at))
            for at, part in ((beyond, parts[Integer(0), oo]), (-beyond, parts[-oo, Integer(0)]))
        )


def _inside(lower: Expr, upper: Expr) -> Expr:
    """Any point of an interval, by a positive parameter."""
    share = Dummy("s", positive=True)
    if upper == oo:
        return lower + share
    return upper - share if lower == -oo else lower + (upper - lower) / (1 + share)


def _pieces_of(fact: Basic) -> list[tuple[Expr, Expr, Expr]] | None:
    """Value and ends of the pieces of an equation whose right-hand side is piecewise in one of the arguments."""
    return pieces_along(fact.rhs, _argument(fact)) if isinstance(fact, Equality) else None


def _argument(fact: Equality) -> Expr:
    """The argument in which the right-hand side is piecewise."""
    return next((c.lhs for _, c in fact.rhs.args if isinstance(c, Relational)), fact.lhs.args[0])


@dataclass(frozen=True)
class OnWedges(Step):
    """``left = right`` inside every wedge, where the functions that are used are the forms of their pieces.

    The steps that are used give functions of ``(a, h, ...)`` and of ``(-a, h, ...)`` with a > 0, piece by piece in h.
    """

    left: Expr
    right: Expr

    def statement(self, facts: Facts = ()) -> Equality:
        return Eq(self.left, self.right, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        found = []
        if len({f.lhs.args[1:] for f in facts}) != 1 or any(len(set(f.lhs.args)) < len(f.lhs.args) for f in facts):  # type: ignore[attr-defined]
            return False
        if not all(equal(f.lhs.args[0] ** 2, size**2) for f in facts):  # type: ignore[attr-defined]
            return False
        for side in (1, -1):
            here = [f for f in facts if isinstance(f, Equality) and equal(f.lhs.args[0] * side, size)]
            pieces = [_pieces_of(f) for f in here]
            if not here or None in pieces or len({tuple(e[1:] for e in p) for p in pieces}) != 1:  # type: ignore[union-attr]
                return False
            for row in zip(*pieces, strict=True):  # type: ignore[arg-type]
                values = {
                    f.lhs.func(w, *f.lhs.args[1:]): value.subs(size, side * w)
                    for f, (value, _, _) in zip(here, row, strict=True)
                }
                at = {w: side * size}
                inside = {h: _inside(*row[0][1:])}
                sides = (evaluated(s.xreplace(values)).subs(at).subs(inside) for s in (self.left, self.right))
                found.append(equal(*(s.replace(Max, lambda *args: extreme(args, -1)) for s in sides)))
        return all_of(found)


@dataclass(frozen=True)
class PieceByPiece(Step):
    """``left``, an integral over the line or a mean over a normal variable, is the sum ``right`` of integrals over pieces.

    The first step that is used gives a function of ``left`` piece by piece in one of its arguments: the variable of the
    integral, or ``m + s u`` of the mean over u.  An integral over a piece has its ends; a piece that vanishes has none.
    """

    left: Expr
    right: Expr

    def statement(self, facts: Facts = ()) -> Equality:
        return Eq(self.left, self.right, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        pieces = _pieces_of(facts[0]) if facts else None
        if pieces is None or not isinstance(self.left, (Integral, Expectation)):
            return False
        folded = facts[0].lhs  # type: ignore[attr-defined]
        place = folded.args.index(_argument(facts[0]))  # type: ignore[arg-type]
        inner, variable = self.left.args[0], self.left.args[1].args[0]
        others = [i for i in range(len(folded.args)) if i != place]
        nodes = [e for e in inner.atoms(folded.func) if all(e.args[i] == folded.args[i] for i in others)]
        if len(nodes) != 1:
            return False
        field, position = folded.args[place], nodes[0].args[place]
        if isinstance(self.left, Integral):
            if self.left.limits != ((variable, -oo, oo),) or position != variable:
                return False
            weight: Expr = Integer(1)
        else:
            spread, mean = diff(position, variable), position.subs(variable, 0)
            if not spread.is_positive or inner.xreplace({nodes[0]: Integer(0)}).has(variable):
                return False
            weight = exp(-((field - mean) ** 2) / (2 * spread**2)) / sqrt(2 * pi * spread**2)
        terms = Add.make_args(self.right)
        parts = {e.limits[0][1:]: e for e in terms if isinstance(e, Integral) and len(e.limits) == 1}
        ends = [tuple(e.subs(field, variable) for e in piece[1:]) for piece in pieces]
        if len(parts) != len(terms) or not {*parts} <= {*ends}:
            return False
        found = []
        for (value, _, _), limits in zip(pieces, ends, strict=True):
            here = inner.xreplace({nodes[0]: value}).subs(variable, field) * weight
            part = parts.get(limits)
            sides = here, part.function.subs(part.limits[0][0], field) if part else Integer(0)
            if here.has(Max):
                inside = _inside(*(e.subs(variable, field) for e in limits))
                sides = tuple(e.subs(field, inside).replace(Max, lambda *args: extreme(args, -1)) for e in sides)
            found.append(equal(*sides))
        return all_of(found)


SIDES = {1: "positive", -1: "negative"}


@lru_cache(maxsize=1)
def inner_maximum() -> InnerMaximum:
    """Maximise over the pre-activation, wedge by wedge.

    >>> inner_maximum().form(1, True).lower, inner_maximum().form(-1, True).lower
    (-1/chi, (sqrt(chi*mu + 1) + 1)/chi)
    """
    value, bend = HiddenValue(w, h, chi, mu), 1 / chi + mu
    active = Maximum(ACTIVE_GAIN, z, 0, oo)
    idle = Maximum(IDLE_GAIN, z, -oo, 0)
    best = {1: Max(0, solve(diff(ACTIVE_GAIN, z), z)[0].factor()), -1: Min(0, w)}
    gains = {
        1: (Max(0, w / chi + h) ** 2 / bend - w**2 / chi) / 2,  # completing the square
        -1: -(Max(0, w) ** 2) / (2 * chi),
    }
    chain = Chain(
        [
            Definition(
                "What a unit gains at its best pre-activation z.",
                Eq(value, Maximum(GAIN, z, -oo, oo), evaluate=False),
                name="v",
            ),
            HalfLines(
                "The terms in h and mu are there for z > 0 only.",
                Maximum(GAIN, z, -oo, oo),
                Max(active, idle),
                name="half-lines",
            ),
            Extremum(
                "An active unit: the concave quadratic in z > 0 has its maximum where its slope vanishes, or at 0.",
                *(ACTIVE_GAIN, z, Integer(0), oo, best[1], gains[1], False),
                name="active",
            ),
            Extremum(
                "An idle unit, z <= 0, moves as close to w as it may: z = min(w, 0).",
                *(IDLE_GAIN, z, -oo, Integer(0), best[-1], gains[-1], False),
                name="idle",
            ),
            Substitution(
                "The better of the two.",
                Dict(),
                Max(gains[1], gains[-1]),
                using=("v", "half-lines", "active", "idle"),
                name="v closed",
            ),
        ]
    )
    closed = chain.derivation()
    chain.add(
        Definition(
            "Where the slope of the gain of an active unit vanishes.",
            Eq(Derivative(ACTIVE_GAIN, z), 0, evaluate=False),
            name="stationary",
        )
    )
    maximiser = chain.solve("That is its pre-activation.", z, using=("stationary",), name="maximiser")
    form = factor(ACTIVE_GAIN.xreplace({z: maximiser}))
    wedges = []
    for side, name in SIDES.items():
        still = {1: Integer(0), -1: w}[side]
        at = {w: Integer(side), h: slope}
        chain.add(
            Definition(
                f"For w {'>' if side == 1 else '<'} 0 active and idle tie on a ray h = |w| t.",
                Eq(form.xreplace(at), IDLE_GAIN.xreplace({z: still}).xreplace(at), evaluate=False),
                name=f"tie {name}",
            )
        )
        beyond = true if side == 1 else Gt(slope, 1 / chi)  # the pre-activation is positive there
        ray = chain.solve(
            "It is the ray on which z >= 0.", slope, using=(f"tie {name}",), branch=beyond, name=f"ray {name}"
        )
        still_value = IDLE_GAIN.xreplace({z: still})
        wedges += [Wedge(side, -oo, ray, False, still_value), Wedge(side, ray, oo, True, form)]
        on = {w: side * size}
        chain.add(
            Unfolding(
                f"The wedges with w {'>' if side == 1 else '<'} 0, |w| = a.",
                value.xreplace(on),
                Piecewise((still_value.subs(on), h < size * ray), (form.subs(on), True)),
                h,
                () if side == 1 else (size / chi,),
                using=("v closed",),
                name=f"v {name}",
            )
        )
        chain.add(
            Definition(
                "Its pre-activation is that of the better of the two.",
                Eq(
                    HiddenActivation(side * size, h, chi, mu),
                    Piecewise((still.subs(on), h < size * ray), (maximiser.subs(on), True)),
                    evaluate=False,
                ),
                name=f"z {name}",
            )
        )
    chain.add(
        Identity(
            "The value is homogeneous of degree 2.",
            HiddenValue(scale * w, scale * h, chi, mu),
            scale**2 * value,
            using=("v closed",),
            name="homogeneous",
        )
    )
    formula = Formula.concluding(
        "hidden.inner_maximum",
        "Inner maximisation of a hidden layer",
        closed,
        source=SOURCE,
        assumptions=("chi > 0", "mu > 0"),
    )
    return InnerMaximum(maximiser, tuple(wedges), formula, tuple(chain.steps))


def wedge_pieces(
    side: int, field_w: Expr, field_h: Expr, susceptibility: Expr, curvature: Expr, *, of: str = "v"
) -> Substitution:
    """The pieces of v, or of z, on one side of w = 0 at other fields and parameters, as a step ``pieces positive`` or ``negative``
    (``pieces of z positive``).

    ``field_w`` is positive and stands for |w|; the chain has the steps of :func:`inner_maximum`.
    """
    name = SIDES[side]
    mapping = Dict({size: field_w, h: field_h, chi: susceptibility, mu: curvature})
    unfolded = inner_maximum().chain(f"{of} {name}")[-1].statement()
    return Substitution(
        f"For w {'>' if side == 1 else '<'} 0, in the parameters of the average.",
        mapping,
        insert(unfolded.rhs, dict(mapping)),  # type: ignore[attr-defined]
        using=(f"{of} {name}",),
        name=f"pieces {name}" if of == "v" else f"pieces of {of} {name}",
    )


def _pieces(wedges, field_w: Expr, field_h: Expr) -> Piecewise:
    active = {g.side: g for g in wedges if g.active}
    rest = {g.side: g for g in wedges if not g.active}
    inside = {s: field_h > Abs(field_w) * active[s].lower for s in (1, -1)}
    fields = {w: field_w, h: field_h}
    return Piecewise(
        (insert(active[1].value, fields), (field_w >= 0) & inside[1]),
        (insert(active[-1].value, fields), (field_w < 0) & inside[-1]),
        (insert(rest[1].value, fields), field_w >= 0),
        (insert(rest[-1].value, fields), True),
    )


class HiddenValue(FieldFunction):
    r"""``v(w, h)`` of a hidden layer, unevaluated; ``doit()`` gives its wedges.

    >>> a, b = symbols("a b", real=True)
    >>> HiddenValue(a, b, chi, mu), HiddenValue(-1, 0, chi, mu).doit()
    (v(a, b; chi, mu), 0)
    """

    def __new__(cls, field_w, field_h, chi, mu):
        return Expr.__new__(cls, *map(sympify, (field_w, field_h, chi, mu)))

    def doit(self, **hints):
        field_w, field_h, chi_, mu_ = self.args
        pieces = _pieces(inner_maximum().wedges, field_w, field_h)
        return insert(pieces, {chi: chi_, mu: mu_})

    def _eval_derivative(self, symbol):
        return self.doit().diff(symbol)

    def _sympystr(self, printer):
        field_w, field_h, chi_, mu_ = map(printer._print, self.args)
        return f"v({field_w}, {field_h}; {chi_}, {mu_})"

    def _latex(self, printer, exp=None):
        field_w, field_h, chi_, mu_ = map(printer._print, self.args)
        body = rf"v_{{{chi_},{mu_}}}\left({field_w}, {field_h}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"


class HiddenActivation(FieldFunction):
    r"""The pre-activation ``z(w, h)`` at which the maximum is attained, unevaluated: positive for an active unit.

    >>> a, b = symbols("a b", real=True)
    >>> HiddenActivation(a, b, chi, mu), HiddenActivation(-1, 0, chi, mu).doit()
    (z(a, b; chi, mu), -1)
    """

    def __new__(cls, field_w, field_h, chi, mu):
        return Expr.__new__(cls, *map(sympify, (field_w, field_h, chi, mu)))

    def doit(self, **hints):
        field_w, field_h, chi_, mu_ = self.args
        found = inner_maximum()
        best = {True: found.maximiser, False: Min(w, 0)}
        wedges = [Wedge(g.side, g.lower, g.upper, g.active, best[g.active]) for g in found.wedges]
        return insert(_pieces(wedges, field_w, field_h), {chi: chi_, mu: mu_})

    def _sympystr(self, printer):
        field_w, field_h, chi_, mu_ = map(printer._print, self.args)
        return f"z({field_w}, {field_h}; {chi_}, {mu_})"

    def _latex(self, printer, exp=None):
        field_w, field_h, chi_, mu_ = map(printer._print, self.args)
        body = rf"z_{{{chi_},{mu_}}}\left({field_w}, {field_h}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"
