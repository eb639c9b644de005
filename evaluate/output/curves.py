"""Figures of the one-layer theory: energy against alpha, capacity against level, overlap functions.

Every point is a computed value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

from sympy import ceiling

from flrdt.derive import InjectiveGate, Level
from flrdt.derive.blocks.innermost import zero_energy_threshold
from flrdt.derive.blocks.outputs import Cost

from ..arithmetic.decimals import InputError
from ..results.capacity import as_gate, capacity, energy
from ..results.family import as_problem, family_value
from .figures import COLOURS, MARKERS, empty_figure, house_style, look

__all__ = ["KINDS", "capacity_curve", "cost_curve", "draw_overlaps", "energy_curve", "overlap_curve", "value_curve"]

Report = Callable[[str], None]
BEYOND = (1.2, 1.4, 1.6, 1.8, 2.0)  # multiples of the plain capacity at which the energy of a cost is drawn
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


@house_style()
def energy_curve(levels: Sequence[str], gate: str = "relu", report: Report = lambda _: None) -> Any:
    """Ground-state energy ``e_r(alpha)`` at several levels; where a curve meets the budget 1 is the capacity.

    Between the computed points runs the cubic through their exact values and slopes (envelope theorem); the capacity is one of
    the points, and marked.  An inset enlarges the two crossings that are closest to each other.
    """
    from scipy.interpolate import CubicHermiteSpline

    _checked(levels, gate)
    figure, axes = _axes(r"$\alpha$", r"$e_r(\alpha)$")
    grid = _grid(gate)
    curves = {}
    for level in levels:
        crossing = Fraction(capacity(level, _DIGITS, gate=gate).decimal)
        found = []
        for at in sorted({*grid, crossing}):
            report(f"energy at alpha {at}, level {level}")
            found.append((float(at), energy(at, level, _DIGITS, gate=gate)))
        places, values, slopes = zip(*((at, float(e.energy), float(e.slope)) for at, e in found), strict=True)
        curves[level] = (
            float(crossing),
            CubicHermiteSpline(places, values, slopes),
            slopes[places.index(float(crossing))],
        )
    _energies(axes, curves, float(grid[0]), float(grid[-1]))
    middle = float(grid[0] + grid[-1]) / 2  # right of the legend, left of the crossings
    axes.annotate("budget 1", (middle, 1), va="bottom", ha="center", fontsize="small", color="0.35")
    axes.legend(loc="upper left")
    ordered = sorted(curves.values(), key=lambda curve: curve[0])
    pairs = [(right[0] - left[0], left, right) for left, right in pairwise(ordered) if right[0] > left[0]]
    if pairs:
        gap, left, right = min(pairs, key=lambda pair: pair[0])
        inset = axes.inset_axes((0.56, 0.08, 0.3, 0.28))
        middle, half = (left[0] + right[0]) / 2, 1.5 * gap
        _energies(inset, curves, middle - half, middle + half)
        tall = half * max(left[2], right[2])
        inset.set(xlim=(middle - half, middle + half), ylim=(1 - tall, 1 + tall))
        inset.locator_params(nbins=3)
        inset.yaxis.tick_right()
        inset.tick_params(labelsize="x-small")
        inset.ticklabel_format(useOffset=False)
        axes.indicate_inset_zoom(inset, edgecolor="0.35")
    return figure


def _energies(axes: Any, curves: dict[str, tuple[float, Any, float]], first: float, last: float) -> None:
    """The energies between two values of alpha, with their crossings of the budget."""
    from numpy import linspace

    fine = linspace(first, last, 121)
    for number, (level, (crossing, curve, _)) in enumerate(curves.items()):
        drawn = look(number)
        marker = drawn.pop("marker")
        axes.plot(fine, curve(fine), linewidth=1.4, **drawn)
        if first <= crossing <= last:
            axes.plot([], [], marker=marker, label=f"level {level}: {crossing:.4f}", **drawn)
            axes.plot([crossing], [1], marker=marker, color=drawn["color"], markersize=5, zorder=3)
    axes.axhline(1, color="0.35", linewidth=0.8)


@house_style()
def capacity_curve(levels: Sequence[str], gate: str = "relu", report: Report = lambda _: None) -> Any:
    """Injectivity capacity against the lifting level."""
    _checked(levels, gate)
    values = []
    for level in levels:
        report(f"capacity at level {level}")
        values.append(float(capacity(level, _DIGITS, gate=gate).alpha))
    return value_curve(levels, values, r"$\alpha_{\mathrm{inj}}$")


@house_style()
def value_curve(levels: Sequence[str], values: Sequence[float], name: str, title: str = "") -> Any:
    """A value of each level, with its number beside it."""
    figure, axes = _axes("level", name)
    axes.plot(range(len(levels)), values, color=COLOURS[0], marker=MARKERS[0], linestyle=":")
    axes.set_xticks(range(len(levels)), list(map(str, levels)))
    for place, value in enumerate(values):
        axes.annotate(f"{value:.4f}", (place, value), textcoords="offset points", xytext=(6, 6), fontsize="small")
    axes.margins(x=0.15, y=0.15)
    axes.set_title(title)
    return figure


@house_style()
def cost_curve(levels: Sequence[str], word: str, report: Report = lambda _: None) -> Any:
    """Ground-state energy of a cost at several levels, from the capacity of its zero set on, where the energy leaves zero.

    The points between are computed at the same multiples of the plain capacity for all levels.  Raises ``InputError`` for a
    problem that is no cost without alpha.
    """
    cost = as_problem(word)
    if not isinstance(cost.output, Cost) or cost.alpha is not None:
        raise InputError(f"{word}: the figure energy is one of a cost without alpha, such as hinge:kappa=0")
    wanted = [Level.parse(level) for level in levels]
    plain = float(family_value(cost, 1, _DIGITS).value)
    figure, axes = _axes(r"$\alpha$", r"$e_r(\alpha)$")
    for number, level in enumerate(wanted):
        start = float(family_value(cost, level, _DIGITS, report=report).value)
        places, values = [start], [0.0]
        for share in BEYOND:
            at = Fraction(share * plain).limit_denominator(1000)
            if at > start:
                report(f"energy at alpha {at}, level {level}")
                places.append(float(at))
                values.append(float(family_value(cost, level, _DIGITS, alpha=at).value))
        axes.plot(places, values, linewidth=1.4, markersize=4, label=f"level {level}: {start:.4f}", **look(number))
    axes.set_title(str(cost))
    axes.legend(loc="upper left")
    return figure


@house_style()
def overlap_curve(levels: Sequence[str], gate: str = "relu", report: Report = lambda _: None) -> Any:
    """Overlap function of each level at its capacity, as :func:`draw_overlaps` draws it."""
    full = [level for level in _checked(levels, gate) if level.r >= 2 and not level.partial]
    if not full:
        raise InputError(f"no overlaps at the levels {', '.join(levels)}: name a full level, 2, 3, ...")
    steps = {}
    for level in full:
        report(f"overlaps at level {level}")
        found, r = capacity(level, _DIGITS, gate=gate).parameters, level.r
        steps[f"level {level}"] = [(float(found[f"p_{k}"]), float(found[f"y_{k}"])) for k in range(2, r + 1)]
    figure = empty_figure(9, 3.8)
    draw_overlaps(figure, steps)
    return figure


@house_style()
def draw_overlaps(
    figure: Any, steps: Mapping[str, Sequence[tuple[float, float]]], flow: tuple[Any, Any] | None = None
) -> None:
    """Overlap functions ``y(p)`` into a figure: against p, and against 1 - p on a logarithmic axis.

    ``steps`` are the pairs (p_k, y_k), k = 2, ..., r, of each label: y is y_k between p_k and p_(k-1), where p_1 is 1, and 0 below
    p_r.  ``flow`` is the function of the limit, as arrays of 1 - p and y.
    """
    linear, logarithmic = figure.subplots(1, 2)
    for number, (label, pairs) in enumerate(steps.items()):
        drawn = {name: value for name, value in look(number).items() if name != "marker"}
        overlaps, lifting = zip(*pairs, strict=True)
        edges = [0.0, *reversed(overlaps), 1.0]
        linear.stairs([0.0, *reversed(lifting)], edges, baseline=None, label=label, linewidth=1.4, **drawn)
        missing = [1 - p for p in overlaps]
        # the innermost step reaches p = 1, which a logarithmic axis does not
        logarithmic.stairs(lifting, [missing[0] / 10, *missing], baseline=None, label=label, linewidth=1.4, **drawn)
    if flow is not None:
        missing, values = flow
        for axes, places in ((linear, 1 - missing), (logarithmic, missing)):
            axes.plot(places, values, color="black", linewidth=1.4, label="limit")
    heights = [y for pairs in steps.values() for _, y in pairs]
    highest = max(heights) if flow is None else 12
    scale = "log" if flow is not None or max(heights) > 10 * min(heights) else "linear"
    linear.set(xlabel="overlap $p$", ylabel="lifting parameter $y(p)$", xlim=(0, 1.02), ylim=(0, 1.1 * highest))
    logarithmic.set(xlabel="$1 - p$", ylabel="$y(p)$", xscale="log", yscale=scale)
    for axes in (linear, logarithmic):
        axes.grid(alpha=0.25)
    linear.legend(loc="upper left")


KINDS: dict[str, tuple[str, Callable[..., Any]]] = {
    "energy": ("Ground-state energy against alpha", energy_curve),
    "capacity": ("Capacity against the lifting level", capacity_curve),
    "overlap": ("Overlap functions at capacity", overlap_curve),
}
"""Name, caption and maker of every figure."""
