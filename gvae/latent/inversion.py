r"""Find the code of an image for a generator that has no encoder.

    z* = argmin |x - G(z)|^2 / (2 sigma^2) + |z|^2 / 2

the most probable code if images are G(z) with Gaussian noise and z ~ N(0, I). Codes drawn at random are compared with the
image, and the best of them are each improved by Adam: the error has many local minima.

Precise Recovery of Latent Vectors from Generative Adversarial Networks (Lipton & Tripathi, 2017)
https://arxiv.org/abs/1702.04782, with a prior term in place of their clipping of z.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gvae.errors import GvaeError


@dataclass(frozen=True)
class Search:
    """How long and how widely a code is looked for."""

    candidates: int = 256
    """codes drawn at random and compared with the image"""
    starts: int = 4
    """the best of them, from which the search goes on"""
    steps: int = 300
    """steps of Adam"""
    lr: float = 0.05
    """its step size at first; it falls to 0"""
    sigma: float = 0.1
    """standard deviation of the noise on pixels in [-1, 1]"""


SEARCH = Search()
"""what serves small generators"""


def invert(
    generate: Callable[[Tensor], Tensor],
    x: Tensor,
    latent: int,
    search: Search = SEARCH,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda step, steps: None,
) -> Tensor:
    """The code (Z,) of an image.

    Args:
        generate: codes (N, Z) -> images (N, C, *S), differentiable.
        x: the image (C, *S) in [-1, 1].
        latent: length of a code, Z.
        search: how long and how widely.
        seed: same seed, same code.
        progress: called with the steps done and all steps.

    Raises:
        GvaeError: no candidates, no starts, or more starts than candidates.
    """
    if not 1 <= search.starts <= search.candidates:
        raise GvaeError(
            f"{search.starts} starts out of {search.candidates} candidates; ask for 1 to {search.candidates}"
        )
    z = first_guesses(generate, x, latent, search, seed).requires_grad_()
    optimiser = torch.optim.Adam([z], search.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, search.steps)
    for step in range(search.steps):
        (z.grad,) = torch.autograd.grad(neg_log_joint(generate, x, z, search.sigma).sum(), [z])
        optimiser.step()
        schedule.step()
        progress(step + 1, search.steps)
    with torch.no_grad():
        return z[neg_log_joint(generate, x, z, search.sigma).argmin()].detach()


def neg_log_joint(generate: Callable[[Tensor], Tensor], x: Tensor, z: Tensor, sigma: float) -> Tensor:
    """-log p(x, z) of an image x (C, *S) and codes z (N, Z), (N,) nats but for a constant."""
    error = (generate(z) - x).square().flatten(1).sum(1)
    return error / (2 * sigma**2) + z.square().sum(1) / 2


@torch.no_grad()
def first_guesses(generate: Callable[[Tensor], Tensor], x: Tensor, latent: int, search: Search, seed: int) -> Tensor:
    """The most probable of many codes drawn from N(0, I), (starts, Z)."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(search.candidates, latent, generator=generator).to(x)
    nats = torch.cat([neg_log_joint(generate, x, part, search.sigma) for part in z.split(64)])
    return z[nats.argsort()[: search.starts]].clone()
