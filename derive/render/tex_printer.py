r"""LaTeX of expressions in one of the conventions, with or without macros."""

from __future__ import annotations

import re
from functools import lru_cache

from sympy.printing.latex import LatexPrinter

from .replica import check_convention, latex_name, replica_name

__all__ = ["TexPrinter"]


class TexPrinter(LatexPrinter):
    r"""SymPy's printer with the names of a convention; with ``macros`` the expectation is ``\E`` and the Gaussian tail ``\Hf``.

    In the replica convention the functions f_k of a tower and the laws that it tilts are counted from the outside too.

    >>> from sympy import Symbol
    >>> from flrdt.derive import Expectation, H
    >>> x = Symbol("p_2")
    >>> TexPrinter().doprint(H(x)), TexPrinter("replica", 2, macros=True).doprint(H(x))
    ('H\\left(p_{2}\\right)', '\\Hf\\left(q_{0}\\right)')
    """

    def __init__(self, convention: str = "toolkit", level: int = 1, macros: bool = False) -> None:
        check_convention(convention)
        super().__init__()
        self.convention, self.level, self.macros = convention, level, macros

    def _print(self, expr, **options):
        text = super()._print(expr, **options)
        if self.convention == "replica" and type(expr).__name__ == "TiltedExpectation":
            index = replica_name(f"f_{expr.args[1]}", self.level)
            text = re.sub(r"_\{m_\{[^}]*\}\}", lambda _: f"_{{({index[3:-1]})}}" if index else _[0], text, count=1)
        if self.macros:
            text = re.sub(r"^\\mathbb\{E\}", r"\\E", text)
            text = re.sub(r"^H(?=\\left)", r"\\Hf", text)
        return text

    def _print_Symbol(self, expr, style="plain"):
        found = _symbol(expr.name, self.convention, self.level)
        return super()._print_Symbol(expr, style) if found is None else found

    _print_Dummy = _print_Symbol

    def _hprint_Function(self, func):
        found = replica_name(func, self.level) if self.convention == "replica" else None
        return super()._hprint_Function(func) if found is None else found


@lru_cache(maxsize=2000)
def _symbol(name: str, convention: str, level: int) -> str | None:
    if convention == "replica" and (found := replica_name(name, level)) is not None:
        return found
    return latex_name(name) if "{" in name else None  # SymPy prints a name with an index in braces as it stands
