r"""VAE: an encoder and a decoder trained on one bound.

    Auto-Encoding Variational Bayes (Kingma & Welling, 2014) https://arxiv.org/abs/1312.6114, Eq. 3

        encoder, generator:  -log p(x|z) + beta KL(q(z|x) || N(0, I)),   z ~ q(z|x)

    with --bound iwae: Importance Weighted Autoencoders (Burda et al., 2016) https://arxiv.org/abs/1509.00519, Eq. 8

        encoder, generator:  -log (1/k) sum_i p(x|z_i) [p(z_i) / q(z_i|x)]^beta,   z_1, ..., z_k ~ q(z|x)

beta other than 1 is the beta-VAE (Higgins et al., 2017). Deviation: the scale of the likelihood is that of the data
(`gvae.distributions.likelihoods`), not 1, and samples come from a prior fitted to the codes (`--prior normal` for N(0, I);
`--learn-prior` learns the prior in the bound, in place of N(0, I)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from gvae.config import BoundConfig
from gvae.distributions.posteriors import rsample_and_log_prob
from gvae.errors import GvaeError
from gvae.losses.reconstruction import mse
from gvae.models.base import Losses, Turn
from gvae.models.latent import LatentModel, copies
from gvae.types import Batch, DataSpec


@dataclass(frozen=True)
class Config(BoundConfig):
    """Variational autoencoder."""


class VAE(LatentModel):
    """Variational autoencoder."""

    Config = Config

    def __init__(self, spec: DataSpec, config: BoundConfig | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        if self.config.learn_prior and self.config.prior == "flow":
            raise GvaeError("--learn-prior needs a prior with a quick density; use --prior realnvp or mixture")

    def turns(self):
        return [Turn(self.importance_weighted if self.config.bound == "iwae" else self.negative_elbo)]

    def negative_elbo(self, batch: Batch) -> Losses:
        """All players minimise the negative bound, in nats per image."""
        x, y = batch
        q = self.encode(x, y)
        z, log_q = rsample_and_log_prob(q)
        p = self.decode(z, y)
        self.likelihood.observe(x, p.mean)
        rate = self.rate(q, z, log_q, y).mean()
        terms = {"nll": -p.log_prob(x).mean(), "kl": self.beta * rate}
        return Losses({self.trained: terms}, {"kl_nats": rate, "mse": mse(x, p.mean)})

    def importance_weighted(self, batch: Batch) -> Losses:
        """The same with the bound of k codes per image."""
        x, y = batch
        k = self.config.k
        q = self.encode(x, y)
        z, log_q = (torch.cat(v) for v in zip(*(rsample_and_log_prob(q) for _ in range(k)), strict=True))
        many, labels = copies(x, k), None if y is None else copies(y, k)
        p = self.decode(z, labels)
        self.likelihood.observe(many, p.mean)
        rate = log_q - self.log_prior(z, labels, None if self.learn_prior else "normal")
        weights = (p.log_prob(many) - self.beta * rate).view(k, len(x))
        bound = torch.logsumexp(weights, 0) - math.log(k)
        return Losses({self.trained: {"iwae": -bound.mean()}}, {"kl_nats": rate.mean(), "mse": mse(many, p.mean)})
