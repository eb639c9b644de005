"""Blocks of the family against brute force: envelopes, averages, kernels, slopes, merging, status, literature."""

from dataclasses import replace
from decimal import Decimal

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf, quad
from sympy import (
    Abs,
    Float,
    Heaviside,
    Integer,
    Interval,
    Max,
    Min,
    Rational,
    S,
    Symbol,
    exp,
    lambdify,
    oo,
    sign,
    sin,
    tanh,
)
from sympy.abc import z

from flrdt.derive.blocks.entropy import entropy
from flrdt.derive.blocks.field_averages import envelope_average, spin_average
from flrdt.derive.blocks.kernels import KernelError, activation, kernel
from flrdt.derive.blocks.outputs import (
    Cost,
    CostError,
    HardSet,
    SetError,
    cost,
    count_below,
    hard_set,
    hinge,
    quadratic,
)
from flrdt.derive.conditions.criteria import lifting_criteria
from flrdt.derive.core.symbols import Level
from flrdt.derive.networks.problems import Cube, Problem, ProblemError, Sphere, SymmetricCoupling, problem
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.quadrature.kernels import kernel_at, kernel_ends
from flrdt.evaluate.results.family import family_value, lifting_verdict, partial_threshold
from flrdt.evaluate.results.literature import LITERATURE, compare, verdict_of
from flrdt.evaluate.systems.entropic import EntropicSystem
from flrdt.evaluate.systems.family import FamilySystem
from flrdt.evaluate.systems.system import evaluate

chi, h = Symbol("chi", positive=True), Symbol("h", real=True)
COSTS = [
    hinge(0), quadratic(1), count_below(0), cost(Max(0, Abs(z) - 1) ** 2 / 2), cost(Max(0, 1 - z) + Max(0, 1 - z) ** 2),
    cost(Min(1, Max(0, 1 - z))), cost(Max(0, 1 - z**2)), cost(Abs(z)),
]  # fmt: skip


def on_pieces(pieces, at, susceptibility):
    """The value of an envelope given by pieces."""
    for piece in pieces:
        low, high = (float(e.subs(chi, susceptibility)) for e in (piece.lower, piece.upper))
        if low <= at <= high:
            return float(piece.value.subs({chi: susceptibility, h: at}))
    raise AssertionError("the pieces leave a gap")


@pytest.mark.parametrize("given_cost", COSTS, ids=str)
@pytest.mark.parametrize("susceptibility", [Rational(1, 10), Integer(1), Integer(6)])
def test_the_envelope_is_the_least_offer(given_cost, susceptibility):
    """Against minimisation over a fine grid of z."""
    pieces = given_cost.pieces(chi, h, susceptibility)
    grid = numpy.linspace(-12, 12, 240001)
    V = numpy.full(grid.shape, numpy.inf)
    for tile in given_cost.tiles:
        inside = (grid >= float(tile.lower)) & (grid <= float(tile.upper))
        c, b, a = float(tile.constant), float(tile.slope), float(tile.curvature)
        V[inside] = numpy.minimum(V[inside], c + b * grid[inside] + a * grid[inside] ** 2 / 2)
    for at in (-3.3, -1.9, -1.0, -0.4, 0.0, 0.3, 0.7, 1.0, 1.4, 2.9):
        brute = float((V + (grid - at) ** 2 / (2 * float(susceptibility))).min())
        assert on_pieces(pieces, at, susceptibility) == pytest.approx(brute, abs=2e-6)


