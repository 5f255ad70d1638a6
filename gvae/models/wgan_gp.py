r"""WGAN-GP: a generator and a critic with a gradient penalty.

Improved Training of Wasserstein GANs (Gulrajani et al., 2017) https://arxiv.org/abs/1704.00028, Algorithm 1

    critic (5 steps):    D(G(z)) - D(x) + 10 (||grad D(x~)|| - 1)^2
    generator:          -D(G(z))
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gvae.config import PenaltyConfig
from gvae.losses.penalties import gradient_penalty
from gvae.models.base import Losses, Optim, Turn
from gvae.models.implicit import ImplicitModel
from gvae.types import Batch


@dataclass(frozen=True)
class Config(PenaltyConfig):
    """Wasserstein GAN with gradient penalty."""


class WGANGP(ImplicitModel):
    """Wasserstein GAN with gradient penalty."""

    Config = Config

    def turns(self):
        return [Turn(self.criticise, repeat=self.config.critic_steps), Turn(self.generate)]

    def optim(self, player: str) -> Optim:
        return Optim(self.config.lr, betas=(0.5, 0.9))

    def criticise(self, batch: Batch) -> Losses:
        """The critic's step."""
        x, y = batch
        with torch.no_grad():  # only the critic is updated in this turn
            x_gen = self.augment(self.sample(len(x), y))
        x = self.augment(x)
        real, fake = self.critic(x, y)[0], self.critic(x_gen, y)[0]
        penalty = gradient_penalty(lambda v: self.critic(v, y)[0], x, x_gen)
        distance = (real - fake).mean()
        return Losses(
            {"critic": {"wasserstein": -distance, "penalty": self.config.penalty * penalty.mean()}},
            {"distance": distance},
        )

    def generate(self, batch: Batch) -> Losses:
        """The generator's step; of the batch only size and classes matter."""
        x, y = batch
        return Losses({"generator": {"wasserstein": -self.critic(self.augment(self.sample(len(x), y)), y)[0].mean()}})
