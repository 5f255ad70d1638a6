"""A velocity field v(x, t) on vectors: a perceptron with the time as sines and cosines."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gvae.nets.flows.perceptron import perceptron, reset

WAVES = 16
"""frequencies in the time embedding, pi/2 to about 50 radians per unit of time"""


class Velocity(nn.Module):
    """Perceptron of three hidden layers with SiLU; zero everywhere when new.

    Args:
        size: length of the vectors, Z.
        context: length of the context vectors c, 0 for none.
        width: units in each hidden layer.
    """

    def __init__(self, size: int, context: int = 0, width: int = 512) -> None:
        super().__init__()
        self.network = perceptron([size + 2 * WAVES + context, width, width, width, size], nn.SiLU)
        self.waves: Tensor
        self.register_buffer("waves", math.pi / 2 * torch.logspace(0, 1.5, WAVES))

    def reset(self, generator: torch.Generator) -> None:
        """Start afresh: zero velocity with fresh hidden layers."""
        reset(self.network, generator)

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        """Velocity (N, Z) at x (N, Z) and times (N, 1) in [0, 1] with context (N, C)."""
        angle = time * self.waves
        return self.network(torch.cat([x, angle.sin(), angle.cos(), context], 1))
