"""Claims of a user: true, false and malformed ones, and that nothing outside the whitelist is ever built or run."""

import json
import random
import signal
import time

import pytest
from sympy import Eq, Rational, Symbol

from flrdt.derive import relu
from flrdt.evaluate.verification.claim_parser import ClaimError, Parser
from flrdt.evaluate.verification.claims import MAX_BYTES, claim_entries, read_claims
from flrdt.evaluate.verification.runner import verify

x = Symbol("x", real=True)
FAST = ("--digits", "15", "--samples", "6")


def claims(*listed):
    return json.dumps({"claim": [{"id": f"c{i}", **claim} for i, claim in enumerate(listed)]})


@pytest.fixture
def file(tmp_path):
    def write(text, name="claims.json"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


GOOD = [
    {"statement": "Phi(-x) == H(x)", "domain": {"x": [-3, "7/2"]}, "kind": "equation"},
    {"statement": "gamma_s*gamma_p == 1/4", "level": "3"},
    {"statement": "gamma_s*gamma_p == 0.25", "level": "2p"},
    {"statement": "Theta_2*Lambda_2 == p_1 + p_4", "level": 3},
    {"statement": "0 < Lambda_1*Lambda_2", "level": 2},
    {"statement": "W(x, D, y, chi) < 1", "domain": {"x": [-3, 3], "D": ["1/10", 1], "y": [0.5, 4]}},
    {"statement": "W(x, D, 2*y, chi) >= W(x, D, y, chi)**2", "domain": {"x": [-2, 2], "y": [0.5, 2]}},
    {"statement": "M(h, chi) <= 1", "gate": "(-1,1)", "kind": "inequality"},
    {"statement": "x**2 + b_1**2 >= 2*x*b_1 - 1/10", "domain": {"x": [0, 1], "b_1": [0, 1]}},
    {"statement": "1/3 + .25 == 7/12"},
    {"statement": "Abs(M(Abs(M(x, 1)), 2) - 1/2) <= 1/2"},
]


@pytest.mark.slow
def test_true_claims_pass(run, file):
    code, out, err = run("verify", "--file", file(claims(*GOOD)), *FAST, "--json")
    shown = json.loads(out)
    assert code == 0 and "flrdt:" not in err  # progress is told after two seconds
    assert [r["id"] for r in shown["results"]] == [f"c{i}" for i in range(len(GOOD))]
    assert {r["verdict"] for r in shown["results"]} <= {"proved", "verified"}


def test_the_toml_of_the_documentation(run, file):
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "verify.md").read_text()
    text = page.split("```toml\n")[1].split("```")[0]
    code, out, _ = run("verify", "--file", file(text, "claims.toml"), *FAST)
    assert code == 1 and out.count(" proved ") + out.count(" verified ") == 2 and "1 failed" in out


def test_the_python_of_the_documentation(capsys):
    import re
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "verify.md").read_text()
    (snippet,) = re.findall(r"```python\n(.*?)```", page, re.S)
    exec(compile(snippet, "verify snippet", "exec"), {})
    assert capsys.readouterr().out.strip() == "verified"


def test_a_false_claim_is_failed_with_its_point(run, file):
    wrong = {"statement": "gamma_s*gamma_p == 1/5", "level": "2"}
    code, out, _ = run("verify", "--file", file(claims(wrong)), *FAST, "--json")
    result = json.loads(out)["results"][0]
    assert code == 1 and result["verdict"] == "failed" and set(result["counterexample"]) == {"p_2", "q_2"}
    # the point, put into the closed forms of the theory by hand: gamma_s gamma_p = 1/4 there, which is not 1/5
    p, q = (Rational(result["counterexample"][s]) for s in ("p_2", "q_2"))
    c = ((p / q) ** Rational(1, 2) * (1 - q) ** 2 - (q / p) ** Rational(1, 2) * (1 - p) ** 2) / ((1 - q) * (1 - p))
    assert c.is_real and "0.25000000" in result["detail"]


