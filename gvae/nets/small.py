"""Small, fast networks for images up to about 64 pixels: 0.6 to 0.9 M parameters each at 28 pixels, width 64.

All convolutions work at half resolution or below: pixels are folded into channels at the door and unfolded at the exit
(Real-Time Single Image and Video Super-Resolution, Shi et al., 2016, https://arxiv.org/abs/1609.05158). At 28 pixels:

    encoder, critic: 4C x 14 x 14 -> 64 x 14 x 14 -> 128 x 7 x 7, `depth` residual blocks -> 256 x 4 x 4 -> head
    generator:       the mirror image

No normalisation: batch statistics would mix the images under a gradient penalty and differ between processes.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, one_hot, pad

from gvae.config import NetConfig
from gvae.nets.blocks import Conv, ConvTranspose, EnlargingConv, crop
from gvae.nets.wrappers import required
from gvae.types import DataSpec


def act(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 0.2 and unit gain for unit-variance input."""
    return leaky_relu(x, 0.2)


def halves(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Extents of the stages: half the image's, then halved until no side exceeds 4.

    >>> halves((28, 28))
    [(14, 14), (7, 7), (4, 4)]
    """
    sizes = [tuple(-(-n // 2) for n in shape)]
    while max(sizes[-1]) > 4:
        sizes.append(tuple(-(-n // 2) for n in sizes[-1]))
    return sizes


def channels(stages: int, width: int) -> list[int]:
    """Channels of the stages: four widths at the last, halved towards the image, one width at least.

    >>> channels(3, 64), channels(1, 64)
    ([64, 128, 256], [128])
    """
    return [2 * width] if stages == 1 else [max(width, 4 * width >> (stages - 1 - i)) for i in range(stages)]


def fold(x: Tensor) -> Tensor:
    """Space to channels by 2: (B, C, *S) -> (B, C 2^d, *ceil(S / 2)); odd sides are padded by their edge."""
    d = x.dim() - 2
    if any(n % 2 for n in x.shape[2:]):
        x = pad(x, [p for n in reversed(x.shape[2:]) for p in (0, n % 2)], mode="replicate")
    b, c, *s = x.shape
    x = x.reshape(b, c, *[v for n in s for v in (n // 2, 2)])
    inner = [3 + 2 * i for i in range(d)]
    return x.permute(0, 1, *inner, *[2 + 2 * i for i in range(d)]).reshape(b, c * 2**d, *[n // 2 for n in s])


def unfold(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Inverse of `fold`, cut to `shape`."""
    d = len(shape)
    b, c, *s = x.shape
    x = x.reshape(b, c // 2**d, *[2] * d, *s)
    x = x.permute(0, 1, *[v for i in range(d) for v in (2 + d + i, 2 + i)]).reshape(b, c // 2**d, *[2 * n for n in s])
    return crop(x, shape)


class Residual(nn.Module):
    """x + conv(act(conv(act(x)))), the last convolution starting near zero so that depth costs no stability."""

    def __init__(self, spatial: int, width: int) -> None:
        super().__init__()
        self.first = Conv[spatial](width, width, 3, padding=1)
        self.second = Conv[spatial](width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(act(self.first(act(x))))


def residuals(spatial: int, width: int, depth: int) -> nn.Sequential:
    """`depth` residual blocks."""
    return nn.Sequential(*(Residual(spatial, width) for _ in range(depth)))


def initialise(module: nn.Module) -> None:
    """He initialisation for leaky ReLU, by the inputs that reach one output; zero biases."""
    for m in module.modules():
        if not isinstance(m, nn.Linear | nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d):
            continue
        nn.init.kaiming_normal_(m.weight, 0.2)
        if isinstance(m, nn.ConvTranspose2d | nn.ConvTranspose3d):  # stride 2: a 2^-d of the kernel reaches a pixel
            inputs, outputs = m.weight.shape[:2]
            m.weight.data.mul_((outputs / inputs) ** 0.5 * 2 ** (m.weight.dim() / 2 - 1))
        if m.bias is not None:
            nn.init.zeros_(m.bias)
    for m in module.modules():
        if isinstance(m, Residual):
            m.second.weight.data.mul_(0.1)


def one_hot_labels(y: Tensor | None, condition: int, like: Tensor) -> Tensor:
    """Classes (B,) as (B, condition) in the dtype of `like`; attributes (B, condition) stay what they are.

    Raises:
        GvaeError: a conditional network without labels.
    """
    y = required(y)
    return (one_hot(y, condition) if y.dim() == 1 else y).to(like.dtype)


class Trunk(nn.Module):
    """Images (B, C, *S) to the activations of every stage, the last one flattened."""

    def __init__(self, spec: DataSpec, net: NetConfig) -> None:
        super().__init__()
        self.sizes = halves(spec.shape)
        widths = channels(len(self.sizes), net.width)
        conv = Conv[spec.spatial]
        self.first = conv(spec.channels * 2**spec.spatial, widths[0], 3, padding=1)
        self.down = nn.ModuleList(conv(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.where = max(len(widths) - 2, 0)
        self.residual = residuals(spec.spatial, widths[self.where], net.depth)
        self.features = widths[-1] * torch.Size(self.sizes[-1]).numel()

    def forward(self, x: Tensor) -> list[Tensor]:
        h = self.first(fold(x).contiguous(memory_format=layout(x)))
        out = []
        for i, down in enumerate([None, *self.down]):
            h = h if down is None else down(act(h))
            h = self.residual(h) if i == self.where else h
            out.append(h)
        return [*out[:-1], act(out[-1]).flatten(1)]


def layout(x: Tensor) -> torch.memory_format:
    """Channels-last for images and volumes."""
    return torch.channels_last if x.dim() == 4 else torch.channels_last_3d


def enlarging(spatial: int, inputs: int, outputs: int, up: str) -> nn.Module:
    """Maps with twice the sides: by transposed convolution, or by nearest neighbour and a convolution."""
    if up == "nearest":
        return EnlargingConv[spatial](inputs, outputs, 3, padding=1)
    return ConvTranspose[spatial](inputs, outputs, 4, stride=2, padding=1)


class Encoder(nn.Module):
    """(x, y) -> (B, outputs)."""

    def __init__(self, spec: DataSpec, net: NetConfig, outputs: int, condition: int = 0) -> None:
        super().__init__()
        self.condition = condition
        self.trunk = Trunk(spec, net)
        self.head = nn.Linear(self.trunk.features + condition, outputs)
        initialise(self)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.trunk(x)[-1]
        if self.condition:
            h = torch.cat([h, one_hot_labels(y, self.condition, h)], 1)
        return self.head(h).float()


class Critic(nn.Module):
    """(x, y) -> scores (B,), features of every stage; classes by projection (Miyato & Koyama, 2018)."""

    def __init__(self, spec: DataSpec, net: NetConfig, condition: int = 0) -> None:
        super().__init__()
        self.condition = condition
        self.trunk = Trunk(spec, net)
        self.hidden = nn.Linear(self.trunk.features, 2 * net.width)
        self.head = nn.Linear(2 * net.width, 1 + condition, bias=False)  # most losses see only differences of scores
        initialise(self)

    def forward(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        *features, h = self.trunk(x)
        h = act(self.hidden(h))
        score = self.head(h).float()
        total = score[:, 0]
        if self.condition:
            total = total + (score[:, 1:] * one_hot_labels(y, self.condition, score)).sum(1)
        return total, [*features, h]


class Generator(nn.Module):
    """(z, y) -> unbounded images (B, C, *S)."""

    def __init__(self, spec: DataSpec, net: NetConfig, latent: int, condition: int = 0) -> None:
        super().__init__()
        self.condition, self.shape, self.sizes = condition, spec.shape, halves(spec.shape)
        self.widths = channels(len(self.sizes), net.width)
        self.first = nn.Linear(latent + condition, self.widths[-1] * torch.Size(self.sizes[-1]).numel())
        self.up = nn.ModuleList(
            enlarging(spec.spatial, self.widths[i + 1], self.widths[i], net.up)
            for i in reversed(range(len(self.widths) - 1))
        )
        self.where = max(len(self.widths) - 2, 0)
        self.residual = residuals(spec.spatial, self.widths[self.where], net.depth)
        self.last = Conv[spec.spatial](self.widths[0], spec.channels * 2**spec.spatial, 3, padding=1)
        initialise(self)
        self.last.weight.data.mul_(0.1)  # starts from gray: a saturated tanh would never come back

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if self.condition:
            z = torch.cat([z, one_hot_labels(y, self.condition, z)], 1)
        h = self.first(z).unflatten(1, (self.widths[-1], *self.sizes[-1]))
        h = h.contiguous(memory_format=layout(h))
        last = len(self.widths) - 1
        for stage, up in zip(reversed(range(len(self.widths))), [None, *self.up], strict=True):
            h = h if up is None else crop(up(act(h)), self.sizes[stage])
            h = self.residual(h) if stage == self.where and (last == 0 or stage < last) else h
        return unfold(self.last(act(h)), self.shape).float()


encoder, generator, critic = Encoder, Generator, Critic
"""what `gvae.nets` builds from (spec, net, outputs or latent, condition)"""
