"""Points of a sweep that start each other: which ones, and that the digits do not depend on it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flrdt.derive import Level, Network, gate
from flrdt.evaluate import capacity, run_sweep
from flrdt.evaluate.solve import one_layer as solving
from flrdt.evaluate.solve.starts import nearby, system_of
from flrdt.evaluate.sweeps import run as sweeping
from flrdt.evaluate.sweeps.neighbours import links_of, start_between
from flrdt.evaluate.sweeps.run import points_of
from flrdt.evaluate.systems.system import CapacityGoal

CURVE = {"gate": ["relu-bias:{0..1;3}"], "level": ["2"], "digits": ["12"]}


def biases(links):
    gate = [*sweeping.DEFAULTS].index("gate")
    return {k[gate]: (a[gate], b[gate], weight) for k, (a, b, weight) in links.items()}


def test_every_fourth_point_is_an_anchor():
    links = biases(links_of(points_of({"gate": ["relu-bias:{0..6;7}"]})))
    assert links == {
        "relu-bias:1": ("relu-bias:0", "relu-bias:4", 0.25),
        "relu-bias:2": ("relu-bias:0", "relu-bias:4", 0.5),
        "relu-bias:3": ("relu-bias:0", "relu-bias:4", 0.75),
        "relu-bias:5": ("relu-bias:4", "relu-bias:6", 0.5),
    }


@given(st.permutations(points_of({"gate": ["relu-bias:{0..1;6}", "hardtanh"], "level": ["2", "3"]})))
def test_links_depend_on_the_grid_alone(points):
    links = links_of(points)
    assert links == links_of(sorted(points, key=lambda p: tuple(p.values())))
    assert all(a not in links and b not in links for a, b, _ in links.values())
    assert all(a[0] == b[0] == key[0] for key, (a, b, _) in links.items())  # within one level


def test_closed_forms_and_deep_networks_are_not_linked():
    assert not links_of(points_of({"gate": ["relu-bias:{0..1;9}"], "level": ["1", "2p"]}))
    assert not links_of(points_of({"budget": ["{1..2;9}"], "depth": ["2"]}))
    assert len(links_of(points_of({"radius": ["{1..2;9}"], "gate": ["hardtanh"]}))) == 6


def row(**values):
    return json.dumps({name: str(value) for name, value in values.items()})


def test_interpolation_keeps_the_ends_and_the_order():
    left, right = row(chi=0.05, p_2=0.8, y_2=3), row(chi=0.2, p_2=0.5, y_2=1)
    assert start_between("2", left, right, 0) == pytest.approx([0.05, 0.8, 3])
    assert start_between("2", left, right, 1) == pytest.approx([0.2, 0.5, 1])
    assert start_between("2", left, right, 0.5) == pytest.approx([0.1, 1 - 0.1**0.5, 3**0.5])
    assert start_between("2", left, "", 0.5) is None  # an anchor that failed
    assert start_between("2", left, row(chi=0.2, y_2=1), 0.5) is None  # an anchor whose level merged with a lower one
    assert start_between("2", left, row(chi=0.2, p_2=1, y_2=1), 0.5) is None  # merged by few digits


@pytest.mark.slow
@pytest.mark.parametrize("executors", [None, lambda: ThreadPoolExecutor(1)])  # precision is global to a process
def test_digits_do_not_depend_on_the_start(tmp_path, executors, monkeypatch):
    given = []

    def spy(point, near=None, evaluate=sweeping.evaluate_point):
        given.append(near)
        return evaluate(point, near)

    monkeypatch.setattr(sweeping, "evaluate_point", spy)
    points = points_of(CURVE)
    rows = run_sweep(points, tmp_path / "r.csv", executors)
    assert [near is None for near in given] == [True, True, False]
    for r in rows:
        cold = capacity(2, 12, gate=r["gate"]).to_json()
        assert r["alpha"] == cold["alpha"] and json.loads(r["parameters"]) == cold["parameters"]


@pytest.mark.slow
def test_resumed_sweep_starts_from_the_file(tmp_path, monkeypatch):
    points = points_of(CURVE)
    run_sweep([points[0], points[2]], tmp_path / "r.csv")
    given = []

    def stand_in(point, near=None):
        given.append(near)
        return {**point, **dict.fromkeys(sweeping.NETWORKS.results, "")}

    monkeypatch.setattr(sweeping, "evaluate_point", stand_in)
    run_sweep(points, tmp_path / "r.csv")
    assert len(given) == 1 and None not in given


@pytest.mark.parametrize("near", [[0.05, 0.5, -1], [1e-30, 0.5, 1], [1e6, 0.999999, 1e5], [0.5, 0.1, 0.01]])
def test_bad_starts_fall_back_to_the_cold_one(near):
    assert capacity(2, 9, near=near).decimal == "6.715696838"


def test_minimum_far_from_its_start_does_not_count():
    problem = Network(gate("relu")), Level(2), CapacityGoal(1)
    found = nearby(*problem, [0.06, 0.8, 3])
    assert system_of(*problem[:2]).values(found.x) == pytest.approx([0.0533008, 0.7772308, 3.2866578], rel=1e-6)
    assert nearby(*problem, [0.1, 0.7772, 3.287]) is None


def test_start_that_cannot_be_refined_falls_back(monkeypatch):
    tried = []

    def polished(*args, polished=solving.polished, **options):
        tried.append(len(tried))
        if len(tried) == 1:
            raise solving.ConvergenceError("no")
        return polished(*args, **options)

    monkeypatch.setattr(solving, "polished", polished)
    assert capacity(2, 9, near=[0.0533, 0.7772, 3.287]).decimal == "6.715696838"
    assert tried == [0, 1]


def test_near_has_the_parameters_of_the_level():
    with pytest.raises(ValueError, match="give the 5 parameters of level 3"):
        capacity(3, 9, near=[0.0533, 0.7772, 3.287])
