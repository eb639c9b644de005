"""Certificates as Coq files: what they state; with the proof assistant, that it accepts them and refuses changed ones."""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from flrdt.evaluate.proofs.coq import coq_file
from flrdt.evaluate.proofs.lower_certificates import certify_lower
from flrdt.evaluate.proofs.one_layer_certificates import certify
from flrdt.evaluate.proofs.one_layer_checker import MalformedCertificate

SHIPPED = Path(__file__).parents[2] / "docs" / "certificates"
PACKAGES = ("coq", "libcoq-coquelicot", "libcoq-interval")
AXIOMS = {  # of the real numbers of the standard library
    "ClassicalDedekindReals.sig_not_dec",
    "ClassicalDedekindReals.sig_forall_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}


@functools.lru_cache(maxsize=8)
def source(kind):
    if kind == "lower":
        return coq_file(certify_lower("4.7166"))
    if kind in ("1", "2p"):
        return coq_file(certify(kind, {"1": "7.6477", "2p": "7.4487"}[kind]))
    return coq_file((SHIPPED / f"{kind}.json").read_bytes())


@pytest.fixture(scope="session")
def coqc():
    """The compiler with its libraries; installed from Debian's packages where it is missing."""
    if shutil.which("coqc") is None:
        with_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        for words in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
            done = subprocess.run([*with_root, "apt-get", "-qq", *words], capture_output=True, text=True)
            assert done.returncode == 0, f"Coq is needed: install {' '.join(PACKAGES)} ({done.stderr[-300:]})"
    return shutil.which("coqc")


def compiled(coqc, text, folder):
    """Exit code and output of coqc; a file that it does not finish in ten minutes counts as refused."""
    file = folder / "certificate.v"
    file.write_text(text)
    try:
        done = subprocess.run([coqc, "-w", "none", file], capture_output=True, text=True, timeout=600, cwd=folder)
    except subprocess.TimeoutExpired:
        return 124, "timeout"
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["1", "2p", "lower", "level-2", "level-4", "deep-2-weak-1", "deep-4-strong-2p", "lower-hardtanh"]
)
def test_coq_accepts(coqc, kind, tmp_path):
    code, said = compiled(coqc, source(kind), tmp_path)
    assert code == 0, said
    assert set(re.findall(r"^([\w.]+)\s*:", said.partition("Axioms:")[2], re.M)) == AXIOMS


def changed(text, kind):
    """False statements: a better bound with the same parameters, other parameters, an integral moved, a step left out."""
    better = {
        "1": ("76477 / 10000", "76476 / 10000"),
        "2p": ("74487 / 10000", "74486 / 10000"),
        "lower": ("23583 / 5000", "23584 / 5000"),
    }
    yield text.replace(*better[kind])
    name = {"1": "chi", "2p": "y", "lower": "k"}[kind]
    yield re.sub(rf"Definition {name} : R := .*", f"Definition {name} : R := (7 / 5).", text)
    yield re.sub(r"(Lemma I_\w+_bounds : )\((\d+)", lambda m: f"{m[1]}({int(m[2]) + 10**7}", text, count=1)
    yield (
        text.replace("1 / 2 - RInt phi 0 x", "2 / 3 - RInt phi 0 x")
        if kind == "lower"
        else text.replace("- budget.", "- 2 * budget.")
    )
    yield re.sub(r"Proof\.[^Q]*Qed\.\s*\Z", "", text.partition("Print Assumptions")[0]) + "\nCheck missing.\n"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["1", "2p", "lower"])
def test_coq_refuses_changed_files(coqc, kind, tmp_path):
    text = source(kind)
    found = list(changed(text, kind))
    assert len(found) == 5 and all(other != text for other in found)
    for other in found:
        assert compiled(coqc, other, tmp_path)[0] != 0


@pytest.mark.parametrize("kind", ["1", "2p", "lower", "level-3", "deep-3-weak-2p"])
def test_what_a_file_says(kind):
    text = source(kind)
    assert (
        text.startswith("(* ") and "Theorem certificate" in text and text.endswith("Print Assumptions certificate.\n")
    )
    assert not re.search(r"\b(Axiom|Admitted|admit|Parameter|Hypothesis|Conjecture)\b", text)
    assert text.isascii() and text.count("(*") == text.count("*)")
    whole = kind in ("1", "2p", "lower")
    assert ("integrals included" in text) is whole and ("RInt" in text) is whole


def test_the_numbers_are_those_of_the_certificate():
    text = source("lower")
    assert "Definition alpha : R := (23583 / 5000)." in text
    assert "Definition alpha : R := (76477 / 10000)." in source("1")


def test_the_command(run, tmp_path):
    file = tmp_path / "lower.v"
    code, _, _ = run("certify", "--side", "lower", "--alpha", "4.7166", "--format", "coq", "--output", str(file))
    assert code == 0 and file.read_text().rstrip("\n") == source("lower").rstrip("\n")


def test_what_is_no_certificate_is_refused():
    for raw in (b"{}", b"", "[]"):
        with pytest.raises(MalformedCertificate):
            coq_file(raw)
