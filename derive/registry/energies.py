"""The objective in both forms, and the map between them."""

from __future__ import annotations

from functools import partial

from sympy import Expr, Integer, Rational, Subs, Symbol, log
from sympy.core.relational import Relational

from ..blocks.innermost import innermost, plain_expectation
from ..blocks.sphere import InputSphere, coupling
from ..core.formulas import Formula
from ..core.gaussian import Expectation
from ..core.insertion import insert
from ..core.symbols import Level, Lifting, alpha, chi, gamma_p, nu
from ..objectives.energy_map import energy_map, energy_sphere, psi_parameter_formulas, psi_parameters
from ..objectives.objective import objective
from ..objectives.relations import relations
from .entries import Comparison, Entry, make_entry
from .envelopes import GATES

LEVELS = ("1", "2p", "2", "3")
budget = Symbol("budget", positive=True)
# where nested quadrature is affordable
NESTED = {
    "p": (Rational(1, 3), Rational(2, 3)),
    "chi": (Rational(1, 4), Integer(2)),
    "y_2": (Rational(1, 4), Integer(3)),
}
PSI = "the written-out psi bracket at the psi parameters of an energy point"


def entries() -> list[Entry]:
    """Energy map, psi parameters and objectives."""
    found = [_map(text) for text in LEVELS]
    for text in ("2p", "2", "3"):
        found += _parameters(text)
    for text in ("1", "2p", "2"):
        found += [_objective(text, form) for form in ("energy", "psi")]
    return found


def _at_psi_parameters(level: Level, expr: Expr) -> Expr:
    forms = psi_parameters(level)
    return Subs(expr, [Symbol(n, positive=True) for n in forms], list(forms.values()))


def _bracket(lifting: Lifting) -> Expr:
    return InputSphere().psi_term(lifting) - coupling(lifting) - gamma_p


def _map(text: str) -> Entry:
    level = Level.parse(text)
    lifting = Lifting(level)
    # both forms have the sphere only: the count terms are those of the objective entries
    psi = _at_psi_parameters(level, _bracket(lifting) + budget * nu)

    def route(statement: Relational) -> list[Comparison]:
        inserted = {Symbol("psi"): _bracket(lifting) + budget * nu, Symbol("P"): energy_sphere(lifting)}
        inserted |= {Symbol("budget"): budget}
        right = insert(statement.rhs, inserted)
        return [Comparison(psi, _at_psi_parameters(level, right))]

    return make_entry(energy_map(level), PSI, route)


def _parameters(text: str) -> list[Entry]:
    """Psi parameters of an energy point: with them the closed-form relations hold."""
    level = Level.parse(text)
    lifting = Lifting(level)
    forms, solved = psi_parameters(level), relations(level)
    duals = [str(q) for q in lifting.overlaps(lifting.q)]
    free = ["gamma_p"] if level.partial else duals

    def route(name: str, statement: Relational) -> list[Comparison]:
        here = forms | {name: statement.rhs}
        symbols = [Symbol(n, positive=True) for n in free]
        values = [here[n] for n in free]
        keys = ["gamma_s", *(["gamma_p"] if not level.partial else []), *(str(lifting.c(k)) for k in lifting.steps)]
        found = [Comparison(Subs(solved[key], symbols, values), here[key]) for key in keys]
        return [*found, Comparison(2 * here["gamma_p"] * here["nu"], chi)]

    return [
        make_entry(formula, "the closed-form relations at the mapped parameters", partial(route, name))
        for name, formula in zip(forms, psi_parameter_formulas(level), strict=True)
    ]


def _closed_count(level: Level) -> Expr:
    """The tower of minus the ReLU's envelope, with as many closed forms as there are."""
    gate, lifting = GATES[0], Lifting(level)
    if level.r == 1:
        return -plain_expectation(gate)
    inner = innermost(gate)
    p, y, u = lifting.p(2), lifting.y(2), Symbol("u", real=True)
    at = insert(inner.W, {inner.D: 1 - p, inner.y: y, inner.x: p ** Rational(1, 2) * u})
    return log(at) / y if level.partial else Expectation(log(at) / y, u)


def _objective(text: str, form: str) -> Entry:
    """An objective as written, nested expectations included, against closed forms through the other form."""
    level = Level.parse(text)
    lifting = Lifting(level)
    formula: Formula = objective(level=level).formula(form)
    count = alpha * _closed_count(level)

    def route(statement: Relational) -> list[Comparison]:
        if form == "energy":
            sphere = _at_psi_parameters(level, _bracket(lifting) / nu)
            return [Comparison(statement.rhs, sphere + count)]
        mapped = _at_psi_parameters(level, statement.rhs)
        scale = psi_parameters(level)["nu"]
        return [Comparison(mapped, scale * (energy_sphere(lifting) + count + Integer(1)))]

    nested = level.r > 1 and not level.partial
    return make_entry(
        formula,
        "numerical quadrature of the nested expectations; closed forms through the other form of the objective",
        route,
        most=1 if nested else None,
        ranges=NESTED if nested else None,
    )
