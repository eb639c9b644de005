"""Arbitrary-precision evaluation of the derived objectives: capacities, energies and their errors.

Names are loaded on first use, so that importing the package (and ``flrdt --help``) stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Capacity": "results.capacity",
    "CertifyError": "proofs.enclosures",
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
    "limit": "limits.limits",
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
