"""Formula objects: a statement together with the derivation that produced it.

Everything the toolkit derives is handed out as a :class:`Formula`, so that verification, certificates and
documentation all read the same object.  A :class:`Derivation` is an ordered chain of the steps of
:mod:`flrdt.derive.core.steps`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from html import escape
from typing import Any

from sympy import Basic, Expr, Rational, Symbol, latex, powsimp, simplify, together
from sympy.core.function import AppliedUndef
from sympy.core.relational import Equality

from .shown import Shown, gathered

__all__ = ["Basis", "Derivation", "Formula", "InputError", "Link", "Status", "Verdict", "identically_zero"]


class InputError(ValueError):
    """Something the user gave cannot be used; the message says what is wrong and what would be right.

    It is one line of a readable length, however long the input that it quotes.

    >>> len(str(InputError("9" * 100000)))
    605
    """

    bad_input = True

    def __str__(self) -> str:
        text = " ".join(super().__str__().split("\n"))
        return text if len(text) <= 800 else f"{text[:400]} ... {text[-200:]}"


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


class Basis(StrEnum):
    """What a step rests on that proves nothing: it introduces something, or cites a result."""

    DEFINITION = "definition"
    THEOREM = "theorem"


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
class Link:
    """A step at its place in a derivation, with the conclusions of the steps that it uses."""

    step: Any
    facts: tuple[Basic, ...]

    @property
    def text(self) -> str:
        """The sentence of the step."""
        return self.step.text

    @cached_property
    def expression(self) -> Basic:
        """What the step says: displayed, and what later steps use."""
        return _said(self.step, self.facts)

    def verdict(self) -> Verdict | Basis:
        """Outcome of the step's check, given the facts; a definition or a theorem is stated as such."""
        return self.step.verdict(self.facts)


@lru_cache(maxsize=8192)
def _said(step: Any, facts: tuple[Basic, ...]) -> Basic:
    """The statement of a step, which derivations share as they share the step."""
    return step.statement(facts)


def _functions(expr: Basic) -> set:
    return {applied.func for applied in expr.atoms(AppliedUndef)}


def _fact(known: dict[str, Basic], name: str) -> Basic:
    """The conclusion of a step by its name; ``~name`` is the equation from right to left."""
    fact = known[name.lstrip("~")]
    return fact.reversed if name.startswith("~") else fact


