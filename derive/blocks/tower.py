r"""Gaussian towers: the nested log-expectations that lifting puts around a function.

:math:`f_k(x) = \frac1{c_k} \log \mathbb E\, e^{c_k f_{k-1}(x + \sqrt{d_k}\,u_k)}`, closed by
:math:`T_r = \mathbb E f_r(\sqrt{d_{r+1}}\, u)`.  A tower of a quadratic form is closed form; a tower of anything
else stays an unevaluated nest of expectations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

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

from ..core.formulas import Step, identically_zero
from ..core.gaussian import Expectation, gaussian_piece

__all__ = ["QuadraticTower", "quadratic_tower", "scaling_step", "tower"]


def tower(f: Callable[[Expr], Expr], steps: Sequence[tuple[Expr, Expr]], outer: Expr) -> Expr:
    """``T_r[f]`` as nested expectations: ``steps`` are the pairs (c_k, d_k), k = 2..r; ``outer`` is d_{r+1}.

    >>> from sympy import Function
    >>> f = Function("f"); c, p = Symbol("c_2", positive=True), Symbol("p_2", positive=True)
    >>> tower(f, [(c, 1 - p)], p)
    E_u_3[log(E_u_2[exp(c_2*f(sqrt(p_2)*u_3 + u_2*sqrt(1 - p_2)))])/c_2]
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


def quadratic_tower(
    theta_1: Expr, thetas: Sequence[Expr], steps: Sequence[tuple[Expr, Expr]], outer: Expr
) -> QuadraticTower:
    r"""Do the r-1 Gaussian integrations of the tower of :math:`v^2/(2\Theta_1)`.

    Each integration maps :math:`h^2/(2\Theta_{k-1})` to
    :math:`h^2/(2\Theta_k) - \frac{1}{2c_k}\log(\Theta_k/\Theta_{k-1})`, with
    :math:`\Theta_k = \Theta_{k-1} - c_k d_k` read off from the result; ``thetas`` are the symbols for
    :math:`\Theta_2..\Theta_r`.  Valid while every :math:`\Theta_k > 0`.
    """
    g = _gaussian_step()
    logs: list[Expr] = []
    derivation: list[Step] = []
    previous = theta_1
    for k, ((c, d), theta) in enumerate(zip(steps, thetas, strict=True), start=2):
        names = {g.rate: c, g.width: d, g.before: Symbol(f"Theta_{k - 1}", positive=True), g.after: theta}
        left = log(Expectation(g.integrand, g.u)) / g.rate
        right = g.h**2 / (2 * g.after) + g.constant
        derivation.append(
            Step(
                f"Integrate over u_{k}: a Gaussian integral turns Theta_{k - 1} into "
                f"Theta_{k} = Theta_{k - 1} - c_{k} (q_{k - 1} - q_{k}) and leaves a logarithm.",
                Eq(left.subs(names, simultaneous=True), right.subs(names, simultaneous=True), evaluate=False),
                _integration_check,
            )
        )
        logs.append(g.constant.subs(names | {g.before: previous}, simultaneous=True))
        previous = theta
    return QuadraticTower(tuple(logs), outer / (2 * previous), tuple(derivation))


@dataclass(frozen=True)
class _GaussianStep:
    """One Gaussian integration of the quadratic tower, with generic symbols."""

    h: Symbol
    u: Symbol
    rate: Symbol
    width: Symbol
    before: Symbol
    after: Symbol
    integrand: Expr
    integral: Expr
    theta: Expr
    constant: Expr


@lru_cache(maxsize=1)
def _gaussian_step() -> _GaussianStep:
    """Integrate ``exp(c (h + sqrt(d) u)^2/(2 Theta))``; read the new Theta off the exponent and the logarithm off the scale."""
    h, u = Symbol("h", real=True), Symbol("u", real=True)
    rate, width, before, after = (Symbol(n, positive=True) for n in ("c", "d", "Theta_before", "Theta_after"))
    integrand = exp(rate * (h + sqrt(width) * u) ** 2 / (2 * before))
    integral = gaussian_piece(integrand, u, Integer(0), Integer(1), -oo, oo)
    theta = simplify(rate * h**2 / (2 * integral.exponent))
    width_of = solve(theta - after, width)[0]
    constant = -log(simplify(integral.scale.subs(width, width_of) ** -2)) / (2 * rate)
    return _GaussianStep(h, u, rate, width, before, after, integrand, integral.value, theta, constant)


@lru_cache(maxsize=1)
def _integration_check() -> bool | None:
    """The integral against the exponential of the new level; both are positive, so comparing squares suffices."""
    g = _gaussian_step()
    if identically_zero(g.theta - (g.before - g.rate * g.width)) is not True:
        return False
    level = g.h**2 / (2 * g.theta) + g.constant.subs(g.after, g.theta)
    return identically_zero(simplify((g.integral / exp(g.rate * level)) ** 2) - 1)


def scaling_step() -> Step:
    r"""Towers scale: replacing f by :math:`\lambda f` and every c by :math:`c/\lambda` gives :math:`\lambda T_r`."""
    lam, c = Symbol("lambda", positive=True), Symbol("c", positive=True)
    x = Symbol("x", real=True)
    f = Function("f", real=True)
    one = tower(f, [(c, Integer(1))], Integer(0))
    scaled = tower(lambda z: lam * f(z), [(c / lam, Integer(1))], Integer(0))
    return Step(
        "One level of the tower is homogeneous: f -> lambda f, c -> c/lambda multiplies it by lambda; by induction "
        "so is the whole tower.",
        Eq(Function("T")(lam * f(x), c / lam), lam * Function("T")(f(x), c), evaluate=False),
        lambda: identically_zero(scaled - lam * one),
    )
