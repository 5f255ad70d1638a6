"""From a run and the digits to metrics.json, with a model that copies training images."""

import json
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal

import gvae.data
import gvae.loaded
from gvae.data import open_data
from gvae.errors import GvaeError
from gvae.evaluation.compare import compare
from gvae.evaluation.evaluate import evaluate, open_reference, to_numbers
from gvae.evaluation.numbers import read_numbers
from gvae.metrics.base import Metric
from gvae.runs import Run
from tests.evaluation.evaluation_runs import evaluated_run

METRICS = ("fd", "prdc", "mse")
DIGITS = open_data("digits")
TEST = len(DIGITS.split("test"))


class Copier:
    """Samples are training images, or noise under N(0, I); reconstructions are too bright by 0.2."""

    def __init__(self, run, encoder=True):
        self.run, self.spec, self.encoder = run, run.spec, encoder
        self.model = SimpleNamespace(condition=0, device=torch.device("cpu"))
        self.prior_fitted, self.prior_fit, self.digest = True, "", None

    def can(self, name):
        return self.encoder and name in ("encode", "decode", "log_weights")

    def sample(self, n, y=None, prior=None, seed=0):
        generator = torch.Generator().manual_seed(seed)
        if prior == "normal":
            return torch.rand(n, 1, 8, 8, generator=generator) * 2 - 1
        return DIGITS.batch(np.resize(DIGITS.split("train")[::-1], n)).x

    def posterior(self, x, y=None):
        return Independent(Normal(x.flatten(1)[:, :2], torch.ones(len(x), 2)), 1)

    def reconstruct(self, x, y=None):
        return x + 0.2


@pytest.fixture
def make_run(tmp_path, monkeypatch):
    """A run folder that `load` opens as a Copier; a GAN's has no encoder."""
    monkeypatch.setattr(gvae.loaded, "load", lambda run: Copier(run, encoder=run.model != "wgan-gp"))
    monkeypatch.setattr(gvae.data, "open_data", lambda source, root: DIGITS)
    return partial(evaluated_run, tmp_path)


def by_column(run):
    return {number.column: number for number in read_numbers(run)}


def test_numbers_floors_and_protocol(make_run):
    run = make_run("a", prior="mixture")
    text = evaluate(run, METRICS, seed=3)
    assert text == json.loads(run.metrics.read_text())
    numbers = by_column(run)
    rows = ["fd", "coverage", "density", "precision", "recall"]
    assert list(numbers) == [*rows, "mse", *[f"{name}, N(0, I)" for name in rows]]
    assert numbers["mse"].value == pytest.approx(0.01)  # 0.2 on [-1, 1] is 0.1 on [0, 1]
    assert (numbers["mse"].n, numbers["mse"].floor) == (TEST, None)
    assert numbers["fd"].value == pytest.approx(numbers["fd"].floor, rel=0.5)  # real images again
    assert numbers["fd, N(0, I)"].value > 20 * numbers["fd"].value
    assert numbers["fd, N(0, I)"].floor == numbers["fd"].floor
    assert numbers["coverage"].value > 0.9 > 0.2 > numbers["coverage, N(0, I)"].value
    protocol = numbers["fd"].protocol
    expected = {"metric": "fd", "data": "digits", "split": "test", "seed": 3, "features": "digits-classifier"}
    assert expected.items() <= protocol.items()
    assert (protocol["prior"], numbers["fd, N(0, I)"].protocol["prior"]) == ("mixture", "normal")
    assert len(protocol["features_sha256"]) == 16
    assert {"gvae", "torch", "numpy"} <= set(protocol["versions"])


def test_a_model_without_encoder_gets_rows_that_say_so(make_run):
    run = make_run("a", model="wgan-gp")
    evaluate(run, METRICS)
    numbers = by_column(run)
    assert (numbers["mse"].value, numbers["mse"].reason) == (None, "no encoder")
    assert numbers["fd"].value > 0
    assert "fd, N(0, I)" not in numbers


