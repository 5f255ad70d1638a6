r"""DRAW: a VAE that looks at the image and paints it in several glimpses.

    DRAW: A Recurrent Neural Network For Image Generation (Gregor et al., 2015)
    https://arxiv.org/abs/1502.04623, Eq. 3-12 (the steps and the loss) and 17-29 (read and write)

        for t = 1 ... T:
            error = x - likelihood(canvas).mean
            h_enc = LSTM([read(x, error; h_dec), h_dec], h_enc)
            z_t   ~ q(z_t | x, z_<t) = N(mu(h_enc), sigma(h_enc)^2)
            h_dec = LSTM(z_t, h_dec)
            canvas = canvas + write(h_dec)

        encoder, generator:  -log p(x|z) + sum_t [log q(z_t | x, z_<t) - log p(z_t)],   p(x|z) = likelihood(canvas)

The code z = (z_1, ..., z_T) of all glimpses is one code of length T Z for the rest of gvae: its density log q(z|x) is the
sum over glimpses, and the prior fitted to the codes afterwards knows how they hang together. Deviations: the rate is
that of the sampled code, not the closed form of each glimpse; every likelihood of gvae, not Bernoulli alone; volumes and
`--attention off` read and write whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from gvae.config import DrawConfig
from gvae.distributions.posteriors import Posterior, gaussian, rsample_and_log_prob
from gvae.errors import GvaeError
from gvae.models.vae import VAE
from gvae.nets import recurrent
from gvae.types import DataSpec


@dataclass(frozen=True)
class Config(DrawConfig):
    """Deep Recurrent Attentive Writer."""


class DRAW(VAE):
    """Deep Recurrent Attentive Writer."""

    Config = Config

    own_networks = ()

    @property
    def attention(self) -> bool:
        """Whether patches are read and painted in place of whole images."""
        return has_attention(self.config, self.spec)

    def make_encoder(self) -> nn.Module:
        c = self.config
        return recurrent.Encoder(self.spec, c.hidden, self.encoder_dim, self.attention * c.read, self.condition)

    def make_generator(self) -> nn.Module:
        c = self.config
        return recurrent.Generator(self.spec, c.hidden, c.latent, self.attention * c.write, self.condition)

    @property
    def latent_dim(self) -> int:
        """Length of a code, T Z."""
        return self.config.glimpses * self.config.latent

    @property
    def encoder_dim(self) -> int:
        """How many numbers q(z_t | x, z_<t) is made of, one glimpse's."""
        return 2 * self.config.latent

    def rule(self) -> Callable[[Tensor], Distribution]:
        """What makes q(z_t | x, z_<t) of the encoder's output (B, outputs), for all glimpses of one pass."""
        return gaussian

    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        def along(value: Callable[[Distribution], Tensor]) -> Tensor:
            """A number of every q(z_t | x, z_<t) on the way that takes each at its mean."""
            values = []

            def pick(q: Distribution) -> tuple[Tensor, Tensor]:
                values.append(value(q))
                return q.mean, q.mean[:, 0]

            self.unroll(x, y, pick)
            return torch.cat(values, 1)

        return Posterior(
            lambda: self.unroll(x, y),
            lambda: along(lambda q: q.mean),
            len(x),
            self.latent_dim,
            lambda: along(lambda q: q.stddev),
        )

    def unroll(
        self,
        x: Tensor,
        y: Tensor | None = None,
        pick: Callable[[Distribution], tuple[Tensor, Tensor]] = rsample_and_log_prob,
    ) -> tuple[Tensor, Tensor]:
        """Encoder and generator by turns: a code of each image (B, T Z) and log q(z|x) (B,) in nats.

        Args:
            x: images (B, C, *S).
            y: classes (B,) of a conditional model.
            pick: takes from q(z_t | x, z_<t) a code (B, Z) and its log density (B,).
        """
        rule, encoder, generator = self.rule(), self.encoder, self.generator
        assert isinstance(encoder, recurrent.Encoder)
        assert isinstance(generator, recurrent.Generator)
        state, (memory, canvas) = encoder.start(len(x)), generator.start(len(x))
        codes, nats = [], []
        for _ in range(self.config.glimpses):
            error = x - self.likelihood(canvas).mean
            parameters, state = encoder(x, error, y, memory.h, state)
            z, log_q = pick(rule(parameters))
            memory, canvas = generator.step(z, y, memory, canvas)
            codes.append(z)
            nats.append(log_q)
        return torch.cat(codes, 1), torch.stack(nats).sum(0)


def has_attention(config: Any, spec: DataSpec) -> bool:
    """Whether patches are read and painted, after a look at the options.

    Raises:
        GvaeError: attention on volumes.
    """
    if config.attention == "on" and spec.spatial != 2:
        sides = " x ".join(map(str, spec.shape))
        raise GvaeError(f"--attention on is for images, and {spec.name} has volumes of {sides}; use off or auto")
    return config.attention != "off" and spec.spatial == 2
