r"""Independent re-check of lower-bound certificates: the standard library and python-flint, nothing else.

A certificate holds exact rational numbers alpha, the slopes 0 <= delta < k of a loss, and an active set (a finite union of
open intervals, given as for inputs of norm ``radius``).  Put beta for the left end of the first interval in units of the
radius, after a reflection if ``mirrored`` says so, and d(h) = clip(h - beta, delta, k) of a standard normal h.  If

    alpha E d^2 < 1 < alpha k^2,    alpha E d' < 1,    alpha P(z(h) active) < budget,    z(h) = h - d(h),

then with probability tending to one, at m/n = alpha, some input of the given norm keeps fewer than budget * n outputs
active: the theorem and its proof are docs/lower-bound.md.  This module trusts nothing in the file: it parses it
strictly and evaluates the three expectations in ball arithmetic, by its own formulas

    E d^2 = delta^2 + int_delta^k 2 t P(h > beta + t) dt,    E d' = P(beta + delta < h < beta + k).

It shares no code with the prover.  It can be run alone: ``python lower_checker.py FILE``.
"""

from __future__ import annotations

import itertools
import re
import sys
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import acb, arb, ctx

if __package__:
    from . import one_layer_checker as base
else:
    import one_layer_checker as base  # type: ignore[no-redef,import-not-found]

FORMAT = "flrdt-lower-certificate"
VERSION = base.VERSION
MAX_COMPONENTS = 8
MAX_BITS = 4096
QUANTITIES = ("square", "slope", "active")  # alpha E d^2, alpha E d', alpha P(z active)

END = re.compile(r"-?[0-9]+(/[0-9]+)?|-?oo")
NOT_NEGATIVE = re.compile(r"[0-9]+(/[0-9]+)?")
refuse = base.refuse

Component = tuple[Fraction | None, Fraction | None]  # None is an infinite end
RELU: tuple[Component, ...] = ((Fraction(0), None),)


@dataclass(frozen=True)
class Claim:
    """The content of a well-formed certificate."""

    active: tuple[Component, ...]
    radius: Fraction
    mirrored: bool
    budget: Fraction
    alpha: Fraction
    delta: Fraction
    k: Fraction
    precision: int
    recorded: tuple[tuple[Fraction, Fraction], ...]  # an enclosure of each of the QUANTITIES

    @property
    def components(self) -> tuple[Component, ...]:
        """The active set in units of the radius, after the reflection."""
        found = [tuple(None if end is None else end / self.radius for end in pair) for pair in self.active]
        if self.mirrored:
            found = [tuple(None if end is None else -end for end in reversed(pair)) for pair in reversed(found)]
        return tuple((a, b) for a, b in found)


def shown_set(active: tuple[Component, ...]) -> str:
    """The active set in words."""
    low, high = "-oo", "oo"
    pairs = [(low if a is None else base.shown(a), high if b is None else base.shown(b)) for a, b in active]
    return " U ".join(f"({a},{b})" for a, b in pairs)


def statement(claim: Claim) -> str:
    """The claim in words; the same fields always give the same words."""
    alpha = base.shown(claim.alpha)
    if claim.active == RELU and claim.budget == 1:
        what = f"The injectivity capacity of one ReLU layer is at least {alpha}: with m <= {alpha} n rows it is, with"
        what += " probability tending to one, not injective."
    else:
        gate = "ReLU outputs" if claim.active == RELU else f"pre-activations in {shown_set(claim.active)}"
        norm = "" if claim.active == RELU else f" of norm {base.shown(claim.radius)}"
        what = f"With m <= {alpha} n rows some input{norm} has, with probability tending to one, fewer than"
        what += f" {base.shown(claim.budget)} n active {gate}."
    return f"{what} This is a theorem, by the convex Gaussian min-max theorem."


# ---- reading -------------------------------------------------------------------------------------


def _end(text: Any, infinite: str) -> Fraction | None:
    """An end of an interval; ``infinite`` is the word for the infinite end that may stand there."""
    if not isinstance(text, str) or len(text) > base.MAX_NUMBER or not END.fullmatch(text):
        raise refuse("an end of an active interval must be a string such as -1/2 or oo")
    if text.endswith("oo"):
        if text != infinite:
            raise refuse(f"the infinite end {text} is on the wrong side")
        return None
    value = _fraction(text, "an end of an active interval")
    if abs(value) > base.LARGEST:
        raise refuse("an end of an active interval is too far out")
    return value


def _fraction(text: str, name: str) -> Fraction:
    try:
        value = Fraction(text)
    except ZeroDivisionError:
        raise refuse(f"{name} has denominator zero") from None
    if str(value) != text:
        raise refuse(f"{name} must be in lowest terms")
    return value


