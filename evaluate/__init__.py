"""Arbitrary-precision evaluation of the derived objectives: capacities, energies and their errors.

Names are loaded on first use, so that importing the package (and ``flrdt --help``) stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Capacity": "capacities",
    "ConvergenceError": "solve",
    "Energy": "capacities",
    "InputError": "decimals",
    "capacity": "capacities",
    "decide_injectivity": "injectivity",
    "energy": "capacities",
    "injectivity_probability": "finite",
    "run_sweep": "sweep",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
