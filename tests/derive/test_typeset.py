"""Formulas in lines: they fit the paper as TeX measures it, and the parts put back give the statement."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from sympy import Add, Eq, Mul, Rational, Symbol, default_sort_key, exp, simplify, sqrt, symbols

from flrdt.derive import Verdict, relations, render, stationarity
from flrdt.derive.registry import entry, registry
from flrdt.derive.render.typeset import COLUMN, PAGE, PAPERS, layout, width

LONG = [
    "hidden.exponential",
    "relations.3.c_2",
    "innermost.hardtanh.heat",
]


def rows(found):
    return [*found.lines, *(line for part in found.parts for line in part)]


@pytest.mark.parametrize("columns", PAPERS.values(), ids=PAPERS.keys())
@pytest.mark.parametrize("id", LONG)
def test_the_parts_put_back_give_the_statement(id, columns):
    statement = entry(id).formula.statement
    found = layout(statement, columns)
    assert found.restored() == statement
    assert not found.named or found.statement != statement


def ordered(value):
    """An object whose sums and products have their terms in one order: where nothing is evaluated SymPy keeps any."""
    return value.replace(
        lambda e: isinstance(e, (Add, Mul)), lambda e: e.func(*sorted(e.args, key=default_sort_key), evaluate=False)
    )


@pytest.mark.slow
def test_every_statement_is_itself_again():
    for known in registry().values():
        value = known.formula.statement
        for columns in (PAGE, COLUMN):
            assert ordered(render.Writer(columns=columns).layout(value).restored()) == ordered(value), known.id


def test_a_long_sum_is_the_same_sum_on_several_lines():
    statement = Eq(Symbol("y"), sum(symbols("x_1:40")) - 2 * Symbol("z"), evaluate=False)
    found = layout(statement)
    assert len(found.lines) > 1 and not found.named
    flat = " ".join(found.lines).replace(r"\quad {} ", "")
    assert flat.split() == render.Writer().latex(statement).split()


def test_what_occurs_twice_has_one_name_and_keeps_bound_variables_as_arguments():
    x, y = symbols("x y", positive=True)
    inner = sum(x**k * y / (1 + k * y) for k in range(1, 12))
    found = layout(Eq(Symbol("z"), exp(inner) / (1 + inner**2)))
    assert [meaning for _, meaning in found.named].count(inner) == 1
    for _, meaning in layout(stationarity(3)[-1].statement, 20).named:
        assert meaning.free_symbols  # the average's variable is none of them, it is bound or an argument


def test_names_do_not_meet_symbols_of_the_formula():
    taken = symbols("A_1 A_2 B")
    statement = Eq(taken[2], exp(sum(taken[0] ** k * taken[1] for k in range(30))))
    assert str(layout(statement).named[0][0]) == "C_1"


def test_one_line_is_left_as_it_is():
    statement = relations(2)["Theta_1"] if "Theta_1" in relations(2) else Symbol("x")
    assert layout(statement).lines == (render.expression(statement, "latex"),)


def compiled(text, folder, name):
    """What TeX says of a document: overfull boxes in points, and errors."""
    (folder / f"{name}.tex").write_text(text)
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
    said = subprocess.run(words, cwd=folder, capture_output=True, text=True, errors="replace").stdout
    assert (folder / f"{name}.pdf").exists(), re.findall(r"^!.*(?:\n.*){3}", said, re.M)
    return [float(points) for points in re.findall(r"Overfull \\[hv]box \(([\d.]+)pt", said)]


needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex: install texlive-latex-base")


@needs_tex
@pytest.mark.parametrize("paper", PAPERS)
def test_relations_compile_without_overfull_lines(tmp_path, paper):
    for level, convention in ((3, "toolkit"), (2, "replica")):
        items = [*relations(level).formulas, *stationarity(level)]
        page = render.formulas(items, "latex", level == 2, convention, paper=paper, document=True)
        assert max(compiled(page, tmp_path, convention), default=0) <= 2
        assert page.count(r"\label{flrdt:") == len(items) and r"\resizebox" not in page


@needs_tex
@pytest.mark.slow
@pytest.mark.parametrize("paper", PAPERS)
def test_the_whole_registry_compiles_without_overfull_lines(tmp_path, paper):
    items = [known.formula for known in registry().values()]
    page = render.formulas(items, "latex", paper=paper, document=True)
    assert max(compiled(page, tmp_path, "registry"), default=0) <= 2


@needs_tex
@pytest.mark.slow
def test_estimated_widths_are_not_far_below_those_of_tex(tmp_path):
    """A line may be 20 points wider than its estimate: that is what the papers have to spare."""
    lines = {line for known in list(registry().values())[::7] for line in rows(layout(known.formula.statement))}
    lines = sorted(lines)
    boxes = [rf"\sbox\x{{$\displaystyle {line}$}}\typeout{{W \the\wd\x}}" for line in lines]
    head = r"\documentclass{article}\usepackage{amsmath,amssymb}\newsavebox\x\begin{document}"
    (tmp_path / "m.tex").write_text("\n".join([head, *boxes, r"\end{document}"]))
    said = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "m.tex"], cwd=tmp_path, capture_output=True, text=True
    )
    measured = [float(w) for w in re.findall(r"^W ([\d.]+)pt", said.stdout, re.M)]
    assert len(measured) == len(lines)
    assert all(found <= width(line) + 26 for line, found in zip(lines, measured, strict=True))


def test_the_replica_notation_has_no_name_of_the_toolkit():
    shown = render.formulas([*relations(3).formulas, *stationarity(3)], "latex", convention="replica")
    mathematics = re.sub(r"%.*|\\label\{[^}]*\}", "", shown)
    assert not re.search(r"\bp_|\bc_|\by_|\\Lambda|\\Theta|\\mathbb\{E\}_\{m_", mathematics)
    assert r"\mathbb{E}_{(1)}" in mathematics and "f_{1}" in mathematics
    titles = " ".join(re.findall(r"% \S+: (.*?) \(", shown))
    assert "Stationarity in q_1" in titles and "p_2" not in titles


@pytest.mark.parametrize(
    "words, told",
    [(["--paper", "a4"], "unknown paper 'a4': use page or column"), (["--document"], "use the format latex")],
)
def test_papers_and_documents_that_there_are_not(run, words, told):
    code, out, err = run("derive", "relations", *words)
    assert code == 2 and told in err and len(err.splitlines()) == 1 and not out


def test_macros_are_those_of_the_preamble():
    writer = render.Writer(macros=True)
    macros = set(re.findall(r"\\(?:E|Hf)(?![a-z])", " ".join(writer.latex(f.statement) for f in [stationarity(2)[0]])))
    assert macros <= set(re.findall(r"providecommand\{(\\\w+)\}", render.PREAMBLE)) and macros


def test_presentation_forms_are_proved_and_a_wrong_one_fails():
    formula = {f.id: f for f in relations(2).formulas}["relations.2.c_2"]
    p, q = (Symbol(name, positive=True) for name in ("p_2", "q_2"))
    # the form that the papers print; compared as a value, not as it is written
    printed = (p - q) / (sqrt(p * q) * (1 - p) * (1 - q))
    assert simplify(formula.presentation.rhs - printed) == 0 == simplify(formula.statement.rhs - printed)
    assert formula.presentation.rhs.count_ops() < formula.statement.rhs.count_ops()
    assert formula.verdict() is Verdict.PROVED
    wrong = replace(formula, presentation=Eq(formula.presentation.lhs, 2 * formula.presentation.rhs, evaluate=False))
    assert wrong.verdict() is Verdict.FAILED


def test_every_relation_of_level_3_is_presented_without_fractions_in_fractions():
    for formula in relations(3).formulas:
        point = {s: Rational(1, 3 + 2 * i) for i, s in enumerate(sorted(formula.statement.rhs.free_symbols, key=str))}
        found = (formula.shown.rhs - formula.statement.rhs).subs(point)
        assert abs(found.evalf(30, maxn=100)) < 1e-20, formula.id
        if formula.id.rpartition(".")[2].startswith("c_"):
            text = render.Writer().latex(formula.shown)
            assert formula.presentation is not None and not re.search(r"\\frac\{[^+-]*\\frac", text), text
