"""Estimators of log p(x) against models whose likelihood is known."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal

import gvae
from gvae.config import BoundConfig, NetConfig, TrainConfig
from gvae.data import open_data
from gvae.distributions.posteriors import Posterior
from gvae.evaluation.annealing import Schedule, anneal, log_mean_exp, transition
from gvae.evaluation.blocks import per_image
from gvae.evaluation.chains import estimate, gap, walks
from gvae.evaluation.grid import on_grid
from gvae.evaluation.inputs import Inputs
from gvae.evaluation.measure import measure
from gvae.metrics import get
from gvae.metrics.exact import exact
from gvae.metrics.iwae import iwae, weighed
from gvae.models.latent import LatentModel
from gvae.models.vae import VAE
from gvae.priors import Mixture
from gvae.training import train
from gvae.types import DataSpec
from tests.contracts import test_unbiased as unbiased

SPEC = DataSpec("made", 1, (2, 2))
SIGMA = 0.5


class LinearGaussian(LatentModel):
    """p(z) = N(0, I), p(x|z) = N(W z, sigma^2 I): everything is known, the posterior of the encoder is too wide."""

    def __init__(self, latent: int = 2, hidden: bool = False) -> None:
        config = BoundConfig(latent=latent, prior="normal", net=NetConfig("mlp", width=4), sigma=SIGMA)
        super().__init__(SPEC, config)
        self.hidden = hidden
        self.weight = torch.randn(4, latent, generator=torch.Generator().manual_seed(1))
        precision = self.weight.T @ self.weight / SIGMA**2 + torch.eye(latent)
        self.covariance = torch.linalg.inv(precision)

    def encode(self, x, y=None):
        mean = x.flatten(1) @ self.weight @ self.covariance / SIGMA**2
        scale = 1.6 * self.covariance.diagonal().sqrt()
        q = Independent(Normal(mean, scale.expand_as(mean)), 1)
        if not self.hidden:
            return q

        def draw():
            z = q.rsample()
            return z, q.log_prob(z)

        return Posterior(draw, lambda: mean, *mean.shape)

    def decode(self, z, y=None):
        mean = (z @ self.weight.T).unflatten(1, (1, 2, 2))
        return Independent(Normal(mean, SIGMA), 3)

    def exact(self, x):
        covariance = self.weight @ self.weight.T + SIGMA**2 * torch.eye(4)
        return MultivariateNormal(torch.zeros(4), covariance).log_prob(x.flatten(1))


@pytest.fixture
def images():
    model = LinearGaussian()
    torch.manual_seed(0)
    return model.decode(torch.randn(300, 2)).sample()


def test_all_estimators_agree_on_a_linear_gaussian_model(images):
    model = LinearGaussian()
    known = model.exact(images).mean().item()
    torch.manual_seed(0)
    with torch.no_grad():
        bounds = {k: iwae(weighed(model.log_weights(images, k).numpy()))["iwae"] for k in (1, 10, 1000)}
    assert bounds[1] < bounds[10] < bounds[1000]
    assert bounds[1000] == pytest.approx(known, abs=0.05)
    annealed = estimate(model, images, None, Schedule(60), 16, None)[0].mean()
    assert annealed == pytest.approx(known, abs=0.05)
    grid = on_grid(model, images.numpy(), 301, 8.0).mean()
    assert grid == pytest.approx(known, abs=1e-3)


def test_annealing_starts_from_the_prior_where_q_has_no_density_of_its_own(images):
    model = LinearGaussian(hidden=True)
    torch.manual_seed(0)
    value = estimate(model, images, None, Schedule(150), 16, None)
    assert value[0].mean() == pytest.approx(model.exact(images).mean().item(), abs=0.1)
    assert 0.4 < value[1].mean() < 0.95


def with_mixture() -> LinearGaussian:
    """Codes on a line, mostly: a mixture that denoised samples would leave."""
    model = LinearGaussian(hidden=True)
    along = torch.randn(3000, 1, generator=torch.Generator().manual_seed(2))
    across = torch.randn(3000, 1, generator=torch.Generator().manual_seed(3))
    model.prior = Mixture(2, components=2)
    model.prior.fit(torch.cat([along + 0.5 * along.sign(), 0.2 * across], 1))
    return model


def ratios(model: LatentModel, x: torch.Tensor, exact: torch.Tensor, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Means over chains of so many temperatures of w / p(x) of images x (B, C, *S), and their standard errors, (B,) each."""
    chains = 20_000 // steps
    with torch.no_grad():
        weights = walks(model, x, None, Schedule(steps), chains, None)[0]
    w = (weights.double() - exact).exp()
    return w.mean(0), w.std(0) / chains**0.5


@pytest.mark.parametrize("temperatures", [1, 4])
def test_annealed_weights_under_a_fitted_mixture_are_unbiased(temperatures):
    torch.manual_seed(0)
    model = with_mixture()
    x = model.decode(model.draw_codes(4, denoised=False)).sample()
    exact = torch.from_numpy(on_grid(model, x.numpy(), 401, 6.0))
    mean, error = ratios(model, x, exact, temperatures)
    assert (error < 0.06).all()
    assert ((mean - 1).abs() < 4 * error).all()


def test_the_gap_is_of_images_that_the_weighed_density_makes():
    model, seen = with_mixture(), []
    draw = model.draw_codes
    model.draw_codes = lambda *args, **options: seen.append(draw(*args, **options)) or seen[-1]
    torch.manual_seed(1)
    gap(model, 2000, Schedule(1), 1, None)
    torch.manual_seed(1)
    assert torch.equal(seen[0], model.prior.sample(2000, denoised=False))
    moments = torch.stack([seen[0].mean(0), seen[0].var(0)])
    line = torch.linspace(-6, 6, 401)
    grid = torch.cartesian_prod(line, line)
    share = model.log_prior(grid).detach().exp()
    share /= share.sum()
    mean = share @ grid
    torch.testing.assert_close(moments, torch.stack([mean, share @ (grid - mean).square()]), atol=0.08, rtol=0.08)


