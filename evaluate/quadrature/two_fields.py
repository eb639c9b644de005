r"""The Gaussian tower of a hidden layer over two fields: value, and exact gradient by one backward pass.

Forward: :math:`f_2(w, h) = \log W / y_2`, whose h-integral is closed form on either side of w = 0 and whose w-integral is
Gauss-Legendre on each half-line; then per level :math:`f_k = \log(A_k\, e^{y_k f_{k-1}} B_k^T)/y_k` with the Gaussian
kernels A_k in w (variance :math:`p_{k-1} - p_k`) and B_k in h (variance :math:`q_{k-1} - q_k`), trapezoidal sums on grids
that widen with the level; :math:`T_r = a^T f_r b` at last.  Backward: the adjoint of the same discrete operations.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy
from scipy import sparse, special
from sympy import Symbol, diff

from flrdt.derive.blocks import hidden_lifted as derived
from flrdt.derive.blocks.hidden_maximum import inner_maximum

from ..arithmetic.backends import backend
from ..arithmetic.compile import compile_scalar

__all__ = ["Axis", "FieldGrid", "FieldRangeError", "Fields", "HiddenSlopes", "Spacing", "hidden_tower", "plan_fields"]

Array = numpy.ndarray
SMALL = 4096  # entries from which a kernel may be kept as a band
NARROW = 0.2  # share of the entries up to which the band is the faster one
LOST = 1e-40  # entries below this share of the largest are left out: far below what double precision adds up
TINY = 1e-300  # floor of a sum that underflows: what lies that far below the rest of its row has no weight


class ArrayArithmetic:
    """A backend on numpy arrays: floats as they are, balls as arrays of objects."""

    def __init__(self, name: str):
        self.scalar = backend(name)
        self.name = name
        self.exact = name != "float64"
        functions = self.scalar.functions()
        if self.exact:
            functions["tilted_tail"] = _ball_tail
            scalars = ("rational", "pi")
            functions = {n: f if n in scalars else _elementwise(f) for n, f in functions.items()}
        else:
            functions["tilted_tail"] = _float_tail
        self._functions = functions
        self.exp, self.log = functions["exp"], functions["log"]

    def functions(self) -> dict:
        return self._functions

    def array(self, values: Sequence) -> Array:
        if not self.exact:
            return numpy.array(values, dtype=float)
        return numpy.vectorize(self.scalar.number, otypes=[object])(numpy.array(values, dtype=object))

    def multiples(self, step: Fraction, low: int, high: int) -> Array:
        """The points ``step * j`` for ``low <= j <= high``."""
        if not self.exact:
            return numpy.arange(low, high + 1) * float(step)
        unit = self.scalar.number(step)
        return numpy.array([unit * j for j in range(low, high + 1)], dtype=object)

    def banded(self, matrix: Array) -> Any:
        """A kernel in the form that multiplies fastest: narrow ones in double precision keep their band only."""
        if self.exact or matrix.size < SMALL:
            return matrix
        kept = numpy.abs(matrix) > LOST * numpy.abs(matrix).max()
        return sparse.csr_array(numpy.where(kept, matrix, 0.0)) if kept.mean() < NARROW else matrix

    def product(self, a: Any, b: Any) -> Array:
        if not self.exact:
            return a @ b
        from flint import arb_mat

        entries = (arb_mat(a.tolist()) * arb_mat(b.tolist())).entries()
        return numpy.array(entries, dtype=object).reshape(len(a), b.shape[1])


def _elementwise(function: Callable) -> Callable:
    """The function applied to every element of its broadcast arguments."""
    return lambda *arguments: numpy.frompyfunc(function, len(arguments), 1)(*arguments)


def _float_tail(e: Array, x: Array) -> Array:
    """``exp(e) H(x)`` without overflow of one factor and underflow of the other."""
    far, near = numpy.maximum(x, 0), numpy.minimum(x, 0)
    scaled = numpy.exp(e - far**2 / 2) * special.erfcx(far / math.sqrt(2))
    return numpy.where(x > 0, scaled, numpy.exp(e) * special.erfc(near / math.sqrt(2))) / 2


def _ball_tail(e: Any, x: Any) -> Any:
    from flint import arb

    return arb(e).exp() * (x / arb(2).sqrt()).erfc() / 2


@lru_cache(maxsize=2)
def arithmetic(name: str) -> ArrayArithmetic:
    return ArrayArithmetic(name)


@dataclass(frozen=True)
class Fields:
    """Parameters of a hidden term at level r: chi and p_1..p_r of the layer before, mu, q_1..q_r, y_2..y_r."""

    chi: Any
    p: tuple
    mu: Any
    q: tuple
    y: tuple

    def increments(self, overlaps: Sequence) -> list:
        """``d_2, ..., d_r`` and the outermost ``d_{r+1} = p_r``."""
        return [*(a - b for a, b in itertools.pairwise(overlaps)), overlaps[-1]]

    def floats(self) -> Fields:
        return Fields(
            float(self.chi), tuple(map(float, self.p)), float(self.mu), tuple(map(float, self.q)),
            tuple(map(float, self.y)),
        )  # fmt: skip


@dataclass(frozen=True)
class HiddenSlopes:
    """Derivatives of the hidden term in chi, p_1..p_r, mu, q_1..q_r, y_2..y_r."""

    chi: Any
    p: tuple
    mu: Any
    q: tuple
    y: tuple


@dataclass(frozen=True)
class Axis:
    """Grids of f_2, ..., f_r along one field, each ``(step, low, high)``: the points ``step * j``."""

    levels: tuple[tuple[Fraction, int, int], ...]

    def points(self, to: ArrayArithmetic, k: int) -> Array:
        return to.multiples(*self.levels[k])


@dataclass(frozen=True)
class FieldGrid:
    """Grids along w and h, and Gauss-Legendre nodes on ``0 < w < right`` and ``-left < w < 0``."""

    w: Axis
    h: Axis
    nodes: tuple[int, int]
    ends: tuple[Fraction, Fraction]
    growth: tuple[float, ...] = ()
    """Of f_1, ..., f_r in h: they stay below ``growth h^2/2``."""

    @property
    def points(self) -> int:
        """Points of the largest grid."""
        return max((a[2] - a[1] + 1) * (b[2] - b[1] + 1) for a, b in zip(self.w.levels, self.h.levels, strict=True))


class FieldRangeError(ArithmeticError):
    """The expectation diverges at these parameters: a lifting parameter is too large for the growth of the maximum."""


@dataclass(frozen=True)
class Spacing:
    """How fine and how wide: half-widths of the strips of analyticity relative to the spread of each level, and factors on
    reach and nodes; each is changed separately when a value is confirmed.
    """

    strip_w: float = 1.5
    strip_h: float = 1.0
    reach_w: float = 1.0
    reach_h: float = 1.0
    nodes: float = 0.8

    def reduced(self, name: str, share: float) -> Spacing:
        """The spacing with one of its choices made for a share of the digits only."""
        factor = 1 / share if name.startswith("strip") else math.sqrt(share)
        return replace(self, **{name: getattr(self, name) * factor})


LARGEST = 4_000_000  # points of a grid


def _right_spread(at: Fields) -> tuple[list[float], list[float], list[float]]:
    """Variances of w and h at f_1, ..., f_r under the tilted measure, on the sides where the maximum is quadratic.

    Of an always active unit every f_k is a quadratic form with matrix A_k, and the fields of level k - 1 given those of
    level k are normal with mean ``M x`` and covariance ``M D``, ``M = (1 - y_k D A_(k-1))^-1``: this bounds how far the
    growth of v pushes the fields to h > 0.  An idle unit is the same with the form ``-w^2/chi``.  On the other sides the
    maximum is flat, and the fields spread no farther than without the tilt.  Returns also the growth of f_1, ..., f_r in h.
    """
    d, e = at.increments(at.p), at.increments(at.q)
    gain = 1 / at.chi + at.mu
    active = numpy.array([[1 / (at.chi**2 * gain) - 1 / at.chi, 1 / (at.chi * gain)], [1 / (at.chi * gain), 1 / gain]])
    idle = numpy.array([[-1 / at.chi, 0.0], [0.0, 0.0]])
    found, growth = [], []
    for A in (idle, active):
        steps = []
        growth = [A[1, 1] - A[0, 1] ** 2 / A[0, 0]]
        for dk, ek, y in zip(d, e, at.y, strict=False):
            D = numpy.diag([dk, ek])
            denominator = numpy.eye(2) - y * D @ A
            if not (numpy.linalg.det(denominator) > 0 and numpy.trace(denominator) > 0):
                raise FieldRangeError("the expectation over the fields of a hidden layer diverges")
            M = numpy.linalg.inv(denominator)
            steps.append((M, M @ D))
            A = A @ M
            growth.append(A[1, 1] - A[0, 1] ** 2 / A[0, 0])
        spreads = [numpy.diag([d[-1], e[-1]])]
        for M, own in reversed(steps):
            spreads.append(M @ spreads[-1] @ M.T + own)
        found.append([numpy.diag(C) for C in reversed(spreads)])
    spread_w, spread_h = ([max(a[i], b[i]) for a, b in zip(*found, strict=True)] for i in (0, 1))
    return spread_w, spread_h, growth


def _axis(
    variances: Sequence[float], left: Sequence[float], right: Sequence[float], decay: float, strip: float
) -> Axis:
    """Grids of f_2..f_r along a field; ``left`` and ``right`` are how far they are needed.

    The step is that of the strip of analyticity, which scales with the spread of the fields inside, and one that resolves
    the kernels that follow.
    """
    levels: list[tuple[Fraction, int, int]] = []
    total = 0.0
    for k, (low, high) in enumerate(zip(left, right, strict=True)):
        total += variances[k]
        if k and variances[k] == 0:  # merged with the level below
            levels.append(levels[-1])
            continue
        following = [v for v in variances[k + 1 :] if v > 0]
        step = 2 * math.pi * strip * math.sqrt(total) / decay if total > 0 else math.inf
        step = min([step, *(math.pi * math.sqrt(2 * v / decay) for v in following)])
        step = step if math.isfinite(step) else 1.0
        exact = Fraction(step).limit_denominator(10**6)
        levels.append((exact, -math.ceil(low / step), math.ceil(high / step)))
    return Axis(tuple(levels))


def plan_fields(at: Fields, digits: float, spacing: Spacing | None = None) -> FieldGrid:
    """Choose the grids of a hidden term from its parameters and the digits wanted.

    Raises :class:`FieldRangeError` where the expectation does not exist.
    """
    at, spacing = at.floats(), spacing or Spacing()
    decay = digits * math.log(10)
    c_w, c_h = (math.sqrt(2 * decay) * reach for reach in (spacing.reach_w, spacing.reach_h))
    spread_w, spread_h, growth = _right_spread(at)
    left_w, right_w = [c_w * math.sqrt(v) for v in at.p], [c_w * math.sqrt(v) for v in spread_w]
    left_h, right_h = [c_h * math.sqrt(v) for v in at.q], [c_h * math.sqrt(v) for v in spread_h]
    d, e = at.increments(at.p), at.increments(at.q)
    w = _axis(d, left_w[1:], right_w[1:], decay, spacing.strip_w)
    h = _axis(e, left_h[1:], right_h[1:], decay, spacing.strip_h)
    ends = tuple(Fraction(v).limit_denominator(1000) for v in (right_w[0], left_w[0]))
    nodes = []
    for side, length, spread in ((1, right_w[0], left_h[0]), (-1, left_w[0], right_h[0])):
        # a normal of this width takes so many nodes; so does the edge between idle and active, sharper but near the end,
        # where nodes are dense: it moves with h, and what lies far out in h weighs less
        narrow = d[0] / (1 + d[0] * at.y[0] / at.chi) if side == 1 else d[0]
        slope = abs(float(_ray(side)(at.chi, at.mu)[0]))
        smooth, edge = length / math.sqrt(narrow), 1.2 * math.sqrt(spread * length * slope / e[0])
        nodes.append(math.ceil(spacing.nodes * (max(smooth, edge) * math.sqrt(decay / 8) + decay / 2)))
    grid = FieldGrid(w, h, (nodes[0], nodes[1]), (ends[0], ends[1]), tuple(growth))
    if grid.points > LARGEST:
        raise FieldRangeError(f"the grid of a hidden layer has {grid.points} points: the expectation nearly diverges")
    return grid


@lru_cache(maxsize=2)
def _ray(side: int) -> Callable:
    """The slope of the ray on which idle and active tie, as a function of chi and mu."""
    return compile_scalar([inner_maximum().form(side, True).lower], (derived.chi, derived.mu), backend("float64"))


@lru_cache(maxsize=64)
def _legendre(count: int, name: str, bits: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on (0, 1)."""
    if name == "float64":
        x, weights = special.roots_legendre(count)
        return (x + 1) / 2, weights / 2
    from flint import arb

    pairs = [arb.legendre_p_root(count, k, weight=True) for k in range(count)]
    to = arithmetic(name)
    return to.array([(x + 1) / 2 for x, _ in pairs]), to.array([v / 2 for _, v in pairs])


