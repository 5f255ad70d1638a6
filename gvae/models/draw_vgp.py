r"""DRAW with a variational Gaussian process: every glimpse's code goes through random functions.

    The Variational Gaussian Process (Tran, Ranganath & Blei, 2016) https://arxiv.org/abs/1511.06499, Section 5, on
    DRAW: A Recurrent Neural Network For Image Generation (Gregor et al., 2015) https://arxiv.org/abs/1502.04623

        for t = 1 ... T, all else as in DRAW:
            xi_t ~ N(0, I),   f_t ~ N(m_t(xi_t), v(xi_t)),   z_t ~ N(f_t, sigma_t^2)      c_t, D_t, sigma_t from h_enc

        encoder, process, auxiliary, generator:
            -log p(x|z) + beta sum_t [log N(xi_t; 0, I) + log N(z_t; m_t(xi_t), v(xi_t) + sigma_t^2)
                                      - log r(xi_t | c_t, D_t, sigma_t, z_t) - log p(z_t)]

f_t is integrated out as in `gvae.models.vae_vgp`. One kernel, one set of points s and one auxiliary network serve all
glimpses. Deviations: those of draw and vae-vgp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from annotated_types import Interval
from torch import Tensor
from torch.distributions import Distribution

from gvae.config import BoundConfig, DrawConfig
from gvae.models.draw import DRAW
from gvae.models.vae_vgp import head_size, networks, posterior
from gvae.ranges import Fraction, Units
from gvae.types import DataSpec


@dataclass(frozen=True)
class Config(DrawConfig):
    """Deep Recurrent Attentive Writer with a variational Gaussian process."""

    kl_warmup: Fraction = 0.3
    """first fraction of the budget, over which beta rises from 0; with less the posterior collapses"""
    inducing: Annotated[int, Interval(ge=1, le=1_000)] = 20
    """points at which the random functions are known, m; up to about 100"""
    auxiliary: Units = 256
    """units of each of the two hidden layers of the auxiliary network"""


class DRAWVGP(DRAW):
    """Deep Recurrent Attentive Writer with a variational Gaussian process."""

    Config = Config
    posterior_modules = ("process", "auxiliary")

    def __init__(self, spec: DataSpec, config: BoundConfig | None = None, **options: Any) -> None:
        super().__init__(spec, config, **options)
        self.process, self.auxiliary = networks(self.config, self.encoder_dim)

    @property
    def encoder_dim(self) -> int:
        return head_size(self.config)

    def rule(self) -> Callable[[Tensor], Distribution]:
        factor = self.process.factor()
        return partial(posterior, process=self.process, auxiliary=self.auxiliary, factor=factor)
