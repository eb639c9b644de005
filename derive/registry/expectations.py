"""The innermost expectation W: closed form, limits, flow and bounds."""

from __future__ import annotations

from functools import partial

from sympy import Add, Derivative, Eq, Expr, Gt, Integer, Limit, Lt, Rational, exp, oo, sqrt
from sympy.core.relational import Relational

from ..blocks.innermost import Innermost, innermost, u
from ..core.formulas import Derivation
from ..core.gaussian import Expectation, Phi
from ..core.steps import Identity
from ..networks.gates import Gate
from .entries import Comparison, Entry, make_entry, stated
from .envelopes import GATES

LIMIT = "value at an extreme point"
# where 1 - W and W - exp(-y) are not so small that balls of some width cannot tell them from 0
ENCLOSED = {
    "x": (Integer(-1), Integer(1)),
    "y": (Rational(1, 2), Rational(3, 2)),
    "chi": (Rational(1, 2), Integer(1)),
}


def entries() -> list[Entry]:
    """W of every gate, its limits, and the bounds of the ReLU."""
    found = [make_entry(innermost(g).formula, "numerical quadrature of the expectation") for g in GATES]
    for gate in GATES[:3]:
        inner = innermost(gate)
        for name, title, statement, how in _consequences(gate, inner):
            # in the far tail W is 1 to more digits than are compared, and a difference of it is noise
            near = {"x": (Integer(-3), Integer(3))} if name in ("first_order", "heat") else None
            found.append(_consequence(inner, name, title, statement, how, near))
    inner = innermost(GATES[0])
    wide = {"x": (Integer(-3), Integer(3)), "D": (Rational(1, 10), Integer(1))}
    for name, title, statement in (
        ("at_most_one", "W is less than 1", Lt(inner.W, 1)),
        ("at_least", "W is greater than exp(-y)", Gt(inner.W, exp(-inner.y))),
        ("decreasing", "W decreases in the field", Lt(Derivative(inner.W, inner.x), 0)),
    ):
        bound = _consequence(inner, name, title, statement, "signs at points, edges of the domain included", wide)
        found.append(bound.also("enclosure on a box at D = 1", partial(_at_unit_variance, inner), ENCLOSED))
    return found


def _at_unit_variance(inner: Innermost, statement: Relational) -> list[Comparison]:
    """x in units of sqrt(D), chi in units of D: the variance is no parameter of its own."""
    return [Comparison.of(statement.func(*(side.doit().subs(inner.D, 1) for side in statement.args), evaluate=False))]


def _consequences(gate: Gate, inner: Innermost) -> list[tuple[str, str, Relational, str]]:
    W, x, D, y, chi = inner.W, inner.x, inner.D, inner.y, inner.chi
    left, right = gate.limits()
    at_field = gate.envelope(x + sqrt(D) * u, chi)

    def eq(a: Expr, b: Expr) -> Relational:
        return Eq(a, b, evaluate=False)

    return [
        ("no_lifting", "W as y -> 0", eq(Limit(W, y, 0), Integer(1)), LIMIT),
        ("first_order", "First order of W in y", eq(Limit((1 - W) / y, y, 0), Expectation(at_field, u)), LIMIT),
        ("no_variance", "W as D -> 0", eq(Limit(W, D, 0), exp(-y * gate.envelope(x, chi))), LIMIT),
        ("far_left", "W as x -> -oo", eq(Limit(W, x, -oo), exp(-left * y)), LIMIT),
        ("far_right", "W as x -> +oo", eq(Limit(W, x, oo), exp(-right * y)), LIMIT),
        ("stiff", "W as chi -> 0", eq(Limit(W, chi, 0), 1 - (1 - exp(-y)) * _activity(gate, inner)), LIMIT),
        ("soft", "W as chi -> oo", eq(Limit(W, chi, oo), Integer(1)), LIMIT),
        (
            "heat",
            "Heat equation of W in the variance",
            eq(Derivative(W, D), Derivative(W, (x, 2)) / 2),
            "difference quotients of both sides",
        ),
    ]


def _activity(gate: Gate, inner: Innermost) -> Expr:
    """Probability that N(x, D) is in the active set."""
    scale = sqrt(inner.D)
    return Add(*(Phi((b - inner.x) / scale) - Phi((a - inner.x) / scale) for a, b in gate.components))


def _consequence(
    inner: Innermost, name: str, title: str, statement: Relational, how: str, ranges: dict | None = None
) -> Entry:
    formula = stated(
        f"innermost.{inner.gate}.{name}",
        f"{title}, gate {inner.gate}",
        statement,
        # limits and signs have their checks only: SymPy takes them in ten seconds or not at all
        derivation=Derivation((Identity("Differentiate.", *statement.args),)) if name == "heat" else None,
        source=inner.formula.source,
        assumptions=inner.formula.assumptions,
    )
    return make_entry(formula, how, ranges=ranges)
