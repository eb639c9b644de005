"""Certificates from end to end: what is certified, what is refused, and the shipped set."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from mpmath import mpf, workdps

from flrdt.derive import LevelError
from flrdt.evaluate import CertifyError, InputError, capacity, certify, check, check_file
from flrdt.evaluate.proofs.one_layer_checker import read
from flrdt.evaluate.proofs.outward_rounding import certificate_text
from flrdt.evaluate.solve.layer_recursion import plain_recursion

from ..certificate_helpers import VALUES, second_route

SHIPPED = sorted((Path(__file__).parents[2] / "docs" / "certificates").glob("level-*.json"))
CLOSE = {"1": "1e-30", "2p": "1e-30", "2": "1e-6", "3": "1e-6", "4": "1e-6"}
EXACT = {  # certified enclosures of the level values to 32 digits: see test_shipped_bounds_are_close
    "1": "7.64769493543527981692878702472260",
    "2p": "7.44863872629397678510151810553927",
    "4": "6.698687838139682575809415052445",
}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_certificates_check(path):
    assert path.stat().st_size < 2500
    assert check_file(path).proved


def test_every_level_is_shipped():
    assert {read(p.read_bytes()).level for p in SHIPPED} == set(CLOSE)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_bounds_are_close(path):
    claim = read(path.read_bytes())
    value = Fraction(EXACT.get(claim.level, VALUES.get(claim.level)))
    assert value <= claim.alpha + Fraction(1, 10**9) and claim.alpha - value < Fraction(CLOSE[claim.level])
    assert second_route(claim, 45) <= -1


@pytest.mark.parametrize(("level", "alpha"), [("2", "6.7157"), ("2", "6.715696838"), ("1", "7.647694935435279817")])
def test_bounds_above_the_value_are_certified(level, alpha):
    certificate = certify(level, alpha)
    assert check(certificate_text(certificate).encode()).proved
    assert certificate["alpha"] == str(Fraction(alpha))
    assert len(certificate_text(certificate)) < 2500


@pytest.mark.parametrize("level", list(VALUES)[:3])
@pytest.mark.parametrize("gap", ["1e-6", "1e-9"])
def test_bounds_below_the_value_are_refused(level, gap):
    with pytest.raises(CertifyError, match="not certified: the level-"):
        certify(level, Fraction(VALUES[level]) - Fraction(gap))


def test_alpha_too_close_to_decide():
    with pytest.raises(CertifyError, match="undecided"):
        certify("1", capacity("1", 70).decimal)


def test_bad_input():
    with pytest.raises(LevelError):
        certify("0", 7)
    with pytest.raises(InputError, match="alpha"):
        certify(2, "-1")
    with pytest.raises(InputError, match="float"):
        certify(2, 6.7157)


def test_other_budgets_say_what_they_count():
    certificate = certify("2p", "14", budget="3/2")
    assert "1.5 n active rows" in certificate["statement"]
    assert check(certificate_text(certificate).encode()).proved


def test_without_alpha_the_value_is_rounded_up():
    certificate = certify("2p", digits=12)
    assert 0 < Fraction(certificate["alpha"]) - Fraction(EXACT["2p"]) < Fraction(2, 10**12)
    with pytest.raises(InputError, match="digits"):
        certify("2p", digits="many")


# ---- deep networks -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"level": "2", "depth": 2}, InputError, "level 2 of a deep network is not certified"),
        ({"level": "1", "depth": 9}, InputError, "depth 9 is not certified"),
        ({"level": "1", "depth": 2, "notion": "other"}, InputError, "unknown notion"),
        ({"level": "1", "widths": ["7.5"], "alpha": "8"}, CertifyError, "layer 1 needs about 7.6476949"),
        ({"level": "1", "widths": ["7.7"], "alpha": "7.5"}, CertifyError, "about 7.54"),
        ({"level": "1", "widths": ["7.7"], "alpha": "0"}, InputError, "alpha"),
    ],
    ids=str,
)
def test_deep_requests_that_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        certify(**arguments)


@pytest.mark.parametrize("gap", ["1e-6", "1e-9", "1e-20"])
def test_deep_bounds_below_the_value_are_refused(gap):
    # theory page, section 7, weak notion; the digits behind them are those of the recursion of section 4b
    with workdps(45):
        first = Fraction(str(plain_recursion([], 1).alpha)) + Fraction(1, 10**30)
        value = Fraction(str(plain_recursion([mpf(first.numerator) / first.denominator], 1).alpha))
    with pytest.raises(CertifyError, match="not certified: the level-1 value of layer 2 is about 7\\.5406729"):
        certify(1, value - Fraction(gap), widths=[first])


@pytest.mark.slow
@pytest.mark.parametrize(("level", "notion"), [("1", "strong"), ("2p", "weak")])
def test_deep_certificates_from_end_to_end(run, tmp_path, level, notion):
    path = tmp_path / "deep.json"
    arguments = ("--level", level, "--depth", "3", "--notion", notion, "--digits", "12")
    assert run("certify", *arguments, "--output", str(path))[0] == 0
    code, out, _ = run("check", str(path))
    assert code == 0 and f"({notion} notion)" in out and "theorem" in out


@pytest.mark.slow
def test_where_partial_lifting_does_not_help_level_one_is_named():
    with pytest.raises(CertifyError, match="does not improve on level 1 at layer 5"):
        certify("2p", depth=5)


def test_deep_capacities_are_certified_or_refused(run):
    code, out, _ = run("capacity", "--depth", "2", "--level", "1", "--digits", "40", "--certified", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["error_kind"] == "enclosure" and float(shown["alpha_error"]) < 1e-40
    code, out, err = run("capacity", "--depth", "2", "--level", "2", "--certified")
    assert code == 2 and out == "" and "level 2 of a deep network is not certified" in err
    code, out, _ = run(
        "capacity", "--depth", "2", "--level", "1", "--first-level", "2", "--digits", "12", "--certified", "--json"
    )
    assert code == 0 and json.loads(out)["error_kind"] == "enclosure"


def test_commands(run, tmp_path):
    path = tmp_path / "c.json"
    assert run("certify", "--level", "2", "--alpha", "6.7157", "--output", str(path))[0] == 0
    code, out, _ = run("check", str(path))
    assert code == 0 and "at most 6.7157" in out
    code, out, err = run("certify", "--level", "2", "--alpha", "6.7156")
    assert code == 1 and out == "" and "about 6.7156968377, above 6.7156" in err
    path.write_text(json.dumps({**json.loads(path.read_text()), "depth": 2}))
    code, out, err = run("check", str(path))
    assert code == 2 and err.count("\n") == 1 and "depth" in err
    assert run("certify", "--level", "2", "--alpha", "six")[0] == 2
