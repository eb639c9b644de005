"""The form in which one prints a statement: equal to it, and shorter."""

from __future__ import annotations

from functools import lru_cache

from sympy import Add, Expr, Integer, Mul, Poly, PolynomialError, Pow, Rational, Symbol, factor, fraction, together
from sympy.core.relational import Equality

__all__ = ["presented", "shortest"]

HALF = Rational(1, 2)
MOST_SYMBOLS = 6
"""Symbols of an expression that is put over one denominator: with more of them factoring takes seconds."""


@lru_cache(maxsize=512)
def shortest(value: Expr) -> Expr:
    """A value without fractions in fractions: over one denominator in factors, or term by term, whichever is shorter.

    A value that has fewer operations as it stands is returned as it is.

    >>> p, q = Symbol("p", positive=True), Symbol("q", positive=True)
    >>> shortest(((p / q) ** HALF - (q / p) ** HALF * (1 - p) / (1 - q)) / (1 - p))
    (p - q)/(sqrt(p)*sqrt(q)*(1 - p)*(1 - q))
    """
    candidates = [form for form in (_over_one_denominator(value), _term_by_term(value)) if form is not None]
    found = min(candidates, key=lambda form: form.count_ops(), default=value)
    return found if found.count_ops() <= value.count_ops() else value


def _term_by_term(value: Expr) -> Expr | None:
    """A sum times its other factors as the sum of the products."""
    sums = [f for f in Mul.make_args(value) if isinstance(f, Add)]
    if len(sums) != 1 or sums == [value]:
        return None
    return Add(*(term * (value / sums[0]) for term in sums[0].args))


def _over_one_denominator(value: Expr) -> Expr | None:
    """A rational function of positive symbols and their square roots in factors."""
    symbols = sorted(value.free_symbols, key=str)
    if not symbols or len(symbols) > MOST_SYMBOLS or not all(s.is_positive for s in symbols):
        return None
    roots = {s: Symbol(f"root {s.name}", positive=True) for s in symbols}
    over, under = fraction(together(value.xreplace({s: root**2 for s, root in roots.items()})))
    above, below = _factors(over, roots), _factors(under, roots)
    return None if above is None or below is None else Mul(*_signed([*above, *(1 / f for f in below)]))


def _factors(part: Expr, roots: dict[Expr, Symbol]) -> list[Expr] | None:
    """The factors of a polynomial in square roots that is a product of them with a polynomial in their squares."""
    try:
        poly = Poly(part, *roots.values())
    except PolynomialError:
        return None
    if any(not c.is_Rational for c in poly.coeffs()):
        return None
    least = [min(exponents) for exponents in zip(*poly.monoms(), strict=True)]
    terms = [([e - low for e, low in zip(m, least, strict=True)], c) for m, c in poly.terms()]
    if any(e % 2 for m, _ in terms for e in m):
        return None
    rest = Add(*(c * Mul(*(s ** (e // 2) for s, e in zip(roots, m, strict=True))) for m, c in terms))
    return [*(Pow(s, HALF * low) for s, low in zip(roots, least, strict=True)), *Mul.make_args(factor(rest))]


def _signed(factors: list[Expr]) -> list[Expr]:
    """Factors 1 - p rather than p - 1, and a minus that is left over inside of a difference of symbols."""
    sign, found = 1, []
    for f in factors:
        base, power = f.as_base_exp()
        constant = base.as_coeff_Add()[0]
        if isinstance(base, Add) and constant < 0 and power.is_Integer:
            base, sign = -base, sign * (-1) ** int(power)
        found.append(Pow(base, power))
    if sign < 0:
        at = next((i for i, f in enumerate(found) if isinstance(f, Add) and f.as_coeff_Add()[0] == 0), None)
        if at is None:
            found.append(Integer(-1))
        else:
            found[at] = -found[at]
    return found


def presented(statement: Equality) -> Equality | None:
    """A statement with its right side in :func:`shortest` form, or none if that is the statement."""
    right = shortest(statement.rhs)
    return None if right == statement.rhs else type(statement)(statement.lhs, right, evaluate=False)
