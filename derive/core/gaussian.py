"""Gaussian expectations: an unevaluated ``E[...]`` and the rules that evaluate it.

The rules are quadratic exponentials times polynomials over an interval (completing the square), from which the
towers of quadratic forms and of piecewise quadratic envelopes follow, and the heat equation of the Gaussian kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sympy import (
    Dummy,
    Expr,
    Function,
    Integer,
    Poly,
    Symbol,
    Tuple,
    binomial,
    erfc,
    exp,
    factor,
    log,
    oo,
    pi,
    powsimp,
    simplify,
    sqrt,
    together,
)
from sympy.core.function import ArgumentIndexError
from sympy.core.logic import fuzzy_and

from .formulas import identically_zero

__all__ = ["Expectation", "GaussianPiece", "H", "Phi", "TiltedTail", "gaussian_piece", "phi"]


class phi(Function):
    """Standard normal density ``phi(x) = exp(-x**2/2)/sqrt(2*pi)``.

    >>> from sympy.abc import x
    >>> phi(x).diff(x), phi(x).rewrite(exp)
    (-x*phi(x), sqrt(2)*exp(-x**2/2)/(2*sqrt(pi)))
    """

    nargs = 1

    @classmethod
    def eval(cls, x):
        if x in (oo, -oo):
            return Integer(0)
        if x.could_extract_minus_sign():
            return cls(-x)
        return None

    def fdiff(self, argindex=1):
        if argindex != 1:
            raise ArgumentIndexError(self, argindex)
        return -self.args[0] * self

    def _eval_rewrite_as_exp(self, x, **kwargs):
        return exp(-(x**2) / 2) / sqrt(2 * pi)

    def _eval_rewrite_as_erfc(self, x, **kwargs):
        return self._eval_rewrite_as_exp(x)

    def _eval_is_positive(self):
        return fuzzy_and((self.args[0].is_real, self.args[0].is_finite))

    def _eval_evalf(self, prec):
        return self._eval_rewrite_as_exp(self.args[0])._eval_evalf(prec)

    def _latex(self, printer, exp=None):
        body = rf"\varphi\left({printer._print(self.args[0])}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"


class Phi(Function):
    """Standard normal distribution function ``Phi(x) = erfc(-x/sqrt(2))/2``.

    >>> from sympy.abc import x
    >>> Phi(x).diff(x), Phi(oo), Phi(0)
    (phi(x), 1, 1/2)
    """

    nargs = 1

    @classmethod
    def eval(cls, x):
        if x == oo:
            return Integer(1)
        if x == -oo:
            return Integer(0)
        if x.is_zero:
            return Integer(1) / 2
        return None

    def fdiff(self, argindex=1):
        if argindex != 1:
            raise ArgumentIndexError(self, argindex)
        return phi(self.args[0])

    def _eval_rewrite_as_erfc(self, x, **kwargs):
        return erfc(-x / sqrt(2)) / 2

    def _eval_is_positive(self):
        return fuzzy_and((self.args[0].is_real, self.args[0].is_finite))

    def _eval_evalf(self, prec):
        return self._eval_rewrite_as_erfc(self.args[0])._eval_evalf(prec)

    def _latex(self, printer, exp=None):
        body = rf"\Phi\left({printer._print(self.args[0])}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"


class H(Function):
    """Gaussian tail ``H(x) = Phi(-x) = erfc(x/sqrt(2))/2``.

    >>> from sympy.abc import x
    >>> H(x).diff(x), H(x).rewrite(Phi)
    (-phi(x), Phi(-x))
    """

    nargs = 1

    @classmethod
    def eval(cls, x):
        if x in (oo, -oo) or x.is_zero:
            return Phi(-x)
        return None

    def fdiff(self, argindex=1):
        if argindex != 1:
            raise ArgumentIndexError(self, argindex)
        return -phi(self.args[0])

    def _eval_rewrite_as_Phi(self, x, **kwargs):
        return Phi(-x)

    def _eval_rewrite_as_erfc(self, x, **kwargs):
        return erfc(x / sqrt(2)) / 2

    def _eval_is_positive(self):
        return fuzzy_and((self.args[0].is_real, self.args[0].is_finite))

    def _eval_evalf(self, prec):
        return self._eval_rewrite_as_erfc(self.args[0])._eval_evalf(prec)

    def _latex(self, printer, exp=None):
        body = rf"H\left({printer._print(self.args[0])}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"


class TiltedTail(Function):
    r"""``TiltedTail(e, x) = exp(e) H(x)``, in one piece: the factors alone overflow and underflow.

    >>> e, x = Symbol("e"), Symbol("x")
    >>> TiltedTail(e, x).diff(e), TiltedTail(e, x).diff(x), TiltedTail(e, x).doit()
    (TiltedTail(e, x), -sqrt(2)*exp(e - x**2/2)/(2*sqrt(pi)), exp(e)*H(x))
    """

    nargs = 2

    def fdiff(self, argindex=1):
        e, x = self.args
        return self if argindex == 1 else -exp(e - x**2 / 2) / sqrt(2 * pi)

    def doit(self, **hints):
        e, x = self.args
        return exp(e) * H(x)


class Expectation(Expr):
    """``E[expr]`` over an independent standard normal ``u``, kept unevaluated.

    ``doit()`` (or :meth:`unfold`) evaluates it where a rule applies: ``expr`` a polynomial in ``u`` times the
    exponential of a quadratic in ``u``.  Differentiation goes under the expectation.

    >>> from sympy.abc import u, t
    >>> from sympy import exp
    >>> e = Expectation(exp(t*u), u)
    >>> e, e.unfold(), e.diff(t)
    (E_u[exp(t*u)], exp(t**2/2), E_u[u*exp(t*u)])
    """

    is_commutative = True

    def __new__(cls, expr, variable):
        variable = variable.args[0] if isinstance(variable, Tuple) else variable  # so that func(*args) rebuilds
        variable = Symbol(str(variable), real=True) if not isinstance(variable, Symbol) else variable
        return Expr.__new__(cls, expr, Tuple(variable))

    @property
    def expr(self) -> Expr:
        """The integrand."""
        return self.args[0]

    @property
    def variable(self) -> Symbol:
        """The standard normal that is averaged over."""
        return self.args[1].args[0]

    @property
    def bound_symbols(self) -> list[Symbol]:
        return [self.variable]

    @property
    def free_symbols(self) -> set:
        return self.expr.free_symbols - {self.variable}

    def _eval_is_real(self):
        return True

    def _eval_derivative(self, symbol):
        if symbol == self.variable:
            return Integer(0)
        inner = self.expr.diff(symbol)
        return Integer(0) if inner == 0 else Expectation(inner, self.variable)

    def _eval_subs(self, old, new):
        if old == self.variable:
            return self
        z = self.variable
        if z in new.free_symbols:  # another variable than the one that is averaged over
            z = Dummy(z.name, **z.assumptions0)
        return Expectation(self.expr.xreplace({self.variable: z}).subs(old, new), z)

    def unfold(self) -> Expr:
        """Evaluate by the rules of this module; an expectation no rule applies to is returned as it is."""
        inner = self.expr.unfold() if isinstance(self.expr, Expectation) else self.expr.doit()
        if self.variable not in inner.free_symbols:
            return inner
        try:
            piece = gaussian_piece(inner, self.variable, Integer(0), Integer(1), -oo, oo)
        except NotQuadratic:
            return Expectation(inner, self.variable)
        return piece.value

    def doit(self, **hints):
        return self.unfold()

    def _sympystr(self, printer):
        return f"E_{printer._print(self.variable)}[{printer._print(self.expr)}]"

    def _latex(self, printer, exp=None):
        body = rf"\mathbb{{E}}_{{{printer._print(self.variable)}}}\left[{printer._print(self.expr)}\right]"
        return body if exp is None else rf"{body}^{{{exp}}}"


class Law(Expr):
    """An average over a law that is not given: linear in its first argument."""


class NotQuadratic(ValueError):
    """The integrand is not a polynomial times the exponential of a quadratic."""


@dataclass(frozen=True)
class GaussianPiece:
    """``E[f(h); lower < h < upper]`` for ``h ~ N(mean, variance)`` in factored form.

    ``value = scale * exp(exponent) * mass`` where the tilted law is ``N(centre, spread**2)`` and ``mass`` is the
    (moment-weighted) probability of the interval under it.
    """

    scale: Expr
    exponent: Expr
    mass: Expr
    centre: Expr
    spread: Expr

    @property
    def value(self) -> Expr:
        return self.scale * exp(self.exponent) * self.mass


def _split(integrand: Expr, h: Symbol) -> tuple[Poly, Poly]:
    """Write ``integrand = P(h) exp(Q(h))`` with polynomials P (any degree) and Q (degree at most 2)."""
    exponent: Expr = Integer(0)
    rest: Expr = Integer(1)
    for f in integrand.as_ordered_factors() if integrand.is_Mul else [integrand]:
        if isinstance(f, exp):
            exponent += f.args[0]
        else:
            rest *= f
    polynomial, quadratic = rest.as_poly(h), exponent.as_poly(h)
    if polynomial is None or quadratic is None or quadratic.degree() > 2:
        raise NotQuadratic(f"{integrand} is not a polynomial times the exponential of a quadratic in {h}")
    return polynomial, quadratic


@lru_cache(maxsize=2048)
def gaussian_piece(integrand: Expr, h: Symbol, mean: Expr, variance: Expr, lower: Expr, upper: Expr) -> GaussianPiece:
    r"""``E[P(h) exp(a h^2 + b h + c); lower < h < upper]`` for ``h ~ N(mean, variance)``, by completing the square.

    With :math:`s^2 = 1/(1/D - 2a)` and :math:`t = s^2 (x/D + b)` the integrand is, up to a constant, the density of
    :math:`N(t, s^2)`; truncated moments follow from
    :math:`I_n = (n-1) I_{n-2} + A^{n-1}\varphi(A) - B^{n-1}\varphi(B)`.  Valid for :math:`2aD < 1`.

    >>> from sympy import symbols, exp, oo
    >>> h, x = symbols("h x", real=True); D, y = symbols("D y", positive=True)
    >>> gaussian_piece(exp(-y*h**2/2), h, x, D, -oo, oo).value
    exp(-x**2*y/(2*(D*y + 1)))/sqrt(D*y + 1)
    """
    polynomial, quadratic = _split(integrand, h)
    a, b, c = (quadratic.coeff_monomial(h**n) for n in (2, 1, 0))
    width = factor(1 - 2 * a * variance)  # D/s^2
    centre = simplify((mean + b * variance) / width)
    spread = sqrt(variance / width)
    logarithms, c = c.expand(log=False).as_independent(log, as_Add=True)[
        ::-1
    ]  # of a quadratic form only the form is rewritten
    shifted = a * mean**2 + b * mean + c + (2 * a * mean + b) ** 2 * variance / (2 * width)
    exponent = factor(simplify(shifted)) + logarithms
    low, high = (_standardised(end, centre, spread) for end in (lower, upper))
    probability = Phi(-low) if high == oo else Phi(high) - Phi(low)  # no cancellation against 1 in the far tail
    moments = [probability, phi(low) - phi(high)]
    for n in range(2, (0 if polynomial.is_zero else polynomial.degree()) + 1):
        moments.append((n - 1) * moments[n - 2] + _edge(low, n - 1) - _edge(high, n - 1))
    mass: Expr = Integer(0)
    for (n,), coefficient in polynomial.terms():
        mass += coefficient * sum(binomial(n, j) * centre ** (n - j) * spread**j * moments[j] for j in range(n + 1))
    return GaussianPiece(1 / sqrt(width), exponent, mass, centre, spread)


def _standardised(end: Expr, centre: Expr, spread: Expr) -> Expr:
    return end if end in (oo, -oo) else powsimp(together(end - centre) / spread)


def _edge(end: Expr, power: int) -> Expr:
    return Integer(0) if end in (oo, -oo) else end**power * phi(end)


def check_piece(integrand: Expr, h: Symbol, mean: Expr, variance: Expr) -> bool | None:
    """Check the rule of :func:`gaussian_piece` for integrands of this form, by the fundamental theorem of calculus.

    The rule is checked for every power of the polynomial, with symbols for the coefficients of the exponent, the mean, the
    variance and the ends.
    """
    polynomial, quadratic = _split(integrand, h)
    tilted = [quadratic.coeff_monomial(h**n) != 0 for n in (2, 1)]
    found = [check_rule(power, *tilted) for power in range(0 if polynomial.is_zero else polynomial.degree() + 1)]
    return False if False in found else (None if None in found else True)


@lru_cache(maxsize=64)
def check_rule(power: int, square: bool, linear: bool) -> bool | None:
    """The value must vanish on an empty interval, and its derivative in the upper end be integrand times density."""
    h, mean, low, high = (Dummy(n, real=True) for n in ("h", "m", "L", "U"))
    width, variance = Dummy("w", positive=True), Dummy("D", positive=True)  # 2 a D = 1 - w < 1
    slope = Dummy("b", real=True) if linear else Integer(0)
    bend = (1 - width) / (2 * variance) if square else Integer(0)
    integrand = h**power * exp(bend * h**2 + slope * h)
    value = gaussian_piece(integrand, h, mean, variance, low, high).value
    density = exp(-((high - mean) ** 2) / (2 * variance)) / sqrt(2 * pi * variance)
    derivative = value.diff(high).rewrite(exp) / (integrand.subs(h, high) * density) - 1
    empty = identically_zero(value.subs(high, low))
    return empty if empty is not True else identically_zero(simplify(derivative))
