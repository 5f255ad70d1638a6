"""VampPrior: a density made of the encoder's answers to pseudo-inputs."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Independent, Normal

from gvae.config import NetConfig
from gvae.distributions.posteriors import Posterior
from gvae.errors import GvaeError
from gvae.models import resolve
from gvae.priors.vamp import Vamp
from gvae.types import Batch, DataSpec

SPEC = DataSpec("made", 1, (1, 2), classes=("a", "b"))


def posterior(x, y):
    """A Gaussian around the pixels."""
    return Independent(Normal(2 * x.flatten(1), 0.3), 1)


def vamp(condition: int = 0, components: int = 4) -> Vamp:
    torch.manual_seed(0)
    return Vamp(2, condition, SPEC, posterior, components)


def test_it_is_the_mixture_of_its_posteriors():
    prior = vamp()
    with torch.no_grad():
        prior.weights.copy_(torch.tensor([0.0, 1.0, -1.0, 0.5]))
    z = torch.randn(7, 2)
    centres, weights = 2 * torch.tanh(prior.inputs).flatten(1), prior.weights.softmax(0)
    direct = sum(w * posterior_density(z, c) for w, c in zip(weights, centres, strict=True)).log()
    assert torch.allclose(prior.log_prob(z), direct, atol=1e-5)


def posterior_density(z, centre):
    return Independent(Normal(centre, 0.3), 1).log_prob(z).exp()


def test_samples_follow_the_density():
    prior = vamp()
    torch.manual_seed(1)
    z = prior.sample(40_000)
    centres, weights = 2 * torch.tanh(prior.inputs).flatten(1), prior.weights.softmax(0)
    assert torch.allclose(z.mean(0), weights @ centres, atol=0.03)
    total = (weights @ centres.square() + 0.09) - (weights @ centres).square()
    assert torch.allclose(z.var(0), total, atol=0.05)


def test_a_class_has_pseudo_inputs_of_its_own():
    prior = vamp(condition=2)
    y = torch.tensor([0] * 50 + [1] * 50)
    torch.manual_seed(1)
    z = prior.sample(100, y)
    centres = 2 * torch.tanh(prior.inputs).flatten(1)
    nearest = torch.cdist(z, centres).argmin(1) % 2
    assert (nearest == y).float().mean() > 0.9
    grid = torch.cartesian_prod(torch.linspace(-4, 4, 161), torch.linspace(-4, 4, 161))
    for label in (0, 1):
        total = prior.log_prob(grid, torch.full((len(grid),), label)).exp().sum() * 0.05**2
        assert total.item() == pytest.approx(1, abs=0.01)


def test_a_fit_finds_the_codes_and_leaves_the_encoder_alone():
    torch.manual_seed(0)
    codes = 0.3 * torch.randn(2000, 2) + torch.tensor([[1.0, -1.0], [-1.0, 0.5]])[torch.arange(2000) % 2]
    prior = vamp()
    before = prior.log_prob(codes).mean()
    prior.fit(codes)
    best = 1 + math.log(2 * math.pi * 0.09) + math.log(2)  # entropy of two Gaussians far apart
    assert prior.log_prob(codes).mean().item() == pytest.approx(-best, abs=0.1)
    assert prior.log_prob(codes).mean() > before
    assert prior.shift.tolist() == [0, 0]
    assert prior.scale.tolist() == [1, 1]


def test_it_needs_a_gaussian_encoder_and_enough_components():
    hidden = Vamp(2, 0, SPEC, lambda x, y: Posterior(lambda: (x, x), lambda: x, len(x), 2), 3)
    with pytest.raises(GvaeError, match="needs a Gaussian"):
        hidden.log_prob(torch.zeros(1, 2))
    with pytest.raises(GvaeError, match="at least 2"):
        vamp(condition=2, components=1)


def test_jointly_it_moves_encoder_and_pseudo_inputs_by_the_same_bound():
    spec = DataSpec("made", 1, (4, 4))
    torch.manual_seed(0)
    kind = resolve("vae")
    model = kind(
        spec, kind.Config(latent=3, prior="vamp", learn_prior=True, components=5, net=NetConfig("mlp", width=8))
    )
    assert model.trained == ("encoder", "generator", "prior")
    batch = Batch(torch.rand(6, 1, 4, 4) * 2 - 1)
    terms = model.negative_elbo(batch).terms[model.trained]
    (gradient,) = torch.autograd.grad(terms["kl"], model.prior.inputs, retain_graph=True)
    assert gradient.abs().sum() > 0
    assert set(model.state_dict()) & {"prior.inputs", "prior.weights"} == {"prior.inputs", "prior.weights"}
    assert not [name for name in model.state_dict() if name.startswith("prior.") and "encoder" in name]
