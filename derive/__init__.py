"""Symbolic derivations: objectives, closed forms and stationarity conditions of lifted random duality theory."""

from . import render
from .analyticity import mixture_form, monotonicity, zero_free_strip
from .closed_forms import LiftingRelations, recursion, relations, scaling
from .deep import DeepObjective
from .energy_map import energy_map
from .formulas import Derivation, Formula, InputError, Status, Step, Verdict
from .gates import Gate, GateError, InjectiveGate, gate, relu
from .gaussian import Expectation, H, Phi, phi
from .hidden import hidden_exponential, hidden_mean
from .inner_maxima import inner_maximum
from .innermost import Innermost, innermost
from .layer_recursions import layer_recursion
from .lifted_layers import lifted_hidden
from .networks import Network, NetworkError, relu_network
from .notation import Level, LevelError, Lifting
from .objectives import Objective, objective
from .plain import PlainLevel, plain_level
from .tilting import TiltedExpectation, stationarity
from .towers import tower

__all__ = [
    "DeepObjective",
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
    "hidden_exponential",
    "hidden_mean",
    "inner_maximum",
    "innermost",
    "layer_recursion",
    "lifted_hidden",
    "mixture_form",
    "monotonicity",
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
    "zero_free_strip",
]