@pytest.mark.parametrize(
    "word", ["perceptron:kappa=-3/2", "strip:1", "outside:1", "hinge:kappa=1", "quadratic:kappa=0", "l0:kappa=0"]
)
def test_averages_against_quadrature(word):
    """W at one point by integrating exp(-y M) over every piece."""
    pieces = problem(word).output.pieces(chi, h)
    average = envelope_average(pieces)
    at = {average.x: Rational(-7, 10), average.D: Rational(3, 5), average.y: Rational(5, 4), chi: Rational(4, 5)}
    x, D, y, c = (mpf(v.p) / v.q for v in at.values())
    ends = sorted(
        {float(e.subs(chi, Rational(4, 5))) for p in pieces for e in (p.lower, p.upper) if e not in (oo, -oo)}
    )
    functions = [(p, lambdify(h, p.value.subs(chi, Rational(4, 5)), "mpmath")) for p in pieces]

    def integrand(t):
        value = next(
            f
            for p, f in functions
            if float(p.lower.subs(chi, Rational(4, 5))) <= t <= float(p.upper.subs(chi, Rational(4, 5)))
        )(t)
        return mp.exp(-y * value - (t - x) ** 2 / (2 * D)) / mp.sqrt(2 * mp.pi * D)

    brute = quad(integrand, [x - 12, *ends, x + 12])
    assert abs(brute - mpf(str(average.W.subs(at).evalf(20)))) < mpf(10) ** -12
    assert c > 0


def test_the_spin_average_against_quadrature():
    average = spin_average()
    value = average.W.subs({average.x: Rational(3, 10), average.D: Rational(1, 2), average.y: 2}).evalf(20)
    brute = quad(
        lambda u: mp.exp(2 * abs(mpf("0.3") + mp.sqrt(mpf("0.5")) * u)) * mp.npdf(u),
        [-14, -mpf("0.3") / mp.sqrt(mpf("0.5")), 14],
    )
    assert abs(mpf(str(value)) - brute) < mpf(10) ** -12


@pytest.mark.parametrize(
    "function", [Max(z, 0), z**2, z**3 - z, exp(-(z**2) / 2), Abs(z), Max(z, z / 10), Max(z, 0) ** 2], ids=str
)
def test_kernels_against_double_quadrature(function):
    """The covariance at p = 0.6 by Gauss-Legendre rules on both sides of every kink."""
    found, p = kernel(function), 0.6
    f = lambdify(z, function, "numpy")
    nodes, weights = numpy.polynomial.legendre.leggauss(80)
    s = numpy.sqrt(1 - p**2)

    def rule(low, high):
        half = (high - low) / 2
        x = (low + high) / 2 + half * nodes
        return x, half * weights * numpy.exp(-(x**2) / 2) / numpy.sqrt(2 * numpy.pi)

    pair = mean = 0.0
    for outer in (rule(-9, 0), rule(0, 9)):
        for a, w in zip(*outer, strict=True):
            kink = numpy.clip(-p * a / s, -9, 9)
            inner = sum((f(p * a + s * b) * v).sum() for b, v in (rule(-9, kink), rule(kink, 9)))
            pair += w * f(a) * inner
            mean += w * f(a)
    assert pair - mean**2 == pytest.approx(float(found.value.subs(found.p, Rational(3, 5))), abs=1e-10)
    assert float(found.value.subs(found.p, 1)) == pytest.approx(float(found.value_at_one))
    near = Rational(99999999, 100000000)
    assert float(found.slope.subs(found.p, near)) == pytest.approx(float(found.slope_at_one), rel=3e-3)


def test_activations_without_a_closed_form_say_so():
    assert kernel(tanh(z)).value is None and kernel(sin(z)).value is None
    for jump in (sign(z), Heaviside(z)):
        with pytest.raises(KernelError, match="jumps"):
            kernel(jump)
    for diverging in (exp(z**2), exp(z**2 / 3)):
        with pytest.raises(KernelError, match=r"grows too fast|infinite"):
            family_value(Problem(Sphere(), HardSet(((Integer(0), oo),)), kernel(diverging)), 1, 10)


