"""Values inserted for symbols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Derivative, Dummy, Limit, Symbol, preorder_traversal, sympify

__all__ = ["insert"]


def insert(expr: Any, values: Mapping[Any, Any]) -> Any:
    """An expression with the keys of ``values`` replaced at the same time: ``expr.subs(values, simultaneous=True)``.

    A variable that a mean, an integral, a sum or an extremum binds is another one than a free symbol of the same name in what is
    inserted: it is renamed first (SymPy's integrals would capture the symbol).  SymPy goes through the expression once per key and
    once more, and asks at every node for the signs of placeholders; symbols that nothing binds are replaced in one pass here.

    >>> from sympy import Integral
    >>> from sympy.abc import x, y
    >>> insert(x - 2*y, {x: y, y: x}), insert(Derivative(x**2 * y, x), {x: 3, y: 2})
    (-2*x + y, Subs(Derivative(2*x**2, x), x, 3))
    >>> insert(Integral(x*y, (x, 0, 1)), {y: x})
    Integral(_x*x, (_x, 0, 1))
    """
    sympified = {sympify(old): sympify(new) for old, new in values.items()}
    expr = _apart(sympify(expr), set().union(*(new.free_symbols for new in sympified.values())))
    plain = all(isinstance(old, Symbol) for old in sympified) and not any(
        isinstance(node, (Derivative, Limit)) or not sympified.keys().isdisjoint(getattr(node, "bound_symbols", ()))
        for node in preorder_traversal(expr)
    )
    return expr.xreplace(sympified) if plain else expr.subs(sympified, simultaneous=True)


def _apart(expr: Any, symbols: set) -> Any:
    """The expression with other bound variables where they are among the symbols."""

    def captures(node: Any) -> bool:
        return not isinstance(node, Derivative) and not symbols.isdisjoint(getattr(node, "bound_symbols", ()))

    def renamed(node: Any) -> Any:
        if not node.free_symbols.isdisjoint(node.bound_symbols):
            raise ValueError(f"{node} has a variable that is bound and free: use two names")
        return node.xreplace({v: Dummy(v.name, **v.assumptions0) for v in node.bound_symbols if v in symbols})

    return expr.replace(captures, renamed) if any(captures(node) for node in preorder_traversal(expr)) else expr
