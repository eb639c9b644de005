"""Formulas inside of sentences are set as mathematics, and prose is left alone."""

import re

import pytest

from flrdt.derive import render
from flrdt.derive.registry import registry
from flrdt.derive.render.sentences import split_formulas

SHOWN = {
    "k*phi(k) + 2*H(k) - 1/2 = 0": r"$k \, \varphi(k) + 2 \, H(k) - \tfrac{1}{2} = 0$",
    "the ray h = |w| t.": "the ray $h = | w | t$.",
    "Lambda_1 = 2 gamma_p": r"$\Lambda_{1} = 2 \gamma_{p}$",
    "q_k is 50% of_it at a ~ b": r"$q_{k}$ is 50\% of\_it at $a \sim b$",
    "c_2 > c_3 > ... > c_r > 0": r"$c_{2} > c_{3} > \dots > c_{r} > 0$",
    "P_1 = -budget": r"$P_{1} = - \mathrm{budget}$",
}


@pytest.mark.parametrize("text", SHOWN)
def test_sentences_in_latex(text):
    assert render.Writer().sentence(text) == SHOWN[text]


PROSE = [
    "A move inside the active set only adds to the cost.",
    "Plain level in closed form, gate softshrink:1/2",
    "The hidden 2 term is a monomial times a function of monomials.",
    "arXiv 2410.20646 (one layer)",
]


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_no_formula(text):
    assert not any(formula for _, formula in split_formulas(text))


@pytest.mark.slow
def test_no_sentence_of_the_registry_shows_ascii_mathematics():
    """Whatever is left outside of the formulas has no sign of mathematics between two things."""
    sign = re.compile(r"\w\s*(?:\*|\^|<=|>=|!=|->|[<>=])\s*\w|\w_\w|\bsqrt\(")
    for entry in registry().values():
        item = entry.formula
        texts = [*item.assumptions, *item.derivation.uses, *(step.text for step in item.derivation)]
        for text in texts:
            pieces = list(split_formulas(text))
            assert "".join(piece for piece, _ in pieces) == text
            left = "".join("$" if formula else piece for piece, formula in pieces)
            assert not sign.search(left), (item.id, text, left)
