r"""Stationarity in the overlaps and the lifting parameters, in tilted-expectation form.

The tower tilts the Gaussian measure of the field: :math:`\mathbb E_{m_k}` averages the outer normals, each reweighted by
:math:`e^{c_j f_{j-1}}/\mathbb E e^{c_j f_{j-1}}` down to level k.  In it the derivatives of the tower are second moments
of :math:`f_k'`, so the stationarity conditions read :math:`q_k = \alpha\,\mathbb E_{m_k}(f_k')^2`.
"""

from __future__ import annotations

from functools import lru_cache

from sympy import Derivative, Eq, Expr, Function, Rational, Symbol, diff, exp, log, sqrt, sympify

from ..core.formulas import Formula, Status
from ..core.gaussian import Expectation, Law, phi
from ..core.steps import Chain, Definition, Identity, Step, Theorem
from ..core.symbols import Level, Lifting, alpha
from ..objectives.energy_map import energy_sphere, lambda_forms, sphere_in_lambda
from ..objectives.relations import SOURCE, dual_overlaps

__all__ = ["TiltedExpectation", "flow_steps", "heat_steps", "sphere_derivative", "stationarity"]


class TiltedExpectation(Law):
    """``E_{m_k}[expr]``: average over the field in the tilted law of tower level k (or at overlap p); unevaluated."""

    def __new__(cls, expr, k):
        return Expr.__new__(cls, expr, sympify(k))

    def _eval_is_real(self):
        return True

    def _sympystr(self, printer):
        return f"E_m_{self.args[1]}[{printer._print(self.args[0])}]"

    def _latex(self, printer, exp=None):
        body = rf"\mathbb{{E}}_{{m_{{{self.args[1]}}}}}\left[{printer._print(self.args[0])}\right]"
        return body if exp is None else rf"{body}^{{{exp}}}"


def sphere_derivative(lifting: Lifting, variable: Symbol) -> Expr:
    """Total derivative of the sphere part of P_r, in the symbols Lambda_k."""
    sphere = sphere_in_lambda(lifting)
    total = diff(sphere, variable)
    for symbol, form in lambda_forms(lifting).items():
        total += diff(sphere, symbol) * diff(form, variable)
    return total


def heat_steps() -> tuple[Step, ...]:
    """The Gaussian kernel solves the heat equation."""
    z, d = Symbol("z", real=True), Symbol("d", positive=True)
    K = Function("K")(d, z)
    return (
        Definition(
            "The density of a normal variable of variance d.",
            Eq(K, phi(z / sqrt(d)) / sqrt(d), evaluate=False),
            name="K",
        ),
        Identity(
            "The Gaussian kernel K_d(z) solves the heat equation in its variance.",
            Derivative(K, d),
            Derivative(K, (z, 2)) / 2,
            using=("K",),
            name="heat",
        ),
    )


def flow_steps() -> tuple[Step, ...]:
    """The backward flow of a level of the tower in its variance."""
    x, d, c = Symbol("x", real=True), Symbol("d", positive=True), Symbol("c", positive=True)
    S, F = Function("S", positive=True)(x, d), Function("f")(x, d)
    return (
        *heat_steps(),
        Theorem(
            "A mean S over the kernel inherits the heat equation.",
            Eq(Derivative(S, d), Derivative(S, (x, 2)) / 2, evaluate=False),
            "differentiation under the integral sign",
            name="S",
        ),
        Definition(
            "A level of the tower is the logarithm of such a mean, S = E exp(c f_{k-1}).",
            Eq(F, log(S) / c, evaluate=False),
            name="f",
        ),
        Identity(
            "Hence it obeys a backward flow in its variance.",
            Derivative(F, d),
            (Derivative(F, (x, 2)) + c * Derivative(F, x) ** 2) / 2,
            using=("f", "S"),
            name="flow",
        ),
    )


