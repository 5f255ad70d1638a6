"""Tables 1 and 2 of the GVAE papers, row by row, at 128 x 128 x 3 with a code of 512."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gvae.config import NetConfig
from gvae.nets import resnet
from gvae.nets.blocks import BLOCKS, table
from gvae.types import DataSpec

SPEC = DataSpec("faces", channels=3, shape=(128, 128), classes=("a", "b"))
GENERATOR = [
    ("Linear 512 -> 256 x 32 x 32", (256, 32, 32)),
    ("ResNet block 256 -> 256 -> 256", (256, 32, 32)),
    ("ResNet block 256 -> 256 -> 256", (256, 32, 32)),
    ("Upsample, ResNet block 256 -> 128 -> 128", (128, 64, 64)),
    ("ResNet block 128 -> 128 -> 128", (128, 64, 64)),
    ("Upsample, ResNet block 128 -> 64 -> 64", (64, 128, 128)),
    ("ResNet block 64 -> 64 -> 64", (64, 128, 128)),
    ("Conv2d 64 -> 3", (3, 128, 128)),
]
TRUNK = [
    ("Conv2d 3 -> 64", (64, 128, 128)),
    ("ResNet block 64 -> 64 -> 64", (64, 128, 128)),
    ("ResNet block 64 -> 64 -> 128", (128, 128, 128)),
    ("AvgPool2d", (128, 64, 64)),
    ("ResNet block 128 -> 128 -> 128", (128, 64, 64)),
    ("ResNet block 128 -> 128 -> 256", (256, 64, 64)),
    ("AvgPool2d", (256, 32, 32)),
]


def build(name: str, block: str, *sizes: int) -> nn.Module:
    with torch.device("meta"):
        return getattr(resnet, name)(SPEC, NetConfig(width=64, block=block), *sizes)  # pyright: ignore


def rows(module: nn.Module, *shape: int) -> list[tuple[str, tuple[int, ...]]]:
    return [row[:2] for row in table(module, torch.zeros(shape, device="meta"))]


@pytest.mark.parametrize("block", BLOCKS)
def test_table_1_generator(block: str) -> None:
    assert rows(build("generator", block, 512), 2, 512) == GENERATOR


@pytest.mark.parametrize("block", BLOCKS)
def test_table_2_encoder_and_critic(block: str) -> None:
    image = (2, 3, 128, 128)
    assert rows(build("encoder", block, 1000), *image) == [*TRUNK, ("Linear 262144 -> 1000", (1000,))]
    assert rows(build("critic", block), *image) == [*TRUNK, ("Linear 262144 -> 1", (1,))]


def test_parameters_of_the_tables() -> None:
    block = {(i, o): 9 * i * min(i, o) + min(i, o) + 9 * min(i, o) * o + o for i, o, _ in PAIRS}
    expected = {f"ResNet block {i} -> {min(i, o)} -> {o}": block[i, o] + s for i, o, s in PAIRS}
    counts = {name: count for name, _, count in table(build("generator", "residual", 512), meta(2, 512))}
    counts = {name.removeprefix("Upsample, "): count for name, count in counts.items()}
    counts |= {name: count for name, _, count in table(build("critic", "residual"), meta(2, 3, 128, 128))}
    assert {name: counts[name] for name in expected} == expected
    assert counts["Linear 512 -> 256 x 32 x 32"] == 513 * 256 * 32 * 32
    assert counts["Conv2d 64 -> 3"] == 64 * 3 * 9 + 3


PAIRS = [
    (256, 256, 0),
    (256, 128, 256 * 128),
    (128, 128, 0),
    (128, 64, 128 * 64),
    (64, 64, 0),
    (64, 128, 64 * 128),
    (128, 256, 128 * 256),
]
"""inputs, outputs, weights of the shortcut"""


def meta(*shape: int) -> torch.Tensor:
    return torch.zeros(shape, device="meta")


@pytest.mark.parametrize("block", BLOCKS)
def test_shortcut_is_a_bare_1x1_convolution_only_where_channels_change(block: str) -> None:
    same, other = BLOCKS[block](2, 8, 8), BLOCKS[block](3, 8, 4)
    assert isinstance(same.shortcut, nn.Identity)
    assert isinstance(other.shortcut, nn.Conv3d)
    assert tuple(other.shortcut.weight.shape) == (4, 8, 1, 1, 1)
    assert other.shortcut.bias is None


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("inputs", "outputs"), [(6, 4), (4, 4)])
def test_a_block_that_enlarges_is_an_enlargement_and_a_block(block: str, inputs: int, outputs: int) -> None:
    torch.manual_seed(0)
    at_once, after = BLOCKS[block](2, inputs, outputs, (6, 10)), BLOCKS[block](2, inputs, outputs)
    for ours, theirs in zip(at_once.parameters(), after.parameters(), strict=True):
        theirs.data.copy_(ours)
    for m in (*at_once.modules(), *after.modules()):
        if isinstance(m, nn.Dropout2d):
            m.p = 0.0
    x = torch.randn(3, inputs, 3, 5)
    torch.testing.assert_close(at_once(x), after(nn.functional.interpolate(x, scale_factor=2)))


def test_residual_block_is_its_equation() -> None:
    torch.manual_seed(0)
    block, x = BLOCKS["residual"](2, 3, 5), torch.randn(2, 3, 6, 7)
    first, second = (m for m in block.residue if isinstance(m, nn.Conv2d))  # pyright: ignore
    lrelu = nn.functional.leaky_relu
    expected = block.shortcut(x) + 0.1 * second(lrelu(first(lrelu(x, 0.2)), 0.2))  # pyright: ignore
    torch.testing.assert_close(block(x), expected)


def test_paper_block_has_what_the_papers_name() -> None:
    kinds = [type(m) for m in BLOCKS["paper"](2, 4, 4).residue]  # pyright: ignore
    assert kinds == [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU, nn.MaxPool2d, nn.Dropout2d] * 2
    drop = [m.p for m in BLOCKS["paper"](2, 4, 4).modules() if isinstance(m, nn.Dropout2d)]
    assert drop == [0.3, 0.3]
    pool = next(m for m in BLOCKS["paper"](2, 4, 4).modules() if isinstance(m, nn.MaxPool2d))
    assert (pool.kernel_size, pool.stride, pool.padding) == (3, 1, 1)
