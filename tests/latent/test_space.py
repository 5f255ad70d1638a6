"""The codes of a run: every model by the same four verbs."""

from __future__ import annotations

import pytest
import torch

from gvae.errors import GvaeError
from gvae.latent.inversion import Search
from gvae.latent.space import Space
from gvae.loaded import load
from gvae.models import MODELS
from gvae.seeding import seeded
from gvae.types import DataSpec

QUICK = Search(candidates=8, starts=2, steps=5)


@pytest.fixture
def space(saved):
    def make(name: str, *spec: DataSpec, **options) -> Space:
        return Space(load(saved(name, *spec, **options)))

    return make


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_codes_of_the_prior_decode_to_what_the_model_samples(space, name, conditional):
    codes = space(name, conditional=conditional)
    y = torch.tensor([3]) if conditional else None
    z = codes.draw(3, y, seed=5)
    assert z.shape == (3, codes.size)
    assert torch.equal(z, codes.draw(3, y, seed=5))
    assert not torch.equal(z, codes.draw(3, y, seed=6))
    x = codes.loaded.sample(3, y.expand(3) if conditional else None, seed=5)
    assert torch.allclose(codes.decode(z, y).clamp(-1, 1), x, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_images_have_codes_by_encoder_or_by_search(space, name, digits):
    codes, told = space(name), []
    x, y = digits.batch([0, 5])
    y = y if codes.model.condition else None  # some are conditional by default
    state = torch.get_rng_state()
    z = codes.encode(x, y, seed=1, search=QUICK, progress=lambda *now: told.append(now))
    assert torch.equal(torch.get_rng_state(), state)
    assert z.shape == (2, codes.size)
    assert torch.equal(z, codes.encode(x, y, seed=1, search=QUICK))
    if codes.loaded.can("encode"):
        assert told == []
        with seeded(1):
            assert torch.equal(z, codes.loaded.encode(x, y))
    else:
        assert told == [(k, 10) for k in range(1, 11)]  # 5 steps for each of two images


def test_a_search_finds_an_image_of_the_generator(space):
    codes = space("gan")
    x = codes.decode(codes.draw(1, seed=3))
    again = codes.decode(codes.encode(x, search=Search(steps=200)))
    assert float((again - x).square().mean()) < 1e-4


def test_a_model_that_samples_in_a_way_of_its_own_has_no_codes_to_move(saved):
    loaded = load(saved("gan"))
    sample = loaded.model.sample
    loaded.model.sample = lambda n, y=None: -sample(n, y)
    with pytest.raises(GvaeError, match="codes cannot be changed: it has no method decode"):
        Space(loaded)
    loaded.model.sample = sample
    loaded.model.generator = None
    with pytest.raises(GvaeError, match="codes cannot be changed"):
        Space(loaded)


def test_codes_of_a_data_set(space, digits):
    codes = space("vae")
    indices = digits.split("test")[:7]
    assert torch.equal(codes.codes(digits, indices), codes.encode(digits.batch(indices).x))
    with pytest.raises(GvaeError, match=r"is a gan, which has no encoder.*such as vae or gvae.*--add z0=2"):
        space("gan").codes(digits, indices)
    told = space("cvae", DataSpec("other", 1, (8, 8), classes=("a", "b")))
    with pytest.raises(GvaeError, match="is conditional on a, b, which digits does not know"):
        told.codes(digits, indices)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_density_of_codes_or_says_why_not(space, name):
    codes = space(name)
    y = torch.tensor([1]) if codes.model.condition else None
    z = codes.draw(3, y)
    if not codes.loaded.can("encode"):
        with pytest.raises(GvaeError, match=r"is normal, which is densest at 0.*use --path spherical$"):
            codes.log_density()
        return
    z.requires_grad_()
    (gradient,) = torch.autograd.grad(codes.log_density(y)(z).sum(), [z])
    assert gradient.shape == z.shape
    assert torch.allclose(codes.log_density(y)(z), codes.model.prior.log_prob(z, y))


@pytest.mark.parametrize(
    ("prior", "why"), [("normal", "densest at 0, far from where its codes lie"), ("flow", "costs an integral")]
)
def test_densities_that_no_path_should_follow(space, prior, why):
    codes = space("vae", prior=prior)
    assert (codes.prior, codes.best_path) == (prior, "spherical")
    with pytest.raises(GvaeError, match=f"is {prior}, .*{why}.*; use --path spherical"):
        codes.log_density()


def test_the_best_path_follows_a_learned_prior(space):
    assert (space("vae").prior, space("vae").best_path) == ("mixture", "density")
    assert (space("gan").prior, space("gan").best_path) == ("normal", "spherical")


def test_a_conditional_density_is_that_of_the_class(space):
    codes = space("cvae")
    z, y = codes.draw(3, torch.tensor([2])), torch.tensor([2])
    assert torch.allclose(codes.log_density(y)(z), codes.model.prior.log_prob(z, y.expand(3)))
