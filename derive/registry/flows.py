"""The flow in the overlap: tilted density and averages along it, and the objective's integrals in the limit of many levels."""

from __future__ import annotations

from sympy import Derivative, Dict, Eq, Expr, Function, Integer, Rational, Symbol, diff, exp, log, sqrt
from sympy.core.relational import Relational

from ..blocks.innermost import innermost
from ..conditions.flow import (
    SOURCE,
    dual_overlap_integral,
    forward_equation,
    generator,
    response,
    slope_growth,
    slope_is_conserved,
    sphere_integral,
)
from ..conditions.stationarity import TiltedExpectation
from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation, phi
from ..core.insertion import insert
from ..core.steps import Identity, Substitution, Theorem
from .entries import Comparison, Entry, make_entry
from .envelopes import GATES

x, u = Symbol("x", real=True), Symbol("u", real=True)
p = Symbol("p", real=True)
y = Symbol("y", positive=True)
INNER = innermost(GATES[0])

# the flow is watched between these overlaps; it starts at the first one, at the field z
START = Rational(1, 2)
RANGES = {"p": (Rational(3, 5), Rational(9, 10)), "x": (Integer(-2), Integer(2)), "z": (Integer(-2), Integer(2))}
SMOOTH = RANGES | {"p": (Rational(3, 5), Rational(7, 10)), "y": (Rational(1, 4), Integer(3))}


def entries() -> list[Entry]:
    """Forward equation, averages along the flow, and the integrals of the limit."""
    found = [_semigroup(), _forward()]
    found += [_average(f, x**2 * p) for f in (generator(), slope_is_conserved(), slope_growth())]
    found.append(_average(response(), diff(log(_W(x, p)) / y, y), most=1))  # y moves by 1
    integrals = [sphere_integral(level) for level in ("2p", "2", "3")]
    integrals += [dual_overlap_integral(level, k) for level, k in (("2", 1), ("3", 1), ("3", 2))]
    # next to chi = 0 the integrands are almost singular
    wide = {"chi": (Rational(1, 5), Integer(2))}
    found += [make_entry(formula, "numerical quadrature of the integrals", ranges=wide) for formula in integrals]
    return found


def _W(field: Expr, overlap: Expr) -> Expr:
    """The innermost level of the ReLU on its step, at an overlap."""
    return insert(INNER.W, {INNER.x: field, INNER.D: 1 - overlap})


def _semigroup() -> Entry:
    """Increments of the field add their variances: the tilted law keeps its mass."""
    D, d, v, h = INNER.D, Symbol("d", positive=True), Symbol("v", real=True), Symbol("h", real=True)
    f = Function("f")
    moved = INNER.x + sqrt(d) * v
    law = Eq(
        Expectation(Expectation(f(moved + sqrt(D) * u), u), v),
        Expectation(f(INNER.x + sqrt(D + d) * u), u),
        evaluate=False,
    )
    weight = exp(-INNER.y * INNER.gate.envelope(h, INNER.chi))
    inner, outer = INNER.W.subs(INNER.x, moved), INNER.W.subs(D, D + d)
    steps = (
        *INNER.formula.derivation.steps,
        Theorem("The sum of independent normals is normal.", law, "stability of the normal law", name="stability"),
        Substitution(
            "Average the weight of the envelope.",
            *(Dict({f(h): weight}), law.rhs.replace(f, lambda a: weight.subs(h, a))),
            using=("stability",),
            name="sum",
        ),
        Substitution("The inner mean.", Dict({INNER.x: moved}), inner, using=("innermost",), name="inner"),
        Substitution("The mean at once.", Dict({D: D + d}), outer, using=("innermost",), name="outer"),
        Identity("Insert both.", Expectation(inner, v), outer, using=("~inner", "sum", "outer")),
    )
    formula = Formula.concluding(
        "flow.mass",
        "Mass of the tilted law along the flow, innermost step of the ReLU",
        Derivation(steps),
        source=SOURCE,
    )
    ranges = {"D": (Rational(1, 5), Integer(1)), "d": (Rational(1, 50), Integer(1)), "x": (Integer(-4), Integer(4))}
    return make_entry(formula, "numerical quadrature of the closed form at the smaller variance", ranges=ranges)


def _forward() -> Entry:
    """The law that starts in a point, whose density is known: a Gaussian kernel times a quotient of W."""
    z = Symbol("z", real=True)
    density = phi((x - z) / sqrt(p - START)) / sqrt(p - START) * _W(x, p) / _W(z, START)
    concrete = {Function("f")(x, p): log(_W(x, p)) / y, Function("m")(x, p): density}

    def route(statement: Relational) -> list[Comparison]:
        return [Comparison(*(side.xreplace(concrete) for side in statement.args))]

    return make_entry(
        forward_equation(), "difference quotients of the explicit density from a point", route, ranges=RANGES
    )


def _average(formula: Formula, observable: Expr, most: int = 3) -> Entry:
    """Averages from a point: one normal, reweighted by W."""
    z = Symbol("z", real=True)
    flow, eta = log(_W(x, p)) / y, Symbol("eta", real=True)
    concrete = {Function("f")(x, p): flow, Function("g")(x, p): observable, eta: Integer(1)}

    def average(node: TiltedExpectation) -> Expr:
        at = (_W(x, p) * node.args[0].xreplace(concrete).doit()).subs(x, z + sqrt(p - START) * u)
        return Expectation(at, u) / _W(z, START)

    def route(statement: Relational) -> list[Comparison]:
        nodes = {t: average(t) for t in statement.atoms(TiltedExpectation)}
        left, right = (side.xreplace(nodes) for side in statement.args)
        if left.has(TiltedExpectation) or not left.has(Derivative):
            raise ValueError(f"{statement} does not differentiate a tilted mean on its left")
        return [Comparison(left, right)]

    return make_entry(
        formula,
        "difference quotient of quadrature over the law that starts in a point",
        route,
        most=most,
        ranges=SMOOTH,
    )
