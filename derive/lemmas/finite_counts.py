r"""Counts at finite size: how often one or a few inputs suffice to refute injectivity of a random layer.

Rows are independent with a symmetric law, in general position.  A *ray* is an oriented line orthogonal to n - 1 of the m
rows; the least number of active rows over all inputs is attained next to one.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

from sympy import Eq, Expr, Integer, Rational, Sum, Symbol, binomial

from ..core.formulas import Derivation, Formula, Status, Step, identically_zero

__all__ = ["expected_rays", "line_probability"]

SOURCE = "counting of sign patterns; arXiv 2006.08464 (spanning condition)"

m, n, k = (Symbol(name, integer=True, positive=True) for name in "mnk")
j = Symbol("j", integer=True, nonnegative=True)
LARGEST = 6  # the exhaustive checks of the steps stop before this number of coins


def _patterns(count: int) -> list[int]:
    """Number of heads of every outcome of a number of coins."""
    return [sum(outcome) for outcome in product((0, 1), repeat=count)]


def _at_most(count: Expr, most: Expr) -> Expr:
    """Probability that at most so many of a number of fair coins show heads."""
    return Sum(binomial(count, j), (j, 0, most)) / 2**count


def _tail_check() -> bool | None:
    found = (
        _at_most(Integer(c), Integer(a)).doit() - Rational(sum(h <= a for h in _patterns(c)), 2**c)
        for c in range(1, LARGEST)
        for a in range(c + 1)
    )
    return all(difference == 0 for difference in found)


@lru_cache(maxsize=1)
def expected_rays() -> Formula:
    r"""Expected number of rays with at most k active rows, :math:`2 \binom m{n-1} P(Bin(m-n+1, \tfrac12) \le k)`.

    >>> expected_rays().statement.rhs.subs({m: 4, n: 2, k: 1}).doit()
    4
    """
    others = m - n + 1
    lines = binomial(m, n - 1)
    statement = Eq(Symbol("E_rays"), 2 * lines * _at_most(others, k), evaluate=False)
    steps = (
        Step(
            "Every n - 1 rows leave one line, with two orientations (counted out for up to five rows).",
            Eq(Symbol("rays"), 2 * lines, evaluate=False),
            lambda: all(
                lines.subs({m: a, n: b}) == sum(1 for h in _patterns(a) if h == b - 1)
                for a in range(1, LARGEST)
                for b in range(1, a + 1)
            ),
        ),
        Step(
            "Flipping a row changes no line: whether each of the others is active is a fair coin of its own (counted out for up to "
            "five coins).",
            Eq(Symbol("P"), _at_most(others, k), evaluate=False),
            _tail_check,
        ),
    )
    return Formula(
        id="finite.rays",
        title="Expected number of rays with at most k active rows",
        statement=statement,
        derivation=Derivation(steps, ("rows independent, symmetric, in general position",)),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("n <= m", "k <= m - n + 1"),
        variables=(m, n, k),
    )


@lru_cache(maxsize=1)
def line_probability() -> Formula:
    r"""Probability that m rows are injective on the line, :math:`1 - 2^{1-m}`: both signs have to occur.

    >>> line_probability().statement.rhs.subs(m, 3)
    3/4
    """
    # no rays with no active row: for n = 1 the two orientations exclude each other, so that the mean is the probability
    refuted = expected_rays().statement.rhs.subs({n: 1, k: 0}).doit()
    value = (1 - refuted).simplify()
    step = Step(
        "An orientation refutes injectivity if no row is active; the two exclude each other, so their mean number is the "
        "probability.",
        Eq(Symbol("refuted"), refuted, evaluate=False),
        lambda: identically_zero(refuted - (1 - value)),
    )
    return Formula(
        id="finite.line",
        title="Probability that a layer with one input is injective",
        statement=Eq(Symbol("P"), value, evaluate=False),
        derivation=Derivation((*expected_rays().derivation.steps, step)),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("n = 1", "rows independent and symmetric"),
        variables=(m,),
    )
