"""The draft of the paper cites what the bibliography has, and its numbers of words are those that the journal asks for."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAPER = (DOCS / "paper" / "paper.md").read_text()


def test_every_citation_is_in_the_bibliography():
    cited = {*re.findall(r"@(\w+)", PAPER)}
    assert "bibliography: ../references.bib" in PAPER and len(cited) >= 4
    assert cited <= {*re.findall(r"^@\w+\{(\w+),", (DOCS / "references.bib").read_text(), re.M)}


def test_it_has_the_sections_and_the_length_of_a_journal_of_software():
    """The Journal of Open Source Software asks for 250 to 1000 words, a summary, a statement of need and references."""
    _, head, body = PAPER.split("---\n", 2)
    assert {"title", "tags", "authors", "affiliations", "date", "bibliography"} <= {*re.findall(r"^(\w+):", head, re.M)}
    assert {"Summary", "Statement of need", "References"} <= {*re.findall(r"^# (.*)$", body, re.M)}
    assert 250 <= len(body.split()) <= 1000
