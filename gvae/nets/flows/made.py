r"""MADE: a perceptron whose i-th outputs see only the inputs before the i-th.

    a = W1 z + V h + b1,    a <- W elu(a) + b,    out = W' elu(a) + b'        every W under a 0-1 mask

Inputs have degrees 1, ..., Z, hidden units degrees 0, ..., Z - 1, spread evenly. A hidden unit sees units of its own degree
and below, the i-th outputs see hidden units of degree below i. So the first outputs see the context h alone.

MADE: Masked Autoencoder for Distribution Estimation (Germain et al., 2015) https://arxiv.org/abs/1502.03509, Eqs. 12
and 13. Deviations: units of degree 0, which let the context (and nothing else) reach every output, and vectors of length 1;
several outputs per input; degrees in order, not at random; one ordering of the inputs, one set of masks.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, linear

from gvae.nets.wrappers import at_least_float32


class MaskedLinear(nn.Linear):
    """Linear layer with a fixed 0-1 mask (outputs, inputs) on its weight."""

    def __init__(self, mask: Tensor) -> None:
        outputs, inputs = mask.shape
        super().__init__(inputs, outputs)
        self.mask: Tensor
        self.register_buffer("mask", mask.to(self.weight.dtype), persistent=False)
        # unit variance out for unit variance in, counting the inputs that a unit sees
        nn.init.normal_(self.weight).data.div_(self.mask.sum(1, keepdim=True).clamp_min(1).sqrt())
        nn.init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight * self.mask, self.bias)


def degrees(latent: int, hidden: int) -> Tensor:
    """Degrees (hidden,) of a layer's units, from 0 to Z - 1.

    >>> degrees(latent=3, hidden=6).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    return torch.arange(hidden) * latent // hidden


class MADE(nn.Module):
    """z (B, Z), context h (B, H) -> (B, `outputs` Z): all dimensions' first outputs, then their second ones, ...

    Close to zero when new. Small weights, not zero ones: a zero layer would give those below no gradient.

    Args:
        latent: length of the vectors, Z.
        context: length of the context, H.
        hidden: units per hidden layer.
        layers: hidden layers.
        outputs: outputs per dimension.
    """

    def __init__(self, latent: int, context: int, hidden: int, layers: int, outputs: int = 2) -> None:
        super().__init__()
        place, inner = torch.arange(1, latent + 1), degrees(latent, hidden)
        self.first = MaskedLinear(inner[:, None] >= place)
        self.context = nn.Linear(context, hidden, bias=False)
        self.hidden = nn.ModuleList(MaskedLinear(b[:, None] >= a) for a, b in pairwise([inner] * layers))
        self.last = MaskedLinear(place.repeat(outputs)[:, None] > inner)
        self.last.weight.data.mul_(0.1)

    def forward(self, z: Tensor, context: Tensor) -> Tensor:
        a = self.first(z) + self.context(context)
        for layer in self.hidden:
            a = layer(elu(a))
        return at_least_float32(self.last(elu(a)))
