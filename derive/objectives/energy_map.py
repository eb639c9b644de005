r"""The map from the psi form to the energy form.

Eliminating :math:`\gamma_s` and the :math:`q_k` by the closed-form relations and rescaling with the count multiplier,
:math:`\chi = 2\gamma_p\nu`, :math:`y_k = c_k\nu`, turns :math:`\psi_r` into :math:`\nu\,(P_r + budget)`.
"""

from __future__ import annotations

from functools import lru_cache

from sympy import Add, Eq, Expr, Function, Integer, Symbol, log, simplify, sqrt, symbols

from ..blocks.sphere import InputSphere, coupling
from ..blocks.tower import tower
from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.symbols import Level, Lifting, chi, gamma_p, gamma_s, nu
from .relations import SOURCE, dual_overlaps, on_shell_coupling

__all__ = ["energy_map", "energy_sphere", "lambda_forms", "psi_forms", "psi_parameters"]


def lambda_forms(lifting: Lifting, first: Expr = chi) -> dict[Symbol, Expr]:
    r""":math:`\Lambda_1 = \chi`, :math:`\Lambda_k = \Lambda_{k-1} + y_k (p_{k-1} - p_k)`, written out.

    >>> lambda_forms(Lifting(Level(2)))
    {Lambda_1: chi, Lambda_2: chi + y_2*(1 - p_2)}
    """
    forms = {lifting.Lambda(1): first}
    for k in lifting.steps:
        forms[lifting.Lambda(k)] = forms[lifting.Lambda(k - 1)] + lifting.y(k) * lifting.increment(lifting.p, k)
    return forms


def psi_forms(lifting: Lifting) -> dict[str, Expr]:
    r"""The psi-form parameters as functions of the energy-form ones and the symbols :math:`\Lambda_k`.

    The normalisation :math:`q_1 = 1` fixes :math:`\nu`; then :math:`\gamma_p = \chi/(2\nu)`, :math:`c_k = y_k/\nu`,
    :math:`\gamma_s = \nu/(2\chi)` and the q_k follow.  Valid at a stationary point with :math:`P_r = -budget`.
    """
    dual = dual_overlaps(lifting)
    scale = 1 / sqrt(dual[1])  # nu**2 * dual[1] = q_1 = 1
    forms = {str(lifting.q(k)): scale**2 * dual[k] for k in lifting.steps if isinstance(lifting.q(k), Symbol)}
    forms |= {str(lifting.c(k)): lifting.y(k) / scale for k in lifting.steps}
    return forms | {"nu": scale, "gamma_p": chi / (2 * scale), "gamma_s": scale / (2 * chi)}


@lru_cache(maxsize=64)
def psi_parameters(level: Level) -> dict[str, Expr]:
    r""":func:`psi_forms` written out in the energy-form parameters alone.

    >>> psi_parameters(Level(1))
    {'nu': chi, 'gamma_p': 1/2, 'gamma_s': 1/2}
    """
    lifting = Lifting(level)
    explicit = lambda_forms(lifting)
    return {name: form.subs(explicit) for name, form in psi_forms(lifting).items()}


@lru_cache(maxsize=64)
def _mapped(level: Level) -> tuple[Expr, tuple[Step, ...]]:
    """The sphere part of the energy form in the symbols Lambda_k (psi scaling, c_k), with the steps that lead there."""
    lifting = Lifting(level)
    r, p, q, c, Lambda, Theta = level.r, lifting.p, lifting.q, lifting.c, lifting.Lambda, lifting.Theta
    dual = dual_overlaps(lifting)
    lifting_parameters = {k: (Lambda(k) - Lambda(k - 1)) / lifting.increment(p, k) for k in lifting.steps}
    tower_part = InputSphere().integrated(lifting)
    inverse = {Theta(k): 1 / Lambda(k) for k in range(1, r + 1)}
    logs = Add(*tower_part.logarithms).subs(gamma_s, Theta(1) / 2).subs(inverse)
    logs = logs.replace(lambda e: isinstance(e, log), lambda e: -log(1 / e.args[0]))
    free = {q(k): dual[k] for k in lifting.steps if isinstance(q(k), Symbol)}
    joint = on_shell_coupling(lifting)
    quadratic = tower_part.remainder.subs(gamma_s, Theta(1) / 2).subs(inverse).subs(free)
    if r == 1:
        quadratic = quadratic.subs(q(1), dual[1]) * dual[1]
    rational = 1 / (2 * Lambda(1)) - Lambda(1) / 2 - joint + quadratic
    result = p(r) / (2 * Lambda(r))
    constraint = dual[1] - 1
    steps = (
        Step(
            "Express the q_k by the relations through Lambda_k = 1/Theta_k.",
            Eq(Integer(1), dual[1], evaluate=False),
            lambda: _dual_check(lifting, dual, lifting_parameters),
        ),
        Step(
            "Insert gamma_s = 1/(2 Lambda_1), gamma_p = Lambda_1/2 and the relations: all rational terms collapse, by the "
            "normalisation q_1 = 1, to p_r/(2 Lambda_r).",
            Eq(gamma_s - gamma_p - coupling(lifting) + tower_part.remainder, result, evaluate=False),
            lambda: _collapse_check(rational, result, constraint, Lambda(1), r),
        ),
        Step(
            "The logarithms of the integrated tower carry over.",
            Eq(Symbol("S"), logs + result, evaluate=False),
            lambda: identically_zero(
                simplify(
                    (logs - Add(*(log(Lambda(k) / Lambda(k - 1)) / (2 * c(k)) for k in lifting.steps)))
                    .expand(force=True)
                    .rewrite(log)
                    .expand(log=True, force=True)
                )
            ),
        ),
        _nu_step(),
    )
    return logs + result, steps


