r"""AVB: a VAE with a black box for q(z|x), whose density a critic estimates.

    Adversarial Variational Bayes (Mescheder, Nowozin & Geiger, 2017) https://arxiv.org/abs/1701.04722, Algorithm 1 and,
    with adaptive contrast, Algorithm 2

        z = f(x, eps),  eps ~ N(0, I);   u = (z - mu(x)) / sigma(x);   r(z|x) = N(mu(x), sigma(x)^2)

        encoder, generator:  -log p(x|z) + beta [T(x, u) + log r(z|x) - log p(z)]
        critic:              -log sigmoid T(x, u) - log(1 - sigmoid T(x, u_r)),   u_r ~ N(0, I)
        reference:           -log r(z|x)

At its optimum T(x, u) = log q(z|x) - log r(z|x), so the bracket is log q(z|x) - log p(z) whatever r is; the nearer r is to
q, the less is left for T. Without contrast mu = 0, sigma = 1, and the reference does not exist.

THE LOG Q OF `encode` IS AN ESTIMATE, T + log r, NOT A DENSITY: T lags behind the encoder, and what the encoder minimises
is no bound. `kl_nats` and the metric `kl` are that estimate. `log_weights` leaves T out: it weighs codes of a Gaussian
fitted to draws of q(z|x), a proper importance sampler, so `elbo`, `iwae` are lower bounds, loose where q is no Gaussian.

Deviations: r is a network that learns by maximum likelihood (the paper takes moments of a special encoder's noise); its
identity does not need the exact moments. A player is updated by its own terms only, so nothing has to be
detached as in the paper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from annotated_types import Interval
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from gvae import nets
from gvae.config import LatentConfig
from gvae.distributions.posteriors import MIN_LOGVAR, Posterior, gaussian
from gvae.errors import GvaeError
from gvae.losses.adversarial import nonsaturating_critic
from gvae.losses.reconstruction import mse
from gvae.models.base import Losses, Optim, Player, Turn
from gvae.models.latent import LatentModel
from gvae.nets.critics import PairCritic
from gvae.ranges import PositiveFloat, Repeats, Units
from gvae.types import Batch, DataSpec, Terms

DRAWS = 64
"""codes of an image that the proposal of `log_weights` is fitted to"""
WIDER = 1.1
"""its standard deviation in those of the codes: weights suffer more from a proposal that is too narrow"""
CENTRED = 16
"""noises over which the code that stands for an image is averaged"""


@dataclass(frozen=True)
class Config(LatentConfig):
    """Adversarial variational Bayes."""

    lr: PositiveFloat = 1e-3
    """Adam step size of encoder and generator"""
    critic_lr: PositiveFloat = 2e-3
    """Adam step size of the critic and of the reference"""
    noise: Annotated[int, Interval(ge=1, le=1_024)] = 8
    """channels of noise concatenated to the encoder's input"""
    contrast: bool = True
    """adaptive contrast: the critic compares codes with a Gaussian r(z|x) close to q(z|x), not with N(0, I)"""
    critic_steps: Repeats = 1
    """critic steps for each step of encoder and generator, the common one included"""
    hidden: Units = 256
    """features of image and code that the critic multiplies, and units in its hidden layers"""


