"""The notebooks run from their first cell to their last, as they do when the documentation is built."""

import ast
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(p.stem for p in FOLDER.glob("*.md") if p.stem != "index")
CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```", re.S | re.M)


def test_there_are_five_and_the_index_names_them():
    index = (FOLDER / "index.md").read_text()
    assert len(NOTEBOOKS) == 5
    assert sorted(re.findall(r"^[a-z-]+$", index.partition("```{toctree}")[2], re.M)) == NOTEBOOKS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_cells_are_python(name):
    text = (FOLDER / f"{name}.md").read_text()
    cells = CELL.findall(text)
    assert len(cells) >= 4 and len(cells) == text.count("```{code-cell}")
    for cell in cells:
        ast.parse(cell)


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for cell in CELL.findall((FOLDER / f"{name}.md").read_text()):
        exec(compile(cell, name, "exec"), names)
