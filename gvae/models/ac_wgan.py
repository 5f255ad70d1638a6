r"""AC-WGAN: the players of AC-GAN in the game of WGAN-GP.

    Improved Training of Wasserstein GANs (Gulrajani et al., 2017) https://arxiv.org/abs/1704.00028, Algorithm 1, with the
    auxiliary classifier of Conditional Image Synthesis with Auxiliary Classifier GANs (Odena et al., 2017)
    https://arxiv.org/abs/1610.09585

        critic, classifier (5 steps):  D(x_gen) - D(x) + 10 (||grad D(x~)|| - 1)^2 - w [log C(y|x) + log C(y|x_gen)]
        generator:                    -D(x_gen)                                    - w log C(y|x_gen),   x_gen = G(z, y)

C is one linear layer on the critic's last features; the penalty concerns D alone. With --no-conditional this is WGAN-GP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from gvae.config import ModelConfig
from gvae.losses.penalties import gradient_penalty
from gvae.models.ac_gan import Classified
from gvae.models.base import Losses, Optim, Turn
from gvae.ranges import NonNegativeFloat, PositiveFloat, Repeats
from gvae.types import Batch


@dataclass(frozen=True)
class Config(ModelConfig):
    """Wasserstein GAN with gradient penalty and an auxiliary classifier."""

    lr: PositiveFloat = 2e-4
    """Adam step size"""
    conditional: bool = True
    """tell the generator the class label, and have the critic's classifier find it; without: WGAN-GP"""
    weight: NonNegativeFloat = 1.0
    """weight of the classifier's cross-entropy, in nats"""
    penalty: NonNegativeFloat = 10.0
    """weight of the gradient penalty"""
    critic_steps: Repeats = 5
    """critic steps for each generator step"""
    augment: Literal["none", "shift", "diff"] = "none"
    """change what the critic sees, for data below about 20,000 images"""


class ACWGAN(Classified):
    """Wasserstein GAN with gradient penalty and an auxiliary classifier."""

    Config = Config

    def turns(self):
        return [Turn(self.criticise, repeat=self.config.critic_steps), Turn(self.generate)]

    def optim(self, player: str) -> Optim:
        return Optim(self.config.lr, betas=(0.5, 0.9))

    def criticise(self, batch: Batch) -> Losses:
        """The step of critic and classifier."""
        x, y = batch
        with torch.no_grad():  # only the judges move in this turn
            x_gen = self.augment(self.sample(len(x), y))
        x = self.augment(x)
        (real, h_real), (fake, h_fake) = self.critic(x), self.critic(x_gen)
        distance = (real - fake).mean()
        penalty = gradient_penalty(lambda v: self.critic(v)[0], x, x_gen).mean()
        terms = {"wasserstein": -distance, "penalty": self.config.penalty * penalty}
        diagnostics = {"distance": distance}
        if self.condition:
            terms["class"] = self.class_nll(h_real, y) + self.class_nll(h_fake, y)
            diagnostics["accuracy"] = self.accuracy(h_real, y)
        return Losses({self.judges: terms}, diagnostics)

    def generate(self, batch: Batch) -> Losses:
        """The generator's step; of the batch only size and classes matter."""
        x, y = batch
        fake, features = self.critic(self.augment(self.sample(len(x), y)))
        terms = {"wasserstein": -fake.mean()}
        if self.condition:
            terms["class"] = self.class_nll(features, y)
        return Losses({"generator": terms})
