"""Smooth closed walks through codes, and one component of a code on its way from low to high.

A walk is the periodic spline of Catmull and Rom (1974) through its anchors p_0 ... p_K-1: from p_1 to p_2, at f in [0, 1],

    z = (2 p_1 + (p_2 - p_0) f + (2 p_0 - 5 p_1 + 4 p_2 - p_3) f^2 + (3 p_1 - p_0 - 3 p_2 + p_3) f^3) / 2

and then brought to the length that lies between those of p_1 and p_2: halfway between two codes of N(0, I) the spline is
a fifth too short, and shows paler images than either.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gvae.errors import GvaeError

STRETCH = 1.5
"""a walk is lengthened by this factor at most: a spline that passes through 0, as it may in few dimensions, has no way
to be of another length there"""


def loop(anchors: Tensor, frames: int) -> Tensor:
    """Codes of a closed walk through all anchors; after the last frame comes the first.

    Args:
        anchors: codes (K, Z), at least 2.
        frames: codes on the walk, at least K.

    Returns:
        (frames, Z); frame 0 is the first anchor.

    Raises:
        GvaeError: too few anchors or frames.

    >>> walk = loop(torch.tensor([[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0]]), 8)
    >>> [round(float(v), 3) for v in walk[1]], [round(float(v), 3) for v in walk[2]]
    ([1.414, 1.414], [0.0, 2.0])
    """
    count = len(anchors)
    if count < 2 or frames < count:
        raise GvaeError(
            f"a walk of {frames} frames through {count} anchors cannot be made; "
            "give at least 2 anchors, and a frame for each"
        )
    where = torch.arange(frames, device=anchors.device, dtype=torch.float64) * count / frames
    index = where.long()
    f = (where - index).to(anchors)[:, None]
    before, here, there, beyond = (anchors[(index + k) % count] for k in (-1, 0, 1, 2))
    z = catmull_rom(before, here, there, beyond, f)
    ease = f.square() * (3 - 2 * f)
    length = torch.lerp(here.norm(dim=1, keepdim=True), there.norm(dim=1, keepdim=True), ease)
    factor = length / z.norm(dim=1, keepdim=True).clamp_min(torch.finfo(z.dtype).tiny)
    return z * factor.clamp_max(STRETCH)


def catmull_rom(p0: Tensor, p1: Tensor, p2: Tensor, p3: Tensor, f: Tensor) -> Tensor:
    """The spline from p1 to p2 at f in [0, 1]; p0 and p3 come before and after."""
    square = 2 * p0 - 5 * p1 + 4 * p2 - p3
    cube = 3 * p1 - p0 - 3 * p2 + p3
    return 0.5 * (2 * p1 + (p2 - p0) * f + square * f**2 + cube * f**3)


def traverse(z: Tensor, component: int, steps: int = 7, low: float = -3.0, high: float = 3.0) -> Tensor:
    """A code (Z,) with one of its components going from low to high, (steps, Z).

    Args:
        low, high: in the units of the code, standard deviations of N(0, I).

    Raises:
        GvaeError: no such component, or fewer than 2 steps.

    >>> traverse(torch.tensor([1.0, 5.0]), 1, steps=3).tolist()
    [[1.0, -3.0], [1.0, 0.0], [1.0, 3.0]]
    """
    if not 0 <= component < len(z):
        raise GvaeError(f"there is no component {component}; the code has components 0 to {len(z) - 1}")
    if steps < 2:
        raise GvaeError(f"a traversal of {steps} steps shows no change; ask for at least 2 steps")
    rows = z.repeat(steps, 1)
    rows[:, component] = torch.linspace(low, high, steps, dtype=z.dtype, device=z.device)
    return rows