def _sphere_steps(lifting: Lifting, variable: Symbol, slope: Expr) -> tuple[Step, ...]:
    """The sphere part S of P_r, and its slope in a parameter."""
    symbols = (lifting.Lambda(1), *lifting.overlaps(lifting.p), *(lifting.y(k) for k in lifting.steps))
    S = Function("S_P")(*symbols)
    forms = [
        Definition(f"Lambda_{k}, written out.", Eq(symbol, form, evaluate=False), name=f"Lambda_{k}")
        for k, (symbol, form) in enumerate(lambda_forms(lifting, lifting.Lambda(1)).items(), start=1)
        if k > 1
    ]
    return (
        *forms,
        Definition("The sphere part of P_r.", Eq(S, sphere_in_lambda(lifting), evaluate=False), name="S_P"),
        Identity(
            "That is the one of the objective, its definitions written out.",
            S,
            energy_sphere(lifting, lifting.Lambda(1)),
            using=("S_P", *(f"Lambda_{k}" for k in lifting.steps)),
        ),
        Identity(
            f"Its slope in {variable}, by the chain rule through the Lambda_j.",
            Derivative(S, variable),
            slope,
            using=("S_P", *(f"Lambda_{k}" for k in lifting.steps)),
            name="slope of S_P",
        ),
    )


def _stationary(
    chain: Chain, lifting: Lifting, variable: Symbol, moved: Symbol, unknown: Expr, using: tuple[str, ...]
) -> None:
    """Sphere and tower balance: solved for a tilted average."""
    symbols = (lifting.Lambda(1), *lifting.overlaps(lifting.p), *(lifting.y(k) for k in lifting.steps))
    balance = Derivative(Function("S_P")(*symbols), variable) + alpha * moved
    chain.add(Definition(f"P_r is stationary in {variable}.", Eq(balance, 0, evaluate=False), name="stationary"))
    chain.solve("Solve.", unknown, using=("stationary", "slope of S_P", *using), name="solved")


def _overlap_chain(lifting: Lifting, k: int) -> Chain:
    """Stationarity in p_k, which enters d_k = p_{k-1} - p_k and d_{k+1} = p_k - p_{k+1}."""
    p, y, symbol = lifting.p, lifting.y, lifting.p(k)
    x, d, c, w = Symbol("x", real=True), Symbol("d", positive=True), Symbol("c", positive=True), Symbol("w", real=True)
    F, f, moved = Function("f")(x, d), Function(f"f_{k}")(x), Symbol(f"dT/dp_{k}")
    inner, outer = Symbol("I"), Function("O")
    square = TiltedExpectation(Derivative(f, x) ** 2, k)
    half = Rational(1, 2)
    chain = Chain(flow_steps())

    def named(name: str, text: str, left: Expr, right: Expr) -> None:
        chain.add(Definition(text, Eq(left, right, evaluate=False), name=name))

    named("c", f"Level {k} has the lifting parameter y_{k}.", c, y(k))
    named(
        "I",
        f"p_{k} enters f_{k} through its variance p_{k - 1} - p_{k} ...",
        inner,
        Derivative(p(k - 1) - symbol, symbol) * Derivative(F, d),
    )
    tilt = exp(w * F)
    named(
        "O",
        "... and the next level, E exp(w f), through its own: there the heat equation acts on exp(w f).",
        outer(w),
        Derivative(symbol - p(k + 1), symbol) * Derivative(tilt, (x, 2)) / (2 * w * tilt),
    )
    chain.add(
        Identity(
            "That is a flow of the opposite sign.",
            outer(w),
            (Derivative(F, (x, 2)) + w * Derivative(F, x) ** 2) / 2,
            using=("O",),
            name="O closed",
        )
    )
    named("dT", "In the tilted law the two add up.", moved, TiltedExpectation(inner + outer(y(k + 1)), k))
    named("f at d", f"f_{k} at its variance.", Derivative(F, x), Derivative(f, x))
    chain.add(
        Identity(
            "The second derivatives cancel.",
            moved,
            half * (y(k + 1) - y(k)) * square,
            using=("dT", "I", "O closed", "flow", "c", "f at d"),
            name="dT closed",
        )
    )
    slope = half * (y(k) - y(k + 1)) * dual_overlaps(lifting)[k]
    for step in _sphere_steps(lifting, symbol, slope):
        chain.add(step)
    _stationary(chain, lifting, symbol, moved, square, ("dT closed",))
    chain.add(
        Identity(
            "In other words: the dual overlap is a tilted average.",
            dual_overlaps(lifting)[k],
            alpha * square,
            using=("solved",),
        )
    )
    return chain


