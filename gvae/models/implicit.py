r"""What every model of a generator and a critic can do: make images of noise, and judge images.

    x_gen = tanh(generator(z)),   z ~ N(0, I);        score, features = critic(x)

Implicit: it samples, and has no density. Learning in Implicit Generative Models (Mohamed & Lakshminarayanan, 2017)
https://arxiv.org/abs/1610.03483

The slope of that tanh has a floor on the way back from black or white, see gvae/nets/leaky_tanh.py.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gvae import nets
from gvae.losses.augment import Augment
from gvae.models.base import Model
from gvae.nets.leaky_tanh import leaky_tanh
from gvae.types import DataSpec


class ImplicitModel(Model):
    """Generator and critic, conditional on the class if asked for; the losses are up to the model."""

    averaged = ("generator",)

    def __init__(self, spec: DataSpec, config: Any = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        self.generator = self.network("generator")
        self.critic = self.network("critic")
        self.augment = Augment(self.config.augment)

    def make_generator(self) -> nn.Module:
        """Network (z, y) -> unbounded images (B, C, *S)."""
        return nets.generator(self.spec, self.config.net, self.config.latent, self.condition)

    def make_critic(self) -> nn.Module:
        """Network (x, y) -> (scores (B,), features)."""
        return nets.critic(self.spec, self.config.net, self.condition)

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        z = torch.randn(n, self.config.latent, device=self.device)
        return leaky_tanh(self.generator(z, y))
