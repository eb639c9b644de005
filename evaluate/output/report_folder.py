"""The folder that ``flrdt docs`` writes: replaced as a whole, and only if it holds nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

from ..arithmetic.decimals import InputError

__all__ = ["MANIFEST", "check_folder", "store"]

MANIFEST = "provenance.json"


def _checksums(folder: Path) -> dict[str, str]:
    """What the manifest of an earlier report says about its files; empty if there is none."""
    try:
        return dict(json.loads((folder / MANIFEST).read_text())["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def check_folder(folder: Path) -> None:
    """Raise ``InputError`` unless the folder is missing, empty, or holds nothing but an unchanged earlier report."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is not a folder: name a new or empty one")
    parent = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    try:
        tempfile.TemporaryDirectory(dir=parent).cleanup()
    except OSError:
        raise InputError(f"cannot write to {parent}: name a folder in a writable place") from None
    present = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())
    if not present:
        return
    known = _checksums(folder)
    for name in present:
        if name == MANIFEST and known:
            continue
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != known.get(name):
            raise InputError(f"{folder} holds {name}, which is not part of an unchanged report: name an empty folder")


def store(files: dict[str, bytes], folder: Path) -> None:
    """Write a whole report; an earlier one is replaced.  Raises ``InputError`` if the place cannot be written."""
    folder = folder.absolute()
    check_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as staging:
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
                (folder / name).parent.mkdir(exist_ok=True)
                os.replace(whole / name, folder / name)
    except OSError as problem:
        raise InputError(f"cannot write {folder}: {problem.strerror or problem}; name a writable folder") from None
