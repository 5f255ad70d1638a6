"""Importance-weighted bound on log p(x), in nats per image; rises with k towards log p(x).

    L_k = mean over images of  log (1/k) sum_i w_i,   log w_i = log p(x, z_i) - log q(z_i|x)

"Importance Weighted Autoencoders" (Burda et al., 2016) https://arxiv.org/abs/1509.00519, Eq. 8.
Bounds of different k, the ELBO (k = 1) and annealed importance sampling never share a column.
"""

from __future__ import annotations

import numpy as np

from gvae.metrics.base import Metric
from gvae.metrics.intervals import mean_and_error

K = 50


def weighed(log_weights: np.ndarray) -> np.ndarray:
    """The bound of each image, and its effective number of samples: (2, N).

    Args:
        log_weights: (k, N), in nats.

    >>> weighed(np.log(np.array([[1.0], [3.0]]))).round(6).tolist()  # log 2, and 4^2 / (1 + 9)
    [[0.693147], [1.6]]
    """
    weights = np.asarray(log_weights, np.float64)
    largest = weights.max(0)
    ratios = np.exp(weights - largest)
    return np.stack([largest + np.log(ratios.mean(0)), ratios.sum(0) ** 2 / (ratios**2).sum(0)])


def iwae(bounds: np.ndarray) -> dict[str, float]:
    """Mean bound, half its 95 % confidence interval over images, and the mean effective sample size.

    Args:
        bounds: what `weighed` gives, (2, N).

    >>> iwae(np.array([[-80.0, -90.0], [1.0, 2.0]]))["iwae"]
    -85.0
    """
    value, error = mean_and_error(bounds[0])
    return {"iwae": value, "error": error, "effective_samples": float(bounds[1].mean())}


def metric(k: int) -> Metric:
    """The bound with k importance samples."""
    return Metric(
        name="iwae" if k == K else f"iwae-{k}",
        function=iwae,
        needs=(f"bounds:{k}",),
        better="higher",
        summary=f"importance-weighted bound per image, k = {k}",
        paper="Importance Weighted Autoencoders (Burda et al., 2016) https://arxiv.org/abs/1509.00519",
        unit="nats",
        interval="Student's t over images",
        protocol={"estimator": f"IWAE-{k}", "k": k},
    )


METRIC = metric(K)