@pytest.mark.parametrize(
    "statement, domain",
    [("x**2 == x", {"x": [2, 3]}), ("x < 1", {"x": ["0.5", "1.5"]}), ("H(x) == H(-x)", {"x": [1, 2]}), ("1 > 2", {})],
)
def test_refutation_is_exact(statement, domain):
    (result,) = verify(extra=claim_entries(claims({"statement": statement, "domain": domain}).encode(), "json")).results
    assert result.verdict == "failed" and set(result.counterexample) == set(domain)
    for name, value in result.counterexample.items():
        low, high = domain[name]
        assert Rational(low) <= Rational(value) <= Rational(high)


def test_undecided_or_late_is_unknown():
    # equal everywhere, which neither balls nor the normal form can tell from slightly more
    equal = {"statement": "atan(x) + atan(1/x) <= pi/2", "domain": {"x": [1, 2]}}
    entries = claim_entries(claims(equal).encode(), "json")
    assert verify(extra=entries, digits=10, samples=2, limit=20).results[0].verdict == "unknown"
    entries = claim_entries(claims({"statement": "Phi(-x) == H(x)"}).encode(), "json")
    late = verify(extra=entries, digits=3000, samples=100_000, limit=0.2).results[0]
    assert late.verdict == "unknown" and "0.2 seconds" in late.detail


MALFORMED = [
    ({"statement": "x + 1", "domain": {"x": [0, 1]}}, "no relation"),
    ({"statement": "x = 1"}, "cannot read"),
    ({"statement": "0 < x < 1"}, "exactly one"),
    ({"statement": "x != 1"}, "exactly one"),
    ({"statement": "x in x"}, "exactly one"),
    ({"statement": 3}, "text"),
    ({}, "statement is missing"),
    ({"statement": "foo == 1"}, "unknown symbol foo"),
    ({"statement": "gamma_s*gamma_p == 1/4"}, "give a level"),
    ({"statement": "c_4 == 1", "level": 3}, "unknown symbol c_4"),
    ({"statement": "zeta(x) == 1"}, "unknown function 'zeta'"),
    ({"statement": "Phi(x, x) == 1"}, "1 argument"),
    ({"statement": "x == 1", "domain": {"x": [1, 0]}}, "contradictory domain of x"),
    ({"statement": "x == 1", "domain": {"x": [1, 1]}}, "contradictory domain of x"),
    ({"statement": "x == 1", "domain": {"x": 1}}, "interval"),
    ({"statement": "x == 1", "domain": {"x": ["a", 1]}}, "not a number"),
    ({"statement": "x == 1", "domain": {"x": [0, "1e9999"]}}, "too large"),
    ({"statement": "x == 1", "domain": {"x": [0, True]}}, "exact numbers"),
    ({"statement": "x == 1", "domain": {"b": [0, 1]}}, "does not contain"),
    ({"statement": "c_2 > 0", "level": 2, "domain": {"c_2": [1, 2]}}, "belongs to the level"),
    ({"statement": "exp == 1", "domain": {"exp": [0, 1]}}, "name of a symbol"),
    ({"statement": "x__y == 1", "domain": {"x__y": [0, 1]}}, "name of a symbol"),
    ({"statement": "x^2 == 1", "domain": {"x": [0, 1]}}, "use ** for a power"),
    ({"statement": "0**0 == 1"}, "0**0"),
    ({"statement": "x == sqrt(1 - 2)", "domain": {"x": [0, 1]}}, "no real number"),
    ({"statement": "x == 1", "level": "9"}, "up to level 6"),
    ({"statement": "x == 1", "level": "two"}, "not a level"),
    ({"statement": "x == 1", "gate": "nogate"}, "unknown gate"),
    ({"statement": "x == 1", "kind": "inequality"}, "is an equation"),
    ({"statement": "x == 1", "mode": 1}, "unknown key 'mode'"),
    ({"statement": "x == 1/0"}, "division by zero"),
    ({"statement": "x == 1/(x-x)"}, "division by zero"),
    ({"statement": "x == (x-x)**(-2)"}, "division by zero"),
    ({"statement": "x == sqrt(-1)"}, "no real number"),
    ({"statement": "Min(log(0-7), x) == 1"}, "no real number"),
    ({"statement": "x == log(0)"}, "logarithm"),
    ({"statement": "exp(exp(x)) > 0"}, "inside exp"),
    ({"statement": "exp(Max(Min(W(pi-99999999,1,1,1),99999999),1)) <= -1"}, "between 1/1000 and 1000"),
    ({"statement": "Max(W(x, 1/99999999, 1, 1), 1) == 1", "domain": {"x": [0, 1]}}, "between 1/1000 and 1000"),
    ({"statement": "x == " + "+".join(["x"] * 450)}, "too large"),
    ({"statement": "Max(" + "+".join(["x*x"] * 250) + ", 1) == x"}, "too large"),
    ({"statement": "x == " + "atan(" * 45 + "x" + ")" * 45}, "nested too deeply"),
    ({"statement": "x == 1" + "0" * 3000}, "characters"),
    ({"statement": "x == " + "9" * 1900}, "not a number"),
    ({"statement": "x == " + "(" * 250 + "x" + ")" * 250}, "cannot read"),
    ({"statement": "x == " + "-" * 900 + "x"}, "nested too deeply"),
]


