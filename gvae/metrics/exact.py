"""Exact log p(x) per image, in nats: by the model's own formula (pca), or by a sum over a grid of codes.

    log p(x) = log sum_j p(x|z_j) p(z_j) h^Z,   z_j on a grid of spacing h

for codes of one or two dimensions and images of at most 64 values (toy4). Beside it `best`: no model can exceed
minus the entropy of the data, for binary images -H = sum_x f(x) log f(x) over the frequencies f of the distinct images.
"""

from __future__ import annotations

import numpy as np

from gvae.metrics.base import Metric
from gvae.metrics.intervals import mean_and_error


def exact(log_likelihoods: np.ndarray, limit: np.ndarray) -> dict[str, float]:
    """Mean log-likelihood, half its 95 % confidence interval over images, and what no model can exceed.

    Args:
        log_likelihoods: (N,) nats.
        limit: minus the entropy of the images, () nats; not a number where it is not known.

    >>> exact(np.array([-1.5, -1.5]), np.array(-1.3863))["exact"]
    -1.5
    """
    value, error = mean_and_error(log_likelihoods)
    result = {"exact": value, "error": error}
    return result if np.isnan(limit) else result | {"limit": float(limit)}


METRIC = Metric(
    name="exact",
    function=exact,
    needs=("log_likelihood", "entropy_limit"),
    better="higher",
    summary="exact log p(x) per image: pca, and codes of one or two dimensions of tiny images",
    paper="Adversarial Variational Bayes (Mescheder et al., 2017) https://arxiv.org/abs/1701.04722",
    unit="nats",
    interval="Student's t over images",
    protocol={"estimator": "exact"},
)
