r"""Two ways to write the same symbols in LaTeX: the toolkit's, and Parisi's ordering as replica papers have it.

The toolkit counts levels from the inside, :math:`1 = p_1 \geq p_2 \geq \dots \geq p_r`.  Replica theory counts steps of
symmetry breaking from the outside, :math:`q_0 \leq q_1 \leq \dots \leq q_{r-1} = 1`.  Level r is (r-1)-step breaking, so an
index k becomes r - k; the letters change as :data:`DICTIONARY` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sympy import Basic, Symbol, latex

from ..core.formulas import InputError

__all__ = [
    "CONVENTIONS",
    "DICTIONARY",
    "NAME",
    "check_convention",
    "latex_name",
    "level_of",
    "plain_name",
    "replica_name",
    "split_names",
    "symbol_names",
]

CONVENTIONS = ("toolkit", "replica")

DICTIONARY = {
    "p": ("q", "overlap of two inputs"),
    "q": (r"\hat{q}", "conjugate overlap, of the dual vector"),
    "y": ("m", "Parisi parameter at zero temperature (breakpoint times inverse temperature)"),
    "c": (r"\tilde{m}", "the same in the scaling of the psi form, divided by nu"),
    "Lambda": (r"\chi", "susceptibility accumulated up to a step"),
    "Theta": (r"\hat{\chi}", "conjugate susceptibility accumulated up to a step"),
    "f": ("f", "function of the field that is averaged from the inside up to a step"),
}
"""Toolkit family: (replica letter, meaning)."""

_FAMILY = re.compile(r"(p|q|y|c|f|Lambda|Theta)(\^\(\d+\))?_(\{[^}]*\}|\w+(?:-1)?)")

_GREEK = "alpha|beta|chi|nu|mu|psi|kappa|tau|rho|omega|zeta|lambda|Lambda|Theta|gamma"
_LAYER, _INDEX = r"\^\(\d+\)", r"_(?:\{[^}]*\}|\w+)"
NAME = rf"(?<![\w\\])(?:(?:{_GREEK})(?:{_LAYER})?(?:{_INDEX})?|[A-Za-z](?:(?:{_LAYER})(?:{_INDEX})?|{_INDEX}))(?!\w)"


def check_convention(name: str) -> None:
    """Raise ``InputError`` for a name that is not one of ``CONVENTIONS``."""
    if name not in CONVENTIONS:
        raise InputError(f"unknown notation {name!r}: use {', '.join(CONVENTIONS)}")


def level_of(symbols: Iterable[Symbol]) -> int:
    """The level that a set of symbols belongs to: the largest index of a lifting family, at least 1.

    >>> level_of([Symbol("p_2"), Symbol("Theta_3"), Symbol("u_4")])
    3
    """
    found = [_FAMILY.fullmatch(s.name) for s in symbols]
    return max([1, *(int(m[3]) for m in found if m and m[3].isdigit())])


def _index(text: str, r: int) -> str:
    text = text.strip("{}")
    if text.isdigit():
        return str(r - int(text))
    match = re.fullmatch(r"([a-z])(?:([+-])(\d+))?", text)
    if match is None:
        return text
    shift = "" if match[2] is None else {"+": "-", "-": "+"}[match[2]] + match[3]
    return (shift.lstrip("+") or "0") if match[1] == "r" else f"r-{match[1]}{shift}"


def replica_name(name: str, r: int) -> str | None:
    r"""The replica LaTeX of a toolkit name at level r, or ``None`` if both conventions agree on it.

    >>> replica_name("p_2", 2), replica_name("Lambda_1", 3), replica_name("q_{k-1}", 2), replica_name("chi", 2)
    ('q_{0}', '\\chi_{2}', '\\hat{q}_{r-k+1}', None)
    """
    derivative = re.fullmatch(r"d([A-Z])/d(.+)", name)
    if derivative is not None:
        inner = replica_name(derivative[2], r)
        return None if inner is None else rf"\partial {derivative[1]} / \partial {inner}"
    match = _FAMILY.fullmatch(name)
    if match is None:
        return None
    layer = "" if match[2] is None else f"^{{{match[2][1:]}}}"
    return f"{DICTIONARY[match[1]][0]}_{{{_index(match[3], r)}}}{layer}"


def plain_name(name: str, r: int) -> str | None:
    """The replica name as a toolkit-like symbol name, for text and source, or ``None`` if both conventions agree on it.

    >>> plain_name("p_2", 2), plain_name("q_3", 3), plain_name("Theta_{k-1}", 2), plain_name("p^(1)_2", 2)
    ('q_0', 'qhat_0', 'chihat_{r-k+1}', 'q^(1)_0')
    """
    shown = replica_name(name, r)
    if shown is None:
        return None
    shown = re.sub(r"\\(hat|tilde)\{([^}]*)\}", r"\2\1", shown)
    shown = re.sub(r"_\{(\w+)\}", r"_\1", shown.replace(r"\partial ", "d").replace(" / ", "/").replace("\\", ""))
    return re.sub(r"(_\w+|_\{[^}]*\})\^\{(\(\d+\))\}", r"^\2\1", shown)


def split_names(text: str) -> Iterator[tuple[str, bool]]:
    """A sentence in pieces, each with whether it is the name of a symbol.

    >>> list(split_names("Theta_1 is 2 gamma_s."))
    [('Theta_1', True), (' is 2 ', False), ('gamma_s', True), ('.', False)]
    >>> [name for name, found in split_names("chi^(0), p^(1)_2 at a width of 5") if found]
    ['chi^(0)', 'p^(1)_2']
    """
    position = 0
    for match in re.finditer(NAME, text):
        if match.start() > position:
            yield text[position : match.start()], False
        yield match[0], True
        position = match.end()
    if position < len(text):
        yield text[position:], False


def symbol_names(expressions: Iterable[Basic], convention: str, r: int | None = None) -> dict[Symbol, str]:
    """What SymPy's LaTeX printer is to call the symbols of some expressions; the others are as SymPy has them.

    >>> symbol_names([Symbol("p_2") * Symbol("c_3")], "replica")
    {c_3: '\\\\tilde{m}_{0}', p_2: 'q_{1}'}
    """
    check_convention(convention)
    symbols = sorted({s for e in expressions for s in e.atoms(Symbol)}, key=str)
    if convention == "replica":
        level = level_of(symbols) if r is None else r
        return {s: found for s in symbols if (found := replica_name(s.name, level)) is not None}
    # SymPy prints a name with an index in braces as it stands
    return {s: latex_name(s.name) for s in symbols if "{" in s.name}


def latex_name(name: str) -> str:
    r"""The toolkit's own name of a symbol in LaTeX.

    >>> latex_name("Theta_{k-1}"), latex_name("p^(1)_2")
    ('\\Theta_{k-1}', 'p^{(1)}_{2}')
    """
    return latex(Symbol(name)) if "{" not in name else re.sub(r"^(?=[A-Za-z]{2})", r"\\", name)
