"""What a terminal, a log file and a narrow window get: progress, escape codes, widths."""

import os
import pty
import subprocess
import sys

import pytest

from flrdt.evaluate.commands import common
from flrdt.evaluate.output.tables import Table


class Clock:
    """A clock that the test moves, and the terminal that standard error is: what is written, and when."""

    def __init__(self):
        self.now, self.written = 100.0, []

    def perf_counter(self):
        return self.now

    def write(self, text):
        self.written.append((self.now - 100, text))

    def flush(self):
        pass

    def isatty(self):
        return True


def steps(monkeypatch, seconds, every=0.25):
    """The clock after messages at a steady pace, and the times at which something was written."""
    clock = Clock()
    monkeypatch.setattr(common.time, "perf_counter", clock.perf_counter)
    monkeypatch.setattr(sys, "stderr", clock)
    report = common.progress()
    for k in range(int(seconds / every) + 1):
        clock.now = 100 + k * every
        report(f"Newton step {k}")
    return clock, sorted({time for time, text in clock.written if text.strip()})


@pytest.mark.parametrize("name, value", [("TERM", "dumb"), ("NO_COLOR", "1")])
def test_without_escape_codes_progress_is_a_line_in_ten_seconds(monkeypatch, name, value):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    clock, times = steps(monkeypatch, 35)
    assert times == [2, 12, 22, 32]
    text = "".join(text for _, text in clock.written)
    assert text.count("\n") == 4 and "\r" not in text and "\033" not in text
    assert "Newton step 8" in text.splitlines()[0]  # the latest, not the first that was held back


def test_a_terminal_is_overwritten_from_two_seconds_on(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    clock, times = steps(monkeypatch, 4)
    assert times == [2 + k / 4 for k in range(9)]
    assert all(text.startswith("\r\033[K") for _, text in clock.written if text)
    assert "\n" not in "".join(text for _, text in clock.written)


def test_quick_work_says_nothing(monkeypatch):
    for term in ("xterm", "dumb"):
        monkeypatch.setenv("TERM", term)
        assert steps(monkeypatch, 1.75)[1] == []


def on_a_terminal(words, columns, **environment):
    """What a command writes when both streams are a terminal of that width."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "COLUMNS": str(columns), **environment}
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "flrdt", *words], stdin=theirs, stdout=theirs, stderr=theirs, env=env
        ) as child:
            os.close(theirs)
            parts = []
            while True:
                try:
                    part = os.read(ours, 4096)
                except OSError:  # the other end is closed
                    break
                if not part:
                    break
                parts.append(part)
        assert child.returncode == 0
    finally:
        os.close(ours)
    return b"".join(parts).decode()


@pytest.mark.slow
@pytest.mark.parametrize("columns", [50, 120])
def test_a_table_fits_the_terminal(columns):
    shown = on_a_terminal(["table", "single", "--levels", "1,2p", "--digits", "25"], columns, TERM="dumb").replace(
        "\r", ""
    )
    rows = shown.split("\n\n", 1)[1].splitlines()
    assert "\033" not in shown and max(map(len, rows)) <= columns
    number = on_a_terminal(["table", "single", "--levels", "1", "--digits", "25", "--format", "csv"], 200).split(",")[5]
    assert (number in shown) == (columns == 120)


def test_cells_of_a_narrow_table_keep_every_digit():
    number = "1.23456789012345678901"
    table = Table("A caption", ("level", "alpha"), (("1", number),), ({},))
    narrow = table.render("text", 20).splitlines()[2:]
    assert max(map(len, narrow)) <= 20
    assert "".join(line[7:].strip() for line in narrow[2:]) == number
