"""Differentiable augmentation: what it changes, what it leaves, and how its probability is steered."""

from __future__ import annotations

import pytest
import torch

from gvae import nets
from gvae.config import NetConfig
from gvae.errors import GvaeError
from gvae.losses.augment import SPEED, Augment, colour, cut_out, shift, translate, ways
from gvae.models import resolve
from gvae.training import gradients
from gvae.types import Batch, DataSpec

SHAPES = [(64, 1, 16, 16), (64, 3, 16, 24), (32, 1, 8, 8, 8)]


def images(shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("change", [colour, translate, cut_out])
def test_no_chance_no_change_and_the_shape_stays(change, shape):
    x = images(shape)
    torch.manual_seed(0)
    assert torch.allclose(change(x, torch.zeros(len(x))), x, atol=1e-6)
    changed = change(x, torch.ones(len(x)))
    assert changed.shape == x.shape
    assert ((changed - x).flatten(1).abs().sum(1) > 0).float().mean() > 0.8


@pytest.mark.parametrize("shape", SHAPES)
def test_a_translation_moves_every_pixel_by_the_same_way_and_fills_with_black(shape):
    x = torch.arange(torch.Size(shape[2:]).numel()).float().reshape(1, 1, *shape[2:]).expand(shape) + 1
    torch.manual_seed(1)
    y = translate(x, torch.ones(len(x)))
    for image in y[:, 0]:
        moved = image[image > 0] - x[0, 0][image > 0]
        assert moved.unique().numel() == 1
        assert (image[image <= 0] == -1).all()
    shares = (y > 0).float().flatten(1).mean(1)
    assert shares.min() >= (7 / 8) ** len(shape[2:]) - 1e-6


def test_a_cut_out_is_a_gray_box_of_at_most_half_a_side():
    x = torch.ones(500, 1, 16, 16)
    torch.manual_seed(0)
    holes = cut_out(x, torch.ones(500))[:, 0] == 0
    rows, columns = holes.any(2).sum(1), holes.any(1).sum(1)
    assert torch.equal(holes.flatten(1).sum(1), rows * columns)  # a box
    assert rows.max() == columns.max() == 8
    assert rows.min() >= 1
    assert holes.float().mean(0).min() > 0.05  # it comes everywhere


def test_colour_keeps_the_order_of_gray_values_and_its_laws():
    x = images((2000, 1, 4, 4))
    torch.manual_seed(0)
    y = colour(x, torch.ones(2000))
    slope = (y - y.mean((1, 2, 3), keepdim=True)).flatten(1).norm(dim=1) / (
        x - x.mean((1, 2, 3), keepdim=True)
    ).flatten(1).norm(dim=1)
    assert slope.min() >= 0.5 - 1e-5
    assert slope.max() <= 1.5 + 1e-5
    shift = (y - x).mean((1, 2, 3))
    assert shift.abs().max() <= 0.5 + 1e-5
    assert shift.mean().abs() < 0.03


def test_saturation_moves_channels_about_their_mean():
    x = images((1, 3, 4, 4)).expand(400, 3, 4, 4)
    torch.manual_seed(0)
    y = colour(x, torch.ones(400))
    around = y - y.mean(1, keepdim=True)
    factor = around.flatten(1).norm(dim=1) / (x - x.mean(1, keepdim=True)).flatten(1).norm(dim=1)
    assert factor.min() < 0.2  # nearly gray
    assert factor.max() > 2


def test_gradients_pass_through():
    x = images((8, 3, 16, 16)).requires_grad_()
    (gradient,) = torch.autograd.grad(Augment("diff")(x).square().sum(), x)
    assert torch.isfinite(gradient).all()
    assert (gradient.flatten(1).abs().sum(1) > 0).all()


def test_none_is_the_identity_and_adaptive_begins_as_one():
    x = images((8, 1, 16, 16))
    assert Augment("none")(x) is x
    assert torch.allclose(Augment("adaptive")(x), x, atol=1e-6)


def test_p_rises_while_the_critic_is_sure_and_falls_while_it_is_not():
    augment = Augment("adaptive").train()
    for _ in range(10):
        augment.observe(torch.ones(500))
    assert augment.p.item() == pytest.approx(10 * 500 / SPEED)
    for _ in range(30):
        augment.observe(torch.tensor([1.0, -1.0] * 250))
    assert augment.p.item() == 0
    augment.eval().observe(torch.ones(500))
    assert augment.p.item() == 0
    fixed = Augment("diff").train()
    fixed.observe(-torch.ones(500))
    assert fixed.p.item() == 1


@pytest.mark.parametrize("name", ["gan", "wgan", "wgan-gp", "ac-gan", "ac-wgan", "alpha-gan", "gvae"])
def test_critics_see_changed_images_and_generators_learn_through_the_change(name):
    torch.manual_seed(0)
    kind = resolve(name)
    model = kind(DataSpec("m", 1, (8, 8), ("a", "b")), kind.Config(latent=4, augment="diff", net=NetConfig(width=8)))
    batch = Batch(images((6, 1, 8, 8)), torch.arange(6) % 2)
    seen = []
    model.critic.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    for turn in model.turns():
        if turn.on_start:
            turn.on_start([batch] * 4)
        outcome = turn.losses(batch)
        grads = gradients.gradients(outcome, model.players())
        assert all(torch.isfinite(g).all() for group in grads.values() for g in group)
    assert seen
    assert not any(x.shape == batch.x.shape and torch.equal(x, batch.x) for x in seen)


def test_what_cannot_go_together_is_refused():
    gvae = resolve("gvae")
    spec = DataSpec("m", 1, (8, 8))
    with pytest.raises(GvaeError, match="--features compares"):
        gvae(spec, gvae.Config(features=1.0, augment="diff"))
    with pytest.raises(GvaeError, match="--augment adaptive needs scores with a zero"):
        gvae(spec, gvae.Config(adversarial="wasserstein", augment="adaptive"))


@pytest.mark.parametrize("shape", [*SHAPES, (64, 1, 7, 7)])
def test_a_shift_moves_each_image_by_less_than_an_eighth_round_its_border(shape):
    x = images(shape)
    torch.manual_seed(0)
    way = ways(x)
    reach = [n // 8 for n in shape[2:]]
    assert way.amin(0).tolist() == [0] * len(reach)
    assert way.amax(0).tolist() == reach
    axes = tuple(range(1, len(reach) + 1))
    expected = torch.stack([image.roll(w.tolist(), axes) for image, w in zip(x, way, strict=True)])
    assert torch.equal(shift(x, way), expected)
    torch.manual_seed(0)
    assert torch.equal(Augment("shift")(x), expected)


def test_batches_are_shifted_alike_and_otherwise_changed_apart():
    x = images((16, 1, 16, 16))
    torch.manual_seed(0)
    a, b, c = Augment("shift").alike(x, -x, x / 2)
    assert torch.equal(a, -b)
    assert torch.equal(a, 2 * c)
    assert not torch.equal(a, x)
    a, b = Augment("diff").alike(x, x)
    assert not torch.equal(a, b)
    a, b = Augment("none").alike(x, -x)
    assert a is x
    assert torch.equal(b, -x)


def test_gradients_go_back_to_where_a_shift_took_them_from():
    x = images((4, 2, 16, 16)).requires_grad_()
    way = torch.tensor([[0, 0], [1, 0], [0, 2], [2, 1]])
    weights = images((4, 2, 16, 16)) + 2
    (shift(x, way) * weights).sum().backward()
    assert torch.equal(x.grad, shift(weights, -way))


def test_shifts_average_out_what_a_critics_strides_draw():
    spec = DataSpec("made", 1, (32, 32))
    torch.manual_seed(0)
    critic = nets.critic(spec, NetConfig(width=8))
    x = torch.zeros(256, 1, 32, 32, requires_grad=True)

    def drawn(kind: str) -> float:
        """How far the mean gradient of images that are all alike differs among the pixels of 2 x 2."""
        scores, _ = critic(Augment(kind)(x))
        mean = torch.autograd.grad(scores.sum(), x)[0].mean((0, 1))
        return mean.reshape(16, 2, 16, 2).mean((0, 2)).std().item()

    assert drawn("shift") < 0.25 * drawn("none")
