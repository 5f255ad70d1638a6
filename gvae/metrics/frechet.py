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


def frechet(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """Frechet distance of two sets of features; falls with n, so compare at the same n.

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
    mean, covariance = _moments(real)
    mean_fake, covariance_fake = _moments(fake)
    root = _root(covariance)
    cross = np.linalg.eigvalsh(root @ covariance_fake @ root)
    spread = np.trace(covariance) + np.trace(covariance_fake) - 2 * np.sqrt(cross.clip(0)).sum()
    distance = float(((mean - mean_fake) ** 2).sum())
    return {"fd": max(0.0, distance + float(spread)), "fd_means": distance}


def check_features(*sets: np.ndarray) -> None:
    """Raise a `GvaeError` unless every set is a finite matrix (N >= 2, F) with the same F."""
    for features in sets:
        if features.ndim != 2 or len(features) < 2 or features.shape[1] != sets[0].shape[1]:
            shapes = " and ".join(str(s.shape) for s in sets)
            raise GvaeError(f"features must be matrices (N >= 2, F) with the same F; got shapes {shapes}")
        if not np.isfinite(features).all():
            raise GvaeError(
                "features contain values that are not finite; the model probably diverged: look at samples"
            )


def _moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (F,) and unbiased covariance (F, F)."""
    features = features.astype(np.float64)
    mean = features.mean(0)
    centred = features - mean
    return mean, centred.T @ centred / (len(features) - 1)


def _root(matrix: np.ndarray) -> np.ndarray:
    """Square root of a symmetric positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


METRIC = Metric(
    name="fd",
    function=frechet,
    needs=("real_features", "fake_features"),
    better="lower",
    summary="Frechet distance in classifier features",
    paper="GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017) https://arxiv.org/abs/1706.08500",
    protocol={"covariance": "unbiased"},
    minimum=100,
    floor=("real_features", "other_features"),
)
