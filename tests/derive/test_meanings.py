"""Every symbol of the registry has a meaning, and no name has two in one family."""

import copy
import pickle
import re
from collections import defaultdict

import pytest
from sympy import Basic, Integer, Rational, Symbol

from flrdt.derive import Level, objective, relations, relu, relu_network
from flrdt.derive.blocks.innermost import innermost
from flrdt.derive.conditions.flow import forward_equation
from flrdt.derive.conditions.lower_bound import lower_bound
from flrdt.derive.core.meanings import NAMES, SHARED, meaning, symbol_table
from flrdt.derive.lemmas.finite_counts import expected_rays
from flrdt.derive.networks.gates import MoreauEnvelope, read_gate
from flrdt.derive.networks.problems import problem
from flrdt.derive.objectives.family import family_objective
from flrdt.derive.registry import SECTIONS, Entry, registry
from flrdt.evaluate import capacity, energy


@pytest.fixture(scope="module")
def used():
    """Families that use a name, from all statements of the registry."""
    found = defaultdict(set)
    for id, item in registry().items():
        for row in symbol_table(item.formula.statement, id.partition(".")[0]):
            found[row.symbol.name].add((id, row.meaning, row.numbers))
    return found


@pytest.mark.slow
def test_every_symbol_has_a_meaning(used):
    missing = {
        name: sorted(id for id, text, _ in rows)[:3]
        for name, rows in used.items()
        if any(t == "not named" for _, t, _ in rows)
    }
    assert not missing


@pytest.mark.slow
def test_a_name_has_one_meaning_in_a_family_and_one_kind_of_numbers(used):
    for name, rows in used.items():
        families = defaultdict(set)
        for id, text, numbers in rows:
            families[id.partition(".")[0]].add((text, numbers if name not in ("t", "d", "V", "p") else ""))
        assert all(len(kinds) == 1 for kinds in families.values()), (name, dict(families))


@pytest.mark.slow
def test_names_with_several_meanings_are_the_listed_ones(used):
    for name, rows in used.items():
        texts = {text for _, text, _ in rows}
        assert len(texts) == 1 or name in SHARED, (name, texts)


def test_shared_names_belong_to_families_that_exist():
    families = {f for names in SECTIONS.values() for f in names}
    assert all(set(own) <= families for own in SHARED.values())
    assert all(re.compile(pattern) for pattern in NAMES)
    assert meaning("nobody", "hidden") is None


def test_the_command_prints_the_table(run):
    code, out, _ = run("formulas", "relations.2.c_2")
    assert code == 0 and "p_2: overlap of two inputs (positive)" in out


GATES = ["relu", "(-1,1)", "relu-bias:1/2", "(-oo,-1) U (1,oo)"]


@pytest.mark.parametrize("name", GATES)
def test_gates_and_envelopes_are_sympy_objects(name):
    found = read_gate(name, Integer(2))
    h, chi = Symbol("h", real=True), Symbol("chi", positive=True)
    envelope = MoreauEnvelope(h, chi, found)
    assert envelope.gate == found and found in envelope.args and found.free_symbols == set()
    assert envelope.subs(chi, Rational(1, 3)) == MoreauEnvelope(h, Rational(1, 3), found)
    assert envelope.xreplace({found: relu()}) == relu().envelope(h, chi)
    for item in (found, envelope):
        assert isinstance(item, Basic) and item.func(*item.args) == item


def _sent(item):
    return pickle.loads(pickle.dumps(item))


def _public():
    """One object of every kind that the toolkit hands out without a solve."""
    deep, hinge = relu_network(depth=2), problem("hinge:kappa=1")
    yield from (Level.parse("2p"), read_gate("tanh"), deep, hinge, innermost(relu()), lower_bound(relu_network()))
    yield from (family_objective(hinge, Level(2)), forward_equation(), Entry(expected_rays()))
    for network, levels in ((relu_network(), (1, "2p")), (deep, (1, 2))):
        for level in levels:
            found = objective(network, level)
            formula = _sent(found.formula())
            assert formula.statement == found.formula().statement
            yield from (found, formula)  # SymPy multiplies out the factors of a step's sums when it reads them


def test_what_is_handed_out_can_be_copied_and_sent():
    for item in _public():
        for again in (copy.copy(item), copy.deepcopy(item), _sent(item)):
            assert again == item and hash(again) == hash(item) and str(again) == str(item), item


@pytest.mark.slow
def test_relations_and_results_can_be_pickled():
    for level in (1, "2p", 2, 3):
        found = relations(level=level)
        assert pickle.loads(pickle.dumps(found)) == found
    for result in (capacity(1, 10), energy(8, 1, 10), capacity("2p", 10, depth=2)):
        again = pickle.loads(pickle.dumps(result))
        assert again == result and again.to_json() == result.to_json()


@pytest.mark.slow
def test_both_sides_of_every_statement_can_be_pickled():
    """They are sent to worker processes and kept in files."""
    for id, item in registry().items():
        for side in item.formula.statement.args:
            assert str(pickle.loads(pickle.dumps(side))) == str(side), id  # a bound symbol may be a new one
