"""Values in a notebook: an equation with its error, and a table of everything that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flrdt.derive.core.shown import Shown, scientific

__all__ = ["ShownValue", "equation", "flattened"]


def equation(symbol: str, value: str, error: str) -> str:
    r"""A number with its error, in TeX.

    >>> equation(r"\alpha", "6.7157", "1e-30")
    '\\alpha = 6.7157 \\pm 1 \\cdot 10^{-30}'
    """
    return f"{symbol} = {scientific(value)}" + (rf" \pm {scientific(error)}" if error != "0" else "")


def flattened(shown: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of a JSON object; lists of objects by their length.

    >>> list(flattened({"alpha": "2", "parameters": {"chi": "1"}, "widths": ["7", "8"]}))
    [('alpha', '2'), ('parameters chi', '1'), ('widths', '7, 8')]
    """
    for name, value in shown.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{name} ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            whole = any(isinstance(entry, Mapping) for entry in value)
            yield prefix + name, f"{len(value)} entries" if whole else ", ".join(map(str, value))
        else:
            yield prefix + name, str(value)


class ShownValue(Shown):
    """A result with ``to_json``: its numbers are the table."""

    def to_json(self) -> dict[str, Any]:
        """The object that the command line prints with ``--json``."""
        raise NotImplementedError

    def _rows(self) -> Sequence[Sequence[str]]:
        return [("name", "value"), *flattened(self.to_json())]
