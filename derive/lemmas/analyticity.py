r"""What proofs need to know about the innermost expectation of the ReLU: mixture form, monotonicity, strip.

With the field in units of :math:`\sqrt{D_2}` (so :math:`D = 1`) and :math:`\omega = \sqrt{2\chi}` in these units,
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
    Le,
    Symbol,
    cos,
    diff,
    exp,
    expand,
    expand_complex,
    im,
    integrate,
    limit,
    oo,
    pi,
    re,
    simplify,
    sqrt,
    symbols,
)

from ..blocks.innermost import innermost
from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.gaussian import Expectation, H, Phi, check_piece, gaussian_piece, phi
from ..networks.gates import relu

__all__ = [
    "chernoff_bound",
    "complex_variance_mass",
    "dip_of_the_distribution",
    "innermost_slope_in_kappa",
    "innermost_slope_in_y",
    "mixture_form",
    "monotonicity",
    "shifted_density",
    "zero_free_strip",
]

SOURCE = "arXiv 2410.20646 (innermost lifted expectation, one layer); integration by parts"

omega, y, t, zeta = symbols("omega y t zeta", positive=True)
x, s, b = symbols("x s b", real=True)
W = Function("W")


def _weight() -> Expr:
    """Density of the mixture over the height ``t`` of the envelope; its mass is ``1 - exp(-y)``."""
    return -diff(exp(-y * t**2), t)


@lru_cache(maxsize=1)
def mixture_form() -> Formula:
    r""":math:`W(x) = e^{-y} + \int_0^1 2yt\,e^{-yt^2}\,\Phi(\omega t - x)\,dt` for the ReLU at D = 1.

    >>> mixture_form().derivation.verdict().value
    'proved'
    """
    survival = exp(-y * t**2)
    mixture = exp(-y) + Integral(_weight() * Phi(omega * t - x), (t, 0, 1))
    edge = (survival * Phi(omega * t - x)).subs(t, 0) - (survival * Phi(omega * t - x)).subs(t, 1)
    h = Symbol("h", real=True)
    piece = gaussian_piece(exp(-y * h**2 / omega**2), h, x, Integer(1), Integer(0), omega).value
    form = innermost(relu())
    closed = form.W.subs({form.D: 1, form.chi: omega**2 / 2, form.y: y, form.x: x})
    by_parts = Eq(
        _weight() * Phi(omega * t - x),
        omega * survival * phi(omega * t - x) - Derivative(survival * Phi(omega * t - x), t),
        evaluate=False,
    )
    steps = (
        Step(
            "The weight is minus the derivative of exp(-y t^2): integrate by parts.",
            by_parts,
            lambda: identically_zero((by_parts.lhs - by_parts.rhs).doit()),
        ),
        Step(
            "What is left is the quadratic piece of the envelope, h = omega t, and the boundary terms are its flat "
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
        assumptions=("D = 1", "omega = sqrt(2 chi)", "y > 0"),
        variables=(x, omega, y),
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
    slope = _weight() * phi(omega * t - x)
    steps = (
        Step(
            "Differentiate under the integral.",
            Eq(Derivative(Phi(omega * t - x), x), -phi(omega * t - x), evaluate=False),
            lambda: identically_zero(diff(Phi(omega * t - x), x) + phi(omega * t - x)),
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
        assumptions=("D = 1", "omega = sqrt(2 chi)", "y > 0"),
        variables=(x, omega, y),
    )


def _is_antiderivative(primitive: Expr, density: Expr) -> bool | None:
    """Whether the primitive vanishes at minus infinity and has the density as its slope."""
    if limit(primitive.rewrite("erfc"), s, -oo) != 0:
        return False
    return identically_zero(diff(primitive, s) - density)


@lru_cache(maxsize=1)
def zero_free_strip() -> Formula:
    r"""Lower bound on :math:`\mathrm{Re}\,W` in the strip :math:`|b| \le \zeta` around the real line.

    With it the quadrature error of every level is bounded; see the page on certificates.

    >>> zero_free_strip().derivation.verdict().value
    'proved'
    """
    height = Symbol("b", positive=True)
    dip = exp(zeta**2 / 2) * H(pi / (2 * zeta))
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
            Ge(Derivative(dip, zeta), 0, evaluate=False),
            lambda: True if all(term.rewrite(exp).is_positive for term in expand(diff(dip, zeta)).args) else None,
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
        assumptions=("D = 1", "omega = sqrt(2 chi)", "y > 0", "|b| <= zeta"),
        variables=(x, b, zeta, y),
    )


def _rigorous(id: str, title: str, statement: Expr, steps: tuple[Step, ...], assumptions: tuple[str, ...]) -> Formula:
    return Formula(
        id=id,
        title=title,
        statement=statement,
        derivation=Derivation(steps),
        status=Status.RIGOROUS,
        source="lemmas of the rigorous quadrature (page on certificates)",
        assumptions=assumptions,
        variables=tuple(sorted(statement.free_symbols, key=str)),
    )


@lru_cache(maxsize=1)
def shifted_density() -> Formula:
    r""":math:`|\varphi(s + ib)| = e^{b^2/2} \varphi(s)`: what a shift of the contour costs (Lemma A, first bound).

    >>> shifted_density().derivation.verdict().value
    'proved'
    """
    plane = phi(s + I * b).rewrite(exp)
    real, imaginary = (part(expand_complex(plane)) for part in (re, im))
    height = exp(b**2 / 2) * phi(s)
    statement = Eq(re(phi(s + I * b)) ** 2 + im(phi(s + I * b)) ** 2, height**2, evaluate=False)
    step = Step(
        "Split the exponent into its real and imaginary part.",
        statement,
        lambda: identically_zero(simplify((real**2 + imaginary**2) / height.rewrite(exp) ** 2 - 1)),
    )
    return _rigorous("certificate.shifted_density", "The normal density off the real line", statement, (step,), ())


@lru_cache(maxsize=1)
def dip_of_the_distribution() -> Formula:
    r""":math:`\mathrm{Re}\,\Phi(x + ib) \ge -e^{\zeta^2/2} H(\pi/(2\zeta))` for :math:`|b| \le \zeta` (Lemma A).

    >>> dip_of_the_distribution().derivation.verdict().value
    'proved'
    """
    dip = exp(zeta**2 / 2) * H(pi / (2 * zeta))
    statement = Ge(re(Phi(x + I * b)), -dip, evaluate=False)
    return _rigorous(
        "certificate.dip",
        "How far the real part of the distribution function dips in a strip",
        statement,
        zero_free_strip().derivation.steps[:-1],
        ("|b| <= zeta",),
    )


@lru_cache(maxsize=1)
def chernoff_bound() -> Formula:
    r""":math:`\Phi(x) \le e^{\lambda x + \lambda^2/2}`, which bounds the tails of every tower level.

    >>> chernoff_bound().statement
    Phi(x) <= exp(lambda*(lambda + 2*x)/2)
    """
    lam, u = Symbol("lambda", positive=True), Symbol("u", real=True)
    exponential = exp(lam * (x + u))
    moment = gaussian_piece(exponential, u, Integer(0), Integer(1), -oo, oo).value
    steps = (
        Step(
            "The indicator of x + u > 0 is at most exp(lambda (x + u)), whose least value there is 1.",
            Ge(exponential, 1, evaluate=False),
            lambda: exponential.subs(u, -x) == 1 and diff(exponential, u).is_positive,
        ),
        Step(
            "Take the mean over u: a Laplace transform.",
            Eq(Expectation(exponential, u), moment, evaluate=False),
            lambda: check_piece(exponential, u, Integer(0), Integer(1)),
        ),
    )
    statement = Le(Phi(x), moment, evaluate=False)
    return _rigorous("certificate.chernoff", "Exponential bound on the normal tail", statement, steps, ("lambda > 0",))


@lru_cache(maxsize=1)
def complex_variance_mass() -> Formula:
    r""":math:`\int |K_v| = \sqrt{|v|/\mathrm{Re}\,v}` for the Gaussian kernel of a complex variance v (Lemma F).

    >>> complex_variance_mass().derivation.verdict().value
    'proved'
    """
    D, u = Symbol("D", positive=True), Symbol("u", real=True)
    modulus = sqrt(D**2 + b**2)
    # |exp(-u^2/(2 v))| with v = D + i b, and |1/sqrt(2 pi v)|
    rate = D / (D**2 + b**2)
    inverse = (1 / (D + I * b)).as_real_imag()[0]
    spread = 1 / sqrt(rate)
    mass = sqrt(modulus / D)
    kernel = exp(-rate * u**2 / 2) / sqrt(2 * pi * modulus)
    # written as a mean over a normal of variance 1: the density is divided out
    statement = Eq(Expectation(kernel / phi(u), u), mass, evaluate=False)
    steps = (
        Step(
            "The modulus has the real part of 1/v in the exponent.",
            Eq(re(1 / (D + I * b)), rate, evaluate=False),
            lambda: identically_zero(simplify(inverse - rate)),
        ),
        Step(
            "It is a multiple of the normal density of variance |v|^2/Re v.",
            Eq(kernel, mass * phi(u / spread) / spread, evaluate=False),
            lambda: identically_zero(simplify((kernel / (mass * phi(u / spread).rewrite(exp) / spread)) ** 4 - 1)),
        ),
    )
    title = "Mass of the Gaussian kernel of a complex variance D + i b"
    return _rigorous("certificate.complex_variance", title, statement, steps, ("D > 0",))


@lru_cache(maxsize=1)
def innermost_slope_in_y() -> Formula:
    r""":math:`-\partial_y W = \mathbb E\, M e^{-yM}` in mixture form: the weight of the mixture moves (Lemma E).

    >>> innermost_slope_in_y().derivation.verdict().value
    'proved'
    """
    moved = diff(_weight(), y)
    statement = Eq(Derivative(W(x), y), -exp(-y) + Integral(moved * Phi(omega * t - x), (t, 0, 1)), evaluate=False)
    steps = (
        Step(
            "Differentiate the mixture form under the integral.",
            Eq(Derivative(_weight(), y), moved, evaluate=False),
            lambda: identically_zero(moved - 2 * t * (1 - y * t**2) * exp(-y * t**2)),
        ),
        Step(
            "The mass of the weight, 1 - exp(-y), moves by exp(-y).",
            Eq(Integral(moved, (t, 0, 1)), exp(-y), evaluate=False),
            lambda: identically_zero(simplify(integrate(moved, (t, 0, 1)) - exp(-y))),
        ),
    )
    return _rigorous(
        "innermost.relu.slope_in_y",
        "Slope of the innermost expectation of the ReLU in y, from the mixture form",
        statement,
        steps,
        ("D = 1", "omega = sqrt(2 chi)"),
    )


@lru_cache(maxsize=1)
def innermost_slope_in_kappa() -> Formula:
    r""":math:`\partial_\omega W` in mixture form, and hence that :math:`\log W(0)` is concave in chi (Lemma G).

    >>> innermost_slope_in_kappa().derivation.verdict().value
    'proved'
    """
    slope = t * _weight() * phi(omega * t - x)
    chi = Symbol("chi", positive=True)
    in_chi = slope.subs(x, 0) * diff(sqrt(2 * chi), chi).subs(chi, omega**2 / 2)
    falls = diff(in_chi.rewrite(exp), omega)
    steps = (
        Step(
            "Differentiate the mixture form under the integral.",
            Eq(Derivative(Phi(omega * t - x), omega), t * phi(omega * t - x), evaluate=False),
            lambda: identically_zero(diff(Phi(omega * t - x), omega) - t * phi(omega * t - x)),
        ),
        Step(
            "At x = 0 the slope in chi = omega^2/2 has an integrand that falls with omega: W(0) is concave in chi, and so is "
            "its logarithm.",
            Ge(-falls, 0, evaluate=False),
            lambda: True if all(term.is_positive for term in expand(-falls).args) else None,
        ),
    )
    return _rigorous(
        "innermost.relu.slope_in_kappa",
        "Slope of the innermost expectation of the ReLU in omega = sqrt(2 chi), from the mixture form",
        Eq(Derivative(W(x), omega), Integral(slope, (t, 0, 1)), evaluate=False),
        steps,
        ("D = 1", "omega = sqrt(2 chi)", "y > 0"),
    )
