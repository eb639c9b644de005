"""Symbolic derivations: objectives, closed forms and stationarity conditions of lifted random duality theory."""

from .closed_forms import LiftingRelations, recursion, relations
from .energy_map import energy_map
from .formulas import Derivation, Formula, InputError, Status, Step, Verdict
from .gates import Gate, GateError, gate, relu
from .gaussian import Expectation, H, Phi, phi
from .innermost import Innermost, innermost
from .networks import Network, NetworkError, relu_network
from .notation import Level, LevelError, Lifting
from .objectives import Objective, objective
from .plain import PlainLevel, plain_level
from .tilting import stationarity
