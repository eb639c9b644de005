"""Every option of every command, given what it cannot take: one line that names it, no Python in it, nothing on stdout."""

import os
import re

import pytest

from flrdt.evaluate.cli import COMMANDS, command_parser, one_line, parser

#: What makes each command complete and cheap, should a value be taken after all.
COMPLETE = {
    "energy": {"--alpha": "8", "--level": "1"},
    "table": {"": "single", "--levels": "1"},
    "network": {"": "10 100", "--level": "1"},
    "plot": {"": "energy", "--output": "e.svg"},
    "certify": {"--level": "1"},
    "check": {"": "x.json"},
    "derive": {"": "plain"},
    "finite": {"--n": "2", "--m": "5", "--trials": "2"},
    "sweep": {"--level": "1", "--output": "r.csv"},
    "docs": {"": "out"},
}
WRONG = ["", "nan", "-1", "1e999999", "9" * 5000, "None", "(", "__import__('os')", "1/0", "1,", "a\nb", "\x1b[31m"]
#: Options that name a file may hold nearly any text; what they refuse is tested with the files.
FILES = {"--output", "--checkpoint", "--witness", "--weights", "--bias", "--file", "--save", "--to"}
#: A budget, a width, ... may be an odd number; -1 is a seed like any other.
TAKEN = {("--seed", "-1"), ("--seed", "9" * 5000), ("--confidence", "1e-5000")}
PYTHON = re.compile(
    r"\b(\w+Error|int|str|dict|NoneType|Namespace|float|Fraction|bytes|argparse)\b|<class|\.py\b|Traceback"
)


def options(command):
    """The options of a command that take a value."""
    actions = {id(a): a for a in command_parser(parser(command), command).options().values() if a.nargs != 0}
    names = [{n for n in action.option_strings if n.startswith("--")} for action in actions.values()]
    return sorted(min(found) for found in names if found and not found & FILES)


CASES = [(command, option) for command in COMMANDS for option in options(command)]


@pytest.mark.parametrize("command, option", CASES, ids=[f"{c} {o}" for c, o in CASES])
def test_a_wrong_value_is_one_line(run, tmp_path, monkeypatch, command, option):
    monkeypatch.chdir(tmp_path)
    for value in WRONG:
        if (option, value) in TAKEN or (command, option, value) == ("sweep", "--widths", ""):
            continue
        words = [command]
        for name, given in COMPLETE.get(command, {}).items():
            if name != option:
                words += [name, given] if name else given.split()
        code, out, err = run(*words, f"{option}={value}")
        assert code == 2, (value[:30], code, err)
        assert out == "" and err.count("\n") == 1 and err.startswith("flrdt: "), (value[:30], err)
        assert len(err) < 400 and err.rstrip("\n").isprintable() and not PYTHON.search(err), (value[:30], err)
        names = [*option.strip("-").split("-"), value[:10].lower()]
        assert any(name.rstrip("s") in err.lower() for name in names if name), (value[:30], err)
    assert os.listdir(tmp_path) == []


def test_long_words_and_control_characters():
    assert one_line("x" * 299) == "x" * 299
    assert len(one_line("x" * 5000)) == 53
    assert one_line("a\tb\x00\u2028é") == r"a\tb\x00\u2028é"
