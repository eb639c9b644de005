"""Error figures: at least the true error, at most a hundred times it.

The truth is a solve to many more digits, or, for objectives made for the purpose, the exact minimum.
"""

from dataclasses import dataclass, replace

import numpy
import pytest
from flint import arb, arb_mat, ctx
from mpmath import mp, mpf

from flrdt.derive import Level, relu_network
from flrdt.evaluate import energy
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.solve import deep_closed, starts
from flrdt.evaluate.solve.descent import Minimum
from flrdt.evaluate.solve.enclosure import krawczyk
from flrdt.evaluate.solve.lifted import LiftedSystem
from flrdt.evaluate.solve.newton import refine
from flrdt.evaluate.solve.point import ConvergenceError, as_ball
from flrdt.evaluate.solve.starts import lowest, system_of
from flrdt.evaluate.systems.system import CapacityGoal, EnergyGoal, Parts


def within(figure, true, factor=100):
    return true <= figure <= factor * true


@pytest.fixture(scope="module")
def one_layer():
    """Level 1, 2p, 2 and 3 of one layer: system, float64 minimum, and a solve to 140 digits."""
    found = {}
    for name in ("1", "2p", "2", "3"):
        level, goal = Level.parse(name), CapacityGoal(1)
        minimum, system = lowest(relu_network(), level, goal), system_of(relu_network(), level, "arb")
        found[name] = (system, goal, minimum, refine(system, goal, minimum.x, 70, minimum.hessian))
    return found


@pytest.mark.parametrize("level", ["1", "2p", "2", "3"])
@pytest.mark.parametrize("digits", [1, 5, 12, 30, 42, 50])  # from 41 on the rate of convergence is extrapolated
def test_coarse_solves_against_a_fine_one(one_layer, level, digits):
    system, goal, minimum, fine = one_layer[level]
    coarse = refine(system, goal, minimum.x, digits, minimum.hessian)
    with mp.workdps(120):
        assert within(coarse.value_error, abs(coarse.value - fine.value))
        for error, a, b in zip(coarse.errors, coarse.values, fine.values, strict=True):
            assert within(error, abs(a - b), 1000)  # a sum over the sizes of all that may move a parameter


@dataclass(frozen=True)
class Made:
    r"""An objective with a known minimum: :math:`\cosh u + \frac12 e^{v}(v - 1) + \frac13\sin u\sin v + \frac12`,
    :math:`u = x_0 - 1/3, v = x_1 - 1/7`, which is 1 at :math:`u = v = 0`.

    Its rule of quadrature for d digits leaves out :math:`10^{-\rho d}` of the value, and of the slope.
    """

    rate: float | None = None
    at_most: float = 1e9
    negative: int | None = 0
    curved: bool = False
    names = ("x_0", "x_1")
    backend = backend("mpmath")

    def using(self, arithmetic):
        return self

    def coordinates(self, values):
        return list(values)

    def values(self, x):
        return list(x)

    def inside(self, values):
        return all(abs(v) < self.at_most for v in values)

    def quadrature(self, x, digits, strip=1.0):
        return None if self.rate is None else digits / strip

    def bits(self, x, digits):
        return int(digits * 3.33) + 40

    def parts(self, x, quadrature, order=1):
        u, v = x[0] - mpf(1) / 3, x[1] - mpf(1) / 7
        half, third = mpf(1) / 2, mpf(1) / 3
        left_out = mpf(0) if quadrature is None else mpf(10) ** -(self.rate * (quadrature + 4))
        value = mp.cosh(u) + half * mp.exp(v) * (v - 1) + third * mp.sin(u) * mp.sin(v) + half + left_out
        slope = [mp.sinh(u) + third * mp.cos(u) * mp.sin(v), half * v * mp.exp(v) + third * mp.sin(u) * mp.cos(v)]
        curvature = [
            [mp.cosh(u) - third * mp.sin(u) * mp.sin(v), third * mp.cos(u) * mp.cos(v)],
            [third * mp.cos(u) * mp.cos(v), half * (1 + v) * mp.exp(v) - third * mp.sin(u) * mp.sin(v)],
        ]
        zero = [mpf(0), mpf(0)]
        return Parts(value, mpf(0), [s + left_out for s in slope], zero, curvature, [zero, zero])


HESSIAN = [[1, 1 / 3], [1 / 3, 1 / 2]]  # at the minimum


def made(system, digits, start=(1 / 3 + 1e-11, 1 / 7 - 2e-11), hessian=HESSIAN, **more):
    return refine(system, EnergyGoal(1), start, digits, hessian, **more)


@pytest.mark.parametrize("rate, digits", [(r, d) for r in (1.0, 0.9) for d in (5, 20, 34, 60)] + [(1.0, 90)])
def test_what_the_quadrature_leaves_out(rate, digits):
    """The error of the rule is known exactly; it makes all of the error of the value and of the parameters."""
    found = made(Made(rate), digits)
    with mp.workdps(150):
        rounding = mpf(10) ** -(digits + 12)
        assert within(found.value_error, max(abs(found.value - 1), rounding))
        for value, error, exact in zip(found.values, found.errors, (mpf(1) / 3, mpf(1) / 7), strict=True):
            assert within(error, max(abs(value - exact), rounding))


