"""Layers that the network families share, for images (2-D) and volumes (3-D) alike, and a network's table.

A family is a way down from the image to a small base map and a way up again, by halvings (see `ladder`).

Residual block: y = shortcut(x) + 0.1 conv3(lrelu(conv3(lrelu(x)))), of
Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018) https://arxiv.org/abs/1801.04406
"""

from __future__ import annotations

import math
from functools import partial, reduce

import torch
from torch import Tensor, nn

from gvae.errors import GvaeError

Shape = tuple[int, ...]
Row = tuple[str, Shape, int]

Conv = {2: nn.Conv2d, 3: nn.Conv3d}
ConvTranspose = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
AvgPool = {2: nn.AvgPool2d, 3: nn.AvgPool3d}
MaxPool = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
BatchNorm = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
Dropout = {2: nn.Dropout2d, 3: nn.Dropout3d}
"""each by the number of spatial dimensions"""

LEAK = 0.2
"""slope of LeakyReLU for negative values"""


def ladder(shape: Shape, usual: int, least: int, most: int) -> list[Shape]:
    """Sizes of the maps from the image down to the base, each half of the one before, rounded up.

    There are `usual` halvings; fewer (but one at least) where a side of the base would be under `least`
    pixels, more where one would be over `most`, which goes first for long, thin images.

    >>> ladder((28, 28), usual=4, least=2, most=8)
    [(28, 28), (14, 14), (7, 7), (4, 4), (2, 2)]
    >>> ladder((256, 192), usual=2, least=4, most=32)[-1], ladder((8, 8), usual=2, least=4, most=32)[-1]
    ((32, 24), (4, 4))
    """
    sizes = [tuple(shape)]
    while True:
        half = tuple(math.ceil(n / 2) for n in sizes[-1])
        needed = len(sizes) == 1 or max(sizes[-1]) > most
        if not needed and (len(sizes) > usual or min(half) < least):
            return sizes
        sizes.append(half)


def widths(width: int, stages: int, largest: int) -> list[int]:
    """Channels of each stage from the image down: doubled each time, up to `largest` times the first.

    Raises:
        GvaeError: a width under 1.

    >>> widths(64, 5, largest=8)
    [64, 128, 256, 512, 512]
    """
    if width < 1:
        raise GvaeError(f"the width of the networks is {width}; it must be 1 or more, as in --net.width 64")
    return [width * min(2**i, largest) for i in range(stages)]