@pytest.mark.parametrize("name, digits, bits", [("float64", 13, 53), ("arb", 25, 115)])
def test_kernels_by_quadrature(name, digits, bits):
    """The kernel of erf, its closed form hidden, against that closed form."""
    closed = kernel(activation("erf"))
    b = backend(name)
    with b.precision(bits), mp.workdps(40):
        for share in (2, 6, 9):
            p = b.number(share) / 10
            found = kernel_at(replace(closed, value=None), p, b)
            expected = [f.subs(closed.p, Rational(share, 10)).evalf(digits + 5) for f in (closed.value, closed.slope)]
            assert all(
                abs(Float(str(b.to_mpf(f)), 40) - e) < 10.0**-digits for f, e in zip(found, expected, strict=True)
            )
        ends = kernel_ends(replace(closed, value=None), b)
        expected = [e.evalf(digits + 5) for e in (closed.value_at_one, closed.slope_at_one)]
        assert all(abs(Float(str(b.to_mpf(f)), 40) - e) < 10.0**-digits for f, e in zip(ends, expected, strict=True))


def test_a_hidden_activation_of_ones_own():
    """Plain values 2 E f'^2/Var f by integration of f, and words that are read as expressions."""
    for word, f in (("tanh", mp.tanh), ("z/(1+z^2/9)", lambda u: u / (1 + u**2 / 9))):
        value = family_value(f"committee:{word}", 1, 14)
        plain = 2 * quad(lambda u, f=f: mp.diff(f, u) ** 2 * mp.npdf(u), [-9, 0, 9])
        plain /= quad(lambda u, f=f: f(u) ** 2 * mp.npdf(u), [-9, 0, 9])
        assert abs(value.value - plain) < mpf(10) ** -11 and value.error_kind == "estimate"
    assert str(activation("max(z, 0)^2 - 0.5")) == "Max(0, z)**2 - 1/2"
    assert problem("committee:max(z, -1)^2,kappa=1/2").kernel.name == "max(z, -1)^2"


@pytest.mark.parametrize(
    "word",
    [
        "committee:z**99",
        "committee:2",
        "committee:exit()",
        "committee:z.real",
        "committee:(" + "(" * 300,
        "committee:q+z",
    ],
)
def test_what_is_no_activation(word):
    with pytest.raises(KernelError, match="unknown activation"):
        problem(word)


@pytest.mark.parametrize("word", ["committee:max(z,1)", "committee:sqrt(abs(z))", "committee:exp(z^2)"])
def test_activations_without_finite_averages(word):
    """A kink away from 0 is not analytic, the root has E f'^2 = oo, the exponential E f^2 = oo."""
    with pytest.raises(KernelError, match=r"analytic near|grows too fast") as found:
        family_value(word, 1, 10)
    assert "\n" not in str(found.value)


POINTS = [
    ("perceptron:kappa=-3/2", "3", [0.96, 0.4, 95.0, 25.0]),
    ("committee:relu", "2", [0.7, 15.0]),
    ("sk", "4", [0.9, 0.7, 0.3, 4.0, 1.5, 0.6]),
    ("hopfield:+,alpha=2", "3", [0.8, 0.9, 0.4, 2.0, 0.6]),
    ("hinge:kappa=0,alpha=3", "3", [0.7, 0.8, 0.3, 2.0, 1.0]),
    ("l0:kappa=1,alpha=2", "2p", [0.5, 1.5]),
]


@pytest.mark.parametrize("word, level, values", POINTS)
def test_slopes_are_those_of_the_value(word, level, values):
    system = FamilySystem(problem(word), Level.parse(level), "float64")
    x = system.coordinates(values)
    grid = system.quadrature(x, 14)
    _, slope = evaluate(system, system.goal, x, grid)
    for i in range(len(x)):
        ends = []
        for move in (1e-6, -1e-6):
            at = list(x)
            at[i] += move
            ends.append(evaluate(system, system.goal, at, grid)[0])
        assert slope[i] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=2e-6, abs=2e-8)


@pytest.mark.parametrize("word, level, values", POINTS[:5])
def test_balls_and_floats_agree(word, level, values):
    system = FamilySystem(problem(word), Level.parse(level), "float64")
    balls = system.using("arb")
    grid = system.grid(values, 20)
    with balls.backend.precision(grid.bits):
        x = balls.coordinates([balls.backend.number(v) for v in values])
        value, slope = evaluate(balls, balls.goal, x, grid)
    found, rise = evaluate(system, system.goal, system.coordinates(values), system.grid(values, 14))
    assert found == pytest.approx(float(value), rel=1e-12)
    assert numpy.array(rise) == pytest.approx(numpy.array([float(s) for s in slope]), rel=1e-7, abs=1e-10)


