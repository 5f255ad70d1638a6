"""Which classes a model draws: their shares, as a classifier sees the samples, against the real shares.

    kl_real = sum_c p_c log(p_c / r_c),   p: shares of samples, r: of real images, by the same classifier

Counting what a model draws by a classifier follows the Stacked-MNIST test of "Unrolled Generative Adversarial
Networks" (Metz et al., 2017) https://arxiv.org/abs/1611.02163, Section 3.3.1.
"""

from __future__ import annotations

import numpy as np

from gvae.errors import GvaeError
from gvae.metrics.base import Metric
from gvae.metrics.intervals import half_width, of_distance


def class_histogram(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """KL of the class shares from the real ones (nats, headline) and from equal shares, and the shares.

    Args:
        real: class probabilities (N, K) of real images.
        fake: class probabilities (M, K) of generated images.

    Returns:
        `kl_real` with `error`, half its 95 % interval; `kl_uniform`, `smallest` and `largest` share, `confidence`
        (mean probability of the predicted class), `share_0` ... of each class.

    Raises:
        GvaeError: not matrices with the same K.

    >>> real, fake = np.eye(2)[[0, 1]], np.eye(2)[[0, 0]]
    >>> result = class_histogram(real, fake)
    >>> round(result["kl_real"], 4), result["smallest"]  # log 2
    (0.6931, 0.0)
    """
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise GvaeError(f"class probabilities must be (N, K) with the same K; got {real.shape} and {fake.shape}")
    shares, target = _shares(fake), _shares(real)
    expected = np.maximum(target, 1 / len(real))
    return {
        "kl_real": divergence(shares, expected),
        "error": half_width(variance(shares, expected / expected.sum(), len(fake), len(real))),
        "kl_uniform": divergence(shares, np.full(len(shares), 1 / len(shares))),
        "smallest": float(shares.min()),
        "largest": float(shares.max()),
        "confidence": float(fake.max(1).mean()),
        **{f"share_{c}": float(share) for c, share in enumerate(shares)},
    }


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """KL(p || q) of two histograms (K,), in nats; q is scaled to sum to 1, and 0 log 0 = 0."""
    held = p > 0
    return float((p[held] * np.log(p[held] / (q[held] / q.sum()))).sum())


def variance(p: np.ndarray, r: np.ndarray, m: int, n: int) -> float:
    """Variance of KL(p || r) where p (K,) are shares of m images and r (K,) of n others.

    The delta method's first-order part, and the second-order part (K - 1) (1 / m + 1 / n)^2 / 2, which is all there is
    where the shares are equal.
    """
    log_ratio = np.log(np.where(p > 0, p / r, 1.0))
    mean = float((p * log_ratio).sum())
    first = float((p * (log_ratio - mean) ** 2).sum()) / m + float((p**2 / r).sum() - 1) / n
    freedom, noise = int((r > 0).sum()) - 1, 1 / m + 1 / n
    return of_distance(first, freedom * noise**2 / 2, mean, freedom * noise / 2)


def _shares(probabilities: np.ndarray) -> np.ndarray:
    """Share (K,) of each predicted class."""
    return np.bincount(probabilities.argmax(1), minlength=probabilities.shape[1]) / len(probabilities)


METRIC = Metric(
    name="class-histogram",
    function=class_histogram,
    needs=("real_probabilities", "fake_probabilities"),
    better="lower",
    summary="KL of the predicted classes' shares from the real ones (headline), smallest and largest share",
    paper="Unrolled Generative Adversarial Networks (Metz et al., 2017) https://arxiv.org/abs/1611.02163",
    unit="nats",
    interval="delta method over images, of the divergence; none of the shares, as the smallest of several is no mean",
    minimum=100,
    floor=("real_probabilities", "other_probabilities"),
)
