"""The checker of deep certificates: its terms from their definitions, its suprema, and what it refuses."""

import ast
import json
import random
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from flrdt.derive import Level
from flrdt.evaluate.proofs import deep_checker
from flrdt.evaluate.proofs import one_layer_checker as checker
from flrdt.evaluate.proofs.check_files import check, check_file
from flrdt.evaluate.proofs.deep_checker import Layer, at_the_centres, judge, local_maximum, read
from flrdt.evaluate.proofs.one_layer_checker import MalformedCertificate
from flrdt.evaluate.solve.deep_closed import solve_deep_closed
from flrdt.evaluate.systems.system import CapacityGoal

from ..strategies import fractions

FOLDER = Path(__file__).parents[2] / "docs" / "certificates"
SHIPPED = sorted(FOLDER.glob("deep-*.json"))
LEVELS = ["1", "2p"]


def path(depth, notion, level):
    return FOLDER / f"deep-{depth}-{notion}-{level}.json"


@lru_cache
def text(depth=2, notion="weak", level="2p"):
    return path(depth, notion, level).read_bytes()


def claimed(depth=2, notion="weak", level="2p", **changes):
    return replace(read(text(depth, notion, level)), **changes)


def as_ball(value):
    return arb(fmpq(value.numerator, value.denominator))


def real(value):
    return mpf(value.numerator) / value.denominator


@lru_cache
def value(widths, budget, level):
    """The level's value behind given widths, from the solver."""
    found = solve_deep_closed(list(widths), CapacityGoal(budget), Level.parse(level), 30)[1].ball
    return Fraction(int(found.mid().man_exp()[0])) * Fraction(2) ** int(found.mid().man_exp()[1])


# ---- the terms -----------------------------------------------------------------------------------


def unit_value(angle, chi, N, mu, ahead):
    """v on the unit circle, by its definition: the better of an idle unit and the best active one."""
    g, h = mp.cos(angle), mp.sin(angle)
    idle = -(max(g, 0) ** 2) / (2 * chi)
    s = max((ahead * h + g * N / chi) / (mu + N**2 / chi), 0)
    return max(idle, ahead * h * s - mu * s**2 / 2 - (g - N * s) ** 2 / (2 * chi)) if s else idle


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=8)
@given(
    chi=fractions(Fraction(1, 8), 2, 16),
    N=fractions(Fraction(1, 2), 3, 16),
    t=fractions(Fraction(-1, 16), 2, 16),
    ahead=fractions(1, 3, 16),
    y=fractions(Fraction(1, 8), 1, 16),
)
def test_the_term_of_a_hidden_layer_is_the_mean_over_the_circle(level, chi, N, t, ahead, y):
    """E exp(y v) = 1/(2 pi) int 1/(1 - 2 y v), and E v = 1/pi int v, with v from its definition."""
    lift = y if level == "2p" else Fraction(0)
    with ctx.workprec(100), mp.workdps(20):
        layer = Layer(arb(7), arb(0), as_ball(ahead), as_ball(y) if level == "2p" else None)
        if not N + (chi + lift) * t > 0:
            return
        found = layer.term(as_ball(chi), as_ball(N), as_ball(t))
        mu = real(lift * ahead**2 + 2 * N * t + (chi + lift) * t**2)
        S = real(N + (chi + lift) * t)
        root = mp.sqrt(real(chi) * mu + real(N) ** 2)
        rays = [mp.atan2(-real(N), real(ahead * chi)), mp.atan2(real(N) + root, -real(ahead * chi))]
        points = [-mp.pi / 2, rays[0], rays[1], 3 * mp.pi / 2]

        def v(angle):
            return unit_value(angle, real(chi), real(N), mu, real(ahead))

        assert S > 0 and all(abs(v(r + 1e-9) - v(r - 1e-9)) < 1e-6 for r in rays)
        if level == "2p":
            mean = mp.quad(lambda a: 1 / (1 - 2 * real(y) * v(a)), points) / (2 * mp.pi)
            wanted = mu / 2 + 7 * mp.log(mean) / real(y)
        else:
            wanted = mu / 2 + 7 * mp.quad(v, points) / mp.pi
        assert abs(mpf(found.str(20, radius=False)) - wanted) < mpf("1e-9") * (1 + abs(wanted))
        assert float(found.rad()) < 1e-22 * (1 + abs(float(found)))


