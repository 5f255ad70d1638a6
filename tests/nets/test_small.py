"""The small family: folding is exact, sizes follow the data, about 1 M parameters each."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gvae import nets
from gvae.config import NetConfig
from gvae.errors import GvaeError
from gvae.nets import small
from gvae.nets.small import channels, crop, fold, halves, unfold
from gvae.types import DataSpec

SHAPES = [(8, 8), (9, 13), (28, 28), (32, 32), (16, 16, 16)]
shapes = st.lists(st.integers(1, 9), min_size=2, max_size=3).map(tuple)


def data(shape: tuple[int, ...], channels: int = 1, classes: str = "") -> DataSpec:
    return DataSpec("made", channels, shape, classes=tuple(classes))


def images(spec: DataSpec, n: int = 3) -> Tensor:
    return torch.rand(n, spec.channels, *spec.shape) * 2 - 1


@settings(deadline=None, max_examples=60)
@given(shapes, st.integers(1, 3))
def test_unfold_is_the_inverse_of_fold(shape: tuple[int, ...], channels: int):
    x = torch.randn(2, channels, *shape)
    folded = fold(x)
    assert folded.shape == (2, channels * 2 ** len(shape), *[-(-n // 2) for n in shape])
    assert torch.equal(unfold(folded, shape), x)


def test_fold_keeps_neighbours_together_and_pads_by_the_edge():
    x = torch.arange(6.0).view(1, 1, 2, 3)  # 0 1 2 / 3 4 5
    assert fold(x).flatten(2)[0].tolist() == [[0, 2], [1, 2], [3, 5], [4, 5]]
    channels_apart = torch.stack([torch.zeros(2, 2), torch.ones(2, 2)])[None]
    assert fold(channels_apart).flatten().tolist() == [0] * 4 + [1] * 4


@settings(deadline=None, max_examples=30)
@given(shapes)
def test_crop_keeps_the_first_pixels_of_every_axis(shape: tuple[int, ...]):
    x = torch.randn(2, 3, *[n + 1 for n in shape])
    assert torch.equal(crop(x, shape), x[(slice(None), slice(None), *[slice(0, n) for n in shape])])
    assert crop(x, tuple(x.shape[2:])).shape == x.shape


def test_stages_by_hand():
    assert halves((9, 13)) == [(5, 7), (3, 4)]
    assert halves((32, 32)) == [(16, 16), (8, 8), (4, 4)]
    assert halves((16, 16, 16)) == [(8, 8, 8), (4, 4, 4)]
    assert halves((3, 3)) == [(2, 2)]
    assert channels(2, 64) == [128, 256]
    assert channels(5, 64) == [64, 64, 64, 128, 256]


@pytest.mark.parametrize(("depth", "least", "most"), [(0, 0.6e6, 0.9e6), (1, 0.8e6, 1.3e6)])
def test_about_a_million_parameters_at_28_pixels(depth: int, least: float, most: float):
    spec, net = data((28, 28)), NetConfig(depth=depth)
    assert net.width == 64
    for player in (nets.encoder(spec, net, 64), nets.generator(spec, net, 32), nets.critic(spec, net)):
        assert type(player).__module__ == "gvae.nets.small"
        assert least <= sum(p.numel() for p in player.parameters()) <= most, player


def test_parameters_of_the_encoder_counted_by_hand():
    convolutions = (4 * 9 + 1) * 64 + (64 * 9 + 1) * 128 + (128 * 9 + 1) * 256
    head = (256 * 4 * 4 + 1) * 64
    encoder = nets.encoder(data((28, 28)), NetConfig(), 64)
    assert sum(p.numel() for p in encoder.parameters()) == convolutions + head == 633_600


@pytest.mark.parametrize("condition", [0, 3])
@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes(shape: tuple[int, ...], depth: int, condition: int):
    torch.manual_seed(0)
    spec, net = data(shape, channels=2, classes="abc"), NetConfig(width=8, depth=depth)
    x, y = images(spec), torch.tensor([0, 1, 2]) if condition else None
    assert small.encoder(spec, net, 10, condition)(x, y).shape == (3, 10)
    image = small.generator(spec, net, 5, condition)(torch.randn(3, 5), y)
    assert image.shape == x.shape
    assert image.std() > 0
    scores, features = small.critic(spec, net, condition)(x, y)
    sizes = halves(shape)
    assert scores.shape == (3,)
    assert [f.shape[2:] for f in features[:-1]] == [torch.Size(s) for s in sizes[:-1]]
    assert features[-1].shape == (3, 16)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_images_do_not_influence_each_other(shape: tuple[int, ...]):
    torch.manual_seed(0)
    spec, net = data(shape), NetConfig(width=8, depth=1)
    x = images(spec, 4)
    critic = small.critic(spec, net)
    for player in (small.encoder(spec, net, 6), lambda v: critic(v)[0]):
        assert torch.allclose(player(x)[:1], player(x[:1]), atol=1e-5)


def test_every_pixel_counts():
    torch.manual_seed(0)
    spec = data((9, 13))
    x = images(spec, 1).requires_grad_()
    (gradient,) = torch.autograd.grad(small.critic(spec, NetConfig(width=8))(x)[0].sum(), x)
    assert (gradient != 0).all()


@pytest.mark.parametrize("depth", [0, 1])
def test_labels_reach_every_network(depth: int):
    torch.manual_seed(0)
    spec, net = data((8, 8), classes="abc"), NetConfig(width=8, depth=depth)
    x, z = images(spec, 1).expand(3, 1, 8, 8), torch.randn(1, 5).expand(3, 5)
    y = torch.arange(3)
    rows = [
        small.encoder(spec, net, 6, 3)(x, y),
        small.generator(spec, net, 5, 3)(z, y).flatten(1),
        small.critic(spec, net, 3)(x, y)[0][:, None],
    ]
    for out in rows:
        assert len({tuple(row) for row in out.tolist()}) == 3


def test_conditional_networks_ask_for_labels():
    spec, net = data((8, 8), classes="abc"), NetConfig(width=8)
    x = images(spec)
    calls = [
        lambda: small.encoder(spec, net, 6, 3)(x),
        lambda: small.generator(spec, net, 5, 3)(torch.randn(3, 5)),
        lambda: small.critic(spec, net, 3)(x),
    ]
    for call in calls:
        with pytest.raises(GvaeError, match="conditional, but got no labels: give the class"):
            call()


def test_generator_starts_from_gray():
    torch.manual_seed(0)
    raw = small.generator(data((28, 28)), NetConfig(), 32)(torch.randn(8, 32))
    assert raw.tanh().abs().mean() < 0.5
