"""Solved values: references, precisions against each other, independent routes, monotonicity."""

import itertools
from fractions import Fraction

import pytest
from mpmath import erfc, exp, findroot, mp, mpf, pi, quad, sqrt
from sympy import Interval, Rational, oo

from flrdt.derive import Gate, plain_level, relu_network
from flrdt.evaluate import capacity, energy
from flrdt.evaluate.arithmetic.backends import backend
from flrdt.evaluate.arithmetic.compile import compile_scalar
from flrdt.evaluate.arithmetic.decimals import InputError, known_digits, parse_digits, parse_number

# theory page, section 7: computed independently in double precision
REFERENCE = {
    "1": ("7.647694935435", {"chi": "0.630355086"}),
    "2p": ("7.448638726294", {"chi": "0.278515887", "y_2": "0.708476008"}),
    "2": (
        "6.715696838",
        {
            "chi": "0.0533008",
            "p_2": "0.7772308",
            "y_2": "3.2866578",
            "gamma_s": "3.6567691",
            "gamma_p": "0.06836636",
            "nu": "0.38981746",
            "q_2": "0.1914329",
            "c_2": "8.43127394",
        },
    ),
    "3": (
        "6.700391949",
        {
            "chi": "0.0356731",
            "p_2": "0.9766342",
            "p_3": "0.7410980",
            "y_2": "5.353319",
            "y_3": "2.667325",
            "gamma_s": "5.25209544",
            "gamma_p": "0.04760005",
            "nu": "0.37471687",
            "q_2": "0.42789597",
            "q_3": "0.16715445",
            "c_2": "14.286298",
            "c_3": "7.118242",
        },
    ),
}


def agrees(value, text, units=1):
    """To the digits shown, within some units of the last place for the reference's own rounding."""
    places = len(text.partition(".")[2])
    return abs(value - mpf(text)) <= units * mpf(10) ** -places


@pytest.mark.parametrize("level", REFERENCE)
def test_reference_values(level):
    alpha, parameters = REFERENCE[level]
    found = capacity(level, 20)
    with mp.workdps(30):
        assert agrees(found.alpha, alpha)
        for name, text in parameters.items():
            # the references' parameters come from a float64 minimisation in a flat valley: y_2 is off by two units
            assert agrees(found.parameters[name], text, units=3), name
        assert found.alpha_error < mpf(10) ** -20 and found.error_kind == "enclosure"


@pytest.mark.parametrize("level", ["1", "2p", "2"])
def test_two_precisions_agree(level):
    assert capacity(level, 70).decimal[:51] == capacity(level, 50).decimal[:51]


@pytest.mark.slow
def test_two_precisions_agree_at_level_three():
    assert capacity(3, 70).decimal[:51] == capacity(3, 50).decimal[:51]


@pytest.mark.parametrize("digits", [15, 30, 50, 100, 1000])
def test_plain_level_against_its_closed_form(digits):
    """Newton on the derived equation 1/2 - k phi(k) = 2 H(k), in mpmath alone."""
    found = capacity(1, digits)
    with mp.workdps(digits + 20):
        k = findroot(lambda k: k * exp(-(k**2) / 2) / sqrt(2 * pi) + erfc(k / sqrt(2)) - mpf(1) / 2, mpf("1.12"))
        assert abs(found.alpha - 2 / erfc(k / sqrt(2))) < mpf(10) ** (2 - digits)


def test_partial_level_to_a_thousand_digits():
    """The mpmath evaluation of psi's stationarity at the Arb solution: both derivatives vanish to 990 digits."""
    found = capacity("2p", 1000)
    from flrdt.derive import Level

    from ..energy_form import EnergyForm

    form = EnergyForm(relu_network(), Level(2, True), "mpmath")
    with mp.workdps(1030):
        z = [found.parameters["chi"], found.parameters["y_2"]]
        terms = form.terms(z, None)
        assert abs(terms.A + found.alpha * terms.B + 1) < mpf(10) ** -1000
        assert all(abs(a + found.alpha * b) < mpf(10) ** -990 for a, b in zip(terms.dA, terms.dB, strict=True))


@pytest.mark.parametrize("level", ["1", "2p", "2"])
def test_backends_solve_to_the_same_value(level):
    one, other = capacity(level, 30), capacity(level, 30, backend="mpmath")
    assert one.decimal == other.decimal


