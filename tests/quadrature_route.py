"""A second route to one-layer capacities of gates, sharing nothing with the package.

The envelope is min(dist^2/(2 chi), 1) with the distance computed from the intervals, every expectation is a piecewise
Gauss-Legendre sum (trapezoidal for the outer normal of level 2), and the capacity is the least (1 + sphere)/(-tower).
"""

import numpy as np
from scipy.optimize import minimize, minimize_scalar

INFINITY = float("inf")
NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)  # of every interval of length one or less
STEP = 0.08
OUTER = np.arange(-9, 9.0001, STEP)

GATES = {
    "relu": [(0, INFINITY)],
    "relu-bias:1/2": [(0.5, INFINITY)],
    "relu-bias:-1": [(-1, INFINITY)],
    "threshold:2": [(2, INFINITY)],
    "relu6": [(0, 6)],
    "hardsigmoid": [(-3, 3)],
    "hardtanh": [(-1, 1)],
    "softshrink:1/2": [(-INFINITY, -0.5), (0.5, INFINITY)],
    "(-1/2,1/3) U (1,oo)": [(-0.5, 1 / 3), (1, INFINITY)],
    "relu-bias:3": [(3, INFINITY)],
    "(-1/4,1/4)": [(-0.25, 0.25)],
}


def density(t):
    return np.exp(-t * t / 2) / np.sqrt(2 * np.pi)


def envelope(active, chi):
    """Nodes, weights and M_chi at the nodes; the pieces end where the envelope has a kink."""
    ends = set(np.arange(-14.0, 14.5, 1.0))
    for a, b in active:
        ends |= {a, b, a + np.sqrt(2 * chi), b - np.sqrt(2 * chi), (a + b) / 2}
    ends = np.array(sorted(e for e in ends if np.isfinite(e) and -14 <= e <= 14))
    middle, half = (ends[1:] + ends[:-1]) / 2, np.diff(ends) / 2
    h = (middle[:, None] + half[:, None] * NODES).ravel()
    distance = np.zeros_like(h)
    for a, b in active:
        inside = (h > a) & (h < b)
        distance[inside] = np.minimum(h - a, b - h)[inside]
    return h, (half[:, None] * WEIGHTS).ravel(), np.minimum(distance**2 / (2 * chi), 1)


def plain(t, active):
    chi = np.exp(t)
    h, w, cost = envelope(active, chi)
    return (1 + 1 / (2 * chi)) / np.sum(w * density(h) * cost)


def partial(t, active):
    chi, y = np.exp(t)
    h, w, cost = envelope(active, chi)
    return (1 + np.log1p(y / chi) / (2 * y)) / (-np.log1p(np.sum(w * density(h) * np.expm1(-y * cost))) / y)


def full(t, active):
    chi, y = np.exp(t[:2])
    p = 1 / (1 + np.exp(-t[2]))
    h, w, cost = envelope(active, chi)
    kernel = density((h[None, :] - np.sqrt(p) * OUTER[:, None]) / np.sqrt(1 - p)) / np.sqrt(1 - p)
    tower = np.sum(density(OUTER) * np.log1p(kernel @ (w * np.expm1(-y * cost))) / y) * STEP
    sphere = np.log1p(y * (1 - p) / chi) / (2 * y) + p / (2 * (chi + y * (1 - p)))
    return (1 + sphere) / (-tower)


def capacity(level, active):
    """The capacity in double precision, and the minimiser in logarithmic (and logistic) coordinates."""
    if level == "1":
        found = min(
            (minimize_scalar(plain, bracket=(c, c + 0.3), args=(active,), tol=1e-12) for c in (-3, -1, 0)),
            key=lambda f: f.fun,
        )
        return found.fun, np.array([found.x])
    below = capacity("1" if level == "2p" else "2p", active)[1]
    starts = (
        [(below[0] - 0.5, -0.4), (below[0] - 1, 1)]
        if level == "2p"
        else [(below[0] - 1.5, 1.2, 1.2), (below[0] - 0.2, below[1] + 0.2, -1.5)]
    )
    options = {"xatol": 1e-6, "fatol": 1e-12, "maxiter": 3000, "maxfev": 3000}
    found = min(
        (
            minimize(partial if level == "2p" else full, s, args=(active,), method="Nelder-Mead", options=options)
            for s in starts
        ),
        key=lambda f: f.fun,
    )
    return found.fun, found.x
