r"""What is solved: an objective as a function of numbers, and the goal that its stationary point answers.

Every objective is linear in the width of the last layer, :math:`P(z) = A(z) + \alpha B(z)`, so two goals cover all problems:
the capacity is the stationary value of :math:`(A + budget)/(-B)` and minus the energy that of :math:`A + \alpha B`; without
a budget (hard sets) the first is :math:`A/(-B)`.  A *system* evaluates A and B with their exact slopes in *natural
coordinates*, in which every order of the parameters (chi > 0, p_2 > p_3, y_2 > y_3) holds by itself.  Three kinds of
system exist: closed form, towers of one field, and of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["CapacityGoal", "EnergyGoal", "Goal", "Parts", "ProvedSystem", "System", "evaluate"]


@dataclass(frozen=True)
class Parts:
    """A and B at a point; slopes (vectors) and curvatures (lists of rows) in natural coordinates, if asked for."""

    A: Any
    B: Any
    dA: Sequence[Any] = ()
    dB: Sequence[Any] = ()
    ddA: Sequence[Sequence[Any]] = ()
    ddB: Sequence[Sequence[Any]] = ()


class System(Protocol):
    """An objective in one arithmetic.  A point is the list of its natural coordinates, numbers of the backend."""

    @property
    def names(self) -> Sequence[str]:
        """Of the parameters, in the order of ``Objective.parameters()``; one coordinate belongs to each."""

    @property
    def negative(self) -> int | None:
        """Number of directions in which a genuine stationary point is a maximum of the goal; ``None`` if not known."""

    @property
    def curved(self) -> bool:
        """Whether ``parts`` offers exact curvatures (order 2)."""

    @property
    def backend(self) -> Any:
        """The arithmetic."""

    def using(self, arithmetic: str) -> System:
        """The same objective in another arithmetic."""

    def coordinates(self, values: Sequence[Any]) -> list:
        """Natural coordinates of parameter values."""

    def values(self, x: Sequence[Any]) -> list:
        """Parameter values of natural coordinates: the inverse of :meth:`coordinates`."""

    def inside(self, values: Sequence[Any]) -> bool:
        """Whether the values are those of a point of this level, neither merged with a lower one nor out of domain."""

    def quadrature(self, x: Sequence[Any], digits: float, strip: float = 1.0) -> Any:
        """The grid on which A and B have about so many digits near x (``None`` for closed forms).

        ``strip`` scales the strip of analyticity that is counted on: below 1 is a finer grid.
        """

    def bits(self, x: Sequence[Any], digits: float) -> int:
        """Working precision in bits at which rounding leaves so many digits."""

    def parts(self, x: Sequence[Any], quadrature: Any, order: int = 1) -> Parts:
        """A and B (order 0), their slopes (1), their curvatures (2), within the precision that is set."""


class ProvedSystem(System, Protocol):
    """A system whose parts at balls can be enclosures: on the grids of :meth:`proved_quadrature`."""

    def smooth(self, x: Sequence[Any]) -> bool:
        """Whether A and B are twice differentiable everywhere in a box of coordinates."""

    def proved_quadrature(self, x: Sequence[Any], digits: float, order: int = 1) -> Any:
        """Grids whose proved error leaves slopes (order 1) or curvatures (2) so many digits (``None`` for closed forms)."""


@dataclass(frozen=True)
class CapacityGoal:
    """``(A + budget)/(-B)``: the width at which the stationary objective is minus the budget."""

    budget: Any

    def value(self, parts: Parts, backend: Any) -> Any:
        return (parts.A + backend.number(self.budget)) / (-parts.B)

    def slope(self, parts: Parts, backend: Any) -> list:
        alpha = self.value(parts, backend)
        return [(a + alpha * b) / (-parts.B) for a, b in zip(parts.dA, parts.dB, strict=True)]

    def curvature(self, parts: Parts, backend: Any) -> list[list]:
        alpha, g = self.value(parts, backend), self.slope(parts, backend)
        return [
            [(a + alpha * b + g[i] * parts.dB[j] + g[j] * parts.dB[i]) / (-parts.B) for j, (a, b) in enumerate(row)]
            for i, row in enumerate(zip(r, s, strict=True) for r, s in zip(parts.ddA, parts.ddB, strict=True))
        ]


@dataclass(frozen=True)
class EnergyGoal:
    """``A + alpha B``: minus the ground-state energy at the width alpha."""

    alpha: Any

    def value(self, parts: Parts, backend: Any) -> Any:
        return parts.A + backend.number(self.alpha) * parts.B

    def slope(self, parts: Parts, backend: Any) -> list:
        alpha = backend.number(self.alpha)
        return [a + alpha * b for a, b in zip(parts.dA, parts.dB, strict=True)]

    def curvature(self, parts: Parts, backend: Any) -> list[list]:
        alpha = backend.number(self.alpha)
        rows = zip(parts.ddA, parts.ddB, strict=True)
        return [[a + alpha * b for a, b in zip(r, s, strict=True)] for r, s in rows]


Goal = CapacityGoal | EnergyGoal


def evaluate(system: System, goal: Goal, x: Sequence[Any], quadrature: Any) -> tuple[Any, list]:
    """Value and slope of the goal in natural coordinates."""
    parts = system.parts(x, quadrature)
    return goal.value(parts, system.backend), goal.slope(parts, system.backend)
