"""Exact injectivity at finite size: three independent decisions against each other, and counts in closed form."""

from fractions import Fraction
from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from flrdt.derive import InputError
from flrdt.evaluate import injectivity_probability
from flrdt.evaluate.finite_size.arrangement import DegenerateError, expected_rays, in_general_position, shallow_rays
from flrdt.evaluate.finite_size.flats import dot, refuting_flat
from flrdt.evaluate.finite_size.least_active import least_counts
from flrdt.evaluate.finite_size.probability import decide_trial, planar_probability


def exact(matrix):
    return [[Fraction(v) for v in row] for row in np.asarray(matrix).tolist()]


def fewest_active(matrix):
    """Brute force over all n-1 subsets of the rows: the least number of active rows, in general position."""
    m, n = matrix.shape
    fewest = m
    for ties in combinations(range(m), n - 1):
        normal = np.linalg.svd(matrix[list(ties)])[2][-1] if n > 1 else np.ones(1)
        z = np.delete(matrix @ normal, ties)
        fewest = min(fewest, np.count_nonzero(z > 0), np.count_nonzero(z < 0))
    return fewest


@pytest.mark.parametrize(("n", "m"), [(1, 3), (2, 5), (2, 8), (3, 9), (3, 13), (4, 15)])
def test_three_decisions_agree(n, m):
    for seed in range(6):
        matrix = np.random.default_rng([seed, n, m]).standard_normal((m, n))
        expected = fewest_active(matrix) >= n
        rows = exact(matrix)
        assert (len(shallow_rays(rows, n - 1).counts) == 0) == expected
        flint_rows = [[fmpq(v.numerator, v.denominator) for v in row] for row in rows]
        found = refuting_flat(flint_rows, n)
        assert (found is None) == expected
        if found:
            x, d = found
            assert any(v != 0 for v in d)
            assert all(dot(row, d) == 0 or dot(row, x) < 0 for row in flint_rows)


@pytest.mark.parametrize(("n", "m"), [(1, 4), (2, 6), (3, 6), (4, 7)])
def test_rays_averaged_over_all_signs_are_counted_exactly(n, m):
    """Over all 2^m signs of the rows the mean number of shallow rays is 2 C(m, n-1) P(Binomial <= k), exactly."""
    matrix = np.random.default_rng(7).standard_normal((m, n))
    for k in range(3):
        total = sum(
            len(shallow_rays(exact(matrix * np.array(s)[:, None]), k).counts) for s in product((1, -1), repeat=m)
        )
        lines = 2 * comb(m, n - 1)
        assert Fraction(total, 2**m) == lines * Fraction(
            sum(comb(m - n + 1, j) for j in range(k + 1)), 2 ** (m - n + 1)
        )
        assert expected_rays(n, m, k) == pytest.approx(total / 2**m, rel=1e-12)


def test_counts_of_the_rays_are_right():
    matrix = np.random.default_rng(3).standard_normal((12, 4))
    rays = shallow_rays(exact(matrix), 4)
    for ties, normal, count in zip(rays.ties, rays.normals, rays.counts, strict=True):
        assert np.abs(matrix[ties] @ normal).max() < 1e-10
        assert np.count_nonzero(np.delete(matrix @ normal, ties) > 0) == count


