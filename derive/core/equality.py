r"""Whether two expressions are equal: proved by simplification, refuted by a value, otherwise undecided.

Expressions may hold undefined functions and averages over laws that are not given.  An equality claims to hold for all of
them, so that one instance refutes it: :func:`values` puts fixed smooth functions and two-point laws in their place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache, reduce
from itertools import count

from sympy import (
    Abs,
    Add,
    Basic,
    Derivative,
    Dummy,
    Expr,
    Float,
    Function,
    Heaviside,
    I,
    Integer,
    Integral,
    Max,
    Min,
    Mul,
    Piecewise,
    Pow,
    Rational,
    Subs,
    Symbol,
    atan,
    cancel,
    erfc,
    exp,
    expand,
    expand_complex,
    expand_log,
    factor,
    gcd,
    im,
    lambdify,
    lcm,
    log,
    logcombine,
    oo,
    powsimp,
    preorder_traversal,
    re,
    simplify,
    sympify,
    together,
)
from sympy.core.evalf import PrecisionExhausted
from sympy.core.function import AppliedUndef, PoleError
from sympy.polys.polyerrors import BasePolynomialError

from .domains import DomainError, default_domain
from .gaussian import Expectation, H, Law, Phi, phi
from .insertion import insert
from .maxima import FieldFunction

__all__ = ["equal", "evaluated", "positive", "refuted", "values"]

DIGITS, MOST_DIGITS = 30, 150
TRANSCENDENTAL = (H, Phi, atan, erfc, exp, log, phi)
POINTS = 3
CLOSE, CLOSE_MEANS, CLOSE_KINKS, CLOSE_NESTED = (
    Rational(1, 10**18),
    Rational(1, 10**9),
    Rational(1, 200),
    Rational(1, 10),
)
"""Values that differ relatively by less do not refute an equality: exact ones, sums over means, over means of kinks, and
over nested ones."""
LOST = Rational(1, 10**12)
"""What means, which are added up in double precision, may lose to cancellation."""
LOST_JUMPS = Rational(1, 500)
"""What means of jumps may lose: half the fine spacing times the density each."""
SMALL = {name: (Rational(1, 20), Rational(2, 5)) for name in ("c", "c first", "y", "y first")}
"""Lifting parameters small enough for the exponential moments to be finite nearly everywhere."""
REACH, SPACING = 20, 0.5
"""Means are trapezoidal sums; for an analytic integrand the error of the spacing is exp(-2 pi^2/spacing^2) = 5e-35."""
UNABLE = (
    ArithmeticError,
    AttributeError,
    BasePolynomialError,
    LookupError,
    NameError,
    NotImplementedError,
    PoleError,
    RecursionError,
    TypeError,
)
"""What SymPy raises where it cannot do what it is asked for: nothing is decided then."""
KINKED = (Abs, Heaviside, Max, Min, Piecewise)


IN_TERMS = {"power_base": False, "power_exp": False, "log": False}
"""What is not expanded where averages are split into terms."""


def evaluated(expr: Expr) -> Expr:
    """Derivatives and substitutions carried out, expectations split into terms; integrals and limits stay.

    >>> from sympy.abc import u, t
    >>> evaluated(Derivative(t**2, t) + Expectation(2*t*u + t, u))
    2*t*E_u[u] + 3*t
    """
    # a derivative of an integral goes under it
    done = expr.replace(lambda e: isinstance(e, (Derivative, Subs)), lambda e: e.doit(deep=not e.has(Integral)))
    done = done.replace(lambda e: isinstance(e, (Min, Max)), _without_factor)
    done = done.replace(lambda e: isinstance(e, (re, im)) and isinstance(e.args[0], Integral), _part_inside)
    return done.replace(lambda e: isinstance(e, (Expectation, Law)), _linear)


def _part_inside(part: Expr) -> Expr:
    """The real or imaginary part of an integral along the real line is the integral of that part."""
    integral = part.args[0]
    along = all(e.is_extended_real for limits in integral.limits for e in limits)
    return integral.func(part.func(integral.function), *integral.limits) if along else part


def _without_factor(extreme: Expr) -> Expr:
    """The least or greatest of some expressions without their common positive factor."""
    parts = [a.as_numer_denom() for a in extreme.args if a.is_finite is not False]
    if len(parts) < len(extreme.args):
        return extreme
    shared = reduce(gcd, (n for n, _ in parts)) / reduce(lcm, (d for _, d in parts))
    common = Mul(*(f for f in Mul.make_args(factor(shared)) if f.is_positive))
    if common == 1:
        return extreme
    reduced = extreme.func(*(cancel(a / common) for a in extreme.args))
    return common * (_without_factor(reduced) if isinstance(reduced, extreme.func) else reduced)


def _linear(mean: Expr) -> Expr:
    """An average as a sum of multiples of averages without constant factors; that of a law is over x and what depends on it."""
    inner, label = mean.args
    bound = {mean.variable} if isinstance(mean, Expectation) else {s for s in inner.free_symbols if s.name == "x"}
    total: Expr = Integer(0)
    for term in Add.make_args(expand(inner, **IN_TERMS)):
        outside, inside = [], []  # type: ignore[var-annotated]
        for part in Mul.make_args(term):
            (
                inside if part.free_symbols & bound or (isinstance(mean, Law) and part.has(AppliedUndef)) else outside
            ).append(part)
        total += Mul(*outside) * (mean.func(Mul(*inside), label) if inside else 1)
    return total


def equal(left: Expr, right: Expr) -> bool | None:
    """``True`` after a simplification of the difference (or of the ratio to 1), ``False`` after a value that differs.

    >>> from sympy.abc import x
    >>> equal((x + 1)**2, x**2 + 2*x + 1), equal(x, x**2), equal(Function("f")(x), Function("f")(-x))
    (True, False, False)
    """
    if left == right:
        return True
    if branches := _branches(left, right):
        return not refuted(evaluated(left), evaluated(right)) and (all(equal(*b) for b in branches) or None)
    left, right = (_renamed(_terms(evaluated(side))) for side in (left, right))
    if left == right:
        return True
    points = _apart(left, right)
    if next(points, False):
        return False
    # what only has to be multiplied out needs no further values
    if expand(_abbreviated(left - right)) == 0 or expand(left - right) == 0:
        return True
    if any(points):
        return False
    # integrals off the real line, which SymPy cannot evaluate, by names of their own
    named = {e: Dummy() for side in (left, right) for e in side.atoms(Integral) if e.has(I, re, im)}
    return _proved(left.xreplace(named), right.xreplace(named)) or None


def _terms(expr: Expr) -> Expr:
    """Every integral as a sum of integrals of terms without constant factors."""

    def split(integral: Expr) -> Expr:
        outside = [expand(integral.function).as_independent(*integral.variables, as_Add=True)]
        terms = [t for part in outside for side in part for t in Add.make_args(side)]
        factors = [t.as_independent(*integral.variables, as_Add=False) for t in terms]
        return Add(*(c * integral.func(inside, *integral.limits) for c, inside in factors))

    return expr.replace(lambda e: isinstance(e, Integral), split)


def _renamed(expr: Expr) -> Expr:
    """Every mean over a variable that its depth names: what is averaged over has no name."""
    if not expr.has(Expectation):
        return expr

    def renamed(mean: Expr) -> Expr:
        inner = mean.expr.atoms(Expectation)
        depth = 1 + max((int(m.variable.name[2:]) for m in inner if m.variable.name.startswith("__")), default=0)
        name = Symbol(f"__{depth}", real=True)
        return Expectation(mean.expr.xreplace({mean.variable: name}), name)

    return expr.replace(lambda e: isinstance(e, Expectation), renamed)


def _branches(left: Expr, right: Expr) -> list[tuple[Expr, Expr]]:
    """Both sides with a minimum or maximum of two expressions replaced by either: what holds for both holds for it."""
    if not (left.has(Min, Max) or right.has(Min, Max)):
        return []
    left, right = (side.replace(lambda e: isinstance(e, (Min, Max)), _without_factor) for side in (left, right))
    nodes = {m for side in (left, right) for m in side.atoms(Min, Max) if len(m.args) == 2 and not m.has(AppliedUndef)}
    bound = {v for side in (left, right) for e in preorder_traversal(side) for v in getattr(e, "bound_symbols", ())}
    pairs = [m for m in nodes if not m.free_symbols & bound]
    if not pairs:
        return []
    chosen = min(pairs, key=lambda m: (any(m != n and m.has(n) for n in pairs), str(m)))
    twin = (Min if isinstance(chosen, Max) else Max)(*chosen.args)
    found = []
    for a, b in (chosen.args, chosen.args[::-1]):
        inserted = {chosen: a, twin: b}
        found.append((left.xreplace(inserted), right.xreplace(inserted)))
    return found


def _unfolded(expr: Expr) -> Expr:
    """Functions of fields by their pieces, as carrying out a substitution leaves them."""
    folded = (FieldFunction, _envelope())
    unfolded = expr.replace(lambda e: isinstance(e, folded), lambda e: e.doit()) if expr.has(*folded) else expr
    return expand(_renamed(unfolded), **IN_TERMS)


def _proved(left: Expr, right: Expr) -> bool:
    """The attempts, from cheap to expensive; one that SymPy cannot carry out proves nothing."""
    if (left.has(Piecewise) or right.has(Piecewise)) and _unfolded(left) == _unfolded(right):
        return True
    difference = left - right
    inserted = _ordered(difference)
    exponential = difference.has(exp) and _positive(left, right)
    for attempt in (
        lambda: simplify(expand_complex(_elementary(difference))) if difference.has(re, im) else difference,
        lambda: cancel(together(difference)),
        lambda: cancel(together(_logarithms(left) - _logarithms(right))) if exponential else difference,
        lambda: cancel(together(_elementary(inserted))),
        lambda: expand(expand_log(_elementary(inserted))),
        lambda: cancel(together(_exponents(difference))) if difference.has(exp, phi) else difference,
        lambda: powsimp(together(_elementary(inserted))),
        lambda: simplify(_elementary(difference)),
        lambda: simplify(_elementary(_ordered(left)) / _elementary(_ordered(right))) - 1 if right != 0 else difference,
        lambda: simplify(logcombine(expand_log(_elementary(inserted)))),
        lambda: simplify((_elementary(left) / _elementary(right)) ** 2) - 1 if _positive(left, right) else difference,
    ):
        try:
            if attempt() == 0:
                return True
        except (*UNABLE, ValueError):
            continue
    return False


def _abbreviated(expr: Expr) -> Expr:
    """Sums in denominators by names of their own: what vanishes for any denominators vanishes for these."""
    sums = {power.base for power in expr.atoms(Pow) if power.exp.is_negative and power.base.is_Add}
    return expr.xreplace({s: Dummy(positive=s.is_positive) for s in sums})


def _logarithms(expr: Expr) -> Expr:
    """The logarithm of a positive expression as a sum."""
    return expand_log(log(_elementary(expr)))


def _positive(left: Expr, right: Expr) -> bool:
    return bool(left.is_positive and right.is_positive)


def _elementary(expr: Expr) -> Expr:
    """Densities as exponentials, and one form of the distribution function for opposite arguments."""
    return expr.replace(H, lambda a: Phi(-a)).replace(Phi, _upper).rewrite(exp) if expr.has(H, Phi, phi) else expr


def _exponents(expr: Expr) -> Expr:
    """Products of exponentials as one exponential each, of an exponent in one form."""
    written = expr.replace(H, lambda a: Phi(-a)).replace(Phi, _upper).replace(phi, lambda a: phi(a).rewrite(exp))
    terms = Add.make_args(written.expand(power_exp=False, log=False, frac=False))
    merged = Add(*(powsimp(term, combine="exp") for term in terms))
    return merged.replace(exp, lambda a: exp(expand(cancel(a))))


def _upper(a: Expr) -> Expr:
    a = a.factor() if a.is_finite else a
    return 1 - Phi(-a) if a.could_extract_minus_sign() else Phi(a)


def _ordered(expr: Expr) -> Expr:
    """Overlaps and lifting parameters in positive parameters that run over their whole domain.

    ``1 > p_2 > p_3 > ... > 0`` becomes ``p_2 = 1/(1 + e_2)``, ``p_3 = p_2/(1 + e_3)``: then SymPy sees every sign.
    """
    found: dict[Symbol, Expr] = {}
    for letter in "pq":
        value: Expr = Integer(1)
        named = {s.name: s for s in expr.free_symbols}
        for k in count(2):
            if f"{letter}_{k}" not in named:
                break
            value = value / (1 + Symbol(f"e_{letter}{k}", positive=True))
            found[named[f"{letter}_{k}"]] = value
    return insert(expr, found) if found else expr


def refuted(left: Expr, right: Expr) -> bool:
    """Whether the sides have different values at one of a few points, each known to ``DIGITS`` digits.

    Terms that both sides have are left out.
    """
    return any(_apart(left, right))


def _apart(left: Expr, right: Expr) -> Iterator[bool]:
    """Whether the sides differ, at one point after the other."""
    shared = set(Add.make_args(left)) & set(Add.make_args(right))
    left, right = (Add(*(term for term in Add.make_args(side) if term not in shared)) for side in (left, right))
    means = left.atoms(Expectation, Integral) | right.atoms(Expectation, Integral)
    close = CLOSE_MEANS if means else CLOSE
    kinked = [mean for mean in means if mean.args[0].has(*KINKED, _envelope())]
    if kinked:
        close = CLOSE_NESTED if any(mean.args[0].has(Expectation, Integral) for mean in kinked) else CLOSE_KINKS
    lost = (LOST_JUMPS if kinked else LOST) if means else 0
    yield from (bool(abs(a - b) > close * (abs(a) + abs(b)) + lost) for a, b in values(left, right))


def positive(expr: Expr, *, strict: bool = True) -> bool | None:
    """``True`` if signs show that an expression is positive (not negative, unless strict), ``False`` after a value.

    >>> a, p = Symbol("a", positive=True), Symbol("p_2", positive=True)
    >>> positive(a + 1 / a), positive(1 - p), positive(a - 2), positive(-a, strict=False)
    (True, True, False, False)
    """
    if expr in (oo, -oo):
        return expr == oo
    expr = evaluated(expr)

    def shown(found: Expr) -> bool:
        if found.is_positive or (not strict and found.is_nonnegative):
            return True
        signs = [_sign(term) for term in found.as_numer_denom()]
        return None not in signs and signs[0] * signs[1] == 1  # type: ignore[operator]

    cheap = (lambda: expr, lambda: factor(together(_ordered(expr))), lambda: expand(_elementary(_ordered(expr))))
    if any(shown(attempt()) for attempt in cheap):
        return True
    if any(value[0] <= 0 if strict else value[0] < 0 for value in values(expr)):
        return False
    simple = simplify(_elementary(_ordered(expr)))
    return True if shown(simple) or shown(simple.expand()) else None


def _sign(expr: Expr) -> int | None:
    if expr.is_positive:
        return 1
    return -1 if expr.is_negative else None


def _envelope() -> type[Expr]:
    from ..networks.gates import MoreauEnvelope

    return MoreauEnvelope


def values(*sides: Expr) -> Iterator[tuple[Expr, ...]]:
    """Values of expressions, one of them real, at points of the domain of their symbols, up to ``POINTS`` where not all are 0."""
    symbols = frozenset(s for side in sides for s in side.free_symbols)
    found = 0
    for point in _points(symbols):
        try:
            here = [_number(side, point) for side in sides]
        except (*UNABLE, ValueError):
            continue  # outside the reals, or nothing with a value
        # a real and a complex value differ
        if None not in here and any(v is not None and v.is_real for v in here):
            yield tuple(here)  # type: ignore[arg-type]
            found += any(v != 0 for v in here)  # where all are zero nothing is told apart
        if found == POINTS:
            return


def _number(side: Expr, point: dict[Symbol, Expr]) -> Expr | None:
    concrete = _concrete(side)
    if concrete.is_number:
        concrete = concrete.doit()
    if concrete == 0:
        return Integer(0)
    if concrete.has(Expectation):
        arguments = tuple(sorted(concrete.free_symbols, key=str))
        at = [float(point[s]) for s in arguments]
        try:
            value = _compiled(concrete, arguments, "math")(*at)
        except ValueError:  # outside the reals
            value = _compiled(concrete, arguments, "cmath")(*at)
        return sympify(value) if abs(value) < LARGEST else None
    if concrete.has(Integral):  # the evaluation of integrals forgets the values of other symbols
        if any(mean.args[0].has(Integral) for mean in concrete.atoms(Integral)):
            return None  # no double integrals
        inserted = concrete.rewrite(erfc).xreplace(point)
        value = inserted.replace(lambda e: isinstance(e, Integral), _integrated).evalf(15, maxn=30)
        return value if value.is_number and value.is_finite and not value.has(Integral) else None
    try:  # inserted as numbers: exact roots of exact rationals are slow
        concrete, point = _functions_named(concrete, point)
        value = concrete.evalf(DIGITS, subs=point, maxn=MOST_DIGITS, strict=True)
    except PrecisionExhausted:  # zero as far as can be seen, or as good as
        return None
    return value if value.is_number and value.is_finite else None


def _integrated(integral: Integral) -> Expr:
    """A definite integral in double precision by the tanh-sinh rule, if two spacings agree and nothing is left at the ends.

    Else the integral as it is.
    """
    if len(integral.limits) != 1 or len(integral.limits[0]) != 3:
        return integral
    variable, *ends = integral.limits[0]
    try:
        low, high = map(float, ends)
        integrand = lambdify(variable, integral.function, modules=[FLOATS, "math"])
        terms = [weight * integrand(x) for x, weight in _tanh_sinh(low, high)]
        fine, coarse = math.fsum(terms) / 2, math.fsum(terms[::2])
    except (*UNABLE, ValueError):
        return integral
    missing = max(abs(fine - coarse), abs(terms[0]), abs(terms[-1]))
    return Float(fine) if missing <= float(CLOSE_MEANS) / 100 * abs(fine) else integral


def _tanh_sinh(low: float, high: float) -> Iterator[tuple[float, float]]:
    """Nodes and weights of a spacing; those of twice that spacing are every second node."""
    ends = (math.isinf(low), math.isinf(high))
    for k in range(-128, 129):
        t = k / 32 if any(ends) else k / 44
        s, slope = math.pi / 2 * math.sinh(t), math.pi / 2 * math.cosh(t) / (16 if any(ends) else 22)
        if all(ends):
            yield math.sinh(s), slope * math.cosh(s)
        elif any(ends):
            yield (low + math.exp(s) if ends[1] else high - math.exp(s)), slope * math.exp(s)
        else:
            half = (high - low) / 2
            yield low + half + half * math.tanh(s), slope * half / math.cosh(s) ** 2


def _functions_named(expr: Expr, point: dict[Symbol, Expr]) -> tuple[Expr, dict[Symbol, Expr]]:
    """Transcendental functions and roots by names of their own: SymPy would evaluate each anew wherever it stands.

    The values have more digits than anything is evaluated to, so that what cancels is still seen to cancel.
    """
    point, named = dict(point), {}

    def to_be_named(e: Basic) -> bool:
        return isinstance(e, TRANSCENDENTAL) or (isinstance(e, Pow) and not e.exp.is_Integer)

    def value(e: Expr) -> Expr:
        if e not in named:
            digits = {"n": 2 * MOST_DIGITS, "maxn": 4 * MOST_DIGITS}
            found = e.func(*(a.evalf(subs=point, strict=True, **digits) for a in e.args)).evalf(**digits)
            named[e] = Dummy(real=found.is_real)
            point[named[e]] = found
        return named[e]

    return expr.replace(to_be_named, value), point


@lru_cache(maxsize=256)
def _points(symbols: frozenset[Symbol]) -> tuple[dict[Symbol, Expr], ...]:
    """A few points inside the domain of the symbols; a symbol without a domain takes small rationals."""
    placed = [s for s in symbols if _has_domain(s)]
    domain = default_domain(placed, SMALL)
    others = sorted(symbols.difference(placed), key=str)
    found = []
    for shift in range(3 * POINTS):
        units = [Fraction(2 + (7 * i + 5 * shift) % 13, 17) for i in range(domain.dimension)]
        point = {s: v for s, v in domain.point(units).items() if s in symbols}
        for i, s in enumerate(others):
            if s.is_integer:
                point[s] = Integer(3 + (i + shift) % 4)
            else:
                size = Rational(7 * i + 3 * shift + 5, 11 * i + 17)
                point[s] = size if s.is_positive or (i + shift) % 2 else -size
        found.append(point)
    return tuple(found)


@lru_cache(maxsize=1024)
def _has_domain(symbol: Symbol) -> bool:
    """Whether the theory names a domain for the symbol that agrees with its assumptions."""
    try:
        least = default_domain([symbol]).point([Fraction(0)])[symbol]
    except DomainError:
        return False
    return not symbol.is_integer and (not symbol.is_positive or least.is_positive)


@lru_cache(maxsize=256)
def _concrete(expr: Expr) -> Expr:
    """Undefined functions replaced by smooth positive ones, laws that are not given by two-point laws."""
    expr = expr.replace(lambda e: isinstance(e, AppliedUndef), lambda e: _instance(e.func.__name__, e.args))
    expr = expr.replace(lambda e: isinstance(e, Law), _two_points)
    expr = expr.replace(lambda e: isinstance(e, FieldFunction), lambda e: e.doit())
    expr = expr.replace(lambda e: isinstance(e, (Derivative, Subs)), lambda e: e.doit()).doit(deep=False)
    return (
        expr if expr.has(Expectation) else expr.replace(phi, lambda a: phi(a).rewrite(exp))
    )  # SymPy knows exp by heart


def _instance(name: str, arguments: tuple[Expr, ...]) -> Expr:
    """A smooth positive function that differs from name to name."""
    code = sum((i + 1) * ord(c) for i, c in enumerate(name))
    form = Add(*(a * Rational(3 + (code + 5 * i) % 7, 11) for i, a in enumerate(arguments)))
    return exp(-form / 3) + form**2 / 5 + Rational(1 + code % 5, 4)


def _two_points(mean: Expr) -> Expr:
    inner, k = mean.args
    code = sum(ord(c) for c in str(k)) % 5
    weight, x = Rational(1 + code, 7), Symbol("x", real=True)
    ends = (Rational(1, 3) + Rational(code, 10), Rational(-5, 7))
    return weight * inner.subs(x, ends[0]) + (1 - weight) * inner.subs(x, ends[1])


@lru_cache(maxsize=512)
def _compiled(expr: Expr, arguments: tuple[Symbol, ...], module: str) -> Callable[..., float]:
    """A function of floats in which every mean is a trapezoidal sum."""
    functions = dict(FLOATS)
    inserted = {}
    for i, mean in enumerate(_outermost(expr)):
        name = f"mean_{i}"
        own = Dummy("u", real=True)
        inner = _compiled(mean.expr.xreplace({mean.variable: own}), (*arguments, own), module)
        alone = not mean.expr.has(Expectation) and not any(isinstance(a, Dummy) for a in arguments)
        kinked = alone and mean.expr.has(*KINKED, _envelope())
        functions[name] = _trapezoid(inner, FINE_WEIGHTS if kinked else WEIGHTS)
        inserted[mean] = Function(name)(*arguments)
    return lambdify(arguments, expr.xreplace(inserted).doit(), modules=[functions, module])


def _outermost(expr: Expr) -> list[Expectation]:
    if isinstance(expr, Expectation):
        return [expr]
    return list(dict.fromkeys(mean for a in expr.args for mean in _outermost(a)))


def _trapezoid(integrand: Callable[..., float], weights: list[tuple[float, float]]) -> Callable[..., float]:
    return lambda *args: sum(weight * integrand(*args, node) for node, weight in weights)


def _float_phi(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


FLOATS = {
    "phi": _float_phi,
    "Phi": lambda x: math.erfc(-x / math.sqrt(2)) / 2,
    "H": lambda x: math.erfc(x / math.sqrt(2)) / 2,
    "Heaviside": lambda x, *_: float(x > 0),
}


def _weights(spacing: float) -> list[tuple[float, float]]:
    count = round(REACH * SPACING / spacing)
    nodes = [(j + 0.37) * spacing for j in range(-count, count)]  # no node at 0, where integrands may have a pole
    return [(node, spacing * _float_phi(node)) for node in nodes]


WEIGHTS, FINE_WEIGHTS = _weights(SPACING), _weights(SPACING / 200)
"""The fine ones are for jumps, which cost up to half the spacing times the density each."""
LARGEST = 1e200
