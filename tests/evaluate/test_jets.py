"""Taylor arithmetic over balls, against symbolic derivatives."""

from fractions import Fraction

import pytest
from flint import arb, ctx, fmpq
from hypothesis import given
from sympy import Heaviside, Min, Rational, Symbol, atan, cos, diff, erfc, exp, gamma, log, sin, sqrt, symbols

from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.arithmetic.compile import CompileError, compile_scalar
from flrdt.evaluate.proofs.jets import Jet, JetBackend, KinkError, variables

from ..strategies import fractions

x, y, z = symbols("x y z", positive=True)
FORMULAS = [
    x * y + Rational(1, 3) * z**3 - x / y,
    exp(-x * y) * log(1 + z / x) ** 2,
    erfc(x - y) * sqrt(z + x**2) / (1 + y**2),
    atan(x / y) + (x + z) ** (y / 2),
    1 / (x * y * z) - 2,
    sin(x * y) + x * cos(y + z),
]


def as_ball(value, radius=0):
    return arb(fmpq(value.numerator, value.denominator)) + arb(0, radius)


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
@given(values=fractions(Fraction(1, 3), 3).flatmap(lambda a: fractions(Fraction(1, 3), 3).map(lambda b: (a, b, a + b))))
def test_jets_agree_with_symbolic_derivatives(formula, values):
    with ctx.workprec(120):
        jet = compile_scalar([formula], (x, y, z), JetBackend())(*variables([as_ball(v) for v in values]))[0]
        point = {s: Rational(v.numerator, v.denominator) for s, v in zip((x, y, z), values, strict=True)}
        names = (x, y, z)
        found = [jet.value, *jet.slope, *(jet.second(i, j) for i in range(3) for j in range(3))]
        wanted = [
            formula,
            *(diff(formula, s) for s in names),
            *(diff(formula, s, t) for s in names for t in names),
        ]
        for ball, expression in zip(found, wanted, strict=True):
            reference = arb(str(expression.subs(point).evalf(30)))
            assert float(abs(ball - reference).upper()) < 1e-24 * (1 + abs(float(reference)))
            assert float(ball.rad()) < 1e-25 * (1 + abs(float(reference)))


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
def test_a_box_encloses_its_points_and_first_order_agrees(formula):
    box = [as_ball(Fraction(n, 5), 1e-3) for n in (4, 7, 6)]
    compiled = compile_scalar([formula], (x, y, z), JetBackend())
    wide, first = compiled(*variables(box))[0], compiled(*variables(box, order=1))[0]
    assert first.bend == [] and first.value.overlaps(wide.value)
    for corner in range(8):
        point = [b.mid() + arb(1e-3) * (1 if corner >> i & 1 else -1) * arb("0.999") for i, b in enumerate(box)]
        jet = compiled(*variables(point))[0]
        assert wide.value.overlaps(jet.value)
        assert all(a.overlaps(b) for a, b in zip(wide.slope, jet.slope, strict=True))
        assert all(a.overlaps(b) for r, s in zip(wide.bend, jet.bend, strict=True) for a, b in zip(r, s, strict=True))


def test_cauchy_bounds_and_extension():
    jet = Jet.bounded(arb(1), arb(1) / 2, 2)
    assert 2 <= float(jet.slope[0].rad()) < 2.001 and 4 <= float(jet.bend[1][0].rad()) < 4.001
    wider = jet.extended(4)
    assert len(wider.slope) == 4 and [len(row) for row in wider.bend] == [1, 2, 3, 4]
    assert wider.slope[3] == 0


def test_an_undeclared_symbol_or_a_float_is_refused():
    with pytest.raises(ValueError, match="undeclared"):
        compile_scalar([x + Symbol("w")], (x,), JetBackend())
    with pytest.raises(ValueError, match="floating-point"):
        compile_scalar([x * 0.5], (x,), JetBackend())


@pytest.mark.parametrize("name", ["arb", "mpmath", "float64"])
def test_every_function_that_compiled_formulas_call_is_there(name):
    """What it has not, such as gamma or a sign, is refused when a formula is compiled."""
    assert set(JetBackend().functions()) <= set(backend(name).functions())
    with pytest.raises(CompileError, match="jets arithmetic has no function gamma"):
        compile_scalar([gamma(x)], (x,), JetBackend())


def test_a_step_is_taken_only_where_it_is_decided():
    compiled = compile_scalar([x * Heaviside(y - 1)], (x, y), JetBackend())
    assert compiled(*variables([arb(3), arb(2)]))[0].slope == [1, 0]
    below = compiled(*variables([arb(3), arb(0.5)]))[0]
    assert below.value == 0 and below.slope == [0, 0]
    with pytest.raises(KinkError):
        compiled(*variables([arb(3), arb(1, 0.1)]))


def test_a_minimum_is_taken_only_where_it_is_decided():
    compiled = compile_scalar([Min(x, y**2)], (x, y), JetBackend())
    assert compiled(*variables([arb(3), arb(1)]))[0].slope[1] == 2
    with pytest.raises(KinkError):
        compiled(*variables([arb(1, 0.1), arb(1)]))
