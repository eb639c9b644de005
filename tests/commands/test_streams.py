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


@pytest.mark.slow
def test_much_output_for_a_reader_of_one_line():
    code, out, error = shell("{ flrdt derive relations --level 9; echo $? >&2; } | head -1")
    assert (code, error, out.count("\n")) == (0, "0\n", 1)


def test_closed_streams():
    code, out, _ = shell("flrdt capacity --level 1 --digits 5 2>&-")
    assert code == 0 and "7.64769" in out
    code, out, error = shell("flrdt --version >&-")
    assert (code, out) == (2, "") and error.count("\n") == 1 and "standard output" in error
    code, out, error = shell("flrdt plot --nothing 2>&-")
    assert (code, out, error) == (2, "", "")
    code, out, error = shell("flrdt --version <&- >&- 2>&-")
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


PROGRAM = """
import os, sys
from flrdt.evaluate.cli import main
from flrdt.evaluate.machine import streams
streams.prepare()
odd = os.fsdecode(sys.argv[1].encode("ascii", "surrogateescape") + b"/\\xff\\xe9-\\xce\\xb1")
os.mkdir(odd)
open(odd + "/w.csv", "w").write("1\\n-1\\n")
words = [
    "certify --level 1 --alpha 7.65 --output ODD/c.json",
    "check ODD/c.json",
    "check ODD/none.json",
    "check ODD/w.csv",
    "docs ODD/d --level 1 --no-figures --digits 5",
    "derive plain",
    "finite --weights ODD/w.csv",
    "finite --weights ODD/w.csv --json",
    "finite --weights ODD/w.csv --output ODD/out.txt",
    "capacity --gate ODD",
    "capacity --level ODD",
]
print([main([w.replace("ODD", odd) for w in line.split()]) for line in words])
"""


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENCODINGS, ids=["ascii", "C locale"])
def test_names_and_signs_that_the_encoding_lacks(tmp_path, environment):
    """The same exit codes as without them, and never a traceback: names in no encoding, and Greek letters."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], env=BUFFERED | environment, capture_output=True, check=False
    )
    assert found.returncode == 0 and b"Traceback" not in found.stderr, found.stderr
    assert found.stdout.splitlines()[-1] == b"[0, 0, 2, 2, 0, 0, 0, 0, 0, 2, 2]"
    assert b"\\u03b1 = \\u2500" in found.stdout and b"\\udcff" in found.stdout


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
    preload = "from flrdt.derive import Network; import flrdt.evaluate.limits.store; Network()\n"
    found = subprocess.run(
        [sys.executable, "-c", preload + code], env=environment, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
