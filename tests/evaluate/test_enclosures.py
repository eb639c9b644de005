"""Proved stationary points: containment, width, and refusal where there is no root."""

import json
from fractions import Fraction

import pytest
from flint import arb, ctx, fmpq
from mpmath import exp, log, mpf, ncdf, npdf, quad, sqrt, workdps

from flrdt.derive import Level, objective, relu_network
from flrdt.evaluate import CertifyError, capacity, energy
from flrdt.evaluate.proofs.enclosures import one_layer
from flrdt.evaluate.proofs.tower_jets import make_plan, tower_jet
from flrdt.evaluate.quadrature.error_bound import QuadratureError
from flrdt.evaluate.solve.enclosure import enclose, inverse_midpoint, krawczyk, positive_definite, step_towards_root
from flrdt.evaluate.solve.point import ConvergenceError
from flrdt.evaluate.solve.starts import lowest, system_of
from flrdt.evaluate.systems.one_field import OneFieldSystem
from flrdt.evaluate.systems.system import CapacityGoal

from ..certificate_helpers import VALUES
from ..energy_form import EnergyForm

PARAMETERS = {  # theory page, section 7
    "1": {"chi": "0.630355086"},
    "2p": {"chi": "0.278515887", "y_2": "0.708476008"},
    "2": {"chi": "0.0533008", "p_2": "0.7772308", "y_2": "3.2866578"},
    "3": {"chi": "0.0356731", "p_2": "0.9766342", "p_3": "0.7410980", "y_2": "5.353319", "y_3": "2.667325"},
}


def as_ball(value):
    value = Fraction(value)
    return arb(fmpq(value.numerator, value.denominator))


@pytest.mark.parametrize(
    ("level", "digits", "radius"),
    [
        ("1", 40, "1e-40"),
        ("2p", 40, "1e-40"),
        ("2", 20, "1e-20"),
        ("3", 12, "1e-12"),
        pytest.param("2", 50, "1e-50", marks=pytest.mark.slow),
        pytest.param("4", 10, "1e-10", marks=pytest.mark.slow),
        pytest.param("6", 10, "1e-10", marks=pytest.mark.slow),
    ],
)
def test_certified_capacity_contains_the_reference_and_is_narrow(level, digits, radius):
    found = capacity(level, digits, certified=True)
    assert found.error_kind == "enclosure"
    shown = found.to_json()
    assert mpf(shown["alpha_error"]) < mpf(radius)
    estimate = capacity(level, digits + 8, certified=False)  # the solver alone, to more digits
    with workdps(digits + 30):
        assert abs(estimate.alpha - found.alpha) <= found.alpha_error * mpf("1.000001")
        if level in VALUES:
            assert abs(found.alpha - mpf(VALUES[level])) < mpf("2e-9")
            for name, value in PARAMETERS[level].items():
                assert abs(found.parameters[name] - mpf(value)) < mpf("3e-6")
        for name, value in estimate.parameters.items():
            assert abs(value - found.parameters[name]) <= found.parameter_errors[name] * 2 + mpf(10) ** -(digits + 6)


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("2p", {"budget": "3/2"}),
        ("2", {"budget": "3/2"}),
        ("1", {"gate": "hardtanh"}),
        pytest.param("2", {"gate": "hardtanh"}, marks=pytest.mark.slow),  # bounded active set, no monotone envelope
        pytest.param("2", {"gate": "softshrink:1/2"}, marks=pytest.mark.slow),  # active on both sides
        pytest.param("2", {"gate": "relu-bias:1/2"}, marks=pytest.mark.slow),
        pytest.param("3", {"gate": "hardtanh"}, marks=pytest.mark.slow),
    ],
)
def test_budgets_and_gates_are_enclosed_and_agree_with_a_solve_to_more_digits(level, words):
    found, finer = capacity(level, 20, **words), capacity(level, 32, certified=False, **words)
    assert (found.error_kind, finer.error_kind, found.unproved) == ("enclosure", "estimate", "")
    with workdps(60):
        assert abs(found.alpha - finer.alpha) <= found.alpha_error < mpf(10) ** -20
        for name, error in found.parameter_errors.items():
            assert abs(found.parameters[name] - finer.parameters[name]) <= error + mpf(10) ** -31, name


@pytest.mark.parametrize("level", ["1", "2", pytest.param("3", marks=pytest.mark.slow)])
def test_energies_and_their_slopes_are_enclosed(level):
    found, finer = energy(8, level, 20), energy(8, level, 32, certified=False)
    assert (found.error_kind, finer.error_kind) == ("enclosure", "estimate")
    with workdps(60):
        assert abs(found.energy - finer.energy) <= found.energy_error < mpf(10) ** -20
        assert abs(found.slope - finer.slope) <= found.slope_error < mpf(10) ** -18


