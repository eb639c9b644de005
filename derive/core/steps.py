r"""Steps of derivations: what a step says is what is checked.

A step is made of SymPy fields, which are displayed, and its check is computed from these fields alone; there is no way to hand
one in.  A :class:`~flrdt.derive.core.formulas.Derivation` is a chain of steps: a step has a name and names the earlier steps
that it uses.  Their conclusions are *facts*, by which it rewrites its own two sides before it compares them (``~name`` from right
to left); whoever changes an expression anywhere changes what later steps see, and the chain fails.

====================== =====================================================================================
:class:`Definition`    gives something a name; nothing to prove
:class:`Theorem`       cites a result with its source; nothing is proved here
:class:`Identity`      both sides are equal, the facts inserted; derivatives and substitutions are carried out
:class:`Substitution`  an earlier equation at other arguments, recomputed
:class:`Solution`      solves an earlier equation for an unknown: inserted, and the only one that qualifies
:class:`GaussianMean`  the mean of a function of a normal variable over an interval, by completing the square
:class:`PiecewiseMean` the mean of a function of a piecewise function, piece by piece
:class:`Unfolding`     minima, maxima and steps as a piecewise function
:class:`Primitive`     an antiderivative, by differentiation
:class:`Quadrature`    a definite integral, from an antiderivative and its values at the ends
:class:`Approach`      a limit
:class:`Extremum`      the minimum or maximum of a convex or concave function over an interval
:class:`Bound`         an inequality, by signs
:class:`Monotone`      a function that rises, at two points in order
:class:`Weighted`      an earlier inequality times a weight, integrated
:class:`Consequence`   an inequality as a combination of earlier ones
:class:`Instances`     cases of an equation: verified at most
:class:`Induction`     an equation for every index: its start, and each next from the one before
====================== =====================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from itertools import pairwise
from typing import ClassVar

from sympy import (
    Add,
    Basic,
    Derivative,
    Dict,
    Dummy,
    Eq,
    Equality,
    Expr,
    Ge,
    Gt,
    Heaviside,
    Integer,
    Integral,
    Le,
    Limit,
    Lt,
    Max,
    Min,
    Mul,
    Piecewise,
    Poly,
    PolynomialError,
    Symbol,
    cancel,
    diff,
    exp,
    factor,
    false,
    limit,
    nan,
    numer,
    oo,
    pi,
    solve,
    sqrt,
    together,
    true,
    zoo,
)
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from .equality import UNABLE, equal, evaluated, positive
from .formulas import Basis, Derivation, Verdict
from .gaussian import Expectation, Law, NotQuadratic, check_piece, gaussian_piece
from .insertion import insert
from .maxima import FieldFunction, Maximum, Minimum

__all__ = [
    "Approach",
    "Bound",
    "Chain",
    "Consequence",
    "Definition",
    "Extremum",
    "GaussianMean",
    "Identity",
    "Induction",
    "Instances",
    "Monotone",
    "PiecewiseMean",
    "Primitive",
    "Quadrature",
    "Solution",
    "Step",
    "Substitution",
    "Theorem",
    "Unfolding",
    "Weighted",
    "all_of",
    "extreme",
    "leading_to",
    "pieces_along",
    "rewritten",
]

Facts = tuple[Basic, ...]


@dataclass(frozen=True)
class Step:
    """A step of a derivation; the kinds are its subclasses.

    ``text`` is a sentence, ``name`` what later steps call it by, ``using`` the names of the earlier steps whose
    conclusions it starts from, in the order in which they are inserted.
    """

    text: str
    name: str = field(default="", kw_only=True)
    using: tuple[str, ...] = field(default=(), kw_only=True)
    best: ClassVar[Verdict | Basis] = Verdict.PROVED

    def statement(self, facts: Facts = ()) -> Basic:
        """What the step says: displayed, and a fact for later steps."""
        raise NotImplementedError

    def holds(self, facts: Facts) -> bool | None:
        """Whether that follows from the facts: computed from the fields."""
        raise NotImplementedError

    @property
    def expression(self) -> Basic:
        """:meth:`statement` of a step that starts from no other."""
        return self.statement()

    def verdict(self, facts: Facts = ()) -> Verdict | Basis:
        """Proved (or verified, for instances), failed or unknown; a definition or a theorem is stated as such."""
        return self.best if isinstance(self.best, Basis) else _verdict(self, facts)


@lru_cache(maxsize=8192)
def _verdict(step: Step, facts: Facts) -> Verdict:
    try:
        found = step.holds(facts)
    except ValueError:  # a fact that makes no sense where it is inserted, such as a derivative with respect to a sum
        found = False
    except UNABLE:
        found = None
    return {True: step.best, False: Verdict.FAILED, None: Verdict.UNKNOWN}[found]  # type: ignore[return-value]


def all_of(found: Iterable[bool | None]) -> bool | None:
    """False if one is, else unknown if one is."""
    found = tuple(found)
    return False if False in found else (None if None in found else True)


def rewritten(expr: Expr, facts: Facts) -> Expr:
    """An expression with the left-hand sides of the facts replaced by their right-hand sides, one fact after the other.

    A fact about ``f(x, p)`` holds for all arguments, one about a derivative also for its further derivatives.

    >>> from sympy.abc import x, a
    >>> from sympy import Function
    >>> f = Function("f")
    >>> rewritten(f(2*a) + a, (Eq(f(x), x**2), Eq(a, 3)))
    39
    """
    return reduce(lambda e, fact: _rewrite(e, fact), facts, expr)


def _rewrite(expr: Expr, fact: Basic) -> Expr:
    if not isinstance(fact, Equality) or fact.lhs.is_number:
        return expr
    left, right = fact.lhs, fact.rhs
    if isinstance(left, (AppliedUndef, FieldFunction)) and all(isinstance(a, Symbol) for a in left.args):
        if len(set(left.args)) < len(left.args):
            raise ValueError(f"{left} gives two arguments one name")
        may_be = _may_be if isinstance(left, AppliedUndef) else _is

        def fits(e: Basic) -> bool:
            return isinstance(e, left.func) and all(map(may_be, e.args, left.args))

        return expr.replace(fits, lambda e: insert(right, dict(zip(left.args, e.args, strict=True))))
    if isinstance(left, Derivative) and isinstance(left.expr, AppliedUndef):
        return _along(expr, left, right)
    return (evaluated(expr) if left.has(Law) else expr).xreplace({left: right})


def _may_be(argument: Expr, symbol: Symbol) -> bool:
    """Whether a symbol, which may be an index from 1 on, may stand for an argument."""
    return not (symbol.is_positive and argument.is_positive is False)


def _is(argument: Expr, symbol: Symbol) -> bool:
    """Whether an argument is known to have the sign of a symbol."""
    return bool(argument.is_positive or not symbol.is_positive)


def _along(expr: Expr, left: Derivative, right: Expr) -> Expr:
    """Every derivative that contains the one of a differential equation, by that equation."""
    wanted = dict(left.variable_count)
    expr = evaluated(expr)
    for _ in range(8):
        found = [
            d
            for d in expr.atoms(Derivative)
            if d.expr == left.expr and all(dict(d.variable_count).get(v, 0) >= n for v, n in wanted.items())
        ]
        if not found:
            return expr
        inserted = {}
        for d in found:
            rest = [(v, n - wanted.get(v, 0)) for v, n in d.variable_count if n > wanted.get(v, 0)]
            inserted[d] = diff(right, *rest) if rest else right
        expr = expr.xreplace(inserted)
    return expr


@dataclass(frozen=True)
class Definition(Step):
    """``relation`` introduces what is on its left (or states the condition that the derivation works under)."""

    relation: Basic
    best = Basis.DEFINITION

    def statement(self, facts: Facts = ()) -> Basic:
        return self.relation


@dataclass(frozen=True)
class Theorem(Step):
    """``relation`` is known: ``source`` says from where."""

    relation: Basic
    source: str
    best = Basis.THEOREM

    def statement(self, facts: Facts = ()) -> Basic:
        return self.relation


@dataclass(frozen=True)
class Identity(Step):
    """``left = right``; failed also if it stays undecided and one of the facts does not occur in it.

    >>> from sympy.abc import x
    >>> Identity("Differentiate.", Derivative(x**2, x), 2*x).verdict().value
    'proved'
    >>> Identity("Differentiate.", Derivative(x**2, x), x).verdict().value
    'failed'
    """

    left: Expr
    right: Expr

    def statement(self, facts: Facts = ()) -> Basic:
        return Eq(self.left, self.right, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        found = equal(rewritten(self.left, facts), rewritten(self.right, facts))
        sides = Eq(self.left, self.right, evaluate=False).args
        return False if found is None and _idle(sides, facts) else found


def _idle(sides: tuple[Basic, ...], facts: Facts) -> bool:
    """Whether one of the facts finds nothing to replace: the step does not follow from what it names."""
    for fact in facts:
        inserted = tuple(_rewrite(side, fact) for side in sides)
        if inserted == sides:
            return True
        sides = inserted
    return False


@dataclass(frozen=True)
class Substitution(Step):
    """The first step that is used, with ``mapping`` inserted; its right-hand side becomes ``result`` by the other facts.

    A mapped function is replaced with its arguments, as in :func:`rewritten`.  Failed also if it stays undecided and one of the
    other facts does not occur in it.
    """

    mapping: Dict
    result: Expr

    def statement(self, facts: Facts = ()) -> Basic:
        left = self._mapped(facts[0].lhs) if facts else Symbol("previous")
        return Eq(left, self.result, evaluate=False)

    def _mapped(self, expr: Expr) -> Expr:
        symbols = {old: new for old, new in self.mapping.items() if isinstance(old, Symbol)}
        functions = tuple(Eq(o, n, evaluate=False) for o, n in self.mapping.items() if not isinstance(o, Symbol))
        return insert(rewritten(expr, functions), symbols)

    def holds(self, facts: Facts) -> bool | None:
        if not facts or not isinstance(facts[0], Equality):
            return None
        left, right = facts[0].lhs, facts[0].rhs
        inserted = self._mapped(right)
        if inserted != right and self._mapped(left) == left:
            return None  # a name for one value does not become a name for another
        found = equal(rewritten(inserted, facts[1:]), rewritten(self.result, facts[1:]))
        return False if found is None and _idle((inserted, self.result), facts[1:]) else found


@dataclass(frozen=True)
class Solution(Step):
    """``unknown = value`` solves the first step that is used, the other facts inserted.

    It must be the only solution that fulfils ``branch`` (a relation in the unknown; the unknown's assumptions count too).

    >>> x, a = Symbol("x", positive=True), Symbol("a", positive=True)
    >>> Solution("Take the root.", x, sqrt(a)).verdict((Eq(x**2, a),)).value
    'proved'
    >>> Solution("Take the root.", Symbol("x"), sqrt(a)).verdict((Eq(Symbol("x")**2, a),)).value
    'unknown'
    """

    unknown: Symbol
    value: Expr
    branch: Basic = true

    def statement(self, facts: Facts = ()) -> Basic:
        return Eq(self.unknown, self.value, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        if not facts or not isinstance(facts[0], Equality):
            return None
        gap = evaluated(rewritten(facts[0].lhs - facts[0].rhs, facts[1:]))
        value = rewritten(self.value, facts[1:])
        if value.has(self.unknown, zoo, nan) or (self.branch != true and not self.branch.has(self.unknown)):
            return False
        if self.unknown.is_positive and positive(-value, strict=False):
            return False
        solved = equal(gap.xreplace({self.unknown: value}), Integer(0))
        if solved is None and _idle(facts[0].args, facts[1:]):
            return False
        if solved is not True or self.branch.xreplace({self.unknown: value}) == False:  # noqa: E712
            return solved and False
        return self._unique(gap, value)

    def _unique(self, gap: Expr, value: Expr) -> bool | None:
        found = _roots(gap, self.unknown)
        if found is None:
            return None
        if len(found) == 1:
            return True
        return all_of(self._excluded(r, value) for r in found if equal(r, value) is not True)

    def _excluded(self, root: Expr, value: Expr) -> bool | None:
        """Whether a root is none of the branch; false if it is one at some point."""
        if self.unknown.is_positive and positive(-root, strict=False):
            return True
        if self.unknown.is_positive and positive(value - root) and positive(-value * root, strict=False):
            return True  # the lesser of two roots of opposite signs
        if self.branch == true:
            return None
        relation = self.branch.xreplace({self.unknown: root})
        if relation in (true, false):
            return bool(relation == false)
        return positive(-_excess(relation), strict=isinstance(relation, (Ge, Le)))


@lru_cache(maxsize=512)
def _roots(gap: Expr, unknown: Expr) -> tuple[Expr, ...] | None:
    """The zeros of a rational function, factor by factor of its numerator; ``None`` if it is none."""
    found: list[Expr] = []
    for part in Mul.make_args(factor(numer(together(cancel(gap))))):
        base = part.base if part.is_Pow else part
        if not base.has(unknown):
            continue
        try:
            polynomial = Poly(base, unknown)
        except PolynomialError:
            return None
        if polynomial.degree() == 1:
            slope, rest = polynomial.all_coeffs()
            found.append(factor(-rest / slope))
        else:
            pure = polynomial.degree() == 2 and polynomial.nth(1) == 0  # roots of opposite signs: nothing to simplify
            found += solve(base, unknown, check=False, simplify=not pure)
    return tuple(dict.fromkeys(found))


def _excess(relation: Basic) -> Expr:
    """Larger minus smaller side of an inequality."""
    if isinstance(relation, (Gt, Ge)):
        return relation.lhs - relation.rhs
    return relation.rhs - relation.lhs if isinstance(relation, (Lt, Le)) else Symbol("none")


@dataclass(frozen=True)
class GaussianMean(Step):
    """``E[integrand; lower < variable < upper] = value`` for a normal variable, called ``called`` if that is given.

    The value is recomputed by completing the square, of a sum term by term, and that rule checked by the fundamental theorem of
    calculus.

    >>> u = Symbol("u", real=True)
    >>> GaussianMean("Add.", 1 + exp(u), u, Integer(0), Integer(1), -oo, oo, 1 + sqrt(exp(1))).verdict().value
    'proved'
    """

    integrand: Expr
    variable: Symbol
    mean: Expr
    variance: Expr
    lower: Expr
    upper: Expr
    value: Expr
    called: Expr | None = None

    def statement(self, facts: Facts = ()) -> Basic:
        if self.called is not None:
            left = self.called
        elif (self.mean, self.variance, self.lower, self.upper) == (0, 1, -oo, oo):
            left = Expectation(self.integrand, self.variable)
        else:
            density = _density(self.variable, self.mean, self.variance)
            left = Integral(self.integrand * density, (self.variable, self.lower, self.upper))
        return Eq(left, self.value, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        integrand, mean, variance = (rewritten(e, facts) for e in (self.integrand, self.mean, self.variance))
        ends = [rewritten(e, facts) for e in (self.lower, self.upper)]
        outside = (mean, variance, *ends, *([] if self.called is None else [self.called]))
        if any(e.has(self.variable) for e in outside):
            return False  # what is averaged over cannot stand outside
        if ends[0] == oo or ends[1] == -oo:
            return False  # no interval
        for terms in ((integrand,), Add.make_args(integrand)):
            try:
                found = Add(*(gaussian_piece(t, self.variable, mean, variance, *ends).value for t in terms))
                break
            except NotQuadratic:
                continue
        else:
            # a mean over a pole is infinite or no elementary function; of anything else this rule knows nothing
            poles = integrand.is_rational_function(self.variable) and not self.value.has(Integral, Expectation)
            return False if poles else None
        same = equal(rewritten(self.value, facts), found)
        return same and all_of(check_piece(t, self.variable, mean, variance) for t in terms)


def _density(variable: Expr, mean: Expr, variance: Expr) -> Expr:
    return exp(-((variable - mean) ** 2) / (2 * variance)) / sqrt(2 * pi * variance)


@dataclass(frozen=True)
class PiecewiseMean(Step):
    """``left``, the mean of a function of a piecewise function, is ``right``: piece by piece over the whole line.

    The first step that is used unfolds the piecewise function; its argument in ``left`` is ``mean + sqrt(variance) u``.
    """

    left: Expectation
    mean: Expr
    variance: Expr
    right: Expr

    def statement(self, facts: Facts = ()) -> Basic:
        return Eq(self.left, self.right, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        if not facts or not isinstance(facts[0], Equality) or not isinstance(self.left, Expectation):
            return False
        folded, pieces = facts[0].lhs, facts[0].rhs
        if not isinstance(pieces, Piecewise):
            return False
        field, here = Dummy("h", real=True), folded.args[0]
        nodes = [e for e in self.left.expr.atoms(folded.func) if e.args[1:] == folded.args[1:]]
        if len(nodes) != 1 or self.left.expr.xreplace({nodes[0]: field}).has(self.left.variable):
            return False
        standard = equal(nodes[0].args[0], self.mean + sqrt(self.variance) * self.left.variable)
        if standard is not True:
            return standard
        rows = pieces_along(pieces, here)
        if rows is None:
            return False
        total = Integer(0)
        for value, lower, upper in rows:
            integrand = self.left.expr.xreplace({nodes[0]: value}).xreplace({here: field})
            total += gaussian_piece(integrand, field, self.mean, self.variance, lower, upper).value
            if check_piece(integrand, field, self.mean, self.variance) is not True:
                return None
        return equal(*(rewritten(side, facts[1:]) for side in (total, self.right)))


@dataclass(frozen=True)
class Unfolding(Step):
    """``left``, made of minima, maxima and steps of functions of ``variable``, is the piecewise ``right``, the facts inserted.

    ``cuts`` are points at which the order of what is compared changes though the extreme does not.
    """

    left: Expr
    right: Piecewise
    variable: Symbol
    cuts: tuple[Expr, ...] = ()

    def statement(self, facts: Facts = ()) -> Basic:
        return Eq(self.left, self.right, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        share = Dummy("s", positive=True)
        rows = pieces_along(self.right, self.variable)
        if rows is None:
            return False
        folded, found = rewritten(self.left, facts), []
        for value, lower, upper in rows:
            within = [c for c in self.cuts if _between(lower, c, upper)]
            for low, high in pairwise((lower, *within, upper)):
                if high == oo:
                    inside = low + share if low != -oo else share - 1 / share
                else:
                    inside = high - share if low == -oo else low + (high - low) / (1 + share)
                here = folded.subs(self.variable, inside)
                here = here.replace(Min, lambda *args: extreme(args, 1)).replace(Max, lambda *args: extreme(args, -1))
                found.append(equal(here.replace(Heaviside, _jump), value.subs(self.variable, inside)))
        return all_of(found)


def pieces_along(function: Basic, variable: Expr) -> list[tuple[Expr, Expr, Expr]] | None:
    """Value and ends of the pieces of a function that is piecewise in a variable, from left to right; ``None`` if it is not.

    >>> x, k = Symbol("x", real=True), Symbol("k", positive=True)
    >>> pieces_along(Piecewise((0, x < k), (1, True)), x)
    [(0, -oo, k), (1, k, oo)]
    """
    if not isinstance(function, Piecewise):
        return None
    lower, found = -oo, []
    for value, condition in function.args:
        below = condition.reversed if isinstance(condition, Gt) else condition
        if below != true and (not isinstance(below, Lt) or below.lhs != variable):
            return None
        upper = oo if below == true else below.rhs
        found.append((value, lower, upper))
        lower = upper
    return found


def _jump(at: Expr, *value_there: Expr) -> Expr:
    """A step, where the sign of its argument is known."""
    for side in (1, 0):
        if positive(at if side else -at) is True:
            return Integer(side)
    return Heaviside(at, *value_there)


def _between(low: Expr, point: Expr, high: Expr) -> bool:
    return all(positive(gap) is True for gap in (point - low, high - point) if gap.is_finite is not False)


def extreme(args: tuple[Expr, ...], sign: int) -> Expr:
    """The least (or greatest) of some expressions, if their order is known."""
    for a in args:
        if all(a == b or positive(sign * (b - a), strict=False) for b in args):
            return a
    return Min(*args) if sign == 1 else Max(*args)


@dataclass(frozen=True)
class Primitive(Step):
    """``value`` is an antiderivative of ``integrand`` in ``variable``."""

    integrand: Expr
    variable: Symbol
    value: Expr

    def statement(self, facts: Facts = ()) -> Basic:
        return Eq(Integral(self.integrand, self.variable), self.value, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        integrand, value = (rewritten(e, facts) for e in (self.integrand, self.value))
        return equal(diff(value, self.variable), integrand)


@dataclass(frozen=True)
class Quadrature(Step):
    """The integral of ``integrand`` from ``lower`` to ``upper`` is ``value``, the difference of ``primitive`` at the ends."""

    integrand: Expr
    variable: Symbol
    lower: Expr
    upper: Expr
    primitive: Expr
    value: Expr

    def statement(self, facts: Facts = ()) -> Basic:
        return Eq(Integral(self.integrand, (self.variable, self.lower, self.upper)), self.value, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        integrand, primitive, value = (rewritten(e, facts) for e in (self.integrand, self.primitive, self.value))
        low, high = (rewritten(e, facts) for e in (self.lower, self.upper))
        slope = equal(diff(primitive, self.variable), integrand)
        ends = [
            limit(primitive, self.variable, e, "-" if e == oo else "+")
            if not e.is_finite
            else primitive.subs(self.variable, e)
            for e in (low, high)
        ]
        return slope and equal(ends[1] - ends[0], value)


@dataclass(frozen=True)
class Approach(Step):
    """The limit of ``of`` as ``variable`` goes to ``point`` (from above, at a finite one) is ``value``."""

    of: Expr
    variable: Symbol
    point: Expr
    value: Expr

    def statement(self, facts: Facts = ()) -> Basic:
        return Eq(Limit(self.of, self.variable, self.point), self.value, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        of = evaluated(rewritten(self.of, facts))
        return equal(limit(of, self.variable, self.point), rewritten(self.value, facts))


@dataclass(frozen=True)
class Extremum(Step):
    """``value`` is the extremum of ``of`` for ``low <= variable <= high``, attained at ``at``.

    ``convex``: a minimum of a convex function; else a maximum of a concave one.  At an inner point the slope vanishes, at an
    end it points outwards; ``Max(low, s)`` or ``Min(high, s)``, where the slope vanishes at s, is either, whatever s.

    >>> z, a = Symbol("z", real=True), Symbol("a", positive=True)
    >>> Extremum("Complete the square.", (z - a)**2 + 1, z, -oo, oo, a, Integer(1)).verdict().value
    'proved'
    """

    of: Expr
    variable: Symbol
    low: Expr
    high: Expr
    at: Expr
    value: Expr
    convex: bool = True

    def statement(self, facts: Facts = ()) -> Basic:
        kind = Minimum if self.convex else Maximum
        return Eq(kind(self.of, self.variable, self.low, self.high), self.value, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        of, at, value = (rewritten(e, facts) for e in (self.of, self.at, self.value))
        low, high = (rewritten(e, facts) for e in (self.low, self.high))
        if not self.convex:
            of, value = -of, -value
        attained = equal(of.subs(self.variable, at), value)
        slope = diff(of, self.variable).subs(self.variable, _unclipped(at, low, high))
        flat = equal(slope, Integer(0))
        if flat is not True and at == low:
            flat = positive(slope, strict=False)
        elif flat is not True and at == high:
            flat = positive(-slope, strict=False)
        clipped = at if at != _unclipped(at, low, high) else None
        within = [positive(gap, strict=False) for gap in ((at - low, high - at) if clipped is None else ())]
        bent = positive(diff(of, self.variable, 2), strict=False)
        return all_of((attained, flat, bent, *within))


def _unclipped(at: Expr, low: Expr, high: Expr) -> Expr:
    """The point that a half-line clips: s of ``Max(low, s)`` below ``oo``, and of ``Min(high, s)`` above ``-oo``."""
    for kind, near, far in ((Max, low, high == oo), (Min, high, low == -oo)):
        if isinstance(at, kind) and len(at.args) == 2 and near in at.args and far:
            return next(a for a in at.args if a != near)
    return at


@dataclass(frozen=True)
class Bound(Step):
    """An inequality: the sign of the difference of its sides follows from the signs of its parts.

    >>> a = Symbol("a", positive=True)
    >>> Bound("A sum of positive terms.", Gt(a + a**2, 0, evaluate=False)).verdict().value
    'proved'
    """

    relation: Relational

    def statement(self, facts: Facts = ()) -> Basic:
        return self.relation

    def holds(self, facts: Facts) -> bool | None:
        if not isinstance(self.relation, (Ge, Gt, Le, Lt)):
            return bool(self.relation == true)
        return positive(rewritten(_excess(self.relation), facts), strict=isinstance(self.relation, (Gt, Lt)))


@dataclass(frozen=True)
class Monotone(Step):
    """``of`` at ``low`` is at most ``of`` at ``high``: it rises, and the first step that is used orders the two.

    >>> z, a, b = (Symbol(n, positive=True) for n in "zab")
    >>> Monotone("Squares rise.", z**2, z, a, b).verdict((Le(a, b),)).value
    'proved'
    """

    of: Expr
    variable: Symbol
    low: Expr
    high: Expr

    def statement(self, facts: Facts = ()) -> Basic:
        low, high = (self.of.subs(self.variable, end) for end in (self.low, self.high))
        return Le(low, high, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        if not facts or not isinstance(facts[0], (Ge, Le)) or _excess(facts[0]) != self.high - self.low:
            return False
        if self.variable.is_positive and positive(self.low) is not True:
            return False
        return positive(rewritten(diff(self.of, self.variable), facts[1:]), strict=False)


@dataclass(frozen=True)
class Weighted(Step):
    """The inequality of the first step that is used, ``mapping`` inserted, times ``weight``, integrated over ``variable``.

    >>> t, f = Symbol("t", positive=True), Symbol("f", real=True)
    >>> step = Weighted("Integrate.", Dict({f: f * t}), t, t, Integer(0), Integer(1))
    >>> step.verdict((Ge(f, -1),)).value, step.statement((Ge(f, -1),))
    ('proved', Integral(f*t**2, (t, 0, 1)) >= -Integral(t, (t, 0, 1)))
    """

    mapping: Dict
    weight: Expr
    variable: Symbol
    lower: Expr
    upper: Expr

    def statement(self, facts: Facts = ()) -> Basic:
        if not facts or not isinstance(facts[0], (Ge, Le)):
            return self.weight >= 0
        return facts[0].func(*(self._integrated(side) for side in facts[0].args), evaluate=False)

    def _integrated(self, side: Expr) -> Expr:
        side = insert(side, dict(self.mapping))
        outside, inside = (side, Integer(1)) if not side.has(self.variable) else (Integer(1), side)
        return outside * Integral(self.weight * inside, (self.variable, self.lower, self.upper))

    def holds(self, facts: Facts) -> bool | None:
        if not facts or not isinstance(facts[0], (Ge, Le)) or any(side.has(self.variable) for side in facts[0].args):
            return False
        if self.variable.is_positive and positive(self.lower, strict=False) is not True:
            return False
        return all_of((positive(self.weight, strict=False), positive(self.upper - self.lower)))


@dataclass(frozen=True)
class Consequence(Step):
    """``relation``: the difference of its sides is the sum of those of the inequalities that are used, times ``factors``.

    The factors are not negative; equations that are used are inserted.

    >>> a, b = Symbol("a"), Symbol("b")
    >>> Consequence("Twice.", Ge(2*a, 2*b), (Integer(2),)).verdict((Ge(a, b),)).value
    'proved'
    """

    relation: Relational
    factors: tuple[Expr, ...] = (Integer(1),)

    def statement(self, facts: Facts = ()) -> Basic:
        return self.relation

    def holds(self, facts: Facts) -> bool | None:
        equations = tuple(f for f in facts if isinstance(f, Equality))
        known = [f for f in facts if isinstance(f, (Ge, Le))]
        if not isinstance(self.relation, (Ge, Le)) or len(equations) + len(known) < len(facts):
            return False
        if len(known) != len(self.factors):
            return False
        total = sum((m * _excess(f) for m, f in zip(self.factors, known, strict=True)), Integer(0))
        same = equal(*(rewritten(side, equations) for side in (_excess(self.relation), total)))
        return all_of((same, *(positive(m, strict=False) for m in self.factors)))


@dataclass(frozen=True)
class Instances(Step):
    """``left = right`` in a number of cases: verified at most."""

    left: Expr
    right: Expr
    cases: tuple[Dict, ...]
    best = Verdict.VERIFIED

    def statement(self, facts: Facts = ()) -> Basic:
        return Eq(self.left, self.right, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        found = [
            equal(*(insert(rewritten(side, facts), dict(case)).doit() for side in (self.left, self.right)))
            for case in self.cases
        ]
        return all_of(found)


@dataclass(frozen=True)
class Induction(Step):
    """``left = right`` for every ``index`` from ``start`` on.

    The facts, which hold for every index, prove it at the start, and at ``index + 1`` if ``left`` may be replaced by ``right``.

    >>> from sympy import Function, Sum
    >>> k = Symbol("k", integer=True, positive=True); S = Function("S")
    >>> Induction("Add.", S(k), k*(k + 1)/2, k, Integer(1)).verdict((Eq(S(1), 1), Eq(S(k + 1), S(k) + k + 1))).value
    'proved'
    """

    left: Expr
    right: Expr
    index: Symbol
    start: Expr

    def statement(self, facts: Facts = ()) -> Basic:
        return Eq(self.left, self.right, evaluate=False)

    def holds(self, facts: Facts) -> bool | None:
        first = [rewritten(side.subs(self.index, self.start), facts) for side in (self.left, self.right)]
        after = [rewritten(side.subs(self.index, self.index + 1), facts) for side in (self.left, self.right)]
        return all_of((equal(*first), equal(*(self._assumed(evaluated(side)) for side in after))))

    def _assumed(self, expr: Expr) -> Expr:
        """``left`` replaced by ``right`` at this index, whatever the other arguments."""
        left = self.left
        if not isinstance(left, AppliedUndef) or self.index not in left.args:
            return expr.xreplace({left: self.right})
        place = left.args.index(self.index)

        def here(e: Basic) -> bool:
            return isinstance(e, left.func) and e.args[place] == self.index

        return expr.replace(here, lambda e: insert(self.right, dict(zip(left.args, e.args, strict=True))))


def leading_to(steps: Iterable[Step], *names: str) -> tuple[Step, ...]:
    """The steps that those of the given names rest on, and these, in order.

    >>> steps = [Definition("", Eq(Symbol(n), 1), name=n, using=u) for n, u in (("a", ()), ("b", ()), ("c", ("~a",)))]
    >>> [s.name for s in leading_to(steps, "c")]
    ['a', 'c']
    """
    steps, wanted = tuple(steps), set(names)
    for step in reversed(steps):
        if step.name in wanted:
            wanted |= {name.lstrip("~") for name in step.using}
    return tuple(step for step in steps if step.name in wanted)


class Chain:
    """A derivation in the making: steps are added one after the other, and equations solved as they come.

    >>> x, a = Symbol("x", positive=True), Symbol("a", positive=True)
    >>> chain = Chain()
    >>> chain.add(Definition("An equation.", Eq(x**2, a), name="square"))
    Eq(x**2, a)
    >>> chain.solve("Take the positive root.", x, using=("square",), name="root")
    sqrt(a)
    """

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self.steps = list(steps)

    def add(self, step: Step) -> Basic:
        """Append a step; what it says."""
        self.steps.append(step)
        return Derivation(tuple(self.steps)).conclusion

    def solve(self, text: str, unknown: Expr, *, using: tuple[str, ...], name: str = "", branch: Basic = true) -> Expr:
        """Solve the first equation that is used for an unknown and append the :class:`Solution`; its value.

        Raises ``ArithmeticError`` if no root can be shown to be the only one of the branch.
        """
        facts = Derivation((*self.steps, Identity("", Integer(0), Integer(0), using=using))).links[-1].facts
        gap = evaluated(rewritten(facts[0].lhs - facts[0].rhs, facts[1:]))  # type: ignore[attr-defined]
        steps = [Solution(text, unknown, root, branch, using=using, name=name) for root in _roots(gap, unknown) or ()]
        excluded = [
            branch.xreplace({unknown: s.value}) == false or bool(unknown.is_positive and s.value.is_nonpositive)
            for s in steps
        ]
        possible = [s for s, out in zip(steps, excluded, strict=True) if not out]
        for step in possible:
            if len(possible) == 1 or step.verdict(facts) is Verdict.PROVED:
                self.add(step)
                return step.value
        raise ArithmeticError(f"no unique solution for {unknown}: {text}")

    def derivation(self, uses: tuple[str, ...] = ()) -> Derivation:
        """The steps as a derivation."""
        return Derivation(tuple(self.steps), uses)
