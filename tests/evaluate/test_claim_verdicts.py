"""Verdicts on claims that were made to deceive: false by little, false at an edge only, undecidable, or endless."""

import json
import time
from pathlib import Path

import pytest
from mpmath import erfc, exp, log, mp, mpf, sqrt
from sympy import Rational

from flrdt.evaluate.verification import claims as claims_module
from flrdt.evaluate.verification.claims import claim_entries, read_claims
from flrdt.evaluate.verification.runner import verify


def results(*claims, **options):
    listed = [{"id": f"c{i}", **claim} for i, claim in enumerate(claims)]
    entries = claim_entries(json.dumps({"claim": listed}).encode(), "json")
    return verify(extra=entries, **{"digits": 20, "samples": 8, "workers": 1, **options}).results


def result(statement, domain=None, **options):
    claim = {"statement": statement} | ({"domain": domain} if domain else {})
    return results({**claim, **{k: options.pop(k) for k in ("level", "gate") if k in options}}, **options)[0]


def tail(z):
    return erfc(z / sqrt(mpf(2))) / 2


# statement, domain, and the sides (left, right) by mpmath: at the point reported, the relation must be false
FALSE = [
    ("H(x) == Phi(-x) + 1e-15", {"x": [-3, 3]}, lambda x: (tail(x), tail(x) + mpf(10) ** -15)),
    ("x*(1 - x) > 0", {"x": [0, 1]}, lambda x: (x * (1 - x), 0)),
    ("x < 0.999999", {"x": [0, 1]}, lambda x: (x, mpf("0.999999"))),
    ("1/3 == 0.33333333333333", {}, lambda: (mpf(1) / 3, mpf("0.33333333333333"))),
    ("exp(x)*exp(-x) >= 1 + 1e-12*x", {"x": ["1/2", 1]}, lambda x: (mpf(1), 1 + x * mpf(10) ** -12)),
    ("sqrt(x**2) == x", {"x": [-1, 1]}, lambda x: (abs(x), x)),
    ("log(a*b) == log(a)*log(b)", {"a": [2, 3], "b": [2, 3]}, lambda a, b: (log(a * b), log(a) * log(b))),
    ("Phi(x) <= exp(-x**2/2)/2", {"x": [-2, 2]}, lambda x: (tail(-x), exp(-x * x / 2) / 2)),
    ("M(x, 1/2) == x**2", {"x": [0, 2]}, lambda x: (min(x * x, 1), x * x)),
]


@pytest.mark.parametrize("statement, domain, sides", FALSE)
def test_a_false_claim_is_refuted_at_an_exact_point(statement, domain, sides):
    found = result(statement, domain)
    assert found.verdict == "failed" and set(found.counterexample) == set(domain)
    with mp.workdps(60):
        point = {}
        for name, text in found.counterexample.items():
            top, _, bottom = text.partition("/")
            point[name] = mpf(top) / mpf(bottom or 1)
            assert mpf(str(eval(str(domain[name][0])))) <= point[name] <= mpf(str(eval(str(domain[name][1]))))
            assert text in found.detail
        left, right = sides(**point)
        operator = next(o for o in ("==", "<=", ">=", "<", ">") if f" {o} " in statement)
        close = abs(left - right) < mpf(10) ** -40
        holds = {"==": close, "<=": left <= right, ">=": left >= right, "<": left < right, ">": left > right}[operator]
        assert not holds


