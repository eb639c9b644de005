"""Arbitrary-precision evaluation of the derived objectives: capacities, energies and their errors.

Names are loaded on first use, so that importing the package (and ``flrdt --help``) stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arithmetic.decimals import InputError as InputError
    from .finite_size.injectivity import decide_injectivity as decide_injectivity
    from .finite_size.probability import injectivity_probability as injectivity_probability
    from .limits.deep import DeepLimit as DeepLimit
    from .limits.deep import deep_limit as deep_limit
    from .limits.door import limit as limit
    from .limits.family import family_limit as family_limit
    from .limits.limits import Limit as Limit
    from .limits.stability import replicon as replicon
    from .limits.stability import thermal_instability as thermal_instability
    from .proofs.check_files import check as check
    from .proofs.check_files import check_file as check_file
    from .proofs.one_layer_certificates import certify as certify
    from .results.capacity import Capacity as Capacity
    from .results.capacity import Energy as Energy
    from .results.chain import DeepCapacity as DeepCapacity
    from .results.chain import deep_capacity as deep_capacity
    from .results.door import capacity as capacity
    from .results.door import energy as energy
    from .results.family import FamilyValue as FamilyValue
    from .results.family import family_value as family_value
    from .results.family import partial_threshold as partial_threshold
    from .results.layer_sizes import network_verdict as network_verdict
    from .solve.point import CertifyError as CertifyError
    from .solve.point import ConvergenceError as ConvergenceError
    from .sweeps.run import run_sweep as run_sweep
    from .verification.runner import verify as verify

_HOME = {
    "Capacity": "results.capacity",
    "CertifyError": "solve.point",
    "ConvergenceError": "solve.point",
    "DeepCapacity": "results.chain",
    "Energy": "results.capacity",
    "InputError": "arithmetic.decimals",
    "capacity": "results.door",
    "deep_capacity": "results.chain",
    "certify": "proofs.one_layer_certificates",
    "check": "proofs.check_files",
    "check_file": "proofs.check_files",
    "energy": "results.door",
    "network_verdict": "results.layer_sizes",
    "Limit": "limits.limits",
    "limit": "limits.door",
    "DeepLimit": "limits.deep",
    "deep_limit": "limits.deep",
    "replicon": "limits.stability",
    "thermal_instability": "limits.stability",
    "decide_injectivity": "finite_size.injectivity",
    "injectivity_probability": "finite_size.probability",
    "run_sweep": "sweeps.run",
    "verify": "verification.runner",
    "FamilyValue": "results.family",
    "family_value": "results.family",
    "partial_threshold": "results.family",
    "family_limit": "limits.family",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
