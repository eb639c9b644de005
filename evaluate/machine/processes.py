"""Local worker processes that leave interruption to the process that started them, and end with it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

__all__ = ["LocalPool", "end_with_parent", "local_pool", "parse_workers"]

_START = (
    "import sys; sys.path[:] = {path}; from flrdt.evaluate.machine.processes import serve; serve({handle}, {parent})"
)


class LocalPool(Executor):
    """An executor on fresh processes, each served by a thread of this one over a pipe.

    If a worker process dies, its task and those that wait fail with ``BrokenExecutor``.  The functions given to it are sent by
    name, so they have to be importable; the script that uses the pool is not run again by the workers.
    """

    def __init__(self, workers: int) -> None:
        self.processes: list[subprocess.Popen] = []
        self._work: SimpleQueue[tuple[Future, bytes] | None] = SimpleQueue()
        self._lock, self._closed, self._broken = Lock(), False, False
        self._threads: list[Thread] = []
        for _ in range(workers):
            here, there = Pipe()
            with there:
                self.processes.append(_started(there.fileno()))
            self._threads.append(Thread(target=self._deliver, args=(here,), daemon=True))
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        task, future = pickle.dumps((fn, args, kwargs)), Future[Any]()
        with self._lock:
            if self._broken:
                raise BrokenExecutor("a worker process has died")
            if self._closed:
                raise RuntimeError("the pool has been shut down")
            self._work.put((future, task))
        return future

    def map(self, fn: Callable, *iterables: Iterable, timeout: float | None = None, chunksize: int = 1) -> Iterator:
        calls = zip(*iterables, strict=False)
        chunks = iter(lambda: list(islice(calls, chunksize)), [])
        for part in super().map(partial(_each, fn), chunks, timeout=timeout):
            yield from part

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._lock:
            self._closed = True
            if cancel_futures:
                for future in self._waiting():
                    future.cancel()
            for _ in self._threads:
                self._work.put(None)
        if wait:
            for thread in self._threads:
                thread.join()
            for process in self.processes:
                process.wait()

    def kill(self) -> None:
        """End all processes at once, whatever they are doing."""
        self.shutdown(wait=False, cancel_futures=True)
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()

    def _waiting(self) -> Iterator[Future]:
        try:
            while True:
                item = self._work.get_nowait()
                if item is not None:
                    yield item[0]
        except Empty:
            return

    def _deliver(self, worker: Connection) -> None:
        """Hand tasks to one worker until there are no more, or until it dies."""
        with worker:
            while (item := self._work.get()) is not None:
                future, task = item
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    worker.send_bytes(task)
                    good, value = pickle.loads(worker.recv_bytes())
                except (EOFError, OSError):
                    self._fail(future)
                    return
                except Exception as problem:  # the answer cannot be unpickled here
                    good, value = False, problem
                if good:
                    future.set_result(value)
                else:
                    future.set_exception(value)

    def _fail(self, future: Future) -> None:
        with self._lock:
            self._broken = True
            failed = [future, *(f for f in self._waiting() if f.set_running_or_notify_cancel())]
            for _ in self._threads:
                self._work.put(None)
        for one in failed:
            one.set_exception(BrokenExecutor("a worker process has died"))


def _started(handle: int) -> subprocess.Popen:
    """A worker process that never hears of Ctrl-C: the signal is blocked from before its first instruction on."""
    code = _START.format(path=repr(sys.path), handle=handle, parent=os.getpid())
    mask = getattr(signal, "pthread_sigmask", None)
    before = mask(signal.SIG_BLOCK, {signal.SIGINT}) if mask else None
    try:
        return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=2, pass_fds=(handle,))
    finally:
        if mask:
            mask(signal.SIG_SETMASK, before)


def serve(handle: int, parent: int) -> None:
    """The life of a worker process: calls come in over the pipe, results go out, until the other end closes it."""
    end_with_parent(parent)
    with Connection(handle) as owner:
        while True:
            try:
                task = owner.recv_bytes()
            except (EOFError, OSError):
                os._exit(0)
            try:
                function, arguments, keywords = pickle.loads(task)
                answer = pickle.dumps((True, function(*arguments, **keywords)))
            except Exception as problem:
                answer = _sendable(problem)
            try:
                owner.send_bytes(answer)
            except OSError:
                os._exit(0)


def _sendable(problem: Exception) -> bytes:
    try:
        answer = pickle.dumps((False, problem))
        pickle.loads(answer)
    except Exception:
        return pickle.dumps((False, RuntimeError(f"{type(problem).__name__}: {problem}")))
    return answer


def _each(function: Callable, calls: list[tuple]) -> list:
    return [function(*arguments) for arguments in calls]


def end_with_parent(parent: int) -> None:
    """Have this worker process leave Ctrl-C to its parent, and end when that has gone, even by ``kill -9``.

    Linux does it at once; elsewhere, and where the parent was faster, the worker looks twice a second.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextmanager
def local_pool(workers: int) -> Iterator[LocalPool]:
    """A pool of fresh processes; if the block is left by an exception, they end at once."""
    pool = LocalPool(workers)
    try:
        yield pool
    except BaseException:
        pool.kill()
        raise
    pool.shutdown()


def parse_workers(value: str | int | None) -> int:
    """A number of worker processes, by default one per core; raises ``InputError``."""
    from flrdt.derive.core.exact_numbers import parse_count

    return (os.cpu_count() or 1) if value is None else parse_count(value, "workers", 1, 1024)
