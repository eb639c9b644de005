"""Natural coordinates: logarithms of what must stay positive, so that every order of the parameters holds by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sympy import Symbol

from flrdt.derive.blocks.field_towers import Anchor

__all__ = ["NaturalCoordinates"]


class NaturalCoordinates:
    """``u = log(sign * (value - anchor))`` for each parameter, see :class:`flrdt.derive.blocks.field_towers.Anchor`."""

    def __init__(self, anchors: Mapping[Symbol, Anchor]) -> None:
        position = {s: i for i, s in enumerate(anchors)}
        self.rules: list[tuple[int | None, Any, int]] = [
            (position.get(a.anchor), a.anchor, a.sign) for a in anchors.values()
        ]
        self.order: list[int] = []  # every anchor before what hangs on it
        while len(self.order) < len(self.rules):
            ready = [
                i for i, (at, _, _) in enumerate(self.rules) if i not in self.order and (at is None or at in self.order)
            ]
            if not ready:
                raise ValueError("the natural coordinates hang on each other")
            self.order += ready

    def coordinates(self, values: Sequence[Any], backend: Any) -> list:
        log = backend.functions()["log"]
        z = [backend.number(v) for v in values]
        return [log(sign * (v - self._anchor(i, z, backend))) for i, (v, (_, _, sign)) in enumerate(self._with(z))]

    def _with(self, z: Sequence[Any]):
        return zip(z, self.rules, strict=True)

    def _anchor(self, i: int, z: Sequence[Any], backend: Any) -> Any:
        at, anchor, _ = self.rules[i]
        return z[at] if at is not None else backend.rational(int(anchor.p), int(anchor.q))

    def values(self, x: Sequence[Any], backend: Any) -> list:
        """The parameter values of coordinates."""
        exp = backend.functions()["exp"]
        z: list[Any] = [None] * len(self.rules)
        for i in self.order:
            z[i] = self._anchor(i, z, backend) + self.rules[i][2] * exp(x[i])
        return z

    def pull(self, x: Sequence[Any], slope: Sequence[Any], backend: Any) -> list:
        """The slope in the coordinates from the slope in the parameters."""
        exp = backend.functions()["exp"]
        total, found = list(slope), [backend.number(0)] * len(x)
        for i in reversed(self.order):
            at, _, sign = self.rules[i]
            if at is not None:
                total[at] = total[at] + total[i]
            found[i] = total[i] * sign * exp(x[i])
        return found

    def pull_curvature(
        self, x: Sequence[Any], rows: Sequence[Sequence[Any]], slope: Sequence[Any], backend: Any
    ) -> list:
        """The curvature in the coordinates; ``slope`` is the slope in the coordinates.

        A parameter is linear in the exponentials of the coordinates, so its second derivative in one of them is its first.
        """
        half = [self.pull(x, row, backend) for row in rows]
        found = [self.pull(x, list(column), backend) for column in zip(*half, strict=True)]
        for i, s in enumerate(slope):
            found[i][i] = found[i][i] + s
        return found
