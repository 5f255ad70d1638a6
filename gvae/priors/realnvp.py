"""A normalising flow of affine couplings: an invertible network that turns codes into white noise.

    e = f_K(... f_1(u)),    log p(u) = log N(e; 0, I) + sum_k log|det f_k'|

Density Estimation Using Real NVP (Dinh, Sohl-Dickstein and Bengio, 2017) https://arxiv.org/abs/1605.08803; as
the prior of a VAE, On the Necessity and Effectiveness of Learning the Prior of Variational Auto-Encoder (Xu
et al., 2019) https://arxiv.org/abs/1905.13452, with fixed rotations in place of learned linear maps.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gvae.errors import GvaeError
from gvae.nets.flows.coupling import Coupling
from gvae.priors.base import Prior
from gvae.priors.descent import Descent


class RealNVP(Prior):
    """Affine couplings with actnorm and fixed rotations; N(0, I) until it is fitted.

    Args:
        latent: number of latent dimensions, Z, at least 2.
        condition: number of classes that every coupling is conditional on, 0 for none.
        blocks: number of couplings.
        width: units per hidden layer of a coupling's network.
        steps: largest number of Adam steps of a fit.
        batch: codes per step.
        lr: Adam step size at the start of a fit.
        minutes: limit of a fit's time, besides `steps`; None keeps fits reproducible.
    """

    name = "realnvp"

    def __init__(
        self,
        latent: int,
        condition: int = 0,
        blocks: int = 20,
        width: int = 128,
        steps: int = 2000,
        batch: int = 512,
        lr: float = 1e-3,
        minutes: float | None = None,
    ) -> None:
        super().__init__(latent, condition)
        if latent < 2:
            raise GvaeError("the realnvp prior needs at least 2 latent dimensions; use --prior mixture for 1")
        self.blocks = nn.ModuleList(Coupling(latent, condition, width, seed) for seed in range(blocks))
        self.descent = Descent(steps, batch, lr, minutes)

    def _log_prob(self, u: Tensor, y: Tensor | None) -> Tensor:
        context = self._context(y, len(u))
        total = u.new_full((len(u),), -0.5 * self.latent * math.log(2 * math.pi))
        for block in self.blocks:
            u, determinant = block(u, context)
            total = total + determinant
        return total - 0.5 * u.square().sum(1)

    def _sample(self, n: int, y: Tensor | None) -> Tensor:
        u = torch.randn(n, self.latent, dtype=self.shift.dtype, device=self.shift.device)
        context = self._context(y, n)
        for block in reversed(self.blocks):
            assert isinstance(block, Coupling)
            u = block.inverse(u, context)
        return u

    def _fit(self, u: Tensor, y: Tensor | None, generator: torch.Generator) -> None:
        for block in self.blocks:
            assert isinstance(block, Coupling)
            block.reset(generator)
        self.notes += self.descent.fit(self, self._nats, u, y, generator)
