r"""What proofs need to know about the innermost expectation of the ReLU: mixture form, monotonicity, strip.

With the field in units of :math:`\sqrt{D_2}` (so :math:`D = 1`) and :math:`\omega = \sqrt{2\chi}` in these units,
:math:`W` is a mixture of distribution functions; from that it falls with the field, and stays away from zero in a
strip of the complex plane.
"""

from __future__ import annotations

from functools import lru_cache

from sympy import (
    Derivative,
    Dict,
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
    im,
    oo,
    pi,
    re,
    sqrt,
    symbols,
)

from ..blocks.innermost import innermost
from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation, H, Phi, gaussian_piece, phi
from ..core.steps import (
    Bound,
    Consequence,
    Definition,
    GaussianMean,
    Identity,
    Monotone,
    Quadrature,
    Step,
    Substitution,
    Theorem,
    Weighted,
)
from ..networks.gates import relu

__all__ = [
    "chernoff_bound",
    "complex_variance_mass",
    "dip_of_the_distribution",
    "innermost_modulus",
    "innermost_slope_in_kappa",
    "innermost_slope_in_y",
    "mixture_form",
    "monotonicity",
    "shifted_density",
    "zero_free_strip",
]

SOURCE = "arXiv 2410.20646 (innermost lifted expectation, one layer); integration by parts"
LEMMAS = "lemmas of the rigorous quadrature (page on certificates)"
UNITS = ("D = 1", "omega = sqrt(2 chi)", "y > 0")

omega, y, t, zeta, b = symbols("omega y t zeta b", positive=True)
x, s = symbols("x s", real=True)
W = Function("W")
WEIGHT = -diff(exp(-y * t**2), t)
"""Density of the mixture over the height ``t`` of the envelope; its mass is ``1 - exp(-y)``."""
MEMBER = Phi(omega * t - x)
DIP = exp(zeta**2 / 2) * H(pi / (2 * zeta))


def _formula(
    id: str, title: str, steps: tuple[Step, ...], assumptions: tuple[str, ...], source: str = LEMMAS
) -> Formula:
    return Formula.concluding(id, title, Derivation(steps), source=source, assumptions=assumptions)


def _primitive() -> Expr:
    """Antiderivative in ``t`` of weight times member: the boundary terms, and what the density leaves, by completing the square."""
    h = Symbol("h", real=True)
    piece = gaussian_piece(exp(-y * h**2 / omega**2), h, x, Integer(1), Integer(0), omega * t).value
    return -exp(-y * t**2) * MEMBER + piece


def _mixture_steps() -> tuple[Step, ...]:
    form = innermost(relu())
    units = {form.D: Integer(1), form.chi: omega**2 / 2}
    closed = form.W.subs(units)
    definition = form.formula.statement.lhs.subs(units)
    primitive = _primitive()
    mixture = exp(-y) + Integral(WEIGHT * MEMBER, (t, 0, 1))
    return (
        *form.formula.derivation.steps,
        Substitution("Measure the field in units of sqrt(D).", Dict(units), closed, using=("innermost",), name="unit"),
        Definition("The innermost expectation in these units.", Eq(W(x), definition, evaluate=False), name="W"),
        Quadrature(
            "The weight is minus the derivative of exp(-y t^2): integrate by parts, and complete the square in what is left.",
            *(WEIGHT * MEMBER, t, Integer(0), Integer(1), primitive, primitive.subs(t, 1) - primitive.subs(t, 0)),
            name="parts",
        ),
        Identity(
            "What is left is the quadratic piece of the envelope, h = omega t, and the boundary terms are its flat pieces.",
            *(W(x), mixture),
            using=("W", "unit", "parts"),
            name="mixture",
        ),
    )


