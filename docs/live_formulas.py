"""The directive ``{formula} ID``: a formula of the toolkit with its id, its verdict and a derivation that unfolds."""

from collection import by_id
from docutils import nodes
from docutils.parsers.rst import directives
from generate import family, slug
from sphinx.util.docutils import SphinxDirective

LONGEST = 6000  # characters of LaTeX; MathML takes about ten times as many bytes


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
    box += [displayed(found["statement"], found["id"]), origin]
    if found["assumptions"] and "statement" not in directive.options:
        box += sentence("Assuming " + "; ".join(found["assumptions"]) + ".", classes=["formula-id"])
    if found["steps"] and "statement" not in directive.options:
        box += unfolding(directive, found)
    return [box]


def displayed(latex, origin):
    """A displayed formula that names the id of what it was rendered from; one that nobody would read is only named."""
    if len(latex) > LONGEST:
        words = nodes.paragraph("", f"{len(latex)} characters of LaTeX, too many for a page: ", classes=["formula-id"])
        words += nodes.literal(text=f"flrdt formulas {origin} --format latex")
        return words
    block = nodes.math_block("", latex, nowrap=True, number=None)
    block["formula"] = origin
    return block


def sentence(text, **attributes):
    """A paragraph of a sentence with formulas between dollar signs."""
    paragraph = nodes.paragraph(**attributes)
    for i, part in enumerate(text.split("$")):
        paragraph += nodes.math("", part) if i % 2 else nodes.Text(part)
    return paragraph


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
    app.add_directive("formula", LiveFormula)
    return {"parallel_read_safe": False}
