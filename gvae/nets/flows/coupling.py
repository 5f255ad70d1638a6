"""Affine coupling: half of a vector is scaled and shifted by numbers that a network reads off the other half.

    x = R (a * exp(g) + b)                      actnorm with g and b per dimension, then a fixed rotation R
    y1 = x1,   y2 = x2 * exp(s(x1, c)) + t(x1, c)       halves x1, x2; context c
    log|det dy/da| = sum g + sum s(x1, c)

Density Estimation Using Real NVP (Dinh, Sohl-Dickstein and Bengio, 2017) https://arxiv.org/abs/1605.08803;
actnorm from Glow (Kingma and Dhariwal, 2018) https://arxiv.org/abs/1807.03039, starting at the identity
because inputs come standardised. A random rotation takes the place of a permutation: it mixes every pair of
dimensions at each layer, and a matrix product is quicker than indexing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gvae.nets.flows.perceptron import perceptron, reset

BOUND = 2.0
"""largest |s|: no coupling changes a scale by more than exp(2), which keeps the inverse accurate"""


class Coupling(nn.Module):
    """Actnorm, a fixed rotation and an affine coupling; only the rotation when new.

    Args:
        size: length of the vectors, Z, at least 2.
        context: length of the context vectors c, 0 for none.
        width: units in each of the network's two hidden layers.
        seed: seed of the rotation.
    """

    def __init__(self, size: int, context: int = 0, width: int = 128, seed: int = 0) -> None:
        super().__init__()
        self.split = size // 2
        self.gain = nn.Parameter(torch.zeros(size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.network = perceptron([self.split + context, width, width, 2 * (size - self.split)], nn.LeakyReLU)
        self.rotation: Tensor
        self.register_buffer("rotation", rotation(size, seed))

    def reset(self, generator: torch.Generator) -> None:
        """Start afresh: scales of one, no shifts, fresh hidden layers."""
        nn.init.zeros_(self.gain)
        nn.init.zeros_(self.bias)
        reset(self.network, generator)

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (N, Z) with context (N, C) to y (N, Z) and log|det dy/dx| (N,)."""
        x = (x * self.gain.exp() + self.bias) @ self.rotation.T
        kept, changed = x[:, : self.split], x[:, self.split :]
        scale, shift = self._affine(kept, context)
        return torch.cat([kept, torch.addcmul(shift, changed, scale.exp())], 1), self.gain.sum() + scale.sum(1)

    def inverse(self, y: Tensor, context: Tensor) -> Tensor:
        """Map y (N, Z) back to x (N, Z)."""
        kept, changed = y[:, : self.split], y[:, self.split :]
        scale, shift = self._affine(kept, context)
        x = torch.cat([kept, (changed - shift) * (-scale).exp()], 1) @ self.rotation
        return (x - self.bias) * (-self.gain).exp()

    def _affine(self, kept: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Log scale and shift (N, Z - half) for the changed half."""
        scale, shift = self.network(torch.cat([kept, context], 1)).chunk(2, 1)
        return BOUND * torch.tanh(scale / BOUND), shift


def rotation(size: int, seed: int) -> Tensor:
    """A random orthogonal matrix (size, size), accurate to double precision before it is rounded."""
    noise = torch.randn(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return torch.linalg.qr(noise).Q.to(torch.get_default_dtype())
