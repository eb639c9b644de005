"""The commands and snippets of the pages for users run: how-to, verification, claims, deep networks, the limit."""

import re
import shlex
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (
    "how-to",
    "verify",
    "new-formula",
    "limit",
    "certificates",
    "lower-bound",
    "deep",
    "family",
    "accuracy",
    "one-layer",
    "notation",
    "course/relations",
    "course/solutions",
    "install",
    "cite",
)
# more than a few seconds each
LONG = (
    "# list", "limit ", "plot ", "docs ", "certify ", "check ", "--certified", "--level 4", "--depth", "--digits 50", "--digits 60",
    "verify relations.3", "formulas relations.3 ", "formulas gaussian", "--level 3 --format latex", "sweep --problem",
)  # fmt: skip


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / f"{page}.md").read_text(), re.S | re.M)


def commands():
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.splitlines():
                if line != "flrdt verify                            # all of them":  # a slow test of its own
                    slow = any(word in line for word in LONG)
                    yield pytest.param(line, id=line, marks=[pytest.mark.slow] if slow else [])


def after_output(words):
    return words[words.index("--output") + 1] if "--output" in words else None


#: The files that commands of the pages write, each with its command: a later one may read them.
WRITTEN = {after_output(shlex.split(p.values[0], comments=True)): p.values[0] for p in commands()}


def test_there_are_snippets():
    assert len(list(commands())) > 20
    for page in PAGES:  # a command in another kind of block would not be run
        text = re.sub(r"^```.*?^```", "", (DOCS / f"{page}.md").read_text(), flags=re.S | re.M)
        assert not re.search(r"^ {4,}flrdt ", text, re.M), page


@pytest.mark.parametrize("line", list(commands()))
def test_commands(run, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLRDT_CACHE", str(tmp_path / "cache"))
    Path("my_claims.toml").write_text(*blocks("how-to", "toml"))
    certificate = DOCS / "certificates" / "level-2.json"
    Path("level-2.json").write_text(certificate.read_text())
    Path("lower.json").write_text((DOCS / "certificates" / "lower-relu.json").read_text())
    words = shlex.split(line, comments=True)
    for word in words:
        if word in WRITTEN and word != after_output(words) and not Path(word).exists():
            run(*shlex.split(WRITTEN[word], comments=True)[1:])
    code, out, _ = run(*words[1:])
    assert words[0] == "flrdt" and code == 0
    assert out or "--output" in words


@pytest.mark.parametrize("page", ["how-to"])
def test_python(page, capsys):
    for block in blocks(page, "python"):
        exec(compile(block, page, "exec"), {})
        assert capsys.readouterr().out


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b, marks=[pytest.mark.slow] if re.search(r"\bcapacity\(|family_value\(", b) else [])
        for b in blocks("course/solutions", "python")
    ],
)
def test_solutions_of_the_exercises(block):
    """Each program of the course stands alone."""
    exec(compile(block, "course/solutions", "exec"), {})


@pytest.mark.parametrize("page", sorted(p.stem for p in (DOCS / "course").glob("*.md")))
def test_every_chapter_has_exercises_and_each_a_solution(page):
    """The solutions stand under the title that the list of chapters gives, one for each exercise."""
    if page in ("index", "solutions"):
        return

    def numbers(text):
        return re.findall(r"^(\d+)\. ", text, re.M)

    chapters = (DOCS / "course" / "index.md").read_text()
    (title,) = re.findall(rf"\[([^\]]+)\]\({page}\.md\)", chapters)
    exercises = (DOCS / "course" / f"{page}.md").read_text().partition("\n## Exercises\n")[2]
    solutions = (DOCS / "course" / "solutions.md").read_text()
    (solved,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", solutions, re.S | re.M)
    assert len(numbers(exercises)) >= 2 and numbers(exercises) == numbers(solved)
