"""The layered prior: a density on both layers, samples that follow it, and a planted law that it finds."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.distributions import Normal

from gvae.errors import GvaeError
from gvae.priors import Layered
from gvae.priors.layered import layers

STEP = 0.1
AXIS = torch.arange(-12, 12, STEP) + STEP / 2


def bent(latent: int, condition: int = 0) -> Layered:
    """A prior whose lower layer depends on the upper one."""
    prior = Layered(latent, condition, width=8)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in prior.network.parameters():
            parameter.normal_(generator=generator)
        if condition:
            prior.labels.normal_(generator=generator)
        last = prior.network[-1]
        assert isinstance(last, nn.Linear)
        last.weight[prior.sizes[0] :] *= 0.2  # log variances stay near 0
        last.bias.zero_()
    return prior


def test_it_is_the_density_of_one_layer_given_the_other() -> None:
    prior = bent(6, condition=2)
    prior.shift.copy_(torch.arange(6.0))
    prior.scale.copy_(torch.arange(6.0) / 3 + 1)
    z, y = 3 * torch.randn(5, 6), torch.tensor([0, 1, 1, 0, 1])
    u = (z - prior.shift) / prior.scale
    below = prior.network(torch.cat([u[:, 4:], torch.eye(2)[y]], 1)).split(4, 1)
    mu, logvar = (torch.cat(v, 1) for v in zip(below, prior.labels[y].split(2, 1), strict=True))
    expected = -0.5 * ((u - mu).square() / logvar.exp() + logvar).sum(1)
    expected += -3 * math.log(2 * math.pi) - prior.scale.log().sum()
    assert torch.allclose(prior.log_prob(z, y), expected, atol=1e-4)
    assert (prior.log_prob(z, y) - prior.log_prob(z, 1 - y)).abs().min() > 1e-3


@torch.no_grad()
def test_the_density_integrates_to_one_and_samples_follow_it() -> None:
    prior = bent(2)
    grid = torch.cartesian_prod(AXIS, AXIS)
    mass = prior.log_prob(grid).exp() * STEP**2
    assert float(mass.sum()) == pytest.approx(1, abs=1e-3)
    torch.manual_seed(0)
    drawn = prior.sample(40_000)
    for lower in (-0.5, 0.5):  # in a box the samples' share is the density's integral
        for upper in (-1.0, 0.0, 1.0):
            inside = float(mass[(grid < torch.tensor([lower, upper])).all(1)].sum())
            share = float((drawn < torch.tensor([lower, upper])).all(1).float().mean())
            assert abs(share - inside) < 5 * math.sqrt(inside * (1 - inside) / 40_000)
    assert prior._lower(AXIS[:, None], AXIS.new_zeros(240, 0)).mean.std() > 0.1  # or one layer would do


def planted(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Codes (n, 3) of a curve above a Gaussian, and the mean of their log density, nats."""
    generator = torch.Generator().manual_seed(seed)
    z_2 = torch.randn(n, 1, generator=generator)
    mean = torch.cat([2 * torch.sin(2 * z_2), z_2.square()], 1)
    z_1 = mean + 0.3 * torch.randn(n, 2, generator=generator)
    density = Normal(0.0, 1.0).log_prob(z_2).sum(1) + Normal(mean, 0.3).log_prob(z_1).sum(1)
    return torch.cat([z_1, z_2], 1), density.mean()


def test_it_recovers_a_planted_law() -> None:
    (codes, _), (fresh, exact) = planted(3000, seed=0), planted(2000, seed=1)
    prior = Layered(3, width=32, steps=600, batch=256, lr=1e-2)
    normal = prior.log_prob(fresh).mean()
    prior.fit(codes)
    fitted = prior.log_prob(fresh).mean()
    assert exact - fitted < 0.3
    assert exact - normal > 2
    with torch.no_grad():
        found = prior._lower(torch.zeros(1, 1), torch.zeros(1, 0))
    spread = found.stddev * prior.scale[:2]
    assert torch.allclose(spread, torch.full((1, 2), 0.3), atol=0.1)


@given(st.integers(2, 10_000))
def test_the_upper_layer_is_a_third_and_no_dimension_is_lost(latent: int) -> None:
    lower, upper = layers(latent)
    assert lower + upper == latent
    assert upper == max(1, latent // 3)
    assert lower >= upper


def test_it_needs_two_dimensions() -> None:
    with pytest.raises(GvaeError, match="at least 2 latent dimensions"):
        Layered(1)
