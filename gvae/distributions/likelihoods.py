"""Likelihoods p(x|z): from the outputs of a generator to a distribution over images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Laplace, Normal, constraints
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from gvae.errors import GvaeError
from gvae.nets.leaky_tanh import leaky_tanh
from gvae.types import DataSpec

LEARNED = {"gaussian-learned": -0.7, "discretised-logistic": -2.0}
"""likelihoods whose scale is a parameter, and the logarithm at which it starts"""


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


class DiscretisedLogistic(Distribution):
    r"""Logistic density integrated over the bin of each stored gray value: a probability, not a density.

    With bins of half width h around x, s the scale, a = (x - h - mean) / s and b = (x + h - mean) / s:

        P(x) = sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b))

    and the first and the last bin reach to infinity.
    Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016)
    https://arxiv.org/abs/1606.04934, Appendix C; the product form avoids the difference of two numbers near 1

    Args:
        mean: (..., C, *S) in [-1, 1].
        log_scale: broadcasts to `mean`.
        levels: number of gray values between -1 and 1, both included.
        event_dim: how many of the last dimensions form one image.
    """

    arg_constraints = {}  # pyright: ignore[reportAssignmentType]

    def __init__(self, mean: Tensor, log_scale: Tensor, levels: int, event_dim: int) -> None:
        self.centre, self.log_scale, self.levels = mean, log_scale, levels
        cut = mean.dim() - event_dim
        super().__init__(mean.shape[:cut], mean.shape[cut:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Centre of the logistic density, an image in [-1, 1]."""
        return self.centre

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] | None = None) -> Tensor:
        """Images of the known gray values."""
        u = torch.rand(*(sample_shape or ()), *self.centre.shape, device=self.centre.device)
        x = self.centre + self.log_scale.exp() * torch.logit(u.clamp(1e-6, 1 - 1e-6))
        step = 2 / (self.levels - 1)
        return ((x.clamp(-1, 1) + 1) / step).round() * step - 1

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability per image, summed over pixels, in nats."""
        half, scale = 1 / (self.levels - 1), self.log_scale.exp()
        above, below = (value + half - self.centre) / scale, (value - half - self.centre) / scale
        first, last = value <= half - 1, value >= 1 - half
        nats = torch.where(last, 0, logsigmoid(above)) + torch.where(first, 0, logsigmoid(-below))
        inside = torch.log(-torch.expm1(-2 * half / scale)).expand_as(nats)
        nats = nats + torch.where(first | last, 0, inside)
        return nats.flatten(len(nats.shape) - len(self.event_shape)).sum(-1)


class Likelihood(nn.Module):
    r"""Turns a generator's unbounded output into p(x|z); tanh as in gvae/nets/leaky_tanh.py.

    gaussian:  N(tanh(raw), sigma^2) with the optimal shared sigma^2 = mean squared error of the training data, kept as
               a running mean, so that the loss per image is (D/2) log MSE + const up to the lag
               Simple and Effective VAE Training with Calibrated Decoders (Rybkin et al., 2021)
               https://arxiv.org/abs/2006.13202, Eq. 7
    gaussian-learned: the same with log sigma as a parameter
    laplace:   Laplace(tanh(raw), b), b = running mean absolute error: the L1 reconstruction, calibrated
    bernoulli: black and white; gray values are read as probabilities
    discretised-logistic: probabilities of the stored gray values, one learned scale
    auto:      bernoulli for binarised data, else gaussian

    Args:
        kind: one of them.
        spec: the data.
        scale: fixed sigma or b for pixels in [-1, 1]; 0: the running one.

    Raises:
        GvaeError: a density of gray values for binarised data, or a fixed scale that the kind has no use for.
    """

    def __init__(self, kind: str, spec: DataSpec, scale: float = 0.0) -> None:
        super().__init__()
        self.kind = kind if kind != "auto" else "bernoulli" if spec.binary else "gaussian"
        if spec.binary and self.kind != "bernoulli":
            raise GvaeError(
                f"{spec.name} is black and white ({spec.binary}): a {kind} density of its pixels has no bound; "
                "use --likelihood bernoulli"
            )
        if scale < 0 or (scale and self.kind not in ("gaussian", "laplace")):
            raise GvaeError(f"--sigma is {scale}; it must be above 0, and is for --likelihood gaussian or laplace")
        self.fixed = scale > 0
        self.event_dim = 1 + spec.spatial
        self.levels = round(spec.high - spec.low) + 1
        start = 0.25 if not self.fixed else scale if self.kind == "laplace" else scale**2
        self.register_buffer("error", torch.tensor(start))
        self.register_buffer("seen", torch.tensor(0.0))
        self.error: Tensor
        self.seen: Tensor
        if self.kind in LEARNED:
            self.log_scale = nn.Parameter(torch.tensor(LEARNED[self.kind]))

    def forward(self, raw: Tensor) -> Distribution:
        """Distribution of images (B, C, *S) with values in [-1, 1]."""
        raw = raw.float()
        if self.kind == "bernoulli":
            return GrayBernoulli(raw, self.event_dim)
        mean = leaky_tanh(raw)
        if self.kind == "discretised-logistic":
            return DiscretisedLogistic(mean, self.log_scale, self.levels, self.event_dim)
        if self.kind == "laplace":
            return Independent(Laplace(mean, self.error.clone(), validate_args=False), self.event_dim)
        sigma = self.log_scale.exp() if self.kind in LEARNED else self.error.sqrt()
        return Independent(Normal(mean, sigma, validate_args=False), self.event_dim)

    @torch.no_grad()
    def observe(self, x: Tensor, mean: Tensor) -> None:
        """Update the running scale from training images and their reconstructions."""
        if not self.training or self.fixed or self.kind not in ("gaussian", "laplace"):
            return
        difference = x - mean
        error = difference.abs().mean() if self.kind == "laplace" else difference.square().mean()
        self.seen += 1
        self.error.lerp_(error.clamp_min(1e-5), torch.clamp(1 / self.seen, min=0.02))
