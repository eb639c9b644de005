"""Sweeps: grids, restart, repair of damaged files, and workers that are killed on the way."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flrdt.evaluate import capacity, run_sweep
from flrdt.evaluate.machine.processes import local_pool
from flrdt.evaluate.results.chain import deep_capacity
from flrdt.evaluate.sweeps import clusters
from flrdt.evaluate.sweeps import run as sweeping
from flrdt.evaluate.sweeps.run import DEFAULTS, SweepError, evaluate_point, points_of, read_plan

PLAN = {"gate": ["relu-bias:{0..1;3}", "hardtanh"], "level": ["1", "2p"], "digits": ["10"]}


@pytest.fixture
def counted(monkeypatch):
    """Replaces the solve by a stand-in that counts its calls (for tests of the file, not of the numbers)."""
    calls = []

    def stand_in(point, near=None):
        calls.append(point)
        return {**point, **dict.fromkeys(sweeping.NETWORKS.results, ""), "alpha": f"1.{len(point['gate'])}"}

    monkeypatch.setattr(sweeping, "evaluate_point", stand_in)
    return calls


def test_grid_is_a_product_without_doubles():
    points = points_of({**PLAN, "gate": [*PLAN["gate"], "hardtanh"]})
    assert len(points) == 8
    assert all(tuple(point) == tuple(DEFAULTS) for point in points)
    assert [p["gate"] for p in points[:4]] == ["relu-bias:0", "relu-bias:1/2", "relu-bias:1", "hardtanh"]


@given(st.fractions(-2, 2, max_denominator=5), st.fractions(3, 4, max_denominator=5), st.integers(2, 9))
def test_spread_is_exact_and_even(a, b, count):
    values = [Fraction(p["gate"].partition(":")[2]) for p in points_of({"gate": [f"relu-bias:{{{a}..{b};{count}}}"]})]
    assert (values[0], values[-1], len(values)) == (a, b, count)
    assert len({y - x for x, y in pairwise(values)}) == 1


def test_rows_are_the_capacities(tmp_path):
    rows = run_sweep(points_of(PLAN), tmp_path / "r.csv")
    for row in rows:
        found = capacity(row["level"], 10, gate=row["gate"])
        assert row["alpha"] == found.decimal
        assert json.loads(row["parameters"])["chi"] == found.to_json()["parameters"]["chi"]


def test_finished_points_are_not_recomputed(tmp_path, counted):
    points = points_of(PLAN)
    run_sweep(points[:3], tmp_path / "r.csv")
    assert len(counted) == 3
    rows = run_sweep(points, tmp_path / "r.csv")
    assert len(counted) == 8 and len(rows) == 8
    before = (tmp_path / "r.csv").read_bytes()
    run_sweep(points, tmp_path / "r.csv")
    assert len(counted) == 8
    assert (tmp_path / "r.csv").read_bytes() == before


@given(cut=st.integers(0, 10_000))
def test_file_cut_anywhere_is_repaired(tmp_path_factory, cut):
    target = tmp_path_factory.mktemp("cut") / "r.csv"
    points, messages = points_of(PLAN), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sweeping,
            "evaluate_point",
            lambda p, near=None: {**p, **dict.fromkeys(sweeping.NETWORKS.results, ""), "alpha": p["gate"]},
        )
        run_sweep(points, target)
        whole = target.read_bytes()
        target.write_bytes(whole[: cut % len(whole)])
        run_sweep(points, target, report=messages.append)
    assert target.read_bytes() == whole
    if (
        cut % len(whole) > len(whole.partition(b"\n")[0]) + 1
        and whole[cut % len(whole) - 1 : cut % len(whole)] != b"\n"
    ):
        assert any("damaged line taken out" in m for m in messages)


def test_changed_and_doubled_lines_are_taken_out(tmp_path, counted):
    target, points, messages = tmp_path / "r.csv", points_of(PLAN), []
    run_sweep(points, target)
    whole = target.read_text()
    lines = whole.splitlines(keepends=True)
    target.write_text(
        "".join([*lines[:3], lines[3].replace("1.8", "1.9"), lines[4][:20] + lines[5], *lines[5:], lines[1]])
    )
    assert target.read_text() != whole
    run_sweep(points, target, report=messages.append)
    assert target.read_text() == whole
    assert any("damaged lines taken out" in m for m in messages)


def test_failed_points_are_rows_and_are_tried_again(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise ArithmeticError("no luck\ntoday")

    points = points_of({"level": ["1"], "digits": ["8"]})
    with monkeypatch.context() as patch:
        patch.setattr("flrdt.evaluate.results.capacity.capacity", fails)
        assert run_sweep(points, tmp_path / "r.csv")[0]["problem"] == "no luck today"
    row = run_sweep(points, tmp_path / "r.csv")[0]
    assert row["problem"] == "" and row["alpha"].startswith("7.6476949")


def test_any_executor_will_do(tmp_path, counted):
    rows = run_sweep(points_of(PLAN), tmp_path / "r.csv", lambda: ThreadPoolExecutor(2))
    assert len(rows) == len(counted) == 8


def expected_rows(points):
    return {tuple(p.values()): evaluate_point(p)["alpha"] for p in points}


def is_whole(target, rows, points):
    """No point lost, none wrong, none doubled."""
    assert {tuple(r[k] for k in DEFAULTS): r["alpha"] for r in rows} == expected_rows(points)
    assert len(target.read_text().splitlines()) == 1 + len(points)


def killed_on_first_result(target, pid_of):
    """A thread that kills a worker process as soon as the file holds a result; returns it with what it killed."""
    killed = []

    def watch():
        while not (target.exists() and target.read_text().count("\n") > 1):
            time.sleep(0.02)
        killed.append(pid_of())
        os.kill(killed[0], signal.SIGKILL)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread, killed


CURVE = {"gate": ["relu-bias:{-1..2;12}"], "level": ["2p"], "digits": ["25"]}


@pytest.mark.slow
def test_killed_local_worker(tmp_path):
    points, target, pools = points_of(CURVE), tmp_path / "r.csv", []

    @contextmanager
    def opened():
        with local_pool(2) as pool:
            pools.append(pool)
            yield pool

    thread, killed = killed_on_first_result(target, lambda: pools[0].processes[0].pid)
    rows = run_sweep(points, target, opened)
    thread.join(10)
    assert killed and len(pools) == 2
    is_whole(target, rows, points)


def test_workers_that_keep_dying_end_the_sweep(tmp_path):
    from concurrent.futures.process import BrokenProcessPool

    class Broken(ThreadPoolExecutor):
        def submit(self, *_, **__):
            raise BrokenProcessPool("gone")

    with pytest.raises(SweepError, match="8 points are missing"):
        run_sweep(points_of(PLAN), tmp_path / "r.csv", lambda: Broken(1))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_killed_dask_worker(tmp_path):
    from distributed import LocalCluster

    from flrdt.evaluate.sweeps.clusters import dask_executor

    points, target = points_of(CURVE), tmp_path / "r.csv"
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        thread, killed = killed_on_first_result(target, lambda: next(iter(cluster.workers.values())).pid)
        rows = run_sweep(points, target, lambda: dask_executor(cluster.scheduler_address))
        thread.join(10)
    assert killed
    is_whole(target, rows, points)


def test_cluster_that_does_not_answer(run, tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "ANSWER_SECONDS", 1)
    code, out, error = run(
        "sweep", "--level", "1", "--digits", "5", "--output", str(tmp_path / "r.csv"), "--dask", "tcp://127.0.0.1:1"
    )
    assert (code, out) == (2, "")
    assert "no Dask scheduler answers" in error and error.count("\n") == 1


def test_something_else_at_the_address(run, tmp_path):
    import socketserver

    class Other(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)

    with socketserver.TCPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        address = f"tcp://127.0.0.1:{server.server_address[1]}"
        code, _, error = run("sweep", "--level", "1", "--output", str(tmp_path / "r.csv"), "--dask", address)
        server.shutdown()
        thread.join()
    assert code == 2 and "no Dask scheduler answers" in error and error.count("\n") == 1


@pytest.mark.parametrize("address", ["", "nowhere"])
def test_addresses_that_are_none(run, tmp_path, address):
    code, _, error = run("sweep", "--level", "1", "--output", str(tmp_path / "r.csv"), "--dask", address)
    assert code == 2 and "tcp://127.0.0.1:8786" in error and error.count("\n") == 1


def test_command_with_toml_and_figure(run, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('gate = "relu-bias:{0..1;3}"\nlevel = [1]\ndigits = 8\n')
    target, picture = tmp_path / "r.csv", tmp_path / "r.svg"
    words = ("sweep", str(plan), "--output", str(target), "--figure", str(picture), "--workers", "1", "--json")
    code, out, _ = run(*words)
    assert code == 0 and json.loads(out) == {"output": str(target), "points": 3, "failed": 0}
    assert "<svg" in picture.read_text() and target.read_text().count("\n") == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bias = 1\n", "unknown key 'bias'"),
        ("radius = nan\n", "not a number"),
        ("radius = true\n", "write a number or text"),
        ("gate = [[1]]\n", "write a number or text"),
        (f"level = {'1' * 5000}\n", "more than 4300 digits"),
        (f"level = {'[' * 3000}{']' * 3000}\n", "nested too deeply"),
        (f"level = {'[' * 60}{']' * 60}\n", "write a number or text"),
        (f"level = '{'1' * 5000}'\n", "more than 4000 characters"),
        ("gate = \n", "is not a TOML file"),
        ("gate = []\n", "no value for gate"),
        ('gate = "relu-bias:{1..0;3}"\n', "a less than b"),
        ('gate = "sigmode"\n', "did you mean sigmoid"),
        ('level = "x"\n', "level"),
        ("digits = 0\n", "digits"),
        ("radius = -1\n", "positive"),
        ('notion = "strict"\n', "use weak or strong"),
        ('notion = "strong"\nbudget = 2\n', "both notion and budget"),
        ('depth = 2\nwidths = "7.7"\n', "both depth and widths"),
        ("depth = 0\n", "use an integer from 1 to 1000"),
        ('widths = "7.7,x"\n', "width alpha_2 'x' is not a number"),
        ('depth = [1, 2]\ngate = ["relu", "hardtanh"]\n', "not positively homogeneous"),
        ('depth = 2\ngate = "leaky-relu:1/9"\n', "strictly increasing"),
        ('gate = ["relu-bias:{0..1;999}"]\nbudget = "{1..2;999}"\n', "at most"),
    ],
)
def test_bad_plans(run, tmp_path, text, message):
    plan = tmp_path / "plan.toml"
    plan.write_text(text)
    code, out, error = run("sweep", str(plan), "--output", str(tmp_path / "r.csv"))
    assert (code, out) == (2, "")
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "r.csv").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--level", "1", "--output", "r.xlsx"], "ends in .csv or .parquet"),
        (["--output", "r.csv"], "nothing to sweep"),
        (["--level", "1", "--output", "r.csv", "--dask", "tcp://x:1", "--workers", "2"], "leave it out with --dask"),
        (["none.toml", "--output", "r.csv"], "cannot read none.toml"),
        (["--level", "1", "--output", "/none/r.csv", "--workers", "1"], "cannot write"),
    ],
)
def test_bad_commands(run, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, error = run("sweep", *words)
    assert (code, out) == (2, "")
    assert message in error and error.count("\n") == 1


def test_repairs_are_reported_at_once(run, tmp_path, counted):
    words = ("sweep", "--level", "1", "--digits", "8", "9", "--output", str(tmp_path / "r.csv"), "--workers", "1")
    run(*words)
    whole = (tmp_path / "r.csv").read_bytes()
    (tmp_path / "r.csv").write_bytes(whole[:-9])
    code, _, error = run(*words)
    assert code == 0 and "1 damaged line taken out" in error and len(counted) == 3
    assert (tmp_path / "r.csv").read_bytes() == whole


def test_other_files_are_left_alone(tmp_path):
    target = tmp_path / "r.csv"
    target.write_text("my,own,table\n1,2,3\n")
    with pytest.raises(ValueError, match="something else"):
        run_sweep(points_of(PLAN), target)
    assert Path(target).read_text() == "my,own,table\n1,2,3\n"


def test_deep_points(tmp_path):
    # values of the scalar recursion and of the table of reference values
    points = points_of({"depth": ["1", "2"], "notion": ["weak", "strong"], "level": ["1"], "digits": ["9"]})
    rows = run_sweep(points, tmp_path / "r.csv")
    assert [(r["notion"], r["depth"], r["budget"], r["alpha"]) for r in rows] == [
        ("weak", "1", "1", "7.647694935"),
        ("weak", "2", "1", "7.540672913"),
        ("strong", "1", "1", "7.647694935"),
        ("strong", "2", "2", "11.460256878"),
    ]
    assert json.loads(rows[3]["chain"]) == ["7.647694935", "11.460256878"] and rows[0]["chain"] == ""


def test_budget_is_another_word_for_the_notion(tmp_path):
    points = points_of({"depth": ["2"], "budget": ["2"], "level": ["1"], "digits": ["9"]})
    assert run_sweep(points, tmp_path / "r.csv")[0]["alpha"] == "11.460256878"


def test_widths_are_given_or_too_small(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('widths = ["", "8", "7", "{7.7..8;2},8"]\nlevel = "1"\ndigits = 9\n')
    points = points_of(read_plan(plan))
    assert [(p["widths"], p["depth"]) for p in points] == [
        ("", "1"),
        ("8", "2"),
        ("7", "2"),
        ("77/10,8", "3"),
        ("8,8", "3"),
    ]
    rows = run_sweep(points[:3], tmp_path / "r.csv")
    assert rows[1]["alpha"] == deep_capacity(1, 9, widths=["8"]).decimal
    assert "layer 1 has width 7" in rows[2]["status"] and "not admissible" not in rows[1]["status"]


def test_mirrored_rectifier_in_a_deep_network():
    # -ReLU(-z) behind symmetric matrices is the rectifier again; names of the same set are the same gate
    assert {deep_capacity(1, 9, depth=2, gate=g).decimal for g in ("relu", "(-oo,0)", "relu-bias:0")} == {"7.540672913"}


def test_plan_file_is_read(tmp_path):
    (tmp_path / "p.toml").write_text('level = [1, "2p"]\nradius = "1/2"\n')
    assert read_plan(tmp_path / "p.toml") == {"level": ["1", "2p"], "radius": ["1/2"]}


HOLDER = """
import sys, time
from flrdt.evaluate.sweeps.run import COLUMNS, DEFAULTS
from flrdt.evaluate.sweeps.results_file import open_results
with open_results(sys.argv[1], COLUMNS, tuple(DEFAULTS), print):
    print("open", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("name", ["r.csv", "r.parquet"])
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_second_sweep_on_a_file_is_refused_until_the_first_has_gone(run, tmp_path, name, ending):
    target = tmp_path / name
    words = ("sweep", "--level", "1", "--digits", "5", "--output", str(target), "--workers", "1")
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(target)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "open\n"
        code, out, error = run(*words)
        assert (code, out) == (2, "") and "is being written by another sweep" in error and error.count("\n") == 1
        holder.send_signal(ending)
    code, out, error = run(*words)
    assert (code, out, error) == (0, f"1 points in {target}, 0 failed\n", "")
    assert os.listdir(tmp_path) == [name]


@pytest.mark.slow
def test_two_sweeps_that_start_together(tmp_path):
    """Exactly one of them runs, whichever gets the file; the file is whole."""
    words = [sys.executable, "-m", "flrdt", "sweep", "--level", "1", "--gate", "relu-bias:{0..1;9}", "--digits", "12",
             "--output", "r.csv", "--workers", "1"]  # fmt: skip
    pair = [subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate(timeout=100)[1] for process in pair]
    codes = [process.returncode for process in pair]
    assert 0 in codes and set(codes) <= {0, 2}
    assert all("another sweep" in error for error, code in zip(errors, codes, strict=True) if code)
    assert (tmp_path / "r.csv").read_text().count("\n") == 10
