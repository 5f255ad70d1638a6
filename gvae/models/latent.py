r"""What every model with an encoder and a generator can do: encode, decode, sample from a prior, weigh an image.

    q(z|x) = encoder(x),   p(x|z) = likelihood(generator(z)),   p(z) = prior

The prior is N(0, I) while the likelihood is learned; afterwards it is fitted to the codes, because a decoder that is
asked for codes the encoder never produced answers with smudges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, kl_divergence

from gvae import nets
from gvae.config import LatentConfig
from gvae.distributions.likelihoods import Likelihood
from gvae.distributions.posteriors import Point, Posterior, gaussian, rsample_and_log_prob
from gvae.errors import GvaeError
from gvae.models.base import Model
from gvae.nets.wrappers import at_least_float32
from gvae.priors import PRIORS, Prior
from gvae.priors.vamp import Vamp
from gvae.seeding import seeded
from gvae.types import Batch, DataSpec

FIT_CODES = 60_000
"""codes a prior is fitted to"""
PSEUDO_INPUTS = 400
"""of the vamp prior by default"""
CODES = 250
"""codes that are decoded together when images are weighed"""


class LatentModel(Model):
    """Encoder, generator, likelihood and prior, with the verbs that follow from them."""

    Config = LatentConfig
    posterior_modules: tuple[str, ...] = ()
    """players that q(z|x) has beside the encoder, by the names of their attributes"""

    def __init__(self, spec: DataSpec, config: LatentConfig | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        self.encoder, self.generator = self.network("encoder"), self.network("generator")
        self.likelihood = Likelihood(self.config.likelihood, spec, self.config.sigma)
        self.prior = self.make_prior()
        if self.learn_prior:  # the bound is about this prior from the first step on
            self.prior.mark_fitted()
        self.averaged = self.trained

    @property
    def encoder_dim(self) -> int:
        """How many numbers q(z|x) is made of."""
        return 2 * self.latent_dim if self.stochastic else self.latent_dim

    @property
    def stochastic(self) -> bool:
        """Whether q(z|x) is more than a single code."""
        return True

    @property
    def noise_channels(self) -> int:
        """Channels of noise beside the encoder's input, which make q(z|x) implicit."""
        return 0

    def make_encoder(self) -> nn.Module:
        """Network (x, y) -> (B, encoder_dim); x has `noise_channels` more channels than images."""
        wide = replace(self.spec, channels=self.spec.channels + self.noise_channels)
        return nets.encoder(wide, self.config.net, self.encoder_dim, self.condition)

    def with_noise(self, x: Tensor, eps: Tensor | None = None) -> Tensor:
        """Images x (B, C, *S) with the noise eps (B, noise_channels, *S) beside them; drawn from N(0, I) if not given."""
        if not self.noise_channels:
            return x
        if eps is None:
            eps = torch.randn(len(x), self.noise_channels, *x.shape[2:], device=x.device)
        return torch.cat([x, eps], 1)

    def make_generator(self) -> nn.Module:
        """Network (z, y) -> unbounded images (B, C, *S)."""
        return nets.generator(self.spec, self.config.net, self.config.latent, self.condition)

    @property
    def latent_dim(self) -> int:
        """Length of a code, Z."""
        return self.config.latent

    def make_prior(self) -> Prior:
        """The prior that the options name."""
        config = self.config
        if config.prior == "vamp" and not self.stochastic:
            raise GvaeError(
                "--prior vamp needs an encoder that gives a Gaussian, not a single code; use --prior mixture or "
                "realnvp, or --posterior gaussian where the model has it"
            )
        if config.prior == "vamp" and self.condition != self.classes:
            raise GvaeError("--prior vamp needs classes, not attributes; use --prior mixture or realnvp")
        if config.prior == "vamp":
            return Vamp(
                self.latent_dim, self.classes, self.spec, self.base_gaussian, config.components or PSEUDO_INPUTS
            )
        options = {}
        if config.prior == "mixture":
            options = {"components": config.components, "attributes": self.condition != self.classes}
        return PRIORS[config.prior](self.latent_dim, self.condition, **options)

    @property
    def learn_prior(self) -> bool:
        """Whether the prior is learned together with encoder and generator."""
        return getattr(self.config, "learn_prior", False) and has_parameters(self.prior)

    @property
    def prior_fitted(self) -> bool:
        """Whether the prior that the options name can be sampled: it was fitted, is learned in the bound, or is N(0, I)."""
        return self.learn_prior or self.prior.fitted

    @property
    def trained(self) -> tuple[str, ...]:
        """Players that minimise a bound together: encoder, generator, and what the options give parameters."""
        extra = ["likelihood"] * has_parameters(self.likelihood) + ["prior"] * self.learn_prior
        return ("encoder", *self.posterior_modules, "generator", *extra)

    def players(self) -> dict[str, nn.Module]:
        return {name: getattr(self, name) for name in self.trained}

    @property
    def refit_prior_at_end(self) -> bool:
        """Whether the prior is fitted once more, or for the first time, when training ends."""
        return True

    @property
    def beta(self) -> float:
        """Weight of the KL term now: from 0 to its option over the warm-up."""
        c = self.config
        return c.beta * min(1.0, self.progress / c.kl_warmup) if c.kl_warmup else c.beta

    def encode(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        """q(z|x) of images x (B, C, *S): batch shape (B,), event shape (Z,)."""
        outputs = self.encoder(self.with_noise(x), y)
        return gaussian(outputs) if self.stochastic else Point(outputs.float())

    def base_gaussian(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        """A diagonal Gaussian near q(z|x), of which the vamp prior is made: q(z|x) itself if it is one."""
        q = self.encode(x, y)
        if isinstance(q, Posterior) and q.has_stddev:
            return Independent(Normal(q.mean, q.stddev, validate_args=False), 1)
        return q

    def decode(self, z: Tensor, y: Tensor | None = None) -> Distribution:
        """p(x|z) of codes z (B, Z): batch shape (B,), event shape (C, *S)."""
        return self.likelihood(self.generator(z, y))

    def sample(self, n: int, y: Tensor | None = None, prior: str | None = None) -> Tensor:
        """Draw n images (n, C, *S) from the fitted prior, or from N(0, I) with `prior="normal"`."""
        return self.decode(self.draw_codes(n, y, prior), y).mean

    def draw_codes(self, n: int, y: Tensor | None = None, prior: str | None = None, denoised: bool = True) -> Tensor:
        """Draw n codes (n, Z) from the prior, or from N(0, I) with `prior="normal"` or while it is not fitted.

        Args:
            n: number of codes.
            y: classes (n,) of a conditional model.
            prior: "normal" draws from N(0, I).
            denoised: False draws from the very density of `log_prior`, see `gvae.priors.base.Prior.sample`.
        """
        if prior == "normal" or not self.prior_fitted:
            return self.standard_normal().sample(torch.Size([n]))
        return self.prior.sample(n, y, denoised)

    def standard_normal(self) -> Independent:
        """N(0, I) over codes."""
        zero = torch.zeros(self.latent_dim, device=self.device)
        return Independent(Normal(zero, torch.ones_like(zero), validate_args=False), 1)

    def log_prior(self, z: Tensor, y: Tensor | None = None, prior: str | None = None) -> Tensor:
        """log p(z) (..., ) of codes z (..., Z): the prior, or N(0, I) with `prior="normal"` or while it is not fitted."""
        if prior == "normal" or not self.prior_fitted:
            return self.standard_normal().log_prob(z)
        with torch.autocast(z.device.type, enabled=False):  # rounding inside an invertible map breaks its density
            return self.prior.log_prob(at_least_float32(z), y)

    def rate(self, q: Distribution, z: Tensor, log_q: Tensor, y: Tensor | None = None) -> Tensor:
        """What the bound pays for a code, (B,) nats: log q(z|x) - log p(z), or its mean where that is known.

        p is N(0, I), or the prior if it is learned together with the rest.
        """
        if self.learn_prior:
            return log_q - self.log_prior(z, y)
        if isinstance(q, Independent):
            return kl_divergence(q, self.standard_normal())
        return log_q - self.standard_normal().log_prob(z)

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
        q, rows, together = self.proposal(x, y), [], max(1, self.spec.together(CODES) // len(x))
        for first in range(0, k, together):
            n = min(together, k - first)
            z, log_q = (torch.cat(v) for v in zip(*(rsample_and_log_prob(q) for _ in range(n)), strict=True))
            many, labels = copies(x, n), None if y is None else copies(y, n)
            weights = self.decode(z, labels).log_prob(many) + self.log_prior(z, labels, prior) - log_q
            rows.append(weights.view(n, len(x)))
        return torch.cat(rows)

    def proposal(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        """Where the codes that `log_weights` weighs come from: q(z|x)."""
        return self.encode(x, y)

    @torch.no_grad()
    def fit_prior(self, batches: Iterable[Batch], seed: int = 0, most: int | None = None) -> None:
        """Fit the prior to codes of training images.

        Args:
            batches: training data.
            seed: seed of the noise of q(z|x) and of the fit.
            most: images after which reading stops, if the data do not end before; None: `FIT_CODES`.
        """
        if self.learn_prior or not has_parameters(self.prior):  # learned already, or N(0, I)
            return
        codes, labels, count = [], [], 0
        with seeded(seed):
            for x, y in batches:
                codes.append(self.encode(x, y).sample())
                labels.append(y)
                count += len(x)
                if count >= (most or FIT_CODES):
                    break
        y = torch.cat([v for v in labels if v is not None]) if self.condition else None
        with torch.enable_grad():
            self.prior.fit(torch.cat(codes), y, seed=seed)


def has_parameters(module: nn.Module) -> bool:
    """Whether there is anything to learn in a module."""
    return any(True for _ in module.parameters())


def copies(x: Tensor, k: int) -> Tensor:
    """k copies of a batch, one after the other: (B, ...) -> (k B, ...)."""
    return x if k == 1 else x.repeat(k, *[1] * (x.dim() - 1))
