r"""Independent re-check of certificates of deep networks, plain and partial level: python-flint and ``one_layer_checker``.

A certificate states a bound on the width alpha_l of the last layer behind hidden layers of given widths. With
the proof of docs/certificates.md (section Deep networks) it follows from ``B <= -budget`` for one choice of
rational numbers rho_1, ..., rho_{l-1} > 0, chi_0, chi_out > 0 (and y > 0 at the partial level), where

    B = [log(1 + y/chi_0)/(2y) + rho_1^2 chi_0/2] - (y/2) sum_{i>=2} rho_i^2
        + sum_{i<l} sup_{chi, N} inf_t G_i(chi, N, t) + [alpha_l K(chi_out) - rho_l^2 chi_out/2],

K(chi) = log E exp(-y M_chi) / y is concave in chi and rho_l^2 = 2 alpha_l K'(chi_out). The supremum over the
primal pair (chi, N) of every hidden layer is bounded by this module itself: G_i is concave near the centre
that the certificate names, and an adaptive cover in ball arithmetic shows that it is smaller everywhere
else. Any t will do there, so t is chosen in floating point. It can be run alone: ``python deep_checker.py FILE``.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, arb_series, ctx

if __package__:
    from . import one_layer_checker as base
else:
    import one_layer_checker as base  # type: ignore[no-redef,import-not-found]

FORMAT = "flrdt-deep-certificate"
VERSION = base.VERSION
MAX_DEPTH = 6
MAX_BITS = 1024
MAX_BOXES = 80_000  # of the cover of one hidden layer: about fifteen seconds
MAX_PIECES = 20_000  # of the rectangle: about five seconds
RADIUS = 1 / 1000  # relative half-width of the rectangle on which G_i is shown to be concave
INF = math.inf

SIGNED = re.compile(r"-?[0-9]+(/[0-9]+)?")
Box = tuple[float, float, float, float]  # chi from, to, N from, to
refuse = base.refuse


@dataclass(frozen=True)
class Centre:
    """Where inf_t G_i has its maximum, and the multiplier t + t_chi (chi - .) + t_N (N - .) around it."""

    chi: Fraction
    N: Fraction
    t: Fraction
    t_chi: Fraction
    t_N: Fraction


@dataclass(frozen=True)
class Claim:
    """The content of a well-formed certificate."""

    level: str
    budget: Fraction
    widths: tuple[Fraction, ...]
    alpha: Fraction
    y: Fraction | None  # None at the plain level
    chi_0: Fraction
    chi_out: Fraction
    rho: tuple[Fraction, ...]  # rho_1, ..., rho_{l-1}
    layers: tuple[Centre, ...]
    precision: int
    lower: Fraction
    upper: Fraction


def statement(claim: Claim) -> str:
    """The claim in words; the same fields always give the same words."""
    widths = ", ".join(map(base.shown, claim.widths))
    notion = " (weak notion)" if claim.budget == 1 else " (strong notion)" if claim.budget == 2 else ""
    how = ", in exponential form (partial lifting)" if claim.level == "2p" else " (plain random duality)"
    return (
        f"Behind admissible hidden layers of widths {widths} (relative to the input), the least width at which layer "
        f"{len(claim.widths) + 1} of a ReLU network keeps at least {base.shown(claim.budget)} n active outputs for "
        f"every input{notion} is at most {base.shown(claim.alpha)}. This is a theorem, by Gordon's comparison "
        f"inequality for all layers at once{how}."
    )


# ---- reading -------------------------------------------------------------------------------------


def _signed(data: dict[str, Any], key: str) -> Fraction:
    text = base.text_field(data, key, SIGNED)
    try:
        value = Fraction(text)
    except ZeroDivisionError:
        raise refuse(f"field {key} has denominator zero") from None
    if str(value) != text or abs(value) > base.LARGEST:
        raise refuse(f"field {key} must be in lowest terms and inside [-1e9, 1e9]")
    return value


def _list(data: dict[str, Any], key: str, length: int) -> list[Any]:
    value = data[key]
    if not isinstance(value, list) or len(value) != length:
        raise refuse(f"field {key} must be a list of length {length}")
    return value


def _rationals(data: dict[str, Any], key: str, length: int) -> tuple[Fraction, ...]:
    return tuple(base.rational({key: value}, key) for value in _list(data, key, length))


def _centre(data: Any) -> Centre:
    found = base.fields(data, "a hidden layer", {"chi", "N", "t", "t_chi", "t_N"})
    slopes = (_signed(found, key) for key in ("t", "t_chi", "t_N"))
    return Centre(base.rational(found, "chi"), base.rational(found, "N"), *slopes)


def read(raw: bytes) -> Claim:
    """Parse a certificate strictly; raises MalformedCertificate for anything else."""
    data = base.load(raw)
    names = {"format", "version", "statement", "gate", "depth", "level", "budget", "widths", "alpha", "parameters"}
    data = base.fields(data, "a deep certificate", names | {"layers", "precision", "objective", "tool", "sha256"})
    if data["format"] != FORMAT:
        raise refuse(f"format must be {FORMAT}")
    if data["gate"] != "relu" or data["level"] not in ("1", "2p"):
        raise refuse("gate must be relu and level 1 or 2p")
    base.text_field(data, "tool", re.compile(r"flrdt [0-9A-Za-z.+-]+"))
    hidden = base.integer(data, "depth", 2, MAX_DEPTH) - 1
    level = data["level"]
    lifted = {"y_2"} if level == "2p" else set()
    parameters = base.fields(data["parameters"], "parameters", {"chi_0", "chi_out", "rho"} | lifted)
    recorded = base.fields(data["objective"], "objective", {"lower", "upper"})
    claim = Claim(
        level=level,
        budget=base.rational(data, "budget"),
        widths=_rationals(data, "widths", hidden),
        alpha=base.rational(data, "alpha"),
        y=base.rational(parameters, "y_2") if lifted else None,
        chi_0=base.rational(parameters, "chi_0"),
        chi_out=base.rational(parameters, "chi_out"),
        rho=_rationals(parameters, "rho", hidden),
        layers=tuple(map(_centre, _list(data, "layers", hidden))),
        precision=base.integer(data, "precision", 64, MAX_BITS),
        lower=Fraction(base.text_field(recorded, "lower", base.DECIMAL)),
        upper=Fraction(base.text_field(recorded, "upper", base.DECIMAL)),
    )
    if data["statement"] != statement(claim):
        raise refuse("the statement does not say what the other fields say")
    if data["sha256"] != base.digest(data):
        raise refuse("the checksum does not fit the fields")
    return claim


# ---- the terms of B ------------------------------------------------------------------------------


@contextmanager
def _series(length: int) -> Iterator[None]:
    """Power series are cut after so many terms."""
    before = ctx.cap
    ctx.cap = length
    try:
        yield
    finally:
        ctx.cap = before


def _sqrt(x: Any) -> Any:
    return math.sqrt(x) if isinstance(x, float) else x.sqrt()


def _log(x: Any) -> Any:
    return math.log(x) if isinstance(x, float) else x.log()


def _acot(x: Any) -> Any:
    """The angle in (0, pi) whose cotangent is x."""
    return math.pi / 2 - math.atan(x) if isinstance(x, float) else arb.pi() / 2 - x.atan()


@dataclass(frozen=True)
class Layer:
    """The constants of one hidden layer, as balls or as floats (for guesses)."""

    alpha: Any
    rho: Any  # of the layer's own matrix
    ahead: Any  # of the matrix behind it
    y: Any  # None at the plain level

    def guess(self) -> Layer:
        return Layer(*(None if v is None else float(v) for v in (self.alpha, self.rho, self.ahead, self.y)))

    def term(self, chi: Any, N: Any, t: Any) -> Any:
        """G(chi, N, t) + rho^2 chi/2 = mu/2 + alpha/y log E exp(y v), or mu/2 + alpha E v at the plain level.

        v(g, h) = max( -(g)_+^2/(2 chi), max_{s>0} ahead h s - mu s^2/2 - (g - N s)^2/(2 chi) ) with the multiplier
        mu = y ahead^2 + 2 N t + (chi + y) t^2. The plane of (g, h) has three wedges: idle for g > 0, active, idle for
        g < 0; a Gaussian integral of exp(quadratic form) over a wedge is an angle over a root of a determinant.
        """
        f, y = self.ahead, 0 if self.y is None else self.y
        S = N + (chi + y) * t
        if not (S[0] if isinstance(S, arb_series) else S) > 0:
            raise ValueError("the expectation is infinite, or cannot be shown to be finite")
        mu = y * f * f + 2 * N * t + (chi + y) * t * t
        turn = 2 * (math.pi if isinstance(S, float) else arb.pi())
        x = f * chi
        if self.y is None:
            first, second = x * x + N * N, x * x + (N + S) * (N + S)  # squared lengths of the rays of the active wedge
            before, after = -2 * x * N / first, -2 * x * (N + S) / second  # sines of twice their angles
            active = _acot(-(x * x + N * (N + S)) / (x * S))
            a, b, c = -mu / (S * S), N * f / (S * S), f * x / (S * S)  # 2 v there, as a quadratic form
            mean = (a + c) / 2 * active + (a - c) / 4 * (after - before) - b * x * x * (1 / second - 1 / first)
            idle = -(_acot(N / x) / 2 + before / 4) / chi
            return mu / 2 + self.alpha * (mean + idle) / turn
        root = _sqrt(chi * y * f * f + (chi * S * S + y * N * N) / (chi + y))
        total = (
            _sqrt(chi / (chi + y)) * _acot(N / (f * _sqrt(chi * (chi + y))))
            + root / S * _acot(-(f * x * (chi + y) + N * (N + root)) / (x * S))
            + _acot(-(N + root) / x)
        )
        return mu / 2 + self.alpha / y * _log(total / turn)

    def value(self, chi: Any, N: Any, t: Any) -> Any:
        """G(chi, N, t)."""
        return self.term(chi, N, t) - self.rho * self.rho * chi / 2

    def without_cost(self, mu: Any) -> Any:
        """mu/2 + alpha/y log E exp(y h_+^2 ahead^2/(2 mu)): bounds the term for every chi and N."""
        if self.y is None:
            return mu / 2 + self.alpha * self.ahead * self.ahead / (4 * mu)
        return mu / 2 + self.alpha / self.y * _log((1 + 1 / _sqrt(1 - self.y * self.ahead * self.ahead / mu)) / 2)


def count_term(claim: Claim, alpha: arb) -> tuple[arb, arb]:
    """(rho_l, alpha K(chi_out) - rho_l^2 chi_out/2) with rho_l^2 = 2 alpha K'(chi_out): the supremum over chi."""
    with _series(2):
        chi = arb_series([base.ball_of(claim.chi_out), 1])
        if claim.y is None:
            k = (2 * chi).sqrt()
            density = (-chi).exp() / (2 * arb.pi()).sqrt()
            K = -(base.cdf(k) - arb(1) / 2 - k * density) / (2 * chi) - base.cdf(-k)  # -E M_chi
        else:
            y = base.ball_of(claim.y)
            K = base.innermost(arb_series([0]), chi, arb_series([1]), arb_series([y])).log() / y
    square = 2 * alpha * K[1]
    return square.sqrt(), alpha * K[0] - square * base.ball_of(claim.chi_out) / 2


