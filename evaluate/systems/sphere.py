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

from sympy import Add, diff, log

from flrdt.derive import Level, objective
from flrdt.derive.core.symbols import Lifting
from flrdt.derive.objectives.energy_map import lambda_forms

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_scalar

__all__ = ["sphere_terms"]


@lru_cache(maxsize=8)
def _compiled_terms(backend_name: str) -> tuple[Any, Any, Any]:
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
    inner = compile_scalar([step, *(diff(step, s) for s in (before, after, y))], (before, after, y), b)
    last = compile_scalar([end, *(diff(end, s) for s in (p, after))], (p, after), b)
    return follow, inner, last


def sphere_terms(chi: Any, overlaps: Sequence, lifting: Sequence, backend: Any) -> tuple[Any, list]:
    """``S_r`` and its gradient in the order chi, p_2..p_r, y_2..y_r, for level r >= 2.

    ``overlaps`` are p_2..p_r and ``lifting`` y_2..y_r, numbers of the backend.
    """
    follow, inner, last = _compiled_terms(backend.name)
    gaps = [before - p for before, p in zip([backend.number(1), *overlaps], overlaps, strict=False)]
    Lambdas = [chi]
    for gap, y in zip(gaps, lifting, strict=True):
        Lambdas.append(follow(Lambdas[-1], gap, y)[0])
    levels = [inner(low, high, y) for low, high, y in zip(Lambdas, Lambdas[1:], lifting, strict=False)]
    end, d_p, adjoint = last(overlaps[-1], Lambdas[-1])
    total = end
    d_gaps, d_y = [], []
    for (value, d_before, d_after, d_direct), gap, y in zip(
        reversed(levels), reversed(gaps), reversed(lifting), strict=True
    ):
        total = total + value
        adjoint = adjoint + d_after  # derivative in Lambda_k = Lambda_{k-1} + y_k gap_k
        d_y.append(d_direct + adjoint * gap)
        d_gaps.append(adjoint * y)
        adjoint = adjoint + d_before
    d_gaps.reverse()
    d_overlaps = [after - before for before, after in itertools.pairwise(d_gaps)] + [d_p - d_gaps[-1]]
    return total, [adjoint, *d_overlaps, *reversed(d_y)]