def test_a_multiplier_with_an_infinite_mean_is_refused():
    layer = Layer(arb(7), arb(1), arb(2), arb(1))
    with pytest.raises(ValueError, match="infinite"):
        layer.term(arb(1), arb(1), arb(-1))


@pytest.mark.parametrize("level", LEVELS)
@given(chi=fractions(Fraction(1, 64), 4))
def test_the_count_term_is_a_supremum(level, chi):
    """alpha K(chi) - rho^2 chi/2 is largest at chi_out, by the innermost expectation of the other checker."""
    claim = claimed(level=level)
    with ctx.workprec(120):
        rho, term = deep_checker.count_term(claim, as_ball(claim.alpha))
        other = replace(claim, chi_out=chi)
        there, value_there = deep_checker.count_term(other, as_ball(claim.alpha))
        K = (value_there + there**2 * as_ball(chi) / 2) / as_ball(claim.alpha)
        y = as_ball(claim.y) if claim.y else arb(10) ** -12  # E(-M) is the limit of log E exp(-y M)/y
        direct = checker.innermost(arb(0), as_ball(chi), arb(1), y).log() / y
        assert float(abs(direct - K).upper()) < (1e-25 if claim.y else 1e-11)
        assert as_ball(claim.alpha) * K - rho**2 * as_ball(chi) / 2 <= term + arb(10) ** -30


@lru_cache
def first_layer(level):
    """The first hidden layer of a shipped certificate, and its local maximum."""
    claim = claimed(level=level)
    with ctx.workprec(100):
        layer = deep_checker._parts(claim)[1][0]
        return layer, local_maximum(layer, claim.layers[0])


@pytest.mark.parametrize("level", LEVELS)
@given(factors=st.tuples(fractions(Fraction(1, 32), 4), fractions(Fraction(1, 8), 4), fractions(Fraction(1, 4), 4)))
def test_no_pair_of_a_hidden_layer_is_better_than_the_bound(level, factors):
    """inf_t G on a grid of t stays below the local maximum, wherever (chi, N) is; so does G without cost."""
    claim = claimed(level=level)
    layer, (bound, _) = first_layer(level)
    with ctx.workprec(100):
        assert float(bound.rad()) < 1e-20
        chi, N = (float(c * f) for c, f in zip((claim.layers[0].chi, claim.layers[0].N), factors, strict=False))
        guess = layer.guess()
        t = deep_checker._multiplier(guess, chi, N, None, False)
        assert guess.value(chi, N, t) < float(bound) + 1e-9
        floor = 0 if claim.y is None else float(claim.y) * guess.ahead**2
        mu = floor + float(factors[2])
        assert guess.term(chi, N, t) <= guess.without_cost(mu) + 1e-9


def test_a_centre_beside_the_maximum_and_too_small_a_bound_are_noticed():
    layer, (bound, rectangle) = first_layer("1")
    centre = claimed(level="1").layers[0]
    with ctx.workprec(100):
        a, b, p, q = rectangle
        box = (a + 0.499 * (b - a), a + 0.501 * (b - a), p + 0.499 * (q - p), p + 0.501 * (q - p))
        assert deep_checker._bounded(layer, layer.guess(), box, None, bound - arb(10) ** -5)[0] is None
        assert deep_checker._bounded(layer, layer.guess(), box, None, bound + arb(10) ** -5)[0] is True
        # down to chi = 0 nothing may be deducted for the multiplier of chi
        chi, N = float(centre.chi), float(centre.N)
        term = layer.term(arb(chi), arb(N), as_ball(centre.t))
        strip = (0.0, chi, N, N * (1 + 1e-9))
        assert deep_checker._bounded(layer, layer.guess(), strip, None, term - layer.rho**2 * arb(chi) / 4)[0] is False
        assert deep_checker._bounded(layer, layer.guess(), strip, None, term + arb(10) ** -5)[0] is True
        beside = replace(centre, chi=centre.chi * Fraction(3, 2))
        found = local_maximum(layer, beside)
        assert found is None or not found[0] < bound
        valley = replace(centre, chi=centre.chi / 8, N=centre.N * Fraction(9, 8))
        assert local_maximum(layer, valley) is None  # the best N there is larger still


