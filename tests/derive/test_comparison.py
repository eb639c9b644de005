"""Gordon's comparison at the plain level: the chain ends where the objective begins, and the steps hold what they say."""

import random

from sympy import Rational, Symbol

from flrdt.derive import objective, render
from flrdt.derive.blocks.innermost import plain_expectation
from flrdt.derive.core.formulas import Verdict
from flrdt.derive.core.symbols import alpha, chi
from flrdt.derive.lemmas.comparison import covariances, plain_bound, plain_objective
from flrdt.derive.networks.gates import relu


def test_the_chain_ends_in_the_objective_of_level_1():
    assert plain_objective().statement == objective(level=1).formula("psi").statement
    assert plain_objective().verdict() is Verdict.PROVED and plain_bound().verdict() is Verdict.PROVED
    assert plain_bound().statement.rhs == -objective(level=1).energy


def test_the_covariances_by_vectors_in_three_dimensions():
    """The covariance of u.A x is a sum over the entries of the matrix; the vectors are rational points of the sphere."""
    draw = random.Random(1)

    def point():
        a, b = Rational(draw.randint(1, 9), 5), Rational(draw.randint(1, 9), 7)
        return [2 * a / (1 + a**2 + b**2), 2 * b / (1 + a**2 + b**2), (1 - a**2 - b**2) / (1 + a**2 + b**2)]

    for _ in range(5):
        u, v, x, w = (point() for _ in range(4))
        bilinear = sum(u[i] * x[j] * v[i] * w[j] for i in range(3) for j in range(3)) + 1
        decoupled = sum(i * j for i, j in zip(u, v, strict=True)) + sum(i * j for i, j in zip(x, w, strict=True))
        a, b = (sum((i - j) ** 2 for i, j in zip(*pair, strict=True)) for pair in ((u, v), (x, w)))
        named = {Symbol("a", nonnegative=True): a, Symbol("b", nonnegative=True): b}
        assert bilinear - decoupled == covariances().statement.rhs.subs(named) >= 0


def test_the_bound_reaches_the_budget_at_the_value_of_a_published_table():
    """The replica-symmetric capacity 7.65 of arXiv 2302.14112: there the best chi gives the budget 1."""
    bound = alpha * plain_expectation(relu()) - 1 / (2 * chi)
    for width, reached in (("7.645", False), ("7.655", True)):
        best = max(bound.subs({alpha: Rational(width), chi: Rational(k, 100)}).evalf() for k in range(55, 72))
        assert bool(best >= 1) is reached


def test_sympy_source_rebuilds_the_steps():
    for formula in (covariances(), plain_bound(), plain_objective()):
        names: dict = {}
        exec(render.formulas([formula], "sympy", steps=True), names)
        assert names[formula.id.replace(".", "_")] == formula.statement
        for i, link in enumerate(formula.derivation, start=1):
            assert names[f"step_{i}"] == link.expression
