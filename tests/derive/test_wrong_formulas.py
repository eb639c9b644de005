"""A formula of the toolkit that is changed where it is written makes the derivations that rest on it fail.

Each of these changes went unnoticed when the check of a step was handed in with it.  Each is made in a process of its own, since
derivations are cached.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from textwrap import dedent

import pytest

from flrdt.derive import Verdict

#: What is changed: module, function, the words and those put in their place; and what is derived from it.
CHANGES = {
    "the envelope with another cost of moving": (
        ("networks.gates", "moving", "distance**2 / (2 * chi)", "distance**2 / chi"),
        ("blocks.definitions", lambda module: module.envelope(import_module("flrdt.derive").relu())),
    ),
    "the slope of the tower in an overlap with another factor": (
        (
            "conditions.stationarity",
            "_overlap_chain",
            "half * (y(k + 1) - y(k)) * square",
            "(y(k + 1) - y(k)) * square",
        ),
        ("conditions.stationarity", lambda module: module.stationarity("2")[0]),
    ),
    "the thermal average with another exponent": (
        ("conditions.stability", "_innermost_steps", "1 - exp(-beta)", "1 - exp(-5 * beta)"),
        ("conditions.stability", lambda module: module.thermal_plain_level(import_module("flrdt.derive").relu())),
    ),
    "the normalisation with another sum of multipliers": (
        ("objectives.relations", "_scaling_steps", "gamma_s - gamma_p - coupling", "gamma_s + 5 * gamma_p - coupling"),
        ("objectives.relations", lambda module: module.relations("2")),
    ),
}


def verdict(name: str, changed: bool) -> str:
    """That of what is derived; a value that cannot be found any more is a failure."""
    (module, function, old, new), (home, build) = CHANGES[name]
    if changed:
        owner = import_module(f"flrdt.derive.{module}")
        source = dedent(inspect.getsource(inspect.unwrap(getattr(owner, function))))
        if source.count(old) != 1:
            return f"{function} no longer says {old!r} once"
        exec(compile(source.replace(old, new), str(owner.__file__), "exec"), owner.__dict__)
    try:
        found = build(import_module(f"flrdt.derive.{home}"))
    except ArithmeticError:
        return Verdict.FAILED.value
    chains = [f.derivation for f in found.formulas] if hasattr(found, "formulas") else [found.derivation]
    verdicts = [chain.verdict() for chain in chains]
    return next((v for v in verdicts if v is Verdict.FAILED), verdicts[0]).value


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_a_formula_changed_where_it_is_written_fails(name):
    program = f"from tests.derive.test_wrong_formulas import verdict; print(verdict({name!r}, True))"
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["failed"]
    assert verdict(name, False) != "failed"
