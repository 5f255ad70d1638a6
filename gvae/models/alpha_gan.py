r"""alpha-GAN: an autoencoder with two critics, one of images and one of codes, in place of likelihood and KL.

    Variational Approaches for Auto-Encoding Generative Adversarial Networks (Rosca et al., 2017)
    https://arxiv.org/abs/1706.04987, Algorithm 1

        encoder:      l1 |x - x_rec| + beta R(C(z))             z = encoder(x),  x_rec = G(z)
        generator:    l1 |x - x_rec| + R(D(x_rec)) + R(D(x_gen))     z_r ~ N(0, I),   x_gen = G(z_r)
        critic:       -2 log D(x) - log(1 - D(x_rec)) - log(1 - D(x_gen))
        code critic:  -log C(z_r) - log(1 - C(z))

D and C are probabilities here, the sigmoids of what the networks return. R(p) = -log p + log(1 - p) is minus that score:
for the best C its mean is KL(q(z) || N(0, I)), q(z) the codes of all images. --loss nonsaturating, the default, takes
R(p) = -log p, with gradients between 0 and 1.

Readings: |.| is the mean over pixel values, as in public re-implementations; the code critic takes draws of the prior for
real, which the first version of the paper has the other way round. Deviations: one forward pass and one step for all
players; samples come from a prior fitted to the codes; the code critic of a conditional model is conditional too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from gvae import nets
from gvae.config import CriticConfig, LatentConfig
from gvae.distributions.posteriors import rsample_and_log_prob
from gvae.errors import GvaeError
from gvae.losses.adversarial import nonsaturating_critic, nonsaturating_generator, wasserstein_generator
from gvae.losses.augment import Augment
from gvae.losses.reconstruction import mse
from gvae.models.base import Losses, Optim, Turn
from gvae.models.latent import LatentModel, has_parameters
from gvae.nets.critics import CodeCritic
from gvae.ranges import Fraction, NonNegativeFloat, PositiveFloat
from gvae.types import Batch, DataSpec

GENERATOR_LOSS = {"nonsaturating": nonsaturating_generator, "ratio": wasserstein_generator}
"""R of a critic's score s: -log sigmoid(s), or -s = log of the ratio that the critic has learned"""


@dataclass(frozen=True)
class Config(LatentConfig, CriticConfig):
    """alpha-GAN."""

    lr: PositiveFloat = 2e-4
    """Adam step size of all players"""
    l1: NonNegativeFloat = 10.0
    """weight of the mean absolute error per pixel value, pixels in [-1, 1]"""
    posterior: Literal["deterministic", "gaussian"] = "deterministic"
    """q(z|x): a single code, or a diagonal Gaussian"""
    loss: Literal["nonsaturating", "ratio"] = "nonsaturating"
    """what encoder and generator minimise against their critics: -log p, or the paper's -log p + log(1 - p)"""
    beta: NonNegativeFloat = 1.0
    """weight of the code critic's verdict in the encoder's loss"""
    kl_warmup: Fraction = 0.0
    """first fraction of the budget, over which beta rises from 0"""


class AlphaGAN(LatentModel):
    """alpha-GAN."""

    Config = Config
    log_weights = None  # the critics stand in for likelihood and KL: no bound on log p(x)  # pyright: ignore

    def __init__(self, spec: DataSpec, config: Config | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        if has_parameters(self.likelihood):
            raise GvaeError("alpha-gan does not train a pixel likelihood; use --likelihood gaussian")
        self.critic = self.network("critic")
        self.augment = Augment(self.config.augment)
        self.code_critic = CodeCritic(self.config.latent, condition=self.condition)

    @property
    def stochastic(self) -> bool:
        return self.config.posterior == "gaussian"

    def make_critic(self) -> nn.Module:
        """Network (x, y) -> (scores (B,), features)."""
        return nets.critic(self.spec, self.config.net, self.condition)

    def players(self):
        return {name: getattr(self, name) for name in ("encoder", "generator", "critic", "code_critic")}

    def turns(self):
        return [Turn(self.play)]

    def optim(self, player: str) -> Optim:
        return Optim(self.config.lr, betas=(0.5, 0.9))

    def play(self, batch: Batch) -> Losses:
        """All players on one forward pass."""
        x, y = batch
        z, _ = rsample_and_log_prob(self.encode(x, y))
        z_r = torch.randn_like(z)
        x_rec, x_gen = self.decode(z, y).mean, self.decode(z_r, y).mean
        real, rec, gen = (self.critic(self.augment(v), y)[0] for v in (x, x_rec, x_gen))
        self.augment.observe(real)
        normal, code = self.code_critic(z_r, y), self.code_critic(z, y)

        generator_loss = GENERATOR_LOSS[self.config.loss]
        l1 = self.config.l1 * (x - x_rec).abs().mean()
        d_adv = nonsaturating_critic(real, rec) + nonsaturating_critic(real, gen)
        return Losses(
            {
                "encoder": {"l1": l1, "code": self.beta * generator_loss(normal, code).mean()},
                "generator": {"l1": l1, "g_adv": (generator_loss(real, rec) + generator_loss(real, gen)).mean()},
                "critic": {"d_adv": d_adv.mean()},
                "code_critic": {"d_adv": nonsaturating_critic(normal, code).mean()},
            },
            {"mse": mse(x, x_rec), "score_gap": (real - (rec + gen) / 2).mean()},
        )
