"""Importance weights of every model that has them are unbiased: E[w] = p(x), after a little training on toy4.

p(x) of the four points is integrated numerically over codes of two dimensions, by lines of this file. The mean of w / p(x)
over many draws has to be 1 within its standard error, and the effective sample size says whether that error can be
believed. Of q(z|x) alone: E[h(z) / q(z|x)] = 1 for any density h, here one that lies well inside q, so that no weight is
large; that finds a wrong log q also where q misses a part of p(z|x), which few draws of w would show.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from gvae.config import NetConfig, TrainConfig
from gvae.data import open_data
from gvae.distributions.posteriors import rsample_and_log_prob
from gvae.errors import GvaeError
from gvae.loaded import Loaded
from gvae.models import MODELS, resolve
from gvae.models.base import Model
from gvae.models.latent import LatentModel
from gvae.runs import Run
from gvae.training import gradients
from gvae.types import Batch

ROUNDS, COPIES, K, SIDE = 120, 100, 40, 301
"""rounds of training; copies of each point, and weights of each copy; points of the grid per dimension"""
DRAWS = COPIES * K
"""weights of each point"""
LEAST = 0.05
"""effective samples per draw, at least"""
SMALL = {"glimpses": 2, "hidden": 16, "components": 4, "inducing": 6, "auxiliary": 32, "width": 16}
"""options of those models that have them"""
Variant = tuple[str, tuple[tuple[str, Any], ...]]
VARIANTS: list[Variant] = [
    *((name, ()) for name in MODELS),
    ("vae", (("conditional", True),)),
    ("vae", (("prior", "vamp"),)),
    ("vae", (("prior", "mixture"), ("learn_prior", True))),
    ("vae-vgp", (("layers", 2), ("prior", "layered"), ("learn_prior", True))),
    ("vae-vgp", (("bound", "iwae"), ("k", 3))),
    ("vae-hvi", (("iterations", 2),)),
]
"""models of the registry, and options that change q, p(z) or the bound"""
X = 2 * torch.eye(4).view(4, 1, 2, 2) - 1
"""the four points"""


@cache
def trained(variant: Variant) -> tuple[Model, Tensor | None]:
    """The model after a little training, and the classes of the four points if it is told them."""
    model = make(variant[0], dict(variant[1]))
    if callable(getattr(model, "log_weights", None)):
        train(model)
    return model, torch.arange(4) if model.condition else None


def make(name: str, options: dict[str, Any]) -> Model:
    """A small model of toy4 with codes of two dimensions."""
    kind = resolve(name)
    known = {field.name for field in dataclasses.fields(kind.Config)}
    small = {key: value for key, value in SMALL.items() if key in known}
    latent = 1 if "glimpses" in known else 2
    torch.manual_seed(0)
    config = kind.Config(**{"latent": latent, "net": NetConfig("mlp", width=32), **small, **options})
    spec = open_data("toy4").spec
    try:
        return kind(spec, config)
    except GvaeError as refusal:
        if "black and white" not in str(refusal):
            raise
        return kind(dataclasses.replace(spec, binary=""), config)  # Gaussian pixels: the same points as gray values


def batch(n: int) -> Batch:
    """Random points of toy4."""
    y = torch.randint(4, (n,))
    return Batch(2 * torch.eye(4)[y].view(n, 1, 2, 2) - 1, y)


def train(model: Model) -> None:
    """A little training, as `gvae train` does it, and the fit of the prior."""
    players = model.players()
    optimizers = {n: torch.optim.Adam(m.parameters(), 3e-3) for n, m in players.items()}
    for model.progress in torch.linspace(0, 1, ROUNDS).tolist():
        for turn in model.turns():
            if turn.start <= model.progress < turn.stop:
                grads = gradients.gradients(turn.losses(batch(64)), players)
                gradients.step(grads, players, optimizers, gradients.norms(grads), clip=10)
    model.eval()
    if fit := getattr(model, "fit_prior", None):
        fit(batch(64) for _ in range(20))


@torch.no_grad()
def integral(model: LatentModel, x: Tensor, y: Tensor | None) -> Tensor:
    """log of the integral of p(x|z) p(z) over a grid of codes, for images x (B, C, *S) of classes y (B,), (B,) nats."""
    seen = model.draw_codes(5000, None if y is None else y.repeat(5000)[:5000], denoised=False).double()
    low, high = seen.amin(0) - 2 * seen.std(0), seen.amax(0) + 2 * seen.std(0)
    lines = [torch.linspace(a, b, SIDE) for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    z = torch.cartesian_prod(*lines)
    area = math.log(((high - low) / (SIDE - 1)).prod())
    return torch.stack([joint(model, image, None if y is None else y[i], z) for i, image in enumerate(x)]) + area


def joint(model: LatentModel, image: Tensor, y: Tensor | None, z: Tensor) -> Tensor:
    """log of the sum over codes z (N, Z) of p(x|z) p(z), of one image and its class."""
    told = None if y is None else y.expand(len(z))
    log_prior = model.log_prior(z, told).double()
    return (model.decode(z, told).log_prob(image.expand(len(z), *image.shape)) + log_prior).logsumexp(0)


def loaded(name: str, model: Model) -> Loaded:
    """The model as a user opens it."""
    return Loaded(Run(Path("run"), name, {}, TrainConfig(), "toy4", model.spec, {}), model)  # pyright: ignore


def repeated(y: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Copies of the four points and of their classes."""
    return X.repeat(COPIES, 1, 1, 1), None if y is None else y.repeat(COPIES)


