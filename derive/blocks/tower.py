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
    sqrt,
)

from ..core.gaussian import Expectation
from ..core.steps import Definition, GaussianMean, Identity, Solution, Step
from ..core.symbols import Lifting

__all__ = ["QuadraticTower", "quadratic_tower", "tower"]


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
    """``T_r`` of ``v^2/(2 Theta_1)``: logarithms collected per level, the remaining quadratic form, and the steps.

    The last step says ``T`` (``name``), closed form in the symbols ``Theta_k``; ``Theta_k`` names their definitions.
    """

    logarithms: tuple[Expr, ...]
    remainder: Expr
    steps: tuple[Step, ...]
    name: Symbol

    @property
    def value(self) -> Expr:
        return Add(*self.logarithms, self.remainder)


def quadratic_tower(lifting: Lifting, theta_1: Expr) -> QuadraticTower:
    r"""Do the r-1 Gaussian integrations of the tower of :math:`v^2/(2\Theta_1)` with the increments of q.

    Each integration maps :math:`h^2/(2\Theta_{k-1})` to
    :math:`h^2/(2\Theta_k) - \frac{1}{2c_k}\log(\Theta_k/\Theta_{k-1})`, with
    :math:`\Theta_k = \Theta_{k-1} - c_k (q_{k-1} - q_k)`.  Valid while every :math:`\Theta_k > 0`.
    """
    r, c, Theta = lifting.level.r, lifting.c, lifting.Theta
    h = Symbol("h", real=True)
    F = [Function(f"F_{k}", real=True) for k in range(r + 1)]
    closed = h**2 / (2 * Theta(1))
    logs: list[Expr] = []
    steps: list[Step] = [
        Definition("Theta_1 stands for 2 gamma_s.", Eq(Theta(1), theta_1, evaluate=False), name="Theta_1"),
        Definition(
            "The innermost level of the tower of the sphere is a quadratic form.",
            Eq(F[1](h), closed, evaluate=False),
            name="F_1",
        ),
    ]
    for k in lifting.steps:
        u, d = Symbol(f"u_{k}", real=True), lifting.increment(lifting.q, k)
        integrand = exp(c(k) * F[k - 1](h + sqrt(d) * u))
        log_k = -log(Theta(k) / Theta(k - 1)) / (2 * c(k))
        mean = sqrt(Theta(k - 1) / Theta(k)) * exp(c(k) * (h**2 / (2 * Theta(k)) + Add(*logs)))
        logs.append(log_k)
        steps += [
            Definition(
                f"Theta_{k} is what the integration over u_{k} turns Theta_{k - 1} into.",
                Eq(Theta(k), Theta(k - 1) - c(k) * d, evaluate=False),
                name=f"Theta_{k}",
            ),
            Solution(
                f"So c_{k} is the quotient of two increments.",
                c(k),
                (Theta(k - 1) - Theta(k)) / d,
                using=(f"Theta_{k}",),
                name=f"c_{k}",
            ),
            Definition(
                f"Level {k} of the tower: a logarithmic mean over a Gaussian increment of the field.",
                Eq(F[k](h), log(Expectation(integrand, u)) / c(k), evaluate=False),
                name=f"F_{k}",
            ),
            GaussianMean(
                f"Integrate over u_{k} by completing the square.",
                integrand,
                u,
                Integer(0),
                Integer(1),
                -oo,
                oo,
                mean,
                using=(f"F_{k - 1} closed" if k > 2 else "F_1", f"c_{k}"),
                name=f"mean_{k}",
            ),
            Identity(
                f"The logarithm of the mean: again a quadratic form, in Theta_{k}, and a constant.",
                F[k](h),
                h**2 / (2 * Theta(k)) + Add(*logs),
                using=(f"F_{k}", f"mean_{k}"),
                name=f"F_{k} closed",
            ),
        ]
    name, u = Symbol("T_S"), Symbol(f"u_{r + 1}", real=True)
    outer = lifting.q(r)
    last = "F_1" if r == 1 else f"F_{r} closed"
    remainder = outer / (2 * Theta(r))
    whole = Expectation(F[r](sqrt(outer) * u), u) if outer != 0 else F[r](Integer(0))
    steps.append(Definition("The tower ends with a plain mean.", Eq(name, whole, evaluate=False), name="T_S"))
    if outer != 0:
        steps.append(
            GaussianMean(
                "Do the last mean.",
                F[r](sqrt(outer) * u),
                u,
                Integer(0),
                Integer(1),
                -oo,
                oo,
                Add(*logs, remainder),
                using=(last,),
                name="last mean",
            )
        )
    steps.append(
        Identity(
            "The tower of the sphere in closed form.",
            name,
            Add(*logs, remainder),
            using=("T_S", "last mean" if outer != 0 else last),
            name="sphere",
        )
    )
    return QuadraticTower(tuple(logs), remainder, tuple(steps), name)
