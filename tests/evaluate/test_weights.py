"""Given weights: verdicts, exactly checked witnesses, proofs for dependent rows too, and files that are refused."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flrdt.evaluate import decide_injectivity
from flrdt.evaluate.finite_size.injectivity import collision_near, refute_layer
from flrdt.evaluate.finite_size.weights import Layer, WeightError, as_layers, is_collision, network_output, read_numbers


def layer(matrix, bias=None):
    rows = [[Fraction(v) for v in row] for row in np.asarray(matrix).tolist()]
    return Layer(rows, None if bias is None else [Fraction(v) for v in np.asarray(bias).tolist()])


def both_signs(n):
    return np.vstack([np.eye(n), -np.eye(n)])


INJECTIVE = {
    "both signs": [layer(both_signs(4))],
    "both signs of a basis": [layer(np.kron([[1], [-1]], [[3, 1, 0], [1, 2, 5], [0, -1, 4]]))],
    "open at the origin": [layer(both_signs(2), [0.5] * 4)],
    "equal rows": [layer([[1, 0], [1, 0], [-1, 0], [-1, 0], [0, 1], [0, 1], [0, -1]])],
    "a zero row": [layer([[1, 0], [-1, 0], [0, 1], [0, -1], [0, 0]])],
    "two layers": [layer(both_signs(2)), layer(np.eye(4))],
    "two layers with bias": [layer(both_signs(2)), layer(np.eye(4), [0.1] * 4)],
}
NOT_INJECTIVE = {
    "one row": [layer([[1]])],
    "zeros": [layer(np.zeros((5, 3)))],
    "fewer outputs": [layer(np.ones((2, 3)))],
    "closed at the origin": [layer(both_signs(2), [-0.5] * 4)],
    "enough active rows, but dependent": [layer([[1, 0], [1, 0], [-1, 1e-3], [-1, -1e-3]])],
    "second layer closed": [layer(both_signs(2)), layer(np.eye(4), [-0.1] * 4)],
}


@pytest.mark.parametrize("name", INJECTIVE)
def test_injective_networks_are_proved(name):
    found = decide_injectivity(INJECTIVE[name])
    assert (found.verdict, found.witness) == ("injective", None)


@pytest.mark.parametrize("name", NOT_INJECTIVE)
def test_other_networks_have_a_witness(name):
    found = decide_injectivity(NOT_INJECTIVE[name])
    assert found.verdict == "not injective"
    assert is_collision(NOT_INJECTIVE[name], *found.witness)


@pytest.mark.parametrize("name", [n for n, layers in NOT_INJECTIVE.items() if len(layers) == 1])
def test_exact_refutation_needs_no_search(name):
    found, _ = refute_layer(NOT_INJECTIVE[name][0])
    assert is_collision(NOT_INJECTIVE[name], *collision_near(NOT_INJECTIVE[name], *found))


small = st.integers(-2, 2)


@given(
    rows=st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(small, min_size=n, max_size=n), min_size=1, max_size=8)),
    bias=st.none() | st.lists(small, min_size=8, max_size=8),
)
@example(rows=[[1], [-1]], bias=None)
@example(rows=[[0, 0]], bias=None)
@example(rows=[[1, 1], [1, 0], [-1, 0], [0, -1], [-1, -1], [0, 1]], bias=[-1, 0, 0, 1, 0, 0, 0, 0])
def test_verdicts_on_integer_layers(rows, bias):
    """A proof and a random hunt for collisions on a small lattice must not contradict each other."""
    the_layer = layer(rows, None if bias is None else bias[: len(rows)])
    found = decide_injectivity([the_layer])
    assert found.verdict in ("injective", "not injective")
    if found.witness:
        assert is_collision([the_layer], *found.witness)
        return
    points = [tuple(map(Fraction, p)) for p in np.ndindex(*[5] * the_layer.inputs)]
    outputs = [tuple(the_layer([v - 2 for v in p])) for p in points]
    assert len(set(outputs)) == len(outputs)


def test_too_large_for_a_proof_is_unknown():
    matrix = np.random.default_rng(0).standard_normal((300, 20))
    assert decide_injectivity([layer(matrix)]).verdict == "unknown"


def test_csv_is_read_exactly(tmp_path):
    path = tmp_path / "w.csv"
    path.write_text("0.1, -1/3\n1e-2,7\n")
    assert read_numbers(path) == [[Fraction(1, 10), Fraction(-1, 3)], [Fraction(1, 100), Fraction(7)]]


def test_command_refutes_with_a_checked_witness(run, tmp_path):
    np.save(tmp_path / "w.npy", np.random.default_rng(0).standard_normal((8, 4)))
    code, out, _ = run("finite", "--weights", str(tmp_path / "w.npy"), "--json")
    shown = json.loads(out)
    assert (code, shown["verdict"]) == (0, "not injective")
    layers = as_layers([read_numbers(tmp_path / "w.npy")])
    x, x_prime, output = ([Fraction(v) for v in shown["witness"][k]] for k in ("x", "x_prime", "output"))
    assert is_collision(layers, x, x_prime) and network_output(layers, x) == output


def test_command_proves_layers_with_bias(run, tmp_path):
    np.savetxt(tmp_path / "a.csv", both_signs(2), delimiter=",")
    np.save(tmp_path / "b.npy", np.full(4, 0.25))
    code, out, _ = run("finite", "--weights", str(tmp_path / "a.csv"), "--bias", str(tmp_path / "b.npy"))
    assert code == 0 and out.startswith("verdict = injective")


def test_unknown_is_not_a_pass(run, tmp_path):
    np.save(tmp_path / "w.npy", np.random.default_rng(0).standard_normal((300, 20)))
    code, out, _ = run("finite", "--weights", str(tmp_path / "w.npy"))
    assert code == 1 and out.startswith("verdict = unknown")


BAD_CSV = {
    "1,2\n3\n": "line 2: 1 entries, but the first row has 2",
    "1,nan\n": "not a number",
    "1,inf\n": "not a number",
    "1,two\n": "not a number",
    "1,\n": "not a number",
    "1,1/0\n": "not a number",
    "\n": "empty",
}


@pytest.mark.parametrize("text", BAD_CSV)
def test_bad_csv(run, tmp_path, text):
    path = tmp_path / "w.csv"
    path.write_text(text)
    code, out, error = run("finite", "--weights", str(path))
    assert (code, out) == (2, "")
    assert BAD_CSV[text] in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.array([[1.0, np.nan]]), "NaN or infinite"),
        (np.array([[1.0, np.inf]]), "NaN or infinite"),
        (np.array([[1, "a"]], dtype=object), "pickled objects are refused"),
        (np.zeros((2, 2, 2)), "rows and columns"),
        (np.zeros((0, 2)), "empty"),
        (np.array([["a", "b"]]), "real numbers"),
        (np.array([[1j]]), "real numbers"),
    ],
)
def test_bad_npy(tmp_path, content, message):
    np.save(tmp_path / "w.npy", content, allow_pickle=True)
    with pytest.raises(WeightError, match=message):
        read_numbers(tmp_path / "w.npy")


def test_other_bad_files(tmp_path):
    (tmp_path / "w.npy").write_bytes(b"\x93NUMPY broken")
    (tmp_path / "w.csv").write_bytes(b"\xff\xfe\x00")
    for name, message in (
        ("w.npy", "damaged"),
        ("w.csv", "text file"),
        ("none.csv", "No such file"),
        ("w.txt", ".npy or .csv"),
    ):
        with pytest.raises(WeightError, match=message):
            read_numbers(tmp_path / name)


def test_sizes_have_to_fit():
    square = [[Fraction(1), Fraction(2)], [Fraction(3), Fraction(4)]]
    with pytest.raises(WeightError, match="layer 2 has 2 columns, but layer 1 has 1 outputs"):
        as_layers([[[Fraction(1)]], square])
    with pytest.raises(WeightError, match="1 entries, expected 2"):
        as_layers([square], [[[Fraction(1)]]])
    with pytest.raises(WeightError, match="one bias per layer"):
        as_layers([square], [square, square])
