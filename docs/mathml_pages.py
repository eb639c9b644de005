"""Sphinx renderer that writes formulas as MathML at build time: no script and no other host is needed to read them."""

from docutils import nodes
from sphinx.util import logging

from flrdt.evaluate.output.mathml import mathml

logger = logging.getLogger(__name__)


def inline(writer, node):
    """A formula in a sentence."""
    writer.body.append(mathml(node.astext(), annotate=True))
    raise nodes.SkipNode


def display(writer, node):
    """A displayed formula with the id of what it was rendered from; it scrolls inside its box on a narrow screen."""
    origin = node.get("formula")
    if origin is None and not executed(node):
        logger.warning("a displayed formula is typed: show a live one with {formula} ID", location=node)
    shown = mathml(node.astext(), display=True, annotate=True)
    writer.body.append(
        f'<div class="math-display" data-formula="{writer.encode(origin or "")}" tabindex="0">{shown}</div>'
    )
    raise nodes.SkipNode


def executed(node):
    """Whether a node is what a cell of a notebook answered."""
    while node is not None and "cell_output" not in node.get("classes", ()):
        node = node.parent
    return node is not None


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
