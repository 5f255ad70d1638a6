"""Both families at every size: exact shapes, finite gradients, penalties, labels, precision."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gvae import nets
from gvae.config import NetConfig
from gvae.errors import GvaeError
from gvae.nets import conv, resnet
from gvae.nets.blocks import Conv, ConvTranspose, EnlargingConv, enlarge, ladder, table, widths
from gvae.types import DataSpec

FAMILIES = {"conv": conv, "resnet": resnet}
IMAGES = [(n, n) for n in (8, 28, 32, 64, 72, 128, 256, 512, 1024)] + [(89, 109), (72, 40), (512, 24), (5, 9)]
VOLUMES = [(16, 16, 16), (28, 28, 28), (64, 64, 64), (128, 128, 128), (20, 33, 17)]
CASES = [(shape, 3, 0) for shape in IMAGES + VOLUMES]
CASES += [(shape, 1, 3) for shape in [(8, 8), (28, 28), (72, 72), (256, 256), (89, 109), (16,) * 3, (64,) * 3]]
"""shape, channels, classes told to the networks"""
PIXELS = (8, 16, 28, 32, 64, 72, 128, 256, 512, 1024)
both = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)


def data(shape: tuple[int, ...], channels: int = 1, classes: int = 3) -> DataSpec:
    return DataSpec("data", channels, shape, classes=tuple("abcdefghij"[:classes]))


def small(block: str = "residual", width: int = 4) -> NetConfig:
    return NetConfig(width=width, block=block)  # pyright: ignore


def images(spec: DataSpec, n: int = 4) -> Tensor:
    return torch.rand(n, spec.channels, *spec.shape) * 2 - 1


@both
@pytest.mark.parametrize(("shape", "channels", "condition"), CASES, ids=str)
def test_shapes_at_every_size(family, shape: tuple[int, ...], channels: int, condition: int) -> None:
    spec = data(shape, channels)
    with torch.device("meta"):
        x, y = torch.zeros(2, spec.channels, *shape), torch.zeros(2, dtype=torch.long)
        net = NetConfig(width=8)
        code = family.encoder(spec, net, 10, condition)(x, y)
        image = family.generator(spec, net, 5, condition)(torch.zeros(2, 5), y)
        scores, features = family.critic(spec, net, condition)(x, y)
    assert (code.shape, image.shape, scores.shape) == ((2, 10), (2, spec.channels, *shape), (2,))
    sizes, channels = family.plan(spec, net)
    assert [f.shape for f in features] == [
        (2, c, *size) for c, size in zip(channels[-len(features) :], sizes[1:], strict=True)
    ]


@both
@pytest.mark.parametrize("shape", IMAGES + VOLUMES, ids=str)
def test_base_map_stays_within_its_bounds(family, shape: tuple[int, ...]) -> None:
    sizes, channels = family.plan(data(shape), NetConfig(width=64))
    assert max(sizes[-1]) <= family.LARGEST[len(shape)]
    forced = len(sizes) == 2 or max(sizes[-2]) > family.LARGEST[len(shape)]
    assert forced or min(sizes[-1]) >= family.SMALLEST
    assert channels[0] == 64
    assert max(channels) <= {"conv": 8, "resnet": 4}[family.__name__.split(".")[-1]] * 64
    assert channels[-1] * math.prod(sizes[-1]) <= 256 * 32 * 32


@pytest.mark.parametrize("shape", [(28, 28), (13, 10), (9, 8, 7)], ids=str)
@pytest.mark.parametrize("family", ["small", "conv"])
def test_generators_enlarge_as_they_are_told_and_keep_their_sizes(family: str, shape: tuple[int, ...]) -> None:
    spec, made = data(shape), {}
    for up in ("auto", "nearest", "transposed"):
        torch.manual_seed(0)
        module = nets.generator(spec, NetConfig(family=family, width=8, up=up), 5)  # pyright: ignore
        made[up] = module(torch.randn(4, 5))
        transposed = any(isinstance(m, ConvTranspose[len(shape)]) for m in module.modules())
        assert transposed == (up == "transposed" or (up == "auto" and family == "small"))
        assert made[up].shape == (4, 1, *shape)
    usual = {"small": "transposed", "conv": "nearest"}[family]
    assert torch.equal(made["auto"], made[usual])
    assert not torch.equal(made["nearest"], made["transposed"])


@pytest.mark.parametrize("family", ["resnet", "mlp"])
def test_families_with_one_way_of_enlarging_refuse_another(family: str) -> None:
    with pytest.raises(GvaeError, match=f"--net.up transposed is for --net.family small and conv; {family}"):
        nets.generator(data((8, 8)), NetConfig(family=family, up="transposed"), 5)  # pyright: ignore


@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_enlarging_and_convolving_at_once_is_doing_one_after_the_other(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    spatial = len(shape)
    both = EnlargingConv[spatial](4, 6, 3, padding=1, bias=bias).double()
    after = Conv[spatial](4, 6, 3, padding=1, bias=bias).double()
    after.load_state_dict(both.state_dict())
    x = torch.randn(2, 4, *shape, dtype=torch.double, requires_grad=True)
    ours, theirs = both(x), after(nn.functional.interpolate(x, scale_factor=2))
    torch.testing.assert_close(ours, theirs)
    weight = torch.randn_like(ours)
    ours = torch.autograd.grad((ours * weight).sum(), [x, *both.parameters()])
    theirs = torch.autograd.grad((theirs * weight).sum(), [x, *after.parameters()])
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("up", ["nearest", "transposed"])
def test_enlarging_keeps_the_variance_through_a_leaky_relu(up: str) -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(*enlarge(2, 64, 64, (31, 32), up, bias=False))
    inside = layers(nn.functional.leaky_relu(torch.randn(16, 64, 16, 16), 0.2))[..., 2:-2, 2:-2]
    assert inside.shape == (16, 64, 27, 28)
    assert inside.std().item() == pytest.approx(1, rel=0.1)


def test_ladder_halves_upwards_and_keeps_one_halving() -> None:
    assert ladder((89, 109), 4, 2, 8) == [(89, 109), (45, 55), (23, 28), (12, 14), (6, 7)]
    assert ladder((2, 3), 4, 2, 8) == [(2, 3), (1, 2)]
    assert ladder((512, 24), 2, 4, 32)[-1] == (32, 2)
    assert [len(ladder((n, n), 4, 2, 8)) - 1 for n in PIXELS] == [2, 3, 4, 4, 4, 4, 4, 5, 6, 7]
    assert [len(ladder((n, n), 2, 4, 32)) - 1 for n in PIXELS] == [1, 2, 2, 2, 2, 2, 2, 3, 4, 5]


def test_widths_refuse_zero() -> None:
    assert widths(16, 4, 4) == [16, 32, 64, 64]
    with pytest.raises(GvaeError, match="width of the networks is 0; it must be 1 or more"):
        widths(0, 4, 4)


@both
@pytest.mark.parametrize("block", ["residual", "paper"])
@pytest.mark.parametrize("shape", [(8, 8), (13, 10), (8, 9, 7)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_parameter_gets_a_finite_gradient(family, block: str, shape, channels: int) -> None:
    torch.manual_seed(0)
    spec, y = data(shape, channels), torch.tensor([0, 1, 2, 0])
    encoder = family.encoder(spec, small(block), 6, 3)
    generator = family.generator(spec, small(block), 6, 3)
    critic = family.critic(spec, small(block), 3)
    scores, features = critic(generator(encoder(images(spec), y), y), y)
    (scores.square().mean() + sum(f.square().mean() for f in features)).backward()
    for player in (encoder, generator, critic):
        for name, p in player.named_parameters():
            assert p.grad is not None, name
            assert p.grad.isfinite().all(), name
            assert p.grad.abs().sum() > 0, name


@both
@pytest.mark.parametrize("block", ["residual", "paper"])
@pytest.mark.parametrize("shape", [(8, 11), (8, 8, 8)], ids=str)
def test_gradient_penalty_reaches_the_weights(family, block: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    spec = data(shape)
    critic, x = family.critic(spec, small(block), 3), images(spec).requires_grad_()
    (slope,) = torch.autograd.grad(critic(x, torch.arange(4) % 3)[0].sum(), x, create_graph=True)
    (slope.flatten(1).norm(dim=1) - 1).square().mean().backward()
    weights = [p for name, p in critic.named_parameters() if name.endswith("weight") and p.dim() > 2]
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.abs().sum() > 0 for p in weights)


@both
def test_default_critic_scores_each_image_by_itself(family) -> None:
    torch.manual_seed(0)
    spec = data((12, 12))
    x = images(spec)
    critic = family.critic(spec, small())
    torch.testing.assert_close(critic(x)[0][:1], critic(x[:1])[0])
    assert not any(isinstance(m, (nn.BatchNorm2d, nn.Dropout2d)) for m in critic.modules())
    paper = family.critic(spec, small("paper"))
    assert any(isinstance(m, nn.BatchNorm2d) for m in paper.modules())
    assert (paper(x)[0][:2] - paper(x[:2])[0]).abs().max() > 1e-4


@both
def test_second_derivative_of_the_critic_is_right(family) -> None:
    torch.manual_seed(0)
    spec = data((4, 5))
    critic, x = family.critic(spec, small(width=2)).double(), images(spec, 1).double().requires_grad_()
    assert critic(x)[0].dtype == torch.float64
    assert torch.autograd.gradgradcheck(lambda v: critic(v)[0].square().sum(), x)


@both
def test_labels_change_the_result_and_are_needed(family) -> None:
    torch.manual_seed(0)
    spec, z = data((8, 8)), torch.randn(4, 6)
    x, zeros, ones = images(spec), torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.long)
    encoder, critic = family.encoder(spec, small(), 6, 3), family.critic(spec, small(), 3)
    assert (critic(x, zeros)[0] - critic(x, ones)[0]).abs().max() > 1e-3
    generator = family.generator(spec, small(), 6, 3).eval()
    for player, given in ((encoder, x), (generator, z)):
        assert (player(given, zeros) - player(given, ones)).abs().max() > 1e-3
    for player, given in ((encoder, x), (generator, z), (critic, x)):
        with pytest.raises(GvaeError, match="conditional, but got no labels"):
            player(given)


@both
def test_labels_are_ignored_by_an_unconditional_network(family) -> None:
    spec, y = data((8, 8)), torch.arange(4) % 3
    generator = family.generator(spec, small(), 6).eval()
    z = torch.randn(4, 6)
    assert torch.equal(generator(z), generator(z, y))
    assert torch.equal(family.critic(spec, small())(images(spec), y)[0].isfinite(), torch.ones(4).bool())


def test_projection_adds_the_class_vector_times_the_mean_of_the_last_map() -> None:
    torch.manual_seed(0)
    spec, y = data((8, 8)), torch.tensor([0, 1, 2, 1])
    critic = conv.critic(spec, small(), 3)
    x = images(spec)
    scores, features = critic(x, y)
    assert critic.label is not None
    expected = (critic.label.weight[y] * features[-1].mean((2, 3))).sum(1)
    torch.testing.assert_close(scores - critic.head(features[-1].movedim(1, -1).flatten(1))[:, 0], expected)


@both
def test_images_of_another_size_are_refused(family) -> None:
    encoder = family.encoder(data((8, 8)), small(), 6)
    with pytest.raises(GvaeError, match=r"images are 3 x 9 x 8 .* built for 1 x 8 x 8"):
        encoder(torch.zeros(1, 3, 9, 8))


@both
def test_half_precision_comes_back_as_float32_and_memory_is_channels_last(family) -> None:
    spec = data((8, 8), channels=3)
    critic, x = family.critic(spec, small()), images(spec)
    generator = family.generator(spec, small(), 6).eval()
    with torch.autocast("cpu", torch.bfloat16):
        scores, features = critic(x)
        image = generator(torch.randn(2, 6))
    assert {t.dtype for t in (scores, image, *features)} == {torch.float32}
    assert generator(torch.randn(2, 6)).is_contiguous(memory_format=torch.channels_last)


@both
def test_scores_and_images_start_neither_faded_nor_exploded(family) -> None:
    torch.manual_seed(0)
    for side in (28, 128):
        spec = data((side, side), channels=3)
        x = images(spec).requires_grad_()
        (slope,) = torch.autograd.grad(family.critic(spec, small(width=8))(x)[0].sum(), x)
        assert 0.01 < slope.flatten(1).norm(dim=1).mean() < 3
        assert 0.1 < family.generator(spec, small(width=8), 16)(torch.randn(4, 16)).std() < 2


@both
def test_table_counts_every_parameter_once_and_leaves_the_network_as_it_was(family) -> None:
    spec, y = data((16, 12)), torch.zeros(2, dtype=torch.long)
    players = [
        (family.encoder(spec, small(), 6, 3), images(spec, 2)),
        (family.generator(spec, small(), 6, 3), torch.zeros(2, 6)),
        (family.critic(spec, small(), 3), images(spec, 2)),
    ]
    for player, given in players:
        before = {k: v.clone() for k, v in player.state_dict().items()}
        assert sum(count for *_, count in table(player, given, y)) == sum(p.numel() for p in player.parameters())
        assert player.training
        assert all(torch.equal(v, before[k]) for k, v in player.state_dict().items())
        assert not any(m._forward_hooks for m in player.modules())


def test_transposed_convolution_table() -> None:
    assert ConvTranspose[3](2, 4, 3)(torch.zeros(1, 2, 5, 5, 5)).shape == (1, 4, 7, 7, 7)


def test_documented_stages_are_the_computed_ones() -> None:
    text = (Path(__file__).parents[2] / "docs" / "models" / "networks.md").read_text()
    for side in PIXELS:
        assert document_row(side) in text


def document_row(side: int) -> str:
    """The line of docs/models/networks.md for square images of that side: last map and parameters at width 64."""
    cells = [f"{side}"]
    for family in (conv, resnet):
        spec, net = data((side, side), channels=3), NetConfig(width=64)
        sizes, channels = family.plan(spec, net)
        with torch.device("meta"):
            players = (family.encoder(spec, net, 128), family.generator(spec, net, 64), family.critic(spec, net))
        counts = [f"{sum(p.numel() for p in player.parameters()) / 1e6:.1f}" for player in players]
        base = " x ".join(map(str, (channels[-1], *sizes[-1])))
        cells += [str(len(sizes) - 1), base, " / ".join(counts)]
    return f"| {' | '.join(cells)} |"