def _lifting_chain(lifting: Lifting, k: int) -> Chain:
    """Stationarity in y_k, by which one level of the tower is tilted and divided."""
    y, u, x = lifting.y(k), Symbol("u", real=True), Symbol("x", real=True)
    below, level, moved = Function("f", real=True)(u), Function("L")(y), Symbol(f"dT/dy_{k}")
    tilted = Expectation(below * exp(y * below), u) / Expectation(exp(y * below), u)
    before = TiltedExpectation(Function(f"f_{k - 1}")(x), k - 1)
    after = TiltedExpectation(Function(f"f_{k}")(x), k)
    mean = Function("A")(y)
    chain = Chain()

    def named(name: str, text: str, left: Expr, right: Expr) -> None:
        chain.add(Definition(text, Eq(left, right, evaluate=False), name=name))

    named(
        "L",
        f"Level {k} of the tower as a function of its parameter, f the level below.",
        level,
        log(Expectation(exp(y * below), u)) / y,
    )
    named("A", "The mean of the level below in the law that the level tilts.", mean, tilted)
    chain.add(
        Identity(
            "Differentiate under the mean.",
            Derivative(level, y),
            (mean - level) / y,
            using=("A", "L"),
            name="slope of L",
        )
    )
    named(
        "dT",
        "The slope of the tower is the tilted average of that of the level.",
        moved,
        TiltedExpectation(Derivative(level, y), k),
    )
    named(
        "law", f"The law of level {k - 1} is that of level {k}, tilted once more.", TiltedExpectation(mean, k), before
    )
    named("f_k", f"The level itself is f_{k}.", TiltedExpectation(level, k), after)
    chain.add(
        Identity(
            "So the slope is a difference of averages.",
            moved,
            (before - after) / y,
            using=("dT", "slope of L", "law", "f_k"),
            name="dT closed",
        )
    )
    slope = sphere_derivative(lifting, y)
    for step in _sphere_steps(lifting, y, slope):
        chain.add(step)
    _stationary(chain, lifting, y, moved, before, ("dT closed",))
    chain.add(Identity("In other words.", slope, -alpha / y * (before - after), using=("solved",)))
    return chain


@lru_cache(maxsize=32)
def stationarity(level: Level | int | str) -> tuple[Formula, ...]:
    r"""Stationarity of P_r in p_k and y_k in tilted-expectation form, one formula per parameter.

    :math:`\partial P_r/\partial p_k = \frac{y_k - y_{k+1}}{2}\,(q_k - \alpha\,\mathbb E_{m_k}(f_k')^2)`, and
    :math:`\partial T_r/\partial y_k = \frac1{y_k}(\mathbb E_{m_{k-1}} f_{k-1} - \mathbb E_{m_k} f_k)`.
    Source: arXiv 2410.20646 (stationarity of the lifted objective); the q_k are those of ``dual_overlaps``.

    >>> [f.id for f in stationarity(2)]
    ['stationarity.2.p_2', 'stationarity.2.y_2']
    """
    level = Level.parse(level)
    lifting = Lifting(level)
    overlaps = [(k, lifting.p(k)) for k in lifting.steps if isinstance(lifting.p(k), Symbol)]
    chains = [(symbol, _overlap_chain(lifting, k)) for k, symbol in overlaps]
    chains += [(lifting.y(k), _lifting_chain(lifting, k)) for k in lifting.steps]
    return tuple(_formula(level, symbol, chain) for symbol, chain in chains)


def _formula(level: Level, symbol: Symbol, chain: Chain) -> Formula:
    derivation = chain.derivation((f"P_r stationary in {symbol}",))
    return Formula.concluding(
        f"stationarity.{level}.{symbol}",
        f"Stationarity in {symbol} at level {level}",
        derivation,
        status=Status.FULLY_LIFTED if level.r > 1 and not level.partial else Status.RIGOROUS,
        source=SOURCE,
        assumptions=("Lambda_1 = chi, Lambda_k = Lambda_{k-1} + y_k (p_{k-1} - p_k)",),
    )
