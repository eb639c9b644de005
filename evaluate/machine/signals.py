"""Interruption of the program: one line, an exit code of 128 and the signal's number, and an end within two seconds.

Handlers are installed by :func:`take_over`, for a process that belongs to the command line and never for one that uses the
package.  A signal raises ``KeyboardInterrupt``, so that half-written files are taken away; what would swallow that exception
(an import, a callback) or take long to unwind is cut short.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from threading import Thread
from types import FrameType
from typing import Any

from .streams import overwrites

__all__ = ["farewell", "settle", "stopped", "take_over"]

WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "the terminal was closed"}
PATIENCE = 1.2  # seconds that unwinding may take

_owner = 0
_stopped = 0


def take_over() -> None:
    """Install the handlers in this process; signals that were ignored when it started stay ignored."""
    global _owner
    _owner = os.getpid()
    for name in WORDS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _unraisable


def settle() -> None:
    """The work is done: a signal while the interpreter winds up changes nothing any more."""
    for name in WORDS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is _stop:
            signal.signal(number, signal.SIG_IGN)


def stopped() -> bool:
    """Whether a signal has asked for the end."""
    return _stopped != 0


def farewell() -> int:
    """Say why the program ends, and return its exit code."""
    text, code = _last_words()
    print(text, file=sys.stderr)
    return code


def _last_words() -> tuple[str, int]:
    number = _stopped or int(signal.SIGINT)
    return ("\r\x1b[K" if overwrites() else "") + f"flrdt: {WORDS[signal.Signals(number).name]}", 128 + number


def _leave() -> None:
    text, code = _last_words()
    if sys.stderr is not None:
        with suppress(OSError):
            os.write(2, f"{text}\n".encode())  # the stream may be in the middle of a line of its own
    os._exit(code)


def _stop(number: int, frame: FrameType | None) -> None:
    global _stopped
    if os.getpid() != _owner:
        os._exit(128 + number)  # a forked worker that has not set its own handlers yet: the owner does the talking
    again, _stopped = _stopped, number
    if again or _importing(frame):
        _leave()
    Thread(target=_last_resort, daemon=True).start()
    raise KeyboardInterrupt


def _importing(frame: FrameType | None) -> bool:
    """Whether an import is under way: libraries may swallow or disguise an exception there, and nothing is half-written."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _last_resort() -> None:
    import time

    time.sleep(PATIENCE)
    _leave()


def _unraisable(problem: Any) -> None:
    if _stopped and issubclass(problem.exc_type, KeyboardInterrupt):
        _leave()
    sys.__unraisablehook__(problem)