@pytest.mark.parametrize(
    "statement, domain",
    [
        ("sqrt(x) >= 0", {"x": [-2, -1]}),
        ("sqrt(x)**2 < 0", {"x": [-3, -1]}),
        ("exp(log(x)) < 0", {"x": [-3, -1]}),
        ("0*log(x) == 0", {"x": [-3, -1]}),
        ("0*log(x) == 0", {"x": [-1, 1]}),
        ("log(x) < 10", {"x": [-2, -1]}),
        ("1/x > 0", {"x": [0, 1]}),  # no value at the edge
        ("x/x == 1", {"x": [-1, 1]}),
        ("(x - 1/3)/(x - 1/3) == 1", {"x": [0, 1]}),
        ("1/(1/x) == x", {"x": [-1, 1]}),
        ("x**0 == 1", {"x": [-1, 1]}),
        ("0/Abs(x - 2/7) == 0", {"x": [0, 1]}),
        ("1/(x**2 - 2) < 100", {"x": [1, 2]}),
        ("1/(x**2 - 2)**2 > 0", {"x": [1, 2]}),  # the divisor touches 0 at an irrational point
        ("1/(x - y) == 1/(x - y)", {"x": [0, 1], "y": [0, 1]}),
        ("1/((x - 0.123)**2 + (y - 0.7)**2) > 0", {"x": [0, 1], "y": [0, 1]}),
        ("log(x - y) == log(x - y)", {"x": [0, 1], "y": [0, 1]}),
        ("log(x**2) == 2*log(x)", {"x": [-1, 1]}),
        ("log(x*y) == log(x) + log(y)", {"x": [-2, -1], "y": [-2, -1]}),
        ("sqrt(x*y) == sqrt(x)*sqrt(y)", {"x": [-2, -1], "y": [-2, -1]}),
        ("Max(log(x), 0) >= 0", {"x": [-1, 1]}),
        ("log((x - 1/3)**2 - 1e-40) < 9", {"x": [0, 1]}),
        ("sqrt((x - 1/3)**2 - 1e-30)**2 == (x - 1/3)**2 - 1e-30", {"x": [0, 1]}),
        ("0*M(x, y) == 0", {"x": [-1, 1], "y": [-1, 1]}),
        ("W(x, D, 1, 1) <= 1", {"x": [-1, 1], "D": [-1, 1]}),
    ],
)
def test_a_claim_without_a_value_somewhere_is_not_true_there(statement, domain):
    found = result(statement, domain)
    assert found.verdict == "failed" and "undefined" in found.detail
    with mp.workdps(60):  # the operation that has no value, at the point, by mpmath
        point = {n: mpf(int(Rational(v).p)) / int(Rational(v).q) for n, v in found.counterexample.items()}
        assert set(point) <= set(domain)
        for name, v in point.items():
            low, high = (Rational(str(end)) for end in domain[name])
            assert low <= Rational(found.counterexample[name]) <= high and v is not None


@pytest.mark.parametrize(
    "statement, domain",
    [
        ("sqrt(x + 1)*sqrt(x + 2) <= sqrt((x + 1)*(x + 2))", {"x": ["1/3", "2/3"]}),
        ("sqrt(x - 1/3) >= 0", {"x": ["1/3", 2]}),
        ("x*(1 - x) >= 0", {"x": [0, 1]}),
        ("(x - 1/3)*(2 - x) >= 0", {"x": ["1/3", 2]}),
        ("exp(x) >= 1 + x", {"x": [0, 1]}),
        ("x**2 + y**2 >= 2*x*y", {"x": [0, 1], "y": [0, 1]}),
        ("Abs(x - 3/10) >= 0", {"x": [0, 1]}),
        ("log(x**2) == 2*log(-x)", {"x": [-3, -1]}),
        ("sqrt(x**2) == -x", {"x": [-3, -1]}),
        ("sqrt(x)**2 == x", {"x": [0, 1]}),
        ("Max(x, y, z) == Max(x, Max(y, z))", {"x": [0, 1], "y": [0, 1], "z": [0, 1]}),
        ("W(x, 1, 1, 1) <= 1", {"x": [-3, 3]}),
        ("M(x, 1) <= 1", {"x": [-3, 3]}),
        ("exp(1) > 2.71828182845904523", {}),
        ("erfc(x) < 2", {"x": [-9, 9]}),
        ("exp(-900*x) > 0", {"x": ["1/2", 2]}),
        ("+".join(["x"] * 40) + " == 40*x", {"x": [0, 1]}),
        ("exp(x/3)*exp(x/2) == exp(5*x/6)", {"x": [0, 1]}),
        ("I*e == e*I", {"I": [1, 2], "e": [1, 2]}),
    ],
)
def test_true_claims_that_are_proved(statement, domain):
    assert result(statement, domain).verdict == "proved"


@pytest.mark.parametrize(
    "statement, domain",
    [
        ("(x - 1/3)**2 > 1e-12", {"x": [0, 1]}),
        ("(x - 1/3)**2 > 1e-60", {"x": [0, 1]}),
        ("Abs(x - 0.123456789) > 1e-14", {"x": [0, 1]}),
        ("exp(-(1000*(x - 1/3))**2) < 1/2", {"x": [0, 1]}),
        ("Max(0, 1e-9 - Abs(x - 1/3)) == 0", {"x": [0, 1]}),
        ("Abs(x-1/3) + Abs(x-2/7) - 2*Abs(x-3/10) < 0.04761238095238", {"x": [0, 1]}),
        ("x**2 + y**2 > 2*x*y", {"x": [0, 1], "y": [0, 1]}),
        ("Max(Min(x, 1/2), Min(-x, 1/2)) > 0", {"x": [-1, 1]}),
        ("exp(x) > 1 + x", {"x": [-1, 1]}),
    ],
)
def test_a_lie_between_the_samples_is_found(statement, domain):
    """False in a window, or at a single point, that the samples do not hit."""
    found = result(statement, domain)
    assert found.verdict == "failed" and set(found.counterexample) == set(domain)


