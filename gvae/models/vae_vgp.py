r"""VAE with a variational Gaussian process: q(z|x) of any shape, made of a Gaussian that goes through random functions.

    The Variational Gaussian Process (Tran, Ranganath & Blei, 2016) https://arxiv.org/abs/1511.06499, Sections 2 and 3

        xi ~ N(0, I),   f ~ q(f | xi, D) = N(m(xi), v(xi)),   z ~ N(f, sigma^2)         c, t, sigma = encoder(x)

        encoder, process, auxiliary, generator:
            -log p(x|z) + beta [log N(xi; 0, I) + log N(z; m(xi), v(xi) + sigma^2) - log r(xi | x, z) - log p(z)]

m(xi) and v(xi) are those of a Gaussian process of mean c that is known at a few points, see `gvae.nets.gp`. The paper's
bracket is log q(xi) + log q(f | xi, D) + log q(z|f) - log r(xi, f | x, z) with an auxiliary r that takes xi and f for
independent. Here r(xi, f | x, z) = r(xi | x, z) q(f | xi, x, z), and the last factor is exact, the bound's best choice:

        q(f | xi, x, z) = q(f | xi, D) q(z|f) / N(z; m(xi), v(xi) + sigma^2)

so f leaves the bracket. What remains to be guessed is xi: the better r guesses it, the closer the bracket comes to
log q(z|x) - log p(z), and it is never below it on average. With --layers 2 the code is z = (z_1, z_2), one process makes
both parts, and

        p(z) = N(z_2; 0, I) N(z_1; mu(z_2), diag sigma(z_2)^2),    p(x|z) = p(x|z_1)        a deep latent Gaussian model

mu and sigma are those of the prior `layered`, learned in the bound. Deviations: f is integrated out (above); the process has
the mean c, not 0; the points s are the same for all images (the paper's encoder outputs them too) and 20 rather than 500;
every term at the sample, where the paper has two closed-form KLs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from gvae import nets
from gvae.config import BoundConfig
from gvae.distributions.gaussian_process import Auxiliary, Process
from gvae.distributions.posteriors import MAX_LOGVAR, MIN_LOGVAR, Posterior, gaussian
from gvae.errors import GvaeError
from gvae.models.vae import VAE
from gvae.priors.layered import layers
from gvae.ranges import Units
from gvae.types import DataSpec


@dataclass(frozen=True)
class Config(BoundConfig):
    """Variational autoencoder with a variational Gaussian process."""

    inducing: Annotated[int, Interval(ge=1, le=1_000)] = 20
    """points at which the random functions are known, m; up to about 100"""
    auxiliary: Units = 256
    """units of each of the two hidden layers of the auxiliary network"""
    layers: Literal[1, 2] = 1
    """stochastic layers, 1 or 2; 2: the last third of the code is noise above the rest (--prior layered --learn-prior)"""


class VAEVGP(VAE):
    """Variational autoencoder with a variational Gaussian process."""

    Config = Config
    posterior_modules = ("process", "auxiliary")

    def __init__(self, spec: DataSpec, config: BoundConfig | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        self.process, self.auxiliary = networks(self.config, self.encoder_dim)

    def check_options(self) -> None:
        check_layers(self.config)

    @property
    def encoder_dim(self) -> int:
        return head_size(self.config)

    @property
    def seen(self) -> int:
        """How many dimensions of a code the generator sees: all of them, or those of z_1."""
        return layers(self.config.latent)[0] if self.config.layers == 2 else self.config.latent

    def make_generator(self) -> nn.Module:
        return nets.generator(self.spec, self.config.net, self.seen, self.condition)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Distribution:
        return super().decode(z[..., : self.seen], y)

    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        return posterior(self.encoder(x, y), self.process, self.auxiliary, self.process.factor())


def posterior(parameters: Tensor, process: Process, auxiliary: Auxiliary, factor: Tensor) -> Posterior:
    """q(z|x) with event shape (Z,); its log density is that of (xi, z), f integrated out, less log r(xi | x, z).

    Args:
        parameters: c, then values t at the m points, then log sigma^2, (B, (m + 2) Z).
        process: gives q(f | xi, D).
        auxiliary: gives r(xi | x, z).
        factor: of the process, from `process.factor()`.
    """
    parameters = parameters.float()
    c, t, logvar = parameters.unflatten(1, (-1, process.latent)).tensor_split([1, -1], 1)
    c, logvar = c.squeeze(1), logvar.squeeze(1)

    def rsample_and_log_prob() -> tuple[Tensor, Tensor]:
        xi = torch.randn_like(logvar)
        q_z = with_noise(process(xi, c, t, factor), logvar)
        z = q_z.rsample()
        return z, log_normal(xi) + q_z.log_prob(z) - auxiliary(parameters, z).log_prob(xi)

    def stddev() -> Tensor:
        return gaussian(torch.cat([c, logvar], 1)).stddev

    def mode() -> Tensor:
        return process.mean(c, t, factor)

    return Posterior(rsample_and_log_prob, mode, len(parameters), process.latent, stddev)


def with_noise(q_f: Independent, logvar: Tensor) -> Independent:
    """q(z | xi, x) = N(z; m, v + sigma^2): q(f | xi, D) = N(m, v), event shape (Z,), seen through noise sigma (B, Z)."""
    noise = logvar.clamp(MIN_LOGVAR, MAX_LOGVAR).exp()
    return Independent(Normal(q_f.mean, (q_f.variance + noise).sqrt(), validate_args=False), 1)


def log_normal(xi: Tensor) -> Tensor:
    """log N(xi; 0, I) of xi (B, Z), (B,) nats."""
    return Normal(0.0, 1.0, validate_args=False).log_prob(xi).sum(1)


def head_size(config: Any) -> int:
    """How many numbers the encoder outputs: the functions' mean, their values at m points, and log sigma^2."""
    return (config.inducing + 2) * config.latent


def networks(config: Any, outputs: int) -> tuple[Process, Auxiliary]:
    """What bends q(z|x), and what guesses how, for an encoder that outputs so many numbers."""
    latent = config.latent
    return Process(latent, config.inducing), Auxiliary(outputs, latent, config.auxiliary)


def check_layers(config: Any) -> None:
    """Refuse a second stochastic layer without its density.

    Raises:
        GvaeError: what is allowed.
    """
    if config.layers == 2 and not (config.prior == "layered" and config.learn_prior):
        raise GvaeError(
            "--layers 2 learns the density of its second layer in the bound; add --prior layered --learn-prior, or use "
            "--preset layers2"
        )
