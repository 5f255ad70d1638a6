"""log p(x) of tiny images by a sum over a grid of codes; exact up to the grid's spacing."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from gvae.models.latent import LatentModel

BLOCK = 20_000
"""codes per forward pass"""


@torch.no_grad()
def on_grid(model: LatentModel, images: np.ndarray, side: int, reach: float, prior: str | None = None) -> np.ndarray:
    """log sum_j p(x|z_j) p(z_j) h^Z over the grid points z_j.

    Args:
        model: a LatentModel with codes of one or two dimensions.
        images: (N, C, *S) in [-1, 1]; equal images are computed once.
        side: points per dimension.
        reach: the grid covers [-reach, reach] in each.
        prior: "normal" for N(0, I); None: the model's own.

    Returns:
        (N,) nats
    """
    distinct, place = np.unique(images.reshape(len(images), -1), axis=0, return_inverse=True)
    x = torch.from_numpy(distinct.reshape(-1, *images.shape[1:])).to(model.device)
    line = torch.linspace(-reach, reach, side, device=model.device)
    codes = torch.cartesian_prod(*[line] * model.latent_dim).reshape(-1, model.latent_dim)
    spacing = model.latent_dim * math.log(2 * reach / (side - 1))
    parts = [_joint(model, x, z, prior) for z in codes.split(BLOCK)]
    total = torch.logsumexp(torch.stack([torch.logsumexp(part, 0) for part in parts]), 0) + spacing
    return total.cpu().numpy()[place.reshape(-1)]


def _joint(model: LatentModel, x: Tensor, z: Tensor, prior: str | None) -> Tensor:
    """log p(x, z) of every code with every image, (codes, images), in float64."""
    p, log_prior = model.decode(z), model.log_prior(z, prior=prior).double()
    rows = [p.log_prob(image.expand(len(z), *image.shape)).double() for image in x]
    return torch.stack(rows, 1) + log_prior[:, None]
