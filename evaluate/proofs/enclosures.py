"""P_r on jets: the second route of the certificates of one layer.

Levels 1 and 2p are closed form; the towers of the full levels go through a quadrature of their own, in units of the
innermost variance, whose every error is bounded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Protocol

from flint import arb
from sympy import Expr, Symbol, log

from flrdt.derive import Level, Network, innermost, objective
from flrdt.derive.blocks.innermost import plain_expectation
from flrdt.derive.core.symbols import alpha

from ..arithmetic.compile import compile_scalar
from ..arithmetic.decimals import InputError
from .jets import Jet, JetBackend, variables
from .tower_jets import Plan, make_plan, tower_jet

__all__ = ["FullLevel", "Problem", "one_layer"]

Report = Callable[[str], None]


class Problem(Protocol):
    """P_r as a jet in its unknowns: the parameters in coordinates of the problem's choice, then alpha."""

    def objective(self, x: Sequence[arb], centre: Sequence[arb], digits: int, order: int) -> Jet:
        """P_r over the box x around the centre, with a quadrature (if any) of about so many digits."""

    def unknowns(self, z: Sequence[arb], value: arb) -> list[arb]:
        """Coordinates of the energy-form parameters z and of alpha."""

    def parameters(self, x: Sequence[arb]) -> list[arb]:
        """The energy-form parameters of coordinates."""


@lru_cache(maxsize=64)
def _compiled(expressions: tuple[Expr, ...], symbols: tuple[Symbol, ...]) -> Callable:
    return compile_scalar(list(expressions), symbols, JetBackend())


@dataclass(frozen=True)
class ClosedForm:
    """An objective without quadrature; the coordinates are the parameters themselves, then alpha."""

    expression: Expr
    symbols: tuple[Symbol, ...]

    def objective(self, x: Sequence[arb], centre: Sequence[arb], digits: int, order: int) -> Jet:
        return _compiled((self.expression,), self.symbols)(*variables(x, order))[0]

    def unknowns(self, z: Sequence[arb], value: arb) -> list[arb]:
        return [*z, value]

    def parameters(self, x: Sequence[arb]) -> list[arb]:
        return list(x[:-1])


@dataclass(frozen=True)
class FullLevel:
    """A fully lifted level r >= 2 of the ReLU in the coordinates kappa, y_2, v_3, y_3, ..., v_{r+1}, alpha.

    kappa = sqrt(2 chi/D_2) and v_k = D_k/D_2: with the field in units of sqrt(D_2) nothing else enters the
    tower.
    """

    network: Network
    level: Level

    def innermost(self, x: arb, kappa: Jet, y: Jet) -> Jet:
        """W_2 at D_2 = 1."""
        form = innermost(self.network.gate)
        compiled = _compiled((form.W,), (form.x, form.D, form.y, form.chi))
        return compiled(x, arb(1), y, kappa * kappa / 2)[0]

    def plan(self, centre: Sequence[arb], digits: int) -> Plan:
        """A quadrature for about so many digits; its disc of complex parameters is small where W_2 is."""
        x = [float(c) for c in centre]
        radius = Fraction(1, math.ceil(1000 * (2 + math.exp(x[1] - 3))))
        return make_plan(x[0], [x[1], *x[3:-1:2]], x[2:-1:2], digits, radius)

    def objective(self, x: Sequence[arb], centre: Sequence[arb], digits: int, order: int) -> Jet:
        tower = tower_jet(x[:-1], centre[:-1], self.plan(centre, digits), self.innermost, order)
        jets = variables(x, order)
        form = objective(self.network, self.level)
        sphere = _compiled((form.energy_terms["sphere"],), form.parameters())(*self.parameters(jets))[0]
        return sphere + jets[-1] * tower.extended(len(x))

    def unknowns(self, z: Sequence[arb], value: arb) -> list[arb]:
        r = self.level.r
        overlaps = [arb(1), *z[1:r], arb(0)]
        variances = [a - b for a, b in itertools.pairwise(overlaps)]
        x = [(2 * z[0] / variances[0]).sqrt()]
        for lifting, variance in zip(z[r:], variances[1:], strict=True):
            x += [lifting, variance / variances[0]]
        return [*x, value]

    def parameters(self, x: Sequence[Any]) -> list[Any]:
        y, ratios = [x[1], *x[3:-1:2]], x[2:-1:2]
        first = 1 / (1 + sum(ratios[1:], ratios[0]))  # D_2, because the increments add up to one
        p = [1 - first]
        for ratio in ratios[:-1]:
            p.append(p[-1] - ratio * first)
        return [x[0] * x[0] * first / 2, *p, *y]


def one_layer(network: Network, level: Level) -> Problem:
    """The stationarity problem of a one-layer network.

    Raises InputError for a full level of another gate than the ReLU: the strip of analyticity is proved for
    it only.
    """
    form = objective(network, level)
    if level.r == 1:
        count = -plain_expectation(network.gate)
    elif level.partial:
        inner = innermost(network.gate)
        count = (log(inner.W) / inner.y).subs({inner.x: 0, inner.D: 1}).subs(inner.y, form.parameters()[-1])
    elif str(network.gate) != "relu":
        raise InputError(f"full levels are certified for the gate relu, not {network.gate}: use level 1 or 2p")
    else:
        return FullLevel(network, level)
    return ClosedForm(form.energy_terms["sphere"] + alpha * count, (*form.parameters(), alpha))
