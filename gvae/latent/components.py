"""Directions without labels: principal components of codes, in the order of how much of the picture they change.

    change of component k = mean over codes and pixel values of ((G(z + s_k v_k) - G(z - s_k v_k)) / 2)^2

with v_k the principal axes of the codes and s_k the standard deviations along them. The order is not that of s_k: a
decoder may make much of a small movement and nothing of a large one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gvae.errors import GvaeError

LOOKED_AT = 4
"""components whose change is measured, for each one that is asked for"""


class Component(NamedTuple):
    """A principal component: its axis times its standard deviation (Z,), and its share of the change."""

    vector: Tensor
    share: float


def principal(z: Tensor) -> Tensor:
    """Principal axes of codes z (N, Z), each as long as the standard deviation along it, (K, Z), longest first.

    The largest entry of each is positive, so that the same codes give the same directions.

    >>> axes = principal(torch.tensor([[0.0, -2.0], [0.0, 2.0], [1.0, 0.0], [-1.0, 0.0]]))
    >>> [[round(float(v), 3) for v in row] for row in axes]
    [[0.0, 1.633], [0.816, 0.0]]
    """
    centred = (z - z.mean(0)).double()
    _, sizes, axes = torch.linalg.svd(centred / max(len(z) - 1, 1) ** 0.5, full_matrices=False)
    signs = axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
    return (sizes[:, None] * signs * axes).to(z) + 0.0  # no -0


def rank(z: Tensor, decode: Callable[[Tensor], Tensor], count: int, probes: int = 16) -> list[Component]:
    """The components of codes z (N, Z) that change the picture most.

    Args:
        decode: codes (N, Z) -> images (N, C, *S).
        count: how many components.
        probes: codes around which the change is measured, spread evenly over z.

    Raises:
        GvaeError: more components than the codes have dimensions, or fewer than 1.
    """
    if not 1 <= count <= min(z.shape[1], len(z) - 1):
        raise GvaeError(
            f"{count} components were asked for; {len(z)} codes of {z.shape[1]} dimensions have "
            f"1 to {min(z.shape[1], len(z) - 1)}"
        )
    axes = principal(z)[: LOOKED_AT * count]
    some = z[torch.linspace(0, len(z) - 1, min(probes, len(z))).long()]
    changes = torch.stack([change(decode, some, axis) for axis in axes])
    order = changes.argsort(descending=True, stable=True)[:count].tolist()
    total = float(changes.sum()) or 1.0
    return [Component(axes[k], float(changes[k]) / total) for k in order]


def change(decode: Callable[[Tensor], Tensor], z: Tensor, axis: Tensor) -> Tensor:
    """Mean square of half the difference between images of z + axis and of z - axis, a scalar."""
    up, down = decode(torch.cat([z + axis, z - axis])).chunk(2)
    return ((up - down) / 2).square().mean()
