"""The hinge pair and label smoothing against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from gvae.losses.adversarial import (
    hinge_critic,
    hinge_generator,
    nonsaturating_critic,
    nonsaturating_generator,
    wasserstein_critic,
    wasserstein_generator,
)


def test_hinge_by_hand():
    real = torch.tensor([2.0, 1.0, 0.5, -1.0])
    fake = torch.tensor([-3.0, -1.0, 0.0, 1.5])
    assert hinge_critic(real, fake).tolist() == [0.0, 0.0, 0.5 + 1.0, 2.0 + 2.5]
    assert hinge_generator(real, fake).tolist() == [3.0, 1.0, 0.0, -1.5]


def test_hinge_of_a_critic_that_cannot_tell_is_two():
    s = torch.linspace(-1, 1, 9)
    assert torch.allclose(hinge_critic(s, s), torch.full((9,), 2.0))


def test_hinge_inside_the_margins_is_the_wasserstein_loss_plus_two_and_flat_beyond():
    real, fake = torch.linspace(-0.9, 0.9, 7), torch.linspace(0.9, -0.9, 7)
    assert torch.allclose(hinge_critic(real, fake), wasserstein_critic(real, fake) + 2)
    beyond = torch.tensor([1.5, 9.0], requires_grad=True)
    (slope,) = torch.autograd.grad(hinge_critic(beyond, -beyond).sum(), beyond)
    assert slope.tolist() == [0.0, 0.0]  # images that are told apart well no longer move the critic
    (slope,) = torch.autograd.grad(hinge_generator(beyond, beyond).sum(), beyond)
    assert slope.tolist() == [-1.0, -1.0]  # but the generator is always pulled


@pytest.mark.parametrize("smooth", [0.0, 0.1, 0.3])
def test_a_soft_target_for_real_images_adds_a_multiple_of_the_score(smooth: float):
    real, fake = torch.linspace(-4, 4, 9), torch.linspace(3, -5, 9)
    soft = binary_cross_entropy_with_logits(real, torch.full((9,), 1 - smooth), reduction="none")
    hard = binary_cross_entropy_with_logits(fake, torch.zeros(9), reduction="none")
    assert torch.allclose(nonsaturating_critic(real, fake) + smooth * real, soft + hard, atol=1e-6)


def test_minus_the_score_is_the_log_ratio_of_the_two_probabilities():
    """alpha-GAN's R(p) = -log p + log(1 - p) of p = sigmoid(s), which the practical variant replaces by -log p."""
    for s in (-3.0, 0.0, 0.7, 5.0):
        p, score = 1 / (1 + math.exp(-s)), torch.tensor([s])
        expected = -math.log(p) + math.log(1 - p)
        assert wasserstein_generator(score, score).item() == pytest.approx(expected, abs=1e-6)
        assert nonsaturating_generator(score, score).item() == pytest.approx(-math.log(p))
