"""The models' maths against numbers known otherwise: closed forms and exact likelihoods."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from gvae.config import LatentConfig, NetConfig
from gvae.distributions.likelihoods import GrayBernoulli, Likelihood
from gvae.distributions.posteriors import gaussian
from gvae.models.latent import LatentModel
from gvae.models.vae import VAE, Config
from gvae.priors.normal import Normal as StandardNormal
from gvae.types import Batch, DataSpec

SPEC = DataSpec("made", 1, (8, 8), classes=("a", "b", "c"))
PIXEL = DataSpec("made", 1, (2, 2))


def make(**options) -> VAE:
    torch.manual_seed(0)
    return VAE(SPEC, Config(latent=4, net=NetConfig(width=8), **options))


def test_closed_form_kl_is_that_of_monte_carlo():
    torch.manual_seed(0)
    q = gaussian(torch.randn(6, 10))
    normal = Independent(Normal(torch.zeros(5), torch.ones(5)), 1)
    z = q.sample(torch.Size([20_000]))
    samples = q.log_prob(z) - normal.log_prob(z)
    error = samples.std(0) / len(samples) ** 0.5
    assert ((samples.mean(0) - kl_divergence(q, normal)).abs() < 5 * error).all()


def test_kl_by_hand():
    q = gaussian(torch.tensor([[3.0, 0.0, 2 * math.log(0.5), 0.0]]))  # means 3 and 0, scales 1/2 and 1
    kl = kl_divergence(q, Independent(Normal(torch.zeros(2), torch.ones(2)), 1))
    assert kl.item() == pytest.approx(0.5 * (9 + 0.25 - 1) + math.log(2))


def test_log_variances_beyond_float32_are_held_back():
    q = gaussian(torch.tensor([[0.0, 0.0, 1e4, -1e4]]))
    assert q.stddev.tolist() == [pytest.approx([math.exp(4), math.exp(-6)])]


class LinearVAE(LatentModel):
    """x = W z + b + sigma noise in float64: log p(x) is known, and p(z|x): W has orthogonal columns.

    `width` stretches the scales of q(z|x); at 1 it is the exact posterior.
    """

    def __init__(self, width: float = 1.0, shift: float = 0.0) -> None:
        nn.Module.__init__(self)
        self.config, self.width, self.shift, self.sigma = LatentConfig(latent=2), width, shift, 0.5
        self.spec = PIXEL
        self.W = nn.Parameter(torch.tensor([[1.0, 1.0], [1.0, -1.0], [0.5, 0.5], [0.5, -0.5]], dtype=torch.double))
        self.b = torch.tensor([0.1, -0.2, 0.3, 0.0], dtype=torch.double)
        self.prior = StandardNormal(2).double()

    def encode(self, x: Tensor, y: Tensor | None = None) -> Independent:
        precision = 1 + self.W.square().sum(0) / self.sigma**2
        mean = (x - self.b) @ self.W / self.sigma**2 / precision
        return Independent(Normal(mean + self.shift, self.width * precision.rsqrt()), 1)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Independent:
        return Independent(Normal(z @ self.W.T + self.b, torch.tensor(self.sigma, dtype=torch.double)), 1)

    def marginal(self) -> MultivariateNormal:
        covariance = self.W @ self.W.T + self.sigma**2 * torch.eye(4, dtype=torch.double)
        return MultivariateNormal(self.b, covariance)


@pytest.mark.parametrize("prior", [None, "normal"])
@torch.no_grad()
def test_bound_is_tight_for_the_exact_posterior(prior: str | None):
    torch.manual_seed(0)
    model = LinearVAE()
    x = model.marginal().sample(torch.Size([50]))
    weights = model.log_weights(x, 3, prior=prior)
    assert weights.shape == (3, 50)
    assert torch.allclose(weights, model.marginal().log_prob(x).expand(3, 50), atol=1e-10)


@pytest.mark.parametrize(("width", "shift"), [(2.0, 0.0), (1.0, 0.2)])
@torch.no_grad()
def test_bounds_rise_with_k_to_the_exact_likelihood(width: float, shift: float):
    torch.manual_seed(0)
    model = LinearVAE(width, shift)
    x = model.marginal().sample(torch.Size([4000]))
    weights = model.log_weights(x, 64)
    gaps = [
        (weights[:k].logsumexp(0) - math.log(k) - model.marginal().log_prob(x)).mean().item() for k in (1, 2, 8, 64)
    ]
    assert gaps == sorted(gaps)
    assert gaps[0] < 1.2 * gaps[1] < 0
    assert -0.05 < gaps[-1] < 0.005


@torch.no_grad()
def test_elbo_misses_the_likelihood_by_the_kl_to_the_exact_posterior():
    torch.manual_seed(0)
    model, exact = LinearVAE(2.0, 0.1), LinearVAE()
    x = model.marginal().sample(torch.Size([20]))
    elbo = model.log_weights(x, 4000).mean(0)
    gap = kl_divergence(model.encode(x), exact.encode(x))
    assert torch.allclose(elbo, model.marginal().log_prob(x) - gap, atol=0.15)


def test_negative_bound_is_the_mean_log_weight():
    """The loss of a VAE with beta 1 and the importance bound with k = 1 estimate one number."""
    model = make(kl_warmup=0.0)
    model.eval()
    x = torch.rand(64, 1, 8, 8) * 2 - 1
    with torch.no_grad():
        terms = [model.negative_elbo(Batch(x)).terms[("encoder", "generator")] for _ in range(40)]
        bound = model.log_weights(x, 40, prior="normal").mean().item()
    loss = torch.stack([term for each in terms for term in each.values()]).sum().item() / 40
    assert -loss == pytest.approx(bound, abs=0.5)


def test_gaussian_likelihood_by_hand():
    likelihood = Likelihood("gaussian", PIXEL, scale=0.3)
    raw, x = torch.tensor([[[[0.0, 1.0], [-1.0, 5.0]]]]), torch.tensor([[[[0.5, 0.5], [-1.0, 1.0]]]])
    p = likelihood(raw)
    expected = sum(
        -((a - math.tanh(m)) ** 2) / (2 * 0.09) - math.log(0.3) - 0.5 * math.log(2 * math.pi)
        for a, m in zip(x.flatten().tolist(), raw.flatten().tolist(), strict=True)
    )
    assert p.event_shape == (1, 2, 2)
    assert p.log_prob(x).tolist() == pytest.approx([expected])
    assert torch.equal(p.mean, raw.tanh())


def test_laplace_likelihood_by_hand():
    p = Likelihood("laplace", PIXEL, scale=1.0)(torch.zeros(1, 1, 2, 2))
    x = torch.tensor([[[[0.5, -0.5], [1.0, 0.0]]]])
    assert p.log_prob(x).tolist() == pytest.approx([-2.0 - 4 * math.log(2)])  # an L1 error and a constant


@pytest.mark.parametrize("kind", ["gaussian", "laplace"])
def test_running_scale_converges_to_the_error_of_the_data(kind: str):
    torch.manual_seed(0)
    likelihood = Likelihood(kind, SPEC)
    assert likelihood.error.item() == 0.25
    for scale in [1.0] * 20 + [0.1] * 400:  # large errors at first are forgotten
        likelihood.observe(scale * torch.randn(16, 1, 8, 8), torch.zeros(16, 1, 8, 8))
    expected = 0.01 if kind == "gaussian" else 0.1 * math.sqrt(2 / math.pi)
    assert likelihood.error.item() == pytest.approx(expected, rel=0.03)
    p = likelihood(torch.zeros(1, 1, 8, 8))
    deviation = 0.1 if kind == "gaussian" else expected * math.sqrt(2)
    assert p.stddev.unique().tolist() == pytest.approx([deviation], rel=0.03)


def test_first_errors_are_averaged_and_the_scale_has_a_floor():
    likelihood, zero = Likelihood("gaussian", PIXEL), torch.zeros(1, 1, 2, 2)
    for error in (0.4, 0.2):
        likelihood.observe(zero + error, zero)
    assert likelihood.error.item() == pytest.approx((0.16 + 0.04) / 2)
    likelihood = Likelihood("gaussian", PIXEL)
    likelihood.observe(zero, zero)
    assert likelihood.error.item() == pytest.approx(1e-5)


def test_loss_at_the_optimal_scale_is_half_d_log_mse():
    torch.manual_seed(0)
    likelihood, x = Likelihood("gaussian", SPEC), 0.2 * torch.randn(32, 1, 8, 8)
    likelihood.observe(x, torch.zeros_like(x))
    nats = -likelihood(torch.zeros_like(x)).log_prob(x).mean().item()
    mse = x.square().mean().item()
    assert nats == pytest.approx(64 / 2 * (math.log(2 * math.pi * mse) + 1), rel=1e-5)


@pytest.mark.parametrize(("kind", "scale", "training"), [("gaussian", 0.3, True), ("gaussian", 0.0, False)])
def test_a_fixed_scale_and_a_trained_model_do_not_change(kind: str, scale: float, training: bool):
    likelihood = Likelihood(kind, PIXEL, scale).train(training)
    before = likelihood.error.clone()
    likelihood.observe(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))
    assert torch.equal(likelihood.error, before)


def test_gray_bernoulli_by_hand():
    logits = torch.tensor([[[[0.0, 2.0], [-3.0, 1.0]]]])
    p = GrayBernoulli(logits, 3)
    white = lambda l: math.log(1 / (1 + math.exp(-l)))  # noqa: E731
    x = torch.tensor([[[[1.0, 1.0], [-1.0, -1.0]]]])
    assert p.log_prob(x).tolist() == pytest.approx([white(0) + white(2) + white(3) + white(-1)])
    gray = p.log_prob(torch.zeros(1, 1, 2, 2)).item()  # half white: the cross-entropy
    assert gray == pytest.approx(sum(0.5 * (white(l) + white(-l)) for l in (0, 2, -3, 1)))
    assert (p.batch_shape, p.event_shape) == ((1,), (1, 2, 2))


def test_gray_bernoulli_means_and_samples_are_images():
    torch.manual_seed(0)
    logits = torch.linspace(-50, 50, 400).view(4, 1, 10, 10)
    p = GrayBernoulli(logits, 3)
    assert torch.allclose(p.mean, 2 * logits.sigmoid() - 1, atol=1e-6)
    assert p.mean.min() == -1
    assert p.mean.max() == 1
    draws = GrayBernoulli(torch.full((1, 1, 2, 2), math.log(3)), 3).sample((4000,))
    assert draws.shape == (4000, 1, 1, 2, 2)
    assert draws.unique().tolist() == [-1, 1]
    assert draws.mean().item() == pytest.approx(0.5, abs=0.05)  # white with probability 3/4
    assert torch.isfinite(GrayBernoulli(torch.tensor([[1e4]]), 1).log_prob(torch.tensor([[-1.0]]))).all()


def test_beta_rises_over_the_warm_up():
    model = make(beta=4.0, kl_warmup=0.2)
    for progress, beta in [(0.0, 0.0), (0.05, 1.0), (0.2, 4.0), (1.0, 4.0)]:
        model.progress = progress
        outcome = model.negative_elbo(Batch(torch.rand(8, 1, 8, 8) * 2 - 1))
        assert model.beta == pytest.approx(beta)
        kl = outcome.terms[("encoder", "generator")]["kl"].item()
        assert kl == pytest.approx(beta * outcome.diagnostics["kl_nats"].item(), rel=1e-5)
    other = make(beta=4.0, kl_warmup=0.0)
    other.progress = 0.0
    assert other.beta == 4.0
