"""Symbolic derivations: objectives, closed forms and stationarity conditions of lifted random duality theory."""

from . import render
from .closed_forms import LiftingRelations, recursion, relations, scaling
from .energy_map import energy_map
from .formulas import Derivation, Formula, InputError, Status, Step, Verdict
from .gates import Gate, GateError, InjectiveGate, gate, relu
from .gaussian import Expectation, H, Phi, phi
from .innermost import Innermost, innermost
from .networks import Network, NetworkError, relu_network
from .notation import Level, LevelError, Lifting
from .objectives import Objective, objective
from .plain import PlainLevel, plain_level
from .tilting import TiltedExpectation, stationarity
from .towers import tower

__all__ = [
    "Derivation",
    "Expectation",
    "Formula",
    "Gate",
    "GateError",
    "H",
    "InjectiveGate",
    "Innermost",
    "InputError",
    "Level",
    "LevelError",
    "Lifting",
    "LiftingRelations",
    "Network",
    "NetworkError",
    "Objective",
    "Phi",
    "PlainLevel",
    "Status",
    "Step",
    "TiltedExpectation",
    "Verdict",
    "energy_map",
    "gate",
    "innermost",
    "objective",
    "phi",
    "plain_level",
    "recursion",
    "relations",
    "relu",
    "relu_network",
    "render",
    "scaling",
    "stationarity",
    "tower",
]
