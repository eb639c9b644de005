"""Find and prove a certificate for the last layer of a deep network, plain and partial level.

The stationary point of the derived objective gives the numbers of a certificate: the norms rho_i of the dual
vectors, and the point (chi, N) at which each hidden layer does best. Rounded to half the digits that alpha is
above the level's value they lose nothing that matters, because the point is stationary. The bound is then
proved by ``deep_checker``, and the derived objective must agree with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flint import arb, arb_series, ctx

from flrdt.derive import Level, relu_network
from flrdt.derive.objectives.deep import DeepObjective

from ..arithmetic.backends import backend
from ..arithmetic.compile import compile_scalar
from ..arithmetic.decimals import InputError
from ..arithmetic.exclusive import exclusive
from ..results.capacity import tool_version
from ..results.chain import Requirement, at_least, layer_capacity
from ..solve.deep_closed import solve_deep_closed
from ..solve.point import CertifyError, Point
from ..systems.system import CapacityGoal
from . import deep_checker
from . import one_layer_checker as checker
from .outward_rounding import certificate_text, midpoint, outwards, rounded_up
from .tower_jets import ball

__all__ = ["certify_deep"]

Report = Callable[[str], None]
TRUSTED_DIGITS = (12, 25, 50, 75)  # of the solver's value, until alpha is clearly on one side of it


@exclusive
def certify_deep(
    level: Level,
    alpha: Fraction | None,
    depth: int,
    widths: Sequence[Fraction],
    required: Requirement,
    digits: int,
    report: Report = lambda _: None,
) -> dict[str, Any]:
    """A certificate that layer ``depth`` needs at most the width ``alpha`` behind the hidden widths.

    Without widths the hidden layers form the minimal chain, each width rounded up to ``digits`` decimals;
    without alpha the bound is the level's value, rounded up in the same way. Raises CertifyError if alpha or a hidden
    width is below its capacity as far as the solver can tell, InputError for a level without a proof.
    """
    if not (level.r == 1 or level.partial):
        raise InputError(f"level {level} of a deep network is not certified: use level 1 or 2p")
    if depth > deep_checker.MAX_DEPTH:
        raise InputError(f"depth {depth} is not certified: use a depth up to {deep_checker.MAX_DEPTH}")
    chain = _admissible(level, widths, required, depth) if widths else _minimal(level, depth, required, digits, report)
    budget = required.of(depth, depth)
    report(f"stationary point of layer {depth}")
    point, bound = _point(chain, budget, level, alpha, digits)
    margin = max(0, math.ceil(-math.log10(bound - midpoint(point.ball))))
    claim = _claim(point, chain, bound, budget, level, margin)
    report("bounding every hidden layer over its primal pair")
    claim = _recorded(claim)
    if not _second_route(claim, margin):
        raise CertifyError("the derived objective and the bound to be proved do not agree")
    certificate = _document(claim)
    report("checking the certificate")
    verdict = deep_checker.check(certificate_text(certificate).encode())
    if not verdict.proved:
        raise CertifyError(f"the certificate does not pass its own check: {verdict.reason}")
    return certificate


# ---- the chain and the point ---------------------------------------------------------------------


def _minimal(level: Level, depth: int, required: Requirement, digits: int, report: Report) -> list[Fraction]:
    """Every hidden width at its own capacity, rounded up."""
    chain: list[Fraction] = []
    for i in range(1, depth):
        report(f"capacity of layer {i}")
        found = layer_capacity(chain, required.of(i, depth), level, digits + 5)
        chain.append(rounded_up(midpoint(found.alpha), digits))
    return chain


def _admissible(level: Level, widths: Sequence[Fraction], required: Requirement, depth: int) -> list[Fraction]:
    """The widths, if none is below the capacity of the network truncated there."""
    for i, width in enumerate(widths, start=1):
        found = layer_capacity(widths[: i - 1], required.of(i, depth), level, 40)
        with ctx.workprec(200):
            enough = at_least(width, found)
        if enough is None:
            raise CertifyError(f"undecided: the width of layer {i} and its capacity agree to 40 digits")
        if not enough:
            raise CertifyError(
                f"hidden architecture not admissible: layer {i} needs about {float(found.alpha):.10g} and has width "
                f"{checker.shown(width)}"
            )
    return list(widths)


def _point(
    chain: Sequence[Fraction], budget: Fraction, level: Level, alpha: Fraction | None, digits: int
) -> tuple[Point, Fraction]:
    """The stationary point, to the digits that alpha calls for, and the bound."""
    for wanted in TRUSTED_DIGITS if alpha is not None else (digits + 8,):
        used, point = solve_deep_closed(list(chain), CapacityGoal(budget), level, wanted)
        if used != level:
            raise CertifyError(f"level {level} does not improve on level 1 at layer {len(chain) + 1}: certify level 1")
        value = midpoint(point.ball)
        if alpha is None:
            return point, rounded_up(value, digits)
        if abs(alpha - value) > Fraction(1, 10 ** (wanted - 4)):
            break
    else:
        raise CertifyError(f"undecided: alpha and the level-{level} value agree to more than {wanted - 4} decimals")
    if alpha < value:
        places = 3 - math.floor(math.log10(value - alpha))
        raise CertifyError(
            f"not certified: the level-{level} value of layer {len(chain) + 1} is about "
            f"{checker.shown(round(value, max(10, places)))}, above {checker.shown(alpha)}; no certificate proves less"
        )
    return point, alpha


# ---- the claim -----------------------------------------------------------------------------------


def _claim(
    point: Point, chain: Sequence[Fraction], alpha: Fraction, budget: Fraction, level: Level, margin: int
) -> deep_checker.Claim:
    """The numbers of a certificate from a stationary point of the derived objective."""
    depth, digits = len(chain) + 1, margin // 2 + 6
    v = point.balls
    with ctx.workprec(math.ceil(4 * digits + 80)):
        y = v.get("y_2")
        lift = y if y is not None else arb(0)
        p = [arb(1), *(v[f"p^({i})_1"] for i in range(1, depth))]
        q = [v[f"q^({i})_1"] for i in range(1, depth)]
        chi = [v[f"chi^({i})"] / p[i] for i in range(depth)]
        rho = [1 / (chi[0] * (chi[0] + lift)).sqrt(), *((p[i + 1] * q[i]).sqrt() for i in range(depth - 1))]
        layers = []
        for i in range(depth - 1):
            N = (p[i + 1] / p[i]).sqrt()
            mu = v[f"mu^({i + 1})"] * p[i + 1]
            S = ((chi[i] + lift) * (mu - lift * rho[i + 1] ** 2) + N * N).sqrt()
            layer = deep_checker.Layer(ball(chain[i]), rho[i], rho[i + 1], y)
            layers.append(_centre(layer, chi[i].mid(), N.mid(), ((S - N) / (chi[i] + lift)).mid(), digits))

        def short(number: arb) -> Fraction:
            return round(midpoint(number), digits)

        return deep_checker.Claim(
            level=str(level),
            budget=budget,
            widths=tuple(chain),
            alpha=alpha,
            y=None if y is None else short(y),
            chi_0=short(chi[0]),
            chi_out=short(chi[-1]),
            rho=tuple(map(short, rho[:-1])),
            layers=tuple(layers),
            precision=max(96, math.ceil((2 * digits + 6) * math.log2(10)) + 32),
            lower=Fraction(0),
            upper=Fraction(0),
        )


def _centre(layer: deep_checker.Layer, chi: arb, N: arb, t: arb, digits: int) -> deep_checker.Centre:
    """The best point of a hidden layer, with the slopes of its best multiplier (a difference quotient is enough)."""

    def force(dx: Any, dz: Any, dt: Any) -> arb:
        return layer.value(chi + dx, N + dz, arb_series([t + dt, 1]))[1]

    before, ctx.cap = ctx.cap, 2
    try:
        h = arb(2) ** -20
        stiffness = force(0, 0, h) - force(0, 0, -h)
        slopes = [(force(-h, 0, 0) - force(h, 0, 0)) / stiffness, (force(0, -h, 0) - force(0, h, 0)) / stiffness]
    finally:
        ctx.cap = before
    rounded = [round(midpoint(v), digits) for v in (chi, N, t)]
    return deep_checker.Centre(*rounded, *(round(midpoint(s), 6) for s in slopes))


def _recorded(claim: deep_checker.Claim) -> deep_checker.Claim:
    """Note the enclosure of B, rounded outwards to decimals; raises CertifyError if there is no bound below -budget."""
    found = deep_checker.objective(claim)
    if found is None:
        raise CertifyError("a stationary point was found, but a hidden layer could not be bounded for every chi and N")
    with ctx.workprec(claim.precision):
        lower, upper = outwards(found.union(deep_checker.at_the_centres(claim)))
    if upper > -claim.budget:
        raise CertifyError(f"parameters were found, but they prove no more than B <= {checker.shown(upper)}")
    return replace(claim, lower=lower, upper=upper)


@lru_cache(maxsize=16)
def _derived(depth: int, level: str) -> tuple[list[str], Callable]:
    """The derived objective in all its parameters and widths."""
    objective = DeepObjective(relu_network(depth=depth), Level.parse(level))
    widths = sorted((objective.closed_form.free_symbols - set(objective.parameters())), key=lambda s: int(str(s)[6:]))
    symbols = (*objective.parameters(), *widths)
    return [str(s) for s in symbols], compile_scalar([objective.closed_form], symbols, backend("arb"))


def _second_route(claim: deep_checker.Claim, margin: int) -> bool:
    """P of the derived objective at the same point: at most -budget, and equal to B but for the rounding of the point."""
    depth = len(claim.widths) + 1
    names, compiled = _derived(depth, claim.level)
    with ctx.workprec(claim.precision):
        y = None if claim.y is None else ball(claim.y)
        last, _ = deep_checker.count_term(claim, ball(claim.alpha))
        rho = [*map(ball, claim.rho), last]
        p, values = arb(1), {"chi^(0)": ball(claim.chi_0), f"alpha_{depth}": ball(claim.alpha), "y_2": y}
        for i, c in enumerate(claim.layers, start=1):
            lift = arb(0) if y is None else y
            a, N, t = ball(c.chi) + lift, ball(c.N), ball(c.t)
            mu = lift * rho[i] ** 2 + 2 * N * t + a * t * t
            if i > 1:
                values[f"chi^({i - 1})"] = ball(c.chi) * p
            p = p * N * N
            values |= {f"p^({i})_1": p, f"q^({i})_1": rho[i] ** 2 / p, f"mu^({i})": mu / p}
            values[f"alpha_{i}"] = ball(claim.widths[i - 1])
        values[f"chi^({depth - 1})"] = ball(claim.chi_out) * p
        found = compiled(*(values[name] for name in names))[0]
        gap = abs(found - deep_checker.at_the_centres(claim))
        return bool(found <= ball(-claim.budget) and gap < arb(10) ** -(margin + 2))


def _document(claim: deep_checker.Claim) -> dict[str, Any]:
    """The certificate as the object that is written to JSON."""
    lifted = {} if claim.y is None else {"y_2": str(claim.y)}
    data: dict[str, Any] = {
        "format": deep_checker.FORMAT,
        "version": deep_checker.VERSION,
        "statement": deep_checker.statement(claim),
        "gate": "relu",
        "depth": len(claim.widths) + 1,
        "level": claim.level,
        "budget": str(claim.budget),
        "widths": list(map(str, claim.widths)),
        "alpha": str(claim.alpha),
        "parameters": {
            "chi_0": str(claim.chi_0),
            "chi_out": str(claim.chi_out),
            "rho": list(map(str, claim.rho)),
            **lifted,
        },
        "layers": [{name: str(getattr(c, name)) for name in ("chi", "N", "t", "t_chi", "t_N")} for c in claim.layers],
        "precision": claim.precision,
        "objective": {"lower": checker.shown(claim.lower), "upper": checker.shown(claim.upper)},
        "tool": f"flrdt {tool_version()}",
    }
    return {**data, "sha256": checker.digest(data)}
