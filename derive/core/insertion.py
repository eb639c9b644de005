"""Values inserted for symbols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Derivative, Limit, Symbol, preorder_traversal, sympify

__all__ = ["insert"]


def insert(expr: Any, values: Mapping[Any, Any]) -> Any:
    """An expression with the keys of ``values`` replaced at the same time: ``expr.subs(values, simultaneous=True)``.

    SymPy goes through the expression once per key and once more, and asks at every node for the signs of placeholders.  Symbols
    that nothing binds are replaced in one pass here.

    >>> from sympy.abc import x, y
    >>> insert(x - 2*y, {x: y, y: x}), insert(Derivative(x**2 * y, x), {x: 3, y: 2})
    (-2*x + y, Subs(Derivative(2*x**2, x), x, 3))
    """
    sympified = {sympify(old): sympify(new) for old, new in values.items()}
    plain = all(isinstance(old, Symbol) for old in sympified) and not any(
        isinstance(node, (Derivative, Limit)) or not sympified.keys().isdisjoint(getattr(node, "bound_symbols", ()))
        for node in preorder_traversal(expr)
    )
    return expr.xreplace(sympified) if plain else expr.subs(sympified, simultaneous=True)
