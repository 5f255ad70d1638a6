r"""GVAE: an encoder, a generator and a critic in one model.

    Generate High Resolution Images With Generative Variational Autoencoder (Sagar, 2020)
    https://arxiv.org/abs/2008.10399, with the parts its algorithm box leaves out restored from alpha-GAN (Rosca et al.,
    2017) https://arxiv.org/abs/1706.04987 and the 3-D alpha-WGAN-GP (Kwon et al., 2019) https://arxiv.org/abs/1908.02498

        encoder, generator:  -log p(x|z) + beta KL(q(z|x) || N(0, I))            from the start
                             + w [g_adv(D(x), D(G(z_e))) + g_adv(D(x), D(G(z_r)))] once the prior is fitted
        critic:              d_adv(D(x), D(G(z_e))) + d_adv(D(x), D(G(z_r))) + penalty
        prior:               -log p(z_e),  so that z_r ~ p(z) follows the codes z_e ~ q(z|x), unless the encoder is frozen

The default first learns the likelihood, then fits the prior, then trains the generator against the critic on samples of
that prior, with the encoder frozen. `--preset paper` trains all players from the first step, with WGAN-GP, an L1
reconstruction and a code critic in place of the KL term.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, kl_divergence

from gvae import nets
from gvae.losses.adversarial import ADVERSARIAL, balance, wasserstein_critic
from gvae.losses.augment import Augment
from gvae.losses.penalties import as_grad_leaf, gradient_penalty, lazy_zero_centred, squared_slope
from gvae.losses.reconstruction import mse
from gvae.models.base import Losses, Optim, Player, Turn
from gvae.models.gvae_options import Config, check
from gvae.models.latent import LatentModel, has_parameters
from gvae.nets.critics import CodeCritic
from gvae.types import Batch, DataSpec, Terms

CONSTANT_UPDATES = 150
"""updates of a critic at its full step size where it starts late; at that step size it soon diverges"""
UNLEARNED = 2000
"""codes of the prior's first fit with `--start 0`, when the encoder has learned nothing yet"""


class Judged(NamedTuple):
    """What the critic saw and said in one forward pass."""

    images: Tensor
    """(B, C, *S), as it saw them"""
    fakes: Tensor
    """(B, C, *S)"""
    real: Tensor
    """scores of the images, (B,)"""
    fake: Tensor
    """scores of the fakes, (B,)"""
    features: list[tuple[Tensor, Tensor]]
    """of each of its layers: those of images, and of their reconstructions"""


