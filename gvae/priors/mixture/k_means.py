"""Groups of codes, with which the EM of a mixture begins.

k-means++: The Advantages of Careful Seeding (Arthur and Vassilvitskii, 2007)
https://theory.stanford.edu/~sergei/papers/kMeansPP-soda.pdf
"""

from __future__ import annotations

import torch
from torch import Tensor

ENOUGH = 12
"""codes for each group among which its centre is sought"""
BLOCK = 4096
"""codes that are compared with all centres at once"""


def k_means(u: Tensor, components: int, generator: torch.Generator, rounds: int = 10) -> Tensor:
    """Group (N,) of each code, 0 to K - 1, by Lloyd's algorithm, started by k-means++."""
    some = u[torch.randperm(len(u), generator=generator, device=u.device)[: ENOUGH * components]]
    centres = _spread(some, components, generator)
    for _ in range(rounds):
        groups = _nearest(some, centres)
        size = groups.bincount(minlength=components)[:, None]
        total = torch.zeros_like(centres).index_add_(0, groups, some)
        centres = torch.where(size > 0, total / size.clamp_min(1), centres)
    return _nearest(u, centres)


def _spread(u: Tensor, components: int, generator: torch.Generator) -> Tensor:
    """Codes far apart: each drawn in proportion to its squared distance from those already drawn."""
    length = u.square().sum(1)
    first = torch.randint(len(u), (1,), generator=generator, device=u.device)
    chosen, distance = [u[first[0]]], (u - u[first]).square().sum(1)
    while len(chosen) < components:
        c = u[torch.multinomial(distance + 1e-12, 1, generator=generator)[0]]
        distance = torch.minimum(distance, (length + c.square().sum()).sub_(2 * (u @ c)).clamp_min_(0))
        chosen.append(c)
    return torch.stack(chosen)


def _nearest(u: Tensor, centres: Tensor) -> Tensor:
    """Index (N,) of the nearest centre; |u|^2 is the same for all centres and left out."""
    length = centres.square().sum(1)
    return torch.cat([torch.addmm(length, some, centres.T, alpha=-2).argmin(1) for some in u.split(BLOCK)])
