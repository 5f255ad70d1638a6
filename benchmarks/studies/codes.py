"""Images to codes and back, some at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from gvae.models.latent import LatentModel

BLOCK = 500


@torch.no_grad()
def encoded(model: LatentModel, x: Tensor) -> Tensor:
    """One code (N, Z) of each image (N, C, *S), drawn from q(z|x)."""
    return torch.cat([model.encode(part).sample() for part in x.split(BLOCK)])


@torch.no_grad()
def decoded(model: LatentModel, z: Tensor) -> Tensor:
    """Images (N, C, *S) of codes (N, Z)."""
    return torch.cat([model.decode(part).mean for part in z.split(BLOCK)])
