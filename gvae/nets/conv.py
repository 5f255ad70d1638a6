"""The papers' plain networks: four 3x3 convolutions with stride 2, BatchNorm and LeakyReLU, and their mirror.

Down: widths w, 2w, 4w, 8w, each stage half the size of the one before (rounded up), then a linear head.
Up: linear to 8w on the last map, then 4w, 2w, w and C, each by nearest-neighbour enlargement to exactly the
size on the way down and a 3x3 convolution (`net.up transposed`: a transposed 4x4 convolution with stride 2, as
DCGAN has it); BatchNorm and LeakyReLU between. w is `net.width`.

The number of stages follows from the data: four; fewer where the last map would be under 2 pixels on a side
(8 pixels: two stages); more where it would be over 8 x 8, or 4 x 4 x 4 in volumes (256 pixels: five stages,
512: six, 1024: seven), so that no linear layer sees more than 64 positions. Widths stop growing at 8w.

Generative Variational Autoencoder for High Resolution Image Synthesis (Sagar, 2021), section 3: four layers
of 3x3 filters, each followed by BatchNorm and LeakyReLU, then one value (critic) or a vector (encoder).
Deviation: the critic has no BatchNorm unless `net.block` is "paper", since a gradient penalty is per image
and BatchNorm mixes the images of a batch: Improved Training of Wasserstein GANs (Gulrajani et al., 2017)
https://arxiv.org/abs/1704.00028, section 4.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from gvae.config import NetConfig
from gvae.nets.blocks import BatchNorm, Shape, activation, conv, enlarge, ladder, widths
from gvae.nets.wrappers import Critic, Encoder, Generator
from gvae.types import DataSpec

STAGES = 4
SMALLEST = 2
LARGEST = {2: 8, 3: 4}
"""sides of the last map in pixels, by the number of spatial dimensions"""


def encoder(spec: DataSpec, net: NetConfig, outputs: int, condition: int = 0) -> Encoder:
    """Images (B, C, *S) in [-1, 1] and labels (B,) to (B, outputs).

    >>> module = encoder(DataSpec("digits", channels=1, shape=(8, 8)), NetConfig(), outputs=10)
    >>> module.head
    Linear(in_features=512, out_features=10, bias=True)
    """
    sizes, channels = plan(spec, net)
    return Encoder(spec, _down(spec, channels, norm=True), (channels[-1], *sizes[-1]), outputs, condition)


def critic(spec: DataSpec, net: NetConfig, condition: int = 0) -> Critic:
    """Images (B, C, *S) in [-1, 1] and labels (B,) to scores (B,) and the output of each stage."""
    sizes, channels = plan(spec, net)
    trunk = _down(spec, channels, norm=net.block == "paper")
    return Critic(spec, trunk, (channels[-1], *sizes[-1]), condition)


def generator(spec: DataSpec, net: NetConfig, latent: int, condition: int = 0) -> Generator:
    """Codes (B, latent) and labels (B,) to images (B, C, *S), unbounded."""
    sizes, channels = plan(spec, net)
    up = "nearest" if net.up == "auto" else net.up
    body = nn.Sequential()
    for (high, low), size in zip(pairwise(reversed(channels)), sizes[-2:0:-1], strict=True):
        body.append(_up(spec.spatial, high, low, size, up))
    body.extend(enlarge(spec.spatial, channels[0], spec.channels, sizes[0], up, slope=1))
    return Generator(latent, (channels[-1], *sizes[-1]), body, condition)


def plan(spec: DataSpec, net: NetConfig) -> tuple[list[Shape], list[int]]:
    """Sizes from the image to the base map, and the channels of each stage.

    >>> plan(DataSpec("faces", channels=3, shape=(218, 178)), NetConfig())
    ([(218, 178), (109, 89), (55, 45), (28, 23), (14, 12), (7, 6)], [64, 128, 256, 512, 512])
    """
    sizes = ladder(spec.shape, STAGES, SMALLEST, LARGEST[spec.spatial])
    return sizes, widths(net.width, len(sizes) - 1, largest=8)


class _Stage(nn.Sequential):
    """Layers that count as one in the table of a network."""

    def __init__(self, row: str, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.row = row


def _down(spec: DataSpec, channels: list[int], norm: bool) -> nn.Sequential:
    stages = pairwise([spec.channels, *channels])
    return nn.Sequential(*(_halve(spec.spatial, inputs, outputs, norm) for inputs, outputs in stages))


def _halve(spatial: int, inputs: int, outputs: int, norm: bool) -> nn.Module:
    layers = [conv(spatial, inputs, outputs, stride=2, bias=not norm)]
    if norm:
        layers.append(BatchNorm[spatial](outputs))
    return _Stage(f"Conv 3x3 stride 2, {inputs} -> {outputs}", *layers, activation())


def _up(spatial: int, inputs: int, outputs: int, size: Shape, up: str) -> nn.Module:
    how = "Up, conv 3x3" if up == "nearest" else "Transposed conv 4x4 stride 2"
    layers = enlarge(spatial, inputs, outputs, size, up, bias=False)
    return _Stage(f"{how}, {inputs} -> {outputs}", *layers, BatchNorm[spatial](outputs), activation())
