"""``--problem WORD`` on the command line."""

import csv
import json

import pytest


def test_capacity(run):
    code, out, _ = run("capacity", "--problem", "perceptron:kappa=-3/2", "--level", "2p", "--digits", "12", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["alpha"].startswith("37.3598452089") and shown["level"] == "2p"
    assert shown["status"] == "rigorous upper bound" and shown["error_kind"] == "enclosure"


def test_energy_and_table(run):
    code, out, _ = run("energy", "--problem", "quadratic:kappa=1", "--alpha", "2", "--level", "1", "--digits", "10")
    assert code == 0 and "e          = 0.4626917069" in out
    code, out, _ = run(
        "table", "single", "--problem", "ising-strip:1", "--levels", "1,2", "--digits", "8", "--format", "csv"
    )
    assert code == 0 and out.splitlines()[1].startswith("1,4.2249907")


def test_derive(run):
    for what in ("objective", "innermost", "plain", "relations"):
        code, out, _ = run("derive", what, "--problem", "strip:1", "--format", "latex")
        assert code == 0 and out.strip()


def test_the_limit_where_lifting_does_not_help(run):
    code, out, _ = run("limit", "--problem", "perceptron:kappa=0", "--digits", "8")
    assert code == 0 and "limit      = 2.0000000" in out and "theorem" in out


def test_formulas_and_verification(run):
    code, out, _ = run("formulas", "--problem", "strip:1")
    assert code == 0 and "Innermost average of strip:1" in out
    code, out, _ = run("verify", "--problem", "outside:1/2", "--samples", "3", "--digits", "15")
    assert code == 0 and "average.outside:1/2" in out and "0 failed" in out


def test_certificates(run, tmp_path):
    file = str(tmp_path / "set.json")
    code, _, _ = run("certify", "--problem", "outside:1", "--level", "2p", "--alpha", "2.0211", "--output", file)
    assert code == 0
    code, out, _ = run("check", file)
    assert code == 0 and "proved" in out and "(-oo,-1] U [1,oo)" in out


@pytest.mark.slow
@pytest.mark.parametrize("kind, word", [("capacity", "strip:1"), ("energy", "hinge:kappa=1")])
def test_a_figure(run, tmp_path, kind, word):
    file = tmp_path / "figure.svg"
    code, _, _ = run("plot", kind, "--problem", word, "--levels", "1,2p", "--output", str(file))
    assert code == 0 and file.read_text().startswith("<?xml")


def test_stability(run):
    code, out, _ = run("stability", "--problem", "perceptron:kappa=-1", "--json")
    shown = json.loads(out)
    assert code == 0 and not shown["stable"] and shown["partial_lifting_helps"]
    assert shown["threshold"]["kappa"].startswith("-0.62192288") and shown["threshold"]["alpha"].startswith(
        "6.0319257"[:8]
    )


def test_a_sweep_over_problems(run, tmp_path):
    """Values of the plain level and of Gardner's formula, from rows that say of each value what the command says of it."""
    file = tmp_path / "family.csv"
    words = ("sweep", "--problem", "perceptron:kappa={-1/2..0;2}", "--level", "1", "2", "--digits", "8")
    code, out, _ = run(*words, "--workers", "1", "--output", str(file), "--figure", str(tmp_path / "family.svg"))
    assert code == 0 and "4 points" in out and (tmp_path / "family.svg").exists()
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [row["problem"] for row in rows] == ["perceptron:kappa=-1/2", "perceptron:kappa=0"] * 2
    assert [row["value"] for row in rows] == [
        "4.77009888",
        "2.00000000",
        "4.70013949",
        "2.00000000",
    ]  # family.md, Gardner
    assert [row["reached_level"] for row in rows] == ["1", "1", "2", "1"] and "Gardner" in rows[3]["reason"]
    before = file.read_bytes()
    code, _, _ = run(*words, "--workers", "1", "--output", str(file))
    assert code == 0 and file.read_bytes() == before


def test_a_sweep_says_why_a_problem_has_no_value(run, tmp_path):
    file = tmp_path / "ising.csv"
    words = ("sweep", "--problem", "ising:kappa=0", "--level", "3", "--digits", "6", "--workers", "1")
    code, out, _ = run(*words, "--output", str(file))
    (row,) = csv.DictReader(file.read_text().splitlines())
    assert code == 1 and "1 failed" in out and "--order free" in row["failure"] and not row["value"]


def test_a_report_on_a_problem(run, tmp_path):
    folder = tmp_path / "report"
    code, _, _ = run("docs", str(folder), "--problem", "perceptron:kappa=-3/2", "--level", "2", "--digits", "8")
    assert code == 0
    page = (folder / "report.md").read_text()
    assert "# The problem perceptron:kappa=-3/2 at lifting level 2" in page
    for value in ("43.76940233", "37.35984521", "36.56676188"):  # family.md, section 1
        assert value in page
    for part in ("Plain level", "Objective", "Closed-form relations", "Innermost expectation"):
        assert f"## {part}" in page
    assert json.loads((folder / "provenance.json").read_text())["result"]["status"] == "fully lifted RDT value"


def test_literature(run):
    code, out, _ = run("literature", "--problem", "ising:kappa=0", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["summary"] == {"agree": 1, "differ": 0, "not compared": 1}


@pytest.mark.slow
def test_a_problem_of_the_literature_may_be_written_in_any_way(run):
    """The rows are those of the problem, not those of its spelling."""
    found = [run("literature", "--problem", word) for word in ("sk", " SK ")]
    assert found[0] == found[1] and found[0][0] == 0 and "0.7631667265" in found[0][1]
    code, _, err = run("literature", "--problem", "hopfield:-")
    assert code == 0, err


@pytest.mark.slow
def test_the_whole_table_of_the_literature(run):
    """Everything that is quick to compute agrees with what was printed; nothing differs."""
    code, out, _ = run("literature", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["summary"]["differ"] == 0 and shown["summary"]["agree"] >= 15


@pytest.mark.parametrize(
    "words, said",
    [
        (("capacity", "--problem", "nothing"), "unknown problem"),
        (("capacity", "--problem", "perceptron:kappa=nan"), "not a number"),
        (("capacity", "--problem", "set:(-oo,oo)"), "whole line"),
        (("capacity", "--problem", "set:"), "cannot read"),
        (("capacity", "--problem", "committee:sign"), "jumps"),
        (("capacity", "--problem", "sk", "--depth", "2"), "belongs to networks"),
        (("energy", "--problem", "hinge", "--alpha", "-1"), "positive"),
        (("energy", "--problem", "sk", "--alpha", "2"), "takes no alpha"),
        (("limit", "--problem", "hinge", "--digits", "8"), "give alpha"),
        (("table", "deep", "--problem", "sk"), "one layer"),
        (("derive", "gradient", "--problem", "sk"), "not derived"),
        (("derive", "relations", "--problem", "sk"), "need the sphere"),
        (("literature", "--problem", "nothing"), "unknown problem"),
        (("literature", "--problem", "strip:2"), "no published value"),
        (("capacity", "--branch", "symmetric"), "need --problem"),
        (("certify", "--problem", "sk", "--level", "1"), "hard sets"),
        (("certify", "--problem", "strip:1"), "needs --level"),
        (("stability", "--problem", "committee:relu"), "hard sets"),
        (("finite", "--problem", "sk", "--n", "3", "--m", "9"), "counting active outputs"),
        (("sweep", "--problem", "sk", "--gate", "relu", "--output", "x.csv"), "gate is a setting of networks"),
        (("sweep", "--problem", "nothing", "--output", "x.csv"), "unknown problem"),
        (("sweep", "--problem", "sk", "--order", "rising", "--output", "x.csv"), "use falling or free"),
        (("sweep", "--problem", "sk", "--alpha", "2", "--output", "x.csv"), "takes no alpha"),
        (("docs", "--problem", "sk", "--depth", "2", "x"), "belongs to networks"),
        (("docs", "--problem", "sk", "--gate", "relu", "--notion", "weak", "x"), "--notion, --gate belong to networks"),
        (("capacity", "--problem", "SK", "relu"), "GATE belongs to networks"),
        (("capacity", "--problem", "sk", "--gate", "relu"), "--gate belongs to networks"),
        (("capacity", "--problem", "sk", "--backend", "mpmath", "--both-sides"), "--both-sides, --backend belong to"),
        (("limit", "--problem", "sk", "--checkpoint", "x", "--resume"), "--checkpoint, --resume belong to"),
        (("certify", "--problem", "strip:1", "--side", "upper"), "--side belongs to networks"),
        (("derive", "objective", "--problem", "sk", "--form", "psi"), "--form belongs to networks"),
        (("docs", "--problem", "nothing", "x"), "unknown problem"),
        (("plot", "energy", "--problem", "sk", "--output", "x.svg"), "cost without alpha"),
        (("plot", "steps", "--problem", "sk", "--output", "x.svg"), "one of networks"),
        (("certify", "--problem", "strip:1", "--level", "1", "--depth", "2"), "belongs to networks"),
        (("energy", "--alpha", "3", "--order", "free"), "need --problem"),
        (("capacity", "--problem", "perceptron", "--level", "3", "--branch", "full"), "one branch"),
        (("capacity", "--problem", "strip:1", "--level", "2", "--branch", "symmetric"), "one branch at level 2"),
    ],
)
def test_bad_input(run, words, said):
    code, out, err = run(*words)
    assert code == 2 and not out and said in err and err.count("\n") == 1
