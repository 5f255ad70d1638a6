"""Options of gvae, and which of them contradict each other. What they do: gvae/models/gvae.py. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval

from gvae.config import CriticConfig, LatentConfig
from gvae.errors import GvaeError
from gvae.ranges import Fraction, NonNegativeFloat, PositiveFloat, PositiveInt, Units


@dataclass(frozen=True)
class Config(LatentConfig, CriticConfig):
    """Generative Variational Autoencoder."""

    latent: Units = 48
    """number of latent dimensions, Z"""
    beta: NonNegativeFloat = 0.5
    """weight of the KL term: above 1 the code carries fewer nats and its prior is easier to learn"""
    start: Fraction = 0.7
    """fraction of the budget after which the prior is fitted and the critic starts"""
    adversarial: Literal["relativistic", "wasserstein", "nonsaturating"] = "relativistic"
    """what critic and generator minimise"""
    weight: NonNegativeFloat = 1.0
    """weight of the adversarial term in nats per pixel value, the scale of the likelihood"""
    balance: NonNegativeFloat = 0.0
    """adaptive weight instead: pull of the adversarial term at the generator's last layer, in those of the likelihood"""
    augment: Literal["none", "shift", "diff", "adaptive"] = "shift"
    """change what the critic sees: shift against checkerboards; for data below about 20,000 images, diff always or
    adaptive as often as it needs"""
    rec_share: Annotated[float, Interval(ge=0, lt=1)] = 0.25
    """share of the critic's fakes that are reconstructions; the others are samples of the prior"""
    penalty: NonNegativeFloat = 1.0
    """weight of the gradient penalty: (||grad D|| - 1)^2 with wasserstein, else R1"""
    penalty_every: PositiveInt = 1
    """rounds from one R1 penalty to the next (its weight is corrected); 1: it is part of the critic's own step"""
    critic_lr: PositiveFloat = 2e-3
    """Adam step size of the critics"""
    generator_lr_adv: PositiveFloat = 2e-4
    """Adam step size of the generator (and of the encoder, unless frozen) in an adversarial stage that starts late"""
    critic_start: Literal["encoder", "random"] = "encoder"
    """the critic's first weights when it starts late: the encoder's, where their layers are alike, or random ones"""
    freeze: bool = True
    """freeze the encoder in an adversarial stage that starts late, so that the prior stays fitted to its codes"""
    momentum: Annotated[float, Interval(ge=0, lt=1)] = 0.9
    """beta1 of the Adam of encoder, generator and prior"""
    features: NonNegativeFloat = 0.0
    """weight of the squared error in the critic's features"""
    code: Literal["kl", "critic"] = "kl"
    """what ties the codes to N(0, I): the closed-form KL, or alpha-GAN's code critic"""
    order: Literal["simultaneous", "sequential"] = "simultaneous"
    """one forward pass for all players, or encoder + generator, critic, code critic in turn (the papers')"""
    noise: Annotated[int, Interval(ge=0, le=1_024)] = 0
    """channels of noise concatenated to the encoder's input, which make q(z|x) implicit; 0: none"""


def check(config: Config) -> None:
    """Refuse options that cannot work.

    Raises:
        GvaeError: which, and what is allowed.
    """
    if config.adversarial == "wasserstein" and config.augment == "adaptive":
        raise GvaeError("--augment adaptive needs scores with a zero, which wasserstein has not; use --augment diff")
    if config.code == "critic" and config.freeze and config.start:
        raise GvaeError("--code critic has no effect on a frozen encoder; use --no-freeze, or --start 0")
    if config.features and config.augment in ("diff", "adaptive"):
        raise GvaeError(
            f"--features compares an image with its reconstruction, which --augment {config.augment} changes apart; "
            "use --augment shift or none"
        )
