"""Arithmetic backends: float64 (numpy), mpmath (reference) and Arb (python-flint, the fast one).

A backend offers elementary functions on its own number type, exact rationals, vectors on a grid, and the convolution
that the tower is made of.  Precision is process-global in mpmath and flint: it is set inside ``with backend.precision``
and restored after it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, Protocol

from flrdt.derive.core.formulas import InputError

__all__ = ["Arb", "Backend", "Float64", "Mpmath", "backend"]

CIRCULAR = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")


class Backend(Protocol):
    """What the evaluators need of an arithmetic.  Vectors are sequences of numbers of the backend."""

    name: str

    def precision(self, bits: int) -> Any:
        """Context manager: work with at least this many bits, restore the old precision afterwards."""

    def number(self, value: Any) -> Any:
        """An exact conversion from int, Fraction, decimal string, mpf, arb or float."""

    def functions(self) -> dict[str, Callable]:
        """The names that compiled expressions call."""

    def apply(self, function: Callable, xs: Sequence) -> list[Sequence]:
        """Map a function of one number, returning a tuple, over a vector: one vector per component."""

    def vector(self, values: Sequence) -> Sequence:
        """A vector of numbers of the backend."""

    def integers(self, low: int, high: int) -> Sequence:
        """The vector low, low + 1, ..., high."""

    def map(self, name: str, v: Sequence) -> Sequence:
        """An elementary function of :meth:`functions`, by entry."""

    def scale(self, c: Any, v: Sequence) -> Sequence:
        """A number times a vector."""

    def add(self, a: Sequence, b: Sequence) -> Sequence:
        """Sum by entry."""

    def multiply(self, a: Sequence, b: Sequence) -> Sequence:
        """Product by entry."""

    def divide(self, a: Sequence, b: Sequence) -> Sequence:
        """Quotient by entry."""

    def dot(self, a: Sequence, b: Sequence) -> Any:
        """Sum of products."""

    def gram(self, weights: Sequence, rows: Sequence[Sequence], others: Sequence[Sequence]) -> list[list]:
        """``sum_x w_x a_x b_x`` for every a among the rows and every b among the others."""

    def extend(self, v: Sequence, before: int, left: Any, after: int, right: Any) -> Sequence:
        """The vector continued by constants on both sides."""

    def spread(self, v: Sequence, ratio: int) -> Sequence:
        """Zeros between the entries: every ``ratio``-th entry of the result is one of v."""

    def convolve(self, kernel: Sequence, values: Sequence) -> Sequence:
        """Full discrete convolution."""

    def to_mpf(self, value: Any) -> Any:
        """The number as an mpf at the current mpmath precision."""


class Float64:
    """Double precision through numpy; vectors are arrays."""

    name = "float64"

    @contextmanager
    def precision(self, bits: int) -> Iterator[None]:
        yield

    def number(self, value: Any) -> Any:
        return value if isinstance(value, complex) else float(value)

    def rational(self, p: int, q: int) -> float:
        return p / q

    def functions(self) -> dict[str, Callable]:
        import numpy
        from scipy import special

        return {
            "exp": numpy.exp,
            "log": numpy.log,
            "sqrt": numpy.sqrt,
            "erfc": special.erfc,
            "rational": self.rational,
            "pi": lambda: math.pi,
            "e": lambda: math.e,
            "euler": lambda: float(numpy.euler_gamma),
            "catalan": lambda: 0.915965594177219,
            "minimum": numpy.minimum,
            "maximum": numpy.maximum,
            # arguments are complex in complex-step derivatives
            "step": lambda a: numpy.heaviside(numpy.real(a), 0.5),
            "sign": lambda a: numpy.sign(numpy.real(a)),
            "absolute": lambda a: numpy.where(numpy.real(a) < 0, -a, a)[()],
            "piecewise": _array_piecewise,
            "atan": numpy.arctan,
            "asin": numpy.arcsin,
            "acos": numpy.arccos,
            "cos": numpy.cos,
            "sin": numpy.sin,
            "tan": numpy.tan,
            "sinh": numpy.sinh,
            "cosh": numpy.cosh,
            "tanh": numpy.tanh,
            "asinh": numpy.arcsinh,
            "acosh": numpy.arccosh,
            "atanh": numpy.arctanh,
            "erf": special.erf,
            "erfinv": special.erfinv,
            "gamma": special.gamma,
            "loggamma": special.loggamma,
            "power": pow,
        }

    def apply(self, function: Callable, xs: Any) -> list:
        import numpy

        found = function(numpy.asarray(xs))
        return [numpy.broadcast_to(f, (len(xs),)) for f in found]

    def vector(self, values: Sequence) -> Any:
        import numpy

        return numpy.asarray(values)

    def integers(self, low: int, high: int) -> Any:
        import numpy

        return numpy.arange(low, high + 1, dtype=float)

    def map(self, name: str, v: Any) -> Any:
        import numpy

        return getattr(numpy, name)(v)

    def scale(self, c: Any, v: Any) -> Any:
        return c * v

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def multiply(self, a: Any, b: Any) -> Any:
        return a * b

    def divide(self, a: Any, b: Any) -> Any:
        return a / b

    def dot(self, a: Any, b: Any) -> Any:
        return (a * b).sum()

    def gram(self, weights: Any, rows: Sequence, others: Sequence) -> list[list]:
        import numpy

        return (weights * numpy.stack(rows) @ numpy.stack(others).T).tolist()

    def extend(self, v: Any, before: int, left: Any, after: int, right: Any) -> Any:
        import numpy

        kind = numpy.result_type(v, type(left), type(right))
        return numpy.concatenate([numpy.full(before, left, kind), v, numpy.full(after, right, kind)])

    def spread(self, v: Any, ratio: int) -> Any:
        import numpy

        out = numpy.zeros((len(v) - 1) * ratio + 1, dtype=v.dtype)
        out[::ratio] = v
        return out

    def convolve(self, kernel: Any, values: Any) -> Any:
        import numpy

        if not (numpy.iscomplexobj(kernel) or numpy.iscomplexobj(values)):
            return numpy.convolve(kernel, values)
        # numpy's complex convolution is several times slower than its real one
        a, b, c, d = kernel.real, kernel.imag, values.real, values.imag
        cross = numpy.convolve(a, d) + (numpy.convolve(b, c) if b.any() else 0)
        return numpy.convolve(a, c) - (numpy.convolve(b, d) if b.any() else 0) + 1j * cross

    def to_mpf(self, value: Any) -> Any:
        from mpmath import mpf

        return mpf(float(value))


class _Lists(ABC):
    """Vectors as lists of numbers."""

    @abstractmethod
    def number(self, value: Any) -> Any: ...

    @abstractmethod
    def functions(self) -> dict[str, Callable]: ...

    def vector(self, values: Sequence) -> list:
        return list(values)

    def integers(self, low: int, high: int) -> list:
        return [self.number(j) for j in range(low, high + 1)]

    def map(self, name: str, v: Sequence) -> list:
        function = self.functions()[name]
        return [function(a) for a in v]

    def scale(self, c: Any, v: Sequence) -> list:
        return [c * a for a in v]

    def add(self, a: Sequence, b: Sequence) -> list:
        return [u + v for u, v in zip(a, b, strict=True)]

    def multiply(self, a: Sequence, b: Sequence) -> list:
        return [u * v for u, v in zip(a, b, strict=True)]

    def divide(self, a: Sequence, b: Sequence) -> list:
        return [u / v for u, v in zip(a, b, strict=True)]

    def dot(self, a: Sequence, b: Sequence) -> Any:
        total = self.number(0)
        for u, v in zip(a, b, strict=True):
            total += u * v
        return total

    def gram(self, weights: Sequence, rows: Sequence[Sequence], others: Sequence[Sequence]) -> list[list]:
        return [[self.dot(left, b) for b in others] for left in (self.multiply(weights, a) for a in rows)]

    def extend(self, v: Sequence, before: int, left: Any, after: int, right: Any) -> list:
        return [left] * before + list(v) + [right] * after

    def spread(self, v: Sequence, ratio: int) -> list:
        out = [self.number(0)] * ((len(v) - 1) * ratio + 1)
        out[::ratio] = v
        return out


class Mpmath(_Lists):
    """Arbitrary precision through mpmath: the reference.

    The convolution is exact integer arithmetic: vectors are scaled to fixed point, packed into one long integer each
    (Kronecker substitution) and multiplied.
    """

    name = "mpmath"

    def precision(self, bits: int) -> Any:
        from mpmath import mp

        return mp.workprec(bits)

    def number(self, value: Any) -> Any:
        from mpmath import mpf

        if isinstance(value, Fraction):
            return mpf(value.numerator) / value.denominator
        if isinstance(value, (int, float, str)):
            return mpf(value)
        return +value if isinstance(value, mpf) else _arb_to_mpf(value)

    def rational(self, p: int, q: int) -> Any:
        from mpmath import mpf

        return mpf(p) / q

    def functions(self) -> dict[str, Callable]:
        from mpmath import mp

        return {
            "exp": mp.exp,
            "log": mp.log,
            "sqrt": mp.sqrt,
            "erfc": mp.erfc,
            "rational": self.rational,
            "pi": lambda: +mp.pi,
            "e": lambda: +mp.e,
            "euler": lambda: +mp.euler,
            "catalan": lambda: +mp.catalan,
            "minimum": min,
            "maximum": max,
            **{name: getattr(mp, name) for name in (*CIRCULAR, "erf", "erfinv", "gamma", "loggamma", "sign")},
            "absolute": abs,
            "power": pow,
            "step": lambda a: mp.mpf(1) if a > 0 else (mp.mpf(0) if a < 0 else mp.mpf(1) / 2),
            "piecewise": _number_piecewise,
        }

    def apply(self, function: Callable, xs: Sequence) -> list:
        return [list(column) for column in zip(*(function(x) for x in xs), strict=True)]

    def convolve(self, kernel: Sequence, values: Sequence) -> list:
        from mpmath import mp, mpf
        from mpmath.libmp import from_man_exp, to_fixed

        bits = mp.prec + 16
        a = [to_fixed(v._mpf_, bits) for v in kernel]
        b = [to_fixed(v._mpf_, bits) for v in values]
        size = max(map(_bit_length, a)) + max(map(_bit_length, b)) + len(kernel).bit_length() + 2
        width = (size + 7) // 8
        product = _pack(a, width) * _pack(b, width)
        count = len(a) + len(b) - 1
        return [mpf(from_man_exp(c, -2 * bits, mp.prec, "n")) for c in _unpack(product, width, count)]

    def to_mpf(self, value: Any) -> Any:
        return value


def _bit_length(n: Any) -> int:
    return int(n).bit_length()


def _pack(coefficients: Sequence[int], width: int) -> Any:
    """The integer sum of c_i 256**(width*i), for signed coefficients."""
    from mpmath.libmp import MPZ

    plus = b"".join(int(max(c, 0)).to_bytes(width, "little") for c in coefficients)
    value = int.from_bytes(plus, "little")
    if any(c < 0 for c in coefficients):
        minus = b"".join(int(max(-c, 0)).to_bytes(width, "little") for c in coefficients)
        value -= int.from_bytes(minus, "little")
    return MPZ(value)


def _unpack(value: Any, width: int, count: int) -> list[int]:
    """The signed coefficients of ``_pack``: adding half to every digit makes all of them non-negative."""
    half = 1 << (8 * width - 1)
    shifted = int(value) + int.from_bytes(half.to_bytes(width, "little") * count, "little")
    data = shifted.to_bytes(width * count + 8, "little")
    return [int.from_bytes(data[i * width : (i + 1) * width], "little") - half for i in range(count)]


class Arb(_Lists):
    """Ball arithmetic through python-flint: fast, and every rounding error is in the radius."""

    name = "arb"

    @contextmanager
    def precision(self, bits: int) -> Iterator[None]:
        from flint import ctx

        old = ctx.prec
        ctx.prec = bits
        try:
            yield
        finally:
            ctx.prec = old

    def number(self, value: Any) -> Any:
        from flint import arb, fmpq

        if isinstance(value, Fraction):
            return arb(fmpq(value.numerator, value.denominator))
        if isinstance(value, arb):
            return value  # it has an _mpf_ too, its midpoint
        if hasattr(value, "_mpf_"):
            sign, man, exponent, _ = value._mpf_
            return arb((-1) ** sign * int(man)) * arb(2) ** int(exponent)
        return arb(value)

    def rational(self, p: int, q: int) -> Any:
        from flint import arb, fmpq

        return arb(fmpq(p, q))

    def functions(self) -> dict[str, Callable]:
        from flint import arb, fmpq

        # compiled code passes Python integers too, and unbound flint methods do not convert them
        def lifted(method: Callable) -> Callable:
            return lambda a: method(a if isinstance(a, arb) else arb(a))

        direct = ("exp", "log", "sqrt", "erf", "erfc", "erfinv", "gamma", *CIRCULAR)
        return {
            **{name: lifted(getattr(arb, name)) for name in direct},
            "loggamma": lifted(arb.lgamma),
            "power": _arb_power,
            "rational": lambda p, q: arb(fmpq(p, q)),
            "pi": arb.pi,
            "e": arb.const_e,
            "euler": arb.const_euler,
            "catalan": arb.const_catalan,
            "minimum": lambda a, c: arb(a).min(arb(c)),
            "maximum": lambda a, c: arb(a).max(arb(c)),
            "absolute": lambda a: abs(arb(a)),
            "step": _arb_step,
            "sign": _arb_sign,
            "piecewise": _arb_piecewise,
        }

    def apply(self, function: Callable, xs: Sequence) -> list:
        return [list(column) for column in zip(*(function(x) for x in xs), strict=True)]

    def convolve(self, kernel: Sequence, values: Sequence) -> list:
        from flint import arb, arb_poly

        coefficients = (arb_poly(kernel) * arb_poly(values)).coeffs()
        missing = len(kernel) + len(values) - 1 - len(coefficients)
        return coefficients + [arb(0)] * missing

    def gram(self, weights: Sequence, rows: Sequence[Sequence], others: Sequence[Sequence]) -> list[list]:
        from flint import arb_mat

        weighted = arb_mat([self.multiply(weights, a) for a in rows])
        return (weighted * arb_mat(others).transpose()).tolist()

    def to_mpf(self, value: Any) -> Any:
        return _arb_to_mpf(value)


def _arb_to_mpf(value: Any) -> Any:
    """Midpoint of a ball as an mpf, rounded to the current mpmath precision."""
    from mpmath import ldexp, mpf

    man, exponent = value.mid().man_exp()
    return ldexp(mpf(int(man)), int(exponent))


def _arb_power(a: Any, n: int) -> Any:
    """``a**n`` for n >= 0 by products: flint's own power of a ball around zero that is not exactly zero is nan."""
    if n == 0:
        from flint import arb

        return arb(1) if arb(a).is_finite() else arb("nan")
    result, square = None, a
    while n:
        if n & 1:
            result = square if result is None else result * square
        n >>= 1
        if n:
            square = square * square
    return result


