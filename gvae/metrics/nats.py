"""Distortion in nats: mean over images of E_q(z|x) [-log p(x|z)], the other half of the evidence lower bound.

    E -log p(x|z) = -E log w - KL(q(z|x) || p(z)),   log w = log p(x, z) - log q(z|x),   p(z) = N(0, I)

Only numbers of the same likelihood compare; densities of gray values can be negative, which is no mistake.
"Fixing a Broken ELBO" (Alemi et al., 2018) https://arxiv.org/abs/1711.00464 (rate and distortion)
"""

from __future__ import annotations

import numpy as np

from gvae.metrics.base import Metric, mean_and_error


def nats(log_weights: np.ndarray, divergences: np.ndarray) -> dict[str, float]:
    """Mean reconstruction nats per image, and half the 95 % confidence interval over images.

    Args:
        log_weights: log p(x, z) - log q(z|x) under N(0, I), (k, N), in nats.
        divergences: KL(q(z|x) || N(0, I)) (N,), in nats.

    >>> nats(np.array([[-100.0]]), np.array([20.0]))["nats"]
    80.0
    """
    value, error = mean_and_error(-np.asarray(log_weights, np.float64).mean(0) - divergences)
    return {"nats": value, "error": error}


METRIC = Metric(
    name="nats",
    function=nats,
    needs=("log_weights_normal", "posterior_kl"),
    better="lower",
    summary="reconstruction: E_q -log p(x|z) per image",
    paper="Fixing a Broken ELBO (Alemi et al., 2018) https://arxiv.org/abs/1711.00464",
    unit="nats",
    protocol={"estimator": "one code per image"},
)
