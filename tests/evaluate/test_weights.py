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

from .. import cell_route


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
    "1,\n": "entry 2 is missing",
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


# ---- verdicts against brute force over all cells ---------------------------------------------------


def random_layer(rng):
    """Small whole-number layers, half of them degenerate: repeated, opposite, dependent and zero rows, with and without bias."""
    n = int(rng.choice([1, 2, 2, 2, 3]))
    m = int(rng.integers(1, {1: 6, 2: 8, 3: 7}[n]))
    matrix = rng.integers(-3, 4, (m, n)).tolist()
    for _ in range(int(rng.integers(0, 4))):
        i, j = (int(v) for v in rng.integers(0, m, 2))
        matrix[i] = [int(v) * int(rng.choice([-2, -1, -1, 0, 1, 2])) for v in matrix[j]]
    if rng.random() < 0.5 and m >= 2 * n:  # near the threshold: both signs of a basis are present
        for j in range(n):
            matrix[j], matrix[n + j] = ([int(s * (i == j)) for i in range(n)] for s in (1, -1))
    bias = rng.integers(-2, 3, m).tolist() if rng.random() < 0.4 else None
    return matrix, bias


def agree(seed):
    matrix, bias = random_layer(np.random.default_rng(seed))
    the_layer = layer(matrix, bias)
    found = decide_injectivity([the_layer])
    expected = "injective" if cell_route.injective(matrix, bias) else "not injective"
    assert found.verdict == expected, (matrix, bias)
    if found.witness:
        outputs = []
        for point in found.witness:
            sums = [sum(a * v for a, v in zip(row, point, strict=True)) for row in matrix]
            outputs.append([max(Fraction(0), s + b) for s, b in zip(sums, bias or [0] * len(matrix), strict=True)])
        assert outputs[0] == outputs[1] and found.witness[0] != found.witness[1]
    return expected


def test_verdicts_agree_with_brute_force():
    verdicts = [agree(seed) for seed in range(500)]
    assert 50 < verdicts.count("injective") < 450


@pytest.mark.slow
def test_verdicts_agree_with_brute_force_on_many_more():
    for seed in range(500, 3000):
        agree(seed)


@pytest.mark.parametrize("exponent", [-1100, -400, 400, 1100])
def test_weights_of_any_size_give_the_same_verdict(exponent):
    """Multiplying rows, columns and layers by powers of two far outside floating point changes nothing."""
    scale = Fraction(2) ** exponent
    for seed in range(12):
        matrix, bias = random_layer(np.random.default_rng(seed))
        plain = layer(matrix, bias)
        expected = decide_injectivity([plain]).verdict
        whole = Layer(
            [[v * scale for v in row] for row in plain.matrix], plain.bias and [v * scale for v in plain.bias]
        )
        column = Layer([[row[0] * scale, *row[1:]] for row in plain.matrix], plain.bias)
        mixed = Layer(
            [[v * scale ** (i % 2) for v in row] for i, row in enumerate(plain.matrix)],
            plain.bias and [v * scale ** (i % 2) for i, v in enumerate(plain.bias)],
        )
        for changed in (whole, column, mixed):
            found = decide_injectivity([changed])
            assert found.verdict == expected
            assert found.witness is None or is_collision([changed], *found.witness)
    pair = [layer(both_signs(2)), layer(np.eye(4), [-0.1] * 4)]
    moved = [Layer([[v * scale for v in row] for row in pair[0].matrix]), pair[1]]
    assert is_collision(moved, *decide_injectivity(moved).witness)


def test_subnormal_and_overlong_numbers_in_files(run, tmp_path):
    np.save(tmp_path / "w.npy", both_signs(2) * 5e-324)
    (tmp_path / "w.csv").write_text("1e400,0\n0,1e400\n-1e400,0\n0,-1e-400\n")
    for name in ("w.npy", "w.csv"):
        code, out, _ = run("finite", "--weights", str(tmp_path / name), "--json")
        assert code == 0 and json.loads(out)["verdict"] == "injective"


