"""Networks: what the objective is derived for."""

from __future__ import annotations

from dataclasses import dataclass, field

from sympy import Expr, Integer, latex, sympify

from ..core.formulas import InputError
from ..core.shown import Shown
from .gates import Gate, relu

__all__ = ["Network", "NetworkError", "relu_network"]


class NetworkError(InputError):
    """The network is not one the theory covers."""


@dataclass(frozen=True, repr=False)
class Network(Shown):
    """``depth`` layers of a gate; ``budget * n`` active outputs of the last layer are required per input.

    ``widths`` are alpha_1..alpha_(l-1), the hidden widths relative to the input; without them the hidden layers form the
    minimal chain, each at its own capacity.  ``notion`` is weak (every input is locally recoverable, budget 1) or strong
    (every two inputs are told apart, budget 2 behind hidden layers); another ``budget`` replaces that of the notion.

    Raises :class:`NetworkError` for a depth that is not a positive integer, a notion that is none, or a budget or width
    that is not an exact positive number.

    >>> Network(depth=3, notion="strong").budget, Network(widths=(8,)).depth
    (2, 2)
    """

    gate: Gate = field(default_factory=relu)
    depth: int | None = None
    budget: Expr | None = None
    widths: tuple[Expr, ...] = ()
    notion: str = "weak"

    def __post_init__(self) -> None:
        if not isinstance(self.gate, Gate):
            raise NetworkError(f"gate {self.gate!r} is not a gate: use relu(), gate('hardtanh') or Gate(active set)")
        widths = tuple(_exact(w, f"width alpha_{i}") for i, w in enumerate(self.widths, start=1))
        depth = len(widths) + 1 if self.depth is None else self.depth
        if not isinstance(depth, int) or isinstance(depth, bool) or depth < 1:
            raise NetworkError(f"depth {depth!r} is not a positive integer")
        if widths and depth != len(widths) + 1:
            raise NetworkError(f"depth {depth} does not fit {len(widths)} hidden widths: leave the depth out")
        if depth > 1 and not self.gate.homogeneous:
            raise NetworkError(
                f"depth {depth} with gate {self.gate}: deep networks need a positively homogeneous "
                "gate (relu), because the size of what a layer passes on is free; use depth 1"
            )
        if self.notion not in ("weak", "strong"):
            raise NetworkError(f"unknown notion {self.notion!r}: use weak or strong")
        object.__setattr__(self, "depth", depth)
        object.__setattr__(self, "widths", widths)
        budget = self.usual_budget if self.budget is None else _exact(self.budget, "budget")
        object.__setattr__(self, "budget", budget)

    @property
    def usual_budget(self) -> Expr:
        """The budget of the notion: one layer alone is exactly linear on what is active, and needs 1."""
        return Integer(2 if self.notion == "strong" and self.depth > 1 else 1)  # type: ignore[operator]

    def __repr__(self) -> str:
        shown = [f"gate={self.gate}", f"depth={self.depth}", f"budget={self.budget}"]
        shown += [f"widths={self.widths}"] if self.widths else []
        shown += [f"notion={self.notion!r}"] if self.notion != "weak" else []
        return f"Network({', '.join(shown)})"

    def _line(self) -> str:
        return repr(self)

    def _tex(self) -> str:
        """The network as a composition, with what is required of it."""
        chain = [rf"A_{{{i}}}" for i in range(self.depth, 0, -1)]  # type: ignore[arg-type]
        body = rf"\sigma {chain[0]}" + "".join(rf" \sigma {a}" for a in chain[1:])
        needed = "n" if self.budget == 1 else rf"{latex(self.budget)}\, n"
        return rf"x \mapsto {body}\, x,\quad \sigma = \text{{{self.gate}}},\quad \text{{at least }} {needed} \text{{ active}}"


def _exact(value: object, name: str) -> Expr:
    """A positive number of SymPy; raises :class:`NetworkError` for anything else, floats included."""
    number = sympify(value)
    if number.is_Float:
        raise NetworkError(f"{name} {value} is a float: give an exact number")
    if not (number.is_number and number > 0):
        raise NetworkError(f"{name} {value} is not a positive number")
    return number


def relu_network(depth: int = 1, budget: Expr | int = 1) -> Network:
    """A bias-free ReLU network.

    >>> relu_network(depth=1)
    Network(gate=relu, depth=1, budget=1)
    """
    return Network(relu(), depth, sympify(budget))
