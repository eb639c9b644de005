"""The command line: contract, formats, bad input, interruption."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from flrdt.derive import render


def test_capacity_json(run):
    code, out, _ = run("capacity", "--level", "2", "--digits", "50", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["alpha"].startswith("6.7156968")
    assert float(shown["alpha_error"]) < 1e-50 and shown["backend"] == "arb" and shown["level"] == "2"


def test_capacity_text(run):
    code, out, _ = run("capacity", "--level", "1", "--digits", "15")
    assert code == 0 and "7.647694935435" in out and "rigorous upper bound" in out


def test_energy(run):
    code, out, _ = run("energy", "--alpha", "3", "--level", "1", "--digits", "12", "--json")
    assert code == 0 and 0 < float(json.loads(out)["energy"]) < 1
    code, out, _ = run("energy", "--alpha", "2")
    assert code == 0 and "threshold" in out


@pytest.mark.parametrize("style", ["text", "markdown", "latex", "csv", "json"])
def test_table(run, style):
    code, out, _ = run("table", "single", "--levels", "1,2p", "--digits", "12", "--format", style)
    assert code == 0 and "7.647694935435" in out and "7.448638726294" in out
    if style == "csv":
        assert next(csv.reader(io.StringIO(out)))[0] == "level"
    if style == "json":
        assert len(json.loads(out)["rows"]) == 2
    if style == "latex":
        assert out.count(r"\\") == 3


@pytest.mark.parametrize("what", ["objective", "relations", "gradient", "innermost", "plain"])
@pytest.mark.parametrize("style", render.FORMATS)
def test_derive(run, what, style):
    level = () if what in ("plain", "innermost") else ("--level", "2")
    code, out, err = run("derive", what, *level, "--format", style, "--steps")
    assert code == 0 and out and not err
    if style == "sympy":
        namespace = {}
        exec(compile(out, what, "exec"), namespace)
        assert any(key.startswith("step_") for key in namespace)
    if style == "latex":
        assert out.count(r"\begin{equation}") == out.count(r"\end{equation}") > 0 and "check: proved" in out
    if style in ("text", "markdown"):
        assert "proved" in out


def test_sympy_source_rebuilds_the_same_expression(run):
    from flrdt.derive import innermost, objective, relu
    from flrdt.derive.core.symbols import alpha

    namespace = {}
    exec(run("derive", "innermost", "--format", "sympy")[1], namespace)
    assert (namespace["innermost_relu"].rhs - innermost(relu()).W).simplify() == 0
    namespace = {}
    exec(run("derive", "objective", "--level", "3", "--form", "energy", "--format", "sympy")[1], namespace)
    rebuilt, original = namespace["objective_energy_3_relu"].rhs, objective(level=3).energy
    assert rebuilt.coeff(alpha) == original.coeff(alpha)
    assert (rebuilt - original).subs(alpha, 0).simplify() == 0


def test_accepted_derivation(run):
    code, out, _ = run("derive", "relations", "--level", "3", "--format", "latex", "--steps")
    assert code == 0 and r"\Theta_{2} \Theta_{3}" in out and "psi_r = 0" in out


BAD = [
    (("capacity", "--level", "0"), "level"),
    (("capacity", "--level", "-1"), "level"),
    (("capacity", "--level", "2.5"), "level"),
    (("capacity", "--level", "x"), "level"),
    (("capacity", "--level", "3p"), "2p"),
    (("capacity", "--level", ""), "level"),
    (("capacity", "--digits", "0"), "digits"),
    (("capacity", "--digits", "-3"), "digits"),
    (("capacity", "--digits", "10000000"), "digits"),
    (("capacity", "--gate", "relux"), "relu"),
    (("capacity", "--budget", "nan"), "budget"),
    (("capacity", "--budget", "0"), "budget"),
    (("energy", "--alpha", "inf"), "alpha"),
    (("energy", "--alpha", ""), "alpha"),
    (("energy", "--alpha", "-2"), "alpha"),
    (("energy", "--alpha", "abc"), "alpha"),
    (("energy",), "--alpha"),
    (("table", "single", "--format", "html"), "format"),
    (("table", "double"), "single"),
    (("table", "single", "--levels", "1,,2"), "level"),
    (("derive", "objective", "--format", "word"), "format"),
    (("derive", "plain", "--level", "2p"), "level 1"),
    (("derive", "gradient", "--level", "1"), "plain"),
    (("derive", "objective", "--depth", "0"), "depth"),
    (("table", "single", "--levels", "1", "--digits", "5", "--output", "/nonexistent/x/t.csv"), "cannot write"),
    (("capacitance",), "capacity"),
    (("capacity", "--digits"), "--digits"),
]


@pytest.mark.parametrize("words, hint", BAD, ids=[" ".join(w) for w, _ in BAD])
def test_bad_input_is_one_line_and_exit_two(run, words, hint):
    code, out, err = run(*words)
    assert code == 2 and out == "" and hint in err
    assert len(err.strip().splitlines()) == 1 and "Traceback" not in err


def test_output_is_written_whole(run, tmp_path):
    target = tmp_path / "capacity.json"
    assert run("capacity", "--level", "1", "--json", "--output", str(target))[0] == 0
    assert json.loads(target.read_text())["level"] == "1"
    assert os.listdir(tmp_path) == ["capacity.json"]


def test_help_is_light_and_has_examples(run):
    code, out, _ = run("--help")
    assert code == 0 and "example" in out
    for command in ("capacity", "energy", "table", "derive", "docs"):
        assert "example" in run(command, "--help")[1]
    probe = "import sys; from flrdt.evaluate.cli import main; main(['--help']); sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False).returncode == 0


def test_version(run):
    assert run("--version")[1].startswith("flrdt ")


def test_a_failed_solve_is_exit_one(run, monkeypatch):
    from flrdt.evaluate.results import capacity as capacities
    from flrdt.evaluate.solve.point import ConvergenceError

    def fail(*args, **kwargs):
        raise ConvergenceError("no convergence after 80 Newton steps; best value found 6.7")

    monkeypatch.setattr(capacities, "capacity", fail)
    code, out, err = run("capacity")
    assert code == 1 and "best value" in err and not out


def test_same_command_same_digits(run):
    def once():
        shown = json.loads(run("capacity", "--level", "2", "--digits", "25", "--json")[1])
        shown.pop("seconds")
        return shown

    assert once() == once()
