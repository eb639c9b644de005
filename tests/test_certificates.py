"""Certificates from end to end: what is certified, what is refused, and the shipped set."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from flrdt.derive import LevelError
from flrdt.evaluate import CertifyError, InputError, capacity, certify, check, check_file
from flrdt.evaluate.certification.documents import certificate_text
from flrdt.evaluate.certification.checker import read

from .certificate_helpers import VALUES, second_route

SHIPPED = sorted((Path(__file__).parents[1] / "docs" / "certificates").glob("*.json"))
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
