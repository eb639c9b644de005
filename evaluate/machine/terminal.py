"""Messages on standard error, where there is one, and what a terminal may be sent."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

__all__ = ["overwrites", "say"]


def say(text: str, end: str = "\n") -> None:
    """A line on standard error; a closed or full one loses it, and nothing else is lost."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(text, end=end, file=sys.stderr, flush=True)


def overwrites(stream: Any = None) -> bool:
    """Whether a line on the stream, by default standard error, can be overwritten: a terminal that knows escape codes."""
    stream = sys.stderr if stream is None else stream
    if stream is None or os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb":
        return False
    with suppress(OSError, ValueError):
        return stream.isatty()
    return False