def test_plain_closed_form_of_a_biased_gate():
    """Capacity of the active set (1/2, oo) by the solver, by the derived closed form, and by raw quadrature."""
    gate = Gate(Interval.open(Rational(1, 2), oo))
    from flrdt.derive import Network

    found = capacity(1, 25, gate=gate)
    closed = plain_level(Network(gate))
    b = backend("mpmath")
    with mp.workdps(35):
        condition = compile_scalar([closed.condition], [closed.reach], b)
        k = findroot(lambda k: condition(k)[0], sqrt(2 * found.parameters["chi"]))
        assert abs(compile_scalar([closed.capacity], [closed.reach], b)(k)[0] - found.alpha) < mpf(10) ** -24
        half = mpf(1) / 2
        density = lambda t: exp(-(t**2) / 2) / sqrt(2 * pi)  # noqa: E731
        moved = quad(lambda t: (t - half) ** 2 * density(t), [half, half + k])
        stayed = quad(density, [half + k, half + k + 4, half + k + 20])
        assert abs(moved - stayed) < mpf(10) ** -20 and abs(1 / stayed - found.alpha) < mpf(10) ** -18
    assert found.alpha > capacity(1, 10).alpha


def test_level_two_of_a_biased_gate_lies_below_its_plain_level():
    gate = Gate(Interval.open(Rational(1, 2), oo))
    assert capacity(2, 12, gate=gate).alpha < capacity(1, 12, gate=gate).alpha


def test_capacities_decrease_with_the_level():
    values = [capacity(level, 12).alpha for level in ("1", "2p", "2", "3")]
    assert all(a > b for a, b in itertools.pairwise(values))


@pytest.mark.slow
def test_higher_levels_decrease_strictly():
    found = [capacity(level, 30) for level in (3, 4, 5, 6)]
    for a, b in itertools.pairwise(found):
        assert a.alpha - b.alpha > 10 * (a.alpha_error + b.alpha_error)
    assert all(f.alpha_error < mpf(10) ** -30 for f in found)


def test_capacity_grows_with_the_budget():
    values = [capacity("2p", 12, budget=b).alpha for b in ("1", "3/2", "2")]
    assert values == sorted(values)


def test_budget_two_of_the_plain_level():
    """Budget b: b H(k)-condition by quadrature-free closed form in mpmath."""
    found = capacity(1, 25, budget=2)
    with mp.workdps(35):
        k = findroot(lambda k: 2 * k * exp(-(k**2) / 2) / sqrt(2 * pi) + 3 * erfc(k / sqrt(2)) / 2 - 1, mpf("0.7"))
        assert abs(4 / erfc(k / sqrt(2)) - found.alpha) < mpf(10) ** -24


@pytest.mark.parametrize("level", ["1", "2"])
@pytest.mark.parametrize("alpha", [3, 5, 8, 10])
def test_energy_slope_against_differences(alpha, level):
    digits = 30
    here = energy(alpha, level, digits)
    step = Fraction(1, 10**9)
    up, down = energy(alpha + step, level, digits), energy(alpha - step, level, digits)
    with mp.workdps(digits + 10):
        difference = (up.energy - down.energy) / (2 * mpf(10) ** -9)
        assert abs(difference - here.slope) < mpf(10) ** -17
        assert 0 < here.energy < alpha and here.energy_error < mpf(10) ** -30


def test_energy_at_the_capacity_is_the_budget():
    at = capacity(2, 25)
    found = energy(at.decimal, 2, 20)
    assert abs(found.energy - 1) < mpf(10) ** -19


def test_energy_of_level_one_against_its_plain_equations():
    found = energy(5, 1, 25)
    with mp.workdps(35):
        k = findroot(lambda k: 5 * quad(lambda u: u**2 * exp(-(u**2) / 2) / sqrt(2 * pi), [0, k]) - 1, mpf(1))
        assert abs(found.energy - 5 * erfc(k / sqrt(2)) / 2) < mpf(10) ** -24


@pytest.mark.parametrize("alpha", ["1", "2", "1/2"])
def test_zero_energy_region(alpha):
    found = energy(alpha, 2, 20)
    assert found.zero and found.decimal == "0" and "threshold" in found.status


def test_energy_just_above_the_threshold_is_small_and_positive():
    found = energy("2.1", 1, 15)
    assert 0 < found.energy < mpf("0.01")