class GVAE(LatentModel):
    """Generative Variational Autoencoder."""

    Config = Config

    def __init__(self, spec: DataSpec, config: Config | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        self.critic = self.network("critic")
        self.augment = Augment(self.config.augment)
        if self.config.code == "critic":
            self.code_critic = CodeCritic(self.config.latent, condition=self.condition)

    def check_options(self) -> None:
        check(self.config)

    @property
    def noise_channels(self) -> int:
        return self.config.noise

    def make_critic(self) -> nn.Module:
        """Network (x, y) -> (scores (B,), features)."""
        return nets.critic(self.spec, self.config.net, self.condition)

    def players(self):
        everyone = {name: getattr(self, name) for name in (*self.trained, "critic")}
        if self.config.code == "critic":
            everyone["code_critic"] = self.code_critic
        if has_parameters(self.prior) and not self.frozen:
            everyone["prior"] = self.prior
        return everyone

    @property
    def frozen(self) -> bool:
        """Whether the encoder is frozen in the adversarial stage."""
        return self.config.freeze and self.config.start > 0

    @property
    def bound_players(self) -> tuple[str, ...]:
        """Players that minimise the bound in the adversarial stage."""
        return tuple(name for name in self.trained if not (self.frozen and name == "encoder"))

    @property
    def groups(self) -> list[Player]:
        """Players of the adversarial stage that step together: those that minimise the bound; every other one alone."""
        return [self.bound_players, *list(self.players())[len(self.trained) :]]

    def turns(self):
        c = self.config
        likelihood = [Turn(self.likelihood_alone, stop=c.start)] if c.start else []
        if c.order == "simultaneous":
            steps = [Turn(self.play, start=c.start, on_start=self.start_adversarial_stage)]
        else:
            steps = [Turn(partial(self.play, only=group), start=c.start) for group in self.groups]
            steps[0] = replace(steps[0], on_start=self.start_adversarial_stage)
        lazy = [Turn(self.smooth, every=self.r1_every, start=c.start)] if self.r1_every > 1 else []
        return [*likelihood, *steps, *lazy]

    @property
    def r1_every(self) -> int:
        """Rounds from one R1 penalty to the next; 1: it is part of the critic's own step; 0: there is none."""
        c = self.config
        return c.penalty_every if c.penalty and c.adversarial != "wasserstein" else 0

    def start_adversarial_stage(self, batches: Iterable[Batch]) -> None:
        """Before the critic's first step: fit the prior, and let the critic begin with what the encoder has learned."""
        self.fit_prior(batches, most=None if self.config.start else UNLEARNED)
        if self.config.start and self.config.critic_start == "encoder":
            nets.inherit(self.critic, self.encoder)

    @property
    def refit_prior_at_end(self) -> bool:
        """Not if the critic has seen samples of the fitted prior: the generator is sharp on those."""
        return not (self.config.start and self.prior.fitted)

    def optim(self, player: str) -> Optim:
        if player in ("critic", "code_critic"):
            return Optim(
                self.config.critic_lr, betas=(0.5, 0.99), constant_updates=CONSTANT_UPDATES if self.config.start else 0
            )
        late = 0 < self.config.start <= self.progress and player != "prior"  # which has to follow the codes
        return Optim(self.config.generator_lr_adv if late else self.config.lr, betas=(self.config.momentum, 0.99))

    def likelihood_alone(self, batch: Batch) -> Losses:
        """First stage: the bound of a VAE."""
        x, y = batch
        q = self.encode(x, y)
        terms, diagnostics = self.bound(x, q, self.decode(q.rsample(), y), self.trained)
        return Losses({self.trained: terms}, diagnostics)

    def bound(self, x: Tensor, q: Distribution, p: Distribution, who: tuple[str, ...]) -> tuple[Terms, Terms]:
        """Terms of those who minimise it that need no critic, and diagnostics."""
        x_rec = p.mean
        self.likelihood.observe(x, x_rec)
        kl = kl_divergence(q, self.standard_normal()).mean()
        terms = {"nll": -p.log_prob(x).mean()}
        if self.config.code == "kl" and "encoder" in who:
            terms["kl"] = self.beta * kl
        return terms, {"kl_nats": kl, "mse": mse(x, x_rec)}

    def play(self, batch: Batch, only: Player | None = None) -> Losses:
        """All players on one forward pass; with `only`, one of `groups` on as much of that pass as it needs."""
        x, y = batch
        q = self.encode(x, y)
        z = q.rsample()
        steps = self.groups if only is None else [only]
        losses: dict[Player, Terms] = {}
        diagnostics: Terms = {}
        if self.bound_players in steps or "critic" in steps:
            p = self.decode(z, y)
            judged = self.judge(x, p.mean, y)
            diagnostics["score_gap"] = (
                judged.real - judged.fake
            ).mean()  # how far apart the critic scores data and fakes
            if self.bound_players in steps:
                terms, more = self.bound(x, q, p, self.bound_players)
                losses[self.bound_players] = terms
                diagnostics |= more | self.add_adversarial_terms(terms, z, y, judged)
            if "critic" in steps:
                losses["critic"] = self.critic_terms(judged, y)
        if "code_critic" in steps:
            losses["code_critic"] = self.code_critic_terms(z, y)
        if "prior" in steps:
            losses["prior"] = {"nll": self.prior.loss(z, y)}
        return Losses(losses, diagnostics)

    def judge(self, x: Tensor, x_rec: Tensor, y: Tensor | None) -> Judged:
        """What the critic says of images and of fakes: some of the reconstructions, the rest samples of the prior."""
        n_rec = round(self.config.rec_share * len(x))
        y_gen = None if y is None else y[n_rec:]
        x_gen = self.decode(self.prior.sample(len(x) - n_rec, y_gen), y_gen).mean
        images, fakes = self.augment.alike(x, torch.cat([x_rec[:n_rec], x_gen]))
        if self.r1_every == 1:
            images = as_grad_leaf(images)
        (real, h_real), (fake, h_fake) = self.critic(images, y), self.critic(fakes, y)
        pairs = [(a[:n_rec], b[:n_rec]) for a, b in zip(h_real, h_fake, strict=True)]
        return Judged(images, fakes, real, fake, pairs if n_rec else [])

    def add_adversarial_terms(self, terms: Terms, z: Tensor, y: Tensor | None, judged: Judged) -> Terms:
        """Add to `terms` of those who minimise the bound what the critics ask of them; diagnostics."""
        c = self.config
        g_adv = ADVERSARIAL[c.adversarial][1](judged.real, judged.fake).mean()
        weight, diagnostics = c.weight * self.spec.dim, {}
        if c.balance:
            pull = balance(terms["nll"], g_adv, last_weight(self.generator))
            weight = diagnostics["weight"] = c.balance * pull
        terms["g_adv"] = weight * g_adv
        if c.features and judged.features:
            errors = [(a - b).float().square().flatten(1).sum(1).mean() for a, b in judged.features]
            terms["features"] = c.features * sum(errors)
        if c.code == "critic":  # half the weight: g_adv is a mean of two kinds of fakes
            terms["code"] = 0.5 * c.weight * self.spec.dim * -self.code_critic(z, y).mean()
        return diagnostics

    def critic_terms(self, judged: Judged, y: Tensor | None) -> Terms:
        """Terms of the critic of images, but for an R1 that comes in some rounds only."""
        c = self.config
        images, fakes, real, fake, _ = judged
        self.augment.observe(real - fake if c.adversarial == "relativistic" else real)
        terms = {"d_adv": ADVERSARIAL[c.adversarial][0](real, fake).mean()}
        if c.adversarial == "wasserstein":
            penalty = gradient_penalty(lambda v: self.critic(v, y)[0], images, fakes)
            terms["penalty"] = c.penalty * penalty.mean()
        elif self.r1_every == 1:
            terms["r1"] = 0.5 * c.penalty * squared_slope(real, images).mean()
        return terms

    def code_critic_terms(self, z: Tensor, y: Tensor | None) -> Terms:
        """Terms of the critic of codes, which takes N(0, I) for real."""
        normal = torch.randn_like(z)
        penalty = gradient_penalty(lambda v: self.code_critic(v, y), normal, z).mean()
        d_adv = wasserstein_critic(self.code_critic(normal, y), self.code_critic(z, y)).mean()
        return {"d_adv": d_adv, "penalty": self.config.penalty * penalty}

    def smooth(self, batch: Batch) -> Losses:
        """The critic's R1 penalty on data, (gamma / 2) ||grad D(x)||^2, times the rounds from one to the next."""
        x, y = batch
        c = self.config
        r1 = lazy_zero_centred(lambda v: self.critic(v, y)[0], self.augment(x), c.penalty, c.penalty_every)
        return Losses({"critic": {"r1": r1}})


def last_weight(generator: nn.Module) -> Tensor:
    """The weight of a generator's last layer."""
    return [p for p in generator.parameters() if p.dim() > 1][-1]
