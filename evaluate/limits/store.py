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

    def _path(self, network: Network, level: int) -> Path:
        assert self.folder is not None
        # gates are named by their set, so the file name is a digest of the full description
        key = hashlib.sha256(f"{network.gate} {network.gate.active} {network.gate.radius} {network.budget}".encode())
        return self.folder / f"{key.hexdigest()[:16]}-level-{level}.json"

    def load(self, network: Network, level: int) -> list[float] | None:
        """The stored coordinates, or ``None``."""
        return None if self.folder is None else self._read(self._path(network, level), 2 * level - 1)

    def save(self, network: Network, level: int, coordinates: list[float]) -> None:
        """Keep the coordinates of a minimum."""
        if self.folder is not None:
            self._write(self._path(network, level), f"{network.gate}, budget {network.budget}", level, coordinates)

    def load_deep(self, words: str, level: int, count: int) -> list[float] | None:
        """The coordinates of the point of a deep network that ``words`` describe, or ``None``."""
        return None if self.folder is None else self._read(self._deep_path(words, level), count)

    def save_deep(self, words: str, level: int, coordinates: list[float]) -> None:
        """Keep the coordinates of the point of a deep network."""
        if self.folder is not None:
            self._write(self._deep_path(words, level), words, level, coordinates)

    def _deep_path(self, words: str, level: int) -> Path:
        assert self.folder is not None
        return self.folder / f"{hashlib.sha256(words.encode()).hexdigest()[:16]}-deep-level-{level}.json"

    def _read(self, path: Path, count: int) -> list[float] | None:
        try:
            return stored_numbers(read_document(path, KIND).get("coordinates"), count) if path.is_file() else None
        except (FileError, OSError):
            return None

    def _write(self, path: Path, words: str, level: int, coordinates: list[float]) -> None:
        content = {"network": words, "level": level, "coordinates": [float(v).hex() for v in coordinates]}
        with suppress(FileError, OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_document(path, KIND, content)