def _arb_step(a: Any) -> Any:
    """The unit step; next to the jump the hull of both sides."""
    from flint import arb

    if a > 0:
        return arb(1)
    if a < 0:
        return arb(0)
    return arb(0.5, 0.5) if arb(a).is_finite() else arb("nan")


def _arb_sign(a: Any) -> Any:
    """The sign; next to zero, and at it, the hull of both sides, because it is the slope of ``Abs`` as well."""
    from flint import arb

    if a > 0:
        return arb(1)
    if a < 0:
        return arb(-1)
    return arb(0, 1) if arb(a).is_finite() else arb("nan")


def truth(condition: Any) -> bool | None:
    """Whether a compiled condition holds: ``None`` where balls cannot tell, and where there is no number."""
    if isinstance(condition, bool):
        return condition
    if isinstance(condition[0], str):
        parts = [truth(part) for part in condition[1:]]
        decisive = condition[0] == "or"
        return decisive if decisive in parts else (None if None in parts else not decisive)
    difference, weak = condition
    if difference > 0 or (weak and difference >= 0):
        return True
    return False if difference < 0 or (not weak and difference <= 0) else None


def _arb_piecewise(*branches: tuple[Callable, Callable]) -> Any:
    """The value of the branch that applies; where that cannot be told, the hull of those that may."""
    from flint import arb

    found = None
    for condition, value in branches:
        holds = truth(condition())
        if holds is False:
            continue
        here = arb(value())
        found = here if found is None else found.union(here)
        if holds:
            return found
    return arb("nan")


