"""Local worker processes that leave interruption to the process that started them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from ..arithmetic.decimals import InputError

__all__ = ["local_pool", "parse_workers"]


def _quiet() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def local_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of fresh processes; if the block is left by an exception, what has not started is dropped."""
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_quiet)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def parse_workers(value: str | int | None) -> int:
    """A number of worker processes, by default one per core; raises ``InputError``."""
    if value is None:
        return os.cpu_count() or 1
    if not str(value).isdecimal() or not 1 <= int(value) <= 1024:
        raise InputError(f"workers {value!r}: use an integer from 1 to 1024")
    return int(value)
