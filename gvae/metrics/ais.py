"""Annealed importance sampling: log p(x) per image, in nats, and the gap of its bidirectional check.

    value = mean over images of  log (1/C) sum_c w_c,   C chains of T temperatures (see `gvae.evaluation.annealing`)
    gap   = on images that the model has drawn: upper bound (backwards from the true code) minus lower bound (forwards)

"On the Quantitative Analysis of Decoder-Based Generative Models" (Wu et al., 2017) https://arxiv.org/abs/1611.04273.
The chains start from q(z|x) where its density is known everywhere (from the Gaussian proposal for avb), else from the prior.
The value is that of the prior's density as fitted, also where samples are drawn from a denoised one.
"""

from __future__ import annotations

import numpy as np

from gvae.metrics.base import Metric
from gvae.metrics.intervals import mean_and_error

TEMPERATURES, CHAINS = 100, 8


def ais(estimates: np.ndarray, gaps: np.ndarray) -> dict[str, float]:
    """Mean estimate and gap, each with half its 95 % interval over images; acceptance as a diagnostic.

    Args:
        estimates: log p(x) and acceptance rate of each image, (2, N).
        gaps: upper minus lower bound on images of the model, (1, M) nats.

    >>> ais(np.array([[-80.0, -90.0], [0.6, 0.8]]), np.array([[0.1, 0.3]]))["gap"]
    0.2
    """
    value, error = mean_and_error(estimates[0])
    gap, error_gap = mean_and_error(gaps[0])
    acceptance = float(estimates[1].mean())
    return {"ais": value, "error": error, "gap": gap, "error_gap": error_gap, "acceptance": acceptance}


def metric(temperatures: int, chains: int) -> Metric:
    """The estimate with so many temperatures and chains."""
    plain = (temperatures, chains) == (TEMPERATURES, CHAINS)
    return Metric(
        name="ais" if plain else f"ais-{temperatures}x{chains}",
        function=ais,
        needs=(f"annealed:{temperatures}:{chains}", f"annealed_gap:{temperatures}:{chains}"),
        better="higher",
        summary=f"log p(x) per image by annealing, {temperatures} temperatures, {chains} chains",
        paper="On the Quantitative Analysis of Decoder-Based Generative Models (Wu et al., 2017)"
        " https://arxiv.org/abs/1611.04273",
        unit="nats",
        interval="Student's t over images",
        protocol={"estimator": "AIS", "temperatures": temperatures, "chains": chains, "leapfrog": 10},
        minimum=1,
    )


METRIC = metric(TEMPERATURES, CHAINS)
