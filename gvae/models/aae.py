r"""AAE: an autoencoder whose codes, taken together, a critic holds to N(0, I).

    Adversarial Autoencoders (Makhzani et al., 2016) https://arxiv.org/abs/1511.05644, Section 2

        1. encoder, generator:  -log p(x|z),   z ~ q(z|x)
        2. code critic:         -log sigmoid D(z_r) - log(1 - sigmoid D(z)),   z_r ~ target
        3. encoder:             -w log sigmoid D(z)

The critic sees codes of many images, so it is the mean of q(z|x) over images that follows the target, not each q(z|x) as
in a VAE: a code may keep all it knows about its image. No bound is trained. With the Gaussian posterior one exists all
the same and is measured; a deterministic code has no density, so there `log_weights` is None.

Deviations: a fresh batch for each of the three phases; Adam, and one Adam state for the encoder in both of its phases,
hence the weight w; the likelihood has the scale of its own errors; samples come from a prior fitted to the codes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from gvae.config import LatentConfig
from gvae.distributions.posteriors import rsample_and_log_prob
from gvae.errors import GvaeError
from gvae.losses.adversarial import nonsaturating_critic
from gvae.losses.reconstruction import mse
from gvae.models.base import Losses, Optim, Turn
from gvae.models.latent import LatentModel
from gvae.nets.critics import CodeCritic
from gvae.ranges import PositiveFloat, Units
from gvae.types import Batch, DataSpec

MODES = 10
"""Gaussians of the target mixture"""
SPREAD = 0.3
"""their standard deviation, where the whole mixture has 1"""


@dataclass(frozen=True)
class Config(LatentConfig):
    """Adversarial autoencoder."""

    lr: PositiveFloat = 5e-4
    """Adam step size of encoder and generator"""
    posterior: Literal["gaussian", "deterministic"] = "gaussian"
    """q(z|x): a diagonal Gaussian, or a single code"""
    target: Literal["normal", "mixture"] = "normal"
    """what the codes are held to: N(0, I), or ten Gaussians on a ring"""
    weight: PositiveFloat = 0.1
    """weight of the encoder's adversarial term in nats per pixel value, the scale of the likelihood"""
    hidden: Units = 1000
    """units in each of the code critic's two hidden layers"""
    critic_lr: PositiveFloat = 5e-4
    """Adam step size of the code critic"""


class AAE(LatentModel):
    """Adversarial autoencoder."""

    Config = Config

    def __init__(self, spec: DataSpec, config: Config | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        if self.config.posterior == "deterministic":
            self.log_weights = None  # a single code has no density  # pyright: ignore
        self.code_critic = CodeCritic(self.config.latent, self.config.hidden, self.condition)

    def check_options(self) -> None:
        config = self.config
        if config.target == "mixture" and config.prior == "normal":
            raise GvaeError(
                "--target mixture gives codes that do not follow N(0, I); use --prior mixture, realnvp or flow"
            )

    @property
    def stochastic(self) -> bool:
        return self.config.posterior == "gaussian"

    def players(self):
        return super().players() | {"code_critic": self.code_critic}

    def turns(self):
        return [Turn(self.reconstruct), Turn(self.criticise), Turn(self.regularise)]

    def optim(self, player: str) -> Optim:
        if player == "code_critic":
            return Optim(self.config.critic_lr, betas=(0.5, 0.99))
        return Optim(self.config.lr)

    def reconstruct(self, batch: Batch) -> Losses:
        """Phase 1: the autoencoder."""
        x, y = batch
        z, _ = rsample_and_log_prob(self.encode(x, y))
        p = self.decode(z, y)
        self.likelihood.observe(x, p.mean)
        return Losses({self.trained: {"nll": -p.log_prob(x).mean()}}, {"mse": mse(x, p.mean)})

    def criticise(self, batch: Batch) -> Losses:
        """Phase 2: the critic tells draws of the target from codes."""
        x, y = batch
        with torch.no_grad():  # only the critic is updated in this turn
            z, _ = rsample_and_log_prob(self.encode(x, y))
        real, code = self.code_critic(self.target(len(z)), y), self.code_critic(z, y)
        return Losses(
            {"code_critic": {"d_adv": nonsaturating_critic(real, code).mean()}}, {"score_gap": (real - code).mean()}
        )

    def regularise(self, batch: Batch) -> Losses:
        """Phase 3: the encoder makes codes that pass for the target."""
        x, y = batch
        z, _ = rsample_and_log_prob(self.encode(x, y))
        weight = self.config.weight * self.spec.dim
        return Losses({"encoder": {"g_adv": -weight * logsigmoid(self.code_critic(z, y)).mean()}})

    def target(self, n: int) -> Tensor:
        """Draw n codes (n, Z) of the target: zero mean and unit variance in every dimension."""
        noise = torch.randn(n, self.latent_dim, device=self.device)
        return noise if self.config.target == "normal" else ring(n, self.latent_dim, noise)


def ring(n: int, latent: int, noise: Tensor) -> Tensor:
    """Codes of a mixture of `MODES` equal Gaussians, their means on a circle in each pair of dimensions.

    Args:
        n: how many codes.
        latent: their length, Z.
        noise: standard normal numbers (n, Z).
    """
    mode = torch.randint(MODES, (n, 1), device=noise.device)
    quarter = torch.arange(latent, device=noise.device) % 2 / 4  # sine beside cosine
    mean = torch.cos(2 * math.pi * (mode / MODES - quarter))
    return math.sqrt(2 * (1 - SPREAD**2)) * mean + SPREAD * noise
