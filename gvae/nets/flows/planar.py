r"""Planar flows: each step pushes a vector along one direction, by an amount read off another.

    z <- z + u^ tanh(w.z + b),    log|det| = log(1 + tanh'(w.z + b) w.u^)

    u^ = u + (m(w.u) - w.u) w / |w|^2,    m(a) = softplus(a + log(e - 1)) - 1 > -1

Variational Inference with Normalizing Flows (Rezende & Mohamed, 2015) https://arxiv.org/abs/1505.05770, Eqs. 10 to 13;
u^ with w.u^ > -1, which makes a step invertible, from its Appendix A.1.
Deviation: the paper's m(a) = softplus(a) - 1 is shifted so that m(0) = 0. The flows are the same, with
u + log(e - 1) w / |w|^2 for the paper's u; but here u = 0 is the identity, and u^ has no pole at w = 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

SHIFT = math.log(math.e - 1)
"""softplus(SHIFT) = 1"""
STRENGTH = 0.1
"""scale of a new flow's u: ten steps then move a code by about a fifth of its length, eighty by about half"""


def constrain(u: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """u^ (..., Z), which is u moved along w until a step cannot fold space, and 1 + w.u^ (...,), above zero.

    >>> u = torch.tensor([-5.0, 0.0])
    >>> u_hat, room = constrain(u, torch.tensor([1.0, 0.0]))  # w.u = -5 would fold it
    >>> round(room.item(), 4), round(1 + u_hat[0].item(), 4)
    (0.0115, 0.0115)
    """
    along = (w * u).sum(-1)
    room = softplus(along + SHIFT)
    squared = w.square().sum(-1).clamp_min(1e-12)  # at w = 0 the numerator is zero as well
    return u + ((room - 1 - along) / squared).unsqueeze(-1) * w, room


def planar(z: Tensor, u: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Push z (B, Z) through T steps; return it and the sum of log|det| (B,) in nats.

    Args:
        z: vectors.
        u: (B, T, Z), or (T, Z) for the same steps everywhere.
        w: of the same shape.
        b: (B, T) or (T,).
    """
    u_hat, room = constrain(u, w)
    bends = []
    for push, direction, offset in zip(u_hat.unbind(-2), w.unbind(-2), b.unbind(-1), strict=True):
        bend = torch.tanh((direction * z).sum(-1) + offset)
        z = z + bend.unsqueeze(-1) * push
        bends.append(bend)
    flat = torch.stack(bends, -1).square()  # tanh' = 1 - tanh^2
    return z, torch.log(flat + (1 - flat) * room).sum(-1)  # a sum of positive numbers: no digits are lost


def numbers(steps: int, latent: int) -> int:
    """How many numbers describe T steps in Z dimensions.

    >>> numbers(10, 32)
    650
    """
    return steps * (2 * latent + 1)


def unpack(raw: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """u, w (B, T, Z) and b (B, T) from a network's outputs (B, T (2Z + 1)) of about unit size."""
    latent = (raw.shape[1] // steps - 1) // 2
    u, w, b = raw.split([steps * latent, steps * latent, steps], 1)
    u, w = u.unflatten(1, (steps, latent)), w.unflatten(1, (steps, latent))
    return STRENGTH * u, w / math.sqrt(latent), b  # w.z of unit size for z ~ N(0, I)


class Planar(nn.Module):
    """Planar steps with parameters of their own, the same for every vector.

    Args:
        steps: number of steps, T.
        latent: length of the vectors, Z.
    """

    def __init__(self, steps: int, latent: int) -> None:
        super().__init__()
        u, w, b = unpack(torch.randn(1, numbers(steps, latent)), steps)
        self.u, self.w, self.b = (nn.Parameter(v[0].clone()) for v in (u, w, b))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Push z (B, Z) through all steps; return it and log|det| (B,)."""
        return planar(z, self.u, self.w, self.b)
