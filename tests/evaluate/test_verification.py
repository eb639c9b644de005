"""The registry: every entry has an independent check, verdicts are honest, mutants are killed."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Dict, Eq, I, Integral, Rational, Symbol

from flrdt.derive import Verdict
from flrdt.derive.core.domains import DomainError, Range, default_domain
from flrdt.derive.core.formulas import Derivation
from flrdt.derive.core.steps import Identity, Substitution
from flrdt.derive.registry import family, make_entry, registry, select, stated
from flrdt.evaluate.verification.direct import compare
from flrdt.evaluate.verification.runner import verify, verify_entry
from flrdt.evaluate.verification.sampling import points

from ..mutants import mutants

x = Symbol("x", real=True)
CHEAP = (
    "relations",
    "psi_parameters",
    "gradient.sphere",
    "merging.sphere",
    "energy_map",
    "scaling",
    "gaussian.laplace",
)
CLOSED_FORMS = (
    "innermost",
    "plain",
    "gate",
    "finite",
    "zero_energy",
    "mean_envelope",
    "replicon.1",
    "limit.sphere",
    "limit.dual_overlap",
    "flow",
    "thermal",
    "certificate",
    "gradient.tower",
)
NESTED = ("replicon.2.2", "stationarity.3.p_3")
# of deep networks: closed forms whose check is a search, a limit or a difference quotient ...
DEEP = (
    "hidden.inner_maximum",
    "hidden.maximiser",
    "hidden.ray",
    "hidden.homogeneity",
    "hidden.scaling",
    "hidden.slope",
    "hidden.exponential.bound",
    "hidden.exponential.first_order",
    "hidden.exponential.stiff",
    "hidden.mean.stiff",
    "angular.radial",
    "angular.resolvent",
    "angular.moment",
    "recursion.lagrangian",
    "recursion.envelope",
    "recursion.output",
    "merging.coupling",
    "merging.objective.2p.y.depth2",
    "reduction.depth1.1",
    "reduction.depth1.2p",
    "objective.closed.1",
)
# ... those with long expressions, and those that are integrated over two fields
DEEP_LONG = ("stationarity.1", "stationarity.2p.depth2", "recursion.functional")
DEEP_AVERAGES = (
    "hidden.mean",
    "hidden.exponential",
    "hidden.lifted",
    "angular.mean",
    "angular.exponential",
    "angular.circle",
    "recursion.layer",
    "recursion.gain",
    "recursion.square",
    "recursion.cost",
    "reduction.hidden",
    "reduction.level2",
    "objective.closed.2p.depth2",
    "objective.energy.1.relu.depth2",
    "objective.energy.2p.relu.depth2",
    "objective.energy.2.relu.depth2",
)

FAMILY = ("average", "perceptron", "kernel")


def test_every_entry_has_an_independent_check():
    assert len(registry()) >= 40
    for entry in registry().values():
        assert entry.checks and all(check.how for check in entry.checks), entry.id
        assert entry.formula.source and entry.formula.title
        for check in entry.checks:
            middle = check.domain.point([Fraction(1, 2)] * check.domain.dimension)
            assert all(value.is_Rational for value in middle.values()), entry.id


def test_an_entry_without_check_or_with_a_broken_step_is_no_pass():
    from flrdt.derive.registry import Entry

    formula = stated("t.identity", "Identity", Eq(x + x, 2 * x, evaluate=False))
    assert verify_entry(Entry(formula), 10, 3).verdict is Verdict.UNKNOWN
    undecided = Derivation((Substitution("Of nothing.", Dict(), x), Identity("Add.", x + x, 2 * x)))
    open_step = make_entry(stated("t.open", "Open", formula.statement, derivation=undecided), "values")
    assert verify_entry(open_step, 10, 3).verdict is Verdict.UNKNOWN


def test_a_false_statement_is_failed_with_its_point():
    false = stated("t.false", "False", Eq(x**2, x, evaluate=False))
    found = verify_entry(make_entry(false, "values"), 20, 5)
    refuting = Rational(found.counterexample["x"])
    assert found.verdict is Verdict.FAILED and refuting**2 != refuting


def test_a_part_of_the_registry(run):
    code, out, _ = run("verify", "gaussian", "relations.2", "--digits", "20", "--samples", "5", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["summary"]["failed"] == shown["summary"]["unknown"] == 0
    assert {r["verdict"] for r in shown["results"]} == {"proved", "verified"}


def test_a_selection_derives_only_its_families():
    told = []
    found = select(["finite", "gaussian.density"], told.append)
    assert {e.id.partition(".")[0] for e in found} == {"finite", "gaussian"}
    assert [message.rpartition(" ")[2] for message in told] == ["gaussian_rules", "finite_sizes"]


@pytest.mark.slow
def test_the_whole_registry():
    found = verify()
    assert found.passed, [r for r in found.results if r.verdict not in ("proved", "verified")]


def killed(prefixes, per_entry, nested=False):
    """How many mutants were tried, and those that no point refuted."""
    tried, alive = 0, []
    for entry in select(list(prefixes)):
        statement = entry.formula.statement
        # a weaker inequality may be true; quadrature of nested averages has a test of its own
        if (type(statement) is not Eq and not nested) or (entry.checks[0].most == 1 and not nested):
            continue
        if isinstance(statement.rhs, Integral):  # no closed side to change
            continue
        for mutant in mutants(statement, per_entry):
            found = verify_entry(entry, 15, 12, mutant).verdict
            if found is Verdict.UNKNOWN and without_value(mutant.rhs, entry.domain):
                continue  # unknown is no pass, but there is nothing to refute either
            tried += 1
            if found is not Verdict.FAILED:
                alive.append((entry.id, mutant))
    return tried, alive


def without_value(side, domain):
    """Whether a closed side is not real at the first sample: a root or logarithm of a negative number."""
    return side.subs(points(domain, 1, "mutants")[0]).evalf().has(I)


def test_mutants_are_killed():
    tried, alive = killed(CHEAP[:1], 1)
    assert tried >= 50 and not alive


@pytest.mark.slow
@pytest.mark.parametrize("prefixes, per_entry, least", [(CHEAP, 4, 150), (CLOSED_FORMS, 3, 250), (NESTED, 1, 2)])
def test_all_mutants_are_killed(prefixes, per_entry, least):
    tried, alive = killed(prefixes, per_entry, nested=prefixes is NESTED)
    assert tried >= least and not alive


@pytest.mark.slow
def test_new_closed_forms_are_killed():
    tried, alive = killed(("plain.hardtanh.1", "replicon.1", "finite", "limit.dual_overlap", "certificate"), 1)
    assert tried >= 15 and not alive


def test_mutants_of_the_hidden_layer_are_killed():
    tried, alive = killed(("hidden.maximiser", "hidden.ray", "hidden.slope", "angular.moment", "merging.coupling"), 2)
    assert tried >= 25 and not alive


@pytest.mark.slow
@pytest.mark.parametrize(
    "prefixes, per_entry, least",
    [(DEEP, 4, 120), (DEEP_LONG, 1, 25), (DEEP_AVERAGES, 1, 20)],
    ids=["closed", "long", "averages"],
)
def test_all_mutants_of_deep_networks_are_killed(prefixes, per_entry, least):
    tried, alive = killed(prefixes, per_entry, nested=prefixes is DEEP_AVERAGES)
    assert tried >= least and not alive


@pytest.mark.slow
def test_all_mutants_of_the_family_are_killed():
    assert {e.id for e in select(list(FAMILY))} == {e.id for e in family.entries()}
    tried, alive = killed(FAMILY, 4, nested=True)
    assert tried >= 50 and not alive


def test_deep_formulas_have_derivations_and_sources():
    families = {"hidden", "angular", "recursion", "reduction"}
    deep = [e for e in registry().values() if e.id.partition(".")[0] in families or "depth" in e.id]
    assert len(deep) >= 90
    for entry in deep:
        assert len(entry.formula.derivation) and "2412.19677" in entry.formula.source, entry.id


@given(st.lists(st.fractions(0, 1, max_denominator=1000), min_size=4, max_size=4))
def test_overlaps_decrease_everywhere_in_the_domain(units):
    domain = default_domain([Symbol(n, positive=True) for n in ("p_2", "p_3", "y_2", "y_3")])
    point = {s.name: v for s, v in domain.point(units).items()}
    assert 1 > point["p_2"] > point["p_3"] > 0 and point["y_2"] > point["y_3"] > 0


def test_samples_are_deterministic_and_include_the_edges():
    domain = default_domain([Symbol("p_2", positive=True)])
    assert points(domain, 30, "s") == points(domain, 30, "s") != points(domain, 30, "t")
    assert {Rational(1, 1000), Rational(999, 1000)} <= {v for p in points(domain, 30, "s") for v in p.values()}


def test_contradictory_and_missing_domains():
    with pytest.raises(DomainError, match="contradictory"):
        Range(x, Rational(2), Rational(1))
    with pytest.raises(DomainError, match="no domain"):
        default_domain([Symbol("foo")])


def test_undecided_is_not_a_pass():
    from flrdt.derive.registry import Comparison

    assert compare(Comparison(1 / (x - 1), x), {x: Rational(1)}, 10).holds is None


@pytest.mark.parametrize(
    "words, hint",
    [
        (("verify", "relations.2.c2"), "did you mean"),
        (("verify", "--samples", "0"), "samples"),
        (("verify", "--digits", "x"), "digits"),
        (("formulas", "nothing"), "no formula"),
    ],
)
def test_bad_input(run, words, hint):
    code, out, err = run(*words)
    assert code == 2 and not out and hint in err and len(err.strip().splitlines()) == 1


@pytest.mark.slow
def test_formulas_lists_and_shows(run):
    code, out, _ = run("formulas")
    assert code == 0 and "relations.3.c_2" in out
    code, out, _ = run("formulas", "relations.2.c_2")
    assert code == 0 and "check: proved" in out and "Checked independently" in out


def test_integer_arguments_are_converted():
    """A numeral as the argument of an unbound ball function was read as garbage."""
    from sympy import exp

    from flrdt.evaluate.arithmetic.backends import backend
    from flrdt.evaluate.arithmetic.compile import compile_scalar

    value = compile_scalar([exp(Rational(-18), evaluate=False)], [], backend("arb"))()[0]
    assert abs(float(value.mid()) - 1.522997974471263e-08) < 1e-20
