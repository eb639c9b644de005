"""``--problem WORD`` on the command line."""

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
def test_a_figure(run, tmp_path):
    file = tmp_path / "strip.svg"
    code, _, _ = run("plot", "capacity", "--problem", "strip:1", "--levels", "1,2p", "--output", str(file))
    assert code == 0 and file.read_text().startswith("<?xml")


def test_stability(run):
    code, out, _ = run("stability", "--problem", "perceptron:kappa=-1", "--json")
    shown = json.loads(out)
    assert code == 0 and not shown["stable"] and shown["partial_lifting_helps"]
    assert shown["threshold"]["kappa"].startswith("-0.62192288") and shown["threshold"]["alpha"].startswith(
        "6.0319257"[:8]
    )


def test_literature(run):
    code, out, _ = run("literature", "--problem", "ising:kappa=0", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["summary"] == {"agree": 1, "differ": 0, "not compared": 1}


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
        (("literature", "--problem", "nothing"), "no published value"),
        (("capacity", "--branch", "symmetric"), "need --problem"),
        (("certify", "--problem", "sk", "--level", "1"), "hard sets"),
        (("certify", "--problem", "strip:1"), "needs --level"),
        (("stability", "--problem", "committee:relu"), "hard sets"),
        (("finite", "--problem", "sk", "--n", "3", "--m", "9"), "counting active outputs"),
        (("sweep", "--problem", "sk", "--output", "x.csv"), "one of networks"),
        (("docs", "--problem", "sk", "x"), "one of networks"),
        (("plot", "energy", "--problem", "sk", "--output", "x.svg"), "one of networks"),
        (("certify", "--problem", "strip:1", "--level", "1", "--depth", "2"), "belongs to networks"),
        (("energy", "--alpha", "3", "--order", "free"), "need --problem"),
        (("capacity", "--problem", "perceptron", "--level", "3", "--branch", "full"), "one branch"),
        (("capacity", "--problem", "strip:1", "--level", "2", "--branch", "symmetric"), "one branch at level 2"),
    ],
)
def test_bad_input(run, words, said):
    code, out, err = run(*words)
    assert code == 2 and not out and said in err and err.count("\n") == 1
