r"""Kernels of committees by quadrature, where no closed form is known.

By Mehler's formula :math:`\Delta(p) = \mathbb E f(z_1) f(z_2) - (\mathbb E f)^2 = \sum_{n \ge 1} c_n^2 p^n`, with the coefficients
:math:`c_n = \mathbb E f(z)\, He_n(z)/\sqrt{n!}`, by the trapezoidal rule.  For an activation that is analytic near the real line
the rule converges geometrically; the step is the one at which the averages of f^2 and f'^2 have settled to the working precision, so
a solve at more digits takes a finer one and sees what the coarser left out.  The squares of the coefficients sum to
:math:`\operatorname{Var} f`, and n times them to :math:`\mathbb E f'^2`: that bounds what a sum to n = N leaves out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sympy import Expr, Symbol, diff

from flrdt.derive.blocks.kernels import Kernel, KernelError

from ..arithmetic.backends import backend as get_backend
from ..arithmetic.compile import compile_scalar

__all__ = ["kernel_at", "kernel_ends"]

FLOAT_DIGITS = 15.0
GUARD_DIGITS = 8
FIRST, LEAST = 2, 160  # points per unit of the first rule, and of the finest
MOST = 4000  # coefficients: activations that need more are all but singular on the real line
z = Symbol("z", real=True)


@lru_cache(maxsize=32)
def _compiled(activation: Expr, name: str) -> Any:
    """``f`` and ``f'``."""
    return compile_scalar([activation, diff(activation, z)], (z,), get_backend(name))


def _digits(backend: Any) -> float:
    if backend.name == "float64":
        return FLOAT_DIGITS
    from flint import ctx

    return ctx.prec * math.log10(2) - GUARD_DIGITS


def _reach(digits: float) -> float:
    """Beyond it the density is smaller than so many digits, and a growth like z^8 does not make up for it."""
    return math.sqrt(2 * (digits + 6) * math.log(10))


def _line(activation: Expr, backend: Any, per_unit: int, reach: float) -> list:
    """Averages of ``f, f^2, f'^2`` over one standard normal field."""
    step = backend.number(1) / per_unit
    functions, exp = _compiled(activation, backend.name), backend.functions()["exp"]
    n = math.ceil(reach * per_unit)
    totals = [backend.number(0)] * 3
    norm = step / backend.functions()["sqrt"](2 * backend.functions()["pi"]())
    for j in range(-n, n + 1):
        x = step * j
        f, rise = functions(x)
        weight = norm * exp(-x * x / 2)
        totals = [t + weight * v for t, v in zip(totals, (f, f * f, rise * rise), strict=True)]
    return totals


def _rule(activation: Expr, backend: Any) -> tuple[int, tuple]:
    """Points per unit at which the averages have settled, and those averages.

    Raises ``KernelError`` if they do not settle: the activation is not analytic near the real line, or grows too fast.
    """
    return _settled(activation, backend.name, round(_digits(backend)))


@lru_cache(maxsize=64)
def _settled(activation: Expr, name: str, digits: int) -> tuple[int, tuple]:
    backend = get_backend(name)
    per_unit, before = FIRST, None
    while per_unit <= LEAST:
        try:
            found = [
                float(abs(v)) if name == "float64" else v for v in _line(activation, backend, per_unit, _reach(digits))
            ]
        except (ArithmeticError, ValueError):
            break
        floats = [float(v) for v in found]
        if not all(map(math.isfinite, floats)):
            break
        tolerance = 10.0 ** -min(digits, 300)
        size = max(1.0, *map(abs, floats))
        if before is not None and all(abs(float(a - b)) < tolerance * size for a, b in zip(found, before, strict=True)):
            return per_unit, tuple(_line(activation, backend, per_unit, _reach(digits)))
        before, per_unit = found, math.ceil(per_unit * 1.5)
    raise KernelError(
        f"the averages of {activation} and of its derivative over a Gaussian field are infinite or do not settle: without a "
        "closed form a hidden activation has to be analytic near the real line, with E f'(z)^2 finite"
    )


def kernel_ends(kernel: Kernel, backend: Any) -> tuple[Any, Any]:
    """``Delta(1)`` and ``Delta'(1)``; raises ``KernelError`` as the rule does."""
    mean, square, rise = _rule(kernel.activation, backend)[1]
    return square - mean * mean, rise


def kernel_at(kernel: Kernel, p: Any, backend: Any) -> tuple[Any, Any]:
    """``Delta(p)`` and ``Delta'(p)`` for ``0 < p < 1``; raises ``KernelError`` if the series does not end."""
    squares = _squares(kernel.activation, backend.name, round(_digits(backend)))
    value = slope = backend.number(0)
    whole, steep = kernel_ends(kernel, backend)
    power, least = backend.number(1), 10.0 ** -min(_digits(backend) + 1, 300)
    for n in range(1, MOST + 1):
        square = squares(n)
        slope, whole, steep = slope + n * square * power, whole - square, steep - n * square
        power = power * p
        value = value + square * power
        # the terms that are left have at least this power of p, and their coefficients sum to what is left of the ends
        if float(power) * max(abs(float(steep)), float(p) * abs(float(whole))) < least:
            return value, slope
    raise KernelError(
        f"the kernel of {kernel.activation} at {float(p):.15g} needs more than {MOST} Hermite coefficients: without a closed form a "
        "hidden activation has to be analytic near the real line"
    )


@lru_cache(maxsize=64)
def _squares(activation: Expr, name: str, digits: int) -> Callable[[int], Any]:
    """The squares of the coefficients, computed as far as they are asked for.

    He_n comes from its recurrence, which is stable where it oscillates; balls would grow at every step, so their midpoints go on.
    """
    b = get_backend(name)
    per_unit, reach = _rule(activation, b)[0], math.sqrt(2) * _reach(digits)  # He_n grows like the root of 1/density
    n, exp = math.ceil(reach * per_unit), b.functions()["exp"]
    norm = 1 / (per_unit * b.functions()["sqrt"](2 * b.functions()["pi"]()))
    x: Any = [b.number(j) / per_unit for j in range(-n, n + 1)]
    weighted: Any = [norm * exp(-v * v / 2) * _compiled(activation, name)(v)[0] for v in x]
    if name == "float64":
        import numpy

        x, weighted = numpy.array(x), numpy.array(weighted)
    found, flat = [b.number(0)], [0 * v for v in x]
    state = [0 * x if name == "float64" else flat, 0 * x + 1 if name == "float64" else [1 + v for v in flat]]

    def root(k: int) -> Any:
        return b.functions()["sqrt"](b.number(k))

    def square(k: int) -> Any:
        while len(found) <= k:
            m = len(found)
            up, down = 1 / root(m), root(m - 1)
            before, now = state
            if name == "float64":
                after = (x * now - down * before) * up
                total = float(weighted @ after)
            else:
                after = [((v * u - down * w) * up).mid() for v, u, w in zip(x, now, before, strict=True)]
                total = sum((w * a for w, a in zip(weighted, after, strict=True)), b.number(0)).mid()
            state[:] = now, after
            found.append(total * total)
        return found[k]

    return square
