"""Every registered model keeps the contract: who learns, who moves whom, what comes out. No skip list."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gvae import loaded as api
from gvae.config import NetConfig, TrainConfig, from_json, to_json
from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.models import MODELS, resolve
from gvae.models.base import Losses, Model
from gvae.priors import PRIORS
from gvae.training import gradients, train
from gvae.types import Batch, DataSpec

SHAPES = {"gray image": (1, (8, 8)), "colour image": (3, (12, 8)), "volume": (1, (8, 8, 8))}


def make(
    name: str, channels: int, shape: tuple[int, ...], conditional: bool, told: str = "classes"
) -> tuple[Model, Batch]:
    torch.manual_seed(0)
    spec = DataSpec("made", channels, shape, **{told: ("a", "b", "c")})
    kind = resolve(name)
    config = kind.Config(latent=5, conditional=conditional, net=NetConfig(family="small", width=8))
    y = torch.arange(6) % 3 if told == "classes" else (torch.rand(6, 3) < 0.5).float()
    batch = Batch(torch.rand(6, channels, *shape) * 2 - 1, y)
    return kind(spec, config), batch


@pytest.fixture(params=[(m, s, c) for m in MODELS for s in SHAPES for c in (False, True)], ids=str)
def made(request) -> tuple[Model, Batch]:
    model, shape, conditional = request.param
    return make(model, *SHAPES[shape], conditional)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_can_be_told_attributes_or_says_that_it_needs_classes(name):
    try:
        model, batch = make(name, *SHAPES["gray image"], conditional=True, told="attributes")
    except GvaeError as refusal:
        model, batch = None, str(refusal)
    if model is None:
        assert name == "pca"
        assert "needs classes" in batch
        return
    for outcome in play(model, batch):
        grads = gradients.gradients(outcome, model.players())
        assert all(torch.isfinite(g).all() for group in grads.values() for g in group)
    model.eval()
    with torch.no_grad():
        assert model.in_turn(5).shape == (5, 3)
        torch.manual_seed(1)
        plain = model.sample(2, torch.zeros(2, 3))
        torch.manual_seed(1)
        told = model.sample(2, torch.ones(2, 3))
    assert not torch.equal(plain, told)


def play(model: Model, batch: Batch) -> list[Losses]:
    out = []
    for turn in model.turns():
        if turn.on_start:
            turn.on_start([batch] * 12)  # codes for two Gaussians in each class
        out.append(turn.losses(batch))
    return out


def test_players_share_no_parameter_and_own_all_that_is_learned(made):
    model, _ = made
    owners = [id(p) for module in model.players().values() for p in module.parameters()]
    assert len(owners) == len(set(owners))
    assert set(owners) == {id(p) for n, p in model.named_parameters() if not n.startswith("prior.")} | {
        id(p) for p in model.players().get("prior", nn.Module()).parameters()
    }


def test_every_parameter_gets_a_finite_gradient_and_only_its_owner_moves_it(made):
    model, batch = made
    players, moved = model.players(), set()
    for outcome in play(model, batch):
        grads = gradients.gradients(outcome, players)
        named = {p for who in outcome.terms for p in gradients.names(who)}
        assert set(grads) == named
        for name, group in grads.items():
            assert all(torch.isfinite(g).all() for g in group), name
            moved |= {(name, i) for i, g in enumerate(group) if g.abs().sum() > 0}
    everything = {(name, i) for name, module in players.items() for i, _ in enumerate(module.parameters())}
    assert everything - moved == set()


def test_terms_are_finite_scalars_with_distinct_names(made):
    model, batch = made
    for outcome in play(model, batch):
        for terms in [*outcome.terms.values(), outcome.diagnostics]:
            for name, term in terms.items():
                assert term.shape == (), name
                assert torch.isfinite(term), name


def test_samples_and_codes_have_the_right_shape_and_range(made):
    model, batch = made
    model.eval()
    y = batch.y if model.condition else None
    with torch.no_grad():
        x = model.sample(6, y)
        assert x.shape == batch.x.shape
        assert x.abs().max() <= 1
        if encode := getattr(model, "encode", None):
            q = encode(batch.x, y)
            assert (q.batch_shape, q.event_shape) == ((6,), (getattr(model, "latent_dim", 5),))
            p = model.decode(q.mean, y)  # pyright: ignore[reportCallIssue]
            assert p.mean.shape == batch.x.shape
            assert p.log_prob(batch.x).shape == (6,)
        if weights := getattr(model, "log_weights", None):
            assert weights(batch.x, 3, y).shape == (3, 6)


@pytest.mark.parametrize("name", MODELS)
def test_one_turn_moves_every_player_that_it_names(name, digits):
    model, batch = make(name, *SHAPES["gray image"], conditional=False)
    players = model.players()
    optimizers = {n: torch.optim.Adam(m.parameters(), 1e-2) for n, m in players.items()}
    for turn in model.turns():
        if turn.on_start:
            turn.on_start([batch] * 4)
        before = {n: [p.clone() for p in m.parameters()] for n, m in players.items()}
        outcome = turn.losses(batch)
        grads = gradients.gradients(outcome, players)
        gradients.step(grads, players, optimizers, gradients.norms(grads), clip=0)
        for n, old in before.items():
            same = all(torch.equal(a, b) for a, b in zip(old, players[n].parameters(), strict=True))
            assert same != (n in grads), n


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_same_seed_same_numbers_and_loading_gives_what_was_saved(name, conditional, digits: Dataset, tmp_path: Path):
    kind = resolve(name).Config
    few = {"components": 5} if "components" in {field.name for field in dataclasses.fields(kind)} else {}
    config = kind(latent=4, conditional=conditional, net=NetConfig(width=8), **few)
    options = TrainConfig(images=1200, batch=60, log_every=1, seed=3)
    runs = [train(name, config, options, digits, "digits", tmp_path / n) for n in ("a", "b")]
    assert runs[0].weights.read_bytes() == runs[1].weights.read_bytes()
    assert runs[0].log.read_text() == runs[1].log.read_text()
    first, second = (api.load(r.path) for r in runs)
    x = first.sample(5)
    assert torch.equal(x, second.sample(5))
    assert not torch.equal(x, first.sample(5, seed=1))
    assert np.isfinite(x.numpy()).all()


def built(name: str, prior: str, spec: DataSpec) -> Model | GvaeError:
    kind = resolve(name)
    try:
        return kind(spec, kind.Config(latent=5, prior=prior, net=NetConfig(width=8)))
    except GvaeError as refusal:
        return refusal


@pytest.mark.parametrize("prior", [*PRIORS, "vamp"])
@pytest.mark.parametrize("name", [name for name in MODELS if hasattr(resolve(name).Config, "prior")])
def test_every_prior_serves_every_model_that_has_one(name, prior):
    spec = DataSpec("made", 1, (8, 8))
    model = built(name, prior, spec)
    if isinstance(model, GvaeError):  # only what is made of Gaussians may be refused, with a way out
        assert prior == "vamp"
        assert re.search("--prior vamp needs.*use --prior", str(model))
        return
    batch = Batch(torch.rand(6, 1, 8, 8) * 2 - 1)
    for turn in model.turns():
        grads = gradients.gradients(turn.losses(batch), model.players())
        assert all(torch.isfinite(g).all() for group in grads.values() for g in group)
    assert model.sample(3).shape == (3, 1, 8, 8)


@pytest.mark.parametrize("name", MODELS)
def test_config_survives_json_and_every_option_is_documented(name):
    kind = resolve(name).Config
    config = kind(latent=7)
    assert from_json(kind, to_json(config)) == config
    assert dataclasses.is_dataclass(kind)
    assert (resolve(name).__doc__ or "").strip()
