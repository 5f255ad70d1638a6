r"""AC-GAN: a GAN whose generator is conditional on the class, while a classifier beside the critic predicts it.

    Conditional Image Synthesis with Auxiliary Classifier GANs (Odena et al., 2017) https://arxiv.org/abs/1610.09585,
    Section 3, Eq. 2-3

        critic, classifier:  -log sigmoid D(x) - log(1 - sigmoid D(x_gen)) - w [log C(y|x) + log C(y|x_gen)]
        generator:           -log sigmoid D(x_gen)                         - w log C(y|x_gen),   x_gen = G(z, y)
        critic, every few rounds:   (penalty / 2) ||grad D(x)||^2

C is one linear layer on the critic's last features. --no-conditional leaves no class to find: a plain GAN.
Deviations: fakes get the classes of the batch's images; the generator's adversarial term is non-saturating; a lazy R1
penalty; all players are updated from one forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from gvae import nets
from gvae.config import CriticConfig, ModelConfig
from gvae.losses.adversarial import nonsaturating_critic, nonsaturating_generator
from gvae.losses.penalties import lazy_zero_centred
from gvae.models.base import Losses, Optim, Player, Turn
from gvae.models.implicit import ImplicitModel
from gvae.nets.wrappers import required
from gvae.ranges import NonNegativeFloat, PositiveFloat, PositiveInt
from gvae.types import Batch, DataSpec


@dataclass(frozen=True)
class Config(ModelConfig, CriticConfig):
    """GAN with an auxiliary classifier."""

    lr: PositiveFloat = 2e-4
    """Adam step size"""
    conditional: bool = True
    """a conditional generator, and a classifier that predicts the class from the critic's features; without: a plain GAN"""
    weight: NonNegativeFloat = 1.0
    """weight of the classifier's cross-entropy, in nats"""
    penalty: NonNegativeFloat = 1.0
    """weight of the critic's R1 gradient penalty on data; 0: none"""
    penalty_every: PositiveInt = 8
    """rounds from one R1 penalty to the next (its weight is corrected)"""


class Classified(ImplicitModel):
    """A conditional generator, an unconditional critic, and a classifier on the critic's last features."""

    def __init__(self, spec: DataSpec, config: ModelConfig | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        if self.condition:
            self.classifier = nn.Linear(last_features(self.critic, spec), self.condition)

    def make_critic(self) -> nn.Module:
        return nets.critic(self.spec, self.config.net)  # sees no label, or there would be nothing to find out

    @property
    def judges(self) -> Player:
        """Who minimises the critic's loss."""
        return ("critic", "classifier") if self.condition else "critic"

    def players(self):
        more = {"classifier": self.classifier} if self.condition else {}
        return super().players() | more

    def logits(self, features: list[Tensor]) -> Tensor:
        """The classifier's logits (B, classes), from the critic's features."""
        return self.classifier(features[-1].flatten(1)).float()

    def class_nll(self, features: list[Tensor], y: Tensor | None) -> Tensor:
        """Weighted mean of -log C(y|x), in nats, from the critic's features of images of classes y (B,).

        Attributes y (B, A) are A questions: the mean of their cross-entropies.
        """
        ask = cross_entropy if self.classes else binary_cross_entropy_with_logits
        return self.config.weight * ask(self.logits(features), required(y))

    def accuracy(self, features: list[Tensor], y: Tensor | None) -> Tensor:
        """Share of images whose class the classifier names, or of attributes that it gets right."""
        logits = self.logits(features)
        named = logits.argmax(1) if self.classes else (logits > 0).float()
        return (named == required(y)).float().mean()


class ACGAN(Classified):
    """GAN with an auxiliary classifier."""

    Config = Config

    def turns(self):
        lazy = [Turn(self.penalise, every=self.config.penalty_every)] if self.config.penalty else []
        return [Turn(self.play), *lazy]

    def optim(self, player: str) -> Optim:
        return Optim(self.config.lr, betas=(0.5, 0.99))

    def play(self, batch: Batch) -> Losses:
        """All players on one forward pass."""
        x, y = batch
        (real, h_real), (fake, h_fake) = (self.critic(self.augment(v)) for v in (x, self.sample(len(x), y)))
        self.augment.observe(real)
        generator = {"g_adv": nonsaturating_generator(real, fake).mean()}
        judges = {"d_adv": nonsaturating_critic(real, fake).mean()}
        diagnostics = {"score_gap": (real - fake).mean()}
        if self.condition:
            generator["class"] = self.class_nll(h_fake, y)
            judges["class"] = self.class_nll(h_real, y) + generator["class"]
            diagnostics["accuracy"] = self.accuracy(h_real, y)
        return Losses({"generator": generator, self.judges: judges}, diagnostics)

    def penalise(self, batch: Batch) -> Losses:
        """The critic's R1 penalty on data, lazily: (penalty / 2) ||grad D(x)||^2, times the rounds between two."""
        c = self.config
        r1 = lazy_zero_centred(lambda v: self.critic(v)[0], self.augment(batch.x), c.penalty, c.penalty_every)
        return Losses({"critic": {"r1": r1}})


@torch.no_grad()
def last_features(critic: nn.Module, spec: DataSpec) -> int:
    """Length of a critic's last features, flattened, from a look at one gray image."""
    _, features = critic.eval()(torch.zeros(1, spec.channels, *spec.shape))
    critic.train()
    return features[-1].numel()
