"""Capacities with a proved error: ``capacity(..., certified=True)``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from flint import arb, ctx

from flrdt.derive import Level, Network, objective
from flrdt.derive.objectives.energy_map import psi_parameters

from ..arithmetic.backends import backend
from ..arithmetic.compile import compile_scalar
from .enclosures import enclose, one_layer

if TYPE_CHECKING:
    from ..results.capacity import Capacity

__all__ = ["certify_capacity"]


def certify_capacity(
    estimate: Capacity, network: Network, level: Level, report: Callable[[str], None] = lambda _: None
) -> Capacity:
    """The capacity around a solved one, with every number enclosed.

    What is proved: in the box of the printed errors there is exactly one solution of stationarity and
    ``P_r = -budget``. Raises CertifyError if that could not be shown, InputError for a gate without a proof.
    """
    started = time.perf_counter()
    exact = backend("arb")
    names = [str(s) for s in objective(network, level).parameters()]
    problem = one_layer(network, level)
    with ctx.workprec(4 * max(estimate.digits, 20) + 100):
        z = [exact.number(estimate.parameters[name]) for name in names]
        point = problem.unknowns(z, exact.number(estimate.alpha))
        found = enclose(problem, Fraction(estimate.budget), point, estimate.digits, report)
        balls = dict(zip(names, found.parameters, strict=True)) | _psi(level, found.parameters)
        return replace(
            estimate,
            alpha=_middle(found.alpha),
            alpha_error=_middle(found.alpha.rad()),
            parameters={name: _middle(ball) for name, ball in balls.items()},
            parameter_errors={name: _middle(ball.rad()) for name, ball in balls.items()},
            residual=_middle(found.residual),
            error_kind="enclosure",
            backend="arb",
            seconds=estimate.seconds + time.perf_counter() - started,
        )


def _psi(level: Level, parameters: list[arb]) -> dict[str, arb]:
    """The psi-form parameters as balls."""
    forms = psi_parameters(level)
    compiled = compile_scalar(list(forms.values()), objective(level=level).parameters(), backend("arb"))
    return dict(zip(forms, compiled(*parameters), strict=True))


def _middle(ball: arb) -> Any:
    """The midpoint as an mpf, exactly."""
    from mpmath import ldexp, mpf, workprec

    mantissa, exponent = ball.mid().man_exp()
    with workprec(max(53, int(mantissa).bit_length())):
        return ldexp(mpf(int(mantissa)), int(exponent))
