"""A stationary point of an objective: the one result of every solve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["CertifyError", "ConvergenceError", "Point", "as_ball"]


class ConvergenceError(ArithmeticError):
    """The solve did not converge; the message carries the best value found."""


class CertifyError(ArithmeticError):
    """No proof was found; the message says how far it came."""


@dataclass(frozen=True)
class Point:
    """Where a goal is stationary: its value, the parameters, and what is known of the errors (all mpf).

    ``proved`` says what the errors are.  If it is false they are estimates.  ``value_error`` adds what the rule of
    quadrature leaves out, extrapolated from its measured rate of convergence; what the next Newton step would change; and
    the rounding radius.  ``errors`` (of the parameters) are the next Newton step, from the last one and the measured
    contraction, and the error of the gradient carried through the Hessian.  If it is true, exactly one stationary point
    lies within the errors.  ``residual`` is the largest component of the slope in natural coordinates, ``inertia`` the
    number of directions in which the goal is a minimum and a maximum, ``A`` and ``B`` the parts of the objective:
    for an energy those at the point, with ``B_error`` as its errors carry over; for a capacity those before the last step.
    """

    names: tuple[str, ...]
    x: tuple[Any, ...]
    values: tuple[Any, ...]
    errors: tuple[Any, ...]
    value: Any
    value_error: Any
    residual: Any
    inertia: tuple[int, int]
    A: Any
    B: Any
    B_error: Any = 0
    proved: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters by name."""
        return dict(zip(self.names, self.values, strict=True))

    @property
    def ball(self) -> Any:
        """The value with its error, as a ball."""
        return as_ball(self.value, self.value_error)

    @property
    def balls(self) -> dict[str, Any]:
        """The parameters with their errors, as balls by name."""
        return {n: as_ball(v, e) for n, v, e in zip(self.names, self.values, self.errors, strict=True)}

    def floats(self) -> list[float]:
        """The natural coordinates in double precision, enough to start from."""
        return [float(v) for v in self.x]


def as_ball(value: Any, radius: Any = 0) -> Any:
    """The ball of an mpf and its error: the midpoint exactly, the radius rounded up."""
    from flint import arb, ctx

    from ..arithmetic.backends import backend

    number = backend("arb").number
    with ctx.workprec(max(64, int(value._mpf_[3]) + 8)):
        return number(value) + (arb(0, number(radius)) if radius else arb(0))