@pytest.mark.parametrize("word", ["perceptron:kappa=-1", "sk", "committee:erf", "hopfield:+,alpha=1"])
def test_merged_levels_give_the_level_below(word):
    """Equal lifting parameters at level 3 are level 2."""
    two = FamilySystem(problem(word), Level(2), "float64")
    three = FamilySystem(problem(word), Level(3), "float64")
    head = [0.8] if two.leading else []
    low, high = [*head, 0.4, 2.0], [*head, 0.7, 0.4, 2.0, 2.0]
    values = [s.goal.value(_parts(s, z), s.backend) for s, z in ((two, low), (three, high))]
    assert values[0] == pytest.approx(values[1], rel=1e-11)


def _parts(system, z):
    from flrdt.evaluate.systems.system import Parts

    A, B, _, _ = system.raw(z, system.grid(z, 14))
    return Parts(A, B)


def test_the_entropic_slopes_are_those_of_the_value():
    system = EntropicSystem(entropy(problem("ising:kappa=0").output, 3), "float64")
    x = system.coordinates([0.95, 0.6, 1.2, 0.3, 3.0])
    grid = system.quadrature(x, 14)
    _, slope = evaluate(system, system.goal, x, grid)
    for i in range(len(x)):
        ends = [
            evaluate(system, system.goal, [v + m * (i == j) for j, v in enumerate(x)], grid)[0] for m in (1e-6, -1e-6)
        ]
        assert slope[i] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=2e-5, abs=1e-7)


def test_criteria():
    """The root is that of the second route; at kappa = 0 the plain level is marginal, below it is unstable."""
    root, error, alpha = partial_threshold(20)
    assert abs(root + mpf("0.62192288")) < 1e-8 and abs(alpha - mpf("6.0319257")) < 1e-7 and error < mpf(10) ** -20
    for margin, stable in ((Integer(-1), False), (Integer(0), True), (Integer(1), True)):
        assert (lifting_criteria(HardSet(((margin, oo),))).stability.evalf() >= 0) == stable
    for word in ("strip:1", "outside:1"):
        assert lifting_criteria(problem(word).output).stability.evalf() < 0


@pytest.mark.parametrize(
    "word, stable, helps",
    [("perceptron:kappa=0", True, False), ("perceptron:kappa=1", True, False), ("perceptron:kappa=-1/2", False, False),
     ("perceptron:kappa=-0.6219", False, False), ("perceptron:kappa=-0.622", False, True), ("strip:1", False, True)],
)  # fmt: skip
def test_when_lifting_helps(word, stable, helps):
    """On both sides of -0.62192288 (second route), at Gardner's range, and where the tables show a lower level 2p."""
    found = lifting_verdict(word)
    assert (found.stable, found.partial_helps) == (stable, helps)
    with pytest.raises(ValueError, match="hard sets"):
        lifting_verdict("sk")


def test_what_is_said_of_a_value():
    assert family_value("perceptron:kappa=1", 3, 10).status == "theorem"
    assert family_value("perceptron:kappa=-1", 1, 10).status == "rigorous upper bound"
    assert family_value("strip:1", 1, 10).status == "lifted RDT value"
    assert family_value("ising-strip:1", 2, 10).status == "theorem"
    for word, level in (
        ("ising:kappa=0", "2p"),
        ("ising-outside:1", 2),
    ):  # Markov's inequality for the number of solutions
        assert family_value(word, level, 10).status == "rigorous upper bound"
    assert family_value("sk", 1, 10).status == "rigorous upper bound"
    assert "Gardner" in family_value("perceptron:kappa=0", 2, 10).reason


