"""Problems of the family: innermost averages, moments and criteria of the spherical perceptron, kernels of committees."""

from __future__ import annotations

from functools import lru_cache, partial

from sympy import (
    Add,
    Derivative,
    Eq,
    Expr,
    Integer,
    Integral,
    Max,
    Mul,
    Rational,
    Symbol,
    exp,
    log,
    oo,
    pi,
    sqrt,
    symbols,
)
from sympy.core.relational import Relational

from ..blocks.entropy import first_moment, plain_ising
from ..blocks.field_averages import D, h, x, y
from ..blocks.kernels import Kernel, activation, kernel
from ..blocks.kernels import p as overlap
from ..blocks.kernels import z as hidden
from ..blocks.outputs import Cost, HardSet
from ..core.formulas import Derivation, Formula, InputError, Status
from ..core.gaussian import Expectation, Phi, gaussian_piece
from ..core.steps import Approach, Definition, GaussianMean, Identity, Solution, Theorem
from ..core.symbols import Level, alpha, chi
from ..networks.problems import Problem, problem
from ..objectives.family import DELTA_ONE, family_objective
from ..objectives.relations import relations
from .entries import Comparison, Entry, make_entry

__all__ = ["average_formula", "entries", "problem_entries", "problem_formulas"]

SOURCE = "arXiv 2312.16531 (spherical perceptrons, fully lifted RDT)"
kappa = Symbol("kappa", real=True)
AVERAGES = ("perceptron:kappa=-3/2", "strip:1", "outside:1", "hinge:kappa=1", "quadratic:kappa=1", "sk")
KERNELS = ("relu", "erf", "square")
NEAR = {"x": (Integer(-2), Integer(2)), "D": (Rational(1, 4), Integer(1)), "y": (Rational(1, 4), Integer(2))}


def entries() -> list[Entry]:
    """Averages by numerical integration, moments and criteria of the half-line, kernels by double expectations."""
    found = [
        make_entry(
            average_formula(problem(word)),
            "numerical integration of every piece",
            ranges=NEAR | {"chi": (Rational(1, 4), Integer(1))},
        )
        for word in AVERAGES
    ]
    found += [make_entry(_moment(n), "numerical integration", ranges=_KAPPA) for n in (2, 4)]
    found += [make_entry(f, "both sides at points", ranges=_KAPPA) for f in (_stability(),)]
    found.append(make_entry(_plain(), "the objective vanishes there", _plain_route, ranges=_MOMENT))
    found.append(
        make_entry(_partial(), "difference quotient of the quotient itself, moments by quadrature", ranges=_SMALL)
    )
    found += [
        make_entry(
            _kernel(word),
            "double expectation of the activation",
            partial(_kernel_route, activation(word)),
            ranges={"p": (Rational(1, 10), Rational(9, 10))},
            most=1,
        )
        for word in KERNELS
    ]
    return found


_KAPPA = {"kappa": (Integer(-2), Integer(2))}
_MOMENT = {"m_2": (Rational(1, 4), Integer(2))}
_SMALL = {"m_1": (Rational(1, 4), Integer(2)), "v": (Rational(1, 4), Integer(2))}


@lru_cache(maxsize=32)
def average_formula(given: Problem) -> Formula:
    """The innermost average of a problem, piece by piece."""
    if isinstance(given.output, (HardSet, Cost)):
        weights = [(p.lower, p.upper, -y * p.value) for p in given.output.pieces(chi, h)]
        kind = "piece of the envelope"
    else:
        weights = [(Integer(0), oo, y * h), (-oo, Integer(0), -y * h)]
        kind = "spin"
    steps: list = []
    for i, (lower, upper, weight) in enumerate(weights, start=1):
        value = gaussian_piece(exp(weight), h, x, D, lower, upper).value
        text = f"Integrate the {kind} on {lower} < h < {upper} against N(x, D)."
        steps.append(GaussianMean(text, exp(weight), h, x, D, lower, upper, value, name=f"piece {i}"))
    left = Add(*(s.statement().lhs for s in steps), evaluate=False)
    right = Add(*(s.value for s in steps))
    steps.append(Identity("Add the pieces.", left, right, using=tuple(s.name for s in steps)))
    derivation = Derivation(tuple(steps))
    return Formula.concluding(
        f"average.{given}",
        f"Innermost average of {given}",
        derivation,
        source="Gaussian integration",
        assumptions=("D > 0", "chi > 0", "y > 0", "x real"),
    )


