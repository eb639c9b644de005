"""Shared fixtures and hypothesis profiles."""

import os
import signal

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


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """With ``-n`` tests go to the processes by groups: what takes long to derive is derived once for all that need it."""
    if hasattr(config, "workerinput"):  # a process that tests are sent to
        config.option.loadgroup = True
    elif config.getoption("dist", "no") == "load":
        config.option.dist = "loadgroup"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """One group for the tests that go over the whole registry, one for each other file; slow tests are their own."""
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        code = getattr(getattr(item, "function", None), "__code__", None)
        if "registry" in getattr(code, "co_names", ()):
            item.add_marker(pytest.mark.xdist_group("registry"))
        elif item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


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