def conv(
    spatial: int, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, bias: bool = True, slope: float = LEAK
) -> nn.Module:
    """A convolution whose initial weights keep the variance through a LeakyReLU (slope 1: none follows).

    A deep critic without normalisation needs this: its scores and gradients fade otherwise.
    """
    layer = Conv[spatial](inputs, outputs, kernel, stride, padding=kernel // 2, bias=bias)
    nn.init.kaiming_uniform_(layer.weight, a=slope)
    return layer


def crop(x: Tensor, shape: Shape) -> Tensor:
    """The first `shape` pixels of every spatial axis."""
    return x[(..., *[slice(n) for n in shape])]


class Crop(nn.Module):
    """`crop` as a layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return crop(x, self.shape)


TRANSPOSED = {2: nn.functional.conv_transpose2d, 3: nn.functional.conv_transpose3d}


class _Enlarging:
    """Nearest-neighbour enlargement by 2 and a 3x3 convolution, exactly, at the cost of a transposed 4x4 convolution.

    Along an axis two neighbours of the enlarged map are one pixel, so their weights add up:

        y[2i] = w0 x[i-1] + (w1 + w2) x[i],    y[2i+1] = (w0 + w1) x[i] + w2 x[i+1]

    In an image a pixel takes part in 16 products, where 3x3 on the enlarged map has 36.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None

    def forward(self, x: Tensor) -> Tensor:
        spatial = x.dim() - 2
        along = self.weight.new_tensor([[0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 0]])
        every = reduce(torch.kron, [along] * spatial)
        outputs, inputs, *_ = self.weight.shape
        wide = self.weight.transpose(0, 1).reshape(-1, 3**spatial) @ every
        wide = wide.view(inputs, outputs, *[4] * spatial)
        return TRANSPOSED[spatial](x, wide, self.bias, stride=2, padding=1)


class EnlargingConv2d(_Enlarging, nn.Conv2d):
    """For images (B, C, H, W)."""


class EnlargingConv3d(_Enlarging, nn.Conv3d):
    """For volumes (B, C, D, H, W)."""


EnlargingConv = {2: EnlargingConv2d, 3: EnlargingConv3d}


def enlarge(
    spatial: int, inputs: int, outputs: int, size: Shape, up: str, bias: bool = True, slope: float = LEAK
) -> list[nn.Module]:
    """Layers from maps of half the sides, rounded up, to `size`, whose initial weights keep the variance as `conv` does.

    Args:
        spatial: 2 for images, 3 for volumes.
        inputs: channels that come in.
        outputs: channels that go out.
        size: sides that go out.
        up: "nearest": nearest-neighbour enlargement and a 3x3 convolution, Deconvolution and Checkerboard Artifacts
            (Odena et al., 2016) https://distill.pub/2016/deconv-checkerboard; "transposed": a transposed 4x4 convolution
            with stride 2, Unsupervised Representation Learning with DCGAN (Radford et al., 2016)
            https://arxiv.org/abs/1511.06434.
        bias: of the convolution.
        slope: of the LeakyReLU that follows; 1: none.
    """
    if up == "nearest":
        near = EnlargingConv[spatial](inputs, outputs, 3, padding=1, bias=bias)
        nn.init.kaiming_uniform_(near.weight, a=slope)
        return [near, Crop(size)]
    layer = ConvTranspose[spatial](inputs, outputs, 4, stride=2, padding=1, bias=bias)
    reached = inputs * 2**spatial  # a half of the kernel along each axis
    bound = nn.init.calculate_gain("leaky_relu", slope) * math.sqrt(3 / reached)
    nn.init.uniform_(layer.weight, -bound, bound)
    return [layer, Crop(size)]


def activation() -> nn.Module:
    """LeakyReLU; not in place, since features are also returned."""
    return nn.LeakyReLU(LEAK)


class Residual(nn.Module):
    """Pre-activation residual block without normalisation, y = shortcut(x) + 0.1 f(f(x)), f = conv3 of lrelu.

    The shortcut is a 1x1 convolution without bias where the number of channels changes, else the identity.

    Args:
        spatial: 2 for images, 3 for volumes.
        inputs: channels that come in.
        outputs: channels that go out; between the two convolutions there are min(inputs, outputs).
        size: sides that go out, twice those that come in or one less: maps are enlarged first, by nearest neighbour. No
            map of all inputs has this size, since enlargement may as well follow LeakyReLU and 1x1 convolution.
    """

    def __init__(self, spatial: int, inputs: int, outputs: int, size: Shape | None = None) -> None:
        super().__init__()
        self.row = _block_row(inputs, outputs, size)
        hidden = min(inputs, outputs)
        self.shortcut = _shortcut(spatial, inputs, outputs, size)
        self.residue = nn.Sequential(
            activation(), *_first(spatial, inputs, hidden, size), activation(), conv(spatial, hidden, outputs, slope=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + 0.1 * self.residue(x)


class PaperBlock(nn.Module):
    """The GVAE papers' block, y = shortcut(x) + f(f(x)), f = drop(pool(lrelu(norm(conv3(x))))).

    Their tables show no change of size inside a block, so the pooling is the maximum over 3x3 with stride 1.
    Dropout takes 30 % of the channels, the norm is BatchNorm. Same arguments as `Residual`.
    """

    def __init__(self, spatial: int, inputs: int, outputs: int, size: Shape | None = None) -> None:
        super().__init__()
        self.row = _block_row(inputs, outputs, size)
        hidden = min(inputs, outputs)
        self.shortcut = _shortcut(spatial, inputs, outputs, size)
        first, second = _layers(spatial, inputs, hidden, size), _layers(spatial, hidden, outputs)
        self.residue = nn.Sequential(*first, *second)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.residue(x)


BLOCKS: dict[str, type[Residual | PaperBlock]] = {"residual": Residual, "paper": PaperBlock}
"""what `net.block` chooses from"""


def _layers(spatial: int, inputs: int, outputs: int, size: Shape | None = None) -> list[nn.Module]:
    pool = MaxPool[spatial](3, stride=1, padding=1)
    norm, drop = BatchNorm[spatial](outputs), Dropout[spatial](0.3)
    return [*_first(spatial, inputs, outputs, size, bias=False), norm, activation(), pool, drop]


def _first(spatial: int, inputs: int, outputs: int, size: Shape | None, bias: bool = True) -> list[nn.Module]:
    if size is None:
        return [conv(spatial, inputs, outputs, bias=bias)]
    return enlarge(spatial, inputs, outputs, size, "nearest", bias=bias)


def _shortcut(spatial: int, inputs: int, outputs: int, size: Shape | None) -> nn.Module:
    same = inputs == outputs
    channels = nn.Identity() if same else conv(spatial, inputs, outputs, kernel=1, bias=False, slope=1)
    return channels if size is None else nn.Sequential(channels, nn.Upsample(size=size))


def _block_row(inputs: int, outputs: int, size: Shape | None) -> str:
    block = f"ResNet block {inputs} -> {min(inputs, outputs)} -> {outputs}"
    return block if size is None else f"Upsample, {block}"


def table(module: nn.Module, *inputs: Tensor | None) -> list[Row]:
    """The layers of a network in their order of action: (layer, output shape without batch, parameters).

    A module with an attribute `row` (its name in the table) counts as one layer; layers without parameters
    that keep the shape are left out. Works on the meta device, where nothing is computed.

    >>> table(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Unflatten(1, (2, 3))), torch.zeros(1, 4))
    [('Linear 4 -> 6', (6,), 30), ('Unflatten', (2, 3), 0)]
    """
    rows: list[Row] = []
    hooks = [m.register_forward_hook(partial(_record, rows)) for m in _leaves(module)]
    training = {m: m.training for m in module.modules()}
    try:
        with torch.no_grad():
            module.eval()(*inputs)
    finally:
        for m, mode in training.items():
            m.training = mode
        for hook in hooks:
            hook.remove()
    return rows


def _leaves(module: nn.Module) -> list[nn.Module]:
    children = list(module.children())
    if hasattr(module, "row") or not children:
        return [module]
    return [leaf for child in children for leaf in _leaves(child)]


def _record(rows: list[Row], module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    count = sum(p.numel() for p in module.parameters())
    if count or output.shape != inputs[0].shape:
        rows.append((_name(module), tuple(output.shape[1:]), count))


def _name(module: nn.Module) -> str:
    kind = type(module).__name__
    for inputs, outputs in (("in_channels", "out_channels"), ("in_features", "out_features")):
        if hasattr(module, inputs):
            return f"{kind} {getattr(module, inputs)} -> {getattr(module, outputs)}"
    return str(getattr(module, "row", kind))
