"""What every prior promises, whatever its kind."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from gvae.errors import GvaeError
from gvae.priors import PRIORS, Mixture, Prior

QUICK: dict[str, dict[str, Any]] = {
    "normal": {},
    "mixture": {"components": 5},
    "realnvp": {"blocks": 3, "width": 16, "steps": 80, "batch": 128, "lr": 1e-2},
    "layered": {"width": 16, "steps": 200, "batch": 128, "lr": 1e-2},
    "flow": {"width": 32, "steps": 80, "batch": 128, "lr": 1e-2, "ode_steps": 8},
}
LEARNED = [name for name in PRIORS if name != "normal"]


def make(name: str, latent: int = 6, condition: int = 0) -> Prior:
    """A small prior that fits quickly."""
    return PRIORS[name](latent, condition, **QUICK[name])


@pytest.mark.parametrize("name", PRIORS)
def test_new_prior_is_about_standard_normal(name: str) -> None:
    torch.manual_seed(0)
    prior, z = make(name), torch.randn(50, 6)
    expected = -0.5 * z.square().sum(1) - 3 * math.log(2 * math.pi)
    assert (prior.log_prob(z) - expected).abs().mean() < 0.3
    drawn = prior.sample(4000)
    assert drawn.shape == (4000, 6)
    assert drawn.mean(0).abs().max() < 0.1
    assert (drawn.std(0) - 1).abs().max() < 0.1


@pytest.mark.parametrize("name", LEARNED)
def test_density_changes_with_the_codes_units(name: str, clusters: tuple[Tensor, Tensor]) -> None:
    """Codes in units ten times smaller have a density 10^Z times higher."""
    codes, (small, large) = clusters[0], (make(name), make(name))
    small.fit(codes)
    large.fit(10 * codes + 3)
    gap = small.log_prob(codes[:20]) - large.log_prob(10 * codes[:20] + 3)
    torch.testing.assert_close(gap, torch.full((20,), 6 * math.log(10)), atol=0.05, rtol=0)


@pytest.mark.parametrize("name", PRIORS)
def test_fit_is_reproducible_and_leaves_global_random_state(name: str, clusters: tuple[Tensor, Tensor]) -> None:
    first, second = make(name), make(name)
    before = torch.get_rng_state()
    first.fit(clusters[0], seed=3)
    assert torch.equal(before, torch.get_rng_state())
    torch.randn(7)
    second.fit(clusters[0], seed=1)
    second.fit(clusters[0], seed=3)
    for name_, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name_]), name_


@pytest.mark.parametrize("name", PRIORS)
def test_state_dict_restores_a_fitted_prior(name: str, clusters: tuple[Tensor, Tensor]) -> None:
    fitted, loaded = make(name), make(name)
    fitted.fit(clusters[0])
    loaded.load_state_dict(fitted.state_dict())
    assert torch.equal(fitted.log_prob(clusters[0][:9]), loaded.log_prob(clusters[0][:9]))


@pytest.mark.parametrize("name", LEARNED)
def test_condition_selects_a_density(name: str, clusters: tuple[Tensor, Tensor]) -> None:
    codes, y = clusters
    prior = make(name, condition=3)
    prior.fit(codes, y)
    right, wrong = prior.log_prob(codes, y).mean(), prior.log_prob(codes, (y + 1) % 3).mean()
    assert right > wrong + 1
    torch.manual_seed(0)
    drawn = prior.sample(300, torch.full((300,), 2))
    assert (drawn.mean(0) - codes[y == 2].mean(0)).norm() < (drawn.mean(0) - codes[y == 1].mean(0)).norm()


@pytest.mark.parametrize("name", PRIORS)
def test_shapes_broadcast(name: str) -> None:
    z, y = torch.randn(3, 5, 6), torch.tensor([0, 1, 0, 1, 1])
    plain, conditional = make(name), make(name, condition=2)
    assert plain.log_prob(z).shape == (3, 5)
    torch.testing.assert_close(plain.log_prob(z)[1, 2], plain.log_prob(z[1, 2]))
    assert conditional.log_prob(z, y).shape == (3, 5)
    assert plain.log_prob(z, y).shape == (3, 5)
    assert conditional.sample(0, y[:0]).shape == (0, 6)


@pytest.mark.parametrize("name", LEARNED)
def test_mistakes_are_explained(name: str) -> None:
    prior, conditional = make(name), make(name, condition=2)
    with pytest.raises(GvaeError, match="at least 12 codes for 6 latent dimensions and got 11"):
        prior.fit(torch.randn(11, 6))
    with pytest.raises(GvaeError, match="not finite"):
        prior.fit(torch.full((20, 6), math.nan))
    with pytest.raises(GvaeError, match="codes have 5 dimensions; this prior has 6"):
        prior.log_prob(torch.zeros(2, 5))
    with pytest.raises(GvaeError, match="give one label y"):
        conditional.sample(3)
    with pytest.raises(GvaeError, match=r"labels run from 0 to 2; known: 0\.\.1"):
        conditional.sample(3, torch.tensor([0, 1, 2]))


@pytest.mark.parametrize("name", LEARNED)
def test_gradient_steps_raise_the_likelihood(name: str, clusters: tuple[Tensor, Tensor]) -> None:
    """A prior can be a player: its loss falls along its own gradient."""
    codes = (clusters[0] - clusters[0].mean(0)) / clusters[0].std(0)
    prior = make(name)
    optimiser = torch.optim.Adam(prior.parameters(), 3e-3)

    def level() -> float:  # the flow's loss draws times and noise
        return sum(float(prior.loss(codes[:100]).detach()) for _ in range(20)) / 20

    start = level()
    for _ in range(60):
        optimiser.zero_grad()
        prior.loss(codes[:100]).backward()
        optimiser.step()
    assert level() < start - 0.05


@pytest.mark.parametrize("name", LEARNED)
def test_works_on_codes_that_hardly_vary(name: str) -> None:
    """A dimension the encoder has switched off does not break the fit."""
    codes = torch.randn(600, 6, generator=torch.Generator().manual_seed(0))
    codes[:, 2] = 0.5
    prior = make(name)
    with torch.inference_mode():
        prior.fit(codes)
    assert prior.log_prob(codes).isfinite().all()
    assert (prior.sample(50)[:, 2] - 0.5).abs().max() < 0.05


@pytest.mark.parametrize("name", LEARNED)
def test_a_fit_under_autocast_gives_the_same_bits(name: str, clusters: tuple[Tensor, Tensor]) -> None:
    torch.manual_seed(0)
    plain = make(name)
    torch.manual_seed(0)
    under = make(name)
    plain.fit(clusters[0])
    with torch.autocast("cpu", torch.bfloat16):
        under.fit(clusters[0])
    for a, b in zip(plain.parameters(), under.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", LEARNED)
def test_fitted_is_what_fit_says_and_survives_saving(name: str, clusters: tuple[Tensor, Tensor]) -> None:
    prior, codes = make(name), clusters[0]
    assert not prior.fitted
    standard = (codes - codes.mean(0)) / codes.std(0)
    prior.fit(standard / standard.std(0))  # a fit to codes of unit variance is a fit
    assert prior.fitted
    again = make(name)
    again.load_state_dict(prior.state_dict())
    assert again.fitted
    fresh = make(name)
    fresh.load_state_dict(make(name).state_dict())
    assert not fresh.fitted
    with pytest.raises(GvaeError):
        prior.fit(torch.full((20, 6), math.nan))
    assert prior.fitted  # a refused fit changes nothing


@pytest.mark.parametrize("name", LEARNED)
def test_weights_kept_before_the_mark_was_are_known_by_their_scale(name: str, clusters: tuple[Tensor, Tensor]) -> None:
    prior, again = make(name), make(name)
    prior.fit(clusters[0])
    old = {key: value for key, value in prior.state_dict().items() if not key.endswith("is_fitted")}
    again.load_state_dict(old)
    assert again.fitted
    again.load_state_dict({k: v for k, v in make(name).state_dict().items() if not k.endswith("is_fitted")})
    assert not again.fitted


def test_the_standard_normal_needs_no_fit() -> None:
    assert make("normal").fitted


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", PRIORS)
def test_what_is_weighed_is_drawn_from_the_density_it_is_weighed_with(name: str, conditional: bool) -> None:
    """E[g(z) / p(z)] = 1 over z ~ p, for a density g that lies where p does: here on a ring, which p is fitted to."""
    angle = 2 * math.pi * torch.rand(1200, 1, generator=torch.Generator().manual_seed(1))
    codes, y = torch.cat([angle.cos(), angle.sin()], 1) + 0.05, (angle[:, 0] > math.pi).long()
    prior = make(name, 2, condition=2 if conditional else 0)
    prior.fit(codes, y)
    torch.manual_seed(0)
    labels = torch.zeros(20_000, dtype=torch.long)
    z = prior.sample(20_000, labels, denoised=False)
    g = torch.distributions.Normal(codes[y == 0][:100], 0.05)
    with torch.no_grad():
        log_g = g.log_prob(z[:, None]).sum(2).logsumexp(1) - math.log(100)
        ratio = (log_g - prior.log_prob(z, labels)).exp()
    error = float(ratio.std()) / 20_000**0.5
    steps = 0.02 if name == "flow" else 0.0  # its samples and its density are integrated in few steps
    assert error < 0.05
    assert float(ratio.mean()) == pytest.approx(1, abs=4 * error + steps)


def test_a_mixture_weighed_at_denoised_codes_would_be_wrong() -> None:
    """The check above can fail: denoised draws miss the normaliser by many standard errors."""
    narrow = torch.tensor([[0.5, 0.5], [0.05, -0.05]])  # along one diagonal, hardly along the other
    codes = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0)) @ narrow
    prior = Mixture(2, components=1)
    prior.fit(codes)
    torch.manual_seed(0)
    g = torch.distributions.MultivariateNormal(torch.zeros(2), 0.25 * narrow.T @ narrow)
    means = {}
    for denoised in (False, True):
        z = prior.sample(20_000, denoised=denoised)
        with torch.no_grad():
            means[denoised] = float((g.log_prob(z) - prior.log_prob(z)).exp().mean())
    assert means[False] == pytest.approx(1, abs=0.05)
    assert abs(means[True] - 1) > 0.2
