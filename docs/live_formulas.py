"""The directive ``{formula} ID``: a formula of the toolkit with its id, its verdict and a derivation that unfolds."""

from html import escape

from collection import by_id
from docutils import nodes
from docutils.parsers.rst import directives
from formula_index import reference
from sphinx.util.docutils import SphinxDirective


class LiveFormula(SphinxDirective):
    """Renders a live formula object; an unknown id is an error of the build.

    ``:entry: ANCHOR`` makes the place, under that anchor, the home of the formula, and lists its symbols.
    """

    required_arguments = 1
    option_spec = {"open": directives.flag, "statement": directives.flag, "entry": directives.unchanged_required}

    def run(self):
        known = by_id()
        if self.arguments[0] not in known:
            raise self.error(f"no formula has the id {self.arguments[0]}")
        if "entry" in self.options:
            self.env.get_domain("formula").note(self.arguments[0], self.env.docname, self.options["entry"])
        return show(self, known[self.arguments[0]])


def show(directive, found):
    """The nodes of one formula."""
    box = nodes.container(classes=["formula"])
    origin = nodes.paragraph(classes=["formula-id"])
    checked = f"; independent check {found['outcome']['verdict']}" if found["outcome"] else ""
    origin += [reference(found["id"]), nodes.Text(f": {found['status']}; derivation {found['verdict']}{checked}")]
    box += [displayed(found["statement"], found["id"]), origin]
    if "entry" in directive.options:
        box += nodes.raw("", copies(found), format="html")
    if found["assumptions"] and "statement" not in directive.options:
        box += sentence("Assuming " + "; ".join(found["assumptions"]) + ".", classes=["formula-id"])
    if found["symbols"] and "entry" in directive.options:
        box += symbols(found)
    if found["steps"] and "statement" not in directive.options:
        box += unfolding(directive, found)
    return [box]


def displayed(latex, origin):
    """A displayed formula that names the id of what it was rendered from."""
    block = nodes.math_block("", latex, nowrap=True, number=None)
    block["formula"] = origin
    return block


def copies(found):
    """Buttons that copy a formula as LaTeX with its label, its sources as BibTeX, and its SymPy source."""
    words = {"LaTeX": found["latex"], "BibTeX": found["bibtex"], "SymPy": found["sympy"]}
    buttons = [f'<button type="button" data-copy="{escape(text)}">{name}</button>' for name, text in words.items()]
    return f'<p class="formula-copy" hidden>Copy as {" ".join(buttons)} <output></output></p>'


def sentence(text, **attributes):
    """A paragraph of a sentence with formulas between dollar signs."""
    paragraph = nodes.paragraph(**attributes)
    for i, part in enumerate(text.split("$")):
        paragraph += nodes.math("", part) if i % 2 else nodes.Text(part)
    return paragraph


def symbols(found):
    """What the symbols of a formula stand for, in a box that opens on a click."""
    count = len(found["symbols"])
    head = f"<details><summary>{count} symbol{'s' * (count != 1)}</summary>"
    rows = [
        nodes.list_item("", nodes.paragraph("", "", nodes.math("", name), nodes.Text(f": {meaning} ({numbers})")))
        for name, meaning, numbers in found["symbols"]
    ]
    return [
        nodes.raw("", head, format="html"),
        nodes.bullet_list("", *rows),
        nodes.raw("", "</details>", format="html"),
    ]


def unfolding(directive, found):
    """The derivation in a box that opens on a click."""
    state = " open" if "open" in directive.options else ""
    head = (
        f"<details{state}><summary>Derivation, {len(found['steps'])} step{'s' * (len(found['steps']) != 1)}</summary>"
    )
    items = nodes.enumerated_list(enumtype="arabic", prefix="", suffix=".")
    for text, value, verdict in found["steps"]:
        words = sentence(text)
        words += [nodes.Text(" "), nodes.emphasis(text=f"({verdict})")]
        items += nodes.list_item("", words, displayed(value, found["id"]))
    uses = [sentence("Uses: " + "; ".join(found["uses"]) + ".")] if found["uses"] else []
    body = [*uses, items]
    return [nodes.raw("", head, format="html"), *body, nodes.raw("", "</details>", format="html")]


def setup(app):
    app.add_js_file("formula-copy.js", loading_method="defer")
    app.setup_extension("formula_index")
    app.add_directive("formula", LiveFormula)
    return {"parallel_read_safe": True}