# ---- the shipped set -----------------------------------------------------------------------------


def test_every_depth_notion_and_level_is_shipped_as_a_chain():
    wanted = {path(d, n, lev) for d in (2, 3, 4) for n in ("weak", "strong") for lev in LEVELS}
    assert set(SHIPPED) == wanted
    for notion, budget in (("weak", 1), ("strong", 2)):
        for level in LEVELS:
            first = Fraction(json.loads((FOLDER / f"level-{level}.json").read_text())["alpha"])
            chain = [first]
            for depth in (2, 3, 4):
                claim = claimed(depth, notion, level)
                assert path(depth, notion, level).stat().st_size < 3500
                assert claim.budget == budget and claim.level == level
                # the first file of a chain may have another last digit
                assert abs(claim.widths[0] - first) < Fraction(1, 10**30) and claim.widths[1:] == tuple(chain[1:])
                chain.append(claim.alpha)


REFERENCES = {  # theory page, section 7
    (2, "weak", "1"): "7.540672913", (3, "weak", "1"): "7.437328243",
    (2, "strong", "1"): "11.460256878", (3, "strong", "1"): "11.361887980",
    (2, "weak", "2p"): "7.411258946", (2, "strong", "2p"): "11.029026168",
}  # fmt: skip


@pytest.mark.parametrize(("case", "reference"), REFERENCES.items(), ids=str)
def test_shipped_bounds_agree_with_the_references(case, reference):
    assert abs(claimed(*case).alpha - Fraction(reference)) < Fraction(2, 10**9)


def test_a_shipped_certificate_checks():
    verdict = check_file(path(2, "strong", "1"))
    assert verdict.proved and "at most 11.460256878" in verdict.statement


@pytest.mark.slow
@pytest.mark.parametrize("file", SHIPPED, ids=lambda p: p.stem)
def test_shipped_certificates_check_and_are_close(file):
    claim = read(file.read_bytes())
    assert check_file(file).proved
    at = value(claim.widths, claim.budget, claim.level)
    assert 0 < claim.alpha - at < Fraction(1, 10**30)
    with ctx.workprec(claim.precision):
        assert float(deep_checker.objective(claim).rad()) < 1e-38


# ---- false claims --------------------------------------------------------------------------------

GAPS = [Fraction(1, 10**6), Fraction(1, 10**9), Fraction(1, 10**20)]


def willing(claim, **changes):
    """The claim with whatever enclosure a forger would record."""
    return replace(claim, lower=Fraction(-100), upper=-claim.budget, **changes)


@pytest.mark.parametrize("gap", GAPS, ids=str)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("notion", ["weak", "strong"])
def test_just_below_the_value_is_not_proved(notion, level, gap):
    good = claimed(2, notion, level)
    verdict = judge(willing(good, alpha=good.alpha - gap, precision=400))
    assert not verdict.proved and "does not follow" in verdict.reason


def perturbed(good, gap, scale):
    """A claim below the value, with every number of the proof moved."""
    layers = tuple(
        replace(c, chi=c.chi * scale[0], N=c.N * scale[1], t=c.t * scale[2], t_chi=c.t_chi * scale[3])
        for c in good.layers
    )
    return willing(
        good,
        alpha=good.alpha - gap,
        layers=layers,
        y=None if good.y is None else good.y * scale[4],
        chi_0=good.chi_0 * scale[5],
        chi_out=good.chi_out * scale[6],
        rho=tuple(r * scale[7] for r in good.rho),
    )


