"""The least number of active outputs of a deep map: exact against a circle, against many inputs, and the search."""

import json
from itertools import pairwise

import numpy as np
import pytest

from flrdt.evaluate.arithmetic.decimals import InputError
from flrdt.evaluate.finite_size import least_active as module
from flrdt.evaluate.finite_size.least_active import least_active, least_counts


def drawn(seed, *sizes):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((m, n)) for n, m in pairwise(sizes)]


def count(matrices, x):
    """The active outputs of each input, a column."""
    for matrix in matrices:
        z = matrix @ x
        x = np.maximum(z, 0)
    return np.count_nonzero(z > 1e-12, axis=0)


def on_the_circle(matrices):
    """The least count of a map of the plane: the outputs switch at angles, and between two of them nothing changes."""
    angles = np.array([-np.pi, np.pi])
    for depth in range(len(matrices)):
        middle = (angles[1:] + angles[:-1]) / 2
        found = [angles]
        for low, high, t in zip(angles, angles[1:], middle, strict=False):
            linear = np.eye(2)
            for matrix in matrices[:depth]:
                linear = matrix @ linear
                linear = linear * (linear @ [np.cos(t), np.sin(t)] > 0)[:, None]
            rows = matrices[depth] @ linear
            zeros = np.arctan2(rows[:, 0], -rows[:, 1]) % np.pi
            zeros = np.concatenate([zeros + k * np.pi for k in (-2, -1, 0, 1)])
            found.append(zeros[(zeros > low) & (zeros < high)])
        angles = np.unique(np.concatenate(found))
    middle = (angles[1:] + angles[:-1]) / 2
    return count(matrices, np.array([np.cos(middle), np.sin(middle)])).min()


@pytest.mark.parametrize("seed", range(12))
def test_two_inputs_are_a_circle(seed):
    matrices = drawn(seed, 2, 5 + seed % 6, 9)
    found = least_active(matrices)
    assert found.exact and found.count == on_the_circle(matrices)


@pytest.mark.parametrize("seed", range(4))
def test_three_layers_on_the_circle(seed):
    """Deeper maps are searched: never below the truth, and on the circle the search finds it."""
    matrices = drawn(seed, 2, 8, 7, 7)
    found = least_active(matrices)
    assert not found.exact and found.count == on_the_circle(matrices)


@pytest.mark.parametrize("seed", range(3))
def test_three_inputs_against_many(seed):
    """No input among a hundred thousand has fewer, and some have as few: cones of so small a map are wide."""
    matrices = drawn(seed, 3, 6, 6)
    found = least_active(matrices)
    x = np.random.default_rng(seed).standard_normal((3, 100_000))
    assert found.exact and found.count == count(matrices, x).min()


@pytest.mark.parametrize("seed", range(3))
def test_cones_decide_without_the_search(monkeypatch, seed):
    """The exact part alone, from a count that every input has: cones with few active hidden units are among them."""
    matrices = drawn(seed, 2, 7, 8)
    monkeypatch.setattr(module, "_searched", lambda matrices, rng: len(matrices[-1]))
    assert least_active(matrices).count == on_the_circle(matrices)


def test_draws_depend_on_the_seed_alone():
    first, again, other = (least_counts((4, 12, 10), 3, seed) for seed in (5, 5, 6))
    assert first.counts == again.counts != other.counts
    assert first.mean == sum(first.counts) / 12


def test_sizes_that_are_none():
    with pytest.raises(InputError, match="input size and at least one layer"):
        least_counts((3,), 2)
    with pytest.raises(InputError, match="layer size"):
        least_counts((3, 0), 2)


def test_on_the_command_line(run, tmp_path):
    code, out, _ = run("finite", "--layers", "2,8,7", "--trials", "3", "--seed", "1", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["sizes"] == [2, 8, 7] and shown["exact"] and len(shown["least_active"]) == 3
    assert run("finite", "--layers", "2,8,7", "--n", "2")[0] == 2
    assert run("finite", "--layers", "2")[0] == 2


def test_the_figure(run, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("flrdt.evaluate.output.finite_figure.LEVELS", {"1": ":"})  # the others take a minute
    file = tmp_path / "least.png"
    code, out, _ = run("finite", "--layers", "2,14,12", "4,28,24", "--trials", "2", "--figure", str(file))
    assert code == 0 and file.stat().st_size > 5000 and "2 -> 14 -> 12" in out
