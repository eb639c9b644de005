"""Values of expressions straight from their definitions, in ball arithmetic, by no rule of the derivations.

An expectation or integral is numerical quadrature (Gauss-Legendre between the kinks of the integrand, or the trapezoidal
rule if it has none; in polar coordinates over the two fields of a hidden unit), a derivative is a central difference, a
limit is the value at an extreme point, a Moreau envelope is the least of the costs of moving to any component of the line,
and a maximum is found by search.  Rounding errors are in the balls; the errors of quadrature, differences and searches
are not: :func:`compare` calls two sides equal only if they agree to the digits asked for, and different only
if refining both leaves them apart.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from flint import arb, ctx
from sympy import (
    Abs,
    Add,
    And,
    Derivative,
    Dummy,
    Expr,
    Heaviside,
    Integer,
    Integral,
    Limit,
    Max,
    Min,
    Mul,
    Or,
    Piecewise,
    Poly,
    PolynomialError,
    Pow,
    Rational,
    Subs,
    Symbol,
    false,
    oo,
    true,
)

from flrdt.derive.blocks.hidden_maximum import HiddenActivation, HiddenValue
from flrdt.derive.core.gaussian import Expectation
from flrdt.derive.core.maxima import Maximum
from flrdt.derive.networks.gates import Gate, MoreauEnvelope
from flrdt.derive.registry.entries import Comparison

from ..arithmetic.backends import backend
from ..arithmetic.compile import compile_grid, compile_scalar
from .hidden_fields import Unit, best_response, breakpoints, sign_changes
from .searches import SearchError, maximum

__all__ = ["Effort", "Outcome", "Undefined", "compare", "extremum", "least_cost", "separated", "value"]

HIDDEN = (HiddenValue, HiddenActivation)
QUADRATURE = (Expectation, Integral)
SPECIAL = (*QUADRATURE, Derivative, Subs, Limit, Piecewise, Maximum, *HIDDEN)
RESOLUTIONS = (1, 2, 4, 8, 16, 32)
PRECISION_ATTEMPTS = 3
ENCLOSED_ATTEMPTS = (1, 2, 4)


UNIT = (Dummy("unit_value", real=True), Dummy("unit_activation", real=True))
"""Stand for the value and the activation of a unit in an integrand."""


class Undefined(ArithmeticError):
    """The expression has no value at the point (a pole, a divergent integral, an undecided branch)."""


@dataclass(frozen=True)
class Effort:
    """Digits that the pieces must be good to, and the refinement of the quadrature."""

    digits: int
    resolution: int = 1


@dataclass(frozen=True)
class Outcome:
    """Result of a comparison at a point: ``holds`` is ``None`` if it could not be decided."""

    holds: bool | None
    left: Any = None
    right: Any = None
    note: str = ""


def _arb() -> Any:
    return backend("arb")


def compare(comparison: Comparison, point: Mapping[Symbol, Rational], digits: int) -> Outcome:
    """Compare both sides at an exact point to a number of digits (relative to the larger side; absolute next to 0).

    Differences, limits and the tails of quadrature are cut off, and next to the edges of a domain that can matter: sides
    that have them are different only if cut-offs for twice the digits leave the difference as it is, or those for four
    times the digits find one still.
    """
    sides = _enclosable(comparison)
    if sides is not None:
        return _enclosed(comparison.relation, sides, point, digits)
    both = (definitions(comparison.left), definitions(comparison.right))
    truncates = any(e.has(Derivative, Limit, *QUADRATURE) for e in both)
    outcome = _compare(comparison.relation, both, point, digits, digits)
    for factor in (2, 4) if truncates else ():
        if outcome.holds:
            break
        coarse, outcome = outcome, _compare(comparison.relation, both, point, digits, factor * digits)
        if coarse.holds is False and outcome.holds is False and _same_difference(coarse, outcome):
            break
    return outcome


@lru_cache(maxsize=1024)
def _enclosable(comparison: Comparison) -> tuple[tuple[Symbol, ...], Callable] | None:
    """Both sides compiled as they are written, if the balls of their values enclose every error."""
    both = [comparison.left, comparison.right]
    if any(e.has(*SPECIAL, MoreauEnvelope) for e in both):
        return None
    return _written(tuple(both))


def _enclosed(relation: str, sides: tuple, point: Mapping[Symbol, Rational], digits: int) -> Outcome:
    """Compare enclosures: sides with disjoint balls differ, however little."""
    symbols, compiled = sides
    missing = set(symbols) - set(point)
    if missing:
        return Outcome(None, note=f"no value for {', '.join(sorted(map(str, missing)))}")
    note = "rounding errors hide the difference"
    for factor in ENCLOSED_ATTEMPTS:
        with _arb().precision(int(3.33 * (3 * digits + 30) * factor)):
            left, right = (arb(v) for v in compiled(*(_number(point[s]) for s in symbols)))
            difference = left - right
            if not difference.is_finite():
                note = "no value, or none that is known to be real,"
                continue
            if difference > 0 or difference < 0:
                holds = {"==": False, "<": difference < 0, "<=": difference < 0}.get(relation, difference > 0)
                return Outcome(bool(holds), left, right)
            if difference.is_zero():
                return Outcome(relation in ("==", "<=", ">="), left, right)
            if relation == "==" and _close(left, right, digits):
                return Outcome(True, left, right)
            note = "rounding errors hide the difference"
    return Outcome(None, note=note)


def _close(left: Any, right: Any, digits: int) -> bool:
    scale = abs(left).upper().max(abs(right).upper())
    if left.is_zero() or right.is_zero():
        scale = scale.max(arb(1))
    return bool(abs(left - right).upper() <= scale / arb(10) ** digits)


def separated(expressions: Sequence[Expr], point: Mapping[Symbol, Rational], bits: int) -> tuple[Any, Any] | None:
    """The values of two expressions at a point, if their balls at a precision do not meet; None where the point has not all symbols."""
    symbols, compiled = _written(tuple(expressions))
    if not set(symbols) <= set(point):
        return None
    with _arb().precision(bits):
        left, right = (arb(v) for v in compiled(*(_number(point[s]) for s in symbols)))
        difference = left - right
        return (left, right) if difference > 0 or difference < 0 else None


@lru_cache(maxsize=1024)
def _written(expressions: tuple[Expr, ...]) -> tuple[tuple[Symbol, ...], Callable]:
    symbols = tuple(sorted({s for e in expressions for s in e.free_symbols}, key=str))
    return symbols, compile_scalar(expressions, symbols, _arb(), as_written=True)


def _same_difference(coarse: Outcome, fine: Outcome) -> bool:
    before, after = (o.left - o.right for o in (coarse, fine))
    return bool(1000 * abs(before - after).upper() < abs(after).lower())


def _compare(
    relation: str, both: tuple[Expr, Expr], point: Mapping[Symbol, Rational], digits: int, effort_digits: int
) -> Outcome:
    quadrature = any(e.has(*QUADRATURE) for e in both)
    note = "undecided at the highest precision and refinement"
    # differences and searches lose half the digits and more; what else needs more gets it in the next attempt
    lossy = any(e.has(Derivative, Limit, Maximum, *HIDDEN) for e in both)
    bits = int(3.33 * ((3 if lossy else 1) * effort_digits + 30))
    for _ in range(PRECISION_ATTEMPTS):
        earlier = None
        kept: dict[int, Any] = {}
        for resolution in RESOLUTIONS if quadrature else (1,):
            with _arb().precision(bits):
                try:
                    effort = Effort(effort_digits + 6, resolution)
                    # a side that the last refinement did not move is not refined further
                    left, right = (
                        kept[side] if side in kept else _at(e, _around(e, point), effort, bits)
                        for side, e in enumerate(both)
                    )
                except (Undefined, SearchError, ZeroDivisionError) as problem:
                    note = str(problem)
                    break
                settled, holds = _decide(left, right, relation, digits, earlier, quadrature)
                if settled:
                    return Outcome(holds, left, right)
                if not (left - right).is_finite() or _wide(left, right, digits):
                    note = "rounding errors hide the difference"
                    break
                if earlier is not None:
                    kept = {i: new for i, new in enumerate((left, right)) if _unmoved(new, earlier[i], effort_digits)}
                earlier = (left, right)
        bits *= 2
    return Outcome(None, note=note)


def _around(expr: Expr, point: Mapping[Symbol, Rational]) -> tuple[tuple[Symbol, Rational], ...]:
    """The coordinates of a point that an expression depends on."""
    return tuple((s, v) for s, v in point.items() if s in expr.free_symbols)


@lru_cache(maxsize=1024)
def _at(expr: Expr, point: tuple[tuple[Symbol, Rational], ...], effort: Effort, bits: int) -> Any:
    """The value of a side at ``bits``, which is the current precision: changed statements share their other side."""
    return value(expr, {s: _number(v) for s, v in point}, effort)


def _unmoved(new: Any, old: Any, digits: int) -> bool:
    return bool(abs(new - old).upper() * 10 ** (digits + 2) < abs(new).lower())


def _wide(left: Any, right: Any, digits: int) -> bool:
    difference = left - right
    scale = abs(left).upper().max(abs(right).upper())
    return bool(difference.rad() * 10**digits > scale) if scale > 0 else False


def _decide(left: Any, right: Any, relation: str, digits: int, earlier: Any, quadrature: bool) -> tuple[bool, bool]:
    """Whether the comparison is settled, and how."""
    difference = left - right
    if not difference.is_finite():
        return False, False
    scale = abs(left).upper().max(abs(right).upper())
    if left.is_zero() or right.is_zero():
        scale = scale.max(arb(1))
    tolerance = scale / arb(10) ** digits
    # what a refinement still moved is an estimate of the error of the quadrature
    moved = arb(0) if earlier is None else abs(left - earlier[0]).upper() + abs(right - earlier[1]).upper()
    if relation == "==":
        if abs(difference).upper() <= tolerance:
            return True, True
        stable = not quadrature or (earlier is not None and moved * 1000 < abs(difference).lower())
        return bool(stable and abs(difference).lower() > tolerance), False
    if quadrature and (earlier is None or moved * 1000 > abs(difference).lower()):
        return False, False
    sign = difference if relation in (">", ">=") else -difference
    if sign > 0 or (relation in (">=", "<=") and sign >= 0):
        return True, True
    return bool(sign < 0 or sign.is_zero()), False


def definitions(expr: Expr) -> Expr:
    """Replace envelopes by their definition as a minimum over the components of the line; drop averages of constants."""
    return _defined(expr)


@lru_cache(maxsize=4096)
def _defined(expr: Expr) -> Expr:
    # an average over what is not there: the density has mass 1
    expr = expr.replace(
        lambda e: isinstance(e, Expectation) and e.variable not in e.expr.free_symbols, lambda e: e.expr
    )
    while expr.has(MoreauEnvelope, Abs):  # one may be inside another
        found = {m: least_cost(m.gate, *m.args[:2]).doit() for m in expr.atoms(MoreauEnvelope)}
        found |= {a: Max(a.args[0], -a.args[0]) for a in expr.atoms(Abs)}
        expr = expr.xreplace(found)
    return expr


def extremum(kind: Any, arguments: list[Expr]) -> Expr:
    """The least or greatest of different expressions."""
    different = list(dict.fromkeys(arguments))
    return different[0] if len(different) == 1 else kind(*different, evaluate=False)


def least_cost(gate: Gate, h: Expr, chi: Expr) -> Expr:
    """``min_z V(z) + (z-h)^2/(2 chi)`` of a gate: over each component of the line V is constant and the nearest point wins."""
    rate = Pow(Mul(2, chi, evaluate=False), -1, evaluate=False)

    def cost(height: int, a: Expr, b: Expr) -> Expr:
        gaps: list[Expr] = [Add(a, Mul(-1, h, evaluate=False), evaluate=False)] if a != -oo else []
        gaps += [Add(h, -b, evaluate=False)] if b != oo else []
        square = Pow(extremum(Max, [Rational(0), *gaps]), 2, evaluate=False)
        moved = Mul(square, rate, evaluate=False)
        return Add(height, moved, evaluate=False) if height else moved

    candidates: list[Expr] = []
    edge: Expr = -oo
    for a, b in gate.components:
        candidates += [] if a == edge == -oo else [cost(0, edge, a)]
        candidates.append(cost(1, a, b))
        edge = b
    if edge != oo:
        candidates.append(cost(0, edge, oo))
    return extremum(Min, candidates)


def value(expr: Expr, point: Mapping[Symbol, Any], effort: Effort) -> Any:
    """The ball of an expression (already in ``definitions``) at a point, at the current precision."""
    return _function(expr, point, effort)()


@lru_cache(maxsize=4096)
def _split(expr: Expr) -> tuple[Expr, tuple[tuple[Symbol, Expr], ...]]:
    """Replace the outermost unevaluated objects by symbols."""
    found: dict[Expr, Symbol] = {}

    def walk(e: Any) -> Any:
        if isinstance(e, SPECIAL):
            return found.setdefault(e, Dummy(f"value_{len(found)}", real=True))
        if not e.args or not e.has(*SPECIAL):
            return e
        return e.func(*map(walk, e.args))

    plain = walk(expr)
    return plain, tuple((symbol, node) for node, symbol in found.items())


@lru_cache(maxsize=4096)
def _compiled(expr: Expr, variables: tuple[Symbol, ...]) -> tuple[tuple[Symbol, ...], Callable]:
    """What does not depend on the variables is computed once for all their values."""
    symbols = tuple(sorted(expr.free_symbols - {*variables}, key=str))
    return symbols, compile_grid([expr], variables, symbols, _arb())


def _real(evaluated: Callable[..., Any], *arguments: Any) -> Any:
    """What a compiled function returns."""
    try:
        return evaluated(*arguments)
    except ValueError as problem:
        raise Undefined(str(problem)) from None
    except TypeError:  # the imaginary unit, where SymPy took the root of a negative number
        raise Undefined("the value is not real") from None


def _function(expr: Expr, point: Mapping[Symbol, Any], effort: Effort, *variables: Symbol) -> Callable[..., Any]:
    """The expression as a function of some variables at an otherwise fixed point."""
    plain, nodes = _split(expr)
    missing = expr.free_symbols - set(point) - set(variables)
    if missing:
        raise Undefined(f"no value for {', '.join(sorted(map(str, missing)))}")
    fixed = {s: _node(node, point, effort) for s, node in nodes if not node.free_symbols & set(variables)}
    moving = [(s, _moving(node, point, effort, variables)) for s, node in nodes if s not in fixed]
    values = {**point, **fixed}
    parameters, prepare = _compiled(plain, (*variables, *(s for s, _ in moving)))
    along = _real(prepare, *(values[s] for s in parameters))

    def at(*arguments: Any) -> Any:
        inner = [node(*arguments) for _, node in moving]
        (found,) = _real(along, *arguments, *inner)
        return found if isinstance(found, arb) else arb(found)

    return at


def _node(node: Expr, point: Mapping[Symbol, Any], effort: Effort) -> Any:
    if isinstance(node, Expectation):
        return _expectation(node, point, effort)
    if isinstance(node, Derivative):
        return _derivative(node, point, effort)
    if isinstance(node, Subs):
        at = {s: value(v, point, effort) for s, v in zip(node.variables, node.point, strict=True)}
        return value(node.expr, {**point, **at}, effort)
    if isinstance(node, Limit):
        return _limit(node, point, effort)
    if isinstance(node, Integral):
        return _integral(node, point, effort)
    if isinstance(node, Maximum):
        return _maximum(node, point, effort)
    if isinstance(node, HIDDEN):
        return _unit_part(node, best_response((value(a, point, effort) for a in node.args), effort.digits))
    return _piecewise(node, point, effort)


def _moving(
    node: Any, point: Mapping[Symbol, Any], effort: Effort, variables: tuple[Symbol, ...]
) -> Callable[..., Any]:
    """An unevaluated object as a function of variables."""
    if isinstance(node, HIDDEN):  # by the thousand in a quadrature: its fields are compiled once
        fields = [_function(a, point, effort, *variables) for a in node.args]
        return lambda *values: _unit_part(node, best_response((f(*values) for f in fields), effort.digits))
    return lambda *values: _node(node, {**point, **dict(zip(variables, values, strict=True))}, effort)


def _unit_part(node: Expr, unit: Unit) -> Any:
    return unit.value if isinstance(node, HiddenValue) else unit.activation


def _maximum(node: Maximum, point: Mapping[Symbol, Any], effort: Effort) -> Any:
    # what is maximised has to be known better than the digits to which a flat top is found
    finer = replace(effort, digits=2 * effort.digits)
    f = _function(node.expr, point, finer, node.variable)
    low, high = (None if end in (oo, -oo) else value(end, point, finer) for end in node.ends)
    return maximum(f, low, high, effort.digits)[1]


def _number(exact: Rational) -> Any:
    return _arb().rational(int(exact.p), int(exact.q))


def _derivative(node: Derivative, point: Mapping[Symbol, Any], effort: Effort) -> Any:
    """Nested central differences with a step that leaves half the digits to the truncation error."""
    variable, count = node.variable_count[0]
    rest = [v for pair in node.variable_count[1:] for v in [pair]]
    inner = node.expr if not rest else Derivative(node.expr, *rest)
    if count > 1:
        inner = Derivative(inner, (variable, count - 1))
    half = effort.digits // 2 + 4
    # relative to the variable, so that positive variables stay positive
    scale = abs(point[variable]).mid()
    step = (scale if scale > 0 else 1) / _number(Integer(10) ** half)
    finer = replace(effort, digits=effort.digits + half + 4)
    high, low = (value(inner, {**point, variable: point[variable] + s * step}, finer) for s in (1, -1))
    return (high - low) / (2 * step)


def _limit(node: Limit, point: Mapping[Symbol, Any], effort: Effort) -> Any:
    expr, variable, target, side = node.args
    far = _number(Integer(10) ** (2 * effort.digits + 4))
    if target in (oo, -oo):
        at = far if target == oo else -far
    else:
        at = value(target, point, effort) + (-1 / far if str(side) == "-" else 1 / far)
    return value(expr, {**point, variable: at}, effort)


def _piecewise(node: Piecewise, point: Mapping[Symbol, Any], effort: Effort) -> Any:
    for branch, condition in node.args:
        if condition == True:  # noqa: E712  (a SymPy boolean)
            return value(branch, point, effort)
        holds = _holds(condition, point, effort)
        if holds:
            return value(branch, point, effort)
        if holds is None:
            raise Undefined(f"branch {condition} cannot be decided at this point")
    raise Undefined("no branch of a piecewise expression applies")


def _holds(condition: Any, point: Mapping[Symbol, Any], effort: Effort) -> bool | None:
    """Whether a condition of strict or weak inequalities holds; ``None`` where two sides cannot be told apart."""
    if isinstance(condition, (And, Or)):
        parts = [_holds(part, point, effort) for part in condition.args]
        decisive = isinstance(condition, Or)
        return decisive if decisive in parts else (None if None in parts else not decisive)
    gap = value(condition.gts - condition.lts, point, effort)
    if gap > 0 or gap < 0:
        return bool(gap > 0)
    tie = condition.subs(_exact_point(point, condition.free_symbols))  # the sides may meet in a point that is exact
    return bool(tie) if tie in (true, false) else None


def _exact_point(point: Mapping[Symbol, Any], symbols: set[Symbol]) -> dict[Symbol, Rational]:
    """The coordinates that are no balls, as rational numbers."""
    found = {}
    for symbol in symbols & point.keys():
        if point[symbol].is_exact() and point[symbol].is_finite():
            mantissa, exponent = (int(v) for v in point[symbol].man_exp())
            found[symbol] = Rational(mantissa) * Rational(2) ** exponent
    return found


def _expectation(node: Expectation, point: Mapping[Symbol, Any], effort: Effort) -> Any:
    u = node.variable
    plane = _planar(node)
    if plane is not None:
        return _polar(node, plane, point, effort)
    outside = {s: v for s, v in point.items() if s != u}
    f = _function(node.expr, outside, effort, u)
    scale = 1 / (2 * arb.pi()).sqrt()

    def weighted(t: Any) -> Any:
        return f(t) * (-t * t / 2).exp() * scale

    reach = _reach(weighted, effort.digits)
    exact = [k.mid() for k in _kinks(node.expr, u, point) if abs(float(k.mid())) < reach]
    if not exact and not _has_kinks(node.expr, u):
        exact = _unit_kinks(node.expr, u, outside, arb(-reach), arb(reach), effort)
        if not exact:
            return _trapezoid(weighted, reach, effort)
    return _between(weighted, [arb(-reach), *sorted(exact, key=lambda k: float(k.mid())), arb(reach)], effort)


def _between(f: Callable, ends: list[Any], effort: Effort, count: int | None = None) -> Any:
    total = arb(0)
    for a, b in itertools.pairwise(ends):
        total += _legendre(f, a, b, effort, count)
    return total


def _integral(node: Integral, point: Mapping[Symbol, Any], effort: Effort) -> Any:
    """An integral over one variable; it has to decay like a Gaussian towards an infinite end."""
    *below, (variable, *ends) = node.limits  # the innermost variable comes first
    integrand = Integral(node.function, *below) if below else node.function
    f = _function(integrand, {s: v for s, v in point.items() if s != variable}, effort, variable)
    low, high = (end if end in (oo, -oo) else value(end, point, effort).mid() for end in ends)
    cut = [_cut(f, s, effort.digits) if end in (oo, -oo) else end for s, end in ((-1, low), (1, high))]
    return _between(f, cut, effort, effort.digits + 12)


def _cut(f: Callable, sign: int, digits: int) -> Any:
    reach, small = arb(8), arb(10) ** -(digits + 6)
    for _ in range(12):
        if all(abs(f(sign * reach * share)) < small for share in (1, arb(9) / 8)):
            return sign * reach
        reach = reach * 13 / 10
    raise Undefined("the integral diverges, or its tails are too heavy to be integrated")


def _reach(weighted: Callable, digits: int) -> int:
    """Half-width beyond which the integrand is negligible."""
    reach = math.ceil(math.sqrt(2 * math.log(10) * (digits + 6)))
    small = arb(10) ** -(digits + 6)
    for _ in range(12):
        if all(abs(weighted(arb(s * reach))) < small for s in (1, -1)):
            return reach
        reach = math.ceil(1.3 * reach)
    raise Undefined("the expectation diverges, or its tails are too heavy to be integrated")


def _unit_kinks(expr: Expr, u: Symbol, point: Mapping[Symbol, Any], low: Any, high: Any, effort: Effort) -> list[Any]:
    """Where hidden units of an integrand switch, or where the field w of one below a further expectation changes sign."""
    found: list[Any] = []
    digits = effort.digits // 2 + 8
    for fields in sorted({node.args for node in expr.atoms(*HIDDEN)}, key=str):
        unknown = {s for a in fields for s in a.free_symbols} - set(point) - {u}
        if not any(u in a.free_symbols for a in fields) or unknown & fields[0].free_symbols:
            continue
        functions = [_function(a, point, effort, u) for a in (fields[:1] if unknown else fields)]
        if unknown:  # averaged over h, the value has a kink at w = 0 only
            found += sign_changes(functions[0], low, high, digits)
        else:
            found += breakpoints(partial(_all, functions), low, high, digits)
    return [k for k in found if arb(low) < k < arb(high)]


def _all(functions: list[Callable], t: Any) -> tuple[Any, ...]:
    return tuple(f(t) for f in functions)


@dataclass(frozen=True)
class _Plane:
    """Fields of the hidden units of a double expectation: ``w = scales[0] (u + shifts[0])``, ``h`` likewise in s."""

    fields: tuple[Expr, ...]
    scales: tuple[Expr, Expr]
    shifts: tuple[Expr, Expr]


@lru_cache(maxsize=1024)
def _planar(node: Expectation) -> _Plane | None:
    """The hidden unit of a double expectation, if w is linear in the outer normal and h in the inner one."""
    if not isinstance(node.expr, Expectation):
        return None
    u, s, inner = node.variable, node.expr.variable, node.expr.expr
    found = {part.args for part in inner.atoms(*HIDDEN)}
    if len(found) != 1 or inner.has(Expectation, Integral):
        return None
    (fields,) = found
    scales, shifts = [], []
    for argument, own, other in ((fields[0], u, s), (fields[1], s, u)):
        if other in argument.free_symbols or own not in argument.free_symbols:
            return None
        linear = Poly(argument, own)
        if linear.degree() != 1:
            return None
        scales.append(linear.coeff_monomial(own))
        shifts.append(linear.coeff_monomial(1) / scales[-1])
    if any({u, s} & a.free_symbols for a in fields[2:]):
        return None
    return _Plane(fields, (scales[0], scales[1]), (shifts[0], shifts[1]))


def _polar(node: Expectation, plane: _Plane, point: Mapping[Symbol, Any], effort: Effort) -> Any:
    """A double expectation over the fields of a unit: Gauss-Legendre in the radius and, between kinks, in the angle.

    The centre is where both fields vanish.  At the radius rho a unit gains rho^2 times what it gains at the radius 1,
    because its pre-activation scales with the fields.
    """
    u, s = node.variable, node.expr.variable
    parts = dict(zip((HiddenValue(*plane.fields), HiddenActivation(*plane.fields)), UNIT, strict=True))
    outside = {x: v for x, v in point.items() if x not in (u, s)}
    f = _function(node.expr.expr.xreplace(parts), outside, effort, u, s, *parts.values())
    first, second = (value(e, outside, effort) for e in plane.scales)
    right, up = (value(e, outside, effort) for e in plane.shifts)
    chi, mu = (value(e, outside, effort) for e in plane.fields[2:])

    def at(angle: Any) -> tuple[Any, ...]:
        return first * angle.cos(), second * angle.sin(), chi, mu

    def ring(angle: Any) -> Any:
        unit = best_response(at(angle), effort.digits)
        cosine, sine = angle.cos(), angle.sin()

        def radial(rho: Any) -> Any:
            x, z = rho * cosine - right, rho * sine - up
            density = rho * (-(x * x + z * z) / 2).exp()
            return density * f(x, z, rho * rho * unit.value, rho * unit.activation)

        # a Gaussian over its whole width: one panel with many nodes is cheaper than several with few
        return _legendre(
            radial, arb(0), arb(_reach(radial, effort.digits)), effort, 2 * effort.digits, effort.resolution
        )

    quarter = arb.pi() / 2
    low, high = -quarter, 3 * quarter
    kinks = breakpoints(at, low.mid(), high.mid(), effort.digits // 2 + 8)
    axes = [j * quarter for j in (0, 1, 2)]
    inside = [k for k in (*kinks, *axes) if low + arb(10) ** -4 < k < high - arb(10) ** -4]
    ends = [low, *sorted(inside, key=lambda k: float(k.mid())), high]
    ends = [a for a, b in itertools.pairwise(ends) if b - a > arb(10) ** -12] + [high]
    return _between(ring, ends, effort, 2 * effort.digits + 12) / (2 * arb.pi())


def _trapezoid(weighted: Callable, reach: int, effort: Effort) -> Any:
    per_unit = 3 * effort.resolution
    step = arb(1) / per_unit
    total = arb(0)
    for j in range(-reach * per_unit, reach * per_unit + 1):
        total += weighted(step * j)
    return total * step


def _legendre(
    weighted: Callable, a: Any, b: Any, effort: Effort, count: int | None = None, panels: int | None = None
) -> Any:
    if panels is None:
        # every refinement has to halve the panels of short intervals too, or it would look converged
        panels = effort.resolution * max(1, math.ceil(float((b - a).mid()) / 2))
    nodes = _rule(count or effort.digits // 2 + 12, backend_bits())
    half = (b - a) / (2 * panels)
    total = arb(0)
    for i in range(panels):
        middle = a + half * (2 * i + 1)
        for node, weight in nodes:
            total += weight * weighted(middle + half * node)
    return total * half


def backend_bits() -> int:
    """The current precision of the ball arithmetic."""
    return int(ctx.prec)


@lru_cache(maxsize=32)
def _rule(count: int, bits: int) -> list[tuple[Any, Any]]:
    """Gauss-Legendre nodes and weights at a precision."""
    return [arb.legendre_p_root(count, k, weight=True) for k in range(count)]


@lru_cache(maxsize=1024)
def _kink_polynomials(expr: Expr, u: Symbol) -> tuple[tuple[Expr, ...], ...]:
    """Coefficients of the polynomials in u whose zeros contain every kink of the expression."""
    found: set[tuple[Expr, ...]] = set()
    for left, right in _contacts(_split(expr)[0], u):
        for a, b in itertools.product(_branches(left), _branches(right)):
            try:
                polynomial = Poly(a - b, u)
            except PolynomialError:
                raise Undefined(f"cannot place the kinks of {expr}") from None
            if 1 <= polynomial.degree() <= 2:
                found.add(tuple(polynomial.all_coeffs()))
            elif polynomial.degree() > 2:
                raise Undefined(f"cannot place the kinks of {expr}")
    return tuple(sorted(found, key=str))


def _contacts(expr: Expr, u: Symbol) -> list[tuple[Expr, Expr]]:
    pairs: list[tuple[Expr, Expr]] = []
    for node in expr.atoms(Min, Max):
        if u in node.free_symbols:
            pairs += itertools.combinations(node.args, 2)
    pairs += [(node.args[0], Integer(0)) for node in expr.atoms(Heaviside) if u in node.free_symbols]
    return pairs


def _branches(expr: Expr) -> set[Expr]:
    """The smooth expressions that an expression with minima and maxima can be equal to."""
    inner = next(iter(expr.atoms(Min, Max)), None)
    if inner is None:
        return {expr}
    return {branch for choice in inner.args for branch in _branches(expr.xreplace({inner: choice}))}


def _has_kinks(expr: Expr, u: Symbol) -> bool:
    return bool(_contacts(_split(expr)[0], u))


def _kinks(expr: Expr, u: Symbol, point: Mapping[Symbol, Any]) -> list[Any]:
    """Where the integrand is not smooth."""
    found: list[Any] = []
    for coefficients in _kink_polynomials(expr, u):
        *rest, constant = (value(c, point, Effort(0)) for c in coefficients)
        if len(rest) == 1:
            found.append(-constant / rest[0])
            continue
        square, linear = rest
        discriminant = linear * linear - 4 * square * constant
        if discriminant >= 0:
            root = discriminant.sqrt()
            found += [(-linear + root) / (2 * square), (-linear - root) / (2 * square)]
        elif not discriminant < 0:  # a double zero, up to rounding: a touching point is no kink that matters
            found.append(-linear / (2 * square))
    return found
