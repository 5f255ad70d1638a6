"""Distortion in nats: mean over images of E_q(z|x) [-log p(x|z)], the other half of the evidence lower bound.

With the rate KL(q(z|x) || N(0, I)) it adds up to minus the evidence lower bound under N(0, I). One code per image.
Only numbers of the same likelihood compare; densities of gray values can be negative, which is no mistake.
"Fixing a Broken ELBO" (Alemi et al., 2018) https://arxiv.org/abs/1711.00464 (rate and distortion)
"""

from __future__ import annotations

import numpy as np

from gvae.metrics.base import Metric
from gvae.metrics.intervals import mean_and_error


def nats(distortions: np.ndarray) -> dict[str, float]:
    """Mean reconstruction nats per image, and half the 95 % confidence interval over images.

    Args:
        distortions: -log p(x|z) at one code z ~ q(z|x) of each image, (N,), in nats.

    >>> nats(np.array([70.0, 90.0]))["nats"]
    80.0
    """
    value, error = mean_and_error(np.asarray(distortions, np.float64))
    return {"nats": value, "error": error}


METRIC = Metric(
    name="nats",
    function=nats,
    needs=("distortion",),
    better="lower",
    summary="reconstruction: E_q -log p(x|z) per image",
    paper="Fixing a Broken ELBO (Alemi et al., 2018) https://arxiv.org/abs/1711.00464",
    unit="nats",
    interval="Student's t over images",
    protocol={"estimator": "one code per image"},
)
