r"""A certificate as a file for the Coq proof assistant (8.16, with coq-interval and coquelicot), a third checker.

Of a lower bound, and of an upper bound at levels 1 and 2p, the file proves the whole numeric inequality, integrals included.
Of the others it proves the exact layer: the order of the parameters, the sums, logarithms and the final comparison, for
every value of the towers or suprema inside bounds that stand as hypotheses of the theorem. The interval arithmetic is that
over binary integers, so that ``Print Assumptions`` shows the axioms of the real numbers and no others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import acb, arb, ctx

from ..solve.point import CertifyError
from . import deep_checker, lower_checker
from . import one_layer_checker as checker
from .outward_rounding import midpoint

__all__ = ["coq_file"]

HEADER = """\
(* {statement}

   {scope}

   Written by {tool} from a certificate; check it with: coqc FILE *)
From Coq Require Import Reals ZArith Lra.
From Coquelicot Require Import Coquelicot.
From Interval Require Import Float.Specific_stdz Float.Specific_ops Tactic.

(* Interval arithmetic over binary integers: no axioms but those of the reals. *)
Module Floats := SpecificFloat StdZRadix2.
Module Intervals := IntervalTactic Floats.
Import Intervals.
Open Scope R_scope.
"""
GAUSSIAN = """\
Definition phi (u : R) := exp (- u ^ 2 / 2) / sqrt (2 * PI).
Definition H (x : R) := 1 / 2 - RInt phi 0 x.
"""
WHOLE = (
    "Proved here: the numeric inequality, integrals included. Not proved here: {theorem}, which makes a statement\n"
    "   about networks of it; and that phi integrates to one, so that H is the Gaussian tail."
)
EXACT = (
    "Proved here: the order of the parameters, the sums and the final comparison. Hypotheses of the theorem, to be\n"
    "   checked by flrdt check: {hypotheses}."
)
FUEL, GUARD_DIGITS = 60, 3


@dataclass(frozen=True)
class _Integral:
    """A definite integral of the file: its name, its text, a ball around it, and how close bounds have to be."""

    name: str
    text: str
    ball: arb


def coq_file(certificate: dict[str, Any] | str | bytes) -> str:
    """The Coq source of a certificate of any kind; raises MalformedCertificate for anything else.

    >>> from flrdt.evaluate.proofs.lower_certificates import certify_lower
    >>> "Theorem certificate" in coq_file(certify_lower("4.7166"))
    True
    """
    raw = json.dumps(certificate).encode() if isinstance(certificate, dict) else certificate
    raw = raw.encode() if isinstance(raw, str) else raw
    data = checker.load(raw)
    if data.get("format") == lower_checker.FORMAT:
        return _lower(lower_checker.read(raw), data["tool"])
    if data.get("format") == deep_checker.FORMAT:
        return _deep(deep_checker.read(raw), data["tool"])
    claim = checker.read(raw)
    return (_tower if claim.step is not None else _closed)(claim, data["tool"])


# ---- text ------------------------------------------------------------------------------------------


def _real(value: Fraction) -> str:
    """An exact rational as a Coq real."""
    text = str(abs(value.numerator)) if value.denominator == 1 else f"({abs(value.numerator)} / {value.denominator})"
    return f"(- {text})" if value < 0 else text


def _definitions(values: dict[str, Fraction]) -> str:
    return "".join(f"Definition {name} : R := {_real(value)}.\n" for name, value in values.items())


def _positive(names: Sequence[str]) -> str:
    return " /\\ ".join(f"0 < {name}" for name in names)


def _bounds(ball: arb, places: int) -> tuple[Fraction, Fraction]:
    """Decimals around a ball, one unit of the last place beyond it."""
    low, high = (midpoint(ball) + sign * midpoint(ball.rad()) for sign in (-1, 1))
    scale = 10**places
    return Fraction(math.floor(low * scale) - 1, scale), Fraction(math.ceil(high * scale) + 1, scale)


def _integral_lemmas(integrals: Sequence[_Integral], names: Sequence[str], places: int) -> str:
    bits, degree = _effort(places)
    unfolded = ", ".join(["phi", *names])
    found = []
    for integral in integrals:
        low, high = _bounds(integral.ball, places)
        found.append(
            f"Lemma {integral.name}_bounds : {_real(low)} <= {integral.text} <= {_real(high)}.\n"
            f"Proof. unfold {unfolded}. integral with (i_prec {bits}, i_fuel {FUEL}, i_degree {degree}). Qed.\n"
        )
    return "\n".join(found)


def _effort(places: int) -> tuple[int, int]:
    """Bits and the degree of the Taylor models for bounds of so many places."""
    return math.ceil(places * math.log2(10)) + 30, max(10, places)


def _with_integrals(integrals: Sequence[_Integral], names: Sequence[str], places: int) -> str:
    """The tactic that replaces the integrals of a goal by variables within their bounds, and compares."""
    bits, _ = _effort(places)
    text = "".join(
        f"  generalize {i.name}_bounds; generalize ({i.text}); intros {i.name} {i.name}_in.\n" for i in integrals
    )
    return f"{text}  unfold {', '.join(names)}. interval with (i_prec {bits}).\n"


def _integrated(f: Callable[[acb], acb], low: arb, high: arb) -> arb:
    return acb.integral(lambda t, _: f(t), acb(low), acb(high)).real


def _density(u: acb) -> acb:
    return (-u * u / 2).exp() / (2 * acb.pi()).sqrt()


def _places(margin: Fraction) -> int:
    """Decimals of bounds that leave a margin visible."""
    if margin <= 0:
        raise CertifyError("the certificate leaves no margin for a proof")
    return max(6, math.ceil(-math.log10(margin)) + GUARD_DIGITS)


FOOTER = "\nPrint Assumptions certificate.\n"


# ---- the whole inequality --------------------------------------------------------------------------


def _lower(claim: lower_checker.Claim, tool: str) -> str:
    beta = claim.components[0][0]
    if beta is None:
        raise checker.refuse("the inactive set has no half-line on the left")
    given = {"alpha": claim.alpha, "budget": claim.budget, "beta": beta, "delta": claim.delta, "k": claim.k}
    ends = [
        (f"{side}_{i}", end)
        for i, pair in enumerate(claim.components, 1)
        for side, end in zip("ab", pair, strict=True)
        if end is not None
    ]
    # fields at which the optimal map has its corners and an output becomes active or idle, by name and by definition
    fields = {"low": ("beta + delta", beta + claim.delta)} | {
        f"at_{name}": (f"{name} + k", end + claim.k) for name, end in ends
    }
    given |= dict(ends)
    values = given | {name: value for name, (_, value) in fields.items()}
    with ctx.workprec(claim.precision + 64):
        limits = (Fraction(1), Fraction(1), claim.budget)
        margin = min(limit - high for limit, (_, high) in zip(limits, claim.recorded, strict=True))
        places = _places(margin / max(1, claim.alpha))  # type: ignore[operator]
        at = {name: checker.ball_of(value) for name, value in values.items()}
        shifted = f"fun u => (u - {_real(beta)}) ^ 2 * phi u" if beta else "fun u => u ^ 2 * phi u"
        integrals = [
            _Integral(f"I_{name}", f"RInt phi 0 {name}", _integrated(_density, arb(0), at[name])) for name in fields
        ]
        ramp = _integrated(lambda u: (u - at["beta"]) ** 2 * _density(u), at["low"], at["at_a_1"])
        integrals.append(_Integral("I_ramp", f"RInt ({shifted}) low at_a_1", ramp))
    active = " + ".join(
        f"H at_a_{i} - H at_b_{i}" if b is not None else f"H at_a_{i}" for i, (_, b) in enumerate(claim.components, 1)
    )
    corners = " /\\ ".join(f"{name} = {text}" for name, (text, _) in fields.items())
    names = list(values)
    used = {
        "square": [i for i in integrals if i.name in ("I_low", "I_at_a_1", "I_ramp")],
        "slope": [i for i in integrals if i.name in ("I_low", "I_at_a_1")],
        "active": [i for i in integrals if i.name.startswith("I_at")],
    }
    lemmas = "\n".join(
        f"Lemma {name}_small : alpha * {name} < {limit}.\nProof.\n  unfold {name}, H.\n"
        f"{_with_integrals(used[name], names, places)}Qed.\n"
        for name, limit in (("square", "1"), ("slope", "1"), ("active", "budget"))
    )
    body = f"""
