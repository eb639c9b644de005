"""A bound on the processor time of a block of code, however slow the machine is otherwise."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(seconds: float, problem: BaseException) -> Iterator[None]:
    """Raise the problem inside of the block once it has taken so many seconds."""

    def stop(*_: object) -> None:
        raise problem

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
