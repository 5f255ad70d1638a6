"""Frechet distance between two sets of features, each summarised as a Gaussian.

    |m - m'|^2 + tr(S + S' - 2 (S^1/2 S' S^1/2)^1/2)

"GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium" (Heusel et al., 2017)
https://arxiv.org/abs/1706.08500, there in features of Inception-v3. Here the features are those of a small
classifier of the same data set, so a value is comparable only under the same feature network and the same n.
"""

from __future__ import annotations

import numpy as np

from gvae.errors import GvaeError
from gvae.metrics.base import Metric
from gvae.metrics.intervals import block_sums, half_width, moments, smooth

Moments = tuple[np.ndarray, np.ndarray]
"""mean (..., F) and covariance (..., F, F)"""


def frechet(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """Frechet distance of two sets of features, and half its 95 % interval.

    The distance falls with n, so compare at the same n; the interval is of the sampling noise about the mean distance at
    that n, and does not hold the distance of infinitely many images, which is lower.

    Args:
        real: features (N, F).
        fake: features (M, F).

    Raises:
        GvaeError: fewer than two rows, unlike F, or values that are not finite.

    >>> a = np.array([[0.0], [2.0]])  # mean 1, variance 2
    >>> b = np.array([[3.0], [3.0], [6.0], [6.0]])  # mean 4.5, variance 3
    >>> round(frechet(a, b)["fd"], 4)  # 3.5^2 + (sqrt 2 - sqrt 3)^2
    12.351
    """
    check_features(real, fake)
    centre = real.mean(0, dtype=np.float64)  # distances stay the same, and sums of squares lose no digits
    x, y = real - centre, fake - centre
    blocks = [block_sums(values, min(_blocks(x.shape[1]), len(values) // 2)) for values in (x, y)]
    a, b = (moments(part.sum(0)) for part in blocks)
    numbers = {"fd": max(0.0, float(distance(a, b))), "fd_means": float(((a[0] - b[0]) ** 2).sum())}
    if min(map(len, blocks)) < 3:
        return numbers
    pulls = influence(x, a, b), influence(y, b, a)
    spread = smooth(pulls, lambda *sums: distance(*map(moments, sums)), blocks)
    return numbers | {"error": half_width(spread)}


def distance(a: Moments, b: Moments) -> np.ndarray:
    """Frechet distance (...) of Gaussians with means (..., F) and covariances (..., F, F)."""
    if a[1].ndim > b[1].ndim:  # roots of the fewer
        a, b = b, a
    root = _root(a[1])
    cross = np.linalg.eigvalsh(root @ b[1] @ root)
    spread = np.trace(a[1] + b[1], axis1=-2, axis2=-1) - 2 * np.sqrt(cross.clip(0)).sum(-1)
    return ((a[0] - b[0]) ** 2).sum(-1) + spread


def influence(x: np.ndarray, a: Moments, b: Moments) -> np.ndarray:
    """Derivative of the distance of a from b in the weight of each row of x (N, F), of which a are the moments.

    2 (m - m')^T (x - m) + (x - m)^T (I - T) (x - m), less its mean;   T = S^-1/2 (S^1/2 S' S^1/2)^1/2 S^-1/2
    """
    centred, root, inverse = x - a[0], _root(a[1]), _root(a[1], -0.5)
    transport = inverse @ _root(root @ b[1] @ root) @ inverse
    values = 2 * centred @ (a[0] - b[0]) + (centred * (centred - centred @ transport)).sum(1)
    return values - values.mean()


def _blocks(size: int) -> int:
    """Blocks of images for the second-order part of the interval; few where a distance takes long."""
    return 10 if size <= 128 else 4


def check_features(*sets: np.ndarray) -> None:
    """Raise a `GvaeError` unless every set is a finite matrix (N >= 2, F) with the same F."""
    for features in sets:
        if features.ndim != 2 or len(features) < 2 or features.shape[1] != sets[0].shape[1]:
            shapes = " and ".join(str(s.shape) for s in sets)
            raise GvaeError(f"features must be matrices (N >= 2, F) with the same F; got shapes {shapes}")
        if not np.isfinite(features).all():
            raise GvaeError("features contain values that are not finite; the model probably diverged: look at samples")


def _root(matrix: np.ndarray, power: float = 0.5) -> np.ndarray:
    """Power of symmetric positive semi-definite matrices (..., F, F); a negative one of a pseudo-inverse."""
    values, vectors = np.linalg.eigh(matrix)
    held = values > 1e-12 * np.maximum(values[..., -1:], 0)
    powers = np.where(held, np.where(held, values, 1) ** power, 0)
    return (vectors * powers[..., None, :]) @ np.swapaxes(vectors, -1, -2)


METRIC = Metric(
    name="fd",
    function=frechet,
    needs=("real_features", "fake_features"),
    better="lower",
    summary="Frechet distance in classifier features",
    paper="GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017) https://arxiv.org/abs/1706.08500",
    interval="influences of images, and pairs of blocks for the second-order part; about the mean at this n",
    protocol={"covariance": "unbiased"},
    minimum=100,
    floor=("real_features", "other_features"),
)
