"""Rows of text in a Parquet file, written whole with a checksum per page; needs the optional package pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from ..arithmetic.decimals import InputError
from ..machine.files import is_regular, read_bytes, write_file

__all__ = ["Row", "read_rows", "require_pyarrow", "write_rows"]

Row = dict[str, str]

MAGIC = b"PAR1"  # first and last bytes of a Parquet file


def require_pyarrow() -> None:
    """Raise ``InputError`` if the optional package is missing."""
    if find_spec("pyarrow") is None:
        raise InputError("Parquet output needs the package pyarrow: pip install 'flrdt[parquet]', or write a .csv file")


def read_rows(path: Path, columns: Sequence[str], report: Callable[[str], None]) -> list[Row]:
    """The rows of a file, none if it does not exist.

    A Parquet file that is cut off or damaged cannot be read in part: it is set aside, reported, and counts as empty.
    Raises ``InputError`` for a file that cannot be read or that holds something else.
    """
    require_pyarrow()
    from pyarrow import ArrowException, parquet

    if not path.exists() or not is_regular(path):
        return []
    content = read_bytes(path)
    if not content:
        return []
    if content[: len(MAGIC)] != MAGIC[: len(content)]:
        raise InputError(f"{path} is not a Parquet file: name another file")
    try:
        table = parquet.read_table(BytesIO(content), page_checksum_verification=True)
        names, types = table.column_names, {str(field.type) for field in table.schema}
    except (ArrowException, OSError, UnicodeDecodeError):
        aside = path.with_name(path.name + ".damaged")
        try:
            path.replace(aside)
        except OSError as problem:
            raise InputError(f"{path} is cut off or damaged, and cannot be set aside: {problem.strerror}") from None
        report(f"{path} is cut off or damaged: set aside as {aside.name}; its points are computed again")
        return []
    if names != [*columns] or types != {"string"}:
        raise InputError(f"{path} holds something else than results of this kind of sweep: name another file")
    return table.to_pylist()


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write the whole file or nothing; raises ``InputError`` if it cannot be written."""
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([pyarrow.field(name, pyarrow.string(), nullable=False) for name in columns])
    buffer = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.Table.from_pylist([*rows], schema), buffer, write_page_checksum=True)
    write_file(path, buffer.getvalue().to_pybytes())
