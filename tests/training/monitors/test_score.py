"""The score while training: when it is due, what it says, and which weights it keeps."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from gvae import loaded as api
from gvae.config import NetConfig, TrainConfig
from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.models import MODELS, resolve
from gvae.runs import Run
from gvae.training import checkpoint, resume, train
from gvae.training.monitors import score
from gvae.training.monitors.score import Scorer
from gvae.types import DataSpec

OPTIONS = TrainConfig(images=1200, batch=60, log_every=1, ema=0, lr_decay=0.0)


@pytest.fixture
def often(monkeypatch):
    """Score every few images, of few samples."""
    for name, value in {"SPACING": 120, "SAMPLES": 80, "CODES": 100}.items():
        monkeypatch.setattr(score, name, value)


def small(name: str, **options):
    kind = resolve(name).Config
    few = {"components": 5} if "components" in {field.name for field in dataclasses.fields(kind)} else {}
    return kind(latent=4, net=NetConfig(width=8), **few, **options)


def scorer(digits: Dataset, tmp_path, name: str = "vae", **options) -> tuple[Scorer, dict]:
    run = Run.create(tmp_path / "r", name, small(name, **options), OPTIONS, "digits", digits.spec, {})
    torch.manual_seed(0)
    model = checkpoint.build(run).eval()
    return Scorer(run, digits, model), {key: value.clone() for key, value in model.state_dict().items()}


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_score(name, conditional, digits, tmp_path, often):
    one, weights = scorer(digits, tmp_path, name, conditional=conditional)
    assert 0 < one.score(weights) < math.inf


@pytest.mark.parametrize("name", ["gan", "gvae", "pca"])
def test_scores_are_in_the_log_and_the_best_weights_sample(name, digits, tmp_path, often):
    options = dataclasses.replace(OPTIONS, images=480)
    run = train(name, small(name), options, digits, "digits", tmp_path / "r")
    if name == "pca":  # nothing is trained, so there is nothing to watch
        assert run.scores() == {}
        return
    scores = run.scores()
    assert len(scores) >= 3
    assert max(scores) == json.loads(run.log.read_text().splitlines()[-1])["images"]
    best = api.load(run, weights="best")
    assert best.sample(3).shape == (3, 1, 8, 8)
    is_last = min(scores, key=lambda images: scores[images]) == max(scores)
    assert torch.equal(best.sample(3), api.load(run).sample(3)) == is_last


def test_a_training_too_short_to_score_says_nothing(digits, tmp_path, capsys):
    run = train("vae", small("vae"), OPTIONS, digits, "digits", tmp_path / "r")
    assert run.scores() == {}
    assert not run.using("last").path.joinpath("best.safetensors").exists()
    assert "score" not in capsys.readouterr().err
    with pytest.raises(GvaeError, match="has no best weights: so short a training has no score"):
        api.load(run, weights="best")
    with pytest.raises(GvaeError, match="no weights 'bets'; did you mean 'best'"):
        api.load(run, weights="bets")


def test_no_more_than_a_fortieth_of_the_budget_apart_and_no_nearer_than_the_spacing(digits, tmp_path):
    one, _ = scorer(digits, tmp_path)
    budget = TrainConfig(images=2_000_000)
    due = [n for n in range(0, 2_000_001, 1000) if one.due(n, 0.0, budget) and not setattr(one, "seen", n)]
    assert due == list(range(50_000, 2_000_001, 50_000))
    one.seen = 0
    short = TrainConfig(images=50_500)
    due = [n for n in range(0, 51_000, 500) if one.due(n, 0.0, short) and not setattr(one, "seen", n)]
    assert due == [25_000, 50_000, 50_500]  # and at the end
    one.seen = 0
    assert not one.due(24_999, 600.0, TrainConfig(minutes=10))
    assert one.due(30_000, 15.0, TrainConfig(minutes=10))
    one.seen, one.seconds = 30_000, 15.0
    assert not one.due(80_000, 29.0, TrainConfig(minutes=10))
    assert one.due(80_000, 30.0, TrainConfig(minutes=10))


def test_images_score_better_than_noise_and_noise_better_than_one_image(digits, tmp_path):
    one, weights = scorer(digits, tmp_path, "gan")
    data = digits.batch(digits.split("test")[:179]).x
    values = {}
    for name, x in {"images": data, "noise": torch.rand_like(data) * 2 - 1, "one": data[:1]}.items():
        one.model.sample = lambda n, y, x=x: x.expand(n, -1, -1, -1) if len(x) == 1 else x[:n]
        values[name] = one.score(weights)
    assert values["images"] < 0.3 * values["noise"]
    assert values["images"] < 0.3 * values["one"]


def test_the_stand_in_prior_follows_the_codes(digits, tmp_path):
    one, weights = scorer(digits, tmp_path)
    one.model.load_state_dict(weights)
    with torch.no_grad():
        codes = one.model.encode(digits.batch(digits.split("train")[:1000]).x).mean
        prior = one.stand_in()
        assert prior is not None
        drawn = prior.sample(4000)
    q = one.model.encode(digits.batch(digits.split("train")[:1000]).x)
    variance = codes.var(0) + q.variance.mean(0)
    assert drawn.mean(0).tolist() == pytest.approx(codes.mean(0).tolist(), abs=0.1)
    assert drawn.var(0).tolist() == pytest.approx(variance.tolist(), rel=0.15)
    one.model.prior.fit(codes)
    assert one.stand_in() is None  # the prior speaks for itself
    plain, _ = scorer(digits, tmp_path / "n", prior="normal")
    assert plain.stand_in() is None


def test_same_weights_same_score_and_trainings_noise_stays_as_it_is(digits, tmp_path):
    one, weights = scorer(digits, tmp_path)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = one.score(weights)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(6)
    assert one.score(weights) == first


def test_samples_that_are_not_finite_have_no_score_and_are_never_best(digits, tmp_path):
    for name in ("gan", "vae"):
        one, weights = scorer(digits, tmp_path / name, name)
        broken = {key: torch.full_like(v, math.nan) if v.is_floating_point() else v for key, v in weights.items()}
        assert one.judge(broken, 20_000, 1.0) == {}
        assert not one.kept.weights.exists()


def test_the_best_weights_survive_a_collapse_and_a_resume(digits, tmp_path, monkeypatch, often, capsys):
    values = iter([5.0, 3.0, 4.0, 8.0, 9.0, 9.5])
    monkeypatch.setattr(Scorer, "score", lambda self, weights: next(values))
    run = train("gan", small("gan"), dataclasses.replace(OPTIONS, images=300), digits, "digits", tmp_path / "r")
    scores = run.scores()
    assert list(scores.values()) == [5.0, 3.0, 4.0]
    run = resume(run, digits, images=600)
    assert list(run.scores().values())[:4] == [5.0, 3.0, 4.0, 8.0]
    assert list(run.scores())[:3] == list(scores)
    assert "score 9.5; it was best, 3, at" in capsys.readouterr().err
    best, last = (api.load(run, weights=which).model.state_dict() for which in ("best", "last"))
    assert not all(torch.equal(best[key], last[key]) for key in best)
    assert torch.load(run.state, weights_only=True)["scorer"]["best"] == 3.0


def test_a_training_split_serves_where_validation_images_are_few():
    spec = DataSpec("made", 1, (8, 8))
    pictures = np.random.default_rng(0).integers(0, 255, (200, 8, 8, 1)).astype(np.uint8)

    def chosen(val: int, n: int = 200) -> int:
        splits = {"val": np.arange(val), "train": np.arange(val, n)}
        run = Run(Path("x"), "gan", {}, OPTIONS, "made", spec, {})
        model = resolve("gan")(spec, small("gan"))
        return len(Scorer(run, Dataset(spec, pictures, splits=splits), model).real)

    assert chosen(100) == 100
    assert chosen(10) == 190
    assert chosen(10, 60) == 0
