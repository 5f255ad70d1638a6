"""The search for a code finds the optimum where it is known."""

from __future__ import annotations

import pytest
import torch

from gvae.errors import GvaeError
from gvae.latent.inversion import Search, first_guesses, invert, neg_log_joint

WEIGHTS = torch.randn(4, 12, generator=torch.Generator().manual_seed(0))


def linear(z: torch.Tensor) -> torch.Tensor:
    return (z @ WEIGHTS).view(-1, 1, 3, 4)


def test_a_linear_generator_gives_back_the_code():
    z = torch.tensor([0.5, -1.0, 0.2, 2.0])
    found = invert(linear, linear(z[None])[0], 4, Search(sigma=1e-3))
    assert torch.allclose(found, z, atol=1e-3)


def test_the_optimum_is_the_mean_of_the_exact_posterior():
    sigma, x = 0.7, torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(1))
    exact = torch.linalg.solve(WEIGHTS @ WEIGHTS.T / sigma**2 + torch.eye(4), WEIGHTS @ x.flatten() / sigma**2)
    assert torch.allclose(invert(linear, x, 4, Search(sigma=sigma)), exact, atol=1e-3)


def test_a_bent_generator_is_inverted_from_the_best_of_many_guesses():
    def bent(z: torch.Tensor) -> torch.Tensor:
        return torch.tanh(linear(torch.sin(2 * z) + 0.3 * z))

    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(2))
    for x in bent(z):
        found = bent(invert(bent, x, 4)[None])[0]
        assert float((found - x).square().mean()) < 1e-3


def test_guesses_are_the_least_surprising_of_all_and_follow_from_the_seed():
    x, search = linear(torch.ones(1, 4))[0], Search(candidates=200, starts=3)
    some = first_guesses(linear, x, 4, search, seed=5)
    everything = torch.randn(200, 4, generator=torch.Generator().manual_seed(5))
    assert torch.allclose(
        neg_log_joint(linear, x, some, search.sigma),
        neg_log_joint(linear, x, everything, search.sigma).sort().values[:3],
    )
    assert torch.equal(some, first_guesses(linear, x, 4, search, seed=5))
    assert not torch.equal(some, first_guesses(linear, x, 4, search, seed=6))


def test_surprise_by_hand():
    nats = neg_log_joint(lambda z: z.view(-1, 1, 1, 2), torch.zeros(1, 1, 2), torch.tensor([[3.0, 4.0]]), sigma=0.5)
    assert nats.tolist() == [25 / (2 * 0.25) + 25 / 2]


def test_progress_is_told_and_nonsense_refused():
    told = []
    invert(linear, torch.zeros(1, 3, 4), 4, Search(steps=3), progress=lambda *now: told.append(now))
    assert told == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(GvaeError, match="9 starts out of 4 candidates; ask for 1 to 4"):
        invert(linear, torch.zeros(1, 3, 4), 4, Search(candidates=4, starts=9))
