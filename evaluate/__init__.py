"""Arbitrary-precision evaluation of the derived objectives: capacities, energies and their errors.

Names are loaded on first use, so that importing the package (and ``flrdt --help``) stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Capacity": "capacities",
    "CertifyError": "enclosures",
    "ConvergenceError": "solve",
    "DeepCapacity": "deep",
    "Energy": "capacities",
    "InputError": "decimals",
    "capacity": "capacities",
    "deep_capacity": "deep",
    "certify": "certificates",
    "check": "checker",
    "check_file": "checker",
    "energy": "capacities",
    "network_verdict": "layer_sizes",
    "Limit": "limits",
    "limit": "limits",
    "replicon": "stability",
    "thermal_instability": "stability",
    "decide_injectivity": "injectivity",
    "injectivity_probability": "finite",
    "run_sweep": "sweep",
    "verify": "verification",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
