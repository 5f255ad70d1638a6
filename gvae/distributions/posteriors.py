"""q(z|x) that gives a code together with its log density, which is all that a bound needs.

A flow knows the density of the code it has just made and no other; a posterior with auxiliary variables a gives
log q(z, a|x) - log r(a|x, z), with which log p(x, z) - that is still a lower bound in expectation:
An Auxiliary Variational Method (Agakov & Barber, 2004) https://doi.org/10.1007/978-3-540-30499-9_86
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

MIN_LOGVAR, MAX_LOGVAR = -12.0, 8.0
"""limits of a code's log variance: a float32 exponential is safe between them"""


def gaussian(parameters: Tensor) -> Independent:
    """Diagonal Gaussian q(z|x) from parameters (B, 2Z): means, then log variances; event shape (Z,).

    >>> gaussian(torch.zeros(5, 6)).event_shape
    torch.Size([3])
    """
    mu, logvar = parameters.float().chunk(2, -1)
    return Independent(Normal(mu, (0.5 * logvar.clamp(MIN_LOGVAR, MAX_LOGVAR)).exp(), validate_args=False), 1)


class Posterior(Distribution):
    """q(z|x) of a batch of images, known by its draws.

    Args:
        rsample_and_log_prob: () -> codes (B, Z), reparameterised, and log q (B,) in nats; fresh noise at every call.
        mode: () -> codes (B, Z) that stand for the images in reconstructions.
        images: number of images, B.
        latent: number of latent dimensions, Z.
        stddev: () -> standard deviations (B, Z) of a Gaussian around the mode that lies near q, where one is known.
    """

    arg_constraints = {}  # pyright: ignore[reportAssignmentType]

    def __init__(
        self,
        rsample_and_log_prob: Callable[[], tuple[Tensor, Tensor]],
        mode: Callable[[], Tensor],
        images: int,
        latent: int,
        stddev: Callable[[], Tensor] | None = None,
    ) -> None:
        self.rsample_and_log_prob, self._mode, self._stddev = rsample_and_log_prob, mode, stddev
        super().__init__(torch.Size([images]), torch.Size([latent]), validate_args=False)

    @property
    def mode(self) -> Tensor:
        """Codes (B, Z) that stand for the images; not always the exact mode."""
        return self._mode()

    @property
    def mean(self) -> Tensor:
        """The same as `mode`: distributions of torch are asked for their mean."""
        return self._mode()

    @property
    def has_stddev(self) -> bool:
        """Whether a Gaussian near q is known."""
        return self._stddev is not None

    @property
    def stddev(self) -> Tensor:
        """Standard deviations (B, Z) of a Gaussian around `mode` that lies near q."""
        if self._stddev is None:
            raise NotImplementedError("this posterior knows of no Gaussian near it")
        return self._stddev()

    def rsample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] | None = None) -> Tensor:
        """Codes (*sample_shape, B, Z)."""
        shape = torch.Size(sample_shape or ())
        codes = torch.stack([self.rsample_and_log_prob()[0] for _ in range(shape.numel())])
        return codes.reshape(*shape, *codes.shape[1:])

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] | None = None) -> Tensor:
        """Codes (*sample_shape, B, Z), without gradient."""
        with torch.no_grad():
            return self.rsample(sample_shape)


class Point(Posterior):
    """A code without uncertainty, as an autoencoder gives: it can be decoded, but has no density and no rate.

    Args:
        z: codes (B, Z).
    """

    def __init__(self, z: Tensor) -> None:
        super().__init__(lambda: (z, torch.full_like(z[:, 0], torch.nan)), lambda: z, len(z), z.shape[1])


def rsample_and_log_prob(q: Distribution) -> tuple[Tensor, Tensor]:
    """One code of each image (B, Z), reparameterised, and log q(z|x) (B,) in nats; not a number for a `Point`."""
    if isinstance(q, Posterior):
        return q.rsample_and_log_prob()
    z = q.rsample()
    return z, q.log_prob(z)
