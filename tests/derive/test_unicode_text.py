"""Formulas as Unicode text: every registered one fits its columns, and the convention changes names only."""

import os
import re
import subprocess
import sys

import pytest
from sympy import And, Eq, Max, Min, Or, Piecewise, Symbol, exp, symbols
from sympy.printing.pretty.stringpict import line_width

from flrdt.derive import Expectation, objective, relations, relu_network, render, stationarity
from flrdt.derive.registry import registry
from flrdt.derive.render.typeset import named_parts
from flrdt.derive.render.unicode_text import LARGEST, display, name, sentence


def test_a_closed_form_reads_as_on_paper():
    lines = display(relations(2).formulas[2].statement).splitlines()
    assert [line.strip() for line in lines] == [
        "____",
        "╲╱ q₂ ⋅(1 - p₂)",
        "γₚ = ─────────────────",
        "____",
        "2⋅╲╱ p₂ ⋅(1 - q₂)",
    ]


@pytest.mark.slow
def test_no_line_is_wider_than_the_terminal(columns=60):
    for entry in registry().values():
        if entry.formula.statement.count_ops() > LARGEST:
            continue
        for line in display(entry.formula.statement, columns).splitlines():
            assert line_width(line) <= columns, entry.id


def test_a_long_sum_is_broken_between_its_terms():
    terms = symbols("x_1:13")
    shown = display(Eq(Symbol("y"), sum(terms) - 2 * Symbol("z"), evaluate=False), 24)
    assert "↪" not in shown and shown.startswith("y = ") and shown.count("\n\n") >= 2
    found = re.findall(r"[+=-] +\d?⋅?\w+", shown)
    assert len(found) == 13 and "- 2⋅z" in found and not re.search(r"[+-]$", shown, re.M)


def test_what_is_too_large_for_a_picture_is_written_in_rows():
    x, y = symbols("p_2 y_2")
    large = sum((x + k) / (y**k + 2) for k in range(1, 200))
    shown = display(Eq(symbols("P"), large, evaluate=False), 60, "replica", 2)
    assert max(map(line_width, shown.splitlines())) <= 60 and shown.count("q₀ +") == 199
    assert "P = " in shown and "m₀" in shown and "p_2" not in shown and "where" not in shown


def test_what_is_too_wide_gets_a_name():
    """A term, and a condition on the variable of an average: the picture fits, and putting the parts back gives the formula."""
    u, *x = symbols("u_2 x_1:9")
    outside = Or(And(u > sum(x[:4]) * x[4], u < exp(x[5] + x[6] * u + 1)), And(u < -sum(x), u > x[7] * sum(x[:3])))
    value = Eq(Symbol("y"), Expectation(Piecewise((exp(sum(x) * u), outside), (0, True)), u), evaluate=False)
    shown = display(value, 60)
    assert max(map(line_width, shown.splitlines())) <= 60 and "↪" not in shown and "\n\nwhere\n\n" in shown
    statement, parts = named_parts(value, 56, lambda part: line_width(str(part)))
    assert len(parts) >= 2 and "A₁" in shown and "for A₃(u₂)" in shown and "A₃(u₂): A₁(u₂) ∨ A₂(u₂)" in shown
    for part, meaning in reversed(parts):
        statement = statement.xreplace({part: meaning})
    assert statement == value


def test_names():
    assert [name(n) for n in ("y_{k+1}", "alpha_1", "chi^(0)", "dT/dp_2")] == ["yₖ₊₁", "α₁", "χ⁽⁰⁾", "∂T/∂p₂"]
    assert [name(n, "replica", 3) for n in ("p_2", "q_3", "c_2", "chi")] == ["q₁", "q̂₀", "m̃₁", "χ"]
    assert sentence("Lambda_r = sqrt(p_r/q_r), at c_2 > 0") == "Λᵣ = sqrt(pᵣ/qᵣ), at c₂ > 0"
    assert display(Max(0, Min(1, Symbol("x")))) == "max(0, min(1, x))"


def test_the_toolkits_own_expressions():
    shown = display(objective(relu_network(depth=2), "2p").energy)
    assert "Eᵤ₂" in shown and re.search(r"v⎝u₂.*; χ⁽⁰⁾, μ⁽¹⁾⎠", shown) and "M⎝" in shown
    assert re.search(r"Eₘ₂\[f₂\(x\)\]", display(stationarity(2)[1].statement))


@pytest.mark.parametrize("style", render.FORMATS)
def test_every_format_writes_in_the_replica_convention(style):
    ours, theirs = (render.formulas(stationarity(2), style, True, c) for c in ("toolkit", "replica"))
    gone = {"text": "Λ₂", "latex": r"\Lambda_{2}", "markdown": r"\Lambda_{2}", "sympy": "Lambda_2"}[style]
    assert gone in ours and gone not in theirs


def test_replica_source_is_the_same_expression_renamed():
    namespaces = []
    for convention in ("toolkit", "replica"):
        namespaces.append({})
        exec(render.formulas(relations(3).formulas, "sympy", convention=convention), namespaces[-1])
    ours, theirs = (n["relations_3_c_2"].rhs for n in namespaces)
    positive = {
        a: Symbol(b, positive=True) for a, b in (("p_2", "q_1"), ("p_3", "q_0"), ("q_2", "qhat_1"), ("q_3", "qhat_0"))
    }
    assert (
        ours.subs({Symbol(a, positive=True): b for a, b in positive.items()}, simultaneous=True) - theirs
    ).simplify() == 0


def test_output_that_the_encoding_cannot_show_is_written_with_backslashes(tmp_path):
    words = [sys.executable, "-m", "flrdt.evaluate.cli", "derive", "plain"]
    done = subprocess.run(
        words, env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and not done.stderr and "\\u03b1 = \\u2500" in done.stdout
    target = tmp_path / "plain.txt"
    words += ["--output", str(target)]
    subprocess.run(words, env=os.environ | {"PYTHONIOENCODING": "ascii"}, check=True)
    assert "α = ────" in target.read_text(encoding="utf-8")
