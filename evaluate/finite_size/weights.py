"""ReLU layers with exact rational weights, read from files, and pairs of inputs that they cannot tell apart."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..arithmetic.decimals import InputError, parse_number

__all__ = ["Layer", "WeightError", "as_layers", "is_collision", "network_output", "read_numbers"]

Vector = list[Fraction]


class WeightError(InputError):
    """A weight or bias file, or a sequence of layers, that does not describe a ReLU network."""


@dataclass(frozen=True)
class Layer:
    """x -> ReLU(A x + b) with exact entries; `bias` is None for a layer without bias."""

    matrix: list[Vector]
    bias: Vector | None = None

    @property
    def inputs(self) -> int:
        return len(self.matrix[0])

    @property
    def outputs(self) -> int:
        return len(self.matrix)

    def __call__(self, x: Sequence[Fraction]) -> Vector:
        bias = self.bias or [Fraction(0)] * self.outputs
        sums = (sum((a * v for a, v in zip(row, x, strict=True)), b) for row, b in zip(self.matrix, bias, strict=False))
        return [max(value, Fraction(0)) for value in sums]


def network_output(layers: Sequence[Layer], x: Sequence[Fraction]) -> Vector:
    """The exact output of the layers, one after the other."""
    value = list(x)
    for layer in layers:
        value = layer(value)
    return value


def is_collision(layers: Sequence[Layer], x: Sequence[Fraction], x_prime: Sequence[Fraction]) -> bool:
    """Whether two inputs are distinct and have equal outputs, in rational arithmetic.

    >>> identity = Layer([[Fraction(1)]])
    >>> is_collision([identity], [Fraction(-1)], [Fraction(-2)])
    True
    """
    return list(x) != list(x_prime) and network_output(layers, x) == network_output(layers, x_prime)


def as_layers(matrices: Sequence[list[Vector]], biases: Sequence[list[Vector]] = ()) -> list[Layer]:
    """Layers from matrices and, if given, one bias each (a row or a column of numbers); checks that the sizes fit."""
    if biases and len(biases) != len(matrices):
        raise WeightError(f"{len(matrices)} weight matrices but {len(biases)} biases: give one bias per layer, or none")
    layers: list[Layer] = []
    for number, matrix in enumerate(matrices, start=1):
        if number > 1 and len(matrix[0]) != layers[-1].outputs:
            raise WeightError(
                f"layer {number} has {len(matrix[0])} columns, but layer {number - 1} has "
                f"{layers[-1].outputs} outputs: the two numbers must be equal"
            )
        bias = [value for row in biases[number - 1] for value in row] if biases else None
        if bias is not None and len(bias) != len(matrix):
            raise WeightError(f"the bias of layer {number} has {len(bias)} entries, expected {len(matrix)}")
        layers.append(Layer(matrix, bias))
    return layers


def read_numbers(path: str | Path) -> list[Vector]:
    """The matrix in a .npy file (numbers only, never pickled objects) or a .csv file (decimals or fractions, exact)."""
    path = Path(path)
    readers = {".npy": _read_npy, ".csv": _read_csv}
    if path.suffix not in readers:
        raise WeightError(
            f"{path}: weights are read from .npy or .csv files, not {path.suffix or 'a name without suffix'}"
        )
    try:
        rows = readers[path.suffix](path)
    except OSError as error:
        raise WeightError(f"{path}: {error.strerror or error}") from None
    if not rows or not rows[0]:
        raise WeightError(f"{path}: the matrix is empty")
    return rows


def _read_npy(path: Path) -> list[Vector]:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        reason = (
            "pickled objects are refused: save a plain array of numbers"
            if "pickle" in str(error).lower()
            else "not a NumPy array file, or a damaged one"
        )
        raise WeightError(f"{path}: {reason}") from None
    if (
        not isinstance(array, np.ndarray)
        or array.ndim not in (1, 2)
        or array.dtype.kind not in "iuf"
        or array.dtype.itemsize > 8
    ):
        raise WeightError(f"{path}: expected one array of real numbers with rows and columns")
    if not np.all(np.isfinite(array)):
        raise WeightError(f"{path}: the matrix has NaN or infinite entries")
    return [[Fraction(value) for value in row] for row in np.atleast_2d(array).tolist()]


def _read_csv(path: Path) -> list[Vector]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise WeightError(f"{path}: not a text file of comma-separated numbers") from None
    rows: list[Vector] = []
    for number, cells in enumerate(csv.reader(text.splitlines()), start=1):
        if not any(cell.strip() for cell in cells):
            continue
        rows.append([parse_number(cell, f"{path}, line {number}: entry") for cell in cells])
        if len(rows[-1]) != len(rows[0]):
            raise WeightError(f"{path}, line {number}: {len(rows[-1])} entries, but the first row has {len(rows[0])}")
    return rows
