"""Reconstruction error, bounds, rate, and the KL of the aggregate code."""

import numpy as np
import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, TransformedDistribution
from torch.distributions.transforms import AffineTransform, TanhTransform

from gvae.errors import GvaeError
from gvae.metrics import get
from gvae.metrics.code_kl import code_kl, digamma, moments, neighbours
from gvae.metrics.elbo import elbo
from gvae.metrics.iwae import iwae, metric, weighed
from gvae.metrics.kl import kl, rate
from gvae.metrics.mse import mse
from gvae.metrics.nats import nats


def test_mse_by_hand_and_its_interval():
    x = np.zeros((4, 1, 2, 2), np.float32)
    x_rec = np.array([0.2, 0.2, 0.4, 0.4], np.float32).reshape(4, 1, 1, 1) * np.ones((1, 1, 2, 2), np.float32)
    result = mse(x, x_rec)
    assert result["mse"] == pytest.approx(0.025)  # 0.01 twice, 0.04 twice
    assert result["psnr"] == pytest.approx(-10 * np.log10(0.025))
    assert result["error"] == pytest.approx(3.18245 * 0.0003**0.5 / 2, rel=1e-5)  # t(3); deviations 0.015 four times
    with pytest.raises(GvaeError, match="same shape"):
        mse(x, x_rec[:2])


def test_mse_ranks_a_good_a_bad_and_a_collapsed_reconstruction():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (50, 1, 4, 4))
    good, bad, collapsed = x + 0.05, x + rng.normal(0, 0.5, x.shape), np.broadcast_to(x.mean(0), x.shape)
    assert mse(x, good)["mse"] < mse(x, bad)["mse"] < mse(x, collapsed)["mse"]
    assert mse(x, collapsed)["mse"] == pytest.approx(x.var(0).mean() / 4)


def gaussian_log_weights(k: int, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log w, exact log p(x), KL(q || p) of p(z) = N(0, 1), p(x|z) = N(z, 1), wide q(z|x) = N(x / 2, 1)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 2**0.5, n)
    z = x / 2 + rng.normal(size=(k, n))

    def log_normal(value, mean, variance):
        return -0.5 * ((value - mean) ** 2 / variance + np.log(2 * np.pi * variance))

    weights = log_normal(z, 0, 1) + log_normal(x, z, 1) - log_normal(z, x / 2, 1)
    return weights, log_normal(x, 0, 2), x**2 / 8


def test_bounds_rise_with_k_and_stay_below_the_exact_likelihood():
    _, exact, _ = gaussian_log_weights(1, 4000)
    values = [iwae(weighed(gaussian_log_weights(k, 4000)[0]))["iwae"] for k in (1, 5, 50, 1000)]
    assert values == sorted(values)
    assert values[-1] < exact.mean() + 0.02
    assert values[-1] == pytest.approx(exact.mean(), abs=0.02)
    # ELBO gap: KL(N(x/2, 1) || N(x/2, 1/2)) = (2 - 1 - log 2) / 2
    assert values[0] == pytest.approx(exact.mean() - (1 - np.log(2)) / 2, abs=0.05)


def test_iwae_of_one_sample_is_the_elbo_and_huge_weights_do_not_overflow():
    weights = gaussian_log_weights(1, 100)[0]
    assert iwae(weighed(weights))["iwae"] == pytest.approx(elbo(weights)["elbo"])
    assert iwae(weighed(np.array([[-5000.0], [-5000.0]])))["iwae"] == -5000
    assert iwae(weighed(np.array([[3000.0], [-3000.0]])))["effective_samples"] == pytest.approx(1)
    assert elbo(np.array([[1.0, 2.0], [3.0, 4.0]]))["elbo"] == 2.5


