"""Independent re-check of capacity certificates: the standard library and python-flint, nothing else.

A certificate states that ``P_r(alpha; chi, p, y) <= -budget`` for exact rational parameters. Then the
level-r capacity of one ReLU layer is at most ``alpha``, because the capacity is reached where the *minimum*
of P_r over its parameters equals ``-budget``. This module trusts nothing in the file: it parses it
strictly, evaluates

    P_r = sum_{k=2}^r log(Lambda_k/Lambda_{k-1}) / (2 y_k) + p_r/(2 Lambda_r) + alpha T_r[-M_chi],
    Lambda_1 = chi,   Lambda_k = Lambda_{k-1} + y_k D_k,   D_k = p_{k-1} - p_k,

in ball arithmetic and compares. It shares no code with the prover. It can be run alone:
``python checker.py FILE``. The lemmas named below (A to D) are proved in docs/certificates.md.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from flint import arb, arb_poly, ctx, fmpq

FORMAT = "flrdt-certificate"
VERSION = 1
MAX_BYTES = 32768
BOM = b"\xef\xbb\xbf"
MAX_LEVEL = 12
MAX_BITS = 2048
MAX_POINTS = 8192
MAX_WORK = 2**24  # convolutions * points * bits: about a minute, and under 300 MB
MAX_NUMBER = 200  # characters in one number
SMALLEST, LARGEST = Fraction(1, 10**9), Fraction(10**9)

RATIONAL = re.compile(r"[0-9]+(/[0-9]+)?")
DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class MalformedCertificate(ValueError):
    """The file is not a certificate this module can judge; the message says what is wrong."""

    bad_input = True  # the command line answers with one line and exit code 2


@dataclass(frozen=True)
class Claim:
    """The content of a well-formed certificate: what is claimed, and how to evaluate it."""

    level: str
    budget: Fraction
    alpha: Fraction
    chi: Fraction
    p: tuple[Fraction, ...]  # p_2, ..., p_r; empty at the plain level, (0,) at the partial level
    y: tuple[Fraction, ...]  # y_2, ..., y_r
    precision: int
    step: Fraction | None
    points: int
    strip: Fraction | None
    lower: Fraction
    upper: Fraction


@dataclass(frozen=True)
class Verdict:
    """Outcome of a check: ``proved`` is True only if every inequality was shown to hold."""

    proved: bool
    reason: str
    statement: str
    objective: str


def shown(value: Fraction) -> str:
    """A number in decimals if they end, else as a fraction."""
    places = 0
    rest = value.denominator
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest, count = rest // prime, count + 1
        places = max(places, count)
    if rest != 1 or places == 0:
        return str(value)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def statement(level: str, alpha: Fraction, budget: Fraction) -> str:
    """The claim in words; the same fields always give the same words."""
    what = "the injectivity capacity of one ReLU layer"
    if budget != 1:
        kept = f"{shown(budget)} n active rows for every input"
        what = f"the least m/n at which one ReLU layer keeps at least {kept}"
    if level == "1":
        status = "This is a theorem, by Gordon's comparison inequality (plain random duality)."
    elif level == "2p":
        status = "This is a theorem, by Gordon's comparison inequality in exponential form (partial lifting)."
    else:
        what = f"the level-{level} fully lifted value of {what}"
        status = (
            "This is proved for the value of the variational formula; that the formula bounds the capacity "
            "itself is the theory of fully lifted random duality and is not proved here."
        )
    return f"{what[0].upper()}{what[1:]} is at most {shown(alpha)}. {status}"


# ---- reading -------------------------------------------------------------------------------------


def refuse(message: str) -> MalformedCertificate:
    """The error for a file that is no certificate."""
    return MalformedCertificate(f"not a valid certificate: {message}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise refuse("a field occurs twice")
    return dict(pairs)


def _no_float(text: str) -> None:
    raise refuse("a number must be written as an exact string, not as a float")


def fields(data: Any, name: str, keys: set[str]) -> dict[str, Any]:
    """An object with exactly these fields."""
    if not isinstance(data, dict) or set(data) != keys:
        raise refuse(f"{name} must be an object with exactly the fields {', '.join(sorted(keys))}")
    return data


def text_field(data: dict[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    """A string of moderate length that matches."""
    value = data[key]
    if not isinstance(value, str) or len(value) > MAX_NUMBER or not pattern.fullmatch(value):
        raise refuse(f"field {key} must be a string such as {'3/4' if pattern is RATIONAL else '-1.25'}")
    return value


def rational(data: dict[str, Any], key: str) -> Fraction:
    """A positive rational in lowest terms."""
    text = text_field(data, key, RATIONAL)
    try:
        value = Fraction(text)
    except ZeroDivisionError:
        raise refuse(f"field {key} has denominator zero") from None
    if str(value) != text:
        raise refuse(f"field {key} must be in lowest terms")
    if not SMALLEST <= value <= LARGEST:
        raise refuse(f"field {key} is outside [1e-9, 1e9]")
    return value


def integer(data: dict[str, Any], key: str, low: int, high: int) -> int:
    """An integer in a range."""
    value = data[key]
    if type(value) is not int or not low <= value <= high:
        raise refuse(f"field {key} must be an integer from {low} to {high}")
    return value


def digest(data: dict[str, Any]) -> str:
    """SHA-256 of the canonical text of all fields but ``sha256``: against accidents, not against forgers."""
    rest = {key: value for key, value in data.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def load(raw: bytes) -> dict[str, Any]:
    """The JSON object of a certificate of the known version: nothing long, no floats, no field twice."""
    if len(raw) > MAX_BYTES:
        raise refuse(f"longer than {MAX_BYTES} bytes")
    try:
        data = json.loads(
            raw.removeprefix(BOM).decode("ascii"),
            object_pairs_hook=_unique,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except MalformedCertificate:
        raise
    except (ValueError, RecursionError):
        raise refuse("not plain JSON text") from None
    if not isinstance(data, dict):
        raise refuse("it must be an object")
    if "version" in data and (type(data["version"]) is not int or data["version"] != VERSION):
        raise refuse(f"this program knows format version {VERSION} only")
    return data


def read(raw: bytes) -> Claim:
    """Parse a certificate strictly.

    Raises MalformedCertificate for anything that is not exactly the documented format.
    """
    data = load(raw)
    names = {"format", "version", "statement", "gate", "depth", "level", "budget", "alpha", "parameters"}
    data = fields(data, "a certificate", names | {"precision", "quadrature", "objective", "tool", "sha256"})
    if data["format"] != FORMAT:
        raise refuse(f"format must be {FORMAT}")
    if data["gate"] != "relu" or type(data["depth"]) is not int or data["depth"] != 1:
        raise refuse("gate must be relu and depth 1")
    text_field(data, "tool", re.compile(r"flrdt [0-9A-Za-z.+-]+"))
    level = data["level"]
    if not isinstance(level, str) or not (
        level in ("1", "2p") or (re.fullmatch(r"[1-9][0-9]?", level) and 2 <= int(level) <= MAX_LEVEL)
    ):
        raise refuse(f"level must be one of 1, 2p, 2, ..., {MAX_LEVEL}")
    full = level not in ("1", "2p")
    lifts = int(level) - 1 if full else int(level == "2p")
    wanted = {"chi"} | {f"y_{k}" for k in range(2, lifts + 2)}
    if full:
        wanted |= {f"p_{k}" for k in range(2, lifts + 2)}
    parameters = fields(data["parameters"], "parameters", wanted)
    p = tuple(rational(parameters, f"p_{k}") for k in range(2, lifts + 2)) if full else (Fraction(0),) * lifts
    y = tuple(rational(parameters, f"y_{k}") for k in range(2, lifts + 2))
    overlaps = (Fraction(1), *p)
    if any(a - b < SMALLEST for a, b in itertools.pairwise(overlaps)):
        raise refuse("overlaps must fall strictly: 1 > p_2 > ... > p_r > 0")
    if any(a <= b for a, b in itertools.pairwise(y)):
        raise refuse("lifting parameters must fall strictly: y_2 > ... > y_r > 0")
    precision = integer(data, "precision", 64, MAX_BITS)
    step = strip = None
    points = 0
    if full:
        quadrature = fields(data["quadrature"], "quadrature", {"step", "points", "strip"})
        step, strip = rational(quadrature, "step"), rational(quadrature, "strip")
        points = integer(quadrature, "points", 2, MAX_POINTS)
        if lifts * points * precision > MAX_WORK or strip > 3 or step * points > 1000:
            raise refuse("the quadrature asked for is too large to check")
    elif data["quadrature"] is not None:
        raise refuse("this level needs no quadrature: the field must be null")
    objective = fields(data["objective"], "objective", {"lower", "upper"})
    claim = Claim(
        level=level,
        budget=rational(data, "budget"),
        alpha=rational(data, "alpha"),
        chi=rational(parameters, "chi"),
        p=p,
        y=y,
        precision=precision,
        step=step,
        points=points,
        strip=strip,
        lower=Fraction(text_field(objective, "lower", DECIMAL)),
        upper=Fraction(text_field(objective, "upper", DECIMAL)),
    )
    if data["statement"] != statement(level, claim.alpha, claim.budget):
        raise refuse("the statement does not say what the other fields say")
    if data["sha256"] != digest(data):
        raise refuse("the checksum does not fit the fields")
    return claim


# ---- ball arithmetic -----------------------------------------------------------------------------


def ball_of(value: Fraction) -> arb:
    """The ball around an exact rational at the working precision."""
    return arb(fmpq(value.numerator, value.denominator))


def cdf(z: Any) -> Any:
    """The normal distribution function of a ball or a series."""
    return (-z / arb(2).sqrt()).erfc() / 2


def density(t: arb, variance: arb) -> arb:
    """The normal density of a variance."""
    return (-(t * t) / (2 * variance)).exp() / (2 * arb.pi() * variance).sqrt()


def _radius(error: arb) -> arb:
    """A ball around zero that contains every number of size at most ``error``."""
    return arb(0, error.upper())


def innermost(x: Any, chi: Any, variance: Any, y: Any) -> Any:
    """W_2(x) = E exp(-y M_chi(x + sqrt(variance) u)): complete the square on 0 < h < k = sqrt(2 chi)."""
    k, d = (2 * chi).sqrt(), variance.sqrt()
    s2 = 1 / (1 / variance + y / chi)
    s, t = s2.sqrt(), s2 * x / variance
    square = s / d * (t * t / (2 * s2) - x * x / (2 * variance)).exp()
    return cdf(-x / d) + (-y).exp() * cdf((x - k) / d) + square * (cdf((k - t) / s) - cdf(-t / s))


def sphere(chi: arb, p: list[arb], y: list[arb]) -> arb:
    """The part of P_r that does not contain alpha."""
    overlaps = [arb(1), *p, arb(0)]
    inner, total = chi, arb(0)
    for k, lifting in enumerate(y):
        outer = inner + lifting * (overlaps[k] - overlaps[k + 1])
        total += (outer / inner).log() / (2 * lifting)
        inner = outer
    return total + overlaps[len(y)] / (2 * inner)


def strip_bounds(y: list[arb], strip: arb) -> list[tuple[arb, arb, arb]] | None:
    """(bottom, top, angle) with bottom <= |W_k| <= top, |arg W_k| <= angle < pi/2 on |Im x| <= strip sqrt(D_2).

    One triple for each of W_2, ..., W_r (Lemmas A and B); None if the strip cannot be shown to be free of zeros.
    """
    growth, edge = (strip * strip / 2).exp(), (-y[0]).exp()
    bottom = edge - (1 - edge) * growth * cdf(-arb.pi() / (2 * strip))
    if not bottom > 0:
        return None
    result = [(bottom, growth, arb.pi() / 2)]
    for above, below in itertools.pairwise(y):
        bottom, top, angle = result[-1]
        ratio = below / above
        angle = angle * ratio
        bottom = bottom**ratio * angle.cos()
        if not bottom > 0:
            return None
        result.append((bottom, top**ratio, angle))
    return result


def tower(chi: arb, p: list[arb], y: list[arb], step: arb, points: int, strip: arb) -> arb:
    """T_r[-M_chi] for r >= 2 by the trapezoidal rule, every error bounded; an infinite ball if a bound fails.

    W_k(x) = E exp(y_k f_{k-1}(x + sqrt(D_k) u)) falls from 1 to exp(-y_k). Each is integrated as a smooth
    reference step ``1 - (1 - exp(-y_k)) Phi(x/sqrt(D_2))``, whose convolution is known, plus a remainder that
    vanishes at both ends.
    """
    overlaps = [arb(1), *p]
    variances = [overlaps[k] - overlaps[k + 1] for k in range(len(p))]
    first = variances[0].sqrt()
    a = strip * first
    growth = (strip * strip / 2).exp()  # bounds |Phi| and |W_2| on the strip
    bounds = strip_bounds(y, strip)
    if bounds is None:
        return arb(0, "inf")
    grid = [step * j for j in range(-points, points + 1)]
    W = [innermost(x, chi, variances[0], y[0]) for x in grid]
    reference = [cdf(x / first) for x in grid]

    def quadrature_error(bound: arb, tail: arb, variance: arb) -> arb:
        """Lemma C (discretisation), plus ``tail`` times the whole mass of the sampled kernel (Lemma D)."""
        shifted = bound * (a * a / (2 * variance)).exp()
        discretisation = 2 * shifted / ((2 * arb.pi() * a / step).exp() - 1)
        return discretisation + tail * (1 + step * density(arb(0), variance))

    def kernel(variance: arb) -> list[arb]:
        return [step * density(step * j, variance) for j in range(2 * points + 1)]

    for k in range(1, len(y)):
        ratio, variance, drop = y[k] / y[k - 1], variances[k], 1 - (-y[k]).exp()
        G = [w**ratio for w in W]
        remainder = [g - 1 + drop * s for g, s in zip(G, reference, strict=True)]
        left = (1 - G[0]).max(drop * reference[0])
        right = (G[-1] - 1 + drop).max(drop * (1 - reference[-1]))
        error = quadrature_error(bounds[k][1] + growth, left.max(right), variance)
        half = kernel(variance)
        product = arb_poly(half[:0:-1] + half) * arb_poly(remainder)
        width = (variances[0] + variance).sqrt()
        W = [1 - drop * cdf(x / width) + product[i + 2 * points] + _radius(error) for i, x in enumerate(grid)]
    variance, last = overlaps[-1], y[-1]
    F = [w.log() + last * s for w, s in zip(W, reference, strict=True)]
    left = (-W[0].log()).max(last * reference[0])
    right = (W[-1].log() + last).max(last * (1 - reference[-1]))
    bottom, top, angle = bounds[-1]
    bound = (-bottom.log()).max(top.log()) + angle + last * growth
    error = quadrature_error(bound, left.max(right), variance)
    weights = kernel(variance)
    total = sum((weights[abs(i - points)] * f for i, f in enumerate(F)), arb(0))
    return (total + _radius(error)) / last - arb(1) / 2


def objective(claim: Claim) -> arb:
    """A ball that contains P_r at the claimed parameters."""
    with ctx.workprec(claim.precision):
        chi, alpha = ball_of(claim.chi), ball_of(claim.alpha)
        p, y = [ball_of(v) for v in claim.p], [ball_of(v) for v in claim.y]
        if claim.step is not None and claim.strip is not None:
            value = tower(chi, p, y, ball_of(claim.step), claim.points, ball_of(claim.strip))
        elif claim.level == "2p":
            value = innermost(arb(0), chi, arb(1), y[0]).log() / y[0]
        else:
            k = (2 * chi).sqrt()  # -E M_chi
            value = -(arb(1) / 2 - cdf(-k) - k * density(k, arb(1))) / (2 * chi) - cdf(-k)
            return 1 / (2 * chi) + alpha * value
        return sphere(chi, p, y) + alpha * value


def judge(claim: Claim) -> Verdict:
    """Evaluate the objective and compare; nothing undecided is ever accepted."""
    text = statement(claim.level, claim.alpha, claim.budget)
    with ctx.workprec(claim.precision):
        ball = objective(claim)
        found = ball.str(20)
        if not ball <= ball_of(-claim.budget):
            return Verdict(False, f"P <= -{claim.budget} does not follow: P lies in {found}", text, found)
        if claim.upper > -claim.budget or not (ball_of(claim.lower) <= ball and ball <= ball_of(claim.upper)):
            return Verdict(False, f"the recorded enclosure of P is not confirmed: P lies in {found}", text, found)
    return Verdict(True, "P lies in the recorded enclosure, which does not exceed -budget", text, found)


def check(raw: bytes) -> Verdict:
    """Parse and judge a certificate given as bytes.

    Raises MalformedCertificate if it is not one; otherwise returns a Verdict, which may be negative.
    """
    return judge(read(raw))


def bytes_of(path: str | Path) -> bytes:
    """The content of a file, but no more of it than a certificate may have."""
    try:
        with open(path, "rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise MalformedCertificate(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def check_file(path: str | Path) -> Verdict:
    """Check the certificate in a file."""
    return check(bytes_of(path))


def main(arguments: list[str], check: Callable[[bytes], Verdict] = check) -> int:
    """``python checker.py FILE``: exit 0 proved, 1 not proved, 2 not a certificate."""
    if len(arguments) != 1:
        print("usage: python checker.py FILE", file=sys.stderr)
        return 2
    try:
        verdict = check(bytes_of(arguments[0]))
    except MalformedCertificate as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{'proved' if verdict.proved else 'NOT proved'}: {verdict.statement}")
    print(verdict.reason)
    return 0 if verdict.proved else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
