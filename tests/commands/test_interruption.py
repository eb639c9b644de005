"""Ctrl-C, kill and kill -9 at any moment: one line, the exit code, no process left behind, no half-written file."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

COMMANDS = {
    "capacity": ("capacity", "--level", "8", "--digits", "200", "--output", "r.txt"),
    "certify": ("certify", "--level", "4", "--output", "c.json"),
    "derive": ("derive", "gradient", "--level", "30"),
    "docs": ("docs", "report", "--level", "4", "--digits", "60"),
    "energy": ("energy", "--alpha", "8", "--level", "7", "--digits", "150"),
    "finite": ("finite", "--n", "7", "--m", "60", "--trials", "100000", "--workers", "2"),
    "limit": ("limit", "--digits", "14", "--no-cache", "--checkpoint", "levels.json"),
    "plot": ("plot", "capacity", "--levels", "1,2p,2,3,4,5,6,7,8", "--output", "c.svg"),
    "sweep": ("sweep", "--level", "6", "--gate", "relu-bias:{0..1;9}", "--digits", "90", "--output", "r.csv",
              "--workers", "2"),
    "table": ("table", "deep", "--depths", "1..90", "--digits", "60"),
    "verify": ("verify", "--digits", "40"),
}  # fmt: skip
PATIENCE = 20  # for a machine with much else to do; what is asserted of time is that nothing waits for the work to end


class Program:
    """A running command in a session of its own."""

    started: list["Program"] = []

    def __init__(self, name, folder, *before):
        words = [sys.executable, "-m", "flrdt", *COMMANDS[name]]
        self.folder = folder
        self.process = subprocess.Popen(
            [*before, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        self.started.append(self)

    def until(self, condition):
        """Wait for something to happen; returns whether it did before the program ended."""
        limit = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < limit
            if self.process.poll() is not None:
                return False
            time.sleep(0.002)
        return True

    def has_taken_over(self):
        """Whether signals are in the program's hands, which is before anything heavy is imported."""
        with open(f"/proc/{self.process.pid}/status") as status:
            caught = next(line for line in status if line.startswith("SigCgt")).split()[1]
        return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)

    def workers(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def ended(self):
        """(exit code, messages that are not progress, names of files, processes of the session that are left)."""
        out, err = self.process.communicate(timeout=PATIENCE)
        lines = [line for line in err.decode().splitlines() if not line.startswith("[")]
        assert out == b""
        deadline = time.monotonic() + PATIENCE
        while (left := [p.pid for p in psutil.process_iter() if self.ours(p)]) and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.process.returncode, lines, sorted(os.listdir(self.folder)), left

    def ours(self, process):
        try:
            return os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE
        except (OSError, psutil.Error):
            return False


@pytest.fixture(autouse=True)
def nothing_stays():
    """A test that fails leaves no program at work."""
    yield
    while Program.started:
        process = Program.started.pop().process
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def whole(names):
    """Files that a stopped command may leave: the rows of a sweep, the checkpoint of a limit."""
    return {*names} <= {"r.csv", "levels.json"}


on_linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at signals through /proc")


@on_linux
@pytest.mark.parametrize("name, seconds", [("capacity", 0), ("limit", 0.03), ("plot", 0.2), ("docs", 0.4)])
def test_interrupt_while_it_starts(name, seconds, tmp_path):
    program = Program(name, tmp_path)
    assert program.until(program.has_taken_over)
    time.sleep(seconds)
    program.process.send_signal(signal.SIGINT)
    assert program.ended() == (130, ["flrdt: interrupted"], [], [])


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize(
    "name, seconds",
    [(name, round(base + 0.07 * k, 2)) for k, name in enumerate(COMMANDS) for base in (0, 0.9, 2.5)],
)
def test_interrupt_at_any_moment(name, seconds, tmp_path):
    program = Program(name, tmp_path)
    assert program.until(program.has_taken_over)
    time.sleep(seconds)
    program.process.send_signal(signal.SIGINT)
    code, lines, names, left = program.ended()
    assert (code, lines, left) == (130, ["flrdt: interrupted"], []) and whole(names)


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("number, code, lines", [
    (signal.SIGINT, 130, ["flrdt: interrupted"]),
    (signal.SIGTERM, 143, ["flrdt: terminated"]),
    (signal.SIGHUP, 129, ["flrdt: the terminal was closed"]),
    (signal.SIGKILL, -9, []),
], ids=lambda v: getattr(v, "name", ""))  # fmt: skip
@pytest.mark.parametrize("name, seconds", [("finite", 0.3), ("sweep", 0), ("sweep", 3)])
def test_no_worker_outlives_the_program(name, number, code, lines, seconds, tmp_path):
    program = Program(name, tmp_path)
    assert program.until(program.workers)
    time.sleep(seconds)
    program.process.send_signal(number)
    found, said, names, left = program.ended()
    assert (found, said, left) == (code, lines, []) and whole(names)


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("name, seconds", [("finite", 0.1), ("sweep", 0), ("sweep", 2)])
def test_ctrl_c_reaches_the_whole_group(name, seconds, tmp_path):
    """As a terminal sends it: the workers hear it too, from their first instruction on."""
    program = Program(name, tmp_path)
    assert program.until(program.workers)
    time.sleep(seconds)
    os.killpg(program.process.pid, signal.SIGINT)
    code, lines, names, left = program.ended()
    assert (code, lines, left) == (130, ["flrdt: interrupted"], []) and whole(names)


def test_ignored_signals_stay_ignored(tmp_path):
    """What nohup promises."""
    code = (
        "import signal, os; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from flrdt.evaluate.machine.signals import take_over; take_over()\n"
        "os.kill(os.getpid(), signal.SIGHUP); print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")


SWALLOWED = """
import os, signal, sys, time
from flrdt.evaluate import cli
from flrdt.evaluate.machine.program import program
from flrdt.evaluate.commands import capacity

class Callback:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

def swallowing(options):
    try:
        {how}
    except BaseException:
        {then}
    time.sleep(60)

capacity.run = swallowing
sys.argv[1:] = ["capacity"]
sys.exit(program())
"""
INTERRUPT = "os.kill(os.getpid(), signal.SIGINT); time.sleep(1)"


@pytest.mark.parametrize("how, then", [
    (INTERRUPT, "pass"),
    (INTERRUPT, "raise ImportError('disguised')"),
    (INTERRUPT, "raise ValueError('disguised')"),
    ("x = Callback(); del x", "pass"),
])  # fmt: skip
def test_an_interrupt_that_a_library_swallows_still_ends_the_program(how, then):
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED.format(how=how, then=then)], capture_output=True, text=True, timeout=50
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "flrdt: interrupted\n")


def test_pool_runs_functions_and_hands_errors_back():
    from flrdt.evaluate.machine.processes import local_pool

    with local_pool(2) as pool:
        assert [*pool.map(divmod, range(10), [3] * 10, chunksize=4)] == [divmod(k, 3) for k in range(10)]
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
        with pytest.raises((AttributeError, TypeError), match=r"pickle|local"):
            pool.submit(lambda: 1)
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(divmod, 1, 1)
    assert all(process.returncode == 0 for process in pool.processes)


def test_a_dead_worker_breaks_the_pool():
    from concurrent.futures import BrokenExecutor

    from flrdt.evaluate.machine.processes import local_pool

    with pytest.raises(BrokenExecutor), local_pool(1) as pool:
        first, second = pool.submit(time.sleep, 60), pool.submit(divmod, 1, 1)
        pool.processes[0].kill()
        with pytest.raises(BrokenExecutor):
            second.result()
        assert first.exception() is not None
        pool.submit(divmod, 1, 1)
    assert pool.processes[0].poll() is not None
