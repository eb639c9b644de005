"""How objects show themselves: a short line in a REPL, TeX and a table in a notebook."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["Shown", "array", "gathered", "scientific"]


def scientific(text: str) -> str:
    r"""A decimal in TeX.

    >>> scientific("1.5e-30"), scientific("inf")
    ('1.5 \\cdot 10^{-30}', '\\infty')
    """
    text = text.replace("inf", r"\infty")
    return re.sub(r"e([+-]?)0*(\d+)", lambda m: rf" \cdot 10^{{{m[1].replace('+', '')}{m[2]}}}", text)


def gathered(lines: Iterable[str]) -> str:
    r"""Lines of TeX below each other.

    >>> gathered(["a = 1", "b = 2"])
    '\\begin{gathered} a = 1 \\\\ b = 2 \\end{gathered}'
    """
    return r"\begin{gathered} " + r" \\ ".join(lines) + r" \end{gathered}"


def array(rows: Sequence[Sequence[str]]) -> str:
    r"""Rows of words as a TeX array, the first one a head.

    >>> array([("a", "b"), ("1", "2")])
    '\\begin{array}{ll} \\text{a} & \\text{b} \\\\ \\hline \\text{1} & \\text{2} \\end{array}'
    """
    head, *body = (" & ".join(rf"\text{{{_tex_words(cell)}}}" for cell in row) for row in rows)
    lines = r" \\ ".join([head, *[(r"\hline " if i == 0 else "") + row for i, row in enumerate(body)]])
    return rf"\begin{{array}}{{{'l' * len(rows[0])}}} {lines} \end{{array}}"


def _tex_words(text: str) -> str:
    return re.sub(r"([#$%&_{}])", r"\\\1", text).replace("^", r"\hat{}").replace("\\\\", "\\")


class Shown:
    """An object that shows itself in a REPL and in a notebook.

    A class says what it is in one line (``_line``), in TeX (``_tex``) and in a table (``_rows``, the first one a head).
    """

    def _line(self) -> str:
        """What it is, in one line."""
        raise NotImplementedError

    def _tex(self) -> str:
        """What it says, in TeX for displayed mathematics."""
        raise NotImplementedError

    def _rows(self) -> Sequence[Sequence[str]]:
        """Names and numbers; none where the TeX says everything."""
        return ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._line()}>"

    def _repr_latex_(self) -> str:
        r"""TeX between dollars, as notebooks ask for it."""
        return rf"$\displaystyle {self._tex()}$"

    def _repr_html_(self) -> str:
        """The line, the TeX, and the table, as notebooks ask for it."""
        parts = [f"<div><p>{escape(self._line())}</p>"]
        rows = self._rows()
        if rows:
            head, *body = rows
            cells = "".join(f"<th>{escape(c)}</th>" for c in head)
            lines = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in body)
            parts.append(f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>")
        else:
            parts.append(f"$$ {escape(self._tex(), quote=False)} $$")
        return "".join([*parts, "</div>"])
