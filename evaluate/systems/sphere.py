r"""The sphere part of the energy form at any level, by the recursion that one derived level shows.

:math:`S_r = \sum_k s(\Lambda_{k-1}, \Lambda_k, y_k) + e(p_r, \Lambda_r)`,
:math:`\Lambda_k = \Lambda_{k-1} + y_k (p_{k-1} - p_k)`: the terms s and e are read off from the derived level 2 and
compiled once; value and gradient then cost O(r) instead of the O(r^3) of the written-out expression.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sympy import Add, Expr, Symbol, log

from flrdt.derive import Level, objective
from flrdt.derive.core.symbols import Lifting
from flrdt.derive.objectives.energy_map import lambda_forms

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_scalar
from ..arithmetic.slopes import slopes
from ..quadrature.one_field import TowerValue

__all__ = ["sphere_terms"]


@lru_cache(maxsize=8)
def _compiled_terms(backend_name: str, order: int) -> tuple[Any, Any, Any]:
    """``Lambda_2(Lambda_1, d, y)``, then s and e with their partial derivatives."""
    lifting = Lifting(Level(2))
    chi, p, y = objective(level=2).parameters("energy")
    before, after = lifting.Lambda(1), lifting.Lambda(2)
    form = lambda_forms(lifting)[after]
    sphere = objective(level=2).energy_terms["sphere"].subs(form, after).subs(chi, before)
    step = Add(*(term for term in Add.make_args(sphere) if term.has(log)))
    end = sphere - step
    b = get_backend(backend_name)
    gap = Lifting(Level(3)).p(3)  # any free symbol: stands for 1 - p_2
    follow = compile_scalar([form.subs(p, 1 - gap).subs(chi, before)], (before, gap, y), b)
    return follow, _compiled(step, (before, after, y), order, b), _compiled(end, (p, after), order, b)


def _compiled(e: Expr, symbols: tuple[Symbol, ...], order: int, backend: Any) -> Any:
    """The expression, its slopes (order 1), and its curvatures, all rows (order 2)."""
    program, n = slopes(e, symbols, order), len(symbols)
    found = list(program.outputs[: n + 1])
    if order == 2:
        triangle = program.outputs[n + 1 :]
        found += [triangle[max(i, j) * (max(i, j) + 1) // 2 + min(i, j)] for i in range(n) for j in range(n)]
    return compile_scalar(found, symbols, backend, definitions=program.definitions)


def sphere_terms(arguments: Sequence[Any], backend: Any, order: int = 1) -> TowerValue:
    """``S_r`` with its slopes and curvatures in the arguments Lambda_1, p_2..p_r, y_2..y_r, for level r >= 2."""
    b, n = backend, len(arguments)
    follow, inner, last = _compiled_terms(b.name, order)
    r = (n + 1) // 2
    overlaps, lifting = arguments[1:r], arguments[r:]
    gaps = [before - p for before, p in zip([b.number(1), *overlaps], overlaps, strict=False)]
    Lambdas = [arguments[0]]
    for gap, y in zip(gaps, lifting, strict=True):
        Lambdas.append(follow(Lambdas[-1], gap, y)[0])
    levels = [inner(low, high, y) for low, high, y in zip(Lambdas, Lambdas[1:], lifting, strict=False)]
    end = last(overlaps[-1], Lambdas[-1])
    value = sum((level[0] for level in levels), end[0])
    if not order:
        return TowerValue(value)

    # the slopes backwards; beside each number its change in every argument, a vector (empty at order 1)
    unit = [b.vector([b.number(int(i == j)) for j in range(n if order == 2 else 0)]) for i in range(n)]
    zero = b.vector([b.number(0)] * len(unit[0]))
    minus = b.number(-1)
    d_gaps = [b.add(u, b.scale(minus, v)) for u, v in zip([zero, *unit[1:r]], unit[1:r], strict=False)]
    changes = [unit[0]]
    for gap, y, d_gap, d_y in zip(gaps, lifting, d_gaps, unit[r:], strict=True):
        changes.append(b.add(changes[-1], b.add(b.scale(gap, d_y), b.scale(y, d_gap))))

    def change(second: Sequence[Any], vectors: Sequence[Any]) -> Any:
        total = zero
        for s, v in zip(second, vectors, strict=False):
            total = b.add(total, b.scale(s, v))
        return total

    at_end = (unit[r - 1], changes[-1])
    adjoint, moved = end[2], change(end[5:7], at_end)
    to_gaps, to_lifting = [], []
    for k in range(r - 2, -1, -1):
        _, s_before, s_after, s_y, *second = levels[k]
        along = (changes[k], changes[k + 1], unit[r + k])
        adjoint, moved = adjoint + s_after, b.add(moved, change(second[3:6], along))
        gap, y = gaps[k], lifting[k]
        turned = b.add(change(second[6:9], along), b.add(b.scale(gap, moved), b.scale(adjoint, d_gaps[k])))
        to_lifting.append((s_y + adjoint * gap, turned))
        to_gaps.append((adjoint * y, b.add(b.scale(y, moved), b.scale(adjoint, unit[r + k]))))
        adjoint, moved = adjoint + s_before, b.add(moved, change(second[0:3], along))
    to_gaps.reverse()
    to_gaps.append((end[1], change(end[3:5], at_end)))
    found = [(adjoint, moved)]
    for (low, low_moved), (high, high_moved) in itertools.pairwise(to_gaps[:-1]):
        found.append((high - low, b.add(high_moved, b.scale(minus, low_moved))))
    (low, low_moved), (direct, direct_moved) = to_gaps[-2], to_gaps[-1]
    found.append((direct - low, b.add(direct_moved, b.scale(minus, low_moved))))
    found += reversed(to_lifting)
    return TowerValue(value, [slope for slope, _ in found], [list(row) for _, row in found] if order == 2 else ())
