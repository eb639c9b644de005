"""1000 inputs for each reader (30 without ``-m slow``): valid ones are read right, damaged ones refused in one line.

An input is made from the name of its reader and its number alone, so a failure names all that is needed to repeat it.
"""

import json
import random
from fractions import Fraction
from io import BytesIO

import numpy as np
import pytest

from flrdt.derive import Network
from flrdt.derive.networks.gates import read_gate
from flrdt.evaluate.arithmetic.decimals import parse_digits, parse_number
from flrdt.evaluate.finite_size.weights import read_matrix
from flrdt.evaluate.limits.levels import Checkpoint
from flrdt.evaluate.limits.store import Store
from flrdt.evaluate.proofs.check_files import check_file
from flrdt.evaluate.sweeps.results_file import open_results
from flrdt.evaluate.sweeps.run import COLUMNS, DEFAULTS, points_of, read_plan
from flrdt.evaluate.verification.claims import read_claims

from ..certificate_helpers import certificate
from .damage import KILOBYTES, TOKENS, answer, damaged, memory


def a_number(rng):
    """A number as people write it, and its value by another route: whole numbers and powers of ten."""
    whole, places, exponent = rng.randint(0, 10 ** rng.randint(1, 12)), rng.randint(0, 6), rng.randint(-30, 30)
    sign = rng.choice(["", "", "-", "+"])
    value = Fraction(whole, 10**places) * (-1 if sign == "-" else 1)
    digits = str(whole).rjust(places + 1, "0")
    text = digits if places == 0 else f"{digits[:-places]}.{digits[-places:]}"
    if rng.random() < 0.3 and text.startswith("0."):
        text = text[1:]
    if rng.random() < 0.2 and places == 0:
        text += "."
    kind = rng.randrange(4)
    if kind == 0:
        below = rng.randint(1, 10**6)
        return f"{sign}{whole}{rng.choice(['/', ' / '])}{below}", (-1 if sign == "-" else 1) * Fraction(whole, below)
    if kind == 1:
        return f"{sign}{text}{rng.choice('eE')}{exponent}", value * Fraction(10) ** exponent
    return sign + text, value


# Each maker returns (content, name of the file, check of what was read) for one valid input.


def numbers(rng, folder):
    text, value = a_number(rng)

    def right(read):
        assert read == value

    return text.encode(), "number", right


def read_number(path):
    return parse_number(path.read_bytes().decode("utf-8", "surrogateescape"), "alpha")


def digits(rng, folder):
    wanted = rng.randint(1, 100_000)

    def right(read):
        assert read == wanted

    return rng.choice(["{}", " {} ", "+{}", "0{}"]).format(wanted).encode(), "digits", right


def read_digits(path):
    return parse_digits(path.read_bytes().decode("utf-8", "surrogateescape"))


def weights(rng, folder):
    m, n = rng.randint(1, 5), rng.randint(1, 4)
    if rng.random() < 0.5:
        kind = rng.choice(["<f8", ">f8", "<f4", "<i4", ">i2", "<u1"])
        array = np.array([[rng.randint(0, 9) for _ in range(n)] for _ in range(m)], kind)
        expected = [[Fraction(int(v)) for v in row] for row in array.tolist()]
        buffer = BytesIO()
        order = np.asfortranarray(array) if rng.random() < 0.5 else array
        np.lib.format.write_array(buffer, order, version=rng.choice([(1, 0), (2, 0)]))
        content, name = buffer.getvalue(), rng.choice(["w.npy", "W.NPY"])
    else:
        cells = [[a_number(rng) for _ in range(n)] for _ in range(m)]
        cells[0][0] = ("1.5", Fraction(3, 2))  # so that no row looks like a header
        expected = [[value for _, value in row] for row in cells]
        text = rng.choice(["\n", "\r\n"]).join(
            rng.choice([",", " , "] if n > 1 else [","]).join(t for t, _ in row) for row in cells
        )
        content, name = text.encode(rng.choice(["utf-8", "utf-8-sig", "utf-16"])), rng.choice(["w.csv", "W.CSV"])

    def right(read):
        assert read.rows == expected

    return content, name, right


def read_weights(path):
    return read_matrix(path)


STATEMENTS = ["Phi(-x) == H(x)", "x + 1 > x", "exp(x) >= 1 + x", "x**2 >= -.5", "1 + 1 == 2", "sqrt(x**2) == Abs(x)"]


def claims(rng, folder):
    chosen = [(f"claim.{i}", rng.choice(STATEMENTS), rng.randint(1, 9)) for i in range(rng.randint(1, 4))]
    if rng.random() < 0.5:
        content = json.dumps(
            {
                "claim": [
                    {"id": i, "statement": s, **({"domain": {"x": [-end, end]}} if "x" in s else {})}
                    for i, s, end in chosen
                ]
            }
        )
        name = "c.json"
    else:
        content = "\n".join(
            f"[[claim]]\nid = '{i}'\nstatement = '{s}'\n" + (f"domain = {{ x = [-{e}, {e}.5] }}\n" if "x" in s else "")
            for i, s, e in chosen
        )
        name = "c.TOML"

    def right(read):
        assert [entry.formula.id for entry in read] == [i for i, *_ in chosen]

    return content.encode(rng.choice(["utf-8", "utf-8-sig"])), name, right


