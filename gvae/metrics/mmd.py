"""Maximum mean discrepancy of pixels under a Gaussian kernel, unbiased, with a 95 % confidence interval.

    MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)
    k(a, b) = exp(-|a - b|^2 / (2 s^2)),   s = median distance between 2,000 real images

"A Kernel Two-Sample Test" (Gretton et al., 2012) https://jmlr.org/papers/v13/gretton12a.html, Eq. 3. Because
the bandwidth comes from the real images alone it is the same for every model, and the value is the same
whether pixels are stored in [0, 1] or [-1, 1]. See `gvae.metrics.two_sample` for its interval.
"""

from __future__ import annotations

import numpy as np

from gvae.errors import GvaeError
from gvae.metrics.base import Metric
from gvae.metrics.two_sample import BLOCK, Sums, estimate, kernel_sums

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
        raise GvaeError(f"mmd needs two sets of at least 2 images of one shape; got {real.shape} and {fake.shape}")
    centre = x.mean(0)  # distances stay the same, and single precision loses less of them
    x, y = x - centre, y - centre
    bandwidth = median_distance(x)
    value, error = estimate(*(sums(a, b, bandwidth, block) for a, b in ((x, x), (y, y), (x, y))))
    return {"mmd": value, "error": error, "bandwidth": bandwidth}


def sums(a: np.ndarray, b: np.ndarray, bandwidth: float, block: int = BLOCK) -> Sums:
    """Sums of the Gaussian kernel matrix of a (N, D) and b (M, D), made block by block."""

    def gaussian(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        distance = -2 * (a @ b.T)
        distance += (a**2).sum(1)[:, None] + (b**2).sum(1)
        return np.exp(distance.clip(0) / np.float32(-2 * bandwidth**2))

    return kernel_sums(a, b, gaussian, block)


def median_distance(x: np.ndarray, subset: int = SUBSET, seed: int = 0) -> float:
    """Median distance between different images of a fixed random subset of x (N, D)."""
    if len(x) > subset:
        x = x[np.random.default_rng(seed).choice(len(x), subset, replace=False)]
    norms = (x**2).sum(1)
    squared = (norms[:, None] + norms - 2 * x @ x.T)[np.triu_indices(len(x), 1)]
    found = float(np.median(squared.clip(0))) ** 0.5
    if not np.isfinite(found) or found == 0:
        raise GvaeError("the median distance between real images is 0 or not finite; are they all the same image?")
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
    interval="first- and second-order variance of a U-statistic over images",
    protocol={"kernel": "gaussian", "bandwidth": f"median distance of {SUBSET} real images, seed 0"},
    minimum=20,
    floor=("real", "other"),
)
