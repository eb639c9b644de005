"""A results file that survives interruption: CSV, one line per result, every line with its own checksum.

Parquet cannot be appended to, so for a Parquet file the CSV is a journal beside it, which lasts until the whole is written.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast
from zlib import crc32

from ..arithmetic.decimals import InputError
from ..machine.files import FileError, check_place, decoded, is_regular, read_bytes, write_file
from .parquet_file import Row, read_rows, write_rows

__all__ = ["ResultsFile", "open_results"]

PARQUET = ".parquet"
JOURNAL = ".journal.csv"


@contextmanager
def open_results(
    path: str | Path, columns: Sequence[str], key: Sequence[str], report: Callable[[str], None]
) -> Iterator[ResultsFile]:
    """The results in a CSV or Parquet file, open for more; a Parquet file is written when the block ends well.

    Raises as :class:`ResultsFile` and :func:`~flrdt.evaluate.sweeps.parquet_file.read_rows`.
    """
    check_place(str(path))
    target = Path(os.path.realpath(path)) if is_regular(path) else Path(path)
    if target.suffix.lower() != PARQUET:
        with ResultsFile(target, columns, key, report) as file:
            yield file
        return
    journal = target.with_name(target.name + JOURNAL)
    with ResultsFile(journal, columns, key, report) as file:
        try:
            before = read_rows(target, columns, report)
        except BaseException:
            if not file.rows:
                journal.unlink()
            raise
        for row in before:
            file.rows.setdefault(tuple(row[name] for name in key), row)
        yield file
        rows = list(file.rows.values())
        if rows != before or not target.exists():
            write_rows(target, columns, rows)
        journal.unlink(missing_ok=True)


class ResultsFile:
    """Rows by key in a CSV file, appended one by one and on disk before :meth:`add` returns.

    On opening, lines that are cut off, damaged or doubled are taken out, so that their points count as missing.
    What is no regular file (a pipe, a device) cannot be read back: it gets the whole at the end.
    The file is locked while it is open, and the lock ends with the process, however that ends.
    Raises ``InputError`` if the file holds something else, cannot be written, or is locked by another sweep.
    """

    def __init__(
        self, path: str | Path, columns: Sequence[str], key: Sequence[str], report: Callable[[str], None]
    ) -> None:
        self.path, self.columns, self.key = Path(path), tuple(columns), tuple(key)
        self.rows: dict[tuple[str, ...], Row] = {}
        self._stream: IO[bytes] | None = None
        self._appends = is_regular(self.path)
        if self._appends:
            new = not self.path.exists()
            self._hold()
            try:
                self._load(report)
            except BaseException:
                if new:  # the disk is full: locking made an empty file
                    self.path.unlink(missing_ok=True)
                self._close()
                raise

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._close()
        if not self._appends and kind is None:
            self._write()

    def _hold(self) -> None:
        """Open the file and lock it; a file that was replaced in between is opened again."""
        while self._stream is None:
            try:
                stream = self.path.open("ab", buffering=0)
            except OSError as problem:
                raise _unwritable(self.path, problem) from None
            try:
                _lock(stream)
                if os.path.samestat(os.fstat(stream.fileno()), os.stat(self.path)):
                    self._stream = stream
            except BlockingIOError:
                raise FileError(
                    f"{self.path} is being written by another sweep: wait until that has ended, or name another file"
                ) from None
            except FileNotFoundError:
                pass
            finally:
                if self._stream is None:
                    stream.close()

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()  # unbuffered: closing writes nothing, so it cannot hide an earlier error
            self._stream = None

    def _line(self, cells: Sequence[str]) -> str:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerow(cells)
        return buffer.getvalue()

    @property
    def _header(self) -> str:
        return self._line([*self.columns, "check"])

    def _load(self, report: Callable[[str], None]) -> None:
        content = read_bytes(self.path) if self.path.exists() else b""
        try:
            text = decoded(content)
        except UnicodeDecodeError:
            text = content.decode("utf-8-sig", errors="replace")
        text = text.replace("\r\n", "\n")  # as a spreadsheet leaves it
        if not text.startswith(self._header) and not self._header.startswith(text):
            raise InputError(f"{self.path} holds something else than results of this kind of sweep: name another file")
        damaged = 0
        for line in text[len(self._header) :].splitlines(keepends=True):
            row = self._parsed(line)
            if row is None or self._key_of(row) in self.rows:
                damaged += 1
            else:
                self.rows[self._key_of(row)] = row
        if damaged:
            report(
                f"{self.path}: {damaged} damaged line{'s' * (damaged > 1)} taken out; the missing points are computed again"
            )
        if damaged or len(text) < len(self._header) or text.encode() != content:
            self._write()
            self._hold()

    def _parsed(self, line: str) -> Row | None:
        try:
            cells = next(csv.reader([line]), [])
        except csv.Error:  # a field longer than any that was written
            return None
        if not line.endswith("\n") or len(cells) != len(self.columns) + 1 or cells[-1] != _checksum(cells[:-1]):
            return None
        return dict(zip(self.columns, cells[:-1], strict=True))

    def _key_of(self, row: Row) -> tuple[str, ...]:
        return tuple(row[name] for name in self.key)

    def _complete(self, row: Row) -> str:
        cells = [row[name] for name in self.columns]
        return self._line([*cells, _checksum(cells)])

    def add(self, row: Row) -> None:
        """Append a row unless its key is there already."""
        if self._key_of(row) in self.rows:
            return
        if self._appends:
            try:
                self._append(self._complete(row).encode())
            except OSError as problem:
                raise _unwritable(self.path, problem) from None
        self.rows[self._key_of(row)] = row

    def _append(self, line: bytes) -> None:
        """Put a line on disk; a line that does not fit is taken back."""
        self._hold()
        stream = cast(IO[bytes], self._stream)
        before = stream.seek(0, os.SEEK_END)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[stream.write(rest) :]
            os.fsync(stream.fileno())
        except BaseException:
            with suppress(OSError):
                stream.truncate(before)
            raise

    def drop(self, unwanted: Callable[[Row], bool]) -> None:
        """Take out the rows that the predicate names."""
        kept = {key: row for key, row in self.rows.items() if not unwanted(row)}
        if len(kept) < len(self.rows):
            self.rows = kept
            if self._appends:  # else at the end
                self._write()
                self._hold()

    def sort(self, order: Sequence[tuple[str, ...]]) -> None:
        """Put the rows in the order of these keys, others after them."""
        place = {key: index for index, key in enumerate(order)}
        ordered = dict(sorted(self.rows.items(), key=lambda item: place.get(item[0], len(place))))
        if list(ordered) != list(self.rows):
            self.rows = ordered
            if self._appends:
                self._write()

    def _write(self) -> None:
        self._close()
        write_file(self.path, self._header + "".join(map(self._complete, self.rows.values())))


def _unwritable(path: Path, problem: OSError) -> FileError:
    return FileError(f"cannot write {path}: {problem.strerror or problem}; what it holds is whole")


def _lock(stream: IO[bytes]) -> None:
    """Lock a file for this process; raises ``BlockingIOError``.  Where the system has no such locks nothing happens."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks
        return


def _checksum(cells: Sequence[str]) -> str:
    return f"{crc32(chr(31).join(cells).encode()):08x}"
