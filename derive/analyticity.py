r"""What proofs need to know about the innermost expectation of the ReLU: mixture form, monotonicity, strip.

With the field in units of :math:`\sqrt{D_2}` (so :math:`D = 1`) and :math:`\kappa = \sqrt{2\chi}` in these units,
:math:`W` is a mixture of distribution functions; from that it falls with the field, and stays away from zero in a
strip of the complex plane.
"""

from __future__ import annotations

from functools import lru_cache

from sympy import (
    Derivative,
    Eq,
    Expr,
    Function,
    Ge,
    I,
    Integer,
    Integral,
    Symbol,
    cos,
    diff,
    exp,
    expand,
    expand_complex,
    integrate,
    limit,
    oo,
    pi,
    re,
    simplify,
    sqrt,
    symbols,
)

from .formulas import Derivation, Formula, Status, Step, identically_zero
from .gates import relu
from .gaussian import H, Phi, gaussian_piece, phi
from .innermost import innermost

__all__ = ["mixture_form", "monotonicity", "zero_free_strip"]

SOURCE = "arXiv 2410.20646 (innermost lifted expectation, one layer); integration by parts"

kappa, y, t, eta = symbols("kappa y t eta", positive=True)
x, s, b = symbols("x s b", real=True)
W = Function("W")


def _weight() -> Expr:
    """Density of the mixture over the height ``t`` of the envelope; its mass is ``1 - exp(-y)``."""
    return -diff(exp(-y * t**2), t)


@lru_cache(maxsize=1)
def mixture_form() -> Formula:
    r""":math:`W(x) = e^{-y} + \int_0^1 2yt\,e^{-yt^2}\,\Phi(\kappa t - x)\,dt` for the ReLU at D = 1.

    >>> mixture_form().derivation.verdict().value
    'proved'
    """
    survival = exp(-y * t**2)
    mixture = exp(-y) + Integral(_weight() * Phi(kappa * t - x), (t, 0, 1))
    edge = (survival * Phi(kappa * t - x)).subs(t, 0) - (survival * Phi(kappa * t - x)).subs(t, 1)
    h = Symbol("h", real=True)
    piece = gaussian_piece(exp(-y * h**2 / kappa**2), h, x, Integer(1), Integer(0), kappa).value
    form = innermost(relu())
    closed = form.W.subs({form.D: 1, form.chi: kappa**2 / 2, form.y: y, form.x: x})
    by_parts = Eq(
        _weight() * Phi(kappa * t - x),
        kappa * survival * phi(kappa * t - x) - Derivative(survival * Phi(kappa * t - x), t),
        evaluate=False,
    )
    steps = (
        Step(
            "The weight is minus the derivative of exp(-y t^2): integrate by parts.",
            by_parts,
            lambda: identically_zero((by_parts.lhs - by_parts.rhs).doit()),
        ),
        Step(
            "What is left is the quadratic piece of the envelope, h = kappa t, and the boundary terms are its flat "
            "pieces: together the closed form.",
            Eq(W(x), exp(-y) + edge + piece, evaluate=False),
            lambda: identically_zero(expand((closed - exp(-y) - edge - piece).replace(Phi, _tail))),
        ),
    )
    return Formula(
        id="innermost.relu.mixture",
        title="Innermost expectation of the ReLU as a mixture of distribution functions",
        statement=Eq(W(x), mixture, evaluate=False),
        derivation=Derivation(steps),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("D = 1", "kappa = sqrt(2 chi)", "y > 0"),
        variables=(x, kappa, y),
    )


def _tail(a: Expr) -> Expr:
    """One form for distribution functions of opposite arguments."""
    return 1 - H(a) if not a.could_extract_minus_sign() else H(-a)


