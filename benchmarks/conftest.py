"""Ratios measured in one run, printed at the end of the session."""

import time

import pytest

RATIOS: list[tuple[str, float, str]] = []


@pytest.fixture
def ratio():
    """Record a ratio with what it should be."""

    def record(name, value, wanted):
        RATIOS.append((name, value, wanted))

    return record


@pytest.fixture
def seconds():
    """Best of several runs of a call."""

    def best(call, runs=5):
        found = []
        for _ in range(runs):
            start = time.perf_counter()
            call()
            found.append(time.perf_counter() - start)
        return min(found)

    return best


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("ratios in this run")
    for name, value, wanted in RATIOS:
        terminalreporter.write_line(f"{name:<68} {value:10.2f}   ({wanted})")
