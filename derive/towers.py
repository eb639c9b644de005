r"""Gaussian towers: the nested log-expectations that lifting puts around a function.

:math:`f_k(x) = \frac1{c_k} \log \mathbb E\, e^{c_k f_{k-1}(x + \sqrt{d_k}\,u_k)}`, closed by
:math:`T_r = \mathbb E f_r(\sqrt{d_{r+1}}\, u)`.  A tower of a quadratic form is closed form; a tower of anything
else stays an unevaluated nest of expectations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sympy import (
    Add,
    Eq,
    Expr,
    Function,
    Integer,
    Symbol,
    exp,
    log,
    oo,
    simplify,
    solve,
    sqrt,
)

from .formulas import Step, identically_zero
from .gaussian import Expectation, gaussian_piece

__all__ = ["QuadraticTower", "quadratic_tower", "scaling_step", "tower"]


def tower(f: Callable[[Expr], Expr], steps: Sequence[tuple[Expr, Expr]], outer: Expr) -> Expr:
    """``T_r[f]`` as nested expectations: ``steps`` are the pairs (c_k, d_k), k = 2..r; ``outer`` is d_{r+1}.

    >>> from sympy import Function
    >>> f = Function("f"); c, p = Symbol("c_2", positive=True), Symbol("p_2", positive=True)
    >>> tower(f, [(c, 1 - p)], p)
    E_u_3[log(E_u_2[exp(c_2*f(sqrt(p_2)*u_3 + sqrt(1 - p_2)*u_2))])/c_2]
    """
    r = len(steps) + 1

    def level(k: int, x: Expr) -> Expr:
        if k == 1:
            return f(x)
        c, d = steps[k - 2]
        u = Symbol(f"u_{k}", real=True)
        return log(Expectation(exp(c * level(k - 1, x + sqrt(d) * u)), u)) / c

    if outer == 0:
        return level(r, Integer(0))
    u = Symbol(f"u_{r + 1}", real=True)
    return Expectation(level(r, sqrt(outer) * u), u)


@dataclass(frozen=True)
class QuadraticTower:
    """``T_r`` of ``v^2/(2 Theta_1)``: logarithms collected per level, the remaining quadratic form, and the steps."""

    logarithms: tuple[Expr, ...]
    remainder: Expr
    steps: tuple[Step, ...]

    @property
    def value(self) -> Expr:
        return Add(*self.logarithms, self.remainder)


def quadratic_tower(theta_1: Expr, thetas: Sequence[Expr], steps: Sequence[tuple[Expr, Expr]],
                    outer: Expr) -> QuadraticTower:
    r"""Do the r-1 Gaussian integrations of the tower of :math:`v^2/(2\Theta_1)`.

    Each integration maps :math:`h^2/(2\Theta_{k-1})` to
    :math:`h^2/(2\Theta_k) - \frac{1}{2c_k}\log(\Theta_k/\Theta_{k-1})`, with
    :math:`\Theta_k = \Theta_{k-1} - c_k d_k` read off from the result; ``thetas`` are the symbols for
    :math:`\Theta_2..\Theta_r`.  Valid while every :math:`\Theta_k > 0`.
    """
    h, u = Symbol("h", real=True), Symbol("u", real=True)
    width, rate = Symbol("d", positive=True), Symbol("c", positive=True)
    logs: list[Expr] = []
    derivation: list[Step] = []
    previous = theta_1
    for k, ((c, d), theta) in enumerate(zip(steps, thetas, strict=True), start=2):
        before = Symbol(f"Theta_{k - 1}", positive=True)
        integrand = exp(rate * (h + sqrt(width) * u) ** 2 / (2 * before))
        integral = gaussian_piece(integrand, u, Integer(0), Integer(1), -oo, oo)
        after = simplify(rate * h**2 / (2 * integral.exponent))  # Theta_k in terms of Theta_{k-1}
        width_of = solve(after - theta, width)[0]
        constant = -log(simplify(integral.scale.subs(width, width_of) ** -2)) / (2 * rate)
        derivation.append(
            Step(
                f"Integrate over u_{k}: a Gaussian integral turns Theta_{k - 1} into "
                f"Theta_{k} = Theta_{k - 1} - c_{k} (q_{k - 1} - q_{k}) and leaves a logarithm.",
                Eq(
                    log(Expectation(integrand.subs({rate: c, width: d}, simultaneous=True), u)) / c,
                    h**2 / (2 * theta) + constant.subs(rate, c),
                    evaluate=False,
                ),
                _integration_check(integral.value, h**2 / (2 * after) + constant.subs(theta, after), rate),
            )
        )
        logs.append(constant.subs({rate: c, before: previous}, simultaneous=True))
        previous = theta
    return QuadraticTower(tuple(logs), outer / (2 * previous), tuple(derivation))


def _integration_check(integral: Expr, level: Expr, rate: Expr) -> Callable[[], bool | None]:
    """exp(rate * level) against the integral; both are positive, so comparing squares suffices."""
    return lambda: identically_zero(simplify((integral / exp(rate * level)) ** 2) - 1)


def scaling_step() -> Step:
    r"""Towers scale: replacing f by :math:`\lambda f` and every c by :math:`c/\lambda` gives :math:`\lambda T_r`."""
    lam, c = Symbol("lambda", positive=True), Symbol("c", positive=True)
    x, u = Symbol("x", real=True), Symbol("u", real=True)
    f = Function("f", real=True)
    one = tower(f, [(c, Integer(1))], Integer(0))
    scaled = tower(lambda z: lam * f(z), [(c / lam, Integer(1))], Integer(0))
    return Step(
        "One level of the tower is homogeneous: f -> lambda f, c -> c/lambda multiplies it by lambda; by induction "
        "so is the whole tower.",
        Eq(log(Expectation(exp((c / lam) * (lam * f(x + u))), u)) * lam / c, lam * log(Expectation(exp(c * f(x + u)), u)) / c,
           evaluate=False),
        lambda: identically_zero(scaled - lam * one),
    )