def check(ratio: Tensor, record: Callable[[str, str], None]) -> None:
    """The mean of ratios (DRAWS, 4) is 1 within its standard error, of enough effective samples to believe that."""
    mean, error = ratio.mean(0), ratio.std(0) / DRAWS**0.5
    effective = ratio.sum(0).square() / ratio.square().sum(0)
    told = f"mean {mean.tolist()}, +- {error.tolist()}, effective {effective.tolist()} of {DRAWS}"
    record("importance weights", told)
    assert (effective > LEAST * DRAWS).all(), told
    assert ((mean - 1).abs() < 4 * error + 2e-3).all(), told


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_importance_weights_are_unbiased(variant: Variant, record_property):
    model, y = trained(variant)
    if not callable(getattr(model, "log_weights", None)):
        with pytest.raises(GvaeError, match="no likelihood"):
            loaded(variant[0], model).log_weights(X, 1)
        return
    assert isinstance(model, LatentModel)
    assert model.latent_dim == 2
    torch.manual_seed(1)
    x, labels = repeated(y)
    with torch.no_grad():
        log_w = model.log_weights(x, K, labels).view(DRAWS, 4).double()
    check((log_w - integral(model, X, y)).exp(), record_property)


@pytest.mark.parametrize("variant", [*VARIANTS, ("avb", (("contrast", False),))], ids=str)
def test_the_density_of_a_code_is_that_of_its_draws(variant: Variant, record_property):
    model, y = trained(variant)
    if not isinstance(model, LatentModel) or not callable(getattr(model, "log_weights", None)):
        with pytest.raises(GvaeError, match="no likelihood"):
            loaded(variant[0], model).log_weights(X, 1)
        return
    torch.manual_seed(1)
    x, labels = repeated(y)
    with torch.no_grad():
        q = model.proposal(x, labels)
        z, log_q = (torch.cat(v) for v in zip(*(rsample_and_log_prob(q) for _ in range(K)), strict=True))
    z, log_q = z.view(DRAWS, 4, 2).double(), log_q.view(DRAWS, 4).double()
    inside = Normal(z.median(0).values, 0.4 * z.std(0))
    check((inside.log_prob(z).sum(2) - log_q).exp(), record_property)