def _active(data: Any) -> tuple[Component, ...]:
    if not isinstance(data, list) or not 1 <= len(data) <= MAX_COMPONENTS:
        raise refuse(f"active must be a list of 1 to {MAX_COMPONENTS} intervals")
    if any(not isinstance(pair, list) or len(pair) != 2 for pair in data):
        raise refuse("an active interval must be a list of its two ends")
    found = tuple((_end(a, "-oo"), _end(b, "oo")) for a, b in data)
    ends = [end for pair in found for end in pair]
    if any(end is None for end in ends[1:-1]):
        raise refuse("only the first and the last end can be infinite")
    finite = [end for end in ends if end is not None]
    if any(a >= b for a, b in itertools.pairwise(finite)):
        raise refuse("active intervals must be disjoint, not touch, and rise")
    return found


def read(raw: bytes) -> Claim:
    """Parse a certificate strictly; raises MalformedCertificate for anything that is not exactly the documented format."""
    data = base.load(raw)
    names = {"format", "version", "side", "statement", "active", "radius", "mirrored", "budget", "alpha", "delta", "k"}
    data = base.fields(data, "a certificate", names | {"precision", "quantities", "tool", "sha256"})
    if data["format"] != FORMAT or data["side"] != "lower":
        raise refuse(f"format must be {FORMAT}, side lower")
    base.text_field(data, "tool", re.compile(r"flrdt [0-9A-Za-z.+-]+"))
    if type(data["mirrored"]) is not bool:
        raise refuse("field mirrored must be true or false")
    recorded = []
    quantities = base.fields(data["quantities"], "quantities", set(QUANTITIES))
    for name in QUANTITIES:
        pair = base.fields(quantities[name], name, {"lower", "upper"})
        recorded.append(
            (
                Fraction(base.text_field(pair, "lower", base.DECIMAL)),
                Fraction(base.text_field(pair, "upper", base.DECIMAL)),
            )
        )
    claim = Claim(
        active=_active(data["active"]),
        radius=base.rational(data, "radius"),
        mirrored=data["mirrored"],
        budget=base.rational(data, "budget"),
        alpha=base.rational(data, "alpha"),
        delta=_fraction(base.text_field(data, "delta", NOT_NEGATIVE), "field delta"),
        k=base.rational(data, "k"),
        precision=base.integer(data, "precision", 64, MAX_BITS),
        recorded=tuple(recorded),
    )
    if claim.components[0][0] is None:
        raise refuse("the inactive set must contain a half-line on the left, after the reflection if there is one")
    if not claim.delta < claim.k:
        raise refuse("the slopes must rise: 0 <= delta < k")
    if data["statement"] != statement(claim):
        raise refuse("the statement does not say what the other fields say")
    if data["sha256"] != base.digest(data):
        raise refuse("the checksum does not fit the fields")
    return claim


# ---- ball arithmetic -----------------------------------------------------------------------------


def tail(z: Any) -> Any:
    """P(h > z) of a standard normal h."""
    return (z / type(z)(2).sqrt()).erfc() / 2


def quantities(claim: Claim) -> tuple[arb, arb, arb]:
    """Balls that contain alpha E d^2, alpha E d' and alpha P(z active)."""
    with ctx.workprec(claim.precision):
        alpha, delta, k = (base.ball_of(v) for v in (claim.alpha, claim.delta, claim.k))
        components = claim.components
        first = components[0][0]
        if first is None:
            raise refuse("the inactive set has no half-line on the left")
        beta = base.ball_of(first)
        shift = acb(beta)
        layers = acb.integral(lambda t, _: 2 * t * tail(shift + t), acb(delta), acb(k)).real
        share = arb(0)
        for a, b in components:
            share += tail(k + base.ball_of(a)) if a is not None else arb(1)
            share -= tail(k + base.ball_of(b)) if b is not None else arb(0)
        return alpha * (delta * delta + layers), alpha * (tail(beta + delta) - tail(beta + k)), alpha * share


def judge(claim: Claim) -> base.Verdict:
    """Evaluate the three expectations and compare; nothing undecided is ever accepted."""
    text = statement(claim)
    limits = (Fraction(1), Fraction(1), claim.budget)
    words = ("alpha E d^2", "alpha E d'", "alpha P(z active)")
    if not claim.alpha * claim.k**2 > 1:
        return base.Verdict(False, "alpha k^2 > 1 is false", text, "")
    with ctx.workprec(claim.precision):
        found = quantities(claim)
        shown = ", ".join(ball.str(20) for ball in found)
        for name, ball, limit in zip(words, found, limits, strict=True):
            if not ball < base.ball_of(limit):
                return base.Verdict(False, f"{name} < {limit} does not follow: it lies in {ball.str(20)}", text, shown)
        for name, ball, (lower, upper), limit in zip(words, found, claim.recorded, limits, strict=True):
            if upper >= limit or not (base.ball_of(lower) <= ball and ball <= base.ball_of(upper)):
                reason = f"the recorded enclosure of {name} is not confirmed: it lies in {ball.str(20)}"
                return base.Verdict(False, reason, text, shown)
    return base.Verdict(True, "the three expectations lie in the recorded enclosures, below their limits", text, shown)


def check(raw: bytes) -> base.Verdict:
    """Parse and judge a certificate given as bytes; raises MalformedCertificate if it is not one."""
    return judge(read(raw))


if __name__ == "__main__":
    sys.exit(base.main(sys.argv[1:], check))