@lru_cache(maxsize=1)
def mixture_form() -> Formula:
    r""":math:`W(x) = e^{-y} + \int_0^1 2yt\,e^{-yt^2}\,\Phi(\omega t - x)\,dt` for the ReLU at D = 1.

    >>> mixture_form().derivation.verdict().value
    'proved'
    """
    title = "Innermost expectation of the ReLU as a mixture of distribution functions"
    return _formula("innermost.relu.mixture", title, _mixture_steps(), UNITS, SOURCE)


def _mass() -> Quadrature:
    text = "The weight has mass 1 - exp(-y)."
    return Quadrature(text, WEIGHT, t, Integer(0), Integer(1), -exp(-y * t**2), 1 - exp(-y), name="mass")


def _slope(variable: Symbol, *before: Step) -> tuple[Step, ...]:
    """The mixture form differentiated under the integral, whose integrand is smooth."""
    slope = diff(exp(-y), variable) + Integral(diff(WEIGHT * MEMBER, variable), (t, 0, 1))
    text = "Differentiate the mixture form under the integral."
    return (*_mixture_steps(), *before, Identity(text, Derivative(W(x), variable), slope, using=("mixture",)))


@lru_cache(maxsize=1)
def monotonicity() -> Formula:
    """The innermost expectation of the ReLU falls with the field, from 1 to exp(-y).

    >>> monotonicity().derivation.verdict().value
    'proved'
    """
    positive = Ge(WEIGHT * phi(omega * t - x), 0, evaluate=False)
    steps = _slope(x, _mass(), Bound("The integrand of minus the slope is positive.", positive))
    title = "The innermost expectation of the ReLU falls with the field"
    return _formula("innermost.relu.monotone", title, steps, UNITS, SOURCE)


@lru_cache(maxsize=1)
def innermost_slope_in_y() -> Formula:
    r""":math:`-\partial_y W = \mathbb E\, M e^{-yM}` in mixture form: the weight of the mixture moves (Lemma E).

    >>> innermost_slope_in_y().derivation.verdict().value
    'proved'
    """
    title = "Slope of the innermost expectation of the ReLU in y, from the mixture form"
    return _formula("innermost.relu.slope_in_y", title, _slope(y), UNITS)


@lru_cache(maxsize=1)
def innermost_slope_in_kappa() -> Formula:
    r""":math:`\partial_\omega W` in mixture form, and hence that :math:`\log W(0)` is concave in chi (Lemma G).

    >>> innermost_slope_in_kappa().derivation.verdict().value
    'proved'
    """
    chi = Symbol("chi", positive=True)
    in_chi = t * WEIGHT * phi(omega * t) * diff(sqrt(2 * chi), chi).subs(chi, omega**2 / 2)
    falls = Le(diff(in_chi, omega), 0, evaluate=False)
    concave = Bound(
        "At x = 0 the slope in chi = omega^2/2 has an integrand that falls with omega: W(0) is concave in chi, and so is "
        "its logarithm.",
        falls,
    )
    title = "Slope of the innermost expectation of the ReLU in omega = sqrt(2 chi), from the mixture form"
    return _formula("innermost.relu.slope_in_kappa", title, _slope(omega, concave), UNITS)


