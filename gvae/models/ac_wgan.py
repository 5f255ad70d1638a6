r"""AC-WGAN: WGAN-GP with the auxiliary classifier of AC-GAN.

    Improved Training of Wasserstein GANs (Gulrajani et al., 2017) https://arxiv.org/abs/1704.00028, Algorithm 1, with the
    auxiliary classifier of Conditional Image Synthesis with Auxiliary Classifier GANs (Odena et al., 2017)
    https://arxiv.org/abs/1610.09585

        critic, classifier (5 steps):  D(x_gen) - D(x) + 10 (||grad D(x~)|| - 1)^2 - w [log C(y|x) + log C(y|x_gen)]
        generator:                    -D(x_gen)                                    - w log C(y|x_gen),   x_gen = G(z, y)

C is one linear layer on the critic's last features; the penalty concerns D alone. With --no-conditional this is WGAN-GP.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gvae.config import PenaltyConfig
from gvae.losses.penalties import gradient_penalty
from gvae.models import wgan_gp
from gvae.models.ac_gan import Classified
from gvae.models.base import Losses
from gvae.ranges import NonNegativeFloat
from gvae.types import Batch


@dataclass(frozen=True)
class Config(PenaltyConfig):
    """Wasserstein GAN with gradient penalty and an auxiliary classifier."""

    conditional: bool = True
    """a conditional generator, and a classifier that predicts the class from the critic's features; without: WGAN-GP"""
    weight: NonNegativeFloat = 1.0
    """weight of the classifier's cross-entropy, in nats"""


class ACWGAN(Classified, wgan_gp.WGANGP):
    """Wasserstein GAN with gradient penalty and an auxiliary classifier."""

    Config = Config

    def criticise(self, batch: Batch) -> Losses:
        """The step of critic and classifier."""
        x, y = batch
        with torch.no_grad():  # only critic and classifier are updated in this turn
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
