"""ReLU layers with exact rational weights, read from files, and pairs of inputs that they cannot tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from flint import fmpq, fmpq_mat

from .weight_files import Vector, WeightError, read_biases, read_matrix, read_numbers

__all__ = [
    "Layer",
    "WeightError",
    "as_layers",
    "is_collision",
    "network_output",
    "read_biases",
    "read_matrix",
    "read_numbers",
]


#: Binary exponents of weights beyond which they are scaled: floating point then searches in its middle range.
WIDE = 150


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

    @cached_property
    def exact(self) -> fmpq_mat:
        """The matrix for FLINT, whose products of exact numbers are fast."""
        return fmpq_mat([[to_flint(v) for v in row] for row in self.matrix])

    def __call__(self, x: Sequence[Fraction]) -> Vector:
        bias = self.bias or [Fraction(0)] * self.outputs
        sums = self.exact * fmpq_mat([[to_flint(v)] for v in x])
        return [max(from_flint(sums[i, 0]) + b, Fraction(0)) for i, b in enumerate(bias)]


def to_flint(value: Fraction) -> fmpq:
    """The same number for FLINT."""
    return fmpq(value.numerator, value.denominator)


def from_flint(value: fmpq) -> Fraction:
    """The same number for Python."""
    return Fraction(int(value.p), int(value.q))


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
            turned = len(matrix) == layers[-1].outputs
            raise WeightError(
                f"layer {number} has {len(matrix[0])} columns, but layer {number - 1} has "
                f"{layers[-1].outputs} outputs: the two numbers must be equal"
                + (" (is the matrix transposed? a row has the weights of one output)" if turned else "")
            )
        bias = [value for row in biases[number - 1] for value in row] if biases else None
        if bias is not None and len(bias) != len(matrix):
            raise WeightError(f"the bias of layer {number} has {len(bias)} entries, expected {len(matrix)}")
        layers.append(Layer(matrix, bias))
    return layers


def equilibrated(layers: Sequence[Layer]) -> tuple[Sequence[Layer], list[int]]:
    """Layers with weights of ordinary size, and exponents e: x_j of the given ones is 2^(e_j) times that of the new ones.

    Inputs, outputs of hidden layers and rows are multiplied by powers of two, exactly, which changes no verdict; layers
    whose weights all lie within 2^150 of 1 come back as they are.

    >>> scaled, exponents = equilibrated([Layer([[Fraction(1, 2**1000)], [Fraction(-1, 2**1000)]])])
    >>> scaled[0].matrix, exponents
    ([[Fraction(1, 1)], [Fraction(-1, 1)]], [1000])
    """
    entries = [v for layer in layers for row in (*layer.matrix, layer.bias or ()) for v in row if v]
    if all(abs(_exponent(v)) <= WIDE for v in entries):
        return layers, [0] * layers[0].inputs
    columns = [-_largest(row[j] for row in layers[0].matrix) for j in range(layers[0].inputs)]
    shift = _largest(v for layer in layers for v in layer.bias or ())
    exponents = [e + shift for e in columns]
    scaled = []
    for layer in layers:
        rows, bias, outputs = [], [], []
        for i, row in enumerate(layer.matrix):
            moved = [v * Fraction(2) ** e for v, e in zip(row, columns, strict=True)]
            constant = Fraction(0) if layer.bias is None else layer.bias[i] * Fraction(2) ** -shift
            largest = _largest((*moved, constant))
            outputs.append(largest)
            rows.append([v * Fraction(2) ** -largest for v in moved])
            bias.append(constant * Fraction(2) ** -largest)
        scaled.append(Layer(rows, None if layer.bias is None else bias))
        columns = outputs
    return scaled, exponents


def _exponent(value: Fraction) -> int:
    return value.numerator.bit_length() - value.denominator.bit_length()


def _largest(values: Iterable[Fraction]) -> int:
    return max((_exponent(v) for v in values if v), default=0)