def _moment(n: int) -> Formula:
    """``E (kappa - u)_+^n``."""
    value = gaussian_piece((kappa - h) ** n, h, Integer(0), Integer(1), -oo, kappa).value
    step = GaussianMean(
        f"Integrate by parts {n} times.", (kappa - h) ** n, h, Integer(0), Integer(1), -oo, kappa, value
    )
    derivation = Derivation((step,))
    return Formula.concluding(f"perceptron.moment.{n}", f"Moment {n} of the violation of a margin kappa", derivation)


def _square() -> Expr:
    return gaussian_piece((kappa - h) ** 2, h, Integer(0), Integer(1), -oo, kappa).value


def _stability() -> Formula:
    r"""``m_2 - Phi(kappa) = kappa E(kappa - u)_+``: the plain level is stable iff kappa is not negative."""
    slope = gaussian_piece(kappa - h, h, Integer(0), Integer(1), -oo, kappa)
    steps = (
        GaussianMean(
            "The mean violation.", kappa - h, h, Integer(0), Integer(1), -oo, kappa, slope.value, name="first"
        ),
        Identity(
            "Stable where alpha_1 P(violated) <= 1 with alpha_1 = 1/m_2: the difference is kappa times the mean violation, "
            "which is positive.",
            _square() - Phi(kappa),
            kappa * _integral(kappa - h),
            using=("first",),
        ),
    )
    derivation = Derivation(steps)
    return Formula.concluding(
        "perceptron.stability",
        "The plain level of the spherical perceptron is stable iff kappa >= 0",
        derivation,
        source=SOURCE,
    )


def _integral(integrand: Expr) -> Expr:
    return Integral(integrand * exp(-(h**2) / 2) / sqrt(2 * pi), (h, -oo, kappa))


def _plain() -> Formula:
    """Gardner's value ``1/m_2``."""
    m = Symbol("m_2", positive=True)
    steps = (
        Definition(
            "The plain objective at chi = 1 vanishes at the capacity.",
            Eq(Rational(1, 2) - alpha * m / 2, 0, evaluate=False),
            name="zero",
        ),
        Solution("It is linear in alpha.", alpha, 1 / m, using=("zero",)),
    )
    derivation = Derivation(steps)
    return Formula.concluding("perceptron.plain", "Plain capacity of a hard set", derivation, source=SOURCE)


def _plain_route(statement: Relational) -> list[Comparison]:
    m = Symbol("m_2", positive=True)
    return [Comparison(Mul(statement.rhs, m, evaluate=False), Integer(1))]  # written out, for a sample of m_2


def _partial() -> Formula:
    """The slope of the partially lifted quotient at y -> 0."""
    m, v = symbols("m_1 v", positive=True)
    quotient = (log(1 + y) / 2) / (y * m - y**2 * v / 2)
    step = Approach(
        "With the cumulants m_1 and v of M the quotient has this slope at y = 0: partial lifting helps iff Var M < E M; for a "
        "half-line iff m_4 - m_2^2 < 2 m_2.",
        Derivative(quotient, y),
        y,
        Integer(0),
        (v - m) / (4 * m**2),
    )
    derivation = Derivation((step,))
    return Formula.concluding("perceptron.partial", "Where partial lifting helps", derivation, source=SOURCE)


@lru_cache(maxsize=8)
def _kernel(word: str) -> Formula:
    """``Delta`` solves Price's equation with the values at p = 0 of independent fields."""
    found = kernel(activation(word), word)
    return _kernel_formula(found)


def _kernel_formula(found: Kernel) -> Formula:
    if found.value is None:
        raise InputError(f"the kernel of {found} has no closed form here")
    n = max(found.derivatives, 1)
    pair = found.value.diff(overlap, n)
    left = _pair(found.activation)
    steps = (
        Theorem(
            "Price's theorem: differentiating in the correlation differentiates the activation.",
            Eq(Derivative(left, (overlap, n)), pair, evaluate=False),
            "R. Price, IRE Trans. Inf. Theory 4 (1958) 69",
            name="Price",
        ),
        Identity(
            "The closed form has the same derivative.",
            Derivative(found.value, (overlap, n)),
            Derivative(left, (overlap, n)),
            using=("Price",),
        ),
    )
    derivation = Derivation(steps)
    return Formula.concluding(
        f"kernel.{found}",
        f"Kernel of a wide committee, activation {found}",
        derivation,
        source="arXiv 2402.05719 (committees); Price's theorem",
        assumptions=("0 < p < 1", "output weights balanced"),
    )


