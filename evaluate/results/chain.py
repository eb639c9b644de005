r"""Capacities of deep ReLU networks: chains of widths and the admissibility of given ones.

The capacity of layer l is computed behind the widths alpha_1..alpha_(l-1) of the layers before it. A minimal
chain takes every width at its own capacity at the same level (the first one, if wished, at another level);
given widths are checked layer by layer: each must be at least the capacity of the network truncated there, in
the same notion and at the same level.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from flrdt.derive import Gate, InjectiveGate, InputError, Level, Status
from flrdt.derive.core.exact_numbers import parse_count

from ..arithmetic.decimals import known_digits, parse_digits, parse_number
from ..arithmetic.exclusive import exclusive
from ..arithmetic.printed import printed
from ..solve.deep_closed import solve_deep_closed
from ..solve.enclosure import exact_mpf
from ..solve.point import as_ball
from ..systems.system import CapacityGoal
from .capacity import Capacity, as_gate, capacity

__all__ = [
    "ChainLayer",
    "DeepCapacity",
    "LayerCapacity",
    "Requirement",
    "architecture",
    "at_least",
    "by_layer",
    "deep_capacity",
    "deep_gate",
    "hidden_chain",
    "layer_capacity",
    "point_words",
    "short_layers",
    "shortfall",
    "widths_of",
]

Report = Callable[[str], None]
NOTIONS = {"weak": Fraction(1), "strong": Fraction(2)}
CHECK_DIGITS = 12  # of a truncated capacity that a given width is compared with
EXTRA = 2  # digits that a width of a chain carries beyond those asked for


@dataclass(frozen=True)
class Requirement:
    """How many active outputs every layer must keep, per input dimension.

    ``weak``: 1 in every layer (every point is locally recoverable). ``strong``: 2 from layer 2 on (two inputs
    differ in at most 2n directions); layer 1 is exactly linear and needs 1. Another ``budget`` B asks for B
    from layer 2 on and for min(B, 1) in layer 1 of a deeper network.

    >>> [str(Requirement("strong").of(i, 3)) for i in (1, 2, 3)]
    ['1', '2', '2']
    """

    notion: str = "weak"
    budget: Fraction | None = None

    @classmethod
    def parse(cls, notion: str, budget: Any) -> Requirement:
        """Read notion and budget; raises ``InputError``."""
        if not isinstance(notion, str) or notion not in NOTIONS:
            raise InputError(f"unknown notion {notion!r}: use weak or strong")
        return cls(notion, None if budget is None else parse_number(budget, "budget", positive=True))

    def of(self, layer: int, depth: int) -> Fraction:
        """Budget of a layer of a network."""
        if depth == 1:
            return self.budget or Fraction(1)
        wanted = self.budget or NOTIONS[self.notion]
        return min(wanted, Fraction(1)) if layer == 1 else wanted


@dataclass(frozen=True)
class LayerCapacity:
    """The capacity of one layer as a ball, with the total error and how it was obtained.

    ``level`` is the level the stationary point lies at: the plain one where partial lifting does not help.  ``inertia``
    counts the minimised and the maximised directions of the objective there, at a full level behind hidden layers;
    ``by_width`` are the derivatives of the parameters in each hidden width, where these come with estimated errors.
    """

    alpha: Any
    error: Any
    enclosure: bool
    level: Level
    parameters: dict[str, Any]
    parameter_errors: dict[str, Any]
    residual: Any
    inertia: tuple[int, int] | None = None
    by_width: tuple[dict[str, float], ...] = ()
    points: dict[int, Any] = field(default_factory=dict, repr=False)

    def parameter_error(self, name: str, widths: Sequence[Any]) -> Any:
        """The error of a parameter: its own, and what errors of the hidden widths change of it."""
        if self.enclosure:
            return exact_mpf(self.parameters[name].rad())
        carried = (abs(slopes[name]) * e for slopes, e in zip(self.by_width, widths, strict=False))
        return sum(carried, self.parameter_errors[name])


@dataclass(frozen=True)
class ChainLayer:
    """A layer of the chain: its width, and the capacity of the network truncated there.

    ``admissible`` is ``None`` where a given width and the capacity agree within the error.
    """

    width: Any
    capacity: LayerCapacity
    admissible: bool | None = True


@dataclass(frozen=True, repr=False)
class DeepCapacity(Capacity):
    """Capacity of the last layer, with ``chain`` (alpha_1..alpha_l) and its ``expansions`` as mpf.

    ``short`` lists ``(layer, width, capacity)`` of given widths that are below the capacity of the network
    truncated there; ``unlifted`` the layers where partial lifting does not help, so that their value is the
    plain one.  ``inertia`` counts the minimised and the maximised directions of the objective of the last layer, where a
    full level was solved.
    """

    chain: tuple[Any, ...] = ()
    chain_errors: tuple[Any, ...] = ()
    short: tuple[tuple[int, Any, Any], ...] = ()
    unlifted: tuple[int, ...] = ()
    inertia: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "chain", tuple(map(printed, self.chain, self.chain_decimals)))

    @property
    @exclusive
    def expansions(self) -> tuple[Any, ...]:
        """alpha_i / alpha_(i-1), with alpha_0 = 1."""
        from mpmath import workdps

        with workdps(self.digits + 20):
            return (self.chain[0], *(b / a for a, b in zip(self.chain, self.chain[1:], strict=False)))

    @property
    @exclusive
    def chain_decimals(self) -> list[str]:
        """The chain with the digits that are known."""
        return [self._shown(v, e) for v, e in zip(self.chain, self.chain_errors, strict=True)]

    @property
    @exclusive
    def expansion_decimals(self) -> list[str]:
        """The expansions with the digits that are known; relative errors of the two widths add."""
        from mpmath import workdps

        with workdps(self.digits + 20):
            relative = [e / v for v, e in zip(self.chain, self.chain_errors, strict=True)]
            before = [0, *relative]
            return [self._shown(x, x * (a + b)) for x, a, b in zip(self.expansions, before, relative, strict=False)]

    def _shown(self, value: Any, error: Any) -> str:
        from mpmath import floor, log10, workdps

        with workdps(self.digits + 20):
            return known_digits(value, error, self.digits + 1 + int(floor(log10(value))))

    @exclusive
    def to_json(self) -> dict[str, Any]:
        """The object of ``flrdt capacity --json``, with chain, expansions and the admissibility of given
        widths.
        """
        shown = super().to_json() | {
            "chain": self.chain_decimals,
            "expansions": self.expansion_decimals,
            "unlifted_layers": list(self.unlifted),
            "admissible": not self.short,
        }
        if self.inertia is not None:
            shown["inertia"] = list(self.inertia)
        if self.short:
            shown["short_layers"] = short_layers(self.short)
        return shown


def short_layers(short: Sequence[tuple[int, Any, Any]]) -> list[dict[str, Any]]:
    """Given widths below the capacity, for JSON."""
    from mpmath import nstr

    return [
        {"layer": i, "width": nstr(w, 12), "capacity": nstr(c, 10), "shortfall": nstr(c - w, 4)} for i, w, c in short
    ]


def _one_layer(level: Level, budget: Fraction, digits: int, report: Report, certified: bool | None) -> LayerCapacity:
    """A first layer at a level of the one-layer theory; its ball carries the error if that is proved."""
    found = capacity(level, digits, budget=budget, certified=certified, report=report)
    error = found.alpha_error
    proved = found.error_kind == "enclosure"
    parameters = dict(found.parameters)
    if proved:
        parameters = {n: as_ball(v, found.parameter_errors[n]) for n, v in parameters.items()}
    ball = as_ball(found.alpha, error if proved else 0)
    return LayerCapacity(ball, error, proved, level, parameters, dict(found.parameter_errors), found.residual)


def layer_capacity(
    widths: Sequence[Any],
    budget: Fraction,
    level: Level,
    digits: int,
    report: Report = lambda _: None,
    certified: bool | None = None,
    shallower: LayerCapacity | None = None,
    store: Any = None,
    words: str = "",
) -> LayerCapacity:
    """Capacity behind hidden layers of the given widths (exact numbers or balls), to the digits asked for.

    ``shallower`` is that of the network without the last layer, from whose points a full level is started, and
    ``store`` keeps such points under the ``words``.  Raises ``ConvergenceError``.
    """
    if level.r == 1 or level.partial:
        used, point = solve_deep_closed(widths, CapacityGoal(budget), level, digits + 6, report)
        return LayerCapacity(point.ball, point.value_error, True, used, point.balls, {}, point.residual)
    if not widths:
        return _one_layer(level, budget, digits, report, certified)
    from ..solve.lifted import remembered, solve_lifted  # start-up: scipy, which the closed forms do without

    found, keep = ({}, lambda *_: None) if store is None else remembered(store, words, len(widths) + 1, level.r)
    before = None if shallower is None else shallower.points
    lifted = solve_lifted(widths, budget, digits, report, level.r, None, found, keep, before)
    return LayerCapacity(
        lifted.alpha,
        lifted.alpha_error,
        False,
        level,
        lifted.values,
        lifted.errors,
        lifted.residual,
        lifted.inertia,
        lifted.by_width,
        lifted.points,
    )


def at_least(width: Fraction, found: LayerCapacity) -> bool | None:
    """Whether a width is at least a capacity, as far as the error of the capacity allows to say."""
    from flint import arb, fmpq

    from ..arithmetic.backends import backend

    margin = arb(fmpq(width.numerator, width.denominator)) - found.alpha + arb(0, backend("arb").number(found.error))
    return True if margin >= 0 else False if margin < 0 else None


def deep_gate(gate: Gate | InjectiveGate | str, radius: Fraction | int | str = 1) -> Gate:
    """The gate of a deep network: a rectifier, by whatever name or active set.

    Raises ``InputError`` for gates that are not positively homogeneous and for those that are injective everywhere.

    >>> deep_gate("threshold:0").active
    Interval.open(0, oo)
    """
    found = as_gate(gate, radius)
    if isinstance(found, InjectiveGate):
        raise InputError(
            f"gate {found} in a deep network: nothing to solve, layers of width 1 are injective since {found.reason}"
        )
    if not found.homogeneous:
        raise InputError(
            f"gate {found} in a deep network: it is not positively homogeneous, so what a layer passes on has no "
            "fixed size; use relu, or one layer"
        )
    return found


def shortfall(layer: dict[str, Any]) -> str:
    """A line on an entry of ``short_layers``, a given width that is below the capacity."""
    return f"layer {layer['layer']} has width {layer['width']} and needs {layer['capacity']}, {layer['shortfall']} more"


@exclusive
def deep_capacity(
    level: Level | int | str = 2,
    digits: int | str = 30,
    *,
    gate: Gate | InjectiveGate | str = "relu",
    depth: int | str | None = None,
    widths: Sequence[Any] = (),
    notion: str = "weak",
    budget: Any = None,
    first_level: Level | int | str | None = None,
    certified: bool | None = None,
    store: Any = None,
    report: Report = lambda _: None,
) -> DeepCapacity:
    r"""Capacity :math:`\alpha_l` of a deep ReLU network, behind a minimal chain or given widths.

    ``depth`` alone takes the minimal chain; ``widths`` are alpha_1..alpha_(l-1) relative to the input. The gate
    is a rectifier: the mirrored one, active on (-oo, 0), has the same capacities by the symmetry of the matrices. At
    levels 1 and 2p the stationary point is enclosed: proved to exist within the error given, and to be the only
    one there. At the full levels the error is an estimate from finer grids; ``certified`` refuses it, and takes a first
    width from another level with a proof. A ``store`` (:class:`flrdt.evaluate.limits.store.Store`) keeps the points of
    full levels as starts for later calls. Source: arXiv 2412.19677 (deep networks, plain and partial level),
    arXiv 2410.20646 (one layer); full levels of deep networks are derived here. Raises ``InputError`` and
    ``LevelError`` for bad input, ``ConvergenceError`` if no solution was found.

    >>> found = deep_capacity(1, 20, depth=2)
    >>> found.chain_decimals, found.error_kind
    (['7.64769493543527981693', '7.54067291347271260697'], 'enclosure')
    """
    started = time.perf_counter()
    level, digits, required = Level.parse(level), parse_digits(digits), Requirement.parse(notion, budget)
    first, rectifier = level if first_level is None else Level.parse(first_level), deep_gate(gate)
    given, count = architecture(level, depth, widths, first_level)
    if certified and count > 1 and level.r > 1 and not level.partial:
        raise InputError(f"level {level} of a deep network is not certified: use level 1 or 2p")
    layers = hidden_chain(given, count, required, first, level, digits, report, certified, store)
    used = first if count == 1 else level
    before = layers[-1].capacity if layers else None
    behind, words = [layer.width for layer in layers], point_words(count, given, required, count)
    found = layer_capacity(behind, required.of(count, count), used, digits, report, certified, before, store, words)
    layers.append(ChainLayer(found.alpha, found))
    return _result(layers, rectifier, level, first, digits, required, given, time.perf_counter() - started)


def hidden_chain(
    given: Sequence[Fraction], depth: int, required: Requirement, first: Level, level: Level, digits: int,
    report: Report, certified: bool | None = None, store: Any = None,
) -> list[ChainLayer]:  # fmt: skip
    """The hidden layers: of the given widths, each checked, or each at its own capacity.

    A first width is proved where it is asked for, or where what is behind it can be proved too.
    """
    layers: list[ChainLayer] = []
    if certified is None and not level.closed:
        certified = False
    for i in range(1, depth):
        behind = [layer.width for layer in layers]
        wanted = min(digits, CHECK_DIGITS) if given else digits + EXTRA
        before = layers[-1].capacity if layers else None
        own = first if i == 1 else level
        words = point_words(i, given, required, depth)
        found = layer_capacity(behind, required.of(i, depth), own, wanted, report, certified, before, store, words)
        if given:
            layers.append(ChainLayer(given[i - 1], found, at_least(given[i - 1], found)))
        else:
            layers.append(ChainLayer(found.alpha, found))
    return layers


def point_words(layer: int, given: Sequence[Fraction], required: Requirement, depth: int) -> str:
    """What a point of a layer is stored under: behind a chain at whatever level, or behind given widths."""
    behind = ", ".join(map(str, given[: layer - 1])) if given else "the chain"
    return f"relu, layer {layer} behind {behind}, budget {required.of(layer, depth)}, first {required.of(1, depth)}"


def architecture(
    level: Level, depth: Any = None, widths: Sequence[Any] = (), first_level: Any = None
) -> tuple[list[Fraction], int]:
    """Hidden widths, read exactly, and the depth; raises ``InputError`` if they or the level do not fit."""
    given = [parse_number(w, f"width alpha_{i}", positive=True) for i, w in enumerate(widths, start=1)]
    count = _depth(depth, given, first_level)
    return given, count


def _depth(depth: Any, given: Sequence[Fraction], first_level: Any) -> int:
    """The depth asked for, checked against the widths."""
    if given:
        if first_level is not None:
            raise InputError("a first level belongs to a minimal chain: leave out the first level or the widths")
        if depth is not None and str(depth) != str(len(given) + 1):
            raise InputError(f"depth {depth} does not fit {len(given)} hidden widths: leave the depth out")
        return len(given) + 1
    return 1 if depth is None else parse_count(depth, "depth", 1, 1000)


def _result(
    layers: list[ChainLayer], gate: Gate, level: Level, first: Level, digits: int, required: Requirement,
    given: list[Fraction], seconds: float,
) -> DeepCapacity:  # fmt: skip
    """Gather a chain into a result; widths carried with an error pass it on to the layers behind them."""
    from mpmath import mpf, workdps

    last = layers[-1].capacity
    chain, errors, enclosed = widths_of(layers, digits)
    with workdps(digits + 20):
        kept = [n for n in last.parameters if not n.startswith("alpha")]
        named = by_layer({n: last.parameters[n] for n in kept})
        parameters = {n: exact_mpf(v) if hasattr(v, "rad") else +v for n, v in named.items()}
        short = tuple(
            (i, chain[i - 1], exact_mpf(layer.capacity.alpha))
            for i, layer in enumerate(layers, start=1)
            if layer.admissible is False
        )
        spread = {_layered(n): mpf(last.parameter_error(n, errors[:-1])) for n in kept}
        return DeepCapacity(
            level=str(level), digits=digits, gate=str(gate), parameters=parameters,
            parameter_errors=spread,
            residual=mpf(last.residual), backend="arb", seconds=seconds,
            alpha=chain[-1], alpha_error=errors[-1],
            error_kind="enclosure" if enclosed else "estimate",
            status=(Status.FULLY_LIFTED if level.r > 1 and not level.partial else Status.LIFTED).value,
            budget=required.of(len(layers), len(layers)), depth=len(layers), notion=required.notion,
            widths=tuple(map(str, given)), chain=chain, chain_errors=errors, short=short,
            unlifted=tuple(
                i for i, layer in enumerate(layers, start=1)
                if layer.capacity.level != (first if i == 1 else level)
            ),
            inertia=last.inertia,
        )  # fmt: skip


def widths_of(layers: Sequence[ChainLayer], digits: int) -> tuple[tuple[Any, ...], tuple[Any, ...], bool]:
    """The widths of layers and their errors as mpf, and whether all of them are proved."""
    from mpmath import mpf, workdps

    exact = [isinstance(layer.width, Fraction) for layer in layers]
    with workdps(digits + 20):
        chain = tuple(
            mpf(w.numerator) / w.denominator if isinstance(w, Fraction) else exact_mpf(w)
            for w in (layer.width for layer in layers)
        )
        # balls carry the enclosed errors of the widths before them; the estimated ones have to be added up
        errors, carried = [], mpf(0)
        for layer, known in zip(layers, exact, strict=True):
            own = mpf(0) if known else mpf(layer.capacity.error)
            errors.append(own + carried)
            carried += mpf(0) if layer.capacity.enclosure else own
    enclosed = all(layer.capacity.enclosure for layer, known in zip(layers, exact, strict=True) if not known)
    return chain, tuple(errors), enclosed


def by_layer(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters with the names of the output: ``p^(1)_2`` as ``1.p_2``."""
    return {_layered(name): value for name, value in parameters.items()}


def _layered(name: str) -> str:
    if "^(" not in name:
        return name
    family, rest = name.split("^(")
    layer, _, index = rest.partition(")")
    return f"{layer}.{family}{index}"
