"""Verdicts on claims that were made to deceive: false by little, false at an edge only, undecidable, or endless."""

import json
import time

import pytest
from mpmath import erfc, exp, log, mp, mpf, sqrt

from flrdt.evaluate.verification import claims as claims_module
from flrdt.evaluate.verification.claims import claim_entries
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
        # equal, which balls cannot tell from slightly more
        ("sqrt(x + 1)*sqrt(x + 2) <= sqrt((x + 1)*(x + 2))", {"x": ["1/3", "2/3"]}),
        ("sqrt(x) >= 0", {"x": [-2, -1]}),
        ("log(x) < 10", {"x": [-2, -1]}),
        ("1/x > 0", {"x": [0, 1]}),  # no value at the edge
    ],
)
def test_what_cannot_be_decided_is_unknown(statement, domain):
    found = result(statement, domain)
    assert found.verdict == "unknown" and not found.counterexample


def test_a_lie_between_the_samples_is_never_proved():
    """False within 1e-6 of x = 1/3 only, and false by less than the digits asked for."""
    assert result("(x - 1/3)**2 > 1e-12", {"x": [0, 1]}).verdict == "verified"
    small = ("H(x) == Phi(-x) + 1e-40", {"x": [-3, 3]})
    assert result(*small).verdict == "verified"
    assert result(*small, digits=50).verdict == "failed"


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
