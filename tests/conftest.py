"""Shared fixtures and hypothesis profiles."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "dev", deadline=None, max_examples=15, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "ci", deadline=None, max_examples=15, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


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
