"""Relations and psi form at numbers: derivatives vanish, scaling holds, psi = nu (P + budget)."""

import itertools
import math

import numpy
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from sympy import Rational, Symbol, diff, lambdify

from flrdt.derive import Level, Lifting, objective, relations
from flrdt.derive.blocks.sphere import InputSphere, coupling
from flrdt.derive.core.symbols import gamma_p, gamma_s, nu
from flrdt.derive.objectives.energy_map import energy_sphere, lambda_forms, psi_parameters
from flrdt.evaluate.results.capacity import capacity

from ..strategies import lifting_parameters, overlaps, susceptibilities


def values_of(names, numbers):
    return {Symbol(n, positive=True): Rational(v.numerator, v.denominator) for n, v in zip(names, numbers, strict=True)}


@st.composite
def pairs(draw, r):
    """Overlaps p and q of level r."""
    return r, draw(overlaps(r - 1)), draw(overlaps(r - 1))


@settings(max_examples=8)
@given(st.integers(2, 4).flatmap(pairs))
def test_relations_annihilate_the_derivatives_they_were_solved_from(drawn):
    """Direct differentiation of the written-out psi bracket, at 40 digits: no step of the derivation is reused."""
    r, p, q = drawn
    lifting = Lifting(Level(r))
    point = values_of([f"p_{k}" for k in lifting.steps], p) | values_of([f"q_{k}" for k in lifting.steps], q)
    forms = {name: form.subs(point) for name, form in relations(r).items()}
    assume(all(forms[f"c_{k}"] != 0 for k in lifting.steps))  # c_k = 0 is a merged level
    at = point | {gamma_s: forms["gamma_s"]} | {lifting.c(k): forms[f"c_{k}"] for k in lifting.steps}
    bracket = InputSphere().psi_term(lifting) - coupling(lifting)
    for variable in (gamma_s, *(lifting.q(k) for k in lifting.steps)):
        slope = diff(bracket, variable)
        assert abs(slope.subs(at).evalf(40)) < mpf(10) ** -30
    assert abs((4 * forms["gamma_s"] * forms["gamma_p"] - 1).evalf(40)) < mpf(10) ** -35
    for k in range(1, r + 1):
        assert abs((forms[f"Theta_{k}"] * forms[f"Lambda_{k}"] - 1).evalf(40)) < mpf(10) ** -35


@given(st.integers(2, 4).flatmap(pairs), st.fractions(Rational(1, 4), 4, max_denominator=8))
def test_scaling_of_sphere_and_coupling(drawn, lam):
    r, _, q = drawn
    lifting = Lifting(Level(r))
    tower = (
        InputSphere()
        .integrated(lifting)
        .value.subs({lifting.Theta(k): InputSphere().theta(lifting, k) for k in range(1, r + 1)})
    )
    lam = Rational(lam.numerator, lam.denominator)
    at = values_of([f"q_{k}" for k in lifting.steps], q)
    cs = {lifting.c(k): Rational(r + 1 - k, 3) for k in lifting.steps}
    scaled = {s: v / lam for s, v in cs.items()}
    one = tower.subs(at | cs | {gamma_s: 5}).evalf(30)
    other = tower.subs(at | scaled | {gamma_s: 5 / lam}).evalf(30)
    assert abs(other - lam * one) < mpf(10) ** -25


@st.composite
def energy_points(draw, r):
    return r, draw(susceptibilities), draw(overlaps(r - 1)), draw(lifting_parameters(r - 1))


@given(st.integers(1, 4).flatmap(energy_points))
def test_psi_bracket_is_nu_times_the_energy_sphere(drawn):
    """With the psi parameters of an energy point: sphere, coupling and norm terms add up to nu times the sphere of P."""
    r, chi, p, y = drawn
    level = Level(r)
    lifting = Lifting(level)
    point = values_of(["chi", *(f"p_{k}" for k in lifting.steps), *(f"y_{k}" for k in lifting.steps)], [chi, *p, *y])
    psi = {Symbol(n, positive=True): f.subs(point) for n, f in psi_parameters(level).items()}
    bracket = InputSphere().psi_term(lifting) - coupling(lifting) - gamma_p
    left = bracket.subs(psi | point).evalf(40)
    right = (psi[nu] * energy_sphere(lifting).subs(point)).evalf(40)
    assert abs(left - right) < mpf(10) ** -32
    assert set(lambda_forms(lifting)) == {lifting.Lambda(k) for k in range(1, r + 1)}


