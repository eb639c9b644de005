"""Symbolic derivations: objectives, closed forms and stationarity conditions of lifted random duality theory."""

from . import render
from .blocks.hidden_averages import hidden_exponential, hidden_mean
from .blocks.hidden_lifted import lifted_hidden
from .blocks.hidden_maximum import HiddenActivation, HiddenValue, inner_maximum
from .blocks.innermost import Innermost, innermost
from .blocks.tower import tower
from .conditions.layer_recursion import layer_recursion
from .conditions.plain import PlainLevel, plain_level
from .conditions.stationarity import TiltedExpectation, stationarity
from .core.formulas import Derivation, Formula, InputError, Status, Step, Verdict
from .core.gaussian import Expectation, H, Phi, phi
from .core.maxima import Maximum, Minimum
from .core.symbols import Level, LevelError, Lifting
from .lemmas.analyticity import mixture_form, monotonicity, zero_free_strip
from .lemmas.comparison import SaddleProbability
from .networks.gates import Gate, GateError, InjectiveGate, MoreauEnvelope, gate, relu
from .networks.network import Network, NetworkError, relu_network
from .networks.problems import Problem, ProblemError, problem
from .objectives.deep import DeepObjective
from .objectives.energy_map import energy_map
from .objectives.objective import Objective, objective
from .objectives.relations import LiftingRelations, recursion, relations, scaling

__all__ = [
    "DeepObjective",
    "Derivation",
    "Expectation",
    "Formula",
    "Gate",
    "GateError",
    "H",
    "HiddenActivation",
    "HiddenValue",
    "InjectiveGate",
    "Innermost",
    "InputError",
    "Level",
    "LevelError",
    "Lifting",
    "LiftingRelations",
    "Maximum",
    "Minimum",
    "MoreauEnvelope",
    "Network",
    "NetworkError",
    "Objective",
    "Phi",
    "PlainLevel",
    "Problem",
    "ProblemError",
    "SaddleProbability",
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
    "problem",
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
