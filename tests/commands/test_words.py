"""What people type: names of levels and gates, spellings of options, slips of the finger, shells."""

import json
import subprocess
import sys

import pytest

import flrdt
from flrdt.evaluate.cli import COMMANDS, SHELLS, command_parser, parser

SAME = [
    (("--level", "RS"), "1"),
    (("--level", "1rsb"), "2"),
    (("--level", "2-RSB"), "3"),
    (("--level", "2P"), "2p"),
    (("--levels", "1"), "1"),
    (("-L", "1"), "1"),
    (("relu", "--level", "1"), "1"),
    (("ReLU", "-L", "RS"), "1"),
]


@pytest.mark.parametrize("words, level", SAME, ids=lambda v: " ".join(v) if isinstance(v, tuple) else v)
def test_level_names_and_spellings(run, words, level):
    code, out, _ = run("capacity", *words, "--digits", "4", "--json")
    assert code == 0 and json.loads(out)["level"] == level
    _, out, _ = run("capacity", *words, "--digits", "4")
    assert {"1": "level 1 (plain, RS)", "2": "(fully lifted, 1RSB)", "3": "2RSB", "2p": "partially"}[level] in out


def test_replica_names_are_levels_everywhere(run, tmp_path):
    code, out, _ = run("table", "single", "-L", "RS,1RSB", "-d", "4", "--format", "csv")
    assert code == 0 and [line.split(",")[0] for line in out.splitlines()] == ["level", "1", "2"]
    assert run("energy", "--alpha", "8", "relu", "--level", "rs", "--digits", "4")[0] == 0
    assert run("sweep", "--level", "RS", "--digits", "4", "--output", str(tmp_path / "r.csv"), "--workers", "1")[0] == 0
    assert (tmp_path / "r.csv").read_text().splitlines()[1].startswith("1,")


@pytest.mark.parametrize("name", ["inf", "FRSB"])
def test_limit_is_named_where_it_is_no_level(run, name):
    code, out, err = run("table", "single", "--levels", f"1,{name}")
    assert (code, out) == (2, "") and "limit" in err and "flrdt limit" in err and err.count("\n") == 1


@pytest.mark.parametrize("gate", ["tanh", "Sigmoid", "ELU", "leaky_relu:1/10"])
def test_injective_gates_have_capacity_one(run, gate):
    code, out, _ = run("capacity", "--gate", gate, "--digits", "4")
    assert code == 0 and "alpha      = 1.0000\n" in out and "strictly increasing" in out


SLIPS = [
    (("capcity",), "did you mean capacity?"),
    (("capcity", "--level", "2"), "did you mean capacity?"),
    (("xyzzy",), "flrdt --help"),
    (("capacity", "--levl", "2"), "did you mean --level?"),
    (("capacity", "--digit5", "2"), "did you mean --digits?"),
    (("energy", "--alhpa", "3"), "did you mean --alpha?"),
    (("stability", "--level", "1"), "stability has no option --level: flrdt stability --help lists them"),
    (("literature", "--foo"), "literature has no option --foo: flrdt literature --help lists them"),
    (("--verison",), "did you mean --version?"),
    (("table", "sngle"), "did you mean single?"),
    (("plot", "enrgy", "--output", "e.svg"), "did you mean energy?"),
    (("derive", "objctive"), "did you mean objective?"),
    (("capacity", "--gate", "relu5"), "did you mean relu"),
    (("capacity", "3"), "write --level 3"),
    (("capacity", "relu", "--gate", "relu6"), "give one"),
    (("capacity", "relu", "more"), "'more'"),
    (("capacity", "-q"), "has no option -q"),
    (("formulas", ""), "the id of a formula is empty"),
    (("verify", ""), "the id of a formula is empty"),
    (("docs", ""), "is empty"),
    (("formulas", "Relations.2.C_2"), "did you mean relations.2.c_2?"),
    (("table",), "required: {single,deep}"),
    (("finite", "--layers", "2,4", "--workers", "3"), "--workers belongs to layers"),
    (("finite", "--weights", "a.npy", "--trials", "100"), "--trials belongs to random layers"),
    (("finite", "--n", "2", "--m", "3", "--no-header"), "--header or --no-header belongs to --weights"),
    (("capacity", "--level", "inf", "--estimate"), "--estimate belongs to finite levels"),
    (("capacity", "--both-sides", "--level", "2"), "--level belongs to one level"),
]


