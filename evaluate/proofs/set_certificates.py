"""Find and prove an upper bound on the value of a hard set on the sphere at levels 1 and 2p.

P is linear in alpha, so any lifting parameter y gives a bound.  The inequality is proved twice before a certificate leaves
this module: through the derived objective, and by the independent ``set_checker``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from flint import arb, ctx
from sympy import oo

from flrdt.derive import Level
from flrdt.derive.blocks.outputs import HardSet
from flrdt.derive.networks.problems import Problem
from flrdt.derive.objectives.family import family_objective

from ..arithmetic.backends import backend
from ..arithmetic.decimals import InputError, parse_digits, parse_number
from ..arithmetic.exclusive import exclusive
from ..results.capacity import tool_version
from ..results.family import as_problem, family_value
from ..solve.point import CertifyError
from ..systems.closed import ClosedSystem
from . import one_layer_checker as common
from . import set_checker as checker
from .outward_rounding import certificate_text, midpoint, outwards, rounded_up

__all__ = ["certify_set"]

TRUSTED_DIGITS = 60


@exclusive
def certify_set(
    problem: Problem | str,
    level: Level | int | str,
    alpha: Fraction | int | str | None = None,
    *,
    digits: int | str = 10,
    report: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """A certificate that the value of a hard set on the sphere at level 1 or 2p is at most ``alpha``, as a JSON-ready object.

    Without ``alpha`` the bound is the level's value rounded up to ``digits`` decimals.  Raises CertifyError if alpha is
    below the level's value or too close to it, InputError for another problem, another level and an irrational end.

    >>> print(certify_set("perceptron:kappa=0", 1, "2.1")["statement"])  # doctest: +ELLIPSIS
    The capacity of the spherical perceptron with every pre-activation in [0,oo) is at most 2.1. This is a theorem, ...
    """
    given, at, places = as_problem(problem), Level.parse(level), parse_digits(digits)
    allowed = _intervals(given)
    if not at.closed:
        raise InputError(f"level {at}: problems of the family have certificates at levels 1 and 2p")
    solved = family_value(given, at, max(places + 5, 20), report=report)
    if solved.reached != str(at):
        raise CertifyError(f"level {at} does not improve on level 1 for {given}: certify level 1")
    value = midpoint(backend("arb").number(solved.value))
    bound = rounded_up(value, places) if alpha is None else parse_number(alpha, "alpha", positive=True)
    if abs(bound - value) < Fraction(1, 10 ** max(places + 4, 19)):
        solved = family_value(given, at, TRUSTED_DIGITS, report=report)
        value = midpoint(backend("arb").number(solved.value))
    if bound <= value:
        raise CertifyError(
            f"not certified: the level-{at} value is about {solved.decimal}, not below {common.shown(bound)}; no parameters "
            "prove less than that value"
        )
    margin = max(0, math.ceil(-math.log10(bound - value)))
    if margin > TRUSTED_DIGITS - 5:
        raise CertifyError(f"undecided: alpha and the level-{at} value agree to more than {margin - 1} decimals")
    y = None if at.r == 1 else round(midpoint(backend("arb").number(solved.parameters["y_2"])), margin // 2 + 6)
    claim = checker.Claim(
        allowed, str(at), bound, y, max(64, math.ceil((margin + 12) * math.log2(10)) + 48), Fraction(0), Fraction(0)
    )
    found = checker.objective(claim)
    with ctx.workprec(claim.precision):
        derived = _derived(given, at, claim)
        if not (found <= 0 and derived <= 0 and found.overlaps(derived)):
            raise CertifyError("the inequality could not be proved with the parameters found")
    lower, upper = outwards(found)
    certificate = _document(replace(claim, lower=lower, upper=min(upper, Fraction(0))))
    verdict = checker.check(certificate_text(certificate).encode())
    if not verdict.proved:
        raise CertifyError(f"the certificate does not pass its own check: {verdict.reason}")
    return certificate


def _intervals(problem: Problem) -> tuple[checker.Interval, ...]:
    output = problem.output
    if not isinstance(output, HardSet) or problem.ising or not problem.kernel.identity:
        raise InputError(
            f"{problem} has no certificate: they exist for hard sets with inputs on the sphere, such as perceptron:kappa=-3/2, "
            "strip:1, outside:1 or set:'[-2,-1] U [1,2]'"
        )

    def end(e: Any) -> Fraction | None:
        if e in (oo, -oo):
            return None
        if not e.is_Rational:
            raise InputError(f"the end {e} of {problem} is irrational: certificates need exact rational ends")
        return Fraction(int(e.p), int(e.q))

    return tuple((end(a), end(b)) for a, b in output.intervals)


def _derived(problem: Problem, level: Level, claim: checker.Claim) -> arb:
    """P through the derived objective."""
    form = family_objective(problem, level)
    number = backend("arb").number
    if claim.y is None:
        from ..systems.family import FamilySystem

        system = FamilySystem(problem, level, "arb")
        parts = system.parts([], system.grid([], 20))
    else:
        closed = ClosedSystem(form, (), "arb", 0)
        parts = closed.parts(closed.coordinates([number(claim.y)]), None, 0)  # type: ignore[assignment]
    return parts.A + number(claim.alpha) * parts.B


def _document(claim: checker.Claim) -> dict[str, Any]:
    """The certificate as the object that is written to JSON."""
    data: dict[str, Any] = {
        "format": checker.FORMAT,
        "version": common.VERSION,
        "statement": checker.statement(claim.allowed, claim.level, claim.alpha),
        "allowed": [["-oo" if a is None else str(a), "oo" if b is None else str(b)] for a, b in claim.allowed],
        "level": claim.level,
        "alpha": str(claim.alpha),
        "y": None if claim.y is None else str(claim.y),
        "precision": claim.precision,
        "objective": {"lower": common.shown(claim.lower), "upper": common.shown(claim.upper)},
        "tool": f"flrdt {tool_version()}",
    }
    return {**data, "sha256": common.digest(data)}
