"""Standard output and error that are full, closed, broken or of a poor encoding; users without a home."""

import os
import subprocess
import sys

import pytest

BUFFERED = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
COMMANDS = {
    "version": "--version",
    "help": "--help",
    "help of a command": "capacity --help",
    "capacity": "capacity --level 1 --digits 5",
    "json": "capacity --level 1 --digits 5 --json",
}


def shell(line, **environment):
    line = line.replace("flrdt", f"'{sys.executable}' -m flrdt")
    found = subprocess.run(
        ["sh", "-c", line], capture_output=True, env=BUFFERED | environment, timeout=120, check=False
    )
    return found.returncode, found.stdout.decode(), found.stderr.decode()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device to write to")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_under_standard_output(name, unbuffered):
    code, _, error = shell(f"flrdt {COMMANDS[name]} > /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert code == 2 and error.count("\n") == 1 and "No space left on device" in error


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_goes_away(name):
    code, _, error = shell(f"{{ flrdt {COMMANDS[name]}; echo $? >&2; }} | true")
    assert (code, error) == (0, "0\n")


def test_much_output_for_a_reader_of_one_line():
    code, out, error = shell("{ flrdt derive relations --level 9; echo $? >&2; } | head -1")
    assert (code, error, out.count("\n")) == (0, "0\n", 1)


def test_closed_streams():
    code, out, _ = shell("flrdt capacity --level 1 --digits 5 2>&-")
    assert code == 0 and "7.64769" in out
    code, out, error = shell("flrdt capacity --level 1 --digits 5 >&-")
    assert (code, out) == (2, "") and error.count("\n") == 1 and "standard output" in error
    code, out, error = shell("flrdt capacity --level x 2>&-")
    assert (code, out, error) == (2, "", "")
    code, out, error = shell("flrdt capacity --level 1 --digits 5 <&- >&- 2>&-")
    assert (code, out, error) == (2, "", "")


def test_a_result_in_a_file_needs_no_standard_output(tmp_path):
    code, _, error = shell(f"flrdt capacity --level 1 --digits 5 --output '{tmp_path}/a' >&-")
    assert (code, error) == (0, "") and "7.64769" in (tmp_path / "a").read_text()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device to write to")
def test_messages_that_cannot_be_written_change_nothing():
    code, out, _ = shell("flrdt capacity --level 1 --digits 5 2>/dev/full")
    assert code == 0 and "7.64769" in out
    assert shell("flrdt capacity --level x 2>/dev/full")[0] == 2


ENCODINGS = [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]


@pytest.mark.parametrize("environment", ENCODINGS, ids=["ascii", "C locale"])
def test_names_and_signs_that_the_encoding_lacks(tmp_path, environment):
    """The same exit code as without them, and never a traceback: names in no encoding, and Greek letters."""
    odd = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xff\xe9-\xce\xb1")
    os.mkdir(odd)

    def at(*words):
        found = subprocess.run(
            [sys.executable, "-m", "flrdt", *words], env=BUFFERED | environment, capture_output=True, check=False
        )
        assert b"Traceback" not in found.stderr
        return found.returncode, found.stdout, found.stderr

    assert at("certify", "--level", "1", "--alpha", "7.65", "--output", f"{odd}/c.json")[0] == 0
    code, out, _ = at("check", f"{odd}/c.json")
    assert code == 0 and b"proved" in out
    assert at("docs", f"{odd}/d", "--level", "1", "--no-figures", "--digits", "5")[0] == 0
    code, out, _ = at("derive", "plain")
    assert code == 0 and b"\\u03b1" in out
    assert at("check", f"{odd}/none.json")[0] == 2
    with open(os.fsencode(odd) + b"/w.csv", "w") as stream:
        stream.write("1\n-1\n")
    assert at("finite", "--weights", f"{odd}/w.csv", "--output", f"{odd}/out.txt")[0] == 0
    assert at("capacity", "--gate", "\udcff")[0] == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody unknown")
def test_a_user_without_home_and_name_has_no_cache():
    code = (
        "import os; os.setgid(54321); os.setuid(54321); os.environ.pop('HOME', None)\n"
        "from flrdt.evaluate.limits.store import Store, cache_folder\n"
        "assert cache_folder() is None, cache_folder()\n"
        "from flrdt.derive import Network\n"
        "store = Store(cache_folder()); store.save(Network(), 3, [1.0] * 5); assert store.load(Network(), 3) is None\n"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME", "FLRDT_CACHE")}
    # run where that user can read nothing but what is imported already
    preload = "import flrdt.derive, flrdt.evaluate.limits.store\n"
    found = subprocess.run(
        [sys.executable, "-c", preload + code], env=environment, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