# ---- the supremum over (chi, N) ------------------------------------------------------------------


def _hull(low: float, high: float) -> arb:
    return arb(low).union(arb(high))


def _curvature(along: Callable[[Any, Any], Any], x: arb, z: arb) -> arb | None:
    """A positive lower bound of the eigenvalues of minus the Hessian on a box, or None if none is found."""
    with ctx.workprec(64), _series(3):
        u, w = arb_series([x, 1]), arb_series([z, 1])
        try:
            xx, zz, both = 2 * along(u, z)[2], 2 * along(x, w)[2], 2 * along(u, w)[2]
        except ValueError:  # a ball in a denominator contains zero
            return None
        determinant = xx * zz - ((both - xx - zz) / 2) ** 2
        return (-determinant / (xx + zz)).lower() if xx < 0 and zz < 0 and determinant > 0 else None


def local_maximum(layer: Layer, centre: Centre) -> tuple[arb, Box] | None:
    """A bound for inf_t G on a rectangle around the centre, where it is shown to be concave; None if it is not.

    With t affine in (chi, N) let g be the gradient at the centre and m > 0 at most every eigenvalue of -G'' on the
    rectangle. Then G <= G(centre) + |g|^2/(2 m) there.
    """
    chi, N, t, t_chi, t_N = map(base.ball_of, (centre.chi, centre.N, centre.t, centre.t_chi, centre.t_N))

    def along(x: Any, z: Any) -> Any:
        return layer.value(x, z, t + t_chi * (x - chi) + t_N * (z - N))

    if _curvature(along, chi, N) is None:
        return None
    with _series(2):
        slopes = along(arb_series([chi, 1]), N)[1], along(chi, arb_series([N, 1]))[1]
    x, z = float(centre.chi), float(centre.N)
    box = (x * (1 - RADIUS), x * (1 + RADIUS), z * (1 - RADIUS), z * (1 + RADIUS))
    stack, curvature = [box], arb("inf")
    for _ in range(MAX_PIECES):
        if not stack:
            excess = sum((s * s for s in slopes), arb(0)) / (2 * curvature)
            return along(chi, N) + excess, box
        a, b, p, q = stack.pop()
        found = _curvature(along, _hull(a, b), _hull(p, q))
        if found is not None:
            curvature = curvature.min(found)
        elif (b - a) / b > (q - p) / q:
            stack += [(a, (a + b) / 2, p, q), ((a + b) / 2, b, p, q)]
        else:
            stack += [(a, b, p, (p + q) / 2), (a, b, (p + q) / 2, q)]
    return None


