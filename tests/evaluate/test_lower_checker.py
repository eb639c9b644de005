"""Lower-bound certificates: shipped ones check, mutated ones do not, and the checker stands alone."""

import ast
import contextlib
import json
import random
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from scipy.integrate import quad
from scipy.stats import norm

from flrdt.derive import InputError
from flrdt.evaluate.proofs import lower_checker as checker
from flrdt.evaluate.proofs import one_layer_checker as base
from flrdt.evaluate.proofs.check_files import check
from flrdt.evaluate.proofs.lower_certificates import certify_lower
from flrdt.evaluate.proofs.one_layer_checker import MalformedCertificate
from flrdt.evaluate.solve.point import CertifyError

SHIPPED = sorted((Path(__file__).parents[2] / "docs" / "certificates").glob("lower-*.json"))


@pytest.fixture(scope="module")
def text():
    return json.dumps(certify_lower("4.7166"), indent=2)


def sealed(data):
    """Statement and checksum made to fit, as a forger would."""
    data = dict(data)
    try:
        ends = tuple(tuple(None if e.endswith("oo") else Fraction(e) for e in pair) for pair in data["active"])
        numbers = {name: Fraction(data[name]) for name in ("radius", "budget", "alpha", "delta", "k")}
        claim = checker.Claim(active=ends, mirrored=data["mirrored"], precision=64, recorded=(), **numbers)
        data["statement"] = checker.statement(claim)
        data["sha256"] = base.digest(data)
    except (ValueError, ZeroDivisionError, TypeError, KeyError, AttributeError):
        pass
    return json.dumps(data).encode()


def truth(claim):
    """Whether the claimed inequalities hold, by quadrature of the definitions in double precision."""
    components = [(float("-inf") if a is None else float(a), float("inf") if b is None else float(b))
                  for a, b in claim.components]  # fmt: skip
    beta, d, k, alpha = components[0][0], *(float(v) for v in (claim.delta, claim.k, claim.alpha))
    ramp = quad(lambda u: (u - beta) ** 2 * norm.pdf(u), beta + d, beta + k)[0]
    square = d * d * norm.cdf(beta + d) + ramp + k * k * norm.sf(beta + k)
    slope = norm.cdf(beta + k) - norm.cdf(beta + d)
    active = sum(norm.sf(a + k) - norm.sf(b + k) for a, b in components)
    tiny = 1e-9
    return (
        max(alpha * square, alpha * slope, alpha * active / float(claim.budget)) < 1 + tiny and alpha * k * k > 1 - tiny
    )


def test_there_are_shipped_certificates():
    assert len(SHIPPED) >= 4


@pytest.mark.parametrize("path", [pytest.param(p, id=p.stem) for p in SHIPPED])
def test_shipped_certificates_check(path):
    verdict = check(path.read_bytes())
    assert verdict.proved and truth(checker.read(path.read_bytes()))
    data = json.loads(path.read_text())
    beyond = Fraction(data["alpha"]) * (1 + Fraction(1, 10**9))
    assert not check(sealed({**data, "alpha": str(beyond)})).proved


def mutated(rng, raw):
    """One random change of the bytes: a flip, a deletion, an insertion or another digit."""
    raw = bytearray(raw)
    place = rng.randrange(len(raw))
    kind = rng.randrange(4)
    if kind == 0:
        raw[place] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del raw[place]
    elif kind == 2:
        raw.insert(place, rng.randrange(256))
    else:
        digits = [i for i, b in enumerate(raw) if chr(b).isdigit()]
        place = rng.choice(digits)
        raw[place] = ord(rng.choice([d for d in "0123456789" if ord(d) != raw[place]]))
    return bytes(raw)


def forged(rng, data):
    """A changed field with statement and checksum made to fit."""
    data = json.loads(json.dumps(data))
    name = rng.choice(["alpha", "delta", "k", "budget", "radius", "active", "mirrored", "precision", "quantities"])
    if name in ("alpha", "delta", "k", "budget", "radius"):
        change = Fraction(rng.choice([-1, 1]) * rng.randrange(1, 100), 10 ** rng.randrange(2, 40))
        data[name] = str(Fraction(data[name]) + change)
    elif name == "active":
        data["active"][0][0] = rng.choice(["-1", "1/7", "-1/1000000", "-oo", "oo", "x"])
    elif name == "mirrored":
        data["mirrored"] = rng.choice([not data["mirrored"], 1, None])
    elif name == "precision":
        data["precision"] = rng.choice([0, 63, 64, True, 10**7, "64"])
    else:
        part, side = rng.choice(checker.QUANTITIES), rng.choice(["lower", "upper"])
        value = Fraction(data["quantities"][part][side]) + Fraction(rng.choice([-1, 1]), 10 ** rng.randrange(1, 45))
        data["quantities"][part][side] = base.shown(value) if value.denominator != 1 else f"{value}.0"
    return data