def _number_piecewise(*branches: tuple[Callable, Callable]) -> Any:
    from mpmath import mp

    return next((value() for condition, value in branches if truth(condition())), mp.nan)


def _array_piecewise(*branches: tuple[Callable, Callable]) -> Any:
    import numpy

    def holds(condition: Any) -> Any:
        if isinstance(condition, bool):
            return numpy.asarray(condition)
        if isinstance(condition[0], str):
            join = numpy.logical_or if condition[0] == "or" else numpy.logical_and
            return join.reduce([holds(part) for part in condition[1:]])
        difference, weak = numpy.real(condition[0]), condition[1]
        return difference >= 0 if weak else difference > 0

    with numpy.errstate(all="ignore"):  # branches that do not apply may have no value
        conditions = [numpy.asarray(holds(condition())) for condition, _ in branches]
        values = [numpy.asarray(value()) for _, value in branches]
    shape = numpy.broadcast_shapes(*(a.shape for a in (*conditions, *values)))
    found = numpy.full(shape, numpy.nan, dtype=numpy.result_type(float, *values))
    for condition, value in reversed(list(zip(conditions, values, strict=True))):
        found = numpy.where(condition, value, found)
    return found[()]


BACKENDS = {b.name: b for b in (Float64(), Mpmath(), Arb())}


def backend(name: str) -> Any:
    """The backend of a name; raises ``InputError`` for an unknown one.

    >>> backend("arb").name
    'arb'
    """
    if not isinstance(name, str) or name not in BACKENDS:
        raise InputError(f"unknown backend {name!r}: use {', '.join(BACKENDS)}")
    return BACKENDS[name]
