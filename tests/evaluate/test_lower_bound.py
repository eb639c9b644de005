"""The lower bound in numbers: known values, independent solves, and layers of a thousand inputs that are not injective."""

import json
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from flrdt.derive import InputError
from flrdt.evaluate.proofs.bracket import bracket
from flrdt.evaluate.proofs.lower_bound import lower_capacity

# shared theory, section 8: from a float64 solve of the two conditions
THEORY = {"alpha": 4.7166812, "delta": 0.1916021, "k": 0.7994544}


def clip(u, b, d, k):
    return min(max(u - b, d), k)


def mean(f, b, d, k):
    ends = [-9.0, b + d, b + k, 10.0]
    return sum(quad(lambda u: f(u, clip(u, b, d, k)) * norm.pdf(u), *pair)[0] for pair in pairwise(ends))


def moments(b, d, k):
    """E d^2 and E h d by quadrature."""
    return mean(lambda u, z: z * z, b, d, k), mean(lambda u, z: u * z, b, d, k)


def share(components, k):
    return sum(norm.sf(a + k) - norm.sf(c + k) for a, c in components)


def test_the_value_of_the_theory():
    found = lower_capacity(20)
    for name, value in THEORY.items():
        assert float(getattr(found, name)) == pytest.approx(value, abs=6e-8)


@pytest.mark.parametrize(
    ("gate", "radius", "budget", "components"),
    [
        ("relu", 1, 1, [(0, np.inf)]),
        ("relu", 1, 2, [(0, np.inf)]),
        ("relu-bias:1/2", 2, 1, [(0.25, np.inf)]),
        ("relu-bias:-1", 1, 1, [(-1, np.inf)]),
        ("hardtanh", 1, 1, [(-1, 1)]),
        ("(-oo,-2) U (-1,0)", 1, 1, [(0, 1), (2, np.inf)]),
    ],
)
def test_conditions_by_quadrature(gate, radius, budget, components):
    found = lower_capacity(15, gate=gate, radius=radius, budget=budget)
    alpha, d, k = (float(v) for v in (found.alpha, found.delta, found.k))
    square, slope = moments(components[0][0], d, k)
    assert alpha * square == pytest.approx(1, abs=1e-8)
    assert alpha * share(components, k) == pytest.approx(budget, abs=1e-12)
    assert alpha * slope == pytest.approx(1, abs=1e-8) if d else alpha * slope < 1


