"""What a registry entry is: a formula, the domain of its symbols, and a route to its truth other than its derivation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial

from sympy import Basic, Eq, Expr, Ge, Gt, Le, Lt, Symbol
from sympy.core.relational import Relational

from ..core.domains import Domain, default_domain
from ..core.formulas import Derivation, Formula, Status

__all__ = ["Check", "Comparison", "Entry", "as_it_stands", "make_entry", "stated"]


@dataclass(frozen=True)
class Comparison:
    """``left <relation> right``, both evaluated from their definitions.

    Unevaluated objects are what makes the route independent: an expectation is integrated numerically, a derivative is
    a difference quotient, a limit is taken at an extreme point, an envelope is a minimum.
    """

    left: Expr
    right: Expr
    relation: str = "=="

    @classmethod
    def of(cls, statement: Relational) -> Comparison:
        """The two sides of a relation."""
        signs = {Eq: "==", Lt: "<", Le: "<=", Gt: ">", Ge: ">="}
        return cls(statement.lhs, statement.rhs, signs[type(statement)])

    @property
    def free_symbols(self) -> set[Symbol]:
        return self.left.free_symbols | self.right.free_symbols


Route = Callable[[Relational], Sequence[Comparison]]


@dataclass(frozen=True)
class Check:
    """A route from a statement to comparisons, and what is independent about it in a sentence.

    The route reads the statement that it is given, so that a changed statement is checked as changed.  ``place`` makes the
    domain, when it is asked for: what is only shown or derived needs no route.  ``most`` caps the
    number of samples where one is expensive.  ``instances`` says that the comparisons are cases of the statement: then
    they cannot prove it, however they are shown.  ``everywhere`` asks for points of the domain where a side has no value
    even where no proof is in reach, as for statements that nobody has looked at before.
    """

    how: str
    route: Route
    place: Callable[[], Domain]
    most: int | None = None
    instances: bool = False
    everywhere: bool = False

    @cached_property
    def domain(self) -> Domain:
        """What the symbols of the comparisons range over."""
        return self.place()


@dataclass(frozen=True)
class Entry:
    """A registered formula with its domain and its independent checks."""

    formula: Formula
    checks: tuple[Check, ...] = field(default=())

    @property
    def id(self) -> str:
        return self.formula.id

    @property
    def domain(self) -> Domain:
        """Domain of the first check."""
        return self.checks[0].domain

    def also(self, how: str, route: Route, ranges: dict | None = None) -> Entry:
        """The entry with one more check, on the domain of the symbols that its comparisons contain."""
        return replace(self, checks=(*self.checks, Check(how, route, partial(_domain, self.formula, route, ranges))))


def as_it_stands(statement: Relational) -> list[Comparison]:
    """Evaluate both sides as they are written: for statements one side of which is a definition."""
    return [Comparison.of(statement)]


def make_entry(
    formula: Formula,
    how: str,
    route: Route = as_it_stands,
    *,
    most: int | None = None,
    ranges: dict | None = None,
    instances: bool = False,
) -> Entry:
    """An entry with one check; its domain is that of the symbols which the comparisons contain."""
    route = lru_cache(maxsize=1)(route)  # what the domain was read from is what will be compared
    return Entry(formula, (Check(how, route, partial(_domain, formula, route, ranges), most, instances),))


def _domain(formula: Formula, route: Route, ranges: dict | None) -> Domain:
    return default_domain({s for comparison in route(formula.statement) for s in comparison.free_symbols}, ranges)


def stated(
    id: str,
    title: str,
    statement: Basic,
    *,
    derivation: Derivation | None = None,
    status: Status = Status.RIGOROUS,
    source: str = "Gaussian calculus",
    assumptions: tuple[str, ...] = (),
) -> Formula:
    """A formula for a statement of the registry itself; ``derivation`` is what it follows from."""
    return Formula(
        id=id,
        title=title,
        statement=statement,
        derivation=derivation or Derivation(()),
        status=status,
        source=source,
        assumptions=assumptions,
    )