def test_annealing_of_avb_starts_from_its_proposal_and_is_unbiased(monkeypatch):
    model, _ = unbiased.trained(("avb", ()))
    assert isinstance(model, LatentModel)
    monkeypatch.setattr(model, "encode", None)  # its log q is an estimate: nobody may ask for it
    torch.manual_seed(0)
    mean, error = ratios(model, unbiased.X, unbiased.integral(model, unbiased.X, None), 1)
    assert (error < 0.1).all()
    assert ((mean - 1).abs() < 4 * error).all()


def test_the_bidirectional_gap_is_small_and_not_negative_on_average():
    torch.manual_seed(0)
    assert 0 <= gap(LinearGaussian(), 16, Schedule(60), 8, None).mean() < 0.1
    torch.manual_seed(0)
    rough = gap(LinearGaussian(latent=2, hidden=True), 16, Schedule(3), 2, None).mean()
    assert rough > 0.3  # three temperatures from the prior are too few, and the check says so


def test_one_temperature_is_importance_sampling():
    torch.manual_seed(0)
    z = torch.randn(20_000, 1)

    def start(v):
        return Normal(0.0, 1.0).log_prob(v).sum(1)

    weights, _ = anneal(start, lambda v: math.log(7) + Normal(0.5, 0.8).log_prob(v).sum(1), z, Schedule(1))
    assert torch.allclose(weights, math.log(7) + Normal(0.5, 0.8).log_prob(z).sum(1) - start(z))
    assert log_mean_exp(weights).item() == pytest.approx(math.log(7), abs=0.03)


def test_transitions_leave_their_density_as_it_is():
    torch.manual_seed(0)
    z = 2 * torch.randn(8000, 1) + 1
    for _ in range(10):
        z, _ = transition(lambda v: Normal(1.0, 2.0).log_prob(v).sum(1), z, torch.full((8000,), 0.8), 5)
    assert z.mean().item() == pytest.approx(1, abs=0.1)
    assert z.std().item() == pytest.approx(2, abs=0.08)


def test_exact_likelihood_of_the_toy_never_exceeds_the_entropy():
    data = open_data("toy4")
    torch.manual_seed(0)
    model = VAE(data.spec, VAE.Config(latent=2, prior="normal", net=NetConfig("mlp"))).eval()
    for module in model.generator.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.8)
    x = data.batch(data.split("test")[:8]).x.numpy()
    values = on_grid(model, x, 401, 8.0)
    assert values[:4] == pytest.approx(values[4:])
    assert values.mean() < -math.log(4)
    total = np.exp(on_grid(model, all_images(), 401, 8.0)).sum()
    assert total == pytest.approx(1, abs=1e-3)  # a distribution over the 16 images


def all_images():
    bits = np.array([[i >> j & 1 for j in range(4)] for i in range(16)], np.float32)
    return (2 * bits - 1).reshape(16, 1, 2, 2)


def test_limit_is_told_only_where_it_is_known():
    assert exact(np.zeros(2), np.array(-1.38))["limit"] == -1.38
    assert "limit" not in exact(np.zeros(2), np.array(np.nan))


def test_active_units_by_hand():
    means = np.random.default_rng(0).normal(size=(1000, 3)) * np.array([1, 0.2, 0.05])
    result = get("active-units").function(means)
    assert result == {"active_units": 2.0, "share": pytest.approx(2 / 3)}


def test_a_killed_measurement_continues_and_gives_the_same(tmp_path):
    calls, seen = [], []

    def compute(first, end):
        calls.append(first)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return np.arange(first, end, dtype=float)[None] ** 2

    partial = tmp_path / "folder" / "iwae.npy"
    with pytest.raises(KeyboardInterrupt):
        per_image(10, 3, compute, partial, lambda done, n: seen.append(done))
    assert partial.exists()
    result = per_image(10, 3, compute, partial, lambda done, n: seen.append(done))
    assert result.tolist() == [[i**2 for i in range(10)]]
    assert calls == [0, 3, 6, 6, 9]
    assert seen == [0, 3, 6, 6, 9, 10]
    assert not partial.exists()


def test_names_carry_their_numbers():
    assert get("ais-20x4").needs == ("annealed:20:4", "annealed_gap:20:4")
    assert get("ais").protocol["temperatures"] == 100
    assert SimpleNamespace(**get("ais-20x4").protocol).chains == 4


def test_annealing_agrees_with_5000_importance_samples_on_real_digits(data_root, tmp_path):
    digits = open_data("mnist-dynamic", data_root)
    options = BoundConfig(latent=8, prior="normal", net=NetConfig("mlp", width=64))
    run = train("vae", options, TrainConfig(images=60_000, ema=0), digits, "mnist-dynamic", tmp_path / "run")
    needs = Inputs(gvae.load(run), digits, weighed=200)
    important, annealed = measure(get("iwae-5000"), needs), measure(get("ais-100x4"), needs)
    assert important["n"] == annealed["n"] == 200
    assert abs(important["value"] - annealed["value"]) < 0.3
    reduced = measure(get("iwae-500"), Inputs(needs.loaded, digits, weighed=200, precision="bf16"))
    whole = measure(get("iwae-500"), needs)
    assert abs(reduced["value"] - whole["value"]) < 0.5 * whole["error"]
    assert reduced["value"] != whole["value"]
    assert (reduced["protocol"]["precision"], "precision" in whole["protocol"]) == ("bf16", False)
