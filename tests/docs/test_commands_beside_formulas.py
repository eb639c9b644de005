"""The command that a page shows beside a formula prints that formula."""

import shlex

import pytest

from flrdt.derive import render
from flrdt.derive.registry import registry
from flrdt.evaluate.commands.derive import command_of


@pytest.mark.slow
def test_every_command_prints_its_formula(run):
    """Each command once; its LaTeX holds the statement of every formula that names it."""
    named = {}
    for entry in registry().values():
        command = command_of(entry.formula)
        if command is not None:
            named.setdefault(command, []).append(entry.formula)
    assert sum(map(len, named.values())) > 90
    for command, formulas in named.items():
        code, out, err = run(*shlex.split(command.removesuffix(" --steps"))[1:], "--format", "latex")
        assert code == 0, (command, err)
        for formula in formulas:
            assert render.Writer().equation(formula.shown, f"flrdt:{formula.id}") in out, (command, formula.id)


@pytest.mark.slow
def test_words_that_the_id_needs():
    found = {e.id: command_of(e.formula) for e in registry().values()}
    assert found["relations.4.c_2"] == "flrdt derive relations --level 4 --steps"
    assert found["innermost.hardtanh"] == "flrdt derive innermost --gate hardtanh --steps"
    assert found["innermost.relu-bias:1/2"] == "flrdt derive innermost --gate relu-bias:1/2 --steps"
    assert "--budget 2" in found["plain.relu.2"]
    assert found["gaussian.heat"] is None
