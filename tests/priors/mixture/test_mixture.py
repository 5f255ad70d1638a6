"""The Gaussian mixture."""

from __future__ import annotations

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gvae.priors import Mixture
from gvae.priors.mixture.em import EM, Near, sums


def test_agrees_with_sklearn_at_the_same_parameters(clusters: tuple[Tensor, Tensor]) -> None:
    from sklearn.mixture import GaussianMixture

    codes = clusters[0].double()
    other = GaussianMixture(4, max_iter=5, random_state=0, tol=1e-1).fit(codes.numpy())
    ours = Mixture(6, components=4).double()
    with torch.no_grad():
        ours.logits.copy_(torch.from_numpy(other.weights_).log()[None])
        ours.mean.copy_(torch.from_numpy(other.means_))
        ours.set_covariance(torch.from_numpy(other.covariances_))
    torch.testing.assert_close(
        ours.log_prob(codes), torch.from_numpy(other.score_samples(codes.numpy())), atol=1e-8, rtol=0
    )


def test_finds_as_good_a_fit_as_sklearn(clusters: tuple[Tensor, Tensor]) -> None:
    from sklearn.mixture import GaussianMixture

    train, held = clusters[0][:1200], clusters[0][1200:]
    other = GaussianMixture(3, random_state=0).fit(train.double().numpy())
    ours = Mixture(6, components=3, shrink=0.0)
    ours.fit(train)
    assert float(ours.log_prob(held).mean().detach()) > other.score(held.double().numpy()) - 0.1


def test_beats_a_single_gaussian_on_held_out_codes(clusters: tuple[Tensor, Tensor]) -> None:
    train, held = clusters[0][:1200], clusters[0][1200:]
    scores = []
    for components in (1, 6):
        prior = Mixture(6, components=components)
        prior.fit(train)
        scores.append(float(prior.log_prob(held).detach().mean()))
    assert scores[1] > scores[0] + 1


def test_one_gaussian_is_the_closed_form_fit() -> None:
    codes = torch.randn(400, 3, generator=torch.Generator().manual_seed(0)) @ torch.diag(torch.tensor([1.0, 5, 0.2]))
    prior = Mixture(3, components=1, ridge=0.0)
    prior.fit(codes)
    exact = torch.distributions.MultivariateNormal(codes.mean(0), torch.cov(codes.T, correction=0))
    torch.testing.assert_close(prior.log_prob(codes), exact.log_prob(codes), atol=1e-3, rtol=0)


def test_samples_have_the_mixture_s_moments(clusters: tuple[Tensor, Tensor]) -> None:
    torch.manual_seed(0)
    prior = Mixture(6, components=3, denoise=0.0)
    prior.fit(clusters[0])
    drawn = prior.sample(20_000)
    torch.testing.assert_close(drawn.mean(0), clusters[0].mean(0), atol=0.15, rtol=0)
    assert (torch.cov(drawn.T) - torch.cov(clusters[0].T)).abs().max() < 0.06 * torch.cov(clusters[0].T).abs().max()


def test_damping_draws_along_wide_directions_and_leaves_trace_mean_and_density_alone() -> None:
    torch.manual_seed(0)
    deviation = torch.tensor([2.0, 1.0, 0.1])
    codes = 3 + deviation * torch.randn(4000, 3)
    exact, damped = (Mixture(3, components=1, denoise=d) for d in (0.0, 2.0))
    for prior in (exact, damped):
        prior.fit(codes)
    variance = (codes.std(0) / damped.scale).square()
    kept = variance.square() / (variance + 2 * variance.mean())  # S (S + t I)^-1 S of a diagonal S
    expected = damped.scale.square() * kept * variance.sum() / kept.sum()
    drawn = damped.sample(50_000)
    torch.testing.assert_close(drawn.var(0), expected, rtol=0.03, atol=0)
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), atol=0.06, rtol=0)
    assert torch.equal(damped.log_prob(codes), exact.log_prob(codes))


