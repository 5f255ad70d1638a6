"""The papers' encoder and critic of volumes: four convolutions of 3 x 3 x 3, from 64 to 4 voxels a side."""

from __future__ import annotations

import torch
from torch import nn

from gvae.config import NetConfig
from gvae.nets import conv
from gvae.types import DataSpec

SPEC = DataSpec("ct", 1, (64, 64, 64), low=-160, high=240, unit="HU")


def layers(net: nn.Module, kind: type[nn.Module]) -> list:
    return [module for module in net.modules() if isinstance(module, kind)]


def test_four_stages_halve_a_block_of_64_voxels():
    sizes, channels = conv.plan(SPEC, NetConfig(family="conv", width=64))
    assert sizes == [(64,) * 3, (32,) * 3, (16,) * 3, (8,) * 3, (4,) * 3]
    assert channels == [64, 128, 256, 512]


def test_the_encoder_gives_a_code_of_1000():
    with torch.device("meta"):
        encoder = conv.encoder(SPEC, NetConfig(width=64), outputs=1000)
        code = encoder(torch.zeros(2, 1, 64, 64, 64))
    found = layers(encoder, nn.Conv3d)
    assert [(c.in_channels, c.out_channels) for c in found] == [(1, 64), (64, 128), (128, 256), (256, 512)]
    assert {(c.kernel_size, c.stride, c.padding) for c in found} == {((3, 3, 3), (2, 2, 2), (1, 1, 1))}
    assert [norm.num_features for norm in layers(encoder, nn.BatchNorm3d)] == [64, 128, 256, 512]
    assert {act.negative_slope for act in layers(encoder, nn.LeakyReLU)} == {0.2}
    assert code.shape == (2, 1000)


def test_the_critic_gives_one_value_from_the_same_four():
    with torch.device("meta"):
        critic = conv.critic(SPEC, NetConfig(width=64))
        scores, features = critic(torch.zeros(2, 1, 64, 64, 64))
    assert scores.shape == (2,)
    assert [tuple(f.shape) for f in features] == [
        (2, 64, 32, 32, 32), (2, 128, 16, 16, 16), (2, 256, 8, 8, 8), (2, 512, 4, 4, 4),
    ]  # fmt: skip
    assert not layers(critic, nn.BatchNorm3d)  # a penalty per image; net.block "paper" has it
    with torch.device("meta"):
        paper = conv.critic(SPEC, NetConfig(width=64, block="paper"))
    assert len(layers(paper, nn.BatchNorm3d)) == 4


def test_the_generator_mirrors_them():
    with torch.device("meta"):
        generator = conv.generator(SPEC, NetConfig(width=64), latent=1000)
        assert generator(torch.zeros(2, 1000)).shape == (2, 1, 64, 64, 64)
    found = [(c.in_channels, c.out_channels) for c in layers(generator, nn.Conv3d)]
    assert found == [(512, 256), (256, 128), (128, 64), (64, 1)]
