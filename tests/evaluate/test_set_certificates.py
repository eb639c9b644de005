"""Certificates of hard sets on the sphere: both checkers, damaged files, brute force."""

import json
from fractions import Fraction

import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf, quad

from flrdt.derive.core.symbols import Level
from flrdt.derive.networks.problems import problem
from flrdt.evaluate.arithmetic.decimals import InputError
from flrdt.evaluate.proofs import one_layer_checker as common
from flrdt.evaluate.proofs import set_checker as checker
from flrdt.evaluate.proofs.check_files import check
from flrdt.evaluate.proofs.set_certificates import certify_set
from flrdt.evaluate.results.family import family_value
from flrdt.evaluate.solve.family import level_minima
from flrdt.evaluate.solve.newton import refine
from flrdt.evaluate.solve.point import CertifyError
from flrdt.evaluate.systems.family import FamilySystem


@pytest.fixture(scope="module")
def certificate():
    return certify_set("set:[-2,-1] U [1,2]", "2p", "1.903")


def signed(data, **changes):
    data = json.loads(json.dumps(data)) | changes
    return json.dumps(data | {"sha256": common.digest(data)}).encode()


def test_a_certificate_is_proved_by_the_program_for_all_kinds(certificate):
    verdict = check(signed(certificate))
    assert verdict.proved and "at most 1.903" in verdict.statement and "theorem" not in verdict.statement


@pytest.mark.parametrize(
    "word, level, printed",
    [("perceptron:kappa=-3/2", "1", "43.76940232644"), ("perceptron:kappa=-1", "2p", "12.78437096213")],
)
def test_the_bound_rounds_the_value_up(word, level, printed):
    """Values of the second route; half-lines are theorems."""
    made = certify_set(word, level, digits=8)
    assert 0 < Fraction(made["alpha"]) - Fraction(printed) < Fraction(3, 10**8)
    assert "theorem" in made["statement"] and check(signed(made)).proved


DAMAGED = {
    "smaller alpha": {"alpha": "189/100"},
    "another y": {"y": "1/1000"},
    "another set": {"allowed": [["-2", "-1"], ["1", "3/2"]]},
    "a wider enclosure of a false sign": {"objective": {"lower": "-1.0", "upper": "1.0"}},
    "an enclosure elsewhere": {"objective": {"lower": "-0.5", "upper": "-0.4"}},
}


@pytest.mark.parametrize("changes", DAMAGED.values(), ids=DAMAGED)
def test_a_false_claim_is_not_proved(certificate, changes):
    data = certificate | changes
    allowed = tuple(tuple(map(Fraction, pair)) for pair in data["allowed"])
    words = checker.statement(allowed, data["level"], Fraction(data["alpha"]))
    assert not check(signed(data, statement=words)).proved


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"allowed": []}, "1 to 32"),
        ({"allowed": [["-oo", "oo"]]}, "whole line"),
        ({"allowed": [["1", "0"]]}, "left to right"),
        ({"allowed": [["-1", "0"], ["0", "1"]]}, "gaps"),
        ({"allowed": [["-1", "oo"], ["2", "3"]]}, "infinite"),
        ({"allowed": [["0.5", "1"]]}, "a string such as"),
        ({"allowed": [["2/4", "1"]]}, "lowest terms"),
        ({"level": "2"}, "1 or 2p"),
        ({"y": "0"}, "outside"),
        ({"statement": "The capacity is at most 1."}, "does not say"),
        ({"precision": 10}, "integer"),
        ({"more": 1}, "exactly the fields"),
    ],
)
def test_what_is_no_certificate_is_refused(certificate, changes, said):
    with pytest.raises(common.MalformedCertificate, match=said):
        check(signed(certificate, **changes))


@given(st.integers(-20, 20), st.integers(1, 20), st.integers(1, 30), st.integers(1, 40))
def test_the_checker_against_quadrature(left, width, gap, lifting):
    """Means over two intervals and the half-lines around them, by integrating the squared distance itself."""
    ends = [Fraction(v, 10) for v in (left, left + width, left + width + gap, left + width + gap + 5)]
    allowed = ((ends[0], ends[1]), (ends[2], ends[3]))
    points = [mpf(e.numerator) / e.denominator for e in ends]
    y = mpf(lifting) / 4

    def distance(u):
        return min(max(a - u, u - b, 0) for a, b in (points[:2], points[2:]))

    cuts = [-13, *points[:2], (points[1] + points[2]) / 2, *points[2:], 13]
    square = quad(lambda u: distance(u) ** 2 * mp.npdf(u), cuts)
    weight = quad(lambda u: mp.exp(-y * distance(u) ** 2 / 2) * mp.npdf(u), cuts)
    with ctx.workprec(100):
        assert abs(float(checker.squares(allowed)) - square) < 1e-11
        assert abs(float(checker.weight(allowed, arb(lifting) / 4)) - weight) < 1e-11


def test_refusals():
    with pytest.raises(CertifyError, match="not certified"):
        certify_set("strip:1", "2p", "6.23")
    with pytest.raises(CertifyError, match="does not improve"):
        certify_set("perceptron:kappa=-1/2", "2p")
    for word, level, said in (("sk", 1, "hard sets"), ("ising:kappa=0", 1, "hard sets"), ("strip:1", 3, "1 and 2p")):
        with pytest.raises(InputError, match=said):
            certify_set(word, level)


@pytest.mark.slow
@pytest.mark.parametrize(
    "word, level", [("outside:1/2", "2p"), ("committee:relu", "2p"), ("hinge:kappa=0,alpha=3", "1")]
)
def test_enclosures_hold_the_value_of_the_tower(word, level):
    """The closed form with its enclosure at 20 digits, and Newton on the tower at 45."""
    value = family_value(word, level, 20)
    assert value.error_kind == "enclosure" and value.error < mpf(10) ** -20
    system = FamilySystem(problem(word), Level.parse(level), "arb")
    minimum = level_minima(problem(word), Level.parse(level))[-1].minimum
    with mp.workdps(60):
        other = refine(system, system.goal, minimum.x, 45, minimum.hessian)
        sign = -1 if "hinge" in word else 1
        assert abs(sign * other.value - value.value) <= value.error + other.value_error