@pytest.mark.parametrize("claim, hint", MALFORMED)
def test_malformed_claims(run, file, claim, hint):
    code, out, err = run("verify", "--file", file(claims(claim)))
    assert code == 2 and not out and hint in err and len(err.strip().splitlines()) == 1 and "c0" in err


@pytest.mark.parametrize(
    "side",
    [
        "x.is_real", "x.__class__", "().__class__", "x[0]", "(lambda: 1)()", "lambda: 1", "__import__('os')", "__builtins__",
        "'x'", "b'x'", "f'{x}'", "True", "None", "...", "1j", "[x]", "{x}", "(x, x)", "x if x else x", "x and x", "not x", "~x",
        "x // 2", "x % 2", "x @ x", "x << 2", "x | x", "(y := x)", "[i for i in x]", "Phi(*x)", "Phi(x=1)", "eval(x)",
        "exp.mro()", "Phi(x)(x)", "await x", "9**9**9", "9**(9**9)", "((9**9)**9)**9", "x**x", "x**33", "x**(1/3)",
        "((((x**32)**32)**32)**32)", "((2*x)**32)**32", "(" * 30 + "9" + "**32)" * 30, "0x10", "1_000", "1e99999", "_x", "x__y",
        "exp(9**32)**32 + exp(exp(9**32))", "W(W(W(W(x,1,1,1),1,1,1),1,1,1),1,1,1)", "Max(x)", "Max(x,1,2,3,4,5,6,7,8)", "\u00b2", "x\n",
    ],
)  # fmt: skip
def test_the_whitelist(side):
    started = time.perf_counter()
    parser = Parser({"x": x}, relu())
    with pytest.raises(ValueError) as problem:
        parser.relation(f"{side} == 1" if side != "x\n" else "x ==\n 1")
    assert problem.value.bad_input and len(str(problem.value).splitlines()) == 1
    assert time.perf_counter() - started < 5


def test_numbers_are_exact():
    assert Parser({"x": x}, relu()).relation("0.1*x == 1e-2") == Eq(x / 10, Rational(1, 100), evaluate=False)


@pytest.mark.parametrize(
    "name, text, hint",
    [
        ("a.txt", "", "named .toml or .json"),
        ("a.toml", "[[claim", "not TOML"),
        ("a.json", "{", "not JSON"),
        ("a.json", "[" * 90_000, "not JSON"),
        ("a.json", "[]", "list of claims"),
        ("a.json", '{"claim": []}', "list of claims"),
        ("a.json", '{"claim": [1]}', "claim 1"),
        ("a.json", '{"claim": [{"id": "a b"}]}', "needs an id"),
        ("a.json", '{"claim": [{"id": "a", "statement": "1 == 1"}, {"id": "a", "statement": "1 == 1"}]}', "two claims"),
        ("a.json", " " * (MAX_BYTES + 1), "too large"),
    ],
)
def test_malformed_files(run, file, name, text, hint):
    code, out, err = run("verify", "--file", file(text, name))
    assert code == 2 and not out and hint in err and len(err.strip().splitlines()) == 1


