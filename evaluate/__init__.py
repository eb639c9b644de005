"""Arbitrary-precision evaluation of the derived objectives: capacities, energies and their errors.

Names are loaded on first use, so that importing the package (and ``flrdt --help``) stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Capacity": "capacities",
    "CertifyError": "certification.enclosures",
    "ConvergenceError": "solve",
    "DeepCapacity": "deep_networks.deep",
    "Energy": "capacities",
    "InputError": "decimals",
    "capacity": "capacities",
    "deep_capacity": "deep_networks.deep",
    "certify": "certification.certificates",
    "check": "certification.checks",
    "check_file": "certification.checks",
    "energy": "capacities",
    "network_verdict": "deep_networks.layer_sizes",
    "Limit": "full_rsb.limits",
    "limit": "full_rsb.limits",
    "replicon": "full_rsb.stability",
    "thermal_instability": "full_rsb.stability",
    "decide_injectivity": "finite_size.injectivity",
    "injectivity_probability": "finite_size.finite",
    "run_sweep": "sweeps.sweep",
    "verify": "verification.runner",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
