"""LaTeX to MathML, so that pages show formulas without a script or another host."""

from __future__ import annotations

import re

from ..arithmetic.decimals import InputError

__all__ = ["mathml"]


def mathml(source: str, display: bool = False) -> str:
    r"""The MathML element of a LaTeX formula; raises ``InputError`` if ``latex2mathml`` is not installed.

    >>> mathml(r"\alpha")
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"><mrow><mi>&#x003B1;</mi></mrow></math>'
    """
    try:
        from latex2mathml.converter import convert
    except ImportError:
        raise InputError("HTML output needs latex2mathml: python -m pip install latex2mathml") from None
    source = re.sub(r"\\arg\b", r"\\operatorname{arg}", source)  # two things the converter does not know
    source = re.sub(r"'\^(\{[^}]*\}|\w)", r"^{\\prime \1}", source)
    element = convert(source, display="block" if display else "inline")
    # a bracket is as tall as what it holds, also where that reaches further up than down
    element = element.replace('fence="true"', 'fence="true" symmetric="false"')
    left = re.search(r"\\[A-Za-z]+", re.sub(r"<annotation.*?</annotation>", "", element))
    if left is not None:
        raise ArithmeticError(f"the formula was not understood by latex2mathml: {left[0]} in {source}")
    return element