def _least(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function of one minimum has it, roughly."""
    share = (math.sqrt(5) - 1) / 2

    def safe(t: float) -> float:
        try:
            return function(t)
        except (ValueError, ArithmeticError):
            return INF

    left, right = high - share * (high - low), low + share * (high - low)
    f_left, f_right = safe(left), safe(right)
    for _ in range(28):
        if f_left < f_right:
            high, right, f_right = right, left, f_left
            left = high - share * (high - low)
            f_left = safe(left)
        else:
            low, left, f_left = left, right, f_right
            right = low + share * (high - low)
            f_right = safe(right)
    return (low + high) / 2


def _nearby(function: Callable[[float], float], t: float, reach: float) -> float | None:
    """Where a function has its minimum, if that is near t: two parabolas; None if it seems to be elsewhere."""
    for h in (reach, reach / 16):
        try:
            left, middle, right = function(t - h), function(t), function(t + h)
        except (ValueError, ArithmeticError):
            return None
        bend = left - 2 * middle + right
        if not bend > 0 or abs(left - right) > 4 * bend:
            return None
        t += h * (left - right) / (2 * bend)
    return t


def _multiplier(guess: Layer, chi: float, N: float, near: float | None, negative: bool) -> float | None:
    """A good t at (chi, N), near that of a larger box; if wanted, one whose mu is negative. None if there is none."""
    if near is not None and not negative:
        found = _nearby(lambda t: guess.term(chi, N, t), near, 0.02 * (1 + abs(near)))
        if found is not None:
            return found
    y = guess.y or 0.0
    a, low = chi + y, -N / (chi + y)
    high = 4 * guess.ahead + 4 * math.sqrt(guess.ahead * math.sqrt(guess.alpha) / a)
    if negative:
        room = N * N - a * y * guess.ahead * guess.ahead
        if room <= 0:
            return None
        high = (math.sqrt(room) - N) / a
    return _least(lambda t: guess.term(chi, N, t), low, high)


def _bounded(layer: Layer, guess: Layer, box: Box, near: float | None, bound: arb) -> tuple[bool | None, float | None]:
    """Whether inf_t G < bound on a box (None if it is known that it is not), and the t that was tried.

    Where chi starts at 0 or N has no end: the term grows with chi, and for mu < 0 falls with N (mu/N^2 fixed), so its
    value at the upper chi and the lower N counts.
    """
    a, b, p, q = box
    whole = a > 0 and q < INF
    chi = _hull(a, b) if whole else arb(b)
    N = _hull(p, q) if q < INF else arb(p)
    x, z = float(chi.mid()), float(N.mid())
    t = _multiplier(guess, x, z, near, q == INF)
    if t is None:
        return False, None
    try:
        drop = layer.rho * layer.rho * arb(x if whole else a) / 2
        middle = layer.term(arb(x), arb(z), arb(t)) - drop
        if q == INF:
            y = 0 if layer.y is None else layer.y
            mu = y * layer.ahead * layer.ahead + 2 * arb(p) * t + (arb(b) + y) * t * t
            return bool(mu < 0 and middle < bound), None
        if middle >= bound:
            return (None if whole else False), t
        with _series(2):
            rise = layer.term(chi, arb_series([N, 1]), arb(t))[1] * (N - z)
            if whole:
                rise += layer.value(arb_series([chi, 1]), N, arb(t))[1] * (chi - x)
    except ValueError:  # a ball in a denominator contains zero
        return False, t
    return bool(middle + rise < bound), t


def _halves(box: Box, centre: tuple[float, float], steepness: float) -> list[Box]:
    """Two parts of a box that was too large to be bounded."""
    a, b, p, q = box
    if b == INF:
        cut_chi, m = True, max(2 * a, centre[0])
    elif q == INF:
        cut_chi = p > 0 and steepness * (b - a) > 0.1
        m = (a + b) / 2 if cut_chi else max(2 * p, centre[1])
    else:
        cut_chi = b > centre[0] / 128 if a == 0 else (b - a) / b > (q - p) / max(q, centre[1])
        m = (a + b) / 2 if cut_chi else (p + q) / 2
    return [(a, m, p, q), (m, b, p, q)] if cut_chi else [(a, b, p, m), (a, b, m, q)]


def covered(layer: Layer, centre: Centre, bound: arb, rectangle: Box) -> bool:
    """Whether inf_t G < bound for all chi > 0, N >= 0 outside the rectangle."""
    guess, at = layer.guess(), (float(centre.chi), float(centre.N))
    stack: list[tuple[Box, float | None]] = [((0.0, INF, 0.0, INF), None)]
    with ctx.workprec(64):
        for _ in range(MAX_BOXES):
            if not stack:
                return True
            box, near = stack.pop()
            a, b, p, q = box
            if rectangle[0] <= a and b <= rectangle[1] and rectangle[2] <= p and q <= rectangle[3]:
                continue
            if b == INF:
                floor = 0.0 if guess.y is None else guess.y * guess.ahead**2
                mu = _least(guess.without_cost, floor, floor + 8 * guess.ahead * math.sqrt(guess.alpha))
                done: bool | None = mu > floor and bool(
                    layer.without_cost(arb(mu)) - layer.rho * layer.rho * arb(a) / 2 < bound
                )
            else:
                done, near = _bounded(layer, guess, box, near, bound)
            if done is None:
                return False
            if not done:
                stack += [(half, near) for half in _halves(box, at, guess.rho**2)]
    return False


# ---- judging -------------------------------------------------------------------------------------


def _parts(claim: Claim) -> tuple[arb, list[Layer]]:
    """B without the hidden layers, and these."""
    y = None if claim.y is None else base.ball_of(claim.y)
    chi_0 = base.ball_of(claim.chi_0)
    last, count = count_term(claim, base.ball_of(claim.alpha))
    rho = [*map(base.ball_of, claim.rho), last]
    entry = 1 / (2 * chi_0) if y is None else (1 + y / chi_0).log() / (2 * y)
    total = entry + rho[0] * rho[0] * chi_0 / 2 + count
    if y is not None:
        total -= y / 2 * sum((r * r for r in rho[1:]), arb(0))
    widths = map(base.ball_of, claim.widths)
    return total, [Layer(w, rho[i], rho[i + 1], y) for i, w in enumerate(widths)]


def at_the_centres(claim: Claim) -> arb:
    """B with every supremum replaced by the value at the centre: a lower estimate of B, quick to have."""
    with ctx.workprec(claim.precision):
        total, layers = _parts(claim)
        for layer, c in zip(layers, claim.layers, strict=True):
            total += layer.value(base.ball_of(c.chi), base.ball_of(c.N), base.ball_of(c.t))
        return total


def objective(claim: Claim) -> arb | None:
    """A ball around an upper bound of B that is at most -budget, or None if there is none."""
    with ctx.workprec(claim.precision):
        total, layers = _parts(claim)
        found = [local_maximum(layer, centre) for layer, centre in zip(layers, claim.layers, strict=True)]
        maxima = [f for f in found if f is not None]
        total += sum((bound for bound, _ in maxima), arb(0))
        if len(maxima) < len(layers) or not total <= base.ball_of(-claim.budget):
            return None  # no need to cover the rest
        rest = zip(layers, claim.layers, maxima, strict=True)
        return total if all(covered(layer, centre, *maximum) for layer, centre, maximum in rest) else None


def judge(claim: Claim) -> base.Verdict:
    """Bound B and compare; nothing undecided is ever accepted."""
    text = statement(claim)
    with ctx.workprec(claim.precision):
        try:
            quick = at_the_centres(claim)
        except ValueError as error:
            return base.Verdict(False, f"B cannot be evaluated: {error}", text, "unknown")
        found = quick.str(20)
        budget = base.ball_of(-claim.budget)
        if not quick <= budget:
            return base.Verdict(False, f"B <= -{claim.budget} does not follow: B is about {found}", text, found)
        if claim.upper > -claim.budget or not (base.ball_of(claim.lower) <= quick <= base.ball_of(claim.upper)):
            return base.Verdict(False, f"the recorded enclosure of B is not confirmed: {found}", text, found)
        ball = objective(claim)
        if ball is None:
            return base.Verdict(
                False, "the suprema over (chi, N) of the hidden layers could not be bounded well enough", text, found
            )
        found = ball.str(20)
        if not (base.ball_of(claim.lower) <= ball and ball <= base.ball_of(claim.upper)):
            return base.Verdict(False, f"the recorded enclosure of B is not confirmed: {found}", text, found)
    return base.Verdict(True, "B lies in the recorded enclosure, which does not exceed -budget", text, found)


def check(raw: bytes) -> base.Verdict:
    """Parse and judge a certificate given as bytes; raises MalformedCertificate if it is not one."""
    return judge(read(raw))


if __name__ == "__main__":
    sys.exit(base.main(sys.argv[1:], check))
