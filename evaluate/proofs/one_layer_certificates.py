"""Find and prove an upper-bound certificate: exact parameters with P_r(alpha; parameters) <= -budget.

P_r is linear in alpha, so any parameters give the bound (A + budget)/(-B) on the level-r capacity, and
parameters near the optimum give one that is off by the square of their distance only. The inequality is
proved twice before a certificate leaves this module: here through the derived formulas and their jets, and
by the independent ``checker``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from flint import arb, ctx

from flrdt.derive import Level, Network, objective, relu_network

from ..arithmetic.decimals import InputError, parse_digits, parse_number
from ..arithmetic.exclusive import exclusive
from ..results.capacity import capacity, tool_version
from ..results.chain import Requirement, architecture
from ..results.door import described
from ..solve.point import CertifyError
from . import one_layer_checker as checker
from .deep_certificates import certify_deep
from .enclosures import FullLevel, Problem, one_layer
from .outward_rounding import certificate_text, outwards, rounded_up
from .tower_jets import ball

__all__ = ["certify"]

TRUSTED_DIGITS = (10, 20, 40, 60)  # of the solver's value, until alpha is clearly on one side of it


@exclusive
def certify(
    network: Network | Level | int | str | None = None,
    level: Any = None,
    alpha: Fraction | int | str | None = None,
    *,
    depth: int | str | None = None,
    widths: Sequence[Fraction | int | str] = (),
    notion: str = "weak",
    budget: Fraction | int | str | None = None,
    digits: int | str = 10,
    report: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """A certificate that the level's capacity of the last layer is at most ``alpha``: ``certify(network, level, alpha)``.

    It is a JSON-ready object.  Without a network, ``certify(level, alpha)`` takes the one that the keywords describe.
    ``depth``, ``widths``, ``notion`` and ``budget`` are those of :func:`~flrdt.evaluate.results.chain.deep_capacity`; deep networks have
    certificates at levels 1 and 2p. Without ``alpha`` the bound is the level's value rounded up to ``digits``
    decimals, and so are the widths of a minimal chain. Raises CertifyError if alpha is below the level's
    value as far as the solver can tell, or too close to it, and InputError or LevelError for bad input. Source:
    arXiv 2410.20646 (one layer), arXiv 2412.19677 (deep networks); what is proved: docs/certificates.

    >>> print(certify(1, "7.6477")["statement"])  # doctest: +ELLIPSIS
    The injectivity capacity of one ReLU layer is at most 7.6477. This is a theorem, by Gordon's comparison ...
    """
    if isinstance(network, Network):
        words = described(network, depth=depth, widths=widths, notion=notion, budget=budget)
        gate, depth, widths, notion, budget = words.values()
        if not gate.homogeneous:
            raise InputError(f"gate {gate}: upper-bound certificates are those of the relu gate")
    elif network is not None:  # certify(level, alpha)
        if level is not None and alpha is not None:
            raise InputError("three arguments begin with a network: certify(network, level, alpha)")
        level, alpha = network, alpha if level is None else level
    if level is None:
        raise InputError("an upper bound needs a level: certify(network, level, alpha)")
    level, places = Level.parse(level), parse_digits(digits)
    given, layers = architecture(level, depth, widths)
    required = Requirement.parse(notion, budget)
    at = None if alpha is None else parse_number(alpha, "alpha", positive=True)
    if layers > 1:
        return certify_deep(level, at, layers, given, required, places, report)
    count = required.of(1, 1)
    if at is None:
        at = rounded_up(_fraction_of_mpf(capacity(level, places + 5, budget=count, report=report).alpha), places)
    problem = one_layer(relu_network(budget=_sympy(count)), level)
    parameters, value = _near_optimum(level, count, at, report)
    margin = max(0, math.ceil(-math.log10(at - value)))
    rounded = [round(z, margin // 2 + 5) for z in parameters]
    for digits in range(margin + 3, margin + 13, 3):
        report(f"proving the inequality with a quadrature of {digits} digits")
        claim = _claim(problem, level, count, at, rounded, digits)
        claim = _recorded(claim, checker.objective(claim))
        if claim.upper <= -count and _second_route(problem, claim, digits):
            certificate = _document(claim)
            verdict = checker.check(certificate_text(certificate).encode())
            if not verdict.proved:
                raise CertifyError(f"the certificate does not pass its own check: {verdict.reason}")
            return certificate
    raise CertifyError("parameters were found, but the inequality could not be proved with them")


def _sympy(value: Fraction) -> Any:
    from sympy import Rational

    return Rational(value.numerator, value.denominator)


def _near_optimum(
    level: Level, budget: Fraction, alpha: Fraction, report: Callable[[str], None]
) -> tuple[list[Fraction], Fraction]:
    """Parameters as close to the optimum as alpha is to the level's value, and that value."""
    names = [str(s) for s in objective(level=level).parameters()]
    for digits in TRUSTED_DIGITS:
        solved = capacity(level, digits, budget=budget, report=report)
        if not solved.parameters.keys() >= set(names):
            raise CertifyError(f"level {level} does not improve on level 1 at budget {budget}: certify level 1")
        value = _fraction_of_mpf(solved.alpha)
        if abs(alpha - value) > Fraction(1, 10 ** (digits - 1)):
            break
    else:
        raise CertifyError(f"undecided: alpha and the level-{level} value agree to more than {digits - 1} decimals")
    if alpha < value:
        raise CertifyError(
            f"not certified: the level-{level} value is about {solved.decimal}, "
            f"above {checker.shown(alpha)}; no parameters prove less than that value "
            "(which is the solver's estimate, not itself proved)"
        )
    return [_fraction_of_mpf(solved.parameters[name]) for name in names], value


