"""Local search for an input at which a ReLU network keeps few active outputs.

Networks come in homogeneous form: the input is (x, t) with t > 0, every hidden layer passes t on, and a bias is a column
that multiplies t. So a bias costs one coordinate and nothing else. The results are candidates for an exact check.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

#: Steps and step length of the descent, and the range over which the truncation narrows (unit-variance outputs).
STEPS, RATE, MOMENTUM, WIDE, NARROW = 600, 10.0, 0.9, 0.7, 0.05
#: Rounds of the walk from ray to ray.
ROUNDS = 200


def descend(matrices: Sequence[np.ndarray], rng: np.random.Generator, restarts: int, biased: bool) -> np.ndarray:
    """Unit inputs, those with the fewest active outputs first.

    Gradient descent with momentum on sum_i min((z_i)_+^2, k^2), the envelope of the count, while k narrows: outputs
    that are active by little are pulled back and the others are let go. All restarts move together.
    """
    x = rng.standard_normal((restarts, matrices[0].shape[1]))
    if biased:
        x[:, -1] = np.abs(x[:, -1])
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    scale = np.sqrt(np.mean(_forward(matrices, x)[-1] ** 2)) + 1e-300
    velocity = np.zeros_like(x)
    for step in range(STEPS):
        outputs = _forward(matrices, x)
        z = outputs[-1] / scale
        k = WIDE * (NARROW / WIDE) ** (step / STEPS)
        gradient = np.where((z > 0) & (z < k), z, 0) / z.shape[1]
        for index in range(len(matrices) - 1, -1, -1):
            gradient = gradient @ matrices[index]
            if index:
                gradient *= outputs[index - 1] > 0
        velocity = MOMENTUM * velocity - RATE / scale * gradient
        velocity -= np.sum(velocity * x, axis=1, keepdims=True) * x
        x = x + velocity
        if biased:
            x[:, -1] = np.maximum(x[:, -1], 1e-6)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    counts = np.count_nonzero(_forward(matrices, x)[-1] > 0, axis=1)
    return x[np.argsort(counts, kind="stable")]


def _forward(matrices: Sequence[np.ndarray], x: np.ndarray) -> list[np.ndarray]:
    outputs = []
    for matrix in matrices:
        outputs.append(x @ matrix.T)
        x = np.maximum(outputs[-1], 0)
    return outputs


def walk(rows: np.ndarray, weights: np.ndarray, start: np.ndarray, target: float) -> np.ndarray:
    """A point where the total weight of { i : rows_i . x > 0 } is small, by descent from ray to ray.

    One round looks at every ray on the n-1 circles through the present one and moves to the best. Ends at `target` or
    at a ray that no such move improves; raises numpy.linalg.LinAlgError where rows are dependent.
    """
    m, n = rows.shape
    ties = np.argsort(np.abs(rows @ start))[: n - 1]
    ray = np.linalg.svd(rows[ties])[2][-1] if n > 1 else np.ones(1)
    ray = ray if ray @ start >= 0 else -ray
    least = np.inf
    for _ in range(ROUNDS):
        ray, directions = _frame(rows, ties, ray)
        z, w = rows @ ray, rows @ directions
        z[ties], w[ties] = 0, np.eye(n - 1)
        if n == 1:
            break
        # on the circle ray + s direction_t, row i changes sign at the root s = -z_i/w_i
        with np.errstate(divide="ignore", invalid="ignore"):
            roots = np.where(w != 0, -z[:, None] / w, np.inf)
        order = np.argsort(roots, axis=0)
        change = np.take_along_axis(np.sign(w), order, axis=0) * weights[order]
        before = np.cumsum(change, axis=0) - change + np.sum(weights[:, None] * (w < 0), axis=0)
        after = before + np.minimum(change, 0)
        moving, fixed = np.sum(weights[:, None] * (w != 0), axis=0), weights[:, None] * (w == 0)
        positive = after + np.sum(fixed * (z > 0)[:, None], axis=0)
        negative = moving - np.abs(change) - after + np.sum(fixed * (z < 0)[:, None], axis=0)
        lower = np.where(change != 0, np.minimum(positive, negative), np.inf)
        if not lower.min() < least:
            break
        least = lower.min()
        r, t = np.unravel_index(np.argmin(lower), lower.shape)
        i = order[r, t]
        ray = (ray + roots[i, t] * directions[:, t]) * (1 if positive[r, t] <= negative[r, t] else -1)
        ties = np.concatenate([ties[:t], [i], ties[t + 1 :]])
        if least <= target:
            break
    # tip the ties to the negative side, without crossing another row
    ray, directions = _frame(rows, ties, ray)
    tilt = -directions.sum(axis=1)
    others = np.delete(np.arange(m), ties)
    room = np.abs(rows[others] @ ray) / (np.abs(rows[others] @ tilt) + 1e-300)
    return ray + 0.5 * np.min(room, initial=1.0) * tilt


def _frame(rows: np.ndarray, ties: np.ndarray, ray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The unit vector orthogonal to the ties on the side of `ray`, and the basis dual to the ties beside it."""
    inverse = np.linalg.inv(np.vstack([rows[ties], ray]))
    return inverse[:, -1] / np.linalg.norm(inverse[:, -1]), inverse[:, :-1]


def candidates(
    matrices: Sequence[np.ndarray], seed: int, biased: bool, restarts: int, walks: int
) -> Iterator[np.ndarray]:
    """Candidate inputs (x, t): the results of the descent, then, for one layer, walks that start from them."""
    rng = np.random.default_rng(seed)
    starts = descend(matrices, rng, restarts, biased)
    yield starts[0]
    if len(matrices) > 1:
        yield from starts[1:]
        return
    rows, weights = matrices[0], np.ones(len(matrices[0]))
    if biased:
        rows = np.vstack([rows, -np.eye(1, rows.shape[1], rows.shape[1] - 1)])
        weights = np.append(weights, len(rows))
    for start in starts[:walks]:
        try:
            yield walk(rows, weights, start, matrices[0].shape[1] - 1 - biased)
        except np.linalg.LinAlgError:
            yield start
