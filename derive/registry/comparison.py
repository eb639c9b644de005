"""Gordon's comparison at the plain level: covariances, the bound on the count, and the objective from the decoupled problem."""

from __future__ import annotations

from sympy import Add, Expr, Integer, Rational, Symbol, cos, sin
from sympy.core.relational import Relational

from ..blocks.innermost import plain_expectation
from ..core.gaussian import H, phi
from ..core.insertion import insert
from ..core.symbols import alpha, chi, gamma_p, gamma_s, nu
from ..lemmas.comparison import covariances, plain_bound, plain_objective
from .entries import Comparison, Entry, make_entry
from .envelopes import GATES

a, b = (Symbol(n, nonnegative=True) for n in ("a", "b"))
t = Symbol("t", positive=True)
RANGES = {
    "a": (Integer(0), Integer(4)),
    "b": (Integer(0), Integer(4)),
    "t": (Rational(1, 5), Rational(19, 10)),  # off the curve t = sqrt(2 chi), where both sides are equal
    "chi": (Rational(1, 20), Integer(2)),
}


def entries() -> list[Entry]:
    """The chain from Gordon's inequality to the objective of level 1."""
    return [
        make_entry(
            covariances(),
            "sums over the entries of vectors and of the matrix in the plane",
            _in_the_plane,
            ranges=RANGES,
        ),
        make_entry(
            plain_bound(),
            "the counts of the best decoupled pre-activations: those between 0 and t are silenced, at distance 1 in all",
            _best_counts,
            ranges=RANGES,
        ),
        make_entry(plain_objective(), "the closed form of the mean envelope", _closed),
    ]


def _in_the_plane(statement: Relational) -> list[Comparison]:
    """Vectors at angles; the covariance of u.A x is a sum over the entries of the matrix."""
    one, other = Symbol("a", nonnegative=True), Symbol("b", nonnegative=True)
    u, x = (Integer(1), Integer(0)), (Integer(0), Integer(1))
    v, w = (cos(one), sin(one)), (-sin(other), cos(other))
    bilinear = Add(*(u[i] * x[j] * v[i] * w[j] for i in range(2) for j in range(2))) + 1
    decoupled = Add(*(u[i] * v[i] for i in range(2))) + Add(*(x[i] * w[i] for i in range(2)))
    distances = {one: _squared(u, v), other: _squared(x, w)}
    return [Comparison(bilinear - decoupled, insert(statement.rhs, distances))]


def _squared(first: tuple[Expr, ...], second: tuple[Expr, ...]) -> Expr:
    return Add(*((i - j) ** 2 for i, j in zip(first, second, strict=True)))


def _best_counts(statement: Relational) -> list[Comparison]:
    """At the alpha where silencing all pre-activations up to t costs the distance 1, alpha H(t) rows stay active."""
    width = 1 / (Rational(1, 2) - H(t) - t * phi(t))
    bound = width * plain_expectation(GATES[0]) - 1 / (2 * chi)
    return [Comparison(width * H(t), bound, ">=")]


def _closed(statement: Relational) -> list[Comparison]:
    rows = nu * plain_expectation(GATES[0]).subs(chi, 2 * gamma_p * nu)
    return [Comparison(statement.rhs, gamma_s + 1 / (4 * gamma_s) - gamma_p + nu - alpha * rows)]
