"""Losses and penalties against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gvae.losses.adversarial import ADVERSARIAL
from gvae.losses.penalties import gradient_penalty, lazy_zero_centred, squared_gradient, zero_centred

weights = st.lists(st.floats(-5, 5), min_size=1, max_size=6).map(lambda v: torch.tensor(v, dtype=torch.double))
every_pair = pytest.mark.parametrize("name", ADVERSARIAL)


def batch(n: int, size: int, seed: int) -> Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


@settings(deadline=None, max_examples=40)
@given(weights, st.integers(1, 4))
def test_penalties_of_a_linear_critic_depend_on_its_slope_alone(w: Tensor, n: int):
    real, fake = batch(n, len(w), 1), batch(n, len(w), 2)
    norm = math.sqrt(sum(v * v for v in w.tolist()))
    r1 = zero_centred(lambda x: x @ w, real)
    penalty = gradient_penalty(lambda x: x @ w, real, fake)
    assert r1.tolist() == pytest.approx([norm**2] * n, rel=1e-5, abs=1e-12)
    assert penalty.tolist() == pytest.approx([(norm - 1) ** 2] * n, rel=1e-4, abs=1e-5)


@settings(deadline=None, max_examples=20)
@given(weights.filter(lambda w: float(w.norm()) > 0.1))
def test_unit_slope_costs_nothing(w: Tensor):
    w = w / w.norm()
    assert gradient_penalty(lambda x: x @ w, batch(3, len(w), 1), batch(3, len(w), 2)).max() < 1e-10


def test_penalty_of_a_flat_critic_is_one_with_a_finite_gradient():
    w = torch.zeros(4, requires_grad=True)
    penalty = gradient_penalty(lambda x: x @ w, torch.zeros(2, 4), torch.ones(2, 4))
    assert penalty.tolist() == pytest.approx([1, 1], abs=1e-5)
    (gradient,) = torch.autograd.grad(penalty.sum(), w)
    assert torch.isfinite(gradient).all()


def test_penalties_are_per_image_and_sum_over_all_of_its_pixels():
    x = torch.tensor([1.0, -2.0]).view(2, 1, 1, 1).expand(2, 3, 2, 2)
    # D(x) = sum x^2 / 2 has the gradient x: 12 values of 1, and 12 of 2
    assert zero_centred(lambda v: v.square().flatten(1).sum(1) / 2, x).tolist() == [12, 48]
    lazy = lazy_zero_centred(lambda v: v.square().flatten(1).sum(1) / 2, x, penalty=0.5, every=4)
    assert lazy.item() == 4 * 0.5 / 2 * 30


def test_interpolates_lie_between_real_and_fake():
    seen = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    gradient_penalty(critic, torch.zeros(1000, 1, 2, 2), torch.ones(1000, 1, 2, 2))
    t = seen[0].flatten(1)
    assert torch.equal(t.amin(1), t.amax(1))  # one point on the line per image, not one per pixel
    assert t.min() >= 0
    assert t.max() <= 1
    assert t[:, 0].mean().item() == pytest.approx(0.5, abs=0.05)
    assert t[:, 0].std().item() == pytest.approx(12**-0.5, abs=0.03)


def test_no_gradient_leaks_into_the_images():
    critic = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
    real, fake = torch.randn(5, 4), torch.randn(5, 4, requires_grad=True)
    total = zero_centred(critic, real).sum() + gradient_penalty(critic, real, fake).sum()
    assert not real.requires_grad
    total.backward()
    assert real.grad is None
    assert fake.grad is None
    moved = [p.grad.abs().sum() > 0 for name, p in critic.named_parameters() if p.grad is not None and name != "2.bias"]
    assert moved == [True, True, True]  # the last bias shifts the score and not its slope


def test_squared_gradient_is_float32_whatever_the_critic_computes_in():
    w = torch.tensor([300.0, 400.0])  # 250,000 is beyond float16
    squared = squared_gradient(lambda x: x @ w.half(), torch.zeros(1, 2, dtype=torch.half))
    assert squared.dtype == torch.float32
    assert squared.tolist() == [250_000]


def test_equal_scores():
    s = torch.tensor([-3.0, 0.0, 7.0])
    critic, generator = ADVERSARIAL["relativistic"]
    assert critic(s, s).tolist() == pytest.approx([math.log(2)] * 3)
    assert generator(s, s).tolist() == pytest.approx([math.log(2)] * 3)
    critic, generator = ADVERSARIAL["wasserstein"]
    assert critic(s, s).tolist() == [0, 0, 0]
    critic, generator = ADVERSARIAL["nonsaturating"]
    zero = torch.zeros(1)
    assert critic(zero, zero).item() == pytest.approx(2 * math.log(2))
    assert generator(zero, zero).item() == pytest.approx(math.log(2))


def test_adversarial_losses_by_hand():
    real, fake = torch.tensor([2.0]), torch.tensor([-1.0])
    sigmoid = lambda v: 1 / (1 + math.exp(-v))  # noqa: E731
    expected = {
        "wasserstein": (-3.0, 1.0),
        "nonsaturating": (-math.log(sigmoid(2)) - math.log(1 - sigmoid(-1)), -math.log(sigmoid(-1))),
        "relativistic": (-math.log(sigmoid(3)), -math.log(sigmoid(-3))),
        "hinge": (0.0, 1.0),
    }
    got = {name: tuple(loss(real, fake).item() for loss in pair) for name, pair in ADVERSARIAL.items()}
    assert got == {name: pytest.approx(values) for name, values in expected.items()}


@settings(deadline=None)
@given(st.floats(-30, 30), st.floats(-30, 30))
def test_relativistic_generator_is_the_critic_with_roles_swapped(a: float, b: float):
    critic, generator = ADVERSARIAL["relativistic"]
    real, fake = torch.tensor([a]), torch.tensor([b])
    assert torch.equal(generator(real, fake), critic(fake, real))
    assert torch.allclose(critic(real + 5, fake + 5), critic(real, fake), atol=1e-4)  # only differences count


@every_pair
def test_losses_are_per_sample_and_monotone(name: str):
    critic, generator = ADVERSARIAL[name]
    scores, zero = torch.linspace(-8, 8, 33), torch.zeros(33)
    assert critic(scores, zero).shape == (33,)
    inside = scores.abs() < 1 if name == "hinge" else scores.abs() <= 8  # beyond its margins hinge is flat
    assert (critic(scores, zero).diff() <= 0).all()  # real scores up: good for the critic
    assert (critic(zero, scores).diff() >= 0).all()
    assert (critic(scores, zero)[inside].diff() < 0).all()
    assert (critic(zero, scores)[inside].diff() > 0).all()
    assert (generator(zero, scores).diff() < 0).all()  # fake scores up: good for the generator
    assert (generator(scores, zero).diff() >= 0).all()


@every_pair
def test_losses_stay_finite_at_extreme_scores(name: str):
    real = torch.tensor([1e4, -1e4], requires_grad=True)
    fake = torch.tensor([-1e4, 1e4], requires_grad=True)
    for loss in ADVERSARIAL[name]:
        gradients = torch.autograd.grad(loss(real, fake).sum(), (real, fake), allow_unused=True)
        assert torch.isfinite(loss(real, fake)).all()
        assert all(torch.isfinite(g).all() for g in gradients if g is not None)
