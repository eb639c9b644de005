"""The checker: right on true claims, never persuaded of a false one."""

import ast
import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from flint import acb, arb, ctx, fmpq
from hypothesis import assume, given
from hypothesis import strategies as st

from flrdt.evaluate.proofs import one_layer_checker as checker
from flrdt.evaluate.proofs.one_layer_checker import MalformedCertificate, check, check_file, read

from ..certificate_helpers import BOUNDS, VALUES, certificate, document, sealed, second_route
from ..strategies import fractions, lifting_parameters, overlaps, susceptibilities

LEVELS = list(BOUNDS)


def as_ball(value):
    return arb(fmpq(value.numerator, value.denominator))


def claimed(level, **changes):
    return replace(read(certificate(level).encode()), **changes)


@pytest.mark.parametrize("level", LEVELS)
def test_true_certificates_pass_and_are_narrow(level):
    claim = read(certificate(level).encode())
    assert check(certificate(level).encode()).proved
    ball = checker.objective(claim)
    assert float(ball.rad()) < 1e-7
    assert claim.upper - claim.lower < Fraction(1, 10**6)
    with ctx.workprec(200):
        assert ball.contains(as_ball(second_route(claim)))


@pytest.mark.parametrize("level", LEVELS)
def test_width_follows_the_digits(level):
    """More points and bits give a narrower ball around the same value."""
    claim = claimed(level, precision=256)
    if claim.step is not None:
        claim = replace(claim, step=claim.step / 4, points=claim.points * 8)
    ball = checker.objective(claim)
    assert float(ball.rad()) < 1e-24
    with ctx.workprec(256):
        difference = ball - as_ball(second_route(claim, 40))
        assert float(abs(difference).upper()) < 1e-24


@given(
    chi=susceptibilities,
    p=overlaps(2),
    y=lifting_parameters(2),
    step=fractions(Fraction(1, 40), Fraction(1, 4), 40),
    points=st.integers(2, 60),
    strip=fractions(Fraction(1, 8), Fraction(3, 2), 8),
    levels=st.integers(1, 2),
)
def test_any_quadrature_encloses_the_value(chi, p, y, step, points, strip, levels):
    """Too coarse, too short or too ambitious a grid makes the ball wide, never wrong."""
    claim = checker.Claim(
        level=str(levels + 1),
        budget=Fraction(1),
        alpha=Fraction(7),
        chi=chi,
        p=tuple(p[:levels]),
        y=tuple(y[:levels]),
        precision=96,
        step=step,
        points=points,
        strip=strip,
        lower=Fraction(-9),
        upper=Fraction(-1),
    )
    ball = checker.objective(claim)
    if ball.is_finite():
        with ctx.workprec(160):
            assert ball.overlaps(as_ball(second_route(claim)) + arb(0, 1e-20))


@pytest.mark.parametrize("halvings", range(4))
def test_discretisation_bound_against_a_known_error(halvings):
    """W_2 convolved with a Gaussian of variance v is W_2 of variance D + v: the error of the sum is known."""
    with ctx.workprec(200):
        chi, D, y, v, eta = arb(1) / 10, arb(1) / 4, arb(3), arb(1) / 2, arb(3) / 4
        h, n = arb(2) / 5 / 2**halvings, 60 * 2**halvings
        exact = checker.innermost(arb(0), chi, D + v, y)
        weights = [h * checker.density(h * j, v) for j in range(n + 1)]
        values = [checker.innermost(h * j, chi, D, y) for j in range(-n, n + 1)]
        error = abs(sum((weights[abs(j)] * values[j + n] for j in range(-n, n + 1)), arb(0)) - exact)
        a = eta * D.sqrt()
        bound = 2 * (eta**2 / 2).exp() * (a * a / (2 * v)).exp() / ((2 * arb.pi() * a / h).exp() - 1)
        assert error < bound < arb(10) ** (-2 * 2**halvings)


def complex_innermost(z, chi, y):
    """The closed form of W_2 at D = 1, continued to complex arguments."""
    k, s2 = (2 * chi).sqrt(), 1 / (1 + y / chi)
    s, t = s2.sqrt(), s2 * z

    def cdf(w):
        return (-w / arb(2).sqrt()).erfc() / 2

    square = s * (t * t / (2 * s2) - z * z / 2).exp()
    return cdf(-z) + (-y).exp() * cdf(z - k) + square * (cdf((k - t) / s) - cdf(-t / s))


