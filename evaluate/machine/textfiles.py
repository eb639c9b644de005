"""Small plain-text JSON files that are written atomically and recognised when read back."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ..arithmetic.decimals import InputError

__all__ = ["FileError", "read_document", "write_document"]

VERSION = 1


class FileError(InputError):
    """A file is not what it should be; the message says what it is and what would be right."""


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_document(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write ``content`` under the name of its kind, with a version and a checksum; all of it or nothing."""
    document = {"format": f"flrdt {kind}", "version": VERSION, "sha256": _digest(content), "content": content}
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.write("\n")
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_document(path: Path, kind: str) -> dict[str, Any]:
    """The content of a file of a kind; raises :class:`FileError` if it is missing, corrupt or foreign."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise FileError(f"{path} is not a {kind} file, or it is damaged: it is not JSON text") from None
    if not isinstance(document, dict) or document.get("format") != f"flrdt {kind}":
        raise FileError(f"{path} is not a {kind} file of flrdt")
    if document.get("version") != VERSION:
        raise FileError(f"{path} has format version {document.get('version')!r}; this flrdt reads version {VERSION}")
    content = document.get("content")
    if not isinstance(content, dict) or document.get("sha256") != _digest(content):
        raise FileError(f"{path} is damaged: its checksum does not match its content")
    return content
