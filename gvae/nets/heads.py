r"""From network outputs to distributions: q(z|x) over codes and p(x|z) over images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Laplace, Normal, constraints
from torch.nn.functional import binary_cross_entropy_with_logits

from gvae.types import DataSpec

MIN_LOGVAR, MAX_LOGVAR = -12.0, 8.0
"""limits of a code's log variance: a float32 exponential is safe between them"""


def gaussian(parameters: Tensor) -> Independent:
    """Diagonal Gaussian q(z|x) from parameters (B, 2Z): means, then log variances; event shape (Z,).

    >>> gaussian(torch.zeros(5, 6)).event_shape
    torch.Size([3])
    """
    mu, logvar = parameters.float().chunk(2, -1)
    return Independent(Normal(mu, (0.5 * logvar.clamp(MIN_LOGVAR, MAX_LOGVAR)).exp(), validate_args=False), 1)


class GrayBernoulli(Distribution):
    """Bernoulli likelihood of gray values in [-1, 1], read as probabilities (x + 1) / 2 of a white pixel.

    A density only for black-and-white pixels; on gray values it is the usual cross-entropy.

    Args:
        logits: log-odds of white, (..., C, *S).
        event_dim: how many of the last dimensions form one image.
    """

    arg_constraints = {"logits": constraints.real}  # pyright: ignore[reportAssignmentType]

    def __init__(self, logits: Tensor, event_dim: int) -> None:
        self.logits = logits
        cut = logits.dim() - event_dim
        super().__init__(logits.shape[:cut], logits.shape[cut:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Expected image in [-1, 1]."""
        return torch.tanh(self.logits / 2)  # 2 sigmoid(l) - 1

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] | None = None) -> Tensor:
        """Black-and-white images."""
        p = torch.sigmoid(self.logits).expand(*(sample_shape or ()), *self.logits.shape)
        return torch.bernoulli(p) * 2 - 1

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-likelihood per image, summed over pixels, in nats."""
        logits, target = torch.broadcast_tensors(self.logits, (value + 1) / 2)
        nats = -binary_cross_entropy_with_logits(logits, target, reduction="none")
        return nats.flatten(len(nats.shape) - len(self.event_shape)).sum(-1)


class Likelihood(nn.Module):
    r"""Turns a generator's unbounded output into p(x|z).

    gaussian:  N(tanh(raw), sigma^2) with the optimal shared sigma^2 = mean squared error of the training data, kept as
               a running mean, so that the loss per image is (D/2) log MSE + const up to the lag
               Simple and Effective VAE Training with Calibrated Decoders (Rybkin et al., 2021)
               https://arxiv.org/abs/2006.13202, Eq. 7
    laplace:   Laplace(tanh(raw), b), b = running mean absolute error: the L1 reconstruction, calibrated
    bernoulli: gray values as probabilities

    Args:
        kind: one of the three.
        spec: the data.
        scale: fixed sigma or b for pixels in [-1, 1]; 0: the running one.
    """

    def __init__(self, kind: str, spec: DataSpec, scale: float = 0.0) -> None:
        super().__init__()
        self.kind = kind
        self.fixed = scale > 0
        self.event_dim = 1 + spec.spatial
        start = 0.25 if not self.fixed else scale if kind == "laplace" else scale**2
        self.register_buffer("error", torch.tensor(start))
        self.register_buffer("seen", torch.tensor(0.0))
        self.error: Tensor
        self.seen: Tensor

    def forward(self, raw: Tensor) -> Distribution:
        """Distribution of images (B, C, *S) with values in [-1, 1]."""
        raw = raw.float()
        if self.kind == "bernoulli":
            return GrayBernoulli(raw, self.event_dim)
        mean = torch.tanh(raw)
        if self.kind == "laplace":
            return Independent(Laplace(mean, self.error.clone(), validate_args=False), self.event_dim)
        return Independent(Normal(mean, self.error.sqrt(), validate_args=False), self.event_dim)

    @torch.no_grad()
    def observe(self, x: Tensor, mean: Tensor) -> None:
        """Update the scale from training images and their reconstructions."""
        if not self.training or self.fixed or self.kind == "bernoulli":
            return
        difference = x - mean
        error = difference.abs().mean() if self.kind == "laplace" else difference.square().mean()
        self.seen += 1
        self.error.lerp_(error.clamp_min(1e-5), torch.clamp(1 / self.seen, min=0.02))