@given(
    chi=susceptibilities,
    y=lifting_parameters(2),
    v=fractions(Fraction(1, 8), 2),
    strip=fractions(Fraction(1, 8), Fraction(5, 8), 8),
    x=st.lists(fractions(-4, 4, 8), min_size=3, max_size=3),
)
def test_strip_bounds_hold_inside_the_strip(chi, y, v, strip, x):
    """W_2 from its closed form and W_3 by a fine sum, at complex points (D_2 = 1)."""
    with ctx.workprec(100):
        bounds = checker.strip_bounds([as_ball(a) for a in y], as_ball(strip))
        assume(bounds is not None)
        nodes = [Fraction(j, 4) for j in range(-36, 37)]
        ratio, width = as_ball(y[1] / y[0]), as_ball(v)
        weights = [(-(as_ball(n) ** 2) / (2 * width)).exp() for n in nodes]
        mass = sum(weights, arb(0))
        for point in x:
            z = acb(as_ball(point), as_ball(strip))
            second = [complex_innermost(z + as_ball(n), as_ball(chi), as_ball(y[0])) for n in nodes]
            powers = [w * (s.log() * ratio).exp() for w, s in zip(weights, second, strict=True)]
            third = sum(powers, acb(0)) / mass
            for value, (bottom, top, angle) in zip((second[36], third), bounds, strict=True):
                assert float(abs(value).lower()) <= float(top.upper()) * (1 + 1e-6)
                assert float(abs(value).upper()) >= float(bottom.lower()) * (1 - 1e-6)
                assert float(abs(value.log().imag).lower()) <= float(angle.upper()) + 1e-6


@pytest.mark.parametrize("strip", [Fraction(3, 2), 2, 3])
def test_a_strip_with_zeros_is_refused(strip):
    assert not checker.judge(claimed("2", strip=Fraction(strip))).proved


# ---- false claims --------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("gap", ["1e-9", "1e-6"])
def test_just_below_the_value_is_not_proved(level, gap):
    """At the best parameters there are, and with much more precision than needed."""
    alpha = Fraction(VALUES[level]) - Fraction(gap)
    claim = claimed(level, alpha=alpha, precision=256, upper=Fraction(-1), lower=Fraction(-2))
    if claim.step is not None:
        claim = replace(claim, step=claim.step / 2, points=4 * claim.points)
    verdict = checker.judge(claim)
    assert not verdict.proved and "does not follow" in verdict.reason


@given(
    level=st.sampled_from(LEVELS),
    below=st.sampled_from([Fraction(1, 10**9), Fraction(1, 10**6), Fraction(1, 100)]),
    scale=st.lists(fractions(Fraction(15, 16), Fraction(17, 16), 256), min_size=5, max_size=5),
    strip=fractions(Fraction(1, 4), 1, 8),
)
def test_no_parameters_prove_less_than_the_value(level, below, scale, strip):
    good = claimed(level)
    y = tuple(v * s for v, s in zip(good.y, scale[:2], strict=False))
    p = (
        good.p
        if level == "2p"
        else tuple(min(v * s, Fraction(99, 100)) for v, s in zip(good.p, scale[2:4], strict=False))
    )
    claim = replace(
        good,
        alpha=Fraction(VALUES[level]) - below,
        chi=good.chi * scale[4],
        p=p,
        y=y,
        upper=Fraction(-1),
        lower=Fraction(-100),
        strip=strip if good.strip else None,
    )
    if all(a > b for a, b in zip((1, *p), p, strict=False)) or level == "2p":
        assert not checker.judge(claim).proved


def truth(claim):
    """Whether the claimed inequality holds, by the second route."""
    return second_route(claim) <= -claim.budget + Fraction(1, 10**12)


def mutated(rng, text):
    """Bit flips, deletions and insertions in the file."""
    raw = bytearray(text.encode())
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        place = rng.randrange(len(raw))
        kind = rng.randrange(3)
        if kind == 0:
            raw[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del raw[place]
        else:
            raw.insert(place, rng.randrange(256))
    return bytes(raw)


def test_ten_thousand_damaged_files_are_never_accepted():
    rng = random.Random(6)
    for _ in range(10_000):
        text = certificate(rng.choice(LEVELS))
        raw = mutated(rng, text)
        try:
            verdict = check(raw)
        except MalformedCertificate:
            continue
        # white space may have changed: then it is the same certificate
        assert verdict.proved and json.loads(raw) == json.loads(text)


def forged(rng, level):
    """An edited field, with statement and checksum made to fit."""
    data = document(level)
    fields = [
        ("alpha",),
        ("budget",),
        ("precision",),
        ("level",),
        *(("parameters", k) for k in data["parameters"]),
    ]
    fields += [("quadrature", k) for k in data["quadrature"] or ()] + [("objective", k) for k in ("lower", "upper")]
    for _ in range(rng.choice([1, 1, 2])):
        *path, key = rng.choice(fields)
        place = data[path[0]] if path else data
        old = place[key]
        if key == "level":
            place[key] = rng.choice(["1", "2p", "2", "3", "4"])
        elif isinstance(old, int):
            place[key] = max(2, old + rng.choice([-40, -5, -1, 1, 7, 60]))
        else:
            factor = 1 + Fraction(rng.choice([-1, 1]) * rng.randrange(1, 100), 10 ** rng.randrange(2, 9))
            value = Fraction(old) * factor
            place[key] = checker.shown(round(value, 15)) if path[:1] == ["objective"] else str(value)
    return data


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(k, marks=pytest.mark.slow) for k in range(3, 6))])
def test_forged_certificates_are_accepted_only_if_true(seed):
    rng = random.Random(seed)
    judged = accepted = 0
    for _ in range(150):
        try:
            raw = sealed(forged(rng, rng.choice(LEVELS)))
            verdict = check(raw)
        except MalformedCertificate:
            continue
        judged += 1
        if verdict.proved:
            accepted += 1
            assert truth(read(raw))
    assert judged > 20
    assert accepted < judged


