"""The one way to read and to write files: whole, without surprises, and with one line where that is impossible.

*Reading*: no more than a limit, text in UTF-8 or UTF-16 with or without a byte-order mark, JSON and TOML of any content
without a traceback.  *Writing*: all of it or nothing.  Links are written through, mode and owner are kept, and what is
no regular file (a pipe, a device) is written to and never replaced.
"""

from __future__ import annotations

import codecs
import errno
import json
import os
import reprlib
import stat
import sys
import tempfile
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from flrdt.derive.core.formulas import InputError

__all__ = [
    "FileError",
    "check_place",
    "decoded",
    "is_regular",
    "loads_json",
    "loads_toml",
    "read_bytes",
    "read_json",
    "read_text",
    "read_toml",
    "shown",
    "write_file",
]

#: Bytes of a file that are read where the reader names no limit of its own.
MOST_BYTES = 50_000_000


class FileError(InputError):
    """A file is not what it should be; the message says what it is and what would be right."""


def shown(value: Any) -> str:
    """A value in a message: short, however long or deeply nested it is.

    >>> shown([[[[[[[[[1]]]]]]]]]), len(shown("1" * 5000))
    ('[[[[[[[...]]]]]]]', 30)
    """
    return reprlib.repr(value)


# ---- reading -------------------------------------------------------------------------------------


