"""Compilation: exact rationals in every backend, floats and unknown names refused."""

from fractions import Fraction

import pytest
from mpmath import mp, mpf
from sympy import Float, Function, Min, Rational, Symbol, exp, log, pi, sqrt, symbols

from flrdt.derive.core.gaussian import H, Phi, phi
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.arithmetic.compile import CompileError, compile_grid, compile_scalar
from flrdt.evaluate.arithmetic.slopes import slopes

x, y = symbols("x y", positive=True)
BACKENDS = ["float64", "mpmath", "arb"]


@pytest.mark.parametrize("name", ["mpmath", "arb"])
@pytest.mark.parametrize("digits", [15, 30, 50, 100])
def test_rational_constants_are_exact(name, digits):
    b = backend(name)
    bits = int(digits * 3.4) + 10
    with b.precision(bits), mp.workprec(bits):
        value = b.to_mpf(compile_scalar([Rational(1, 3) * x + sqrt(2) / 7], [x], b)(b.number(1))[0])
        assert abs(value - (mpf(1) / 3 + mp.sqrt(2) / 7)) < mpf(10) ** (-digits)


@pytest.mark.parametrize("name", BACKENDS)
def test_grid_and_scalar_agree(name):
    b = backend(name)
    form = (
        1 + Rational(2, 3) * exp(-x * y) * Phi(x - sqrt(y)) + phi(y * x) * H(x / 3) - log(1 + x**2) / y + pi + Min(x, y)
    )
    with b.precision(120):
        at = (b.number(Fraction(3, 7)), b.number(Fraction(5, 3)))
        scalar = compile_scalar([form, form.diff(x)], [x, y], b)(*at)
        grid = compile_grid([form, form.diff(x)], x, (y,), b)(at[1])(at[0])
        exact = [e.subs({x: Rational(3, 7), y: Rational(5, 3)}).evalf(40) for e in (form, form.diff(x))]
        for one, other, reference in zip(scalar, grid, exact, strict=True):
            assert abs(float(b.to_mpf(one)) - float(b.to_mpf(other))) < 1e-15
            assert abs(float(b.to_mpf(one)) - float(reference)) < 1e-13


def test_a_float_is_refused():
    with pytest.raises(CompileError, match="exact rational"):
        compile_scalar([Float("0.1") * x], [x], backend("arb"))(1)


def test_an_undeclared_symbol_is_named():
    with pytest.raises(CompileError, match="undeclared symbol y"):
        compile_scalar([x * y], [x], backend("arb"))


def test_an_unknown_function_is_named():
    with pytest.raises(CompileError, match="foo"):
        compile_scalar([Function("foo")(x)], [x], backend("arb"))


def test_unknown_backend():
    with pytest.raises(ValueError, match="float64"):
        backend("gpu")


def test_backend_numbers_are_exact():
    for name in ("mpmath", "arb"):
        b = backend(name)
        with b.precision(300), mp.workprec(300):
            third = b.to_mpf(b.number(Fraction(1, 3)))
            assert abs(third - mpf(1) / 3) < mpf(2) ** -290
            assert b.to_mpf(b.number(mpf("0.375"))) == mpf("0.375")


@pytest.mark.parametrize("name", BACKENDS)
def test_convolution_of_signed_vectors(name):
    b = backend(name)
    kernel, values = [1, -2, 3], [4, 0, -1, 5]
    with b.precision(80):
        got = [
            float(b.to_mpf(v))
            for v in b.convolve(b.vector([b.number(k) for k in kernel]), b.vector([b.number(v) for v in values]))
        ]
    assert got == [4, -8, 11, 7, -13, 15]


def test_hoisting_keeps_additive_ones():
    b = backend("mpmath")
    t = Symbol("t", real=True)
    assert compile_grid([1 - H(t * x)], t, (x,), b)(mpf(2))(mpf(0)) == [mpf(1) / 2]


def test_arb_gets_its_own_numbers_inside_functions_and_safe_powers():
    """A bare integer inside exp crashed flint, and its power of a ball around zero is nan."""
    from flint import arb
    from sympy import Symbol, erfc, exp

    x = Symbol("x", real=True)
    b = backend("arb")
    with b.precision(100):
        values = compile_scalar([exp(-18), erfc(2), (x - 1) ** 2], [x], b)(arb(3) / 3 + arb(0, 1e-20))
        assert [v.is_finite() for v in values] == [True] * 3
        assert values[0].overlaps(arb(-18).exp()) and values[1].overlaps(arb(2).erfc()) and values[2].contains(0)


@pytest.mark.parametrize("name", ["float64", "mpmath", "arb"])
def test_gram_is_every_sum_of_products(name):
    """Against the sums in exact integers."""
    b = backend(name)
    weights, rows, others = [1, -2, 3], [[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [1, 0, -1], [0, 0, 2]]

    def vector(values):
        return b.vector([b.number(k) for k in values])

    with b.precision(80):
        found = b.gram(vector(weights), [vector(v) for v in rows], [vector(v) for v in others])
    exact = [[sum(w * u * v for w, u, v in zip(weights, a, c, strict=True)) for c in others] for a in rows]
    assert [[float(b.to_mpf(v)) for v in row] for row in found] == exact


FORMS = [
    exp(-x * y) * Phi(x - sqrt(y)) / (1 + x**2),
    log(x + y**2) ** 2 * sqrt(x * y) + 3,
    Min(x, 2 * y) * H(x) + x * y**2,
]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_slopes_and_curvatures_are_those_of_the_whole_expression(form, order, name):
    b, program = backend(name), slopes(form, (x, y), order)
    whole = [form, form.diff(x), form.diff(y), form.diff(x, 2), form.diff(y, x), form.diff(y, 2)][: (1, 3, 6)[order]]
    with b.precision(120):
        at = (b.number(Fraction(3, 7)), b.number(Fraction(5, 3)))
        scalar = compile_scalar(program.outputs, (x, y), b, definitions=program.definitions)(*at)
        grid = compile_grid(program.outputs, x, (y,), b, program.definitions)(at[1])(at[0])
        exact = [e.subs({x: Rational(3, 7), y: Rational(5, 3)}).evalf(40) for e in whole]
        for one, other, reference in zip(scalar, grid, exact, strict=True):
            assert abs(float(b.to_mpf(one)) - float(reference)) < 1e-13 * (1 + abs(reference))
            assert abs(float(b.to_mpf(other)) - float(reference)) < 1e-13 * (1 + abs(reference))


def test_a_program_defines_only_what_it_uses():
    program = slopes(exp(x * y) * (x + y) + exp(x * y), (x, y), 1)
    used = set().union(*(e.free_symbols for e in (*program.outputs, *(e for _, e in program.definitions))))
    assert {name for name, _ in program.definitions} <= used
    assert sum(e.count(exp) for _, e in program.definitions) == 1
