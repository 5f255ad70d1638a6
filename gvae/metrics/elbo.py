"""Evidence lower bound: mean of log p(x, z) - log q(z|x) with one code per image, in nats per image.

"Auto-Encoding Variational Bayes" (Kingma & Welling, 2014) https://arxiv.org/abs/1312.6114, Eq. 2

A bound on log p(x) under the run's own likelihood: a Gaussian density of gray values and a Bernoulli
probability of binary ones are different quantities, so the protocol names the likelihood; unlike ones never
share a column.
"""

from __future__ import annotations

import numpy as np

from gvae.metrics.base import Metric
from gvae.metrics.intervals import mean_and_error


def elbo(log_weights: np.ndarray) -> dict[str, float]:
    """Mean bound in nats per image, and half its 95 % confidence interval over images.

    Args:
        log_weights: log p(x, z) - log q(z|x), (k, N), in nats.

    >>> elbo(np.array([[-80.0, -90.0]]))["elbo"]
    -85.0
    """
    value, error = mean_and_error(np.asarray(log_weights, np.float64).mean(0))
    return {"elbo": value, "error": error}


METRIC = Metric(
    name="elbo",
    function=elbo,
    needs=("log_weights",),
    better="higher",
    summary="evidence lower bound per image",
    paper="Auto-Encoding Variational Bayes (Kingma & Welling, 2014) https://arxiv.org/abs/1312.6114",
    unit="nats",
    interval="Student's t over images",
    protocol={"estimator": "ELBO, one code per image"},
)
