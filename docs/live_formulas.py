"""The directive ``{formula} ID``: a formula of the toolkit with its id, its verdict and a derivation that unfolds."""

from collection import by_id
from docutils import nodes
from docutils.parsers.rst import directives
from generate import family, slug
from sphinx.util.docutils import SphinxDirective


class LiveFormula(SphinxDirective):
    """Renders a live formula object; an unknown id is an error of the build."""

    required_arguments = 1
    option_spec = {"open": directives.flag, "statement": directives.flag}

    def run(self):
        known = by_id()
        if self.arguments[0] not in known:
            raise self.error(f"no formula has the id {self.arguments[0]}")
        return show(self, known[self.arguments[0]])


def show(directive, found):
    """The nodes of one formula."""
    box = nodes.container(classes=["formula"])
    statement = nodes.math_block("", found["statement"], nowrap=True, number=None)
    origin = nodes.paragraph(classes=["formula-id"])
    page = f"_generated/formulas/{family(found['id'])}"
    link = nodes.reference(
        "",
        "",
        nodes.literal(text=found["id"]),
        internal=True,
        refuri=directive.env.app.builder.get_relative_uri(directive.env.docname, page) + f"#{slug(found['id'])}",
    )
    checked = f"; independent check {found['outcome']['verdict']}" if found["outcome"] else ""
    origin += [link, nodes.Text(f": {found['status']}; derivation {found['verdict']}{checked}")]
    box += [statement, origin]
    if found["steps"] and "statement" not in directive.options:
        box += unfolding(directive, found)
    return [box]


def unfolding(directive, found):
    """The derivation in a box that opens on a click."""
    state = " open" if "open" in directive.options else ""
    head = f"<details{state}><summary>Derivation, {len(found['steps'])} steps</summary>"
    items = nodes.enumerated_list(enumtype="arabic", prefix="", suffix=".")
    for text, value, verdict in found["steps"]:
        item = nodes.list_item()
        sentence = nodes.paragraph()
        for i, part in enumerate(text.split("$")):
            sentence += nodes.math("", part) if i % 2 else nodes.Text(part)
        sentence += [nodes.Text(" "), nodes.emphasis(text=f"({verdict})")]
        item += [sentence, nodes.math_block("", value, nowrap=True, number=None)]
        items += item
    uses = nodes.paragraph()
    for i, part in enumerate(("Uses: " + "; ".join(found["uses"]) + ".").split("$")):
        uses += nodes.math("", part) if i % 2 else nodes.Text(part)
    body = [uses, items] if found["uses"] else [items]
    return [nodes.raw("", head, format="html"), *body, nodes.raw("", "</details>", format="html")]


def setup(app):
    app.add_directive("formula", LiveFormula)
    return {"parallel_read_safe": False}
