"""Energies of deep networks: where they meet the required count, their slope, the recursion, bad input."""

import json

import pytest
from mpmath import mp, mpf

from flrdt.derive import InputError, Network, relu_network
from flrdt.evaluate import capacity, energy
from flrdt.evaluate.solve.layer_recursion import plain_recursion

# solved for the width at a given count behind FIRST (test_deep_lifted), theory page, section 4c: about 6.430 and 9.662
FIRST, LEVEL_2 = "6.71569683767", {"weak": "6.430083191611", "strong": "9.662013229541"}


@pytest.mark.parametrize(
    ("level", "notion", "depth"), [("1", "weak", 2), ("1", "strong", 3), ("2p", "strong", 2), ("2p", "weak", 3)]
)
def test_the_capacity_is_where_the_energy_meets_the_required_count(level, notion, depth):
    network = Network(depth=depth, notion=notion)
    found = capacity(network, level, 15)
    at = energy(network, mp.nstr(found.alpha, 25), level, 15)
    with mp.workdps(30):
        assert abs(at.energy - int(network.budget)) <= at.energy_error + at.slope * (found.alpha_error + mpf(10) ** -14)
    assert at.error_kind == "enclosure" and at.depth == depth


def test_the_plain_energy_by_the_recursion():
    """The count of the recursion, alpha H(k), is found without the functional."""
    found = energy("6.5", 1, 20, widths=["7.7", "7.6"])
    with mp.workdps(30):
        recursion = plain_recursion([mpf("7.7"), mpf("7.6")], alpha=mpf("6.5"))
        assert abs(recursion.tail * recursion.alpha - found.energy) < mpf(10) ** -19


@pytest.mark.parametrize("level", ["1", "2p"])
def test_the_slope_is_that_of_the_curve(level):
    ends = [energy(alpha, level, 20, widths=["7.7"]) for alpha in ("6.9999", "7", "7.0001")]
    with mp.workdps(30):
        slope = (ends[2].energy - ends[0].energy) / mpf("0.0002")
        assert abs(slope - ends[1].slope) < 1e-8  # the third derivative is below 1
        assert ends[0].energy < ends[1].energy < ends[2].energy


def test_lifting_raises_the_energy():
    plain, partial = (energy("7", level, 12, widths=["7.7"]) for level in ("1", "2p"))
    assert partial.energy > plain.energy + mpf("0.01")


@pytest.mark.slow
@pytest.mark.parametrize("notion", ["weak", "strong"])
def test_full_level_energy_at_the_capacity(notion):
    """The references were solved at the budget, the energy is at the width."""
    found = energy(LEVEL_2[notion], 2, 9, widths=[FIRST], notion=notion)
    assert abs(found.energy - Network(depth=2, notion=notion).budget) < 1e-9
    assert found.error_kind == "estimate" and found.energy_error < 1e-9
    assert found.to_json()["inertia"] == [6, 3]


def test_zero_energy_and_where_lifted_ones_begin():
    found = energy(relu_network(depth=2), "1.5", 1, 10)
    assert found.zero and found.decimal == "0" and found.to_json()["depth"] == 2
    with pytest.raises(InputError, match=r"offered above 1\.9"):
        energy(relu_network(depth=2), "1.5", "2p", 10)


def test_energies_on_the_command_line(run):
    words = ("energy", "--alpha", "7.5", "--level", "1", "--digits", "10")
    code, out, _ = run(*words, "--widths", "7.7", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["widths"] == ["77/10"] and shown["depth"] == 2 and shown["admissible"]
    code, out, err = run(*words, "--widths", "5")
    assert code == 1 and "energy" in out and "layer 1 has width 5.0" in err
    code, _, err = run(*words, "--depth", "2", "--backend", "mpmath")
    assert code == 2 and "use arb" in err
