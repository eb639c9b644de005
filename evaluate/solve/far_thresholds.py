"""Why a solve failed: active sets that are out of reach of starts in double precision."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from sympy import oo

from flrdt.derive import Gate

from ..arithmetic.backends import backend

__all__ = ["remark"]

RARE = 1e-2  # active or inactive fraction of the pre-activations below which starts may fail
FAR = 30  # radii from zero beyond which no pre-activation is seen
TINY = 1e-300


def remark(gate: Gate) -> str:
    """What is extreme about an active set and what would be right, as the end of a message; empty if nothing is."""
    where = str(gate) if gate.radius == 1 else f"{gate} at radius {gate.radius}"
    fractions = {
        ("active", "larger"): _probability(gate.components),
        ("inactive", "smaller"): _probability(_complement(gate)),
    }
    for (name, change), value in fractions.items():
        if value < RARE:
            shown = f"less than {TINY}" if value < TINY else f"about {value:.1e}"
            return (
                f"; gate {where} leaves a fraction of {shown} of the pre-activations {name}, which is out of reach: "
                f"use a {change} active set" + ("" if gate.homogeneous else ", or another radius")
            )
    far = [end for component in gate.components for end in component if end.is_finite and abs(end) > FAR]
    if far:
        infinite = "-oo" if far[0] < 0 else "oo"
        return f"; gate {where} has an end point beyond all pre-activations: write {infinite} instead"
    return ""


def _complement(gate: Gate) -> list[tuple[Any, Any]]:
    ends = [-oo, *(end for component in gate.components for end in component), oo]
    return list(zip(ends[::2], ends[1::2], strict=True))


def _probability(intervals: Any) -> float:
    """Of a standard normal variable; zero below the range of floats."""
    from flint import arb

    b = backend("arb")

    def tail(end: Any) -> Any:
        if end in (oo, -oo):
            return arb(0 if end == oo else 1)
        return (b.number(Fraction(int(end.p), int(end.q))) / arb(2).sqrt()).erfc() / 2

    with b.precision(400):
        total = arb(0)
        for low, high in intervals:
            if low >= 0 or high == oo:
                total += tail(low) - tail(high)
            else:
                total += tail(-high) - tail(-low)  # mirrored, so that small tails keep their digits
        return float(total.mid())