def _dual_check(lifting: Lifting, dual: dict[int, Expr], forms: dict[int, Expr]) -> bool | None:
    """Theta_{k-1} - Theta_k = c_k (q_{k-1} - q_k) holds for the inserted forms."""
    results = [
        identically_zero(1 / lifting.Lambda(k - 1) - 1 / lifting.Lambda(k) - forms[k] * (dual[k - 1] - dual[k]))
        for k in lifting.steps
    ]
    return all(r is True for r in results)


def _collapse_check(rational: Expr, result: Expr, constraint: Expr, first: Symbol, r: int) -> bool | None:
    """The rational terms minus the result vanish modulo the constraint q_1 = 1."""
    if r == 1:  # Lambda_1 = 1 by the constraint 1/Lambda_1^2 = 1
        return identically_zero((rational - result).subs(first, 1))
    return identically_zero(rational - result - constraint * first / 2)


def _nu_step() -> Step:
    """Rescaling by nu: one level of the tower and one logarithm."""
    x = Symbol("x", real=True)
    y, a, b = symbols("y a b", positive=True)
    f = Function("f", real=True)
    in_psi = tower(lambda z: nu * f(z), [(y / nu, Integer(1))], Integer(0))
    in_energy = tower(f, [(y, Integer(1))], Integer(0))
    logs = log((a / nu) / (b / nu)) / (2 * (y / nu)) - nu * log(a / b) / (2 * y)
    return Step(
        "With Lambda_k -> Lambda_k/nu, c_k = y_k/nu and min(d^2/(4 gamma_p), nu) = nu M_chi, chi = 2 gamma_p nu, every "
        "term is nu times its energy form, so psi_r = nu (P_r + budget).",
        Eq(Function("T")(nu * f(x), y / nu), nu * Function("T")(f(x), y), evaluate=False),
        lambda: identically_zero(in_psi - nu * in_energy) is True and identically_zero(simplify(logs)),
    )


def energy_sphere(lifting: Lifting, first: Expr = chi) -> Expr:
    r"""Sphere part of the energy form, :math:`\sum_k \frac1{2y_k}\log\frac{\Lambda_k}{\Lambda_{k-1}} + \frac{p_r}{2\Lambda_r}`.

    >>> energy_sphere(Lifting(Level(2)))
    p_2/(2*(chi + y_2*(1 - p_2))) + log((chi + y_2*(1 - p_2))/chi)/(2*y_2)
    """
    plain = Lifting(lifting.level)
    sphere, _ = _mapped(lifting.level)
    rename = {plain.Lambda(k): lifting.Lambda(k) for k in range(1, lifting.level.r + 1)}
    rename |= {plain.c(k): lifting.y(k) for k in lifting.steps}
    rename |= {plain.p(k): lifting.p(k) for k in lifting.steps if isinstance(plain.p(k), Symbol)}
    return sphere.subs(rename, simultaneous=True).subs(lambda_forms(lifting, first))


@lru_cache(maxsize=32)
def energy_map(level: Level) -> Formula:
    """The statement psi_r = nu (P_r + budget) on the closed-form relations, with its derivation."""
    _, steps = _mapped(level)
    return Formula(
        id=f"energy_map.{level}",
        title=f"From the psi form to the energy form, level {level}",
        statement=Eq(Symbol("psi"), nu * (Symbol("P") + Symbol("budget")), evaluate=False),
        derivation=Derivation(steps, ("psi_r stationary in gamma_s and the q_k", "Lambda_1 = 2 gamma_p")),
        status=Status.FULLY_LIFTED if level.r > 1 and not level.partial else Status.RIGOROUS,
        source=SOURCE + "; arXiv 2302.14112 (replica form)",
        assumptions=("chi = 2 gamma_p nu", "y_k = c_k nu"),
        variables=(nu, chi, gamma_p),
    )
