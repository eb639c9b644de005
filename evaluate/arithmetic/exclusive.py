"""One computation at a time, in a clean numeric environment.

The precision of mpmath and of flint belongs to the process, not to a thread: a solve in one thread would change the digits
of a solve in another.  So every public computation holds one lock while it runs, and finds the defaults of the libraries
whatever the caller has set: precision, handling of floating-point warnings, length of printed integers.  A pool of threads
then gives the same digits as one thread, one result after the other; for several cores use processes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from threading import RLock
from typing import ParamSpec, TypeVar

__all__ = ["exclusive"]

_LOCK = RLock()
_depth = 0
DEFAULT_BITS = 53

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def _clean() -> Iterator[None]:
    """The defaults of the numeric libraries; the settings of the caller afterwards."""
    from mpmath import mp

    with ExitStack() as stack:
        stack.enter_context(mp.workprec(DEFAULT_BITS))
        stack.callback(sys.set_int_max_str_digits, sys.get_int_max_str_digits())
        sys.set_int_max_str_digits(0)
        if "flint" in sys.modules:
            from flint import ctx

            stack.enter_context(ctx.workprec(DEFAULT_BITS))
        if "numpy" in sys.modules:
            import numpy

            stack.enter_context(numpy.errstate(divide="warn", over="warn", under="ignore", invalid="warn"))
        yield


def exclusive(function: Callable[P, R]) -> Callable[P, R]:
    """The function with the lock held and a clean numeric environment around it; calls may be nested.

    >>> @exclusive
    ... def bits():
    ...     from mpmath import mp
    ...     return mp.prec
    >>> bits()
    53
    """

    @wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        global _depth
        with _LOCK:
            if _depth:  # within another computation, which has set its precision
                return function(*arguments, **options)
            _depth += 1
            try:
                with _clean():
                    return function(*arguments, **options)
            finally:
                _depth -= 1

    return run
