"""Truncated Taylor arithmetic over balls: a value with its first (and second) derivatives, all enclosed.

A formula that is evaluated on jets gives a rigorous gradient and Hessian without a symbolic derivative,
over a point or over a whole box of parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flint import arb, fmpq

__all__ = ["Jet", "JetBackend", "KinkError", "variables"]

Number = int | arb


class Jet:
    """Taylor polynomial of degree one or two in n variables.

    ``value`` is f, ``slope[i]`` is d_i f, ``bend[i][j]`` (j <= i) the Taylor coefficient of x_i x_j, that is
    d_i d_j f for i != j and d_i^2 f / 2 for i = j. A first-order jet has an empty ``bend``.
    """

    __slots__ = ("bend", "slope", "value")

    def __init__(self, value: arb, slope: list[arb], bend: list[list[arb]]) -> None:
        self.value = value
        self.slope = slope
        self.bend = bend

    @classmethod
    def constant(cls, value: arb, variables: int, order: int = 2) -> Jet:
        """A quantity that depends on none of the variables."""
        zero = arb(0)
        bend = [[zero] * (i + 1) for i in range(variables)] if order == 2 else []
        return cls(value, [zero] * variables, bend)

    @classmethod
    def variable(cls, value: arb, index: int, variables: int, order: int = 2) -> Jet:
        """The variable number ``index`` itself."""
        jet = cls.constant(value, variables, order)
        jet.slope[index] = arb(1)
        return jet

    @classmethod
    def bounded(cls, size: arb, distance: arb, variables: int, order: int = 2) -> Jet:
        """Any function analytic and at most ``size`` on a polydisc, ``distance`` inside its edge (Cauchy)."""
        balls = [arb(0, (size / distance**k).upper()) for k in range(3)]
        bend = [[balls[2]] * (i + 1) for i in range(variables)] if order == 2 else []
        return cls(balls[0], [balls[1]] * variables, bend)

    def extended(self, variables: int) -> Jet:
        """The same function seen as one of more variables (the new ones come last)."""
        zero, old = arb(0), len(self.slope)
        bend = [*self.bend, *([zero] * (i + 1) for i in range(old, variables))] if self.bend else []
        return Jet(self.value, self.slope + [zero] * (variables - old), bend)

    def second(self, i: int, j: int) -> arb:
        """The derivative d_i d_j f."""
        return 2 * self.bend[i][i] if i == j else self.bend[max(i, j)][min(i, j)]

    def __add__(self, other: Jet | Number) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.value + other, self.slope, self.bend)
        return Jet(
            self.value + other.value,
            [a + b for a, b in zip(self.slope, other.slope, strict=True)],
            [[a + b for a, b in zip(r, s, strict=True)] for r, s in zip(self.bend, other.bend, strict=True)],
        )

    __radd__ = __add__

    def __neg__(self) -> Jet:
        return self * -1

    def __sub__(self, other: Jet | Number) -> Jet:
        return self + -other

    def __rsub__(self, other: Number) -> Jet:
        return -self + other

    def __mul__(self, other: Jet | Number) -> Jet:
        if not isinstance(other, Jet):
            return Jet(
                self.value * other,
                [a * other for a in self.slope],
                [[a * other for a in row] for row in self.bend],
            )
        a, b, f, g = self.value, other.value, self.slope, other.slope
        bend = []
        for i, (r, s) in enumerate(zip(self.bend, other.bend, strict=True)):
            row = [a * s[j] + b * r[j] + f[i] * g[j] + f[j] * g[i] for j in range(i)]
            row.append(a * s[i] + b * r[i] + f[i] * g[i])
            bend.append(row)
        return Jet(a * b, [a * y + b * x for x, y in zip(f, g, strict=True)], bend)

    __rmul__ = __mul__

    def _compose(self, value: arb, first: arb, half_second: arb) -> Jet:
        """Chain rule for a scalar function with the given value, derivative and half second derivative."""
        bend = []
        for i, row in enumerate(self.bend):
            scaled = half_second * self.slope[i]
            new = [first * row[j] + 2 * scaled * self.slope[j] for j in range(i)]
            new.append(first * row[i] + scaled * self.slope[i])
            bend.append(new)
        return Jet(value, [first * x for x in self.slope], bend)

    def inverse(self) -> Jet:
        """1/f."""
        i = 1 / self.value
        return self._compose(i, -i * i, i * i * i)

    def __truediv__(self, other: Jet | Number) -> Jet:
        return self * (other.inverse() if isinstance(other, Jet) else 1 / arb(other))

    def __rtruediv__(self, other: Number) -> Jet:
        return self.inverse() * other

    def __pow__(self, exponent: int | Jet) -> Jet:
        if isinstance(exponent, int):
            if exponent in (0, 1):
                return self if exponent else Jet.constant(arb(1), len(self.slope), 2 if self.bend else 1)
            v, n = self.value, exponent
            return self._compose(v**n, n * v ** (n - 1), n * (n - 1) // 2 * v ** (n - 2))
        return (self.log() * exponent).exp()

    def exp(self) -> Jet:
        e = self.value.exp()
        return self._compose(e, e, e / 2)

    def log(self) -> Jet:
        i = 1 / self.value
        return self._compose(self.value.log(), i, -i * i / 2)

    def sqrt(self) -> Jet:
        s = self.value.sqrt()
        return self._compose(s, 1 / (2 * s), -1 / (8 * s * self.value))

    def erfc(self) -> Jet:
        x = self.value
        first = -2 / arb.pi().sqrt() * (-(x * x)).exp()
        return self._compose(x.erfc(), first, -x * first)

    def sin(self) -> Jet:
        s, c = self.value.sin(), self.value.cos()
        return self._compose(s, c, -s / 2)

    def cos(self) -> Jet:
        s, c = self.value.sin(), self.value.cos()
        return self._compose(c, -s, -c / 2)

    def atan(self) -> Jet:
        x = self.value
        first = 1 / (1 + x * x)
        return self._compose(x.atan(), first, -x * first * first)


def variables(values: Sequence[arb], order: int = 2) -> list[Jet]:
    """The coordinates of a point (or box) as jets."""
    return [Jet.variable(v, i, len(values), order) for i, v in enumerate(values)]


class JetBackend:
    """The functions that compiled formulas call, for balls and jets alike (see ``compile``)."""

    name = "jets"

    def functions(self) -> dict[str, Callable]:
        return {
            **{name: _method(name) for name in ("exp", "log", "sqrt", "erfc", "atan", "sin", "cos")},
            "rational": lambda p, q: arb(fmpq(p, q)),
            "pi": arb.pi,
            "power": _power,
            "minimum": lambda a, b: a if _below(a, b) else b,
            "maximum": lambda a, b: b if _below(a, b) else a,
            "step": lambda x: arb(0) if _below(x, 0) else arb(1),
        }


class KinkError(ArithmeticError):
    """A minimum or maximum cannot be decided on the box, so it may have no derivative there."""


def _below(a: Any, b: Any) -> bool:
    difference = a - b
    size = difference.value if isinstance(difference, Jet) else arb(difference)
    if not (size < 0 or size > 0):
        raise KinkError("a minimum or maximum is not decided on the whole box")
    return bool(size < 0)


def _power(base: Any, exponent: int) -> Any:
    """``base**exponent`` by products, for exponents from 0 on."""
    result: Any = arb(1)
    for _ in range(exponent):
        result = result * base
    return result


def _method(name: str) -> Callable:
    def call(value: Any) -> Any:
        return getattr(arb(value) if isinstance(value, int) else value, name)()

    return call
