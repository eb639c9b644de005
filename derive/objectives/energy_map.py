r"""The map from the psi form to the energy form.

Eliminating :math:`\gamma_s` and the :math:`q_k` by the closed-form relations and rescaling with the count multiplier,
:math:`\chi = 2\gamma_p\nu`, :math:`y_k = c_k\nu`, turns :math:`\psi_r` into :math:`\nu\,(P_r + budget)`.
"""

from __future__ import annotations

from functools import lru_cache

from sympy import Add, Eq, Expr, Function, Min, Symbol, log, sqrt

from ..blocks.sphere import InputSphere, count_bracket, count_tower, coupling, psi_blocks
from ..blocks.tower import tower
from ..core.formulas import Derivation, Formula, Status
from ..core.steps import Chain, Definition, Identity, Solution, Step
from ..core.symbols import Level, Lifting, alpha, chi, gamma_p, gamma_s, nu
from .relations import SOURCE, conditions, dual_overlaps

__all__ = [
    "energy_map",
    "energy_sphere",
    "lambda_forms",
    "psi_forms",
    "psi_parameter_formulas",
    "psi_parameters",
    "sphere_in_lambda",
    "sphere_steps",
]


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
def _sphere_chain(level: Level) -> tuple[tuple[Step, ...], Expr]:
    """The steps from the psi form of sphere, norms and coupling to nu times the sphere part of the energy form, and that part.

    The last step is called ``E``.
    """
    lifting = Lifting(level)
    r, p, c, y = level.r, lifting.p, lifting.c, lifting.y
    Lambda, Theta = lifting.Lambda, lifting.Theta
    tower_part = InputSphere().integrated(lifting)
    chain = Chain(conditions(lifting))

    def named(name: str, text: str, left: Expr, right: Expr) -> None:
        chain.add(Definition(text, Eq(left, right, evaluate=False), name=name))

    chain.solve("gamma_s is Theta_1/2.", gamma_s, using=("Theta_1",), name="gamma_s")
    named("gamma_p", "The energy form is that at Lambda_1 = 2 gamma_p = 1/Theta_1.", gamma_p, 1 / (2 * Theta(1)))
    for k in lifting.steps:
        named(f"y_{k}", f"Lifting parameters in units of nu: y_{k}.", y(k), nu * c(k))
    for k in range(1, r + 1):
        named(f"Lambda_{k}", f"Inverse Theta in units of nu: Lambda_{k}.", Lambda(k), nu / Theta(k))
    in_theta = tuple(f"Lambda_{k}" for k in range(1, r + 1)) + tuple(f"y_{k}" for k in lifting.steps)
    named("chi", "The susceptibility.", chi, 2 * gamma_p * nu)
    chain.add(
        Identity("It is the first Lambda.", Lambda(1), chi, using=("Lambda_1", "chi", "gamma_p"), name="first Lambda")
    )
    for k in lifting.steps:
        chain.add(
            Identity(
                f"Lambda_{k} grows from Lambda_{k - 1} with slope y_{k} in the overlap.",
                Lambda(k),
                Lambda(k - 1) + y(k) * lifting.increment(p, k),
                using=(*in_theta, f"c_{k} tilted"),
                name=f"next Lambda_{k}",
            )
        )
    logs = Add(*(log(Lambda(k) / Lambda(k - 1)) / (2 * y(k)) for k in lifting.steps))
    chain.add(
        Identity(
            "The logarithms of the integrated tower carry over.",
            tower_part.name,
            nu * logs + tower_part.remainder,
            using=("sphere", *in_theta),
            name="logarithms",
        )
    )
    rest = Symbol("R")
    named("R", "What is left is rational.", rest, gamma_s - gamma_p - coupling(lifting) + tower_part.remainder)
    for k in range(r, 2, -1):
        chain.solve(f"The relations give q_{k - 1} ...", lifting.q(k - 1), using=(f"product_{k}",), name=f"q_{k - 1}")
    eliminated = tuple(f"c_{k} tilted" for k in lifting.steps)
    if r > 1:
        eliminated += ("product_2", *(f"q_{k}" for k in lifting.steps if not level.partial))
    collapsed = chain.solve(
        "Insert the relations: it collapses." if r == 1 else "... and everything that is rational collapses.",
        rest,
        using=("R", "gamma_s", "gamma_p", *eliminated),
        name="R closed",
    )
    remainder = collapsed.xreplace({Theta(k): 1 / Lambda(k) for k in range(1, r + 1)})
    chain.solve("So gamma_s balances it.", gamma_s, using=("R", "R closed"), name="gamma_s balanced")
    chain.add(
        Identity(
            "Sphere, norms and coupling of psi_r are nu times the sphere part of the energy form.",
            gamma_s - gamma_p - coupling(lifting) + tower_part.name,
            nu * (logs + remainder),
            using=("gamma_s balanced", "logarithms", *in_theta),
            name="E",
        )
    )
    return tuple(chain.steps), logs + remainder