TRANSFORM = (derived.chi, derived.mu, derived.variance, derived.y)
shift = Symbol("shift", real=True)


@lru_cache(maxsize=16)
def _compiled_transform(side: int, slopes: bool, name: str) -> tuple[Callable, Callable]:
    """Sizes of the two parts of the transform, and the transform over ``exp(shift)`` with its derivatives."""
    tails, shifted, slopes_of = _transform(side)
    arguments = [derived.a, derived.mean, *TRANSFORM]
    to = arithmetic(name)
    sizes = compile_scalar([part for tail in tails for part in tail.args], arguments, to)
    return sizes, compile_scalar([shifted, *slopes_of] if slopes else [shifted], [shift, *arguments], to)


@lru_cache(maxsize=2)
def _transform(side: int) -> tuple[list, Any, list]:
    """The tails of the transform, the transform over ``exp(shift)``, and its derivatives."""
    value = derived.lifted_hidden().transform[side]
    tails = sorted(value.atoms(derived.TiltedTail), key=str)
    shifted = value.replace(derived.TiltedTail, lambda e, x: derived.TiltedTail(e - shift, x))
    return tails, shifted, [diff(shifted, s) for s in TRANSFORM]


@lru_cache(maxsize=16)
def _compiled_kernel(side: int, slopes: bool, name: str) -> Callable:
    value = derived.lifted_hidden().kernel[side]
    forms = [value, diff(value, derived.increment)] if slopes else [value]
    return compile_scalar(forms, [derived.a, derived.field, derived.increment], arithmetic(name))