def _dip_steps() -> tuple[Step, ...]:
    edge = pi / (2 * b)
    density = exp(b**2 / 2) * phi(s) * cos(b * s)
    beyond = Integral(phi(s), (s, -oo, -edge))
    line = Integral(density, (s, -oo, x))
    return (
        Identity("The real part of the normal density off the real line.", re(phi(s + I * b)), density, name="density"),
        Theorem(
            "Phi(s + i b) has the slope phi(s + i b) and vanishes far to the left.",
            Eq(re(Phi(x + I * b)), Integral(re(phi(s + I * b)), (s, -oo, x)), evaluate=False),
            "fundamental theorem of calculus along a line parallel to the real one",
            name="along",
        ),
        Identity("So its real part is an integral.", re(Phi(x + I * b)), line, using=("along", "density"), name="line"),
        Theorem(
            "The cosine is at least 0 for |s| < pi/(2 b) and at least -1 elsewhere, so up to x = pi/(2 b) the integral is at "
            "least minus the mass beyond -pi/(2 b); from there on it is the whole integral, which is positive, minus at most "
            "the same mass.",
            Ge(line, -exp(b**2 / 2) * beyond, evaluate=False),
            "signs of the cosine in the quadrants: DLMF 4.16",
            name="quadrants",
        ),
        Quadrature("That mass.", phi(s), s, -oo, -edge, Phi(s), H(edge), name="beyond"),
        Consequence(
            "Together.",
            Ge(re(Phi(x + I * b)), -exp(b**2 / 2) * H(edge), evaluate=False),
            using=("line", "quadrants", "beyond"),
            name="here",
        ),
        Definition("The strip.", Le(b, zeta, evaluate=False), name="strip"),
        Monotone("The bound grows with b.", DIP, zeta, b, zeta, using=("strip",), name="grows"),
        Consequence(
            "So its value at the edge of the strip serves the whole strip.",
            Ge(re(Phi(x + I * b)), -DIP, evaluate=False),
            (Integer(1), Integer(1)),
            using=("here", "grows"),
            name="dip",
        ),
    )


@lru_cache(maxsize=1)
def dip_of_the_distribution() -> Formula:
    r""":math:`\mathrm{Re}\,\Phi(x + ib) \ge -e^{\zeta^2/2} H(\pi/(2\zeta))` for :math:`0 < b \le \zeta` (Lemma A).

    Conjugate points have the same real part, so that it holds for :math:`|b| \le \zeta`.

    >>> dip_of_the_distribution().derivation.verdict().value
    'proved'
    """
    title = "How far the real part of the distribution function dips in a strip"
    return _formula("certificate.dip", title, _dip_steps(), ("0 < b <= zeta",))


@lru_cache(maxsize=1)
def zero_free_strip() -> Formula:
    r"""Lower bound on :math:`\mathrm{Re}\,W` in the strip :math:`|b| \le \zeta` around the real line.

    With it the quadrature error of every level is bounded; see the page on certificates.

    >>> zero_free_strip().derivation.verdict().value
    'proved'
    """
    off = MEMBER.subs(x, x - I * b)
    above, below = re(W(x + I * b)), re(W(x - I * b))
    bound = exp(-y) - (1 - exp(-y)) * DIP
    real = exp(-y) + Integral(WEIGHT * re(off), (t, 0, 1))
    steps = (
        *_mixture_steps(),
        *_dip_steps(),
        Substitution(
            "Both sides of the mixture form are entire functions of the field.",
            *(Dict({x: x - I * b}), exp(-y) + Integral(WEIGHT * off, (t, 0, 1))),
            using=("mixture",),
            name="off",
        ),
        Theorem(
            "A function that is real on the real line has conjugate values at conjugate points.",
            Eq(above, below, evaluate=False),
            "Schwarz reflection principle",
            name="conjugate",
        ),
        Identity("Take the real part.", above, real, using=("conjugate", "off"), name="real"),
        _mass(),
        Weighted(
            "Every member of the mixture is at least minus the dip.",
            *(Dict({x: omega * t - x}), WEIGHT, t, Integer(0), Integer(1)),
            using=("dip",),
            name="mixed",
        ),
        Consequence("Mix.", Ge(above, bound, evaluate=False), using=("real", "mixed", "mass")),
    )
    title = "A strip free of zeros around the innermost expectation of the ReLU"
    return _formula(
        *("innermost.relu.strip", title, steps, (*UNITS, "0 < b <= zeta")),
        source="shift of the contour in the mixture form; " + SOURCE,
    )


def _density_step() -> Identity:
    left = re(phi(s + I * b)) ** 2 + im(phi(s + I * b)) ** 2
    return Identity(
        "Split the exponent into its real and imaginary part.", left, (exp(b**2 / 2) * phi(s)) ** 2, name="modulus"
    )


