"""The maximum and the minimum of an expression over an interval, kept unevaluated."""

from __future__ import annotations

from typing import ClassVar

from sympy import Expr, Symbol, Tuple, sympify

__all__ = ["Maximum", "Minimum"]


class Extreme(Expr):
    """An extreme value of ``expr`` for ``variable`` between two ends."""

    word: ClassVar[str]

    def __new__(cls, expr, variable, *ends):
        limits = variable if isinstance(variable, Tuple) else Tuple(variable, *map(sympify, ends))
        return Expr.__new__(cls, sympify(expr), limits)

    @property
    def expr(self) -> Expr:
        """The function."""
        return self.args[0]

    @property
    def variable(self) -> Symbol:
        """Its variable."""
        return self.args[1].args[0]

    @property
    def ends(self) -> tuple[Expr, Expr]:
        """The interval."""
        return self.args[1].args[1:]

    @property
    def bound_symbols(self) -> list[Symbol]:
        return [self.variable]

    @property
    def free_symbols(self) -> set:
        return (self.expr.free_symbols - {self.variable}) | {s for e in self.ends for s in e.free_symbols}

    def _eval_is_real(self):
        return True

    def _sympystr(self, printer):
        expr, variable, *ends = (printer._print(e) for e in (self.expr, self.variable, *self.ends))
        return f"{self.word}_{variable}({expr}; {', '.join(ends)})"

    def _latex(self, printer, exp=None):
        expr, variable, low, high = (printer._print(e) for e in (self.expr, self.variable, *self.ends))
        body = rf"\{self.word}_{{{low} < {variable} < {high}}}\left[{expr}\right]"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


class Maximum(Extreme):
    r""":math:`\max_{low < z < high} f(z)` of a function that rises and then falls; nothing evaluates it symbolically.

    >>> from sympy import oo
    >>> z, a = Symbol("z", real=True), Symbol("a", real=True)
    >>> Maximum(a*z - z**2, z, 0, oo), Maximum(a*z - z**2, z, 0, oo).free_symbols
    (max_z(a*z - z**2; 0, oo), {a})
    """

    word = "max"


class Minimum(Extreme):
    r""":math:`\min_{low < z < high} f(z)` of a function that falls and then rises; nothing evaluates it symbolically.

    >>> z, a = Symbol("z", real=True), Symbol("a", real=True)
    >>> Minimum((z - a) ** 2, z, 0, 1)
    min_z((-a + z)**2; 0, 1)
    """

    word = "min"
