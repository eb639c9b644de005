r"""Counts at finite size: how often one or a few inputs suffice to refute injectivity of a random layer.

Rows are independent with a symmetric law, in general position.  A *ray* is an oriented line orthogonal to n - 1 of the m
rows; the least number of active rows over all inputs is attained next to one.
"""

from __future__ import annotations

from functools import lru_cache

from sympy import Eq, Expr, Function, Integer, Sum, Symbol, binomial

from ..core.formulas import Derivation, Formula
from ..core.steps import Definition, Identity, Step, Theorem

__all__ = ["expected_rays", "line_probability"]

SOURCE = "counting of sign patterns; arXiv 2006.08464 (spanning condition)"

m, n = (Symbol(name, integer=True, positive=True) for name in "mn")
k, j = (Symbol(name, integer=True, nonnegative=True) for name in "kj")
MEAN, CHANCE, RAYS = Function("E_rays"), Function("P_rays"), Function("rays")


def _steps() -> tuple[Step, ...]:
    others = m - n + 1
    at_most: Expr = Sum(binomial(others, j), (j, 0, k)) / 2**others
    lines = binomial(m, n - 1)
    return (
        Theorem(
            "Every n - 1 rows leave one line, with two orientations, and different ones leave different lines.",
            Eq(RAYS(m, n), 2 * lines, evaluate=False),
            "T. Zaslavsky, Facing up to arrangements, Mem. Amer. Math. Soc. 154 (1975): flats of an arrangement in general position",
            name="rays",
        ),
        Theorem(
            "Flipping a row changes no line: whether each of the others is active is a fair coin of its own.",
            Eq(CHANCE(m, n, k), at_most, evaluate=False),
            "J. G. Wendel, Math. Scand. 11 (1962) 109: signs of symmetric rows are independent and fair; binomial distribution",
            name="chance",
        ),
        Definition(
            "The mean number is the sum of the probabilities of the rays, which are equal.",
            Eq(MEAN(m, n, k), RAYS(m, n) * CHANCE(m, n, k), evaluate=False),
            name="mean",
        ),
        Identity(
            "Insert the count and the probability.",
            *(MEAN(m, n, k), 2 * lines * at_most),
            using=("mean", "rays", "chance"),
            name="expected",
        ),
    )


@lru_cache(maxsize=1)
def expected_rays() -> Formula:
    r"""Expected number of rays with at most k active rows, :math:`2 \binom m{n-1} P(Bin(m-n+1, \tfrac12) \le k)`.

    >>> expected_rays().statement.rhs.subs({m: 4, n: 2, k: 1}).doit()
    4
    """
    return _formula(
        "finite.rays",
        "Expected number of rays with at most k active rows",
        _steps(),
        ("rows independent, symmetric, in general position", "n <= m", "k <= m - n + 1"),
    )


@lru_cache(maxsize=1)
def line_probability() -> Formula:
    r"""Probability that m rows are injective on the line, :math:`1 - 2^{1-m}`: both signs have to occur.

    >>> line_probability().statement.rhs.subs(m, 3)
    3/4
    """
    refuted, one = MEAN(m, Integer(1), Integer(0)), Symbol("P")
    mean = 2 * Integer(2) ** -m
    steps = (
        *_steps(),
        Identity("One input, and no active row.", refuted, mean, using=("expected",), name="refuted"),
        Definition(
            "An orientation refutes injectivity if no row is active; the two exclude each other, so their mean number is the "
            "probability.",
            Eq(one, 1 - refuted, evaluate=False),
            name="injective",
        ),
        Identity("Insert it.", one, 1 - mean, using=("injective", "refuted")),
    )
    title = "Probability that a layer with one input is injective"
    return _formula("finite.line", title, steps, ("n = 1", "rows independent and symmetric"))


def _formula(id: str, title: str, steps: tuple[Step, ...], assumptions: tuple[str, ...]) -> Formula:
    return Formula.concluding(id, title, Derivation(steps), source=SOURCE, assumptions=assumptions)
