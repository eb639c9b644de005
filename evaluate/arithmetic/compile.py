"""Compile SymPy expressions into functions of a backend's numbers.

SymPy's own ``lambdify`` does the work, with a printer that keeps rationals exact and refuses floats, so that no constant
enters a computation through a double.  Expressions evaluated along a grid are split into a part that depends on the
parameters only, computed once, and a part per grid point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sympy import Basic, Expr, Symbol, erfc, exp, lambdify
from sympy.printing.pycode import PythonCodePrinter

from flrdt.derive.core.gaussian import H, Phi, phi

__all__ = ["CompileError", "compile_grid", "compile_scalar"]


class CompileError(ValueError):
    """The expression cannot be evaluated exactly as it stands."""


class _BackendPrinter(PythonCodePrinter):
    """Prints rationals as ``rational(p, q)``, roots as ``sqrt``, and refuses floats and unknown functions."""

    def _print_Rational(self, expr):
        return f"rational({expr.p}, {expr.q})"

    _print_Half = _print_Rational

    def _print_Float(self, expr):
        raise CompileError(f"floating-point constant {expr}: write it as an exact rational")

    def _print_Pi(self, expr):
        return "pi()"

    def _print_Pow(self, expr, rational=False, sqrt="sqrt"):
        base, power = expr.as_base_exp()
        inner = self._print(base)
        if power.is_Integer:
            return f"power({inner}, {int(power)})" if power >= 0 else f"1/power({inner}, {-int(power)})"
        if power.is_Rational and power.q == 2:
            root = f"sqrt({inner})"
            whole = int(abs(power.p))
            body = root if whole == 1 else f"{root}**{whole}"
            return body if power > 0 else f"(1/{body})"
        return f"exp(({self._print(power)})*log({inner}))"

    def _print_Function(self, expr):
        known = {
            "exp": "exp",
            "log": "log",
            "erfc": "erfc",
            "atan": "atan",
            "cos": "cos",
            "sin": "sin",
            "Heaviside": "step",
        }
        name = type(expr).__name__
        if name not in known:
            raise CompileError(f"no backend function for {name}: unfold {expr} first")
        argument = expr.args[0]
        # a bare Python integer is no number of the backend
        text = f"rational({argument.p}, 1)" if argument.is_Integer else self._print(argument)
        return f"{known[name]}({text})"

    _print_exp = _print_log = _print_erfc = _print_atan = _print_cos = _print_sin = _print_Function
    _print_Heaviside = _print_Function

    def _print_TiltedTail(self, expr):
        return f"tilted_tail({self._print(expr.args[0])}, {self._print(expr.args[1])})"

    def _nary(self, name, args):
        text = self._print(args[0])
        for arg in args[1:]:
            text = f"{name}({text}, {self._print(arg)})"
        return text

    def _print_Min(self, expr):
        return self._nary("minimum", expr.args)

    def _print_Max(self, expr):
        return self._nary("maximum", expr.args)


def _unfold(expr: Expr) -> Expr:
    return (
        expr.replace(H, lambda a: H(a).rewrite(erfc))
        .replace(Phi, lambda a: Phi(a).rewrite(erfc))
        .replace(phi, lambda a: phi(a).rewrite(exp))
    )


def _checked(expressions: Sequence[Expr], symbols: Sequence[Symbol]) -> list[Expr]:
    unfolded = [_unfold(e) for e in expressions]
    for e in unfolded:
        unknown = e.free_symbols - set(symbols)
        if unknown:
            raise CompileError(f"undeclared symbol {', '.join(sorted(map(str, unknown)))} in {e}")
    return unfolded


def _lambdify(arguments: Sequence[Basic], expressions: Sequence[Expr], backend: Any) -> Callable:
    printer = _BackendPrinter({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": False})
    return lambdify(list(arguments), list(expressions), modules=[backend.functions()], printer=printer, cse=True)


def compile_scalar(expressions: Sequence[Expr], symbols: Sequence[Symbol], backend: Any) -> Callable:
    """A function of the symbols (in order) that returns the list of values, common subexpressions shared.

    Raises :class:`CompileError` for a float constant, an undeclared symbol, or something that needs unfolding.

    >>> from sympy import Rational
    >>> from sympy.abc import x
    >>> from flrdt.evaluate.arithmetic.backends import backend
    >>> compile_scalar([x + Rational(1, 3)], [x], backend("mpmath"))(0)
    [mpf('0.33333333333333331')]
    """
    return _lambdify(symbols, _checked(expressions, symbols), backend)


def compile_grid(expressions: Sequence[Expr], point: Symbol, parameters: Sequence[Symbol], backend: Any) -> Callable:
    """A function of the parameters that returns a function of the grid point alone.

    Everything that does not depend on the point is hoisted and computed once per call with the parameters.
    """
    hoisted: dict[Expr, Symbol] = {}

    def hoist(e: Expr) -> Expr:
        if point not in e.free_symbols:
            if e.is_Integer or (e.is_Symbol and e in hoisted.values()):
                return e
            return hoisted.setdefault(e, Symbol(f"hoisted_{len(hoisted)}"))
        if not e.args:
            return e
        if e.is_Add or e.is_Mul:
            fixed, moving = e.as_independent(point, as_Add=e.is_Add)
            parts = moving.args if moving.func is e.func else (moving,)
            return e.func(*(hoist(a) for a in ((fixed, *parts) if fixed != e.identity else parts)))
        if e.is_Pow and e.exp.is_Rational:
            return hoist(e.base) ** e.exp
        return e.func(*(hoist(a) for a in e.args))

    moving = [hoist(e) for e in _checked(expressions, [point, *parameters])]
    before = _lambdify(parameters, list(hoisted), backend)
    per_point = _lambdify([point, *hoisted.values()], moving, backend)

    def at(*values: Any) -> Callable:
        constants = before(*values)
        return lambda x: per_point(x, *constants)

    return at
