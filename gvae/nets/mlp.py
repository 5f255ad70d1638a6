"""Fully connected networks: `depth` hidden layers (2 if 0) of `width` units with ELU.

For data without neighbourhoods, such as the four points of `toy4`, and for the papers' fully connected rows.
The networks of Adversarial Variational Bayes' toy example (Mescheder et al., 2017) https://arxiv.org/abs/1701.04722
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gvae.config import NetConfig
from gvae.nets.wrappers import at_least_float32, checked, embed_condition, embedding, required
from gvae.types import DataSpec


class Layers(nn.Module):
    """(B, inputs) to the activations of every hidden layer, then the output (B, outputs)."""

    def __init__(self, inputs: int, net: NetConfig, outputs: int) -> None:
        super().__init__()
        sizes = [inputs, *[net.width] * (net.depth or 2), outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, h: Tensor) -> list[Tensor]:
        *hidden, last = self.layers
        out = []
        for layer in hidden:
            h = nn.functional.elu(layer(h))
            out.append(h)
        return [*out, last(h)]


class Encoder(nn.Module):
    """(x, y) -> (B, outputs)."""

    def __init__(self, spec: DataSpec, net: NetConfig, outputs: int, condition: int = 0) -> None:
        super().__init__()
        self.shape = (spec.channels, *spec.shape)
        self.layers = Layers(spec.dim, net, outputs)
        self.label = embedding(condition, outputs, std=0.02) if condition else None

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.layers(checked(x, self.shape).flatten(1))[-1]
        return at_least_float32(h if self.label is None else h + embed_condition(self.label, required(y)))


class Critic(nn.Module):
    """(x, y) -> scores (B,), features of every hidden layer; classes by projection."""

    def __init__(self, spec: DataSpec, net: NetConfig, condition: int = 0) -> None:
        super().__init__()
        self.shape = (spec.channels, *spec.shape)
        self.layers = Layers(spec.dim, net, 1)
        self.label = embedding(condition, net.width, std=net.width**-0.5) if condition else None

    def forward(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        *features, score = [at_least_float32(h) for h in self.layers(checked(x, self.shape).flatten(1))]
        total = score.squeeze(1)
        if self.label is not None:
            total = total + (embed_condition(self.label, required(y)) * features[-1]).sum(1)
        return total, features


class Generator(nn.Module):
    """(z, y) -> unbounded images (B, C, *S)."""

    def __init__(self, spec: DataSpec, net: NetConfig, latent: int, condition: int = 0) -> None:
        super().__init__()
        self.shape = (spec.channels, *spec.shape)
        self.label = embedding(condition, latent, std=1.0) if condition else None
        self.layers = Layers(2 * latent if condition else latent, net, spec.dim)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if self.label is not None:
            z = torch.cat([z, embed_condition(self.label, required(y)).to(z.dtype)], 1)
        return at_least_float32(self.layers(z)[-1].unflatten(1, self.shape))


encoder, generator, critic = Encoder, Generator, Critic
"""what `gvae.nets` builds from (spec, net, outputs or latent, condition)"""
