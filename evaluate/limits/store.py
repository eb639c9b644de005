"""Solved stationary points in the user's cache folder: starts for later calls, never results."""

from __future__ import annotations

import hashlib
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from flrdt.derive import Network

from ..machine.textfiles import FileError, read_document, write_document

__all__ = ["Store", "cache_folder", "stored_numbers"]

KIND = "stationary point"


def cache_folder() -> Path | None:
    """``$FLRDT_CACHE``, or ``flrdt`` in the user's cache folder; ``None`` for a user who has none (no home)."""
    if os.environ.get("FLRDT_CACHE"):
        return Path(os.environ["FLRDT_CACHE"])
    try:
        folder = Path(platformdirs.user_cache_dir("flrdt", appauthor=False))
    except (OSError, RuntimeError, KeyError):
        return None
    return folder if folder.is_absolute() else None  # without a home it begins with a tilde


def stored_numbers(values: Any, count: int) -> list[float] | None:
    """So many finite numbers that were stored as hexadecimal text, or ``None`` for anything else.

    >>> stored_numbers(["0x1p1", "0x1p0"], 2), stored_numbers(["0x1p99999"], 1)
    ([2.0, 1.0], None)
    """
    if not isinstance(values, list) or len(values) != count or not all(isinstance(v, str) for v in values):
        return None
    try:
        found = [float.fromhex(v) for v in values]
    except (ValueError, OverflowError):
        return None
    return found if all(map(math.isfinite, found)) else None


class Store:
    """Float64 coordinates of level minima, one file per network and level.

    What is read is only ever a start for the solver, which recomputes every residual; so a damaged file, or a folder
    that cannot be written, is passed over silently.  ``Store(None)`` stores nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def load(self, network: Network | str, level: int, count: int | None = None) -> list[float] | None:
        """The stored coordinates, ``count`` of them (those of one layer by default), or ``None``."""
        path = self._path(network, level)
        if path is None:
            return None
        try:
            numbers = read_document(path, KIND).get("coordinates") if path.is_file() else None
        except (FileError, OSError):
            return None
        return stored_numbers(numbers, 2 * level - 1 if count is None else count)

    def save(self, network: Network | str, level: int, coordinates: list[float]) -> None:
        """Keep the coordinates of a minimum; ``network`` is one layer, or the words that describe what was solved."""
        path = self._path(network, level)
        if path is None:
            return
        content = {"network": _words(network), "level": level, "coordinates": [float(v).hex() for v in coordinates]}
        with suppress(FileError, OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_document(path, KIND, content)

    def _path(self, network: Network | str, level: int) -> Path | None:
        if self.folder is None:
            return None
        # gates are named by their set, so the file name is a digest of the full description
        return self.folder / f"{hashlib.sha256(_words(network).encode()).hexdigest()[:16]}-level-{level}.json"


def _words(network: Network | str) -> str:
    if isinstance(network, str):
        return network
    return f"{network.gate} {network.gate.active} {network.gate.radius} {network.budget}"
