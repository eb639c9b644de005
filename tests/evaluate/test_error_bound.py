"""The proved error of the tower's quadrature: never below the true one, and not void."""

import pytest
from flint import arb
from mpmath import mp, mpc, mpf
from sympy import lambdify

from flrdt.derive import Level, Network, innermost, relu
from flrdt.derive.networks.gates import read_gate
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.quadrature.error_bound import Front, QuadratureError, _Tower, bound_tower, disc, enclosed
from flrdt.evaluate.quadrature.grid import Grid, LevelGrid, plan
from flrdt.evaluate.quadrature.one_field import evaluate_tower
from flrdt.evaluate.solve.starts import system_of

POINTS = {  # chi, increments d_2.., outermost, y_2..: near the optimum of the ReLU, and off it
    2: ([0.0533], [0.2228, 0.7772], [3.2866]),
    3: ([0.04], [0.03, 0.25, 0.72], [5.0, 2.5]),
    4: ([0.035], [0.01, 0.05, 0.24, 0.7], [6.5, 3.6, 2.3]),
}
B = backend("arb")


def tower_of(gate, level):
    (tower,) = system_of(Network(read_gate(gate)), Level(level), "arb").objective.towers
    return tower


def front_of(gate, chi):
    finite = [e for c in read_gate(gate).components for e in c if e.is_finite]
    rooms = [b - a for a, b in read_gate(gate).components if (b - a).is_finite]
    room = arb(str(min(rooms).evalf(20))) if rooms else None
    return Front(len(finite), arb(float(min(finite))), arb(float(max(finite))), (2 * chi).sqrt(), room)


def grids(tower, point, digits, strip):
    own, variances, lifting = point
    floats = [float(v) for v in own]
    ends = [float(e.subs(tower.own[0][1], floats[0])) for e in tower.ends]
    return plan((ends[0], ends[1]), variances, lifting, digits, strip)


def summed(tower, point, grid, order=1):
    numbers = [[arb(v) for v in group] for group in point]
    with B.precision(grid.bits + 200):
        return evaluate_tower(tower, *numbers, grid, B, order)


def changed(grid, **words):
    """The grid with one window, kernel or step spoilt."""
    kind, share = next(iter(words.items()))
    levels = list(grid.levels)
    last, *rest = levels[-1:], levels[:-1]
    level = last[0]
    if kind == "window":
        levels = [
            *rest[0],
            LevelGrid(level.stride, level.ratio, int(level.low * share), int(level.high * share), level.half),
        ]
    if kind == "kernel":
        levels = [*rest[0], LevelGrid(level.stride, level.ratio, level.low, level.high, int(level.half * share))]
    outer = int(grid.outer_half * share) if kind == "outer" else grid.outer_half
    return Grid(grid.steps_per_unit, tuple(levels), outer, grid.bits)


