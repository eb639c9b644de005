"""Gates: Moreau envelopes and their Gaussian averages, for one gate of every kind of active set."""

from __future__ import annotations

from sympy import Derivative, Symbol

from ..blocks.definitions import envelope
from ..blocks.innermost import mean_envelope_steps, zero_energy_steps
from ..conditions.plain import moments
from ..core.formulas import Derivation, Formula
from ..core.gaussian import Expectation
from ..core.steps import Identity
from ..core.symbols import chi
from ..networks.gates import Gate, relu
from ..networks.gates import gate as named
from .entries import Entry, make_entry

__all__ = ["GATES", "entries"]

GATES = (
    relu(),
    named("relu-bias:1/2"),
    named("hardtanh"),
    named("softshrink:1/2"),
    named("relu6"),
    named("hardsigmoid"),
    Gate(named("hardshrink:1").active, "hardshrink:1.radius-2", 2),
    Gate(named("threshold:1/2").active, "threshold:1/2.radius-3", 3),
)
SOURCE = "arXiv 2302.14112 (cost of a pre-activation); Moreau envelope"

h, u = Symbol("h", real=True), Symbol("u", real=True)


def entries() -> list[Entry]:
    """Envelope, mean envelope, its slope in chi and the zero-energy threshold of each gate."""
    found = []
    for gate in GATES:
        mean = Expectation(gate.envelope(u, chi), u)
        moved, _ = moments(gate)
        steps = mean_envelope_steps(gate)
        average = Derivation(steps)
        slope = Derivation(
            (
                *steps,
                Identity(
                    "The boundary terms cancel because the envelope is continuous.",
                    Derivative(mean, chi),
                    -moved / (2 * chi**2),
                    using=("mean",),
                ),
            )
        )
        found += [
            make_entry(envelope(gate), "least cost over the components of the line"),
            make_entry(
                Formula.concluding(
                    f"mean_envelope.{gate}",
                    f"Mean envelope, gate {gate}",
                    average,
                    source=SOURCE,
                    assumptions=("chi > 0",),
                ),
                "numerical quadrature of the least cost",
            ),
            make_entry(
                Formula.concluding(
                    f"mean_envelope_slope.{gate}",
                    f"Slope of the mean envelope in chi, gate {gate}",
                    slope,
                    source=SOURCE,
                    assumptions=("chi > 0",),
                ),
                "difference quotient of numerical quadrature",
            ),
            make_entry(
                Formula.concluding(
                    f"zero_energy.{gate}",
                    f"Zero-energy threshold, gate {gate}",
                    Derivation(zero_energy_steps(gate)),
                    source=SOURCE,
                ),
                "numerical quadrature of the squared distance",
            ),
        ]
    return found
