"""Matrices in files, read exactly or refused: never a guess about what a number, a header or a missing cell means."""

from __future__ import annotations

import csv
import math
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..arithmetic.decimals import InputError, parse_number
from ..machine.files import FileError, decoded, read_bytes, shown

__all__ = ["MatrixFile", "WeightError", "read_biases", "read_matrix", "read_numbers"]

Vector = list[Fraction]

#: Numbers in one file, and bytes of it: what fits into the memory of an ordinary machine once it is exact.
MOST_NUMBERS = 4_000_000
MOST_BYTES = 256_000_000


class WeightError(InputError):
    """A weight or bias file, or a sequence of layers, that does not describe a ReLU network."""


@dataclass(frozen=True)
class MatrixFile:
    """What was read: rows of exact numbers, and the header line that was left out, if any."""

    path: str
    rows: list[Vector]
    header: str | None = None

    @property
    def columns(self) -> int:
        return len(self.rows[0])

    def text(self) -> str:
        """What was read, for people."""
        header = "" if self.header is None else f", without its header line {shown(self.header)}"
        return f"{_count(len(self.rows), 'row')} x {_count(self.columns, 'column')} from {self.path}{header}"

    def to_json(self) -> dict[str, object]:
        """The same for programs."""
        return {"file": self.path, "rows": len(self.rows), "columns": self.columns, "header": self.header}


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def read_numbers(path: str | Path) -> list[Vector]:
    """The rows of :func:`read_matrix`."""
    return read_matrix(path).rows


def read_biases(paths: Iterable[str | Path], header: bool | None = None) -> list[MatrixFile]:
    """One bias per file: a row, a column or a one-dimensional array of numbers."""
    return [_read(path, header, vector=True) for path in paths]


def read_matrix(path: str | Path, header: bool | None = None) -> MatrixFile:
    """The matrix in a .npy file (numbers only, never pickled objects) or a .csv file (decimals or fractions, exact).

    Cells of a .csv file are separated by commas; semicolons, tabs and blanks do as well, as long as no comma leaves open
    what it separates.  ``header`` says whether the first line names the columns; without it a line of names is left out,
    and a line of numbers that may be names is refused.  Raises :class:`WeightError` for whatever is damaged, too large
    (over 4 million numbers) or not certain.
    """
    return _read(path, header, vector=False)


def _read(path: str | Path, header: bool | None, vector: bool) -> MatrixFile:
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".npy", ".csv"):
        hint = ": save each array of it as .npy" if kind == ".npz" else ""
        raise WeightError(
            f"{path}: weights are read from .npy or .csv files, not {shown(kind) if kind else 'a name without suffix'}{hint}"
        )
    try:
        content = read_bytes(path, MOST_BYTES)
    except FileError as problem:
        raise WeightError(str(problem)) from None
    try:
        return _of_array(str(path), content, vector) if kind == ".npy" else _of_text(str(path), content, header)
    except WeightError as problem:
        raise WeightError(f"{path}{', ' if str(problem).startswith('line ') else ': '}{problem}") from None


# ---- arrays --------------------------------------------------------------------------------------


def _of_array(path: str, content: bytes, vector: bool) -> MatrixFile:
    shape, fortran, dtype, start = _array_header(content)
    if dtype.hasobject:
        raise WeightError("pickled objects are refused: save a plain array of numbers")
    if dtype.kind not in "iuf" or dtype.subdtype is not None:
        raise WeightError(f"expected real numbers, not the type {shown(str(dtype))}: save them as float64")
    if dtype.itemsize > 8:
        raise WeightError(
            f"the type {dtype} (long double) means something else on every machine: save the array as float64"
        )
    if len(shape) not in (1, 2):
        raise WeightError(f"expected one array of real numbers with rows and columns, not {len(shape)} dimensions")
    if len(shape) == 1 and not vector and shape[0] > 1:
        raise WeightError(
            f"one dimension of {shape[0]} numbers may be a row or a column: save it with shape "
            f"(1, {shape[0]}) for one output, or ({shape[0]}, 1) for one input"
        )
    count = math.prod(shape)
    if count == 0:
        raise WeightError("the matrix is empty")
    if count > MOST_NUMBERS:
        raise WeightError(f"{shown(count)} numbers: at most {MOST_NUMBERS} are read from a file")
    if len(content) - start != count * dtype.itemsize:
        raise WeightError(
            f"damaged: the header promises {count} numbers of {dtype.itemsize} bytes, but {len(content) - start} bytes follow"
        )
    flat = np.frombuffer(content, dtype, count, start)
    array = flat.reshape(shape, order="F" if fortran else "C")
    if not np.all(np.isfinite(array)):
        raise WeightError("the matrix has NaN or infinite entries")
    return MatrixFile(path, [[Fraction(value) for value in row] for row in np.atleast_2d(array).tolist()])