@dataclass(frozen=True, repr=False)
class Derivation(Shown):
    """A chain of steps, the last of which is the statement; ``uses`` names the conditions that were assumed on the way.

    Raises ``ValueError`` for a step that uses a name which no earlier step has, and for a name that two different steps have.
    """

    steps: tuple[Any, ...]
    uses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        earlier: dict[str, Any] = {}
        for step in self.steps:
            for name in getattr(step, "using", ()):
                if name.lstrip("~") not in earlier:
                    raise ValueError(f"step {step.text!r} uses {name!r}, which no earlier step is called")
            name = getattr(step, "name", "")
            if name and earlier.setdefault(name, step) != step:
                raise ValueError(f"two different steps are called {name!r}")

    def _line(self) -> str:
        return f"of {len(self)} step{'s' * (len(self) != 1)}: {self.steps[-1].text if self.steps else 'nothing is derived'}"

    def _tex(self) -> str:
        return gathered(latex(link.expression) for link in self)

    def _repr_html_(self) -> str:
        """Every step with its sentence."""
        steps = (f"<li>{escape(link.text)} $$ {escape(latex(link.expression), quote=False)} $$</li>" for link in self)
        return f"<ol>{''.join(steps)}</ol>"

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The steps with the facts that they start from."""
        known: dict[str, Basic] = {}
        found = []
        for step in self.steps:
            link = Link(step, tuple(_fact(known, name) for name in getattr(step, "using", ())))
            known[getattr(step, "name", "")] = link.expression
            found.append(link)
        return tuple(found)

    def __iter__(self) -> Iterator[Link]:
        return iter(self.links)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def conclusion(self) -> Basic:
        """What the last step says."""
        return self.links[-1].expression

    def concluded(self, name: str) -> Basic:
        """What the step of a name says; the last one for no name."""
        return next(link.expression for link in reversed(self.links) if not name or link.step.name == name)

    def _circular(self) -> bool:
        """Whether something is defined through itself, be it by way of other definitions."""
        through: dict[Any, set] = {}
        for link in self:
            if link.step.best is Basis.DEFINITION and isinstance(link.expression, Equality):
                left, right = link.expression.args
                if isinstance(left, Symbol):
                    through.setdefault(left, set()).update(right.free_symbols, _functions(right))
                elif isinstance(left, AppliedUndef) and all(isinstance(a, Symbol) for a in left.args):
                    through.setdefault(left.func, set()).update(right.free_symbols - set(left.args), _functions(right))
        while through:
            first = [name for name, needed in through.items() if not needed & through.keys()]
            if not first:
                return True
            for name in first:
                del through[name]
        return False

    def verdict(self) -> Verdict | Basis:
        """The weakest verdict of the steps; unknown if nothing was derived, failed if definitions go in a circle.

        Where no step proves anything it is a theorem if one is cited, else a definition.
        """
        if self._circular():
            return Verdict.FAILED
        found = []
        for link in self:
            found.append(link.verdict())
            if found[-1] is Verdict.FAILED:
                return Verdict.FAILED
        for worst in (Verdict.UNKNOWN, Verdict.VERIFIED):
            if worst in found:
                return worst
        for basis in (Verdict.PROVED, Basis.THEOREM, Basis.DEFINITION):
            if basis in found:
                return basis
        return Verdict.UNKNOWN


@dataclass(frozen=True, repr=False)
class Formula(Shown):
    """A derived statement with everything needed to publish it.

    ``statement`` is a SymPy relation; ``id`` is stable across versions; ``source`` names an arXiv id and what it
    covers; ``assumptions`` are sentences or relations under which the statement was derived.  The last step of the derivation
    is the statement, or the one that ``concludes`` names where a derivation has several results.  ``presentation`` is the
    statement as one prints it, which :meth:`verdict` proves equal.
    """

    id: str
    title: str
    statement: Basic
    derivation: Derivation
    status: Status
    source: str
    assumptions: tuple[str, ...] = ()
    concludes: str = ""
    presentation: Basic | None = None

    @classmethod
    def concluding(
        cls,
        id: str,
        title: str,
        derivation: Derivation,
        *,
        status: Status = Status.RIGOROUS,
        source: str = "Gaussian calculus",
        assumptions: tuple[str, ...] = (),
    ) -> Formula:
        """The formula that a derivation leads to: its statement is what the last step says.

        >>> from sympy import Derivative
        >>> from sympy.abc import x
        >>> from flrdt.derive.core.steps import Identity
        >>> slope = Derivation((Identity("Differentiate.", Derivative(x**2, x), 2*x),))
        >>> Formula.concluding("square.slope", "Slope of a square", slope).statement
        Eq(Derivative(x**2, x), 2*x)
        """
        return cls(id, title, derivation.conclusion, derivation, status, source, assumptions)

    @property
    def variables(self) -> tuple[Symbol, ...]:
        """The free symbols of the statement, by name."""
        return tuple(sorted(self.statement.free_symbols, key=str))

    @property
    def shown(self) -> Basic:
        """The statement as one prints it: its presentation form, or the statement itself."""
        return self.statement if self.presentation is None else self.presentation

    def _line(self) -> str:
        return f"{self.id}: {self.title} ({self.status.value})"

    def _tex(self) -> str:
        return latex(self.shown)

    def verdict(self) -> Verdict | Basis:
        """That of the derivation; failed if its step says another statement, or the presentation is not proved equal."""
        steps = self.derivation.steps
        if steps and self.derivation.concluded(self.concludes) != self.statement:
            return Verdict.FAILED
        if self.presentation is not None and not _same(self.statement, self.presentation):
            return Verdict.FAILED
        return self.derivation.verdict()


def _same(statement: Basic, presentation: Basic) -> bool:
    """Whether two equations are proved to have equal sides."""
    if type(statement) is not type(presentation):
        return False
    sides = zip(statement.args, presentation.args, strict=True)
    return all(left == right or identically_zero(left - right) is True for left, right in sides)
