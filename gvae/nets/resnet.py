"""The papers' residual networks: their Tables 1 and 2 at 128 x 128 x 3 and width 64, other sizes by rule.

Generator (Table 1): linear 512 -> 256 x 32 x 32, two blocks, then twice [enlarge x2, block to half the
channels, block], LeakyReLU, 3x3 convolution 64 -> 3. Encoder and critic (Table 2): 3x3 convolution 3 -> 64,
then twice [block, block to double the channels, average pooling 3x3 with stride 2], LeakyReLU, linear head.

The number of halvings follows from the data: two, so that the base map is a quarter of the image; fewer where
a side of it would be under 4 pixels (8 pixels: one halving); more where one would be over 32, or 8 in volumes
(256 pixels: three halvings, 512: four, 1024: five), so that no linear layer outgrows the tables' own.
Channels are w, 2w, 4w from the image down and stop growing at 4w; w is `net.width`.

Generative Variational Autoencoder for High Resolution Image Synthesis (Sagar, 2021), Tables 1 and 2, which
are the upper stages of the networks in Which Training Methods for GANs do actually Converge? (Mescheder et
al., 2018) https://arxiv.org/abs/1801.04406
Readings: the block "512 -> 256 -> 256" gets the 256 channels that the row above it puts out; the 1000 outputs
of the last row are Z or 2 Z for an encoder and one score for a critic.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from gvae.config import NetConfig
from gvae.nets.blocks import BLOCKS, AvgPool, Shape, activation, conv, ladder, widths
from gvae.nets.wrappers import Critic, Encoder, Generator
from gvae.types import DataSpec

HALVINGS = 2
SMALLEST = 4
LARGEST = {2: 32, 3: 8}
"""sides of the base map in pixels, by the number of spatial dimensions"""


def encoder(spec: DataSpec, net: NetConfig, outputs: int, condition: int = 0) -> Encoder:
    """Images (B, C, *S) in [-1, 1] and labels (B,) to (B, outputs).

    >>> module = encoder(DataSpec("digits", channels=1, shape=(8, 8)), NetConfig(), outputs=10)
    >>> module.head
    Linear(in_features=2048, out_features=10, bias=True)
    """
    sizes, channels = plan(spec, net)
    return Encoder(spec, _down(spec, net, channels), (channels[-1], *sizes[-1]), outputs, condition)


def critic(spec: DataSpec, net: NetConfig, condition: int = 0) -> Critic:
    """Images (B, C, *S) in [-1, 1] and labels (B,) to scores (B,) and the output of each stage."""
    sizes, channels = plan(spec, net)
    return Critic(spec, _down(spec, net, channels), (channels[-1], *sizes[-1]), condition)


def generator(spec: DataSpec, net: NetConfig, latent: int, condition: int = 0) -> Generator:
    """Codes (B, latent) and labels (B,) to images (B, C, *S), unbounded."""
    block, (sizes, channels) = BLOCKS[net.block], plan(spec, net)
    top = channels[-1]
    body = nn.Sequential(block(spec.spatial, top, top), block(spec.spatial, top, top))
    for (high, low), size in zip(pairwise(reversed(channels)), sizes[-2::-1], strict=True):
        body.extend([block(spec.spatial, high, low, size), block(spec.spatial, low, low)])
    body.extend([activation(), conv(spec.spatial, channels[0], spec.channels, slope=1)])
    return Generator(latent, (top, *sizes[-1]), body, condition)


def plan(spec: DataSpec, net: NetConfig) -> tuple[list[Shape], list[int]]:
    """Sizes from the image to the base map, and the channels at each of them.

    >>> plan(DataSpec("celeba", channels=3, shape=(128, 128)), NetConfig())
    ([(128, 128), (64, 64), (32, 32)], [64, 128, 256])
    """
    sizes = ladder(spec.shape, HALVINGS, SMALLEST, LARGEST[spec.spatial])
    return sizes, widths(net.width, len(sizes), largest=4)


def _down(spec: DataSpec, net: NetConfig, channels: list[int]) -> nn.Sequential:
    """One stage for each halving; the first begins with the convolution, the last ends with the LeakyReLU."""
    block, stages = BLOCKS[net.block], []
    for low, high in pairwise(channels):
        pool = AvgPool[spec.spatial](3, stride=2, padding=1)
        stages.append([block(spec.spatial, low, low), block(spec.spatial, low, high), pool])
    stages[0].insert(0, conv(spec.spatial, spec.channels, channels[0], slope=1))
    stages[-1].append(activation())
    return nn.Sequential(*(nn.Sequential(*stage) for stage in stages))
