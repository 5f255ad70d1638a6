r"""GAN: a generator and a critic trained against each other; the other models of this family are variants of it.

    Generative Adversarial Networks (Goodfellow et al., 2014) https://arxiv.org/abs/1406.2661, Algorithm 1

        critic:      -log sigmoid D(x) - log(1 - sigmoid D(x_gen)) + smooth D(x)
        generator:   -log sigmoid D(x_gen),   x_gen = G(z),  z ~ N(0, I)
        critic, every few rounds:   (penalty / 2) ||grad D(x)||^2     and/or     (penalty / 2) ||grad D(x_gen)||^2

The generator's loss is the paper's second one, which does not fade while the critic wins. Variants by option:

    loss:    hinge, Geometric GAN (Lim & Ye, 2017) https://arxiv.org/abs/1705.02894
             relativistic, in pairs (Huang et al., 2025) https://arxiv.org/abs/2501.05441
    smooth:  Improved Techniques for Training GANs (Salimans et al., 2016) https://arxiv.org/abs/1606.03498, Section 3.4;
             1 - s as the target of real images: -(1-s) log sigmoid D - s log(1 - sigmoid D) = -log sigmoid D + s D
    noise:   Towards Principled Methods for Training GANs (Arjovsky & Bottou, 2017) https://arxiv.org/abs/1701.04862
    penalty: Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018)
             https://arxiv.org/abs/1801.04406, Eq. 9 (R1, on data) and 10 (R2, on fakes), on every n-th round with n times
             the weight

With --conditional both networks are conditional: Conditional Generative Adversarial Nets (Mirza & Osindero, 2014)
https://arxiv.org/abs/1411.1784. Deviation: both players are updated from one forward pass, on the same fakes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gvae.config import GanConfig
from gvae.errors import GvaeError
from gvae.losses.adversarial import ADVERSARIAL
from gvae.losses.penalties import lazy_zero_centred
from gvae.models.base import Losses, Optim, Turn
from gvae.models.implicit import ImplicitModel
from gvae.types import Batch


@dataclass(frozen=True)
class Config(GanConfig):
    """Generative adversarial network."""


class GAN(ImplicitModel):
    """Generative adversarial network."""

    Config = Config

    def check_options(self) -> None:
        config = self.config
        if config.smooth and config.loss != "nonsaturating":
            raise GvaeError(f"--smooth is for --loss nonsaturating; --loss {config.loss} has no target to move")

    def turns(self):
        lazy = [Turn(self.smoothen, every=self.config.penalty_every)] if self.config.penalty else []
        return [Turn(self.play), *lazy]

    def optim(self, player: str) -> Optim:
        return Optim(self.config.lr, betas=(0.5, 0.99))

    def play(self, batch: Batch) -> Losses:
        """Both players on one forward pass."""
        x, y = batch
        x_gen = self.sample(len(x), y)
        real, fake = (self.critic(self.disturb(self.augment(v)), y)[0] for v in (x, x_gen))
        self.augment.observe(real - fake if self.config.loss == "relativistic" else real)
        critic_loss, generator_loss = ADVERSARIAL[self.config.loss]
        critic = {"d_adv": critic_loss(real, fake).mean()}
        if self.config.smooth:
            critic["smooth"] = self.config.smooth * real.mean()
        return Losses(
            {"generator": {"g_adv": generator_loss(real, fake).mean()}, "critic": critic},
            {"score_gap": (real - fake).mean()},
        )

    def disturb(self, x: Tensor) -> Tensor:
        """Images under noise that has gone by the end of the budget: at first data and fakes hardly overlap."""
        std = self.config.noise * (1 - min(self.progress, 1.0))
        return x + std * torch.randn_like(x) if std else x

    def smoothen(self, batch: Batch) -> Losses:
        """The critic's lazy penalties, (penalty / 2) ||grad D||^2 times the rounds between two, on data, fakes or both."""
        x, y = batch
        c, terms = self.config, {}
        if c.penalise != "fake":
            terms["r1"] = self.penalty(x, y)
        if c.penalise != "real":
            with torch.no_grad():  # only the critic is updated in this turn
                x_gen = self.sample(len(x), y)
            terms["r2"] = self.penalty(x_gen, y)
        return Losses({"critic": terms})

    def penalty(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Lazy zero-centred penalty on images x (B, C, *S), ()."""
        c = self.config
        return lazy_zero_centred(lambda v: self.critic(v, y)[0], self.augment(x), c.penalty, c.penalty_every)
