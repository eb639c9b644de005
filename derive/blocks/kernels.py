r"""Kernels of wide committees: the covariance of a hidden activation at two correlated fields.

A wide treelike committee sees its input only through :math:`\Delta(p) = \mathrm{Cov}(f(z_1), f(z_2))`, z_1 and z_2 standard normal
with correlation p.  Differentiating in p differentiates f (Price's theorem):
:math:`\Delta^{(n)}(p) = \mathbb E f^{(n)}(z_1) f^{(n)}(z_2)`.  So as soon as a derivative of f is a Gaussian times a polynomial, or a
point mass at 0, the kernel follows by Gaussian integration and n integrations in p.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import lru_cache

from sympy import (
    Abs,
    Add,
    DiracDelta,
    Expr,
    Heaviside,
    Integer,
    Integral,
    Max,
    Min,
    Mul,
    Piecewise,
    Poly,
    Rational,
    Symbol,
    asin,
    atan,
    cancel,
    cos,
    cosh,
    diff,
    erf,
    exp,
    expand,
    fraction,
    log,
    oo,
    pi,
    powsimp,
    sign,
    simplify,
    sin,
    sinh,
    sqrt,
    symbols,
    sympify,
    tanh,
    together,
)
from sympy.integrals.manualintegrate import manualintegrate

from ..core.formulas import InputError
from ..core.gaussian import NotQuadratic, gaussian_piece

__all__ = ["ACTIVATIONS", "Kernel", "KernelError", "activation", "identity_kernel", "kernel"]

z = Symbol("z", real=True)
p = Symbol("p", positive=True)
MOST_DERIVATIVES = 3


class KernelError(InputError):
    """The hidden activation has no kernel with a finite slope at 1."""


@dataclass(frozen=True)
class Kernel:
    r"""``Delta(p)`` and its slope; ``value`` is None where no closed form was found and an evaluator integrates numerically.

    ``slope_at_one`` is E f'(z)^2 and ``value_at_one`` the variance of f; ``derivatives`` is how many derivatives of f Price's theorem needed.
    """

    activation: Expr
    value: Expr | None
    slope: Expr | None
    slope_at_one: Expr | None
    value_at_one: Expr | None
    derivatives: int = 0
    name: str = field(default="", compare=False)
    p: Symbol = p

    @property
    def identity(self) -> bool:
        """Whether the committee is a perceptron: Delta(p) = p."""
        return self.value == p

    def __str__(self) -> str:
        return self.name or str(self.activation)


def identity_kernel() -> Kernel:
    """The kernel of the perceptron, ``Delta(p) = p``."""
    return Kernel(z, p, Integer(1), Integer(1), Integer(1), 0, "linear")


#: Hidden activations by name.
ACTIVATIONS: dict[str, Expr] = {
    "relu": Max(z, 0),
    "erf": erf(z),
    "square": z**2,
    "quadratic": z**2,
    "tanh": tanh(z),
    "abs": Abs(z),
    "linear": z,
}


#: What an activation may be written with, beside z, numbers and + - * / ^.
FUNCTIONS = {f.__name__.lower(): f for f in (Abs, Max, Min, atan, cos, cosh, erf, exp, log, sin, sinh, sqrt, tanh)}
_LONGEST, _HIGHEST = 200, 12


def activation(word: str) -> Expr:
    """The activation of a name, or of an expression in z.

    Raises :class:`KernelError` for what is neither.

    >>> activation("relu"), activation("z/2 + max(z, 0)^2")
    (Max(0, z), z/2 + Max(0, z)**2)
    """
    if word in ACTIVATIONS:
        return ACTIVATIONS[word]
    if word in ("sign", "step", "heaviside"):
        raise KernelError(_JUMPS.format(word))
    unknown = KernelError(
        f"unknown activation {word[:40]!r}: use {', '.join(ACTIVATIONS)}, or an expression in z with + - * / ^ and "
        f"{', '.join(FUNCTIONS)}"
    )
    try:
        tree = ast.parse(word.replace("^", "**"), mode="eval").body if len(word) <= _LONGEST else None
        found = None if tree is None else _read(tree, word.replace("^", "**"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise unknown from None
    if found is None or not found.has(z):
        raise unknown
    return found


def _read(node: ast.AST, text: str) -> Expr:
    """An expression from its syntax tree; raises ``ValueError`` for anything that is not arithmetic in z."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Rational(ast.get_source_segment(text, node))  # a decimal is exact
    if isinstance(node, ast.Name) and node.id == "z":
        return z
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        inner = _read(node.operand, text)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        function = FUNCTIONS.get(node.func.id.lower())
        if function is not None and (len(node.args) == 1 or function in (Max, Min)):
            return function(*(_read(a, text) for a in node.args))
    if isinstance(node, ast.BinOp):
        left, right = _read(node.left, text), _read(node.right, text)
        if isinstance(node.op, ast.Pow) and right.is_Integer and abs(right) <= _HIGHEST:
            return left**right
        plain = {ast.Add: left + right, ast.Sub: left - right, ast.Mult: left * right}
        if type(node.op) in plain:
            return plain[type(node.op)]
        if isinstance(node.op, ast.Div) and right != 0:
            return left / right
    raise ValueError


