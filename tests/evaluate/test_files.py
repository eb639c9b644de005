"""The one writer and the one reader of files: links, modes, pipes, devices, full disks, marks, deep nesting."""

import errno
import json
import os
import stat
import subprocess
import sys
import threading

import pytest

from flrdt.evaluate.machine import files
from flrdt.evaluate.machine.files import (
    FileError,
    check_place,
    decoded,
    loads_json,
    loads_toml,
    read_bytes,
    read_json,
    read_text,
    read_toml,
    write_file,
)

FORMS = {
    "table": ("table", "single", "--levels", "1", "--digits", "5", "--format", "csv", "--output", "NAME.csv"),
    "capacity": ("capacity", "--level", "1", "--digits", "5", "--output", "NAME.txt"),
    "derive": ("derive", "plain", "--output", "NAME.txt"),
    "certify": ("certify", "--level", "1", "--alpha", "7.65", "--output", "NAME.json"),
    "plot": ("plot", "capacity", "--levels", "1", "--output", "NAME.svg"),
    "sweep": ("sweep", "--level", "1", "--digits", "5", "--workers", "1", "--output", "NAME.csv"),
    "sweep parquet": ("sweep", "--level", "1", "--digits", "5", "--workers", "1", "--output", "NAME.parquet"),
    "sweep figure": (
        *("sweep", "--level", "1", "--radius", "1", "2", "--digits", "5", "--workers", "1"),
        *("--gate", "hardtanh", "--output", "rows.csv", "--figure", "NAME.png"),
    ),
    "finite figure": ("finite", "--n", "1", "--m", "3,4", "--trials", "3", "--workers", "1", "--figure", "NAME.pdf"),
    "witness": ("finite", "--weights", "w.csv", "--witness", "NAME.npz"),
    "witness text": ("finite", "--weights", "w.csv", "--witness", "NAME.json"),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.csv").write_text("1,2\n3,4\n")
    return tmp_path


def target(form, name):
    return [word.replace("NAME", name) for word in FORMS[form]], next(
        word.replace("NAME", name) for word in FORMS[form] if "NAME" in word
    )


def leftovers(folder):
    return [p.name for p in folder.rglob("*") if p.name.startswith(".") or p.name.endswith((".part", ".journal.csv"))]


@pytest.mark.parametrize("form", FORMS)
def test_every_command_writes_through_links_and_keeps_the_mode(run, here, form):
    words, name = target(form, "link")
    (here / "real").mkdir()
    real = here / "real" / name
    real.touch()
    real.chmod(0o640)
    (here / name).symlink_to(real)
    assert run(*words)[0] == 0
    assert (here / name).is_symlink() and stat.S_IMODE(real.stat().st_mode) == 0o640 and real.stat().st_size > 0
    assert leftovers(here) == []


@pytest.mark.parametrize("form", FORMS)
def test_every_command_writes_into_a_pipe(run, here, form):
    words, name = target(form, "pipe")
    os.mkfifo(name)
    found = []
    reader = threading.Thread(target=lambda: found.append((here / name).read_bytes()))
    reader.start()
    code = run(*words)[0]
    if not found and code:  # nothing was written: let the reader go
        (here / name).open("wb").close()
    reader.join(20)
    assert code == 0 and len(found[0]) > 20
    assert stat.S_ISFIFO((here / name).stat().st_mode) and leftovers(here) == []


@pytest.mark.parametrize("form", FORMS)
def test_no_command_replaces_a_device(run, here, form):
    words, name = target(form, "device")
    (here / name).symlink_to("/dev/null")
    assert run(*words)[0] == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode) and (here / name).is_symlink()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["none/NAME", "w.csv/NAME", "NAME" * 300, "folder"])
def test_every_command_refuses_a_bad_place_at_once(run, here, form, place, monkeypatch):
    words, name = target(form, "x")
    suffix = os.path.splitext(name)[1]
    (here / f"folder{suffix}").mkdir()
    before = sorted(os.listdir(here))
    code, out, error = run(*[w.replace(name, place.replace("NAME", "x") + suffix) for w in words])
    assert (code, out) == (2, "") and error.count("\n") == 1 and "cannot" in error and len(error) < 700
    assert sorted(os.listdir(here)) == before