# ---- witnesses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pair.json", "PAIR.NPZ"])
def test_a_witness_of_any_length_is_written_whole(run, tmp_path, name, monkeypatch):
    """Numbers beyond the 4300 digits that Python converts, checked from the file alone."""
    matrix = np.random.default_rng(0).standard_normal((60, 20))
    np.save(tmp_path / "w.npy", matrix)
    monkeypatch.setattr("flrdt.evaluate.finite_size.injectivity.COLUMNS", 1)
    monkeypatch.setattr("sys.set_int_max_str_digits", None, raising=False)
    file = tmp_path / name
    code, out, _ = run("finite", "--weights", str(tmp_path / "w.npy"), "--witness", str(file), "--json")
    shown = json.loads(out)
    assert code == 0 and shown["witness"]["file"] == str(file) and "x" not in shown["witness"]
    if name.endswith("json"):
        read = json.loads(file.read_text())
        assert read.pop("format") == "flrdt witness"
    else:
        with np.load(file, allow_pickle=False) as archive:
            read = {key: archive[key].tolist() for key in archive.files}
    assert sum(len(v) for key in ("x", "x_prime") for v in read[key]) == shown["witness"]["digits"]
    x, x_prime, output = ([exact_number(v) for v in read[key]] for key in ("x", "x_prime", "output"))
    layers = as_layers([read_numbers(tmp_path / "w.npy")])
    assert is_collision(layers, x, x_prime) and network_output(layers, x) == output


def exact_number(text):
    from flint import fmpz

    numerator, _, denominator = text.partition("/")
    return Fraction(int(fmpz(numerator)), int(fmpz(denominator or "1")))


def test_a_witness_beyond_the_conversion_limit_of_python_is_printed(run, tmp_path):
    more = "1." + "0" * 4999 + "1"  # 1 + t with t = 1e-5000; the rows add up to zero, so one is active at every input
    (tmp_path / "w.csv").write_text(f"1,1e-5000\n-{more},1\n1e-5000,-{more}\n")
    code, out, _ = run("finite", "--weights", str(tmp_path / "w.csv"))
    assert code == 0 and "verdict = not injective" in out and "digits" in out
    code, out, _ = run("finite", "--weights", str(tmp_path / "w.csv"), "--json")
    read = json.loads(out)["witness"]
    layers = as_layers([read_numbers(tmp_path / "w.csv")])
    assert max(map(len, read["x_prime"])) > 4300
    assert is_collision(layers, *([exact_number(v) for v in read[key]] for key in ("x", "x_prime")))


def test_witnesses_are_short():
    """Siegel's lemma promises about 53 k/(n - k) bits a coordinate for k active rows; without it there are 53 k."""
    matrix = np.random.default_rng(1).standard_normal((70, 30))
    found = decide_injectivity([layer(matrix)])
    x, x_prime = found.witness
    assert is_collision([layer(matrix)], x, x_prime)
    active = sum(sum(Fraction(a) * v for a, v in zip(row, x, strict=True)) > 0 for row in matrix.tolist())
    assert 5 < active < 25
    bits = max(v.numerator.bit_length() for v in x_prime)
    assert bits < 53 * active / 2
    assert max(v.numerator.bit_length() for v in x) < 40


def test_text_says_what_was_read(run, tmp_path):
    (tmp_path / "w.csv").write_text("# made by hand\nleft,right,far\n1,0,.5\n0,1.,-1e0\n")
    (tmp_path / "b.csv").write_text("1\n2\n")
    words = ("finite", "--weights", str(tmp_path / "w.csv"), "--bias", str(tmp_path / "b.csv"))
    code, out, _ = run(*words)
    assert code == 0
    assert f"weights = 2 rows x 3 columns from {tmp_path}/w.csv, without its header line 'left,right,far'" in out
    assert f"bias    = 2 rows x 1 column from {tmp_path}/b.csv" in out
    assert "warning" in out and "is it transposed?" in out
    shown = json.loads(run(*words, "--json")[1])
    assert shown["read"] == [
        {"file": f"{tmp_path}/w.csv", "rows": 2, "columns": 3, "header": "left,right,far"},
        {"file": f"{tmp_path}/b.csv", "rows": 2, "columns": 1, "header": None},
    ]
    assert len(shown["warnings"]) == 1


