"""Symbolic derivations: objectives, closed forms and stationarity conditions of lifted random duality theory."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # type checkers and editors see through the door; at run time a room is opened when it is entered
    from . import render as render
    from .blocks.hidden_averages import hidden_exponential as hidden_exponential
    from .blocks.hidden_averages import hidden_mean as hidden_mean
    from .blocks.hidden_lifted import lifted_hidden as lifted_hidden
    from .blocks.hidden_maximum import HiddenActivation as HiddenActivation
    from .blocks.hidden_maximum import HiddenValue as HiddenValue
    from .blocks.hidden_maximum import inner_maximum as inner_maximum
    from .blocks.innermost import Innermost as Innermost
    from .blocks.innermost import innermost as innermost
    from .blocks.tower import tower as tower
    from .conditions.layer_recursion import layer_recursion as layer_recursion
    from .conditions.plain import PlainLevel as PlainLevel
    from .conditions.plain import plain_level as plain_level
    from .conditions.stationarity import TiltedExpectation as TiltedExpectation
    from .conditions.stationarity import stationarity as stationarity
    from .core.formulas import Derivation as Derivation
    from .core.formulas import Formula as Formula
    from .core.formulas import InputError as InputError
    from .core.formulas import Status as Status
    from .core.formulas import Verdict as Verdict
    from .core.gaussian import Expectation as Expectation
    from .core.gaussian import H as H
    from .core.gaussian import Phi as Phi
    from .core.gaussian import phi as phi
    from .core.maxima import Maximum as Maximum
    from .core.maxima import Minimum as Minimum
    from .core.steps import Step as Step
    from .core.symbols import Level as Level
    from .core.symbols import LevelError as LevelError
    from .core.symbols import Lifting as Lifting
    from .lemmas.analyticity import mixture_form as mixture_form
    from .lemmas.analyticity import monotonicity as monotonicity
    from .lemmas.analyticity import zero_free_strip as zero_free_strip
    from .lemmas.comparison import SaddleProbability as SaddleProbability
    from .networks.gates import Gate as Gate
    from .networks.gates import GateError as GateError
    from .networks.gates import InjectiveGate as InjectiveGate
    from .networks.gates import MoreauEnvelope as MoreauEnvelope
    from .networks.gates import gate as gate
    from .networks.gates import relu as relu
    from .networks.network import Network as Network
    from .networks.network import NetworkError as NetworkError
    from .networks.network import relu_network as relu_network
    from .networks.problems import Problem as Problem
    from .networks.problems import ProblemError as ProblemError
    from .networks.problems import problem as problem
    from .objectives.deep import DeepObjective as DeepObjective
    from .objectives.energy_map import energy_map as energy_map
    from .objectives.objective import Objective as Objective
    from .objectives.objective import objective as objective
    from .objectives.relations import LiftingRelations as LiftingRelations
    from .objectives.relations import recursion as recursion
    from .objectives.relations import relations as relations
    from .objectives.relations import scaling as scaling

_HOME = {
    "DeepObjective": "objectives.deep",
    "Derivation": "core.formulas",
    "Expectation": "core.gaussian",
    "Formula": "core.formulas",
    "Gate": "networks.gates",
    "GateError": "networks.gates",
    "H": "core.gaussian",
    "HiddenActivation": "blocks.hidden_maximum",
    "HiddenValue": "blocks.hidden_maximum",
    "InjectiveGate": "networks.gates",
    "Innermost": "blocks.innermost",
    "InputError": "core.formulas",
    "Level": "core.symbols",
    "LevelError": "core.symbols",
    "Lifting": "core.symbols",
    "LiftingRelations": "objectives.relations",
    "Maximum": "core.maxima",
    "Minimum": "core.maxima",
    "MoreauEnvelope": "networks.gates",
    "Network": "networks.network",
    "NetworkError": "networks.network",
    "Objective": "objectives.objective",
    "Phi": "core.gaussian",
    "PlainLevel": "conditions.plain",
    "Problem": "networks.problems",
    "ProblemError": "networks.problems",
    "SaddleProbability": "lemmas.comparison",
    "Status": "core.formulas",
    "Step": "core.steps",
    "TiltedExpectation": "conditions.stationarity",
    "Verdict": "core.formulas",
    "energy_map": "objectives.energy_map",
    "gate": "networks.gates",
    "hidden_exponential": "blocks.hidden_averages",
    "hidden_mean": "blocks.hidden_averages",
    "inner_maximum": "blocks.hidden_maximum",
    "innermost": "blocks.innermost",
    "layer_recursion": "conditions.layer_recursion",
    "lifted_hidden": "blocks.hidden_lifted",
    "mixture_form": "lemmas.analyticity",
    "monotonicity": "lemmas.analyticity",
    "objective": "objectives.objective",
    "phi": "core.gaussian",
    "plain_level": "conditions.plain",
    "problem": "networks.problems",
    "recursion": "objectives.relations",
    "relations": "objectives.relations",
    "relu": "networks.gates",
    "relu_network": "networks.network",
    "scaling": "objectives.relations",
    "stationarity": "conditions.stationarity",
    "tower": "blocks.tower",
    "zero_free_strip": "lemmas.analyticity",
}

__all__ = [*_HOME, "render"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        return value
    if name == "render":
        return import_module(f"{__name__}.render")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
