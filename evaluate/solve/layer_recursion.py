r"""The plain level by the scalar recursion over the layers: a second route, and a start.

One layer is a system of two equations in its multipliers; a chain of any depth is solved layer by layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sympy import diff

from flrdt.derive.conditions.layer_recursion import layer_recursion, output_closure

from ..arithmetic.backends import backend
from ..arithmetic.compile import compile_scalar

__all__ = ["LayerRecursionError", "RecursionLayer", "RecursionResult", "plain_recursion"]


class LayerRecursionError(ArithmeticError):
    """The recursion has no solution: a hidden layer is so narrow that its cost constraint does not bind."""


@dataclass(frozen=True)
class RecursionLayer:
    """Multipliers, ``E[s^2]`` and ``a_{i+1}^2`` of one hidden layer."""

    kappa: Any
    tau: Any
    square: Any
    next: Any


@dataclass(frozen=True)
class RecursionResult:
    """The last width, the threshold ``k`` and the active share of the output layer, and the hidden layers."""

    alpha: Any
    threshold: Any
    tail: Any
    layers: tuple[RecursionLayer, ...]


@lru_cache(maxsize=1)
def _layer_functions() -> Callable:
    form = layer_recursion()
    values = [form.gain, form.square, form.cost]
    slopes = [v * diff(e, v) for e in values for v in (form.kappa, form.tau)]
    return compile_scalar([*values, *slopes], [form.kappa, form.tau], backend("mpmath"))


@lru_cache(maxsize=1)
def _closure_functions() -> Callable:
    form = output_closure()
    values = [form.tail, form.second]
    return compile_scalar([*values, *(diff(e, form.k) for e in values)], [form.k], backend("mpmath"))


def _newton(step: Callable, start: Sequence[Any], what: str) -> list:
    """Damped Newton in logarithms; ``step`` returns the correction and whatever it wants to keep."""
    from mpmath import mp, mpf

    x, small = list(start), mpf(2) ** (-mp.prec // 2)
    done = False
    for _ in range(80):
        try:
            correction = step(x)
        except ZeroDivisionError:
            break
        size = max(map(abs, correction))
        damp = 1 if size < 1 else 1 / size
        x = [a + damp * c for a, c in zip(x, correction, strict=True)]
        if done:
            return x
        done = size < small  # one more step doubles the digits
    raise LayerRecursionError(f"{what}: the recursion did not converge")


def _hidden(width: Any, bound: Any, index: int) -> RecursionLayer:
    """Solve ``kappa E[s^2] = E[h s]``, ``alpha E[cost] = a^2`` for one layer."""
    from mpmath import exp, log, mpf

    functions = _layer_functions()
    if width * 3 <= bound * 4:  # E[cost] is at most 3/4: the constraint cannot bind
        raise LayerRecursionError(
            f"alpha_{index} = {float(width):.6g} is too small for a layer behind it to have a capacity: "
            f"it must exceed {float(bound) * 4 / 3:.6g} (4/3 of the squared bound a_{index})"
        )

    def step(x: list) -> list:
        gain, square, cost, gain_k, gain_t, square_k, square_t, cost_k, cost_t = functions(exp(x[0]), exp(x[1]))
        r = (x[0] + log(square / gain), log(width * cost / bound))
        a, b = 1 + square_k / square - gain_k / gain, square_t / square - gain_t / gain
        c, d = cost_k / cost, cost_t / cost
        det = a * d - b * c
        return [(b * r[1] - d * r[0]) / det, (c * r[0] - a * r[1]) / det]

    x = _newton(step, [mpf(-1) / 2, mpf(0)], f"hidden layer {index}")
    kappa, tau = exp(x[0]), exp(x[1])
    gain, square, *_ = functions(kappa, tau)
    return RecursionLayer(kappa, tau, square, width * gain**2 / square)


def plain_recursion(widths: Sequence[Any], budget: Any = None, alpha: Any = None) -> RecursionResult:
    r"""Plain capacity behind hidden layers of the given widths, at the current mpmath precision.

    The last layer solves :math:`\alpha\int_0^k u^2\phi = a_l^2`, with :math:`\alpha H(k)` the required count: the budget is
    given and alpha found, or, for an energy, alpha is given and the count found.
    Source: arXiv 2412.19677 (deep networks, plain level).  Raises :class:`LayerRecursionError`, also for an alpha of at
    most :math:`2 a_l^2`: then the plain energy is zero, and k infinite.

    >>> from mpmath import mp, nstr
    >>> with mp.workdps(30):
    ...     nstr(plain_recursion([plain_recursion([], 1).alpha], 1).alpha, 20)
    '7.540672913472712607'
    """
    from mpmath import exp, log, mpf

    bound, layers = mpf(1), []
    for i, width in enumerate(widths, start=1):
        layers.append(_hidden(mpf(width), bound, i))
        bound = layers[-1].next
    closure = _closure_functions()
    if alpha is not None and alpha <= 2 * bound:
        raise LayerRecursionError(
            f"alpha = {float(alpha):.6g} behind these widths: the plain energy is zero up to {float(2 * bound):.6g}"
        )

    def step(x: list) -> list:
        k = exp(x[0])
        tail, second, tail_k, second_k = closure(k)
        if alpha is not None:
            return [-log(alpha * second / bound) / (k * second_k / second)]
        residual = budget * second - bound * tail
        return [-residual / (k * (budget * second_k - bound * tail_k))]

    k = exp(_newton(step, [mpf(0)], "output layer")[0])
    tail = closure(k)[0]
    return RecursionResult(budget / tail if alpha is None else mpf(alpha), k, tail, tuple(layers))