def test_there_is_no_witness_to_write(run, tmp_path):
    (tmp_path / "w.csv").write_text("1\n-1\n")
    code, out, _ = run("finite", "--weights", str(tmp_path / "w.csv"), "--witness", str(tmp_path / "x.json"))
    assert code == 0 and "is not written" in out and not (tmp_path / "x.json").exists()


# ---- files: read right, or refused with the reason --------------------------------------------------

SQUARE = [[Fraction(1), Fraction(1, 2)], [Fraction(-1, 4), Fraction(0)]]
READ = {
    "plain": "1,0.5\n-0.25,0\n",
    "mark": "\ufeff1,0.5\n-0.25,0\n",
    "no zeros": "1.,.5\n-.25,.0\n",
    "exponents": "1e0,5E-1\n-25e-2,0e5\n",
    "fractions": "1,1/2\n-1 / 4,0/7\n",
    "quoted": '"1","0.5"\n"-0.25","0"\n',
    "semicolons": "1;0.5\n-0.25;0\n",
    "tabs": "1\t0.5\n-0.25\t0\n",
    "blanks": " 1.0  0.5\n-0.25 0.0\n",
    "spreadsheet": "1,0.5\r\n-0.25,0\r\n\r\n",
    "comment": "# a b\n1,0.5\n-0.25,0\n",
    "names": "a,b\n1,0.5\n-0.25,0\n",
}


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("suffix", [".csv", ".CSV"])
def test_ways_to_write_the_same_matrix(tmp_path, name, suffix):
    path = tmp_path / f"w{suffix}"
    path.write_text(READ[name], encoding="utf-8", newline="")
    assert read_numbers(path) == SQUARE
    path.write_text(READ[name].removeprefix("\ufeff"), encoding="utf-16", newline="")
    assert read_numbers(path) == SQUARE


UNSURE = {
    "0,1\n1.0,0.0\n-1.0,0.0\n0.0,-1.0\n": "--header or --no-header",
    "0,1,2\n1,0,0\n0,1,0\n0,0,1\n": "--header or --no-header",
    "3,7\n1.0,0.5\n0.25,-1.5\n": "--header or --no-header",
    "0\n0.5\n-1.5\n": "--header or --no-header",
    ",0,1\n0,1.0,0.0\n": "entry 1 is missing",
    "1.0,0.0\n,\n-1.0,0.0\n": "line 2: entry 1 is missing",
    "1,2,\n3,4,\n": "entry 3 is missing",
    "1,2\n\n3,4\n": "line 2: the line is empty",
    "1,2\n3,nan\n": "missing value",
    "a,nan\n1,2\n": "not a number",
    "0,5;0,25\n1,0;2,0\n": "commas and semicolons",
    '"1,000",0\n': "nothing between thousands",
    "1_000,0\n": "without _",
    "\u22121,0\n": "write - for the minus",
    "0x1p3,0\n": "in decimal digits",
    "1e99999,0\n": "at most four digits",
    "1," + "9" * 140_000 + "\n": "not a text file of comma-separated numbers",
    "1," + "9" * 5000 + "\n": "more than 400 digits",
    '1,"2\n': "not a text file of comma-separated numbers",
    "1,\x00\n": "zero bytes",
    "a,b\n": "not a number",
    "# nothing\n": "empty",
}


@pytest.mark.parametrize("text", UNSURE, ids=[repr(t[:20]) for t in UNSURE])
def test_what_is_not_certain_is_refused(run, tmp_path, text):
    path = tmp_path / "w.csv"
    path.write_text(text, encoding="utf-8")
    code, out, error = run("finite", "--weights", str(path))
    assert (code, out) == (2, "") and UNSURE[text] in error and error.count("\n") == 1 and len(error) < 500


def test_a_header_of_numbers_can_be_named_as_such(run, tmp_path):
    """The file that pandas wrote: its names 0,1 make a singular layer look injective."""
    path = tmp_path / "w.csv"
    path.write_text("0,1\n1.0,0.0\n-1.0,0.0\n0.0,-1.0\n")
    verdicts = {}
    for word in ("--header", "--no-header"):
        code, out, _ = run("finite", "--weights", str(path), word, "--json")
        verdicts[word] = json.loads(out)["verdict"], json.loads(out)["read"][0]["rows"]
        assert code == 0
    assert verdicts == {"--header": ("not injective", 3), "--no-header": ("injective", 4)}