@pytest.mark.parametrize(
    "statement, domain",
    [
        ("Phi(12) == 1", {}),
        ("Phi(40) == 1", {}),
        ("exp(-900*x) == 0", {"x": ["1/2", 1]}),
        ("exp(-900*x) + 1 == 1", {"x": [500, 900]}),  # smaller than any working precision shows
        ("erfc(x) + 1e-31 == erfc(x)", {"x": [-3, 3]}),
        ("H(x) == Phi(-x) + 1e-40", {"x": [-3, 3]}),
        ("x + 1e-300 == x", {"x": [1, 2]}),
        ("sqrt(x**2 + 1e-40) == Abs(x)", {"x": [-1, 1]}),
        ("atan(900)*2 == pi", {}),
        ("1/x == 0", {"x": ["1e90", "1e100"]}),
        ("x == 1", {"x": [1, "1.000000000000000000000000000000001"]}),
    ],
)
def test_sides_that_are_apart_are_not_equal(statement, domain):
    found = result(statement, domain)
    assert found.verdict == "failed" and ("is false" in found.detail or "is not 0" in found.detail)


def test_a_failed_claim_shows_the_difference():
    detail = result("x + 1e-25 == x", {"x": [1, 2]}).detail
    left, right = detail.split(": ")[1].split(" is false")[0].split(" == ")
    assert left != right and len(left) > 25
    assert "the difference is 1.00e-300" in result("x + 1e-300 == x", {"x": [1, 2]}).detail


NAMES = (
    "e",
    "E",
    "I",
    "S",
    "N",
    "Q",
    "oo",
    "nan",
    "zoo",
    "pi_",
    "x0",
    "t0",
    "a0",
    "k0",
    "value_0",
    "hoisted_0",
    "x_root",
    "rational",
    "sign",
    "beta",
)


@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_a_symbol_is_special(name):
    box = {name: [1, 2], "z": [1, 2]}
    assert result(f"{name}*z/z == {name}", box).verdict == "proved"
    assert result(f"exp(1)/{name} < 1.001", {name: [1, 2]}).verdict == "failed"
    assert result(f"sqrt({name})**2 == z", box).verdict == "failed"


@pytest.mark.parametrize("file", sorted((Path(__file__).parent / "false_claims").glob("*.toml")), ids=lambda f: f.stem)
def test_files_of_claims_that_were_proved_once(file):
    for found in verify(extra=read_claims(file), digits=30, samples=20, workers=1).results:
        assert found.verdict == ("proved" if ".true" in found.id else "failed"), found


def test_the_time_limit_is_kept_and_the_others_are_still_decided():
    heavy = {"statement": "W(x, D, y, chi) < 1", "gate": "(-oo,-1) U (0,1) U (2,oo)"}
    light = {"statement": "1 == 2"}
    started = time.perf_counter()
    late, other = results(heavy, light, digits=20_000, samples=100_000, limit=1)
    assert late.verdict == "unknown" and "within 1 seconds" in late.detail
    assert other.verdict == "failed" and time.perf_counter() - started < 30


def test_the_command_keeps_the_limit(run, tmp_path, monkeypatch):
    monkeypatch.setattr(claims_module, "LIMIT", 0.3)
    file = tmp_path / "claims.json"
    file.write_text(json.dumps({"claim": [{"id": "late", "statement": "W(x, D, y, chi) < 1"}]}))
    code, out, _ = run("verify", "--file", str(file), "--digits", "20000", "--samples", "100000", "--json")
    shown = json.loads(out)
    assert code == 1 and shown["summary"]["unknown"] == 1 and "0.3 seconds" in shown["results"][0]["detail"]


def test_the_point_of_a_level_is_exact():
    found = result("gamma_s*gamma_p == 1/4 + p_3/10**9", level="3")
    assert found.verdict == "failed" and set(found.counterexample) == {"p_2", "p_3", "q_2", "q_3"}
    assert all("e" not in text and "..." not in text for text in found.counterexample.values())