def sphere_steps(level: Level) -> tuple[Step, ...]:
    """The steps from the psi form of sphere, norms and coupling to nu times the sphere part of the energy form, called ``E``."""
    return _sphere_chain(level)[0]


def _count_steps(lifting: Lifting) -> tuple[Step, ...]:
    """The tower of the count in both scalings: T_V of the psi form is nu times T_M of the energy form."""
    d, steps = Function("d", real=True), lifting.steps
    in_psi, in_energy = Symbol("T_V"), Symbol("T_M")
    by_y = [(lifting.y(k), lifting.increment(lifting.p, k)) for k in steps]
    envelopes = tower(lambda h: -Min(d(h) ** 2 / (2 * chi), 1), by_y, lifting.p(lifting.level.r))
    return (
        Definition(
            "The tower of the count in the psi form, d the distance of the field to the inactive set.",
            Eq(in_psi, count_tower(lifting, lambda h: count_bracket(d(h))), evaluate=False),
            name="T_V",
        ),
        Definition("That of the envelope in the energy form.", Eq(in_energy, envelopes, evaluate=False), name="T_M"),
        Identity(
            "Level by level the one is nu times the other.",
            in_psi,
            nu * in_energy,
            using=("T_V", "T_M", *(f"y_{k}" for k in steps), "chi"),
            name="count",
        ),
    )


def energy_sphere(lifting: Lifting, first: Expr = chi) -> Expr:
    r"""Sphere part of the energy form, :math:`\sum_k \frac1{2y_k}\log\frac{\Lambda_k}{\Lambda_{k-1}} + \frac{p_r}{2\Lambda_r}`.

    >>> energy_sphere(Lifting(Level(2)))
    p_2/(2*(chi + y_2*(1 - p_2))) + log((chi + y_2*(1 - p_2))/chi)/(2*y_2)
    """
    return sphere_in_lambda(lifting).xreplace(lambda_forms(lifting, first))


def sphere_in_lambda(lifting: Lifting) -> Expr:
    """The sphere part of the energy form in the symbols Lambda_k, with the families of a layer.

    Beyond level 3 its terms are those of level 3 with other indices (the derivation of :func:`energy_map` proves each level).
    """
    r, source = lifting.level.r, Lifting(lifting.level if lifting.level.r <= 3 else Level(3))
    derived = _sphere_chain(source.level)[1]
    top = source.level.r
    found = []
    for term in Add.make_args(derived):
        innermost = top < 3 or not (term.has(source.y(3)) or term.has(source.p(3)))
        last = not innermost and not term.has(source.y(3))
        for k in (top,) if innermost else ((r,) if last else range(3, r + 1)):
            families = (source.Lambda, lifting.Lambda), (source.y, lifting.y), (source.p, lifting.p)
            shifted = {old(j): new(j if innermost else j + k - top) for old, new in families for j in range(1, top + 1)}
            found.append(term.xreplace({old: new for old, new in shifted.items() if isinstance(old, Symbol)}))
    return Add(*found)