def test_what_cannot_be_proved_says_why_and_is_refused_where_a_proof_is_asked_for(run, monkeypatch):
    def refused(*_):
        raise QuadratureError("the ends of the active set are closer than the envelope reaches")

    monkeypatch.setattr(OneFieldSystem, "proved_quadrature", refused)
    with pytest.raises(CertifyError, match="no proof of the value was found: the ends of the active set"):
        capacity(2, 10, certified=True)
    found = capacity(2, 10)
    assert found.error_kind == "estimate" and "ends of the active set" in found.to_json()["unproved"]
    assert capacity(2, 10, backend="mpmath").error_kind == "estimate"
    code, _, err = run("capacity", "--certified", "--estimate")
    assert code == 2 and "not allowed with" in err


@pytest.mark.parametrize("level", ["1", "2p", "2"])
def test_a_point_that_is_not_stationary_is_refused(level):
    system = system_of(relu_network(), Level.parse(level), "arb")
    with workdps(30):
        x = [mpf(v) + mpf("0.2") for v in lowest(relu_network(), Level.parse(level), CapacityGoal(1)).x]
    with pytest.raises(ConvergenceError, match="could not be enclosed"):
        enclose(system, CapacityGoal(1), x, 10)


@pytest.mark.parametrize("level", [2, 3])
def test_jets_of_the_tower_against_the_adjoint_gradient(level):
    """Value, gradient (adjoint pass) and Hessian (its differences) at a point off the optimum."""
    network, the_level = relu_network(), Level(level)
    problem, form = one_layer(network, the_level), EnergyForm(network, the_level, "arb")
    z = {2: ["0.06", "0.75", "3.1"], 3: ["0.04", "0.95", "0.7", "5", "2.5"]}[level]
    digits = 25

    def gradient(values):
        balls = [form.backend.number(Fraction(v)) for v in values]
        grid = form.grid([float(Fraction(v)) for v in values], digits)
        with form.backend.precision(form.bits(balls, digits)):
            terms = form.terms([form.backend.number(Fraction(v)) for v in values], grid, gradient=True)
            return terms.A + 7 * terms.B, [a + 7 * b for a, b in zip(terms.dA, terms.dB, strict=True)]

    def pulled_back(values):
        """The solver's gradient in the coordinates of the jets: dz/dx by differences of the exact map."""
        value, slopes = gradient(values)
        balls = [as_ball(v) for v in values]
        x = problem.unknowns(balls, arb(7))
        small, result = arb(10) ** -20, []
        for i in range(len(x) - 1):
            up = problem.parameters([v + small if j == i else v for j, v in enumerate(x)])
            down = problem.parameters([v - small if j == i else v for j, v in enumerate(x)])
            result.append(sum(s * (a - b) / (2 * small) for s, a, b in zip(slopes, up, down, strict=True)))
        return value, result

    with ctx.workprec(200):
        x = problem.unknowns([as_ball(v) for v in z], arb(7))
        jet = problem.objective(x, x, 20, 2)
        value, slopes = pulled_back(z)
        assert float(abs(jet.value - value).upper()) < 1e-16
        for found, wanted in zip(jet.slope, slopes, strict=False):
            assert float(abs(found - wanted).upper()) < 1e-11
            assert float(found.rad()) < 1e-12
    step = Fraction(1, 10**8)
    for i in range(len(z)):
        # along one parameter the gradient of the jets changes as their Hessian says
        values = [Fraction(v) for v in z]
        moved = [v + step if j == i else v for j, v in enumerate(values)]
        with ctx.workprec(200):
            there = problem.unknowns([as_ball(v) for v in moved], arb(7))
            change = [b - a for a, b in zip(x, there, strict=True)]
            after = pulled_back([str(v) for v in moved])[1]
            for row in range(len(z)):
                rise = sum(jet.second(row, j) * change[j] for j in range(len(z)))
                assert float(abs(after[row] - slopes[row] - rise).upper()) < 2e-10


def test_a_box_encloses_the_values_at_its_corners():
    problem = one_layer(relu_network(), Level(2))
    with ctx.workprec(120):
        z = [as_ball(v) for v in PARAMETERS["2"].values()]
        x = [v.mid() for v in problem.unknowns(z, arb("6.7"))]
        width = arb(10) ** -6
        box = problem.objective([v + arb(0, width.upper()) for v in x], x, 15, 2)
        for corner in range(8):
            at = [v + width * (1 if corner >> i & 1 else -1) * arb("0.99") for i, v in enumerate(x)]
            jet = problem.objective(at, at, 15, 2)
            assert box.value.overlaps(jet.value)
            assert all(a.overlaps(b) for a, b in zip(box.slope, jet.slope, strict=True))
            assert all(box.second(i, j).overlaps(jet.second(i, j)) for i in range(3) for j in range(3))


