"""Starts of the full levels, the search, errors of a point, levels and depths together, and the limit of the levels."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy
import pytest
from mpmath import mpf

from flrdt.evaluate import ConvergenceError, InputError, capacity
from flrdt.evaluate.cli import main
from flrdt.evaluate.limits import deep
from flrdt.evaluate.limits.deep import DeepLevel, deep_limit
from flrdt.evaluate.limits.limits import Estimate
from flrdt.evaluate.limits.store import Store
from flrdt.evaluate.quadrature.two_fields import FieldRangeError, Fields, hidden_tower, plan_fields
from flrdt.evaluate.results.chain import deep_capacity
from flrdt.evaluate.results.layer_sizes import network_verdict
from flrdt.evaluate.solve import lifted
from flrdt.evaluate.solve.lifted import LiftedSystem, ascend, expected_inertia, genuine, solve_lifted
from flrdt.evaluate.solve.lifted_search import Pattern, next_level, one_layer_patterns, search
from flrdt.evaluate.systems.deep import Coordinates, DeepForm, layout


@pytest.mark.slow
def test_one_layer_as_a_pattern():
    """The dual overlaps of one layer against its relations, and the way from a pattern to the coordinates and back."""
    found = one_layer_patterns(1.0, 3)[3]
    p, q, chi = 1 - numpy.exp(found.p[0]), 1 - numpy.exp(found.q[0]), float(numpy.exp(found.chi[0]))
    assert float(numpy.exp(found.alpha)) == pytest.approx(6.700391949, abs=1e-9)  # theory page, section 7
    assert [chi, *p, *numpy.exp(found.y)] == pytest.approx([0.0356731, 0.9766342, 0.741098, 5.353317, 2.667325], 1e-6)
    assert q == pytest.approx([0.42789597, 0.16715445], rel=1e-6)  # of the psi form, where q_1 = 1
    u = found.coordinates()
    again = Pattern.of(1, 3, u)
    assert again.coordinates() == pytest.approx(u, abs=1e-12) and again.dual == pytest.approx(found.dual)


@pytest.mark.slow
def test_next_level_without_hidden_layers_is_the_one_layer_code():
    """A network that changes like itself arrives exactly; the search then stays, where the equations are those of the tower."""
    known = one_layer_patterns(1.0, 5)
    start = next_level([known[3], known[4]], [known[3], known[4], known[5]])
    assert start == pytest.approx(known[5].coordinates(), abs=1e-9)
    system = LiftedSystem((), 1.0, 5, 11.0)
    found = search(system, start, lambda _: None)
    assert found == pytest.approx(start, abs=1e-5) and genuine(system, system.coordinates.values(found))
    assert system.inertia(found) == expected_inertia(1, 5)
    with pytest.raises(ConvergenceError):
        search(system, start + numpy.arange(len(start)) * 3.0, lambda _: None)
    with pytest.raises(FieldRangeError):  # overlaps out of order
        next_level([replace(known[3], y=known[3].y[::-1])], [known[3], known[4]])


@pytest.fixture(scope="module")
def ladder():
    """The weak chain at level 3, to depth 4, by the starts of every network without its last layer."""
    widths, points, found = [6.700391949], None, {}
    for depth in (2, 3, 4):
        system = LiftedSystem(tuple(widths), 1.0, 3)
        points = ascend(system, shallower=points)
        found[depth] = (system, points)
        widths.append(float(numpy.exp(points[3][-1])))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_levels_of_deeper_chains(ladder, depth):
    """Stationary on finer grids that share no step with those of the search, of the right inertia, and below level 2."""
    system, points = ladder[depth]
    assert set(points) == {2, 3} and points[3][-1] < points[2][-1]
    fine = system.using(11.0)
    assert numpy.abs(fine.residual(points[3])).max() < 1e-5
    assert system.inertia(points[3]) == expected_inertia(depth, 3)


def made_up(depth, r):
    """Parameters of no special point: overlaps that fall by a constant factor, and gentle lifting."""
    coordinates = Coordinates(layout(depth, r))
    lay, u = coordinates.layout, numpy.zeros(layout(depth, r).size)
    u[[*lay.chi, *lay.mu, lay.alpha]] = [*numpy.log(numpy.full(depth, 0.3)), *numpy.zeros(depth - 1), numpy.log(6.4)]
    for family in (lay.p[0], *(f[1:] for f in (*lay.p[1:], *lay.q))):
        u[family] = numpy.log(0.7 / len(family)) + 0.1 * numpy.arange(len(family))
    u[lay.y] = 0.3
    return coordinates.values(u)


@pytest.mark.parametrize("depth, r", [(2, 3), (2, 4), (2, 5), (3, 3), (3, 4), (3, 5)])
@pytest.mark.parametrize("merged", ["overlaps", "lifting"])
def test_merged_levels_are_the_level_below(depth, r, merged):
    """Steps of no height (equal overlaps) and steps of one height (equal y) are none, anywhere: the value of level r - 1."""
    old, new, widths, k = layout(depth, r - 1), layout(depth, r), (6.7, 6.4)[: depth - 1], r // 2
    low, high = made_up(depth, r - 1), numpy.zeros(new.size)
    for a, b in zip((*old.chi, *old.mu, old.alpha), (*new.chi, *new.mu, new.alpha), strict=True):
        high[b] = low[a]
    for a, b in zip((*old.p, *old.q), (*new.p, *new.q), strict=True):
        family = numpy.array([1.0, *low[a]] if a is old.p[0] else low[a])
        between = family[k] if merged == "overlaps" else (family[k - 1] + family[k]) / 2
        high[b] = numpy.insert(family, k, between)[len(family) + 1 - len(b) :]
    y = low[old.y]
    high[new.y] = numpy.insert(y, k, y[k - 1] * (0.9 if merged == "overlaps" else 1.0))
    values = [
        form.evaluate(v, form.grids(v, 11.0), slopes=False)[0]
        for form, v in ((DeepForm(widths, r - 1), low), (DeepForm(widths, r), high))
    ]
    assert values[1] == pytest.approx(values[0], abs=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("widths, budget", [((5.0,), 1.5), ((100.0,), 1.0), ((8.0,), 0.05), ((8.0,), 7.5)])
def test_any_widths_and_budget(widths, budget):
    """From the built-in start; each point is checked on finer grids, and a wider first layer asks for less."""
    system = LiftedSystem(widths, budget, 3)
    points = ascend(system)
    assert numpy.abs(system.using(11.0).residual(points[3])).max() < 1e-5
    assert system.inertia(points[3]) == expected_inertia(2, 3) and points[3][-1] < points[2][-1]


@pytest.mark.slow
def test_errors_of_a_point_against_more_digits():
    """What double precision says of itself holds against ball arithmetic with six digits more."""
    coarse = solve_lifted(["6.71569683767"], 1, 8)
    fine = solve_lifted(["6.71569683767"], 1, 14, near=[float(v.mid()) for v in coarse.values.values()])
    assert fine.alpha_error < 1e-13 and fine.inertia == coarse.inertia == (6, 3)
    assert abs(float((coarse.alpha - fine.alpha).mid())) <= coarse.alpha_error < 1e-11
    for name, value in fine.values.items():
        if not name.startswith("alpha"):
            away = abs(float((coarse.values[name] - value).mid()))
            assert away <= coarse.errors[name] + fine.errors[name] < 1e-8, name
    # a wider first layer asks for less: the derivative against a difference of two solutions
    near = [float(v.mid()) for v in coarse.values.values()]
    moved = solve_lifted(["6.72569683767"], 1, 8, near=near)
    slope = float((moved.alpha - coarse.alpha).mid()) / 0.01
    assert slope == pytest.approx(coarse.by_width[0]["alpha_2"], rel=0.02)


def test_far_corners_have_no_weight():
    """With a large lifting parameter the tower underflows in corners that more digits reach: the value must not move."""
    at = Fields(
        *(0.0207352, (1.0, 0.9996638, 0.997676, 0.9909663, 0.973545, 0.9323925, 0.8397316, 0.6475743), 19.1662),
        (2.974272, 2.777338, 2.28712, 1.695989, 1.212429, 0.8629401, 0.6224792, 0.4684081),
        (32.23, 9.7641, 5.8483, 4.2027, 3.2104, 2.5362, 2.0408),
    )
    fewer, more = (hidden_tower(at, plan_fields(at, digits), slopes=False)[0] for digits in (11, 12))
    assert more == pytest.approx(fewer, abs=1e-11)


def sequence(monkeypatch, last=10, fail=None):
    """Levels of a made-up chain that converges like the levels do."""

    def chain(level, given, count, *_):
        if level == fail:
            raise ConvergenceError("no point was found")
        own = mpf("6.4") + mpf(level) ** -4 + mpf(level) ** -5
        before = [mpf(w.numerator) / w.denominator for w in given] or [mpf("6.7")] * (count - 1)
        return DeepLevel(level, (*before, own), (mpf(0),) * count, (9, 4))

    monkeypatch.setattr(deep, "_chain", chain)
    monkeypatch.setattr(
        deep, "limit", lambda *_, **__: type("L", (), {"alpha": Estimate(mpf("6.69805"), mpf("1e-6"))})()
    )


def test_limit_is_where_the_levels_go(monkeypatch):
    sequence(monkeypatch)
    found = deep_limit(3, depth=2)
    assert abs(found.alpha.value - mpf("6.4")) <= found.alpha.error < 1e-3
    shown = found.to_json()
    assert shown["depth"] == 2 and shown["level"] == "inf" and len(shown["chain"]) == len(shown["expansions"]) == 2
    assert abs(mpf(shown["alpha"]) - mpf("6.4")) <= mpf(shown["alpha_error"])
    assert shown["levels"][0]["level"] == 3 and shown["levels"][0]["inertia"] == [9, 4]


def test_limit_behind_given_widths(monkeypatch):
    sequence(monkeypatch)
    found = deep_limit(3, widths=["6.9"])
    assert found.widths == ("69/10",) and found.chain[0].error == 0 and abs(found.alpha.value - mpf("6.4")) < 1e-3


def test_limit_without_enough_levels(monkeypatch):
    """The best value is said; where a level is missing the levels below it still give a limit."""
    sequence(monkeypatch, fail=9)
    assert deep_limit(3, depth=2).levels[-1].level == 8
    with pytest.raises(ConvergenceError, match=r"level 8 gives 6\.4.*level 9"):
        deep_limit(6, depth=2)
    sequence(monkeypatch, fail=6)
    with pytest.raises(ConvergenceError, match=r"best value 6\.4.* at level 5"):
        deep_limit(3, depth=2)


@pytest.mark.parametrize(
    "words, given",
    [
        ("at most 6", {"digits": 9}),
        ("at least level 8", {"max_level": 5}),
        ("unknown notion", {"notion": "medium"}),
        ("does not fit", {"depth": 3, "widths": ["6.7"]}),
    ],
)
def test_limit_refuses(words, given):
    with pytest.raises(InputError, match=words):
        deep_limit(**({"depth": 2} | given))


def test_store_of_deep_points(tmp_path):
    store = Store(tmp_path)
    store.save("relu, layer 2", 4, [0.1, -2.5, 3.0])
    assert store.load("relu, layer 2", 4, 3) == [0.1, -2.5, 3.0]
    assert store.load("relu, layer 2", 4, 5) is None and store.load("relu, layer 3", 4, 3) is None
    next(tmp_path.iterdir()).write_text("damaged")
    assert store.load("relu, layer 2", 4, 3) is None and Store(None).load("relu, layer 2", 4, 3) is None


@pytest.mark.slow
def test_level_five_at_depth_two():
    """From the built-in start; the recipe's drop from level to level: 1.57 and 1.70 times that of one layer."""
    levels = {r: deep_capacity(r, 11, depth=2) for r in (3, 4, 5)}
    single = {r: capacity(r, 11).alpha for r in (3, 4, 5)}
    ratios = [float((levels[b].alpha - levels[a].alpha) / (single[b] - single[a])) for a, b in pairwise((3, 4, 5))]
    assert ratios == pytest.approx([1.57, 1.70], abs=0.006)
    assert levels[5].inertia == (15, 6) and levels[5].alpha_error < 1e-11


