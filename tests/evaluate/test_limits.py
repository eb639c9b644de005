"""The limit: both routes, the command, and what it refuses."""

import itertools
import json

import pytest
from mpmath import mpf

from flrdt.evaluate import limit
from flrdt.evaluate.arithmetic.decimals import InputError
from flrdt.evaluate.limits.limits import certified_bound
from flrdt.evaluate.limits.store import Store
from flrdt.evaluate.solve.point import ConvergenceError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One store for this file, so that no level is searched for twice."""
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(autouse=True)
def own_cache(store, monkeypatch):
    monkeypatch.setenv("FLRDT_CACHE", str(store.folder))


@pytest.fixture(scope="module")
def rough(store):
    """Five decimals from the levels alone."""
    return limit(5, second_route=False, store=store)


@pytest.mark.slow
def test_limit_lies_below_the_levels(rough):
    values = [level.alpha for level in rough.levels]
    assert all(a > b for a, b in itertools.pairwise(values))
    assert rough.alpha.value < values[-1] and rough.alpha.error < 1e-5
    assert abs(rough.alpha.value - mpf("6.698")) < 1e-3  # arXiv 2302.14112


@pytest.mark.slow
def test_more_levels_confirm_the_error_estimate(rough, store):
    better = limit(6, second_route=False, store=store)
    assert len(better.levels) > len(rough.levels)
    assert abs(rough.alpha.value - better.alpha.value) <= rough.alpha.error
    # the error falls like the fourth power of 1/r: few levels show it less clearly than more of them
    assert abs(rough.acceleration.exponent - 4) < 0.5 and better.acceleration.exponent == 4


@pytest.mark.slow
def test_json_of_the_command(run, tmp_path):
    code, out, _ = run("limit", "--digits", "5", "--one-route", "--json", "--checkpoint", str(tmp_path / "levels.json"))
    shown = json.loads(out)
    assert code == 0 and shown["level"] == "inf" and shown["status"] == "extrapolated"
    assert shown["error_kind"] == "estimate" and float(shown["alpha_error"]) <= 1e-5
    assert all(float(shown["parameter_errors"][name]) > 0 for name in shown["parameters"])
    assert [row["level"] for row in shown["levels"]] == list(range(3, 3 + len(shown["levels"])))
    again, out, _ = run(
        "limit", "--digits", "5", "--one-route", "--resume", "--checkpoint", str(tmp_path / "levels.json")
    )
    assert again == 0 and shown["alpha"] in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--digits", "20"], "at most 14 decimal places"),
        (["--digits", "x"], "use an integer"),
        (["--max-level", "5"], "at least level 8"),
        (["--budget", "-1"], "must be positive"),
        (["--resume"], "--resume needs --checkpoint"),
        (["--resume", "--checkpoint", "/nonexistent/levels.json"], "/nonexistent does not exist"),
    ],
)
def test_bad_input_is_one_line(run, words, message):
    code, out, err = run("limit", *words)
    assert code == 2 and out == "" and message in err and err.count("\n") == 1


def test_too_few_levels_for_the_digits(run):
    code, out, err = run("limit", "--digits", "9", "--max-level", "8", "--one-route")
    assert code == 1 and out == "" and "allow more levels" in err and "6.698" in err


def test_python_errors(store):
    with pytest.raises(InputError):
        limit(0)
    with pytest.raises(ConvergenceError):
        limit(8, max_level=8, second_route=False, store=store)


def test_interruption_leaves_a_whole_checkpoint(run, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("flrdt.evaluate.limits.limits.accelerate", stop)
    path = tmp_path / "levels.json"
    code, out, _ = run("limit", "--one-route", "--checkpoint", str(path))
    assert code == 130 and out == "" and len(json.loads(path.read_text())["content"]["levels"]) == 6


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_plot_of_the_convergence(run, tmp_path, suffix):
    target = tmp_path / f"convergence.{suffix}"
    code, out, _ = run("plot", "convergence", "--digits", "5", "--output", str(target))
    assert code == 0 and out == "" and target.stat().st_size > 1000
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


def test_plot_refuses_other_formats(run):
    code, _, err = run("plot", "overlap", "--output", "figure.txt")
    assert code == 2 and ".svg" in err and err.count("\n") == 1


@pytest.mark.slow
def test_both_routes_agree():
    found = limit(10)
    assert found.flow is not None
    assert found.alpha.error <= 1e-10
    assert abs(found.flow.alpha - found.alpha.value) < found.flow.error < 1e-7
    # exponent 1/2 of y(p), as for every smooth-density kink at zero temperature
    assert abs(found.exponent.value - 0.5) <= found.exponent.error
    assert abs(found.flow.profile.chi - found.chi.value) < found.flow.chi_error + found.chi.error
    assert abs(found.flow.profile.p_min - found.p_min.value) < found.flow.p_min_error + found.p_min.error


@pytest.mark.slow
def test_plot_of_the_overlap_functions(run, tmp_path):
    target = tmp_path / "overlap.svg"
    code, _, _ = run("plot", "overlap", "--digits", "6", "--output", str(target))
    assert code == 0 and target.stat().st_size > 1000


@pytest.mark.slow
def test_certified_bound_lies_above_the_limit(rough):
    """A certificate of level 4: above the limit and the level, within 3e-6 of the level, and the JSON says so."""
    level, bound = certified_bound(rough)
    four = next(s.alpha for s in rough.levels if s.level == 4)
    assert level == 4 and rough.alpha.value < four < mpf(bound) < four + mpf("3e-6")
