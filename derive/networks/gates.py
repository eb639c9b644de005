"""Gates: a gate is its active set, and everything else about it is derived from that set.

A gate that is injective on an open set ``B`` of the line and constant on each component of the complement costs
``V(z) = 1`` for a pre-activation in ``B`` and 0 elsewhere; the objective sees it through the Moreau envelope of V.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from sympy import (
    Basic,
    Expr,
    Integer,
    Interval,
    Max,
    Min,
    Piecewise,
    Rational,
    Set,
    Symbol,
    Union,
    oo,
    solve,
    sympify,
)
from sympy.core.symbol import Str

from ..core.exact_numbers import parse_number
from ..core.formulas import InputError

__all__ = [
    "EnvelopePiece",
    "Gate",
    "GateError",
    "InjectiveGate",
    "MoreauEnvelope",
    "active_set",
    "gate",
    "read_gate",
    "relu",
]


class GateError(InputError):
    """The set is not the active set of a gate that the theory covers."""


@dataclass(frozen=True)
class EnvelopePiece:
    """One piece ``lower < h < upper`` of the envelope.

    ``distance`` is the distance of h to the complement of B where the cost is ``distance**2/(2 chi)``, and ``None``
    where the envelope is constant with value ``plateau`` (0 outside B, 1 where staying active is cheaper).
    """

    lower: Expr
    upper: Expr
    distance: Expr | None
    plateau: Expr = field(default=Integer(0))

    def value(self, chi: Expr) -> Expr:
        return self.plateau if self.distance is None else moving(self.distance, chi)


def moving(distance: Expr, chi: Expr) -> Expr:
    """What moving a pre-activation by a distance costs."""
    return distance**2 / (2 * chi)


def reach(chi: Expr) -> Expr:
    """How far a pre-activation is moved rather than left active, which costs 1.

    >>> reach(Symbol("chi", positive=True))
    sqrt(2)*sqrt(chi)
    """
    t, c = Symbol("t", positive=True), Symbol("chi", positive=True)
    return solve(moving(t, c) - 1, t, simplify=False)[0].subs(c, chi)


class Gate(Basic):
    """A gate given by its active set, an open union of intervals (theory, section 2).

    ``radius`` is the norm of the input: pre-activations are N(0, radius**2); only gates that are not positively
    homogeneous depend on it.  A gate is a SymPy object, of its active set, its name and its radius.  Raises
    :class:`GateError` for a set that is empty, the whole line, or of measure zero.

    >>> from sympy import Interval
    >>> Gate(Interval.open(0, oo)).pieces(Symbol("chi", positive=True))[1]
    EnvelopePiece(lower=0, upper=sqrt(2)*sqrt(chi), distance=h, plateau=0)
    """

    def __new__(cls, active: Set, name: str | Str = "", radius: Expr | int = 1) -> Gate:
        intervals = active.args if isinstance(active, Union) else (active,)
        if not all(isinstance(i, Interval) for i in intervals) or not all(
            e.is_real or e in (oo, -oo) for i in intervals for e in i.args[:2]
        ):
            raise GateError(f"active set {active} is not a finite union of intervals of positive length")
        if active == Interval(-oo, oo):
            raise GateError("the active set is the whole line: such a gate is injective and has capacity 1")
        size = sympify(radius)
        if not (size.is_number and size > 0):
            raise GateError(f"radius {radius} is not a positive number")
        ends = sorted(i.args[:2] for i in intervals)
        if any(b == c for (_, b), (c, _) in pairwise(ends)):
            raise GateError(
                f"active set {active} has touching intervals, which leave a set of measure zero inactive: join them"
            )
        # open and closed end points differ by null sets: the open version is the canonical one
        return Basic.__new__(cls, Union(*(Interval.open(*i.args[:2]) for i in intervals)), Str(str(name)), size)

    @property
    def active(self) -> Set:
        """The set on which the gate is active."""
        return self.args[0]

    @property
    def name(self) -> str:
        """What the gate is called; empty for one that was given by its set alone."""
        return self.args[1].name

    @property
    def radius(self) -> Expr:
        """The norm of the input."""
        return self.args[2]

    def _sympystr(self, printer: Any) -> str:
        return self.name or printer._print(self.active)

    @property
    def components(self) -> list[tuple[Expr, Expr]]:
        """End points of the components of the active set in units of the radius, from left to right."""
        intervals = self.active.args if isinstance(self.active, Union) else (self.active,)
        return sorted(((i.start / self.radius, i.end / self.radius) for i in intervals), key=lambda e: float(e[0]))

    @property
    def homogeneous(self) -> bool:
        """Whether the active set is a cone, so that the radius drops out."""
        return all(end in (0, oo, -oo) for component in self.components for end in component)

    @property
    def symmetric(self) -> bool:
        """Whether the active set is its own mirror image."""
        return all((-b, -a) in self.components for a, b in self.components)

    @property
    def convex_complement(self) -> bool:
        """Whether the inactive set is an interval (then the zero-energy phase ends at the plain-level threshold)."""
        return sum(piece.distance is None and piece.plateau == 0 for piece in self.pieces(Integer(1))) == 1

    def pieces(self, chi: Expr, h: Symbol | None = None) -> list[EnvelopePiece]:
        r"""Pieces of :math:`M_\chi(h) = \min_z [V(z) + (z-h)^2/(2\chi)]`, from left to right.

        Outside B the minimum is 0 (z = h).  Inside, it is the cheaper of staying, at cost 1, and of moving to the
        complement, at cost ``distance**2/(2 chi)``; the latter wins up to the distance ``sqrt(2 chi)``.
        """
        h = Symbol("h", real=True) if h is None else h
        found: list[EnvelopePiece] = []
        position: Expr = -oo
        farthest = reach(chi)
        for a, b in self.components:
            if a != position:
                found.append(EnvelopePiece(position, a, None))
            far = farthest if a == -oo or b == oo else Min(farthest, (b - a) / 2)
            left = a if a == -oo else a + far
            right = b if b == oo else b - far
            if a != -oo:
                found.append(EnvelopePiece(a, left, h - a))
            found.append(EnvelopePiece(left, right, None, Integer(1)))
            if b != oo:
                found.append(EnvelopePiece(right, b, b - h))
            position = b
        if position != oo:
            found.append(EnvelopePiece(position, oo, None))
        return found

    def distance(self, g: Expr) -> Expr:
        """Distance of g to the inactive set (0 on it).

        >>> relu().distance(Symbol("g", real=True))
        Max(0, g)
        """
        return Max(0, *(Min(*(e for e in (g - a, b - g) if e not in (oo, -oo))) for a, b in self.components))

    def limits(self) -> tuple[int, int]:
        """Cost of a pre-activation at -oo and at +oo (0 or 1)."""
        return int(self.components[0][0] == -oo), int(self.components[-1][1] == oo)

    def envelope(self, h: Expr, chi: Expr) -> MoreauEnvelope:
        """The Moreau envelope as an unevaluated expression; ``doit()`` unfolds it into its pieces."""
        return MoreauEnvelope(h, chi, self)


class MoreauEnvelope(Expr):
    r"""``M_chi(h)``, the Moreau envelope of the cost of a gate; ``doit()`` gives its pieces.

    >>> from sympy.abc import h
    >>> relu().envelope(h, Symbol("chi", positive=True))
    M_chi(h)
    """

    def __new__(cls, h, chi, gate):
        return Expr.__new__(cls, sympify(h), sympify(chi), gate)

    @property
    def gate(self) -> Gate:
        """The gate whose cost it is the envelope of."""
        return self.args[2]

    def _eval_is_real(self):
        return True

    def doit(self, **hints):
        h, chi = self.args[:2]
        dummy = Symbol("h", real=True)
        pieces = self.gate.pieces(chi, dummy)
        branches = [(p.value(chi).subs(dummy, h), h < p.upper) for p in pieces[:-1]]
        return Piecewise(*branches, (pieces[-1].value(chi).subs(dummy, h), True))

    def _eval_derivative(self, symbol):
        return self.doit().diff(symbol)

    def _sympystr(self, printer):
        return f"M_{printer._print(self.args[1])}({printer._print(self.args[0])})"

    def _latex(self, printer, exp=None):
        body = rf"M_{{{printer._print(self.args[1])}}}\left({printer._print(self.args[0])}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"


def relu() -> Gate:
    """The bias-free rectifier: active set (0, oo).

    >>> relu().active, relu().limits(), relu().homogeneous
    (Interval.open(0, oo), (0, 1), True)
    """
    return Gate(Interval.open(0, oo), "relu")


@dataclass(frozen=True)
class InjectiveGate:
    """A gate that is injective on the whole line, such as a leaky rectifier: every output stays active.

    A layer is then injective as soon as its matrix has rank n, so the injectivity capacity is 1.
    """

    name: str
    reason: str

    def __str__(self) -> str:
        return self.name


_INTERVAL = re.compile(r"\(([^,()]*),([^,()]*)\)")
_LONGEST = 2000
_BITS = 8000


def _exact(text: str, what: str) -> Rational:
    try:
        value = parse_number(text, what)
    except InputError as problem:
        raise GateError(str(problem)) from None
    if len(text) > _LONGEST or max(value.numerator.bit_length(), value.denominator.bit_length()) > _BITS:
        raise GateError(f"{what} {text[:40]!r} is too large, too small or too long")
    return Rational(value.numerator, value.denominator)


def _above(text: str, name: str) -> Set:
    return Interval.open(_exact(text, f"the threshold of {name}"), oo)


def _outside(text: str, name: str) -> Set:
    bound = _exact(text, f"the lambda of {name}")
    if bound <= 0:
        raise GateError(f"{name} needs a positive lambda, for example {name}:1/2, not {text}")
    return Union(Interval.open(-oo, -bound), Interval.open(bound, oo))


def _leaky(text: str, name: str) -> InjectiveGate:
    slope = _exact(text, f"the slope of {name}")
    if slope <= 0:
        raise GateError(f"{name} needs a positive slope, for example {name}:1/100, not {text}")
    return InjectiveGate(f"{name}:{text}", INCREASING)


#: Gates without a parameter, by their active set.  The hard sigmoid is clip((z + 3)/6, 0, 1).
PLAIN: dict[str, tuple[int, Expr | int]] = {
    "relu": (0, oo),
    "relu6": (0, 6),
    "hardsigmoid": (-3, 3),
    "hardtanh": (-1, 1),
}

#: Gates with one parameter.  ``relu-bias:b`` and ``threshold:b`` are active above b.
WITH_PARAMETER: dict[str, Callable[[str, str], Set | InjectiveGate]] = {
    "relu-bias": _above,
    "threshold": _above,
    "softshrink": _outside,
    "hardshrink": _outside,
    "leaky-relu": _leaky,
}


INCREASING = "the gate is strictly increasing, so no pre-activation is lost"

#: Gates without a parameter that are injective on the whole line, and why.
INJECTIVE = dict.fromkeys(
    ("arctan", "asinh", "celu", "elu", "erf", "identity", "linear", "logsigmoid", "selu", "sigmoid", "sinh", "softplus",
     "softsign", "tanh"),
    INCREASING,
)  # fmt: skip

#: Gates that the theory does not cover: where they are not constant, they take a value twice.
NOT_COVERED = {
    "abs": "z and -z",
    "cos": "the points of a period",
    "gaussian": "z and -z",
    "gelu": "points on both sides of its minimum at -0.7518",
    "hardswish": "points on both sides of its minimum at -1.5",
    "mish": "points on both sides of its minimum at -1.1924",
    "silu": "points on both sides of its minimum at -1.2785",
    "sin": "the points of a period",
    "swish": "points on both sides of its minimum at -1.2785",
}


def active_set(text: str) -> Set:
    """Read a union of open intervals; raises :class:`GateError` for anything else.

    >>> active_set("(-oo,-1/2) U (1/2,oo)")
    Union(Interval.open(-oo, -1/2), Interval.open(1/2, oo))
    """
    intervals: list[tuple[Expr, Expr]] = []
    for part in re.split(r"[U∪]", text) if len(text) <= _LONGEST else [text]:
        match = _INTERVAL.fullmatch(part.strip())
        if match is None:
            raise GateError(
                f"cannot read {part.strip()[:60]!r} as an open interval: write the active set like (-1,1) or "
                "(-oo,-1/2) U (1/2,oo)"
            )
        a, b = (_end(word.strip()) for word in match.groups())
        if not a < b:
            raise GateError(f"the interval {part.strip()} is empty: its left end has to be less than its right end")
        intervals.append((a, b))
    intervals.sort(key=lambda ends: (ends[0], ends[1]))
    for (a, b), (c, d) in pairwise(intervals):
        if c < b:
            raise GateError(f"the intervals ({a},{b}) and ({c},{d}) overlap: write their union as one interval")
    return Union(*(Interval.open(a, b) for a, b in intervals))


def _end(word: str) -> Expr:
    return {"-oo": -oo, "oo": oo, "+oo": oo}.get(word) or _exact(word, "the end point")


def gate(text: str, radius: Expr | int = 1) -> Gate:
    """The gate of a name, of ``name:parameter``, or of an active set written as a union of open intervals.

    Raises :class:`GateError` for an unknown name, a parameter that does not fit, a set that is not an active set, and a
    gate that is injective everywhere (see :func:`read_gate`).

    >>> gate("relu").active, gate("relu-bias:1/2").active
    (Interval.open(0, oo), Interval.open(1/2, oo))
    >>> gate("(-1,1)").components == gate("hardtanh").components
    True
    """
    found = read_gate(text, radius)
    if isinstance(found, InjectiveGate):
        raise GateError(f"gate {found} has no inactive set to derive anything from: {found.reason}; its capacity is 1")
    return found


def read_gate(text: str, radius: Expr | int = 1) -> Gate | InjectiveGate:
    """As :func:`gate`, but a gate that is injective everywhere is returned as an :class:`InjectiveGate`.

    Names may be written in capitals, and without their hyphens or with underscores.

    >>> read_gate("leaky-relu:1/100").reason
    'the gate is strictly increasing, so no pre-activation is lost'
    >>> read_gate("ReLU"), str(read_gate("Tanh")), read_gate("Leaky_ReLU:1/9").name
    (relu, 'tanh', 'leaky-relu:1/9')
    """
    if not isinstance(text, str):
        raise GateError(f"gate {text!r} is not a name or an active set: use text like 'relu' or '(-1,1)'")
    text = text.strip()
    word, colon, parameter = (part.strip() for part in text.partition(":"))
    if text.startswith(("(", "[", "{")):
        active = active_set(text)
        return Gate(active, text, sympify(radius))
    name = _known_as(word)
    if name in PLAIN and not colon:
        return Gate(Interval.open(*PLAIN[name]), name, sympify(radius))
    if name in WITH_PARAMETER and parameter:
        found = WITH_PARAMETER[name](parameter, name)
        return found if isinstance(found, InjectiveGate) else Gate(found, f"{name}:{parameter}", sympify(radius))
    if name in INJECTIVE and not colon:
        return InjectiveGate(name, INJECTIVE[name])
    if name in NOT_COVERED:
        raise GateError(
            f"gate {name} is not covered: it has the same value at {NOT_COVERED[name]}, and a gate here has to be "
            "injective where it is not constant; use relu, or another name that flrdt capacity --help lists"
        )
    if name in PLAIN or name in INJECTIVE:
        raise GateError(f"gate {name} takes no parameter: write {name}")
    if name in WITH_PARAMETER:
        raise GateError(f"gate {name} needs a parameter: for example {name}:1/2")
    known = [*PLAIN, *WITH_PARAMETER, *INJECTIVE]
    close = get_close_matches(word.lower(), known, 1)
    hint = f"did you mean {close[0]}?" if close else "use relu, another name that flrdt capacity --help lists,"
    raise GateError(f"unknown gate {text[:60]!r}: {hint}" + ("" if close else " or an active set like (-1,1)"))


def _known_as(word: str) -> str:
    """The name that a word stands for, or the word itself."""
    same = {name.replace("-", ""): name for name in (*PLAIN, *WITH_PARAMETER, *INJECTIVE, *NOT_COVERED)}
    return same.get(re.sub(r"[\s_-]", "", word.lower()), word)