@dataclass
class _Kernel:
    """A Gaussian kernel between two grids, as a matrix, and its derivative in the variance when asked for."""

    matrix: Array
    slope: Array | None

    @classmethod
    def between(
        cls,
        to: ArrayArithmetic,
        outer: Array,
        inner: Array,
        step: Any,
        variance: Any,
        slopes: bool,
        growth: float = 0.0,
    ) -> _Kernel:
        """The kernel times ``exp(growth inner^2/2)``, over what that gains at the outer point."""
        if float(variance) == 0:  # merged levels share their grid; an outermost overlap that vanishes leaves x = 0
            return cls(to.array([[float(a == b) for b in inner] for a in outer]), None)
        functions = to.functions()
        squares = (outer[:, None] - inner[None, :]) ** 2
        scale = to.scalar.number(step) / to.scalar.functions()["sqrt"](2 * functions["pi"]() * variance)
        exponents = squares
        if growth:
            rest = 1 - growth * variance
            exponents = (inner[None, :] - outer[:, None] / rest) ** 2 * rest
        matrix = to.exp(exponents * (-1 / (2 * variance))) * scale
        slope = (squares / variance - 1) * matrix / (2 * variance) if slopes else None
        return cls(to.banded(matrix), None if slope is None else to.banded(slope))


