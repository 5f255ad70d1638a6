"""Codes with structure, for the tests of the priors."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor


def ring(n: int, seed: int = 0) -> Tensor:
    """Points (n, 2) near a circle of radius 2 about (1, 0)."""
    generator = torch.Generator().manual_seed(seed)
    angle = 2 * math.pi * torch.rand(n, generator=generator)
    radius = 2 + 0.2 * torch.randn(n, generator=generator)
    return torch.stack([1 + radius * angle.cos(), radius * angle.sin()], 1)


@pytest.fixture
def clusters() -> tuple[Tensor, Tensor]:
    """1,500 codes (N, 6) in three elongated clusters, and which cluster each belongs to (N,)."""
    generator = torch.Generator().manual_seed(0)
    means = 3 * torch.randn(3, 6, generator=generator)
    maps = torch.randn(3, 6, 6, generator=generator) / 2
    which = torch.randint(3, (1500,), generator=generator)
    noise = torch.randn(1500, 6, 1, generator=generator)
    return means[which] + (maps[which] @ noise).squeeze(-1) + 0.1 * noise.squeeze(-1), which
