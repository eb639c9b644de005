"""Towers: the quadratic tower in closed form, merging of levels, limits and scaling."""

from __future__ import annotations

from sympy import Eq, Expr, Integer, Limit, Rational, Subs, Symbol, exp, log, oo, sqrt
from sympy.core.relational import Relational

from ..blocks.innermost import innermost, plain_expectation
from ..blocks.sphere import InputSphere, coupling
from ..blocks.tower import tower
from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation
from ..core.insertion import insert
from ..core.steps import Approach, Definition, GaussianMean, Identity, Solution
from ..core.symbols import Level, Lifting, gamma_p, gamma_s
from ..objectives.energy_map import energy_sphere
from ..objectives.relations import SOURCE, scaling
from .entries import Comparison, Entry, make_entry, stated
from .envelopes import GATES

SPHERE = InputSphere()


def entries() -> list[Entry]:
    """Towers of quadratic forms, merged levels, and the scaling symmetry."""
    found = [_one_step(), *(_quadratic(level) for level in ("1", "2p", "2"))]
    found += [*_merged_spheres(), *_towers()]
    found += [_scaling(level) for level in ("1", "2p", "2", "3")]
    return found


def _one_step() -> Entry:
    """One integration of the quadratic tower."""
    h, c, d, before, after = (Symbol(n, positive=True) for n in ("h", "c", "d", "Theta_1", "Theta_2"))
    u = Symbol("u", real=True)
    integrand = exp(c * (h + sqrt(d) * u) ** 2 / (2 * before))
    level = h**2 / (2 * after) - log(after / before) / (2 * c)
    left = log(Expectation(integrand, u)) / c
    explicit = level.subs(after, before - c * d)
    derivation = Derivation(
        (
            Definition("A name for the new Theta.", Eq(after, before - c * d, evaluate=False), name="Theta"),
            Solution("It stands for the variance.", d, (before - after) / c, using=("Theta",), name="d"),
            GaussianMean(
                "Complete the square.",
                *(integrand, u, Integer(0), Integer(1), -oo, oo),
                sqrt(before / after) * exp(c * h**2 / (2 * after)),
                using=("d",),
                name="mean",
            ),
            Identity("Take the logarithm.", left, level, using=("mean",), name="level"),
            Identity("Write the new Theta out.", left, explicit, using=("level", "Theta")),
        )
    )
    formula = Formula.concluding(
        "tower.quadratic.step",
        "One integration of the quadratic tower",
        derivation,
        source=SOURCE,
        assumptions=("c d < Theta_1",),
    )
    return make_entry(
        formula,
        "numerical quadrature",
        ranges={"Theta_1": (Integer(8), Integer(20)), "h": (Integer(0), Integer(4))},
    )


def _quadratic(text: str) -> Entry:
    """The whole tower of v^2/(4 gamma_s) with the increments of q."""
    lifting = Lifting(Level.parse(text))
    steps = [(lifting.c(k), lifting.increment(lifting.q, k)) for k in lifting.steps]
    nested = tower(lambda v: v**2 / (4 * gamma_s), steps, lifting.q(lifting.level.r))
    integrated = SPHERE.integrated(lifting)
    levels = range(lifting.level.r, 0, -1)
    derivation = Derivation(
        (
            *integrated.steps,
            Identity(
                "Written out, the tower is a nest of means.",
                integrated.name,
                nested,
                using=("T_S", *(f"F_{k}" for k in levels), "Theta_1"),
                name="nested",
            ),
            Identity(
                "Its closed form, with the Theta_k written out.",
                nested,
                SPHERE.psi_term(lifting) - gamma_s,
                using=("~nested", "sphere", *(f"Theta_{k}" for k in levels)),
            ),
        )
    )
    formula = Formula.concluding(
        f"tower.quadratic.{text}",
        f"Tower of the sphere, level {text}",
        derivation,
        source=SOURCE,
        assumptions=("Theta_k > 0",),
    )
    return make_entry(
        formula,
        "nested numerical quadrature",
        most=3 if text == "2" else None,
        ranges={"gamma_s": (Integer(4), Integer(6))},
    )


