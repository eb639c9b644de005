"""The documentation follows the derivations: an edited derivation changes its page, snippets of pages run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import flrdt.derive
import flrdt.evaluate

DOCS = Path(__file__).parents[1] / "docs"

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


def test_an_edited_derivation_changes_its_page(tmp_path):
    """On a copy of the sources; without an edit the page comes from the cache."""
    for package in (flrdt.derive, flrdt.evaluate):
        home = Path(package.__path__[0])
        shutil.copytree(home, tmp_path / "flrdt" / home.name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "docs").mkdir()
    for module in DOCS.glob("*.py"):
        shutil.copy(module, tmp_path / "docs")

    def built():
        # -P and PYTHONPATH: the copy comes before an installed toolkit
        words = [sys.executable, "-P", "-c", PAGE, str(tmp_path / "docs")]
        done = subprocess.run(words, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True)
        return done.stdout, "computed" in done.stderr

    first, fresh = built()
    assert fresh and "proved" in first
    assert built() == (first, False)
    source = tmp_path / "flrdt" / "derive" / "plain.py"
    sentence = re.search(r'Step\(\s*"([^"]+)"', source.read_text())[1]
    assert sentence[:20] in first
    source.write_text(source.read_text().replace(sentence, "An edited sentence."))
    second, fresh = built()
    assert fresh and second != first and "An edited sentence." in second and sentence[:20] not in second
    # a module of a subpackage counts as well
    (tmp_path / "flrdt" / "derive" / "registry" / "later.py").write_text("")
    assert built() == (second, True)


def test_the_snippets_of_the_page_on_claims_run(capsys):
    for block in re.findall(r"```python\n(.*?)```", (DOCS / "new-formula.md").read_text(), re.S):
        exec(compile(block, "new-formula.md", "exec"), {})
    right, wrong = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"mine\.right (proved|verified) \{\}", right)
    assert re.fullmatch(r"mine\.wrong failed \{'t': '.+'\}", wrong)
