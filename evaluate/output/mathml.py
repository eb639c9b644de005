"""LaTeX to MathML, so that pages show formulas without a script or another host."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from unicodedata import lookup
from xml.etree import ElementTree

from ..arithmetic.decimals import InputError

__all__ = ["mathml"]

SPACE = "http://www.w3.org/1998/Math/MathML"
TALL = {"mfrac", "mtable", "munder", "mover", "munderover", "msubsup", "mroot"}
"""Elements that reach further up or down than a letter with an index or a power."""

DOUBLE_STRUCK = {c: lookup(f"MATHEMATICAL DOUBLE-STRUCK CAPITAL {c}") for c in "ABDEFGIJKLMOSTUVWXY"} | {
    c: lookup(f"DOUBLE-STRUCK CAPITAL {c}") for c in "CHNPQRZ"
}

ElementTree.register_namespace("", SPACE)


@lru_cache(maxsize=4096)
def mathml(source: str, display: bool = False, annotate: bool = False) -> str:
    r"""The MathML element of a LaTeX formula; raises ``InputError`` if ``latex2mathml`` is not installed.

    Brackets stretch only around what is tall; around flat content they are written plain, since browsers choose a
    larger and wider glyph for a bracket that may stretch.  With ``annotate`` the element carries its LaTeX source.

    >>> mathml(r"f\left(x\right)")
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"><mrow><mi>f</mi><mrow><mo stretchy="false" form="prefix">(</mo><mi>x</mi><mo stretchy="false" form="postfix">)</mo></mrow></mrow></math>'
    """
    try:
        from latex2mathml.converter import convert
    except ImportError:
        raise InputError("HTML output needs latex2mathml: python -m pip install latex2mathml") from None
    known = re.sub(r"\\arg\b", r"\\operatorname{arg}", source)  # what the converter does not know
    known = re.sub(r"\\mathrm\{(\w)\}", r"\\text{\1}", known)
    known = re.sub(r"\s*('+)\s*\^\s*(\{[^}]*\}|\w)", lambda m: "^{" + r"\prime " * len(m[1]) + m[2] + "}", known)
    element = convert(known, display="block" if display else "inline")
    left = re.search(r"\\[A-Za-z]+", element)
    if left is not None:
        raise ArithmeticError(f"the formula was not understood by latex2mathml: {left[0]} in {source}")
    root = ElementTree.fromstring(element)
    for parent in root.iter():
        _fences(parent)
        _function_names(parent)
        _signs(parent)
        if parent.get("mathvariant") == "double-struck":  # browsers want the letter itself
            parent.text = "".join(DOUBLE_STRUCK.get(c, c) for c in parent.text or "")
            del parent.attrib["mathvariant"]
    if annotate:
        root[:] = [_annotated(list(root), source)]
    return ElementTree.tostring(root, encoding="unicode")


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _fences(parent: ElementTree.Element) -> None:
    """Brackets of this row: plain around flat content, elsewhere as tall as what they hold."""
    fences = [child for child in parent if _name(child) == "mo" and child.get("fence") == "true"]
    if not fences:
        return
    tall = any(_name(inner) in TALL for child in parent for inner in child.iter())
    # an exponent that is itself a sum or has exponents is tall too
    tall = tall or any(
        _name(inner) == "msup" and sum(_name(x) in ("msup", "mo") for x in inner[1].iter()) > 1
        for child in parent
        for inner in child.iter()
    )
    for fence in fences:
        form = fence.get("form")
        fence.attrib.clear()
        # a bracket around tall content is as tall as what it holds, also where that reaches further up than down
        fence.attrib.update({"symmetric": "false"} if tall else {"stretchy": "false"})
        if form:
            fence.set("form", form)


def _function_names(parent: ElementTree.Element) -> None:
    """A name such as log stands apart from the factor before it, and close to the bracket after it."""
    children = list(parent)
    for i in reversed(range(1, len(children))):
        before, here = children[i - 1], children[i]
        base = here[0] if _name(here) in ("msub", "msup") and len(here) else here
        named = _name(base) in ("mi", "mo") and (base.text or "").isalpha() and len(base.text or "") > 1
        bracket = _name(here) == "mrow" and len(here) and _name(here[0]) == "mo"
        if bracket and _name(before) == "mo" and (before.text or "").isalpha():
            before.set("rspace", "0")
        if named and _name(before) in ("mi", "mn", "msub", "msup", "msubsup", "mfrac", "msqrt"):
            parent.insert(i, ElementTree.Element(f"{{{SPACE}}}mspace", {"width": "0.1667em"}))


def _signs(parent: ElementTree.Element) -> None:
    """A sign after an opening bracket or a comma belongs to what follows it."""
    children = list(parent)
    for before, here in pairwise(children):
        if _name(here) == "mo" and here.text in ("\u2212", "-", "+"):
            opens = _name(before) == "mo" and (before.get("form") == "prefix" or (before.text or "") in "([{,")
            if opens:
                here.set("form", "prefix")


def _annotated(children: list[ElementTree.Element], source: str) -> ElementTree.Element:
    semantics = ElementTree.Element(f"{{{SPACE}}}semantics")
    row = ElementTree.SubElement(semantics, f"{{{SPACE}}}mrow")
    row.extend(children)
    ElementTree.SubElement(semantics, f"{{{SPACE}}}annotation", {"encoding": "application/x-tex"}).text = source
    return semantics
