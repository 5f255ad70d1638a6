"""Precision, recall, density and coverage: quality and variety, told apart by balls in feature space.

With B(a) the ball around a whose radius reaches a's k-th nearest neighbour in its own set:

    precision  share of generated images inside at least one real ball
    recall     share of real images inside at least one generated ball
    density    mean number of real balls around a generated image, over k (may exceed 1)
    coverage   share of real balls that hold at least one generated image

"Improved Precision and Recall Metric for Assessing Generative Models" (Kynkaanniemi et al., 2019)
https://arxiv.org/abs/1904.06991; "Reliable Fidelity and Diversity Metrics for Generative Models" (Naeem et
al., 2020) https://arxiv.org/abs/2002.09797
"""

from __future__ import annotations

import numpy as np

from gvae.errors import GvaeError
from gvae.metrics.base import Metric
from gvae.metrics.frechet import check_features

K = 5
BLOCK = 1000


def prdc(real: np.ndarray, fake: np.ndarray, k: int = K, block: int = BLOCK) -> dict[str, float]:
    """Precision, recall, density and coverage of two sets of features; coverage is the headline.

    Args:
        real: features (N, F).
        fake: features (M, F).
        k: neighbours that define a ball.
        block: rows compared at a time; memory is block * max(N, M) * 8 bytes, a few times over.

    Raises:
        GvaeError: k or fewer rows, or see `frechet.check_features`.

    >>> line = np.arange(10.0)[:, None]
    >>> prdc(line, line + 0.1, k=1)["coverage"], prdc(line, line + 100, k=1)["coverage"]
    (1.0, 0.0)
    """
    check_features(real, fake)
    if min(len(real), len(fake)) <= k:
        raise GvaeError(
            f"prdc with k = {k} needs more than {k} images; got {len(real)} real, {len(fake)} generated"
        )
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    balls, balls_fake = radii(real, k, block), radii(fake, k, block)
    inside = np.zeros(len(fake))
    recalled = np.zeros(len(real), bool)
    covered = np.zeros(len(real), bool)
    for rows in _blocks(len(real), block):
        distance = squared_distances(real[rows], fake)
        held = distance < balls[rows, None]
        inside += held.sum(0)
        covered[rows] = held.any(1)
        recalled[rows] = (distance < balls_fake).any(1)
    return {
        "coverage": float(covered.mean()),
        "density": float(inside.mean() / k),
        "precision": float((inside > 0).mean()),
        "recall": float(recalled.mean()),
    }


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances (N, M) between rows of a (N, F) and b (M, F)."""
    return ((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * (a @ b.T)).clip(0)


def radii(points: np.ndarray, k: int, block: int = BLOCK) -> np.ndarray:
    """Squared distance (N,) from each point to its k-th nearest other point."""
    found = np.empty(len(points))
    for rows in _blocks(len(points), block):
        distance = squared_distances(points[rows], points)
        distance[np.arange(len(distance)), np.arange(rows.start, rows.start + len(distance))] = np.inf
        found[rows] = np.partition(distance, k - 1, axis=1)[:, k - 1]
    return found


def _blocks(n: int, block: int) -> list[slice]:
    """Consecutive slices of at most `block` rows."""
    return [slice(start, min(start + block, n)) for start in range(0, n, block)]


METRIC = Metric(
    name="prdc",
    function=prdc,
    needs=("real_features", "fake_features"),
    better="higher",
    summary="coverage (headline), density, precision, recall in classifier features, k = 5",
    paper="Reliable Fidelity and Diversity Metrics for Generative Models (Naeem et al., 2020) "
    "https://arxiv.org/abs/2002.09797",
    protocol={"k": K},
    minimum=50,
    floor=("real_features", "other_features"),
)