def test_missing_file_and_ids_with_a_file(run, file):
    code, _, err = run("verify", "--file", "/nonexistent/a.toml")
    assert code == 2 and "cannot read" in err
    code, _, err = run("verify", "relations", "--file", file(claims(*GOOD)))
    assert code == 2 and "not both" in err
    with pytest.raises(ClaimError):
        read_claims("/nonexistent/a.toml")


GOOD_ATOMS = ["x", "y_2", "z", "0", "1", "2", "7/3", "0.5", "-1", "pi", "1e3", "1e-30", "99999999", "q_2"]
ATOMS = ["gamma_s", "c_2", "x.real", "x[0]", "'a'", "__import__('os')", "lambda:x", "True", "[x]", "None", "1j"]
GOOD_WRAPPERS = [
    "exp({})",
    "log({})",
    "sqrt({})",
    "Phi({})",
    "H({})",
    "phi({})",
    "erfc({})",
    "atan({})",
    "Abs({})",
    "({})",
    "-{}",
    "{}**2",
    "{}**-3",
    "({})**32",
    "1/({})",
    "M({},1)",
    "W({},1,1,1)",
    "W(x,{},1,1)",
    "Min({},x)",
    "Max({},1)",
]
WRAPPERS = ["eval({})", "{}.a", "{}[0]", "{}(", "({}", "{}**", "{}{}", "{},{}", "{}**{}**{}"]
GOOD_JOINS = ("{}+{}", "{}-{}", "{}*{}", "{}/({})", "Min({},{})", "Max({},{})")
JOINS = ("({})**({})", "{}//{}", "{} and {}", "{}<{}")
NOISE = "xyz0123456789.()[]{}+-*/<>=!,'\"\\ _:@#&|~^%;\n\t\x00\u00e9"


def generated(draw):
    """A random statement: about half of them well formed, the others with something forbidden or damaged."""
    if draw.random() < 0.1:
        return "".join(draw.choice(NOISE) for _ in range(draw.randrange(60)))

    def pick(good, bad):
        return draw.choice(good if draw.random() < 0.95 else bad)

    sides = []
    for _ in range(2):
        text = pick(GOOD_ATOMS, ATOMS)
        for _ in range(draw.randrange(7)):
            if draw.random() < 0.5:
                text = pick(GOOD_WRAPPERS, WRAPPERS).replace("{}", text)
            else:
                text = pick(GOOD_JOINS, JOINS).format(text, pick(GOOD_ATOMS, ATOMS))
        sides.append(text)
    text = f" {pick(['==', '<', '<=', '>', '>='], ['=', '!=', ''])} ".join(sides)
    if draw.random() < 0.1:
        at = draw.randrange(len(text))
        text = text[:at] + draw.choice(NOISE) + text[at + 1 :]
    return text


class TooLong(BaseException):
    """An input has used up its time."""


def too_long(*_):
    raise TooLong


def fuzz(count, seed, seconds=10):
    """Read generated claims; each ends in an entry or a one-line refusal.  Returns how many were read."""
    draw, good = random.Random(seed), 0
    before = signal.signal(signal.SIGALRM, too_long)
    try:
        for _ in range(count):
            claim = {"id": "c", "statement": generated(draw), "domain": {"x": [draw.randrange(-3, 1), 2]}}
            if draw.random() < 0.3:
                claim["level"] = draw.choice(["1", "2p", "2", "3"])
            if "x" not in claim["statement"] or draw.random() < 0.1:
                claim["domain"] = {}
            signal.setitimer(signal.ITIMER_REAL, seconds)
            try:
                claim_entries(json.dumps({"claim": [claim]}).encode(), "json")
                good += 1
            except ClaimError as problem:
                assert len(str(problem).splitlines()) == 1, claim
            except (Exception, TooLong) as problem:
                raise AssertionError(f"{claim}: {problem!r}") from problem
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return good


def test_fuzz():
    assert fuzz(2000, 1) > 300


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 7))
def test_long_fuzz(seed):
    """Five seeds of 20,000 inputs: 100,000 in all."""
    assert fuzz(20_000, seed) > 3_000