def _merged_spheres() -> list[Entry]:
    """Merging two levels of the sphere part of the energy form gives the level below."""
    one, two, three = (Lifting(Level(r)) for r in (1, 2, 3))
    partial_level = Lifting(Level(2, True))
    s = {lifting.level: energy_sphere(lifting) for lifting in (one, two, three, partial_level)}
    p2, p3, y2, y3 = three.p(2), three.p(3), three.y(2), three.y(3)
    sphere = {r: s[Level(r)] for r in (1, 2, 3)}
    lower = insert(sphere[2], {p2: p3, y2: y3})  # level 2 with the outer pair of level 3
    cases: list[tuple[str, str, Expr, Expr]] = [
        ("2.p", "p_2 = 1 at level 2", Subs(sphere[2], (p2,), (1,)), sphere[1]),
        ("2.zero", "p_2 = 0 at level 2", Subs(sphere[2], (p2,), (0,)), s[Level(2, True)]),
        ("2.y", "y_2 -> 0 at level 2", Limit(sphere[2], y2, 0), sphere[1]),
        ("2p.y", "y_2 -> 0 at level 2p", Limit(s[Level(2, True)], y2, 0), sphere[1]),
        ("3.first", "p_2 = 1 at level 3", Subs(sphere[3], (p2,), (1,)), lower),
        ("3.p", "p_3 = p_2 at level 3", Subs(sphere[3], (p3,), (p2,)), sphere[2]),
        ("3.y", "y_2 = y_3 at level 3", Subs(sphere[3], (y2,), (y3,)), lower),
        ("3.last", "y_3 -> 0 at level 3", Limit(sphere[3], y3, 0), sphere[2]),
    ]
    found = []
    for name, where, left, right in cases:
        text = "Insert; the merged term vanishes."
        if isinstance(left, Limit):
            step = Approach(text, *left.args[:3], right)  # type: ignore[call-arg]
        else:
            step = Identity(text, left, right)  # type: ignore[assignment]
        formula = Formula.concluding(
            f"merging.sphere.{name}",
            f"Sphere part with merged levels: {where}",
            Derivation((step,)),
            source=SOURCE + "; energy form",
        )
        found.append(make_entry(formula, "values next to and at the merged point"))
    return found


def _towers() -> list[Entry]:
    """The level-2 tower of the ReLU in the limits that merge its levels."""
    inner = innermost(GATES[0])
    lifting = Lifting(Level(2))
    p, y, u = lifting.p(2), lifting.y(2), Symbol("u", real=True)
    level = log(insert(inner.W, {inner.D: 1 - p, inner.y: y, inner.x: sqrt(p) * u})) / y
    outer = Expectation(level, u)
    cases = (
        ("2.y", "y_2 -> 0 at level 2", Limit(outer, y, 0), -plain_expectation(GATES[0])),
        ("2.zero", "p_2 -> 0 at level 2", Limit(outer, p, 0), level.subs(p, 0)),
    )
    return [
        make_entry(
            stated(
                f"merging.tower.{name}",
                f"Tower with merged levels: {where}",
                Eq(left, right, evaluate=False),
                source=SOURCE,
            ),
            "numerical quadrature next to the merged point",
            ranges={"p": (Rational(1, 20), Rational(19, 20))},
        )
        for name, where, left, right in cases
    ]


def _scaling(text: str) -> Entry:
    formula = scaling(text)
    lifting = Lifting(Level.parse(text))
    lam = Symbol("lambda", positive=True)
    tower_part = SPHERE.psi_term(lifting) - gamma_s
    rest = gamma_s - gamma_p - coupling(lifting)
    scaled = [gamma_s, gamma_p, *(lifting.c(k) for k in lifting.steps)]

    def route(statement: Relational) -> list[Comparison]:
        left = Subs(tower_part + rest, scaled, [s / lam for s in scaled])
        parts = {Symbol("X", real=True): tower_part, Symbol("Y", real=True): rest}
        return [Comparison(left, insert(statement.rhs, parts))]

    return make_entry(
        formula,
        "values of the written-out bracket at scaled parameters",
        route,
        ranges={"gamma_s": (Integer(4), Integer(6))},
    )