def psi_level_two(alpha, v):
    """psi_2 by float64 quadrature of its nested expectations, written with min(g^2/(4 gamma_p), nu)."""
    gs, gp, n, p, q, c = v
    theta = 2 * gs - c * (1 - q)
    sphere = gs - math.log(theta / (2 * gs)) / (2 * c) + q / (2 * theta)
    joint = (1 - p * q) * c / 2
    outer = numpy.linspace(-11, 11, 801)
    nodes, weights = numpy.polynomial.legendre.leggauss(60)
    total, D = 0.0, 1 - p
    reach = math.sqrt(4 * gp * n)
    for u in outer:
        x = math.sqrt(p) * u
        s = math.sqrt(D)
        low, high = x - 13 * s, x + 13 * s
        edges = [low, *sorted(e for e in (0.0, reach, x - 3 * s, x, x + 3 * s) if low < e < high), high]
        inner = 0.0
        for a, b in itertools.pairwise(edges):
            h = (a + b) / 2 + (b - a) / 2 * nodes
            f = numpy.where(h > 0, -numpy.minimum(h * h / (4 * gp), n), 0.0)
            density = numpy.exp(-((h - x) ** 2) / (2 * D)) / math.sqrt(2 * math.pi * D)
            inner += (b - a) / 2 * numpy.dot(weights, numpy.exp(c * f) * density)
        total += math.exp(-u * u / 2) / math.sqrt(2 * math.pi) * math.log(inner) / c * (outer[1] - outer[0])
    return sphere - gp - joint + alpha * total + n


def test_level_two_solution_is_stationary_in_the_psi_form():
    """The psi form by brute-force quadrature: value 0 and six vanishing derivatives at the solved parameters."""
    found = capacity(2, 20)
    names = ("gamma_s", "gamma_p", "nu", "p_2", "q_2", "c_2")
    v = numpy.array([float(found.parameters[n]) for n in names])
    alpha = float(found.alpha)
    assert abs(psi_level_two(alpha, v)) < 1e-12
    for i in range(6):
        step = numpy.zeros(6)
        step[i] = 1e-5 * v[i]
        slope = (psi_level_two(alpha, v + step) - psi_level_two(alpha, v - step)) / (2 * step[i])
        assert abs(slope) < 2e-7, names[i]
    broken = v.copy()
    broken[4] *= 1.01
    assert abs(psi_level_two(alpha, broken)) > 1e-7  # the check can fail


def test_solved_psi_parameters_satisfy_the_closed_form_relations():
    """q and c come from the energy map, the relations from stationarity of psi: two routes."""
    for level in (2, 3):
        found = capacity(level, 30)
        forms = relations(level)
        names = sorted(forms["Lambda_1"].free_symbols | forms[f"Lambda_{level}"].free_symbols, key=str)
        with mp.workdps(40):
            numbers = [found.parameters[str(s)] for s in names]
            for key in ("gamma_s", "gamma_p", *(f"c_{k}" for k in range(2, level + 1))):
                value = lambdify(names, forms[key], "mpmath")(*numbers)
                assert abs(value / found.parameters[key] - 1) < mpf(10) ** -27, key


@pytest.mark.parametrize("level", ["1", "2p", "2"])
def test_objective_forms_have_the_parameters_they_claim(level):
    built = objective(level=level)
    for form, expression in (("psi", built.psi), ("energy", built.energy)):
        free = {str(s) for s in expression.free_symbols} - {"alpha"}
        assert free == {str(s) for s in built.parameters(form)}
