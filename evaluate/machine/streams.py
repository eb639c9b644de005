"""Standard output and error: any name in any encoding, closed or full ones, and readers that have gone away.

Imported by every start of the command line, so it needs nothing but the standard library.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress

__all__ = ["OutputError", "finish", "overwrites", "prepare", "put", "silence"]


class OutputError(ValueError):
    """Standard output cannot be written."""

    bad_input = True


class _Closed(io.TextIOBase):
    """A stream that was closed before the start: writing to it fails like writing to a full disk."""

    def write(self, _: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


class _Messages(io.TextIOWrapper):
    """Standard error: a message that cannot be written is lost, and nothing else is."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def prepare() -> None:
    """Make the streams of this process fit for any text and any failure; for the program, not for a caller in Python.

    A character that the encoding lacks is written with a backslash.  Descriptors 0, 1 and 2 that are closed are pointed
    at nothing, so that no file opened later takes their number.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # the lowest free number
    if sys.stdout is None:
        sys.stdout = _Closed()
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (it lasts as long as the process)
    elif isinstance(sys.stderr, io.TextIOWrapper) and not isinstance(sys.stderr, _Messages):
        encoding = sys.stderr.encoding
        sys.stderr = _Messages(sys.stderr.detach(), encoding, "backslashreplace", line_buffering=True)
        sys.__stderr__ = sys.stderr  # type: ignore[misc]


def put(text: str) -> None:
    """Print a result; raises :class:`OutputError`, and ``BrokenPipeError`` once its reader has gone away."""
    try:
        try:
            print(text)
        except UnicodeEncodeError as problem:
            print(text.encode(problem.encoding, "backslashreplace").decode(problem.encoding))
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise _unwritable(problem) from None


def _unwritable(problem: OSError) -> OutputError:
    reason = problem.strerror or problem
    return OutputError(f"cannot write standard output: {reason}; send it where there is room, or use --output FILE")


def finish() -> None:
    """Hand over what is still buffered, now, while a failure can be told; raises as :func:`put`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise _unwritable(problem) from None


def silence() -> None:
    """Send what is still buffered nowhere, so that the interpreter has nothing to complain about when it ends."""
    with suppress(OSError, ValueError, AttributeError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


def overwrites() -> bool:
    """Whether messages may overwrite each other: standard error is a terminal that knows escape codes."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb":
        return False
    with suppress(AttributeError, OSError, ValueError):
        return sys.stderr.isatty()
    return False