@lru_cache(maxsize=1)
def shifted_density() -> Formula:
    r""":math:`|\varphi(s + ib)| = e^{b^2/2} \varphi(s)`: what a shift of the contour costs (Lemma A, first bound).

    >>> shifted_density().derivation.verdict().value
    'proved'
    """
    return _formula("certificate.shifted_density", "The normal density off the real line", (_density_step(),), ())


@lru_cache(maxsize=1)
def innermost_modulus() -> Formula:
    r""":math:`|W(x + ib)| \le e^{\zeta^2/2}` in the strip: the mass of the shifted kernel, times an integrand of at most 1.

    >>> innermost_modulus().derivation.verdict().value
    'proved'
    """
    value = re(W(x + I * b)) ** 2 + im(W(x + I * b)) ** 2
    shifted = _density_step().left
    height = exp(b**2 / 2)
    mass = Integral(sqrt(shifted), (s, -oo, oo))
    steps = (
        _density_step(),
        Quadrature(
            "The mass of the shifted kernel.",
            *(sqrt(shifted), s, -oo, oo, height * Phi(s), height),
            using=("modulus",),
            name="mass",
        ),
        Theorem(
            "An integral is at most the integral of the modulus; that of exp(-y M) is at most 1.",
            Le(value, mass**2, evaluate=False),
            "triangle inequality for integrals",
            name="triangle",
        ),
        Definition("The strip.", Le(b, zeta, evaluate=False), name="strip"),
        Monotone("It grows with b.", exp(zeta**2), zeta, b, zeta, using=("strip",), name="grows"),
        Consequence(
            "So its value at the edge of the strip serves the whole strip.",
            Le(value, exp(zeta**2), evaluate=False),
            (Integer(1), Integer(1)),
            using=("triangle", "grows", "mass"),
        ),
    )
    title = "Bound on the innermost expectation of the ReLU in a strip"
    return _formula("certificate.modulus", title, steps, (*UNITS, "0 < b <= zeta"))


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
        Theorem(
            "The indicator of x + u > 0 is at most exp(lambda (x + u)).",
            Le(Phi(x), Expectation(exponential, u), evaluate=False),
            "Markov's inequality",
            name="markov",
        ),
        GaussianMean(
            "Take the mean over u: a Laplace transform.",
            *(exponential, u, Integer(0), Integer(1), -oo, oo, moment),
            name="moment",
        ),
        Consequence("Insert it.", Le(Phi(x), moment, evaluate=False), using=("markov", "moment")),
    )
    return _formula("certificate.chernoff", "Exponential bound on the normal tail", steps, ("lambda > 0",))


@lru_cache(maxsize=1)
def complex_variance_mass() -> Formula:
    r""":math:`\int |K_v| = \sqrt{|v|/\mathrm{Re}\,v}` for the Gaussian kernel of a complex variance v (Lemma F).

    >>> complex_variance_mass().derivation.verdict().value
    'proved'
    """
    D, u, imaginary = Symbol("D", positive=True), Symbol("u", real=True), Symbol("d", real=True)
    v, conjugate = D + I * imaginary, D - I * imaginary
    square = D**2 + imaginary**2
    fourth = exp(-(u**2) * (1 / v + 1 / conjugate)) / (2 * pi) ** 2 / (v * conjugate)
    # the size of the kernel over a normal density, so that its integral is a mean over a normal of variance 1
    size = exp((1 - D / square) * u**2 / 2) / sqrt(sqrt(square))
    steps = (
        Identity("The fourth power of the modulus of the kernel.", fourth, (size * phi(u)) ** 4),
        GaussianMean(
            "It is a multiple of the normal density of variance |v|^2/Re v.",
            *(size, u, Integer(0), Integer(1), -oo, oo, sqrt(sqrt(square) / D)),
        ),
    )
    title = "Mass of the Gaussian kernel of a complex variance D + i d"
    return _formula("certificate.complex_variance", title, steps, ("D > 0",))