(* d(h) = clip(h - beta, delta, k) of a standard normal h: E d^2, E d', and the share of h with h - d(h) active. *)
Definition square : R :=
  delta ^ 2 * (1 / 2 + RInt phi 0 low) + RInt ({shifted}) low at_a_1 + k ^ 2 * H at_a_1.
Definition slope : R := H low - H at_a_1.
Definition active : R := {active}.

{_integral_lemmas(integrals, names, places)}
Lemma slopes : 0 <= delta /\\ delta < k /\\ 1 < alpha * k ^ 2.
Proof. unfold alpha, delta, k. repeat split; lra. Qed.

Lemma corners : {corners}.
Proof. unfold {", ".join(n for n in names if n not in ("alpha", "budget"))}. repeat split; lra. Qed.

{lemmas}
Theorem certificate :
  (0 <= delta /\\ delta < k /\\ 1 < alpha * k ^ 2) /\\ ({corners}) /\\
  alpha * square < 1 /\\ alpha * slope < 1 /\\ alpha * active < budget.
Proof. exact (conj slopes (conj corners (conj square_small (conj slope_small active_small)))). Qed.
"""
    scope = WHOLE.format(theorem="the convex Gaussian min-max theorem")
    head = HEADER.format(statement=lower_checker.statement(claim), scope=scope, tool=tool)
    return f"{head}\n{GAUSSIAN}{_definitions(values)}{body}{FOOTER}"


def _closed(claim: checker.Claim, tool: str) -> str:
    """Levels 1 and 2p."""
    values = {"alpha": claim.alpha, "budget": claim.budget, "chi": claim.chi}
    partial = claim.level == "2p"
    if partial:
        values["y"] = claim.y[0]
    with ctx.workprec(claim.precision + 64):
        places = _places((-claim.budget - claim.upper) / max(1, claim.alpha))  # type: ignore[operator]
        chi = checker.ball_of(claim.chi)
        k = (2 * chi).sqrt()
        mass = _Integral("I_mass", "RInt phi 0 (sqrt (2 * chi))", _integrated(_density, arb(0), k))
        if partial:
            y = checker.ball_of(claim.y[0])
            kept = "fun u => exp (- y * u ^ 2 / (2 * chi)) * phi u"
            ball = _integrated(lambda u: (-y * u * u / (2 * chi)).exp() * _density(u), arb(0), k)
        else:
            kept = "fun u => u ^ 2 * phi u"
            ball = _integrated(lambda u: u * u * _density(u), arb(0), k)
    integrals = [mass, _Integral("I_kept", f"RInt ({kept}) 0 (sqrt (2 * chi))", ball)]
    names = list(values)
    if partial:
        told = "W = E exp(-y M(g)) of the Moreau envelope M(u) = min(u^2/(2 chi), 1) for u > 0, 0 else"
        definition = (
            f"Definition W : R :=\n  1 / 2 + RInt ({kept}) 0 (sqrt (2 * chi)) + exp (- y) * H (sqrt (2 * chi)).\n"
        )
        objective = "ln (1 + y / chi) / (2 * y) + alpha / y * ln W"
        unfold = "objective, W, H"
    else:
        told = "E M(g) of the Moreau envelope M(u) = min(u^2/(2 chi), 1) for u > 0, 0 else"
        definition = f"Definition mean : R :=\n  RInt ({kept}) 0 (sqrt (2 * chi)) / (2 * chi) + H (sqrt (2 * chi)).\n"
        objective = "1 / (2 * chi) - alpha * mean"
        unfold = "objective, mean, H"
    body = f"""
(* {told}. *)
{definition}Definition objective : R := {objective}.

{_integral_lemmas(integrals, names, places)}
Theorem certificate : {_positive(names)} /\\ objective <= - budget.
Proof.
  repeat split; try (unfold {", ".join(names)}; lra).
  unfold {unfold}.
{_with_integrals(integrals, names, places)}Qed.
"""
    scope = WHOLE.format(theorem="Gordon's comparison inequality")
    head = HEADER.format(statement=checker.statement(claim.level, claim.alpha, claim.budget), scope=scope, tool=tool)
    return f"{head}\n{GAUSSIAN}{_definitions(values)}{body}{FOOTER}"


# ---- the exact layer -------------------------------------------------------------------------------


def _tower(claim: checker.Claim, tool: str) -> str:
    """Levels from 2 on: the tower is a hypothesis."""
    ks = range(2, len(claim.p) + 2)
    values = {"alpha": claim.alpha, "budget": claim.budget, "chi": claim.chi}
    values |= {f"p_{k}": p for k, p in zip(ks, claim.p, strict=True)}
    values |= {f"y_{k}": y for k, y in zip(ks, claim.y, strict=True)}
    if claim.step is None or claim.strip is None:
        raise checker.refuse("this level has no tower")
    with ctx.workprec(claim.precision):
        p, y = [checker.ball_of(v) for v in claim.p], [checker.ball_of(v) for v in claim.y]
        step, strip = checker.ball_of(claim.step), checker.ball_of(claim.strip)
        tower = checker.tower(checker.ball_of(claim.chi), p, y, step, claim.points, strip)
        places = _places((-claim.budget - claim.upper) / max(1, claim.alpha))  # type: ignore[operator]
        low, high = _bounds(tower, places)
    names = list(values)
    overlap = {1: "1", **{k: f"p_{k}" for k in ks}}
    sums = "".join(
        f"Definition Lambda_{k} : R := Lambda_{k - 1} + y_{k} * ({overlap[k - 1]} - {overlap[k]}).\n" for k in ks
    )
    last = ks[-1]
    logs = " + ".join(f"ln (Lambda_{k} / Lambda_{k - 1}) / (2 * y_{k})" for k in ks)
    order = " /\\ ".join(
        [f"{b} < {a}" for a, b in zip(overlap.values(), [*list(overlap.values())[1:], "0"], strict=True)]
        + [f"{b} < {a}" for a, b in zip([f"y_{k}" for k in ks], [*(f"y_{k}" for k in ks[1:]), "0"], strict=True)]
        + ["0 < chi", "0 < alpha"]
    )
    lambdas = ", ".join(f"Lambda_{k}" for k in reversed(range(1, last + 1)))
    bits, _ = _effort(places)
    body = f"""
Definition Lambda_1 : R := chi.
{sums}Definition sphere : R := {logs} + p_{last} / (2 * Lambda_{last}).

Lemma order : {order}.
Proof. unfold {", ".join(names)}. repeat split; lra. Qed.

(* Whatever the tower of Gaussian expectations is within its bounds. *)
Theorem certificate : forall tower : R, {_real(low)} <= tower <= {_real(high)} ->
  ({order}) /\\ sphere + alpha * tower <= - budget.
Proof.
  intros tower tower_in. split. exact order.
  unfold sphere, {lambdas}, {", ".join(names)}. interval with (i_prec {bits}).
Qed.
"""
    scope = EXACT.format(hypotheses=f"the bounds of the tower T_{claim.level}")
    head = HEADER.format(statement=checker.statement(claim.level, claim.alpha, claim.budget), scope=scope, tool=tool)
    return f"{head}\n{_definitions(values)}{body}{FOOTER}"


def _deep(claim: deep_checker.Claim, tool: str) -> str:
    """Deep networks: the suprema of the hidden layers and the count term are hypotheses."""
    hidden = range(1, len(claim.widths) + 1)
    values = {"alpha": claim.alpha, "budget": claim.budget, "chi_0": claim.chi_0}
    values |= {f"rho_{i}": rho for i, rho in enumerate(claim.rho, 1)}
    if claim.y is not None:
        values["y"] = claim.y
    with ctx.workprec(claim.precision):
        places = _places(-claim.budget - claim.upper)
        rho_last, count = deep_checker.count_term(claim, checker.ball_of(claim.alpha))
        _, layers = deep_checker._parts(claim)
        suprema = [deep_checker.local_maximum(*pair) for pair in zip(layers, claim.layers, strict=True)]
        if any(s is None for s in suprema):
            raise CertifyError("a hidden layer could not be bounded")
        tops = [_bounds(s[0], places)[1] for s in suprema if s is not None]
        count_top, (rho_low, rho_high) = _bounds(count, places)[1], _bounds(rho_last * rho_last, places)
    names = list(values)
    entry = "1 / (2 * chi_0)" if claim.y is None else "ln (1 + y / chi_0) / (2 * y)"
    total = f"{entry} + rho_1 ^ 2 * chi_0 / 2 + {' + '.join(f'G_{i}' for i in hidden)} + count"
    if claim.y is not None:
        squares = [f"rho_{i} ^ 2" for i in list(hidden)[1:]] + ["rho_last_squared"]
        total += f" - y / 2 * ({' + '.join(squares)})"
    variables = " ".join([*(f"G_{i}" for i in hidden), "count", *(["rho_last_squared"] if claim.y is not None else [])])
    hypotheses = "".join(f"\n  G_{i} <= {_real(top)} ->" for i, top in zip(hidden, tops, strict=True))
    hypotheses += f"\n  count <= {_real(count_top)} ->"
    if claim.y is not None:
        hypotheses += f"\n  {_real(rho_low)} <= rho_last_squared <= {_real(rho_high)} ->"
    bits, _ = _effort(places)
    logged = f"""
Lemma entry_small : {entry} <= {_real(_bounds(_entry(claim), places)[1])}.
Proof. unfold {", ".join(n for n in names if n in ("y", "chi_0"))}. interval with (i_prec {bits}). Qed.
"""
    body = f"""{logged}
(* Whatever the suprema G_i of the hidden layers and the count term are, below their bounds. *)
Theorem certificate : forall {variables} : R,{hypotheses}
  {_positive(names)} /\\ {total} <= - budget.
Proof.
  intros. pose proof entry_small as entry_in.
  repeat split; try (unfold {", ".join(names)}; lra).
  all: (revert entry_in; generalize ({entry}); intros entry entry_in; unfold {", ".join(names)} in *; lra).
Qed.
"""
    scope = EXACT.format(hypotheses="the bounds of the suprema of the hidden layers and of the count term")
    head = HEADER.format(statement=deep_checker.statement(claim), scope=scope, tool=tool)
    return f"{head}\n{_definitions(values)}{body}{FOOTER}"


def _entry(claim: deep_checker.Claim) -> arb:
    """The term of the input sphere."""
    with ctx.workprec(claim.precision):
        chi_0 = checker.ball_of(claim.chi_0)
        if claim.y is None:
            return 1 / (2 * chi_0)
        y = checker.ball_of(claim.y)
        return (1 + y / chi_0).log() / (2 * y)
