r"""Conditional GAN: a GAN whose generator and critic are conditional on the class.

    Conditional Generative Adversarial Nets (Mirza & Osindero, 2014) https://arxiv.org/abs/1411.1784, Eq. 2

        critic:      -log sigmoid D(x, y) - log(1 - sigmoid D(x_gen, y))
        generator:   -log sigmoid D(x_gen, y),   x_gen = G(z, y),  z ~ N(0, I),  y of the batch's images

`--conditioning input` is the paper's critic: the class is an input of its first layer, here as one plane of ones among
planes of zeros. `--conditioning projection` adds <head_y, features of x> to the score: cGANs with Projection Discriminator
(Miyato & Koyama, 2018) https://arxiv.org/abs/1802.05637, Eq. 3. The same as `gan --conditional` then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from gvae.config import GanConfig
from gvae.models.gan import GAN
from gvae.nets.critics import InputCritic


@dataclass(frozen=True)
class Config(GanConfig):
    """Conditional generative adversarial network."""

    conditional: bool = True
    """make the networks conditional on the class label"""
    conditioning: Literal["projection", "input"] = "projection"
    """where the critic sees the class: at its score, or beside the image at its first layer"""


class CGAN(GAN):
    """Conditional generative adversarial network."""

    Config = Config

    def make_critic(self) -> nn.Module:
        if self.config.conditioning == "projection" or not self.condition:
            return super().make_critic()
        return InputCritic(self.spec, self.config.net, self.condition)
