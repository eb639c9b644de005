"""Every symbol of the registry has a meaning, and no name has two in one family."""

import pickle
import re
from collections import defaultdict

import pytest
from sympy import Integer, Rational, Symbol

from flrdt.derive import relations
from flrdt.derive.core.meanings import NAMES, SHARED, meaning, symbol_table
from flrdt.derive.networks.gates import MoreauEnvelope, read_gate
from flrdt.derive.registry import SECTIONS, registry
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
def test_gates_and_envelopes_are_rebuilt_from_their_arguments(name):
    found = _read(name)
    h, chi = Symbol("h", real=True), Symbol("chi", positive=True)
    envelope = MoreauEnvelope(h, chi, found)
    assert envelope.func(*envelope.args) == envelope and envelope.gate == found
    for item in (found, envelope):
        assert pickle.loads(pickle.dumps(item)) == item
    assert envelope.subs(chi, Rational(1, 3)) == MoreauEnvelope(h, Rational(1, 3), found)


def _read(name):
    return read_gate(name, Integer(1))


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
