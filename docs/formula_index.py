"""Formulas as objects of the documentation: the role ``{formula}``, ``objects.inv``, the search, and the index with its filter."""

from collections import Counter
from html import escape
from itertools import groupby
from pathlib import Path

from collection import by_id
from docutils import nodes
from sphinx import addnodes
from sphinx.domains import Domain, ObjType
from sphinx.roles import XRefRole
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

WORDS = {"family": "family", "status": "theory", "verdict": "independent check"}


def family(name: str) -> str:
    """The first part of a formula id."""
    return name.partition(".")[0]


class Formulas(Domain):
    """The formulas of the toolkit by their ids.

    A page that is the home of a formula notes it; ``{formula}`` followed by an id in backticks leads there from any page, and
    from any other project that reads ``objects.inv`` (where it is ``formula:entry``).
    """

    name = "formula"
    label = "Formula"
    object_types = {"entry": ObjType("formula", "ref")}
    roles = {"ref": XRefRole(innernodeclass=nodes.literal, warn_dangling=True)}
    initial_data = {"entries": {}}

    def note(self, name: str, document: str, anchor: str) -> None:
        """Make a place the home of a formula."""
        self.data["entries"][name] = (document, anchor)

    def clear_doc(self, docname):
        for name in [n for n, (document, _) in self.data["entries"].items() if document == docname]:
            del self.data["entries"][name]

    def merge_domaindata(self, docnames, otherdata):
        self.data["entries"] |= {n: place for n, place in otherdata["entries"].items() if place[0] in docnames}

    def resolve_xref(self, env, fromdocname, builder, typ, target, node, contnode):
        place = self.data["entries"].get(target)
        return None if place is None else make_refnode(builder, fromdocname, *place, contnode, target)

    def resolve_any_xref(self, env, fromdocname, builder, target, node, contnode):
        found = self.resolve_xref(env, fromdocname, builder, "ref", target, node, contnode)
        return [] if found is None else [("formula:ref", found)]

    def get_objects(self):
        return [(name, name, "entry", *place, 0) for name, place in self.data["entries"].items()]


class Reference(XRefRole):
    """The role ``{formula}`` without the name of the domain."""

    def process_link(self, env, refnode, has_explicit_title, title, target):
        refnode["refdomain"], refnode["reftype"] = "formula", "ref"
        return title, target


def reference(name: str) -> nodes.Node:
    """A link to the home of a formula, wherever that is."""
    words = nodes.literal(text=name)
    target = {"refdomain": "formula", "reftype": "ref", "reftarget": name, "refwarn": True, "refexplicit": False}
    return addnodes.pending_xref("", words, **target)


class FormulaIndex(SphinxDirective):
    """Every formula as a card: id, title, statement, and what is known of it, family by family, behind a filter."""

    def run(self):
        from live_formulas import displayed

        known = sorted(by_id().values(), key=lambda f: family(f["id"]))
        found = [nodes.raw("", controls(known), format="html")]
        for name, members in groupby(known, lambda f: family(f["id"])):
            cards = list(members)
            count = f"{len(cards)} formula{'s' * (len(cards) != 1)}"
            head = f'<details class="formula-family"><summary>{escape(name)} <small>{count}</small></summary>'
            found.append(nodes.raw("", head, format="html"))
            for f in cards:
                facts = {"family": name, "status": f["status"], "verdict": verdict(f)}
                data = "".join(f' data-{key}="{escape(value)}"' for key, value in facts.items())
                found.append(nodes.raw("", f'<div class="formula formula-card"{data}>', format="html"))
                line = nodes.paragraph("", "", reference(f["id"]), nodes.Text(f" {f['title']}"), classes=["formula-id"])
                labels = [nodes.inline(text=text, classes=["formula-fact"]) for text in (f["status"], verdict(f))]
                found += [
                    line,
                    displayed(f["brief"], f["id"]),
                    nodes.paragraph("", "", *labels, classes=["formula-facts"]),
                ]
                found.append(nodes.raw("", "</div>", format="html"))
            found.append(nodes.raw("", "</details>", format="html"))
        return found


def verdict(found: dict) -> str:
    """The outcome of the independent check in a word."""
    return found["outcome"]["verdict"] if found["outcome"] else "not registered"


def controls(known: list[dict]) -> str:
    """The filter; without scripts it stays hidden, and the families still open and close."""
    values = {
        "family": Counter(family(f["id"]) for f in known),
        "status": Counter(f["status"] for f in known),
        "verdict": Counter(map(verdict, known)),
    }
    parts = ['<form class="formula-filter" hidden>']
    parts.append('<label>search <input name="text" type="search" placeholder="id or words of the title"></label>')
    for key, counts in values.items():
        options = "".join(f'<option value="{escape(v)}">{escape(v)} ({n})</option>' for v, n in sorted(counts.items()))
        parts.append(
            f'<label>{WORDS[key]} <select name="{key}"><option value="">all</option>{options}</select></label>'
        )
    return "".join([*parts, "<output></output></form>"])


def configured(app, config):
    """The search puts the formula whose id was asked for first; the filter and its looks are on every page."""
    config.html_search_scorer = str(Path(app.confdir) / "_static" / "scorer.js")


def setup(app):
    app.add_domain(Formulas)
    app.add_role("formula", Reference(innernodeclass=nodes.literal, warn_dangling=True))
    app.add_directive("formula-index", FormulaIndex)
    app.add_css_file("formula-index.css")
    app.add_js_file("formula-index.js", loading_method="defer")
    app.connect("config-inited", configured)
    return {"parallel_read_safe": True, "env_version": 1}
