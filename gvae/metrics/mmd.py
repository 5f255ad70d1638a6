"""Maximum mean discrepancy of pixels under a Gaussian kernel, unbiased, with a 95 % confidence interval.

    MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)
    k(a, b) = exp(-|a - b|^2 / (2 s^2)),   s = median distance between 2,000 real images

"A Kernel Two-Sample Test" (Gretton et al., 2012) https://jmlr.org/papers/v13/gretton12a.html, Eq. 3. Because
the bandwidth comes from the real images alone it is the same for every model, and the value is the same
whether pixels are stored in [0, 1] or [-1, 1]. The variance has the first-order term of a U-statistic, which
vanishes for equal distributions, and the second-order term, which is all that is left then; matrices are made
a block at a time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gvae.errors import GvaeError
from gvae.metrics.base import Metric

BLOCK = 1000
SUBSET = 2000


def mmd(real: np.ndarray, fake: np.ndarray, block: int = BLOCK) -> dict[str, float]:
    """Unbiased squared MMD, half its 95 % confidence interval (`error`), and the bandwidth.

    Args:
        real: images (N, ...), any shape, one range.
        fake: images (M, ...) of the same shape and range.
        block: rows compared at a time; memory is block^2 * 4 bytes, a few times over.

    Raises:
        GvaeError: fewer than two images, or unlike shapes.

    >>> x = np.array([[0.0], [1.0]])  # bandwidth 1, k(0, 1) = exp(-1/2) = 0.6065
    >>> round(mmd(x, np.array([[0.0], [0.0]]))["mmd"], 4)  # 0.6065 + 1 - (1 + 0.6065)
    0.0
    """
    x, y = flatten(real), flatten(fake)
    if x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise GvaeError(
            f"mmd needs two sets of at least 2 images of one shape; got {real.shape} and {fake.shape}"
        )
    centre = x.mean(0)  # distances stay the same, and single precision loses less of them
    x, y = x - centre, y - centre
    bandwidth = median_distance(x)
    xx, yy, xy = (sums(a, b, bandwidth, block) for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    value = (xx.total - n) / (n * (n - 1)) + (yy.total - m) / (m * (m - 1)) - 2 * xy.total / (n * m)
    return {"mmd": value, "error": 1.96 * variance(xx, yy, xy) ** 0.5, "bandwidth": bandwidth}


class Sums(NamedTuple):
    """What is kept of a kernel matrix (N, M): sums of rows (N,) and columns (M,), and of squares."""

    rows: np.ndarray
    columns: np.ndarray
    squares: float

    @property
    def total(self) -> float:
        """Sum of all entries."""
        return float(self.rows.sum())

    @property
    def residual(self) -> float:
        """Variance of the entries that row and column means do not explain."""
        n, m = len(self.rows), len(self.columns)
        mean = self.total / (n * m)
        explained = ((self.rows / m) ** 2).mean() + ((self.columns / n) ** 2).mean() - mean**2
        return max(0.0, float(self.squares / (n * m) - explained))


def sums(a: np.ndarray, b: np.ndarray, bandwidth: float, block: int = BLOCK) -> Sums:
    """Sums of the Gaussian kernel matrix of a (N, D) and b (M, D), made block by block."""
    rows, columns, squares = np.zeros(len(a)), np.zeros(len(b)), 0.0
    norms, norms_b = (a**2).sum(1), (b**2).sum(1)
    for i in range(0, len(a), block):
        for j in range(i if a is b else 0, len(b), block):
            distance = -2 * (a[i : i + block] @ b[j : j + block].T)
            distance += norms[i : i + block, None] + norms_b[j : j + block]
            if a is b and i == j:
                np.fill_diagonal(distance, 0)
            kernel = np.exp(distance.clip(0) / np.float32(-2 * bandwidth**2))
            across, down = kernel.sum(1, dtype=np.float64), kernel.sum(0, dtype=np.float64)
            rows[i : i + block] += across
            columns[j : j + block] += down
            mirrored = a is b and i != j  # the matrix is symmetric: only its upper half is made
            if mirrored:
                rows[j : j + block] += down
                columns[i : i + block] += across
            squares += (1 + mirrored) * float(np.vdot(kernel, kernel))
    return Sums(rows, columns, squares)


def variance(xx: Sums, yy: Sums, xy: Sums) -> float:
    """Variance of the unbiased squared MMD: first-order part (never below 0) plus second-order part."""
    n, m = len(xx.rows), len(yy.rows)
    noise = 4 * (xx.residual / n**2 + xy.residual / (n * m)) + 4 * (
        yy.residual / m**2 + xy.residual / (n * m)
    )
    witness = 4 * (xx.rows / n - xy.rows / m).var() / n + 4 * (yy.rows / m - xy.columns / n).var() / m
    second = 2 * xx.residual / n**2 + 2 * yy.residual / m**2 + 4 * xy.residual / (n * m)
    return max(0.0, float(witness - noise)) + second


def median_distance(x: np.ndarray, subset: int = SUBSET, seed: int = 0) -> float:
    """Median distance between different images of a fixed random subset of x (N, D)."""
    if len(x) > subset:
        x = x[np.random.default_rng(seed).choice(len(x), subset, replace=False)]
    norms = (x**2).sum(1)
    squared = (norms[:, None] + norms - 2 * x @ x.T)[np.triu_indices(len(x), 1)]
    found = float(np.median(squared.clip(0))) ** 0.5
    if not np.isfinite(found) or found == 0:
        raise GvaeError(
            "the median distance between real images is 0 or not finite; are they all the same image?"
        )
    return found


def flatten(images: np.ndarray) -> np.ndarray:
    """Images (N, ...) as float32 rows (N, D)."""
    return np.asarray(images, np.float32).reshape(len(images), -1)


METRIC = Metric(
    name="mmd",
    function=mmd,
    needs=("real", "fake"),
    better="lower",
    summary="unbiased squared MMD of pixels, Gaussian kernel, with a 95 % confidence interval",
    paper="A Kernel Two-Sample Test (Gretton et al., 2012) https://jmlr.org/papers/v13/gretton12a.html",
    protocol={"kernel": "gaussian", "bandwidth": f"median distance of {SUBSET} real images, seed 0"},
    minimum=20,
    floor=("real", "other"),
)
