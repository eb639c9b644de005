"""The level sequence: resumption, the store, and what is refused."""

import json
from itertools import islice

import pytest
from mpmath import mp

from flrdt.derive import Network
from flrdt.evaluate.arithmetic.decimals import InputError
from flrdt.evaluate.limits.levels import Checkpoint, solve_levels
from flrdt.evaluate.limits.store import Store, cache_folder
from flrdt.evaluate.machine.textfiles import read_document, write_document

NETWORK = Network()


def first(count, **options):
    return list(islice(solve_levels(NETWORK, 20, **options), count))


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """Levels 3 to 5 with the checkpoint that was written on the way."""
    path = tmp_path_factory.mktemp("levels") / "levels.json"
    return first(3, checkpoint=Checkpoint(path, NETWORK, 20)), path


def test_levels_fall_and_merge_from_above(solved):
    values = [s.alpha for s in solved[0]]
    assert [s.level for s in solved[0]] == [3, 4, 5]
    assert values[0] > values[1] > values[2] and all(s.error < 1e-20 for s in solved[0])
    assert abs(values[0] - mp.mpf("6.700391949")) < 1e-9


def test_resumed_levels_are_the_same(solved, monkeypatch):
    """Resuming needs no descent from scratch and gives the same capacities."""
    monkeypatch.setattr("flrdt.evaluate.limits.levels.lowest", None)
    again = first(3, checkpoint=Checkpoint(solved[1], NETWORK, 20), resume=True)
    for before, after in zip(solved[0], again, strict=True):
        assert abs(before.alpha - after.alpha) < 1e-20


def test_an_interrupted_run_keeps_its_levels(tmp_path):
    path = tmp_path / "levels.json"
    run = solve_levels(NETWORK, 20, checkpoint=Checkpoint(path, NETWORK, 20))
    next(run)
    run.close()
    assert list(Checkpoint(path, NETWORK, 20).read()) == [3]
    assert [p.name for p in tmp_path.iterdir()] == ["levels.json"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[: len(text) // 2], "not JSON text"),
        (lambda text: "[]", "not a level sequence file"),
        (lambda text: json.dumps({"format": "other"}), "not a level sequence file"),
        (lambda text: text.replace('"version": 1', '"version": 7'), "version 7"),
        (lambda text: text.replace('"level": 4', '"level": 6'), "checksum"),
    ],
)
def test_damaged_checkpoints_are_refused(solved, tmp_path, damage, words):
    path = tmp_path / "levels.json"
    path.write_text(damage(solved[1].read_text()))
    with pytest.raises(InputError, match=words):
        first(1, checkpoint=Checkpoint(path, NETWORK, 20), resume=True)


def test_foreign_checkpoints_are_refused(solved, tmp_path):
    with pytest.raises(InputError, match="budget 1, not 2"):
        Checkpoint(solved[1], Network(budget=2), 20).read()
    with pytest.raises(InputError, match="cannot read"):
        Checkpoint(tmp_path / "none.json", NETWORK, 20).read()
    content = read_document(solved[1], "level sequence")
    content["levels"][0]["coordinates"].pop()
    path = tmp_path / "levels.json"
    write_document(path, "level sequence", content)
    with pytest.raises(InputError, match="does not hold a level sequence"):
        Checkpoint(path, NETWORK, 20).read()


def test_store_is_only_a_start(solved, tmp_path):
    """A stored point is used, a wrong one is overruled, a damaged file is passed over."""
    store = Store(tmp_path)
    assert store.load(NETWORK, 3) is None
    store.save(NETWORK, 3, solved[0][0].floats())
    assert store.load(NETWORK, 3) == solved[0][0].floats()
    assert store.load(Network(budget=2), 3) is None
    store.save(NETWORK, 3, [v + 0.05 for v in solved[0][0].floats()])
    assert abs(first(1, store=store)[0].alpha - solved[0][0].alpha) < 1e-20
    assert max(abs(a - b) for a, b in zip(store.load(NETWORK, 3), solved[0][0].floats(), strict=True)) < 1e-9
    next(tmp_path.iterdir()).write_text("nonsense")
    assert store.load(NETWORK, 3) is None
    assert Store(None).load(NETWORK, 3) is None


