"""The documentation follows the derivations: an edited derivation changes its page, snippets of pages run."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import flrdt
import flrdt.derive
import flrdt.evaluate

DOCS = Path(__file__).parents[2] / "docs"

PAGE = """
import sys
sys.path.insert(0, sys.argv[1])
from build_cache import cached
from collection import shown
from flrdt.derive import plain_level
def compute():
    print("computed", file=sys.stderr)
    return shown(plain_level().formula)
found = cached("plain", compute, "derive") | {"outcome": None}
for text, expression, verdict in found["steps"]:
    print(text, expression, verdict)
"""


@pytest.mark.slow
def test_an_edited_derivation_changes_its_page(tmp_path):
    """On a copy of the sources; without an edit the page comes from the cache."""
    for package in (flrdt.derive, flrdt.evaluate):
        home = Path(package.__path__[0])
        shutil.copytree(home, tmp_path / "flrdt" / home.name, ignore=shutil.ignore_patterns("__pycache__"))
    # without the entry the copy would be a namespace package, and an installed toolkit would come before it
    for module in Path(flrdt.__file__).parent.glob("*.py"):
        shutil.copy(module, tmp_path / "flrdt")
    (tmp_path / "docs").mkdir()
    for module in [*DOCS.glob("*.py"), *DOCS.glob("*.bib")]:
        shutil.copy(module, tmp_path / "docs")

    def built():
        # -P and PYTHONPATH: the copy comes before an installed toolkit
        words = [sys.executable, "-P", "-c", PAGE, str(tmp_path / "docs")]
        done = subprocess.run(words, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True)
        return done.stdout, "computed" in done.stderr

    first, fresh = built()
    assert fresh and "proved" in first
    assert built() == (first, False)
    source = tmp_path / "flrdt" / "derive" / "conditions" / "plain.py"
    sentence = "Gaussian integration over the pieces of the envelope."
    assert sentence in source.read_text() and sentence[:20] in first
    source.write_text(source.read_text().replace(sentence, "An edited sentence."))
    second, fresh = built()
    assert fresh and second != first and "An edited sentence." in second and sentence[:20] not in second
    # a module of a subpackage counts as well
    (tmp_path / "flrdt" / "derive" / "registry" / "later.py").write_text("")
    assert built() == (second, True)


def test_the_snippets_of_the_page_on_claims_run(capsys):
    for block in re.findall(r"```python\n(.*?)```", (DOCS / "new-formula.md").read_text(), re.S):
        exec(compile(block, "new-formula.md", "exec"), {})
    right, wrong, derived, changed = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"mine\.right (proved|verified) \{\}", right)
    assert re.fullmatch(r"mine\.wrong failed \{'t': '.+'\}", wrong)
    assert derived.startswith("Eq(K(t), t**2/2)") and derived.endswith("proved") and changed.endswith("failed")


# what a hand-written page may set as mathematics: one symbol, with indices, and with at most one argument
LETTER = r"(?:\\mathbb ?\{?[A-Z]\}?|\\[A-Za-z]+|[A-Za-z])"
SYMBOL = re.compile(rf"{LETTER}'*(?:[_^](?:\{{[A-Za-z\\]+(?:_\{{?\w+\}}?)?\}}|\\[A-Za-z]+|\w))*(?:\({LETTER}\))?")


def prose(page):
    """A page without its blocks and literals."""
    return re.sub(r"^```.*?^```|`[^`]*`", "", page, flags=re.S | re.M)


def displayed(page):
    """What starts a displayed formula that is typed."""
    found = re.findall(r"^```\{math\}|^\\\[|\\begin\{\w+\}", page, re.M)
    return found + re.findall(r"\$\$", prose(page))


def inline(page):
    """The formulas in the sentences of a page that are more than a symbol."""
    found = re.findall(r"(?<!\$)\$([^$]+)\$(?!\$)", prose(page))
    return [f for f in found if not SYMBOL.fullmatch(f)]


def test_what_counts_as_typed():
    for symbol in (r"\alpha", "c_k", r"e(\alpha)", r"M_\chi", r"\mathbb{E}_{m_k}", r"\gamma_s", "a_l^2", "x"):
        assert inline(f"Here ${symbol}$ stands.") == [], symbol
    for formula in ("x = 1", r"\frac{1}{2}", r"2\chi", r"a \to 0", "p_{k+1}", r"\alpha n", r"\sqrt{x}"):
        assert inline(f"Here ${formula}$ stands.") == [formula], formula
    for block in ("$$\nx\n$$", "```{math}\nx\n```", "\\begin{equation} x \\end{equation}"):
        assert displayed(block), block
    assert displayed("`$$` and\n```sh\necho $$ $HOME\n```\n") == []


@pytest.mark.parametrize(
    "page",
    [
        p.relative_to(DOCS).as_posix()
        for folder in (".", "course", "notebooks")
        for p in sorted((DOCS / folder).glob("*.md"))
    ],
)
def test_no_formula_of_a_page_is_typed(page):
    """Displayed formulas come from live objects by {formula} ID; in a sentence stands a symbol or plain text.

    The pages with the proofs are the exception: no object holds the inequalities of an argument, so their sentences may.
    None of them is displayed.
    """
    text = (DOCS / page).read_text()
    assert displayed(text) == []
    assert page in ("certificates.md", "lower-bound.md") or inline(text) == []


def test_references_to_the_toolkit_itself_are_checked():
    """The exceptions of the build's reference check are names of other projects, private ones and type variables."""
    tree = ast.parse((DOCS / "conf.py").read_text())
    values = {
        n.targets[0].id: n.value for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)
    }
    assert ast.literal_eval(values["nitpicky"]) is True
    for kind, pattern in ast.literal_eval(values["nitpick_ignore_regex"]):
        for name in ("flrdt.derive.networks.network.Network", "flrdt.evaluate.results.door.capacity", "Network"):
            assert not (re.fullmatch(kind, "py:class") and re.fullmatch(pattern, name)), (pattern, name)


def test_citations_are_in_the_bibliography_and_the_other_way_round():
    """Every key that a page cites is there, and no entry is there for nothing."""
    pages = "".join(p.read_text() for p in DOCS.rglob("*.md") if "_" not in p.relative_to(DOCS).parts[0])
    cited = {key for keys in re.findall(r"\{cite:[pt]\}`([^`]+)`", pages) for key in keys.split(",")}
    there = {*re.findall(r"^@\w+\{(\w+),", (DOCS / "references.bib").read_text(), re.M)}
    assert cited == there, cited ^ there