@pytest.mark.parametrize("words, hint", SLIPS, ids=[" ".join(words) for words, _ in SLIPS])
def test_slips_are_one_line_with_what_was_meant(run, words, hint):
    code, out, err = run(*words)
    assert (code, out) == (2, "") and hint in err and err.count("\n") == 1 and len(err) < 200


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_found_from_a_slip(run, command):
    """Leave a letter out of every option of every command: the option is named, unless another is as close."""
    known = command_parser(parser(command), command).options()
    for name in known:
        if name.startswith("--") and len(name) > 6:
            slip = name[:4] + name[5:]
            code, out, err = run(command, slip, "1")
            assert (code, out) == (2, "") and err.count("\n") == 1
            assert "did you mean --" in err or any(other.startswith(slip) for other in known), err


@pytest.mark.parametrize("module", ["flrdt", "flrdt.evaluate", "flrdt.evaluate.cli"])
def test_python_minus_m(module):
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"flrdt {flrdt.__version__}\n", "")


def test_start_is_light():
    """What a start of the program imports before it knows the command, and what help needs: no SymPy, no NumPy."""
    code = (
        "import sys\nfrom flrdt.__main__ import main\nsys.argv = ['flrdt', *sys.argv[1:]]\ncode = main()\n"
        "sys.exit(code or bool({'sympy', 'numpy', 'mpmath', 'flint'} & {*sys.modules}))"
    )
    for words in (["--help"], ["--version"], ["capacity", "--help"], []):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == "", words


@pytest.mark.parametrize("shell", SHELLS)
def test_completion(run, shell):
    code, out, err = run("--print-completion", shell)
    words = ("capacity", "relations") if shell == "tcsh" else (*COMMANDS, "relations", "--first-level", "--version")
    assert (code, err) == (0, "") and all(word in out for word in words)


def test_completion_in_bash_completes(run, tmp_path):
    script = tmp_path / "completion"
    script.write_text(run("--print-completion", "bash")[1])
    code = (
        f". {script}; COMP_WORDS=(flrdt {{words}}); COMP_CWORD=$((${{{{#COMP_WORDS[@]}}}} - 1)); "
        '_shtab_flrdt; echo "${{COMPREPLY[@]}}"'
    )
    for words, wanted in (("cap", "capacity"), ("capacity --not", "--notion"), ("derive rel", "relations")):
        done = subprocess.run(["bash", "-c", code.format(words=words)], capture_output=True, text=True)
        assert done.stdout.split() == [wanted], done


def test_completion_without_its_package(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    code, out, err = run("--print-completion", "bash")
    assert (code, out) == (2, "") and "flrdt[completion]" in err and err.count("\n") == 1


def test_formulas_as_json(run, tmp_path):
    """One object for every way of naming formulas; verdicts are there when they were asked for."""
    code, out, _ = run("formulas", "gaussian.heat", "--format", "json", "--verify")
    (found,) = json.loads(out)["formulas"]
    assert code == 0 and found["verdict"] in ("proved", "verified") and found["digits"] == 15
    assert found["symbols"] and found["checks"][0]["how"] and found["source"] and found["status"]
    code, out, _ = run("derive", "relations", "--level", "2", "--format", "json", "--notation", "replica")
    assert code == 0
    ids = {f["id"]: f for f in json.loads(out)["formulas"]}
    assert ids["relations.2.c_2"]["verdict"] is None and "p_{2}" not in ids["relations.2.c_2"]["latex"]
    code, out, _ = run("formulas", "--problem", "strip:1", "--format", "json")
    assert code == 0 and all(f["content_mathml"] for f in json.loads(out)["formulas"])


@pytest.mark.parametrize(
    "words",
    [
        ("formulas", "--format", "xml"),
        ("derive", "objective", "--format", "xml"),
        ("formulas", "--problem", "strip:1", "--format", "xml"),
        ("formulas", "gaussian.heat", "--verify"),
        ("formulas", "--problem", "strip:1", "--format", "json", "--verify"),
    ],
)
def test_formulas_as_what_there_is_not(run, words):
    code, out, err = run(*words)
    assert code == 2 and not out and err.count("\n") == 1 and ("json" in err or "--verify" in err)
