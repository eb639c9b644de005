"""Claims of a user: a small TOML or JSON text whose statements are verified like the entries of the registry.

A claim has an ``id``, a ``statement`` and the ``domain`` of its symbols; a ``level`` binds ``c_k``, ``gamma_s``,
``gamma_p``, ``Lambda_k``, ``Theta_k`` to the closed-form relations of that level, and a ``gate`` the functions
``W(x, D, y, chi)`` (innermost expectation) and ``M(h, chi)`` (Moreau envelope).  The file is untrusted: it is only parsed,
see :mod:`flrdt.evaluate.verification.claim_parser`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sympy import Eq, Expr, Rational, Symbol

from flrdt.derive.core.domains import Domain, DomainError, Range, default_domain
from flrdt.derive.core.formulas import InputError, Status
from flrdt.derive.core.symbols import Level, Lifting
from flrdt.derive.networks.gates import gate, relu
from flrdt.derive.objectives.relations import relations
from flrdt.derive.registry import Check, Entry, stated
from flrdt.derive.registry.entries import as_it_stands
from flrdt.derive.registry.lifting import DUAL

from ..arithmetic.decimals import parse_number
from ..machine.files import FileError, decoded, loads_json, loads_toml, read_bytes
from .claim_parser import FUNCTIONS, ClaimError, Parser, names

__all__ = ["LIMIT", "ClaimError", "claim_entries", "read_claims"]

LIMIT = 60.0
"""Seconds that a single claim may take."""

MAX_BYTES = 100_000
MAX_CLAIMS = 500
MAX_LEVEL = 6
MAX_GATE = 60
MAX_BITS = 400

KEYS = ("id", "title", "statement", "kind", "level", "gate", "domain")
KINDS = ("equation", "inequality")
OF_LEVEL = re.compile(r"gamma_[sp]|(c|Lambda|Theta)_\d+")
NAME = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*_?")


def read_claims(path: str | Path) -> list[Entry]:
    """The claims of a ``.toml`` or ``.json`` file as entries to verify; raises :class:`ClaimError` for a file that is not one."""
    file = Path(path)
    if file.suffix.lower() not in (".toml", ".json"):
        raise ClaimError(f"{path}: a claim file is named .toml or .json")
    try:
        content = read_bytes(path, MAX_BYTES)
    except FileError as problem:
        raise ClaimError(str(problem)) from None
    try:
        return claim_entries(content, file.suffix.lower()[1:])
    except InputError as problem:
        raise ClaimError(f"{path}: {problem}") from None


def claim_entries(content: bytes, language: str) -> list[Entry]:
    """The claims of the content of a file in ``toml`` or ``json``; raises :class:`ClaimError`.

    >>> text = b'[[claim]]\\nid = "tail"\\nstatement = "Phi(-x) == H(x)"\\ndomain = { x = [-3, 3] }'
    >>> [e.formula.statement for e in claim_entries(text, "toml")]
    [Eq(Phi(-x), H(x))]
    """
    try:
        # decimals stay text, so that they are read exactly
        if language == "toml":
            read = loads_toml(decoded(content), parse_float=str)
        else:
            read = loads_json(decoded(content), parse_float=str, parse_constant=str)
    except UnicodeDecodeError:
        raise ClaimError(f"not {language.upper()} text: it is not text in UTF-8") from None
    except FileError as problem:
        raise ClaimError(str(problem)) from None
    listed = read.get("claim") if isinstance(read, dict) and set(read) == {"claim"} else None
    if not isinstance(listed, list) or not listed:
        example = "[[claim]] tables" if language == "toml" else '{"claim": [{"id": ..., "statement": ...}]}'
        raise ClaimError(f"a claim file is a list of claims and nothing else: {example}")
    if len(listed) > MAX_CLAIMS:
        raise ClaimError(f"{len(listed)} claims: a file has at most {MAX_CLAIMS}")
    found: dict[str, Entry] = {}
    for number, claim in enumerate(listed, 1):
        name = _id(claim, number)
        if name in found:
            raise ClaimError(f"two claims have the id {name}")
        try:
            found[name] = _entry(name, claim)
        except InputError as problem:
            raise ClaimError(f"claim {name}: {problem}") from None
    return list(found.values())


def _id(claim: Any, number: int) -> str:
    if not isinstance(claim, dict):
        raise ClaimError(f"claim {number} is no table of keys: give it an id and a statement")
    name = claim.get("id")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name):
        raise ClaimError(f"claim {number} needs an id of letters, digits, dots, dashes and underscores")
    return name


def _entry(name: str, claim: dict[str, Any]) -> Entry:
    for key in claim:
        if key not in KEYS:
            raise ClaimError(f"unknown key {key[:40]!r}: a claim has {', '.join(KEYS)}")
    title = claim.get("title", name)
    if not isinstance(title, str) or len(title) > 200 or not title.isprintable():
        raise ClaimError("the title has to be a line of text of at most 200 characters")
    if "statement" not in claim:
        raise ClaimError("the statement is missing")
    mentioned = names(claim["statement"])
    bound, overrides = _bound(claim.get("level"))
    ranges = _ranges(claim.get("domain", {}), mentioned, bound)
    symbols = dict(bound)
    for s in mentioned - set(bound):
        symbols[s] = _symbol(s, ranges)
    written = claim.get("gate")
    if written is not None and (not isinstance(written, str) or len(written) > MAX_GATE):
        raise ClaimError(f"the gate has to be text of at most {MAX_GATE} characters, for example 'relu'")
    statement = Parser(symbols, relu() if written is None else gate(written)).relation(claim["statement"])
    kind = "equation" if isinstance(statement, Eq) else "inequality"
    if claim.get("kind", kind) != kind:
        raise ClaimError(
            f"the statement is an {kind}, but its kind says {str(claim['kind'])[:40]!r}: use {' or '.join(KINDS)}"
        )
    formula = stated(name, title, statement, status=Status.CONJECTURAL, source="claim of the user")
    domain = _domain(symbols, ranges, overrides)
    return Entry(formula, (Check("both sides as they are written", as_it_stands, lambda: domain, everywhere=True),))


def _bound(text: Any) -> tuple[dict[str, Expr], dict[str, tuple[Expr, Expr]]]:
    """What a level binds names to, and the ranges of its overlaps."""
    if text is None:
        return {}, {}
    level = Level.parse(text)
    if level.r > MAX_LEVEL:
        raise ClaimError(f"level {level}: claims go up to level {MAX_LEVEL}")
    lifting = Lifting(level)
    indices = range(1, level.r + 2)
    overlaps = {f"{f}_{k}": family(k) for f, family in (("p", lifting.p), ("q", lifting.q)) for k in indices}
    return overlaps | dict(relations(level)), DUAL


def _symbol(name: str, ranges: Mapping[str, tuple[Rational, Rational]]) -> Symbol:
    if name not in ranges:
        if OF_LEVEL.fullmatch(name):
            raise ClaimError(f"unknown symbol {name}: give a level that has it, or its domain")
        try:
            low, _ = default_domain([Symbol(name)]).box()[Symbol(name)]
        except DomainError:
            raise ClaimError(f"unknown symbol {name}: give its domain, for example {name} = [0, 1]") from None
        return Symbol(name, positive=True) if low > 0 else Symbol(name, real=True)
    return Symbol(name, positive=True) if ranges[name][0] > 0 else Symbol(name, real=True)


def _ranges(domain: Any, mentioned: set[str], bound: Mapping[str, Expr]) -> dict[str, tuple[Rational, Rational]]:
    if not isinstance(domain, dict):
        raise ClaimError("the domain has to give an interval per symbol, for example { x = [-3, 3] }")
    for name in sorted(mentioned):
        if name in FUNCTIONS or not NAME.fullmatch(name) or len(name) > 40:
            raise ClaimError(f"{name[:40]!r} cannot be the name of a symbol: use letters and an index, like x or x_0")
    found = {}
    for name, interval in domain.items():
        if name not in mentioned:
            raise ClaimError(f"the domain names {name[:40]!r}, which the statement does not contain")
        if name in bound:
            raise ClaimError(f"{name} belongs to the level, which gives its domain: leave it out of the domain")
        if not isinstance(interval, list) or len(interval) != 2:
            raise ClaimError(f"the domain of {name} has to be an interval like [0, 1] or ['1/3', '0.5']")
        low, high = (_end(end, name) for end in interval)
        if low >= high:
            raise ClaimError(f"contradictory domain of {name}: {low} is not less than {high}")
        found[name] = (low, high)
    return found


def _end(value: Any, name: str) -> Rational:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ClaimError(f"the domain of {name} has to have exact numbers as ends, like 3, 0.5 or '1/3'")
    if len(str(value) if isinstance(value, str) else "") > MAX_BITS:
        raise ClaimError(f"an end of the domain of {name} has too many digits")
    end = parse_number(value, f"the domain of {name}: the end")
    if max(end.numerator.bit_length(), end.denominator.bit_length()) > MAX_BITS:
        raise ClaimError(f"an end of the domain of {name} is too large or too small")
    return Rational(end.numerator, end.denominator)


def _domain(
    symbols: Mapping[str, Expr],
    ranges: Mapping[str, tuple[Rational, Rational]],
    overrides: Mapping[str, tuple[Expr, Expr]],
) -> Domain:
    free = {s for expr in symbols.values() for s in expr.free_symbols}
    given = [Range(s, *ranges[s.name]) for s in sorted(free, key=str) if s.name in ranges]
    rest = default_domain([s for s in free if s.name not in ranges], overrides)
    return Domain((*given, *rest.parts))
