"""Kernel distance: unbiased squared MMD of two sets of features under a cubic kernel, over all pairs of images.

    mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j),   k(a, b) = (a.b / F + 1)^3

Unlike the Frechet distance its expectation does not depend on n: equal distributions give 0 on average, and
values below zero happen. "Demystifying MMD GANs" (Binkowski et al., 2018) https://arxiv.org/abs/1801.01401, whose
authors take the mean over random subsets of 1,000 images; that has the same expectation and more noise.
"""

from __future__ import annotations

import numpy as np

from gvae.metrics.base import Metric
from gvae.metrics.frechet import check_features
from gvae.metrics.two_sample import BLOCK, estimate, kernel_sums


def kernel_distance(real: np.ndarray, fake: np.ndarray, block: int = BLOCK) -> dict[str, float]:
    """Kernel distance of two sets of features, and half its 95 % interval.

    Args:
        real: features (N, F).
        fake: features (M, F).
        block: rows compared at a time; memory is block^2 * 8 bytes, a few times over.

    Raises:
        GvaeError: see `frechet.check_features`.

    >>> kernel_distance(np.array([[0.0], [0.0]]), np.array([[1.0], [1.0]]))["kd"]  # 1 + 8 - 2
    7.0
    """
    check_features(real, fake)
    x, y = real.astype(np.float64), fake.astype(np.float64)
    value, error = estimate(*(kernel_sums(a, b, cubic, block) for a, b in ((x, x), (y, y), (x, y))))
    return {"kd": value, "error": error}


def cubic(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Kernel matrix (N, M) of (a.b / F + 1)^3."""
    inner = a @ b.T / a.shape[1] + 1
    return inner * inner * inner  # ten times faster than a power


METRIC = Metric(
    name="kd",
    function=kernel_distance,
    needs=("real_features", "fake_features"),
    better="lower",
    summary="kernel distance (cubic, unbiased) in classifier features",
    paper="Demystifying MMD GANs (Binkowski et al., 2018) https://arxiv.org/abs/1801.01401",
    interval="first- and second-order variance of a U-statistic over images",
    protocol={"kernel": "(a.b / F + 1)^3", "pairs": "all"},
    minimum=50,
    floor=("real_features", "other_features"),
)