@pytest.mark.parametrize("gate", ["relu", "hardtanh", "softshrink:1/2"])
@pytest.mark.parametrize("level", [2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_the_bound_is_never_below_the_error_of_a_poor_grid(gate, level):
    """Against a sum to 60 digits: coarse steps, short windows and short kernels, value and slopes."""
    tower, point = tower_of(gate, level), POINTS[level]
    exact = summed(tower, point, grids(tower, point, 60, 0.4))
    numbers = [[arb(v) for v in group] for group in point]
    good = grids(tower, point, 24, 0.5)
    trials = [grids(tower, point, digits, strip) for digits in (8, 14, 20) for strip in (0.4, 0.6, 0.9)]
    trials += [changed(good, window=0.6), changed(good, outer=0.5), *([changed(good, kernel=0.5)] if level > 2 else [])]
    finite = 0
    for grid in trials:
        found = summed(tower, point, grid)
        with B.precision(100):
            bound = bound_tower(front_of(gate, numbers[0][0]), *numbers, tower.limits, grid)
        if not bound.error.is_finite():
            continue
        finite += 1
        assert abs(found.value - exact.value) <= bound.error
        wide = enclosed(found, [v for group in numbers for v in group], bound)
        for slope, true in zip(wide.slopes, exact.slopes, strict=True):
            assert slope.contains(true.mid())
    assert finite >= 6


@pytest.mark.parametrize("level", [2, 3])
def test_the_bound_is_not_void(level):
    """A grid for a number of digits is proved to most of them."""
    tower, point = tower_of("relu", level), POINTS[level]
    numbers = [[arb(v) for v in group] for group in point]
    grid = grids(tower, point, 40, 0.5)
    with B.precision(200):
        assert bound_tower(front_of("relu", numbers[0][0]), *numbers, tower.limits, grid).places(0) > 30


def Phi(z):
    return mp.erfc(-z / mp.sqrt(2)) / 2


@pytest.mark.parametrize("gate", ["relu", "hardtanh"])
def test_modulus_and_real_part_in_the_strip_at_complex_arguments(gate):
    """W_2 by its closed form at random heights below the strip and arguments in the disc."""
    form = innermost(read_gate(gate))
    W = lambdify([form.x, form.D, form.y, form.chi], form.W, modules=[{"Phi": Phi, "Min": min}, "mpmath"])
    chi, D, y = 0.04, 0.2, 3.0
    front = front_of(gate, arb(chi))
    tower = _Tower(front, [arb(D), arb(1)], [arb(y)], (0, -1) if gate == "relu" else (0, 0), disc([y]))
    rho = float(disc([y]))
    with mp.workdps(25):
        for n in range(6, 40, 4):
            bottom, top = tower.strip(0, arb(n) / 60)
            for i in range(-30, 31):
                turn = mp.expjpi(mpf(i * i % 7) / 3.5)
                z = mpc(mpf(i) / 10, mpf(n) / 60 * mp.sqrt(D) * (-1 if i % 2 else 1))
                if gate == "relu":
                    found = W(z, D * (1 + rho * turn), y + rho * turn**2, chi * (1 + rho * turn**3))
                else:
                    found = W(z, D, y + rho * turn, chi)
                assert float(bottom) <= found.real and abs(found) <= float(top) * (1 + 1e-15)


def test_what_has_no_bound_is_refused():
    numbers = ([arb(0.05)], [arb(0.2), arb(0.8)], [arb(3)])
    grid = Grid(30, (LevelGrid(1, 1, -200, 210, 0),), 400, 100)
    crowded = Front(2, arb(-1), arb(1), arb(2), arb(2))
    with B.precision(100), pytest.raises(QuadratureError, match="ends of the active set are closer"):
        bound_tower(crowded, *numbers, (0, 0), grid)
    rising = ([arb(0.05)], [arb(0.1), arb(0.1), arb(0.8)], [arb(2), arb(3)])
    levels = (grid.levels[0], LevelGrid(1, 1, -200, 210, 200))
    front = Front(1, arb(0), arb(0), arb(0.3), None)
    with B.precision(100), pytest.raises(QuadratureError, match="do not fall"):
        bound_tower(front, *rising, (0, -1), Grid(30, levels, 400, 100))
    assert read_gate("relu") == relu()


def test_dip_of_the_cosine_is_bounded():
    """Against quadrature: what one side takes away is at most the bound, which is at most the mass there and close to it."""
    from flint import arb
    from mpmath import mp

    from flrdt.evaluate.quadrature.error_bound import _dip

    for eta in (0.3, 0.5, 0.7, 1.0, 2.0):
        a = mp.pi / (2 * eta)
        taken = -mp.quad(lambda s, eta=eta: mp.npdf(s) * mp.cos(eta * s), [a, 2 * a, 3 * a])
        bound = float(_dip(arb(eta)))
        assert taken <= bound <= mp.ncdf(-a) * (1 + mp.mpf(2) ** -50)
        assert eta > 1 or bound < 1.3 * taken