def test_nothing_required_is_the_half_space_count():
    """With 2 n half-spaces some point lies in none of them (Cover, Wendel): the convex program finds it, without loss."""
    values = [float(lower_capacity(12, budget=f"1/{10**j}").alpha) for j in (2, 4, 6)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(2, abs=1e-4) and values[-1] > 2


def test_digits_and_balls():
    short, long = lower_capacity(30), lower_capacity(120)
    assert short.alpha.overlaps(long.alpha) and long.alpha.rad() < 1e-120
    shown = long.to_json()
    assert shown["alpha"].startswith(short.to_json()["alpha"][:29]) and len(shown["alpha"]) == 121
    assert shown["error_kind"] == "enclosure" and float(shown["alpha_error"]) < 1e-118


def test_the_better_side_of_a_bounded_set_is_taken():
    one, other = lower_capacity(12, gate="(-1,2)"), lower_capacity(12, gate="(-2,1)")
    assert one.to_json()["alpha"] == other.to_json()["alpha"] and one.bound.mirrored is not other.bound.mirrored


def test_brackets():
    found = bracket(12)
    assert (found.low, found.high) == ("4.71668122879", "7.44863872630")
    biased = bracket(10, gate="relu-bias:1/2")
    # level 2p of a biased gate is no theorem: the upper end is the plain level
    assert biased.upper.level == "1" and float(biased.low) < float(biased.high)
    for text in (found.low, found.high):
        assert len(text) == 13


def test_the_command(run):
    code, out, _ = run("capacity", "--both-sides", "--digits", "8")
    assert code == 0 and out.startswith("Interval that contains the injectivity capacity") and "theorems" in out
    assert "4.7166812" in out and "7.4486388" in out
    code, out, _ = run("capacity", "--both-sides", "--digits", "8", "--json")
    shown = json.loads(out)
    assert shown["interval"] == ["4.7166812", "7.4486388"]
    assert [shown[side]["error_kind"] for side in ("lower", "upper")] == ["enclosure", "enclosure"]
    assert "min-max" in shown["lower"]["proved_by"] and "Gordon" in shown["upper"]["proved_by"]
    for words in (["--depth", "2"], ["--gate", "softshrink:1"], ["--gate", "leaky-relu:1/2"], ["--backend", "mpmath"]):
        code, out, err = run("capacity", "--both-sides", *words)
        assert code == 2 and out == "" and err.count("\n") == 1


@pytest.mark.parametrize(
    "bad", [{"gate": "softshrink:1"}, {"gate": "leaky-relu:1"}, {"budget": 0}, {"radius": -1}, {"digits": 0}]
)
def test_bad_input(bad):
    with pytest.raises(InputError):
        lower_capacity(**bad)


# ---- simulation ------------------------------------------------------------------------------------


def slopes(alpha):
    """Slopes with alpha E d^2 = 1 and equal values of alpha E d' and alpha H(k), which are below 1 below the bound."""

    def excess(k):
        d = norm.isf(2 * norm.sf(k))
        return alpha * moments(0, d, k)[0] - 1

    k = brentq(excess, 0.7, 1.5)
    return norm.isf(2 * norm.sf(k)), k


def pinball_minimiser(matrix, d, k, iterations):
    """The dual of minimising the pinball loss over the ball: min |A^T u| with every u_i in [d, k], by projected gradients."""
    m, n = matrix.shape
    size = 1.02 * (np.sqrt(m) + np.sqrt(n)) ** 2
    u = v = np.full(m, (d + k) / 2)
    pace = 1.0
    for _ in range(iterations):
        w = np.clip(v - matrix @ (matrix.T @ v) / size, d, k)
        pace = 1.0 if (v - w) @ (w - u) > 0 else pace
        faster = (1 + np.sqrt(1 + 4 * pace**2)) / 2
        u, v, pace = w, w + (pace - 1) / faster * (w - u), faster
    return u


def few_active(n, alpha, seed, iterations):
    """Active outputs at an input of the layer that the minimiser leads to, over n, and the share that the theory predicts."""
    m = round(alpha * n)
    d, k = slopes(m / n)
    matrix = np.random.default_rng(seed).standard_normal((m, n))
    u = pinball_minimiser(matrix, d, k, iterations)
    x = -matrix.T @ u
    x /= np.linalg.norm(x)
    fields = matrix @ x
    # outputs that should be zero or have the wrong sign: fewer than n rows, so they can be pushed below zero exactly
    doubtful = ((u > d) & (u < k)) | ((u == d) & (fields >= 0))
    assert doubtful.sum() < n
    x = x + np.linalg.lstsq(matrix[doubtful], -fields[doubtful] - 1e-4, rcond=None)[0]
    fields = matrix @ x
    assert np.min(np.abs(fields)) > 1e-9
    return np.sum(fields > 0) / n, m / n * norm.sf(k)


@pytest.mark.parametrize("seed", range(3))
def test_a_small_layer_below_the_bound_is_not_injective(seed):
    found, predicted = few_active(150, 4.2, seed, 800)
    assert found < 1 and found == pytest.approx(predicted, abs=0.12)


@pytest.mark.slow
def test_a_layer_of_a_thousand_inputs():
    """Fewer than n active rows at an input without a zero: the layer is not injective, at n = 1000 and alpha = 4.5."""
    found, predicted = few_active(1000, 4.5, 1, 700)
    assert found < 1 and found == pytest.approx(predicted, abs=0.04)
