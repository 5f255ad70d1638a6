"""The bounds that variational models share, and the models that are known in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from gvae.config import NetConfig
from gvae.distributions.posteriors import Point, Posterior, rsample_and_log_prob
from gvae.errors import GvaeError
from gvae.models import resolve
from gvae.types import Batch, DataSpec

SPEC = DataSpec("made", 1, (4, 4), classes=("a", "b"))
NET = NetConfig("mlp", width=16)


def model(name: str, **options):
    torch.manual_seed(0)
    kind = resolve(name)
    return kind(SPEC, kind.Config(latent=3, net=NET, **options))


@pytest.fixture
def batch():
    torch.manual_seed(1)
    return Batch(torch.rand(40, 1, 4, 4) * 2 - 1, torch.arange(40) % 2)


def test_importance_weighted_bound_of_one_code_is_the_elbo_and_more_codes_are_tighter(batch):
    losses = {}
    for k in (1, 2, 50):
        m = model("vae", bound="iwae", k=k, sigma=0.3)
        torch.manual_seed(2)
        losses[k] = m.importance_weighted(batch).terms[m.trained]["iwae"].item()
    m = model("vae", sigma=0.3)
    torch.manual_seed(2)
    q = m.encode(batch.x)
    z, log_q = rsample_and_log_prob(q)
    by_hand = m.decode(z).log_prob(batch.x) + m.standard_normal().log_prob(z) - log_q
    assert losses[1] == pytest.approx(-by_hand.mean().item(), rel=1e-5)
    assert losses[50] < losses[2] < losses[1]


def test_elbo_terms_add_up_to_the_bound_of_the_estimator(batch):
    m = model("vae", sigma=0.3)
    with torch.no_grad():
        terms = [m.negative_elbo(batch).terms[m.trained] for _ in range(200)]
        loss = torch.stack([t["nll"] + t["kl"] for t in terms]).mean()
        estimator = -m.log_weights(batch.x, 200, prior="normal").mean()
    assert loss.item() == pytest.approx(estimator.item(), rel=1e-2)


def test_a_posterior_known_by_its_draws_gives_the_rate_of_the_closed_form(batch):
    m = model("vae")
    q = m.encode(batch.x)
    drawn = Posterior(lambda: (z := q.rsample(), q.log_prob(z)), lambda: q.mean, *q.mean.shape)
    with torch.no_grad():
        rates = torch.stack([m.rate(drawn, *rsample_and_log_prob(drawn)) for _ in range(3000)]).mean(0)
    assert rates.mean().item() == pytest.approx(kl_divergence(q, m.standard_normal()).mean().item(), abs=0.02)


@pytest.mark.parametrize("prior", ["mixture", "realnvp"])
def test_a_joint_prior_is_a_player_and_is_not_fitted_again(batch, prior):
    m = model("vae", learn_prior=True, prior=prior)
    assert "prior" in m.players()
    assert m.trained == ("encoder", "generator", "prior")
    before = {n: p.clone() for n, p in m.prior.named_parameters()}
    m.fit_prior([batch] * 3)
    assert all(torch.equal(p, before[n]) for n, p in m.prior.named_parameters())
    z = torch.randn(40, 3)
    q = Independent(Normal(torch.zeros(40, 3), 1.0), 1)
    assert torch.allclose(m.rate(q, z, q.log_prob(z)), q.log_prob(z) - m.prior.log_prob(z))


def test_joint_with_the_normal_prior_has_nothing_to_learn():
    assert "prior" not in model("vae", learn_prior=True, prior="normal").players()


def test_options_that_cannot_work_are_refused():
    with pytest.raises(GvaeError, match="--k is 0"):
        model("vae", k=0)
    with pytest.raises(GvaeError, match="--learn-prior needs a prior"):
        model("vae", learn_prior=True, prior="flow")
    with pytest.raises(GvaeError, match="vae-gan does not train"):
        model("vae-gan", likelihood="gaussian-learned")


def test_a_learned_scale_belongs_to_a_player_of_the_bound(batch):
    m = model("vae", likelihood="discretised-logistic")
    assert m.trained == ("encoder", "generator", "likelihood")
    assert m.negative_elbo(batch).terms[m.trained]["nll"] > 0  # probabilities, not densities


def test_cvae_tells_both_networks_or_the_decoder_alone(batch):
    x, y = batch
    other = 1 - y
    both, decoder = (model("cvae", conditioning=told) for told in ("both", "decoder"))
    assert not torch.equal(both.encode(x, y).mean, both.encode(x, other).mean)
    assert torch.equal(decoder.encode(x, y).mean, decoder.encode(x, other).mean)
    z = torch.randn(40, 3)
    assert not torch.equal(decoder.decode(z, y).mean, decoder.decode(z, other).mean)


def test_an_autoencoder_has_codes_but_no_density(batch):
    m = model("autoencoder")
    q = m.encode(batch.x)
    assert isinstance(q, Point)
    assert torch.equal(q.sample(), q.mean)
    assert torch.isnan(rsample_and_log_prob(q)[1]).all()
    assert m.log_weights is None


def fitted_pca(conditional: bool = False, n: int = 400):
    torch.manual_seed(0)
    m = model("pca", prior="normal", conditional=conditional)
    mixing = torch.randn(3, 16) * 0.3
    x = (torch.randn(n, 3) @ mixing + 0.05 * torch.randn(n, 16)).unflatten(1, (1, 4, 4))
    y = torch.arange(n) % 2
    x = x + y[:, None, None, None] * 0.5 if conditional else x
    m.fit_prior([Batch(x, y)])
    return m.eval(), x, y


def test_pca_likelihood_equals_that_of_its_gaussian_and_its_bound_is_tight():
    m, x, _ = fitted_pca()
    weight = m.axes[0] * (m.variances[0] - m.rest[0]).sqrt()
    covariance = weight @ weight.T + m.rest[0] * torch.eye(16)
    direct = MultivariateNormal(m.centre[0].double(), covariance.double()).log_prob(x.flatten(1).double())
    assert m.log_likelihood(x).tolist() == pytest.approx(direct.tolist(), abs=2e-3)
    bound = m.log_weights(x, 1)[0]  # the posterior is exact: every weight is log p(x)
    assert bound.tolist() == pytest.approx(direct.tolist(), abs=0.02)


def test_pca_is_the_maximum_of_the_likelihood_and_finds_the_noise():
    m, x, _ = fitted_pca(n=4000)
    assert m.rest[0].sqrt().item() == pytest.approx(0.05, rel=0.03)
    best = m.log_likelihood(x).mean()
    for change in (0.9, 1.1):
        m.rest.mul_(change)
        assert m.log_likelihood(x).mean() < best
        m.rest.div_(change)
    rec = m.decode(m.encode(x).mean).mean
    assert (x - rec).square().mean().item() == pytest.approx(0.05**2 * 13 / 16, rel=0.1)


def test_conditional_pca_has_components_for_every_class():
    m, x, y = fitted_pca(conditional=True)
    assert torch.allclose(m.centre[1] - m.centre[0], torch.full((16,), 0.5), atol=0.2)
    assert (m.log_likelihood(x, y) > m.log_likelihood(x, 1 - y)).float().mean() > 0.9


def test_pca_refuses_more_components_than_there_are():
    with pytest.raises(GvaeError, match="fewer components"):
        resolve("pca")(SPEC, resolve("pca").Config(latent=16))
    with pytest.raises(GvaeError, match="3 components need more than 2 images"):
        model("pca").fit_prior([Batch(torch.zeros(2, 1, 4, 4))])


def test_rate_of_a_silent_code_is_nothing():
    m = model("vae")
    q = Independent(Normal(torch.zeros(5, 3), torch.ones(5, 3)), 1)
    assert m.rate(q, *rsample_and_log_prob(q)).tolist() == [0.0] * 5
    assert math.isclose(m.beta, 1.0)