@given(denoise=st.floats(0, 50), seed=st.integers(0, 100))
def test_damping_keeps_every_trace_and_turns_no_direction(denoise: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    prior = Mixture(4, components=3)
    a = torch.randn(3, 4, 4, generator=generator)
    covariance = a @ a.mT + 0.1 * torch.eye(4)
    with torch.no_grad():
        prior.set_covariance(covariance)
    factor = prior.drawn(torch.arange(3), denoise).detach()
    drawn = factor @ factor.mT
    trace = covariance.diagonal(dim1=1, dim2=2).sum(1)
    torch.testing.assert_close(drawn.diagonal(dim1=1, dim2=2).sum(1), trace, rtol=1e-4, atol=0)
    torch.testing.assert_close(drawn @ covariance, covariance @ drawn, rtol=1e-3, atol=1e-3 * float(trace.max()) ** 2)


def test_few_codes_use_fewer_gaussians_in_the_same_shapes() -> None:
    prior = Mixture(4, components=50)
    prior.fit(torch.randn(40, 4, generator=torch.Generator().manual_seed(0)))
    assert prior.notes == ["40 codes of 4 dimensions: 5 of 50 Gaussians used"]
    assert prior.mean.shape == (50, 4)
    assert int((prior.logits.softmax(-1) > 0).sum()) == 5
    prior.loss(torch.randn(3, 4)).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in prior.parameters())


def test_every_class_has_gaussians_of_its_own(clusters: tuple[Tensor, Tensor]) -> None:
    """As many as if it were alone; without the shrinking that leans on all classes, the same ones."""
    codes, y = clusters
    y = torch.where(y == 2, 3, y)  # no code is of class 2
    prior = Mixture(6, condition=4, components=9, shrink=0.0)
    prior.fit(codes, y)
    assert prior.logits.shape == (4, 2)
    assert prior.mean.shape == (8, 6)
    alone = Mixture(6, components=2, shrink=0.0)
    for c in (0, 1, 3):
        alone.fit(codes[y == c])
        mine = prior.log_prob(codes[y == c], y[y == c])
        torch.testing.assert_close(mine.mean(), alone.log_prob(codes[y == c]).mean(), atol=0.1, rtol=0)
        drawn = prior.sample(2000, torch.full((2000,), c))
        torch.testing.assert_close(drawn.mean(0), codes[y == c].mean(0), atol=0.2, rtol=0)


def test_a_class_without_codes_is_normal_around_all_codes(clusters: tuple[Tensor, Tensor]) -> None:
    codes, y = clusters
    prior = Mixture(6, condition=4, components=8)
    prior.fit(codes, y)
    expected = torch.distributions.Normal(codes.mean(0), codes.std(0)).log_prob(codes[:50]).sum(-1)
    torch.testing.assert_close(prior.log_prob(codes[:50], torch.full((50,), 3)), expected, atol=0.05, rtol=0.01)


def test_more_classes_than_components_get_one_each() -> None:
    torch.manual_seed(0)
    y = torch.arange(40).repeat(6)
    codes = torch.randn(40, 3)[y] + 0.1 * torch.randn(240, 3)
    prior = Mixture(3, condition=40, components=10)
    prior.fit(codes, y)
    assert prior.logits.shape == (40, 1)
    with torch.no_grad():
        scores = torch.stack([prior.log_prob(codes, torch.full_like(y, c)) for c in range(40)], 1)
    assert float((scores.argmax(1) == y).double().mean()) > 0.9


def test_attributes_move_the_mean_all_at_once() -> None:
    """Codes are B'a plus a mixture: drawn codes with one attribute more differ by its row of B."""
    generator = torch.Generator().manual_seed(0)
    effect = 2 * torch.randn(3, 5, generator=generator)
    y = (torch.rand(4000, 3, generator=generator) < torch.tensor([0.5, 0.2, 0.05])).float()
    rest = torch.randn(4000, 5, generator=generator) + 3 * torch.randint(2, (4000, 1), generator=generator)
    prior = Mixture(5, condition=3, components=4, attributes=True)
    prior.fit(y @ effect + rest, y)
    none = torch.zeros(100, 3)
    for a in range(3):
        drawn = []
        for told in (none, none + nn.functional.one_hot(torch.tensor(a), 3)):
            torch.manual_seed(a)
            drawn.append(prior.sample(100, told))
        moved = drawn[1] - drawn[0]
        torch.testing.assert_close(moved, moved[:1].expand_as(moved))
        torch.testing.assert_close(moved[0], effect[a], atol=0.2, rtol=0)
    with torch.no_grad():
        told, wrong = prior.log_prob(y @ effect + rest, y), prior.log_prob(y @ effect + rest, 1 - y)
        alone = Mixture(5, components=4)
        alone.fit(rest)
        torch.testing.assert_close(told.mean(), alone.log_prob(rest).mean(), atol=0.05, rtol=0)
        assert told.mean() > wrong.mean() + 5


def test_an_attribute_that_nobody_or_everybody_has_moves_nothing() -> None:
    torch.manual_seed(0)
    codes = torch.randn(200, 2)
    prior = Mixture(2, condition=2, components=1, attributes=True)
    prior.fit(codes, torch.tensor([[0.0, 1.0]]).expand(200, 2))
    assert float(prior.effect.detach().abs().max()) < 1e-6