def test_learned_and_normal_prior_stand_beside_a_model_that_has_one_only(make_run):
    a, b = make_run("a", prior="mixture"), make_run("b", model="wgan-gp")
    for run in (a, b):
        evaluate(run, ("fd",))
    table = compare([a, b])
    assert [column.title for column in table.columns] == ["fd", "fd, N(0, I)"]
    assert [cell.values for cell in table.rows[1].cells] == [(by_column(b)["fd"].value,)] * 2


def test_a_second_evaluation_adds_to_the_first(make_run):
    run = make_run("a", model="wgan-gp")
    evaluate(run, ("fd",))
    evaluate(run, ("mse",))
    assert list(by_column(run)) == ["fd", "mse"]


def test_another_prior_has_its_own_column(make_run):
    run = make_run("a", prior="mixture")
    evaluate(run, ("fd", "mse"), prior="normal")
    numbers = by_column(run)
    assert list(numbers) == ["fd, N(0, I)", "mse"]
    assert numbers["fd, N(0, I)"].value > 20 * numbers["fd, N(0, I)"].floor


def test_fewer_samples_are_recorded_and_not_comparable(make_run):
    a, b = make_run("a", model="wgan-gp"), make_run("b", model="vae")
    evaluate(a, ("fd",), samples=150)
    evaluate(b, ("fd",))
    assert (by_column(a)["fd"].n, by_column(a)["fd"].protocol["n_samples"]) == (150, 150)
    table = compare([a, b])
    assert [cell.values for cell in (row.cells[0] for row in table.rows)] == [(by_column(a)["fd"].value,), ()]
    assert table.notes == (
        f"fd of {b.path}: left out (n {TEST}, not n 150; samples 1,439, not samples 150; floor 1,439, not floor 150). "
        f"To measure alike: `gvae evaluate {b.path} --metrics fd --samples 150`",
    )


def test_too_few_images_end_it_only_if_the_metric_was_named(make_run, monkeypatch):
    monkeypatch.setattr("gvae.metrics.METRICS", {"fd": "gvae.metrics.frechet", "mse": "gvae.metrics.mse"})
    run = make_run("a", model="vae")
    with pytest.raises(GvaeError, match="at least 100 images, got 50"):
        evaluate(run, ("fd",), samples=50)
    assert not run.metrics.exists()
    evaluate(run, samples=50)
    assert by_column(run)["fd"].value is None
    assert "at least 100 images" in by_column(run)["fd"].reason
    assert by_column(run)["mse"].value == pytest.approx(0.01)


def test_a_wrong_name_is_told_before_the_run_is_opened(tmp_path):
    run = evaluated_run(tmp_path, "a")
    with pytest.raises(GvaeError, match="did you mean 'fd'"):
        evaluate(run, ("fdd",))


def test_a_metric_from_outside_gives_its_first_number():
    metric = Metric("mine", lambda x: {}, ("real",), "target", "", "", unit="HU")
    values = {"values": {"a": 1.0, "b": 9.0}, "floor": {"a": 0.2}, "error": 0.5}
    result = {**values, "n": 7, "protocol": {"seed": 0}}
    (number,) = to_numbers(metric, result, "normal")
    assert (number.column, number.value, number.floor, number.error, number.n) == ("mine", 1.0, 0.2, 0.5, 7)
    assert (number.better, number.unit, number.protocol) == ("target", "HU", {"metric": "mine", "seed": 0})


def test_the_run_s_own_folder_is_read_as_it_was_for_training(tmp_path):
    from PIL import Image

    for k in range(12):
        Image.new("RGB", (20, 10 + k), (20 * k, 0, 0)).save(tmp_path / f"{k}.png")
    data = open_data(str(tmp_path), size=8, channels=1)
    bare = evaluated_run(tmp_path, "run")
    run = Run(bare.path, bare.model, bare.model_config, bare.train, str(tmp_path), data.spec, bare.about)
    assert open_reference(run, None, None).images.shape == (12, 8, 8, 1)