def read_bytes(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """The content of a file (or pipe); raises :class:`FileError` if it cannot be read or has more than ``most`` bytes."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(most + 1)
    except (OSError, ValueError) as problem:  # a ValueError is a name that no file can have
        raise FileError(f"cannot read {path}: {getattr(problem, 'strerror', None) or problem}") from None
    if len(content) > most:
        raise FileError(f"{path} is too large: at most {most} bytes are read")
    return content


def decoded(content: bytes) -> str:
    """Text in UTF-8, or in UTF-16 with a byte-order mark; the mark is left out.  Raises ``UnicodeDecodeError``.

    >>> decoded(b"\\xef\\xbb\\xbf1,2"), decoded("1,2".encode("utf-16"))
    ('1,2', '1,2')
    """
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if marked else "utf-8-sig")


def read_text(path: str | Path, what: str = "a text file", most: int = MOST_BYTES) -> str:
    """The text of a file; raises :class:`FileError` as :func:`read_bytes`, and for what is no text in UTF-8."""
    content = read_bytes(path, most)
    try:
        return decoded(content)
    except UnicodeDecodeError:
        raise FileError(f"{path} is not {what}: it is not text in UTF-8") from None


def _parsed(parse: Callable[[], Any], language: str) -> Any:
    """What a parser makes of a text; all that it may raise becomes one :class:`FileError`."""
    try:
        return parse()
    except RecursionError:
        raise FileError(f"not {language} text: nested too deeply") from None
    except ValueError as problem:
        first = (str(problem).splitlines() or ["damaged"])[0][:120]
        if "integer string conversion" in first:
            first = f"a whole number has more than {sys.get_int_max_str_digits()} digits"
        raise FileError(f"not {language} text: {first}") from None


def loads_json(text: str, **options: Any) -> Any:
    """``json.loads`` that raises :class:`FileError` for every text that is not JSON, deep nesting included."""
    return _parsed(lambda: json.loads(text, **options), "JSON")


def loads_toml(text: str, **options: Any) -> dict[str, Any]:
    """``tomllib.loads`` that raises :class:`FileError` for every text that is not TOML, deep nesting included."""
    return _parsed(lambda: tomllib.loads(text, **options), "TOML")


def read_json(path: str | Path, most: int = MOST_BYTES) -> Any:
    """The value in a JSON file; raises :class:`FileError`."""
    text = read_text(path, "a JSON file", most)
    try:
        return loads_json(text)
    except FileError as problem:
        raise FileError(f"{path}: {problem}") from None


def read_toml(path: str | Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """The table in a TOML file, decimals as text so that they stay exact; raises :class:`FileError`."""
    text = read_text(path, "a TOML file", most)
    try:
        return loads_toml(text, parse_float=str)
    except FileError as problem:
        raise FileError(f"{path} is not a TOML file: {problem.args[0].partition(': ')[2]}") from None


# ---- writing -------------------------------------------------------------------------------------


def is_regular(path: str | Path) -> bool:
    """Whether a path leads to a regular file or to nothing yet; pipes, devices and folders are neither."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return True


def _refusal(path: str | Path, problem: BaseException) -> FileError:
    reason = getattr(problem, "strerror", None) or problem
    return FileError(f"cannot write {path}: {reason}; name a file in a writable folder that has room")


def _denied(place: str) -> OSError:
    with suppress(AttributeError, OSError):
        if os.statvfs(place).f_flag & os.ST_RDONLY:
            return OSError(errno.EROFS, os.strerror(errno.EROFS))
    return PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def check_place(path: str) -> str:
    """The path itself; raises :class:`FileError` if it cannot be written, before any work is done for it."""
    try:
        if not path:
            raise FileError("the name of the file to write is empty: give one")
        target = os.path.realpath(path)
        if os.path.isdir(path):
            raise IsADirectoryError(0, "it is a folder")
        if os.path.exists(path):
            if not os.access(path, os.W_OK):
                raise _denied(path)
            return path
        folder = os.path.dirname(target)
        if not os.path.isdir(folder):
            raise FileNotFoundError(0, f"the folder {folder} does not exist")
        if len(os.fsencode(os.path.basename(target))) > 255:
            raise OSError(0, "File name too long")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise _denied(folder)
    except (OSError, ValueError) as problem:
        if isinstance(problem, FileError):
            raise
        raise _refusal(path, problem) from None
    return path


def write_file(path: str | Path, content: str | bytes) -> None:
    """Write a whole file or nothing; raises :class:`FileError` if the place cannot be written or has no room.

    A new or ordinary file is replaced in one step, through links and with its mode and owner.  Where replacing would
    lose something (other hard links, attributes, an owner that cannot be given) it is overwritten in place.  What is no
    regular file is written to as a stream.
    """
    body = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    try:
        if not os.fspath(path):
            raise FileNotFoundError(0, "the name is empty")
        try:
            found = os.stat(path)
        except FileNotFoundError:
            found = None
        if found is None:
            _replaced(os.path.realpath(path), body, None)
        elif (own := _own_stream(found)) is not None:
            _written(os.dup(own), body)
        elif not stat.S_ISREG(found.st_mode):
            _written(os.open(path, os.O_WRONLY | getattr(os, "O_NOCTTY", 0)), body)
        else:
            _overwritten(os.path.realpath(path), body, found)
    except (OSError, ValueError) as problem:
        raise _refusal(path, problem) from None


def _own_stream(found: os.stat_result) -> int | None:
    """1 or 2 if a file is where standard output or error go (``--output /dev/stdout``): they have to stay joined."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if os.path.samestat(found, os.fstat(descriptor)):
                return descriptor
    return None


def _written(descriptor: int, body: bytes) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(body)


def _overwritten(target: str, body: bytes, found: os.stat_result) -> None:
    """Replace an ordinary file where that loses nothing, and overwrite it where it does."""
    if not os.access(target, os.W_OK):
        raise _denied(target)
    if found.st_nlink == 1 and not _attributes(target):
        try:
            _replaced(target, body, found)
            return
        except OSError as problem:
            if problem.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV):
                raise  # a full disk: overwriting could lose what is there
    before = Path(target).read_bytes()
    try:
        _written(os.open(target, os.O_WRONLY | os.O_TRUNC), body)
    except BaseException:
        with suppress(OSError):
            _written(os.open(target, os.O_WRONLY | os.O_TRUNC), before)
        raise


def _attributes(target: str) -> list[str]:
    try:
        return os.listxattr(target)
    except (AttributeError, OSError):  # not on this system
        return []


def _replaced(target: str, body: bytes, found: os.stat_result | None) -> None:
    """Put a new file in the place of an old one in one step; the old one stays if anything fails."""
    handle, name = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".flrdt-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(body)
            stream.flush()
            if found is None:
                mask = os.umask(0)
                os.umask(mask)
                os.chmod(name, 0o666 & ~mask)  # a temporary file is private, a result is an ordinary file
            else:
                made = os.fstat(handle)
                if (made.st_uid, made.st_gid) != (found.st_uid, found.st_gid):
                    os.chown(name, found.st_uid, found.st_gid)
                os.chmod(name, stat.S_IMODE(found.st_mode))
            os.fsync(handle)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