near = st.lists(
    st.one_of(
        st.just(Fraction(1)), fractions(Fraction(15, 16), Fraction(17, 16), 256), fractions(Fraction(1, 2), 2, 8)
    ),
    min_size=8,
    max_size=8,
)


@settings(max_examples=25)
@given(level=st.sampled_from(LEVELS), notion=st.sampled_from(["weak", "strong"]), gap=st.sampled_from(GAPS), scale=near)
def test_no_parameters_prove_less_than_the_value(level, notion, gap, scale):
    assert not judge(perturbed(claimed(2, notion, level), gap, scale)).proved


@pytest.mark.slow
@settings(max_examples=600)
@given(case=st.sampled_from([p.stem for p in SHIPPED]), gap=st.sampled_from(GAPS), scale=near)
def test_no_parameters_prove_less_than_any_value(case, gap, scale):
    good = read((FOLDER / f"{case}.json").read_bytes())
    assert not judge(perturbed(good, gap, scale)).proved


def sealed(data):
    """A document with statement and checksum made to fit, as a forger would."""
    data = json.loads(json.dumps(data))
    data["sha256"] = checker.digest(data)
    try:
        read(json.dumps(data).encode())
    except MalformedCertificate as error:
        if "statement" not in str(error):
            return json.dumps(data).encode()
        words = Fraction  # the words follow from the exact fields
        claim = replace(
            claimed(),
            level=data["level"],
            budget=words(data["budget"]),
            widths=tuple(map(words, data["widths"])),
            alpha=words(data["alpha"]),
        )
        data["statement"] = deep_checker.statement(claim)
        data["sha256"] = checker.digest(data)
    return json.dumps(data).encode()


def forged(rng, raw):
    """One or two edited fields."""
    data = json.loads(raw)
    places = [(data, k) for k in ("alpha", "budget", "level", "precision", "depth")]
    places += [(data["parameters"], k) for k in data["parameters"] if k != "rho"]
    places += [(data["parameters"]["rho"], i) for i in range(len(data["widths"]))]
    places += [(data["widths"], i) for i in range(len(data["widths"]))]
    places += [(layer, k) for layer in data["layers"] for k in layer]
    places += [(data["objective"], k) for k in ("lower", "upper")]
    for place, key in rng.sample(places, rng.choice([1, 1, 2])):
        old = place[key]
        if key == "level":
            place[key] = rng.choice(["1", "2p", "2"])
        elif isinstance(old, int):
            place[key] = max(1, old + rng.choice([-40, -1, 1, 60]))
        else:
            change = 1 + Fraction(rng.choice([-1, 1]) * rng.randrange(1, 100), 10 ** rng.randrange(2, 30))
            new = Fraction(old) * change
            place[key] = checker.shown(round(new, 35)) if place is data["objective"] else str(new)
    return data


def no_false_forgery(monkeypatch, seed, count, levels):
    """Forgeries that survive with the values at the centres for suprema are true, or else the suprema refuse them."""
    rng, judged, plausible = random.Random(seed), 0, 0
    files = [path(2, n, lev).read_bytes() for n in ("weak", "strong") for lev in levels]
    for _ in range(count):
        raw = sealed(forged(rng, rng.choice(files)))
        try:
            with monkeypatch.context() as patch:
                patch.setattr(deep_checker, "objective", at_the_centres)  # too optimistic, but quick
                verdict = check(raw)
        except MalformedCertificate:
            continue
        judged += 1
        if verdict.proved:
            plausible += 1
            claim = read(raw)
            if claim.alpha < value(claim.widths, claim.budget, claim.level):
                assert not check(raw).proved
    assert judged > count / 4 and plausible < judged / 2


def test_forged_certificates_are_accepted_only_if_true(monkeypatch):
    no_false_forgery(monkeypatch, 1, 100, ["1"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 7))