_JUMPS = (
    "the activation {} jumps, so E f'(z)^2 is infinite and Delta has no finite slope at 1: the lifted objective does not "
    "exist; use a continuous activation such as erf or tanh"
)


@dataclass(frozen=True)
class _Halves:
    """A function that is smooth on both half-lines, plus a point mass at 0."""

    left: Expr
    right: Expr
    mass: Expr = field(default=Integer(0))

    @classmethod
    def of(cls, f: Expr) -> _Halves | None:
        """The two sides of f; None if it has kinks elsewhere."""
        side = Symbol("side", positive=True)
        right, left = (f.subs(z, s * side).subs(side, s * z) for s in (1, -1))
        return (
            None if any(e.has(Max, Min, Abs, Heaviside, sign, Piecewise) for e in (left, right)) else cls(left, right)
        )

    def derivative(self) -> _Halves | None:
        """The derivative; a jump becomes a point mass, the derivative of a point mass is none of these."""
        if self.mass != 0:
            return None
        jump = simplify(self.right.subs(z, 0) - self.left.subs(z, 0))
        return _Halves(diff(self.left, z), diff(self.right, z), jump)

    def mean(self) -> Expr | None:
        """``E f(z)`` where it is closed form."""
        if self.mass == 0 and simplify(self.left + self.right.subs(z, -z)) == 0:
            return Integer(0)  # odd
        total = self.mass / sqrt(2 * pi)
        try:
            for low, high, side in ((-oo, Integer(0), self.left), (Integer(0), oo, self.right)):
                for term in Add.make_args(expand(side)):
                    if term != 0:
                        total += gaussian_piece(term, z, Integer(0), Integer(1), low, high).value
        except (NotQuadratic, AttributeError):
            return None
        return simplify(total.rewrite(exp))

    def pair(self) -> Expr | None:
        """``E f(z_1) f(z_2)`` at correlation p, for a polynomial times a Gaussian or for a point mass."""
        if self.left == self.right == 0:
            return self.mass**2 / (2 * pi * sqrt(1 - p**2))  # the joint density at (0, 0)
        if self.mass != 0 or simplify(self.left - self.right) != 0:
            return None
        a, b = symbols("a b", real=True)
        terms = Add.make_args(expand(self.left))
        total: Expr = Integer(0)
        try:
            for left in terms:
                inner = gaussian_piece(left.subs(z, a), a, p * b, 1 - p**2, -oo, oo).value
                for right in terms:
                    whole = gaussian_piece(powsimp(inner * right.subs(z, b)), b, Integer(0), Integer(1), -oo, oo).value
                    total += Add(*(_one_root(term) for term in Add.make_args(expand(whole, power_base=False))))
        except (NotQuadratic, AttributeError):
            return None
        return expand(total)


def _one_root(term: Expr) -> Expr:
    """A product of square roots of variances, all positive, as one square root."""
    inside: Expr = Integer(1)
    rest: Expr = Integer(1)
    for f in Mul.make_args(term):
        if f.is_Pow and f.exp.is_Rational and f.exp.q == 2:
            inside *= f.base ** (2 * f.exp)
        else:
            rest *= f
    over, under = fraction(cancel(together(inside)))
    turn = 1 if under.subs(p, Rational(1, 2)) > 0 else -1  # numerator and denominator are positive for 0 < p < 1
    return rest * sqrt(expand(turn * over)) / sqrt(expand(turn * under))