@given(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=3, max_size=8))
@example([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
@example([[1, 2, 3], [2, 4, 6], [0, 0, 1], [1, 1, 1]])
def test_general_position_is_decided_exactly(rows):
    from sympy import Matrix

    expected = all(Matrix([rows[i] for i in chosen]).det() != 0 for chosen in combinations(range(len(rows)), 3))
    assert in_general_position([[Fraction(v) for v in row] for row in rows]) == expected


def test_nearly_dependent_rows_are_told_from_dependent_ones():
    tiny = Fraction(1, 10**40)
    square = [[Fraction(1), Fraction(1)], [Fraction(1), 1 + tiny], [Fraction(-1), Fraction(0)]]
    assert in_general_position(square)
    square[1][1] = Fraction(1)
    assert not in_general_position(square)
    with pytest.raises(DegenerateError):
        shallow_rays(square, 1)


def test_signs_are_exact_where_rounding_would_decide():
    """Rows of 60-bit integers that are dependent up to one unit: floating point alone gets many signs wrong."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        first, second = ([int(v) for v in rng.integers(-(2**60), 2**60, 3)] for _ in range(2))
        third = [a + b for a, b in zip(first, second, strict=True)]
        third[rng.integers(3)] += int(rng.choice([-1, 1]))
        rows = [[Fraction(v) for v in row] for row in (first, second, third)]
        u = np.cross(np.array(first, dtype=object), np.array(second, dtype=object))
        determinant = sum(int(a) * b for a, b in zip(u, third, strict=True))
        rays = shallow_rays(rows, 3)
        ray = next(
            i for i, ties in enumerate(rays.ties) if set(ties) == {0, 1} and rays.normals[i] @ u.astype(float) > 0
        )
        assert rays.counts[ray] == (determinant > 0)


@pytest.mark.parametrize("m", range(2, 9))
def test_planar_probability_is_the_mean_over_all_signs(m):
    """Lines at equal angles with all 2^m orientations: the decision of every one of them, by the exact search."""
    angles = (np.arange(m) + 0.3) * np.pi / m
    lines = np.column_stack([np.cos(angles), np.sin(angles)])
    count = sum(
        not len(shallow_rays(exact(lines * np.array(s)[:, None]), 1).counts) for s in product((1, -1), repeat=m)
    )
    assert planar_probability(m) == Fraction(count, 2**m)


def test_trials_agree_with_the_exact_probabilities():
    found = injectivity_probability(2, 8, trials=300, seed=5, workers=1, confidence="0.999")
    assert found.low < planar_probability(8) < found.high
    line = injectivity_probability(1, 4, trials=300, seed=5, workers=1, confidence="0.999")
    assert line.low < 1 - 2.0**-3 < line.high
    assert found.undecided == line.undecided == 0


def test_search_and_exact_decision_never_contradict(monkeypatch):
    monkeypatch.setattr("flrdt.evaluate.finite_size.probability.SEARCH_FIRST", 0)
    with_search = [decide_trial(4, 20, 1, t) for t in range(25)]
    monkeypatch.setattr("flrdt.evaluate.finite_size.probability.candidates", lambda *_: iter(()))
    assert with_search == [decide_trial(4, 20, 1, t) for t in range(25)]
    assert len(set(with_search)) == 2


def test_large_layers_are_refuted_or_undecided():
    assert decide_trial(30, 90, 0, 0) is False
    assert decide_trial(30, 400, 0, 0) is None


def test_more_outputs_than_inputs_are_needed():
    assert injectivity_probability(3, 2, trials=5, workers=1).refuted == 5


def test_command_is_deterministic(run):
    words = ("finite", "--n", "3", "--m", "14", "--trials", "20", "--seed", "1", "--json", "--workers", "1")
    first, second = run(*words), run(*words)
    strip = [line for line in first[1].splitlines() if "seconds" not in line]
    assert first[0] == 0
    assert strip == [line for line in second[1].splitlines() if "seconds" not in line]


@pytest.mark.slow
def test_worker_processes_change_nothing(monkeypatch):
    alone = injectivity_probability(3, 14, trials=24, seed=2, workers=1)
    monkeypatch.setattr("flrdt.evaluate.finite_size.probability.IN_PROCESS_SECONDS", 0.0)
    shared = injectivity_probability(3, 14, trials=24, seed=2, workers=2)
    assert (alone.injective, alone.refuted) == (shared.injective, shared.refuted)


def test_figure(run, tmp_path):
    target = tmp_path / "threshold.png"
    code, out, _ = run("finite", "--n", "2", "--m", "4,8", "--trials", "10", "--workers", "1", "--figure", str(target))
    assert code == 0 and out.count("probability") == 2
    assert target.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--n", "0", "--m", "3"], "n '0': use an integer"),
        (["--n", "2", "--m", "x"], "m 'x': use an integer"),
        (["--n", "2", "--m", "3", "--trials", "-1"], "trials"),
        (["--n", "2", "--m", "3", "--confidence", "1"], "between 0 and 1"),
        (["--n", "2", "--m", "3", "--workers", "0"], "workers"),
        (["--n", "2"], "give --n and --m"),
        (["--n", "2", "--m", "3", "--bias", "b.csv"], "--bias belongs to --weights FILE"),
        (["--n", "2", "--m", "3", "--figure", "f.gif"], "file name that ends in .png"),
    ],
)
def test_bad_input_is_one_clear_line(run, words, message):
    code, out, error = run("finite", *words)
    assert (code, out) == (2, "")
    assert message in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "function, words",
    [
        (injectivity_probability, {"n": 2, "m": 5, "trials": 6, "workers": 1}),
        (least_counts, {"sizes": (2, 6, 6), "trials": 2}),
    ],
)
def test_a_generator_instead_of_a_seed(function, words):
    """An integer is the seed; of a generator one draw is, so that equal generators give equal results, which name it."""
    outcome = {"injective", "refuted", "seed", "counts"}

    def told(found):
        return {name: value for name, value in vars(found).items() if name in outcome}

    assert told(function(**words, rng=3)) == told(function(**words, seed=3))
    first, again, other = (function(**words, rng=np.random.default_rng(s)) for s in (1, 1, 2))
    assert told(first) == told(again) and first.seed != other.seed
    assert told(function(**words, seed=first.seed)) == told(first)
    for wrong in ({"rng": 1, "seed": 2}, {"rng": -1}, {"rng": 1.5}, {"rng": True}, {"rng": "x"}):
        with pytest.raises(InputError):
            function(**words, **wrong)
