"""Numbers of any size and kind, in every option that takes one: read, or refused in one line, never a traceback."""

import numpy
import pytest

from flrdt.derive import Level, Network, gate, objective, relations
from flrdt.evaluate import capacity, deep_capacity, energy, injectivity_probability, limit, network_verdict, verify

LONG = "1" * 5000
COMMANDS = [
    ("capacity", "--level", "1", "--digits", "5", "--radius"),
    ("capacity", "--level", "1", "--digits", "5", "--gate", "hardtanh", "--radius"),
    ("capacity", "--level", "1", "--digits", "5", "--budget"),
    ("capacity", "--level", "1", "--digits", "5", "--widths"),
    ("capacity", "--level"),
    ("capacity", "--digits"),
    ("capacity", "--depth"),
    ("energy", "--level", "1", "--digits", "5", "--alpha"),
    ("certify", "--level", "1", "--alpha"),
    ("table", "deep", "--depths"),
    ("network", "100"),
    ("finite", "--n", "3", "--m"),
    ("finite", "--m", "5", "--n"),
    ("finite", "--n", "3", "--m", "4", "--trials"),
    ("finite", "--n", "3", "--m", "4", "--trials", "1", "--workers"),
    ("finite", "--n", "3", "--m", "4", "--trials", "1", "--seed"),
    ("finite", "--n", "3", "--m", "4", "--trials", "1", "--confidence"),
    ("limit", "--digits"),
    ("limit", "--max-level"),
    ("verify", "gaussian.density", "--samples"),
    ("stability", "--digits"),
    ("derive", "objective", "--depth"),
    ("derive", "plain", "--budget"),
]


@pytest.mark.parametrize("value", [LONG, f"-{LONG}", f"1/{LONG}", "1e-5000", "1e5000", "1e99999", "nan", "", "1e1e1"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_numbers_beyond_all_ranges_are_one_line(run, words, value):
    code, out, err = run(*words, value) if not value.startswith("-") else run(*words[:-1], f"{words[-1]}={value}")
    assert (code, out) == (2, "") and err.count("\n") == 1 and len(err) < 300, err
    assert "int" not in err.replace("integer", "").replace("interval", "").replace("point", ""), err


@pytest.mark.parametrize("value", [LONG, "1e-5000", "1e5000"])
@pytest.mark.parametrize("setting", ["level", "digits", "radius", "budget", "depth", "widths", "gate"])
def test_numbers_of_plans(run, tmp_path, setting, value):
    (tmp_path / "plan.toml").write_text(f'{setting} = "{"relu-bias:" * (setting == "gate")}{value}"\n')
    target = tmp_path / "r.csv"
    code, out, err = run("sweep", str(tmp_path / "plan.toml"), "--output", str(target), "--workers", "1")
    assert (code, out) == (2, "") and err.count("\n") == 1 and not target.exists()


@pytest.mark.slow
def test_integers_of_numpy_are_integers():
    five = numpy.int64(5)
    assert capacity(numpy.int32(1), five).decimal == capacity(1, 5).decimal
    assert str(Level.parse(numpy.uint8(3))) == "3" and type(Level(numpy.int64(3)).r) is int
    assert deep_capacity(1, five, depth=numpy.int64(2)).decimal == deep_capacity(1, 5, depth=2).decimal
    assert energy(numpy.int64(8), 1, five).decimal == energy(8, 1, 5).decimal
    assert injectivity_probability(numpy.int64(2), five, numpy.int8(3), numpy.int64(1)).trials == 3


#: Where None asks for the usual value.
USUAL = ("capacity level", "capacity digits", "capacity budget", "energy alpha", "limit digits")

CALLS = {
    "capacity level": lambda x: capacity(x),
    "capacity digits": lambda x: capacity(1, x),
    "capacity gate": lambda x: capacity(1, 5, gate=x),
    "capacity radius": lambda x: capacity(1, 5, gate="hardtanh", radius=x),
    "capacity budget": lambda x: capacity(1, 5, budget=x),
    "capacity backend": lambda x: capacity(1, 5, backend=x),
    "energy alpha": lambda x: energy(x, 1, 5),
    "energy gate": lambda x: energy(8, 1, 5, gate=x),
    "deep_capacity depth": lambda x: deep_capacity(1, 5, depth=[x]),
    "deep_capacity widths": lambda x: deep_capacity(1, 5, widths=[x]),
    "deep_capacity notion": lambda x: deep_capacity(1, 5, notion=x),
    "deep_capacity gate": lambda x: deep_capacity(1, 5, depth=2, gate=x),
    "network_verdict sizes": lambda x: network_verdict([x, x]),
    "injectivity_probability n": lambda x: injectivity_probability(x, 5),
    "injectivity_probability trials": lambda x: injectivity_probability(2, 5, x),
    "injectivity_probability workers": lambda x: injectivity_probability(2, 5, 1, workers=[x]),
    "limit digits": lambda x: limit(x),
    "limit max_level": lambda x: limit(4, max_level=[x]),
    "verify digits": lambda x: verify(["gaussian.density"], x),
    "verify samples": lambda x: verify(["gaussian.density"], 5, x),
    "gate": gate,
    "Level": Level,
    "Level.parse": Level.parse,
    "Network gate": Network,
    "objective network": lambda x: objective("no network" if x is None else x, 1),
    "objective level": lambda x: objective(level=x),
    "relations level": relations,
}


@pytest.mark.parametrize(
    "name, wrong",
    [(name, x) for name in CALLS for x in (None, True, 2.5, [], object()) if x is not None or name not in USUAL],
)
def test_values_of_the_wrong_kind_are_refused_in_words(name, wrong):
    with pytest.raises((ValueError, TypeError)) as caught:
        CALLS[name](wrong)
    assert getattr(caught.value, "bad_input", False), caught.value
    assert str(caught.value).count("\n") == 0 and len(str(caught.value)) > 20
