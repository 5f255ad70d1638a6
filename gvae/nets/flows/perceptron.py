"""A perceptron whose last layer starts at zero, so that a flow made of it starts as the identity."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn


def perceptron(sizes: list[int], activation: type[nn.Module]) -> nn.Sequential:
    """Linear layers of the given sizes with an activation between them; weights are set by `reset`.

    >>> perceptron([2, 8, 3], nn.SiLU)(torch.ones(5, 2)).shape
    torch.Size([5, 3])
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.utils.skip_init(nn.Linear, inputs, outputs), activation()]
    network = nn.Sequential(*layers[:-1])
    reset(network, torch.Generator().manual_seed(0))
    return network


@torch.no_grad()
def reset(network: nn.Sequential, generator: torch.Generator) -> None:
    """Draw fresh weights, zeros for the last layer and every bias; the global random state stays as it is."""
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    for layer in layers:
        nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(2), generator=generator)
        nn.init.zeros_(layer.bias)
    nn.init.zeros_(layers[-1].weight)
