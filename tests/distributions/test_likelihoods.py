"""p(x|z): what each likelihood says about an image, and which data it refuses."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from gvae.distributions.likelihoods import DiscretisedLogistic, Likelihood
from gvae.errors import GvaeError
from gvae.nets.leaky_tanh import leaky_tanh
from gvae.types import DataSpec

GRAY = DataSpec("gray", 1, (2, 2))
BINARY = DataSpec("binary", 1, (2, 2), binary="static")
GRAY_KINDS = ["gaussian", "gaussian-learned", "laplace", "discretised-logistic"]


def test_discretised_logistic_is_a_probability_over_gray_values():
    levels = 17
    values = torch.linspace(-1, 1, levels, dtype=torch.float64)
    for mean, log_scale in ((0.03, -3.0), (-1.0, -1.0), (0.99, 0.5), (0.4, -6.0)):
        p = DiscretisedLogistic(
            torch.full((levels, 1), mean, dtype=torch.float64), torch.tensor(log_scale, dtype=torch.float64), levels, 1
        )
        assert p.log_prob(values[:, None]).exp().sum().item() == pytest.approx(1, abs=1e-9)


def test_discretised_logistic_equals_the_difference_of_sigmoids():
    mean, x = (torch.tensor([[v]], dtype=torch.float64) for v in (0.1, 55 / 127.5 - 1))
    p = DiscretisedLogistic(mean, torch.tensor(-2.0, dtype=torch.float64), 256, 1)
    half, scale = 1 / 255, math.exp(-2)
    bin_ = torch.sigmoid((x + half - 0.1) / scale) - torch.sigmoid((x - half - 0.1) / scale)
    assert p.log_prob(x).item() == pytest.approx(bin_.log().item(), abs=1e-9)


def test_discretised_logistic_stays_finite_far_from_the_mean_and_samples_stored_values():
    p = DiscretisedLogistic(torch.full((1, 4), -1.0), torch.tensor(-6.0, requires_grad=True), 256, 1)
    value = p.log_prob(torch.ones(1, 4))
    value.sum().backward()
    assert torch.isfinite(value).all()
    drawn = (DiscretisedLogistic(torch.zeros(50, 4), torch.tensor(-1.0), 17, 1).sample() + 1) * 8
    assert torch.allclose(drawn, drawn.round(), atol=1e-4)
    assert drawn.min() >= 0
    assert drawn.max() <= 16


def test_auto_follows_the_data():
    assert Likelihood("auto", GRAY).kind == "gaussian"
    assert Likelihood("auto", BINARY).kind == "bernoulli"


@pytest.mark.parametrize("kind", GRAY_KINDS)
def test_a_density_of_gray_values_is_refused_for_black_and_white(kind):
    with pytest.raises(GvaeError, match="use --likelihood bernoulli"):
        Likelihood(kind, BINARY)


def test_a_fixed_scale_is_refused_where_it_has_no_meaning():
    with pytest.raises(GvaeError, match=r"--sigma is 0\.5"):
        Likelihood("bernoulli", GRAY, 0.5)
    with pytest.raises(GvaeError, match="above 0"):
        Likelihood("gaussian", GRAY, -1.0)


def test_a_learned_scale_finds_the_optimal_one():
    torch.manual_seed(0)
    likelihood = Likelihood("gaussian-learned", GRAY)
    optimiser = torch.optim.Adam(likelihood.parameters(), 0.05)
    x = Normal(0.0, 0.2).sample((500, 1, 2, 2))
    for _ in range(200):
        optimiser.zero_grad()
        (-likelihood(torch.zeros_like(x)).log_prob(x).mean()).backward()
        optimiser.step()
    assert likelihood.log_scale.exp().item() == pytest.approx(x.square().mean().sqrt().item(), rel=0.02)


@pytest.mark.parametrize("kind", GRAY_KINDS)
def test_black_where_the_image_is_white_is_called_back(kind):
    raw = torch.full((1, 1, 2, 2), -20.0, requires_grad=True)
    p = Likelihood(kind, GRAY)(raw)
    assert (p.mean == -1).all()
    nll = {x: -p.log_prob(torch.full_like(raw, x)).sum() for x in (-1.0, 1.0)}
    slope = {x: torch.autograd.grad(value, raw, retain_graph=True)[0] for x, value in nll.items()}
    assert (slope[1.0] < -1e-3).all()  # with a plain tanh it is zero
    assert slope[-1.0].abs().max() < 1e-6


def test_painted_is_differentiable_twice():
    x = torch.linspace(-2.5, 2.5, 9, dtype=torch.float64, requires_grad=True)  # where the slope is above its floor
    assert torch.autograd.gradcheck(leaky_tanh, x)
    assert torch.autograd.gradgradcheck(leaky_tanh, x)
