"""Networks: shapes in, shapes out. Three builders choose the family and size from the data; see `NETS`.

    encoder(spec, net, outputs, condition=0)    -> module: (x, y=None) -> (B, outputs)
    generator(spec, net, latent, condition=0)   -> module: (z, y=None) -> (B, C, *S), unbounded
    critic(spec, net, condition=0)              -> module: (x, y=None) -> (scores (B,), features: list of (B, ...))

`condition` is the number of classes (y (B,) int64) or of attributes (y (B, A) float) of a conditional network, else 0.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gvae.config import NetConfig
from gvae.errors import GvaeError, choose
from gvae.types import DataSpec

NETS = {"small": "gvae.nets.small", "conv": "gvae.nets.conv", "resnet": "gvae.nets.resnet", "mlp": "gvae.nets.mlp"}


def family(spec: DataSpec, net: NetConfig) -> ModuleType:
    """The module that builds networks for this data: `small` up to 64 pixels, else `resnet`, unless named."""
    automatic = "small" if spec.size <= 64 else "resnet"
    name = automatic if net.family == "auto" else net.family
    return import_module(NETS[choose("network family", name, NETS)])


def encoder(spec: DataSpec, net: NetConfig, outputs: int, condition: int = 0) -> nn.Module:
    """Network (x, y=None) -> (B, outputs)."""
    return family(spec, net).encoder(spec, net, outputs, condition)


def generator(spec: DataSpec, net: NetConfig, latent: int, condition: int = 0) -> nn.Module:
    """Network (z, y=None) -> (B, C, *S), unbounded.

    Raises:
        GvaeError: a way of enlarging that the family does not have.
    """
    module = family(spec, net)
    if net.up != "auto" and module.__name__ not in (NETS["small"], NETS["conv"]):
        name = module.__name__.rpartition(".")[2]
        raise GvaeError(f"--net.up {net.up} is for --net.family small and conv; {name} has a way of its own")
    return module.generator(spec, net, latent, condition)


def critic(spec: DataSpec, net: NetConfig, condition: int = 0) -> nn.Module:
    """Network (x, y=None) -> (scores (B,), list of features)."""
    module = family(spec, net).critic(spec, net, condition)
    return spectral(module) if net.spectral else module


def spectral(module: nn.Module) -> nn.Module:
    """Divide every layer's weight by its largest singular value, as one power iteration per pass estimates it.

    Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018) https://arxiv.org/abs/1802.05957,
    Algorithm 1
    """
    for layer in list(module.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.Conv3d):
            spectral_norm(layer)
    return module


def inherit(critic: nn.Module, encoder: nn.Module) -> bool:
    """Give a critic the encoder's weights up to the head, where both have the same layers; whether they have.

    They have in the families `small` and `resnet`; `conv` normalises the encoder only, `mlp` counts the head among its
    layers.
    """
    mine, theirs = (getattr(player, "trunk", None) for player in (critic, encoder))
    if mine is None or theirs is None:
        return False
    alike = shapes(mine) == shapes(theirs)
    if alike:
        mine.load_state_dict(theirs.state_dict())
    return alike


def shapes(module: nn.Module) -> dict[str, torch.Size]:
    """The shape of everything that a module keeps, by name."""
    return {name: value.shape for name, value in module.state_dict().items()}