def saved(array, **options):
    from io import BytesIO

    buffer = BytesIO()
    np.lib.format.write_array(buffer, array, **options)
    return buffer.getvalue()


def header(text, version=b"\x01\x00"):
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text.encode("latin1")


HALF = np.array([[1, 0.5], [-0.25, 0]])
KINDS = ["<f8", ">f8", "<f4", ">f4", "<f2", ">f2"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_arrays_in_any_order(tmp_path, kind, order, version):
    path = tmp_path / "W.NPY"
    path.write_bytes(saved(np.asarray(HALF, dtype=kind, order=order), version=version))
    assert read_numbers(path) == SQUARE


def test_header_of_an_old_python(tmp_path):
    path = tmp_path / "w.npy"
    path.write_bytes(header("{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 2L), }\n") + HALF.tobytes())
    assert read_numbers(path) == SQUARE


WHOLE = saved(HALF)
DAMAGED = {
    "nothing": (b"", "damaged"),
    "cut header": (WHOLE[:40], "damaged"),
    "cut numbers": (WHOLE[:-1], "promises 4 numbers"),
    "two arrays": (WHOLE + WHOLE, "promises 4 numbers"),
    "garbage": (b"hello world", "damaged"),
    "cut archive": (b"PK\x03\x04" + bytes(40), "archive"),
    "pickle": (b"\x80\x04\x95", "pickled"),
    "objects": (saved(np.array([[1, "a"]], dtype=object)), "pickled"),
    "huge": (header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**15}, 2), }}\n"), "at most 4000000"),
    "huger": (header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**4000}, 2), }}\n"), "at most 4000000"),
    "promised": (header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000, 1000), }\n"), "damaged"),
    "negative": (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1), }\n") + bytes(8), "damaged"),
    "truth for size": (
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (True, 1), }\n") + bytes(8),
        "damaged",
    ),
    "nested": (header("(" * 2000 + "\n"), "damaged"),
    "code": (header("__import__('os')\n"), "damaged"),
    "version": (b"\x93NUMPY\x09\x00" + bytes(100), "unknown version"),
    "long double": (saved(np.asarray(HALF, dtype=np.longdouble)), "save the array as float64"),
    "complex": (saved(HALF * 1j), "expected real numbers, not the type 'complex128'"),
    "truth": (saved(HALF > 0), "expected real numbers, not the type 'bool'"),
    "structure": (saved(np.zeros((2, 2), dtype=[("a", "f8")])), "expected real numbers"),
    "dates": (saved(np.zeros((2, 2), dtype="M8[s]")), "expected real numbers"),
    "words": (saved(np.array([["a"]])), "expected real numbers"),
    "number": (saved(np.array(1.0)), "rows and columns"),
    "cube": (saved(np.zeros((2, 2, 2))), "rows and columns"),
    "line": (saved(np.zeros(3)), "a row or a column"),
    "empty": (saved(np.zeros((0, 3))), "empty"),
    "nan": (saved(np.array([[np.nan]])), "NaN"),
}
if np.longdouble is np.float64 or np.dtype(np.longdouble).itemsize <= 8:
    del DAMAGED["long double"]  # it is float64 on this machine


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_arrays_are_one_line(run, tmp_path, name):
    path = tmp_path / "w.npy"
    path.write_bytes(DAMAGED[name][0])
    code, out, error = run("finite", "--weights", str(path))
    assert (code, out) == (2, "") and DAMAGED[name][1] in error and error.count("\n") == 1 and len(error) < 500


def test_tall_layers_take_little_memory(tmp_path):
    """A layer of 20000 x 2: 2.7 GB and two minutes before; the rows are on 20000 different lines, so it is injective."""
    import subprocess
    import sys

    np.save(tmp_path / "w.npy", np.random.default_rng(0).standard_normal((6000, 2)))
    code = (
        "import resource, sys; from flrdt.evaluate.cli import main\n"
        "main(['finite', '--weights', sys.argv[1]]); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "w.npy")]
    out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert out.startswith("verdict = injective")
    assert int(out.split()[-1]) < 400_000  # kilobytes, of which the libraries take about 130 000