def _inner(to: ArrayArithmetic, a: Array, b: Array) -> Any:
    """Sum of the products of the entries."""
    return (a * b).sum()


class _Innermost:
    """f_2 on its grid, and the way back to the parameters."""

    def __init__(self, to: ArrayArithmetic, at: Fields, grid: FieldGrid, slopes: bool):
        self.to, self.y = to, at.y[0]
        w, h = grid.w.points(to, 0), grid.h.points(to, 0)
        d, e = at.p[0] - at.p[1], at.q[0] - at.q[1]
        parameters = (at.chi, at.mu, e, at.y[0])
        bits = 0 if not to.exact else _bits()
        fields = {}
        for side, count, end in zip((1, -1), grid.nodes, grid.ends, strict=True):
            nodes, masses = _legendre(count, to.name, bits)
            length = to.scalar.number(end)
            fields[side] = (nodes * length, masses * length)
        shape = (1, len(h))
        shifts: Any = 0
        if not to.exact:
            largest = [
                numpy.broadcast_to(size - numpy.maximum(x, 0) ** 2 / 2, (len(a), len(h))).max(axis=0)
                for side, (a, _) in fields.items()
                for size, x in _pairs(_compiled_transform(side, False, to.name)[0](a[:, None], h[None, :], *parameters))
            ]
            shifts = numpy.max(largest, axis=0).reshape(shape)
        self.shift = shifts
        self.kernels, self.transforms = [], []
        total: Any = 0
        for side, (a, mass) in fields.items():
            found = _compiled_transform(side, slopes, to.name)[1](shifts, a[:, None], h[None, :], *parameters)
            transform = [numpy.broadcast_to(t, (len(a), len(h))) for t in found]
            kernel = [
                to.banded(k * mass[None, :]) for k in _compiled_kernel(side, slopes, to.name)(a[None, :], w[:, None], d)
            ]
            self.kernels.append(kernel)
            self.transforms.append(transform)
            total = total + to.product(kernel[0], transform[0])
        self.seen = 1 if to.exact else total > TINY
        self.S = total if to.exact else numpy.where(self.seen, total, TINY)
        self.f = (to.log(self.S) + shifts) / self.y

    def backward(self, adjoint: Array) -> tuple[Any, Any, Any, Any, Any]:
        """Derivatives in chi, mu, the two innermost increments and y_2."""
        to = self.to
        S_bar = adjoint * self.seen / (self.S * self.y)
        found = [0, 0, 0, -_inner(to, adjoint, self.f) / self.y]
        d_increment: Any = 0
        for (kernel, slope), (value, *slopes) in zip(self.kernels, self.transforms, strict=True):
            T_bar = to.product(kernel.T, S_bar)
            found = [f + _inner(to, T_bar, s) for f, s in zip(found, slopes, strict=True)]
            d_increment = d_increment + _inner(to, S_bar, to.product(slope, value))
        chi, mu, e, y = found
        return chi, mu, d_increment, e, y