@pytest.mark.parametrize("form", FORMS)
def test_a_full_disk_is_one_line_and_leaves_what_was_there(run, here, form, monkeypatch):
    words, name = target(form, "old")
    if not form.startswith("sweep p") and form != "sweep":
        (here / name).write_text("old")
    before = {p: (here / p).read_bytes() for p in os.listdir(here)}

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    code, _, error = run(*words)
    assert code == 2 and "No space left on device" in error and error.count("\n") == 1
    assert {p: (here / p).read_bytes() for p in os.listdir(here) if p in before} == before
    assert leftovers(here) in ([], [f"{name}.journal.csv"])
    assert form not in ("sweep", "sweep parquet") or sorted(os.listdir(here)) == ["w.csv"]


def test_a_line_of_a_sweep_that_does_not_fit_is_taken_back(run, here, monkeypatch):
    """The disk fills up in the middle of a row: the file ends with the last whole one, and the sweep resumes."""
    words = ["sweep", "--level", "1", "2p", "--digits", "5", "--workers", "1", "--output", "r.csv"]
    sync, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 3:  # header, first row, second row
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    code, _, error = run(*words)
    assert code == 2 and "No space left" in error and error.count("\n") == 1
    assert len((here / "r.csv").read_text().splitlines()) == 2
    monkeypatch.undo()
    monkeypatch.chdir(here)
    code, out, error = run(*words)
    assert code == 0 and "2 points" in out and "damaged" not in error


def test_a_new_file_has_the_usual_mode(here):
    mask = os.umask(0o027)
    try:
        write_file("new", "text")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(os.stat("new").st_mode) == 0o640


def test_hard_links_stay_joined_and_dangling_links_are_followed(here):
    write_file("a", "one")
    os.link("a", "b")
    write_file("b", "two")
    os.symlink("missing", "dangling")
    write_file("dangling", "three")
    assert (here / "a").read_text() == "two" and os.path.samefile("a", "b")
    assert (here / "missing").read_text() == "three" and os.path.islink("dangling")


def test_a_failed_overwriting_in_place_restores_the_old_content(here, monkeypatch):
    write_file("a", "one")
    os.link("a", "b")
    opened, written = [], files._written

    def once(descriptor, body):
        opened.append(body)
        if len(opened) == 1:
            os.write(descriptor, body[:1])
            os.close(descriptor)
            raise OSError(errno.ENOSPC, "full")
        written(descriptor, body)

    monkeypatch.setattr(files, "_written", once)
    with pytest.raises(FileError, match="full"):
        write_file("b", "two")
    assert (here / "a").read_text() == "one"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_is_kept(here):
    write_file("a", "one")
    os.chown("a", 12345, 12345)
    write_file("a", "two")
    assert (os.stat("a").st_uid, os.stat("a").st_gid) == (12345, 12345) and (here / "a").read_text() == "two"


def test_standard_output_by_name_is_not_replaced(here):
    code = "from flrdt.evaluate.machine.files import write_file; print('a', flush=True); write_file('/dev/stdout', 'b')"
    with open("both", "w") as stream:
        subprocess.run([sys.executable, "-c", code], stdout=stream, check=True)
    assert (here / "both").read_text() == "a\nb"


@pytest.mark.parametrize("name", ["", "nul\0", "x" * 300, "no/such", "."])
def test_names_that_no_file_can_have(here, name):
    for action in (check_place, lambda n: write_file(n, "x")):
        with pytest.raises(FileError):
            action(name)
    with pytest.raises(FileError):
        read_bytes(name)


MARKS = {"": "utf-8", "mark": "utf-8-sig", "utf-16": "utf-16"}


