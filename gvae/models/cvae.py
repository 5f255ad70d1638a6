r"""Conditional VAE: a VAE conditional on the class, so that its code need not carry it.

    Learning Structured Output Representation using Deep Conditional Generative Models (Sohn et al., 2015)
    https://papers.nips.cc/paper/5775, Eq. 4, with p(z|y) = N(0, I)

        encoder, generator:  -log p(x|z, y) + beta KL(q(z|x, y) || N(0, I))

`--conditioning decoder` is the form of gans-vs-vaes: the class is concatenated to the code, and the encoder does not see it.
The same as `vae --conditional` otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.distributions import Distribution

from gvae import nets
from gvae.config import BoundConfig
from gvae.distributions.posteriors import gaussian
from gvae.models.vae import VAE


@dataclass(frozen=True)
class Config(BoundConfig):
    """Conditional variational autoencoder."""

    conditional: bool = True
    """make the networks conditional on the class label"""
    conditioning: Literal["both", "decoder"] = "both"
    """which networks see the class: encoder and decoder, or the decoder alone"""


class CVAE(VAE):
    """Conditional variational autoencoder."""

    Config = Config

    def make_encoder(self) -> nn.Module:
        condition = self.condition if self.config.conditioning == "both" else 0
        return nets.encoder(self.spec, self.config.net, self.encoder_dim, condition)

    def encode(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        return gaussian(self.encoder(x, y if self.config.conditioning == "both" else None))
