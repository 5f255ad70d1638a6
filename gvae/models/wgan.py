r"""WGAN: a generator and a critic whose weights are clipped.

    Wasserstein GAN (Arjovsky et al., 2017) https://arxiv.org/abs/1701.07875, Algorithm 1

        critic (5 steps):   D(x_gen) - D(x),   every weight of D in [-c, c]
        generator:         -D(x_gen),          x_gen = G(z),  z ~ N(0, I)

The paper clips after each step of the critic, this file before the critic is used: in place at the start of its turn,
on a copy in the generator's turn. Losses, gradients and steps are those of the paper from the second step on (the first one
begins from clipped initial weights); the state that is stored between turns may lie one step outside the box.

Clipping makes scores tiny: here their scale is a product of all layers' weights. It hardly matters, since RMSprop divides
each gradient by its own size; what counts is `lr` against `clip_weights`, see docs/research/wgan.md.

The networks are the plain convolutions with batch normalisation in the critic, as the paper's: it sets the scale of every
layer anew, which clipping takes away.

Deviation: a step size of 2e-4 for RMSprop, where the paper has 5e-5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch.func import functional_call

from gvae.config import ModelConfig, NetConfig
from gvae.errors import GvaeError
from gvae.models.base import Losses, Optim, Turn
from gvae.models.implicit import ImplicitModel
from gvae.ranges import PositiveFloat, Repeats
from gvae.types import Batch


@dataclass(frozen=True)
class Config(ModelConfig):
    """Wasserstein GAN with weight clipping."""

    lr: PositiveFloat = 2e-4
    """RMSprop step size; the critic's weights cross their box in 2 clip_weights / lr steps"""
    clip_weights: PositiveFloat = 0.01
    """largest absolute value of a weight of the critic"""
    critic_steps: Repeats = 5
    """critic steps for each generator step"""
    augment: Literal["none", "shift", "diff"] = "none"
    """change what the critic sees, for data below about 20,000 images"""
    net: NetConfig = field(default_factory=lambda: NetConfig("conv", width=32, block="paper"))


class WGAN(ImplicitModel):
    """Wasserstein GAN with weight clipping."""

    Config = Config

    def check_options(self) -> None:
        config = self.config
        if config.net.spectral:
            raise GvaeError(
                "wgan clips the critic's weights, which --net.spectral rescales; use wgan-gp or gan with it"
            )

    def turns(self):
        return [Turn(self.criticise, repeat=self.config.critic_steps), Turn(self.generate)]

    def optim(self, player: str) -> Optim:
        return Optim(self.config.lr, betas=(0.0, 0.99), kind="rmsprop")  # momentum made training unstable in the paper

    def criticise(self, batch: Batch) -> Losses:
        """The critic's step, from clipped weights."""
        x, y = batch
        limit = self.config.clip_weights
        with torch.no_grad():  # only the critic is updated in this turn
            for weight in self.critic.parameters():
                weight.clamp_(-limit, limit)
            x_gen = self.sample(len(x), y)
        real, fake = (self.critic(self.augment(v), y)[0] for v in (x, x_gen))
        distance = (real - fake).mean()
        return Losses({"critic": {"wasserstein": -distance}}, {"distance": distance})

    def generate(self, batch: Batch) -> Losses:
        """The generator's step against the clipped critic; of the batch only size and classes matter."""
        x, y = batch
        limit = self.config.clip_weights
        clipped = {name: weight.clamp(-limit, limit) for name, weight in self.critic.named_parameters()}
        scores, _ = functional_call(self.critic, clipped, (self.augment(self.sample(len(x), y)), y))
        return Losses({"generator": {"wasserstein": -scores.mean()}})