def test_two_thousand_forged_certificates_are_accepted_only_if_true(monkeypatch, seed):
    no_false_forgery(monkeypatch, seed, 2000, LEVELS)


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_damaged_files_are_never_accepted(count):
    rng = random.Random(count)
    for _ in range(count):
        raw = bytearray(text(2, level=rng.choice(LEVELS)))
        for _ in range(rng.choice([1, 1, 2, 5])):
            at = rng.randrange(len(raw))
            kind = rng.randrange(3)
            if kind == 0:
                raw[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                del raw[at]
            else:
                raw.insert(at, rng.randrange(256))
        try:
            read(bytes(raw))
        except MalformedCertificate:
            continue
        # white space may have changed: then it is the same certificate
        assert json.loads(raw) in [json.loads(text(2, level=level)) for level in LEVELS]


# ---- malformed files -----------------------------------------------------------------------------

EDITS = {
    "version": {"version": 2},
    "version true": {"version": True},
    "format": {"format": "x"},
    "depth one": {"depth": 1},
    "depth that does not fit": {"depth": 3},
    "depth huge": {"depth": 10**9},
    "gate": {"gate": "tanh"},
    "level": {"level": "2"},
    "level a number": {"level": 1},
    "widths text": {"widths": "7"},
    "widths floats": {"widths": ["7.4"]},
    "widths nested": {"widths": [["7"]]},
    "alpha zero": {"alpha": "0"},
    "alpha over zero": {"alpha": "1/0"},
    "alpha long": {"alpha": "7" * 300},
    "no layers": {"layers": []},
    "layers of text": {"layers": ["x"]},
    "layers of nothing": {"layers": [{}]},
    "parameters": {"parameters": {}},
    "precision": {"precision": 10**6},
    "precision text": {"precision": "128"},
    "unknown field": {"comment": "hello"},
    "statement": {"statement": "The capacity is 1."},
    "tool": {"tool": "else"},
    "objective": {"objective": {"lower": "-1", "upper": "nan"}},
}


@pytest.mark.parametrize("changes", [pytest.param(c, id=n) for n, c in EDITS.items()])
def test_fields_that_cannot_be(changes):
    data = json.loads(text()) | changes
    data["sha256"] = checker.digest(data)
    with pytest.raises(MalformedCertificate) as caught:
        check(json.dumps(data).encode())
    assert "\n" not in str(caught.value) and str(caught.value).startswith("not a valid certificate")


def test_a_slope_of_any_sign_but_of_moderate_size():
    for changed, message in (("1/0", "zero"), ("2/4", "lowest"), ("-1" + "0" * 10, "1e9"), ("1e3", "string")):
        data = json.loads(text())
        data["layers"][0]["t_chi"] = changed
        data["sha256"] = checker.digest(data)
        with pytest.raises(MalformedCertificate, match=message):
            check(json.dumps(data).encode())


def test_an_infinite_mean_at_the_centre_is_not_proved():
    good = claimed()
    verdict = judge(willing(good, layers=(replace(good.layers[0], t=Fraction(-100)),)))
    assert not verdict.proved and "infinite" in verdict.reason


def test_series_and_precision_are_restored():
    before = ctx.cap, ctx.prec
    at_the_centres(claimed())
    assert (ctx.cap, ctx.prec) == before


def test_the_checker_stands_with_the_other_one_alone(tmp_path):
    """Two files, standard library and python-flint."""
    source = Path(deep_checker.__file__)
    tree = ast.parse(source.read_text())
    imported = {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    imported |= {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert imported - set(sys.stdlib_module_names) == {"flint", "one_layer_checker"}
    for name in ("one_layer_checker.py", "deep_checker.py"):
        (tmp_path / name).write_bytes(source.with_name(name).read_bytes())
    good = claimed(level="1")
    data = json.loads(text(level="1")) | {"alpha": str(good.alpha - Fraction(1, 10**9))}
    data["statement"] = deep_checker.statement(replace(good, alpha=Fraction(data["alpha"])))
    data["sha256"] = checker.digest(data)
    false, bad = tmp_path / "false", tmp_path / "bad"
    false.write_text(json.dumps(data))
    bad.write_text("{}")
    for file, code in ((false, 1), (bad, 2)):
        command = [sys.executable, tmp_path / "deep_checker.py", file]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
