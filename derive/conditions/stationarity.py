r"""Stationarity in the overlaps and the lifting parameters, in tilted-expectation form.

The tower tilts the Gaussian measure of the field: :math:`\mathbb E_{m_k}` averages the outer normals, each reweighted by
:math:`e^{c_j f_{j-1}}/\mathbb E e^{c_j f_{j-1}}` down to level k.  In it the derivatives of the tower are second moments
of :math:`f_k'`, so the stationarity conditions read :math:`q_k = \alpha\,\mathbb E_{m_k}(f_k')^2`.
"""

from __future__ import annotations

from functools import lru_cache, partial

from sympy import (
    Add,
    Eq,
    Expr,
    Function,
    Rational,
    Symbol,
    diff,
    exp,
    log,
    simplify,
    sqrt,
    symbols,
    sympify,
)

from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.gaussian import phi
from ..core.symbols import Level, Lifting, alpha, chi
from ..objectives.energy_map import lambda_forms
from ..objectives.relations import SOURCE, dual_overlaps

__all__ = ["TiltedExpectation", "stationarity"]


class TiltedExpectation(Expr):
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


def _sphere_symbolic(lifting: Lifting) -> Expr:
    logs = (log(lifting.Lambda(k) / lifting.Lambda(k - 1)) / (2 * lifting.y(k)) for k in lifting.steps)
    return Add(*logs, lifting.p(lifting.level.r) / (2 * lifting.Lambda(lifting.level.r)))


def sphere_derivative(lifting: Lifting, variable: Symbol) -> Expr:
    """Total derivative of the sphere part of P_r, in the symbols Lambda_k."""
    sphere = _sphere_symbolic(lifting)
    total = diff(sphere, variable)
    for symbol, form in lambda_forms(lifting).items():
        total += diff(sphere, symbol) * diff(form, variable)
    return total


def _kernel_step() -> Step:
    z = Symbol("z", real=True)
    d = Symbol("d", positive=True)
    kernel = phi(z / sqrt(d)).rewrite(exp) / sqrt(d)
    return Step(
        "The Gaussian kernel K_d(z) solves the heat equation in its variance.",
        Eq(diff(Function("K")(d, z), d), diff(Function("K")(d, z), z, 2) / 2, evaluate=False),
        lambda: identically_zero(simplify((diff(kernel, d) - diff(kernel, z, 2) / 2) / kernel)),
    )


def _hopf_cole_step() -> Step:
    x, d, c = Symbol("x", real=True), Symbol("d", positive=True), Symbol("c", positive=True)
    S = Function("S", positive=True)(x, d)
    f = log(S) / c
    flow = diff(f, d) - (diff(f, x, 2) + c * diff(f, x) ** 2) / 2
    F = Function("f")(x, d)
    return Step(
        "Hence f_k = log(S_k)/c_k with S_k = E exp(c_k f_{k-1}) obeys a backward flow in d_k.",
        Eq(diff(F, d), (diff(F, x, 2) + c * diff(F, x) ** 2) / 2, evaluate=False),
        lambda: identically_zero(simplify(flow.subs(diff(S, d), diff(S, x, 2) / 2))),
    )


def _overlap_steps(k: int, lifting: Lifting) -> tuple[list[Step], Expr]:
    """dT/dp_k: p_k enters d_k = p_{k-1} - p_k and d_{k+1} = p_k - p_{k+1}."""
    second, square, low, high = symbols("f'' f'^2 y_k y_{k+1}", real=True)
    inner = -(second + low * square) / 2  # through d_k, by the backward flow
    outer = (second + high * square) / 2  # through d_{k+1}: the derivative of E exp(y_{k+1} f_k) in its variance
    x, y = Symbol("x", real=True), Symbol("y", positive=True)
    f = Function("f")(x)
    weight = exp(y * f)
    total = (
        Rational(1, 2) * (lifting.y(k + 1) - lifting.y(k)) * TiltedExpectation(Function(f"f_{k}")(x).diff(x) ** 2, k)
    )
    return [
        Step(
            "p_k enters through d_k (by the flow) and through d_{k+1} (by integration by parts); the second derivatives "
            "cancel.",
            Eq(Symbol(f"dT/dp_{k}"), total, evaluate=False),
            lambda: (
                identically_zero(inner + outer - (high - low) * square / 2) is True
                and identically_zero(
                    simplify(diff(weight, x, 2) / (y * weight) - (diff(f, x, 2) + y * diff(f, x) ** 2))
                )
            ),
        )
    ], total


