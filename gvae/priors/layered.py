r"""Two stochastic layers: the upper part of a code is noise, the lower part a Gaussian that the upper part moves.

    z = (z_1, z_2),   z_2 the last third of the code
    log p(z) = log N(z_2; 0, I) + log N(z_1; mu(z_2), diag sigma(z_2)^2),    mu, log sigma^2 = perceptron(z_2)

Stochastic Backpropagation and Approximate Inference in Deep Generative Models (Rezende, Mohamed and Wierstra, 2014)
https://arxiv.org/abs/1401.4082, Eq. 1-4, with a sigma that depends on z_2 as in Importance Weighted Autoencoders (Burda
et al., 2016) https://arxiv.org/abs/1509.00519, Section 2; with layers of 100 and 50 dimensions and tanh units between
them it is that of The Variational Gaussian Process (Tran, Ranganath and Blei, 2016) https://arxiv.org/abs/1511.06499.

A conditional prior tells the perceptron the class, and N(0, I) becomes a diagonal Gaussian for every class.

In the papers the generator sees z_1 alone. Here that is the model's choice: `vae-vgp --layers 2` does as the papers,
every other model sees all of z, for which this is a density like any other.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from gvae.distributions.posteriors import MAX_LOGVAR, MIN_LOGVAR
from gvae.errors import GvaeError
from gvae.nets.flows.perceptron import perceptron, reset
from gvae.priors.base import Prior
from gvae.priors.descent import Descent


class Layered(Prior):
    """A Gaussian whose mean and variance depend on a Gaussian above it; exactly N(0, I) until it is fitted.

    Whatever it is fitted to, z_2 stays Gaussian. So the layers earn their place where encoder and generator are learned
    with them (`--learn-prior`); to codes that are there already a mixture comes closer.

    Args:
        latent: number of latent dimensions of both layers together, Z, at least 2.
        condition: number of classes, or of attributes, that both layers are conditional on, 0 for none.
        width: units in each of its two hidden layers.
        steps: largest number of Adam steps of a fit.
        batch: codes per step.
        lr: Adam step size at the start of a fit.
        minutes: limit of a fit's time, besides `steps`; None keeps fits reproducible.
    """

    name = "layered"

    def __init__(
        self,
        latent: int,
        condition: int = 0,
        width: int = 100,
        steps: int = 2000,
        batch: int = 512,
        lr: float = 2e-3,
        minutes: float | None = None,
    ) -> None:
        super().__init__(latent, condition)
        if latent < 2:
            raise GvaeError(
                "the layered prior needs at least 2 latent dimensions, one for each layer; use --prior mixture for 1"
            )
        self.sizes = layers(latent)
        lower, upper = self.sizes
        self.network = perceptron([upper + condition, width, width, 2 * lower], nn.Tanh)
        if condition:
            self.labels = nn.Parameter(torch.zeros(condition, 2 * upper))
        self.descent = Descent(steps, batch, lr, minutes)

    def _upper(self, context: Tensor) -> Normal:
        """p(z_2) of each row of context (N, classes): a Gaussian for every number of z_2, (N, upper)."""
        nothing = context.new_zeros(len(context), 2 * self.sizes[1])
        return gaussian(context @ self.labels if self.condition else nothing)

    def _lower(self, upper: Tensor, context: Tensor) -> Normal:
        """p(z_1|z_2) of z_2 (N, upper): a Gaussian for every number of z_1, (N, lower)."""
        return gaussian(self.network(torch.cat([upper, context], 1)))

    def _log_prob(self, u: Tensor, y: Tensor | None) -> Tensor:
        context = self._context(y, len(u))
        lower, upper = u.split(self.sizes, 1)
        return self._upper(context).log_prob(upper).sum(1) + self._lower(upper, context).log_prob(lower).sum(1)

    def _sample(self, n: int, y: Tensor | None) -> Tensor:
        context = self._context(y, n)
        upper = self._upper(context).sample()
        return torch.cat([self._lower(upper, context).sample(), upper], 1)

    def _fit(self, u: Tensor, y: Tensor | None, generator: torch.Generator) -> None:
        reset(self.network, generator)
        if self.condition:
            nn.init.zeros_(self.labels)
        self.notes += self.descent.fit(self, self._nats, u, y, generator)


def gaussian(parameters: Tensor) -> Normal:
    """Gaussians from means and log variances, (N, 2 D) -> (N, D), in the parameters' precision."""
    mu, logvar = parameters.chunk(2, 1)
    return Normal(mu, (0.5 * logvar.clamp(MIN_LOGVAR, MAX_LOGVAR)).exp(), validate_args=False)


def layers(latent: int) -> tuple[int, int]:
    """How the dimensions of a code divide into lower and upper layer: the upper has the last third, at least one.

    >>> layers(150)
    (100, 50)
    """
    upper = max(1, latent // 3)
    return latent - upper, upper