def refused_or_true(raw, original):
    """Whether a changed file is not accepted, or says the same as before, or is a true certificate of its own."""
    try:
        verdict = check(raw)
    except MalformedCertificate as error:
        assert "\n" not in str(error)
        return True
    if not verdict.proved:
        return True
    same = json.loads(raw) == json.loads(original)  # only white space has changed
    return same or truth(checker.read(raw))


@pytest.mark.parametrize("count", [50, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("path", [pytest.param(p, id=p.stem) for p in SHIPPED])
def test_mutations_are_refused(path, count):
    """Damaged files are never accepted; forged ones only if what they say is true."""
    rng = random.Random(14)
    original = path.read_bytes()
    data = json.loads(original)
    for _ in range(count):
        raw = mutated(rng, original)
        with contextlib.suppress(MalformedCertificate):
            assert not check(raw).proved or json.loads(raw) == data
        assert refused_or_true(sealed(forged(rng, data)), original)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "flrdt-certificate"},
        {"side": "upper"},
        {"alpha": "4.7166"},
        {"alpha": "47166/10000"},
        {"delta": "-1/5"},
        {"delta": "1"},
        {"k": "0"},
        {"mirrored": True},
        {"mirrored": 0},
        {"active": []},
        {"active": [["-oo", "oo"]]},
        {"active": [["0", "1"], ["1", "oo"]]},
        {"active": [["0", "oo"], ["1", "2"]]},
        {"active": [["0", "1/0"]]},
        {"active": [["0"]]},
        {"active": [["0", "oo"]] * 9},
        {"precision": 32},
        {"radius": "0"},
        {"quantities": {}},
        {"extra": 1},
    ],
)
def test_fields_that_cannot_be(text, change):
    with pytest.raises(MalformedCertificate):
        check(sealed({**json.loads(text), **change}))


def test_a_loss_that_is_too_flat_or_too_steep_is_refused(text):
    """More than the bound at any slopes: one of the three expectations is too large, or alpha k^2 too small."""
    data = json.loads(text)
    for alpha, delta, k in (("473/100", "1916/10000", "79945/100000"), ("473/100", "1/5", "4/5"), ("473/100", "9/50", "81/100"),
                            ("9/2", "1/100", "9/20")):  # fmt: skip
        changed = {name: str(Fraction(value)) for name, value in (("alpha", alpha), ("delta", delta), ("k", k))}
        verdict = check(sealed({**data, **changed}))
        assert not verdict.proved and re.search(r"does not follow|k\^2", verdict.reason)


def test_certify(text):
    assert check(text.encode()).proved
    with pytest.raises(CertifyError, match="not certified"):
        certify_lower("4.7167")
    with pytest.raises(CertifyError, match="not clearly above"):
        certify_lower("4.71668122879583415171094916429551933748894706725189335")
    with pytest.raises(InputError, match="80"):
        certify_lower(digits=100)
    assert Fraction(certify_lower(digits=3)["alpha"]) == Fraction("4.716")


def test_the_command(run, tmp_path):
    file = str(tmp_path / "lower.json")
    assert run("certify", "--side", "lower", "--gate", "relu6", "--digits", "5", "--output", file)[0] == 0
    code, out, _ = run("check", file)
    assert code == 0 and "at least" not in out and "fewer than 1 n active pre-activations in (0,6)" in out
    for words in (
        ["--side", "lower", "--level", "2"],
        ["--side", "lower", "--depth", "2"],
        [],
        ["--level", "1", "--gate", "relu6"],
    ):
        code, out, err = run("certify", *words)
        assert code == 2 and out == "" and err.count("\n") == 1


def test_the_checker_stands_with_the_other_one_alone(tmp_path, text):
    """Two files, standard library and python-flint, with the same verdicts on its own command line."""
    source = Path(checker.__file__)
    tree = ast.parse(source.read_text())
    imported = {
        n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module and not n.level
    }
    imported |= {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert imported - set(sys.stdlib_module_names) == {"flint", "one_layer_checker"}
    for module in (checker, base):
        (tmp_path / Path(module.__file__).name).write_text(Path(module.__file__).read_text())
    good, false, bad = tmp_path / "good", tmp_path / "false", tmp_path / "bad"
    good.write_text(text)
    false.write_bytes(sealed({**json.loads(text), "alpha": "5"}))
    bad.write_text("{}")
    for path, code in ((good, 0), (false, 1), (bad, 2)):
        done = subprocess.run([sys.executable, tmp_path / source.name, path], capture_output=True, text=True)
        assert done.returncode == code and "Traceback" not in done.stderr, done.stderr
