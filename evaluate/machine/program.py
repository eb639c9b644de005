"""The life of the program: signals first, then the command line."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from .signals import farewell, settle, stopped, take_over

__all__ = ["program"]


def program() -> int:
    """Run the command line of this process; returns the exit code."""
    take_over()
    try:
        from ..cli import main

        code = main()
        settle()
    except KeyboardInterrupt:  # between the end of the work and here
        code = farewell()
    if stopped():  # everything is undone: the interpreter need not wind up
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code
