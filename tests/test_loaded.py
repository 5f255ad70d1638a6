"""A run opened from Python: what it does, and what it says it cannot do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gvae.config import NetConfig, TrainConfig, to_json
from gvae.errors import GvaeError
from gvae.loaded import Loaded
from gvae.models import resolve
from gvae.runs import Run
from gvae.types import DataSpec

SPEC = DataSpec("made", 1, (8, 8), classes=("a", "b", "c"))


def loaded(name: str, folder: Path, **options) -> Loaded:
    torch.manual_seed(0)
    kind = resolve(name)
    model = kind(SPEC, kind.Config(latent=4, net=NetConfig(width=8), **options))
    return Loaded(Run(folder / "r", name, to_json(model.config), TrainConfig(), "made", SPEC, {}), model.eval())


ERRORS: list[tuple[str, dict, Callable[[Loaded], object], str]] = [
    ("vae", {}, lambda r: r.sample(0), "cannot draw 0 samples; ask for at least 1"),
    (
        "vae",
        {},
        lambda r: r.sample(2, torch.zeros(2)),
        "is not conditional, so it takes no label; train with --conditional",
    ),
    (
        "vae",
        {"conditional": True},
        lambda r: r.sample(2, torch.tensor([0, 3])),
        "labels must be 2 integers from 0 to 2",
    ),
    ("vae", {"conditional": True}, lambda r: r.sample(2, torch.tensor([0])), "labels must be 2 integers from 0 to 2"),
    (
        "vae",
        {},
        lambda r: r.sample(2, prior="flow"),
        "holds the priors mixture and normal, not 'flow'; train with --prior flow",
    ),
    (
        "wgan-gp",
        {},
        lambda r: r.sample(2, prior="flow"),
        "has no encoder, so no prior 'flow' can be fitted; leave --prior out",
    ),
    ("wgan-gp", {}, lambda r: r.encode(torch.zeros(1, 1, 8, 8)), "is a wgan-gp, which has no encoder"),
    ("vae-gan", {}, lambda r: r.log_weights(torch.zeros(1, 1, 8, 8), 2), "is a vae-gan, which has no likelihood"),
    ("vae", {}, lambda r: r.encode(torch.zeros(2, 1, 9, 8)), "images are float32 (2, 1, 9, 8)"),
    ("vae", {}, lambda r: r.log_weights(torch.zeros(2, 3, 8, 8), 2), "works on floats (B, 1, 8, 8) in [-1, 1]"),
]


@pytest.mark.parametrize(("name", "options", "call", "message"), ERRORS, ids=[f"{e[0]}-{e[3][:20]}" for e in ERRORS])
def test_a_loaded_run_says_what_it_cannot_do(name, options, call, message: str, tmp_path: Path):
    with pytest.raises(GvaeError) as error:
        call(loaded(name, tmp_path, **options))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_loaded_run_does_the_rest(tmp_path: Path):
    run, x = loaded("vae", tmp_path), torch.rand(8, 1, 8, 8) * 2 - 1
    assert not run.prior_fitted
    assert torch.equal(run.sample(3, prior="normal"), run.sample(3))  # before its fit the prior is N(0, I)
    run.model.prior.mark_fitted()  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]
    assert [run.can(n) for n in ("encode", "decode", "log_weights", "fly")] == [True, True, True, False]
    assert torch.equal(run.reconstruct(x), run.decode(run.encode(x)))
    assert run.log_weights(x, 3).shape == (3, 8)
    assert torch.equal(run.sample(3, prior="mixture"), run.sample(3))
    assert not torch.equal(run.sample(3, prior="normal"), run.sample(3))
    state = torch.get_rng_state()
    run.sample(3)
    assert torch.equal(torch.get_rng_state(), state)  # sampling leaves the caller's randomness alone
    gan = loaded("wgan-gp", tmp_path)
    assert [gan.can(n) for n in ("encode", "decode", "log_weights")] == [False, False, False]
    assert torch.equal(gan.sample(2, prior="normal"), gan.sample(2))
    assert not loaded("vae-gan", tmp_path).can("log_weights")
    assert len(loaded("vae", tmp_path, conditional=True).sample(7)) == 7