def test_nats_and_rate_add_up_to_the_bound():
    weights, _, rates = gaussian_log_weights(1, 20_000)
    distortion = nats(-weights[0] - rates)["nats"]
    assert distortion + kl(rates)["kl"] == pytest.approx(-elbo(weights)["elbo"])
    # E -log N(x; z, 1) with z ~ N(x/2, 1): (x^2/4 + 1 + log 2 pi) / 2, E x^2 = 2
    assert distortion == pytest.approx((0.5 + 1 + np.log(2 * np.pi)) / 2, abs=0.03)


def test_iwae_k_names_itself():
    assert get("iwae").protocol["k"] == 50
    assert (metric(500).name, metric(500).needs) == ("iwae-500", ("bounds:500",))


def test_rate_in_closed_form_and_by_sampling():
    mu, sd = torch.tensor([[0.5, -1.0]]), torch.tensor([[0.5, 2.0]])
    q = Independent(Normal(mu, sd), 1)
    expected = 0.5 * (sd**2 + mu**2 - 1 - 2 * sd.log()).sum()
    assert float(rate(q, q.sample(), torch.zeros(1))) == pytest.approx(float(expected))
    squashed = TransformedDistribution(
        Normal(torch.zeros(20_000, 2), 0.5), [TanhTransform(), AffineTransform(0.2, 1)], validate_args=False
    )
    squashed = Independent(squashed, 1)
    torch.manual_seed(0)
    z = squashed.sample()
    sampled = rate(squashed, z, squashed.log_prob(z))
    grid = torch.linspace(-0.99999, 0.99999, 200_001, dtype=torch.float64)
    density = (Normal(0.0, 0.5).log_prob(grid.atanh()) - (1 - grid**2).log()).double()
    one = (density.exp() * (density - Normal(0.0, 1.0).log_prob(grid + 0.2))).sum() * (grid[1] - grid[0])
    assert float(sampled.mean()) == pytest.approx(2 * float(one), abs=0.02)


def test_code_kl_of_gaussian_codes_equals_the_closed_form():
    torch.manual_seed(0)
    covariance = torch.tensor([[2.0, 0.6], [0.6, 0.5]])
    codes = MultivariateNormal(torch.tensor([1.0, -0.5]), covariance).sample((4000,)).numpy()
    expected = 0.5 * (2.5 + 1.25 - 2 - float(covariance.logdet()))
    result = code_kl(codes)
    assert result["code_kl"] == pytest.approx(expected, abs=0.06)
    assert result["code_kl_knn"] == pytest.approx(expected, abs=0.1)


def test_code_kl_ranks_matched_shifted_and_collapsed_codes():
    codes = np.random.default_rng(0).normal(size=(2000, 4))
    matched, shifted, collapsed = (code_kl(c) for c in (codes, codes + 1, 0.1 * codes))
    for key in ("code_kl", "code_kl_knn"):
        assert matched[key] == pytest.approx(0, abs=0.15)
        assert shifted[key] == pytest.approx(2, abs=0.25)  # |m|^2 / 2
        assert collapsed[key] == pytest.approx(4 * (0.01 - 1 + np.log(100)) / 2, abs=0.3)


def test_only_neighbours_see_two_modes_with_the_right_moments():
    rng = np.random.default_rng(0)
    codes = rng.choice([-1, 1], (4000, 1)) * 0.995 + 0.1 * rng.normal(size=(4000, 1))
    assert moments(codes)[0] == pytest.approx(0, abs=0.01)
    # entropy of the mixture: log 2 + that of N(0, 0.1^2)
    expected = 0.5 * np.log(2 * np.pi) + 0.5 - (np.log(2) + 0.5 * np.log(2 * np.pi * np.e * 0.01))
    assert neighbours(codes) == pytest.approx(expected, abs=0.05)


def test_code_kl_refuses_what_has_no_answer():
    with pytest.raises(GvaeError, match="more images than dimensions"):
        code_kl(np.zeros((3, 3)))
    with pytest.raises(GvaeError, match="finite"):
        code_kl(np.full((9, 3), np.nan))
    with pytest.raises(GvaeError, match="singular"):
        code_kl(np.ones((9, 3)))
    assert digamma(1) == pytest.approx(-0.5772156649)
