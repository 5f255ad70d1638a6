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
from typing import Any, Literal

import torch
from torch import nn
from torch.distributions import kl_divergence
from torch.nn.functional import softplus

from gvae import nets
from gvae.config import LatentConfig
from gvae.errors import GvaeError
from gvae.losses.adversarial import nonsaturating_critic, nonsaturating_generator
from gvae.losses.augment import Augment
from gvae.losses.reconstruction import mse
from gvae.models.base import Losses, Optim, Player, Turn
from gvae.models.latent import LatentModel, has_parameters
from gvae.ranges import NonNegativeFloat, PositiveFloat
from gvae.types import Batch, DataSpec, Terms

EQUILIBRIUM = 0.68
"""cross-entropy of a critic that can hardly tell, as the authors' code has it; log 2 would be one that cannot at all"""


@dataclass(frozen=True)
class Config(LatentConfig):
    """VAE-GAN."""

    lr: PositiveFloat = 3e-4
    """Adam step size"""
    gamma: NonNegativeFloat = 1e-2
    """weight of the feature error against the adversarial term in the generator's loss"""
    margin: NonNegativeFloat = 0.0
    """balance rule of its authors: whoever is so far ahead waits (they take 0.35 to 0.4); 0: nobody waits"""
    augment: Literal["none", "shift"] = "none"
    """shift: the critic sees images shifted by a few pixels, against checkerboards"""


class VAEGAN(LatentModel):
    """VAE-GAN."""

    Config = Config
    log_weights = None  # the likelihood lives in the critic's features: no bound on log p(x)  # pyright: ignore

    def __init__(self, spec: DataSpec, config: Config | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        self.critic = self.network("critic")
        self.augment = Augment(self.config.augment)
        if has_parameters(self.likelihood):
            raise GvaeError("vae-gan does not train a pixel likelihood; use --likelihood gaussian")

    def make_critic(self) -> nn.Module:
        """Network (x, y) -> (scores (B,), features)."""
        return nets.critic(self.spec, self.config.net, self.condition)

    def players(self):
        return {"encoder": self.encoder, "generator": self.generator, "critic": self.critic}

    def turns(self):
        return [Turn(self.losses)]

    def optim(self, player: str) -> Optim:
        return Optim(self.config.lr, betas=(0.5, 0.99))

    def losses(self, batch: Batch) -> Losses:
        """One forward pass, three updates."""
        x, y = batch
        q = self.encode(x, y)
        x_rec = self.decode(q.rsample(), y).mean
        x_gen = self.decode(torch.randn_like(q.mean), y).mean
        seen = self.augment.alike(x, x_rec, x_gen)
        (real, h_real), (rec, h_rec), (gen, _) = (self.critic(v, y) for v in seen)

        kl = kl_divergence(q, self.standard_normal()).mean()
        like = 0.5 * (h_rec[-1] - h_real[-1]).float().square().sum(1).mean()
        g_adv = 0.5 * (nonsaturating_generator(real, rec) + nonsaturating_generator(real, gen)).mean()
        d_adv = 0.5 * (nonsaturating_critic(real, rec) + nonsaturating_critic(real, gen)).mean()
        losses: dict[Player, Terms] = {
            "encoder": {"kl": self.beta * kl, "like": like},
            "generator": {"like": self.config.gamma * like, "g_adv": g_adv},
            "critic": {"d_adv": d_adv},
        }
        if self.config.margin:
            costs = softplus(-real).mean().item(), 0.5 * (softplus(rec) + softplus(gen)).mean().item()
            losses = {name: terms for name, terms in losses.items() if name not in waiting(*costs, self.config.margin)}
        return Losses(losses, {"mse": mse(x, x_rec)})


def waiting(real: float, fake: float, margin: float) -> set[str]:
    """Players that skip this step, so that the scores of neither side run away.

    Args:
        real, fake: the critic's mean cross-entropies, in nats.
        margin: how far from `EQUILIBRIUM` they may be.

    >>> waiting(0.1, 0.9, 0.35), waiting(0.7, 1.2, 0.35), waiting(0.1, 1.2, 0.35)
    ({'critic'}, {'generator'}, set())
    """
    ahead = min(real, fake) < EQUILIBRIUM - margin
    behind = max(real, fake) > EQUILIBRIUM + margin
    return set() if ahead and behind else {"critic"} if ahead else {"generator"} if behind else set()
