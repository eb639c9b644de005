"""The sphere recursion against the derived expression of each level."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp

from flrdt.derive import Level, objective
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.arithmetic.compile import compile_scalar
from flrdt.evaluate.systems.sphere import sphere_terms

from ..strategies import lifting_parameters, overlaps, susceptibilities


@pytest.mark.parametrize("r", [2, 3, pytest.param(5, marks=pytest.mark.slow)])
def test_recursion_is_the_derived_sphere(r):
    form, b = objective(level=Level(r)), backend("mpmath")
    symbols, sphere = form.parameters(), form.energy_terms["sphere"]
    slopes = [sphere.diff(s) for s in symbols]
    written_out = compile_scalar([sphere, *slopes, *(d.diff(s) for d in slopes for s in symbols)], symbols, b)

    @given(st.data())
    def check(data):
        z = [data.draw(susceptibilities), *data.draw(overlaps(r - 1)), *data.draw(lifting_parameters(r - 1))]
        with mp.workdps(40):
            numbers = [b.number(Fraction(v)) for v in z]
            derived = written_out(*numbers)
            found = sphere_terms(numbers, b, 2)
            flat = [found.value, *found.slopes, *(v for row in found.curvatures for v in row)]
            for number, wanted in zip(flat, derived, strict=True):
                assert abs(number - wanted) <= 1e-28 * (1 + abs(wanted))

    check()
