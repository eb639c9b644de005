"""Networks: what the objective is derived for."""

from __future__ import annotations

from dataclasses import dataclass, field

from sympy import Expr, Integer, sympify

from ..core.formulas import InputError
from .gates import Gate, relu

__all__ = ["Network", "NetworkError", "relu_network"]


class NetworkError(InputError):
    """The network is not one the theory covers."""


@dataclass(frozen=True)
class Network:
    """``depth`` layers of a gate; ``budget * n`` active outputs are required (theory, sections 1, 2 and 4).

    Raises :class:`NetworkError` for a depth that is not a positive integer or a budget that is not positive.
    """

    gate: Gate = field(default_factory=relu)
    depth: int = 1
    budget: Expr = field(default=Integer(1))

    def __post_init__(self) -> None:
        if not isinstance(self.gate, Gate):
            raise NetworkError(f"gate {self.gate!r} is not a gate: use relu(), gate('hardtanh') or Gate(active set)")
        if not isinstance(self.depth, int) or isinstance(self.depth, bool) or self.depth < 1:
            raise NetworkError(f"depth {self.depth!r} is not a positive integer")
        if self.depth > 1 and not self.gate.homogeneous:
            raise NetworkError(
                f"depth {self.depth} with gate {self.gate}: deep networks need a positively homogeneous "
                "gate (relu), because the size of what a layer passes on is free; use depth 1"
            )
        budget = sympify(self.budget)
        if budget.is_Float:
            raise NetworkError(f"budget {self.budget} is a float: give an exact number")
        if not (budget.is_number and budget > 0):
            raise NetworkError(f"budget {self.budget} is not a positive number")
        object.__setattr__(self, "budget", budget)


def relu_network(depth: int = 1, budget: Expr | int = 1) -> Network:
    """A bias-free ReLU network.

    >>> relu_network(depth=1)
    Network(gate=relu, depth=1, budget=1)
    """
    return Network(relu(), depth, sympify(budget))
