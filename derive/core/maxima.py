"""The maximum and the minimum of an expression over an interval, kept unevaluated."""

from __future__ import annotations

from typing import ClassVar

from sympy import Expr, Max, Min, Symbol, Tuple, diff, sympify

__all__ = ["FieldFunction", "Maximum", "Minimum"]


class FieldFunction(Expr):
    """A function of fields and parameters, unevaluated, that an equation may define for all arguments.

    ``doit()`` gives its pieces, by which it has a value at numbers.
    """

    def _eval_is_real(self):
        return True

    def _eval_evalf(self, prec):
        return self.doit()._eval_evalf(prec) if not self.free_symbols else None


class Extreme(Expr):
    """An extreme value of ``expr`` for ``variable`` between two ends."""

    word: ClassVar[str]

    def __new__(cls, expr, variable, *ends):
        limits = Tuple(*(variable if isinstance(variable, (tuple, Tuple)) else (variable, *ends)))
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

    def _eval_evalf(self, prec):
        """At numbers, of a function that is quadratic on either side of 0, bent to the right side."""
        z, (low, high) = self.variable, self.ends
        best = Max if self.word == "max" else Min
        found = []
        for side, a, b in ((-1, low, Min(0, high)), (1, Max(0, low), high)):
            if self.free_symbols or a > b:
                continue
            form = self.expr.subs(z, Symbol("z", positive=side == 1, negative=side == -1))
            form = form.replace(lambda e: isinstance(e, Symbol), lambda _: z)
            bend = diff(form, z, 2)
            if not bend.is_number or not (bend < 0 if best is Max else bend > 0):
                return None
            at = Max(a, Min(b, -diff(form, z).subs(z, 0) / bend))
            found.append(form.subs(z, at))
        return best(*found)._eval_evalf(prec) if found else None

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
