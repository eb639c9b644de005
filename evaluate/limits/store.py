"""Solved stationary points in the user's cache folder: starts for later calls, never results."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from flrdt.derive import Network

from ..machine.textfiles import FileError, read_document, write_document

__all__ = ["Store", "cache_folder"]

KIND = "stationary point"


def cache_folder() -> Path:
    """``$FLRDT_CACHE``, or ``flrdt`` in the user's cache folder."""
    if os.environ.get("FLRDT_CACHE"):
        return Path(os.environ["FLRDT_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flrdt"


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
        if self.folder is None:
            return None
        try:
            values = read_document(self._path(network, level), KIND)["coordinates"]
            found = [float.fromhex(v) for v in values]
        except (FileError, KeyError, TypeError, ValueError):
            return None
        return found if len(found) == 2 * level - 1 else None

    def save(self, network: Network, level: int, coordinates: list[float]) -> None:
        """Keep the coordinates of a minimum."""
        if self.folder is None:
            return
        content = {
            "network": f"{network.gate}, budget {network.budget}",
            "level": level,
            "coordinates": [float(v).hex() for v in coordinates],
        }
        try:
            write_document(self._path(network, level), KIND, content)
        except OSError:
            return