@pytest.mark.slow
def test_capacity_keeps_the_points_of_levels(tmp_path, capsys, monkeypatch):
    """A second call starts from the points of the first one, solves no level again, and gives the same digits."""
    monkeypatch.setenv("FLRDT_CACHE", str(tmp_path))
    words = ["capacity", "--depth", "2", "--level", "3", "--digits", "10", "--json"]
    assert main(words) == 0
    first = json.loads(capsys.readouterr().out)
    assert len(list(tmp_path.iterdir())) == 2  # levels 2 and 3 behind the chain

    def refuse(*_):
        raise ConvergenceError("a stored level was solved again")

    monkeypatch.setattr(lifted, "_level_point", refuse)
    assert main(words) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["alpha"] == first["alpha"] == "6.4087047361" and again["inertia"] == [9, 4]


@pytest.mark.slow
def test_network_at_level_three():
    """Every layer against the capacity behind those before it, which are wider than their chain: it asks for more than that."""
    found = network_verdict([100, 800, 760, 750], level=3)
    alphas = [float(layer.capacity.alpha.mid()) for layer in found.layers]
    assert found.injective and alphas[0] == pytest.approx(6.700391949, abs=1e-9)  # theory page, section 7
    assert 6.4087047361 < alphas[1] < 6.430083191 and 6.149808 < alphas[2] < 6.174944
