"""Parquet results of a sweep: restart, repair, and files of something else."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import parquet, table

from flrdt.evaluate import run_sweep
from flrdt.evaluate.sweeps import parquet_file
from flrdt.evaluate.sweeps import run as sweeping
from flrdt.evaluate.sweeps.run import COLUMNS, points_of

POINTS = points_of({"gate": ["relu-bias:{0..1;3}", "hardtanh"], "level": ["1", "2p"], "digits": ["10"]})


class Solver:
    """A stand-in for the solve that counts its calls; the one numbered ``stop`` is interrupted."""

    def __init__(self):
        self.calls, self.stop = 0, None

    def __call__(self, point, near=None):
        self.calls += 1
        if self.calls == self.stop:
            raise KeyboardInterrupt
        return {**point, **dict.fromkeys(sweeping.NETWORKS.results, ""), "alpha": f"1.{len(point['gate'])}"}


@pytest.fixture
def solver(monkeypatch):
    found = Solver()
    monkeypatch.setattr(sweeping, "evaluate_point", found)
    return found


def test_columns_are_those_of_the_csv(tmp_path, solver):
    rows = run_sweep(POINTS, tmp_path / "r.parquet")
    found = parquet.read_table(tmp_path / "r.parquet")
    assert found.column_names == [*COLUMNS] and found.to_pylist() == rows
    assert {str(field.type) for field in found.schema} == {"string"}
    assert rows == run_sweep(POINTS, tmp_path / "r.csv")


def test_finished_points_are_not_recomputed(tmp_path, solver):
    target = tmp_path / "r.parquet"
    run_sweep(POINTS[:3], target)
    assert solver.calls == 3
    run_sweep(POINTS, target)
    assert solver.calls == 8
    before = target.stat().st_mtime_ns, target.read_bytes()
    run_sweep(POINTS, target)
    assert solver.calls == 8 and (target.stat().st_mtime_ns, target.read_bytes()) == before
    assert [*tmp_path.iterdir()] == [target]


def test_interrupted_sweep_goes_on_from_its_journal(tmp_path, solver):
    target = tmp_path / "r.parquet"
    run_sweep(POINTS[:2], target)
    solver.stop = 6
    with pytest.raises(KeyboardInterrupt):
        run_sweep(POINTS, target)
    assert len(parquet.read_table(target)) == 2
    assert {p.name for p in tmp_path.iterdir()} == {"r.parquet", "r.parquet.journal.csv"}
    rows = run_sweep(POINTS, target)
    assert solver.calls == 9  # the interrupted one twice
    assert parquet.read_table(target).to_pylist() == rows and len(rows) == 8
    assert [*tmp_path.iterdir()] == [target]


@given(cut=st.integers(1, 10**6), flip=st.booleans())
@example(cut=4, flip=False)
@example(cut=1, flip=False)
def test_damaged_file_is_set_aside_and_recomputed(tmp_path_factory, cut, flip):
    folder, messages = tmp_path_factory.mktemp("damaged"), []
    target = folder / "r.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeping, "evaluate_point", Solver())
        rows = run_sweep(POINTS, target)
        whole = target.read_bytes()
        at = 4 + cut % (len(whole) - 4) if flip else cut % len(whole)
        damaged = whole[:at] + (bytes([whole[at] ^ 255]) + whole[at + 1 :] if flip else b"")
        target.write_bytes(damaged)
        try:
            assert run_sweep(POINTS, target, report=messages.append) == rows
        except ValueError as problem:  # the names of the columns themselves were hit
            assert flip and "something else" in str(problem)
            return
    assert parquet.read_table(target).to_pylist() == rows
    aside = folder / "r.parquet.damaged"
    if aside.exists():
        assert aside.read_bytes() == damaged
        assert any("cut off or damaged" in m for m in messages)
    else:
        assert flip or not damaged  # a byte that says nothing about the rows, or an empty file


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", {"a": [1]}, {key: [1] for key in COLUMNS}], ids=str)
def test_other_files_are_left_alone(tmp_path, content):
    target = tmp_path / "r.parquet"
    if isinstance(content, bytes):
        target.write_bytes(content)
    else:
        parquet.write_table(table(content), target)
    before = target.read_bytes()
    with pytest.raises(ValueError, match="name another file"):
        run_sweep(POINTS, target)
    assert target.read_bytes() == before and [*tmp_path.iterdir()] == [target]


def test_missing_package_is_one_line(run, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_file, "find_spec", lambda _: None)
    code, out, error = run("sweep", "--level", "1", "--output", str(tmp_path / "r.parquet"))
    assert (code, out) == (2, "") and error.count("\n") == 1
    assert "pip install 'flrdt[parquet]'" in error


def test_command(run, tmp_path):
    target = tmp_path / "r.parquet"
    words = ("sweep", "--level", "1", "--digits", "8", "--output", str(target), "--workers", "1")
    assert run(*words)[0] == 0
    target.write_bytes(target.read_bytes()[:-1])
    code, out, error = run(*words)
    assert code == 0 and "set aside as r.parquet.damaged" in error and out.startswith("1 points in")
    assert parquet.read_table(target)["alpha"].to_pylist() == ["7.64769494"]
