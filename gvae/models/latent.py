r"""What every model with an encoder and a generator can do: encode, decode, sample from a prior, weigh an image.

    q(z|x) = encoder(x),   p(x|z) = likelihood(generator(z)),   p(z) = prior

The prior is N(0, I) while the likelihood is learned; afterwards it is fitted to the codes, because a decoder that is
asked for codes the encoder never produced answers with smudges.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from gvae import nets
from gvae.config import LatentConfig
from gvae.models.base import Model
from gvae.nets.heads import Likelihood, gaussian
from gvae.priors import PRIORS
from gvae.types import Batch, DataSpec

FIT_CODES = 30_000
"""codes a prior is fitted to"""


class LatentModel(Model):
    """Encoder, generator, likelihood and prior, with the verbs that follow from them."""

    Config = LatentConfig
    averaged = ("encoder", "generator")

    def __init__(self, config: LatentConfig, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.encoder = nets.encoder(spec, config.net, 2 * config.latent, self.condition)
        self.generator = nets.generator(spec, config.net, config.latent, self.condition)
        self.likelihood = Likelihood(config.likelihood, spec, config.sigma)
        options = {"components": config.components} if config.prior == "mixture" else {}
        self.prior = PRIORS[config.prior](config.latent, self.condition, **options)

    @property
    def beta(self) -> float:
        """Weight of the KL term now: it rises over the warm-up."""
        c = self.config
        return c.beta * min(1.0, self.progress / c.warmup) if c.warmup else c.beta

    def encode(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        """q(z|x) of images x (B, C, *S): batch shape (B,), event shape (Z,)."""
        return gaussian(self.encoder(x, y))

    def decode(self, z: Tensor, y: Tensor | None = None) -> Distribution:
        """p(x|z) of codes z (B, Z): batch shape (B,), event shape (C, *S)."""
        return self.likelihood(self.generator(z, y))

    def sample(self, n: int, y: Tensor | None = None, prior: str | None = None) -> Tensor:
        """Draw n images (n, C, *S) from the fitted prior, or from N(0, I) with `prior="normal"`."""
        z = self.standard_normal().sample(torch.Size([n])) if prior == "normal" else self.prior.sample(n, y)
        return self.decode(z, y).mean

    def standard_normal(self) -> Independent:
        """N(0, I) over codes."""
        zero = torch.zeros(self.config.latent, device=self.device)
        return Independent(Normal(zero, torch.ones_like(zero), validate_args=False), 1)

    def log_weights(self, x: Tensor, k: int, y: Tensor | None = None, prior: str | None = None) -> Tensor:
        """log p(x, z) - log q(z|x) for k codes of each image, in nats.

        Importance Weighted Autoencoders (Burda et al., 2016) https://arxiv.org/abs/1509.00519, Eq. 8

        Args:
            x: images (B, C, *S).
            k: codes per image.
            y: classes (B,) of a conditional model.
            prior: "normal" weighs with N(0, I) in place of the fitted prior.

        Returns:
            (k, B)
        """
        q = self.encode(x, y)
        rows = []
        for _ in range(k):
            z = q.rsample()
            log_pz = self.standard_normal().log_prob(z) if prior == "normal" else self.prior.log_prob(z, y)
            rows.append(self.decode(z, y).log_prob(x) + log_pz - q.log_prob(z))
        return torch.stack(rows)

    @torch.no_grad()
    def fit_prior(self, batches: Iterable[Batch], seed: int = 0) -> None:
        """Fit the prior to codes of training images.

        Args:
            batches: training data; reading stops after `FIT_CODES` images or at its end.
            seed: seed of the noise of q(z|x) and of the fit.
        """
        if not any(True for _ in self.prior.parameters()):  # N(0, I)
            return
        devices = [self.device] if self.device.type == "cuda" else []
        codes, labels, count = [], [], 0
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            for x, y in batches:
                codes.append(self.encode(x, y).sample())
                labels.append(y)
                count += len(x)
                if count >= FIT_CODES:
                    break
        y = torch.cat([v for v in labels if v is not None]) if self.condition else None
        with torch.enable_grad():
            self.prior.fit(torch.cat(codes), y, seed=seed)
