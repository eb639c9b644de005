"""Enclosures of a level's stationary value: existence, local uniqueness and a proved radius.

The unknowns are the parameters and alpha; the system is stationarity of P_r in every parameter together
with P_r = -budget. The solver supplies the point, jets enclose the system there and its Jacobian on a box
around it, and the Krawczyk operator proves that exactly one solution lies in the box. Levels 1 and 2p are
closed form; the towers of the full levels go through a quadrature whose every error is bounded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any, Protocol

from flint import arb, arb_mat, ctx
from sympy import Expr, Symbol, log

from flrdt.derive import Level, Network, innermost, objective
from flrdt.derive.blocks.innermost import plain_expectation
from flrdt.derive.core.symbols import alpha

from ..arithmetic.compile import compile_scalar
from ..arithmetic.decimals import InputError
from ..solve.enclosure import inverse_midpoint, krawczyk, positive_definite, step_towards_root
from .jets import Jet, JetBackend, KinkError, variables
from .strip import StripError
from .tower_jets import Plan, ball, make_plan, tower_jet

__all__ = ["CertifyError", "Enclosure", "FullLevel", "Problem", "enclose", "one_layer"]

Report = Callable[[str], None]


class CertifyError(ArithmeticError):
    """No proof was found; the message says how far it came."""


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


# ---- the proof -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Enclosure:
    """Exactly one solution of the stationarity system lies in the product of these balls.

    ``minimum`` tells whether P_r was also proved to have a strict local minimum in its parameters there.
    """

    alpha: arb
    parameters: list[arb]
    residual: arb
    minimum: bool


def _exponent(values: Sequence[arb]) -> float:
    """Decimal exponent of the largest absolute value that the balls allow (inf if one is unbounded)."""
    sizes = [abs(v).upper() for v in values]
    if not all(s.is_finite() for s in sizes):
        return math.inf
    return max((float(s.log()) / math.log(10) for s in sizes if s > 0), default=-math.inf)


def _bits(digits: int) -> int:
    return math.ceil(digits * math.log2(10)) + 64


def _system(
    problem: Problem, budget: Fraction, x: Sequence[arb], centre: Sequence[arb], digits: int, order: int
) -> tuple[list[arb], list[list[arb]]]:
    """Stationarity and the capacity condition; with the Jacobian if the order is two."""
    jet = problem.objective(x, centre, digits, order)
    n = len(x)
    residual = [*jet.slope[:-1], jet.value + ball(budget)]
    rows = [[jet.second(i, j) for j in range(n)] for i in range(n - 1)] if order == 2 else []
    return residual, [*rows, jet.slope]


def _jacobian(
    problem: Problem, budget: Fraction, centre: Sequence[arb], report: Report
) -> tuple[list[arb], list[list[arb]], arb_mat]:
    """A box around the centre, the Jacobian on it, and a matrix that inverts it well enough to contract."""
    # every further level costs the Hessian about five digits; narrower boxes help only after that
    digits, width = 12 + 5 * max(0, len(centre) // 2 - 2), -11
    for _ in range(6):
        with ctx.workprec(_bits(digits + 8)):
            box = [c + arb(0, (abs(c) * arb(10) ** width).upper()) for c in centre]
            report(f"Jacobian on a box of relative width 1e{width}, quadrature of {digits} digits")
            try:
                _, jacobian = _system(problem, budget, box, centre, digits, 2)
                inverse = inverse_midpoint(jacobian)
                rest = inverse * arb_mat(jacobian) - arb_mat(len(box), len(box), _unit(len(box)))
                if _exponent(rest.entries()) < -2:
                    return box, jacobian, inverse
            except (StripError, KinkError, ZeroDivisionError):
                pass
        digits, width = digits + 5, width - 2
    raise CertifyError("the Jacobian could not be enclosed well enough for a proof of existence")


def _unit(n: int) -> list[int]:
    return [int(i == j) for i in range(n) for j in range(n)]


def enclose(
    problem: Problem, budget: Fraction, point: Sequence[arb], digits: int, report: Report = lambda _: None
) -> Enclosure:
    """Prove that a stationary point with P_r = -budget lies close to ``point``, alpha within 10**-(digits+1).

    ``point`` is in the coordinates of the problem and should be good to the digits asked for. Raises
    CertifyError if existence could not be proved or the radius stays larger.
    """
    centre = [c.mid() for c in point]
    box, jacobian, inverse = _jacobian(problem, budget, centre, report)
    minimum = positive_definite([row[:-1] for row in jacobian[:-1]])
    for guard in range(3, 28, 6):
        with ctx.workprec(_bits(digits + guard + 8)):
            report(f"stationarity system at the point, quadrature of {digits + guard} digits")
            residual, _ = _system(problem, budget, centre, centre, digits + guard, 1)
            correction = step_towards_root(inverse, residual)
            width = reduce(arb.max, (4 * abs(s) for s in correction)).upper()
            smaller = [c + arb(0, width) for c in centre]
            if not all(b.contains(s) for b, s in zip(box, smaller, strict=True)):
                continue
            image = krawczyk(centre, correction, smaller, jacobian, inverse)
            if image is not None and _exponent([image[-1].rad()]) < -digits - 1:
                worst = max((abs(f) for f in residual), key=lambda f: f.upper()).upper()
                return Enclosure(image[-1], problem.parameters(image), worst, minimum)
    raise CertifyError(f"no enclosure of alpha to {digits} digits was found around the solver's point")
