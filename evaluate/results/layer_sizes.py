"""Verdicts for concrete layer sizes: is the network, truncated at each layer, injective under a notion and a
level?
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flrdt.derive import InputError, Level
from flrdt.derive.core.exact_numbers import parse_count
from flrdt.derive.core.shown import Shown, array

from ..arithmetic.exclusive import exclusive
from ..solve.layer_recursion import LayerRecursionError
from .capacity import tool_version
from .chain import LayerCapacity, Requirement, at_least, layer_capacity

__all__ = ["LayerVerdict", "NetworkVerdict", "network_verdict"]

DIGITS = 10


@dataclass(frozen=True)
class LayerVerdict:
    """Layer ``size`` against the capacity behind the layers before it.

    ``wide_enough`` compares this layer alone; ``injective`` is the verdict on the network truncated here, so
    that all layers up to this one must be wide enough; both are ``None`` if undecided within the error.
    ``least_size`` is given where this layer is too narrow; ``capacity`` is ``None`` behind a layer so narrow
    that there is none.
    """

    layer: int
    size: int
    width: Fraction
    capacity: LayerCapacity | None
    wide_enough: bool | None
    injective: bool | None
    least_size: int | None

    @property
    def margin(self) -> float | None:
        """Width minus capacity, relative to the input size."""
        return None if self.capacity is None else float(self.width) - float(self.capacity.alpha.mid())

    def to_json(self) -> dict[str, Any]:
        """Decimal strings; ``None`` stays null."""
        return {
            "layer": self.layer,
            "size": self.size,
            "width": f"{float(self.width):.10g}",
            "capacity": None if self.capacity is None else f"{float(self.capacity.alpha.mid()):.9g}",
            "margin": None if self.margin is None else f"{self.margin:.6g}",
            "wide_enough": self.wide_enough,
            "injective": self.injective,
            "least_size": self.least_size,
        }


@dataclass(frozen=True, repr=False)
class NetworkVerdict(Shown):
    """Verdicts of all layers."""

    level: Level
    required: Requirement
    input_size: int
    layers: tuple[LayerVerdict, ...]

    @property
    def injective(self) -> bool | None:
        """The verdict on the whole network."""
        return self.layers[-1].injective

    def _line(self) -> str:
        sizes = ", ".join(str(layer.size) for layer in self.layers)
        words = {True: "injective", False: "not injective", None: "undecided"}
        return f"layers {sizes} on {self.input_size} inputs, level {self.level}: {words[self.injective]}"

    def _rows(self) -> list[tuple[str, ...]]:
        heads = ("layer", "size", "width", "capacity", "injective")
        rows = [layer.to_json() for layer in self.layers]
        return [heads, *(tuple("-" if row[name] is None else str(row[name]) for name in heads) for row in rows)]

    def _tex(self) -> str:
        return array(self._rows())

    def to_json(self) -> dict[str, Any]:
        """The object that ``flrdt network --json`` prints."""
        return {
            "injective": self.injective,
            "level": str(self.level),
            "notion": self.required.notion,
            "budget": str(self.required.of(len(self.layers), len(self.layers))),
            "input_size": self.input_size,
            "layers": [layer.to_json() for layer in self.layers],
            "version": tool_version(),
        }


def _size(value: Any) -> int:
    return parse_count(value, "layer size", 1, 10**12)


@exclusive
def network_verdict(
    sizes: Sequence[int | str],
    notion: str = "weak",
    level: Level | int | str = 2,
    budget: Any = None,
    report: Callable[[str], None] = lambda _: None,
) -> NetworkVerdict:
    """Verdict per layer of a network with layer sizes ``N0 N1 ... NL``, the input first.

    The capacities are those of large layers; finite ones fluctuate around them. Raises ``InputError``.

    >>> [v.injective for v in network_verdict([100, 800, 700], level=1).layers]
    [True, False]
    """
    counts = [_size(n) for n in sizes]
    if len(counts) < 2:
        raise InputError("give at least two layer sizes, the input first: e.g. 100 800")
    level, required, depth = Level.parse(level), Requirement.parse(notion, budget), len(counts) - 1
    widths = [Fraction(n, counts[0]) for n in counts[1:]]
    layers: list[LayerVerdict] = []
    for i, (size, width) in enumerate(zip(counts[1:], widths, strict=True), start=1):
        so_far = layers[-1].injective if layers else True
        try:
            before = layers[-1].capacity if layers else None
            own = layer_capacity(widths[: i - 1], required.of(i, depth), level, DIGITS, report, shallower=before)
        except LayerRecursionError:
            layers.append(LayerVerdict(i, size, width, None, None, False if so_far is False else None, None))
            continue
        enough = at_least(width, own)
        both = False if False in (so_far, enough) else None if None in (so_far, enough) else True
        least = _least(own, counts[0]) if enough is False else None
        layers.append(LayerVerdict(i, size, width, own, enough, both, least))
    return NetworkVerdict(level, required, counts[0], tuple(layers))


def _least(found: LayerCapacity, input_size: int) -> int | None:
    """The least integer size that is certainly wide enough, or None if the error does not single one out."""
    from math import floor

    start = floor(float(found.alpha.mid()) * input_size * (1 - 1e-9))
    for candidate in range(max(start, 1), start + 4):
        verdict = at_least(Fraction(candidate, input_size), found)
        if verdict is not False:
            return candidate if verdict else None
    return None