@lru_cache(maxsize=32)
def kernel(function: Expr, name: str = "") -> Kernel:
    r"""Derive the kernel of an activation given as an expression in the symbol ``z``.

    Raises :class:`KernelError` for a constant activation and for one that jumps.

    >>> kernel(activation("relu")).value
    (2*p*asin(p) + pi*p + 2*sqrt(1 - p**2) - 2)/(4*pi)
    >>> kernel(activation("square")).value, kernel(activation("erf")).slope_at_one
    (2*p**2, 4*sqrt(5)/(5*pi))
    """
    function = sympify(function)
    free = function.free_symbols
    if not free:
        raise KernelError(f"the activation {function} is constant: its kernel is zero")
    if len(free) > 1:
        raise KernelError(f"the activation {function} depends on {len(free)} symbols: it has to be a function of z")
    function = function.subs(free.pop(), z)
    sides = _Halves.of(function)
    if sides is None:
        if diff(function, z).has(DiracDelta) or function.has(Heaviside, sign):
            raise KernelError(_JUMPS.format(function))
        return Kernel(function, None, None, None, None, 0, name)
    if sides.derivative().mass != 0:  # type: ignore[union-attr]
        raise KernelError(_JUMPS.format(function))
    chain = [sides]
    for n in range(MOST_DERIVATIVES + 1):
        pair = chain[-1].pair()
        value = None if pair is None else _integrated(pair, chain)
        if value is not None:
            slope = simplify(diff(value, p))
            whole, steepest = _square(sides), _square(sides.derivative())  # type: ignore[arg-type]
            variance = value.subs(p, 1) if whole is None else whole - sides.mean() ** 2  # type: ignore[operator]
            at_one = slope.subs(p, 1) if steepest is None else steepest
            ends = simplify(at_one), simplify(variance)
            if not all(e.is_finite and e.evalf().is_positive for e in ends):
                raise KernelError(
                    f"the activation {function} grows too fast: E f(z)^2 or E f'(z)^2 over a Gaussian field is infinite"
                )
            return Kernel(function, value, slope, *ends, n, name)
        following = chain[-1].derivative()
        if following is None:
            break
        chain.append(following)
    return Kernel(function, None, None, None, None, 0, name)


def _square(f: _Halves) -> Expr | None:
    """``E f(z)^2``."""
    return _Halves(expand(f.left**2), expand(f.right**2)).mean()


def _integrated(pair: Expr, chain: list[_Halves]) -> Expr | None:
    """``Delta`` from ``E f^(n) f^(n)`` by n integrations from 0, where the two fields are independent."""
    value = pair
    for f in reversed(chain[:-1]):
        mean = f.mean()
        integral = _primitive(value)
        if mean is None or integral is None:
            return None
        value = integral - integral.subs(p, 0) + mean**2
    mean = chain[0].mean()
    return None if mean is None else simplify(value - mean**2)  # covariance: the output weights are balanced


def _primitive(integrand: Expr) -> Expr | None:
    """An integral in p, term by term: powers, arcsines, and reciprocal roots of ``a - b p^2``."""
    total: Expr = Integer(0)
    for term in Add.make_args(expand(integrand)):
        factor_, root = term.as_independent(p)
        square = expand(root**-2) if root.is_Pow and root.exp == -Rational(1, 2) else None
        if square is not None and square.is_polynomial(p) and Poly(square, p).degree() == 2:
            b, middle, a = (Poly(square, p).coeff_monomial(p**n) for n in (2, 1, 0))
            if middle != 0 or not (a > 0 and b < 0):
                return None
            total += factor_ * asin(sqrt(-b / a) * p) / sqrt(-b)
            continue
        if not (root.is_polynomial(p) or root.has(asin) or root == sqrt(1 - p**2)):
            return None
        found = manualintegrate(term, p)
        if found.has(Integral):
            return None
        total += found
    return total