# ---- malformed files -----------------------------------------------------------------------------


def edited(**changes):
    data = document("2")
    for path, value in changes.items():
        *parents, key = path.split("__")
        place = data
        for parent in parents:
            place = place[parent]
        if value is None:
            del place[key]
        else:
            place[key] = value
    return sealed(data)


BAD = {
    "empty": b"",
    "binary": bytes(range(256)),
    "array": b"[]",
    "null": b"null",
    "deep": b"[" * 20000,
    "long": b" " * 40000,
    "huge integer": b'{"version": 1' + b"0" * 6000 + b"}",
    "not a number": b'{"version": NaN}',
    "float": b'{"version": 1.0}',
    "twice": b'{"version": 1, "version": 1}',
}
EDITS = {
    "version": {"version": 2},
    "version as text": {"version": "1"},
    "version true": {"version": True},
    "other format": {"format": "x"},
    "depth": {"depth": 2},
    "gate": {"gate": "tanh"},
    "missing": {"precision": None},
    "unknown field": {"comment": "hello"},
    "unknown level": {"level": "99"},
    "level as number": {"level": 2},
    "alpha float": {"alpha": 6.7157},
    "alpha decimal": {"alpha": "6.7157"},
    "alpha not reduced": {"alpha": "134314/20000"},
    "alpha zero": {"alpha": "0"},
    "alpha over zero": {"alpha": "1/0"},
    "alpha negative": {"alpha": "-7"},
    "alpha long": {"alpha": "7" * 300},
    "overlap above one": {"parameters__p_2": "3/2"},
    "missing parameter": {"parameters__p_2": None},
    "extra parameter": {"parameters__p_3": "1/2"},
    "parameters a list": {"parameters": ["1"]},
    "precision true": {"precision": True},
    "precision huge": {"precision": 10**6},
    "points huge": {"quadrature__points": 10**9},
    "work huge": {"quadrature__points": 8192, "precision": 2048, "level": "2", "quadrature__step": "1/9"},
    "no quadrature": {"quadrature": "none"},
    "step zero": {"quadrature__step": "0"},
    "objective a float": {"objective__upper": -1.0},
    "objective not a number": {"objective__upper": "nan"},
    "tool": {"tool": "something else"},
}


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in BAD.items()])
def test_files_that_are_no_certificates(raw):
    with pytest.raises(MalformedCertificate) as caught:
        check(raw)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [pytest.param(c, id=name) for name, c in EDITS.items() if name != "work huge"])
def test_fields_that_cannot_be(changes):
    with pytest.raises(MalformedCertificate):
        check(edited(**changes))


def test_work_is_bounded_before_it_starts():
    data = json.loads(sealed(document("3")))
    data["quadrature"]["points"], data["precision"] = 8192, 2048
    with pytest.raises(MalformedCertificate, match="too large"):
        check(sealed(data))


def test_statement_and_checksum_must_fit():
    data = document("2")
    with pytest.raises(MalformedCertificate, match="checksum"):
        check(json.dumps({**data, "sha256": "0" * 64}).encode())
    wrong = {**data, "statement": data["statement"].replace("6.7157", "6.7")}
    wrong["sha256"] = checker.digest(wrong)
    with pytest.raises(MalformedCertificate, match="statement"):
        check(json.dumps(wrong).encode())


def test_increasing_lifting_parameters_are_refused():
    data = document("3")
    data["parameters"]["y_2"], data["parameters"]["y_3"] = (
        data["parameters"]["y_3"],
        data["parameters"]["y_2"],
    )
    with pytest.raises(MalformedCertificate, match="fall strictly"):
        check(sealed(data))


def test_recorded_enclosure_must_be_confirmed():
    data = document("2")
    data["objective"]["lower"] = data["objective"]["upper"]
    verdict = check(sealed(data))
    assert not verdict.proved and "recorded enclosure" in verdict.reason


def test_unreadable_files(tmp_path):
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(MalformedCertificate, match="cannot read"):
            check_file(path)
    endless = Path("/dev/zero")
    if endless.exists():
        with pytest.raises(MalformedCertificate, match="longer than"):
            check_file(endless)


def test_the_checker_stands_alone(tmp_path):
    """One file, standard library and python-flint, with the same verdicts on its own command line."""
    source = Path(checker.__file__)
    tree = ast.parse(source.read_text())
    imported = {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    imported |= {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert imported - set(sys.stdlib_module_names) == {"flint"}
    good, false, bad = tmp_path / "good", tmp_path / "false", tmp_path / "bad"
    good.write_text(certificate("2"))
    false.write_bytes(edited(alpha="67/10"))
    bad.write_text("{}")
    for path, code in ((good, 0), (false, 1), (bad, 2)):
        done = subprocess.run([sys.executable, source, path], capture_output=True, text=True, env={**os.environ})
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