def _finite(largest: Array) -> Array:
    """The largest exponents of rows or columns; zero where nothing of them is seen."""
    return numpy.where(numpy.isfinite(largest), largest, 0.0)


def _pairs(values: Sequence) -> list[tuple[Any, Any]]:
    return list(zip(values[::2], values[1::2], strict=True))


def _bits() -> int:
    from flint import ctx

    return ctx.prec


class _Level:
    """One level k >= 3: the convolution with the kernels of the increments d_k and e_k.

    In double precision the growth ``exp(kappa h^2/2)`` of the integrand is taken out of it and joined to the kernel in h,
    so that what is summed along rows and columns is of one size.  ``known`` says where f did not underflow: the corners where
    it did, far from the diagonal along which growth pushes the fields, have no weight.
    """

    def __init__(self, to: ArrayArithmetic, at: Fields, grid: FieldGrid, k: int, f: Array, known: Any, slopes: bool):
        self.to, self.y, self.before = to, at.y[k], f
        d, e = at.p[k] - at.p[k + 1], at.q[k] - at.q[k + 1]
        outer, inner = grid.w.points(to, k), grid.w.points(to, k - 1)
        self.A = _Kernel.between(to, outer, inner, grid.w.levels[k - 1][0], d, slopes)
        outer, inner = grid.h.points(to, k), grid.h.points(to, k - 1)
        growth = 0.0 if to.exact or e == 0 else min(self.y * grid.growth[k - 1], 0.6 / float(e))
        self.B = _Kernel.between(to, outer, inner, grid.h.levels[k - 1][0], e, slopes, growth)
        E = f * self.y
        if to.exact:
            self.G = to.exp(E)
            self.U = to.product(self.G, self.B.matrix.T)
            self.back = 1
            self.V = self.U
            self.S = to.product(self.A.matrix, self.V)
            self.f = to.log(self.S) / self.y
            self.seen = 1
        else:
            E = numpy.where(known, E - growth * inner**2 / 2, -numpy.inf)
            m = _finite(E.max(axis=1, keepdims=True))
            self.G = numpy.exp(E - m)
            self.U = self.G @ self.B.matrix.T
            seen = self.U > TINY
            self.U = numpy.where(seen, self.U, TINY)
            sums = numpy.where(seen, numpy.log(self.U) + m, -numpy.inf)
            n = _finite(sums.max(axis=0, keepdims=True))
            self.V = numpy.exp(sums - n)
            self.back = self.V / self.U
            S = self.A.matrix @ self.V
            self.seen = S > TINY
            self.S = numpy.where(self.seen, S, TINY)
            self.f = (numpy.log(self.S) + n + (growth / (1 - growth * e) / 2) * outer**2) / self.y

    def backward(self, adjoint: Array) -> tuple[Array, Any, Any, Any]:
        """The adjoint one level down, and derivatives in the two increments and y_k."""
        to = self.to
        if self.A.slope is None or self.B.slope is None:
            raise ValueError("no gradient at a merged level: its increments are zero")
        S_bar = adjoint * self.seen / (self.S * self.y)
        d = _inner(to, S_bar, to.product(self.A.slope, self.V))
        U_bar = to.product(self.A.matrix.T, S_bar) * self.back
        e = _inner(to, U_bar, to.product(self.G, self.B.slope.T))
        E_bar = to.product(U_bar, self.B.matrix) * self.G
        y = _inner(to, E_bar, self.before) - _inner(to, adjoint, self.f) / self.y
        return E_bar * self.y, d, e, y


