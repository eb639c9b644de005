"""Executors for sweeps: local processes, or a Dask cluster that is already running."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib.util import find_spec

from ..arithmetic.decimals import InputError

__all__ = ["check_scheduler", "dask_executor"]

ANSWER_SECONDS = 5


def check_scheduler(address: str) -> None:
    """Raises ``InputError`` if the optional package is missing or no scheduler answers there within a few seconds."""
    if find_spec("distributed") is None:
        raise InputError("--dask needs the package distributed: pip install 'flrdt[dask]'")
    import logging

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        asyncio.run(_greet(address))
    except Exception:  # whatever else listens there may break the handshake in any way
        raise _silent(address) from None


def _silent(address: str) -> InputError:
    return InputError(f"no Dask scheduler answers at {address!r}: check the address, for example tcp://127.0.0.1:8786")


@contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """The executor of the Dask scheduler at an address such as ``tcp://host:8786``.

    The scheduler hands the work of a worker that dies to another one.  Raises as :func:`check_scheduler`.
    """
    check_scheduler(address)
    from distributed import Client

    try:
        client = Client(address, timeout=ANSWER_SECONDS, set_as_default=False)
    except Exception:
        raise _silent(address) from None
    with client, client.get_executor(pure=False) as executor:
        yield executor


async def _greet(address: str) -> None:
    """Shake hands and hang up: a client that finds nobody would keep waiting when it is thrown away."""
    from distributed.comm import connect

    comm = await asyncio.wait_for(connect(address, timeout=ANSWER_SECONDS), ANSWER_SECONDS + 1)
    comm.abort()