@lru_cache(maxsize=32)
def psi_parameter_formulas(level: Level) -> tuple[Formula, ...]:
    """Each of :func:`psi_parameters` as a formula; they share the derivation."""
    lifting = Lifting(level)
    r, Lambda, Theta = level.r, lifting.Lambda, lifting.Theta
    chain = Chain(sphere_steps(level))
    by_lambda = tuple(f"Theta_{k} by Lambda" for k in range(1, r + 1))
    for k in range(1, r + 1):
        chain.solve(f"Theta_{k} in units of nu.", Theta(k), using=(f"Lambda_{k}",), name=by_lambda[k - 1])
    duals = tuple(f"q_{k}" for k in lifting.steps if not level.partial)
    normalised = ("product_2", *duals, *by_lambda) if r > 1 else ("closed Theta_1", *by_lambda)
    forms = psi_forms(lifting)
    chain.add(
        Solution(
            "The normalisation q_1 = 1 fixes nu.",
            nu,
            forms["nu"].xreplace({chi: Lambda(1)}),
            using=normalised,
            name="nu",
        )
    )
    explicit = (*(f"next Lambda_{k}" for k in range(r, 1, -1)), "first Lambda")
    for name, form in psi_parameters(level).items():
        symbol = Symbol(name, positive=True)
        source = {
            "nu": ("nu",),
            "gamma_p": ("gamma_p", *by_lambda, "nu"),
            "gamma_s": ("gamma_s", *by_lambda, "nu"),
        }.get(name)
        if name.startswith("q"):
            source = (*duals, *by_lambda, "nu")
        elif name.startswith("c"):
            source = (f"{name} in units", "nu")
            chain.solve(f"{name} in units of nu.", symbol, using=(f"y_{name[2:]}",), name=source[0])
        chain.add(
            Identity(
                f"{name}, its definitions written out.",
                symbol,
                form,
                using=(*source, *explicit),  # type: ignore[misc]
                name=f"closed {name}",  # type: ignore[misc]
            )
        )
    derivation = chain.derivation(("psi_r stationary in gamma_s and the q_k", "Lambda_1 = 2 gamma_p"))
    base = energy_map(level)
    return tuple(
        Formula(
            id=f"psi_parameters.{level}.{name}",
            title=f"{name} of an energy point, level {level}",
            statement=Eq(Symbol(name, positive=True), form, evaluate=False),
            derivation=derivation,
            status=base.status,
            source=base.source,
            assumptions=("P_r stationary", "P_r = -budget"),
            concludes=f"closed {name}",
        )
        for name, form in psi_parameters(level).items()
    )


@lru_cache(maxsize=32)
def energy_map(level: Level) -> Formula:
    """The statement psi_r = nu (P_r + budget) on the closed-form relations, with its derivation."""
    lifting = Lifting(level)
    steps, sphere = _sphere_chain(level)
    psi, P, budget = Symbol("psi"), Symbol("P"), Symbol("budget")
    balance = gamma_s - gamma_p - coupling(lifting) + InputSphere().integrated(lifting).name
    E, in_psi, in_energy = Symbol("E"), Symbol("T_V"), Symbol("T_M")
    written_out = ("E as terms", "sphere", *(f"Theta_{k}" for k in range(level.r, 0, -1)))
    derivation = Derivation(
        (
            *steps,
            *_count_steps(lifting),
            Definition("Sphere, norms and coupling.", Eq(E, balance, evaluate=False), name="E as terms"),
            Identity("They are nu times the sphere part.", E, nu * sphere, using=("E as terms", "E"), name="E closed"),
            Definition("The psi form.", Eq(psi, E + alpha * in_psi + budget * nu, evaluate=False), name="psi"),
            Identity(
                "That is the sum of its blocks.",
                psi,
                Add(*psi_blocks(lifting, Function("d", real=True), budget).values()),
                using=("psi", *written_out, "T_V"),
            ),
            Definition("The energy form.", Eq(P, sphere + alpha * in_energy, evaluate=False), name="P"),
            Identity(
                "Every term of the one is nu times a term of the other.",
                psi,
                nu * (P + budget),
                using=("psi", "P", "E closed", "count"),
            ),
        ),
        ("psi_r stationary in gamma_s and the q_k", "Lambda_1 = 2 gamma_p"),
    )
    return Formula.concluding(
        f"energy_map.{level}",
        f"From the psi form to the energy form, level {level}",
        derivation,
        status=Status.FULLY_LIFTED if level.r > 1 and not level.partial else Status.RIGOROUS,
        source=SOURCE + "; arXiv 2302.14112 (replica form)",
        assumptions=("chi = 2 gamma_p nu", "y_k = c_k nu"),
    )