def _fraction_of_mpf(number: Any) -> Fraction:
    sign, mantissa, exponent, _ = number._mpf_
    return (-1) ** sign * Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _claim(
    problem: Problem, level: Level, budget: Fraction, alpha: Fraction, z: list[Fraction], digits: int
) -> checker.Claim:
    """A claim with its quadrature, but no enclosure yet."""
    full = isinstance(problem, FullLevel)
    overlaps = tuple(z[1 : level.r]) if full else (Fraction(0),) * (level.r - 1)
    claim = checker.Claim(
        level=str(level),
        budget=budget,
        alpha=alpha,
        chi=z[0],
        p=overlaps,
        y=tuple(z[level.r :] if full else z[1:]),
        precision=max(64, math.ceil(digits * math.log2(10)) + 48),
        step=None,
        points=0,
        strip=None,
        lower=Fraction(0),
        upper=Fraction(0),
    )
    if not isinstance(problem, FullLevel):
        return claim
    scaled = problem.plan(problem.unknowns([ball(v) for v in z], ball(alpha)), digits)
    step = Fraction(1, math.ceil(1 / (float(scaled.step) * math.sqrt(1 - overlaps[0]))))
    return replace(claim, step=step, points=scaled.points, strip=scaled.strip)


def _recorded(claim: checker.Claim, enclosure: arb) -> checker.Claim:
    """Note the enclosure of P, widened to twice its radius and rounded outwards to decimals."""
    lower, upper = outwards(enclosure)
    return replace(claim, lower=lower, upper=upper)


def _second_route(problem: Problem, claim: checker.Claim, digits: int) -> bool:
    """The same inequality through the derived formulas, jets and the scaled tower."""
    with ctx.workprec(claim.precision):
        overlaps = claim.p if isinstance(problem, FullLevel) else ()
        x = problem.unknowns([ball(v) for v in (claim.chi, *overlaps, *claim.y)], ball(claim.alpha))
        value = problem.objective(x, x, digits, 1).value
        other = checker.objective(claim)
        # nan meets everything
        return value <= ball(-claim.budget) and other.is_finite() and value.overlaps(other)


def _document(claim: checker.Claim) -> dict[str, Any]:
    """The certificate as the object that is written to JSON."""
    full = claim.step is not None
    names = [
        "chi",
        *(f"p_{k + 2}" for k in range(len(claim.p)) if full),
        *(f"y_{k + 2}" for k in range(len(claim.y))),
    ]
    values = [claim.chi, *(claim.p if full else ()), *claim.y]
    data: dict[str, Any] = {
        "format": checker.FORMAT,
        "version": checker.VERSION,
        "statement": checker.statement(claim.level, claim.alpha, claim.budget),
        "gate": "relu",
        "depth": 1,
        "level": claim.level,
        "budget": str(claim.budget),
        "alpha": str(claim.alpha),
        "parameters": dict(zip(names, map(str, values), strict=True)),
        "precision": claim.precision,
        "quadrature": {"step": str(claim.step), "points": claim.points, "strip": str(claim.strip)} if full else None,
        "objective": {"lower": checker.shown(claim.lower), "upper": checker.shown(claim.upper)},
        "tool": f"flrdt {tool_version()}",
    }
    return {**data, "sha256": checker.digest(data)}