def test_the_capacity_of_a_cost_is_where_its_energy_leaves_zero():
    value = family_value("hinge:kappa=1/2", 1, 12)
    assert abs(Decimal(value.decimal) - Decimal("0.9612050528015")) < Decimal("1e-11")
    just_above = family_value("hinge:kappa=1/2", 1, 10, alpha="0.97")
    assert 0 < just_above.value < 2e-3


def test_a_problem_of_ones_own():
    """A strip with a hole, as a Problem of blocks."""
    mine = Problem(Sphere(), hard_set(Interval(-2, -1).union(Interval(1, 2))))
    assert str(family_value(mine, 1, 10).decimal).startswith("3.77232131844"[:11])


@given(st.integers(-30, 30), st.integers(1, 40))
def test_the_plain_value_of_a_strip_is_that_of_its_distance(left, width):
    low, high = Rational(left, 10), Rational(left + width, 10)
    value = family_value(Problem(Sphere(), HardSet(((low, high),))), 1, 8)
    a, b = mpf(left) / 10, mpf(left + width) / 10
    square = quad(lambda u: (a - u) ** 2 * mp.npdf(u), [-12, a]) + quad(lambda u: (u - b) ** 2 * mp.npdf(u), [b, 12])
    assert abs(value.value * square - 1) < 1e-7


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: HardSet(()), "empty"),
        (lambda: hard_set(S.Reals), "whole line"),
        (lambda: HardSet(((Integer(1), Integer(0)),)), "empty"),
        (lambda: cost(z**3), "piecewise linear-quadratic"),
        (lambda: cost(exp(z)), "piecewise linear-quadratic"),
        (lambda: cost(z), "not bounded from below"),
        (lambda: cost(Integer(2)), "constant"),
        (lambda: cost(1 + z**2).zero_set(), "positive everywhere"),
        (lambda: Problem(Sphere(), SymmetricCoupling()), "Ising"),
        (lambda: Problem(Cube(), hinge(0)), "not covered"),
        (lambda: problem("hinge:kappa=1,alpha=-2"), "positive"),
        (lambda: problem("perceptron:kappa=nan"), "not a number"),
        (lambda: problem("committee:sign"), "jumps"),
        (lambda: problem("strip:0"), "positive half width"),
        (lambda: family_value("sk", 2, 10, alpha=2), "takes no alpha"),
        (lambda: family_value("ising:kappa=0", 3, 10), "--order free"),
        (lambda: family_value("hopfield:-", 3, 10), "--order free"),
        (lambda: kernel(activation("linear") * 0 + 1), "constant"),
    ],
)
def test_bad_input_is_one_line(make, words):
    with pytest.raises(ValueError, match=words) as found:
        make()
    assert "\n" not in str(found.value)
    assert isinstance(found.value, (SetError, CostError, KernelError, ProblemError, ValueError))


def test_literature_verdicts():
    assert verdict_of(Decimal("2.85021"), "2.8503") == "agrees, printed value rounded up"
    assert verdict_of(Decimal("2.85021"), "2.87") == "differs"
    assert verdict_of(Decimal("0.763166727"), "0.7631667265", Decimal("5e-10")) == "agrees within our error of 5.0e-10"
    assert verdict_of(Decimal("0.763166730"), "0.7631667265", Decimal("5e-10")) == "differs"
    rows = compare(only="sk")
    assert rows and all(row.agrees is None for row in rows)
    for row in compare(only="perceptron:kappa=-3/2")[:2]:
        assert row.agrees
    assert len({(d.problem, d.level, d.source) for d in LITERATURE}) == len(LITERATURE)


@pytest.mark.slow
def test_the_limit_of_the_spin_glass():
    """Known to ten digits: 0.7631667265."""
    from flrdt.evaluate.limits.family import family_limit

    found = family_limit("sk", 7)
    assert abs(found.value - mpf("0.763166726566547")) < found.error < 1e-7


def test_costs_are_values():
    assert hinge(0) == hinge(0) and isinstance(hinge(0), Cost)