@pytest.mark.parametrize("digits", [12, 25, 40])
@pytest.mark.parametrize("curved", [False, True])
def test_what_the_last_step_leaves(digits, curved):
    """Without quadrature: what the Hessian of the last step did not know, and rounding."""
    found = made(Made(curved=curved), digits, (1 / 3 + 1e-4, 1 / 7 - 2e-4), point_digits=digits // 2)
    with mp.workdps(150):
        assert abs(found.value - 1) <= found.value_error < mpf(10) ** -digits
        for value, error, exact in zip(found.values, found.errors, (mpf(1) / 3, mpf(1) / 7), strict=True):
            assert abs(value - exact) <= error < mpf(10) ** -(digits // 2)


def test_points_of_the_wrong_kind_and_outside_the_domain_are_refused():
    with pytest.raises(ConvergenceError, match="not one with 1 maximised"):
        made(Made(negative=1), 20)
    with pytest.raises(ConvergenceError, match="left the domain"):
        made(Made(at_most=0.3), 20)
    assert made(Made(at_most=0.34), 20).inertia == (2, 0)


def krawczyk_of(slope, curvature, centre, radius):
    """The operator for one unknown, with exact derivatives at balls."""
    with ctx.workprec(100):
        box = arb(centre, radius)
        inverse = arb_mat([[1 / curvature(arb(centre))]]).mid()
        return krawczyk([arb(centre)], [inverse[0, 0] * slope(arb(centre))], [box], [[curvature(box)]], inverse)


def test_the_operator_proves_only_what_is_there():
    """x^2 - 2: a root near 1.4142 and none near 1.5 within 0.01; the border of the box is not its interior."""

    def parabola(x):
        return x * x - 2

    def twice(x):
        return 2 * x

    found = krawczyk_of(parabola, twice, 1.4142, 1e-3)
    assert found is not None and found[0].contains(arb(2).sqrt()) and float(found[0].rad()) < 1e-4
    assert krawczyk_of(parabola, twice, 1.5, 0.01) is None
    assert krawczyk_of(lambda x: x, lambda x: arb(1), 0.0, 0.0) is None  # K(X) = X = {0} has no interior


def test_errors_along_a_chain_add_up():
    """Estimated layers pass their errors on; enclosed ones carry them in their balls already."""
    from fractions import Fraction

    from flrdt.derive.networks.gates import relu
    from flrdt.evaluate.results.chain import ChainLayer, LayerCapacity, Requirement, _result

    def layer(value, error, enclosure):
        ball = arb(value, error if enclosure else 0)
        return ChainLayer(ball, LayerCapacity(ball, mpf(error), enclosure, Level(2), {}, mpf(0), mpf(0)))

    def errors(*layers):
        found = _result(list(layers), relu(), Level(2), Level(2), 6, Requirement(), [], 0.0)
        return [float(e) for e in found.chain_errors], float(found.alpha_error), found.error_kind

    three = [layer(v, e, False) for v, e in ((7.0, 0.25), (6.0, 0.125), (5.0, 0.5))]
    assert errors(*three) == ([0.25, 0.375, 0.875], 0.875, "estimate")
    assert errors(*(replace(t, capacity=replace(t.capacity, enclosure=True)) for t in three))[0] == [0.25, 0.125, 0.5]
    mixed = [three[0], layer(6.0, 0.125, True)]
    assert errors(*mixed) == ([0.25, 0.375], 0.375, "estimate")
    given = ChainLayer(Fraction(7), three[0].capacity)
    assert errors(given, three[1]) == ([0.0, 0.125], 0.125, "estimate")


def test_the_lowest_of_all_starts_counts(monkeypatch):
    """Wherever among the starts it is: descents are replaced by ones that end at given heights."""
    heights = iter([])

    def descend(system, goal, x, tolerance=0.0):
        height = next(heights)
        return None if height is None else Minimum([height], height, [[1.0]], 0.0, True)

    monkeypatch.setattr(starts, "descend", descend)
    monkeypatch.setattr(starts, "_seeds", lambda network, level, goal, lower: [[0.0]] * (1 if level.r == 1 else 4))
    for ends in ([1.0, 2.0, 3.0, 0.5], [3.0, None, 0.5, 2.0], [0.5, 1.0, 1.0, None]):
        heights = iter([9.0, *ends])
        assert lowest(relu_network(), Level(2), CapacityGoal(1)).value == 0.5
    heights = iter([9.0, None, None, None, None])
    with pytest.raises(ArithmeticError, match="no start converged at level 2"):
        lowest(relu_network(), Level(2), CapacityGoal(1))


def test_level_two_has_several_starts_that_differ(one_layer):
    """Four of them, apart by more than rounding in every coordinate."""
    plain = one_layer["1"][2]
    found = starts._seeds(relu_network(), Level(2), CapacityGoal(1), plain)
    assert len(found) == 4
    assert all(len({round(x[i], 3) for x in found}) == 4 for i in range(3))


@pytest.mark.parametrize(
    "curve, lowest_at",
    [
        (lambda t: 7 + 0.3 * (t - 1) ** 2, None),  # nowhere below the plain value, 7
        (lambda t: 6 + (t - 1) ** 2, 1.0),
        (lambda t: 6 + (t + 2) ** 2 * ((t - 1) ** 2 + 0.1) / 2, -2.0),  # two minima, the first one lower
        (lambda t: 6 + ((t + 2) ** 2 + 0.1) * (t - 1) ** 2 / 2, 1.0),  # and the second one
    ],
)
def test_the_lowest_minimum_along_the_lifting_parameter(monkeypatch, curve, lowest_at):
    """The capacity as a function of log y is replaced by a given curve."""
    monkeypatch.setattr(deep_closed, "float_value", lambda system, goal, x: curve(x[-1]))
    path = object.__new__(deep_closed._Path)
    path.system = path.goal = None
    path.plain, path.start = 7.0, [0.0, -4.0]
    width = 1e-6

    def at(self, y, start):
        t = float(mp.log(y))
        return [0.0, t], (curve(t + width) - curve(t - width)) / (2 * width)

    monkeypatch.setattr(deep_closed._Path, "at", at)
    found = path.lowest()
    assert found is None if lowest_at is None else found[-1] == pytest.approx(lowest_at, abs=0.05)


def test_a_capacity_that_falls_to_the_end_of_the_path_is_no_value(monkeypatch):
    monkeypatch.setattr(deep_closed, "float_value", lambda system, goal, x: 6 - x[-1])
    monkeypatch.setattr(deep_closed._Path, "at", lambda self, y, start: ([0.0, float(mp.log(y))], -1.0))
    path = object.__new__(deep_closed._Path)
    path.system = path.goal = None
    path.plain, path.start = 1.0, [0.0, -4.0]
    with pytest.raises(ConvergenceError, match="still falls"):
        path.lowest()


@pytest.mark.slow
def test_zero_energy_of_gates_whose_inactive_set_is_not_convex():
    """Active on (-1, 1): the plain threshold is 3.94397486358, the lifted ones about 2.02 (``references.FAMILY``, outside:1)."""
    assert energy("3.94", 1, gate="(-1,1)").zero and not energy("3.95", 1, 8, gate="(-1,1)").zero
    found = energy("5/2", "2p", 8, gate="(-1,1)")

    def objective(chi, y):
        """P by quadrature over the normal field."""
        reach = mp.mpf(1) - mp.sqrt(min(mpf(1), 2 * chi))
        ends = [0, reach, 1, mp.inf]

        def weight(h):
            gap = max(1 - h, mpf(0))
            return 2 * mp.npdf(h) * mp.exp(-y * min(gap**2 / (2 * chi), mpf(1)))

        return mp.log(1 + y / chi) / (2 * y) + mpf(5) / 2 / y * mp.log(mp.quad(weight, ends))

    chi, y = found.parameters["chi"], found.parameters["y_2"]
    with mp.workdps(20):
        here = objective(chi, y)
        assert abs(here + found.energy) < 1e-10 and found.energy > 0.09
        assert all(objective(chi * a, y * b) > here for a, b in ((0.9, 1), (1.1, 1), (1, 0.9), (1, 1.1)))


@pytest.mark.slow
def test_zero_energy_of_gates_whose_inactive_set_is_convex():
    """ReLU: 2 at every level."""
    assert all(energy(2, level).zero for level in (1, "2p", 2, 3))
    assert energy("21/10", 2, 8).energy > 0


def test_windows_reach_as_far_as_large_lifting_parameters_ask():
    """A large y lifts the tail of a Gaussian step: at y = (40, 30) the value has the digits that its grid is planned for."""
    system = system_of(relu_network(), Level(3), "arb")
    b, found = system.backend, []
    with mp.workdps(60), b.precision(300):
        x = system.coordinates([mpf(v) for v in ("0.05", "0.9", "0.7", "40", "30")])
        for digits in (12, 40):
            found.append(b.to_mpf(EnergyGoal(7).value(system.parts(x, system.quadrature(x, digits), 0), b)))
        assert abs(found[0] - found[1]) < mpf(10) ** -12


def test_balls_of_numbers_with_errors():
    assert as_ball(mpf(3)).is_exact() and as_ball(mpf(3)) == 3
    ball = as_ball(mpf(3), mpf("0.25"))
    assert ball.contains(arb("3.25")) and ball.contains(arb("2.75")) and float(ball.rad()) < 0.2500001


def test_differences_are_exact_on_linear_functions():
    """The Jacobian of a full level in depth is by central differences."""
    system = LiftedSystem((6.7,), 1.0, 2, 6.0)
    # near the level-2 point behind a width of 6.7157 (theory, section 4c)
    u = system.coordinates.unknowns([0.0555, 0.731, 7.28, 2.41, 1.88, 2.64, 0.512, 0.131, 3.19, 6.43])
    rows = numpy.arange(1.0, 1 + len(u) ** 2).reshape(len(u), len(u))
    assert system.differences(lambda x, grids: rows @ x, u) == pytest.approx(rows, rel=1e-6)