def _array_header(content: bytes) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, order and type of a .npy file, and where its numbers start; nothing is allocated for them."""
    if content.startswith(b"PK"):
        raise WeightError("this is an archive (.npz), whole or cut off: save one array as .npy")
    if content.startswith(b"\x80"):
        raise WeightError("pickled objects are refused: save a plain array of numbers")
    if not content.startswith(b"\x93NUMPY"):
        raise WeightError("not a NumPy array file, or a damaged one: it does not start like one")
    stream = BytesIO(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a header that Python 2 wrote is read as well
            version = np.lib.format.read_magic(stream)
            if version == (1, 0):
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
            elif version in ((2, 0), (3, 0)):
                shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
            else:
                raise WeightError(f"a NumPy array file of unknown version {version[0]}.{version[1]}, or a damaged one")
    except WeightError:
        raise
    except Exception:  # the header is a Python literal, so a damaged one fails in any way it likes
        raise WeightError("not a NumPy array file, or a damaged one: its header cannot be read") from None
    if not all(type(size) is int and size >= 0 for size in shape):
        raise WeightError("damaged: the header has a size that is no whole number")
    return shape, bool(fortran), dtype, stream.tell()


# ---- text ----------------------------------------------------------------------------------------

_PLAIN_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOATING = re.compile(r"[+-]?([0-9]*\.[0-9]*([eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)")


def _of_text(path: str, content: bytes, header: bool | None) -> MatrixFile:
    try:
        text = decoded(content)
    except UnicodeDecodeError:
        raise WeightError("not a text file of comma-separated numbers") from None
    if "\0" in text:
        raise WeightError("not a text file of comma-separated numbers: it has zero bytes")
    lines = _cells(text)
    if not lines:
        raise WeightError("the matrix is empty")
    names = None
    if header or (header is None and _names(lines)):
        names = ",".join(lines.pop(0)[1])
        if not lines:
            raise WeightError("the matrix is empty: there is nothing after the header line")
    elif header is None:
        _refuse_header(lines)
    width, total = len(lines[0][1]), 0
    rows = []
    for number, cells in lines:
        total += len(cells)
        if total > MOST_NUMBERS:
            raise WeightError(f"at most {MOST_NUMBERS} numbers are read from a file")
        for position, cell in enumerate(cells, start=1):
            if not cell.strip():
                raise WeightError(f"line {number}: entry {position} is missing: not a number, and not taken for 0")
        try:
            rows.append([parse_number(cell, f"line {number}: entry") for cell in cells])
        except InputError as problem:
            raise WeightError(str(problem)) from None
        if len(cells) != width:
            raise WeightError(f"line {number}: {len(cells)} entries, but the first row has {width}")
    return MatrixFile(path, rows, names)


def _cells(text: str) -> list[tuple[int, list[str]]]:
    """Numbered lines of cells; comment lines (#) and blank lines at the end are left out."""
    written = text.splitlines()
    while written and not written[-1].strip():
        written.pop()
    kept = [(number, line) for number, line in enumerate(written, start=1) if not line.lstrip().startswith("#")]
    for number, line in kept:
        if not line.strip():
            raise WeightError(f"line {number}: the line is empty: take it out, or write the row that is missing")
    body = "\n".join(line for _, line in kept)
    if ";" in body:
        if "," in body:
            raise WeightError(
                "commas and semicolons: separate the cells with commas, and write a point for the decimals (0.5, not 0,5)"
            )
        delimiter = ";"
    elif "," in body:
        delimiter = ","
    elif "\t" in body:
        delimiter = "\t"
    else:
        return [(number, re.sub(r"\s*/\s*", "/", line).split()) for number, line in kept]
    try:
        return [(number, next(csv.reader([line], delimiter=delimiter, strict=True))) for number, line in kept]
    except csv.Error as problem:
        raise WeightError(f"not a text file of comma-separated numbers: {problem}") from None


def _reads(cell: str) -> bool:
    try:
        parse_number(cell, "")
    except InputError:
        return False
    return True


def _names(lines: Sequence[tuple[int, list[str]]]) -> bool:
    """Whether the first line names the columns beyond doubt: words with a letter, none a number, nan or missing."""
    if len(lines) < 2:
        return False
    first = [cell.strip() for cell in lines[0][1]]
    return all(
        re.match(r"[^\W\d]", cell) and not re.fullmatch(r"(?i)nan|na|n/a|inf|infinity|null|none", cell)
        for cell in first
    ) and all(_reads(cell) for cell in lines[1][1])


def _refuse_header(lines: Sequence[tuple[int, list[str]]]) -> None:
    """Refuse a first line of numbers that may be the names of the columns, as tables of pandas have them."""
    number, first = lines[0][0], [cell.strip() for cell in lines[0][1]]
    if len(lines) < 2 or not all(map(_PLAIN_INTEGER.fullmatch, first)):
        return
    values = [int(cell[:20]) for cell in first]
    counted = values == list(range(len(values)))
    rising = values[0] >= 0 and all(a < b for a, b in pairwise(values))
    other_style = all(_FLOATING.fullmatch(cell.strip()) for _, cells in lines[1:] for cell in cells)
    if (counted and (len(first) > 1 or other_style)) or (rising and other_style and len(first) > 1):
        raise WeightError(
            f"line {number}: {shown(','.join(first))} may be a row of the matrix or the names of the columns: "
            "say --header or --no-header"
        )
