"""Rate: mean over images of KL(q(z|x) || N(0, I)), the nats that a code carries about its image.

"Auto-Encoding Variational Bayes" (Kingma & Welling, 2014) https://arxiv.org/abs/1312.6114, Appendix B

Closed form for a diagonal Gaussian q, one sample per image otherwise. Always against N(0, I), whatever prior
the run learned, so that runs compare. Neither high nor low is good by itself: a low rate is easy for a prior
to match, a high rate reconstructs better; read it beside `mse`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gvae.metrics.base import Metric
from gvae.metrics.intervals import mean_and_error

if TYPE_CHECKING:
    from torch import Tensor
    from torch.distributions import Distribution


def kl(divergences: np.ndarray) -> dict[str, float]:
    """Mean rate in nats per image, and half its 95 % confidence interval over images.

    Args:
        divergences: KL(q(z|x) || N(0, I)) (N,), in nats.

    >>> kl(np.array([1.0, 3.0]))["kl"]
    2.0
    """
    value, error = mean_and_error(np.asarray(divergences, np.float64))
    return {"kl": value, "error": error}


def rate(q: Distribution, z: Tensor, log_q: Tensor) -> Tensor:
    """KL(q || N(0, I)) per image (B,), in closed form or else by log q(z) - log p(z) at z (B, Z)."""
    import torch
    from torch.distributions import Independent, Normal, kl_divergence

    p = Independent(Normal(torch.zeros_like(z), torch.ones_like(z), validate_args=False), 1)
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return log_q - p.log_prob(z)


METRIC = Metric(
    name="kl",
    function=kl,
    needs=("posterior_kl",),
    better="lower",
    summary="rate: KL(q(z|x) || N(0, I)) per image",
    paper="Auto-Encoding Variational Bayes (Kingma & Welling, 2014) https://arxiv.org/abs/1312.6114",
    unit="nats",
    interval="Student's t over images",
    protocol={"against": "N(0, I)"},
)
