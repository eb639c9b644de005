"""Figures of the one-layer theory: energy against alpha, capacity against level, overlap functions.

Every point is a computed value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil
from typing import Any

from sympy import ceiling

from flrdt.derive import InjectiveGate, Level
from flrdt.derive.blocks.innermost import zero_energy_threshold

from ..arithmetic.decimals import InputError
from ..results.capacity import as_gate, capacity, energy
from .figures import empty_figure

__all__ = ["KINDS", "capacity_curve", "energy_curve", "overlap_curve"]

Report = Callable[[str], None]
_DIGITS = 8  # far more than a figure shows


def _axes(xlabel: str, ylabel: str) -> tuple[Any, Any]:
    figure = empty_figure(6, 3.8)
    axes = figure.add_subplot()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.grid(alpha=0.25)
    return figure, axes


def _checked(levels: Sequence[str], gate: str) -> list[Level]:
    """The levels, read before any work; raises ``InputError`` for those and for a gate that leaves nothing to draw."""
    found = as_gate(gate)
    if isinstance(found, InjectiveGate):
        raise InputError(f"gate {gate} is injective and has capacity 1: there is nothing to draw, use another gate")
    return [Level.parse(level) for level in levels]


def _grid(gate: str) -> list[Fraction]:
    """Seven values of alpha from where the energy leaves zero to beyond every capacity; 2, 3, ..., 8 for the ReLU."""
    first = Fraction(int(ceiling(10 * zero_energy_threshold(as_gate(gate)))), 10)
    last = ceil(capacity(1, _DIGITS, gate=gate).alpha)
    return [first + k * (last - first) / 6 for k in range(7)]


def energy_curve(levels: Sequence[str], gate: str = "relu", report: Report = lambda _: None) -> Any:
    """Ground-state energy ``e_r(alpha)`` at several levels; where a curve meets the budget 1 is the capacity.

    Between the computed points runs the cubic through their exact values and slopes (envelope theorem).
    """
    from numpy import linspace
    from scipy.interpolate import CubicHermiteSpline

    _checked(levels, gate)
    figure, axes = _axes(r"$\alpha$", r"$e_r(\alpha)$")
    grid = _grid(gate)
    fine = linspace(float(grid[0]), float(grid[-1]), 121)
    for level in levels:
        found = []
        for at in grid:
            report(f"energy at alpha {at}, level {level}")
            found.append(energy(at, level, _DIGITS, gate=gate))
        values, slopes = [float(e.energy) for e in found], [float(e.slope) for e in found]
        (line,) = axes.plot(
            fine,
            CubicHermiteSpline(list(map(float, grid)), values, slopes)(fine),
            label=f"level {level}",
            linewidth=1.2,
        )
        axes.plot(list(map(float, grid)), values, ".", color=line.get_color())
    axes.axhline(1, color="gray", linewidth=0.8, linestyle="--")
    axes.annotate("budget 1", (float(grid[0]), 1), va="bottom", fontsize="small", color="gray")
    axes.legend()
    return figure


def capacity_curve(levels: Sequence[str], gate: str = "relu", report: Report = lambda _: None) -> Any:
    """Injectivity capacity against the lifting level."""
    _checked(levels, gate)
    figure, axes = _axes("level", r"$\alpha_{\mathrm{inj}}$")
    values = []
    for level in levels:
        report(f"capacity at level {level}")
        values.append(float(capacity(level, _DIGITS, gate=gate).alpha))
    axes.plot(range(len(levels)), values, marker="o", linestyle=":")
    axes.set_xticks(range(len(levels)), list(levels))
    for place, value in enumerate(values):
        axes.annotate(f"{value:.4f}", (place, value), textcoords="offset points", xytext=(6, 6), fontsize="small")
    axes.margins(x=0.12, y=0.15)
    return figure


def overlap_curve(levels: Sequence[str], gate: str = "relu", report: Report = lambda _: None) -> Any:
    """Overlap function of each level at its capacity: the steps ``p_k`` over the lifting parameters ``y_k``."""
    full = [level for level in _checked(levels, gate) if level.r >= 2 and not level.partial]
    if not full:
        raise InputError(f"no overlaps at the levels {', '.join(levels)}: name a full level, 2, 3, ...")
    figure, axes = _axes("lifting parameter $y$", "overlap $p(y)$")
    for level in full:
        report(f"overlaps at level {level}")
        found, r = capacity(level, _DIGITS, gate=gate).parameters, level.r
        # from the outermost step inwards: p_r below y_r, then p_{k} between y_{k+1} and y_k
        breaks = [0.0, *(float(found[f"y_{k}"]) for k in range(r, 1, -1))]
        steps = [*(float(found[f"p_{k}"]) for k in range(r, 1, -1)), 1.0]
        axes.step([*breaks, breaks[-1] * 1.25], [steps[0], *steps], where="pre", label=f"level {level}")
    axes.set_ylim(0, 1.05)
    axes.legend(loc="lower right")
    return figure


KINDS: dict[str, tuple[str, Callable[..., Any]]] = {
    "energy": ("Ground-state energy against alpha", energy_curve),
    "capacity": ("Capacity against the lifting level", capacity_curve),
    "overlap": ("Overlap functions at capacity", overlap_curve),
}
"""Name, caption and maker of every figure."""