def _pair(f: Expr) -> Expr:
    """``E f(z_1) f(z_2)`` at the correlation p."""
    a, b = symbols("a b", real=True)
    return Expectation(Expectation(f.subs(hidden, a) * f.subs(hidden, overlap * a + sqrt(1 - overlap**2) * b), b), a)


def _kernel_route(f: Expr, statement: Relational) -> list[Comparison]:
    """The closed form, read off the statement, against the covariance itself; a rectifier is integrated where it is not 0.

    With the closed form in place of the average, which differs by a constant, the two sides of the statement are the same.
    """
    a, b = symbols("a b", real=True)
    other, value = overlap * a + sqrt(1 - overlap**2) * b, statement.lhs.args[0]
    if f.has(Max):
        inner = Integral(other * _normal(b), (b, -overlap * a / sqrt(1 - overlap**2), oo))
        pair, mean = Integral(a * _normal(a) * inner, (a, 0, oo)), Integral(a * _normal(a), (a, 0, oo))
    else:
        pair, mean = _pair(f), Expectation(f.subs(hidden, a), a)
    right = statement.rhs.subs(_pair(f), value)
    return [Comparison(pair - mean**2, value), Comparison(statement.lhs.doit(), right.doit())]


def _normal(a: Expr) -> Expr:
    return exp(-(a**2) / 2) / sqrt(2 * pi)


def problem_entries(word: str) -> list[Entry]:
    """What ``flrdt verify --problem WORD`` checks: the innermost average of the problem, by numerical integration.

    Raises ``InputError`` for Ising perceptrons, whose towers have no such average.
    """
    given = problem(word)
    if given.ising:
        raise InputError(f"{given} has no innermost average: its entropic form is tested, not registered")
    return [
        make_entry(average_formula(given), "numerical integration of every piece", ranges=NEAR | {"chi": NEAR["D"]})
    ]


def problem_formulas(word: str, what: str, level: str) -> list[Formula]:
    """The formulas of ``flrdt derive WHAT --problem WORD``.

    Raises ``InputError`` for what a problem does not have.
    """
    given, at = problem(word), Level.parse(level)
    if what == "plain" and given.ising and isinstance(given.output, HardSet):
        return [_defined(given, "plain", "Plain capacity", Eq(alpha, plain_ising(given.output), evaluate=False))]
    if given.ising and isinstance(given.output, HardSet):
        from ..blocks.entropy import entropy

        if what == "innermost" or at.partial:
            return [
                _defined(given, "first_moment", "First moment", Eq(alpha, first_moment(given.output), evaluate=False))
            ]
        if what == "objective":
            expression = entropy(given.output, at).expression
            return [
                _defined(
                    given,
                    f"objective.{at}",
                    f"Entropic objective at level {at}",
                    Eq(Symbol(f"Phi_{at.r}"), expression, evaluate=False),
                )
            ]
        raise InputError(f"{given} has no {what} here: use objective, innermost or plain")
    if what == "innermost":
        return [average_formula(given)]
    if what == "relations":
        if (not given.kernel.identity and at.r > 1) or isinstance(given.output, (HardSet, Cost)):
            return list(relations(at).formulas)
        raise InputError(f"the closed-form relations do not hold for {given}: they need the sphere")
    if what == "plain":
        at = Level(1)
    if what in ("objective", "plain"):
        form = family_objective(given, at)
        if what == "plain" and form.hard:
            value = (form.elementary / -form.plain()).subs(
                {chi: given.kernel.slope_at_one or 1, DELTA_ONE: given.kernel.value_at_one or 1}
            )
            return [_defined(given, "plain", "Plain capacity", Eq(alpha, value, evaluate=False))]
        name = "alpha" if form.hard else "P"
        return [
            _defined(
                given,
                f"objective.{at}",
                f"Objective at level {at}",
                Eq(Symbol(f"{name}_{at.r}"), form.expression, evaluate=False),
            )
        ]
    raise InputError(f"{what} is not derived for problems of the family: use objective, innermost, relations or plain")


def _defined(given: Problem, name: str, title: str, statement: Relational) -> Formula:
    derivation = Derivation((Definition("Blocks of the problem: input, kernel, output.", statement),))
    return Formula.concluding(
        f"{name}.{given}",
        f"{title}: {given}",
        derivation,
        status=Status.RIGOROUS if name == "plain" else Status.FULLY_LIFTED,
        source=SOURCE,
    )