def hidden_tower(
    at: Fields, grid: FieldGrid, name: str = "float64", slopes: bool = True
) -> tuple[Any, HiddenSlopes | None]:
    """``T_r[v]`` of a hidden layer at level r >= 2 on a grid, and its derivatives if asked for.

    The numbers are floats, or balls inside a precision block for the backend ``arb``.
    """
    to = arithmetic(name)
    innermost = _Innermost(to, at, grid, slopes)
    f, known, tape = innermost.f, innermost.seen, []
    for k in range(1, len(at.y)):
        tape.append(_Level(to, at, grid, k, f, known, slopes))
        f, known = tape[-1].f, tape[-1].seen
    outer = []
    for axis, variance in ((grid.w, at.p[-1]), (grid.h, at.q[-1])):
        points = axis.points(to, len(at.y) - 1)
        outer.append(_Kernel.between(to, to.array([0]), points, axis.levels[-1][0], variance, slopes))
    a, b = outer
    through = to.product(f, b.matrix.T)
    value = to.product(a.matrix, through)[0, 0]
    if not slopes:
        return value, None
    zero = to.scalar.number(0)
    d = [zero if a.slope is None else to.product(a.slope, through)[0, 0]]
    e = [zero if b.slope is None else to.product(a.matrix, to.product(f, b.slope.T))[0, 0]]
    y = []  # type: ignore[var-annotated]
    adjoint = a.matrix.T * b.matrix
    for level in reversed(tape):
        adjoint, *found = level.backward(adjoint)
        for column, slope in zip((d, e, y), found, strict=True):
            column.append(slope)
    chi, mu, *found = innermost.backward(adjoint)
    for column, slope in zip((d, e, y), found, strict=True):
        column.append(slope)
    return value, HiddenSlopes(chi, _overlaps(d), mu, _overlaps(e), tuple(reversed(y)))


def _overlaps(increments: list) -> tuple:
    """Derivatives in p_1..p_r from those in d_(r+1), d_r, ..., d_2."""
    d = increments[::-1]
    return (d[0], *(after - before for before, after in itertools.pairwise(d)))
