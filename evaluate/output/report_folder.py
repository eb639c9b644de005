"""The folder that ``flrdt docs`` writes: replaced as a whole, and only if it holds nothing else."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from ..arithmetic.decimals import InputError
from ..machine.files import check_place, read_bytes, read_json

__all__ = ["MANIFEST", "check_folder", "store"]

MANIFEST = "provenance.json"


def _checksums(folder: Path) -> dict[str, str]:
    """What the manifest of an earlier report says about its files; empty if there is none."""
    try:
        return dict(read_json(folder / MANIFEST)["sha256"])
    except (InputError, ValueError, KeyError, TypeError):
        return {}


def _digest(file: Path) -> str:
    return hashlib.sha256(read_bytes(file)).hexdigest()


def check_folder(path: str | Path) -> None:
    """Raise ``InputError`` unless the folder is missing, empty, or holds nothing but an unchanged earlier report.

    The folder above it has to exist: a mistyped path is refused, not created.
    """
    folder = Path(path)  # of the empty name that is the folder at hand
    check_place(str(folder / MANIFEST) if path and folder.is_dir() else str(path))
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is not a folder: name a new or empty one")
    present = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())
    if not present:
        return
    known = _checksums(folder)
    for name in present:
        if name == MANIFEST and known:
            continue
        if not (folder / name).is_file() or _digest(folder / name) != known.get(name):
            raise InputError(f"{folder} holds {name}, which is not part of an unchanged report: name an empty folder")


def store(files: dict[str, bytes], folder: Path) -> None:
    """Write a whole report; an earlier one is replaced.  Raises ``InputError`` if the place cannot be written."""
    check_folder(folder)
    folder = Path(os.path.realpath(folder))
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".flrdt-", ignore_cleanup_errors=True) as staging:
            whole = Path(staging) / "report"
            for name, body in files.items():
                target = whole / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(body)
            if not folder.exists():
                whole.rename(folder)
                return
            for name in {*_checksums(folder)} - {*files}:
                (folder / name).unlink(missing_ok=True)
            for name in files:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(whole / name, folder / name)
    except InputError:
        raise
    except (OSError, ValueError) as problem:
        raise InputError(
            f"cannot write {folder}: {getattr(problem, 'strerror', None) or problem}; name a writable folder"
        ) from None
