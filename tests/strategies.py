"""Hypothesis strategies for valid parameters, drawn as exact fractions."""

from fractions import Fraction

from hypothesis import strategies as st


def fractions(low, high, denominator=64):
    """Fractions in [low, high] with a small denominator."""
    return st.fractions(Fraction(low), Fraction(high), max_denominator=denominator)


@st.composite
def overlaps(draw, count):
    """1 > v_2 > ... > v_{count+1} > 0 with ratios between 1/5 and 9/10."""
    value, found = Fraction(1), []
    for _ in range(count):
        value *= draw(fractions(Fraction(1, 5), Fraction(9, 10), 16))
        found.append(value)
    return found


@st.composite
def lifting_parameters(draw, count):
    """y_2 > y_3 > ... > 0 with steps between 1/4 and 3."""
    value, found = Fraction(0), []
    for _ in range(count):
        value += draw(fractions(Fraction(1, 4), 3, 16))
        found.append(value)
    return found[::-1]


susceptibilities = fractions(Fraction(1, 50), 2)
