r"""VAE-HVI: a VAE whose codes are carried towards p(z|x) by a few steps of simulated motion.

    Markov Chain Monte Carlo and Variational Inference: Bridging the Gap (Salimans, Kingma & Welling, 2015)
    https://arxiv.org/abs/1410.6460, Section 3

        z_0 ~ q(z|x)
        v'_t ~ q_t(v'|x, z_t-1),   (z_t, v_t) = leapfrog(z_t-1, v'_t),   t = 1, ..., T

        encoder, motion, generator:
            -log p(x, z_T) + log q(z_0|x) + sum_t [log q_t(v'_t|x, z_t-1) - log r_t(v_t|x, z_t)]

The leapfrog follows force(z) = grad_z [log p(x|z) + log p(z)] and keeps volume, so no determinant appears. r_t guesses
the momentum from where the motion ended: were it the true reverse, the bound would be that of z_T itself; any other r_t
lowers it by a KL divergence. All players share the one bound, and the generator's gradient includes its part in the force:
a second-order path.

Deviations: q_t and r_t see x through the encoder's output; step sizes are multiples of q(z_0|x)'s standard deviation, so
that the motion stays stable when codes get sharp.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from gvae.config import BoundConfig
from gvae.distributions.posteriors import Posterior, gaussian
from gvae.models.vae import VAE
from gvae.nets.flows.leapfrog import leapfrog, slope
from gvae.ranges import Repeats, Units
from gvae.types import DataSpec

STEP = 0.1
"""step size when new, in standard deviations of q(z_0|x): short enough for strongly correlated codes"""


@dataclass(frozen=True)
class Config(BoundConfig):
    """VAE with Hamiltonian variational inference."""

    iterations: Repeats = 1
    """fresh momenta, T; each starts a motion"""
    leapfrog: Repeats = 4
    """leapfrog steps of one motion; each costs a forward and a backward pass of the generator"""
    hidden: Units = 640
    """units in the one hidden layer of the networks of momenta"""
    momentum: Literal["network", "normal"] = "network"
    """mean of a fresh momentum: from a network of x and z, or 0"""


class VAEHVI(VAE):
    """VAE with Hamiltonian variational inference."""

    Config = Config
    posterior_modules = ("motion",)

    def __init__(self, spec: DataSpec, config: Config | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        self.motion = nn.ModuleList(Motion(self.config) for _ in range(self.config.iterations))

    def base_gaussian(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        """q(z_0|x): its density is known everywhere, that of z_T for its own draws only."""
        return super().encode(x, y)

    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        """q(z_T|x), whose log q is log q(z_0|x) + sum_t [log q_t - log r_t]."""
        h = self.encoder(x, y).float()
        start = gaussian(h)

        def rsample_and_log_prob() -> tuple[Tensor, Tensor]:
            z = start.rsample()
            end, ratio = self.carry(x, y, h, z)
            return end, start.log_prob(z) + ratio

        def mode() -> Tensor:
            return self.carry(x, y, h, start.mean, drawn=False)[0]

        return Posterior(rsample_and_log_prob, mode, len(x), self.latent_dim)

    def carry(self, x: Tensor, y: Tensor | None, h: Tensor, z: Tensor, drawn: bool = True) -> tuple[Tensor, Tensor]:
        """Codes z (B, Z) after all motions, and sum_t [log q_t - log r_t] (B,) nats.

        Args:
            x: images; y: their classes, if any.
            h: the encoder's output for them, (B, 2Z).
            z: codes (B, Z) to start from.
            drawn: False takes every momentum at its mean.
        """
        force, total = partial(self.force, x, y), torch.zeros_like(z[:, 0])
        for motion in self.motion:
            z, ratio = motion(z, h, force, drawn)
            total = total + ratio
        return z, total

    def force(self, x: Tensor, y: Tensor | None, z: Tensor) -> Tensor:
        """grad_z [log p(x|z) + log p(z)] (B, Z); differentiable in turn where the caller wants gradients."""
        prior = None if self.learn_prior else "normal"
        return slope(lambda v: self.decode(v, y).log_prob(x) + self.log_prior(v, y, prior), z)[1]


class Motion(nn.Module):
    """One iteration: a fresh momentum, its leapfrog, and the guess of the momentum at the end.

    q_t(v'|x, z) = N(mean(h, z), M),   r_t(v|x, z) = N(m, M exp(s)),  (m, s) = reverse(h, z),   h = encoder(x)
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        z, hidden = config.latent, config.hidden
        self.steps = config.leapfrog
        self.log_step = nn.Parameter(torch.full((z,), math.log(STEP)))
        self.log_mass = nn.Parameter(torch.zeros(z))
        self.mean = one_hidden(3 * z, hidden, z) if config.momentum == "network" else None
        self.reverse = one_hidden(3 * z, hidden, 2 * z)

    def forward(
        self, z: Tensor, h: Tensor, force: Callable[[Tensor], Tensor], drawn: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Codes (B, Z) at the end, and log q_t - log r_t (B,) nats."""
        fresh = self.momentum(z, h)
        v = fresh.rsample() if drawn else fresh.mean
        step = self.log_step.exp() * gaussian(h).stddev  # knows x but not z: the motion keeps volume
        end, momentum = leapfrog(force, z, v, step, self.log_mass.exp(), self.steps)
        return end, fresh.log_prob(v) - self.guess(end, h).log_prob(momentum)

    def momentum(self, z: Tensor, h: Tensor) -> Independent:
        """q_t(v'|x, z)."""
        mean = torch.zeros_like(z) if self.mean is None else self.mean(torch.cat([z, h], 1)).float()
        return gaussian(torch.cat([mean, self.log_mass.expand_as(mean)], 1))

    def guess(self, z: Tensor, h: Tensor) -> Independent:
        """r_t(v|x, z); an output of 0 is N(0, M)."""
        mean, logvar = self.reverse(torch.cat([z, h], 1)).float().chunk(2, 1)
        return gaussian(torch.cat([mean, logvar + self.log_mass], 1))


def one_hidden(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """A perceptron with one hidden layer, whose output starts near 0."""
    last = nn.Linear(hidden, outputs)
    last.weight.data.mul_(0.1)
    last.bias.data.zero_()
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), last)
