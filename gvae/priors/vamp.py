r"""VampPrior: a mixture of what the encoder says about K images that nobody ever took.

    p(z) = sum_k w_k q(z|u_k),    u_k pseudo-inputs, learned like weights

VAE with a VampPrior (Tomczak & Welling, 2018) https://arxiv.org/abs/1705.07120, Eq. 9, with learned weights w_k. The
encoder is no part of the prior: with --learn-prior it learns with the bound, as in the paper; in a fit after it
only pseudo-inputs and weights do. A conditional prior gives every class its own share of the pseudo-inputs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from gvae.errors import GvaeError
from gvae.priors.base import Prior
from gvae.priors.descent import Descent
from gvae.types import DataSpec


class Vamp(Prior):
    """Mixture of posteriors of pseudo-inputs.

    Args:
        latent: number of latent dimensions, Z.
        condition: number of classes.
        spec: shape of the pseudo-inputs.
        posterior: (images (B, C, *S), classes (B,) or None) -> a diagonal Gaussian q(z|x).
        components: number of pseudo-inputs, K.

    Raises:
        GvaeError: fewer components than classes.
    """

    name = "vamp"

    def __init__(
        self,
        latent: int,
        condition: int,
        spec: DataSpec,
        posterior: Callable[[Tensor, Tensor | None], Distribution],
        components: int = 200,
    ) -> None:
        super().__init__(latent, condition)
        if components < max(1, condition):
            raise GvaeError(f"--components is {components}; the vamp prior needs at least {max(1, condition)}")
        self.posterior = posterior
        self.inputs = nn.Parameter(0.5 * torch.randn(components, spec.channels, *spec.shape))
        self.weights = nn.Parameter(torch.zeros(components))
        self.descent = Descent(steps=600, batch=256, lr=1e-2)

    def components(self) -> tuple[Independent, Tensor | None]:
        """q(z|u_k), batch shape (K,), and the class of each."""
        y = None
        if self.condition:
            y = torch.arange(len(self.weights), device=self.weights.device) % self.condition
        q = self.posterior(torch.tanh(self.inputs), y)
        if not isinstance(q, Independent) or not isinstance(q.base_dist, Normal):
            raise GvaeError("the vamp prior needs a Gaussian q(z|x); use --prior mixture or realnvp")
        return q, y

    def _logits(self, y: Tensor | None, classes: Tensor | None, n: int) -> Tensor:
        """Log weights (n, K) of the components, those of other classes left out."""
        logits = self.weights.expand(n, -1)
        if y is not None and classes is not None:
            logits = logits.masked_fill(y[:, None] != classes, -torch.inf)
        return logits.log_softmax(1)

    def _log_prob(self, u: Tensor, y: Tensor | None) -> Tensor:
        q, classes = self.components()
        return torch.logsumexp(q.log_prob(u[:, None]) + self._logits(y, classes, len(u)), 1)

    def _sample(self, n: int, y: Tensor | None) -> Tensor:
        q, classes = self.components()
        chosen = torch.multinomial(self._logits(y, classes, n).exp(), 1).squeeze(1)
        return Normal(q.mean[chosen], q.stddev[chosen]).sample()

    def _standardise(self, codes: Tensor) -> None:
        """Nothing: the components live where the encoder's codes are."""

    def _seems_fitted(self, kept: dict[str, Tensor]) -> bool:
        """A fit moves the weights of the components away from zero."""
        return bool(kept.get("weights", self.weights).any())

    def _fit(self, u: Tensor, y: Tensor | None, generator: torch.Generator) -> None:
        with torch.no_grad():
            noise = torch.randn(self.inputs.shape, generator=generator, device=generator.device)
            self.inputs.copy_(0.5 * noise)
            self.weights.zero_()
        self.notes += self.descent.fit(self, self._nats, u, y, generator)
