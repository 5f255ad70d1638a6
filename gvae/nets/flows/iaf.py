r"""Inverse autoregressive flow: each dimension is gated by numbers that a MADE reads off the dimensions before it.

    (m, s) = MADE(z, h),    gate = sigmoid(s + 1.5)
    z <- gate z + (1 - gate) m,    log|det| = sum log gate        every second step in reversed order

Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016) https://arxiv.org/abs/1606.04934,
Algorithm 1. The i-th gate and m depend on z_1, ..., z_(i-1): the Jacobian is triangular with the gates on its diagonal.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from gvae.nets.flows.made import MADE

OPEN = 1.5
"""added to s: a new step keeps four fifths of z, which is what the paper advises to start from"""


class Step(nn.Module):
    """One step; arguments as in `MADE`."""

    def __init__(self, latent: int, context: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.made = MADE(latent, context, hidden, layers)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Map z (B, Z) with context (B, H) to a new z and log|det| (B,)."""
        m, s = self.made(z, context).chunk(2, 1)
        logit = s + OPEN
        return torch.lerp(m, z, torch.sigmoid(logit)), logsigmoid(logit).sum(1)

    @torch.no_grad()
    def inverse(self, z: Tensor, context: Tensor) -> Tensor:
        """Map z (B, Z) back to what the step made it of: Z passes, one for each dimension in its order."""
        start = torch.zeros_like(z)
        for i in range(z.shape[1]):
            m, s = self.made(start, context).chunk(2, 1)
            gate = torch.sigmoid(s[:, i] + OPEN)
            start[:, i] = (z[:, i] - (1 - gate) * m[:, i]) / gate
        return start


class IAF(nn.Module):
    """A chain of steps, every second one of which goes through the dimensions from the last to the first.

    Args:
        latent: length of the vectors, Z.
        context: length of the context, H.
        steps: number of steps.
        hidden: units per hidden layer of a step's MADE.
        layers: hidden layers of a step's MADE.
    """

    def __init__(self, latent: int, context: int, steps: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(Step(latent, context, hidden, layers) for _ in range(steps))

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Map z (B, Z) with context (B, H) to a new z and log|det| (B,) of all steps."""
        total = z.new_zeros(len(z))
        for i, step in enumerate(self.steps):
            z, log_det = step(z.flip(1) if i else z, context)
            total = total + log_det
        return z if len(self.steps) % 2 else z.flip(1), total  # in the order in which z came