def test_the_box_must_stay_inside_the_disc_of_parameters():
    problem = one_layer(relu_network(), Level(2))
    x = problem.unknowns([as_ball(v) for v in PARAMETERS["2"].values()], arb("6.7"))
    with pytest.raises(ValueError, match="half the radius"):
        problem.objective([v + arb(0, 0.1) for v in x], x, 10, 1)


def test_a_grid_without_room_gives_wide_balls_not_wrong_ones():
    problem = one_layer(relu_network(), Level(2))
    with ctx.workprec(100):
        x = [v.mid() for v in problem.unknowns([as_ball(v) for v in PARAMETERS["2"].values()], arb("6.7"))]
        good = problem.objective(x, x, 20, 1)
        plan = make_plan(float(x[0]), [float(x[1])], [float(x[2])], 20, Fraction(1, 4000))
        for poor in (
            plan.__class__(plan.step * 6, plan.points // 6, plan.strip, plan.radius, plan.rate),
            plan.__class__(plan.step, plan.points // 3, plan.strip, plan.radius, plan.rate / 3),
        ):
            tower = tower_jet(x[:-1], x[:-1], poor, problem.innermost, 1)
            best = tower_jet(x[:-1], x[:-1], plan, problem.innermost, 1)
            assert tower.value.contains(best.value.mid())
            assert all(a.contains(b.mid()) for a, b in zip(tower.slope, best.slope, strict=True))
            assert float(tower.value.rad()) > 1e3 * float(best.value.rad())
        assert good.value.is_finite()


# ---- the operator itself -------------------------------------------------------------------------


def circle_and_line(x):
    """x^2 + y^2 = 2, x = y, with its Jacobian."""
    a, b = x
    return [a * a + b * b - 2, a - b], [[2 * a, 2 * b], [arb(1), arb(-1)]]


@pytest.mark.parametrize(
    ("centre", "proved"), [((1.0001, 0.9999), True), ((1.01, 1.0), False), ((-1.0001, -1.0), True)]
)
def test_krawczyk_on_a_system_with_known_roots(centre, proved):
    at = [arb(c) for c in centre]
    box = [c + arb(0, 0.004) for c in at]
    jacobian = circle_and_line(box)[1]
    inverse = inverse_midpoint(jacobian)
    image = krawczyk(at, step_towards_root(inverse, circle_and_line(at)[0]), box, jacobian, inverse)
    assert (image is not None) == proved
    if proved:
        root = 1 if centre[0] > 0 else -1
        assert all(v.contains(root) and float(v.rad()) < 1e-4 for v in image)


def test_a_double_root_is_not_proved():
    box = [arb(0, 0.01)]
    jacobian, inverse = [[2 * box[0]]], inverse_midpoint([[arb(1)]])
    assert krawczyk([arb(0)], [arb(0)], box, jacobian, inverse) is None


def test_definiteness_is_decided_over_the_whole_enclosure():
    wide = arb(0, 0.5)
    assert positive_definite([[2 + wide, wide], [wide, 2 + wide]])
    assert not positive_definite([[2 + wide, 2 + wide], [2 + wide, 2 + wide]])
    assert not positive_definite([[arb(-1)]])


# ---- the command ---------------------------------------------------------------------------------


def test_command_reports_an_enclosure(run):
    code, out, _ = run("capacity", "--level", "2p", "--digits", "20", "--certified", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["error_kind"] == "enclosure"
    assert mpf(shown["alpha_error"]) < mpf(10) ** -19
    chi, y = (mpf(shown["parameters"][name]) for name in ("chi", "y_2"))
    with workdps(40):
        value = mpf(shown["alpha"])
        assert abs(partially_lifted(chi, y) - value) < mpf(shown["alpha_error"])
        for dchi, dy in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)):
            assert partially_lifted(chi * (1 + mpf(dchi) / 10**3), y * (1 + mpf(dy) / 10**3)) > value


def partially_lifted(chi, y):
    """(y + log(1 + y/chi)/2)/(-log E exp(-y M)), Gordon's inequality in exponential form, with the mean by quadrature."""
    edge = sqrt(2 * chi)
    moved = quad(lambda g: exp(-y * g**2 / (2 * chi)) * npdf(g), [0, edge])
    return -(y + log(1 + y / chi) / 2) / log(mpf(1) / 2 + moved + exp(-y) * (1 - ncdf(edge)))


def test_hessian_names_match_the_objective():
    """The coordinates go back to the parameters in the order of the objective."""
    for level in (2, 3, 4):
        problem = one_layer(relu_network(), Level(level))
        names = objective(level=level).parameters()
        z = [as_ball(Fraction(n + 2, 30)) for n in range(len(names))]
        z[1:level] = [as_ball(Fraction(9 - k, 10)) for k in range(level - 1)]
        back = problem.parameters(problem.unknowns(z, arb(7)))
        assert all(a.overlaps(b) for a, b in zip(z, back, strict=True))
