r"""VAE: an encoder and a decoder trained on one bound.

    Auto-Encoding Variational Bayes (Kingma & Welling, 2014) https://arxiv.org/abs/1312.6114, Eq. 3

        encoder, generator:  -log p(x|z) + beta KL(q(z|x) || N(0, I)),   z ~ q(z|x)

beta other than 1 is the beta-VAE (Higgins et al., 2017). Deviation: the likelihood's scale is that of the data (see
`gvae.nets.heads.Likelihood`), not 1, and samples come from a prior fitted to the codes (`--prior normal` for N(0, I)).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch.distributions import kl_divergence

from gvae.config import LatentConfig
from gvae.models.base import Outcome, Turn
from gvae.models.latent import LatentModel
from gvae.types import Batch


@dataclass(frozen=True)
class Config(LatentConfig):
    """Variational autoencoder."""


class VAE(LatentModel):
    """Variational autoencoder."""

    Config = Config

    def players(self):
        return {"encoder": self.encoder, "generator": self.generator}

    def turns(self):
        return [Turn(self.negative_elbo)]

    def negative_elbo(self, batch: Batch) -> Outcome:
        """Both players minimise the negative bound, in nats per image."""
        x, y = batch
        q = self.encode(x, y)
        p = self.decode(q.rsample(), y)
        self.likelihood.observe(x, p.mean)
        kl = kl_divergence(q, self.standard_normal())
        terms = {"nll": -p.log_prob(x).mean(), "kl": self.beta * kl.mean()}
        return Outcome(
            {("encoder", "generator"): terms},
            {"kl_nats": kl.mean(), "mse": (x - p.mean).square().mean() / 4},
        )
