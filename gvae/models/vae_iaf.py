r"""VAE-IAF: a VAE whose q(z|x) is a Gaussian carried through inverse autoregressive flows.

    Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016)
    https://arxiv.org/abs/1606.04934, Algorithm 1

        mu, sigma, h = encoder(x),    z ~ N(mu, sigma^2)
        each step:  (m, s) = MADE(z, h),   gate = sigmoid(s + 1.5),   z <- gate z + (1 - gate) m
        log q(z|x) = log N(z_0; mu, sigma^2) - sum over steps and dimensions of log gate

        encoder, flow, generator:  -log p(x|z) + beta [log q(z|x) - log p(z)]

The order of the dimensions is reversed between steps, and back after the last. Deviations: neither weight normalisation
nor an initialisation that looks at data; no free bits, but beta's warm-up; those of `gvae.nets.flows.made`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from annotated_types import Interval
from torch import Tensor
from torch.distributions import Independent

from gvae.config import BoundConfig
from gvae.distributions.posteriors import Posterior, gaussian
from gvae.distributions.pushforward import pushforward
from gvae.models.vae import VAE
from gvae.nets.flows.iaf import IAF
from gvae.ranges import Repeats, Units
from gvae.types import DataSpec


@dataclass(frozen=True)
class Config(BoundConfig):
    """VAE with inverse autoregressive flows."""

    steps: Repeats = 2
    """flow steps between the encoder's Gaussian and the code"""
    hidden: Units = 320
    """units in each hidden layer of a step's network"""
    layers: Annotated[int, Interval(ge=1, le=100)] = 2
    """hidden layers of a step's network"""
    context: Units = 64
    """numbers that the encoder tells every step about the image"""


class VAEIAF(VAE):
    """Variational autoencoder with an inverse autoregressive flow posterior."""

    Config = Config
    posterior_modules = ("flow",)

    def __init__(self, spec: DataSpec, config: Config | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        c = self.config
        self.flow = IAF(c.latent, c.context, c.steps, c.hidden, c.layers)

    @property
    def encoder_dim(self) -> int:
        return 2 * self.latent_dim + self.config.context

    def base_gaussian(self, x: Tensor, y: Tensor | None = None) -> Independent:
        """The Gaussian before the flow; its density is known everywhere, that of q(z|x) for its own draws only."""
        return gaussian(self.encoder(x, y)[:, : 2 * self.latent_dim])

    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        outputs = self.encoder(x, y)
        base, context = outputs[:, : 2 * self.latent_dim], outputs[:, 2 * self.latent_dim :]
        return pushforward(gaussian(base), partial(self.flow, context=context))
