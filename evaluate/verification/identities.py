r"""A normal form for differences: an expression that is 0 in it is 0 wherever everything that was written has a value.

An expression becomes a rational function of *kernels*: symbols, constants, and functions of arguments in normal form.  Only
rules that hold for all real arguments are used,

the logarithm of a product of powers is a sum of logarithms of moduli, its square root a product of powers of moduli, the
exponential of a sum a product, :math:`erfc(-a) = 2 - erfc(a)` and :math:`\max(a,b) = (a+b+|a-b|)/2`,
and :math:`|f|` is :math:`\pm f` only where the sign of f is known on the whole domain, otherwise :math:`2\max(0,f) - f`; roots and
maxima are reduced by their squares, :math:`\max(0,f)^2 = f\max(0,f)`.  SymPy's polynomials do the arithmetic; its assumptions and its automatic simplification are not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import lcm
from typing import Any

from sympy import (
    QQ,
    Abs,
    Add,
    Dummy,
    E,
    Expr,
    Heaviside,
    Integer,
    Max,
    Min,
    Mul,
    Pow,
    Rational,
    S,
    Symbol,
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atanh,
    cos,
    cosh,
    erf,
    erfc,
    erfinv,
    exp,
    factorint,
    gamma,
    log,
    loggamma,
    pi,
    preorder_traversal,
    sign,
    sin,
    sinh,
    tan,
    tanh,
)
from sympy import field as fractions
from sympy.polys.polyerrors import PolynomialError

from flrdt.derive.core.gaussian import H, Phi, TiltedTail, phi

__all__ = ["PROBLEMS", "NotNormal", "constant", "difference", "factors"]

LARGEST_DEGREE = 300

ODD = (asin, asinh, atan, atanh, erfinv, sin, sinh, tan, tanh)
EVEN = (cos, cosh)
OPAQUE = (*ODD, *EVEN, acos, acosh, gamma, loggamma, sign, Heaviside)
MOST_TERMS = 400
MOST_KERNELS = 60
SPARE = 4
LARGEST_POWER = 64
TRIAL_DIVISION = 2000

SignOf = Callable[[Expr], int]
"""The sign of an expression on the whole domain: 1 for >= 0, -1 for <= 0, 0 if unknown."""


class NotNormal(ArithmeticError):
    """The expression has a part without a normal form, or is too large."""


def difference(left: Expr, right: Expr, sign_of: SignOf = lambda _: 0) -> tuple[Expr, Expr]:
    """``left - right`` in normal form: its numerator, which is ``0`` if the sides are identical, and the whole.

    Raises :class:`NotNormal` if there is none, and ``ZeroDivisionError`` where what is written divides by 0.

    >>> from sympy import sqrt
    >>> x, y = Symbol("x", real=True), Symbol("y", real=True)
    >>> difference(log(x**2 * y), 2*log(x) + log(y)), difference(sqrt(x**2)/2, x/2)
    ((0, 0), (-x + Max(0, x), -x + Max(0, x)))
    """
    ring = _ring((left, right))
    units: dict[Any, int] = {}
    normal = _Normaliser(ring, units, sign_of)
    found = normal.convert(left) - normal.convert(right)
    if normal.fractional:  # exponentials of fractions of a term: now their common unit is known
        normal = _Normaliser(ring, units, sign_of)
        found = normal.convert(left) - normal.convert(right)
    return normal.reduced(found), normal.expression(found)


def factors(expression: Expr, sign_of: SignOf = lambda _: 0) -> tuple[Rational, list[tuple[Expr, int]]]:
    """A rational number and factors with exponents whose product is the expression, wherever it has a value.

    >>> x = Symbol("x", real=True)
    >>> factors(2*x - 2*x**3)
    (-2, [(x, 1), (x - 1, 1), (x + 1, 1)])
    """
    normal = _Normaliser(_ring([expression]), {}, sign_of)
    constant, found = normal.factors(normal.convert(expression))
    return Rational(int(constant.numerator), int(constant.denominator)), [(normal.expression(f), n) for f, n in found]


def constant(expression: Expr) -> Rational | None:
    """The rational number that an expression is identically equal to, if it is one.

    >>> x = Symbol("x", real=True)
    >>> constant(2 + x - x), constant(x)
    (2, None)
    """
    normal = _Normaliser(_ring([expression]), {}, lambda _: 0)
    value = normal.convert(expression)
    if not (value.numer.is_ground and value.denom.is_ground):
        return None
    found = QQ(value.numer.LC) / QQ(value.denom.LC)
    return Rational(int(found.numerator), int(found.denominator))


def _ring(expressions: Sequence[Expr]) -> Any:
    parts = {e for side in expressions for e in preorder_traversal(side) if type(e) not in (Add, Mul, Integer)}
    return fractions([Dummy(f"k{i}") for i in range(min(MOST_KERNELS, 2 * len(parts) + SPARE))], QQ)


class _Normaliser:
    def __init__(self, ring: Any, units: dict[Any, int], sign_of: SignOf) -> None:
        self.field, *self.generators = ring
        self.units = units  # of a term under exp: the common denominator of its coefficients
        self.fractional = False
        self.sign_of = sign_of
        self.meaning: list[Expr] = []  # of the generators, as expressions
        self.kernels: dict[Any, int] = {}
        self.squares: dict[int, tuple[Any, Any]] = {}  # generator r -> (s, t) with r**2 = s*r + t
        self.roots: dict[int, Any] = {}  # generator -> the f of sqrt|f|
        self.logs: dict[int, Any] = {}  # generator -> the f of log|f|
        self.exponents: dict[int, Any] = {}  # generator -> the a of exp(a)
        self.signs: dict[Any, int] = {}
        self.done: dict[Expr, Any] = {}

    # kernels

    def kernel(self, key: Any, meaning: Callable[[], Expr]) -> int:
        """The index of the generator of a key; a new one if there is none yet."""
        if key not in self.kernels:
            if len(self.meaning) == len(self.generators):
                raise NotNormal("too many different parts")
            self.kernels[key] = len(self.meaning)
            self.meaning.append(meaning())
        return self.kernels[key]

    def generator(self, key: Any, meaning: Callable[[], Expr]) -> Any:
        return self.generators[self.kernel(key, meaning)]

    def expression(self, value: Any) -> Expr:
        """A rational function of kernels as an expression, without any evaluation."""
        top, bottom = self._polynomial(value.numer), self._polynomial(value.denom)
        return top if bottom == 1 else Mul(top, Pow(bottom, -1, evaluate=False), evaluate=False)

    def _polynomial(self, polynomial: Any) -> Expr:
        terms = []
        for powers, coefficient in polynomial.terms():
            factors: list[Expr] = [Rational(int(coefficient.numerator), int(coefficient.denominator))]
            for i, n in enumerate(powers):
                if n:
                    factors.append(self.meaning[i] if n == 1 else Pow(self.meaning[i], n, evaluate=False))
            factors = factors[1:] if factors[0] == 1 and len(factors) > 1 else factors
            terms.append(Mul(*factors, evaluate=False) if len(factors) > 1 else factors[0])
        if not terms:
            return Integer(0)
        return Add(*terms, evaluate=False) if len(terms) > 1 else terms[0]

    # conversion

    def convert(self, e: Expr) -> Any:
        if e not in self.done:
            found = self._convert(e)
            if len(found.numer) > MOST_TERMS or len(found.denom) > MOST_TERMS:
                raise NotNormal("the normal form is too long")
            self.done[e] = found
        return self.done[e]

    def _convert(self, e: Expr) -> Any:
        kind = type(e)
        if isinstance(e, Rational) and e.is_finite:
            return self.field(QQ(int(e.p), int(e.q)))
        if isinstance(e, Symbol) or e in (pi, S.EulerGamma, S.Catalan):
            return self.generator(e, lambda: e)
        if e is E:
            return self.exponential(self.field(1))
        if kind is Add:
            return sum((self.convert(a) for a in e.args), self.field(0))
        if kind is Mul:
            product = self.field(1)
            for a in e.args:
                product = product * self.convert(a)
            return product
        if kind is Pow:
            return self.power(*e.args)
        if kind is exp:
            return self.exponential(self.convert(e.args[0]))
        if kind is log and len(e.args) == 1:
            return self.logarithm(self.convert(e.args[0]))
        if kind is Abs:
            return self.absolute(self.convert(e.args[0]))
        if kind in (Max, Min):
            parts = {self.convert(part) for part in _flat(e, kind)}
            found, *rest = sorted(parts, key=str)
            for other in rest:
                gap = self.absolute(found - other)
                found = (found + other + gap) / 2 if kind is Max else (found + other - gap) / 2
            return found
        if kind is erfc:
            return self.tail(self.convert(e.args[0]))
        if kind is erf:
            return 1 - self.tail(self.convert(e.args[0]))
        if kind in (H, Phi):
            argument = self.convert(e.args[0]) / self.root(self.field(2))
            return self.tail(argument if kind is H else -argument) / 2
        if kind is phi:
            a = self.convert(e.args[0])
            return self.exponential(-a * a / 2) / self.root(2 * self.convert(pi))
        if kind is TiltedTail:
            return self.exponential(self.convert(e.args[0])) * self.convert(H(e.args[1], evaluate=False))
        if kind in OPAQUE:
            return self.opaque(kind, [self.canonical(self.convert(a)) for a in e.args])
        raise NotNormal(f"no normal form of {kind.__name__}")

    def opaque(self, kind: Any, arguments: list[Any]) -> Any:
        """A function of which nothing is used but that it is odd or even."""
        sign = 1
        if kind in (*ODD, *EVEN) and arguments[0].numer.LC < 0:
            arguments, sign = [-arguments[0]], -1 if kind in ODD else 1
        if kind in ODD and arguments[0] == 0:
            return self.field(0)
        parts = [self.expression(a) for a in arguments]
        return sign * self.generator((kind, *arguments), lambda: kind(*parts, evaluate=False))

    def power(self, base: Expr, power: Expr) -> Any:
        b = self.convert(base)
        if isinstance(power, Rational) and power.is_finite and power.q <= 2:
            if power.q == 2:
                b = self.root(b)
            n = int(power.p)
            if abs(n) > LARGEST_POWER or (len(b.numer) + len(b.denom)) * abs(n) > MOST_TERMS:
                raise NotNormal("a power is too large")
            if n <= 0 and b == 0:
                raise ZeroDivisionError
            return b**n if n >= 0 else 1 / b ** (-n)
        return self.exponential(self.convert(power) * self.logarithm(b))

    def exponential(self, a: Any) -> Any:
        """``exp`` of a sum is a product over its terms, with the integer part of each coefficient as an exponent."""
        result, a = self.field(1), self.canonical(a)
        ring = self.field.ring
        for powers, coefficient in a.numer.terms():
            term = self.field(ring({powers: 1})) / self.field(a.denom)
            content = 1 / term.denom.LC if term.numer.is_ground or len(term.denom) == 1 else QQ(1)
            # a term has the coefficient 1 in the numerator and an integral denominator without content
            scale = QQ(coefficient) * content
            term = term / self.field(content)
            f = self._log_of(term)
            if f is not None and abs(scale) <= LARGEST_POWER and scale.denominator <= 2:
                size = self.absolute(f)
                n = int(scale.numerator)
                part = self.root(size) if scale.denominator == 2 else size
                result = result * (part**n if n >= 0 else 1 / part ** (-n))
                continue
            unit = lcm(self.units.get(term, 1), int(scale.denominator))
            if unit != 1:
                self.fractional = True
            self.units[term] = unit
            inner = term / unit

            def meaning(inner: Any = inner) -> Expr:
                return exp(self.expression(inner), evaluate=False)

            i = self.kernel((exp, inner), meaning)
            self.exponents[i] = inner
            n = int(scale * unit)
            g = self.generators[i]
            result = result * (g**n if n >= 0 else 1 / g ** (-n))
        return result

    def _log_of(self, term: Any) -> Any:
        return next((f for i, f in self.logs.items() if term == self.generators[i]), None)

    def factors(self, a: Any) -> tuple[Any, list[tuple[Any, int]]]:
        """``a = c prod f_i**n_i`` with a rational c and polynomials f_i whose leading coefficient is positive."""
        if a == 0:
            return QQ(0), []
        constant, found = QQ(1), []
        for polynomial, direction in ((a.numer, 1), (a.denom, -1)):
            if polynomial.is_monomial or len(polynomial) == 1:
                ((powers, coefficient),) = polynomial.terms()
                listed = [(self.field.ring.gens[i], n) for i, n in enumerate(powers) if n]
            elif sum(polynomial.degrees()) > LARGEST_DEGREE:
                coefficient, listed = QQ(1), [(polynomial, 1)]  # factoring it would take minutes
            else:
                coefficient, listed = polynomial.factor_list()
            constant = constant * coefficient**direction
            for f, n in listed:
                lead = f.LC
                monic = f.monic() if not f.is_ground else f
                constant = constant * QQ(lead) ** (n * direction)
                found.append((self.field(monic), n * direction))
        return constant, found

    def logarithm(self, a: Any) -> Any:
        a = self.canonical(a)
        if a == 0:
            raise ZeroDivisionError
        constant, found = self.factors(a)
        total = self.field(0)
        for number, direction in ((abs(int(constant.numerator)), 1), (int(constant.denominator), -1)):
            for prime, n in factorint(number, limit=TRIAL_DIVISION).items() if number > 1 else ():
                total = total + direction * n * self._log_kernel(self.field(int(prime)))
        for f, n in found:
            i = self._index(f)
            if i is not None and i in self.exponents:
                total = total + n * self.exponents[i]
            elif i is not None and i in self.roots:
                total = total + self.logarithm(self.roots[i]) * n / 2
            else:
                total = total + n * self._log_kernel(f)
        return total

    def _log_kernel(self, f: Any) -> Any:
        def meaning() -> Expr:
            size = self.expression(f)
            return log(size if self.sign(f) > 0 else Abs(size, evaluate=False), evaluate=False)

        i = self.kernel((log, f), meaning)
        self.logs[i] = f
        return self.generators[i]

    def _index(self, f: Any) -> int | None:
        """The generator that a factor consists of."""
        return next((i for i in range(len(self.meaning)) if f == self.generators[i]), None)

    def root(self, a: Any) -> Any:
        a = self.canonical(a)
        if a == 0:
            return a
        constant, found = self.factors(a)
        result = self._number_root(abs(int(constant.numerator) * int(constant.denominator))) / int(constant.denominator)
        for f, n in found:
            i = self._index(f)
            if i is not None and i in self.exponents:
                result = result * self.exponential(self.exponents[i] * n / 2)
                continue
            half, odd = divmod(n, 2)
            if half:
                size = self.absolute(f)
                result = result * (size**half if half > 0 else 1 / size ** (-half))
            if odd:
                result = result * self._root_kernel(f)
        return result

    def _number_root(self, number: int) -> Any:
        result = self.field(1)
        for prime, n in factorint(number, limit=TRIAL_DIVISION).items() if number > 1 else ():
            result = result * int(prime) ** (n // 2)
            if n % 2:
                result = result * self._root_kernel(self.field(int(prime)))
        return result

    def _root_kernel(self, f: Any) -> Any:
        def meaning() -> Expr:
            size = self.expression(f)
            size = size if self.sign(f) > 0 else Abs(size, evaluate=False)
            return Pow(size, Rational(1, 2), evaluate=False)

        i = self.kernel(("root", f), meaning)
        if i not in self.squares:
            self.squares[i] = self.field(0), self.absolute(f)
            self.roots[i] = f
        return self.generators[i]

    def absolute(self, a: Any) -> Any:
        a = self.canonical(a)
        if a == 0:
            return a
        constant, found = self.factors(a)
        result = self.field(abs(constant))
        for f, n in found:
            known = self.sign(f) if n % 2 else 1
            part = known * f if known else self._size_kernel(f)
            result = result * (part**n if n >= 0 else 1 / part ** (-n))
        return result

    def _size_kernel(self, f: Any) -> Any:
        """``|f|`` as ``2 max(0, f) - f``: where f is negative, the maximum is 0 exactly, and so are its slopes."""
        i = self.kernel(("part", f), lambda: Max(0, self.expression(f), evaluate=False))
        self.squares[i] = f, self.field(0)
        size = 2 * self.generators[i] - f
        lead = size.numer.LC
        self.signs[size / self.field(lead)] = 1 if lead > 0 else -1
        return size

    def sign(self, f: Any) -> int:
        """The sign of a polynomial in kernels on the domain, 0 if unknown."""
        if f not in self.signs:
            self.signs[f] = 1 if self._plainly_positive(f) else self.sign_of(self.expression(f))
        return self.signs[f]

    def _plainly_positive(self, f: Any) -> bool:
        """Whether all coefficients, and all kernels with an odd power, are positive without a look at the domain."""
        if f.denom != 1:
            return False
        for powers, coefficient in f.numer.terms():
            if coefficient < 0:
                return False
            for i, n in enumerate(powers):
                if n % 2 and not (i in self.exponents or i in self.squares or self.meaning[i].is_positive):
                    return False
        return True

    def tail(self, a: Any) -> Any:
        """``erfc``, of an argument whose leading coefficient is positive."""
        a = self.canonical(a)
        if a == 0:
            return self.field(1)
        if a.numer.LC * a.denom.LC < 0:
            return 2 - self.tail(-a)
        return self.generator((erfc, a), lambda: erfc(self.expression(a), evaluate=False))

    def _lowered(self, i: int, n: int) -> tuple[Any, Any]:
        """``(a, b)`` with ``r**n = a*r + b`` for the generator r of a root or a maximum."""
        s, t = self.squares[i]
        a, b = self.field(0), self.field(1)
        for _ in range(n):
            a, b = a * s + b, a * t
        return a, b

    # the answer

    def reduced(self, value: Any) -> Expr:
        """The numerator, squares of roots and maxima replaced."""
        return self._polynomial(self._without_squares(value.numer).numer)

    def canonical(self, a: Any) -> Any:
        """An argument with squares of roots and maxima replaced, so that equal ones are the same."""
        used = {i for part in (a.numer, a.denom) for powers in part.monoms() for i, n in enumerate(powers) if n > 1}
        if not used & set(self.squares):
            return a
        bottom = self._without_squares(a.denom)
        if bottom == 0:
            raise ZeroDivisionError
        return self._without_squares(a.numer) / bottom

    def _without_squares(self, numerator: Any) -> Any:
        """A polynomial in kernels, reduced from the last kernel on."""
        bottom = self.field(1)
        for i in sorted(self.squares, reverse=True):
            if not any(powers[i] > 1 for powers in numerator.monoms()):
                continue
            total = self.field(0)
            parts: dict[int, dict] = {}
            for powers, coefficient in numerator.terms():
                rest = tuple(0 if j == i else n for j, n in enumerate(powers))
                parts.setdefault(powers[i], {})[rest] = coefficient
            for n, terms in parts.items():
                first, second = self._lowered(i, n)
                total = total + self.field(self.field.ring(terms)) * (first * self.generators[i] + second)
            numerator, bottom = total.numer, bottom * self.field(total.denom)
            if len(numerator) > 4 * MOST_TERMS:
                raise NotNormal("the normal form is too long")
        return self.field(numerator) / bottom


def _flat(e: Expr, kind: Any) -> list[Expr]:
    return [part for a in e.args for part in _flat(a, kind)] if type(e) is kind else [e]


PROBLEMS = (NotNormal, ZeroDivisionError, PolynomialError, RecursionError, OverflowError)
"""What a normal form may end in."""
