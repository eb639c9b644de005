"""Sphinx renderer that writes formulas as MathML at build time: no script and no other host is needed to read them."""

from docutils import nodes

from flrdt.evaluate.reporting.mathml import mathml


def inline(writer, node):
    """A formula in a sentence."""
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def display(writer, node):
    """A displayed formula; it scrolls inside its box on a narrow screen."""
    writer.body.append(f'<div class="math-display" tabindex="0">{mathml(node.astext(), display=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
