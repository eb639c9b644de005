"""Gates: Moreau envelopes and their Gaussian averages, for one gate of every kind of active set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from sympy import Derivative, Eq, Expr, Integer, Symbol

from ..blocks.definitions import envelope
from ..blocks.innermost import plain_expectation, zero_energy_threshold
from ..conditions.plain import _moments, on_every_branch
from ..core.formulas import Step, identically_zero
from ..core.gaussian import Expectation, check_piece
from ..core.symbols import chi
from ..networks.gates import Gate, relu
from ..networks.gates import gate as named
from .entries import Entry, make_entry, stated

__all__ = ["GATES", "entries"]

GATES = (
    relu(),
    named("relu-bias:1/2"),
    named("hardtanh"),
    named("softshrink:1/2"),
    named("relu6"),
    named("hardsigmoid"),
    replace(named("hardshrink:1"), name="hardshrink:1.radius-2", radius=Integer(2)),
    replace(named("threshold:1/2"), name="threshold:1/2.radius-3", radius=Integer(3)),
)
SOURCE = "arXiv 2302.14112 (cost of a pre-activation); Moreau envelope"

h, u = Symbol("h", real=True), Symbol("u", real=True)


def _slope_vanishes(cost: Expr, moved: Expr) -> bool | None:
    def slope(at: Callable[[Expr], Expr]) -> bool | None:
        return identically_zero(at(cost).diff(chi) + at(moved) / (2 * chi**2))

    return on_every_branch(slope, cost, moved)


def _distances_integrate(gate: Gate) -> bool | None:
    """The Gaussian integral of the squared distance to each finite end of the active set."""
    ends = [end for component in gate.components for end in component if end.is_finite]
    return all(check_piece((h - end) ** 2, h, Integer(0), Integer(1)) is True for end in ends) or None


def entries() -> list[Entry]:
    """Envelope, mean envelope, its slope in chi and the zero-energy threshold of each gate."""
    found = []
    for gate in GATES:
        mean = Expectation(gate.envelope(u, chi), u)
        moved, stayed = _moments(gate)
        cost = plain_expectation(gate)
        average = Step(
            "Integrate the pieces; what moves contributes its distance, what stays its probability.",
            Eq(Symbol("m"), cost, evaluate=False),
            partial(identically_zero, cost - moved / (2 * chi) - stayed),
        )
        slope = Step(
            "The boundary terms cancel because the envelope is continuous.",
            Eq(Symbol("m'"), -moved / (2 * chi**2), evaluate=False),
            partial(_slope_vanishes, cost, moved),
        )
        found += [
            make_entry(envelope(gate), "least cost over the components of the line"),
            make_entry(
                stated(
                    f"mean_envelope.{gate}",
                    f"Mean envelope, gate {gate}",
                    Eq(mean, cost, evaluate=False),
                    derivation=average,
                    source=SOURCE,
                    assumptions=("chi > 0",),
                ),
                "numerical quadrature of the least cost",
            ),
            make_entry(
                stated(
                    f"mean_envelope_slope.{gate}",
                    f"Slope of the mean envelope in chi, gate {gate}",
                    Eq(Derivative(mean, chi), -moved / (2 * chi**2), evaluate=False),
                    derivation=slope,
                    source=SOURCE,
                    assumptions=("chi > 0",),
                ),
                "difference quotient of numerical quadrature",
            ),
            make_entry(
                stated(
                    f"zero_energy.{gate}",
                    f"Zero-energy threshold, gate {gate}",
                    Eq(1 / Expectation(gate.distance(u) ** 2, u), zero_energy_threshold(gate), evaluate=False),
                    derivation=Step(
                        "Integrate the squared distance to the inactive set.",
                        Eq(Symbol("alpha"), zero_energy_threshold(gate), evaluate=False),
                        partial(_distances_integrate, gate),
                    ),
                    source=SOURCE,
                ),
                "numerical quadrature of the squared distance",
            ),
        ]
    return found
