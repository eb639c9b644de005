"""Shared fixtures and hypothesis profiles."""

import ast
import os
import signal
from functools import lru_cache

import pytest
from hypothesis import HealthCheck, settings

#: Examples per property: few for everyone's default run, more in .ci/run, and new ones every time when looking for trouble.
EXAMPLES = {"dev": 15, "ci": 60, "thorough": 1000}
for name, number in EXAMPLES.items():
    settings.register_profile(
        name,
        deadline=None,
        max_examples=number,
        derandomize=name != "thorough",
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


# a shell that runs the tests in the background has them ignore interrupts, and every program that they start would too
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@lru_cache
def over_the_registry(path):
    """The tests of a file that go over the whole registry."""
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    return {f.name for f in functions if any(isinstance(n, ast.Name) and n.id == "registry" for n in ast.walk(f))}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With ``-n`` the tests that go over the whole registry share a process, which derives it once, as do those of a file.

    Slow tests of a file are sent one by one.
    """
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, _, name = nodeid.partition("::")
            if name.partition("[")[0] in over_the_registry(config.rootpath / file):
                return "registry"
            return file if "not slow" in config.option.markexpr else nodeid

    return Groups(config, log)


@pytest.fixture(autouse=True)
def precision_is_restored():
    """Every test starts from default precision, and the code under test must leave it as it found it."""
    import flint
    from mpmath import mp

    mp.prec, flint.ctx.prec = 53, 53
    yield
    left = mp.prec, flint.ctx.prec
    mp.prec, flint.ctx.prec = 53, 53
    assert left == (53, 53), "global precision was not restored"


@pytest.fixture
def run(capsys):
    """Run the command line in this process; returns (exit code, stdout, stderr)."""
    from flrdt.evaluate.cli import main

    def call(*words):
        code = main(list(words))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
