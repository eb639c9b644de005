"""The closed-form relations of every level, checked in the stationarity conditions they solve."""

from __future__ import annotations

from sympy import Derivative, Expr, Integer, Rational, Subs, Symbol
from sympy.core.relational import Relational

from ..blocks.sphere import InputSphere, coupling
from ..core.formulas import Derivation, Formula
from ..core.insertion import insert
from ..core.steps import Identity
from ..core.symbols import Level, Lifting, gamma_p, gamma_s
from ..objectives.relations import LiftingRelations, recursion, relations
from .entries import Comparison, Entry, make_entry

LEVELS = ("1", "2p", "2", "3", "4")
SPHERE = InputSphere()
# not the range of the p: next to p = q every c_k vanishes
DUAL = {"q": (Rational(1, 400), Rational(399, 400)), "gamma_p": (Rational(1, 40), Rational(2, 5))}
STATIONARY = "difference quotients of the written-out psi bracket in gamma_s and the q_k, and psi = 0 along the scaling"
DEFINITION = "the defining recursion of the running susceptibility"


def entries() -> list[Entry]:
    """Every key of the relations, the products that they satisfy, and the recursion."""
    found = []
    for text in LEVELS:
        solved = relations(text)
        found += [_relation(solved, name, formula) for name, formula in zip(solved, solved.formulas, strict=True)]
        found += _products(solved)
    return [*found, _recursion()]


def _c_symbols(lifting: Lifting) -> list[Symbol]:
    return [lifting.c(k) for k in lifting.steps]


def conditions(lifting: Lifting, forms: dict[str, Expr]) -> list[Comparison]:
    """Stationarity in gamma_s and the free q_k, and Y = gamma_s - gamma_p - coupling = 0, at the given forms."""
    symbols = [gamma_s, *_c_symbols(lifting)]
    values = [forms[str(s)] for s in symbols]
    sphere, joint = SPHERE.psi_term(lifting), coupling(lifting)

    def at(expr: Expr) -> Expr:
        return Subs(expr, symbols, values)

    found = [Comparison(at(Derivative(sphere - gamma_s, gamma_s)), Rational(-1))]
    for q in lifting.overlaps(lifting.q):
        found.append(Comparison(at(Derivative(sphere, q)), at(Derivative(joint, q))))
    return [*found, Comparison(at(gamma_s - joint), forms["gamma_p"])]


def _definitions(lifting: Lifting, forms: dict[str, Expr]) -> dict[Symbol, Expr]:
    """Theta_k and Lambda_k by their defining recursions, at the given gamma_s, gamma_p and c_k."""
    at = {gamma_s: forms["gamma_s"]} | {c: forms[str(c)] for c in _c_symbols(lifting)}
    found: dict[Symbol, Expr] = {lifting.Theta(1): 2 * forms["gamma_s"], lifting.Lambda(1): 2 * forms["gamma_p"]}
    for k in lifting.steps:
        c = at[lifting.c(k)]
        found[lifting.Theta(k)] = found[lifting.Theta(k - 1)] - c * lifting.increment(lifting.q, k)
        found[lifting.Lambda(k)] = found[lifting.Lambda(k - 1)] + c * lifting.increment(lifting.p, k)
    return found


def _relation(solved: LiftingRelations, name: str, formula: Formula) -> Entry:
    lifting = Lifting(solved.level)

    def route(statement: Relational) -> list[Comparison]:
        if name.startswith(("Theta", "Lambda")):
            defined = _definitions(lifting, solved.forms)
            return [Comparison(defined[Symbol(name, positive=True)], statement.rhs)]
        return conditions(lifting, solved.forms | {name: statement.rhs})

    how = DEFINITION if name.startswith(("Theta", "Lambda")) else STATIONARY
    return make_entry(formula, how, route, ranges=DUAL)


def _products(solved: LiftingRelations) -> list[Entry]:
    """gamma_s gamma_p = 1/4, Theta_k Lambda_k = 1, and the products of neighbours."""
    lifting = Lifting(solved.level)
    Theta, Lambda = lifting.Theta, lifting.Lambda
    gammas = ("closed gamma_s", "closed gamma_p")
    statements = [("gammas", "Product of the norm multipliers", gamma_s * gamma_p, Rational(1, 4), gammas)]
    for k in range(1, solved.level.r + 1):
        title, using = f"Theta_{k} and Lambda_{k}", (f"Lambda_{k}",)
        statements.append((f"inverse_{k}", title, Theta(k) * Lambda(k), Integer(1), using))  # type: ignore[arg-type]
    for k in lifting.steps:
        ratio = lifting.increment(lifting.p, k) / lifting.increment(lifting.q, k)
        for letter, family, value in (("Lambda", Lambda, ratio), ("Theta", Theta, 1 / ratio)):
            title = f"Product of neighbouring {letter}_k, k = {k}"
            using = (f"closed {letter}_{k - 1}", f"closed {letter}_{k}")  # type: ignore[assignment]
            statements.append((f"{letter}_product_{k}", title, family(k - 1) * family(k), value, using))  # type: ignore[arg-type]
    first = solved.formulas[0]

    def route(statement: Relational) -> list[Comparison]:
        defined = _definitions(lifting, solved.forms) | {gamma_s: solved["gamma_s"]}
        if gamma_p != solved["gamma_p"]:
            defined |= {gamma_p: solved["gamma_p"]}
        return [Comparison(insert(statement.lhs, defined), statement.rhs)]

    return [
        make_entry(
            Formula.concluding(
                f"relations.{solved.level}.{name}",
                f"{title}, level {solved.level}",
                Derivation(
                    (*solved.derivation.steps, Identity("Multiply.", left, right, using=using)), solved.derivation.uses
                ),
                status=first.status,
                source=first.source,
                assumptions=solved.derivation.uses,
            ),
            DEFINITION,
            route,
            ranges=DUAL,
        )
        for name, title, left, right, using in statements
    ]


def _recursion() -> Entry:
    """The recursion with symbolic k, at every k of levels 3 and 4."""
    formula = recursion()
    names = {s.name: s for s in formula.variables}

    def route(statement: Relational) -> list[Comparison]:
        found = []
        for r in (3, 4):
            lifting, forms = Lifting(Level(r)), relations(r)
            for k in lifting.steps:
                at = {
                    names["c_k"]: forms[f"c_{k}"],
                    names["Theta_k"]: forms[f"Theta_{k}"],
                    names["Theta_{k-1}"]: forms[f"Theta_{k - 1}"],
                    names["p_k"]: lifting.p(k),
                    names["p_{k-1}"]: lifting.p(k - 1),
                }
                found.append(Comparison(*(insert(side, at) for side in statement.args)))
        return found

    return make_entry(formula, "the closed forms of levels 3 and 4, index by index", route, ranges=DUAL, instances=True)
