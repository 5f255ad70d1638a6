r"""VAE-GAN: an autoencoder that measures reconstruction in the features of a critic.

    Autoencoding beyond pixels using a learned similarity metric (Larsen et al., 2016)
    https://arxiv.org/abs/1512.09300, Algorithm 1

        encoder:    KL(q(z|x) || N(0, I)) + L_like
        generator:  gamma L_like - L_gan     (non-saturating)
        critic:     L_gan = log D(x) + log(1 - D(G(z))) + log(1 - D(G(z_r)))

L_like is the squared error in the critic's last hidden layer, a unit-variance Gaussian there. Deviations: Adam in place
of RMSProp; the two kinds of fake weigh one half each, as in the authors' code; the pixel likelihood is not trained and
serves reconstruction only, so there is no `log_weights`; the prior is fitted to the codes afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.distributions import kl_divergence

from gvae import nets
from gvae.config import LatentConfig
from gvae.errors import GvaeError
from gvae.losses.adversarial import nonsaturating_critic, nonsaturating_generator
from gvae.models.base import Optim, Outcome, Turn
from gvae.models.latent import LatentModel, has_parameters
from gvae.types import Batch, DataSpec


@dataclass(frozen=True)
class Config(LatentConfig):
    """VAE-GAN."""

    lr: float = 3e-4
    """Adam step size"""
    gamma: float = 1e-2
    """weight of the feature error against the adversarial term in the generator's loss"""


class VAEGAN(LatentModel):
    """VAE-GAN."""

    Config = Config
    log_weights = None  # the likelihood lives in the critic's features: no bound on log p(x)  # pyright: ignore

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.critic = nets.critic(spec, config.net, self.condition)
        if has_parameters(self.likelihood):
            raise GvaeError("vae-gan does not train a pixel likelihood; use --likelihood gaussian")

    def players(self):
        return {"encoder": self.encoder, "generator": self.generator, "critic": self.critic}

    def turns(self):
        return [Turn(self.losses)]

    def optim(self, player: str) -> Optim:
        return Optim(self.config.lr, betas=(0.5, 0.99))

    def losses(self, batch: Batch) -> Outcome:
        """One forward pass, three updates."""
        x, y = batch
        q = self.encode(x, y)
        x_rec = self.decode(q.rsample(), y).mean
        x_gen = self.decode(torch.randn_like(q.mean), y).mean
        (real, h_real), (rec, h_rec), (gen, _) = (self.critic(v, y) for v in (x, x_rec, x_gen))

        kl = kl_divergence(q, self.standard_normal()).mean()
        like = 0.5 * (h_rec[-1] - h_real[-1]).float().square().sum(1).mean()
        fool = 0.5 * (nonsaturating_generator(real, rec) + nonsaturating_generator(real, gen)).mean()
        tell = 0.5 * (nonsaturating_critic(real, rec) + nonsaturating_critic(real, gen)).mean()
        return Outcome(
            {
                "encoder": {"kl": self.beta * kl, "like": like},
                "generator": {"like": self.config.gamma * like, "gan": fool},
                "critic": {"gan": tell},
            },
            {"mse": (x - x_rec).square().mean() / 4},
        )
