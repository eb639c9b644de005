"""Independent re-check of certificates for hard sets on the sphere: the standard library and python-flint, nothing else.

A certificate states that for an allowed set K, a union of closed intervals, and exact rational alpha and y

    P = log(1 + y)/(2 y) + (alpha/y) log E exp(-y dist(u, K)^2/2) <= 0        (level 2p)
    P = 1/2 - (alpha/2) E dist(u, K)^2 <= 0                                   (level 1, its limit y -> 0)

for a standard normal u.  Then the value of that level for unit vectors x with every entry of G x in K is at most
``alpha``.  Every gap of K is split at its middle; on both halves the Gaussian integral is closed form.  It shares no
code with the prover; what it takes from the checker of one layer is reading and the normal distribution.  It can be run
alone, with that module beside it: ``python set_checker.py FILE``.
"""

from __future__ import annotations

import itertools
import re
import sys
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, ctx

if __package__:
    from . import one_layer_checker as common
else:  # run alone
    import one_layer_checker as common  # type: ignore[no-redef]

FORMAT = "flrdt-set-certificate"
MOST_INTERVALS = 32
END = re.compile(r"-?[0-9]+(/[0-9]+)?")
Interval = tuple[Fraction | None, Fraction | None]  # None for an infinite end


@dataclass(frozen=True)
class Claim:
    """The content of a well-formed certificate."""

    allowed: tuple[Interval, ...]
    level: str
    alpha: Fraction
    y: Fraction | None
    precision: int
    lower: Fraction
    upper: Fraction


def shown_set(allowed: tuple[Interval, ...]) -> str:
    """The set in words."""
    parts = []
    for a, b in allowed:
        left = "(-oo" if a is None else f"[{a}"
        right = "oo)" if b is None else f"{b}]"
        parts.append(f"{left},{right}")
    return " U ".join(parts)


def statement(allowed: tuple[Interval, ...], level: str, alpha: Fraction) -> str:
    """The claim in words; the same fields always give the same words."""
    half_line = len(allowed) == 1 and None in allowed[0]
    what = f"capacity of the spherical perceptron with every pre-activation in {shown_set(allowed)}"
    form = "" if level == "1" else " in exponential form (partial lifting)"
    if half_line:
        return (
            f"The {what} is at most {common.shown(alpha)}. This is a theorem, by Gordon's comparison inequality{form}."
        )
    return (
        f"The level-{level} value of the {what} is at most {common.shown(alpha)}. This is proved for the value of the "
        "formula; that it bounds the capacity is not part of what is proved here."
    )


def _end(value: Any, infinite: str) -> Fraction | None:
    if value == infinite:
        return None
    if not isinstance(value, str) or len(value) > common.MAX_NUMBER or not END.fullmatch(value):
        raise common.refuse(f"an end of an interval must be a string such as -3/2, or {infinite}")
    try:
        found = Fraction(value)
    except ZeroDivisionError:
        raise common.refuse("an end of an interval has denominator zero") from None
    if str(found) != value or abs(found) > 1000:
        raise common.refuse("an end of an interval must be in lowest terms and at most 1000 in size")
    return found


def _allowed(value: Any) -> tuple[Interval, ...]:
    """The intervals, checked: from left to right, apart from each other, not the whole line."""
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_INTERVALS:
        raise common.refuse(f"allowed must be a list of 1 to {MOST_INTERVALS} intervals")
    found: list[Interval] = []
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2:
            raise common.refuse("an interval must be a list of two ends")
        found.append((_end(pair[0], "-oo"), _end(pair[1], "oo")))
    ends: list[Fraction | None] = [e for pair in found for e in pair]
    inner = ends[1:-1]
    if None in inner or (ends[0] is None and ends[-1] is None and not inner):
        raise common.refuse("only the outermost ends may be infinite, and not the whole line")
    known = [e for e in ends if e is not None]
    if any(a > b for a, b in itertools.pairwise(known)) or any(a[1] == b[0] for a, b in itertools.pairwise(found)):
        raise common.refuse("the intervals must follow each other from left to right with gaps between them")
    return tuple(found)


