"""Small plain-text JSON files that are written whole and recognised when read back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .files import FileError, loads_json, read_bytes, shown, write_file

__all__ = ["FileError", "read_document", "write_document"]

VERSION = 1


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_document(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write ``content`` under the name of its kind, with a version and a checksum; all of it or nothing.

    Raises ``FileError`` if the place cannot be written.
    """
    document = {"format": f"flrdt {kind}", "version": VERSION, "sha256": _digest(content), "content": content}
    write_file(path, json.dumps(document, indent=1) + "\n")


def read_document(path: Path, kind: str) -> dict[str, Any]:
    """The content of a file of a kind; raises ``FileError`` if it is missing, corrupt or foreign."""
    content = read_bytes(path)
    try:
        document = loads_json(content.decode("utf-8-sig"))
        digest = _digest(document["content"]) if isinstance(document, dict) and "content" in document else None
    except (FileError, UnicodeDecodeError, RecursionError):
        raise FileError(f"{path} is not a {kind} file, or it is damaged: it is not JSON text") from None
    if not isinstance(document, dict) or document.get("format") != f"flrdt {kind}":
        raise FileError(f"{path} is not a {kind} file of flrdt")
    if document.get("version") != VERSION:
        raise FileError(
            f"{path} has format version {shown(document.get('version'))}; this flrdt reads version {VERSION}"
        )
    content = document.get("content")  # type: ignore[assignment]
    if not isinstance(content, dict) or document.get("sha256") != digest:
        raise FileError(f"{path} is damaged: its checksum does not match its content")
    return content
