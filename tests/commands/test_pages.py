"""Pages of results for people: what was computed in a sentence, numbers that wrap and are read back, the words explained."""

import json
import re

import pytest

from flrdt.evaluate.output.pages import entry, grouped


def values(page):
    """Name and number of every entry, with the lines of a number joined and its blanks removed."""
    found = {}
    name = None
    for line in page.partition("\n\n")[2].splitlines():
        start = re.match(r"(\S[^=<]*?) *[=<] ", line)
        name = start[1] if start else name
        text = re.sub(r"\(.*", "", line[start.end() :] if start else line)
        found[name] = found.get(name, "") + "".join(text.split())
    return found


@pytest.mark.parametrize("digits", [1, 9, 10, 11, 75, 76, 1000])
@pytest.mark.parametrize("number", ["1.{}", "-123.{}", "0.{}e-12345", "7.{}e+5"])
def test_a_number_is_read_back_by_removing_blanks(number, digits):
    number = number.format(("0123456789" * 100)[:digits])
    for width in (40, 80, 100):
        lines = entry("alpha", number, width)
        assert all(len(line) <= width for line in lines)
        assert "".join("".join(lines).split()).removeprefix("alpha=") == number
        assert "".join("".join(grouped(number, width)).split()) == number


def test_a_thousand_digits_wrap_and_json_does_not(run):
    words = ("capacity", "--level", "1", "--digits", "1000", "--estimate")
    page = run(*words)[1]
    shown = json.loads(run(*words, "--json")[1])
    assert max(map(len, page.splitlines())) <= 100
    read = values(page)
    assert read["alpha"] == shown["alpha"] and len(shown["alpha"]) > 1000
    assert {name: read[name] for name in shown["parameters"]} == shown["parameters"]


@pytest.mark.parametrize(
    "words, opening",
    [
        (("capacity", "--level", "1"), "Injectivity capacity of one layer at level 1"),
        (("capacity", "--depth", "2", "--level", "1"), "Injectivity capacity of the last of 2 layers at level 1"),
        (("capacity", "--both-sides"), "Interval that contains the injectivity capacity of one layer"),
        (("capacity", "--problem", "strip:1", "--level", "1"), "Capacity of the problem strip:1 at level 1"),
        (("capacity", "--problem", "sk", "--level", "1"), "Ground state of the problem sk at level 1"),
        (
            ("energy", "--problem", "hinge:kappa=1", "--alpha", "5", "--level", "1"),
            "Ground-state energy of the problem hinge",
        ),
        (("energy", "--alpha", "8", "--level", "1"), "Ground-state energy of one layer at level 1"),
    ],
)
def test_a_page_opens_with_what_was_computed(run, words, opening):
    code, out, _ = run(*words, "--digits", "5")
    first, _, rest = out.partition("\n\n")
    assert code == 0 and " ".join(first.split()).startswith(opening) and first.endswith(".") and "=" in rest
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize(
    "words, said",
    [
        ((), "random network is injective, not below"),
        (("--depth", "3"), "outputs of the last layer"),
        (("--widths", "7.7"), "outputs of the last layer"),
        (("--problem", "sk"), "constraints per variable"),
        (("--level", "inf"), "extrapolated from the values of levels"),
    ],
)
def test_the_words_are_explained_for_what_is_asked(run, words, said):
    """Five lines and no computation."""
    code, out, _ = run("capacity", *words, "--explain")
    lines = out.splitlines()
    assert code == 0 and said in out
    assert [line.split()[0] for line in lines] == ["alpha", "level", "notion", "budget", "status"]
    assert max(map(len, lines)) <= 130 and all(line.endswith(".") for line in lines)