class AVB(LatentModel):
    """Adversarial variational Bayes."""

    Config = Config

    def __init__(self, spec: DataSpec, config: Config | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        if self.config.prior == "vamp" and not self.config.contrast:
            raise GvaeError("--prior vamp needs the Gaussians of --contrast; use --prior mixture or realnvp")
        image = nets.encoder(spec, self.config.net, self.config.hidden + 1, self.condition)
        self.critic = PairCritic(image, self.config.latent, self.config.hidden, quadratic=not self.config.contrast)
        if self.config.contrast:
            self.reference = nets.encoder(spec, self.config.net, 2 * self.config.latent, self.condition)
        self.averaged = tuple(self.players())  # T and r belong to the encoder whose codes they judge

    @property
    def encoder_dim(self) -> int:
        return self.config.latent

    @property
    def noise_channels(self) -> int:
        return self.config.noise

    def players(self):
        estimators = ("critic", "reference") if self.config.contrast else ("critic",)
        return {name: getattr(self, name) for name in (*self.trained, *estimators)}

    def turns(self):
        more = self.config.critic_steps - 1
        return [*([Turn(self.criticise, repeat=more)] if more else []), Turn(self.play)]

    def optim(self, player: str) -> Optim:
        if player in ("critic", "reference"):
            return Optim(self.config.critic_lr, betas=(0.5, 0.99))
        return Optim(self.config.lr, betas=(0.5, 0.99))

    def play(self, batch: Batch) -> Losses:
        """All players on one forward pass."""
        x, y = batch
        z = self.code(x, y)
        p = self.decode(z, y)
        self.likelihood.observe(x, p.mean)
        score, drawn, r = self.judge(x, y, z)
        rate = (score + r.log_prob(z) - self.standard_normal().log_prob(z)).mean()
        terms = {"nll": -p.log_prob(x).mean(), "kl": self.beta * rate}
        diagnostics = {"kl_nats": rate, "critic_nats": score.mean(), "mse": mse(x, p.mean)}
        return Losses({self.trained: terms, **self.estimators(score, drawn, r, z)}, diagnostics)

    def criticise(self, batch: Batch) -> Losses:
        """A step of those who estimate the density."""
        x, y = batch
        with torch.no_grad():  # the encoder is not updated in this turn
            z = self.code(x, y)
        return Losses(self.estimators(*self.judge(x, y, z), z))

    def estimators(self, score: Tensor, drawn: Tensor, r: Independent, z: Tensor) -> dict[Player, Terms]:
        """Terms of critic and reference."""
        losses: dict[Player, Terms] = {"critic": {"d_adv": nonsaturating_critic(score, drawn).mean()}}
        if self.config.contrast:
            losses["reference"] = {"nll": -r.log_prob(z).mean()}
        return losses

    def judge(self, x: Tensor, y: Tensor | None, z: Tensor) -> tuple[Tensor, Tensor, Independent]:
        """T of the codes z (B, Z) and of draws of r, each (B,), and r(z|x)."""
        r = self.base_gaussian(x, y)
        u = (z - r.mean) / r.stddev
        score, drawn = self.critic(x, torch.stack([u, torch.randn_like(u)]), y)
        return score, drawn, r

    def base_gaussian(self, x: Tensor, y: Tensor | None = None) -> Independent:
        """r(z|x): a Gaussian near q(z|x), or N(0, I) without contrast."""
        if self.config.contrast:
            return gaussian(self.reference(x, y))
        return self.standard_normal().expand(torch.Size([len(x)]))

    def code(self, x: Tensor, y: Tensor | None = None, eps: Tensor | None = None) -> Tensor:
        """A code of each image, z = f(x, eps) (B, Z); noise eps (B, noise, *S) is drawn if not given."""
        return self.encoder(self.with_noise(x, eps), y).float()

    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        """q(z|x) by its draws; their log q is the critic's ESTIMATE T + log r."""

        def rsample_and_log_prob() -> tuple[Tensor, Tensor]:
            z = self.code(x, y)
            score, _, r = self.judge(x, y, z)
            return z, score + r.log_prob(z)

        return Posterior(rsample_and_log_prob, lambda: self.mode(x, y), len(x), self.latent_dim)

    def mode(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Mean code of each image (B, Z) over `CENTRED` noises, the same ones for every image and at every call."""
        generator = torch.Generator(x.device).manual_seed(0)
        shape = (CENTRED, self.config.noise, *x.shape[2:])
        noises = torch.randn(shape, generator=generator, device=x.device)
        return torch.stack([self.code(x, y, eps.expand(len(x), *eps.shape)) for eps in noises]).mean(0)

    def proposal(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        """A Gaussian fitted to draws of q(z|x), a bit wider.

        It knows nothing of T and its density is exact, so what `log_weights` gives are weights of an importance sampler for
        log p(x), and their mean is a lower bound.
        """
        codes = torch.stack([self.code(x, y) for _ in range(DRAWS)])
        scale = WIDER * codes.std(0).clamp_min(math.exp(MIN_LOGVAR / 2))
        return Independent(Normal(codes.mean(0), scale, validate_args=False), 1)
