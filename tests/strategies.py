"""Hypothesis strategies for valid parameters: points of the domains that the registry is sampled on.

Hypothesis draws coordinates of the unit cube as exact fractions, and the domain maps them; so a drawn point can be a corner,
that is, an overlap next to 1, two merged levels or a lifting parameter next to 0 where the domain reaches there.
"""

from fractions import Fraction

from hypothesis import strategies as st
from sympy import Rational, Symbol

from flrdt.derive.core.domains import Domain, Range, default_domain


def strategy_of(domain, denominator=64):
    """Points of a domain: the exact value of every symbol by its name."""
    unit = st.fractions(Fraction(0), Fraction(1), max_denominator=denominator)
    return st.tuples(*[unit] * domain.dimension).map(
        lambda units: {s.name: Fraction(int(v.p), int(v.q)) for s, v in domain.point(units).items()}
    )


def points_of(names, ranges=None):
    """Points of the default domain of some symbols, given by their names; ``ranges`` as in ``default_domain``."""
    exact = {name: (Rational(low), Rational(high)) for name, (low, high) in (ranges or {}).items()}
    return strategy_of(default_domain([Symbol(name, positive=True) for name in names.split()], exact))


def fractions(low, high, denominator=64):
    """Exact numbers of an interval."""
    domain = Domain((Range(Symbol("value"), Rational(low), Rational(high)),))
    return strategy_of(domain, denominator).map(lambda point: point["value"])


def _family(letter, count, ranges):
    names = [f"{letter}_{k}" for k in range(2, count + 2)]
    return points_of(" ".join(names), ranges).map(lambda point: [point[name] for name in names])


def overlaps(count):
    """1 > v_2 > ... > v_{count+1} > 0 with ratios between 1/5 and 9/10."""
    return _family("p", count, {"p": ("1/5", "9/10")})


def lifting_parameters(count):
    """y_2 > y_3 > ... > 0, the first between 1 and 6, with ratios between 2/5 and 9/10."""
    return _family("y", count, {"y first": (1, 6), "y": ("2/5", "9/10")})


susceptibilities = points_of("chi").map(lambda point: point["chi"])
