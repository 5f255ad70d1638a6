"""KL of the aggregate code: how far the codes of all images together, q(z) = E q(z|x), lie from N(0, I).

Two estimators, in nats, neither good at everything:

    code_kl       Gaussian moments: (tr S + |m|^2 - Z - log det S) / 2. Exact for Gaussian codes, else low:
                  of all densities with these moments the Gaussian is the closest to N(0, I). With N images
                  it is about Z (Z + 3) / (4 N) too high
    code_kl_knn   k nearest neighbours: E[-log p] - H, H = Z mean log e_i + log(N - 1) + log V_Z - digamma(k),
                  e_i the distance to the k-th neighbour, V_Z the volume of the unit ball; sees any shape, but
                  is wrong by many nats above about 10 dimensions

"Sample estimate of the entropy of a random vector" (Kozachenko & Leonenko, 1987). "ELBO surgery" (Hoffman &
Johnson, 2016) says what it means: the part of the rate that tells nothing about images, the prior hole.
"""

from __future__ import annotations

import math

import numpy as np

from gvae.errors import GvaeError
from gvae.metrics import intervals
from gvae.metrics.base import Metric
from gvae.metrics.intervals import block_sums, half_width, smooth
from gvae.metrics.neighbours import nearest

K = 5
BLOCKS = 10
"""blocks of images for the second-order part of the interval"""


def code_kl(codes: np.ndarray, k: int = K) -> dict[str, float]:
    """KL(q(z) || N(0, I)) by Gaussian moments (headline) and by nearest neighbours, in nats.

    Args:
        codes: one sample of q(z|x) per image, (N, Z).
        k: neighbours of the second estimator.

    Raises:
        GvaeError: not more images than dimensions, or codes that are not finite.

    >>> round(code_kl(np.array([[0.0], [4.0]]), k=1)["code_kl"], 4)  # (8 + 4 - 1 - log 8) / 2
    4.4603
    """
    if codes.ndim != 2 or len(codes) <= codes.shape[1] or not np.isfinite(codes).all():
        raise GvaeError(
            f"the KL of the aggregate code needs finite codes (N, Z) of more images than dimensions; "
            f"got {codes.shape}; give more --samples"
        )
    codes = codes.astype(np.float64)
    value, error = moments(codes)
    return {"code_kl": value, "error": error, "code_kl_knn": neighbours(codes, min(k, len(codes) - 1))}


def moments(codes: np.ndarray) -> tuple[float, float]:
    """KL(N(m, S) || N(0, I)) of the codes' mean and covariance in nats, and half its 95 % interval."""
    sums = block_sums(codes, min(BLOCKS, len(codes) // 2))
    mean, covariance = intervals.moments(sums.sum(0))
    value = float(divergence(mean, covariance))
    if len(sums) < 3 or (sums[:, 0].sum() - 2 * sums[0, 0]) <= codes.shape[1]:
        return value, math.nan
    pulls = influences(codes, mean, covariance)
    return value, half_width(smooth([pulls], lambda sums: divergence(*intervals.moments(sums)), [sums]))


def influences(codes: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """What each of the codes (N, Z) pulls on the divergence, (N,): N - 1 times its change when that one is left out.

    In closed form, by the determinant of a covariance less one product; derivatives are too small for few codes.
    """
    n, centred = len(codes), codes - mean
    squares = (centred**2).sum(1)
    far = (centred * np.linalg.solve(covariance, centred.T).T).sum(1) * n / (n - 1) ** 2
    trace = ((n - 1) * np.trace(covariance) - n / (n - 1) * squares) / (n - 2)
    left = trace + ((mean - centred / (n - 1)) ** 2).sum(1) - np.log1p(-np.minimum(far, 1 - 1e-12))
    return (n - 1) / 2 * (left.mean() - left)


def divergence(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """KL(N(m, S) || N(0, I)) (...) in nats of means (..., Z) and covariances (..., Z, Z)."""
    sign, logdet = np.linalg.slogdet(covariance)
    if (sign <= 0).any():
        raise GvaeError("the covariance of the codes is singular: some latent dimensions are constant or copies")
    size = covariance.shape[-1]
    return (np.trace(covariance, axis1=-2, axis2=-1) + (mean**2).sum(-1) - size - logdet) / 2


def neighbours(codes: np.ndarray, k: int = K) -> float:
    """KL(q || N(0, I)) with the entropy of q from k-nearest-neighbour distances, in nats."""
    n, z = codes.shape
    log_distance = np.log(np.maximum(nearest(codes, k).radii(k), 1e-300)).mean() / 2
    log_ball = z / 2 * math.log(math.pi) - math.lgamma(z / 2 + 1)
    entropy = z * log_distance + math.log(n - 1) + log_ball - digamma(k)
    cross = z / 2 * math.log(2 * math.pi) + (codes**2).sum(1).mean() / 2
    return float(cross - entropy)


def digamma(k: int) -> float:
    """Digamma function of a positive integer.

    >>> round(digamma(2), 6)  # 1 - Euler's constant
    0.422784
    """
    return sum(1 / i for i in range(1, k)) - 0.5772156649015329


METRIC = Metric(
    name="code-kl",
    function=code_kl,
    needs=("codes",),
    better="lower",
    summary="KL of the aggregate code from N(0, I): Gaussian moments (headline), nearest neighbours",
    paper="ELBO surgery (Hoffman & Johnson, 2016) http://approximateinference.org/accepted/HoffmanJohnson2016.pdf",
    unit="nats",
    interval="influences of images, and pairs of blocks for the second-order part, of the first number; about its mean at "
    "this n. None of the second, whose bias is many times larger",
    protocol={"against": "N(0, I)", "estimator": f"Gaussian moments (code_kl), {K}-nearest neighbours (code_kl_knn)"},
)
