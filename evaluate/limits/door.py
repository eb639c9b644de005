"""The public door to the limit of the levels, for a network of any depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from flrdt.derive import Gate, InjectiveGate, Network, relu

from ..arithmetic.decimals import InputError
from ..results.capacity import as_gate
from ..results.chain import Requirement
from ..results.door import described, is_single
from . import deep
from . import limits as one_layer
from .deep import DeepLimit
from .limits import Limit
from .store import Store

__all__ = ["limit"]


def limit(
    network: Network | int | str | None = None,
    digits: int | str | None = None,
    *,
    gate: Gate | InjectiveGate | str = "relu",
    radius: Fraction | int | str = 1,
    depth: int | str | None = None,
    widths: Sequence[Any] = (),
    notion: str = "weak",
    budget: Any = None,
    max_level: int | str | None = None,
    second_route: bool = True,
    certified: bool = False,
    store: Store | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Limit | DeepLimit:
    r"""The capacity of a network in the limit of the lifting levels: ``limit(network, digits)``.

    It is :math:`\lim_{r\to\infty} \alpha_r`, full replica symmetry breaking, extrapolated from the levels.  Without a network,
    ``limit(digits)`` takes the one that the keywords describe, by default one ReLU layer.  ``digits`` is 10 for one layer and 3
    behind hidden layers unless given.  ``certified`` proves a bound from above, by a certificate of a finite level; ``second_route`` is the Parisi
    flow.  ``certified``, ``checkpoint`` and ``resume`` belong to one layer: behind hidden layers the full levels are no theorems, the
    Parisi flow has no second field, and the solved levels are kept in the store.  See
    :func:`flrdt.evaluate.limits.limits.limit` and :func:`flrdt.evaluate.limits.deep.deep_limit` for what is raised.
    Source: arXiv 2410.20646 (the levels), arXiv 2412.19677 (deep networks).

    >>> from flrdt.derive import relu_network
    >>> limit(relu_network(depth=2), 9)
    Traceback (most recent call last):
        ...
    flrdt.derive.core.formulas.InputError: digits 9: the limit of a deep network is offered to at most 6 decimal places, each of which costs about two levels more
    """
    if isinstance(network, Network):
        words = described(network, gate=gate, radius=radius, depth=depth, widths=widths, notion=notion, budget=budget)
        gate, depth, widths, notion, budget = words.values()
    elif network is not None:  # limit(digits)
        if digits is not None:
            raise InputError("two arguments begin with a network: limit(network, digits)")
        digits = network
    wanted = as_gate(gate, radius)
    if isinstance(wanted, InjectiveGate) or wanted.active != relu().active:  # the ReLU of any radius: homogeneous
        raise InputError(
            f"gate {gate}: the limit of the levels is offered for the ReLU; take a finite level of another gate"
        )
    if is_single(depth, widths):
        found = one_layer.limit(
            10 if digits is None else digits, max_level=max_level, budget=Requirement.parse(notion, budget).of(1, 1),
            second_route=second_route, store=store, checkpoint=checkpoint, resume=resume, report=report,
        )  # fmt: skip
        return replace(found, bound=one_layer.certified_bound(found, report)) if certified else found
    for name, given in {"certified": certified, "checkpoint": checkpoint, "resume": resume}.items():
        if given:
            raise InputError(f"{name} is offered for one layer: leave it out; solved levels are kept in the store")
    return deep.deep_limit(
        3 if digits is None else digits, depth=depth, widths=widths, notion=notion, budget=budget, max_level=max_level,
        store=store, report=report,
    )  # fmt: skip
