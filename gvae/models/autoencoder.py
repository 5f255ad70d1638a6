r"""Autoencoder: a code for every image and an image for every code, without any distribution over codes.

    Reducing the Dimensionality of Data with Neural Networks (Hinton & Salakhutdinov, 2006)
    https://doi.org/10.1126/science.1127647

        encoder, generator:  -log p(x|z),   z = encoder(x)

Trained from scratch in one go, without the paper's layer-wise start. Nothing shapes the codes, so samples come from a
prior fitted to them afterwards, and there is no bound on log p(x).
"""

from __future__ import annotations

from dataclasses import dataclass

from gvae.config import LatentConfig
from gvae.losses.reconstruction import mse
from gvae.models.base import Losses, Turn
from gvae.models.latent import LatentModel
from gvae.types import Batch


@dataclass(frozen=True)
class Config(LatentConfig):
    """Autoencoder."""


class Autoencoder(LatentModel):
    """Autoencoder."""

    Config = Config
    log_weights = None  # no distribution over codes, so no bound on log p(x)  # pyright: ignore

    @property
    def stochastic(self) -> bool:
        return False

    def turns(self):
        return [Turn(self.reconstruction)]

    def reconstruction(self, batch: Batch) -> Losses:
        """Nats per image that the code leaves unexplained."""
        x, y = batch
        p = self.decode(self.encode(x, y).mean, y)
        self.likelihood.observe(x, p.mean)
        return Losses({self.trained: {"nll": -p.log_prob(x).mean()}}, {"mse": mse(x, p.mean)})