def read(raw: bytes) -> Claim:
    """Parse a certificate strictly; raises MalformedCertificate for anything that is not exactly the format."""
    names = {
        "format",
        "version",
        "statement",
        "allowed",
        "level",
        "alpha",
        "y",
        "precision",
        "objective",
        "tool",
        "sha256",
    }
    data = common.fields(common.load(raw), "a certificate", names)
    if data["format"] != FORMAT:
        raise common.refuse(f"format must be {FORMAT}")
    if data["level"] not in ("1", "2p"):
        raise common.refuse("level must be 1 or 2p")
    common.text_field(data, "tool", re.compile(r"flrdt [0-9A-Za-z.+-]+"))
    if data["level"] == "1" and data["y"] is not None:
        raise common.refuse("level 1 has no lifting parameter: the field y must be null")
    objective = common.fields(data["objective"], "objective", {"lower", "upper"})
    claim = Claim(
        allowed=_allowed(data["allowed"]),
        level=data["level"],
        alpha=common.rational(data, "alpha"),
        y=None if data["level"] == "1" else common.rational(data, "y"),
        precision=common.integer(data, "precision", 64, common.MAX_BITS),
        lower=Fraction(common.text_field(objective, "lower", common.DECIMAL)),
        upper=Fraction(common.text_field(objective, "upper", common.DECIMAL)),
    )
    if data["statement"] != statement(claim.allowed, claim.level, claim.alpha):
        raise common.refuse("the statement does not say what the other fields say")
    if data["sha256"] != common.digest(data):
        raise common.refuse("the checksum does not fit the fields")
    return claim


def _parts(allowed: tuple[Interval, ...]) -> list[tuple[arb, arb | None]]:
    """The complement in parts, each turned so that the distance to K grows from its first end to its second, or to infinity."""
    found: list[tuple[Fraction, Fraction | None]] = []
    (first, _), (_, last) = allowed[0], allowed[-1]
    if first is not None:
        found.append((-first, None))
    if last is not None:
        found.append((last, None))
    for (_, left), (right, _) in itertools.pairwise(allowed):
        if left is None or right is None:
            raise common.refuse("only the outermost ends may be infinite")
        middle = (left + right) / 2
        found += [(left, middle), (-right, -middle)]
    return [(common.ball_of(a), None if b is None else common.ball_of(b)) for a, b in found]


def _mass(low: arb, high: arb | None) -> arb:
    """``P(low < u < high)``."""
    upper = arb(0) if high is None else common.cdf(-high)
    return common.cdf(-low) - upper


def squares(allowed: tuple[Interval, ...]) -> arb:
    """``E dist(u, K)^2``."""
    one, total = arb(1), arb(0)
    for a, b in _parts(allowed):  # E (u - a)^2 on a < u < b
        total += (1 + a * a) * _mass(a, b) - a * common.density(a, one)
        if b is not None:
            total -= (b - 2 * a) * common.density(b, one)
    return total


def weight(allowed: tuple[Interval, ...], y: arb) -> arb:
    """``E exp(-y dist(u, K)^2/2)``: on a part the exponent is that of a Gaussian of variance 1/(1+y) about y a/(1+y)."""
    total = arb(1)
    root = (1 + y).sqrt()
    for a, b in _parts(allowed):
        centre = y * a / (1 + y)
        ends = [None if e is None else (e - centre) * root for e in (a, b)]
        inside = _mass(ends[0], ends[1])  # type: ignore[arg-type]
        total += (-y * a * a / (2 * (1 + y))).exp() / root * inside - _mass(a, b)
    return total


def objective(claim: Claim) -> arb:
    """A ball that contains P."""
    with ctx.workprec(claim.precision):
        alpha = common.ball_of(claim.alpha)
        if claim.y is None:
            return (1 - alpha * squares(claim.allowed)) / 2
        y = common.ball_of(claim.y)
        return ((1 + y).log() / 2 + alpha * weight(claim.allowed, y).log()) / y


def judge(claim: Claim) -> common.Verdict:
    """Evaluate the objective and compare; nothing undecided is ever accepted."""
    text = statement(claim.allowed, claim.level, claim.alpha)
    with ctx.workprec(claim.precision):
        ball = objective(claim)
        found = ball.str(20)
        if not ball <= 0:
            return common.Verdict(False, f"P <= 0 does not follow: P lies in {found}", text, found)
        if claim.upper > 0 or not (common.ball_of(claim.lower) <= ball and ball <= common.ball_of(claim.upper)):
            return common.Verdict(
                False, f"the recorded enclosure of P is not confirmed: P lies in {found}", text, found
            )
    return common.Verdict(True, "P lies in the recorded enclosure, which does not exceed 0", text, found)


def check(raw: bytes) -> common.Verdict:
    """Parse and judge a certificate given as bytes; raises MalformedCertificate if it is not one."""
    return judge(read(raw))


if __name__ == "__main__":
    sys.exit(common.main(sys.argv[1:], check))