def test_density_does_not_depend_on_chunks(clusters: tuple[Tensor, Tensor], monkeypatch) -> None:
    prior = Mixture(6, components=5)
    prior.fit(clusters[0])
    whole = prior.log_prob(clusters[0])
    monkeypatch.setattr("gvae.priors.mixture.prior.CHUNK", 5 * 6 * 64)
    torch.testing.assert_close(prior.log_prob(clusters[0]), whole, atol=1e-4, rtol=0)


def test_integrates_to_one() -> None:
    prior = Mixture(1, components=3)
    prior.fit(torch.cat([torch.randn(300, 1), 4 + 0.3 * torch.randn(300, 1)]))
    grid = torch.linspace(-8, 12, 4001)
    assert math.isclose(float(prior.log_prob(grid[:, None]).detach().exp().sum() * 0.005), 1, abs_tol=1e-3)


def test_shrinking_helps_where_codes_are_few() -> None:
    """Twenty codes per Gaussian cannot determine ten-dimensional covariances."""
    generator = torch.Generator().manual_seed(0)
    means = 3 * torch.randn(6, 10, generator=generator)
    codes = means[torch.randint(6, (1120,), generator=generator)] + torch.randn(1120, 10, generator=generator)
    scores = {}
    for shrink in (0.0, 10.0):
        prior = Mixture(10, components=6, shrink=shrink)
        prior.fit(codes[:120])
        scores[shrink] = float(prior.log_prob(codes[120:]).detach().mean())
    assert scores[10.0] > scores[0.0] + 1


def test_gaussians_of_few_codes_lean_on_those_around_them() -> None:
    """Two crowds of four Gaussians, one long in x, one long in y, with sixteen codes each in eight dimensions."""
    generator = torch.Generator().manual_seed(0)
    long = torch.ones(2, 8)
    long[0, 0] = long[1, 1] = 8.0
    crowd = torch.arange(2).repeat_interleave(64)
    centres = torch.randn(8, 8, generator=generator) + 12 * torch.arange(2).repeat_interleave(4)[:, None]
    which = torch.arange(8).repeat_interleave(16)
    codes = centres[which] + long[crowd] * torch.randn(128, 8, generator=generator)
    unseen = centres[which] + long[crowd] * torch.randn(128, 8, generator=generator)
    scores = []
    for cluster_size in (8, 4):
        prior = Mixture(8, components=8, cluster_size=cluster_size)
        em = EM(prior, codes, None, torch.Generator().manual_seed(0))
        with torch.no_grad():
            em.fit()
            scores.append(float(prior.log_prob(unseen).mean()))
        near, far = (em.clusters[(prior.mean.mean(1) > 6) == side].unique().tolist() for side in (False, True))
        assert len(near) == len(far) == 1
        assert (near == far) == (cluster_size == 8)
    assert scores[1] > scores[0] + 0.3


def test_the_last_step_counts_the_held_out_codes_too() -> None:
    codes = torch.cat([torch.full((9, 2), -1.0), torch.full((1, 2), 9.0)]).repeat(100, 1)
    prior = Mixture(2, components=1, shrink=0.0)
    prior.fit(codes)
    torch.testing.assert_close(prior.mean.detach() * prior.scale + prior.shift, codes.mean(0)[None])


@given(n=st.integers(1, 40), k=st.integers(1, 50), most=st.integers(1, 5), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_one_step_of_expectation_is_what_all_gaussians_of_a_code_say(n: int, k: int, most: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    u = torch.randn(n, 3, generator=generator)
    mixture = Mixture(3, components=k)
    spread = torch.randn(k, 3, 3, generator=generator)
    with torch.no_grad():
        mixture.set_covariance(spread @ spread.mT + 0.1 * torch.eye(3))
    known = torch.stack([torch.randperm(k, generator=generator)[:most] for _ in range(n)])
    em, near = EM(mixture, u, None, generator), Near(known, mixture)
    with torch.no_grad():
        exact = mixture.joint(u, None).gather(1, known) + 1.5 * math.log(2 * math.pi)
        torch.testing.assert_close(em.densities(u, near), exact, rtol=1e-4, atol=1e-3)
    share = torch.rand(known.shape, generator=generator)
    found, whole = sums(u, near, share), torch.zeros(n, k).scatter_(1, known, share)
    torch.testing.assert_close(found.counts, whole.sum(0).double(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.sums, (whole.T @ u).double(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.outer, torch.einsum("nk,ni,nj->kij", whole, u, u), rtol=1e-4, atol=1e-5)
