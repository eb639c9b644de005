r"""Kernels of committees by quadrature, where no closed form is known.

:math:`\Delta(p) = \mathbb E f(z_1) f(z_2) - (\mathbb E f)^2` and :math:`\Delta'(p) = \mathbb E f'(z_1) f'(z_2)` with
:math:`z_2 = p z_1 + \sqrt{1-p^2}\,u`, by the trapezoidal rule in z_1 and u.  For an activation that is analytic near the real line
it converges geometrically; the step is the one at which the averages of f^2 and f'^2 have settled to the working precision, so a
solve at more digits takes a finer one and sees what the coarser left out.
"""

from __future__ import annotations

import math
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
    """``Delta(p)`` and ``Delta'(p)`` for ``0 < p < 1``."""
    per_unit, (mean, _, _) = _rule(kernel.activation, backend)
    reach = _reach(_digits(backend))
    s = backend.functions()["sqrt"](1 - p * p)
    sums = _float_plane if backend.name == "float64" else _ball_plane
    value, slope = sums(kernel.activation, p, s, per_unit, reach, backend)
    return value - mean * mean, slope


def _float_plane(
    activation: Expr, p: float, s: float, per_unit: int, reach: float, backend: Any
) -> tuple[float, float]:
    import numpy

    functions = _compiled(activation, "float64")
    x = numpy.arange(-math.ceil(reach * per_unit), math.ceil(reach * per_unit) + 1) / per_unit
    weight = numpy.exp(-(x**2) / 2) / (math.sqrt(2 * math.pi) * per_unit)
    first, second = functions(x), functions(p * x[:, None] + s * x[None, :])
    shape = (len(x), len(x))
    found = [
        float((weight * numpy.broadcast_to(a, x.shape)) @ numpy.broadcast_to(b, shape) @ weight)
        for a, b in zip(first, second, strict=True)
    ]
    return found[0], found[1]


def _ball_plane(activation: Expr, p: Any, s: Any, per_unit: int, reach: float, backend: Any) -> tuple[Any, Any]:
    functions, exp = _compiled(activation, backend.name), backend.functions()["exp"]
    n = math.ceil(reach * per_unit)
    step = backend.number(1) / per_unit
    points = [step * j for j in range(-n, n + 1)]
    weights = [exp(-x * x / 2) for x in points]
    value = slope = backend.number(0)
    for i, (x, w) in enumerate(zip(points, weights, strict=True)):
        m = math.isqrt(max(n * n - (i - n) ** 2, 0))  # outside the disc the joint density is below the precision
        f, rise = functions(x)
        inner = rising = backend.number(0)
        centre = p * x
        for j in range(n - m, n + m + 1):
            a, b = functions(centre + s * points[j])
            inner, rising = inner + weights[j] * a, rising + weights[j] * b
        value, slope = value + w * f * inner, slope + w * rise * rising
    scale = step * step / (2 * backend.functions()["pi"]())
    return value * scale, slope * scale
