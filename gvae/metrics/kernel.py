"""Kernel distance: unbiased squared MMD of two sets of features under a cubic kernel.

    mean over random subsets of 1,000 images:   mean k(x, x') + mean k(y, y') - 2 mean k(x, y)
    k(a, b) = (a.b / F + 1)^3

Unlike the Frechet distance its expectation does not depend on n: equal distributions give 0 on average, and
values below zero happen. "Demystifying MMD GANs" (Binkowski et al., 2018) https://arxiv.org/abs/1801.01401
"""

from __future__ import annotations

import numpy as np

from gvae.metrics.base import Metric
from gvae.metrics.frechet import check_features

SUBSETS = 100
SIZE = 1000


def kernel_distance(
    real: np.ndarray, fake: np.ndarray, subsets: int = SUBSETS, size: int = SIZE, seed: int = 0
) -> dict[str, float]:
    """Kernel distance of two sets of features, and its standard deviation over subsets.

    Args:
        real: features (N, F).
        fake: features (M, F).
        subsets: how many pairs of random subsets.
        size: images in a subset; all of them where a set is smaller.
        seed: which subsets.

    Raises:
        GvaeError: see `frechet.check_features`.

    >>> kernel_distance(np.array([[0.0], [0.0]]), np.array([[1.0], [1.0]]))["kd"]  # 1 + 8 - 2
    7.0
    """
    check_features(real, fake)
    size = min(size, len(real), len(fake))
    rng = np.random.default_rng(seed)
    values = [
        unbiased(
            real[rng.choice(len(real), size, replace=False)], fake[rng.choice(len(fake), size, replace=False)]
        )
        for _ in range(subsets)
    ]
    return {"kd": float(np.mean(values)), "kd_spread": float(np.std(values))}


def unbiased(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased squared MMD of x (N, F) and y (M, F) under the cubic kernel."""
    return _off_diagonal(cubic(x, x)) + _off_diagonal(cubic(y, y)) - 2 * float(cubic(x, y).mean())


def cubic(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Kernel matrix (N, M) of (a.b / F + 1)^3."""
    inner = a.astype(np.float64) @ b.astype(np.float64).T / a.shape[1] + 1
    return inner * inner * inner  # ten times faster than a power


def _off_diagonal(matrix: np.ndarray) -> float:
    """Mean of a square matrix without its diagonal."""
    n = len(matrix)
    return float((matrix.sum() - np.trace(matrix)) / (n * (n - 1)))


METRIC = Metric(
    name="kd",
    function=kernel_distance,
    needs=("real_features", "fake_features"),
    better="lower",
    summary="kernel distance (cubic, unbiased) in classifier features",
    paper="Demystifying MMD GANs (Binkowski et al., 2018) https://arxiv.org/abs/1801.01401",
    protocol={"kernel": "(a.b / F + 1)^3", "subsets": SUBSETS, "subset_size": SIZE},
    minimum=50,
    floor=("real_features", "other_features"),
)