@lru_cache(maxsize=32)
def stationarity(level: Level | int | str) -> tuple[Formula, ...]:
    r"""Stationarity of P_r in p_k and y_k in tilted-expectation form, one formula per parameter.

    :math:`\partial P_r/\partial p_k = \frac{y_k - y_{k+1}}{2}\,(q_k - \alpha\,\mathbb E_{m_k}(f_k')^2)`, and
    :math:`\partial T_r/\partial y_k = \frac1{y_k}(\mathbb E_{m_{k-1}} f_{k-1} - \mathbb E_{m_k} f_k)`.
    Source: arXiv 2410.20646 (stationarity of the lifted objective); the q_k are those of :func:`dual_overlaps`.

    >>> [f.id for f in stationarity(2)]
    ['stationarity.2.p_2', 'stationarity.2.y_2']
    """
    level = Level.parse(level)
    lifting = Lifting(level)
    x = Symbol("x", real=True)
    q = dual_overlaps(lifting)
    found = []
    for symbol in lifting.overlaps(lifting.p):
        k = next(k for k in lifting.steps if lifting.p(k) == symbol)
        tower_steps, _ = _overlap_steps(k, lifting)
        sphere = sphere_derivative(lifting, symbol)
        prefactor = (lifting.y(k) - lifting.y(k + 1)) / 2
        explicit = lambda_forms(lifting)
        steps = (
            _kernel_step(),
            _hopf_cole_step(),
            *tower_steps,
            Step(
                f"The sphere part contributes q_{k}.",
                Eq(Symbol(f"dS/dp_{k}"), prefactor * q[k], evaluate=False),
                partial(identically_zero, (sphere - prefactor * q[k]).subs(explicit)),
            ),
        )
        statement = Eq(q[k], alpha * TiltedExpectation(Function(f"f_{k}")(x).diff(x) ** 2, k), evaluate=False)
        found.append(_formula(level, symbol, statement, steps))
    for k in lifting.steps:
        steps = (_lifting_step(k), _sphere_lifting_step(lifting, k))
        statement = Eq(
            sphere_derivative(lifting, lifting.y(k)),
            -alpha
            / lifting.y(k)
            * (TiltedExpectation(Function(f"f_{k - 1}")(x), k - 1) - TiltedExpectation(Function(f"f_{k}")(x), k)),
            evaluate=False,
        )
        found.append(_formula(level, lifting.y(k), statement, steps))
    return tuple(found)


def _lifting_step(k: int) -> Step:
    """d f_k/d y_k for one level of the tower, checked on a two-point law of f_{k-1}."""
    y, a, b, w = symbols("y a b w", positive=True)
    f = log(w * exp(y * a) + (1 - w) * exp(y * b)) / y
    tilted = (w * a * exp(y * a) + (1 - w) * b * exp(y * b)) / (w * exp(y * a) + (1 - w) * exp(y * b))
    x = Symbol("x", real=True)
    return Step(
        f"Differentiate log E exp(y_{k} f_{k - 1})/y_{k}: a tilted mean of f_{k - 1}, minus f_{k}.",
        Eq(
            Symbol(f"dT/dy_{k}"),
            (TiltedExpectation(Function(f"f_{k - 1}")(x), k - 1) - TiltedExpectation(Function(f"f_{k}")(x), k))
            / Symbol(f"y_{k}", positive=True),
            evaluate=False,
        ),
        lambda: identically_zero(simplify(diff(f, y) - (tilted - f) / y)),
    )


def _sphere_lifting_step(lifting: Lifting, k: int) -> Step:
    value = sphere_derivative(lifting, lifting.y(k))
    explicit = lambda_forms(lifting)
    direct = diff(_sphere_symbolic(lifting).subs(explicit), lifting.y(k))
    return Step(
        "The sphere part, by the chain rule through the Lambda_j.",
        Eq(Symbol(f"dS/dy_{k}"), value, evaluate=False),
        lambda: identically_zero(direct - value.subs(explicit)),
    )


def _formula(level: Level, symbol: Symbol, statement: Expr, steps: tuple[Step, ...]) -> Formula:
    return Formula(
        id=f"stationarity.{level}.{symbol}",
        title=f"Stationarity in {symbol} at level {level}",
        statement=statement,
        derivation=Derivation(steps, (f"P_r stationary in {symbol}",)),
        status=Status.FULLY_LIFTED if level.r > 1 and not level.partial else Status.RIGOROUS,
        source=SOURCE,
        assumptions=("Lambda_1 = chi, Lambda_k = Lambda_{k-1} + y_k (p_{k-1} - p_k)",),
        variables=(chi, alpha),
    )
