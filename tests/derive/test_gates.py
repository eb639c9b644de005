"""Gates from active sets: envelopes, limits, refusals."""

import itertools

import pytest
from sympy import EmptySet, FiniteSet, Interval, Rational, Symbol, Union, oo, srepr

from flrdt.derive import Gate, GateError, gate, relu

chi = Symbol("chi", positive=True)
h = Symbol("h", real=True)
SETS = [
    Interval.open(0, oo),
    Interval.open(Rational(1, 2), oo),
    Interval.open(-oo, 1),
    Interval.open(-1, 1),
    Interval.open(0, 6),
    Union(Interval.open(-oo, -Rational(1, 2)), Interval.open(Rational(1, 2), oo)),
    Union(Interval.open(-2, -1), Interval.open(0, 1)),
]


@pytest.mark.parametrize("active", SETS, ids=str)
@pytest.mark.parametrize("c", [Rational(1, 20), Rational(1, 2), 3])
def test_envelope_is_the_minimum_it_claims(active, c):
    """Brute-force minimisation of V(z) + (z-h)^2/(2 chi) over a fine grid that contains h and the end points."""
    the_gate = Gate(active)
    pieces = the_gate.envelope(h, c).doit()
    ends = [e for component in the_gate.components for e in component if e.is_finite]
    for i in range(-24, 33):
        point = Rational(i, 4) + Rational(1, 100)
        candidates = [point, *ends]
        reference = min((1 if active.contains(z) == True else 0) + (z - point) ** 2 / (2 * c) for z in candidates)  # noqa: E712
        assert pieces.subs(h, point) == reference


@pytest.mark.parametrize("active", SETS, ids=str)
def test_envelope_is_continuous(active):
    pieces = [p for p in Gate(active).pieces(Rational(1, 3), h) if p.lower != p.upper]
    for left, right in itertools.pairwise(pieces):
        assert left.upper == right.lower
        here = left.upper
        assert (left.value(Rational(1, 3)).subs(h, here) - right.value(Rational(1, 3)).subs(h, here)).simplify() == 0
    assert pieces[0].lower == -oo and pieces[-1].upper == oo


def test_limits_and_convexity():
    assert relu().limits() == (0, 1)
    assert Gate(Interval.open(-1, 1)).limits() == (0, 0)
    assert Gate(SETS[5]).limits() == (1, 1)
    assert relu().convex_complement and Gate(SETS[5]).convex_complement
    assert not Gate(SETS[3]).convex_complement


def test_radius_rescales_the_set():
    assert Gate(Interval.open(-1, 1), radius=2).components == [(-Rational(1, 2), Rational(1, 2))]
    assert Gate(Interval.open(0, oo), radius=7).components == relu().components
    assert relu().homogeneous and not Gate(SETS[1]).homogeneous


@pytest.mark.parametrize("bad", [EmptySet, FiniteSet(1), Interval(-oo, oo), Union(FiniteSet(3), Interval(0, 1))])
def test_sets_that_are_not_active_sets_are_refused(bad):
    with pytest.raises(GateError):
        Gate(bad)


@pytest.mark.parametrize("radius", [0, -1])
def test_bad_radius(radius):
    with pytest.raises(GateError, match="radius"):
        Gate(Interval.open(0, 1), radius=radius)


def test_unknown_name_says_what_is_known():
    with pytest.raises(GateError, match="did you mean relu"):
        gate("relu7")
    with pytest.raises(GateError, match="no inactive set"):
        gate("tanh")


def test_gates_called_injective_are_and_the_others_are_not():
    """Every named gate that has one value everywhere or nowhere twice, against its textbook definition."""
    import itertools
    import math

    from flrdt.derive.networks.gates import INJECTIVE, NOT_COVERED

    exp, normal = math.exp, lambda z: (1 + math.erf(z / math.sqrt(2))) / 2
    functions = {
        "arctan": math.atan, "asinh": math.asinh, "celu": lambda z: z if z > 0 else exp(z) - 1,
        "elu": lambda z: z if z > 0 else exp(z) - 1, "erf": math.erf, "identity": lambda z: z, "linear": lambda z: z,
        "logsigmoid": lambda z: -math.log(1 + exp(-z)),
        "selu": lambda z: 1.0507 * (z if z > 0 else 1.67326 * (exp(z) - 1)), "sigmoid": lambda z: 1 / (1 + exp(-z)),
        "sinh": math.sinh, "softplus": lambda z: math.log(1 + exp(z)), "softsign": lambda z: z / (1 + abs(z)),
        "tanh": math.tanh, "abs": abs, "cos": math.cos, "gaussian": lambda z: exp(-z * z),
        "gelu": lambda z: z * normal(z), "hardswish": lambda z: z * min(max(z + 3, 0), 6) / 6,
        "mish": lambda z: z * math.tanh(math.log(1 + exp(z))), "silu": lambda z: z / (1 + exp(-z)), "sin": math.sin,
        "swish": lambda z: z / (1 + exp(-z)),
    }  # fmt: skip
    assert {*functions} == {*INJECTIVE, *NOT_COVERED}
    for name, f in functions.items():
        values = [f(-4 + k / 64) for k in range(513)]
        increasing = all(a < b for a, b in itertools.pairwise(values))
        assert increasing == (name in INJECTIVE), name
        if "minimum at" in NOT_COVERED.get(name, ""):
            place = float(NOT_COVERED[name].rpartition(" ")[2])
            assert abs(-4 + values.index(min(values)) / 64 - place) <= 1 / 64


def test_envelope_survives_substitution():
    e = relu().envelope(h, chi)
    assert e.subs(h, 2 * h).doit() == relu().envelope(2 * h, chi).doit()
    assert "MoreauEnvelope" in srepr(e) or str(e) == "M_chi(h)"
