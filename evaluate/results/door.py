"""The public door to values: what is asked of a network, whatever its depth.

A call names a :class:`~flrdt.derive.networks.network.Network`, or gives the keywords that build one.  Which road leads to the number is
decided here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from flrdt.derive import Gate, InjectiveGate, Level, Network

from ..arithmetic.decimals import InputError
from ..arithmetic.exclusive import exclusive
from . import capacity as one_layer
from . import chain as deep
from . import deep_energies
from .capacity import Capacity, Energy

__all__ = ["capacity", "described", "energy", "is_single"]

Report = Callable[[str], None]


USUAL = {"gate": "relu", "radius": 1, "depth": None, "widths": (), "notion": "weak", "budget": None}


def described(network: Network, **given: Any) -> dict[str, Any]:
    """The keywords that describe a network: gate, depth, widths, notion, budget.

    Raises ``InputError`` for a keyword among ``given`` that the network says already.

    >>> from flrdt.derive import relu_network
    >>> described(relu_network(depth=2))["depth"]
    2
    """
    for name, value in given.items():
        if name in USUAL and value != USUAL[name]:
            raise InputError(f"{name} with a network: the network says it, leave the keyword out")
    return {
        "gate": network.gate,
        "depth": None if network.widths else network.depth,
        "widths": [_fraction(w) for w in network.widths],
        "notion": network.notion,
        "budget": None if network.budget == network.usual_budget else _fraction(network.budget),
    }


def is_single(depth: Any, widths: Sequence[Any], first_level: Any = None) -> bool:
    """Whether keywords describe one layer: the only place where a value asks it."""
    return not widths and first_level is None and str(1 if depth is None else depth) == "1"


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.p), int(value.q))


@exclusive
def capacity(
    network: Network | Level | int | str | None = None,
    level: Any = None,
    digits: Any = None,
    *,
    gate: Gate | InjectiveGate | str = "relu",
    radius: Fraction | int | str = 1,
    depth: int | str | None = None,
    widths: Sequence[Any] = (),
    notion: str = "weak",
    budget: Any = None,
    first_level: Level | int | str | None = None,
    backend: str = "arb",
    certified: bool | None = None,
    near: Sequence[float] | None = None,
    store: Any = None,
    report: Report = lambda _: None,
) -> Capacity:
    r"""The injectivity capacity of a network at a lifting level: ``capacity(network, level, digits)``.

    Without a network, ``capacity(level, digits)`` takes the one that the keywords describe, by default one ReLU layer.
    ``depth`` alone takes the minimal chain, every width at its own capacity; ``widths`` are
    :math:`\alpha_1, \dots, \alpha_{l-1}` relative to the input.  ``notion`` is weak or strong, ``budget`` another number of
    required active outputs per input.  ``backend`` and ``near`` are those of one layer: a chain hands enclosures from layer
    to layer, which only Arb has; ``store`` is that of deep networks.  See :func:`flrdt.evaluate.results.capacity.capacity` for one layer and
    :func:`flrdt.evaluate.results.chain.deep_capacity` for several, and for what is raised.
    Source: arXiv 2410.20646 (one layer), arXiv 2412.19677 (deep networks).

    >>> from flrdt.derive import relu_network
    >>> capacity(relu_network(), 1, 12).decimal, capacity(1, 12).decimal
    ('7.647694935435', '7.647694935435')
    >>> capacity(relu_network(depth=2), level=1, digits=12).decimal
    '7.540672913473'
    """
    if isinstance(network, Network):
        words = described(network, gate=gate, radius=radius, depth=depth, widths=widths, notion=notion, budget=budget)
        gate, depth, widths, notion, budget = words.values()
    elif network is not None:  # capacity(level, digits)
        if level is not None and digits is not None:
            raise InputError("three arguments begin with a network: capacity(network, level, digits)")
        level, digits = network, digits if level is None else level
    level = 2 if level is None else level
    digits = 30 if digits is None else digits
    if is_single(depth, widths, first_level):
        required = deep.Requirement.parse(notion, budget)
        return one_layer.capacity(
            level, digits, gate=gate, radius=radius, budget=required.of(1, 1), backend=backend, certified=certified,
            near=near, report=report,
        )  # fmt: skip
    if backend != "arb":
        raise InputError(f"backend {backend!r} for a deep network: its widths are handed on as balls, use arb")
    if near is not None:
        raise InputError("near belongs to one layer at a full level: leave it out for a deep network")
    return deep.deep_capacity(
        level, digits, gate=deep.deep_gate(gate, radius), depth=depth, widths=widths, notion=notion, budget=budget,
        first_level=first_level, certified=certified, store=store, report=report,
    )  # fmt: skip


@exclusive
def energy(
    network: Network | Fraction | int | str | None = None,
    alpha: Any = None,
    level: Any = None,
    digits: Any = None,
    *,
    gate: Gate | InjectiveGate | str = "relu",
    radius: Fraction | int | str = 1,
    depth: int | str | None = None,
    widths: Sequence[Any] = (),
    notion: str = "weak",
    budget: Any = None,
    first_level: Level | int | str | None = None,
    backend: str = "arb",
    certified: bool | None = None,
    report: Report = lambda _: None,
) -> Energy:
    r"""The ground-state energy :math:`e_r(\alpha)`: ``energy(network, alpha, level, digits)``.

    It is the least number of active outputs per input dimension, over the inputs, at the width alpha of the last layer; the
    capacity is the alpha where it meets the required count.  Without a network, ``energy(alpha, level, digits)`` takes the
    one that the keywords describe.  ``notion``, ``budget`` and ``first_level`` say how hidden widths are taken.
    See :func:`flrdt.evaluate.results.capacity.energy` for one layer and
    :func:`flrdt.evaluate.results.deep_energies.deep_energy` for several, and for what is raised.

    >>> from flrdt.derive import relu_network
    >>> energy(relu_network(), 8, 1, 10).decimal == energy(8, 1, 10).decimal
    True
    >>> energy(relu_network(depth=2), "7.540672913473", 1, 10).decimal
    '1.000000000'
    """
    if isinstance(network, Network):
        words = described(network, gate=gate, radius=radius, depth=depth, widths=widths, notion=notion, budget=budget)
        gate, depth, widths, notion, budget = words.values()
    elif network is not None:  # energy(alpha, level, digits)
        if alpha is not None:
            level, digits = alpha, digits if level is None else level
        alpha = network
    if alpha is None:
        raise InputError("an energy needs the width alpha: energy(network, alpha, level, digits)")
    level = 2 if level is None else level
    digits = 30 if digits is None else digits
    if is_single(depth, widths):
        deep.Requirement.parse(notion, budget)
        level = level if first_level is None else first_level
        return one_layer.energy(
            alpha, level, digits, gate=gate, radius=radius, backend=backend, certified=certified, report=report
        )
    if backend != "arb":
        raise InputError(f"backend {backend!r} for a deep network: its widths are handed on as balls, use arb")
    if certified and Level.parse(level).r > 1 and not Level.parse(level).partial:
        raise InputError(f"level {level} of a deep network is not certified: use level 1 or 2p")
    return deep_energies.deep_energy(
        alpha, level, digits, gate=deep.deep_gate(gate, radius), depth=depth, widths=widths, notion=notion, budget=budget,
        first_level=first_level, report=report,
    )  # fmt: skip
