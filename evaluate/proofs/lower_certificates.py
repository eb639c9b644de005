"""Find and prove a lower-bound certificate: exact slopes of a pinball loss with which the theorem applies at alpha.

The conditions are strict inequalities, linear in alpha, so the slopes near their solution prove every alpha below the
bound.  They are proved twice: by the derived closed forms here, and by the independent ``lower_checker``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from flint import arb, ctx

from ..arithmetic.decimals import InputError, parse_digits, parse_number
from ..arithmetic.exclusive import exclusive
from ..results.capacity import tool_version
from ..solve.point import CertifyError
from . import lower_checker as checker
from .lower_bound import LowerCapacity, as_ball, evaluated, lower_capacity
from .one_layer_checker import digest
from .outward_rounding import certificate_text, midpoint, outwards

__all__ = ["certify_lower"]

MOST_DIGITS = 80  # the checkers read numbers of up to 200 characters
TRUSTED_DIGITS = (20, 40, 80)  # of the bound, until alpha is clearly on one side of it


@exclusive
def certify_lower(
    alpha: Fraction | int | str | None = None,
    *,
    gate: str = "relu",
    radius: Fraction | int | str = 1,
    budget: Fraction | int | str = 1,
    digits: int | str = 10,
    report: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """A certificate that the capacity of one layer is at least ``alpha``, as a JSON-ready object.

    Without ``alpha`` the bound is rounded down to ``digits`` decimals. Raises CertifyError if alpha is above the bound,
    or too close to it, and InputError for bad input or a gate without a bound. What is proved: the page on the lower bound.

    >>> print(certify_lower("4.7166")["statement"])  # doctest: +ELLIPSIS
    The injectivity capacity of one ReLU layer is at least 4.7166: with m <= 4.7166 n rows it is, with probability ...
    """
    at = None if alpha is None else parse_number(alpha, "alpha", positive=True)
    places = parse_digits(digits)
    if places > MOST_DIGITS:
        raise InputError(f"digits {digits}: a certificate holds numbers of {MOST_DIGITS} decimals at most")
    for trusted in TRUSTED_DIGITS if at is not None else (places + 10,):
        best = lower_capacity(trusted, gate=gate, radius=radius, budget=budget, report=report)
        low, high = midpoint(best.alpha - best.alpha.rad()), midpoint(best.alpha + best.alpha.rad())
        if at is None:
            at = Fraction(math.floor(low * 10**places - Fraction(1, 10)), 10**places)
        if not low - (high - low) <= at <= high:
            break
    if at >= low - (high - low):  # type: ignore[operator]
        about = best.to_json()["alpha"][: TRUSTED_DIGITS[0]]
        raise CertifyError(
            f"not certified: the lower bound is about {about}, not clearly above {checker.base.shown(at)}; "  # type: ignore[arg-type]
            "this argument proves no more"
        )
    if at <= 0:  # type: ignore[operator]
        raise InputError(f"digits {digits} leave nothing of the bound {best.to_json()['alpha']}: use more digits")
    report("proving the inequalities")
    claim = _claim(best, at, max(1, math.ceil(-math.log10(low - at))))  # type: ignore[arg-type, operator]
    limits: tuple[Any, ...] = (1, 1, claim.budget)
    for own, other, limit in zip(evaluated(best.bound, claim), checker.quantities(claim), limits, strict=True):
        if not (own < as_ball(Fraction(limit)) and other.is_finite() and own.overlaps(other)):  # nan meets everything
            raise CertifyError("slopes were found, but the inequalities could not be proved with them")
    certificate = _document(claim)
    verdict = checker.check(certificate_text(certificate).encode())
    if not verdict.proved:
        raise CertifyError(f"the certificate does not pass its own check: {verdict.reason}")
    return certificate


def _claim(best: LowerCapacity, alpha: Fraction, margin: int) -> checker.Claim:
    """The claim at rounded slopes, with the enclosures that the checker finds."""
    scale = 10 ** (margin + 5)
    delta, k = (Fraction(round(midpoint(s) * scale), scale) for s in (best.delta, best.k))
    radius = Fraction(str(parse_number(best.radius, "radius", positive=True)))
    ends = [
        [None if not e.is_finite else Fraction(int(e.p), int(e.q)) * radius for e in pair]
        for pair in best.bound.components
    ]
    if best.bound.mirrored:
        ends = [[None if e is None else -e for e in reversed(pair)] for pair in reversed(ends)]
    claim = checker.Claim(
        active=tuple((a, b) for a, b in ends),
        radius=radius,
        mirrored=best.bound.mirrored,
        budget=best.budget,
        alpha=alpha,
        delta=max(delta, Fraction(0)),
        k=k,
        precision=max(64, math.ceil((margin + 5) * math.log2(10)) + 48),
        recorded=(),
    )
    with ctx.workprec(claim.precision):
        recorded = tuple(outwards(_not_exact(q)) for q in checker.quantities(claim))
    return checker.Claim(**{**claim.__dict__, "recorded": recorded})


def _not_exact(ball: arb) -> arb:
    """The ball, with a radius that is not zero."""
    return ball + arb(0, arb(2) ** -ctx.prec)


def _document(claim: checker.Claim) -> dict[str, Any]:
    """The certificate as the object that is written to JSON."""
    pairs = [["-oo" if a is None else str(a), "oo" if b is None else str(b)] for a, b in claim.active]
    shown = checker.base.shown
    data: dict[str, Any] = {
        "format": checker.FORMAT,
        "version": checker.VERSION,
        "side": "lower",
        "statement": checker.statement(claim),
        "active": pairs,
        "radius": str(claim.radius),
        "mirrored": claim.mirrored,
        "budget": str(claim.budget),
        "alpha": str(claim.alpha),
        "delta": str(claim.delta),
        "k": str(claim.k),
        "precision": claim.precision,
        "quantities": {
            name: {"lower": shown(low), "upper": shown(high)}
            for name, (low, high) in zip(checker.QUANTITIES, claim.recorded, strict=True)
        },
        "tool": f"flrdt {tool_version()}",
    }
    return {**data, "sha256": digest(data)}
