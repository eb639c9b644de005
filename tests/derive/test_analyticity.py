"""What the proofs use of the innermost expectation: symbolic checks, and numbers by quadrature."""

import pytest
from hypothesis import given
from mpmath import mp, mpc, mpf, quad

from flrdt.derive import Verdict, innermost, mixture_form, monotonicity, relu, zero_free_strip

from ..strategies import points_of


@pytest.mark.parametrize("formula", [mixture_form, monotonicity, zero_free_strip])
def test_every_step_is_proved(formula):
    assert len(formula().derivation) > 1
    assert formula().derivation.verdict() is Verdict.PROVED


def real(value):
    return mpf(value.numerator) / value.denominator


@given(points_of("x b omega y", {"x": (-6, 6), "b": (0, 1), "omega": ("1/4", 3), "y": ("1/4", 6)}))
def test_mixture_and_strip_in_numbers(point):
    """The mixture integral against the closed form at complex fields, and the bound below both."""
    form = innermost(relu())
    x, b, omega, y = (point[name] for name in ("x", "b", "omega", "y"))
    with mp.workdps(25):
        z, k, rate = mpc(real(x), real(b)), real(omega), real(y)

        def cdf(a):
            return mp.erfc(-a / mp.sqrt(2)) / 2

        mixed = mp.exp(-rate) + quad(lambda t: 2 * rate * t * mp.exp(-rate * t**2) * cdf(k * t - z), [0, 0.5, 1])
        if b == 0:
            point = {form.D: 1, form.chi: omega**2 / 2, form.y: y, form.x: x}
            assert abs(mpf(str(form.W.subs(point).evalf(25))) - mixed.real) < mpf("1e-18")
        else:
            zeta = real(b)
            dip = mp.exp(zeta**2 / 2) * cdf(-mp.pi / (2 * zeta))
            assert mixed.real >= mp.exp(-rate) - (1 - mp.exp(-rate)) * dip - mpf("1e-18")
            assert abs(mixed) <= mp.exp(zeta**2 / 2) + mpf("1e-18")


def test_statements_name_what_they_bound():
    bound = zero_free_strip().statement.rhs
    assert {str(s) for s in bound.free_symbols} == {"y", "zeta"}
    assert mixture_form().statement.rhs.free_symbols == set(mixture_form().variables)
