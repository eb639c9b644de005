"""Witnesses in files: two inputs with equal outputs as exact numbers, however many digits they have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
from flint import fmpz

from ..arithmetic.decimals import InputError
from ..machine.files import check_place, write_file

__all__ = ["check_witness_name", "exact_text", "write_witness"]

SUFFIXES = (".npz", ".json")


def exact_text(value: Fraction) -> str:
    """A whole number or a fraction in decimal digits, of any length (Python's own conversion stops at 4300 digits).

    >>> exact_text(Fraction(-1, 3)), len(exact_text(Fraction(10**5000)))
    ('-1/3', 5001)
    """
    whole = str(fmpz(value.numerator))
    return whole if value.denominator == 1 else f"{whole}/{fmpz(value.denominator)}"


def check_witness_name(path: str) -> str:
    """The name itself; raises ``InputError`` if it does not end in .npz or .json or cannot be written."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise InputError(f"witness {path}: use a file name that ends in {' or '.join(SUFFIXES)}")
    return check_place(path)


def write_witness(path: str, points: Mapping[str, Sequence[str]]) -> None:
    """Write named points (``x``, ``x_prime``, ``output``) of numbers as text: lists in JSON, arrays of text in NPZ.

    Raises ``InputError`` as :func:`check_witness_name` and where the file cannot be written.
    """
    check_witness_name(path)
    if path.lower().endswith(".json"):
        write_file(path, json.dumps({"format": "flrdt witness", **points}, indent=1) + "\n")
        return
    buffer = BytesIO()
    np.savez_compressed(buffer, **{name: np.array(list(values)) for name, values in points.items()})  # type: ignore[arg-type]
    write_file(path, buffer.getvalue())