@pytest.mark.parametrize("mark", MARKS)
def test_byte_order_marks_are_left_out(tmp_path, mark):
    for name, text, reader in (("a.json", '{"é": 1}', read_json), ("a.toml", '"é" = 1', read_toml)):
        (tmp_path / name).write_bytes(text.encode(MARKS[mark]))
        assert reader(tmp_path / name) == {"é": 1}
    assert decoded("é".encode(MARKS[mark])) == "é"


def test_what_is_no_text_or_too_long(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(FileError, match="UTF-8"):
        read_text(path)
    path.write_bytes(b"x" * 11)
    assert len(read_bytes(path, 11)) == 11
    with pytest.raises(FileError, match="too large"):
        read_bytes(path, 10)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("[" * 100_000, "nested too deeply"), ("1" * 5000, "4300 digits"), ("{", "Expecting"), ("", "Expecting")],
)
def test_json_of_any_content_is_one_kind_of_error(text, reason):
    with pytest.raises(FileError, match=reason):
        loads_json(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a = " + "[" * 100_000, "nested too deeply"), ("a = " + "1" * 5000, "4300 digits"), ("a = ", "Invalid value")],
)
def test_toml_of_any_content_is_one_kind_of_error(text, reason):
    with pytest.raises(FileError, match=reason):
        loads_toml(text)


# ---- every reader of text accepts a mark and an ending in capitals ----------------------------------


@pytest.mark.parametrize("mark", MARKS)
def test_claims_and_plans_may_have_a_mark(run, here, mark):
    plan, claims = "level = [1]\ndigits = 5\n", '[[claim]]\nid = "tail"\nstatement = "Phi(-x) == H(x)"\n'
    (here / "PLAN.TOML").write_bytes(plan.encode(MARKS[mark]))
    (here / "CLAIMS.TOML").write_bytes(claims.encode(MARKS[mark]))
    (here / "CLAIMS.JSON").write_bytes(
        json.dumps({"claim": [{"id": "t", "statement": "1 + 1 == 2"}]}).encode(MARKS[mark])
    )
    from flrdt.evaluate.sweeps.run import read_plan
    from flrdt.evaluate.verification.claims import read_claims

    assert read_plan("PLAN.TOML") == {"level": ["1"], "digits": ["5"]}
    assert len(read_claims("CLAIMS.TOML")) == len(read_claims("CLAIMS.JSON")) == 1


def test_results_that_a_spreadsheet_saved_again_are_still_read(run, here):
    words = ("sweep", "--level", "1", "--digits", "5", "--workers", "1", "--output", "R.CSV")
    assert run(*words)[0] == 0
    whole = (here / "R.CSV").read_bytes()
    (here / "R.CSV").write_bytes(b"\xef\xbb\xbf" + whole.replace(b"\n", b"\r\n"))
    code, _, error = run(*words)
    assert code == 0 and "damaged" not in error and (here / "R.CSV").read_bytes() == whole


def test_a_certificate_with_a_mark_is_checked(run, here):
    assert run("certify", "--level", "1", "--alpha", "7.65", "--output", "c.json")[0] == 0
    (here / "c.json").write_bytes(b"\xef\xbb\xbf" + (here / "c.json").read_bytes())
    code, out, _ = run("check", "c.json")
    assert code == 0 and "proved" in out


def test_figures_may_have_an_ending_in_capitals(run, here):
    assert run("plot", "capacity", "--levels", "1", "--output", "F.PNG")[0] == 0
    assert (here / "F.PNG").read_bytes().startswith(b"\x89PNG")


def test_docs_refuses_a_mistyped_folder_and_what_is_no_report(run, here):
    os.mkdir("pipes")
    os.mkfifo("pipes/p")
    (here / "damaged").mkdir()
    (here / "damaged" / "provenance.json").write_text("[" * 100_000)
    for name in ("none/report", "w.csv", "pipes", "damaged"):
        code, out, error = run("docs", name, "--level", "1", "--no-figures")
        assert (code, out) == (2, "") and error.count("\n") == 1
    assert not (here / "none").exists()