def plans(rng, folder):
    grid = {
        "level": rng.sample(["1", "2p", "2", "3"], rng.randint(1, 3)),
        "digits": [str(rng.randint(1, 50))],
        "gate": rng.sample(["relu", "hardtanh", "relu-bias:1/2", "(-1,.5)", "relu-bias:{0..1;3}"], rng.randint(1, 2)),
        "radius": [rng.choice(["1", "1/2", ".5", "2e0"])],
    }
    written = {key: values[0] if len(values) == 1 and rng.random() < 0.5 else values for key, values in grid.items()}
    content = "".join(f"{key} = {json.dumps(values)}\n" for key, values in written.items())

    def right(read):
        assert {key: [str(v) for v in values] for key, values in read[0].items()} == grid
        spread = {f"relu-bias:{b}" if "{" in g else g for g in grid["gate"] for b in ("0", "1/2", "1")}
        assert len(read[1]) == len(grid["level"]) * len(spread)

    return content.encode(rng.choice(["utf-8", "utf-8-sig", "utf-16"])), "plan.toml", right


def read_whole_plan(path):
    plan = read_plan(path)
    return plan, points_of(plan)


def certificates(rng, folder):
    def right(read):
        assert read.proved

    return certificate(rng.choice(["1", "2p"])).encode(), "c.json", right


def results(rng, folder):
    rows = [
        dict(
            zip(
                COLUMNS,
                [str(i), *(rng.choice(["", "relu", "a,b", 'say "x"', "1/2"]) for _ in COLUMNS[1:])],
                strict=True,
            )
        )
        for i in range(rng.randint(0, 5))
    ]
    path = folder / "made.csv"
    path.unlink(missing_ok=True)
    with open_results(path, COLUMNS, tuple(DEFAULTS), lambda _: None) as file:
        for row in rows:
            file.add(row)
    content = path.read_bytes() if rng.random() < 0.7 else b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n")

    def right(read):
        assert read == rows

    return content, rng.choice(["r.csv", "R.CSV"]), right


def read_results(path):
    with open_results(path, COLUMNS, tuple(DEFAULTS), lambda _: None) as file:
        rows = list(file.rows.values())
    with open_results(path, COLUMNS, tuple(DEFAULTS), lambda _: None) as file:  # what is left is whole
        assert list(file.rows.values()) == rows
    return rows


def gates(rng, folder):
    (a, low), (b, high) = a_number(rng), a_number(rng)
    if low > high:
        (a, low), (b, high) = (b, high), (a, low)
    if low == high:
        a, low, b, high = "0", Fraction(0), "1", Fraction(1)
    text, ends = rng.choice(
        [
            (f"({a},{b})", (low, high)),
            (f"({a}, oo)", (low, None)),
            (f"relu-bias:{a}", (low, None)),
            ("hardtanh", (-1, 1)),
        ]
    )

    def right(read):
        assert read.active.start == ends[0]
        assert read.active.end.is_infinite if ends[1] is None else read.active.end == ends[1]

    return text.encode(), "gate", right


def read_the_gate(path):
    return read_gate(path.read_bytes().decode("utf-8", "surrogateescape"))


def checkpoints(rng, folder):
    levels = {r: [rng.uniform(-9, 9) for _ in range(2 * r - 1)] for r in range(3, rng.randint(4, 6))}
    path = folder / "made.json"
    Checkpoint(path, Network(), 20).write(levels)

    def right(read):
        assert read == levels

    return path.read_bytes(), "levels.json", right


def read_checkpoint(path):
    return Checkpoint(path, Network(), 20).read()


def stores(rng, folder):
    point = [rng.uniform(-9, 9) for _ in range(5)]
    store = Store(folder / "cache")
    store.save(Network(), 3, point)

    def right(read):
        assert read == point

    return store._path(Network(), 3).read_bytes(), "store", right


def read_store(path):
    """Damage of a store is never an error: it is passed over."""
    store = Store(path.parent / "cache")
    store._path(Network(), 3).write_bytes(path.read_bytes())
    found = store.load(Network(), 3)
    assert found is None or len(found) == 5
    return found


READERS = {
    "numbers": (numbers, read_number),
    "digits": (digits, read_digits),
    "weights": (weights, read_weights),
    "claims": (claims, read_claims),
    "plans": (plans, read_whole_plan),
    "certificates": (certificates, check_file),
    "results": (results, read_results),
    "gates": (gates, read_the_gate),
    "checkpoints": (checkpoints, read_checkpoint),
    "stores": (stores, read_store),
}


def bombard(name, folder, cases):
    make, read = READERS[name]
    before = memory()
    outcomes = {"read": 0, "refused": 0}
    for number in cases:
        rng = random.Random(f"{name} {number}")
        content, file, right = make(rng, folder)
        whole = number % 3 == 0
        if not whole:
            content = rng.choice(TOKENS) if rng.random() < 0.05 else damaged(rng, content)
        path = folder / file
        path.write_bytes(content)
        try:
            outcome, value = answer(lambda p=path: read(p))
            outcomes[outcome] += 1
            if whole:
                assert outcome == "read", value
                right(value)
        except BaseException as problem:
            problem.add_note(f"input {number} of {name}: {content[:300]!r}")
            raise
        finally:
            path.unlink(missing_ok=True)
    assert outcomes["read"] >= len(cases) // 3 and (outcomes["refused"] or name == "stores")
    assert memory() - before < KILOBYTES


@pytest.mark.parametrize("name", READERS)
def test_some_inputs(name, tmp_path):
    bombard(name, tmp_path, range(30))


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_a_thousand_inputs(name, tmp_path):
    bombard(name, tmp_path, range(30, 1030))
