"""Every public result shows itself: a short line in a REPL, TeX and a table in a notebook; type hints survive the door."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import flrdt.evaluate
from flrdt.derive import Network, objective, problem, relations, relu_network
from flrdt.derive.core.shown import Shown
from flrdt.evaluate import capacity, energy, family_value, injectivity_probability, network_verdict, replicon
from flrdt.evaluate.limits.acceleration import Acceleration
from flrdt.evaluate.limits.deep import DeepLevel, DeepLimit
from flrdt.evaluate.limits.family import FamilyLimit
from flrdt.evaluate.limits.limits import Estimate, Limit
from flrdt.evaluate.limits.stability import thermal_instability
from flrdt.evaluate.output.tables import Table, deep_networks, single_layer


def limit_of_three_numbers():
    """A limit as the solver builds it, without the minute that one takes."""
    from mpmath import mpf

    one = Estimate(mpf("6.698"), mpf("1e-3"))
    level = type("Solved", (), {"level": 3, "alpha": mpf("6.7"), "error": mpf("1e-9")})()
    found = Acceleration(one.value, one.error, mpf(4), {})
    return Limit(3, 1, (level,), found, one, one, one, one, None, 0.0)


def deep_limit_of_three_numbers():
    """The same behind a hidden layer."""
    from mpmath import mpf

    one = Estimate(mpf("6.698"), mpf("1e-3"))
    row = DeepLevel(3, (mpf("6.7"), mpf("6.4")), (mpf("1e-9"), mpf("1e-9")), (9, 4))
    return DeepLimit(3, "weak", 1, (), (one, one), (row,), Acceleration(one.value, one.error, mpf(4), {}), "", 0.0)


SHOWN = {
    "Network": lambda: Network(widths=(8,), notion="strong"),
    "Problem": lambda: problem("strip:1"),
    "Objective": lambda: objective(level=3),
    "DeepObjective": lambda: objective(relu_network(depth=2), level=2),
    "Formula": lambda: objective(level=2).formula(),
    "Derivation": lambda: relations(2).derivation,
    "LiftingRelations": lambda: relations(3),
    "Capacity": lambda: capacity(1, 20),
    "DeepCapacity": lambda: capacity(relu_network(depth=2), 1, 20),
    "Energy": lambda: energy(8, 1, 20),
    "DeepEnergy": lambda: energy(relu_network(depth=2), 8, 1, 20),
    "Limit": limit_of_three_numbers,
    "DeepLimit": deep_limit_of_three_numbers,
    "FamilyValue": lambda: family_value("perceptron:kappa=0", 1, 10),
    "FamilyLimit": lambda: FamilyLimit(problem("sk"), 3, *map(float, ("0.763", "1e-4")), (), "extrapolated", 0.0),
    "NetworkVerdict": lambda: network_verdict([100, 800, 700], level=1),
    "Replicon": lambda: replicon(1),
    "ThermalInstability": lambda: thermal_instability(6),
    "FiniteResult": lambda: injectivity_probability(2, 5, trials=4, workers=1),
    "Table single": lambda: single_layer(["1"], 10),
    "Table deep": lambda: deep_networks(["1"], [1, 2], 10),
}


class Balanced(HTMLParser):
    """Counts open tags."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", SHOWN)
def test_results_show_themselves(name):
    found = SHOWN[name]()
    assert isinstance(found, Shown) and type(found).__name__ == name.split()[0]
    short = repr(found)
    assert len(short) < 200 and "\n" not in short and type(found).__name__ in short
    tex = found._repr_latex_()
    assert tex.startswith("$") and tex.endswith("$") and tex[1:-1].count("$") == 0
    assert len(re.findall(r"(?<!\\)\{", tex)) == len(re.findall(r"(?<!\\)\}", tex))
    html = found._repr_html_()
    page = Balanced()
    page.feed(html)
    assert not page.open and html.startswith("<")


def test_a_table_shows_what_is_in_it():
    table = Table("A caption", ("p_2", "a & b"), (("1/2", "<tag>"),), ())
    assert "<td>&lt;tag&gt;</td>" in table._repr_html_()
    assert r"\text{p\_2} & \text{a \& b}" in table._repr_latex_()
    found = capacity(1, 12)
    assert f"<td>{found.decimal}</td>" in found._repr_html_() and found.decimal in found._repr_latex_()


def test_type_hints_survive_the_door():
    """Every lazy name is imported for type checkers too, from the same module."""
    source = Path(flrdt.evaluate.__file__).read_text(encoding="utf-8")
    typed = {
        alias.name: node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    assert typed == flrdt.evaluate._HOME
