"""Formula objects: a statement together with the derivation that produced it.

Everything the toolkit derives is handed out as a :class:`Formula`, so that verification, certificates and
documentation all read the same object.  A :class:`Derivation` is an ordered chain of :class:`Step`; a step is a
sentence, an expression and a machine check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from sympy import Basic, Expr, Rational, Symbol, powsimp, simplify, together

__all__ = ["Derivation", "Formula", "InputError", "Status", "Step", "Verdict", "identically_zero"]


class InputError(ValueError):
    """Something the user gave cannot be used; the message says what is wrong and what would be right."""

    bad_input = True


class Status(StrEnum):
    """What kind of truth a statement has (theory, section 6)."""

    RIGOROUS = "rigorous"
    LIFTED = "lifted RDT value"
    FULLY_LIFTED = "fully lifted RDT value"
    CONJECTURAL = "conjectural"


class Verdict(StrEnum):
    """Outcome of a check.  ``UNKNOWN`` is never a pass."""

    PROVED = "proved"
    VERIFIED = "verified"
    UNKNOWN = "unknown"
    FAILED = "failed"


def identically_zero(expression: Expr, *, probes: int = 4) -> bool | None:
    """Decide whether an expression vanishes identically: ``True``, ``False``, or ``None`` if undecided.

    ``True`` only after a symbolic simplification to 0, ``False`` only after a numerical value that is not zero;
    the probes substitute distinct positive rationals for the free symbols.

    >>> from sympy.abc import x
    >>> identically_zero((x + 1)**2 - x**2 - 2*x - 1), identically_zero(x - x**2)
    (True, False)
    """
    if expression == 0:
        return True
    for rewrite in (together, powsimp, simplify):
        expression = rewrite(expression)
        if expression == 0:
            return True
    names = sorted(expression.free_symbols, key=str)
    for shift in range(probes):
        point = {s: Rational(7 * i + 3 * shift + 5, 11 * i + 17) for i, s in enumerate(names)}
        value = expression.subs(point).evalf(30, maxn=200)
        if value.is_number and value.is_finite and abs(value) > Rational(1, 10**15):
            return False
    return None


@dataclass(frozen=True)
class Step:
    """One link of a derivation: what is done, the expression it yields, and a check of it."""

    text: str
    expression: Basic
    check: Callable[[], bool | None]

    def verdict(self) -> Verdict:
        """Run the check (once): proved, failed, or unknown."""
        return self._verdict

    @cached_property
    def _verdict(self) -> Verdict:
        return {True: Verdict.PROVED, False: Verdict.FAILED, None: Verdict.UNKNOWN}[self.check()]


@dataclass(frozen=True)
class Derivation:
    """An ordered chain of checked steps; ``uses`` names the conditions that were assumed on the way."""

    steps: tuple[Step, ...]
    uses: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def verdict(self) -> Verdict:
        """The weakest verdict of the steps."""
        found = [step.verdict() for step in self.steps]
        for worst in (Verdict.FAILED, Verdict.UNKNOWN):
            if worst in found:
                return worst
        return Verdict.PROVED


@dataclass(frozen=True)
class Formula:
    """A derived statement with everything needed to publish it.

    ``statement`` is a SymPy relation; ``id`` is stable across versions; ``source`` names an arXiv id and what it
    covers; ``assumptions`` are sentences or relations under which the statement was derived.
    """

    id: str
    title: str
    statement: Basic
    derivation: Derivation
    status: Status
    source: str
    assumptions: tuple[str, ...] = ()
    variables: tuple[Symbol, ...] = field(default=())
