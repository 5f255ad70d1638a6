r"""VAE-NF: a VAE whose q(z|x) is a Gaussian bent by planar flows.

    Variational Inference with Normalizing Flows (Rezende & Mohamed, 2015) https://arxiv.org/abs/1505.05770, Algorithm 1

        z_0 ~ q_0(z|x) = N(mu(x), sigma(x)^2),    z_t = z_(t-1) + u^_t tanh(w_t.z_(t-1) + b_t),    z = z_T
        log q(z|x) = log q_0(z_0|x) - sum_t log|det dz_t/dz_(t-1)|

        encoder, generator:  -log p(x|z) + beta [log q(z|x) - log p(z)]

mu, sigma and all u, w, b come from the encoder. With --no-amortised u, w, b are parameters, the same for all images, and a
player of their own, `flow`. Deviations: the warm-up weighs log q - log p(z), the paper's log p(x, z); u starts small; w is
what the network says divided by sqrt(Z); what `gvae.models.vae` and `gvae.nets.flows.planar` say of themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor
from torch.distributions import Independent

from gvae.config import BoundConfig
from gvae.distributions.posteriors import Posterior, gaussian
from gvae.distributions.pushforward import pushforward
from gvae.models.vae import VAE
from gvae.nets.flows.planar import Planar, numbers, planar, unpack
from gvae.ranges import Repeats
from gvae.types import DataSpec


@dataclass(frozen=True)
class Config(BoundConfig):
    """VAE with planar flows."""

    steps: Repeats = 10
    """planar steps between the encoder's Gaussian and the code, T"""
    amortised: bool = True
    """the encoder gives every image steps of its own; if not, all images share one flow"""


class VAENF(VAE):
    """Variational autoencoder with a planar-flow posterior."""

    Config = Config

    def __init__(self, spec: DataSpec, config: Config | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        if not self.config.amortised:
            self.flow = Planar(self.config.steps, self.config.latent)
            self.posterior_modules = ("flow",)
            self.averaged = self.trained

    @property
    def encoder_dim(self) -> int:
        more = numbers(self.config.steps, self.latent_dim) if self.config.amortised else 0
        return 2 * self.latent_dim + more

    def base_gaussian(self, x: Tensor, y: Tensor | None = None) -> Independent:
        """The Gaussian before the flow; its density is known everywhere, that of q(z|x) for its own draws only."""
        return gaussian(self.encoder(x, y)[:, : 2 * self.latent_dim])

    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        outputs = self.encoder(x, y)
        base = gaussian(outputs[:, : 2 * self.latent_dim])
        if not self.config.amortised:
            return pushforward(base, self.flow)
        u, w, b = unpack(outputs[:, 2 * self.latent_dim :], self.config.steps)
        return pushforward(base, partial(planar, u=u, w=w, b=b))
