"""Every snippet of the README runs, and its table is what the tool prints."""

import re
import shlex
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text()
SHELL = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in block.splitlines()
    if line.startswith("flrdt ")
]
PYTHON = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.mark.parametrize("line", SHELL)
def test_shell_snippets(run, line):
    code, out, _ = run(*shlex.split(line)[1:])
    assert code == 0 and out


@pytest.mark.parametrize("index", range(len(PYTHON)))
def test_python_snippets(index, capsys):
    exec(compile(PYTHON[index], f"README snippet {index}", "exec"), {})
    out = capsys.readouterr().out
    for comment in re.findall(r"# (\d+\.\d+)\.\.\.", PYTHON[index]):
        assert comment in out


@pytest.mark.parametrize("words, body", re.findall(r"<!-- table: flrdt (.*?) -->\n(.*?)\n<!-- end -->", README, re.S))
def test_tables_are_what_the_tool_prints(run, words, body):
    code, out, _ = run(*words.split())
    assert code == 0
    shown, printed = ([row.split(" | ") for row in text.strip().splitlines()] for text in (body, out))
    error = shown[0].index("error")
    for here, there in zip(shown, printed, strict=True):
        if "estimate" in here:  # the second digit of a measured error may depend on the machine
            assert 0.5 < float(here[error]) / float(there[error]) < 2
            here[error] = there[error]
        assert here == there


def test_there_are_snippets():
    assert len(SHELL) >= 8 and len(PYTHON) >= 2


def test_linked_files_are_there():
    for target in re.findall(r"\]\(((?!https?:)[^)]+)\)", README):
        assert (Path(__file__).parents[2] / target).exists(), target