@lru_cache(maxsize=1)
def monotonicity() -> Formula:
    """The innermost expectation of the ReLU falls with the field, from 1 to exp(-y).

    >>> monotonicity().derivation.verdict().value
    'proved'
    """
    slope = _weight() * phi(kappa * t - x)
    steps = (
        Step(
            "Differentiate under the integral.",
            Eq(Derivative(Phi(kappa * t - x), x), -phi(kappa * t - x), evaluate=False),
            lambda: identically_zero(diff(Phi(kappa * t - x), x) + phi(kappa * t - x)),
        ),
        Step(
            "The integrand of minus the slope is positive.",
            Ge(slope, 0, evaluate=False),
            lambda: True if slope.rewrite(exp).is_positive else None,
        ),
        Step(
            "The limits are those of the distribution function: the weight has mass 1 - exp(-y).",
            Eq(Integral(_weight(), (t, 0, 1)), 1 - exp(-y), evaluate=False),
            lambda: identically_zero(integrate(_weight(), (t, 0, 1)) - 1 + exp(-y)),
        ),
    )
    return Formula(
        id="innermost.relu.monotone",
        title="The innermost expectation of the ReLU falls with the field",
        statement=Eq(Derivative(W(x), x), -Integral(slope, (t, 0, 1)), evaluate=False),
        derivation=Derivation(steps, ("innermost.relu.mixture",)),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("D = 1", "kappa = sqrt(2 chi)", "y > 0"),
        variables=(x, kappa, y),
    )


def _is_antiderivative(primitive: Expr, density: Expr) -> bool | None:
    """Whether the primitive vanishes at minus infinity and has the density as its slope."""
    if limit(primitive.rewrite("erfc"), s, -oo) != 0:
        return False
    return identically_zero(diff(primitive, s) - density)


@lru_cache(maxsize=1)
def zero_free_strip() -> Formula:
    r"""Lower bound on :math:`\mathrm{Re}\,W` in the strip :math:`|b| \le \eta` around the real line.

    With it the quadrature error of every level is bounded; see the page on certificates.

    >>> zero_free_strip().derivation.verdict().value
    'proved'
    """
    height = Symbol("b", positive=True)
    dip = exp(eta**2 / 2) * H(pi / (2 * eta))
    bound = exp(-y) - (1 - exp(-y)) * dip
    plane = exp(-((s + I * b) ** 2) / 2)
    rotated = exp(b**2 / 2) * exp(-(s**2) / 2) * cos(b * s)
    line = exp(-(s**2) / 2) * cos(b * s) / sqrt(2 * pi)
    steps = (
        Step(
            "Re Phi(x + i b) is the integral, from minus infinity to x, of Re phi(s + i b).",
            Eq(re(phi(s + I * b)), exp(b**2 / 2) * phi(s) * cos(b * s), evaluate=False),
            lambda: identically_zero(simplify(re(expand_complex(plane)) - rotated)),
        ),
        Step(
            "The cosine is positive for |s| < pi/(2 b), so up to x = pi/(2 b) the integral is at least minus the "
            "mass beyond -pi/(2 b).",
            Eq(Integral(phi(s), (s, -oo, -pi / (2 * height))), H(pi / (2 * height)), evaluate=False),
            lambda: _is_antiderivative(H(-s), phi(s)) and cos(height * pi / (2 * height)) == 0,
        ),
        Step(
            "Beyond x = pi/(2 b) it is the whole integral, which is positive, minus at most the same mass.",
            Eq(Integral(phi(s) * cos(b * s), (s, -oo, oo)), exp(-(b**2) / 2), evaluate=False),
            lambda: identically_zero(integrate(line, (s, -oo, oo)) - exp(-(b**2) / 2)),
        ),
        Step(
            "The bound on the dip grows with b, so its value at the edge of the strip serves the whole strip.",
            Ge(Derivative(dip, eta), 0, evaluate=False),
            lambda: True if all(term.rewrite(exp).is_positive for term in expand(diff(dip, eta)).args) else None,
        ),
        Step(
            "Mix: every member of the mixture is at least minus the dip, the weight has mass 1 - exp(-y).",
            Ge(re(W(x + I * b)), bound, evaluate=False),
            lambda: identically_zero(bound - exp(-y) + integrate(_weight(), (t, 0, 1)) * dip),
        ),
    )
    return Formula(
        id="innermost.relu.strip",
        title="A strip free of zeros around the innermost expectation of the ReLU",
        statement=Ge(re(W(x + I * b)), bound, evaluate=False),
        derivation=Derivation(steps, ("innermost.relu.mixture",)),
        status=Status.RIGOROUS,
        source="shift of the contour in the mixture form; " + SOURCE,
        assumptions=("D = 1", "kappa = sqrt(2 chi)", "y > 0", "|b| <= eta"),
        variables=(x, b, eta, y),
    )
