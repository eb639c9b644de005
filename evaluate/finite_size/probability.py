"""How often a random ReLU layer of finite size is injective: exact decisions over independent trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from flrdt.derive.core.exact_numbers import parse_count

from ..arithmetic.decimals import InputError, parse_number
from ..machine.processes import local_pool, parse_workers
from ..results.shown_values import ShownValue
from .arrangement import most_rays, shallow_rays
from .search import candidates
from .seeds import MOST, seed_of

__all__ = ["FiniteResult", "injectivity_probability", "planar_probability"]

#: Expected rays kept at once up to which every trial is decided.
MAX_RAYS = 100_000

#: Expected rays from which a local search for a refutation pays before the exact decision.
SEARCH_FIRST = 1_000

#: Seconds that a batch of trials may take before worker processes, which are slow to start, are called in.
IN_PROCESS_SECONDS = 3.0


@dataclass(frozen=True, repr=False)
class FiniteResult(ShownValue):
    """Trials of m x n Gaussian layers: proved injective, refuted by an exact count, or left undecided.

    ``low`` and ``high`` enclose the probability of injectivity with the given confidence (Clopper-Pearson); the lower
    end counts every undecided trial as not injective and the upper end as injective.
    """

    n: int
    m: int
    trials: int
    seed: int
    injective: int
    refuted: int
    low: float
    high: float
    confidence: Fraction
    seconds: float

    def _line(self) -> str:
        return f"{self.m} x {self.n}: {self.injective} of {self.trials} injective, {self.undecided} undecided"

    def _tex(self) -> str:
        low, high = self.to_json()["interval"]
        return rf"P(\text{{injective}}) \in [{low}, {high}]"

    @property
    def undecided(self) -> int:
        return self.trials - self.injective - self.refuted

    def to_json(self) -> dict[str, Any]:
        """The object that ``flrdt finite --json`` prints for one size."""
        from ..results.capacity import tool_version

        return {
            "n": self.n,
            "m": self.m,
            "trials": self.trials,
            "seed": self.seed,
            "injective": self.injective,
            "refuted": self.refuted,
            "undecided": self.undecided,
            "probability": None if self.undecided else f"{self.injective / self.trials:.6g}",
            # rounded outwards
            "interval": [f"{np.floor(self.low * 1e6) / 1e6:.6f}", f"{np.ceil(self.high * 1e6) / 1e6:.6f}"],
            "confidence": str(float(self.confidence)),
            "error_kind": "Clopper-Pearson interval",
            "seconds": round(self.seconds, 3),
            "version": tool_version(),
        }


def injectivity_probability(
    n: int,
    m: int,
    trials: int | str = 100,
    seed: int | str = 0,
    *,
    rng: Any = None,
    confidence: Fraction | str = "0.95",
    workers: int | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> FiniteResult:
    """The probability that ReLU(A x) with an m x n matrix A of independent standard normals is injective.

    Every trial is decided exactly while the search is affordable (n up to 7, and 8 for few rows); beyond that a
    trial is refuted by an exactly counted input or stays undecided.  The outcome of a decided trial depends on n, m, seed
    and its number only, not on ``workers``; ``rng`` is taken instead of ``seed`` as :func:`~flrdt.evaluate.finite_size.seeds.seed_of` says.  Raises ``InputError``
    for sizes, trials or seeds that are not natural.

    >>> found = injectivity_probability(2, 5, trials=40, seed=1, workers=1)
    >>> found.low < float(planar_probability(5)) < found.high
    True
    """
    from scipy.stats import binomtest

    started = time.perf_counter()
    n, m, trials = (natural(v, name) for v, name in ((n, "n"), (m, "m"), (trials, "trials")))
    seed = seed_of(seed, rng)
    level = parse_number(confidence, "confidence", positive=True)
    if level >= 1:
        raise InputError(f"confidence {confidence} must lie between 0 and 1, for example 0.95")
    count = parse_workers(workers)
    outcomes: dict[bool | None, int] = {True: 0, False: 0, None: 0}
    for done, outcome in enumerate(_outcomes(n, m, trials, seed, min(count, trials)), start=1):
        outcomes[outcome] += 1
        if done * 10 % trials < 10:
            report(f"{done} of {trials} trials")
    low = binomtest(outcomes[True], trials).proportion_ci(float(level), "exact").low
    high = binomtest(trials - outcomes[False], trials).proportion_ci(float(level), "exact").high
    return FiniteResult(
        n,
        m,
        trials,
        seed,
        outcomes[True],
        outcomes[False],
        float(low),
        float(high),
        level,
        time.perf_counter() - started,
    )


def natural(value: int | str, name: str, least: int = 1) -> int:
    """A natural number from a word; raises ``InputError``."""
    return parse_count(value, name, least, MOST)


def _outcomes(n: int, m: int, trials: int, seed: int, workers: int) -> Iterator[bool | None]:
    """The outcomes in order; processes are started only once the trials have shown to take longer than that."""
    decide = partial(decide_trial, n, m, seed)
    started, done = time.perf_counter(), 0
    while done < trials and (workers == 1 or time.perf_counter() - started < IN_PROCESS_SECONDS):
        yield decide(done)
        done += 1
    if done < trials:
        with local_pool(workers) as pool:
            yield from pool.map(decide, range(done, trials), chunksize=max(1, (trials - done) // (8 * workers)))


def decide_trial(n: int, m: int, seed: int, trial: int) -> bool | None:
    """True: injective, no input has fewer than n active outputs.  False: some input has.  None: not refuted.

    A Gaussian layer is in general position with probability one, so its active rows span R^n exactly when there are n
    of them; a dependency that the exact search meets raises ``DegenerateError``.
    """
    if m < n:
        return False
    matrix = np.random.default_rng([seed, trial]).standard_normal((m, n))
    peak = most_rays(n, m, MAX_RAYS)
    if peak > SEARCH_FIRST:
        restarts, walks = (8, 4) if peak <= MAX_RAYS else (32, 8)
        for x in candidates([matrix], trial, False, restarts, walks):
            if np.count_nonzero(matrix @ x > 0) < n and exact_count(matrix, x) < n:
                return False
    if peak > MAX_RAYS:
        return None
    rows = [[Fraction(v) for v in row] for row in matrix.tolist()]
    return not len(shallow_rays(rows, n - 1).counts)


def exact_count(matrix: np.ndarray, x: np.ndarray) -> int:
    """The number of rows with a . x >= 0, in rational arithmetic."""
    point = [Fraction(v) for v in x.tolist()]
    return sum(sum(Fraction(a) * v for a, v in zip(row, point, strict=True)) >= 0 for row in matrix.tolist())


def planar_probability(m: int) -> Fraction:
    """The exact probability that an m x 2 Gaussian layer is injective.

    On the way round the circle every row in turn switches once on or off, with fair independent signs, and half-way
    round the count c has become m - c.  So it is the fraction of the 2^m paths with steps +1 and -1 that lead from some
    c to m - c and stay between 2 and m - 2.

    >>> planar_probability(4), planar_probability(5), planar_probability(8)
    (Fraction(0, 1), Fraction(1, 16), Fraction(5, 8))
    """
    good = 0
    for start in range(2, m - 1):
        ways = {start: 1}
        for _ in range(m):
            following: dict[int, int] = {}
            for height, number in ways.items():
                for after in (height - 1, height + 1):
                    if 2 <= after <= m - 2:
                        following[after] = following.get(after, 0) + number
            ways = following
        good += ways.get(m - start, 0)
    return Fraction(good, 2**m)
