"""The standard normal prior of a plain VAE: log p(z) = -|z|^2 / 2 - Z/2 log(2 pi).

Auto-Encoding Variational Bayes (Kingma and Welling, 2014) https://arxiv.org/abs/1312.6114
"""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import Tensor

from gvae.priors.base import Prior


class Normal(Prior):
    """N(0, I): no parameters; fitting it changes nothing.

    >>> round(float(Normal(2).log_prob(torch.zeros(1, 2))), 4)
    -1.8379
    """

    name = "normal"

    @property
    def fitted(self) -> bool:
        """Always: there is nothing to fit."""
        return True

    def fit(self, codes: Tensor, y: Tensor | None = None, seed: int = 0) -> Self:
        """Nothing to fit."""
        return self

    def _labels(self, y: Tensor | None, shape: torch.Size) -> Tensor | None:
        """The same density for every class, so labels are neither needed nor read."""
        return None

    def _log_prob(self, u: Tensor, y: Tensor | None) -> Tensor:
        return -0.5 * u.square().sum(-1) - 0.5 * self.latent * math.log(2 * math.pi)

    def _sample(self, n: int, y: Tensor | None) -> Tensor:
        return torch.randn(n, self.latent, dtype=self.shift.dtype, device=self.shift.device)