def test_json_has_the_keys_of_the_contract():
    shown = capacity(2, 20).to_json()
    assert list(shown)[:14] == [
        "alpha",
        "alpha_error",
        "error_kind",
        "digits",
        "level",
        "depth",
        "notion",
        "budget",
        "gate",
        "widths",
        "parameters",
        "residual",
        "status",
        "backend",
    ]
    assert set(shown["parameters"]) == {"chi", "p_2", "y_2", "q_2", "c_2", "gamma_s", "gamma_p", "nu"}
    with mp.workdps(60):
        better = capacity(2, 40)
        assert abs(mpf(shown["alpha"]) - better.alpha) <= mpf(shown["alpha_error"])
        for name, text in shown["parameters"].items():
            digits = len(text.replace(".", "").lstrip("0"))
            assert abs(mpf(text) / better.parameters[name] - 1) < mpf(10) ** (1 - digits), name


@pytest.mark.parametrize("bad", [0, -3, 10**7, "x", "", "2.5", None])
def test_bad_digits(bad):
    with pytest.raises(InputError, match="digits"):
        parse_digits(bad)


@pytest.mark.parametrize("bad", ["nan", "inf", "", "x", "1/0", "1.5/2", "--1", "1e99999", 0.5])
def test_bad_numbers(bad):
    with pytest.raises(InputError):
        parse_number(bad, "alpha")


def test_numbers_are_read_exactly():
    assert parse_number("0.1", "alpha") == Fraction(1, 10)
    assert parse_number("-67/10", "alpha") == Fraction(-67, 10)
    assert parse_number("1.5e-3", "alpha") == Fraction(3, 2000)
    with pytest.raises(InputError, match="positive"):
        parse_number("-1", "alpha", positive=True)


def test_known_digits_stop_at_the_error():
    with mp.workdps(30):
        assert known_digits(mpf("0.00123456789"), mpf("1e-7")) == "0.001235"
        assert known_digits(mpf("123456.789"), mpf(10)) == "1.235e+5"
        assert known_digits(mpf(0), mpf(1)) == "0"


def test_partial_lifting_that_does_not_help_says_so():
    """At alpha = 3 the best y_2 of the partial level tends to 0: the plain value, not a wrong root or a failure."""
    found = energy(3, "2p", 15)
    assert "does not help" in found.status and set(found.parameters) >= {"chi"} and "y_2" not in found.parameters
    assert found.decimal == energy(3, 1, 15).decimal
    helped = energy(8, "2p", 15)
    assert "help" not in helped.status and helped.energy > energy(8, 1, 15).energy


@pytest.mark.slow
def test_levels_of_a_bounded_gate_decrease():
    """The reach stops at half the width of the active set: its derivative is a step, also under complex steps."""
    values = [capacity(level, 10, gate="hardtanh").alpha for level in ("1", "2p", "2", "4")]
    assert values == sorted(values, reverse=True) and len(set(values)) == 4


def test_results_print_the_digits_asked_for_and_represent_themselves_in_one_line():
    import pickle

    from mpmath import mp, workdps

    from flrdt.evaluate import deep_capacity, energy

    found, deep, ground = capacity(1, 40), deep_capacity(1, 30, depth=2), energy(8, 1, 25)
    assert str(found.alpha) == f"{found.alpha}" == found.decimal and len(found.decimal) == 42
    assert [*map(str, deep.chain)] == deep.chain_decimals and str(ground.energy) == ground.decimal
    assert str(found.parameters["chi"]) == found.to_json()["parameters"]["chi"]
    for result in (found, deep, ground):
        assert repr(result).count("\n") == 0 and len(repr(result)) < 250
        assert result.decimal in repr(result) and result.status in repr(result) and result.error_kind in repr(result)
        again = pickle.loads(pickle.dumps(result))
        assert repr(again) == repr(result) and again.alpha == result.alpha
    # they are numbers like any other: what is computed with them has the precision of the moment
    with workdps(45):
        assert isinstance(found.alpha, mp.mpf) and found.alpha - found.alpha == 0 and type(+found.alpha) is mp.mpf
        assert abs(1 / found.alpha - 1 / mp.mpf(found.decimal)) < mp.mpf(10) ** -40


@pytest.mark.slow
def test_limit_represents_itself_in_one_line():
    from flrdt.evaluate import limit

    found = limit(4, second_route=False)
    assert repr(found).count("\n") == 0 and repr(found).startswith("<Limit alpha = 6.69") and len(repr(found)) < 100
