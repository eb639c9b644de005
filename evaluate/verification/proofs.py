"""Proofs that need no sample: symbolic identities, and inequalities by enclosures that cover a box."""

from __future__ import annotations

from typing import Any

from sympy import (
    Expr,
    Integer,
    Integral,
    Limit,
    Piecewise,
    Pow,
    Rational,
    Symbol,
    cancel,
    diff,
    erfc,
    exp,
    expand_log,
    log,
    together,
)
from sympy.polys.polyerrors import PolynomialError

from flrdt.derive.blocks.hidden_maximum import HiddenActivation, HiddenValue
from flrdt.derive.conditions.stationarity import TiltedExpectation
from flrdt.derive.core.domains import Domain
from flrdt.derive.core.gaussian import Expectation, H, Phi, phi
from flrdt.derive.core.maxima import Maximum
from flrdt.derive.networks.gates import MoreauEnvelope
from flrdt.derive.registry.entries import Comparison

from ..arithmetic.backends import backend
from ..arithmetic.compile import CompileError, compile_scalar

__all__ = ["enclosed", "identical", "proved"]

OPERATIONS = 120  # larger differences are left to the samples
CELLS = {1: 6000, 2: 6000, 3: 6000, 4: 500}  # by dimension: a box of more is not tried
BITS = 128
# what only the samples evaluate
NUMERIC = (
    Expectation,
    TiltedExpectation,
    Integral,
    Limit,
    Piecewise,
    MoreauEnvelope,
    HiddenValue,
    HiddenActivation,
    Maximum,
)


def proved(comparison: Comparison, domain: Domain) -> bool:
    """Whether the comparison could be proved; ``False`` says nothing about its truth."""
    if any(e.has(*NUMERIC) for e in comparison_sides(comparison)):
        return False
    if comparison.relation == "==":
        return identical(comparison)
    return enclosed(comparison, domain)


def comparison_sides(comparison: Comparison) -> tuple[Expr, Expr]:
    """Both sides."""
    return comparison.left, comparison.right


def identical(comparison: Comparison) -> bool:
    """Whether the difference of the sides, derivatives and substitutions done, cancels to zero.

    Square roots of positive symbols are removed first, so that what is left is a rational function of symbols,
    exponentials and logarithms.
    """
    difference = comparison.left.doit() - comparison.right.doit()
    if difference == 0:
        return True
    if difference.count_ops() > OPERATIONS:
        return False
    difference = difference.replace(H, lambda a: H(a).rewrite(erfc)).replace(Phi, lambda a: Phi(a).rewrite(erfc))
    difference = difference.replace(phi, lambda a: phi(a).rewrite(exp))
    if difference.has(log):
        difference = expand_log(difference, force=True)
        inner = {e: log(cancel(together(_rooted(e.args[0])))) for e in difference.atoms(log)}
        difference = expand_log(difference.xreplace(inner), force=True)
    try:
        return bool(cancel(together(_rooted(difference))) == 0)
    except PolynomialError:
        return False


def _rooted(expr: Expr) -> Expr:
    """Write every positive symbol that is under a root as a square."""
    under = {s for p in expr.atoms(Pow) if p.exp.is_Rational and p.exp.q == 2 for s in p.base.free_symbols}
    squares = {s: Symbol(f"{s.name}_root", positive=True) ** 2 for s in under if s.is_positive}
    return expr.subs(squares, simultaneous=True) if squares else expr


def enclosed(comparison: Comparison, domain: Domain) -> bool:
    """Whether ``left < right`` (or the other relation) holds on the whole box of the domain, by bisection in ball arithmetic.

    A cell is settled by the value on the cell, or by the value in its middle and the slopes on the cell (mean value form),
    which closes on cells where the former suffers from the symbols' occurring more than once.
    """
    if domain.conditioned:  # no box
        return False
    sides = [e.doit() for e in comparison_sides(comparison)]
    difference = sides[1] - sides[0] if comparison.relation in ("<", "<=") else sides[0] - sides[1]
    box = domain.box()
    symbols = tuple(sorted(difference.free_symbols, key=str))
    if len(symbols) > max(CELLS):
        return False
    b: Any = backend("arb")
    try:
        function = compile_scalar([difference], symbols, b)
    except CompileError:
        return False
    try:
        slopes = compile_scalar([diff(difference, s) for s in symbols], symbols, b)
    except CompileError:  # kinks have no slope: the value on the cell has to do
        slopes = None
    with b.precision(BITS):
        return _covered(function, slopes, [box[s] for s in symbols], b)


def _covered(function: Any, slopes: Any, box: list[tuple[Rational, Rational]], b: Any) -> bool:
    """Positivity on a box: bisect the widest side of a cell until its enclosure is positive."""
    cells, used = [box], 0
    while cells:
        cell = cells.pop()
        used += 1
        if used > CELLS[max(1, len(box))]:
            return False
        if _positive(function, slopes, cell, b):
            continue
        widths = [high - low for low, high in cell]
        if not widths or max(widths) == 0:
            return False
        # relative to the box, so that long sides do not take all the cuts
        share = [w / (high - low) if high > low else Integer(0) for w, (low, high) in zip(widths, box, strict=True)]
        widest = max(range(len(cell)), key=lambda i: share[i])
        low, high = cell[widest]
        middle = (low + high) / 2
        cells += [[*cell[:widest], half, *cell[widest + 1 :]] for half in ((low, middle), (middle, high))]
    return True


def _positive(function: Any, slopes: Any, cell: list[tuple[Rational, Rational]], b: Any) -> bool:
    balls = [_ball(b, low, high) for low, high in cell]
    if function(*balls)[0] > 0:
        return True
    if slopes is None or not cell:
        return False
    centre = [ball.mid() for ball in balls]
    change = sum(slope * (ball - mid) for slope, ball, mid in zip(slopes(*balls), balls, centre, strict=True))
    return bool(function(*centre)[0] + change > 0)


def _ball(b: Any, low: Rational, high: Rational) -> Any:
    return b.rational(int(low.p), int(low.q)).union(b.rational(int(high.p), int(high.q)))