POISON = {
    "huge": [1e308] * 5,
    "hugely negative": [-1e308] * 5,
    "zeros": [0.0] * 5,
    "far off": [800.0, -800.0, 3e5, 1e-320, -40.0],
    "nearly merged": [0.0, -700.0, -700.0, -700.0, -700.0],
}


@pytest.mark.parametrize("name", POISON)
def test_far_off_starts_change_nothing(solved, tmp_path, name):
    """A store with a right checksum and wrong numbers: they are tried, reported and left."""
    store = Store(tmp_path)
    store.save(NETWORK, 3, POISON[name])
    assert store.load(NETWORK, 3) == POISON[name]
    assert abs(first(1, store=store)[0].alpha - solved[0][0].alpha) < 1e-18


NUMBERS = [
    ["0x1p99999"] * 5,
    ["nan"] * 5,
    ["inf", "0x1p0", "0x1p0", "0x1p0", "0x1p0"],
    [1.0] * 5,
    [None] * 5,
    ["0x1p0"] * 4,
    "0x1p0",
    None,
    {"0x1p0": 5},
    [["0x1p0"]] * 5,
]


@pytest.mark.parametrize("numbers", NUMBERS, ids=str)
def test_wrong_numbers_in_a_whole_file_are_passed_over_or_refused(tmp_path, numbers):
    store = Store(tmp_path)
    path = store._path(NETWORK, 3)
    write_document(path, "stationary point", {"coordinates": numbers})
    assert store.load(NETWORK, 3) is None
    header = {"gate": "relu", "budget": "1", "digits": 20}
    for levels in ([{"level": 3, "coordinates": numbers}], numbers, [numbers], [{"level": "3"}], [{"level": True}]):
        write_document(path, "level sequence", {**header, "levels": levels})
        with pytest.raises(InputError, match="does not hold a level sequence"):
            Checkpoint(path, NETWORK, 20).read()


def test_damage_of_any_kind_is_passed_over(tmp_path, monkeypatch):
    store = Store(tmp_path)
    path = store._path(NETWORK, 3)
    for content in (b"", b"[" * 100_000, b"\xff\xfe", b"1" * 5000, b'{"content": ' + b"[" * 900 + b"]" * 900 + b"}"):
        path.write_bytes(content)
        assert store.load(NETWORK, 3) is None
        with pytest.raises(InputError):
            Checkpoint(path, NETWORK, 20).read()
    path.unlink()
    path.mkdir()
    assert store.load(NETWORK, 3) is None
    store.save(NETWORK, 3, [1.0] * 5)
    assert Store(path / "file" / "x").load(NETWORK, 3) is None
    (tmp_path / "file").write_text("in the way")
    Store(tmp_path / "file" / "cache").save(NETWORK, 3, [1.0] * 5)
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_checkpoint_is_not_overwritten_unasked(run, tmp_path):
    path = tmp_path / "levels.json"
    path.write_text("precious")
    code, out, error = run("limit", "--checkpoint", str(path))
    assert (code, out) == (2, "") and "--resume" in error and error.count("\n") == 1
    assert path.read_text() == "precious"
    for place in ("none/levels.json", "levels.json/levels.json"):
        code, out, error = run("limit", "--checkpoint", str(tmp_path / place))
        assert (code, out) == (2, "") and "cannot write" in error and error.count("\n") == 1


def test_a_full_disk_ends_a_checkpointed_limit_in_one_line(tmp_path, monkeypatch):
    import errno
    import os

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("flrdt.evaluate.machine.files.os.fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        first(1, checkpoint=Checkpoint(tmp_path / "levels.json", NETWORK, 20))
    assert list(tmp_path.iterdir()) == []


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("FLRDT_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("FLRDT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "flrdt"
